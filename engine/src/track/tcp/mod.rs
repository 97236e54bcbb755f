//! TCP: what a segment says of its flow.
//!
//! **Owns** the order in which a segment's rules are applied, the counts by kind, windows, and when a flow is closed.
//! **May touch** the flow's hot line (marks only), its TCP line, its cold block and its history.
//! **Order** called by `shard` for every packet of a TCP flow, fragments and cut-off headers included, before the packet
//! is counted in the hot line.
//!
//! Rooms: `options` reads them, `data` and `segment` take data in, `ack` takes acknowledgements in, `class` names anomalies, `rtt`
//! keeps the statistics. Lengths are those of IP and TCP headers, never of what was captured.

mod ack;
mod class;
mod data;
pub mod next;
mod options;
mod plain;
pub mod report;
mod rtt;
mod segment;
mod sequence;

use super::history::History;
use crate::flow::tcp::{Low48, TcpCore, TcpRest, offered, state};
use crate::flow::trail::{Node, widen};
use crate::flow::{Hot, Mark};
use crate::packet::{Marks, Packet, TcpHeader, tcp_flags};
use crate::time::Nanos;
use ack::Ack;
use options::Options;
use sequence::{after, at_or_after, distance};

/// The state of one flow, as its rules see it.
#[derive(Debug)]
pub struct Flow<'a> {
    /// Line 0.
    pub hot: &'a mut Hot,
    /// Line 1.
    pub core: &'a mut TcpCore,
    /// The cold block.
    pub rest: &'a mut TcpRest,
    /// Where its history lies.
    pub pool: &'a mut History,
}

/// One segment: its header, and what IP says of it.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Arrival.
    pub time: Nanos,
    /// Payload bytes by IP's length.
    pub payload: u32,
    /// Informative IPv4 identification; 0 where there is none.
    pub ip_id: u16,
    /// The fixed header.
    pub header: TcpHeader,
}

impl Segment {
    const fn of(packet: &Packet) -> Segment {
        let ip_id = packet.informative_id();
        Segment { time: packet.time, payload: packet.payload_bytes, ip_id, header: packet.tcp }
    }
}

const NOT_PURE: u8 = tcp_flags::SYN | tcp_flags::FIN | tcp_flags::RST;

