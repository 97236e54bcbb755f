//! The contract's section "Life", packet by packet, and the books under every load.

use super::*;
use crate::exit::{ExitReader, WhenFull, door};
use crate::key::{FlowKey, READ_SECRET};
use crate::packet::TcpHeader;
use crate::packet::tcp_flags::{ACK, FIN, RST, SYN};
use crate::record::FlowRecord;
use crate::source::Frame;
use crate::tally::Volume;
use parshall_config::plan::{DecapPlan, KeyScope, Timeouts};
use std::time::Duration;

const CLIENT: (u128, u16) = (0x0a00_0002, 40_000);
const SERVER: (u128, u16) = (0x0a00_0001, 443);
const SECOND: u64 = 1_000_000_000;

pub(super) struct Bench {
    pub(super) shard: Shard,
    out: ExitReader,
}

pub(super) fn bench(capacity: u32, timeouts: Timeouts) -> Bench {
    bench_noting(0, capacity, timeouts)
}

/// A bench whose records tell the first packets of flows.
pub(super) fn bench_noting(first_packets: u8, capacity: u32, timeouts: Timeouts) -> Bench {
    bench_of(ShardPlan { first_packets, ..plan(capacity, timeouts) })
}

pub(super) fn plan(capacity: u32, timeouts: Timeouts) -> ShardPlan {
    ShardPlan {
        capacity,
        segment_memory: 1 << 20,
        duplicates: Duplicates::Count,
        memory: ArenaOptions { huge: false, touch: false },
        limits: Limits::new(&timeouts),
        secret: READ_SECRET,
        locality: Locality::default(),
        decode: DecodeOptions::new(&DecapPlan::default(), KeyScope::default()),
        sampling: [1; 2],
        first_packets: 0,
        tell_input: false,
        tell_parts: false,
    }
}

pub(super) fn bench_of(plan: ShardPlan) -> Bench {
    let (door, out) = door(1 << 16, WhenFull::Drop);
    Bench { shard: Shard::new(plan, door).unwrap(), out }
}

pub(super) fn udp(millis: u64, from: (u128, u16), to: (u128, u16)) -> Packet {
    packet(protocol::UDP, millis, from, to)
}

pub(super) fn packet(protocol: u8, millis: u64, from: (u128, u16), to: (u128, u16)) -> Packet {
    let (key, from_low) = FlowKey::canonical(4, protocol, from, to);
    let marks = Marks(if from_low { Marks::FROM_LOW } else { 0 });
    let time = Nanos(SECOND + millis * 1_000_000);
    Packet { time, marks, ip_bytes: 100, wire_bytes: 114, payload_bytes: 60, ttl: 64, ..Packet::of(&key, &READ_SECRET) }
}

fn tcp(millis: u64, to_server: bool, flags: u8, seq: u32, ack: u32, payload: u32) -> Packet {
    let (from, to) = if to_server { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    let mut packet = packet(protocol::TCP, millis, from, to);
    packet.marks.0 |= Marks::TCP | Marks::TCP_FLAGS;
    packet.payload_bytes = payload;
    packet.tcp = TcpHeader { seq, ack, window: 1000, flags, header_len: 20 };
    packet
}

/// The frame of a packet, of which these bytes were captured.
pub(super) fn frame_of<'b>(packet: &Packet, bytes: &'b [u8]) -> Frame<'b> {
    let Packet { time, wire_bytes: wire_len, input, .. } = *packet;
    Frame { bytes, time, wire_len, link: LinkType::ETHERNET, input }
}

impl Bench {
    pub(super) fn see(&mut self, packet: &Packet) {
        let (mut ready, mut packet) = (Ready::default(), *packet);
        self.shard.read(&mut ready, &mut packet, &[]);
        self.shard.tally.take(packet.input, Volume { packets: 1, bytes: u64::from(packet.wire_bytes) });
        self.shard.nearer(&mut ready);
        self.shard.take(&ready, &packet, &frame_of(&packet, &[]));
        assert!(self.shard.tally.books().closed(), "{:?}", self.shard.tally.books());
    }

    fn records(&mut self) -> Vec<FlowRecord> {
        let mut records = Vec::new();
        while let Some(message) = self.out.take() {
            if let Exit::Record(state) = message {
                records.push(state.record());
            }
        }
        records
    }

    /// Ends input at `millis` and gives every record so far in the contract's order.
    pub(super) fn finish(&mut self, millis: u64) -> Vec<FlowRecord> {
        self.shard.finish(Nanos(SECOND + millis * 1_000_000));
        assert_eq!(self.shard.tally.live_packets, 0);
        assert!(self.shard.tally.books().closed());
        let mut records = self.records();
        records.sort_by_key(FlowRecord::order);
        records
    }
}

