//! Frames in memory through one worker, on the test's thread: records and books.
//!
//! **Owns** the worker of each call. **May touch** the engine's front doors.
//! **Order** a test makes frames, lets a worker account them, and looks at what came out.

#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(dead_code, unreachable_pub)] // each test binary uses its own part of this

use parshall_config::plan::{DecapPlan, Duplicates, EnginePlan, KeyScope, SievePlan, TableSize, Timeouts};
use parshall_engine::decode::DecodeOptions;
use parshall_engine::exit::{Exit, WhenFull, door};
use parshall_engine::key::READ_SECRET;
use parshall_engine::launch::live_shard;
use parshall_engine::memory::ArenaOptions;
use parshall_engine::packet::Outcome;
use parshall_engine::record::FlowRecord;
use parshall_engine::shard::{Shard, ShardPlan};
use parshall_engine::source::memory::{Memory, StoredFrame};
use parshall_engine::stop::Stop;
use parshall_engine::worker::Worker;
use parshall_engine::{handover, replay};

/// What a worker said of some frames.
#[derive(Debug)]
pub struct Seen {
    /// In the contract's order.
    pub records: Vec<FlowRecord>,
    /// Frames by outcome.
    pub outcomes: Vec<u64>,
}

/// Accounts `frames`; panics unless every one of them is in the books, and the records hold every packet of a flow.
#[track_caller]
pub fn account(frames: &[StoredFrame], timeouts: Timeouts) -> Seen {
    let plan = EnginePlan {
        workers: std::num::NonZero::<u16>::MIN,
        table: TableSize::Flows(256),
        timeouts,
        local_nets: Vec::new(),
        key: KeyScope::default(),
        decap: DecapPlan::default(),
        record_ring: 1 << 12,
        live_flows: 0,
        segment_memory: 4 << 20,
        first_packets: 0,
        duplicates: Duplicates::Count,
        sieve: SievePlan::default(),
    };
    let (door, mut out) = door(plan.record_ring, WhenFull::Drop);
    let memory = ArenaOptions { huge: false, touch: false };
    let shard = Shard::new(ShardPlan { memory, ..live_shard(&plan, READ_SECRET) }, door).unwrap();
    let (end, _merger) = handover::pair();
    let mut worker = Worker::new(shard, DecodeOptions::default(), end, Stop::default());
    replay::alone(&mut Memory::new(frames.to_vec(), 32), &mut worker, &Stop::default());
    let mut records = Vec::new();
    while let Some(message) = out.take() {
        if let Exit::Record(state) = message {
            records.push(state.record());
        }
    }
    records.sort_by_key(FlowRecord::order);
    let tally = &worker.shard.tally;
    assert!(tally.books().closed(), "{:?}", tally.books());
    let outcomes = tally.outcomes.to_vec();
    assert_eq!(outcomes.iter().sum::<u64>(), frames.len() as u64, "frames");
    let packets: u64 = records.iter().map(FlowRecord::packets).sum();
    assert_eq!(packets, outcomes[Outcome::Flow as usize], "packets of records");
    Seen { records, outcomes }
}
