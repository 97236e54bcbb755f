//! The fixed state of a TCP flow: the line that every segment touches, and the rest.
//!
//! **Owns** the layouts. **May touch** nothing. **Order** written by `track::tcp`, read by `shard::emit`.
//!
//! Index 0 is client to server. What is rare is counted, what is common is what remains: acknowledgements are all
//! packets less those without ACK, pure ones are all packets less those with data and those that are bare.

use crate::time::Nanos;
use bytemuck::{Pod, Zeroable};

/// Line 1 of a TCP flow.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct TcpCore {
    payload_low: [u32; 2],
    /// Sequence number after the highest one seen from each side; valid with [`state::SEEN`].
    pub next_seq: [u32; 2],
    /// Highest acknowledgement number each side sent; valid with [`state::ACKED`].
    pub last_ack: [u32; 2],
    /// Segments with payload of each side.
    pub data_packets: [u32; 2],
    /// What was seen of each side so far: bits of [`state`].
    pub state: [u16; 2],
    /// The flow's trail, plus 1; 0 none yet.
    pub trail: u32,
    payload_high: [u16; 2],
    /// Window each side announced last, unscaled.
    pub window: [u16; 2],
    /// Latest segment with payload of each side.
    pub last_payload: [Low48; 2],
    /// All flags each side ever sent.
    pub flags: [u8; 2],
    /// Segments with PSH of each side, modulo 256: [`TcpSide::psh_count`] has the rest.
    pub psh: [u8; 2],
}

/// Bits of [`TcpCore::state`].
pub mod state {
    /// A SYN of this side was seen.
    pub const SYN: u16 = 1 << 0;
    /// A FIN of this side was seen.
    pub const FIN: u16 = 1 << 1;
    /// This side's FIN was acknowledged.
    pub const FIN_ACKED: u16 = 1 << 2;
    /// [`super::TcpCore::next_seq`] of this side is known.
    pub const SEEN: u16 = 1 << 3;
    /// [`super::TcpCore::last_ack`] and the window of this side are known.
    pub const ACKED: u16 = 1 << 4;
    /// A SYN of this side was sent again.
    pub const SYN_AGAIN: u16 = 1 << 5;
    /// This side's data was acknowledged at least once.
    pub const DATA_ACKED: u16 = 1 << 6;
    /// This side's history is incomplete: the pool was full.
    pub const HISTORY_LOST: u16 = 1 << 7;
    /// A window of this side other than a SYN's was seen.
    pub const WINDOW: u16 = 1 << 8;
    /// This side's first acknowledgement behind a SYN is stored.
    pub const FIRST_ACK: u16 = 1 << 9;
    /// This side's first payload is stored.
    pub const FIRST_PAYLOAD: u16 = 1 << 10;
    /// A timestamp option of this side was seen.
    pub const TIMESTAMPS: u16 = 1 << 11;
    /// A segment of this side came after its acknowledgement, which an ACK that says nothing new may settle.
    pub const LATE: u16 = 1 << 12;
    /// All has happened that a plain segment of this side without data may be the first to do.
    pub const SEASONED: u16 = 1 << 13;
    /// The same for a plain segment with data.
    pub const SEASONED_DATA: u16 = 1 << 14;
    /// Segments of this side stand in a chunk: a hint to bring it near.
    pub const CHUNK: u16 = 1 << 15;
}

impl TcpCore {
    /// Whether a bit of one side is set.
    #[inline]
    #[must_use]
    pub const fn has(&self, bit: u16, side: usize) -> bool {
        self.state[side & 1] & bit != 0
    }

    /// Whether a bit is set for both sides.
    #[inline]
    #[must_use]
    pub const fn both(&self, bit: u16) -> bool {
        self.state[0] & self.state[1] & bit != 0
    }

    /// Whether a bit is set for any side.
    #[inline]
    #[must_use]
    pub const fn any(&self, bit: u16) -> bool {
        (self.state[0] | self.state[1]) & bit != 0
    }

    /// Clears a bit of one side.
    #[inline]
    pub const fn unset(&mut self, bit: u16, side: usize) {
        self.state[side & 1] &= !bit;
    }

    /// Sets a bit of one side.
    #[inline]
    pub const fn set(&mut self, bit: u16, side: usize) {
        self.state[side & 1] |= bit;
    }

    /// Notes whether one side is seasoned: then nobody asks its plain segments for what happens once.
    pub const fn season(&mut self, side: usize) {
        const ALONE: u16 = state::ACKED | state::WINDOW | state::FIRST_ACK;
        const WITH_DATA: u16 = ALONE | state::SEEN | state::DATA_ACKED | state::FIRST_PAYLOAD;
        let own = self.state[side & 1];
        if own & ALONE == ALONE {
            self.set(state::SEASONED, side);
        }
        if own & WITH_DATA == WITH_DATA && self.has(state::ACKED, side ^ 1) {
            self.set(state::SEASONED_DATA, side);
        }
    }