fn all(packets: &[Packet], timeouts: Timeouts) -> Vec<FlowRecord> {
    let mut bench = bench(100, timeouts);
    for packet in packets {
        bench.see(packet);
    }
    let last = packets.iter().map(|packet| packet.time).max().unwrap_or_default();
    bench.finish((last.0 - SECOND) / 1_000_000)
}

fn reasons(records: &[FlowRecord]) -> Vec<(u64, EndReason)> {
    records.iter().map(|record| (record.packets(), record.end_reason)).collect()
}

fn handshake() -> Vec<Packet> {
    vec![tcp(0, true, SYN, 99, 0, 0), tcp(1, false, SYN | ACK, 499, 100, 0), tcp(2, true, ACK, 100, 500, 0)]
}

fn closing(from: u64) -> Vec<Packet> {
    vec![
        tcp(from, true, FIN | ACK, 100, 500, 0),
        tcp(from + 1, false, FIN | ACK, 500, 101, 0),
        tcp(from + 2, true, ACK, 101, 501, 0),
    ]
}

#[test]
fn both_directions_make_one_record_with_the_first_sender_as_client() {
    let records = all(&[udp(0, CLIENT, SERVER), udp(5, SERVER, CLIENT), udp(9, CLIENT, SERVER)], Timeouts::default());
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!((record.c2s.packets, record.s2c.packets, record.c2s.payload_bytes), (2, 1, 120));
    assert_eq!(record.client_ip().to_string(), "10.0.0.2");
    assert_eq!((record.start, record.end), (Nanos(SECOND), Nanos(SECOND + 9_000_000)));
}

#[test]
fn the_sender_of_a_syn_is_the_client_and_so_is_the_receiver_of_a_syn_ack() {
    for packets in [handshake(), handshake()[1..].to_vec()] {
        let records = all(&packets, Timeouts::default());
        assert_eq!(records[0].client_ip().to_string(), "10.0.0.2");
        assert!(!records[0].tcp.as_ref().unwrap().midstream);
    }
    let midstream = all(&handshake()[2..], Timeouts::default());
    assert!(midstream[0].tcp.as_ref().unwrap().midstream);
}

#[test]
fn a_gap_longer_than_the_idle_timeout_parts_two_flows_and_one_as_long_does_not() {
    let pair = |gap: u64| [udp(0, CLIENT, SERVER), udp(1, SERVER, CLIENT), udp(1 + gap, CLIENT, SERVER)];
    assert_eq!(reasons(&all(&pair(60_000), Timeouts::default())), [(3, EndReason::Shutdown)]);
    let parted = reasons(&all(&pair(60_001), Timeouts::default()));
    assert_eq!(parted, [(2, EndReason::Idle), (1, EndReason::Shutdown)]);
}

#[test]
fn a_flow_of_one_packet_or_of_syns_ends_after_the_single_packet_timeout() {
    let lone = [udp(0, CLIENT, SERVER), udp(10_001, CLIENT, SERVER)];
    assert_eq!(all(&lone, Timeouts::default()).len(), 2);
    let syns = [tcp(0, true, SYN, 9, 0, 0), tcp(1_000, true, SYN, 9, 0, 0), tcp(11_001, true, SYN, 9, 0, 0)];
    assert_eq!(all(&syns, Timeouts::default()).len(), 2);
    assert_eq!(all(&syns[..2], Timeouts::default()).len(), 1);
}

#[test]
fn acknowledged_fins_close_a_flow_and_trailing_packets_join_it_while_it_lingers() {
    let mut packets = [handshake(), closing(10)].concat();
    packets.push(tcp(5_000, false, ACK, 501, 101, 0));
    assert_eq!(reasons(&all(&packets, Timeouts::default())), [(7, EndReason::TcpFin)]);
    packets.push(tcp(5_013, false, ACK, 501, 101, 0));
    let records = all(&packets, Timeouts::default());
    assert_eq!(reasons(&records), [(7, EndReason::TcpFin), (1, EndReason::Shutdown)]);
    assert!(records[1].tcp.as_ref().unwrap().midstream);
}

#[test]
fn without_linger_a_flow_ends_with_the_packet_that_closes_it() {
    let timeouts = Timeouts { tcp_linger: Duration::ZERO, ..Timeouts::default() };
    let mut packets = [handshake(), closing(10)].concat();
    packets.push(tcp(13, false, ACK, 501, 101, 0));
    assert_eq!(reasons(&all(&packets, timeouts)), [(6, EndReason::TcpFin), (1, EndReason::Shutdown)]);
}

