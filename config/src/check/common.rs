//! What `run` and `read` have in common: HTTP, sinks, messages, and the engine's part.
//!
//! **Owns** the checks on `--listen` and `--sink`, and the size of the tables. **May touch** nothing.
//! **Order** called by `check` and `check::live`.

use super::{decap, timeouts};
use crate::plan::{
    Common, Duplicates, EnginePlan, KeyScope, LogFormat, LogLevel, Messages, SievePlan, TableSize, WatchPlan,
};
use crate::problem::{Problem, Problems};
use crate::settings::Settings;
use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::Path;

/// The common part, for so many workers.
pub(super) fn plan(settings: &Settings, workers: u16, problems: &mut Problems) -> Common {
    sinks(settings, problems);
    Common {
        listen: listen(settings, problems),
        http_token: token(settings, problems),
        watch: watch(settings),
        effective: settings.effective(),
        sinks: settings.sinks("sink"),
        engine: engine(settings, workers, problems),
        publish_interval: settings.duration("publish-interval"),
        shutdown_timeout: settings.duration("shutdown-timeout"),
        messages: Messages {
            format: if settings.text("log-format") == "json" { LogFormat::Json } else { LogFormat::Text },
            level: match settings.text("log-level") {
                "error" => LogLevel::Error,
                "warn" => LogLevel::Warn,
                "debug" => LogLevel::Debug,
                _ => LogLevel::Info,
            },
            quiet: settings.flag("quiet"),
        },
    }
}

fn watch(settings: &Settings) -> WatchPlan {
    WatchPlan {
        prefixes: settings.networks("top-prefixes"),
        top_metrics: settings.number("top-metrics"),
        compat: settings.words("compat-metrics").to_vec(),
        compat_flows: settings.number("compat-flows"),
        max_series: settings.number("max-series"),
    }
}

/// The token, from its file if it is one.
pub(super) fn token(settings: &Settings, problems: &mut Problems) -> Option<String> {
    let said = settings.get("http-token");
    if !said.is_said() {
        return None;
    }
    let given = settings.text("http-token").to_owned();
    let (token, source) = match given.strip_prefix("file:") {
        None => (Ok(given.clone()), "the token".to_owned()),
        Some(path) => (std::fs::read_to_string(path), format!("the first line of {path}")),
    };
    let refuse = |what: String| Problem {
        what,
        asked: format!("asked for {}", said.origin),
        possible: "16 to 1024 printable ASCII characters without spaces, or file:PATH".to_owned(),
        remedy: "make one, e.g. openssl rand -hex 32 > token, and give --http-token file:token".to_owned(),
    };
    match token {
        Err(error) => problems.add(refuse(format!("--http-token: {source} cannot be read: {error}"))),
        Ok(text) => {
            let line = text.lines().next().unwrap_or_default().trim().to_owned();
            if (16..=1024).contains(&line.len()) && line.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Some(line);
            }
            problems.add(refuse(format!("--http-token: {source} is too short, too long or not plain text")));
        }
    }
    Some(String::new())
}

fn engine(settings: &Settings, workers: u16, problems: &mut Problems) -> EnginePlan {
    let keyed = |word: &str| settings.words("key").iter().any(|key| key == word);
    EnginePlan {
        workers: NonZeroU16::new(workers).unwrap_or(NonZeroU16::MIN),
        table: table(settings, problems),
        timeouts: timeouts::plan(settings, problems),
        local_nets: settings.networks("local-nets"),
        key: KeyScope { vlan: keyed("vlan"), tunnel: keyed("tunnel") },
        decap: decap::plan(settings, problems),
        record_ring: usize::try_from(settings.number("record-ring")).unwrap_or(usize::MAX),
        segment_memory: settings.number("segment-memory"),
        live_flows: settings.number("live-flows"),
        first_packets: u8::try_from(settings.number("first-packets")).unwrap_or(u8::MAX),
        duplicates: match settings.text("duplicates") {
            "off" => Duplicates::Off,
            "drop" => Duplicates::Drop,
            _ => Duplicates::Count,
        },
        sieve: sieve(settings),
    }
}

/// What is let in.
fn sieve(settings: &Settings) -> SievePlan {
    let one_in = |name| u32::try_from(settings.number(name)).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
    SievePlan {
        frames: settings.maybe_text("filter"),
        flows: settings.flow_filter("flow-filter"),
        sample_packets: one_in("sample-packets"),
        sample_flows: one_in("sample-flows"),
    }
}

/// By memory or by flows: whichever the stronger layer says.
fn table(settings: &Settings, problems: &mut Problems) -> TableSize {
    match (settings.one_of(&["max-flows", "flow-memory"], problems), settings.maybe_number("flow-memory")) {
        (Some("flow-memory"), Some(bytes)) => TableSize::Bytes(bytes),
        _ => TableSize::Flows(settings.number("max-flows")),
    }
}

fn listen(settings: &Settings, problems: &mut Problems) -> Option<SocketAddr> {
    let address = settings.address("listen")?;
    if !address.ip().to_canonical().is_loopback()
        && !settings.flag("listen-insecure")
        && !settings.get("http-token").is_said()
    {
        let said = settings.get("listen");
        problems.add(Problem {
            what: format!("{} {address} would show every flow to whoever reaches it", said.origin.spell(said.option)),
            asked: format!("asked for {}", said.origin),
            possible: "a loopback address such as 127.0.0.1 or [::1], or any with --http-token or --listen-insecure"
                .to_owned(),
            remedy: format!(
                "write {} behind a proxy that asks who is there, or add --http-token file:PATH, or --listen-insecure",
                { said.origin.write(said.option, &format!("127.0.0.1:{}", address.port())) }
            ),
        });
    }
    Some(address)
}

/// No two sinks write to the same place.
fn sinks(settings: &Settings, problems: &mut Problems) {
    let specs = settings.sinks("sink");
    let mut targets: Vec<&Path> = specs.iter().map(|spec| spec.target.as_path()).collect();
    targets.sort_unstable();
    let mut twice: Vec<&Path> = targets.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    twice.dedup();
    for target in twice {
        let place = if target == Path::new("-") { "standard output".to_owned() } else { target.display().to_string() };
        problems.add(Problem {
            what: format!("several sinks write to {place}, and would write into each other's lines"),
            asked: format!("asked for: {}", settings.get("sink").show()),
            possible: "a target for each sink".to_owned(),
            remedy: "keep one of them, or give another a file of its own".to_owned(),
        });
    }
}
