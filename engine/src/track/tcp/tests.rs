//! TCP's rules, session by session; and what must hold for any sequence of segments.

use super::*;
use crate::flow::tcp::Class;
use crate::key::KeyImage;
use crate::link::LinkType;
use crate::memory::ArenaOptions;
use crate::packet::{Outline, facts};
use crate::record::{EndReason, TcpRecord};
use crate::source::{Frame, Input};
use crate::time::Nanos;
use proptest::prelude::*;
use tcp_flags::{ACK, FIN, PSH, RST, SYN};

const MILLI: u64 = 1_000_000;
const START: u64 = 1_700_000_000_000_000_000;

/// A flow on its own, fed segment by segment.
struct Lab {
    hot: Hot,
    core: TcpCore,
    rest: TcpRest,
    pool: History,
}

#[derive(Clone, Copy, Debug)]
struct Seg {
    at: u64,
    side: usize,
    flags: u8,
    seq: u32,
    ack: u32,
    payload: u32,
    window: u16,
}

/// A segment at so many milliseconds.
fn seg(at: u64, side: usize, flags: u8, seq: u32, ack: u32, payload: u32) -> Seg {
    Seg { at: at * MILLI, side, flags, seq, ack, payload, window: 500 }
}

impl Lab {
    fn new() -> Lab {
        let mut hot = Hot::begin(KeyImage([1, 2]), Nanos(START));
        hot.set(Mark::Tcp);
        let pool = History::new(1 << 20, ArenaOptions { huge: false, touch: false }).unwrap();
        Lab { hot, core: TcpCore::default(), rest: TcpRest::default(), pool }
    }

    fn see(&mut self, one: Seg) {
        let tcp = TcpHeader { seq: one.seq, ack: one.ack, window: one.window, flags: one.flags, header_len: 20 };
        let packet = Packet {
            time: Nanos(START + one.at),
            payload_bytes: one.payload,
            ip_bytes: one.payload + 40,
            tcp,
            marks: Marks(Marks::TCP),
            ..Packet::default()
        };
        let Lab { hot, core, rest, pool } = self;
        Flow { hot, core, rest, pool }.packet(one.side, &packet, &[]);
        self.hot.count(one.side, packet.time, packet.ip_bytes, packet.ip_bytes, 64, 0);
    }

    fn report(&self) -> TcpRecord {
        let trail = self.pool.look(self.core.trail);
        report::report(&self.hot, &self.core, &self.rest, trail, Nanos(START), EndReason::Shutdown)
    }
}

fn of(segments: &[Seg]) -> TcpRecord {
    let mut lab = Lab::new();
    for one in segments {
        lab.see(*one);
    }
    lab.report()
}

/// SYN at 0 ms, SYN+ACK at 40 ms, ACK at 50 ms; client data begins at 1,000, server data at 9,000.
fn handshake() -> Vec<Seg> {
    vec![seg(0, 0, SYN, 999, 0, 0), seg(40, 1, SYN | ACK, 8_999, 1_000, 0), seg(50, 0, ACK, 1_000, 9_000, 0)]
}

fn session(more: &[Seg]) -> TcpRecord {
    of(&[handshake(), more.to_vec()].concat())
}

/// What is read of a segment's frame.
fn frame_of(one: Seg) -> (Outline, [u8; 20]) {
    let mut header = [0; 20];
    header[4..8].copy_from_slice(&one.seq.to_be_bytes());
    header[8..12].copy_from_slice(&one.ack.to_be_bytes());
    (header[12], header[13]) = (0x50, one.flags);
    header[14..16].copy_from_slice(&one.window.to_be_bytes());
    let facts = facts::TCP | facts::SEGMENT;
    (Outline { payload_bytes: one.payload, ip_bytes: one.payload + 40, facts, ..Outline::default() }, header)
}

