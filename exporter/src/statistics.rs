//! Statistics in print: testpmd's "NIC statistics" block, and the books below it.
//!
//! **Owns** the layout, which is testpmd's (DPDK 22.11, `nic_stats_display`) so that scripts that parse it work.
//! **May touch** a snapshot. **Order** once a `--stats-period`, and at the end of `run`.

use crate::summary::grouped;
use parshall_config::plan::RunPlan;
use parshall_engine::merge::snapshot::{PortSnapshot, Snapshot};
use parshall_engine::packet::Outcome;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Prints the blocks of all ports and the books: to standard output, or to standard error when a sink writes there.
pub fn print(plan: &RunPlan, snapshot: &Snapshot) {
    let mut text = String::new();
    for port in &snapshot.ports {
        text.push_str(&block(port, rates(port)));
    }
    text.push_str(&ending(snapshot));
    if plan.common.sinks.iter().any(|sink| sink.target == Path::new("-")) {
        eprint!("{text}");
    } else {
        let _ = crate::print(&text);
    }
}

/// When a port was printed, with its packets and bytes.
type Print = (Instant, u64, u64);

/// Packets and bits a second since the last print of a port.
fn rates(port: &PortSnapshot) -> (u64, u64) {
    static LAST: Mutex<Option<HashMap<u16, Print>>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let now = (Instant::now(), port.ipackets, port.ibytes);
    let before = last.get_or_insert_default().insert(port.port, now);
    let Some((then, packets, bytes)) = before else { return (0, 0) };
    let seconds = then.elapsed().as_secs_f64().max(1e-6);
    let per_second = |count: u64| (count as f64 / seconds) as u64;
    (per_second(port.ipackets.saturating_sub(packets)), per_second(port.ibytes.saturating_sub(bytes) * 8))
}

/// One port as testpmd prints it. Nothing is ever sent.
fn block(port: &PortSnapshot, (pps, bps): (u64, u64)) -> String {
    const BORDER: &str = "########################";
    let mut out = String::new();
    let _ = writeln!(out, "\n  {BORDER} NIC statistics for port {:<2} {BORDER}", port.port);
    let _ = writeln!(
        out,
        "  RX-packets: {:<10} RX-missed: {:<10} RX-bytes:  {:<}",
        port.ipackets, port.imissed, port.ibytes
    );
    let _ = writeln!(out, "  RX-errors: {:<}", port.ierrors);
    let _ = writeln!(out, "  RX-nombuf:  {:<10}", port.rx_nombuf);
    let _ = writeln!(out, "  TX-packets: {:<10} TX-errors: {:<10} TX-bytes:  {:<}", 0, 0, 0);
    let _ = writeln!(out, "\n  Throughput (since last show)");
    let _ = writeln!(out, "  Rx-pps: {pps:>12}          Rx-bps: {bps:>12}");
    let _ = writeln!(out, "  Tx-pps: {:>12}          Tx-bps: {:>12}", 0, 0);
    let _ = writeln!(out, "  {}", "#".repeat(76));
    out
}

/// The books in a few lines.
#[must_use]
pub fn ending(snapshot: &Snapshot) -> String {
    let (total, books) = (&snapshot.total, snapshot.total.books());
    let mut out = String::new();
    let outcomes: Vec<String> = Outcome::ALL
        .iter()
        .map(|(outcome, name)| (*name, total.outcomes[*outcome as usize]))
        .filter(|(_, frames)| *frames > 0)
        .map(|(name, frames)| format!("{} {name}", grouped(frames)))
        .collect();
    let verdict = if books.closed() { "all" } else { "NOT ALL" };
    let _ = writeln!(out, "{verdict} {} frames accounted for: {}", grouped(books.taken), outcomes.join(", "));
    let _ = writeln!(
        out,
        "{} flows live with {} packets; {} packets in records",
        grouped(total.live_flows),
        grouped(books.live),
        grouped(books.finished)
    );
    for port in &snapshot.ports {
        let lost = [(port.imissed, "missed"), (port.ierrors, "errors"), (port.rx_nombuf, "without mbuf")];
        for (count, what) in lost.iter().filter(|(count, _)| *count > 0) {
            let _ = writeln!(out, "port {}: {} frames lost before the probe ({what})", port.port, grouped(*count));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_has_the_lines_that_scripts_look_for() {
        let port = PortSnapshot { ipackets: 200, ibytes: 28_400, imissed: 3, ..PortSnapshot::default() };
        let text = block(&port, (5, 40));
        for want in [
            "NIC statistics for port 0 ",
            "RX-packets: 200        RX-missed: 3          RX-bytes:  28400",
            "RX-errors: 0",
        ] {
            assert!(text.contains(want), "{text}");
        }
    }
}
