//! Prometheus' protobuf format, each family behind its length, with native histograms.
//!
//! **Owns** the messages: those parts of `io.prometheus.client` (client_model, `metrics.proto`) that are used here, by their
//! numbers there. **May touch** families. **Order** called by [`super::Format::render`].

use super::{Family, Kind, Series, Value};
use crate::survey::distribution::{Native, SCHEMA};
use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct LabelPair {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    value: Option<String>,
}

/// A gauge and a counter have the same shape.
#[derive(Clone, PartialEq, Message)]
struct Number {
    #[prost(double, optional, tag = "1")]
    value: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct Bucket {
    #[prost(uint64, optional, tag = "1")]
    cumulative_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    upper_bound: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct BucketSpan {
    #[prost(sint32, optional, tag = "1")]
    offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    length: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    sample_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    sample_sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    bucket: Vec<Bucket>,
    #[prost(sint32, optional, tag = "5")]
    schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    zero_count: Option<u64>,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "13")]
    positive_delta: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Number>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Number>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct MetricFamily {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    help: Option<String>,
    /// COUNTER 0, GAUGE 1, HISTOGRAM 4.
    #[prost(int32, optional, tag = "3")]
    kind: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
}

/// Renders families that have series.
pub(super) fn render(families: &[Family]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 << 10);
    for family in families.iter().filter(|family| !family.series.is_empty()) {
        let message = MetricFamily {
            name: Some(family.name.clone()),
            help: Some(family.help.clone()),
            kind: Some(match family.kind {
                Kind::Counter => 0,
                Kind::Gauge => 1,
                Kind::Histogram => 4,
            }),
            metric: family.series.iter().map(|series| metric(family.kind, series)).collect(),
        };
        out.extend(message.encode_length_delimited_to_vec());
    }
    out
}

fn metric(kind: Kind, series: &Series) -> Metric {
    let pair = |(name, value): &(String, String)| LabelPair { name: Some(name.clone()), value: Some(value.clone()) };
    let mut metric = Metric { label: series.labels.iter().map(pair).collect(), ..Metric::default() };
    match (&series.value, kind) {
        (Value::Number(value), Kind::Counter) => metric.counter = Some(Number { value: Some(*value) }),
        (Value::Number(value), _) => metric.gauge = Some(Number { value: Some(*value) }),
        (Value::Histogram { bounds, counts, sum, native }, _) => {
            metric.histogram = Some(histogram(bounds, counts, *sum, native.as_ref()));
        }
    }
    metric
}

fn histogram(bounds: &[f64], counts: &[u64], sum: f64, native: Option<&Native>) -> Histogram {
    let mut cumulative = 0;
    let bucket = |(bound, count): (&f64, &u64)| {
        cumulative += count;
        Bucket { cumulative_count: Some(cumulative), upper_bound: Some(*bound) }
    };
    let mut out = Histogram {
        bucket: bounds.iter().zip(counts).map(bucket).collect(),
        sample_count: Some(counts.iter().sum()),
        sample_sum: Some(sum),
        ..Histogram::default()
    };
    if let Some(native) = native {
        out.schema = Some(SCHEMA);
        out.zero_threshold = Some(native.zero_threshold);
        out.zero_count = Some(native.zero_count);
        (out.positive_span, out.positive_delta) = spans(&native.buckets);
        if out.positive_span.is_empty() {
            // An empty span is how a native histogram without values is told from a classic one.
            out.positive_span.push(BucketSpan { offset: Some(0), length: Some(0) });
        }
    }
    out
}

/// Runs of neighbouring buckets, and each count as the difference to the one before.
fn spans(buckets: &[(i32, u64)]) -> (Vec<BucketSpan>, Vec<i64>) {
    let (mut spans, mut deltas): (Vec<BucketSpan>, Vec<i64>) = (Vec::new(), Vec::new());
    let (mut next, mut before) = (0, 0);
    for (index, count) in buckets {
        match spans.last_mut() {
            Some(span) if *index == next => span.length = span.length.map(|length| length + 1),
            _ => spans.push(BucketSpan { offset: Some(*index - next), length: Some(1) }),
        }
        next = index + 1;
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        deltas.push(count - before);
        before = count;
    }
    (spans, deltas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read_back_with_its_native_buckets() {
        let mut family = Family::new("h", Kind::Histogram, "H.");
        let native = Native { zero_count: 1, zero_threshold: 0.25, buckets: vec![(-3, 5), (-2, 2), (4, 9)] };
        let value = Value::Histogram { bounds: vec![1.0], counts: vec![8, 9], sum: 3.5, native: Some(native) };
        family.series.push(Series { labels: vec![("side".to_owned(), "client".to_owned())], value });
        let bytes = render(&[family, Family::new("empty", Kind::Gauge, "E.")]);
        let back = MetricFamily::decode_length_delimited(bytes.as_slice()).unwrap();
        assert_eq!(back.encoded_len() + 1, bytes.len(), "one family, its length in one byte");
        let histogram = back.metric[0].histogram.clone().unwrap();
        let spans: Vec<_> = histogram.positive_span.iter().map(|span| (span.offset(), span.length())).collect();
        assert_eq!((spans, histogram.positive_delta), (vec![(-3, 2), (5, 1)], vec![5, -3, 7]));
        assert_eq!((histogram.sample_count, histogram.zero_count, histogram.schema), (Some(17), Some(1), Some(2)));
    }
}
