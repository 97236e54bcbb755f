//! OpenMetrics 1.0.
//!
//! **Owns** the format: <https://prometheus.io/docs/specs/om/open_metrics_spec/>. **May touch** families.
//! **Order** called by [`super::Format::render`].
//!
//! A counter's family has its name without `_total`. A counter whose name does not end so (those of other exporters) has no
//! place in the format and is given as `unknown`.

use super::{Family, Kind, Series, Value};
use std::fmt::Write;

/// Renders families that have series.
pub(super) fn render(families: &[Family]) -> Vec<u8> {
    let mut out = String::with_capacity(64 << 10);
    for family in families.iter().filter(|family| !family.series.is_empty()) {
        let (name, kind) = match (family.kind, family.name.strip_suffix("_total")) {
            (Kind::Counter, Some(name)) => (name, "counter"),
            (Kind::Counter, None) => (family.name.as_str(), "unknown"),
            (Kind::Gauge, _) => (family.name.as_str(), "gauge"),
            (Kind::Histogram, _) => (family.name.as_str(), "histogram"),
        };
        let _ = writeln!(out, "# TYPE {name} {kind}");
        let _ = writeln!(out, "# HELP {name} {}", escaped(&family.help));
        for series in &family.series {
            sample(&mut out, family, series);
        }
    }
    out.push_str("# EOF\n");
    out.into_bytes()
}

fn sample(out: &mut String, family: &Family, series: &Series) {
    match &series.value {
        Value::Number(value) => line(out, &family.name, &series.labels, None, *value),
        Value::Histogram { bounds, counts, sum, .. } => {
            let (mut cumulative, bucket) = (0, format!("{}_bucket", family.name));
            for (bound, count) in bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]).zip(counts) {
                cumulative += count;
                let bound = if bound.contains(['.', 'I', 'e']) { bound } else { bound + ".0" };
                line(out, &bucket, &series.labels, Some(&bound), cumulative as f64);
            }
            line(out, &format!("{}_count", family.name), &series.labels, None, cumulative as f64);
            line(out, &format!("{}_sum", family.name), &series.labels, None, *sum);
        }
    }
}

fn line(out: &mut String, name: &str, labels: &[(String, String)], bound: Option<&str>, value: f64) {
    out.push_str(name);
    if !labels.is_empty() || bound.is_some() {
        let mut between = '{';
        for (name, value) in labels.iter().map(|(name, value)| (name.as_str(), value.as_str())) {
            let _ = write!(out, "{between}{name}=\"{}\"", escaped(value));
            between = ',';
        }
        if let Some(bound) = bound {
            let _ = write!(out, "{between}le=\"{bound}\"");
        }
        out.push('}');
    }
    let _ = writeln!(out, " {value}");
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_written_as_the_specification_has_it() {
        let mut counter = Family::new("a_total", Kind::Counter, "An \"a\".");
        counter.series.push(Series::number(vec![("x".to_owned(), "1\n\\".to_owned())], 3.0));
        let mut other = Family::new("foreign_metric", Kind::Counter, "Foreign.");
        other.series.push(Series::number(Vec::new(), 0.5));
        let mut histogram = Family::new("h_seconds", Kind::Histogram, "H.");
        histogram.series.push(Series::histogram(Vec::new(), vec![0.5, 1.0], vec![1, 0, 2], 9.25));
        let text = String::from_utf8(render(&[counter, other, histogram])).unwrap();
        assert_eq!(
            text,
            "# TYPE a counter\n# HELP a An \\\"a\\\".\na_total{x=\"1\\n\\\\\"} 3\n\
             # TYPE foreign_metric unknown\n# HELP foreign_metric Foreign.\nforeign_metric 0.5\n\
             # TYPE h_seconds histogram\n# HELP h_seconds H.\nh_seconds_bucket{le=\"0.5\"} 1\nh_seconds_bucket{le=\"1.0\"} 1\n\
             h_seconds_bucket{le=\"+Inf\"} 3\nh_seconds_count 3\nh_seconds_sum 9.25\n# EOF\n"
        );
    }
}
