//! The host's clock without its steps back.
//!
//! **Owns** the distance between the two. **May touch** nothing: it is told what the clock says.
//! **Order** asked by `source` for each datagram and each poll.

use crate::time::Nanos;

/// Smaller differences are the order in which datagrams were taken from several sockets, no step. Unit: nanoseconds.
pub(super) const STEP: u64 = 1_000_000_000;

/// Follows a clock. When that is set back, time goes on from where it was, a tenth slower until the two agree.
#[derive(Debug, Default)]
pub(super) struct Steady {
    latest: Nanos,
    ahead: u64,
}

impl Steady {
    /// The time when the clock says `clock`: never more than [`STEP`] before what was given last.
    pub(super) fn at(&mut self, clock: Nanos) -> Nanos {
        let mut time = clock.plus(self.ahead);
        let back = self.latest.since(time);
        if back > STEP {
            self.ahead = self.ahead.saturating_add(back);
            return self.latest;
        }
        let slower = self.ahead.min(time.since(self.latest) / 10);
        self.ahead -= slower;
        time = time.minus(slower);
        self.latest = self.latest.max(time);
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_clock_that_goes_on_is_followed_to_the_nanosecond_and_so_are_small_differences() {
        let mut steady = Steady::default();
        for clock in [100 * SECOND, 100 * SECOND + 7, 100 * SECOND + 3, 5_000 * SECOND, 4_999 * SECOND] {
            assert_eq!(steady.at(Nanos(clock)), Nanos(clock));
        }
    }

    #[test]
    fn a_clock_that_is_set_back_holds_time_and_is_met_again() {
        let mut steady = Steady::default();
        steady.at(Nanos(1_000 * SECOND));
        let mut last = Nanos(1_000 * SECOND);
        for second in 0..100 {
            let time = steady.at(Nanos((990 + second) * SECOND));
            assert!(time >= last, "{second}");
            last = time;
        }
        assert!(last.since(Nanos(1_089 * SECOND)) < 5 * SECOND, "{last:?}");
        for second in 100..200 {
            last = steady.at(Nanos((990 + second) * SECOND));
        }
        assert_eq!(last, Nanos(1_189 * SECOND));
    }
}
