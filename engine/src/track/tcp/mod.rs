//! TCP: what a segment says of its flow.
//!
//! **Owns** the order in which a segment's rules are applied, the counts by kind, windows, and when a flow is closed.
//! **May touch** the flow's hot line (marks only), its TCP line, its cold block and its history.
//! **Order** called by `shard` for every packet of a TCP flow, fragments and cut-off headers included, before the packet
//! is counted in the hot line.
//!
//! Rooms: `options` reads them, `segment` takes data in, `ack` takes acknowledgements in, `class` names anomalies, `rtt`
//! keeps the statistics. Lengths are those of IP and TCP headers, never of what was captured.

mod ack;
mod class;
mod options;
pub mod report;
mod rtt;
mod segment;
mod sequence;

use super::history::History;
use crate::flow::tcp::{Low48, TcpCore, TcpRest, offered, state};
use crate::flow::trail::{Node, fact};
use crate::flow::{Hot, Mark};
use crate::packet::{Marks, Packet, TcpHeader, tcp_flags};
use ack::Ack;
use options::Options;
use segment::{Findings, Scene, Span};
use sequence::{after, at_or_after};

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

const NOT_PURE: u8 = tcp_flags::SYN | tcp_flags::FIN | tcp_flags::RST;

impl Flow<'_> {
    /// Takes one packet of `side` (0 client, 1 server) into the flow. `bytes` are those of its frame.
    #[inline]
    pub fn packet(&mut self, side: usize, packet: &Packet, bytes: &[u8]) {
        let side = side & 1;
        self.core.add_payload(side, packet.payload_bytes);
        if !packet.marks.has(Marks::TCP) {
            return self.headless(side);
        }
        let tcp = &packet.tcp;
        let options = if tcp.header_len > 20 { options_of(packet, bytes) } else { Options::default() };
        self.count(side, packet);
        let stray = tcp.flags & tcp_flags::SYN != 0 && self.is_stray_syn(side, tcp.seq);
        if tcp.flags & (NOT_PURE | tcp_flags::PSH) != 0
            || self.rest.facts[side].flags | tcp.flags != self.rest.facts[side].flags
        {
            self.control(side, packet, &options);
        }
        let length = packet.payload_bytes
            + u32::from(tcp.flags & tcp_flags::SYN != 0)
            + u32::from(tcp.flags & tcp_flags::FIN != 0);
        let end = tcp.seq.wrapping_add(length);
        let keepalive = self.is_keepalive(side, packet);
        if length > 0 && !stray {
            self.data(side, packet, end, keepalive);
        }
        if keepalive {
            let count = &mut self.rest.side[side].keepalives;
            *count = count.saturating_add(1);
        }
        if tcp.flags & tcp_flags::ACK != 0 {
            self.acknowledge(side, packet, &options);
        }
        if let Some((value, _)) = options.timestamps {
            if packet.payload_bytes > 0 {
                self.await_echo(side, value, packet.time.0);
            }
            if !self.core.has(state::SYN, side) {
                self.rest.facts[side].options |= offered::TIMESTAMPS;
            }
        }
        if self.core.any(state::FIN) || tcp.flags & tcp_flags::RST != 0 {
            self.close(packet);
        }
    }

    /// A later fragment, or a header that was captured in part.
    fn headless(&mut self, side: usize) {
        self.rest.side[side & 1].bare_packets += 1;
        self.rest.side[side & 1].no_ack_packets += 1;
        self.hot.clear(Mark::OnlySyn);
    }

    #[inline]
    fn count(&mut self, side: usize, packet: &Packet) {
        let (side, flags) = (side & 1, packet.tcp.flags);
        if packet.payload_bytes > 0 {
            self.core.data_packets[side] += 1;
            if self.core.last_payload[side] == 0 {
                self.rest.side[side].first_payload = Low48::of_time(packet.time);
            }
            self.core.last_payload[side] = self.core.last_payload[side].max(packet.time.0);
        } else if flags & NOT_PURE != 0 || flags & tcp_flags::ACK == 0 {
            self.rest.side[side].bare_packets += 1;
        }
        if flags & tcp_flags::ACK == 0 {
            self.rest.side[side].no_ack_packets += 1;
        }
        if self.hot.has(Mark::OnlySyn) && flags & tcp_flags::SYN == 0 {
            self.hot.clear(Mark::OnlySyn);
        }
    }

    /// SYN, FIN, RST, PSH, and flags not seen before.
    #[inline(never)]
    fn control(&mut self, side: usize, packet: &Packet, options: &Options) {
        let tcp = &packet.tcp;
        let (counts, facts) = (&mut self.rest.side[side & 1], &mut self.rest.facts[side & 1]);
        facts.flags |= tcp.flags;
        counts.psh_count += u32::from(tcp.flags & tcp_flags::PSH != 0);
        if tcp.flags & tcp_flags::RST != 0 {
            counts.rst_count = counts.rst_count.saturating_add(1);
        }
        if tcp.flags & tcp_flags::FIN != 0 {
            counts.fin_count = counts.fin_count.saturating_add(1);
            let end = tcp.seq.wrapping_add(packet.payload_bytes).wrapping_add(1);
            if !self.core.has(state::FIN, side) || at_or_after(end, counts.fin_end) {
                counts.fin_end = end;
            }
            self.core.set(state::FIN, side);
        }
        if tcp.flags & tcp_flags::SYN != 0 {
            self.syn(side, packet, options);
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

    fn syn(&mut self, side: usize, packet: &Packet, options: &Options) {
        let tcp = &packet.tcp;
        let (counts, facts) = (&mut self.rest.side[side & 1], &mut self.rest.facts[side & 1]);
        counts.syn_count = counts.syn_count.saturating_add(1);
        if self.core.has(state::SYN, side) {
            self.core.set(state::SYN_AGAIN, side);
            let other = counts.isn != tcp.seq;
            facts.other_isn = facts.other_isn.saturating_add(u8::from(other));
            if other && !self.core.has(state::SEEN, side ^ 1) {
                counts.isn = tcp.seq;
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
            self.rest.handshake[side & 1] = packet.time.0.max(1);
        }
    }

    /// A segment of no or one byte just below what was sent and acknowledged, while the peer's window is open: RFC 9293
    /// section 3.8.4. With a closed window it is a probe of that (section 3.8.6.1).
    #[inline]
    fn is_keepalive(&self, side: usize, packet: &Packet) -> bool {
        packet.payload_bytes <= 1
            && packet.tcp.flags & NOT_PURE == 0
            && self.core.has(state::SEEN, side)
            && packet.tcp.seq.wrapping_add(1) == self.core.next_seq[side & 1]
            && (packet.payload_bytes == 0 || self.core.has(state::DATA_ACKED, side))
            && self.core.last_ack[side & 1 ^ 1] == self.core.next_seq[side & 1]
            && self.core.window[side & 1 ^ 1] != 0
    }

    /// A segment that takes sequence space.
    #[inline]
    fn data(&mut self, side: usize, packet: &Packet, end: u32, keepalive: bool) {
        let side = side & 1;
        let ahead = !self.core.has(state::SEEN, side) || at_or_after(packet.tcp.seq, self.core.next_seq[side]);
        let mut repeated = 0;
        if self.trail(packet) {
            let findings = self.remember(side, packet, end, keepalive);
            repeated = findings.repeated;
            if findings != Findings::default() {
                let counts = &mut self.rest.side[side];
                counts.retx_packets += u32::from(findings.repeated > 0);
                counts.retx_bytes += u64::from(findings.repeated);
                let syn = findings.head_repeated && packet.tcp.flags & tcp_flags::SYN != 0;
                let fin = findings.tail_repeated && packet.tcp.flags & tcp_flags::FIN != 0;
                counts.retx_control = counts.retx_control.saturating_add(u16::from(syn) + u16::from(fin));
                counts.ooo_packets += u32::from(findings.out_of_order);
            }
        }
        if !self.core.has(state::SEEN, side) || after(end, self.core.next_seq[side]) {
            self.core.next_seq[side] = end;
            self.core.set(state::SEEN, side);
        }
        if packet.payload_bytes > 0 {
            self.sizes(side, packet, end, ahead, repeated);
        }
    }

    fn remember(&mut self, side: usize, packet: &Packet, end: u32, keepalive: bool) -> Findings {
        let Some(mut half) = self.pool.trail(self.core.trail).map(|trail| trail.half[side & 1]) else {
            return Findings::default();
        };
        let span = Span { keepalive, ..Span::of(packet, side, end) };
        let mut scene = Scene { core: self.core, rest: self.rest, half: &mut half, pool: self.pool };
        let findings = scene.take(span);
        if let Some(trail) = self.pool.trail(self.core.trail) {
            trail.half[side & 1] = half;
        }
        findings
    }

    /// Segment sizes and bytes in flight.
    #[inline]
    fn sizes(&mut self, side: usize, packet: &Packet, end: u32, ahead: bool, repeated: u32) {
        let peer_ack = self.core.has(state::ACKED, side ^ 1).then_some(self.core.last_ack[side & 1 ^ 1]);
        let data_acked = self.core.has(state::DATA_ACKED, side);
        let Some(trail) = self.pool.trail(self.core.trail) else { return };
        let half = &mut trail.half[side & 1];
        let size = u16::try_from(packet.payload_bytes).unwrap_or(u16::MAX);
        if half.mss_min == 0 || size < half.mss_min {
            half.mss_min = size;
        }
        half.mss_max = half.mss_max.max(size);
        if !data_acked {
            let new = packet.payload_bytes.saturating_sub(repeated);
            half.inflight_initial = half.inflight_initial.saturating_add(new);
        }
        if let Some(acked) = peer_ack
            && ahead
            && packet.tcp.flags & tcp_flags::SYN == 0
            && after(end, acked)
        {
            let inflight = end.wrapping_sub(acked);
            half.inflight_max = half.inflight_max.max(inflight);
            if half.inflight_min == 0 || inflight < half.inflight_min {
                half.inflight_min = inflight;
            }
        }
    }

    /// An acknowledgement by `side` of the other side's data.
    #[inline]
    fn acknowledge(&mut self, side: usize, packet: &Packet, options: &Options) {
        let (side, data) = (side & 1, side & 1 ^ 1);
        let tcp = &packet.tcp;
        let first = !self.core.has(state::ACKED, side);
        let pure = packet.payload_bytes == 0 && tcp.flags & NOT_PURE == 0;
        let advances = first || after(tcp.ack, self.core.last_ack[side]);
        if self.rest.side[side].first_ack.is_unset() && tcp.flags & tcp_flags::SYN == 0 {
            self.rest.side[side].first_ack = Low48::of_time(packet.time);
        }
        let same = !first && tcp.ack == self.core.last_ack[side];
        let outstanding = self.core.has(state::SEEN, data) && after(self.core.next_seq[data], tcp.ack);
        if same && pure && outstanding && tcp.window == self.core.window[side] && !self.is_keepalive(side, packet) {
            self.rest.side[side].dup_acks += 1;
        }
        if !options.sack.is_empty() {
            self.sack(side, tcp, options);
        }
        if tcp.flags & tcp_flags::RST == 0 {
            self.settle(data, packet, pure);
        }
        if advances {
            self.core.last_ack[side] = tcp.ack;
            self.core.set(state::ACKED, side);
            if self.core.has(state::SEEN, data) && self.beyond_syn(data, tcp) {
                self.core.set(state::DATA_ACKED, data);
            }
        }
        self.window(side, tcp);
        if let (true, Some((_, echoed))) = (advances, options.timestamps)
            && let Some(trail) = self.pool.trail(self.core.trail)
        {
            ack::echo(echoed, packet.time.0, &mut self.rest.side[data], &mut trail.half[data]);
        }
    }

    /// Whether an acknowledgement covers more than the SYN.
    fn beyond_syn(&self, data: usize, tcp: &TcpHeader) -> bool {
        !self.core.has(state::SYN, data) || after(tcp.ack, self.rest.side[data & 1].isn.wrapping_add(1))
    }

    fn settle(&mut self, data: usize, packet: &Packet, pure: bool) {
        let Some(mut half) = self.pool.trail(self.core.trail).map(|trail| trail.half[data & 1]) else { return };
        let ack = Ack { number: packet.tcp.ack, time: packet.time.0, pure };
        ack::settle(ack, &mut self.rest.side[data & 1], &mut half, self.pool);
        if let Some(trail) = self.pool.trail(self.core.trail) {
            trail.half[data & 1] = half;
        }
    }

    /// The window that `side` announces.
    #[inline]
    fn window(&mut self, side: usize, tcp: &TcpHeader) {
        let known = self.core.has(state::WINDOW, side);
        let changed = self.core.window[side] != tcp.window;
        self.core.window[side] = tcp.window;
        let counts = &mut self.rest.side[side];
        if tcp.window == 0 && tcp.flags & tcp_flags::RST == 0 {
            counts.zero_windows += 1;
        }
        if tcp.flags & tcp_flags::SYN == 0 && (changed || !known) {
            self.core.set(state::WINDOW, side);
            counts.window_max = counts.window_max.max(tcp.window);
            if tcp.window > 0 && (counts.window_min == 0 || tcp.window < counts.window_min) {
                counts.window_min = tcp.window;
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
        let Some(mut half) = self.pool.trail(self.core.trail).map(|trail| trail.half[data & 1]) else { return };
        ack::selective(tcp.ack, options, &mut self.rest.side[data & 1], &mut half, self.pool);
        if let Some(trail) = self.pool.trail(self.core.trail) {
            trail.half[data & 1] = half;
        }
    }

    fn await_echo(&mut self, side: usize, value: u32, time: u64) {
        let Some(trail) = self.pool.trail(self.core.trail) else { return };
        let half = &mut trail.half[side & 1];
        if half.facts & fact::TS_AWAITED == 0 && half.ts_value != value {
            half.ts_value = value;
            half.ts_time = time;
            half.facts |= fact::TS_AWAITED;
        }
    }

    /// Whether the flow has a trail; it gets one with its second segment that takes sequence space, or with data, so
    /// that a flood of SYNs takes nothing from the pool.
    #[inline]
    fn trail(&mut self, packet: &Packet) -> bool {
        if self.core.trail != 0 {
            return true;
        }
        let lone_syn = packet.payload_bytes == 0 && packet.tcp.flags & tcp_flags::ACK == 0;
        if lone_syn {
            // A repeated SYN is anomalous, but nothing is outstanding yet that a history could tell apart.
            let again = self.core.has(state::SYN_AGAIN, 0) || self.core.has(state::SYN_AGAIN, 1);
            if !again {
                return false;
            }
        }
        self.begin_trail()
    }

    #[inline(never)]
    fn begin_trail(&mut self) -> bool {
        self.core.trail = self.pool.new_trail();
        let Some(mut trail) = self.pool.trail(self.core.trail).copied() else {
            self.core.set(state::HISTORY_LOST, 0);
            self.core.set(state::HISTORY_LOST, 1);
            return false;
        };
        for side in [0, 1] {
            // SYNs seen before the trail began. The one being handled now is not in SEEN yet.
            if self.core.has(state::SYN, side) && self.core.has(state::SEEN, side) {
                let isn = self.rest.side[side].isn;
                let node = Node::new(isn, isn.wrapping_add(1), self.rest.handshake[side], 0);
                if !self.pool.insert(&mut trail.half[side], 0, node) {
                    self.core.set(state::HISTORY_LOST, side);
                }
            }
        }
        if let Some(place) = self.pool.trail(self.core.trail) {
            *place = trail;
        }
        true
    }

    /// Decides whether the flow is closed by now, and remembers when it closed.
    #[inline(never)]
    fn close(&mut self, packet: &Packet) {
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
        } else if packet.tcp.flags & tcp_flags::RST != 0 {
            self.hot.set(Mark::ClosedRst);
        } else {
            return;
        }
        self.rest.closed_at = packet.time.0;
    }
}

/// The options of a segment, as far as its header was captured.
#[inline]
fn options_of(packet: &Packet, bytes: &[u8]) -> Options {
    let from = usize::from(packet.l4_offset) + 20;
    let to = usize::from(packet.l4_offset) + usize::from(packet.tcp.header_len);
    Options::read(bytes.get(from..to.min(bytes.len())).unwrap_or_default())
}

#[cfg(test)]
mod tests;
