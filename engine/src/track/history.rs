//! The bounded memory of TCP's histories: `--segment-memory`.
//!
//! **Owns** the trails, and the [`Chunks`] that hold what does not fit a trail. **May touch** nothing else.
//! **Order** called by `track::tcp` while it handles a segment, by `shard` when a flow ends.
//!
//! Two thirds of the memory are trails, one for each TCP flow with data; one third is chunks, which only flows with more
//! than one segment outstanding need. When either is used up, the caller goes on without and marks the flow.

use super::chunks::{Chunks, LINE_BYTES};
use crate::flow::trail::Trail;
use crate::memory::{Arena, ArenaOptions, prefetch_value};

const TRAIL_BYTES: u64 = size_of::<Trail>() as u64;

/// The memory.
#[derive(Debug)]
pub struct History {
    trails: Arena<Trail>,
    /// Trails from here on were never used.
    fresh: u32,
    /// First free trail, plus 1; its first half's first word holds the next.
    free: u32,
    used: u64,
    refused: u64,
    /// What does not fit a trail.
    pub chunks: Chunks,
}

impl History {
    /// A memory of `bytes`.
    ///
    /// # Errors
    /// The kernel's refusal to map so much memory.
    pub fn new(bytes: u64, options: ArenaOptions) -> std::io::Result<History> {
        let trails = usize::try_from(bytes / 3 * 2 / TRAIL_BYTES).unwrap_or(usize::MAX).min(u32::MAX as usize - 1);
        let lines = usize::try_from(bytes / 3 / LINE_BYTES).unwrap_or(usize::MAX).min(u32::MAX as usize - 1);
        let (trails, chunks) = (Arena::new(trails, options)?, Chunks::new(lines, options)?);
        Ok(History { trails, fresh: 0, free: 0, used: 0, refused: 0, chunks })
    }

    /// Memory given out now. Unit: bytes.
    #[must_use]
    pub const fn used_bytes(&self) -> u64 {
        self.used * TRAIL_BYTES + self.chunks.used_bytes()
    }

    /// Requests that found no memory.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused + self.chunks.refused()
    }

    /// A new trail, as its number plus 1; 0 when there is none left.
    pub fn new_trail(&mut self) -> u32 {
        let trail = if let Some(trail) = self.free.checked_sub(1) {
            self.free = self.trails[trail as usize].half[0].settled_time as u32;
            trail
        } else if (self.fresh as usize) < self.trails.len() {
            self.fresh += 1;
            self.fresh - 1
        } else {
            self.refused += 1;
            return 0;
        };
        self.used += 1;
        self.trails[trail as usize] = Trail::default();
        trail + 1
    }

    /// The trail of a number plus 1, with the chunks that it leads to; `None` for 0.
    #[inline]
    pub fn open(&mut self, number: u32) -> Option<(&mut Trail, &mut Chunks)> {
        let trail = self.trails.get_mut(number.wrapping_sub(1) as usize)?;
        Some((trail, &mut self.chunks))
    }

    /// The trail of a number plus 1; `None` for 0.
    #[inline]
    pub fn trail(&mut self, number: u32) -> Option<&mut Trail> {
        self.trails.get_mut(number.wrapping_sub(1) as usize)
    }

    /// The trail of a number plus 1, to read.
    #[inline]
    #[must_use]
    pub fn look(&self, number: u32) -> Option<&Trail> {
        self.trails.get(number.wrapping_sub(1) as usize)
    }

    /// Brings one half of a trail near.
    #[inline(always)]
    pub fn prefetch_half(&self, number: u32, side: usize) {
        if let Some(trail) = self.look(number) {
            let half = &trail.half[side & 1];
            prefetch_value(half, 0);
            prefetch_value(half, 64);
        }
    }

    /// Brings those nodes of a half near that the next segment (`at_end`) or an acknowledgement touches first.
    #[inline]
    pub fn prefetch_nodes(&self, number: u32, side: usize, at_end: bool) {
        if let Some(trail) = self.look(number) {
            self.chunks.prefetch(&trail.half[side & 1], at_end);
        }
    }

    /// Gives a trail and its nodes back.
    pub fn end_trail(&mut self, number: u32) {
        let next = u64::from(self.free);
        let Some((trail, chunks)) = self.open(number) else { return };
        for half in &mut trail.half {
            chunks.clear(half);
        }
        trail.half[0].settled_time = next;
        self.free = number;
        self.used -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::trail::Node;

    const SMALL: ArenaOptions = ArenaOptions { huge: false, touch: false };

    #[test]
    fn used_up_memory_refuses_and_counts_and_recovers() {
        let mut pool = History::new(3 * 3 * TRAIL_BYTES / 2, SMALL).unwrap();
        let trails: Vec<u32> = (0..4).map(|_| pool.new_trail()).collect();
        assert_eq!((trails[3], pool.refused()), (0, 1));
        pool.end_trail(trails[1]);
        assert_eq!(pool.new_trail(), trails[1]);
    }

    #[test]
    fn a_trail_that_ends_gives_all_its_memory_back() {
        let mut pool = History::new(1 << 20, SMALL).unwrap();
        let number = pool.new_trail();
        let (trail, chunks) = pool.open(number).unwrap();
        for n in 0..30 {
            assert!(chunks.insert(&mut trail.half[1], n, Node::new(n as u32, n as u32 + 1, 0, 0)));
        }
        assert!(pool.used_bytes() > TRAIL_BYTES);
        pool.end_trail(number);
        assert_eq!(pool.used_bytes(), 0);
    }
}
