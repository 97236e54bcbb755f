//! Frames in memory as a source: for tests, benches and the synthesizer.
//!
//! **Owns** a list of frames, given out in order, once or for ever. **May touch** nothing else.

use super::{BURST, Batch, Frame, Input, Polled, Source};
use crate::link::LinkType;
use crate::time::Nanos;

/// One stored frame.
#[derive(Clone, Debug)]
pub struct StoredFrame {
    /// Captured bytes.
    pub bytes: Vec<u8>,
    /// Arrival.
    pub time: Nanos,
    /// Length on the wire.
    pub wire_len: u32,
    /// How the bytes begin.
    pub link: LinkType,
}

/// A source of stored frames.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    frames: Vec<StoredFrame>,
    next: usize,
    burst: usize,
}

impl Memory {
    /// A source that gives `frames` once, `burst` (1 to [`BURST`]) at a time.
    #[must_use]
    pub fn new(frames: Vec<StoredFrame>, burst: usize) -> Memory {
        Memory { frames, next: 0, burst: burst.clamp(1, BURST) }
    }

    /// Starts again from the first frame.
    pub fn rewind(&mut self) {
        self.next = 0;
    }
}

impl Source for Memory {
    fn poll<'s>(&'s mut self, batch: &mut Batch<'s>) -> Polled {
        let until = (self.next + self.burst).min(self.frames.len());
        for frame in &self.frames[self.next..until] {
            batch.push(Frame {
                bytes: &frame.bytes,
                time: frame.time,
                wire_len: frame.wire_len,
                link: frame.link,
                input: Input::default(),
            });
        }
        self.next = until;
        if until == self.frames.len() { Polled::Ended } else { Polled::Open }
    }
}
