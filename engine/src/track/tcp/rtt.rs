//! Round-trip times: samples and what is kept of them.
//!
//! **Owns** the statistics of one direction. **May touch** its [`RttState`]. **Order** called by `ack` for each sample.
//!
//! Sources: data-to-ACK with Karn's rule (RFC 6298 section 3; Tstat's columns 45 to 58); the smoothed value by
//! RFC 6298 section 2, with its gains the right way round (Tstat's are not); the timestamp option by RFC 7323
//! section 4.1.

use crate::flow::tcp::{Low48, RttState};
use crate::record::RttSummary;

/// The longest round-trip time that can be stored.
const LONGEST: u64 = (1 << 48) - 1;

/// RFC 6298: gain of the smoothed value.
const ALPHA: f32 = 1.0 / 8.0;

/// RFC 6298: gain of the variation.
const BETA: f32 = 1.0 / 4.0;

/// Takes one sample, held at 78 hours. Unit: nanoseconds.
#[inline(always)]
pub(super) fn sample(rtt: &mut RttState, nanos: u64) {
    let nanos = nanos.min(LONGEST);
    // The CPU converts numbers with a sign in one instruction.
    let value = nanos.cast_signed() as f32;
    let square = nanos.cast_signed() as f64;
    if rtt.samples == 0 {
        rtt.min = Low48::of_span(nanos);
        rtt.max = rtt.min;
    } else if nanos < rtt.min.span() {
        rtt.min = Low48::of_span(nanos);
    } else if nanos > rtt.max.span() {
        rtt.max = Low48::of_span(nanos);
    }
    if rtt.smoothed == 0.0 {
        rtt.smoothed = value;
        rtt.variation = value / 2.0;
    } else {
        rtt.variation += BETA * ((rtt.smoothed - value).abs() - rtt.variation);
        rtt.smoothed += ALPHA * (value - rtt.smoothed);
    }
    rtt.samples += 1;
    rtt.sum += nanos;
    rtt.squares += square * square;
}

/// What the record says of the samples; `None` without any.
#[must_use]
pub(super) fn summary(rtt: &RttState) -> Option<RttSummary> {
    if rtt.samples == 0 {
        return None;
    }
    let count = f64::from(rtt.samples);
    let avg = rtt.sum as f64 / count;
    let spread = (rtt.squares - rtt.sum as f64 * avg).max(0.0);
    let std = if rtt.samples > 1 { (spread / (count - 1.0)).sqrt() } else { 0.0 };
    Some(RttSummary { samples: rtt.samples, min: rtt.min.span(), avg, max: rtt.max.span(), std })
}

/// What the anomaly classes need of both directions' samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PathRtt {
    /// Mean round-trip time of the whole path: both halves' means added. Unit: nanoseconds.
    pub(super) mean: f64,
    /// Sum of both halves' minima, at least 1 ms. Unit: nanoseconds.
    pub(super) min: f64,
    /// Squares of the pooled samples' distances from their mean, added up. Unit: square nanoseconds.
    spread: f64,
    /// What that is to be divided by for their variance.
    freedom: f64,
    /// Both halves had a sample; without, mean is 0, min 5 ms and the timeout 500 ms (Tstat).
    pub(super) known: bool,
}

const MILLI: f64 = 1e6;

impl PathRtt {
    /// A path of this mean, minimum and deviation.
    #[cfg(test)]
    pub(super) const fn of(mean: f64, min: f64, deviation: f64) -> PathRtt {
        PathRtt { mean, min, spread: deviation * deviation, freedom: 1.0, known: true }
    }

    /// Nothing is known of the path.
    const UNKNOWN: PathRtt = PathRtt { mean: 0.0, min: 5.0 * MILLI, spread: 0.0, freedom: 1.0, known: false };

    /// The least that the timeout can be, without its deviations. Unit: nanoseconds.
    const fn shortest_timeout(&self) -> f64 {
        if self.known { self.mean.max(100.0 * MILLI) } else { 500.0 * MILLI }
    }

    /// Whether so many nanoseconds are more than the retransmission timeout: mean plus four deviations of the pooled samples, at
    /// least 100 ms.
    pub(super) fn is_timeout(&self, nanos: f64) -> bool {
        let beyond = nanos - self.mean;
        // Squared, for neither a root nor a quotient has to be waited for.
        nanos > self.shortest_timeout() && beyond * beyond * self.freedom > 16.0 * self.spread
    }
}

/// The path's round-trip time from its two halves.
#[must_use]
#[inline]
pub(super) fn path(one: &RttState, other: &RttState) -> PathRtt {
    if one.samples == 0 || other.samples == 0 {
        return PathRtt::UNKNOWN;
    }
    let (n, m) = (f64::from(one.samples), f64::from(other.samples));
    let mean = one.sum as f64 / n + other.sum as f64 / m;
    let (count, sum, squares) = (n + m, one.sum as f64 + other.sum as f64, one.squares + other.squares);
    let spread = (squares - sum * sum / count).max(0.0);
    let min = (one.min.span() + other.min.span()) as f64;
    PathRtt { mean, min: min.max(MILLI), spread, freedom: count - 1.0, known: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: &[u64]) -> RttState {
        let mut rtt = RttState::default();
        for nanos in samples {
            sample(&mut rtt, *nanos);
        }
        rtt
    }

    #[test]
    fn a_summary_agrees_with_the_samples() {
        let summary = summary(&of(&[10_000, 30_000, 20_000])).unwrap();
        assert_eq!((summary.samples, summary.min, summary.max), (3, 10_000, 30_000));
        assert!((summary.avg - 20_000.0).abs() < 1e-9 && (summary.std - 10_000.0).abs() < 1e-6);
        assert_eq!(super::summary(&RttState::default()), None);
        assert_eq!(super::summary(&of(&[7])).map(|one| one.std), Some(0.0));
    }

    #[test]
    fn the_smoothed_value_follows_rfc_6298() {
        let rtt = of(&[100_000, 200_000]);
        assert!((rtt.smoothed - 112_500.0).abs() < 1.0, "{}", rtt.smoothed);
        assert!((rtt.variation - 62_500.0).abs() < 1.0, "{}", rtt.variation);
    }

    #[test]
    fn a_timeout_is_the_mean_and_four_deviations_and_at_least_a_tenth_of_a_second() {
        // Pooled samples 40 and 10 ms: mean of the path 50 ms, deviation 21.2 ms, in all 134.9 ms.
        let wide = path(&of(&[40_000_000]), &of(&[10_000_000]));
        assert!(!wide.is_timeout(1.3e8) && wide.is_timeout(1.4e8));
        let narrow = path(&of(&[20_000_000]), &of(&[20_000_000]));
        assert!(!narrow.is_timeout(9.9e7) && narrow.is_timeout(1.01e8));
    }

    #[test]
    fn a_path_without_samples_on_both_sides_takes_the_stated_values() {
        let none = path(&of(&[5]), &RttState::default());
        assert_eq!((none.known, none.min, none.is_timeout(5e8), none.is_timeout(5.1e8)), (false, 5e6, false, true));
        let some = path(&of(&[40_000_000]), &of(&[10_000_000]));
        assert!(some.known && (some.mean - 5e7).abs() < 1.0);
    }
}
