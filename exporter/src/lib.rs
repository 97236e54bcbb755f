//! Records and snapshots out: sinks, metrics, HTTP, summary; and the program that starts it all.
//!
//! Modules: `log` what is said, `affinity` on which processors, `buffer` text on its way, `digits` numbers and addresses as text, `render` records as text, `sink` where they go, `writer` with which books, `nap` how to wait for it, `fanout` how they get there, `shelf` and `order` in which order in `read`,
//! `survey` what is counted of them, `exposition`, `metrics` and `http` for who asks, `summary` for who reads, `read` and `run` for who starts.
#![forbid(unsafe_code)]

pub mod log;
pub mod affinity;
pub mod buffer;
mod digits;
pub mod render;
pub mod exposition;
pub mod sink;
pub mod survey;
mod nap;
pub mod writer;
pub mod fanout;
#[cfg(feature = "dpdk")]
pub mod footprint;
mod shelf;
pub mod order;
pub mod reload_report;
pub mod metrics;
pub mod http;
pub mod pipeline;
pub mod progress;
mod descriptors;
pub mod summary;
pub mod read;
#[cfg(feature = "dpdk")]
pub mod core_plan;
pub mod ports;
#[cfg(feature = "dpdk")]
pub mod telemetry;
pub mod watch;
pub mod service;
#[cfg(feature = "dpdk")]
pub mod doctor;
#[cfg(feature = "dpdk")]
pub mod prompt;
#[cfg(feature = "dpdk")]
pub mod reload;
#[cfg(feature = "dpdk")]
pub mod run;
#[cfg(feature = "dpdk")]
pub mod statistics;
pub mod terminal;
pub mod testpmd;
pub mod web;

use std::io::Write;

/// How the program ends, as its exit status says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// 0: all was done.
    Done,
    /// 1: it failed, input was damaged, or records were lost.
    Failed,
    /// 2: usage or configuration.
    BadConfiguration,
}

/// Writes data to standard output. Nobody reading it is a quiet end.
#[must_use]
pub fn print(text: &str) -> Ending {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Ending::Failed,
        _ => Ending::Done,
    }
}

/// What `--version` prints.
#[must_use]
pub fn version() -> String {
    let (version, revision) = (env!("CARGO_PKG_VERSION"), env!("PARSHALL_GIT"));
    #[cfg(feature = "dpdk")]
    {
        use parshall_engine::dpdk::{DPDK_BUILD_VERSION, running_version};
        let running = running_version();
        let running = running.trim_start_matches("DPDK ");
        format!("parshall {version} ({revision}), built against DPDK {DPDK_BUILD_VERSION}, running DPDK {running}\n")
    }
    #[cfg(not(feature = "dpdk"))]
    format!("parshall {version} ({revision}), built without DPDK\n")
}
