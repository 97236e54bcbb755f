//! Text 0.0.4, by the `prometheus` crate.
//!
//! **Owns** the translation into that crate's families. **May touch** families. **Order** called by [`super::Format::render`].

use super::{Family, Kind, Value};
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};

/// Renders families that have series.
pub(super) fn render(families: &[Family]) -> Result<Vec<u8>, prometheus::Error> {
    let families: Vec<MetricFamily> = families.iter().filter(|family| !family.series.is_empty()).map(family).collect();
    let mut out = Vec::with_capacity(64 << 10);
    TextEncoder::new().encode(&families, &mut out)?;
    Ok(out)
}

fn family(family: &Family) -> MetricFamily {
    let mut out = MetricFamily::default();
    out.set_name(family.name.clone());
    out.set_help(family.help.clone());
    out.set_field_type(match family.kind {
        Kind::Counter => MetricType::COUNTER,
        Kind::Gauge => MetricType::GAUGE,
        Kind::Histogram => MetricType::HISTOGRAM,
    });
    out.set_metric(family.series.iter().map(|series| metric(family.kind, series)).collect());
    out
}

fn metric(kind: Kind, series: &super::Series) -> Metric {
    let mut metric = Metric::default();
    let pairs = series.labels.iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.clone());
        pair.set_value(value.clone());
        pair
    });
    metric.set_label(pairs.collect());
    match (&series.value, kind) {
        (Value::Number(value), Kind::Counter) => {
            let mut counter = Counter::default();
            counter.set_value(*value);
            metric.set_counter(counter);
        }
        (Value::Number(value), _) => {
            let mut gauge = Gauge::default();
            gauge.set_value(*value);
            metric.set_gauge(gauge);
        }
        (Value::Histogram { bounds, counts, sum, .. }, _) => metric.set_histogram(histogram(bounds, counts, *sum)),
    }
    metric
}

fn histogram(bounds: &[f64], counts: &[u64], sum: f64) -> Histogram {
    let mut histogram = Histogram::default();
    let mut cumulative = 0;
    let mut buckets = Vec::with_capacity(bounds.len());
    for (bound, count) in bounds.iter().zip(counts) {
        cumulative += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(cumulative);
        buckets.push(bucket);
    }
    histogram.set_bucket(buckets);
    histogram.set_sample_count(counts.iter().sum());
    histogram.set_sample_sum(sum);
    histogram
}
