//! Messages: what the program and DPDK have to say, on standard error, as lines for people or as JSON.
//!
//! **Owns** the layout of a message, the limit on how many there are, and the thread that writes what DPDK logs. **May touch**
//! standard error; standard output carries data only. **Order** [`start`] first of all in `run` and `read`; then anybody says
//! `tracing::info!` and the like. Workers say nothing.
//!
//! Text: `parshall: message`, `dpdk: message` for what DPDK logs; under systemd's journal each line has its level in front
//! (sd-daemon(3)). JSON: `timestamp` (RFC 3339, UTC), `level`, `target`, `message`. [`plain`] is for tables, which are no
//! messages: as they are in text, a message a line in JSON.
//!
//! More than [`BURST`] messages at once, or [`RATE`] a second for long, are left out and counted, DPDK's and ours apart; how
//! many were left out is said when there is room again.

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use parshall_config::plan::{LogFormat, LogLevel, Messages};
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Messages of one kind that may come at once.
const BURST: f64 = 1000.0;

/// Messages of one kind that may come for long. Unit: per second.
const RATE: f64 = 50.0;

/// Lines of DPDK that wait to be written.
const WAITING: usize = 4096;

/// Whether [`plain`] writes anything.
#[must_use]
pub fn shows_plain() -> bool {
    tracing::enabled!(target: PLAIN, Level::INFO)
}

/// Messages written by level (error, warn, info, debug), and those left out.
static WRITTEN: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// The way to the thread that writes what DPDK logs.
static WAY: OnceLock<Sender<Line>> = OnceLock::new();

const PLAIN: &str = "parshall::plain";
const DPDK: &str = "dpdk";

/// Names of the levels, in the order of [`counts`].
pub const LEVELS: [&str; 4] = ["error", "warn", "info", "debug"];

/// Lets messages be written from now on. Only the first call counts.
pub fn start(messages: &Messages) {
    let layer = Lines {
        json: messages.format == LogFormat::Json,
        most: if messages.quiet { level(messages.level).min(Level::WARN) } else { level(messages.level) },
        journal: is_journal(),
        buckets: Mutex::new([Bucket::new(Instant::now()), Bucket::new(Instant::now())]),
    };
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer));
}

/// A table for people on standard error, unless it is quiet.
pub fn plain(text: &str) {
    tracing::info!(target: PLAIN, "{text}");
}

/// Messages written by level ([`LEVELS`]), and messages left out.
#[must_use]
pub fn counts() -> ([u64; 4], u64) {
    (std::array::from_fn(|n| WRITTEN[n].load(Ordering::Relaxed)), LEFT_OUT.load(Ordering::Relaxed))
}

const fn level(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    }
}

/// Whether standard error is the journal, as systemd says it. systemd.exec(5): `$JOURNAL_STREAM`.
fn is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let about = std::fs::metadata("/proc/self/fd/2");
    about.is_ok_and(|about| stream == format!("{}:{}", about.dev(), about.ino()))
}

/// The layer that writes.
struct Lines {
    json: bool,
    most: Level,
    journal: bool,
    /// Ours, and DPDK's.
    buckets: Mutex<[Bucket; 2]>,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let ours = metadata.target().starts_with("parshall") || metadata.target() == DPDK;
        // Libraries speak when something is wrong.
        *metadata.level() <= if ours { self.most } else { self.most.min(Level::WARN) }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        let mut message = Message(String::new());
        event.record(&mut message);
        let left_out = {
            let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(left_out) = buckets[usize::from(target == DPDK)].admit(Instant::now()) else { return };
            left_out
        };
        let mut text = String::new();
        if left_out > 0 {
            let more = format!("{left_out} messages were left out: more than {RATE} a second");
            self.lay_out(&mut text, Level::WARN, target, &more);
        }
        self.lay_out(&mut text, level, target, &message.0);
        // Nobody can be told that nobody listens.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
        WRITTEN[rank(level).min(3)].fetch_add(1, Ordering::Relaxed);
    }
}

/// Place of a level in [`LEVELS`].
fn rank(level: Level) -> usize {
    [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG].iter().position(|known| *known == level).unwrap_or(3)
}

impl Lines {
    fn lay_out(&self, out: &mut String, level: Level, target: &str, message: &str) {
        // Writing to a string does not fail.
        for line in message.lines().filter(|line| target == PLAIN && !self.json || !line.is_empty()) {
            if self.json {
                let mut time = String::new();
                let _ = SystemTime.format_time(&mut Writer::new(&mut time));
                let line = serde_json::json!({
                    "timestamp": time, "level": LEVELS[rank(level).min(3)], "target": target, "message": line,
                });
                let _ = writeln!(out, "{line}");
                continue;
            }
            if self.journal {
                let _ = write!(out, "<{}>", [3, 4, 6, 7][rank(level).min(3)]);
            }
            let who = match target {
                PLAIN => "",
                DPDK => "dpdk: ",
                _ => "parshall: ",
            };
            let _ = writeln!(out, "{who}{line}");
        }
    }
}

