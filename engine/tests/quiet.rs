//! A worker in its stride asks the allocator for nothing: invariant 3 of ARCHITECTURE.md.

use parshall_config::plan::{DecapPlan, Duplicates, KeyScope, Timeouts};
use parshall_engine::decode::DecodeOptions;
use parshall_engine::exit::{WhenFull, door};
use parshall_engine::handover;
use parshall_engine::key::READ_SECRET;
use parshall_engine::life::Limits;
use parshall_engine::link::LinkType;
use parshall_engine::locality::Locality;
use parshall_engine::memory::ArenaOptions;
use parshall_engine::shard::{Shard, ShardPlan};
use parshall_engine::source::{BURST, Batch, Frame, Input};
use parshall_engine::stop::Stop;
use parshall_engine::time::Nanos;
use parshall_engine::worker::Worker;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const FLOWS: u32 = 500;
const FRAMES: usize = 200_000;

fn worker() -> (Worker, impl Sized) {
    let (exit, out) = door(1 << 10, WhenFull::Drop);
    let decode = DecodeOptions::new(&DecapPlan::default(), KeyScope::default());
    let plan = ShardPlan {
        capacity: 10_000,
        segment_memory: 16 << 20,
        duplicates: Duplicates::Count,
        memory: ArenaOptions { huge: false, touch: false },
        limits: Limits::new(&Timeouts::default()),
        secret: READ_SECRET,
        locality: Locality::default(),
        decode: decode.clone(),
        sampling: [1; 2],
        first_packets: 16,
        tell_input: false,
        tell_parts: false,
    };
    let (end, merger) = handover::pair();
    (Worker::new(Shard::new(plan, exit).expect("memory"), decode, end, Stop::default()), (out, merger))
}

/// An IPv4 frame; even flows are TCP, odd ones UDP. Direction, flags and sequence number as given.
fn fill(frame: &mut [u8; 114], flow: u32, up: bool, flags: u8, seq: u32, ack: u32) {
    frame.fill(0);
    frame[12] = 8;
    frame[14] = 0x45;
    frame[17] = 100;
    frame[22] = 64;
    frame[23] = if flow.is_multiple_of(2) { 6 } else { 17 };
    let client = (0x0a00_0000 | flow, 40_000_u16);
    let server = (0xc000_0201_u32, 443_u16);
    let (from, to) = if up { (client, server) } else { (server, client) };
    frame[26..30].copy_from_slice(&from.0.to_be_bytes());
    frame[30..34].copy_from_slice(&to.0.to_be_bytes());
    frame[34..36].copy_from_slice(&from.1.to_be_bytes());
    frame[36..38].copy_from_slice(&to.1.to_be_bytes());
    if !flow.is_multiple_of(2) {
        frame[39] = 80;
        return;
    }
    frame[38..42].copy_from_slice(&seq.to_be_bytes());
    frame[42..46].copy_from_slice(&ack.to_be_bytes());
    frame[46] = 0x50;
    frame[47] = flags;
    frame[48] = 0xff;
}

/// Two streams of one flow: 60 bytes of payload with each segment.
#[derive(Clone, Copy)]
struct Streams {
    client: u32,
    server: u32,
}

/// Plays `count` frames through the worker, flow after flow, every packet with data both ways.
fn play(worker: &mut Worker, streams: &mut [Streams], time: &mut u64, count: usize, opening: bool) {
    let mut frames = [[0_u8; 114]; BURST];
    let mut done = 0;
    while done < count {
        let here = BURST.min(count - done);
        for (n, frame) in frames[..here].iter_mut().enumerate() {
            let turn = (done + n) as u32;
            let (flow, up) = (turn % FLOWS, (turn / FLOWS).is_multiple_of(2));
            let stream = &mut streams[flow as usize];
            let (seq, ack) = if up { (stream.client, stream.server) } else { (stream.server, stream.client) };
            let flags = if opening { if up { 0x02 } else { 0x12 } } else { 0x18 };
            fill(frame, flow, up, flags, seq, ack);
            // One segment in fifty is sent again, so that anomalies are on the path as well.
            let sent = if opening { 61 } else { 60 };
            if opening || !turn.is_multiple_of(50) {
                let side = if up { &mut stream.client } else { &mut stream.server };
                *side = side.wrapping_add(sent);
            }
        }
        let mut batch = Batch::new();
        for frame in &frames[..here] {
            *time += 1_000;
            let (link, input) = (LinkType::ETHERNET, Input::default());
            batch.push(Frame { bytes: frame, time: Nanos(*time), wire_len: 114, link, input });
        }
        worker.burst(&batch);
        worker.turn();
        done += here;
    }
}

#[test]
fn packets_of_established_flows_allocate_nothing() {
    let (mut worker, _kept) = worker();
    let mut streams = vec![Streams { client: 1_000, server: 9_000 }; FLOWS as usize];
    let mut time = 1_767_225_600_000_000_000;
    play(&mut worker, &mut streams, &mut time, FLOWS as usize * 2, true);
    play(&mut worker, &mut streams, &mut time, 20_000, false);
    let region = Region::new(ALLOCATOR);
    play(&mut worker, &mut streams, &mut time, FRAMES, false);
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations, change.deallocations), (0, 0, 0), "{change:?}");
    let tally = &worker.shard.tally;
    assert_eq!(tally.live_flows, u64::from(FLOWS));
    assert_eq!(tally.taken_packets(), (FLOWS as usize * 2 + 20_000 + FRAMES) as u64);
    assert!(tally.books().closed() && tally.outcomes[0] == tally.taken_packets(), "{:?}", tally.outcomes);
}
