//! One bucket of the index: a cache line that names up to eight flows by tag and slot.
//!
//! **Owns** the line's layout and the search in it. **May touch** nothing else.
//! **Order** called by `table` only.
//!
//! A flow stands in its first bucket or in its second; which ones these are follows from its hash alone, and the
//! second follows from the first and the tag, so that a flow can be moved without knowing its key.

use crate::memory::lanes_equal;
use bytemuck::Zeroable;

/// Flows in one bucket.
pub(super) const WAYS: usize = 8;

/// A set of ways: way `n` is bit `n`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matches(u32);

impl Iterator for Matches {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let way = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(way)
    }
}

/// One line of the index. Zeroed is empty.
#[derive(Clone, Copy, Debug, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    /// Sixteen bits of each flow's hash; meaningless where the slot is 0.
    tags: [u16; WAYS],
    /// Slot of each flow plus one; 0 is an empty way.
    slots: [u32; WAYS],
    /// How many flows whose first bucket this is stand in their second one.
    displaced: u32,
    spare: [u32; 3],
}

impl Bucket {
    /// The ways whose tag matches; a way that is empty may be among them.
    #[inline]
    pub(super) fn matches(&self, tag: u16) -> Matches {
        Matches(lanes_equal(self.tags, tag))
    }

    /// The slot in a way that is taken.
    #[inline]
    pub(super) fn slot(&self, way: usize) -> Option<u32> {
        self.slots[way & (WAYS - 1)].checked_sub(1)
    }

    #[inline]
    pub(super) fn tag(&self, way: usize) -> u16 {
        self.tags[way & (WAYS - 1)]
    }

    #[inline]
    pub(super) fn free_way(&self) -> Option<usize> {
        self.first_with(0)
    }

    #[inline]
    pub(super) fn way_of(&self, slot: u32) -> Option<usize> {
        self.first_with(slot + 1)
    }

    /// The first way that holds `word`. Which one that is cannot be foreseen: all are compared, without a branch.
    #[inline]
    fn first_with(&self, word: u32) -> Option<usize> {
        let holds = |way: usize| u32::from(self.slots[way] == word) << way;
        let ways = (0..WAYS).fold(0, |ways, way| ways | holds(way));
        Matches(ways).next()
    }

    #[inline]
    pub(super) fn put(&mut self, way: usize, tag: u16, slot: u32) {
        self.tags[way & (WAYS - 1)] = tag;
        self.slots[way & (WAYS - 1)] = slot + 1;
    }

    #[inline]
    pub(super) fn clear(&mut self, way: usize) {
        self.slots[way & (WAYS - 1)] = 0;
    }

    /// Whether some flow of this first bucket has to be looked for in its second.
    #[inline]
    pub(super) fn overflows(&self) -> bool {
        self.displaced != 0
    }

    #[inline]
    pub(super) fn displace(&mut self) {
        self.displaced += 1;
    }

    #[inline]
    pub(super) fn restore(&mut self) {
        self.displaced = self.displaced.saturating_sub(1);
    }

    /// The slots taken, with their ways.
    #[inline]
    pub(super) fn taken(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        self.slots.iter().enumerate().filter_map(|(way, slot)| slot.checked_sub(1).map(|slot| (way, slot)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_one_cache_line() {
        assert_eq!((size_of::<Bucket>(), align_of::<Bucket>()), (64, 64));
    }

    #[test]
    fn what_was_put_is_found_by_tag_until_it_is_cleared() {
        let mut bucket = Bucket::zeroed();
        bucket.put(3, 7, 0);
        bucket.put(5, 7, 41);
        let mut ways: Vec<usize> = bucket.matches(7).collect();
        ways.sort_unstable();
        assert_eq!(ways, [3, 5]);
        assert_eq!((bucket.slot(3), bucket.slot(5), bucket.slot(0)), (Some(0), Some(41), None));
        bucket.clear(3);
        assert_eq!(bucket.slot(3), None);
        assert_eq!(bucket.way_of(41), Some(5));
    }
}
