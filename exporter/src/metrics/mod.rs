//! Prometheus metrics: what was published last, rendered by one table.
//!
//! **Owns** the board that holds the last snapshot, and its rendering. **May touch** snapshots and sink states; no worker.
//! **Order** the control thread publishes, HTTP asks. A scrape costs a copy of what was published.

pub mod catalogue;

use crate::fanout::SinkState;
use catalogue::{CATALOGUE, Kind};
use parshall_engine::merge::snapshot::Snapshot;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, Registry, TextEncoder};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What metrics are read from.
#[derive(Debug)]
pub struct View {
    /// The last snapshot.
    pub snapshot: Arc<Snapshot>,
    /// How long ago it was published.
    pub age: Duration,
    /// Each sink.
    pub sinks: Vec<Arc<SinkState>>,
    /// Requests answered, by class of status code (2xx, 4xx, 5xx).
    pub requests: [u64; 3],
    /// Flows added up from parts on several workers.
    pub half_flows: u64,
    /// Version of DPDK built against and running; empty without.
    pub dpdk: (String, String),
    /// Messages written by level, and messages left out.
    pub messages: ([u64; 4], u64),
}

#[derive(Debug)]
struct Published {
    snapshot: Arc<Snapshot>,
    at: Instant,
    sinks: Vec<Arc<SinkState>>,
    dpdk: (String, String),
}

/// Holds what was published last. Clones share it.
#[derive(Clone, Debug)]
pub struct Board {
    last: Arc<Mutex<Published>>,
    requests: Arc<[AtomicU64; 3]>,
    half_flows: Arc<AtomicU64>,
}

impl Default for Board {
    fn default() -> Board {
        let snapshot = Arc::new(Snapshot::default());
        let published = Published { snapshot, at: Instant::now(), sinks: Vec::new(), dpdk: Default::default() };
        Board { last: Arc::new(Mutex::new(published)), requests: Arc::default(), half_flows: Arc::default() }
    }
}

impl Board {
    /// Says which sinks there are, and which DPDK.
    pub fn introduce(&self, sinks: Vec<Arc<SinkState>>, dpdk: (String, String)) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.sinks = sinks;
        last.dpdk = dpdk;
    }

    /// Publishes a snapshot.
    pub fn publish(&self, snapshot: Snapshot) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.snapshot = Arc::new(snapshot);
        last.at = Instant::now();
    }

    /// Says how many flows were added up from parts.
    pub fn half_flows(&self, flows: u64) {
        self.half_flows.store(flows, Ordering::Relaxed);
    }

    /// Counts an answered request by its status code.
    pub fn answered(&self, status: u16) {
        let class = match status {
            0..400 => 0,
            400..500 => 1,
            _ => 2,
        };
        self.requests[class].fetch_add(1, Ordering::Relaxed);
    }

    /// What is known now.
    #[must_use]
    pub fn view(&self) -> View {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        View {
            snapshot: last.snapshot.clone(),
            age: last.at.elapsed(),
            sinks: last.sinks.clone(),
            requests: std::array::from_fn(|n| self.requests[n].load(Ordering::Relaxed)),
            half_flows: self.half_flows.load(Ordering::Relaxed),
            dpdk: last.dpdk.clone(),
            messages: crate::log::counts(),
        }
    }
}

/// The catalogue as a collector over the board.
struct Reading(Board);

impl Collector for Reading {
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        families(&self.0.view())
    }
}

/// Every family of the catalogue that has a series.
fn families(view: &View) -> Vec<MetricFamily> {
    let mut families = Vec::with_capacity(CATALOGUE.len());
    for row in CATALOGUE {
        let mut series = Vec::new();
        (row.read)(view, &mut |labels, value| series.push(metric(row.kind, row.labels, labels, value)));
        if series.is_empty() {
            continue;
        }
        let mut family = MetricFamily::default();
        family.set_name(row.name.to_owned());
        family.set_help(row.help.to_owned());
        family.set_field_type(match row.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram(_) => MetricType::HISTOGRAM,
        });
        family.set_metric(series);
        families.push(family);
    }
    families
}

fn metric(kind: Kind, names: &[&str], labels: &[&str], value: &[f64]) -> Metric {
    let mut metric = Metric::default();
    let pairs = names.iter().zip(labels).map(|(name, label)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*label).to_owned());
        pair
    });
    metric.set_label(pairs.collect());
    let first = value.first().copied().unwrap_or(0.0);
    match kind {
        Kind::Counter => {
            let mut counter = Counter::default();
            counter.set_value(first);
            metric.set_counter(counter);
        }
        Kind::Gauge => {
            let mut gauge = Gauge::default();
            gauge.set_value(first);
            metric.set_gauge(gauge);
        }
        Kind::Histogram(bounds) => metric.set_histogram(histogram(bounds, value)),
    }
    metric
}