impl Flow<'_> {
    /// Takes one packet of `side` (0 client, 1 server) into the flow, whatever it is. `bytes` are those of its frame.
    #[inline]
    pub fn packet(&mut self, side: usize, packet: &Packet, bytes: &[u8]) {
        if packet.marks.has(Marks::TCP) {
            let behind = bytes.get(usize::from(packet.l4_offset) + 20..).unwrap_or_default();
            self.segment(side, &Segment::of(packet), behind);
        } else {
            self.core.add_payload(side, packet.payload_bytes);
            self.headless(side);
        }
    }

    /// Takes in any segment whose fixed header was captured; `behind` are the captured bytes behind that.
    #[inline(never)]
    pub(super) fn segment(&mut self, side: usize, segment: &Segment, behind: &[u8]) {
        let (side, tcp, payload) = (side & 1, &segment.header, segment.payload);
        let options = if tcp.header_len > 20 { options_of(tcp, behind) } else { Options::default() };
        self.core.add_payload(side, payload);
        self.count(side, segment);
        let mut length = payload;
        let mut stray = false;
        let known = self.core.flags[side];
        if tcp.flags & NOT_PURE != 0 || known | tcp.flags != known {
            length += u32::from(tcp.flags & tcp_flags::SYN != 0) + u32::from(tcp.flags & tcp_flags::FIN != 0);
            stray = tcp.flags & tcp_flags::SYN != 0 && self.is_stray_syn(side, tcp.seq);
            self.control(side, segment, &options);
        }
        if tcp.flags & tcp_flags::PSH != 0 {
            self.push(side);
        }
        let keepalive = self.is_keepalive(side, segment);
        if length > 0 && !stray {
            self.data(side, segment, tcp.seq.wrapping_add(length), keepalive);
        }
        if keepalive {
            let count = &mut self.rest.side[side].keepalives;
            *count = count.saturating_add(1);
        }
        if tcp.flags & tcp_flags::ACK != 0 {
            if !options.sack.is_empty() {
                self.sack(side, tcp, &options);
            }
            self.acknowledge(side, segment, options.timestamps, keepalive);
        }
        if let Some((value, _)) = options.timestamps {
            self.timestamp(side, segment, value);
        }
        if self.core.any(state::FIN) || tcp.flags & tcp_flags::RST != 0 {
            self.close(segment);
        }
    }

    /// A segment with PSH.
    #[inline(always)]
    fn push(&mut self, side: usize) {
        let count = &mut self.core.psh[side & 1];
        *count = count.wrapping_add(1);
        if *count == 0 {
            self.rest.side[side & 1].psh_count += 256;
        }
    }

    /// A later fragment, or a header that was captured in part.
    fn headless(&mut self, side: usize) {
        self.rest.side[side & 1].bare_packets += 1;
        self.rest.side[side & 1].no_ack_packets += 1;
        self.hot.clear(Mark::OnlySyn);
    }

    #[inline]
    fn count(&mut self, side: usize, segment: &Segment) {
        let (side, flags) = (side & 1, segment.header.flags);
        if segment.payload > 0 {
            self.count_data(side, segment.time);
        } else if flags & NOT_PURE != 0 || flags & tcp_flags::ACK == 0 {
            self.rest.side[side].bare_packets += 1;
        }
        if flags & tcp_flags::ACK == 0 {
            self.rest.side[side].no_ack_packets += 1;
        }
        if flags & tcp_flags::SYN == 0 && self.hot.has(Mark::OnlySyn) {
            self.hot.clear(Mark::OnlySyn);
        }
    }

    /// A segment with payload.
    fn count_data(&mut self, side: usize, time: Nanos) {
        let side = side & 1;
        self.core.data_packets[side] += 1;
        let earlier = time < self.hot.last() && self.last_payload(side) > Some(time);
        if !earlier {
            self.core.last_payload[side] = Low48::of_time(time);
        }
        if !self.core.has(state::FIRST_PAYLOAD, side) {
            self.core.set(state::FIRST_PAYLOAD, side);
            self.rest.side[side].first_payload = Low48::of_time(time);
        }
    }

    fn last_payload(&self, side: usize) -> Option<Nanos> {
        self.core.last_payload[side & 1].time_near(self.hot.last())
    }

    /// SYN, FIN, RST, and flags not seen before.
    #[inline(never)]
    fn control(&mut self, side: usize, segment: &Segment, options: &Options) {
        let tcp = &segment.header;
        self.core.flags[side & 1] |= tcp.flags;
        let counts = &mut self.rest.side[side & 1];
        if tcp.flags & tcp_flags::RST != 0 {
            counts.rst_count = counts.rst_count.saturating_add(1);
        }
        if tcp.flags & tcp_flags::FIN != 0 {
            counts.fin_count = counts.fin_count.saturating_add(1);
            let end = tcp.seq.wrapping_add(segment.payload).wrapping_add(1);
            if !self.core.has(state::FIN, side) || at_or_after(end, counts.fin_end) {
                counts.fin_end = end;
            }
            self.core.set(state::FIN, side);
            self.core.unseason();
        }
        if tcp.flags & tcp_flags::SYN != 0 {
            self.syn(side, segment, options);
        }
    }

    /// Whether a SYN has another initial sequence number than the one before. On an answered flow it has no place in the
    /// sequence (RFC 9293 section 3.10.7.4: a challenge ACK answers it); on an unanswered one it begins anew.
    #[cold]
    fn is_stray_syn(&mut self, side: usize, seq: u32) -> bool {
        let counts = &mut self.rest.side[side & 1];
        if !self.core.has(state::SYN, side) || counts.isn == seq {
            return false;
        }
        if !self.core.has(state::SEEN, side ^ 1) && self.core.payload(side) == 0 {
            self.core.next_seq[side & 1] = seq.wrapping_add(1);
        }
        true
    }

    fn syn(&mut self, side: usize, segment: &Segment, options: &Options) {
        let tcp = &segment.header;
        let (counts, facts) = (&mut self.rest.side[side & 1], &mut self.rest.facts[side & 1]);
        counts.syn_count = counts.syn_count.saturating_add(1);
        if self.core.has(state::SYN, side) {
            let other = counts.isn != tcp.seq;
            facts.other_isn = facts.other_isn.saturating_add(u8::from(other));
            // A stray SYN behind the answer leaves no doubt which one was answered.
            if !(other && self.core.has(state::ACKED, side ^ 1)) {
                self.core.set(state::SYN_AGAIN, side);
            }
            if other && !self.core.has(state::SEEN, side ^ 1) {
                counts.isn = tcp.seq;
                self.rest.handshake[side & 1] = segment.time.0.max(1);
            }
            return;
        }
        self.core.set(state::SYN, side);
        counts.isn = tcp.seq;
        counts.syn_window = tcp.window;
        facts.scale = options.scale.map_or(0, |scale| scale + 1);
        if let Some(mss) = options.mss {
            counts.mss = mss;
            facts.options |= offered::MSS;
        }
        facts.options |= offered::SACK * u8::from(options.sack_permitted);
        facts.options |= offered::TIMESTAMPS * u8::from(options.timestamps.is_some());
        if self.rest.handshake[side & 1] == 0 {
            self.rest.handshake[side & 1] = segment.time.0.max(1);
        }
    }

    /// A segment of no or one byte just below what was sent and acknowledged, while the peer's window is open: RFC 9293
    /// section 3.8.4. With a closed window it is a probe of that (section 3.8.6.1).
    #[inline]
    fn is_keepalive(&self, side: usize, segment: &Segment) -> bool {
        segment.payload <= 1
            && segment.header.flags & NOT_PURE == 0
            && self.core.has(state::SEEN, side)
            && segment.header.seq.wrapping_add(1) == self.core.next_seq[side & 1]
            && (segment.payload == 0 || self.core.has(state::DATA_ACKED, side))
            && self.core.last_ack[side & 1 ^ 1] == self.core.next_seq[side & 1]
            && self.core.window[side & 1 ^ 1] != 0
    }

    /// An acknowledgement by `side` of the other side's data.
    fn acknowledge(&mut self, side: usize, segment: &Segment, timestamps: Option<(u32, u32)>, keepalive: bool) {
        let (side, data) = (side & 1, side & 1 ^ 1);
        let tcp = &segment.header;
        let pure = segment.payload == 0 && tcp.flags & NOT_PURE == 0;
        let known = self.core.has(state::ACKED, side);
        let ahead = distance(tcp.ack, self.core.last_ack[side]);
        let advances = !known || ahead > 0;
        if !self.core.has(state::FIRST_ACK, side) && tcp.flags & tcp_flags::SYN == 0 {
            self.core.set(state::FIRST_ACK, side);
            self.rest.side[side].first_ack = Low48::of_time(segment.time);
        }
        if known && ahead == 0 && pure && tcp.window == self.core.window[side] && !keepalive {
            let outstanding = self.core.has(state::SEEN, data) && after(self.core.next_seq[data], tcp.ack);
            if outstanding {
                self.hot.set_asks(side);
                self.rest.side[side].dup_acks += 1;
            }
        }
        // An acknowledgement that says nothing new settles nothing, unless it comes alone (then it counts as a repeat) or
        // what it covers came late. So data one way does not touch the other direction's half.
        if (advances || pure || self.core.has(state::LATE, data))
            && let Some((trail, chunks)) = self.pool.open(self.core.trail)
        {
            let half = &mut trail.half[data];
            if tcp.flags & tcp_flags::RST == 0 {
                ack::settle(Ack { number: tcp.ack, time: segment.time.0, pure }, half, chunks);
                if half.len == 0 {
                    self.core.unset(state::LATE | state::CHUNK, data);
                }
            }
            if let (true, Some((_, echoed))) = (advances, timestamps) {
                ack::echo(echoed, segment.time.0, half);
            }
        }
        if advances {
            self.core.last_ack[side] = tcp.ack;
            self.core.set(state::ACKED, side);
            if !self.core.has(state::DATA_ACKED, data) && self.core.has(state::SEEN, data) && self.beyond_syn(data, tcp)
            {
                self.core.set(state::DATA_ACKED, data);
            }
        }
        self.window(side, tcp);
    }

    /// Whether an acknowledgement covers more than the SYN.
    fn beyond_syn(&self, data: usize, tcp: &TcpHeader) -> bool {
        !self.core.has(state::SYN, data) || after(tcp.ack, self.rest.side[data & 1].isn.wrapping_add(1))
    }

    /// The window that `side` announces.
    #[inline(always)]
    fn window(&mut self, side: usize, tcp: &TcpHeader) {
        let changed = self.core.window[side] != tcp.window;
        self.core.window[side] = tcp.window;
        if tcp.window == 0 && tcp.flags & tcp_flags::RST == 0 {
            self.rest.side[side].zero_windows += 1;
        }
        if tcp.flags & tcp_flags::SYN == 0 && (changed || !self.core.has(state::WINDOW, side)) {
            self.core.set(state::WINDOW, side);
            self.window_range(side, tcp.window);
        }
    }

    #[inline(never)]
    fn window_range(&mut self, side: usize, window: u16) {
        match self.pool.trail(self.core.trail) {
            Some(trail) => trail.half[side & 1 ^ 1].take_window(window),
            None => {
                let counts = &mut self.rest.side[side & 1];
                widen(&mut counts.window_min, &mut counts.window_max, window);
            }
        }
    }

    #[inline(never)]
    fn sack(&mut self, side: usize, tcp: &TcpHeader, options: &Options) {
        let data = side ^ 1;
        self.rest.side[side].sack_packets += 1;
        if !self.core.has(state::SEEN, data) {
            return;
        }
        let Some((trail, chunks)) = self.pool.open(self.core.trail) else { return };
        ack::selective(tcp.ack, options, &mut self.rest.side[data & 1], &mut trail.half[data & 1], chunks);
    }

    /// A timestamp option of `side`.
    #[inline(always)]
    fn timestamp(&mut self, side: usize, segment: &Segment, value: u32) {
        if !self.core.has(state::TIMESTAMPS, side) {
            self.core.set(state::TIMESTAMPS, side);
            if !self.core.has(state::SYN, side) {
                self.rest.facts[side & 1].options |= offered::TIMESTAMPS;
            }
        }
        if segment.payload > 0
            && let Some(trail) = self.pool.trail(self.core.trail)
        {
            ack::await_echo(value, segment.time.0, &mut trail.half[side & 1]);
        }
    }

    /// A flow gets its trail with its second segment that takes sequence space, or with data, so that a flood of SYNs
    /// takes nothing from the pool.
    #[cold]
    fn wants_trail(&mut self, payload: u32, flags: u8) -> bool {
        let lone_syn = payload == 0 && flags & tcp_flags::ACK == 0;
        // A repeated SYN is anomalous, but nothing is outstanding yet that a history could tell apart.
        if lone_syn && !self.core.any(state::SYN_AGAIN) {
            return false;
        }
        self.begin_trail()
    }

    #[inline(never)]
    fn begin_trail(&mut self) -> bool {
        self.core.trail = self.pool.new_trail();
        let Some((trail, chunks)) = self.pool.open(self.core.trail) else {
            self.core.set(state::HISTORY_LOST, 0);
            self.core.set(state::HISTORY_LOST, 1);
            return false;
        };
        for side in [0, 1] {
            // SYNs seen before the trail began. The one being handled now is not in SEEN yet.
            if self.core.has(state::SYN, side) && self.core.has(state::SEEN, side) {
                let isn = self.rest.side[side].isn;
                let node = Node::new(isn, isn.wrapping_add(1), self.rest.handshake[side], 0);
                if !chunks.insert(&mut trail.half[side], 0, node) {
                    self.core.set(state::HISTORY_LOST, side);
                }
                self.core.set(state::LATE, side);
            }
        }
        true
    }

    /// Decides whether the flow is closed by now, and remembers when it closed.
    #[inline(never)]
    fn close(&mut self, segment: &Segment) {
        if self.hot.has(Mark::ClosedFin) || self.hot.has(Mark::ClosedRst) {
            return;
        }
        for side in [0, 1] {
            if self.core.has(state::FIN, side)
                && self.core.has(state::ACKED, side ^ 1)
                && at_or_after(self.core.last_ack[side ^ 1], self.rest.side[side].fin_end)
            {
                self.core.set(state::FIN_ACKED, side);
            }
        }
        if self.core.both(state::FIN_ACKED) {
            self.hot.set(Mark::ClosedFin);
        } else if segment.header.flags & tcp_flags::RST != 0 {
            self.hot.set(Mark::ClosedRst);
        } else {
            return;
        }
        self.rest.closed_at = segment.time.0;
    }
}

/// The options of a segment, as far as its header was captured.
#[inline]
fn options_of(tcp: &TcpHeader, behind: &[u8]) -> Options {
    let announced = usize::from(tcp.header_len).saturating_sub(20);
    Options::read(&behind[..announced.min(behind.len())])
}

#[cfg(test)]
mod tests;
