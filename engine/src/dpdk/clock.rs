//! UNIX time from the processor's time stamp counter: one read of a register a burst.
//!
//! **Owns** the mapping of ticks to time, one per worker. **May touch** the counter, and the host's clock once a second
//! (through the vDSO, without a system call). **Order** read by `source::dpdk` at the top of each turn.
//!
//! The mapping follows the host's clock without ever going back:
//! - ahead of it or behind by less than a second, its rate is bent by at most a tenth until the two agree;
//! - behind by more (the host's clock was set forward, the first NTP fix), it jumps;
//! - ahead by more (the host's clock was set back), it runs a tenth slower for as long as it takes.

use super::launch::Lcore;
use crate::time::{Nanos, nanos_of};
use dpdk_sys as ffi;
use std::time::{SystemTime, UNIX_EPOCH};

const SECOND: u64 = 1_000_000_000;
/// Bits behind the point of a rate.
const FRACTION: u32 = 32;

/// Ticks to time. Pure: it is told what the clocks say.
#[derive(Clone, Debug)]
struct Mapping {
    /// Nanoseconds per tick as measured, with [`FRACTION`] bits behind the point.
    rate: u64,
    /// The same, bent towards the host's clock until the next look at it.
    bent: u64,
    anchor_ticks: u64,
    anchor: u64,
    /// Ticks between two looks at the host's clock: one second.
    period: u64,
}

impl Mapping {
    fn new(hertz: u64, ticks: u64, host: Nanos) -> Mapping {
        let rate = u64::try_from((u128::from(SECOND) << FRACTION) / u128::from(hertz.max(1))).unwrap_or(u64::MAX);
        Mapping { rate, bent: rate, anchor_ticks: ticks, anchor: host.0, period: hertz.max(1) }
    }

    #[inline]
    fn scale(ticks: u64, rate: u64) -> u64 {
        u64::try_from((u128::from(ticks) * u128::from(rate)) >> FRACTION).unwrap_or(u64::MAX)
    }

    /// The time at `ticks`; that of the last look for earlier ones (another processor's counter may lag a little).
    #[inline]
    fn at(&self, ticks: u64) -> Nanos {
        let span = ticks.saturating_sub(self.anchor_ticks);
        // The bent rate is meant for one period; a worker that was away for longer must not overshoot.
        let bent = Self::scale(span.min(self.period), self.bent);
        let rest = Self::scale(span.saturating_sub(self.period), self.rate);
        Nanos(self.anchor.saturating_add(bent).saturating_add(rest))
    }

    #[inline]
    fn due(&self, ticks: u64) -> bool {
        ticks.saturating_sub(self.anchor_ticks) >= self.period
    }

    /// Takes into account that the host's clock says `host` at `ticks`.
    fn follow(&mut self, ticks: u64, host: Nanos) {
        let now = self.at(ticks);
        let span = Self::scale(ticks.saturating_sub(self.anchor_ticks), self.rate).max(1);
        let behind = i128::from(host.0) - i128::from(now.0);
        self.anchor_ticks = self.anchor_ticks.max(ticks);
        self.anchor = now.0;
        if behind > i128::from(SECOND) {
            self.anchor = host.0;
            self.bent = self.rate;
            return;
        }
        if behind.unsigned_abs() < u128::from(SECOND) / 100 {
            // Half of a small error is the rate's: measured ticks per second differ from the nominal ones by some ppm.
            self.rate = bend(self.rate, behind / 8, span, 1_000);
        }
        self.bent = bend(self.rate, behind, SECOND, 10);
    }
}

/// `rate` changed so that it makes up for `error` nanoseconds within `span`, by at most one part in `limit`.
fn bend(rate: u64, error: i128, span: u64, limit: i128) -> u64 {
    let most = i128::from(rate) / limit;
    let change = (i128::from(rate) * error / i128::from(span)).clamp(-most, most);
    u64::try_from(i128::from(rate) + change).unwrap_or(rate)
}

/// A worker's clock. Not shared: each lcore has its own, on its own processor's counter.
#[derive(Clone, Debug)]
pub struct Clock {
    mapping: Mapping,
    last: Nanos,
}

