//! Where frames come from: DPDK queues, capture files, the synthesizer. Nothing below can tell them apart.
//!
//! **Owns** the frame as the engine sees it and the promise of a source. **May touch** bytes and their arrival facts.
//! **Order** first of all rooms: a worker (or a spreader) polls a source, then decodes what it got.

pub mod capture;
#[cfg(feature = "dpdk")]
pub mod dpdk;
pub mod memory;
#[cfg(feature = "dpdk")]
pub mod rest;

use crate::link::LinkType;
use crate::time::Nanos;
use arrayvec::ArrayVec;

/// Frames handled in one turn of the worker loop, at most. One batch is the prefetch window of the flow table.
pub const BURST: usize = 64;

/// Where a frame was taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, bytemuck::NoUninit)]
#[repr(C)]
pub struct Input {
    /// DPDK port id; 0 where there are no ports.
    pub port: u16,
    /// Queue of that port.
    pub queue: u16,
}

impl Input {
    /// Both in one word: two inputs are equal if these are.
    #[inline]
    #[must_use]
    pub fn word(self) -> u32 {
        bytemuck::cast(self)
    }
}

/// One frame as it was taken from the wire or a file.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The captured bytes (of a multi-segment mbuf: its first segment).
    pub bytes: &'a [u8],
    /// Arrival. Unit: UNIX nanoseconds.
    pub time: Nanos,
    /// Length on the wire without FCS, as far as the source knows it; at least `bytes.len()` in well-formed input.
    pub wire_len: u32,
    /// How the bytes begin.
    pub link: LinkType,
    /// Port and queue.
    pub input: Input,
}

/// The frames of one poll.
pub type Batch<'a> = ArrayVec<Frame<'a>, BURST>;

/// What a poll says beside the frames it gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// The source goes on; an empty batch means that nothing has come yet.
    Open,
    /// Nothing will come any more. The batch of this poll may still hold frames.
    Ended,
}

/// Something that gives frames in arrival order per input.
///
/// The frames of a batch live until the next poll. A source never blocks longer than it takes to read a piece of a
/// file, never allocates per frame, and never fails per frame: what it could not read it counts and tells at its end.
pub trait Source {
    /// Fills `batch` (empty on entry) with up to [`BURST`] frames.
    fn poll<'s>(&'s mut self, batch: &mut Batch<'s>) -> Polled;

    /// Where its frames come from, as far as that is known before the first one.
    fn inputs(&self) -> Vec<Input> {
        Vec::new()
    }

    /// The time after the last poll, where the source has a clock that goes on without frames. `None`: packet time.
    fn clock(&self) -> Option<Nanos> {
        None
    }

    /// When the last poll began, by a clock that never stands still. `None`: nobody asked one.
    fn wall(&self) -> Option<Nanos> {
        None
    }
}
