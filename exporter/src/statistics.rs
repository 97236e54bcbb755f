//! Statistics in print: testpmd's blocks, and the books below them.
//!
//! **Owns** the layout of the books. **May touch** a snapshot. **Order** once a `--stats-period`, and at the end of `run`.

use crate::summary::grouped;
use crate::testpmd::NicStatistics;
use parshall_config::plan::RunPlan;
use parshall_engine::merge::snapshot::Snapshot;
use parshall_engine::packet::Outcome;
use std::fmt::Write as _;
use std::path::Path;

/// Prints the blocks of all ports and the books: to standard output, or to standard error when a sink writes there.
pub fn print(plan: &RunPlan, blocks: &mut NicStatistics, snapshot: &Snapshot) {
    let mut text = String::new();
    for port in &snapshot.ports {
        text.push_str(&blocks.block(port, snapshot.taken_at));
    }
    text.push_str(&ending(snapshot));
    if plan.common.sinks.iter().any(|sink| sink.target == Path::new("-")) {
        eprint!("{text}");
    } else {
        let _ = crate::print(&text);
    }
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
    let _ = write!(out, "{verdict} {} frames accounted for", grouped(books.taken));
    let _ = if outcomes.is_empty() { writeln!(out) } else { writeln!(out, ": {}", outcomes.join(", ")) };
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