/// A histogram from the counts of its buckets, the last one unbounded, and the sum of what was observed behind them.
fn histogram(bounds: &[f64], counts: &[f64]) -> Histogram {
    let mut histogram = Histogram::default();
    let mut cumulative = 0.0;
    let mut buckets = Vec::new();
    for (bound, count) in bounds.iter().zip(counts) {
        cumulative += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(cumulative as u64);
        buckets.push(bucket);
    }
    histogram.set_bucket(buckets);
    histogram.set_sample_count(cumulative as u64);
    histogram.set_sample_sum(counts.get(bounds.len()).copied().unwrap_or(0.0));
    histogram
}

/// The text format 0.0.4 of everything on the board.
///
/// # Errors
/// What the encoder says; a catalogue that passes its tests gives it no reason.
pub fn text(board: &Board) -> Result<Vec<u8>, prometheus::Error> {
    let registry = Registry::new();
    registry.register(Box::new(Reading(board.clone())))?;
    let mut out = Vec::with_capacity(32 << 10);
    TextEncoder::new().encode(&registry.gather(), &mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parshall_engine::merge::snapshot::{PortSnapshot, WorkerSnapshot};
    use parshall_engine::packet::Outcome;
    use parshall_engine::source::Input;

    fn board() -> Board {
        let mut snapshot = Snapshot::default();
        snapshot.total.take(Input { port: 0, queue: 1 }, parshall_engine::tally::Volume { packets: 1, bytes: 60 });
        snapshot.total.take(Input { port: 1, queue: 0 }, parshall_engine::tally::Volume { packets: 1, bytes: 60 });
        snapshot.total.outcomes[Outcome::Flow as usize] = 2;
        snapshot.workers.push(WorkerSnapshot { tally: snapshot.total.clone(), ..WorkerSnapshot::default() });
        snapshot.ports.push(PortSnapshot { ipackets: 3, name: "net_pcap0".to_owned(), ..PortSnapshot::default() });
        let board = Board::default();
        let state = SinkState { name: "jsonl:-".to_owned(), ..SinkState::default() };
        board.introduce(vec![Arc::new(state)], ("22.11".to_owned(), "22.11".to_owned()));
        board.publish(snapshot);
        board
    }

    fn sum(text: &str, family: &str) -> f64 {
        let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
        text.lines().filter(|line| line.starts_with(&format!("{family}{{"))).filter_map(value).sum()
    }

    #[test]
    fn outcomes_and_frames_taken_have_one_sum_in_every_scrape() {
        let text = String::from_utf8(text(&board()).unwrap()).unwrap();
        assert_eq!(sum(&text, "parshall_packets_total"), 2.0);
        assert_eq!(sum(&text, "parshall_port_rx_packets_total"), 2.0);
        assert_eq!(text.lines().filter(|line| line.starts_with("parshall_packets_total{")).count(), 9, "zeros too");
        assert!(text.contains("parshall_port_driver_rx_packets_total{port=\"0\"} 3\n"), "{text}");
    }

    #[test]
    fn names_labels_and_helps_follow_the_rules() {
        let mut seen = std::collections::HashSet::new();
        for row in CATALOGUE {
            assert!(seen.insert(row.name), "{} twice", row.name);
            assert!(row.name.starts_with("parshall_") || row.name.starts_with("process_"), "{}", row.name);
            assert_eq!(row.name.ends_with("_total"), row.kind == Kind::Counter, "{}", row.name);
            assert!(row.help.ends_with('.') && row.help.len() > 10, "{}", row.name);
        }
    }

    #[test]
    fn each_row_gives_as_many_labels_as_it_names() {
        let view = board().view();
        for row in CATALOGUE {
            let mut seen = 0;
            (row.read)(&view, &mut |labels, value| {
                assert_eq!(labels.len(), row.labels.len(), "{}", row.name);
                let want = if let Kind::Histogram(bounds) = row.kind { bounds.len() + 1 } else { 1 };
                assert_eq!(value.len(), want, "{}", row.name);
                seen += 1;
            });
            assert!(seen < 200, "{} has {seen} series", row.name);
        }
    }
}
