//! TCP: what a segment says of its flow.
//!
//! **Owns** sequence-space comparison, the counts of segments by kind, and when a connection is closed.
//! **May touch** the flow's hot line (marks only), its TCP line and its cold block.
//! **Order** called by `shard` for every packet of a TCP flow, fragments and cut-off headers included.

use crate::flow::{Hot, Mark, TcpCore, TcpRest, tcp::TcpState};
use crate::packet::{Marks, Packet, tcp_flags};

/// Whether `a` is at or after `b` in sequence space: less than 2^31 ahead. RFC 9293 section 3.4.
#[inline]
#[must_use]
pub const fn at_or_after(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() >= 0
}

/// Takes one packet of `side` (0 client, 1 server) into the flow.
#[inline]
pub fn packet(hot: &mut Hot, core: &mut TcpCore, rest: &mut TcpRest, side: usize, packet: &Packet) {
    let side = side & 1;
    core.payload[side] += u64::from(packet.payload_bytes);
    if !packet.marks.has(Marks::TCP) {
        core.bare_packets[side] += 1;
        core.no_ack_packets[side] += 1;
        hot.clear(Mark::OnlySyn);
        return;
    }
    let tcp = &packet.tcp;
    let control = tcp.flags & (tcp_flags::SYN | tcp_flags::FIN | tcp_flags::RST);
    let length =
        packet.payload_bytes + u32::from(tcp.flags & tcp_flags::SYN != 0) + u32::from(tcp.flags & tcp_flags::FIN != 0);
    let end = tcp.seq.wrapping_add(length);
    if !core.has(TcpState::SEEN, side) || !at_or_after(core.next_seq[side], end) {
        core.next_seq[side] = end;
        core.set(TcpState::SEEN, side);
    }
    if packet.payload_bytes > 0 {
        core.data_packets[side] += 1;
    } else if control != 0 || tcp.flags & tcp_flags::ACK == 0 {
        core.bare_packets[side] += 1;
    }
    if tcp.flags & tcp_flags::ACK == 0 {
        core.no_ack_packets[side] += 1;
    } else if !core.has(TcpState::ACKED, side) || at_or_after(tcp.ack, core.last_ack[side]) {
        core.last_ack[side] = tcp.ack;
        core.set(TcpState::ACKED, side);
    }
    if rest.flags[side] & tcp.flags != tcp.flags {
        rest.flags[side] |= tcp.flags;
    }
    if tcp.flags & tcp_flags::PSH != 0 {
        rest.psh_count[side] += 1;
    }
    if control != 0 {
        self::control(core, rest, side, packet, end);
    }
    if hot.has(Mark::OnlySyn) && tcp.flags & tcp_flags::SYN == 0 {
        hot.clear(Mark::OnlySyn);
    }
    let ending = core.state & (TcpState::FIN | TcpState::FIN << 1) != 0 || tcp.flags & tcp_flags::RST != 0;
    if ending {
        close(hot, core, rest, packet);
    }
}

/// SYN, FIN and RST: what happens a few times in a flow's life.
#[inline(never)]
fn control(core: &mut TcpCore, rest: &mut TcpRest, side: usize, packet: &Packet, end: u32) {
    let tcp = &packet.tcp;
    if tcp.flags & tcp_flags::SYN != 0 {
        rest.syn_count[side] += 1;
        if !core.has(TcpState::SYN, side) {
            core.set(TcpState::SYN, side);
            rest.isn[side] = tcp.seq;
        } else if rest.isn[side] != tcp.seq {
            rest.other_isn[side] = rest.other_isn[side].saturating_add(1);
        }
        if tcp.flags & tcp_flags::ACK != 0 {
            core.set(TcpState::SYN_ACK, side);
        }
    }
    if tcp.flags & tcp_flags::FIN != 0 {
        rest.fin_count[side] += 1;
        if !core.has(TcpState::FIN, side) || at_or_after(end, rest.fin_end[side]) {
            rest.fin_end[side] = end;
        }
        core.set(TcpState::FIN, side);
    }
    if tcp.flags & tcp_flags::RST != 0 {
        rest.rst_count[side] += 1;
    }
}

/// Decides whether the flow is closed by now, and remembers when it closed.
#[inline(never)]
fn close(hot: &mut Hot, core: &mut TcpCore, rest: &mut TcpRest, packet: &Packet) {
    if hot.has(Mark::ClosedFin) || hot.has(Mark::ClosedRst) {
        return;
    }
    for side in [0, 1] {
        let other = side ^ 1;
        if core.has(TcpState::FIN, side)
            && core.has(TcpState::ACKED, other)
            && at_or_after(core.last_ack[other], rest.fin_end[side])
        {
            core.set(TcpState::FIN_ACKED, side);
        }
    }
    if core.has(TcpState::FIN_ACKED, 0) && core.has(TcpState::FIN_ACKED, 1) {
        hot.set(Mark::ClosedFin);
    } else if packet.tcp.flags & tcp_flags::RST != 0 {
        hot.set(Mark::ClosedRst);
    } else {
        return;
    }
    rest.closed_at = packet.time.0;
}
