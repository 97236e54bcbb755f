//! The history of a TCP flow: which segments are outstanding, when they were sent, and what stands behind them.
//!
//! **Owns** the layouts of a trail and of the nodes it leads to. **May touch** nothing.
//! **Order** lies in the bounded pool of `track::history`; written by `track::tcp`.
//!
//! One half for each direction of data. Everything that a segment of that direction, or an acknowledgement of it, updates
//! beside the flow's own two lines lies in its half: two neighbouring lines. The first outstanding segment stands in the
//! half itself, so that an exchange of one segment and its acknowledgement needs no chunk.

use super::tcp::RttState;
use bytemuck::{Pod, Zeroable};

/// Both halves; 256 bytes of the pool. Index 0 is data from the client.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct Trail {
    /// Each direction of data.
    pub half: [Half; 2],
}

impl Trail {
    /// Forgets what is counted for a record, keeps the history: the next record of a flow that goes on.
    pub const fn restart(&mut self) {
        let mut side = 0;
        while side < 2 {
            let half = &mut self.half[side];
            half.mss_min = 0;
            half.mss_max = 0;
            half.inflight_max = 0;
            half.inflight_min = 0;
            half.window_min = 0;
            half.window_max = 0;
            half.ts_min = 0;
            half.ts_samples = 0;
            half.rtt = half.rtt.restarted();
            side += 1;
        }
    }
}

/// The history of one direction of data.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct Half {
    /// Latest transmission of anything in the settled range. Unit: UNIX nanoseconds.
    pub settled_time: u64,
    /// When `ts_value` was sent first. Unit: UNIX nanoseconds.
    pub ts_time: u64,
    /// Chunk of the pool that holds the nodes.
    pub chunk: u32,
    /// The settled range: the lowest run of bytes that were seen and acknowledged; `from..to` in sequence space.
    pub settled_from: u32,
    /// End of the settled range.
    pub settled_to: u32,
    /// Most bytes in flight.
    pub inflight_max: u32,
    /// Fewest bytes in flight behind a data segment; 0 none yet.
    pub inflight_min: u32,
    /// Timestamp value whose echo is awaited (RFC 7323).
    pub ts_value: u32,
    /// Smallest sample by the timestamp option (RFC 7323). Unit: microseconds.
    pub ts_min: u32,
    /// Smallest window other than 0 that the receiver announced behind its SYN, unscaled; 0 none.
    pub window_min: u16,
    /// Largest window of the same.
    pub window_max: u16,
    /// Index of the first node in the chunk.
    pub head: u16,
    /// Number of nodes.
    pub len: u16,
    /// Samples by the timestamp option.
    pub ts_samples: u16,
    /// Informative IPv4 identification that the end of the settled range was last sent with; 0 none.
    pub settled_ip_id: u16,
    /// Smallest payload of a segment; 0 none yet.
    pub mss_min: u16,
    /// Largest payload of a segment.
    pub mss_max: u16,
    /// Size class of the chunk, plus 1; 0 no chunk.
    pub size: u8,
    /// How often the end of the settled range was acknowledged, held at 255.
    pub settled_acks: u8,
    /// Bits of [`fact`].
    pub facts: u8,
    classes: u8,
    /// The node, while there is but one and no chunk. Its end is that of the last node in any case, and of the settled range
    /// behind which there is none: where the next segment begins stands in one place.
    pub single: Node,
    /// Round-trip times of this direction's segments.
    pub rtt: RttState,
}

/// Takes a window into a range; one of 0 is never the smallest, for 0 is none.
#[inline]
pub const fn widen(lowest: &mut u16, highest: &mut u16, window: u16) {
    if window > *highest {
        *highest = window;
    }
    if window.wrapping_sub(1) < lowest.wrapping_sub(1) {
        *lowest = window;
    }
}

impl Half {
    /// Where all that was seen ends, if anything was.
    #[inline(always)]
    #[must_use]
    pub const fn end(&self) -> Option<u32> {
        if self.len != 0 || self.facts & fact::SETTLED != 0 { Some(self.single.to) } else { None }
    }

    /// Whether all that was seen ends at `from`, where a segment up to `to` begins. Not for a single byte, which may probe a
    /// closed window.
    #[inline(always)]
    #[must_use]
    pub const fn ends_at(&self, from: u32, to: u32) -> bool {
        let anything = (self.len as u32 | (self.facts & fact::SETTLED) as u32) != 0;
        anything & (self.single.to == from) & (to.wrapping_sub(from) > 1)
    }

    /// Takes a window that the receiver announced into their range.
    #[inline]
    pub const fn take_window(&mut self, window: u16) {
        widen(&mut self.window_min, &mut self.window_max, window);
    }

    /// Class of the segment that was sent again last, plus 1; 0 none.
    #[must_use]
    pub const fn resent_class(&self) -> u8 {
        self.classes & 15
    }

    /// Class of the segment at the end of the settled range, plus 1; 0 none.
    #[must_use]
    pub const fn settled_class(&self) -> u8 {
        self.classes >> 4
    }

    /// Remembers the class of the segment that was sent again last.
    pub const fn set_resent_class(&mut self, class: u8) {
        self.classes = self.classes & 0xf0 | class & 15;
    }

    /// Remembers the class of the segment at the end of the settled range.
    pub const fn set_settled_class(&mut self, class: u8) {
        self.classes = self.classes & 15 | class << 4;
    }
}

/// Bits of [`Half::facts`].
pub mod fact {
    /// There is a settled range.
    pub const SETTLED: u8 = 1 << 0;
    /// `settled_time` is that of the segment at its end.
    pub const SETTLED_AT_END: u8 = 1 << 1;
    /// `ts_value` is awaited.
    pub const TS_AWAITED: u8 = 1 << 2;
    /// Something of the settled range was sent more than once.
    pub const SETTLED_RESENT: u8 = 1 << 3;
}

/// One segment, or a run of them that was acknowledged behind a hole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Node {
    /// Latest transmission. Unit: UNIX nanoseconds.
    pub time: u64,
    /// First sequence number.
    pub from: u32,
    /// Sequence number after the last.
    pub to: u32,
    /// IPv4 identification of the first transmission; 0 where there is none.
    pub ip_id: u16,
    /// Transmissions, held at 255.
    pub sent: u8,
    /// How often its end was acknowledged, held at 255; 0 is outstanding.
    pub acks: u8,
    /// Class of its last anomaly, plus 1; 0 none.
    pub class: u8,
    /// 1: it, or something behind it up to the next node, was selectively acknowledged.
    pub sacked: u8,
    /// IPv4 identification of the latest transmission; 0 where there is none.
    pub last_ip_id: u16,
}

impl Node {
    /// A segment sent for the first time.
    #[must_use]
    pub const fn new(from: u32, to: u32, time: u64, ip_id: u16) -> Node {
        Node { time, from, to, ip_id, sent: 1, acks: 0, class: 0, sacked: 0, last_ip_id: ip_id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_trail_is_two_cache_lines() {
        assert_eq!((size_of::<Half>(), size_of::<Trail>(), size_of::<Node>()), (128, 256, 24));
    }
}
