//! A histogram that serves both forms of Prometheus: exponential buckets, four to an octave, of which every fourth bound is
//! a power of two and a bound of the classic form.
//!
//! **Owns** the counts. **May touch** nothing. **Order** written by the watch's thread, copied for a scrape.
//!
//! The exponential buckets are those of Prometheus' native histograms of schema 2: bucket n holds values above
//! 2^((n-1)/4) and up to 2^(n/4).

/// The schema of the native form: 2^(2^-schema) is the factor from one bound to the next.
pub const SCHEMA: i32 = 2;

/// Buckets in an octave.
const STEPS: i32 = 1 << SCHEMA;

/// Counts of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Values up to 2^`low` share one bucket, so do those above 2^`high`.
    low: i32,
    high: i32,
    /// At or below the lowest bound; the buckets; above the highest bound.
    counts: Vec<u64>,
    /// Sum of the values.
    pub sum: f64,
}

impl Distribution {
    /// Without values; bounds from 2^`low` to 2^`high`.
    #[must_use]
    pub fn new(low: i32, high: i32) -> Distribution {
        Distribution { low, high, counts: vec![0; ((high - low) * STEPS + 2).max(2) as usize], sum: 0.0 }
    }

    /// Counts a value `weight` times.
    pub fn add(&mut self, value: f64, weight: u64) {
        let last = self.counts.len() - 1;
        let place = if value > 0.0 {
            let bucket = (value.log2() * f64::from(STEPS)).ceil() as i64 - i64::from(self.low * STEPS);
            usize::try_from(bucket).unwrap_or(0).min(last)
        } else {
            0
        };
        self.counts[place] += weight;
        self.sum += value.max(0.0) * weight as f64;
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Values between the bounds of the classic form, `step` octaves apart, and those above the last one.
    #[must_use]
    pub fn classic(&self, step: i32) -> Vec<u64> {
        let (inner, last) = self.counts.split_at(self.counts.len() - 1);
        let mut out = vec![inner[0]];
        out.extend(inner[1..].chunks((STEPS * step) as usize).map(|octaves| octaves.iter().sum::<u64>()));
        out.extend(last);
        out
    }

    /// The bounds of the classic form.
    #[must_use]
    pub fn bounds(low: i32, high: i32, step: i32) -> Vec<f64> {
        (low..high).step_by(step.max(1) as usize).chain([high]).map(|power| 2_f64.powi(power)).collect()
    }

    /// The native form: values at or below the lowest bound, that bound, and each bucket that is not empty by its index.
    #[must_use]
    pub fn native(&self) -> Native {
        let buckets = self.counts.iter().enumerate().skip(1).filter(|(_, count)| **count > 0);
        Native {
            zero_count: self.counts[0],
            zero_threshold: 2_f64.powi(self.low),
            buckets: buckets.map(|(n, count)| (n as i32 + self.low * STEPS, *count)).collect(),
        }
    }

    /// The value that a share of the values does not exceed, in the middle of its bucket; `None` without values.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (self.count() as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (n, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                let at = n as i32 + self.low * STEPS;
                return Some(2_f64.powf((f64::from(at) - 0.5) / f64::from(STEPS)));
            }
        }
        None
    }
}

/// The native form of a histogram.
#[derive(Clone, Debug, PartialEq)]
pub struct Native {
    /// Values at or below the threshold.
    pub zero_count: u64,
    /// Lowest bound.
    pub zero_threshold: f64,
    /// Index and count of each bucket that is not empty.
    pub buckets: Vec<(i32, u64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_hold_every_value_once_and_between_its_bounds() {
        let mut one = Distribution::new(-2, 4);
        let values = [0.0, 0.1, 0.25, 0.26, 1.0, 1.01, 7.9, 8.0, 8.1, 16.0, 17.0, 1e9];
        for value in values {
            one.add(value, 1);
        }
        for step in [1, 2, 3] {
            let (bounds, counts) = (Distribution::bounds(-2, 4, step), one.classic(step));
            assert_eq!(counts.len(), bounds.len() + 1, "{step}");
            let mut below = 0;
            for (bound, count) in bounds.iter().zip(&counts) {
                below += count;
                assert_eq!(below, values.iter().filter(|value| *value <= bound).count() as u64, "{step} {bound}");
            }
            assert_eq!(counts.iter().sum::<u64>(), values.len() as u64);
        }
        let native = one.native();
        assert_eq!(native.zero_count + native.buckets.iter().map(|(_, count)| count).sum::<u64>(), 12);
        let holding_one = native.buckets.iter().find(|(index, _)| *index == 0);
        assert_eq!(holding_one, Some(&(0, 1)), "1 is the upper bound of bucket 0");
    }

    #[test]
    fn a_quantile_is_within_its_bucket() {
        let mut one = Distribution::new(0, 20);
        (1..=1000).for_each(|n| one.add(f64::from(n), 1));
        let median = one.quantile(0.5).unwrap();
        assert!((median / 500.0).log2().abs() < 0.25, "{median}");
        assert_eq!(Distribution::new(0, 4).quantile(0.5), None);
    }
}
