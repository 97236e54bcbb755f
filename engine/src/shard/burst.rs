//! The packets of one burst between its passes.
//!
//! **Owns** one place for each packet of a burst. **May touch** packets. **Order** filled by `worker` in its first pass,
//! read in the later ones. The places are reused from burst to burst: a packet is written once, where it will be read.

use crate::packet::Packet;
use crate::source::BURST;
use crate::table::Slot;

use super::Shard;

/// Packets between two passes.
const APART: usize = 8;

/// A packet on its way through the passes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ready {
    /// What decoding said.
    pub packet: Packet,
    /// What tells it from its mirror duplicate; 0 nothing.
    pub(super) print: u64,
    /// Slot of the flow that it probably belongs to, plus 1; 0 none.
    pub(super) likely: Slot,
    /// Which frame of the burst it was.
    pub frame: u8,
}

/// The places of one burst.
#[derive(Debug)]
pub struct Desk {
    places: Box<[Ready; BURST]>,
    used: usize,
}

impl Default for Desk {
    fn default() -> Desk {
        Desk { places: Box::new([Ready::default(); BURST]), used: 0 }
    }
}

impl Desk {
    /// Clears the desk for the next burst.
    #[inline]
    pub const fn clear(&mut self) {
        self.used = 0;
    }

    /// The next free place. It is taken by [`Desk::keep`]; a desk that is full gives its first one again.
    #[inline]
    pub fn place(&mut self) -> &mut Ready {
        const { assert!(BURST.is_power_of_two()) };
        &mut self.places[self.used & (BURST - 1)]
    }

    /// Keeps what was written to the place given last.
    #[inline]
    pub const fn keep(&mut self) {
        self.used += 1;
    }

    /// Takes the packets kept through the later passes: each group of [`APART`] flows is brought near
    /// a round before their histories are, and those a round before the packets are accounted. So memory answers while other packets are worked on, and
    /// never has more to do at once than it can.
    #[inline(always)]
    pub fn walk(&mut self, shard: &mut Shard, mut account: impl FnMut(&mut Shard, &Ready)) {
        let packets = &mut self.places[..self.used.min(BURST)];
        for round in 0..packets.len().div_ceil(APART) + 2 {
            for ready in group(packets, round) {
                shard.nearer(ready);
            }
            for ready in group(packets, round.wrapping_sub(1)) {
                shard.nearest(ready);
            }
            for ready in group(packets, round.wrapping_sub(2)) {
                account(shard, ready);
            }
        }
    }
}

/// The packets that take a step in one round; none behind the last and before the first.
#[inline(always)]
fn group(packets: &mut [Ready], number: usize) -> &mut [Ready] {
    let from = number.wrapping_mul(APART).min(packets.len());
    let to = (from + APART).min(packets.len());
    &mut packets[from..to]
}
