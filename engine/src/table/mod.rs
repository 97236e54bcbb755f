//! The flow table's index: from a key's image to the slot of its flow, in one cache line, or two when it overflows.
//!
//! **Owns** the buckets, the free list, and the images beside them. **May touch** its own memory.
//! **Order** called by `shard`. Fixed capacity, no resize, no rehash; slots never move while a flow lives.
//!
//! A flow stands in one of two buckets of eight. An insertion takes a free way of the first, else of the second, else
//! moves one of the sixteen flows there to its other bucket; if none can move, the index is full for this key. Every
//! step is bounded: a lookup reads at most two buckets, an insertion at most eighteen.

mod bucket;

use crate::key::KeyImage;
use crate::memory::{Arena, ArenaOptions, Pages, prefetch};
use bucket::{Bucket, WAYS};

/// Ways per hundred flows of capacity: 100 / 1.33 is a load of three quarters when every slot is taken.
const WAYS_PER_HUNDRED: usize = 133;

/// Bytes of index for each flow of capacity, rounded up: the bucket ways and the free list.
pub const INDEX_BYTES_PER_FLOW: u64 = (64 * WAYS_PER_HUNDRED as u64).div_ceil(100 * WAYS as u64) + 4;

/// The number of a flow's place in every array that holds flow state.
pub type Slot = u32;

/// Why an insertion found no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Every slot is taken.
    Slots,
    /// Both buckets are full and nothing in them can move.
    Buckets,
}

/// The index.
#[derive(Debug)]
pub struct Index {
    buckets: Arena<Bucket>,
    /// Free slots below `fresh`, as a stack.
    free: Arena<u32>,
    freed: usize,
    /// Slots from here on were never used.
    fresh: u32,
    capacity: u32,
}

impl Index {
    /// An index for `capacity` flows.
    ///
    /// # Errors
    /// The kernel's refusal to map its memory.
    pub fn new(capacity: u32, options: ArenaOptions) -> std::io::Result<Index> {
        let capacity = capacity.max(1);
        let buckets = (capacity as usize * WAYS_PER_HUNDRED / 100).div_ceil(WAYS).max(2);
        Ok(Index {
            buckets: Arena::new(buckets, options)?,
            free: Arena::new(capacity as usize, options)?,
            freed: 0,
            fresh: 0,
            capacity,
        })
    }

