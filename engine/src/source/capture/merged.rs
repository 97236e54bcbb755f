//! Several capture files as one source, in the order of their packets' times.
//!
//! **Owns** the files, some packets' places of each ahead, and the order in which the files are taken from.
//! **May touch** what [`CaptureFile`] does. **Order** in place of a single file; one file alone is handed through.
//!
//! The next packet is the earliest of the files' next packets, of the file named first where times are equal; within a
//! file the order stays as it is, also where it goes back in time. A batch ends early when a file's look-ahead is used
//! up, for its window may move only when no frame is out.

use super::damage::Damage;
use super::file::{CaptureFile, frame};
use super::packet::Slot;
use super::progress::Progress;
use crate::link::LinkType;
use crate::source::{BURST, Batch, Polled, Source};
use crate::time::Nanos;
use arrayvec::ArrayVec;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Several files in time order.
#[derive(Debug)]
pub struct Merged {
    files: Vec<CaptureFile>,
    ahead: Vec<Ahead>,
    /// Files with a packet ahead, by that packet's time and the file's place.
    order: BinaryHeap<Reverse<(Nanos, usize)>>,
    /// Files whose look-ahead is used up.
    hungry: Vec<usize>,
    damage: Vec<Damage>,
}

#[derive(Debug, Default)]
struct Ahead {
    slots: ArrayVec<Slot, BURST>,
    next: usize,
}

impl Merged {
    /// The packets of all `files`, which must not have been polled before.
    #[must_use]
    pub fn new(files: Vec<CaptureFile>) -> Merged {
        let count = files.len();
        Merged {
            files,
            ahead: (0..count).map(|_| Ahead::default()).collect(),
            order: BinaryHeap::with_capacity(count),
            hungry: (0..count).collect(),
            damage: Vec::new(),
        }
    }

    /// Where and why files broke, one at most per file, in the order in which it was found; complete once the source
    /// has [`Polled::Ended`].
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        match self.files.as_slice() {
            [single] => single.damage(),
            _ => &self.damage,
        }
    }

    /// The link types of each file, beside its name.
    pub fn links(&self) -> impl Iterator<Item = (&str, LinkType)> {
        self.files.iter().flat_map(|file| file.links().iter().map(|link| (file.name(), *link)))
    }

    /// Packets given so far. (Of several files: read so far, which may be a few ahead.)
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.files.iter().map(CaptureFile::packets).sum()
    }

    /// A view of how far each file has been read, in the order of the files.
    #[must_use]
    pub fn progress(&self) -> Vec<Progress> {
        self.files.iter().map(CaptureFile::progress).collect()
    }

    /// Fetches packets for the files that have none ahead; says whether all have some now, or have ended.
    fn feed(&mut self) -> bool {
        let Merged { files, ahead, order, hungry, damage } = self;
        hungry.retain(|&place| {
            let (file, Ahead { slots, next }) = (&mut files[place], &mut ahead[place]);
            slots.clear();
            *next = 0;
            file.gather(BURST, |slot| slots.push(slot));
            match slots.first() {
                Some(slot) => order.push(Reverse((slot.time, place))),
                None if file.ended() => damage.extend_from_slice(file.damage()),
                None => return true,
            }
            false
        });
        hungry.is_empty()
    }
}

impl Source for Merged {
    fn poll<'s>(&'s mut self, batch: &mut Batch<'s>) -> Polled {
        if self.files.len() == 1 {
            return self.files[0].poll(batch);
        }
        if !self.feed() {
            return Polled::Open;
        }
        let Merged { files, ahead, order, hungry, .. } = self;
        while let Some(Reverse((_, place))) = order.pop() {
            let (window, Ahead { slots, next }) = (files[place].window(), &mut ahead[place]);
            let rival = order.peek().map_or((Nanos::MAX, usize::MAX), |Reverse(other)| *other);
            let mine =
                slots[*next..].iter().take(batch.remaining_capacity()).take_while(|slot| (slot.time, place) < rival);
            *next += mine.map(|slot| batch.push(frame(window, slot))).count();
            match slots.get(*next) {
                Some(slot) => order.push(Reverse((slot.time, place))),
                None => hungry.push(place),
            }
            if batch.is_full() || !hungry.is_empty() {
                return Polled::Open;
            }
        }
        Polled::Ended
    }
}