#[test]
fn a_reset_closes_a_flow_but_not_one_that_its_fins_closed() {
    let reset = [handshake(), vec![tcp(20, false, RST | ACK, 500, 100, 0)]].concat();
    assert_eq!(reasons(&all(&reset, Timeouts::default())), [(4, EndReason::TcpRst)]);
    let late = [handshake(), closing(10), vec![tcp(20, false, RST, 501, 0, 0)]].concat();
    assert_eq!(reasons(&all(&late, Timeouts::default())), [(7, EndReason::TcpFin)]);
}

#[test]
fn one_fin_alone_closes_nothing() {
    let half = [handshake(), vec![tcp(10, true, FIN | ACK, 100, 500, 0), tcp(11, false, ACK, 500, 101, 0)]].concat();
    assert_eq!(reasons(&all(&half, Timeouts::default())), [(5, EndReason::Shutdown)]);
}

#[test]
fn a_syn_opens_a_new_flow_on_a_closed_one_unless_it_repeats_its_sequence_number() {
    let closed = [handshake(), closing(10)].concat();
    let fresh = [closed.clone(), vec![tcp(100, true, SYN, 7_777, 0, 0)]].concat();
    assert_eq!(reasons(&all(&fresh, Timeouts::default())), [(6, EndReason::TcpFin), (1, EndReason::Shutdown)]);
    let repeated = [closed, vec![tcp(100, true, SYN, 99, 0, 0)]].concat();
    assert_eq!(reasons(&all(&repeated, Timeouts::default())), [(7, EndReason::TcpFin)]);
}

#[test]
fn a_syn_replaces_a_midstream_flow_after_one_second_and_never_an_open_one() {
    let after = |millis: u64| [tcp(0, true, ACK, 50, 60, 10), tcp(millis, true, SYN, 7_777, 0, 0)];
    assert_eq!(all(&after(900), Timeouts::default()).len(), 1);
    assert_eq!(reasons(&all(&after(1_001), Timeouts::default())), [(1, EndReason::Idle), (1, EndReason::Shutdown)]);
    let open = [handshake(), vec![tcp(9_000, true, SYN, 7_777, 0, 0)]].concat();
    assert_eq!(reasons(&all(&open, Timeouts::default())), [(4, EndReason::Shutdown)]);
}

