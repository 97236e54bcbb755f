//! Flows that come and go: new ones mixed into traffic of known ones, and traffic of nothing but new ones.
//!
//! **Owns** the cases and their table. **May touch** the rig, and a reader of its records on another core. **Order** each
//! case is measured when the table has come to its steady state: as many flows end, or are pushed out, as begin.

use super::beside::Beside;
use super::engine::{HEAD, row};
use super::measure::cost;
use super::rig::{CHUNK, Rig, Setting};
use super::stream::Kind;
use parshall_config::plan::Timeouts;
use std::time::Duration;

/// Flows that are known and stay, where there are any.
const KNOWN: u32 = 100_000;

/// Time until as many flows end as begin: the sweep, which comes round once a second, finds them. Unit: nanoseconds.
const STEADY: u64 = 2_200_000_000;

/// One mixture of traffic.
#[derive(Clone, Copy, Debug)]
struct Case {
    name: &'static str,
    /// One packet in so many begins a flow; 0 none.
    every: u32,
    /// Time from packet to packet. Unit: nanoseconds.
    gap: u64,
    /// Room for flows beside those known.
    room: u32,
    /// After so long without a second packet a flow ends. Unit: milliseconds.
    single: u64,
}

const CASES: [Case; 6] = [
    Case { name: "no new flows", every: 0, gap: 50, room: 1_000, single: 50 },
    Case { name: "0.1 M new flows/s at 20 Mpps", every: 200, gap: 50, room: 200_000, single: 50 },
    Case { name: "1 M new flows/s at 20 Mpps", every: 20, gap: 50, room: 2_000_000, single: 50 },
    Case { name: "5 M new flows/s at 20 Mpps", every: 4, gap: 50, room: 8_000_000, single: 50 },
    Case { name: "every packet a new flow, 5 M/s, all end", every: 1, gap: 200, room: 8_000_000, single: 50 },
    Case { name: "SYN flood, 20 M/s, table of 1 M full", every: 1, gap: 50, room: 1_000_000, single: 10_000 },
];

/// Prints what churn costs.
///
/// # Errors
/// The kernel's refusal to map the memory.
pub fn churn(chunks: usize) -> std::io::Result<()> {
    println!("{HEAD}");
    CASES.iter().try_for_each(|case| one(case, chunks))
}

fn one(case: &Case, chunks: usize) -> std::io::Result<()> {
    let known = if case.every == 1 { 1 } else { KNOWN };
    let base = Setting::new(Kind::Exchange, known);
    let timeouts = Timeouts { single_packet: Duration::from_millis(case.single), ..base.timeouts };
    let mut rig = Rig::new(&Setting { room: case.room, timeouts, ..base })?;
    rig.stream.mix_in(case.every);
    rig.stream.set_gap(case.gap);
    let beside = Beside::start(&mut rig);
    for _ in 0..STEADY / case.gap / CHUNK as u64 {
        rig.chunk();
    }
    let before = rig.worker().shard.tally.records_dropped_count;
    let cost = cost(chunks, || rig.chunk());
    drop(beside);
    rig.check();
    let tally = &rig.worker().shard.tally;
    let (live, dropped) = (tally.live_flows as u32, tally.records_dropped_count - before);
    let lost = if dropped > 0 { format!(", {dropped} records found the ring full") } else { String::new() };
    row(&format!("{}{lost}", case.name), live, &cost);
    Ok(())
}
