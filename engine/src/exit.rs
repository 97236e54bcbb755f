//! The door that records leave a worker by: a bounded ring with one writer and one reader.
//!
//! **Owns** the ring and what happens when it is full: in `run` the record is dropped and counted, in `read` the worker
//! waits for the reader. **May touch** nothing else.
//! **Order** written by `shard` (one worker), read by `merge::collect` (one thread).

use crate::key::FlowKey;
use crate::record::FlowRecord;
use crate::time::Nanos;
use rtrb::{Consumer, Producer, RingBuffer};
use std::time::Duration;

/// What passes the door.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "records are nearly all that passes; a box would be an allocation each")]
pub enum Exit {
    /// A finished record.
    Record(FlowRecord),
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

/// A message found no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

/// The worker's end.
#[derive(Debug)]
pub struct ExitDoor {
    ring: Producer<Exit>,
    when_full: WhenFull,
}

/// A ring for `capacity` messages.
#[must_use]
pub fn door(capacity: usize, when_full: WhenFull) -> (ExitDoor, Consumer<Exit>) {
    let (ring, reader) = RingBuffer::new(capacity.max(2));
    (ExitDoor { ring, when_full }, reader)
}

impl ExitDoor {
    /// Whether there is room for a message; waits for it if the door does.
    #[inline]
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.ring.is_full() || self.wait()
    }

    /// Waits for room, if the door does. False when there will be none.
    #[cold]
    fn wait(&self) -> bool {
        while self.when_full == WhenFull::Wait && !self.ring.is_abandoned() {
            std::thread::sleep(Duration::from_micros(50));
            if !self.ring.is_full() {
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
    pub fn send(&mut self, message: Exit) -> Result<(), Lost> {
        if !self.is_ready() {
            return Err(Lost);
        }
        // There is room, which nobody else can take; written as a chunk, a record is not copied for an error's sake.
        let room = self.ring.write_chunk_uninit(1).map_err(|_| Lost)?;
        room.fill_from_iter(std::iter::once(message));
        Ok(())
    }

    /// Messages that fit now.
    #[must_use]
    pub fn room(&self) -> usize {
        self.ring.slots()
    }
}