    /// Takes bits of both sides back.
    const fn unset_both(&mut self, bits: u16) {
        self.state[0] &= !bits;
        self.state[1] &= !bits;
    }

    /// Takes back that sides are seasoned.
    pub const fn unseason(&mut self) {
        self.unset_both(state::SEASONED | state::SEASONED_DATA);
    }

    /// Payload bytes of one side, retransmissions included; below 2^48.
    #[inline]
    #[must_use]
    pub const fn payload(&self, side: usize) -> u64 {
        (self.payload_high[side & 1] as u64) << 32 | self.payload_low[side & 1] as u64
    }

    /// Adds payload bytes to one side.
    #[inline]
    pub const fn add_payload(&mut self, side: usize, bytes: u32) {
        let sum = self.payload(side) + bytes as u64;
        self.payload_low[side & 1] = sum as u32;
        self.payload_high[side & 1] = (sum >> 32) as u16;
    }

    /// Forgets the counts, keeps the sequence state: the next record of a flow that goes on.
    pub const fn restart(&mut self) {
        self.payload_low = [0; 2];
        self.payload_high = [0; 2];
        self.data_packets = [0; 2];
        self.last_payload = [Low48::of_span(0); 2];
        self.flags = [0; 2];
        self.psh = [0; 2];
        // The next window of each side is the first of the next record.
        self.unset_both(state::WINDOW | state::FIRST_ACK | state::FIRST_PAYLOAD);
        self.unseason();
    }
}

/// Tstat's eight classes of anomalous segments, in the order of the record's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// Retransmission after a timeout.
    Rto,
    /// Retransmission after duplicate acknowledgements.
    FastRetx,
    /// Overtaken in the network.
    Reordering,
    /// The same packet twice.
    NetDup,
    /// Probe of a closed window.
    FlowControl,
    /// Retransmission after a timeout of what had arrived.
    UnneededRto,
    /// Retransmission after duplicate acknowledgements of what had arrived.
    UnneededFastRetx,
    /// None of these can be told.
    Unknown,
}

/// How many classes there are.
pub const CLASSES: usize = 8;

/// 48 bits of a time or a duration. Unit: nanoseconds. A duration: up to 78 hours. A time: its low bits, told apart by
/// a later or earlier time that is near enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Low48 {
    low: [u8; 4],
    high: [u8; 2],
}

impl Low48 {
    /// The low bits of a time; 0 is moved on by a nanosecond, for 0 means that nothing was stored.
    #[must_use]
    pub const fn of_time(time: Nanos) -> Low48 {
        let low = time.0 & ((1 << 48) - 1);
        Low48::of_span(if low == 0 { 1 } else { low })
    }

    /// A duration, held at the end of the range.
    #[must_use]
    pub const fn of_span(span: u64) -> Low48 {
        let span = if span >> 48 == 0 { span } else { (1 << 48) - 1 };
        Low48 { low: (span as u32).to_le_bytes(), high: ((span >> 32) as u16).to_le_bytes() }
    }

    /// The duration.
    #[must_use]
    pub const fn span(self) -> u64 {
        u32::from_le_bytes(self.low) as u64 | (u16::from_le_bytes(self.high) as u64) << 32
    }

    /// The time that is at or after `start` by less than 78 hours; `None` when nothing was stored.
    #[must_use]
    pub const fn time_after(self, start: Nanos) -> Option<Nanos> {
        if self.span() == 0 {
            return None;
        }
        let behind = self.span().wrapping_sub(start.0) & ((1 << 48) - 1);
        Some(Nanos(start.0.wrapping_add(behind)))
    }

    /// The time that lies nearest to `near`, less than 39 hours off; `None` when nothing was stored.
    #[must_use]
    pub const fn time_near(self, near: Nanos) -> Option<Nanos> {
        self.time_after(near.minus(1 << 47))
    }

    /// Whether nothing was stored.
    #[must_use]
    pub const fn is_unset(self) -> bool {
        self.span() == 0
    }
}

impl TcpSide {
    /// Sequence number after what was sent again last.
    #[must_use]
    pub const fn resent_to(&self) -> u32 {
        self.resent_from.wrapping_add(self.resent_length as u32)
    }
}

impl RttState {
    /// No samples, but the smoothed values: the next record of a flow that goes on.
    #[must_use]
    pub const fn restarted(self) -> RttState {
        let none = Low48::of_span(0);
        let RttState { smoothed, variation, .. } = self;
        RttState { squares: 0.0, sum: 0, smoothed, variation, samples: 0, min: none, max: none }
    }
}

