//! The door through which the control side looks at live flows: what their records would be made from, when asked.
//!
//! **Owns** the rings between one worker and the lookout, and how far a look has come. **May touch** states; no table.
//! **Order** the worker's end is asked once per burst and walks a bounded number of slots while a look is under way; the
//! reading end is turned by the control thread.
//!
//! ```text
//!   lookout ── Question ──▶ [asked; 1] ──▶ worker: walks its slots, a few each burst
//!   lookout ◀── Told ────── [told;  n] ◀── the state of each flow that is large enough, then a mark: Done
//! ```
//!
//! States leave as they do when flows end ([`crate::exit`]), and whoever reads makes the records.
//!
//! Nobody waits. When the ring is full the walk stands still until there is room; the look then takes longer, and no packet
//! does. Flows are told as they were when the walk came by, so a look is no picture of one instant: it says how long it took.

use crate::exit::{self, Exit, ExitDoor, ExitReader, WhenFull};
use crate::record::FlowRecord;
use crate::record::make::FlowState;
use crate::table::Slot;
use crate::time::Nanos;
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::{Arc, Mutex, PoisonError};

/// Sizes by which flows are counted on the way: bit lengths of their IP bytes.
pub const SIZES: usize = 50;

/// What the lookout wants to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Number of the look.
    pub number: u64,
    /// Only flows of at least so many IP bytes, both directions, since their last record.
    pub least: u64,
    /// And so many flows of at least half of that, whichever the walk meets first.
    pub fill: u64,
    /// No more flows than so many, whatever came since the look before.
    pub most: u64,
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Number of the look.
    pub number: u64,
    /// Live flows that were walked past, told or not.
    pub live: u64,
    /// Their IP bytes.
    pub live_bytes: u64,
    /// IP bytes of those that were told.
    pub told_bytes: u64,
    /// IP bytes of the largest one that was asked for and not told, because there were too many.
    pub cut: u64,
    /// Live flows by bit length of their IP bytes.
    pub sizes: [u32; SIZES],
}

impl Default for Done {
    fn default() -> Done {
        Done { number: 0, live: 0, live_bytes: 0, told_bytes: 0, cut: 0, sizes: [0; SIZES] }
    }
}

/// What passes the door.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "records are nearly all that passes; a box would be an allocation each")]
pub enum Told {
    /// A live flow.
    Flow(FlowRecord),
    /// The walk is over.
    Done(Done),
}

/// A walk under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    /// What was asked.
    pub(crate) question: Question,
    /// The next slot.
    pub(crate) next: Slot,
    /// What was found so far.
    pub(crate) done: Done,
}

/// The worker's rings.
#[derive(Debug)]
struct Rings {
    asked: Consumer<Question>,
    /// States, and a mark behind those of each look.
    told: ExitDoor,
    /// How the looks ended whose marks stand in `told`.
    done: Producer<Done>,
}

/// The worker's end; without rings it is never asked.
#[derive(Debug, Default)]
pub struct LookEnd {
    rings: Option<Rings>,
    pub(crate) walk: Option<Walk>,
}

/// The reading end.
#[derive(Debug)]
pub struct Reader {
    asked: Producer<Question>,
    told: ExitReader,
    done: Consumer<Done>,
}

/// Live flows on their way to the lookout, from one worker.
const RING: usize = 512;

/// Looks that have ended and of which the lookout has not heard, at most.
const ENDED: usize = 2;

/// Memory of one worker's rings.
pub const RING_BYTES: u64 = (RING * exit::MESSAGE_BYTES + ENDED * size_of::<Done>()) as u64;

/// Where workers leave the reading ends of their doors when they begin. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Registry(Arc<Mutex<Vec<(u16, Reader)>>>);

impl Registry {
    /// A door for the worker of this number; its reading end waits for the lookout.
    #[must_use]
    pub fn door(&self, worker: u16) -> LookEnd {
        let (end, reader) = pair(RING);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((worker, reader));
        end
    }

    /// The reading ends that were left since this was asked last.
    pub(crate) fn take(&self) -> Vec<(u16, Reader)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Both ends of one worker's door, with room for `capacity` messages.
#[must_use]
pub fn pair(capacity: usize) -> (LookEnd, Reader) {
    let (ask, asked) = RingBuffer::new(1);
    let (tell, told) = exit::door(capacity, WhenFull::Drop);
    let (end, done) = RingBuffer::new(ENDED);
    let rings = Rings { asked, told: tell, done: end };
    (LookEnd { rings: Some(rings), walk: None }, Reader { asked: ask, told, done })
}

impl LookEnd {
    /// Whether a walk is under way or asked for. Costs one load when it is not.
    #[inline]
    #[must_use]
    pub fn wanted(&self) -> bool {
        self.walk.is_some() || self.rings.as_ref().is_some_and(|rings| !rings.asked.is_empty())
    }

    /// Begins the walk that was asked for, if none is under way.
    pub(crate) fn begin(&mut self) {
        if self.walk.is_none()
            && let Some(rings) = &mut self.rings
            && let Ok(question) = rings.asked.pop()
        {
            let done = Done { number: question.number, ..Done::default() };
            self.walk = Some(Walk { question, next: 0, done });
        }
    }

    /// Whether a message would find room.
    pub(crate) fn has_room(&self) -> bool {
        self.rings.as_ref().is_some_and(|rings| rings.told.is_ready() && !rings.done.is_full())
    }

    /// Tells of a flow. Ask [`LookEnd::has_room`] before: without room the message is lost.
    pub(crate) fn tell(&mut self, flow: FlowState<'_>) {
        if let Some(rings) = &mut self.rings {
            let _ = rings.told.send(&Exit::Record(flow));
        }
    }

    /// Tells how the walk ended. The same holds.
    pub(crate) fn end(&mut self, done: Done) {
        if let Some(rings) = &mut self.rings
            && rings.done.push(done).is_ok()
        {
            let _ = rings.told.send(&Exit::Mark { horizon: Nanos::ZERO });
        }
    }
}

impl Reader {
    /// Asks; false when an earlier question was not taken up yet.
    pub fn ask(&mut self, question: Question) -> bool {
        self.asked.push(question).is_ok()
    }

    /// Takes the next message, if one has come.
    pub fn take(&mut self) -> Option<Told> {
        match self.told.take()? {
            Exit::Record(state) => Some(Told::Flow(state.record())),
            // What it says was there before its mark.
            Exit::Mark { .. } | Exit::Part(_) => self.done.pop().ok().map(Told::Done),
        }
    }

    /// Whether the worker is gone and nothing more can come.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.told.ended()
    }
}
