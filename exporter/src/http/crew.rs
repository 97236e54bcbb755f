//! Threads for connections and long answers, one piece of work after another.
//!
//! **Owns** the threads that wait for the next piece, and how long they do. **May touch** nothing else.
//! **Order** handed work by the gate, and by answers that may have to wait for their client.
//!
//! A thread that begins or ends changes the process's memory map; where the processor cannot tell the others itself, the kernel
//! interrupts every one on which the process runs, the workers' too. So a thread that has done its work waits for more.

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::io;
use std::time::Duration;

/// How long a thread waits for more work before it ends.
const PATIENCE: Duration = Duration::from_secs(30);

type Work = Box<dyn FnOnce() + Send>;

/// The threads. Clones share them; those that wait end when the last clone is dropped.
#[derive(Clone, Debug)]
pub(super) struct Crew {
    /// Holds nothing: what is handed over is handed to a thread that waits.
    hand: Sender<Work>,
    waiting: Receiver<Work>,
}

impl Default for Crew {
    fn default() -> Crew {
        let (hand, waiting) = bounded(0);
        Crew { hand, waiting }
    }
}

impl Crew {
    /// Has a thread do the work: one that waits for some, else a new one. How many there are is up to the caller.
    ///
    /// # Errors
    /// The system's refusal to start a thread; the work is not done then.
    pub(super) fn run(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let Some(first) = self.hand_over(Box::new(work)) else { return Ok(()) };
        let waiting = self.waiting.clone();
        let thread = std::thread::Builder::new().name("parshall-conn".to_owned());
        let spawned = thread.spawn(move || {
            first();
            while let Ok(next) = waiting.recv_timeout(PATIENCE) {
                next();
            }
        });
        spawned.map(drop)
    }

    /// Gives the work to a thread that waits, or back.
    fn hand_over(&self, work: Work) -> Option<Work> {
        self.hand.try_send(work).err().map(TrySendError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::sync::{Arc, Barrier};
    use std::time::Instant;

    #[test]
    fn a_thread_that_has_done_its_work_takes_the_next_piece() {
        let crew = Crew::default();
        let (tell, told) = channel();
        let work = || -> Work {
            let tell = tell.clone();
            Box::new(move || tell.send(std::thread::current().id()).unwrap())
        };
        crew.run(work()).unwrap();
        let first = told.recv().unwrap();
        let began = Instant::now();
        for _ in 0..100 {
            let mut refused = Some(work());
            while let Some(again) = refused {
                assert!(began.elapsed() < Duration::from_secs(60), "no thread waits");
                refused = crew.hand_over(again);
            }
            assert_eq!(told.recv().unwrap(), first);
        }
    }

    #[test]
    fn pieces_of_work_that_wait_for_each_other_are_all_done() {
        let crew = Crew::default();
        let meeting = Arc::new(Barrier::new(9));
        for _ in 0..8 {
            let meeting = meeting.clone();
            let attend = move || {
                meeting.wait();
            };
            crew.run(attend).unwrap();
        }
        meeting.wait();
    }
}
