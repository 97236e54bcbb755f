//! Whether the workers are alive, by what they answer: a worker that does not hand its counts over for too long is stuck.
//!
//! **Owns** how long each worker has been silent. **May touch** nothing: it is told what was collected and how much time
//! passed. **Order** asked by the control loop after each collection.
//!
//! Silence is counted in time that this side saw pass between two questions, and no more of it than a question can take. So a
//! process that was stopped (SIGSTOP, a frozen container, a suspended machine) finds its workers alive when it goes on, and a
//! step of the host's clock changes nothing. A worker that has never answered is still making its tables and is not judged;
//! one that has ended is not either.

use parshall_engine::merge::snapshot::WorkerSnapshot;
use std::time::Duration;

/// Questions in a row that must stay unanswered, however long they took.
const QUESTIONS: u32 = 3;

/// A worker that does not answer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// Number of the worker.
    pub worker: u16,
    /// Its lcore.
    pub lcore: u32,
    /// For how long it has been silent.
    pub silent: Duration,
    /// Live flows that it held when it was heard last.
    pub flows: u64,
    /// Packets in them.
    pub packets: u64,
}

/// What the last collection says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Every worker has answered.
    All,
    /// Some are silent, none of them for too long.
    Some,
    /// One is stuck.
    Stuck(Stuck),
}

#[derive(Clone, Copy, Debug, Default)]
struct Silence {
    missed: u64,
    questions: u32,
    time: Duration,
}

/// See the module.
#[derive(Debug)]
pub struct Watch {
    timeout: Option<Duration>,
    longest_step: Duration,
    silences: Vec<Silence>,
}

impl Watch {
    /// A watch by `--worker-timeout`. Of the time between two questions at most `longest_step` counts.
    #[must_use]
    pub const fn new(timeout: Option<Duration>, longest_step: Duration) -> Watch {
        Watch { timeout, longest_step, silences: Vec::new() }
    }

    /// Takes in what was collected `passed` after the collection before.
    pub fn look(&mut self, workers: &[WorkerSnapshot], passed: Duration) -> Heard {
        self.silences.resize(workers.len(), Silence::default());
        let step = passed.min(self.longest_step);
        let mut heard = Heard::All;
        for (worker, silence) in workers.iter().zip(&mut self.silences) {
            let answered = worker.missed_turns == silence.missed;
            silence.missed = worker.missed_turns;
            let never = worker.handed_over.0 == 0;
            if worker.ended || (answered && !never) {
                (silence.questions, silence.time) = (0, Duration::ZERO);
                continue;
            }
            heard = Heard::Some;
            if never {
                continue;
            }
            silence.questions += 1;
            silence.time += step;
            if silence.questions >= QUESTIONS && self.timeout.is_some_and(|timeout| silence.time >= timeout) {
                return Heard::Stuck(Stuck {
                    worker: worker.worker,
                    lcore: worker.lcore,
                    silent: silence.time,
                    flows: worker.tally.live_flows,
                    packets: worker.tally.live_packets,
                });
            }
        }
        heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parshall_engine::time::Nanos;

    const SECOND: Duration = Duration::from_secs(1);

    fn worker(missed_turns: u64) -> WorkerSnapshot {
        WorkerSnapshot { worker: 1, lcore: 7, missed_turns, handed_over: Nanos(5), ..WorkerSnapshot::default() }
    }

    #[test]
    fn a_worker_that_stays_silent_is_named_when_its_time_is_up_and_one_that_answers_again_is_not() {
        let mut watch = Watch::new(Some(4 * SECOND), 2 * SECOND);
        assert_eq!(watch.look(&[worker(0)], SECOND), Heard::All);
        for missed in 1..=3 {
            assert_eq!(watch.look(&[worker(missed)], SECOND), Heard::Some);
        }
        assert_eq!(watch.look(&[worker(3)], SECOND), Heard::All);
        for missed in 4..=6 {
            assert_eq!(watch.look(&[worker(missed)], SECOND), Heard::Some);
        }
        let Heard::Stuck(stuck) = watch.look(&[worker(7)], SECOND) else { panic!("it is stuck") };
        assert_eq!((stuck.worker, stuck.lcore, stuck.silent), (1, 7, 4 * SECOND));
    }

    #[test]
    fn a_process_that_was_stopped_for_an_hour_finds_its_workers_alive() {
        let mut watch = Watch::new(Some(4 * SECOND), SECOND);
        watch.look(&[worker(0)], SECOND);
        assert_eq!(watch.look(&[worker(1)], SECOND), Heard::Some);
        assert_eq!(watch.look(&[worker(2)], 3600 * SECOND), Heard::Some);
        assert_eq!(watch.look(&[worker(2)], SECOND), Heard::All);
    }

    #[test]
    fn one_long_question_alone_is_no_verdict() {
        let mut watch = Watch::new(Some(SECOND), 10 * SECOND);
        watch.look(&[worker(0)], SECOND);
        assert_eq!(watch.look(&[worker(1)], 9 * SECOND), Heard::Some);
    }

    #[test]
    fn a_worker_that_still_makes_its_tables_or_has_ended_or_need_not_answer_is_not_stuck() {
        let young = |missed| WorkerSnapshot { handed_over: Nanos(0), ..worker(missed) };
        let ended = |missed| WorkerSnapshot { ended: true, ..worker(missed) };
        let mut watch = Watch::new(Some(SECOND), SECOND);
        let mut patient = Watch::new(None, SECOND);
        for missed in 1..100 {
            assert_eq!(watch.look(&[young(missed)], SECOND), Heard::Some);
            assert_eq!(patient.look(&[worker(missed)], SECOND), Heard::Some);
        }
        let mut watch = Watch::new(Some(SECOND), SECOND);
        for missed in 1..100 {
            assert_eq!(watch.look(&[ended(missed)], SECOND), Heard::All);
        }
    }
}