/// The message of an event, and its fields behind it.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

/// How many messages may still come, and how many were left out.
struct Bucket {
    room: f64,
    at: Instant,
    left_out: u64,
}

impl Bucket {
    const fn new(at: Instant) -> Bucket {
        Bucket { room: BURST, at, left_out: 0 }
    }

    /// Whether a message may be written at `now`, and then how many were left out before it.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        let passed: Duration = now.saturating_duration_since(self.at);
        self.room = (self.room + passed.as_secs_f64() * RATE).min(BURST);
        self.at = self.at.max(now);
        if self.room < 1.0 {
            self.left_out += 1;
            LEFT_OUT.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.room -= 1.0;
        Some(std::mem::take(&mut self.left_out))
    }
}

enum Line {
    Said(Level, String),
    /// Everything before this was written.
    Flush(Sender<()>),
}

/// Takes over what DPDK logs. Lines wait for a thread of their own, so that no lcore ever waits for standard error; those
/// that find no room are left out and counted. The last words of a process that DPDK ends are written at once.
#[cfg(feature = "dpdk")]
pub fn take_over_dpdk() {
    use parshall_engine::dpdk::log::{Severity, route};
    let (way, lines) = bounded(WAITING);
    if WAY.set(way).is_err() {
        return;
    }
    let written = std::thread::Builder::new().name("parshall-log".to_owned()).spawn(move || write_lines(&lines));
    if written.is_err() {
        return;
    }
    route(|severity, line| {
        let level = match severity {
            Severity::Critical => {
                flush();
                return say(Level::ERROR, line);
            }
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARN,
            Severity::Info => Level::INFO,
            Severity::Debug => Level::DEBUG,
        };
        let full =
            |way: &Sender<Line>| matches!(way.try_send(Line::Said(level, line.to_owned())), Err(TrySendError::Full(_)));
        if WAY.get().is_some_and(full) {
            LEFT_OUT.fetch_add(1, Ordering::Relaxed);
        }
    });
}

fn write_lines(lines: &Receiver<Line>) {
    for line in lines {
        match line {
            Line::Said(level, line) => say(level, &line),
            Line::Flush(done) => drop(done.send(())),
        }
    }
}

fn say(level: Level, line: &str) {
    match level {
        Level::ERROR => tracing::error!(target: DPDK, "{line}"),
        Level::WARN => tracing::warn!(target: DPDK, "{line}"),
        Level::INFO => tracing::info!(target: DPDK, "{line}"),
        _ => tracing::debug!(target: DPDK, "{line}"),
    }
}

/// Waits, but not for long, until what DPDK has logged so far is written: before our own words about it.
pub fn flush() {
    let (done, written) = bounded(1);
    if WAY.get().is_some_and(|way| way.send_timeout(Line::Flush(done), Duration::from_millis(200)).is_ok()) {
        let _ = written.recv_timeout(Duration::from_millis(500));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(json: bool, journal: bool) -> Lines {
        let buckets = Mutex::new([Bucket::new(Instant::now()), Bucket::new(Instant::now())]);
        Lines { json, most: Level::INFO, journal, buckets }
    }

    fn laid_out(lines: &Lines, level: Level, target: &str, message: &str) -> String {
        let mut out = String::new();
        lines.lay_out(&mut out, level, target, message);
        out
    }

    #[test]
    fn a_message_in_text_says_who_speaks_and_a_table_is_left_as_it_is() {
        let text = lines(false, false);
        assert_eq!(
            laid_out(&text, Level::ERROR, "parshall_exporter::run", "one\ntwo"),
            "parshall: one\nparshall: two\n"
        );
        assert_eq!(laid_out(&text, Level::INFO, DPDK, "EAL: up"), "dpdk: EAL: up\n");
        assert_eq!(laid_out(&text, Level::INFO, PLAIN, "  a  b\n\n  c\n"), "  a  b\n\n  c\n");
        assert_eq!(laid_out(&lines(false, true), Level::WARN, DPDK, "x"), "<4>dpdk: x\n");
    }

    #[test]
    fn a_message_in_json_is_an_object_a_line() {
        let out = laid_out(&lines(true, true), Level::WARN, DPDK, "EAL: \"no\"\n\nEAL: two");
        let objects: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects.len(), 2);
        assert_eq!((&objects[0]["level"], &objects[0]["message"]), (&"warn".into(), &"EAL: \"no\"".into()));
        assert!(objects[0]["timestamp"].as_str().unwrap().ends_with('Z'), "{out}");
    }

    #[test]
    fn a_flood_of_messages_is_cut_and_what_was_left_out_is_said_when_there_is_room() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        let admitted = (0..5000).filter(|_| bucket.admit(start).is_some()).count();
        assert_eq!(admitted, 1000);
        assert_eq!(bucket.admit(start + Duration::from_secs(1)), Some(4000));
        assert_eq!(bucket.admit(start + Duration::from_secs(1)), Some(0));
    }
}
