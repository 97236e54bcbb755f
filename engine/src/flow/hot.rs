//! Line 0 of a flow: what every packet of every protocol reads and writes.
//!
//! **Owns** the line and its packing. **May touch** nothing else. **Order** written by `shard`, once per packet.
//!
//! IP byte counters hold 48 bits, wire byte counters 40; the bits above them hold the TTL range, the flow's marks, its
//! DSCPs and roughly its start, so that the line stays one line. A record is cut before a counter can reach its end (see
//! [`Hot::brimful`]).

use crate::key::KeyImage;
use crate::time::Nanos;
use bytemuck::{Pod, Zeroable};
use std::hint::select_unpredictable;

const COUNT: u64 = (1 << 48) - 1;

/// Bits of a wire byte counter.
const WIRE: u64 = (1 << 40) - 1;

/// A record is cut when one side has so many packets, or so many wire bytes (512 GiB).
const BRIMFUL_PACKETS: u64 = 1 << 31;
const BRIMFUL_WIRE: u64 = 1 << 39;

/// Where in the wire words stand: the DSCP of side 0 and, 6 bits on, of side 1; the start.
const DSCP: usize = 40;
const START: usize = 52;

/// One step of the rough start: 2^32 nanoseconds, 4.3 s. It has 12 bits, and so comes round after 4.9 hours.
const STEP: u32 = 32;

/// The hot line. Zeroed is a free slot.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct Hot {
    image: [u64; 2],
    last: u64,
    packets: [u32; 2],
    /// IP bytes, and above them lowest and highest TTL.
    ip: [u64; 2],
    /// Wire bytes; above them the marks in word 0, and in word 1 each side's DSCP and the rough start.
    wire: [u64; 2],
}

/// A fact of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Mark {
    /// The client is the key's low endpoint.
    ClientIsLow = 1 << 0,
    /// TCP.
    Tcp = 1 << 1,
    /// UDP.
    Udp = 1 << 2,
    /// TCP: nothing but SYNs so far.
    OnlySyn = 1 << 3,
    /// TCP: both FINs were acknowledged.
    ClosedFin = 1 << 4,
    /// TCP: a RST came before that.
    ClosedRst = 1 << 5,
    /// Cut by the active timeout before: the flow's origin is stored apart.
    Cut = 1 << 6,
    /// Every packet so far was a fragment.
    OnlyFragments = 1 << 7,
    /// The collector was told that this worker holds a part of this flow.
    PartTold = 1 << 8,
    /// The latest packet came from the server.
    ServerLast = 1 << 9,
    /// SCTP or ESP: more is stored apart.
    Extra = 1 << 11,
    /// ICMP errors quoted a packet of the flow: their number is stored with its origin.
    IcmpErrors = 1 << 10,
    /// Not TCP: the record's earliest packet came from the server.
    ServerFirst = 1 << 12,
    /// TCP: the latest segment of the client asked for the flow's cold block; the next one probably will.
    ClientAsks = 1 << 13,
    /// The same of the server.
    ServerAsks = 1 << 14,
}

impl Hot {
    /// The line of a flow that begins.
    #[must_use]
    pub const fn begin(image: KeyImage, time: Nanos) -> Hot {
        let mut hot = Hot { image: image.0, last: time.0, packets: [0; 2], ip: [0; 2], wire: [0; 2] };
        hot.set_start(time);
        hot
    }

    /// Notes roughly when the flow's record starts, for [`Hot::age`].
    pub const fn set_start(&mut self, time: Nanos) {
        self.wire[1] = self.wire[1] << 12 >> 12 | (time.0 >> STEP) << START;
    }

    /// Steps of 2^32 nanoseconds from the start of the record to `now`, modulo 4096, rounded up or down.
    #[inline]
    #[must_use]
    pub const fn age(&self, now: Nanos) -> u64 {
        (now.0 >> STEP).wrapping_sub(self.wire[1] >> START) & 0xfff
    }

    /// The key's image.
    #[inline]
    #[must_use]
    pub const fn image(&self) -> KeyImage {
        KeyImage(self.image)
    }

    /// Latest packet.
    #[inline]
    #[must_use]
    pub const fn last(&self) -> Nanos {
        Nanos(self.last)
    }

