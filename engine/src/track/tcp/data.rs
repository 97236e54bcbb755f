//! Segments that take sequence space: what they tell of their side, and the way to their place in the history.
//!
//! **Owns** the highest sequence number of each side, segment sizes and bytes in flight. **May touch** the flow's TCP state
//! and the pool. **Order** called for payload, SYN and FIN, before the segment's own acknowledgement is taken in; `segment`
//! finds the place of any that is not simply the next one.

use super::segment::{Findings, Scene, Span};
use super::sequence::{after, at_or_after};
use super::{Flow, Segment};
use crate::flow::tcp::{TcpSide, state};
use crate::flow::trail::Half;
use crate::packet::{TcpHeader, tcp_flags};

impl Flow<'_> {
    /// A segment that takes sequence space.
    pub(super) fn data(&mut self, side: usize, segment: &Segment, end: u32, keepalive: bool) {
        let side = side & 1;
        let Segment { time, payload, ip_id, header: TcpHeader { seq, flags, .. } } = *segment;
        let seen = self.core.has(state::SEEN, side);
        let ahead = !seen || at_or_after(seq, self.core.next_seq[side]);
        if self.core.trail != 0 || self.wants_trail(payload, flags) {
            self.remember(Span { from: seq, to: end, time: time.0, ip_id, side, keepalive }, payload, flags, ahead);
        }
        if !seen || after(end, self.core.next_seq[side]) {
            self.core.next_seq[side] = end;
            self.core.set(state::SEEN, side);
        }
    }

    /// The segment's place in the history of its direction; its size, and the bytes in flight behind it.
    fn remember(&mut self, span: Span, payload: u32, flags: u8, ahead: bool) {
        let side = span.side & 1;
        let repeated = self.recall(span, flags);
        let Flow { core, rest, pool, .. } = self;
        let acked = core.has(state::ACKED, side ^ 1);
        if acked && at_or_after(core.last_ack[side ^ 1], span.to) {
            core.set(state::LATE, side);
        }
        if payload == 0 {
            return;
        }
        let Some(trail) = pool.trail(core.trail) else { return };
        let half = &mut trail.half[side];
        size(half, payload);
        if !core.has(state::DATA_ACKED, side) {
            let counts = &mut rest.side[side];
            counts.inflight_initial = counts.inflight_initial.saturating_add(payload.saturating_sub(repeated));
        }
        if ahead && acked && flags & tcp_flags::SYN == 0 {
            in_flight(half, span.to, core.last_ack[side ^ 1]);
        }
    }

    /// Any segment's place in the history. Returns how many of its bytes were seen before.
    fn recall(&mut self, span: Span, flags: u8) -> u32 {
        let Flow { hot, core, rest, pool } = self;
        let Some((trail, chunks)) = pool.open(core.trail) else { return 0 };
        let [first, second] = &mut trail.half;
        let (half, peer) = if span.side == 0 { (first, &*second) } else { (second, &*first) };
        let findings = Scene { core, rest, half, peer, chunks }.take(span);
        if findings != Findings::default() {
            hot.set_asks(span.side);
            found(&mut rest.side[span.side & 1], flags, findings);
        }
        findings.repeated
    }
}

/// Counts what the history made of a segment.
#[cold]
fn found(counts: &mut TcpSide, flags: u8, findings: Findings) {
    counts.retx_packets += u32::from(findings.repeated > 0);
    counts.retx_bytes += u64::from(findings.repeated);
    let syn = findings.head_repeated && flags & tcp_flags::SYN != 0;
    let fin = findings.tail_repeated && flags & tcp_flags::FIN != 0;
    counts.retx_control = counts.retx_control.saturating_add(u16::from(syn) + u16::from(fin));
    counts.ooo_packets += u32::from(findings.out_of_order);
}

/// Takes a segment's size into the range of its direction.
#[inline(always)]
pub(super) fn size(half: &mut Half, payload: u32) {
    let size = payload.min(u32::from(u16::MAX)) as u16;
    // 0 is none yet, and no size: one less is more than all.
    if size.wrapping_sub(1) < half.mss_min.wrapping_sub(1) {
        half.mss_min = size;
    }
    if size > half.mss_max {
        half.mss_max = size;
    }
}

/// Takes the bytes in flight behind a segment that ends at `end` into the range of its direction; none where all of it is
/// acknowledged.
#[inline(always)]
pub(super) fn in_flight(half: &mut Half, end: u32, acked: u32) {
    if after(end, acked) {
        let bytes = end.wrapping_sub(acked);
        if bytes > half.inflight_max {
            half.inflight_max = bytes;
        }
        if bytes.wrapping_sub(1) < half.inflight_min.wrapping_sub(1) {
            half.inflight_min = bytes;
        }
    }
}