/// Round-trip times of one direction's segments.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct RttState {
    /// Sum of squares of the samples. Unit: square nanoseconds.
    pub squares: f64,
    /// Sum of the samples. Unit: nanoseconds.
    pub sum: u64,
    /// Smoothed round-trip time, RFC 6298. Unit: nanoseconds.
    pub smoothed: f32,
    /// Its variation, RFC 6298. Unit: nanoseconds.
    pub variation: f32,
    /// Samples.
    pub samples: u32,
    /// Smallest sample.
    pub min: Low48,
    /// Largest sample.
    pub max: Low48,
}

/// One side of what is touched less often than once a packet.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
#[allow(missing_docs, reason = "each is the record key of its name, documented in record::fields")]
pub struct TcpSide {
    pub retx_bytes: u64,
    pub isn: u32,
    /// Sequence number after the FIN.
    pub fin_end: u32,
    /// Multiples of 256; see [`TcpCore::psh`].
    pub psh_count: u32,
    /// Segments that are neither data nor pure acknowledgements.
    pub bare_packets: u32,
    pub no_ack_packets: u32,
    pub retx_packets: u32,
    pub ooo_packets: u32,
    pub dup_acks: u32,
    pub zero_windows: u32,
    pub sack_packets: u32,
    pub gap_bytes: u32,
    /// The segment that was sent again last, to match a DSACK with.
    pub resent_from: u32,
    /// Payload bytes sent before the first acknowledgement of data.
    pub inflight_initial: u32,
    pub classes: [u16; CLASSES],
    pub syn_count: u16,
    pub fin_count: u16,
    pub rst_count: u16,
    pub keepalives: u16,
    pub mss: u16,
    /// Window of the SYN, never scaled.
    pub syn_window: u16,
    /// Windows announced before the flow had a trail, or while the pool was empty.
    pub window_min: u16,
    pub window_max: u16,
    pub first_payload: Low48,
    pub first_ack: Low48,
    /// SYNs and FINs among `retx_bytes`.
    pub retx_control: u16,
    /// Length of the segment that was sent again last, held at 65535.
    pub resent_length: u16,
    spare: [u16; 2],
}

/// Small facts of one side.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct TcpFacts {
    /// Window scale of the SYN, plus 1; 0 not offered. RFC 7323.
    pub scale: u8,
    /// Bits of [`offered`].
    pub options: u8,
    /// SYNs with another initial sequence number on an open flow (RFC 9293 challenge ACK), held at 255.
    pub other_isn: u8,
    spare: u8,
}

/// Bits of [`TcpFacts::options`].
pub mod offered {
    /// SACK permitted, RFC 2018.
    pub const SACK: u8 = 1 << 0;
    /// Timestamps, RFC 7323.
    pub const TIMESTAMPS: u8 = 1 << 1;
    /// Maximum segment size, RFC 9293 section 3.7.1.
    pub const MSS: u8 = 1 << 2;
}

/// What of a TCP flow is touched less often than once a packet.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct TcpRest {
    /// When the flow closed. Unit: UNIX nanoseconds; meaningless before.
    pub closed_at: u64,
    /// First SYN of the client, first SYN+ACK of the server. Unit: UNIX nanoseconds; 0 unseen.
    pub handshake: [u64; 2],
    /// Client, server.
    pub side: [TcpSide; 2],
    /// Client, server.
    pub facts: [TcpFacts; 2],
}

impl TcpRest {
    /// Forgets the counts, keeps the state: the next record of a flow that goes on. Handshake fields stand in record 0
    /// only.
    pub fn restart(&mut self) {
        self.handshake = [0; 2];
        for (side, facts) in self.side.iter_mut().zip(&mut self.facts) {
            let kept = TcpSide {
                isn: side.isn,
                fin_end: side.fin_end,
                mss: side.mss,
                resent_from: side.resent_from,
                resent_length: side.resent_length,
                inflight_initial: side.inflight_initial,
                ..TcpSide::default()
            };
            *side = kept;
            facts.other_isn = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_spans_come_back_from_48_bits() {
        let start = Nanos(1_700_000_000_123_456_789);
        for after in [0, 1, 999, 3_600_000_000_000, 200_000_000_000_000] {
            assert_eq!(Low48::of_time(start.plus(after)).time_after(start), Some(start.plus(after)));
        }
        assert_eq!(Low48::of_span(u64::MAX).span(), (1 << 48) - 1);
        assert_eq!(Low48::default().time_after(start), None);
    }

    #[test]
    fn the_fixed_state_fills_its_lines_to_the_byte() {
        assert_eq!((size_of::<TcpCore>(), size_of::<TcpSide>(), size_of::<TcpRest>()), (64, 112, 256));
    }
}