    /// Packets of one side.
    #[inline]
    #[must_use]
    pub const fn packets(&self, side: usize) -> u32 {
        self.packets[side & 1]
    }

    /// Packets of both sides; 0 is a free slot.
    #[inline]
    #[must_use]
    pub const fn all_packets(&self) -> u64 {
        self.packets[0] as u64 + self.packets[1] as u64
    }

    /// IP bytes of one side.
    #[must_use]
    pub const fn ip_bytes(&self, side: usize) -> u64 {
        self.ip[side & 1] & COUNT
    }

    /// Wire bytes of one side.
    #[must_use]
    pub const fn wire_bytes(&self, side: usize) -> u64 {
        self.wire[side & 1] & WIRE
    }

    /// Lowest and highest TTL of one side; `None` without packets.
    #[must_use]
    pub const fn ttl(&self, side: usize) -> Option<(u8, u8)> {
        if self.packets[side & 1] == 0 {
            return None;
        }
        Some(((self.ip[side & 1] >> 48) as u8, (self.ip[side & 1] >> 56) as u8))
    }

    /// DSCP of the first packet of one side; `None` without packets.
    #[must_use]
    pub const fn dscp(&self, side: usize) -> Option<u8> {
        if self.packets[side & 1] == 0 {
            return None;
        }
        Some((self.wire[1] >> (DSCP + 6 * (side & 1)) & 0x3f) as u8)
    }

    /// Whether a mark is set.
    #[inline]
    #[must_use]
    pub const fn has(&self, mark: Mark) -> bool {
        self.wire[0] >> 48 & mark as u64 != 0
    }

    /// Sets a mark.
    #[inline]
    pub const fn set(&mut self, mark: Mark) {
        self.wire[0] |= (mark as u64) << 48;
    }

    /// Clears a mark.
    #[inline]
    pub const fn clear(&mut self, mark: Mark) {
        self.wire[0] &= !((mark as u64) << 48);
    }

    /// Sets a mark or clears it. Without a branch: which side sent cannot be foreseen.
    #[inline]
    pub fn put(&mut self, mark: Mark, on: bool) {
        let bit = (mark as u64) << 48;
        self.wire[0] = self.wire[0] & !bit | select_unpredictable(on, bit, 0);
    }

    /// Whether the latest segment of a side asked for the cold block.
    #[inline(always)]
    #[must_use]
    pub const fn asks(&self, side: usize) -> bool {
        self.wire[0] & Self::asks_bit(side) != 0
    }

    /// Notes that a segment of a side asks for the cold block.
    #[inline]
    pub const fn set_asks(&mut self, side: usize) {
        self.wire[0] |= Self::asks_bit(side);
    }

    /// Notes that a segment of a side does not.
    #[inline]
    pub const fn unset_asks(&mut self, side: usize) {
        self.wire[0] &= !Self::asks_bit(side);
    }

    const fn asks_bit(side: usize) -> u64 {
        (Mark::ClientAsks as u64) << (48 + (side & 1))
    }

    /// Whether the next packet's effect on the flow is counting alone, as far as marks and counters tell: the flow is open,
    /// has `noted` packets (at most 16) or more, and no counter is so full that the record may have to be cut.
    #[inline(always)]
    #[must_use]
    pub const fn is_calm(&self, noted: u8) -> bool {
        const PECULIAR: u64 = Mark::ClosedFin as u64
            | Mark::ClosedRst as u64
            | Mark::OnlySyn as u64
            | Mark::OnlyFragments as u64
            | Mark::Extra as u64;
        let in_word_0 = self.wire[0] & (PECULIAR << 48 | BRIMFUL_WIRE);
        (in_word_0 | self.wire[1] & BRIMFUL_WIRE) == 0
            && self.all_packets().wrapping_sub(noted as u64) < BRIMFUL_PACKETS - 16
    }

    /// Which side sent, given whether the sender is the low endpoint.
    #[inline]
    #[must_use]
    pub const fn side(&self, from_low: bool) -> usize {
        (from_low != self.has(Mark::ClientIsLow)) as usize
    }

