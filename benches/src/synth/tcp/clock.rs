//! The retransmission timer's estimate of the path, RFC 6298, in whole nanoseconds.
//!
//! **Owns** smoothed round-trip time, its variation and the backoff. **May touch** nothing.
//! **Order** fed by `sender` with each unambiguous sample.

use super::stack::{MS, SECOND};

/// Longest timeout that the model waits. Unit: nanoseconds.
const LONGEST: u64 = 20 * SECOND;

/// The estimate.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    shortest: u64,
    smoothed: Option<u64>,
    variation: u64,
    /// Times that the timer ran out since the last new acknowledgement.
    pub(crate) backoff: u32,
}

impl Clock {
    pub(crate) fn new(shortest: u64) -> Clock {
        Clock { shortest, smoothed: None, variation: 0, backoff: 0 }
    }

    /// Takes a round-trip time that belongs to a segment sent once.
    pub(crate) fn sample(&mut self, round_trip: u64) {
        match self.smoothed {
            None => {
                self.smoothed = Some(round_trip);
                self.variation = round_trip / 2;
            }
            Some(smoothed) => {
                self.variation = (3 * self.variation + smoothed.abs_diff(round_trip)) / 4;
                self.smoothed = Some((7 * smoothed + round_trip) / 8);
            }
        }
    }

    /// The timeout with backoff: one second before the first sample.
    pub(crate) fn timeout(&self) -> u64 {
        let base = self.smoothed.map_or(SECOND, |smoothed| smoothed + (4 * self.variation).max(self.shortest));
        (base << self.backoff.min(10)).min(LONGEST)
    }

    /// The probe timeout of RFC 8985 section 7.2; `None` before the first sample.
    pub(crate) fn probe_timeout(&self, single: bool) -> Option<u64> {
        self.smoothed.map(|smoothed| (2 * smoothed + if single { 200 * MS } else { 0 }).max(10 * MS))
    }

    /// The smoothed round-trip time, or 0 before the first sample.
    pub(crate) fn smoothed(&self) -> u64 {
        self.smoothed.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_follows_rfc_6298() {
        let mut clock = Clock::new(200 * MS);
        assert_eq!(clock.timeout(), SECOND);
        clock.sample(100 * MS);
        assert_eq!(clock.timeout(), 300 * MS);
        clock.sample(180 * MS);
        // variation (3*50 + 80)/4 = 57.5 ms, smoothed 110 ms
        assert_eq!(clock.timeout(), 110 * MS + 4 * 57_500_000);
        clock.backoff = 1;
        assert_eq!(clock.timeout(), 2 * (110 * MS + 4 * 57_500_000));
    }
}