    /// Flows there is room for.
    #[must_use]
    pub const fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Flows in the table.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.fresh - u32::try_from(self.freed).unwrap_or(u32::MAX)
    }

    /// Whether no flow is in the table.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Slots that were ever used lie below this.
    #[must_use]
    pub const fn used(&self) -> u32 {
        self.fresh
    }

    /// Which pages the buckets got.
    #[must_use]
    pub const fn pages(&self) -> Pages {
        self.buckets.pages()
    }

    #[inline]
    fn first(&self, hash: u64) -> usize {
        (((hash >> 32) * self.buckets.len() as u64) >> 32) as usize
    }

    #[inline]
    const fn tag(hash: u64) -> u16 {
        (hash >> 16) as u16
    }

    /// The other bucket of a flow that stands in `bucket`; its own inverse.
    #[inline]
    fn other(&self, bucket: usize, tag: u16) -> usize {
        let sum = ((usize::from(tag) * self.buckets.len()) >> 16) | 1;
        let other = if bucket <= sum { sum - bucket } else { sum + self.buckets.len() - bucket };
        if other >= self.buckets.len() { other - self.buckets.len() } else { other }
    }

    /// The first bucket of a hash.
    #[inline(always)]
    #[must_use]
    pub fn bucket(&self, hash: u64) -> u32 {
        self.first(hash) as u32
    }

    /// Brings a bucket near.
    #[inline(always)]
    pub fn prefetch(&self, bucket: u32) {
        prefetch(&self.buckets, bucket as usize);
    }

    /// Brings the second bucket of a hash near.
    #[inline]
    pub fn prefetch_second(&self, hash: u64) {
        prefetch(&self.buckets, self.other(self.first(hash), Self::tag(hash)));
    }

    /// Brings the second bucket of a hash near, if a lookup or an insertion may have to go there: after
    /// [`Index::likely`] found nothing in the first.
    #[inline(never)]
    pub fn prefetch_beyond(&self, first: u32, hash: u64) {
        let Some(bucket) = self.buckets.get(first as usize) else { return };
        if bucket.overflows() || bucket.free_way().is_none() {
            self.prefetch_second(hash);
        }
    }

    /// A slot that probably holds the flow of this hash, by tag alone: worth a prefetch. `first`: its bucket, as
    /// [`Index::bucket`] said.
    #[inline(always)]
    #[must_use]
    pub fn likely(&self, first: u32, hash: u64) -> Option<Slot> {
        let bucket = self.buckets.get(first as usize)?;
        bucket.matches(Self::tag(hash)).next().and_then(|way| bucket.slot(way))
    }

    /// The slot of the flow with this image; `image_of` reads the image of a slot.
    #[inline]
    pub fn find(&self, hash: u64, image: KeyImage, image_of: impl Fn(Slot) -> KeyImage) -> Option<Slot> {
        let tag = Self::tag(hash);
        let first = self.first(hash);
        let bucket = &self.buckets[first];
        let found = Self::search(bucket, tag, image, &image_of);
        if found.is_some() || !bucket.overflows() {
            return found;
        }
        Self::search(&self.buckets[self.other(first, tag)], tag, image, &image_of)
    }

    #[inline]
    fn search(bucket: &Bucket, tag: u16, image: KeyImage, image_of: impl Fn(Slot) -> KeyImage) -> Option<Slot> {
        bucket.matches(tag).filter_map(|way| bucket.slot(way)).find(|slot| image_of(*slot) == image)
    }

    /// Takes a slot for a flow that is not in the table.
    ///
    /// # Errors
    /// [`Full`], and then nothing changed.
    pub fn insert(&mut self, hash: u64, hash_of: impl Fn(Slot) -> u64) -> Result<Slot, Full> {
        if self.freed == 0 && self.fresh == self.capacity {
            return Err(Full::Slots);
        }
        let (tag, first) = (Self::tag(hash), self.first(hash));
        let second = self.other(first, tag);
        let free = |bucket: usize| Some((bucket, self.buckets[bucket].free_way()?));
        let (bucket, way) = match free(first).or_else(|| free(second)) {
            Some(place) => place,
            None => {
                self.make_room(first, &hash_of).or_else(|| self.make_room(second, &hash_of)).ok_or(Full::Buckets)?
            }
        };
        let slot = self.take_slot();
        self.buckets[bucket].put(way, tag, slot);
        if bucket != first {
            self.buckets[first].displace();
        }
        Ok(slot)
    }

    /// Moves one flow of `bucket` to its other bucket, and says which way it left.
    fn make_room(&mut self, bucket: usize, hash_of: impl Fn(Slot) -> u64) -> Option<(usize, usize)> {
        for way in 0..WAYS {
            let tag = self.buckets[bucket].tag(way);
            let slot = self.buckets[bucket].slot(way)?;
            let target = self.other(bucket, tag);
            let Some(free) = self.buckets[target].free_way() else { continue };
            self.buckets[target].put(free, tag, slot);
            let home = self.first(hash_of(slot));
            if home == bucket {
                self.buckets[home].displace();
            } else {
                self.buckets[home].restore();
            }
            return Some((bucket, way));
        }
        None
    }

    fn take_slot(&mut self) -> Slot {
        if self.freed > 0 {
            self.freed -= 1;
            self.free[self.freed]
        } else {
            self.fresh += 1;
            self.fresh - 1
        }
    }

    /// Takes a flow out. Its slot may be given to the next insertion.
    pub fn remove(&mut self, hash: u64, slot: Slot) {
        let first = self.first(hash);
        if let Some(way) = self.buckets[first].way_of(slot) {
            self.buckets[first].clear(way);
        } else {
            let second = self.other(first, Self::tag(hash));
            let Some(way) = self.buckets[second].way_of(slot) else { return };
            self.buckets[second].clear(way);
            self.buckets[first].restore();
        }
        self.free[self.freed] = slot;
        self.freed += 1;
    }

    /// The flows that share a bucket with this hash: at most sixteen, the candidates for eviction.
    pub fn neighbours(&self, hash: u64) -> impl Iterator<Item = Slot> + '_ {
        let first = self.first(hash);
        let second = self.other(first, Self::tag(hash));
        self.buckets[first].taken().chain(self.buckets[second].taken()).map(|(_, slot)| slot)
    }
}

#[cfg(test)]
mod oracle;
