//! Time as a value: UNIX nanoseconds that arrive with a packet or are read once per burst.
//!
//! **Owns** the one time type of the engine and its arithmetic. **May touch** nothing: there is no clock here, and none
//! below `worker`. Every caller passes time down, so a replay gives the same records whenever it runs.

use std::time::Duration;

/// A point in time. Unit: nanoseconds since 1970-01-01T00:00:00Z, without leap seconds; range to the year 2554.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, bytemuck::Zeroable)]
pub struct Nanos(pub u64);

impl Nanos {
    /// The epoch itself; stands for "before any packet" where a maximum is being taken.
    pub const ZERO: Nanos = Nanos(0);
    /// Later than every packet; stands for "no packet yet" where a minimum is being taken.
    pub const MAX: Nanos = Nanos(u64::MAX);

    /// The time from `earlier` to `self` in nanoseconds; 0 when `earlier` is the later one.
    #[inline]
    #[must_use]
    pub const fn since(self, earlier: Nanos) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `self` moved on by `span` nanoseconds, held at the end of the range.
    #[inline]
    #[must_use]
    pub const fn plus(self, span: u64) -> Nanos {
        Nanos(self.0.saturating_add(span))
    }

    /// `self` moved back by `span` nanoseconds, held at the epoch.
    #[inline]
    #[must_use]
    pub const fn minus(self, span: u64) -> Nanos {
        Nanos(self.0.saturating_sub(span))
    }
}

/// A duration of the configuration in nanoseconds, held at `u64::MAX` (584 years).
#[must_use]
pub fn nanos_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_never_go_below_zero() {
        assert_eq!(Nanos(5).since(Nanos(3)), 2);
        assert_eq!(Nanos(3).since(Nanos(5)), 0);
        assert_eq!(Nanos(3).minus(5), Nanos::ZERO);
        assert_eq!(Nanos::MAX.plus(1), Nanos::MAX);
    }

    #[test]
    fn a_duration_longer_than_the_range_is_held_at_its_end() {
        assert_eq!(nanos_of(Duration::from_micros(7)), 7_000);
        assert_eq!(nanos_of(Duration::MAX), u64::MAX);
    }
}
