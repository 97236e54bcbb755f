//! The nodes of histories: which segments of a direction are outstanding, and what stands behind them.
//!
//! **Owns** one array of 128-byte lines, given out in chunks of 1, 4, 16 and 64 lines. **May touch** the [`Half`] whose
//! nodes they are. **Order** called by `track::tcp` while it handles a segment.
//!
//! A single node stands in its half; a second one moves both to a chunk, which stays until none is left. A chunk that is
//! needed and not free is cut from the next larger free one, or from memory never used; chunks are not joined again.

use crate::flow::trail::{Half, Node};
use crate::memory::{self, Arena, ArenaOptions};
use std::hint::select_unpredictable;

const LINE_WORDS: usize = 16;

/// Bytes of the smallest chunk.
pub(super) const LINE_BYTES: u64 = 128;

/// Lines in a chunk of each size class.
const CHUNK_LINES: [u32; 4] = [1, 4, 16, 64];

/// Nodes that fit a chunk of each size class.
const CHUNK_NODES: [usize; 4] = [5, 21, 85, 341];

/// Segments of one direction that are remembered, at most; the two oldest are joined when there are more.
pub const MAX_NODES: usize = CHUNK_NODES[3];

/// One line of the memory.
type Line = [u64; LINE_WORDS];

/// The chunks.
#[derive(Debug)]
pub struct Chunks {
    lines: Arena<Line>,
    /// Lines from here on were never used.
    fresh: u32,
    /// First free chunk of each size, plus 1; the chunk's first word holds the next.
    free: [u32; 4],
    refused: u64,
    used_lines: u64,
}

impl Chunks {
    /// Chunks of so many lines in all.
    ///
    /// # Errors
    /// The kernel's refusal to map so much memory.
    pub fn new(lines: usize, options: ArenaOptions) -> std::io::Result<Chunks> {
        Ok(Chunks { lines: Arena::new(lines, options)?, fresh: 0, free: [0; 4], refused: 0, used_lines: 0 })
    }

    /// Memory given out now. Unit: bytes.
    #[must_use]
    pub const fn used_bytes(&self) -> u64 {
        self.used_lines * LINE_BYTES
    }

