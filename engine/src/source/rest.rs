//! What a source does when there was nothing to poll.
//!
//! **Owns** the count of empty polls in a row and what each is answered with. **May touch** the processor's pause hint and
//! the scheduler. **Order** called by `source::dpdk` after a poll that gave nothing, never after one that gave something.
//!
//! | `--idle` | after a poll that gave nothing | a packet waits at most |
//! |---|---|---|
//! | `busy` | nothing: the next poll | one poll |
//! | `pause` | from the 64th in a row, 32 pause instructions | about 2 us more |
//! | `sleep` | from the 64th as `pause`; from the 1,024th a sleep of 1 us, twice as long every 16 polls, up to 100 us | 100 us and the wake-up of the kernel more |
//!
//! One packet ends all of it. What arrives during a sleep waits in the queue's descriptors: 1,024 of them hold 100 us at
//! 10 million packets a second.

use parshall_config::plan::Idle;
use std::time::Duration;

/// Empty polls in a row before anything is done.
const PATIENCE: u32 = 64;
/// Empty polls in a row before the first sleep.
const SLEEPY: u32 = 1_024;
/// Polls between two doublings of the sleep.
const STEP: u32 = 16;
/// Pause instructions between two polls.
const PAUSES: u32 = 32;
/// The longest sleep. Unit: microseconds.
const LONGEST: u64 = 100;

/// What to do before the next poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Poll,
    Pause,
    /// Unit: microseconds.
    Sleep(u64),
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Rest {
    idle: Idle,
    empty: u32,
    slack_set: bool,
}

impl Rest {
    /// A source that rests as `idle` says.
    #[must_use]
    pub const fn new(idle: Idle) -> Rest {
        Rest { idle, empty: 0, slack_set: false }
    }

    /// A poll gave something.
    #[inline]
    pub const fn heard(&mut self) {
        self.empty = 0;
    }

    /// A poll gave nothing.
    #[inline]
    pub fn silent(&mut self) {
        if !matches!(self.idle, Idle::Busy) {
            self.rest();
        }
    }

    #[cold]
    fn rest(&mut self) {
        self.empty = self.empty.saturating_add(1);
        match doing(self.idle, self.empty) {
            Doing::Poll => {}
            Doing::Pause => (0..PAUSES).for_each(|_| std::hint::spin_loop()),
            Doing::Sleep(micros) => {
                if !self.slack_set {
                    self.slack_set = true;
                    // The kernel rounds sleeps up by 50 us otherwise. Where it refuses, sleeps are that much longer.
                    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1_000));
                }
                std::thread::sleep(Duration::from_micros(micros));
            }
        }
    }
}

fn doing(idle: Idle, empty: u32) -> Doing {
    match idle {
        Idle::Busy => Doing::Poll,
        _ if empty < PATIENCE => Doing::Poll,
        Idle::Sleep if empty >= SLEEPY => {
            let doublings = ((empty - SLEEPY) / STEP).min(16);
            Doing::Sleep((1 << doublings).min(LONGEST))
        }
        Idle::Pause | Idle::Sleep => Doing::Pause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_never_rests() {
        for empty in [0, 1, PATIENCE, SLEEPY, u32::MAX] {
            assert_eq!(doing(Idle::Busy, empty), Doing::Poll);
        }
    }

    #[test]
    fn pause_pauses_and_never_sleeps() {
        assert_eq!(doing(Idle::Pause, PATIENCE - 1), Doing::Poll);
        assert_eq!(doing(Idle::Pause, PATIENCE), Doing::Pause);
        assert_eq!(doing(Idle::Pause, u32::MAX), Doing::Pause);
    }

    #[test]
    fn sleeps_double_up_to_their_bound() {
        assert_eq!(doing(Idle::Sleep, SLEEPY - 1), Doing::Pause);
        let steps: Vec<Doing> = (0..9).map(|n| doing(Idle::Sleep, SLEEPY + n * STEP)).collect();
        assert_eq!(steps, [1, 2, 4, 8, 16, 32, 64, 100, 100].map(Doing::Sleep));
        assert_eq!(doing(Idle::Sleep, u32::MAX), Doing::Sleep(LONGEST));
    }

    #[test]
    fn one_packet_ends_the_rest() {
        let mut rest = Rest::new(Idle::Sleep);
        (0..SLEEPY + 3).for_each(|_| rest.silent());
        assert!(rest.empty > SLEEPY);
        rest.heard();
        assert_eq!(doing(rest.idle, rest.empty), Doing::Poll);
    }
}
