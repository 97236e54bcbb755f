//! What must hold of a TCP session however its packets reach the probe: in any order, any number of times, with sequence
//! numbers that wrap anywhere, cut behind the headers.
//!
//! Sessions come from the synthesizer, with its losses, SACK blocks and repetitions, and pass as frames through decoding,
//! table, analysis and records. Conservation is asserted by `account` for every case.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "sessions_support/mod.rs"]
mod sessions_support;

use parshall_benches::synth::compose::{Capture, Choice, Order, compose};
use parshall_config::plan::Timeouts;
use parshall_engine::decode::{DecodeOptions, FragmentCache, decode};
use parshall_engine::key::READ_SECRET;
use parshall_engine::packet::{Marks, Packet, tcp_flags};
use parshall_engine::record::FlowRecord;
use parshall_engine::source::memory::StoredFrame;
use parshall_engine::source::{Frame, Input};
use proptest::prelude::*;
use proptest::sample::Index;
use sessions_support::account;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Sessions of one connection each, with what a network does to them.
const SESSIONS: [&str; 12] = [
    "tcp_plain",
    "tcp_random",
    "tcp_lossy",
    "tcp_both_ways",
    "tcp_options",
    "offload",
    "capture_loss",
    "mirror_duplicates",
    "repacketized",
    "zero_window_bytes",
    "keep_alive_byte",
    "reset_mid_transfer",
];

fn session(name: &str, seed: u64) -> Capture {
    let choice = Choice::One(name.to_owned());
    compose(&Order { seed, sessions: 1, choice, nanoseconds: true, ..Order::default() }).unwrap()
}

fn sessions() -> impl Strategy<Value = (&'static str, u64)> {
    (prop::sample::select(&SESSIONS[..]), 1..1_000_u64)
}

/// What the engine decodes of a frame of the synthesizer.
fn packet(frame: &StoredFrame) -> Packet {
    let StoredFrame { bytes, time, wire_len, link } = frame;
    let frame = Frame { bytes, time: *time, wire_len: *wire_len, link: *link, input: Input::default() };
    decode(&frame, &DecodeOptions::default(), &mut FragmentCache::new(READ_SECRET)).unwrap()
}

/// Unique bytes by who sent them, as the synthesizer knows them.
fn truth(capture: &Capture) -> BTreeMap<(IpAddr, u16), u64> {
    let mut sums = BTreeMap::new();
    for truth in &capture.truths {
        let unique = |side| truth.get(side).and_then(serde_json::Value::as_u64).unwrap();
        *sums.entry((truth.client_ip, truth.client_port)).or_default() += unique("c2s_unique_bytes");
        *sums.entry((truth.server_ip, truth.server_port)).or_default() += unique("s2c_unique_bytes");
    }
    sums
}

/// The same of a record, from both sides.
fn unique(record: &FlowRecord) -> [((IpAddr, u16), u64); 2] {
    let tcp = record.tcp.as_ref().unwrap();
    let ports = if record.client_is_low {
        (record.key.low_port, record.key.high_port)
    } else {
        (record.key.high_port, record.key.low_port)
    };
    let bytes = [&tcp.c2s, &tcp.s2c].map(|side| side.history.map_or(0, |history| history.unique_bytes));
    [((record.client_ip(), ports.0), bytes[0]), ((record.server_ip(), ports.1), bytes[1])]
}

#[track_caller]
fn within(capture: &Capture, frames: &[StoredFrame]) {
    let truth = truth(capture);
    for record in &account(frames, Timeouts::default()).records {
        for (end, bytes) in unique(record) {
            assert!(bytes <= truth[&end], "{end:?}: {bytes} unique bytes of {}", truth[&end]);
        }
    }
}

/// Moves the 32-bit number at `at` by `by`, modulo 2^32.
fn shift(bytes: &mut [u8], at: usize, by: u32) {
    let number = u32::from_be_bytes(*bytes[at..].first_chunk().unwrap()).wrapping_add(by);
    bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
}

