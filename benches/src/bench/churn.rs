//! Flows that come and go: new ones mixed into traffic of known ones, and traffic of nothing but new ones.
//!
//! **Owns** the rates and the table. **May touch** the rig, and a reader of its records on another core. **Order** each
//! rate is measured when the table has come to its steady state: as many flows end as begin.

use super::beside::Beside;
use super::engine::{HEAD, row};
use super::measure::cost;
use super::rig::{CHUNK, Rig, Setting};
use super::stream::{GAP, Kind};
use parshall_config::plan::Timeouts;
use std::time::Duration;

/// Flows that are known and stay.
const KNOWN: u32 = 100_000;

/// After so long without a second packet a flow ends. Short, so that a steady state is soon reached.
const SINGLE: Duration = Duration::from_millis(50);

/// New flows a second, in units of a hundred thousand, at one packet each [`GAP`] nanoseconds.
const RATES: [u32; 4] = [0, 1, 10, 50];

/// Prints what churn costs.
///
/// # Errors
/// The kernel's refusal to map the memory.
pub fn churn(chunks: usize) -> std::io::Result<()> {
    println!("{HEAD}");
    let packets_a_second = 1_000_000_000 / GAP as u32;
    for rate in RATES {
        let every = packets_a_second.checked_div(rate * 100_000).unwrap_or(0);
        let name = format!("{}.{} M new flows/s at 20 Mpps, records read", rate / 10, rate % 10);
        one(&name, &setting(Kind::Exchange, KNOWN, 1_000_000), every, chunks)?;
    }
    one("every packet a new flow, all expire, records read", &setting(Kind::NewFlows, 1000, 4_000_000), 1, chunks)?;
    let long = Timeouts { single_packet: Duration::from_secs(10), ..setting(Kind::NewFlows, 0, 0).timeouts };
    let flood = Setting { timeouts: long, ..setting(Kind::NewFlows, 1000, 1_000_000) };
    one("SYN flood into a full table of 1 M, records read", &flood, 1, chunks)
}

fn setting(kind: Kind, flows: u32, room: u32) -> Setting {
    let base = Setting::new(kind, flows);
    Setting { room, timeouts: Timeouts { single_packet: SINGLE, ..base.timeouts }, ..base }
}

fn one(name: &str, setting: &Setting, every: u32, chunks: usize) -> std::io::Result<()> {
    let mut rig = Rig::new(setting)?;
    rig.stream.mix_in(every);
    let beside = Beside::start(&mut rig);
    let steady = SINGLE.as_nanos() as u64 * 30 / GAP;
    for _ in 0..steady / CHUNK as u64 {
        rig.chunk();
    }
    let cost = cost(chunks, || rig.chunk());
    drop(beside);
    rig.check();
    let tally = &rig.worker().shard.tally;
    let live = u32::try_from(tally.live_flows).unwrap_or(u32::MAX);
    let dropped = tally.records_dropped_count;
    row(&format!("{name} ({dropped} records dropped)"), live, &cost);
    Ok(())
}