impl Lab {
    /// Whether the segment is taken as the next one; else whether it is taken without its flow's limits being asked. `at_once`:
    /// flows end with the segment that closes them.
    fn short(&mut self, one: Seg, at_once: bool) -> (bool, bool) {
        let (outline, header) = frame_of(one);
        let (time, link, input) = (Nanos(START + one.at), LinkType::ETHERNET, Input::default());
        let frame = Frame { bytes: &header, time, wire_len: 60, link, input };
        let Lab { hot, core, rest, pool } = self;
        let next = if one.payload > 0 { next::next::<true> } else { next::next::<false> };
        let is_next = next(core, pool, one.side, &outline, &frame);
        let is_plain = is_next || Flow { hot, core, rest, pool }.plain(one.side, &outline, &frame, at_once);
        if is_plain {
            self.hot.count(one.side, time, outline.ip_bytes, outline.ip_bytes, 64, 0);
        }
        (is_next, is_plain)
    }
}

#[test]
fn once_a_connection_has_left_its_beginning_behind_the_next_segment_is_taken_in_one_step_and_no_other() {
    const NEXT: (bool, bool) = (true, true);
    const PLAIN: (bool, bool) = (false, true);
    const NEITHER: (bool, bool) = (false, false);
    let mut lab = Lab::new();
    handshake().into_iter().for_each(|one| lab.see(one));
    let closed = Seg { window: 0, ..seg(170, 1, ACK, 9_000, 1_600, 0) };
    let steps = [
        // The first data and its acknowledgement are firsts, and so is the second segment's way here.
        (seg(100, 0, ACK, 1_000, 9_000, 100), PLAIN),
        (seg(110, 1, ACK, 9_000, 1_100, 0), PLAIN),
        (seg(120, 0, ACK, 1_100, 9_000, 100), PLAIN),
        (seg(130, 1, ACK, 9_000, 1_200, 0), NEXT),
        (seg(140, 0, ACK, 1_200, 9_000, 100), NEXT),
        (seg(141, 0, ACK, 1_300, 9_000, 100), NEXT),
        (seg(142, 0, ACK, 1_400, 9_000, 100), NEXT),
        // It covers more than one segment.
        (seg(150, 1, ACK, 9_000, 1_500, 0), NEXT),
        (seg(160, 0, ACK, 1_500, 9_000, 100), NEXT),
        (closed, PLAIN),
        // It opens the window again, and then comes late.
        (seg(180, 1, ACK, 9_000, 1_600, 0), NEXT),
        (seg(181, 1, ACK, 9_000, 1_500, 0), NEXT),
        (seg(190, 0, ACK, 1_700, 9_000, 100), PLAIN),
        // It asks again for what is missing.
        (seg(195, 1, ACK, 9_000, 1_600, 0), PLAIN),
        (seg(200, 0, ACK, 1_600, 9_000, 100), PLAIN),
        (seg(205, 0, ACK | PSH, 1_800, 9_000, 100), PLAIN),
        (seg(206, 0, SYN, 1_900, 0, 0), NEITHER),
        (seg(207, 1, RST, 9_000, 0, 0), NEITHER),
    ];
    for (one, want) in steps {
        assert_eq!(lab.short(one, false), want, "{one:?}");
    }
    let fin = seg(210, 0, FIN | ACK, 1_900, 9_000, 0);
    assert_eq!(lab.short(fin, true), NEITHER, "it may end the flow at once");
    assert_eq!(lab.short(fin, false), PLAIN);
    let last = seg(220, 1, ACK, 9_000, 1_901, 0);
    assert_eq!(lab.short(last, true), NEITHER, "the same");
    assert_eq!(lab.short(last, false), PLAIN);
}

#[test]
fn a_handshake_splits_the_path_at_the_probe() {
    let record = session(&[]);
    assert_eq!(record.handshake_rtt, Some(50 * MILLI));
    assert_eq!((record.server_handshake, record.client_handshake), (Some(40 * MILLI), Some(10 * MILLI)));
    assert_eq!(record.c2s.rtt.map(|rtt| (rtt.samples, rtt.min)), Some((1, 40 * MILLI)));
    assert_eq!(record.s2c.rtt.map(|rtt| (rtt.samples, rtt.min)), Some((1, 10 * MILLI)));
}