/// Moves the numbers of one side by `by[0]`, of the other by `by[1]`: sequence, acknowledgement, SACK blocks.
fn renumber(frame: &mut StoredFrame, by: [u32; 2]) {
    let packet = packet(frame);
    let (l4, header) = (usize::from(packet.l4_offset), usize::from(packet.tcp.header_len));
    let side = usize::from(packet.marks.has(Marks::FROM_LOW));
    shift(&mut frame.bytes, l4 + 4, by[side]);
    if packet.tcp.flags & tcp_flags::ACK != 0 {
        shift(&mut frame.bytes, l4 + 8, by[side ^ 1]);
    }
    let (mut at, end) = (l4 + 20, l4 + header);
    while at < end {
        match frame.bytes[at] {
            0 => break,
            1 => at += 1,
            kind => {
                let length = usize::from(frame.bytes[at + 1]);
                if kind == 5 {
                    (at + 2..at + length).step_by(4).for_each(|edge| shift(&mut frame.bytes, edge, by[side ^ 1]));
                }
                at += length;
            }
        }
    }
}

fn records(frames: &[StoredFrame]) -> Vec<FlowRecord> {
    account(frames, Timeouts::default()).records
}

#[test]
fn sessions_have_something_to_lose() {
    for name in SESSIONS {
        let capture = session(name, 1);
        assert!(truth(&capture).values().all(|bytes| *bytes > 0), "{name}");
        within(&capture, &capture.frames);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_and_repetition_of_frames_keeps_unique_bytes_within_the_truth(
        (name, seed) in sessions(),
        swaps in prop::collection::vec((any::<Index>(), any::<Index>()), 0..200),
        copies in prop::collection::vec((any::<Index>(), any::<Index>()), 0..40),
        keep_times in any::<bool>(),
    ) {
        let capture = session(name, seed);
        let mut frames = capture.frames.clone();
        for (from, to) in copies {
            let copy = from.get(&frames).clone();
            frames.insert(to.index(frames.len() + 1), copy);
        }
        for (one, other) in swaps {
            let places = (one.index(frames.len()), other.index(frames.len()));
            frames.swap(places.0, places.1);
        }
        if !keep_times {
            let mut times: Vec<_> = frames.iter().map(|frame| frame.time).collect();
            times.sort();
            frames.iter_mut().zip(times).for_each(|(frame, time)| frame.time = time);
        }
        within(&capture, &frames);
    }

    #[test]
    fn numbers_that_wrap_at_any_point_of_a_session_change_no_record(
        (name, seed) in sessions(),
        point in any::<(Index, Index)>(),
        beside in any::<(u16, u16)>(),
    ) {
        let capture = session(name, seed);
        let side = |low: bool| {
            let of_side = |frame: &&StoredFrame| packet(frame).marks.has(Marks::FROM_LOW) == low;
            capture.frames.iter().filter(of_side).map(|frame| packet(frame).tcp.seq).collect::<Vec<_>>()
        };
        // A number of each side comes to lie within 64 KiB of 2^32.
        let by = [
            point.0.get(&side(false)).wrapping_add(u32::from(beside.0)).wrapping_neg(),
            point.1.get(&side(true)).wrapping_add(u32::from(beside.1)).wrapping_neg(),
        ];
        let mut frames = capture.frames.clone();
        frames.iter_mut().for_each(|frame| renumber(frame, by));
        prop_assert_eq!(records(&frames), records(&capture.frames));
    }

    #[test]
    fn any_snap_length_that_keeps_the_headers_changes_no_record((name, seed) in sessions(), more in 0..1_600_usize) {
        let capture = session(name, seed);
        let headers = |frame: &StoredFrame| {
            let packet = packet(frame);
            usize::from(packet.l4_offset) + usize::from(packet.tcp.header_len)
        };
        let snap = capture.frames.iter().map(headers).max().unwrap() + more;
        let mut frames = capture.frames.clone();
        frames.iter_mut().for_each(|frame| frame.bytes.truncate(snap));
        prop_assert_eq!(records(&frames), records(&capture.frames));
    }
}
