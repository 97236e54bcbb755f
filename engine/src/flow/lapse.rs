//! A length of time in 32 bits.
//!
//! **Owns** its packing. **May touch** nothing. **Order** written by `track::udp` and `flow::first`, read when a record is made.
//!
//! Exact up to 2.1 s, where request and response lie; then down to a microsecond up to 17.9 minutes, and down to 64 us
//! up to 19 hours. Zeroed is none.

use crate::time::Nanos;
use bytemuck::{Pod, Zeroable};

/// The two upper bits say the unit: 0x nanoseconds plus 1, 10 microseconds, 11 units of 64 us.
const MICROS: u32 = 1 << 31;
const COARSE: u32 = 3 << 30;
const COARSE_UNIT: u64 = 64_000;

/// Longest values of the finer units.
const EXACT_END: u64 = MICROS as u64 - 1;
const MICROS_END: u64 = 1000 << 30;

/// A length of time, or none, or one too long to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(transparent)]
pub struct Lapse(u32);

impl Lapse {
    /// None.
    pub const NONE: Lapse = Lapse(0);

    /// What one too long to tell is longer than. Unit: nanoseconds.
    pub const LONGEST: u64 = ((1 << 30) - 1) * COARSE_UNIT;

    /// From `start` to `time`, rounded down to the unit; nothing when `time` is earlier.
    #[inline]
    #[must_use]
    pub const fn between(start: Nanos, time: Nanos) -> Lapse {
        let nanos = time.since(start);
        if nanos < EXACT_END { Lapse(nanos as u32 + 1) } else { Lapse::long(nanos) }
    }

    #[cold]
    const fn long(nanos: u64) -> Lapse {
        let coarse = nanos / COARSE_UNIT;
        if nanos < MICROS_END {
            Lapse(MICROS | (nanos / 1000) as u32)
        } else if coarse < (u32::MAX - COARSE) as u64 {
            Lapse(COARSE | coarse as u32)
        } else {
            Lapse(u32::MAX)
        }
    }

    /// Its length; `None` for none, or for one too long to tell. Unit: nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> Option<u64> {
        match self {
            Lapse(0 | u32::MAX) => None,
            Lapse(exact) if exact < MICROS => Some(exact as u64 - 1),
            Lapse(micros) if micros < COARSE => Some((micros ^ MICROS) as u64 * 1000),
            Lapse(coarse) => Some((coarse ^ COARSE) as u64 * COARSE_UNIT),
        }
    }

    /// So much after `start`; `None` for none, or for one too long to tell.
    #[must_use]
    pub const fn after(self, start: Nanos) -> Option<Nanos> {
        match self.nanos() {
            Some(nanos) => Some(start.plus(nanos)),
            None => None,
        }
    }

    /// The same moment after another start. One too long to tell stays so.
    #[must_use]
    pub const fn from_start(self, old: Nanos, new: Nanos) -> Lapse {
        match self.after(old) {
            Some(time) => Lapse::between(new, time),
            None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Nanos = Nanos(1_767_225_600_000_000_000);

    fn there_and_back(nanos: u64) -> Option<u64> {
        Lapse::between(START, START.plus(nanos)).after(START).map(|time| time.since(START))
    }

    #[test]
    fn two_seconds_are_exact_a_quarter_of_an_hour_to_a_microsecond_and_a_day_not_told() {
        for exact in [0, 1, 999, 1_000_001, 2_147_483_646] {
            assert_eq!(there_and_back(exact), Some(exact));
        }
        for (nanos, unit) in [(2_147_483_647, 1000), (2_147_483_648, 1000), (1_073_741_823_999, 1000)] {
            assert_eq!(there_and_back(nanos), Some(nanos / unit * unit));
        }
        for nanos in [1_073_741_824_000, 4_294_967_296_123, 68_719_476_671_999] {
            assert_eq!(there_and_back(nanos), Some(nanos / 64_000 * 64_000));
        }
        assert_eq!(there_and_back(24 * 3_600_000_000_000), None);
    }

    #[test]
    fn what_is_longer_never_reads_shorter() {
        let mut before = 0;
        for n in 0..20_000_u64 {
            let now = there_and_back(n * n * 170_000).expect("below 19 hours");
            assert!(now >= before, "{n}");
            before = now;
        }
    }

    #[test]
    fn a_start_that_moves_leaves_the_moment_where_it_was() {
        let lapse = Lapse::between(START, START.plus(77));
        let earlier = START.minus(1_000_000);
        assert_eq!(lapse.from_start(START, earlier).after(earlier), Some(START.plus(77)));
        assert_eq!(Lapse::NONE.from_start(START, earlier), Lapse::NONE);
    }
}