#[test]
fn a_syn_that_was_sent_again_gives_no_handshake_time_and_no_sample() {
    let mut segments = handshake();
    segments.insert(1, seg(20, 0, SYN, 999, 0, 0));
    let record = of(&segments);
    assert_eq!((record.handshake_rtt, record.server_handshake), (None, None));
    assert_eq!(record.c2s.rtt, None);
    assert_eq!((record.c2s.syn_count, record.c2s.history.unwrap().retx_packets), (2, 1));
    assert_eq!(record.c2s.history.unwrap().retx_bytes, 0, "a SYN is no payload");
}

#[test]
fn an_unanswered_syn_with_another_number_begins_anew_and_its_answer_is_timed_from_it() {
    let record = of(&[
        seg(0, 0, SYN, 999, 0, 0),
        seg(1_000, 0, SYN, 4_999, 0, 0),
        seg(1_040, 1, SYN | ACK, 8_999, 5_000, 0),
        seg(1_050, 0, ACK, 5_000, 9_000, 0),
    ]);
    assert_eq!(record.c2s.rtt.map(|rtt| (rtt.samples, rtt.min)), Some((1, 40 * MILLI)));
    assert_eq!((record.handshake_rtt, record.c2s.other_isn), (None, 1));
}

#[test]
fn a_stray_syn_on_an_answered_flow_leaves_the_times_of_its_handshake() {
    let record = session(&[seg(30_000, 0, SYN, 70_000, 0, 0), seg(30_040, 1, ACK, 9_000, 1_000, 0)]);
    assert_eq!(record.handshake_rtt, Some(50 * MILLI));
    assert_eq!((record.server_handshake, record.client_handshake), (Some(40 * MILLI), Some(10 * MILLI)));
    assert_eq!((record.c2s.syn_count, record.c2s.other_isn), (2, 1));
}

#[test]
fn an_ack_that_ends_with_a_segment_gives_a_sample_and_a_cumulative_one_only_for_the_last() {
    let data = [
        seg(100, 0, ACK, 1_000, 9_000, 500),
        seg(101, 0, ACK, 1_500, 9_000, 500),
        seg(141, 1, ACK, 9_000, 2_000, 0),
        seg(150, 0, ACK, 2_000, 9_000, 500),
        seg(195, 1, ACK, 9_000, 2_500, 0),
    ];
    let rtt = session(&data).c2s.rtt.unwrap();
    assert_eq!((rtt.samples, rtt.min, rtt.max), (3, 40 * MILLI, 45 * MILLI));
}

#[test]
fn what_was_sent_again_gives_no_sample_nor_does_what_was_sent_before_it() {
    let data = [
        seg(100, 0, ACK, 1_000, 9_000, 500),
        seg(101, 0, ACK, 1_500, 9_000, 500),
        seg(400, 0, ACK, 1_000, 9_000, 500),
        seg(440, 1, ACK, 9_000, 2_000, 0),
    ];
    let record = session(&data);
    assert_eq!(record.c2s.rtt.unwrap().samples, 1, "the handshake's");
    let history = record.c2s.history.unwrap();
    assert_eq!((history.retx_packets, history.retx_bytes, history.unique_bytes), (1, 500, 1_000));
    assert_eq!(history.classes[Class::Rto as usize], 1);
}

#[test]
fn three_duplicate_acknowledgements_make_a_fast_retransmission() {
    let mut data: Vec<Seg> = (0..5).map(|n| seg(100 + n, 0, ACK, 1_000 + 500 * n as u32, 9_000, 500)).collect();
    data.extend((0..4).map(|n| seg(140 + n, 1, ACK, 9_000, 1_500, 0)));
    data.push(seg(150, 0, ACK, 1_500, 9_000, 500));
    data.push(seg(190, 1, ACK, 9_000, 3_500, 0));
    let record = session(&data);
    assert_eq!(record.c2s.history.unwrap().classes[Class::FastRetx as usize], 1);
    assert_eq!(record.s2c.dup_acks, 3);
}

