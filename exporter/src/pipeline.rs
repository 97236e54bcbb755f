//! What `read` and `run` share: signals, the wall clock, opening sinks.
//!
//! **Owns** the stop on signals. **May touch** signals and the clock. **Order** called by `read` and `run`.

use crate::http::Server;
use crate::metrics::Board;
use crate::sink::{self, Existing, Sink};
use crate::survey::Watch;
use parshall_config::plan::{Common, SievePlan, SinkSpec};
use parshall_engine::merge::lookout::Lookout;
use parshall_engine::time::Nanos;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The wall clock.
#[must_use]
pub fn now() -> Nanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// The stop flag, set by SIGINT and SIGTERM; and the wish to reopen files, set by SIGHUP.
#[derive(Clone, Debug)]
pub struct Stop {
    flag: parshall_engine::stop::Stop,
    hangup: Arc<AtomicBool>,
}

impl Stop {
    /// Listens for the signals from now on.
    ///
    /// # Errors
    /// A sentence, when the system refuses.
    pub fn on_signals() -> Result<Stop, String> {
        let stop = Stop { flag: parshall_engine::stop::Stop::default(), hangup: Arc::default() };
        let refused = |error: std::io::Error| format!("cannot listen for signals: {error}");
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, stop.flag.shared()).map_err(refused)?;
        }
        signal_hook::flag::register(SIGHUP, stop.hangup.clone()).map_err(refused)?;
        Ok(stop)
    }

    /// The flag that workers look at.
    #[must_use]
    pub const fn flag(&self) -> &parshall_engine::stop::Stop {
        &self.flag
    }

    /// Asks everyone to stop.
    pub fn ask(&self) {
        self.flag.ask();
    }

    /// Whether stopping was asked.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.flag.asked()
    }

    /// Whether SIGHUP came since this was asked last.
    #[must_use]
    pub fn take_hangup(&self) -> bool {
        self.hangup.swap(false, Ordering::Relaxed)
    }
}

/// What is shown, and where.
type Served = Result<(Board, Option<Server>), String>;

/// A board, what is watched for it, and the server that shows it, as far as the plan listens; a `prompt` shows what is watched
/// too.
///
/// # Errors
/// A sentence, when the address cannot be had or a thread cannot be started.
pub fn serve(mode: &'static str, common: &Common, waits: bool, prompt: bool) -> Served {
    let board = Board::default();
    if common.listen.is_none() && !prompt {
        return Ok((board, None));
    }
    let watch = Watch::start(&common.watch, now(), waits).map_err(|error| format!("cannot start to watch: {error}"))?;
    board.describe(mode, &common.effective, Some(watch));
    let start = |address| Server::start(address, &board, common.http_token.as_deref());
    let server = common.listen.map(start).transpose()?;
    Ok((board, server))
}

/// Time between two looks at the live flows.
const LOOK: Duration = Duration::from_secs(1);

/// Asks for a picture of the live flows when it is time and the last one is counted, and hands on what has come.
pub fn look_at_flows(lookout: &mut Lookout, board: &Board, next: &mut Instant) {
    let Some(watch) = board.watch() else { return };
    if Instant::now() >= *next && watch.wants_picture() {
        *next = Instant::now() + LOOK;
        lookout.ask(now());
    }
    if let Some(picture) = lookout.turn(now()) {
        watch.picture(picture);
    }
}

/// What the totals leave out, in a sentence for the end of a run; `None` when nothing was sampled.
#[must_use]
pub fn sampling(plan: &SievePlan) -> Option<String> {
    let (packets, flows) = (plan.sample_packets.get(), plan.sample_flows.get());
    let of_flows = format!("1 in {flows} flows (--sample-flows)");
    let of_packets = format!("1 in {packets} packets (--sample-packets)");
    match (packets, flows) {
        (1, 1) => None,
        (1, _) => Some(format!("flows, records and protocols are those of {of_flows}")),
        (_, 1) => Some(format!("flows, records and protocols are those of {of_packets}")),
        _ => Some(format!("flows, records and protocols are those of {of_packets} and {of_flows}")),
    }
}

/// A sink and its name.
pub type Named = (String, Box<dyn Sink>);

/// Opens every sink.
///
/// # Errors
/// A sentence that names each sink that could not be opened.
pub fn open_sinks(specs: &[SinkSpec], existing: Existing) -> Result<Vec<Named>, String> {
    let (mut sinks, mut wrong) = (Vec::new(), Vec::new());
    for spec in specs {
        match sink::open(spec, existing) {
            Ok(sink) => sinks.push((sink::name(spec), sink)),
            Err(error) => wrong.push(format!("cannot open sink {}: {error}", sink::name(spec))),
        }
    }
    if wrong.is_empty() { Ok(sinks) } else { Err(wrong.join("\n")) }
}
