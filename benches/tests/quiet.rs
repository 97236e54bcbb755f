//! Per packet nothing is allocated: a worker that knows its flows handles traffic of every kind without asking for memory.

use parshall_benches::synth::load::{Kind, Load, Sizes, frames, warm_up};
use parshall_config::plan::{DecapPlan, Duplicates, EnginePlan, KeyScope, TableSize, Timeouts};
use parshall_engine::decode::DecodeOptions;
use parshall_engine::exit::{WhenFull, door};
use parshall_engine::handover;
use parshall_engine::key::READ_SECRET;
use parshall_engine::launch::live_shard;
use parshall_engine::shard::Shard;
use parshall_engine::source::memory::StoredFrame;
use parshall_engine::source::{BURST, Batch, Frame, Input};
use parshall_engine::stop::Stop;
use parshall_engine::worker::Worker;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn plan() -> EnginePlan {
    EnginePlan {
        workers: 1.try_into().expect("one"),
        table: TableSize::Flows(5_000),
        timeouts: Timeouts { active: Some(Duration::from_millis(20)), ..Timeouts::default() },
        local_nets: Vec::new(),
        key: KeyScope::default(),
        decap: DecapPlan::default(),
        record_ring: 1024,
        segment_memory: 16 << 20,
        first_packets: 16,
        sieve: Default::default(),
        duplicates: Duplicates::Count,
        live_flows: 1000,
    }
}

/// Gives frames to a worker burst by burst, with the sweep and the hand-over that belong to each.
fn drive(worker: &mut Worker, frames: &[StoredFrame]) {
    for burst in frames.chunks(BURST) {
        let mut batch = Batch::new();
        for frame in burst {
            let StoredFrame { bytes, time, wire_len, link } = frame;
            batch.push(Frame { bytes, time: *time, wire_len: *wire_len, link: *link, input: Input::default() });
        }
        worker.burst(&batch);
        let now = worker.shard.tally.packet_clock;
        worker.shard.tick(now);
        worker.turn();
    }
}

/// One test, since the count is of the whole process: established flows with losses, then nothing but new flows, whose
/// records find the ring full, evictions, cuts, and a merger that asks.
#[test]
fn after_its_start_a_worker_allocates_nothing_for_any_packet() {
    let plan = plan();
    let (door, _ring) = door(plan.record_ring, WhenFull::Drop);
    let shard = Shard::new(live_shard(&plan, READ_SECRET), door).expect("memory");
    let (end, mut merger) = handover::pair();
    let mut worker = Worker::new(shard, DecodeOptions::new(&plan.decap, plan.key), end, Stop::default());
    let steady =
        Load { flows: 2_000, sizes: Sizes::Imix, v6: 300_000, resent: 20_000, swapped: 20_000, ..Load::default() };
    let kinds = [
        steady.clone(),
        Load { kind: Kind::Udp, ..steady.clone() },
        Load { kind: Kind::NewFlows, ..steady.clone() },
        Load { kind: Kind::SynFlood, ..steady.clone() },
        Load { kind: Kind::Random, ..steady.clone() },
    ];
    drive(&mut worker, &warm_up(&steady).expect("a load"));
    for load in kinds {
        let stream = frames(&load, 50_000).expect("a load");
        merger.ask();
        let region = Region::new(ALLOCATOR);
        drive(&mut worker, &stream);
        let asked = region.change();
        assert_eq!((asked.allocations, asked.reallocations), (0, 0), "{:?}", load.kind);
    }
    assert!(worker.shard.tally.books().closed());
    assert!(worker.shard.tally.records_dropped_count > 0 && worker.shard.tally.outcomes[0] > 200_000);
}
