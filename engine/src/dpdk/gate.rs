//! The door by which polling is halted and let go on: one word, looked at once a poll.
//!
//! **Owns** the word, the workers' answers to it, and how often each port was started anew. **May touch** nothing else.
//! **Order** written by the control thread; read by `source::dpdk` on every lcore that polls, before it touches a queue.
//!
//! ```text
//!   control ── turn: even open, odd closed ──▶ every source: one relaxed load a poll, equal to what it saw last
//!   control ◀── answer of each source: the turn that it has seen, after its last poll before it
//! ```
//!
//! A port may be stopped and started only while nobody polls. [`Closed`] is the proof: it exists only after every source
//! has answered that it polls no more, and opening the gate uses it up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a source has answered when it will never poll again.
const GONE: u64 = u64::MAX;

/// In a line of its own: sources read it at every poll, and what lies beside it on the heap may be written all the time.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shared {
    // control: w, sources: r
    turn: AtomicU64,
    // control: w, sources: r when the gate opens
    starts: Mutex<HashMap<u16, u32>>,
}

/// The control side's end.
#[derive(Debug, Default)]
pub struct Gate {
    shared: Arc<Shared>,
    // sources: w, control: r
    answers: Vec<Arc<AtomicU64>>,
}

/// A source's end.
#[derive(Debug)]
pub struct Keeper {
    shared: Arc<Shared>,
    answer: Arc<AtomicU64>,
    seen: u64,
}

/// What a source finds at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// Poll.
    Open,
    /// Do not poll.
    Closed,
    /// Poll; it was closed before, and ports may have been started anew.
    Reopened,
}

/// Nobody polls while this lives.
#[derive(Debug)]
#[must_use = "the gate stays closed until this is opened"]
pub struct Closed<'g> {
    gate: &'g Gate,
}

impl Gate {
    /// A gate that is open or closed, without sources.
    #[must_use]
    pub fn new(open: bool) -> Gate {
        let gate = Gate::default();
        gate.shared.turn.store(u64::from(!open), Ordering::Release);
        gate
    }

    /// A source's end; before it polls for the first time.
    pub fn keeper(&mut self) -> Keeper {
        let answer = Arc::new(AtomicU64::new(0));
        self.answers.push(answer.clone());
        Keeper { shared: self.shared.clone(), answer, seen: 0 }
    }

    /// Whether sources may poll.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.shared.turn.load(Ordering::Relaxed).is_multiple_of(2)
    }

    /// Asks every source to poll no more and waits for their answers; `None` where one has not answered within `patience`:
    /// the gate is closed then all the same, and this may be called again.
    pub fn close(&self, patience: Duration) -> Option<Closed<'_>> {
        let turn = self.shared.turn.load(Ordering::Relaxed) | 1;
        self.shared.turn.store(turn, Ordering::Release);
        let deadline = std::time::Instant::now() + patience;
        while self.answers.iter().any(|answer| answer.load(Ordering::Acquire) < turn) {
            if std::time::Instant::now() > deadline {
                return None;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        Some(Closed { gate: self })
    }
}

impl Closed<'_> {
    /// Lets every source poll again.
    pub fn open(self) {
        let turn = self.gate.shared.turn.load(Ordering::Relaxed);
        self.gate.shared.turn.store(turn + 1, Ordering::Release);
    }

    /// Notes that a port was started anew: its queues begin from the beginning.
    pub(super) fn started(&self, port: u16) {
        let mut starts = self.gate.shared.starts.lock().unwrap_or_else(PoisonError::into_inner);
        *starts.entry(port).or_default() += 1;
    }
}

impl Default for Keeper {
    /// One that nobody ever closes.
    fn default() -> Keeper {
        Keeper { shared: Arc::default(), answer: Arc::default(), seen: 0 }
    }
}

impl Keeper {
    /// Whether to poll now.
    #[inline]
    pub fn passage(&mut self) -> Passage {
        if self.shared.turn.load(Ordering::Relaxed) == self.seen { Passage::Open } else { self.look() }
    }

    #[cold]
    fn look(&mut self) -> Passage {
        // Pairs with the store in Closed::open: what was done to ports while the gate was closed comes before the next poll.
        let turn = self.shared.turn.load(Ordering::Acquire);
        // Pairs with the load in Gate::close: every poll so far comes before what is done to ports from now on.
        self.answer.store(turn, Ordering::Release);
        if !turn.is_multiple_of(2) {
            return Passage::Closed;
        }
        self.seen = turn;
        Passage::Reopened
    }

    /// How often `port` was started anew.
    #[must_use]
    pub fn starts(&self, port: u16) -> u32 {
        let starts = self.shared.starts.lock().unwrap_or_else(PoisonError::into_inner);
        starts.get(&port).copied().unwrap_or(0)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.answer.store(GONE, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn a_gate_is_closed_when_every_source_has_answered_and_not_before() {
        let mut gate = Gate::new(true);
        let (mut one, mut two) = (gate.keeper(), gate.keeper());
        assert_eq!((one.passage(), two.passage()), (Passage::Open, Passage::Open));
        assert!(gate.close(Duration::ZERO).is_none(), "nobody has answered");
        assert_eq!(one.passage(), Passage::Closed);
        assert!(gate.close(Duration::ZERO).is_none(), "one of two");
        drop(two);
        let closed = gate.close(Duration::ZERO).expect("one answered, one is gone");
        closed.started(3);
        assert_eq!((one.passage(), gate.is_open()), (Passage::Closed, false));
        closed.open();
        assert_eq!((one.passage(), one.passage()), (Passage::Reopened, Passage::Open));
        assert_eq!((one.starts(3), one.starts(4)), (1, 0));
    }

    #[test]
    fn a_gate_that_begins_closed_lets_nobody_poll_before_it_opens() {
        let mut gate = Gate::new(false);
        let mut source = gate.keeper();
        assert_eq!(source.passage(), Passage::Closed);
        gate.close(Duration::ZERO).expect("it has answered").open();
        assert_eq!((source.passage(), source.passage()), (Passage::Reopened, Passage::Open));
    }

    #[test]
    fn nobody_polls_while_the_proof_lives() {
        let mut gate = Gate::new(true);
        let (polling, stop) = (AtomicBool::new(false), AtomicBool::new(false));
        let mut keeper = gate.keeper();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    if keeper.passage() != Passage::Closed {
                        polling.store(true, Ordering::Relaxed);
                        polling.store(false, Ordering::Relaxed);
                    }
                }
            });
            for _ in 0..200 {
                let closed = gate.close(Duration::from_secs(60)).expect("it answers");
                assert!(!polling.load(Ordering::Relaxed));
                closed.open();
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}