#[test]
fn a_hole_that_is_filled_at_once_is_reordering_and_closes_the_gap() {
    let data =
        [seg(100, 0, ACK, 1_000, 9_000, 500), seg(101, 0, ACK, 2_000, 9_000, 500), seg(101, 0, ACK, 1_500, 9_000, 500)];
    let history = session(&data).c2s.history.unwrap();
    assert_eq!((history.ooo_packets, history.retx_packets, history.gap_bytes), (1, 0, 0));
    assert_eq!(history.classes[Class::Reordering as usize], 1);
    let open = session(&data[..2]).c2s.history.unwrap();
    assert_eq!((open.gap_bytes, open.unique_bytes), (500, 1_000));
}

#[test]
fn a_segment_that_overlaps_counts_only_its_new_bytes_as_unique() {
    let data = [seg(100, 0, ACK, 1_000, 9_000, 500), seg(110, 0, ACK, 1_250, 9_000, 500)];
    let history = session(&data).c2s.history.unwrap();
    assert_eq!((history.unique_bytes, history.retx_bytes, history.retx_packets), (750, 250, 1));
}

#[test]
fn a_byte_into_a_closed_window_is_flow_control() {
    let closed = Seg { window: 0, ..seg(140, 1, ACK, 9_000, 1_500, 0) };
    let probe = Seg { window: 0, ..seg(760, 1, ACK, 9_000, 1_500, 0) };
    let data = [seg(100, 0, ACK, 1_000, 9_000, 500), closed, seg(750, 0, ACK, 1_499, 9_000, 1), probe];
    let record = session(&data);
    assert_eq!(record.c2s.history.unwrap().classes[Class::FlowControl as usize], 1);
    assert_eq!((record.s2c.zero_windows, record.c2s.keepalives), (2, 0));
}

#[test]
fn keepalives_of_no_byte_take_no_place_in_the_history() {
    let data = [
        seg(100, 0, ACK | PSH, 1_000, 9_000, 10),
        seg(140, 1, ACK, 9_000, 1_010, 0),
        seg(60_000, 0, ACK, 1_009, 9_000, 0),
        seg(60_040, 1, ACK, 9_000, 1_010, 0),
    ];
    let record = session(&data);
    assert_eq!((record.c2s.keepalives, record.c2s.history.unwrap().retx_packets), (1, 0));
    assert_eq!(record.s2c.dup_acks, 0, "nothing was outstanding");
}

#[test]
fn windows_are_left_out_when_a_syn_was_missed() {
    let record = of(&handshake()[1..]);
    assert_eq!((record.c2s.window_max, record.s2c.window_scale), (None, None));
    assert_eq!(session(&[]).c2s.window_max, Some(500));
}

#[test]
fn bytes_in_flight_stand_between_the_segment_and_the_last_acknowledgement() {
    let data = [
        seg(100, 0, ACK, 1_000, 9_000, 500),
        seg(101, 0, ACK, 1_500, 9_000, 500),
        seg(141, 1, ACK, 9_000, 2_000, 0),
        seg(150, 0, ACK, 2_000, 9_000, 300),
    ];
    let c2s = session(&data).c2s;
    assert_eq!((c2s.inflight_initial, c2s.inflight_max, c2s.inflight_min), (Some(1_000), Some(1_000), Some(300)));
}

#[test]
fn a_pool_that_is_empty_leaves_the_history_out_and_says_so() {
    let mut lab = Lab::new();
    lab.pool = History::new(0, ArenaOptions { huge: false, touch: false }).unwrap();
    for one in handshake() {
        lab.see(one);
    }
    lab.see(seg(100, 0, ACK, 1_000, 9_000, 500));
    let record = lab.report();
    assert_eq!((record.c2s.history, record.c2s.mss_max, record.c2s.data_packets), (None, None, 1));
    assert!(lab.pool.refused() > 0);
}