    /// Requests that found no memory.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    fn take(&mut self, class: usize) -> Option<u32> {
        let class = class & 3;
        let lines = CHUNK_LINES[class];
        let chunk = if let Some(chunk) = self.free[class].checked_sub(1) {
            self.free[class] = self.lines[chunk as usize][0] as u32;
            chunk
        } else if self.lines.len() as u64 - u64::from(self.fresh) >= u64::from(lines) {
            self.fresh += lines;
            self.fresh - lines
        } else if let Some(chunk) = (class < 3).then(|| self.split(class + 1)).flatten() {
            chunk
        } else {
            self.refused += 1;
            return None;
        };
        self.used_lines += u64::from(lines);
        Some(chunk)
    }

    /// Takes a free chunk of a larger class, keeps its first quarter for the caller and frees the other three.
    fn split(&mut self, class: usize) -> Option<u32> {
        let chunk = match self.free[class & 3].checked_sub(1) {
            Some(chunk) => {
                self.free[class & 3] = self.lines[chunk as usize][0] as u32;
                chunk
            }
            None if class < 3 => self.split(class + 1)?,
            None => return None,
        };
        let quarter = CHUNK_LINES[(class - 1) & 3];
        for part in 1..4 {
            self.put(chunk + part * quarter, class - 1);
        }
        Some(chunk)
    }

    fn put(&mut self, chunk: u32, class: usize) {
        self.lines[chunk as usize][0] = u64::from(self.free[class & 3]);
        self.free[class & 3] = chunk + 1;
    }

    fn give_back(&mut self, chunk: u32, class: usize) {
        self.used_lines -= u64::from(CHUNK_LINES[class & 3]);
        self.put(chunk, class);
    }

    /// Gives back what a half holds, and forgets its nodes.
    pub fn clear(&mut self, half: &mut Half) {
        if half.size > 0 {
            self.give_back(half.chunk, usize::from(half.size) - 1);
        }
        (half.size, half.head, half.len) = (0, 0, 0);
    }

    /// Brings those of a half's nodes near that its next segment (`at_end`) or an acknowledgement touches first. Which of
    /// them comes cannot be foreseen: without a branch.
    #[inline]
    pub fn prefetch(&self, half: &Half, at_end: bool) {
        if half.size == 0 {
            return;
        }
        let node = usize::from(half.head) + select_unpredictable(at_end, usize::from(half.len), 0);
        let from = half.chunk as usize * LINE_BYTES as usize + node * size_of::<Node>();
        let lines: &[u64] = bytemuck::cast_slice(&self.lines);
        // To its end, or the line behind it.
        let second = from + select_unpredictable(at_end, size_of::<Node>() - 8, 64);
        memory::prefetch(lines, from / 8);
        memory::prefetch(lines, second / 8);
    }

    /// The nodes of one half, oldest first in sequence space.
    #[inline]
    pub fn nodes<'a>(&'a mut self, half: &'a mut Half) -> &'a mut [Node] {
        if half.size == 0 {
            let len = usize::from(half.len != 0);
            return &mut std::slice::from_mut(&mut half.single)[..len];
        }
        self.beyond(half)
    }

    /// The nodes of a half that has a chunk; none where it has not.
    #[inline]
    pub fn beyond(&mut self, half: &Half) -> &mut [Node] {
        let Some(class) = half.size.checked_sub(1) else { return &mut [] };
        let (head, len) = (usize::from(half.head), usize::from(half.len));
        self.chunk(half.chunk, class).get_mut(head..head + len).unwrap_or_default()
    }

    #[inline]
    fn chunk(&mut self, chunk: u32, class: u8) -> &mut [Node] {
        let class = usize::from(class) & 3;
        let from = chunk as usize;
        let Some(lines) = self.lines.get_mut(from..from + CHUNK_LINES[class] as usize) else { return &mut [] };
        let words: &mut [u64] = bytemuck::cast_slice_mut(lines);
        let nodes = &mut words[..CHUNK_NODES[class] * 3];
        bytemuck::cast_slice_mut(nodes)
    }

    /// Puts a segment, sent for the first time, behind all others. False when there is no room for it, and then nothing changed.
    #[inline(always)]
    pub fn append(&mut self, half: &mut Half, (from, to): (u32, u32), time: u64, ip_id: u16) -> bool {
        let (head, len) = (usize::from(half.head), usize::from(half.len));
        if half.size == 0 && len == 0 {
            half.single = Node::new(from, to, time, ip_id);
            half.len = 1;
            return true;
        }
        if half.size > 0
            && let Some(place) = self.chunk(half.chunk, half.size - 1).get_mut(head + len)
        {
            *place = Node::new(from, to, time, ip_id);
            half.single.to = to;
            half.len += 1;
            return true;
        }
        // Each place has a node of its own, so that none has to be put together elsewhere first.
        self.insert_beyond(half, len, Node::new(from, to, time, ip_id))
    }

    /// Puts a node in before the node at `index`. False when there is no room for it, and then nothing changed.
    #[inline]
    pub fn insert(&mut self, half: &mut Half, index: usize, node: Node) -> bool {
        if half.size == 0 && half.len == 0 {
            half.single = node;
            half.len = 1;
            return true;
        }
        self.insert_beyond(half, index, node)
    }

    #[inline(never)]
    fn insert_beyond(&mut self, half: &mut Half, index: usize, node: Node) -> bool {
        let before = usize::from(half.len);
        if !self.reserve(half) {
            return false;
        }
        let (head, len) = (usize::from(half.head), usize::from(half.len));
        let index = index.saturating_sub(before - len).min(len);
        let nodes = self.chunk(half.chunk, half.size - 1);
        if index < len {
            nodes.copy_within(head + index..head + len, head + index + 1);
        }
        nodes[head + index] = node;
        half.len += 1;
        if index == len {
            half.single.to = node.to;
        }
        true
    }

    /// Makes room for one node more at the end of the nodes.
    fn reserve(&mut self, half: &mut Half) -> bool {
        let (head, len) = (usize::from(half.head), usize::from(half.len));
        let Some(class) = half.size.checked_sub(1) else { return self.grow(half, 0) };
        let room = CHUNK_NODES[usize::from(class) & 3];
        if head + len < room {
            return true;
        }
        let largest = class == 3;
        if head >= room.div_ceil(4) || (largest && head > 0) {
            self.chunk(half.chunk, class).copy_within(head..head + len, 0);
            half.head = 0;
            return true;
        }
        (!largest && self.grow(half, usize::from(class) + 1)) || self.squeeze(half)
    }

    #[cold]
    fn grow(&mut self, half: &mut Half, class: usize) -> bool {
        let Some(chunk) = self.take(class) else { return false };
        let (head, len) = (usize::from(half.head), usize::from(half.len));
        if half.size == 0 {
            self.chunk(chunk, class as u8)[0] = half.single;
        }
        if let Some(old) = half.size.checked_sub(1) {
            let mut kept = [Node::default(); MAX_NODES];
            kept[..len].copy_from_slice(&self.chunk(half.chunk, old)[head..head + len]);
            self.chunk(chunk, class as u8)[..len].copy_from_slice(&kept[..len]);
            self.give_back(half.chunk, usize::from(old));
        }
        half.chunk = chunk;
        half.size = class as u8 + 1;
        half.head = 0;
        true
    }

    /// Joins two nodes, as Tstat does when its list is full: the oldest two that touch, so that no hole is forgotten; the two
    /// oldest of all when none do.
    #[cold]
    fn squeeze(&mut self, half: &mut Half) -> bool {
        let nodes = self.nodes(half);
        let touching = nodes.windows(2).position(|pair| pair[0].to == pair[1].from).unwrap_or(0);
        let end = nodes.len().min(touching + 2);
        let [.., first, second] = &mut nodes[..end] else { return false };
        second.from = first.from;
        second.time = second.time.max(first.time);
        second.sent = second.sent.max(first.sent);
        let joined = touching;
        nodes.copy_within(..joined, 1);
        half.head += 1;
        half.len -= 1;
        let (head, len) = (usize::from(half.head), usize::from(half.len));
        let Some(class) = half.size.checked_sub(1) else { return false };
        self.chunk(half.chunk, class).copy_within(head..head + len, 0);
        half.head = 0;
        true
    }

    /// Takes the first `count` nodes away. A chunk without nodes goes back to the pool.
    #[inline]
    pub fn drop_front(&mut self, half: &mut Half, count: usize) {
        let count = count.min(usize::from(half.len)) as u16;
        half.len -= count;
        if half.size > 0 {
            half.head += count;
            if half.len == 0 {
                self.clear(half);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: ArenaOptions = ArenaOptions { huge: false, touch: false };

    fn node(n: u32) -> Node {
        Node::new(n, n + 1, u64::from(n), 0)
    }

    proptest! {
        #[test]
        fn nodes_behave_like_a_vector_while_the_pool_lasts(steps in prop::collection::vec((0_u8..4, 0_usize..400), 0..400)) {
            let mut pool = Chunks::new(8192, SMALL).unwrap();
            let (mut half, mut model) = (Half::default(), Vec::new());
            for (n, (what, at)) in steps.into_iter().enumerate() {
                let new = node(n as u32);
                match what {
                    0 => {
                        let count = at % 7;
                        pool.drop_front(&mut half, count);
                        model.drain(..count.min(model.len()));
                    }
                    1 => {
                        let at = at.min(model.len());
                        prop_assert!(pool.insert(&mut half, at, new));
                        model.insert(at, new);
                    }
                    _ => {
                        let end = usize::from(half.len);
                        prop_assert!(pool.insert(&mut half, end, new));
                        model.push(new);
                    }
                }
                prop_assume!(model.len() < MAX_NODES - 1);
                prop_assert_eq!(&*pool.nodes(&mut half), &model[..]);
                prop_assert_eq!(half.end(), model.last().map(|last| last.to));
            }
        }
    }

    #[test]
    fn a_full_history_joins_its_two_oldest_nodes() {
        let mut pool = Chunks::new(8192, SMALL).unwrap();
        let mut half = Half::default();
        for n in 0..MAX_NODES as u32 + 10 {
            let end = usize::from(half.len);
            assert!(pool.insert(&mut half, end, node(n)));
        }
        let nodes = pool.nodes(&mut half);
        assert_eq!((nodes.len(), nodes[0].from, nodes[0].to), (MAX_NODES, 0, 11));
    }

    #[test]
    fn a_full_history_forgets_no_hole_while_other_nodes_touch() {
        let mut pool = Chunks::new(8192, SMALL).unwrap();
        let mut half = Half::default();
        let with_hole = (0..MAX_NODES as u32 + 100).filter(|n| *n != 3 && *n != 50);
        for n in with_hole {
            let end = usize::from(half.len);
            assert!(pool.insert(&mut half, end, node(n)));
        }
        let nodes = pool.nodes(&mut half);
        let holes: Vec<u32> =
            nodes.windows(2).filter(|pair| pair[0].to != pair[1].from).map(|pair| pair[0].to).collect();
        assert_eq!(holes, [3, 50]);
    }

    #[test]
    fn what_is_given_back_is_given_out_again_in_smaller_pieces() {
        let mut pool = Chunks::new(64, SMALL).unwrap();
        let big = pool.take(3).unwrap();
        assert_eq!(pool.take(0), None);
        pool.give_back(big, 3);
        let small: Vec<u32> = (0..64).filter_map(|_| pool.take(0)).collect();
        assert_eq!(small.len(), 64);
        assert_eq!(pool.used_lines, 64);
        let distinct: std::collections::HashSet<u32> = small.into_iter().collect();
        assert_eq!(distinct.len(), 64);
    }
}
