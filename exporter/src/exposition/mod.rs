//! Metrics as scrapers read them: text 0.0.4, OpenMetrics 1.0, protobuf with native histograms.
//!
//! **Owns** the plain form of a family, and choosing a format. **May touch** nothing else. **Order** the catalogue makes
//! families of what was published; a format renders them.
//!
//! The text format is the `prometheus` crate's. It knows neither OpenMetrics nor native histograms, so those two are
//! rendered here: OpenMetrics by its specification, protobuf by Prometheus' `metrics.proto` through `prost`.

mod openmetrics;
mod protobuf;
mod text;

use crate::survey::distribution::Native;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Grows until restart.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets.
    Histogram,
}

/// The value of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A counter's or a gauge's.
    Number(f64),
    /// A histogram's.
    Histogram {
        /// Upper bounds; one more bucket above them is unbounded.
        bounds: Vec<f64>,
        /// Values in each bucket, not cumulative.
        counts: Vec<u64>,
        /// Sum of the values.
        sum: f64,
        /// The native form, where there is one.
        native: Option<Native>,
    },
}

/// One series.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Names and values of its labels.
    pub labels: Vec<(String, String)>,
    /// Its value.
    pub value: Value,
}

impl Series {
    /// A counter or gauge.
    #[must_use]
    pub const fn number(labels: Vec<(String, String)>, value: f64) -> Series {
        Series { labels, value: Value::Number(value) }
    }

    /// A histogram in the classic form.
    #[must_use]
    pub const fn histogram(labels: Vec<(String, String)>, bounds: Vec<f64>, counts: Vec<u64>, sum: f64) -> Series {
        Series { labels, value: Value::Histogram { bounds, counts, sum, native: None } }
    }

    /// How many series Prometheus makes of it in the classic form.
    #[must_use]
    pub const fn weight(&self) -> usize {
        match &self.value {
            Value::Number(_) => 1,
            Value::Histogram { counts, .. } => counts.len() + 2,
        }
    }
}

/// All series of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// The name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What it means.
    pub help: String,
    /// The series.
    pub series: Vec<Series>,
}

impl Family {
    /// Without series.
    #[must_use]
    pub fn new(name: &str, kind: Kind, help: &str) -> Family {
        Family { name: name.to_owned(), kind, help: help.to_owned(), series: Vec::new() }
    }
}

/// A format of exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Delimited protobuf.
    Protobuf,
}

impl Format {
    /// The best format that a scraper accepts; text when it says nothing that is known.
    #[must_use]
    pub fn accepted(accept: &str) -> Format {
        let mut best = (Format::Text, 0.0);
        for part in accept.split(',') {
            let mut words = part.split(';').map(str::trim);
            let kind = words.next().unwrap_or_default();
            let parameters: Vec<&str> = words.collect();
            let has = |wanted: &str| parameters.contains(&wanted);
            let quality = parameters.iter().find_map(|word| word.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            let format = match kind {
                "application/vnd.google.protobuf"
                    if has("proto=io.prometheus.client.MetricFamily") && has("encoding=delimited") =>
                {
                    Format::Protobuf
                }
                "application/openmetrics-text" => Format::OpenMetrics,
                "text/plain" => Format::Text,
                _ => continue,
            };
            if quality > best.1 {
                best = (format, quality);
            }
        }
        best.0
    }

    /// Its content type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }

    /// Renders families.
    ///
    /// # Errors
    /// What the text encoder says; families of a catalogue that passes its tests give it no reason.
    pub fn render(self, families: &[Family]) -> Result<Vec<u8>, prometheus::Error> {
        match self {
            Format::Text => text::render(families),
            Format::OpenMetrics => Ok(openmetrics::render(families)),
            Format::Protobuf => Ok(protobuf::render(families)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_what_the_scraper_likes_best() {
        let prometheus = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,\
                          application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let cases = [
            ("", Format::Text),
            ("*/*", Format::Text),
            (prometheus, Format::Protobuf),
            ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", Format::OpenMetrics),
            ("text/plain;q=0.9,application/openmetrics-text;q=0.1", Format::Text),
            ("application/vnd.google.protobuf", Format::Text),
        ];
        for (accept, want) in cases {
            assert_eq!(Format::accepted(accept), want, "{accept}");
        }
    }
}