/// A whole session of both sides: handshake, data with acknowledgements, FINs; first sequence numbers as given.
fn whole(client_isn: u32, server_isn: u32, sizes: &[(bool, u32)]) -> (Vec<Seg>, [u64; 2]) {
    let mut next = [client_isn.wrapping_add(1), server_isn.wrapping_add(1)];
    let mut segments = vec![
        seg(0, 0, SYN, client_isn, 0, 0),
        seg(10, 1, SYN | ACK, server_isn, next[0], 0),
        seg(20, 0, ACK, next[0], next[1], 0),
    ];
    let (mut at, mut truth) = (30, [0, 0]);
    for (from_server, size) in sizes {
        let side = usize::from(*from_server);
        segments.push(seg(at, side, ACK | PSH, next[side], next[side ^ 1], *size));
        next[side] = next[side].wrapping_add(*size);
        truth[side] += u64::from(*size);
        segments.push(seg(at + 5, side ^ 1, ACK, next[side ^ 1], next[side], 0));
        at += 10;
    }
    for side in [0, 1] {
        segments.push(seg(at, side, FIN | ACK, next[side], next[side ^ 1], 0));
        next[side] = next[side].wrapping_add(1);
        segments.push(seg(at + 5, side ^ 1, ACK, next[side ^ 1], next[side], 0));
        at += 10;
    }
    (segments, truth)
}

fn sizes() -> impl Strategy<Value = Vec<(bool, u32)>> {
    prop::collection::vec((any::<bool>(), 1_u32..3_000), 1..30)
}

proptest! {
    #[test]
    fn numbers_that_wrap_anywhere_change_nothing(client in any::<u32>(), server in any::<u32>(), sizes in sizes()) {
        let (plain, truth) = whole(1_000, 2_000, &sizes);
        let (wrapped, _) = whole(client, server, &sizes);
        let (plain, wrapped) = (of(&plain), of(&wrapped));
        prop_assert_eq!(&plain, &wrapped);
        prop_assert_eq!(plain.c2s.history.unwrap().unique_bytes, truth[0]);
        prop_assert_eq!(plain.s2c.history.unwrap().unique_bytes, truth[1]);
        prop_assert_eq!(plain.c2s.history.unwrap().retx_packets, 0);
    }

    #[test]
    fn any_order_and_repetition_keeps_unique_bytes_within_the_truth(
        sizes in sizes(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..120),
    ) {
        let (segments, truth) = whole(u32::MAX - 5_000, 77, &sizes);
        let mut lab = Lab::new();
        let mut packets = [0_u64; 2];
        for (n, index) in order.iter().enumerate() {
            let one = *index.get(&segments);
            packets[one.side] += 1;
            lab.see(Seg { at: n as u64 * MILLI, ..one });
        }
        let record = lab.report();
        for (direction, truth, packets) in [(&record.c2s, truth[0], packets[0]), (&record.s2c, truth[1], packets[1])] {
            let history = direction.history.unwrap();
            prop_assert!(history.unique_bytes <= truth, "{} of {truth}", history.unique_bytes);
            prop_assert!(direction.ack_packets <= packets && direction.pure_ack_packets <= direction.ack_packets);
            let classed: u64 = history.classes.iter().map(|n| u64::from(*n)).sum();
            prop_assert!(classed >= u64::from(history.retx_packets.max(history.ooo_packets)));
        }
    }

    #[test]
    fn any_segments_at_all_are_taken_without_panic(
        segments in prop::collection::vec(
            (any::<bool>(), any::<u8>(), any::<u32>(), any::<u32>(), 0_u32..70_000, any::<u16>(), any::<u32>()), 0..200),
    ) {
        let mut lab = Lab::new();
        for (server, flags, seq, ack, payload, window, at) in segments {
            let side = usize::from(server);
            lab.see(Seg { at: u64::from(at), side, flags, seq, ack, payload, window });
        }
        let record = lab.report();
        prop_assert!(record.c2s.history.unwrap().unique_bytes <= lab.core.payload(0));
    }
}
