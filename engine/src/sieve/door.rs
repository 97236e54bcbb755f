//! The door that new filters enter a worker by, while it works and without losing a packet.
//!
//! **Owns** the two one-place rings between the control side and one worker, and the law that a worker has exactly one set of
//! filters at any time. **May touch** nothing else.
//! **Order** the worker's end is looked at once a burst, between two bursts; the control side's end whenever filters change.
//!
//! ```text
//!   control ── new filters ──▶ [new; 1] ──▶ worker puts them in place of its own
//!   control ◀── old filters ── [old; 1] ◀── and sends its own back, to be freed there
//! ```
//!
//! Filters are compiled before they travel, and freed where they were compiled: a worker neither allocates nor frees. Writer and
//! reader of `new` are the control side and the worker, of `old` the other way round. A late worker costs nothing: the next
//! filters wait on the control side, and the newest win.

use super::Filters;
use rtrb::{Consumer, Producer, RingBuffer};

/// The worker's end.
#[derive(Debug)]
pub struct SieveEnd {
    new: Consumer<Box<Filters>>,
    old: Producer<Box<Filters>>,
}

/// The control side's end.
#[derive(Debug)]
pub struct ControlEnd {
    new: Producer<Box<Filters>>,
    old: Consumer<Box<Filters>>,
    /// A set has been sent and the one that it replaces has not come back.
    on_the_way: bool,
    /// The newest filters, which wait for that.
    waiting: Option<Box<Filters>>,
}

/// Both ends of one worker's door.
#[must_use]
pub fn pair() -> (SieveEnd, ControlEnd) {
    let (send, new) = RingBuffer::new(1);
    let (send_back, old) = RingBuffer::new(1);
    (SieveEnd { new, old: send_back }, ControlEnd { new: send, old, on_the_way: false, waiting: None })
}

impl SieveEnd {
    /// Puts new filters in the place of `own`, if some have come. Costs one load when none have; never waits.
    #[inline]
    pub fn turn(&mut self, own: &mut Box<Filters>) {
        if !self.new.is_empty() {
            self.take(own);
        }
    }

    #[inline(never)]
    fn take(&mut self, own: &mut Box<Filters>) {
        // Only one set travels, so its place on the way back is free; were it not, the old ones stay in force.
        if self.old.is_full() {
            return;
        }
        let Ok(new) = self.new.pop() else { return };
        let _ = self.old.push(std::mem::replace(own, new));
    }
}

impl ControlEnd {
    /// Sends filters to the worker. Those that still wait to be sent are replaced.
    pub fn send(&mut self, filters: Filters) {
        self.waiting = Some(Box::new(filters));
        self.settle();
    }

    /// Frees what has come back, and sends what waits. True when the worker has the filters that were sent last, or is gone.
    pub fn settle(&mut self) -> bool {
        if self.old.pop().is_ok() {
            self.on_the_way = false;
        }
        if self.new.is_abandoned() {
            return true;
        }
        if !self.on_the_way
            && let Some(filters) = self.waiting.take()
        {
            // One set travels at the most, so there is a place.
            self.on_the_way = self.new.push(filters).is_ok();
        }
        !self.on_the_way && self.waiting.is_none()
    }
}