#[test]
fn an_active_cut_is_made_by_the_packet_at_the_deadline_and_counts_are_deltas() {
    let timeouts = Timeouts { active: Some(Duration::from_secs(30)), ..Timeouts::default() };
    let packets: Vec<Packet> = (0..7).map(|n| udp(n * 10_000, CLIENT, SERVER)).collect();
    let records = all(&packets, timeouts);
    assert_eq!(reasons(&records), [(3, EndReason::Active), (3, EndReason::Active), (1, EndReason::Shutdown)]);
    assert_eq!(records.iter().map(|record| record.record_seq).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(records.iter().all(|record| record.flow_id == records[0].flow_id && record.c2s.packets > 0));
    assert_eq!(records[1].start, Nanos(SECOND + 30_000 * 1_000_000));
    assert_eq!(records[0].c2s.payload_bytes, 180);
}

#[test]
fn the_first_packets_stand_in_the_first_record_of_each_flow_and_slots_forget_old_ones() {
    let timeouts = Timeouts { active: Some(Duration::from_secs(30)), ..Timeouts::default() };
    let mut bench = bench_noting(3, 1, timeouts);
    let long: Vec<Packet> = (0..5).map(|n| udp(n * 10_000, CLIENT, SERVER)).collect();
    let answered = [udp(200_000, SERVER, CLIENT), Packet { payload_bytes: 70_000, ..udp(200_002, CLIENT, SERVER) }];
    for packet in long.iter().chain(&answered) {
        bench.see(packet);
    }
    let told: Vec<_> = bench.finish(200_002).into_iter().map(|record| record.first).collect();
    let gaps = |n: usize| told[n].gaps.iter().filter_map(|gap| gap.nanos()).collect::<Vec<_>>();
    assert_eq!((&told[0].sizes[..], &told[0].directions[..]), (&[60; 3][..], &[1; 3][..]));
    assert_eq!(gaps(0), [0, 10 * SECOND, 10 * SECOND]);
    assert!(told[1].sizes.is_empty() && told[1].directions.is_empty() && told[1].gaps.is_empty(), "behind the cut");
    // The sender of the first packet seen is the client.
    assert_eq!((&told[2].sizes[..], &told[2].directions[..]), (&[60, u16::MAX][..], &[1, -1][..]));
    assert_eq!(gaps(2), [0, 2_000_000]);
}

#[test]
fn first_packets_that_nobody_asked_for_have_no_memory_and_stand_in_no_record() {
    let mut bench = bench(10, Timeouts::default());
    assert!(bench.shard.firsts.is_empty());
    bench.see(&udp(0, CLIENT, SERVER));
    assert!(bench.finish(0)[0].first.sizes.is_empty());
}

#[test]
fn at_the_end_of_input_a_flow_that_had_gone_idle_says_so() {
    let mut bench = bench(10, Timeouts::default());
    bench.see(&udp(0, CLIENT, SERVER));
    bench.see(&udp(90_000, (1, 1), (2, 2)));
    assert_eq!(reasons(&bench.finish(90_000)), [(1, EndReason::Idle), (1, EndReason::Shutdown)]);
}

#[test]
fn time_that_goes_back_moves_the_start_and_never_the_end() {
    let records =
        all(&[udp(50, CLIENT, SERVER), udp(20, SERVER, CLIENT), udp(40, CLIENT, SERVER)], Timeouts::default());
    assert_eq!((records[0].start.0, records[0].end.0), (SECOND + 20_000_000, SECOND + 50_000_000));
}

#[test]
fn a_tick_ends_no_more_flows_than_its_bound_and_the_next_ones_end_the_rest() {
    let mut bench = bench(100, Timeouts::default());
    for n in 0..80 {
        bench.see(&udp(0, (CLIENT.0, n), SERVER));
    }
    let (mut ended, most) = (0, sweep::RECORDS_PER_TICK as usize);
    for second in 100..110_u64 {
        bench.shard.tick(Nanos(second * SECOND));
        let records = bench.records().len();
        assert!(records <= most, "{records} flows in one tick");
        assert_eq!(records, most.min(80 - ended), "tick {second}");
        ended += records;
    }
    assert_eq!(ended, 80);
}

#[test]
fn the_sweep_reclaims_what_is_over_and_a_record_is_the_same_as_at_lookup() {
    let packets = [udp(0, CLIENT, SERVER), udp(1, SERVER, CLIENT)];
    let mut swept = bench(10, Timeouts::default());
    for packet in &packets {
        swept.see(packet);
    }
    for millis in (0..70_000).step_by(500) {
        swept.shard.tick(Nanos(SECOND + millis * 1_000_000));
    }
    assert_eq!(swept.shard.tally.live_flows, 0);
    let looked_up = all(&[packets[0], packets[1], udp(200_000, CLIENT, SERVER)], Timeouts::default());
    assert_eq!(swept.records()[0], looked_up[0]);
}

#[test]
fn a_flood_of_strangers_costs_detail_but_never_totals_nor_established_flows() {
    let mut bench = bench(1_000, Timeouts::default());
    for n in 0..500_u16 {
        bench.see(&udp(0, (u128::from(n), 1), SERVER));
        bench.see(&udp(1, SERVER, (u128::from(n), 1)));
    }
    for n in 0..50_000_u32 {
        bench.see(&udp(2 + u64::from(n) / 1000, (0xc000_0000 + u128::from(n), 9), SERVER));
        if bench.shard.index.len() == 1_000 && n % 1000 == 0 {
            bench.records();
        }
    }
    let tally = &bench.shard.tally;
    assert_eq!(tally.taken_packets(), 51_000);
    assert_eq!(tally.protocols[0][1].packets, 51_000);
    assert!(tally.records[EndReason::Evicted as usize] > 40_000);
    assert_eq!(tally.live_flows, u64::from(bench.shard.index.len()));
    let established = bench.finish(60).iter().filter(|record| record.packets() == 2).count();
    assert_eq!(established, 500);
}

#[test]
fn a_table_full_of_exchanges_refuses_strangers_and_counts_them() {
    let mut bench = bench(64, Timeouts::default());
    for n in 0..64_u16 {
        bench.see(&udp(0, (u128::from(n), 1), SERVER));
        bench.see(&udp(1, SERVER, (u128::from(n), 1)));
    }
    bench.see(&udp(2, CLIENT, SERVER));
    assert_eq!(bench.shard.tally.outcomes[Outcome::TableFull as usize], 1);
    bench.see(&udp(100_000, CLIENT, SERVER));
    assert_eq!(bench.shard.tally.outcomes[Outcome::TableFull as usize], 1, "idle flows make room");
}

#[test]
fn records_that_find_the_ring_full_are_counted_with_their_packets() {
    let (door, out) = door(2, WhenFull::Drop);
    let mut bench = bench(100, Timeouts::default());
    (bench.shard.door, bench.out) = (door, out);
    for n in 0..50_u16 {
        bench.see(&udp(0, (u128::from(n), 1), SERVER));
    }
    // What is longest fits twice, and these are short.
    let sent = bench.finish(1).len() as u64;
    assert!((2..50).contains(&sent), "{sent}");
    assert_eq!(bench.shard.tally.records_dropped_count, 50 - sent);
    assert_eq!(bench.shard.tally.records_dropped.packets, 50 - sent);
}
