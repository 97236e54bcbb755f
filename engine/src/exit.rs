//! The door that records leave a worker by: a bounded ring with one writer and one reader.
//!
//! **Owns** the ring and what happens when it is full: in `run` the record is dropped and counted, in `read` the worker
//! waits for the reader. **May touch** nothing else.
//! **Order** written by `shard` (one worker), read by `merge::collect` (one thread), which hands states on as they lie: records
//! are made by whoever reads a [`Batch`].

mod batch;
mod message;

pub use batch::{Batch, Maker};
pub use message::Line;

use crate::key::FlowKey;
use crate::memory::ask_for_huge_pages;
use crate::record::make::FlowState;
use crate::time::Nanos;
use bytemuck::Zeroable;
use message::{Desk, Head, Reading};
use rtrb::{Consumer, Producer, RingBuffer};
use std::ops::Range;
use std::time::Duration;

/// Bytes of the ring for each message of its capacity: the longest. Most are half of that or less, so that more of them fit.
pub const MESSAGE_BYTES: usize = message::MOST * size_of::<Line>();

/// What passes the door.
#[derive(Clone, Copy, Debug)]
pub enum Exit<'a> {
    /// The state of a flow whose record is due.
    Record(FlowState<'a>),
    /// This worker began a flow of which other workers hold parts.
    Part(FlowKey),
    /// `read`: every flow that had ended by the mark is out; no record that follows ends before `horizon`, unless its
    /// packets go back in time.
    Mark {
        /// Records that end before this can be written.
        horizon: Nanos,
    },
}

/// What a worker does when the ring is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Drop the record and count it: `run`.
    Drop,
    /// Wait for the reader: `read`.
    Wait,
}

const _: () = assert!(FETCHED >= 2 * message::MOST, "a message that was cut has room behind it");

/// A message found no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

/// The worker's end.
#[derive(Debug)]
pub struct ExitDoor {
    ring: Producer<Line>,
    desk: Desk,
    when_full: WhenFull,
}

/// Lines that are fetched from the ring at once, at most: they lie in another core's cache, and come faster together than one
/// message, whose head says how long it is, after another.
const FETCHED: usize = 256;

/// The reading end.
#[derive(Debug)]
pub struct ExitReader {
    ring: Consumer<Line>,
    /// What was fetched; `next` is what of it was not read yet. The last message in it may be cut.
    fetched: Vec<Line>,
    next: Range<usize>,
    /// The message that was read last.
    reading: Reading,
}

/// A ring for `capacity` messages.
#[must_use]
pub fn door(capacity: usize, when_full: WhenFull) -> (ExitDoor, ExitReader) {
    let capacity = capacity.max(2) * message::MOST;
    let (mut ring, read) = RingBuffer::new(capacity);
    // Messages go round through all of it.
    if let Ok(mut whole) = ring.write_chunk_uninit(capacity) {
        let (memory, _) = whole.as_mut_slices();
        ask_for_huge_pages(memory);
    }
    let fetched = vec![Line::default(); FETCHED];
    let reader = ExitReader { ring: read, fetched, next: 0..0, reading: Reading::default() };
    (ExitDoor { ring, desk: Desk::zeroed(), when_full }, reader)
}

impl ExitDoor {
    /// Whether there is room for a message; waits for it if the door does.
    #[inline]
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ring.cached_slots() >= message::MOST || self.has_room() || self.wait()
    }

    fn has_room(&self) -> bool {
        self.ring.slots() >= message::MOST
    }

    /// Waits for room, if the door does. False when there will be none.
    #[cold]
    fn wait(&self) -> bool {
        while self.when_full == WhenFull::Wait && !self.ring.is_abandoned() {
            std::thread::sleep(Duration::from_micros(50));
            if self.has_room() {
                return true;
            }
        }
        false
    }

    /// Sends one message out.
    ///
    /// # Errors
    /// The ring is full and the door does not wait, or nobody reads any more; the message is gone.
    #[inline]
    pub fn send(&mut self, message: &Exit<'_>) -> Result<(), Lost> {
        if !self.is_ready() {
            return Err(Lost);
        }
        let head = match message {
            Exit::Record(state) => return self.ring.push_entire_slice(self.desk.lay(state)).map_err(|_| Lost),
            Exit::Part(key) => Head::alone(message::PART, message::words_of(key)),
            Exit::Mark { horizon } => Head::alone(message::MARK, [horizon.0, 0, 0, 0, 0, 0, 0]),
        };
        self.ring.push(bytemuck::cast(head)).map_err(|_| Lost)
    }
}

impl ExitReader {
    /// Takes the next message; `None` while there is none.
    pub fn take(&mut self) -> Option<Exit<'_>> {
        self.load().then(|| self.message())
    }

    /// Reads the next message; false while there is none.
    pub fn load(&mut self) -> bool {
        if !self.has_next() {
            self.fetch();
        }
        let whole = self.has_next();
        if whole {
            let begin = self.next.start;
            self.next.start += message::length(&self.fetched[begin]);
            self.reading.take(&self.fetched[begin..self.next.start]);
        }
        whole
    }

    /// Whether a whole message is there that was fetched and not read yet.
    #[inline]
    fn has_next(&self) -> bool {
        let next = self.fetched.get(self.next.clone()).unwrap_or_default();
        next.first().is_some_and(|first| message::length(first) <= next.len())
    }

    /// Fetches what has come, as far as there is room, behind what was not read yet.
    fn fetch(&mut self) {
        let left = self.next.len();
        self.fetched.copy_within(self.next.clone(), 0);
        let (come, _) = self.ring.pop_partial_slice(&mut self.fetched[left..]);
        self.next = 0..left + come.len();
    }

    /// The message that was read last.
    #[must_use]
    pub fn message(&self) -> Exit<'_> {
        let head = self.reading.head();
        match head.kind {
            message::RECORD => Exit::Record(self.reading.state()),
            message::PART => Exit::Part(message::key_of(head.words)),
            _ => Exit::Mark { horizon: Nanos(head.words[0]) },
        }
    }

    /// The same as it lies: what a [`Batch`] takes.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        self.reading.lines()
    }

    /// Whether the worker has closed its door and nothing is left.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.next.is_empty() && self.ring.is_abandoned() && self.ring.is_empty()
    }
}
