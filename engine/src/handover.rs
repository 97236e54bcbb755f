//! The door that tallies leave a worker by: a copy, when asked, without either side ever waiting.
//!
//! **Owns** the two one-place rings between one worker and the merger, and the law that exactly one box travels.
//! **May touch** nothing else: no clock, no table, no metric.
//! **Order** the worker's end is called once per burst; the merger's end once per period.
//!
//! ```text
//!   merger ── empty box ──▶ [asked; 1] ──▶ worker copies its tally into it
//!   merger ◀── full box ─── [full;  1] ◀── and sends it back
//! ```
//!
//! The tally is cumulative and the worker keeps its own, so a late answer loses nothing. A worker that never answers
//! costs the merger a counted missed turn.

use crate::life::Limits;
use crate::locality::Locality;
use crate::tally::Tally;
use crate::tuning::{self, TunedEnd, TunerEnd, Tuning};
use rtrb::{Consumer, Producer, RingBuffer};

/// The worker's end.
#[derive(Debug)]
pub struct WorkerEnd {
    asked: Consumer<Box<Tally>>,
    full: Producer<Box<Tally>>,
    tuned: TunedEnd,
}

/// The merger's end.
#[derive(Debug)]
pub struct MergerEnd {
    asked: Producer<Box<Tally>>,
    full: Consumer<Box<Tally>>,
    home: Option<Box<Tally>>,
    tuner: TunerEnd,
}

/// Both ends of one worker's door.
#[must_use]
pub fn pair() -> (WorkerEnd, MergerEnd) {
    let (ask, asked) = RingBuffer::new(1);
    let (give, full) = RingBuffer::new(1);
    let (tuned, tuner) = tuning::pair();
    let worker = WorkerEnd { asked, full: give, tuned };
    (worker, MergerEnd { asked: ask, full, home: Some(Box::default()), tuner })
}

impl WorkerEnd {
    /// Copies the tally out if the merger has asked, and says whether it had. Costs one load when it has not; never
    /// allocates, never waits.
    #[inline]
    pub fn turn(&mut self, tally: &Tally) -> bool {
        let asked = !self.asked.is_empty();
        if asked {
            self.answer(tally);
        }
        asked
    }

    /// Takes new timeouts and local networks, if the merger has sent some.
    #[cold]
    pub fn tune(&mut self, (limits, locality): (&mut Limits, &mut Locality)) {
        self.tuned.turn(limits, locality);
    }

    #[inline(never)]
    fn answer(&mut self, tally: &Tally) {
        let Ok(mut travelling) = self.asked.pop() else { return };
        Tally::clone_from(&mut travelling, tally);
        // One box travels, so its place on the way back is free.
        let _ = self.full.push(travelling);
    }
}

impl MergerEnd {
    /// Asks the worker for its tally; does nothing when an earlier question is still open.
    pub fn ask(&mut self) {
        self.tuner.settle();
        if let Some(travelling) = self.home.take()
            && let Err(rtrb::PushError::Full(back)) = self.asked.push(travelling)
        {
            self.home = Some(back);
        }
    }

    /// Sends the worker new timeouts and local networks, which it takes with the next question.
    pub fn tune(&mut self, tuning: Tuning) {
        self.tuner.send(tuning);
    }

    /// Takes the answer into `tally`, if it has come.
    pub fn take(&mut self, tally: &mut Tally) -> bool {
        let Ok(travelling) = self.full.pop() else { return false };
        Tally::clone_from(tally, &travelling);
        self.home = Some(travelling);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_travels_unless_it_was_asked_for() {
        let (mut worker, mut merger) = pair();
        let mut got = Tally::default();
        worker.turn(&Tally { polls: 1, ..Tally::default() });
        assert!(!merger.take(&mut got));
        merger.ask();
        worker.turn(&Tally { polls: 2, ..Tally::default() });
        worker.turn(&Tally { polls: 3, ..Tally::default() });
        assert!(merger.take(&mut got));
        assert_eq!(got.polls, 2);
    }

    #[test]
    fn asking_twice_loses_no_answer_and_makes_no_second_box() {
        let (mut worker, mut merger) = pair();
        let mut got = Tally::default();
        for polls in 1..1000 {
            merger.ask();
            merger.ask();
            if polls % 3 == 0 {
                worker.turn(&Tally { polls, ..Tally::default() });
                assert!(merger.take(&mut got));
                assert_eq!(got.polls, polls);
            } else {
                assert!(!merger.take(&mut got));
            }
        }
    }

    #[test]
    fn a_tally_is_never_torn_between_two_threads() {
        let (mut worker, mut merger) = pair();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut tally = Tally::default();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    tally.polls += 1;
                    tally.live_flows = tally.polls;
                    worker.turn(&tally);
                }
            });
            let mut got = Tally::default();
            for _ in 0..1000 {
                merger.ask();
                while !merger.take(&mut got) {
                    std::hint::spin_loop();
                }
                assert_eq!(got.polls, got.live_flows);
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }
}
