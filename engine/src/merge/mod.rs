//! The control side: collects the workers' tallies into a snapshot and their records into one stream.
//!
//! **Owns** the merger's ends of all doors. **May touch** tallies and records; no packet, no flow.
//! **Order** the control thread calls [`Merger::collect`] once per period; the fan-out thread calls
//! [`collect::Collector`] without pause.

pub mod collect;
pub mod join;
pub mod lookout;
pub mod snapshot;

use crate::handover::MergerEnd;
use crate::tally::Tally;
use crate::time::Nanos;
use crate::tuning::Tuning;
use snapshot::{Snapshot, WorkerSnapshot};
use std::time::{Duration, Instant};

/// The merger: one end for each worker, and what each had counted last.
#[derive(Debug)]
pub struct Merger {
    ends: Vec<MergerEnd>,
    workers: Vec<WorkerSnapshot>,
    started_at: Nanos,
    turn: u64,
}

impl Merger {
    /// A merger that begins at `started_at` and knows no worker yet.
    #[must_use]
    pub const fn new(started_at: Nanos) -> Merger {
        Merger { ends: Vec::new(), workers: Vec::new(), started_at, turn: 0 }
    }

    /// Adds a worker that runs on `lcore`; its number is how many were added before.
    pub fn add(&mut self, end: MergerEnd, lcore: u32) -> usize {
        let worker = self.workers.len();
        self.ends.push(end);
        self.workers.push(WorkerSnapshot { worker: worker as u16, lcore, ..WorkerSnapshot::default() });
        worker
    }

    /// Gives every worker new timeouts and local networks, which each takes when it is asked next.
    pub fn tune(&mut self, tuning: &Tuning) {
        self.ends.iter_mut().for_each(|end| end.tune(tuning.clone()));
    }

    /// Asks every worker, waits at most `patience` for the answers, and makes a snapshot of what is known.
    ///
    /// A worker that did not answer stands in it as it last did, with a missed turn more. `ports` and `pools` of the
    /// snapshot are the caller's to fill.
    pub fn collect(&mut self, now: Nanos, patience: Duration) -> Snapshot {
        let began = Instant::now();
        let mut open: Vec<usize> = (0..self.ends.len()).filter(|worker| !self.workers[*worker].ended).collect();
        for worker in &open {
            self.ends[*worker].ask();
        }
        while !open.is_empty() {
            open.retain(|worker| {
                let last = &mut self.workers[*worker];
                let answered = self.ends[*worker].take(&mut last.tally);
                if answered {
                    last.handed_over = now;
                }
                !answered
            });
            if began.elapsed() > patience {
                break;
            }
            if !open.is_empty() {
                std::thread::sleep(Duration::from_micros(50));
            }
        }
        for worker in open {
            self.workers[worker].missed_turns += 1;
        }
        self.snapshot(now, began)
    }

    /// Takes the last tally of a worker that has ended; it is not asked any more.
    pub fn conclude(&mut self, worker: usize, tally: &Tally, now: Nanos) {
        if let Some(last) = self.workers.get_mut(worker) {
            last.tally = tally.clone();
            last.handed_over = now;
            last.ended = true;
        }
    }

    /// A snapshot of what is known, without asking: after the last worker ended.
    pub fn last(&mut self, now: Nanos) -> Snapshot {
        self.snapshot(now, Instant::now())
    }

    fn snapshot(&mut self, now: Nanos, began: Instant) -> Snapshot {
        self.turn += 1;
        let mut total = Tally::default();
        for worker in &self.workers {
            total.fold(&worker.tally);
        }
        Snapshot {
            taken_at: now,
            started_at: self.started_at,
            turn: self.turn,
            workers: self.workers.clone(),
            total,
            ports: Vec::new(),
            listeners: Vec::new(),
            pools: Vec::new(),
            publish_nanos: u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handover;

    #[test]
    fn a_worker_that_does_not_answer_keeps_its_last_word_and_is_counted() {
        let mut merger = Merger::new(Nanos(1));
        let (mut worker, end) = handover::pair();
        merger.add(end, 3);
        let silent = merger.collect(Nanos(2), Duration::from_millis(1));
        assert_eq!((silent.workers[0].missed_turns, silent.total.polls), (1, 0));
        worker.turn(&Tally { polls: 7, ..Tally::default() });
        let heard = merger.collect(Nanos(3), Duration::from_millis(1));
        assert_eq!((heard.workers[0].missed_turns, heard.total.polls, heard.turn), (1, 7, 2));
        assert_eq!((heard.workers[0].lcore, heard.workers[0].handed_over), (3, Nanos(3)));
    }

    #[test]
    fn a_worker_that_has_ended_is_not_asked_and_misses_no_turn() {
        let mut merger = Merger::new(Nanos(1));
        let (_worker, end) = handover::pair();
        let number = merger.add(end, 3);
        merger.conclude(number, &Tally { polls: 9, ..Tally::default() }, Nanos(2));
        let after = merger.collect(Nanos(3), Duration::from_secs(3600));
        assert_eq!((after.workers[0].missed_turns, after.workers[0].ended, after.total.polls), (0, true, 9));
    }
}