    /// Counts a packet of one side.
    #[inline]
    pub fn count(&mut self, side: usize, time: Nanos, ip_bytes: u32, wire_bytes: u32, ttl: u8, tos: u8) {
        let side = side & 1;
        if self.packets[side] == 0 {
            self.ip[side] = u64::from(ttl) << 48 | u64::from(ttl) << 56 | self.ip[side] & COUNT;
            self.wire[1] &= !(0x3f << (DSCP + 6 * side));
            self.wire[1] |= u64::from(tos >> 2) << (DSCP + 6 * side);
        }
        self.count_further(side, time.max(self.last()), ip_bytes, wire_bytes, ttl);
    }

    /// Counts a packet of a side that has sent one before, not older than the latest.
    #[inline]
    pub const fn count_further(&mut self, side: usize, time: Nanos, ip_bytes: u32, wire_bytes: u32, ttl: u8) {
        let side = side & 1;
        if self.ip[side] >> 48 != 0x101 * ttl as u64 {
            self.widen_ttl(side, ttl);
        }
        self.packets[side] += 1;
        self.ip[side] += ip_bytes as u64;
        self.wire[side] += wire_bytes as u64;
        self.last = time.0;
    }

    /// Takes a TTL into the range of a side.
    #[cold]
    const fn widen_ttl(&mut self, side: usize, ttl: u8) {
        let (low, high) = ((self.ip[side] >> 48) as u8, (self.ip[side] >> 56) as u8);
        let low = if ttl < low { ttl } else { low };
        let high = if ttl > high { ttl } else { high };
        self.ip[side] = (low as u64) << 48 | (high as u64) << 56 | self.ip[side] & COUNT;
    }

    /// Whether a counter is so full that the record has to be cut.
    #[inline]
    #[must_use]
    pub const fn brimful(&self) -> bool {
        (self.packets[0] | self.packets[1]) as u64 >= BRIMFUL_PACKETS
            || (self.wire[0] | self.wire[1]) & BRIMFUL_WIRE != 0
    }

    /// Forgets all counts, keeps image, time, marks: the next record of a flow that goes on.
    pub const fn restart(&mut self) {
        self.packets = [0; 2];
        self.ip = [0; 2];
        self.wire[0] &= !WIRE;
        self.wire[1] &= !WIRE;
    }

    /// Frees the slot.
    pub const fn free(&mut self) {
        self.packets = [0; 2];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_ttl_and_dscp_do_not_disturb_each_other() {
        let mut hot = Hot::begin(KeyImage([1, 2]), Nanos(10));
        hot.set(Mark::Tcp);
        hot.set(Mark::ClientIsLow);
        hot.count(0, Nanos(12), 1500, 1514, 64, 0xb8);
        hot.count(0, Nanos(11), 40, 60, 63, 0);
        hot.count(1, Nanos(13), 52, 66, 128, 0x28);
        assert_eq!((hot.packets(0), hot.ip_bytes(0), hot.wire_bytes(0)), (2, 1540, 1574));
        assert_eq!((hot.ttl(0), hot.ttl(1)), (Some((63, 64)), Some((128, 128))));
        assert_eq!((hot.dscp(0), hot.dscp(1)), (Some(46), Some(10)));
        assert_eq!(hot.last(), Nanos(13));
        assert!(hot.has(Mark::Tcp) && hot.has(Mark::ClientIsLow) && !hot.has(Mark::Cut));
        assert_eq!((hot.side(true), hot.side(false)), (0, 1));
        hot.clear(Mark::Tcp);
        assert!(!hot.has(Mark::Tcp));
    }

    #[test]
    fn a_restart_keeps_what_the_flow_is_and_forgets_what_was_counted() {
        let mut hot = Hot::begin(KeyImage([1, 2]), Nanos(10));
        hot.set(Mark::Udp);
        hot.count(1, Nanos(12), 1500, 1514, 64, 0xb8);
        hot.restart();
        assert_eq!((hot.all_packets(), hot.ip_bytes(1), hot.wire_bytes(1), hot.ttl(1)), (0, 0, 0, None));
        assert!(hot.has(Mark::Udp) && hot.image() == KeyImage([1, 2]));
    }
}
