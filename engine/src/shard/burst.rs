//! The packets of one burst between its passes.
//!
//! **Owns** one place for each packet of a burst. **May touch** packets. **Order** filled by `worker` in its first pass,
//! read in the later ones. The places are reused from burst to burst: a packet is written once, where it will be read.

use crate::key::KeyImage;
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
    /// The image of its key.
    pub image: KeyImage,
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

    /// The next free place. It is taken by [`Desk::keep`]; a desk that is full gives its last one again.
    #[inline]
    pub fn place(&mut self) -> &mut Ready {
        &mut self.places[self.used.min(BURST - 1)]
    }

    /// Keeps what was written to the place given last.
    #[inline]
    pub const fn keep(&mut self) {
        if self.used < BURST {
            self.used += 1;
        }
    }

    /// Takes the packets kept through the later passes: each flow is brought near [`APART`] packets before its history
    /// is, and that so many before the packet is accounted. So memory answers while other packets are worked on, and
    /// never has more to do at once than it can.
    #[inline(always)]
    pub fn walk(&mut self, shard: &mut Shard, mut account: impl FnMut(&mut Shard, &Ready)) {
        let packets = &mut self.places[..self.used.min(BURST)];
        for at in 0..packets.len() + 2 * APART {
            if let Some(ready) = packets.get_mut(at) {
                shard.nearer(ready);
            }
            if let Some(ready) = packets.get(at.wrapping_sub(APART)) {
                shard.nearest(ready);
            }
            if let Some(ready) = packets.get(at.wrapping_sub(2 * APART)) {
                account(shard, ready);
            }
        }
    }
}
