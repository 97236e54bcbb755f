//! The packets of one burst between its passes.
//!
//! **Owns** one place for each packet of a burst. **May touch** packets. **Order** filled by `worker` in its first pass,
//! read in the later ones. The places are reused from burst to burst.
//!
//! A place is one line: what it takes to find a packet's flow, and what accounting needs of most packets. The whole packet
//! stands beside it only where decoding had to make it.

use crate::key::KeyImage;
use crate::packet::{Outline, Packet, facts};
use crate::source::BURST;
use crate::table::Slot;

use super::Shard;

/// A packet on its way through the passes.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub struct Ready {
    /// The image of its key.
    pub(super) image: KeyImage,
    /// The hash of that.
    pub(super) hash: u64,
    /// What tells it from its mirror duplicate; 0 nothing.
    pub(super) print: u64,
    /// What accounting needs of most packets.
    pub(super) outline: Outline,
    /// Its first bucket; then the slot of the flow that it probably belongs to, plus 1, 0 none.
    pub(super) place: Slot,
    /// Which frame of the burst it was.
    pub frame: u8,
}

impl Ready {
    /// Whether it was taken as it lies in its frame, and no packet was made of it.
    #[inline]
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.outline.has(facts::PLAIN)
    }
}

const _: () = assert!(size_of::<Ready>() == 64, "a packet between the passes is one line");

/// A half of a trail that may go on elsewhere, and whether the next segment goes to its end. One word: it is written for every
/// segment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Further(u64);

impl Further {
    #[inline(always)]
    pub(super) const fn new(trail: u32, side: usize, at_end: bool) -> Further {
        Further((trail as u64) << 2 | (side as u64 & 1) << 1 | at_end as u64)
    }

    #[inline(always)]
    pub(super) const fn trail(self) -> u32 {
        (self.0 >> 2) as u32
    }

    #[inline(always)]
    pub(super) const fn side(self) -> usize {
        (self.0 >> 1 & 1) as usize
    }

    #[inline(always)]
    pub(super) const fn at_end(self) -> bool {
        self.0 & 1 != 0
    }
}

/// The places of one burst.
#[derive(Debug)]
pub struct Desk {
    places: Box<[Ready; BURST]>,
    /// The whole packets of those places that are not plain.
    packets: Box<[Packet; BURST]>,
    /// Filled and read within one walk.
    further: Box<[Further; BURST]>,
    used: usize,
}

impl Default for Desk {
    fn default() -> Desk {
        Desk {
            places: Box::new([Ready::default(); BURST]),
            packets: Box::new([Packet::default(); BURST]),
            further: Box::new([Further::default(); BURST]),
            used: 0,
        }
    }
}

impl Desk {
    /// Its memory.
    pub const BYTES: usize = BURST * (size_of::<Ready>() + size_of::<Packet>() + size_of::<Further>());

    /// Clears the desk for the next burst.
    #[inline]
    pub const fn clear(&mut self) {
        self.used = 0;
    }

    /// The next free place, for frame number `frame` of the burst. It is taken by [`Desk::keep`]; a desk that is full gives its
    /// first one again.
    #[inline(always)]
    pub fn place(&mut self, frame: usize) -> &mut Ready {
        const { assert!(BURST.is_power_of_two() && BURST <= 256) };
        let place = &mut self.places[self.used & (BURST - 1)];
        place.frame = frame as u8;
        place
    }

    /// The place given last, with room for its packet.
    #[inline]
    pub fn place_and_packet(&mut self) -> (&mut Ready, &mut Packet) {
        let at = self.used & (BURST - 1);
        (&mut self.places[at], &mut self.packets[at])
    }

    /// Keeps what was written to the place given last.
    #[inline]
    pub const fn keep(&mut self) {
        self.used += 1;
    }

    /// Takes the packets kept through the later passes: all buckets are brought near, then the flows, their histories, and what
    /// these lead to; then the packets are accounted.
    #[inline(always)]
    pub fn walk(&mut self, shard: &mut Shard, mut account: impl FnMut(&mut Shard, &Ready, &Packet)) {
        let used = self.used.min(BURST);
        let (places, packets) = (&mut self.places[..used], &self.packets[..used]);
        bring_near(shard, places, &mut self.further);
        for (ready, packet) in places.iter().zip(packets) {
            account(shard, ready, packet);
        }
    }
}

/// The passes that only bring near. Apart from what comes before and after them, whose registers they would take.
#[inline(never)]
fn bring_near(shard: &Shard, places: &mut [Ready], room: &mut [Further; BURST]) {
    for ready in &*places {
        shard.near(ready);
    }
    for ready in &mut *places {
        shard.nearer(ready);
    }
    // Each half is written down, and the next one over it where it leads nowhere: whether it does cannot be foreseen.
    let mut leading = 0;
    for ready in &*places {
        let Some((further, leads)) = shard.nearest(ready) else { continue };
        room[leading & (BURST - 1)] = further;
        leading += usize::from(leads);
    }
    for half in &room[..leading.min(BURST)] {
        shard.nodes_near(*half);
    }
}