impl Clock {
    /// A clock that agrees with the host's now. DPDK: `rte_get_tsc_hz`, which the EAL measured at its start.
    #[must_use]
    pub fn start(_lcore: &Lcore<'_>) -> Clock {
        // SAFETY: the EAL is up, since there is an lcore.
        let hertz = unsafe { ffi::rte_get_tsc_hz() };
        let (ticks, host) = look();
        Clock { mapping: Mapping::new(hertz, ticks, host), last: host }
    }

    /// The time now; never earlier than what it said before. Looks at the host's clock when a second has passed.
    #[inline]
    pub fn now(&mut self) -> Nanos {
        let ticks = ticks();
        if self.mapping.due(ticks) {
            let (ticks, host) = look();
            self.mapping.follow(ticks, host);
        }
        self.last = self.last.max(self.mapping.at(ticks));
        self.last
    }
}

/// The time stamp counter. DPDK: `rte_rdtsc`.
#[inline]
fn ticks() -> u64 {
    // SAFETY: reads a register; no precondition.
    unsafe { ffi::shim_tsc() }
}

/// Counter and host's clock at the same moment: the closest of three tries, since a thread may be interrupted between.
fn look() -> (u64, Nanos) {
    let mut best = (u64::MAX, 0, Nanos::ZERO);
    for _ in 0..3 {
        let before = ticks();
        // A clock before 1970 counts as 1970.
        let host = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let gap = ticks().saturating_sub(before);
        if gap < best.0 {
            best = (gap, before + gap / 2, Nanos(nanos_of(host)));
        }
    }
    (best.1, best.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERTZ: u64 = 2_600_000_000;
    const START: Nanos = Nanos(1_700_000_000 * SECOND);

    /// Runs `seconds` with a counter of `true_hertz` against a host's clock that is `offset(second)` away from true
    /// time; returns the mapping's error against the host's clock at the end, in nanoseconds.
    fn run(true_hertz: u64, seconds: u64, offset: impl Fn(u64) -> i64) -> i64 {
        let mut mapping = Mapping::new(HERTZ, 5_000, START);
        let (mut last, mut error) = (START, 0);
        for second in 1..=seconds {
            let ticks = 5_000 + second * true_hertz;
            let host = Nanos((START.0 + second * SECOND).saturating_add_signed(offset(second)));
            assert!(mapping.at(ticks - 1) >= last, "went back within second {second}");
            assert!(mapping.due(ticks + HERTZ / 100));
            mapping.follow(ticks, host);
            let now = mapping.at(ticks);
            assert!(now >= last, "went back at second {second}");
            (last, error) = (now, i64::try_from(i128::from(now.0) - i128::from(host.0)).expect("small"));
        }
        error
    }

    #[test]
    fn a_counter_some_ppm_off_its_nominal_rate_is_followed_within_a_microsecond() {
        assert!(run(HERTZ + HERTZ / 20_000, 120, |_| 0).abs() < 1_000, "{}", run(HERTZ + HERTZ / 20_000, 120, |_| 0));
        assert!(run(HERTZ - HERTZ / 20_000, 120, |_| 0).abs() < 1_000);
        assert!(run(HERTZ, 120, |_| 0).abs() < 100);
    }

    #[test]
    fn a_host_s_clock_set_forward_is_followed_at_once() {
        let hour = 3_600 * SECOND.cast_signed();
        assert!(run(HERTZ, 11, |second| if second > 10 { hour } else { 0 }).abs() < 1_000);
    }

    #[test]
    fn a_host_s_clock_set_back_slows_the_time_and_never_turns_it() {
        let back = -5 * SECOND.cast_signed();
        let step = |second| if second > 10 { back } else { 0 };
        let after_ten = run(HERTZ, 20, step);
        assert!((3_900_000_000..4_200_000_000).contains(&after_ten), "{after_ten}");
        assert!(run(HERTZ, 120, step).abs() < 1_000_000, "{}", run(HERTZ, 120, step));
    }

    #[test]
    fn a_counter_that_lags_on_another_processor_gives_the_time_of_the_last_look() {
        let mapping = Mapping::new(HERTZ, 1_000, START);
        assert_eq!(mapping.at(900), START);
    }
}
