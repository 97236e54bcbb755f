//! Pieces of lines at places that are used again.
//!
//! **Owns** the memory of what waits in `order`. **May touch** nothing else. **Order** below `order` alone.
//!
//! A piece is as long as it is, and its place is for pieces of its length ever after. There are some ten lengths, so little is
//! lost by that; and no piece costs the allocator a call.

use parshall_engine::exit::Line;
use parshall_engine::memory::{Arena, ArenaOptions, prefetch_value};
use std::io;

/// Lines that are allocated at once: a huge page, whose fault costs a twentieth of those of its small pages.
const CHUNK: usize = (2 << 20) / size_of::<Line>();

/// Where a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    first: u32,
    lines: u32,
}

/// The pieces.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    chunks: Vec<Arena<Line>>,
    /// Lines of the last chunk that hold pieces or did.
    filled: usize,
    /// Places that are free, by their length.
    free: Vec<Vec<u32>>,
    used: usize,
}

impl Shelf {
    /// Puts a piece down, of at most [`CHUNK`] lines.
    ///
    /// # Errors
    /// There is no memory for it.
    pub(crate) fn put(&mut self, piece: &[Line]) -> io::Result<Place> {
        let lines = piece.len();
        let first = match self.free.get_mut(lines).and_then(Vec::pop) {
            Some(first) => first,
            None => self.fresh(lines)?,
        };
        let at = first as usize;
        self.chunks[at / CHUNK][at % CHUNK..][..lines].copy_from_slice(piece);
        self.used += lines;
        Ok(Place { first, lines: lines as u32 })
    }

    /// A place where no piece ever was. None lies in two chunks.
    fn fresh(&mut self, lines: usize) -> io::Result<u32> {
        if self.chunks.is_empty() || self.filled + lines > CHUNK {
            self.chunks.push(Arena::new(CHUNK, ArenaOptions { huge: false, touch: false })?);
            self.filled = 0;
        }
        let first = (self.chunks.len() - 1) * CHUNK + self.filled;
        self.filled += lines;
        Ok(first as u32)
    }

    /// The piece at a place.
    pub(crate) fn look(&self, place: Place) -> &[Line] {
        let first = place.first as usize;
        &self.chunks[first / CHUNK][first % CHUNK..][..place.lines as usize]
    }

    /// Brings the piece at a place near.
    pub(crate) fn near(&self, place: Place) {
        self.look(place).iter().for_each(|line| prefetch_value(line, 0));
    }

    /// The place may be used again.
    pub(crate) fn free(&mut self, place: Place) {
        let lines = place.lines as usize;
        if self.free.len() <= lines {
            self.free.resize_with(lines + 1, Vec::new);
        }
        self.free[lines].push(place.first);
        self.used -= lines;
    }

    /// Memory of all pieces. Unit: bytes.
    pub(crate) const fn used_bytes(&self) -> usize {
        self.used * size_of::<Line>()
    }

    /// Frees all places, and their memory.
    pub(crate) fn clear(&mut self) {
        self.chunks.clear();
        self.free.clear();
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn piece(word: u64, lines: usize) -> Vec<Line> {
        (0..lines).map(|line| Line::from([word, line as u64, 0, 0, 0, 0, 0, 0])).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_piece_is_what_was_put_down_until_it_is_freed(
            steps in prop::collection::vec((1_usize..20, any::<prop::sample::Index>(), any::<bool>()), 0..2000),
        ) {
            let (mut shelf, mut held) = (Shelf::default(), Vec::new());
            for (n, (lines, which, free)) in steps.into_iter().enumerate() {
                if free && !held.is_empty() {
                    let (place, want): (Place, Vec<Line>) = held.swap_remove(which.index(held.len()));
                    prop_assert_eq!(shelf.look(place), &want[..]);
                    shelf.free(place);
                } else {
                    let want = piece(n as u64, lines);
                    held.push((shelf.put(&want).unwrap(), want));
                }
            }
            for (place, want) in &held {
                prop_assert_eq!(shelf.look(*place), &want[..]);
            }
            let lines: usize = held.iter().map(|(_, want)| want.len()).sum();
            prop_assert_eq!(shelf.used_bytes(), lines * size_of::<Line>());
        }
    }

    #[test]
    fn a_place_that_was_freed_is_used_again_by_the_next_piece_of_its_length() {
        let mut shelf = Shelf::default();
        let first = shelf.put(&piece(1, 3)).unwrap();
        shelf.put(&piece(2, 8)).unwrap();
        shelf.free(first);
        assert_ne!(shelf.put(&piece(3, 8)).unwrap(), first);
        assert_eq!(shelf.put(&piece(4, 3)).unwrap(), first);
    }
}
