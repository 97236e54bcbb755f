//! A probe over a capture that never ends, for tests of what happens beside the traffic.

use super::{Running, all_scenarios, at, closed_scrape, eal, get, parshall, synthesize, text, until};
use parshall_benches::synth::compose::{Choice, Order};
use std::path::Path;
use std::process::Command;

/// A capture of ordinary traffic.
pub fn capture(folder: &tempfile::TempDir) -> String {
    let path = at(folder, "endless.pcap");
    if !path.exists() {
        let order = Order { choice: Choice::Mixed, ..all_scenarios(40, false) };
        synthesize(folder.path(), "endless.pcap", &order);
    }
    text(&path).to_owned()
}

/// Arguments of a run over it on one worker, with HTTP on a free port.
pub fn arguments(folder: &tempfile::TempDir, more: &[&str]) -> Vec<String> {
    let vdev = format!("net_pcap0,rx_pcap={},infinite_rx=1", capture(folder));
    let mut arguments = eal(&["--lcores", "0@0,1@(0-1)", "--vdev", &vdev, "--", "--listen", "127.0.0.1:0"]);
    let probe = ["--max-flows", "20000", "--mbuf-size", "9216", "--publish-interval", "50ms"];
    arguments.extend(probe.iter().chain(more).map(|word| (*word).to_owned()));
    arguments
}

/// The same, started.
pub fn command(folder: &tempfile::TempDir, more: &[&str]) -> Command {
    parshall(&arguments(folder, more))
}

/// Waits until a scrape shows more frames than `than`, and gives how many; the books close in each.
#[track_caller]
pub fn frames_beyond(address: &str, than: u64) -> u64 {
    until(&format!("a frame after {than}"), || {
        let frames = closed_scrape(&get(address, "/metrics"));
        (frames > than).then_some(frames)
    })
}

/// The thread of a process whose name begins with `name`.
#[must_use]
pub fn thread(child: &mut Running, name: &str) -> Option<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.child().id())).expect("its threads");
    let mut tasks = tasks.filter_map(Result::ok);
    let named = |path: &Path| std::fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.starts_with(name));
    tasks.find(|task| named(&task.path())).and_then(|task| task.file_name().to_str()?.parse().ok())
}
