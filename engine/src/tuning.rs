//! The door that new timeouts and local networks enter a worker by, while it works.
//!
//! **Owns** the two one-place rings between the merger and one worker. **May touch** nothing else.
//! **Order** the worker looks when it has handed its tally over, about once a second, never in the course of a burst; the
//! merger sends when the configuration was read anew.
//!
//! ```text
//!   merger ── new tuning ──▶ [new; 1] ──▶ worker takes it in exchange for its own
//!   merger ◀── old tuning ── [old; 1] ◀── which goes back, to be freed there
//! ```
//!
//! A flow's end is decided from its own times and the timeouts in force when somebody asks, so a change needs no pass over
//! the flows and ends none by itself.

use crate::life::Limits;
use crate::locality::Locality;
use rtrb::{Consumer, Producer, RingBuffer};

/// What a worker can be given anew.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// When flows end.
    pub limits: Limits,
    /// What is local.
    pub locality: Locality,
}

/// The worker's end.
#[derive(Debug)]
pub struct TunedEnd {
    new: Consumer<Box<Tuning>>,
    old: Producer<Box<Tuning>>,
}

/// The merger's end.
#[derive(Debug)]
pub struct TunerEnd {
    new: Producer<Box<Tuning>>,
    old: Consumer<Box<Tuning>>,
    waiting: Option<Box<Tuning>>,
}

/// Both ends of one worker's door.
#[must_use]
pub fn pair() -> (TunedEnd, TunerEnd) {
    let (send, new) = RingBuffer::new(1);
    let (send_back, old) = RingBuffer::new(1);
    (TunedEnd { new, old: send_back }, TunerEnd { new: send, old, waiting: None })
}

impl TunedEnd {
    /// Exchanges what has come for the worker's own. Neither allocates nor frees.
    pub fn turn(&mut self, limits: &mut Limits, locality: &mut Locality) {
        if self.old.is_full() {
            return;
        }
        let Ok(mut tuning) = self.new.pop() else { return };
        std::mem::swap(&mut tuning.limits, limits);
        std::mem::swap(&mut tuning.locality, locality);
        let _ = self.old.push(tuning);
    }
}

impl TunerEnd {
    /// Sends a tuning; one that still waits to be sent is replaced.
    pub fn send(&mut self, tuning: Tuning) {
        self.waiting = Some(Box::new(tuning));
        self.settle();
    }

    /// Frees what has come back and sends what waits.
    pub fn settle(&mut self) {
        drop(self.old.pop());
        if let Some(tuning) = self.waiting.take()
            && let Err(rtrb::PushError::Full(back)) = self.new.push(tuning)
        {
            self.waiting = Some(back);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parshall_config::plan::Timeouts;
    use std::time::Duration;

    fn tuning(seconds: u64) -> Tuning {
        let timeouts = Timeouts { tcp_idle: Duration::from_secs(seconds), ..Timeouts::default() };
        Tuning { limits: Limits::new(&timeouts), locality: Locality::default() }
    }

    #[test]
    fn the_newest_tuning_arrives_however_late_the_worker_looks() {
        let (mut worker, mut merger) = pair();
        let Tuning { mut limits, mut locality } = tuning(300);
        worker.turn(&mut limits, &mut locality);
        assert_eq!(limits.longest(), 300_000_000_000);
        for seconds in [400, 500, 600] {
            merger.send(tuning(seconds));
        }
        worker.turn(&mut limits, &mut locality);
        assert_eq!(limits.longest(), 400_000_000_000, "the first was on its way already");
        merger.settle();
        worker.turn(&mut limits, &mut locality);
        assert_eq!(limits.longest(), 600_000_000_000);
    }
}
