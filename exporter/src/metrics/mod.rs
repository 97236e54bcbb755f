//! Prometheus metrics: what was published last, rendered by one table.
//!
//! **Owns** the board that holds the last snapshot, and its rendering. **May touch** snapshots and sink states; no worker.
//! **Order** the control thread publishes, HTTP asks. A scrape costs a copy of what was published.

pub mod catalogue;
mod inputs;
pub mod watched;

use crate::exposition::{self, Family, Format, Series};
use crate::reload_report::Asker;
use crate::survey::figures::Figures;
use crate::survey::{Watch, compat};
use crate::writer::SinkState;
use catalogue::{Kind, Row};
use parshall_config::plan::{Effective, SievePlan};
use parshall_engine::merge::snapshot::Snapshot;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
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
    /// Reloads: good, refused.
    pub reloads: [u64; 2],
    /// When the configuration was read last and was good. Unit: UNIX seconds; 0 when it was at the start.
    pub reloaded_at: u64,
    /// 1 in so many packets and 1 in so many flows is let in.
    pub sampling: [u32; 2],
    /// Version of DPDK built against and running; empty without.
    pub dpdk: (String, String),
    /// Messages written by level, and messages left out.
    pub messages: ([u64; 4], u64),
    /// Links that went down or came up.
    pub link_changes: u64,
    /// What is watched beside the snapshots; `None` without HTTP.
    pub watch: Option<Arc<Watch>>,
    /// What the watch has counted, in numbers that belong together.
    pub figures: Option<Arc<Figures>>,
    /// What the last scrape took. Unit: seconds.
    pub scrape_seconds: f64,
    /// `run` or `read`.
    pub mode: &'static str,
    /// The numbers are final.
    pub ended: bool,
    /// Every option as it is in force.
    pub effective: Arc<Effective>,
}

#[derive(Debug)]
struct Published {
    snapshot: Arc<Snapshot>,
    at: Instant,
    sinks: Vec<Arc<SinkState>>,
    sampling: [u32; 2],
    dpdk: (String, String),
    watch: Option<Arc<Watch>>,
    mode: &'static str,
    ended: bool,
    effective: Arc<Effective>,
}

/// Holds what was published last. Clones share it.
#[derive(Clone, Debug)]
pub struct Board {
    last: Arc<Mutex<Published>>,
    requests: Arc<[AtomicU64; 3]>,
    half_flows: Arc<AtomicU64>,
    /// Good, refused, and when the last good one was.
    reloads: Arc<[AtomicU64; 3]>,
    scrape_nanos: Arc<AtomicU64>,
    reloader: Arc<OnceLock<Asker>>,
}

impl Default for Board {
    fn default() -> Board {
        let snapshot = Arc::new(Snapshot::default());
        let published = Published {
            snapshot,
            at: Instant::now(),
            sinks: Vec::new(),
            sampling: [1; 2],
            dpdk: Default::default(),
            watch: None,
            mode: "run",
            ended: false,
            effective: Arc::default(),
        };
        Board {
            last: Arc::new(Mutex::new(published)),
            requests: Arc::default(),
            half_flows: Arc::default(),
            reloads: Arc::default(),
            scrape_nanos: Arc::default(),
            reloader: Arc::default(),
        }
    }
}

impl Board {
    /// Says which sinks there are, and which DPDK.
    pub fn introduce(&self, sinks: Vec<Arc<SinkState>>, dpdk: (String, String)) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.sinks = sinks;
        last.dpdk = dpdk;
    }

    /// Says what runs, and what is watched.
    pub fn describe(&self, mode: &'static str, effective: &Effective, watch: Option<Arc<Watch>>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        (last.mode, last.effective, last.watch) = (mode, Arc::new(effective.clone()), watch);
    }

    /// Says which options are in force from now on.
    pub fn in_force(&self, effective: &Effective) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).effective = Arc::new(effective.clone());
    }

    /// Says who reloads.
    pub fn reloaded_by(&self, asker: Asker) {
        let _ = self.reloader.set(asker);
    }

    /// Who reloads; `None` where nobody does.
    #[must_use]
    pub fn reloader(&self) -> Option<&Asker> {
        self.reloader.get()
    }

    /// Says that the run is over: what is published now is final.
    pub fn end(&self) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
    }

    /// What is watched.
    #[must_use]
    pub fn watch(&self) -> Option<Arc<Watch>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).watch.clone()
    }

    fn scraped(&self, took: Duration) {
        self.scrape_nanos.store(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Says what is sampled.
    pub fn sampled(&self, plan: &SievePlan) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.sampling = [plan.sample_packets.get(), plan.sample_flows.get()];
    }

    /// Publishes a snapshot.
    pub fn publish(&self, snapshot: Snapshot) {
        if let Some(watch) = self.watch() {
            watch.snapshot(&snapshot);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.snapshot = Arc::new(snapshot);
        last.at = Instant::now();
    }

    /// Says how many flows were added up from parts.
    pub fn half_flows(&self, flows: u64) {
        self.half_flows.store(flows, Ordering::Relaxed);
    }

    /// Counts a reload by whether its configuration was good.
    pub fn reloaded(&self, good: bool) {
        self.reloads[usize::from(!good)].fetch_add(1, Ordering::Relaxed);
        if good {
            self.reloads[2].store(crate::pipeline::now().0 / 1_000_000_000, Ordering::Relaxed);
        }
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
            reloads: [0, 1].map(|n| self.reloads[n].load(Ordering::Relaxed)),
            reloaded_at: self.reloads[2].load(Ordering::Relaxed),
            sampling: last.sampling,
            dpdk: last.dpdk.clone(),
            watch: last.watch.clone(),
            figures: last.watch.as_ref().map(|watch| watch.figures()),
            scrape_seconds: self.scrape_nanos.load(Ordering::Relaxed) as f64 / 1e9,
            mode: last.mode,
            ended: last.ended,
            effective: last.effective.clone(),
            messages: crate::log::counts(),
            link_changes: crate::ports::link_changes(),
        }
    }
}

/// Every family of the catalogue that has a series, then those about hosts, as far as `--max-series` has room.
#[must_use]
pub fn families(view: &View) -> Vec<Family> {
    let mut families: Vec<Family> = catalogue::all().map(|row| family(view, row)).collect();
    let Some(watch) = &view.watch else { return families };
    let tops = view.figures.as_ref().map_or(Vec::new(), |figures| figures.tops.clone());
    families.extend(watched::distributions(view));
    let mut room = usize::try_from(watch.plan().max_series).unwrap_or(usize::MAX);
    room = room.saturating_sub(families.iter().flat_map(|family| &family.series).map(Series::weight).sum());
    let mut capped = 0;
    for mut family in tops.into_iter().chain(compat::families(watch, &view.snapshot)) {
        let whole = family.series.len();
        let mut kept = 0;
        family.series.retain(|series| {
            let fits = series.weight() <= room;
            if fits {
                room -= series.weight();
                kept += 1;
            }
            fits
        });
        capped += whole - kept;
        families.push(family);
    }
    watch.capped(capped as u64);
    families
}

fn family(view: &View, row: &Row) -> Family {
    let kind = match row.kind {
        Kind::Counter => exposition::Kind::Counter,
        Kind::Gauge => exposition::Kind::Gauge,
        Kind::Histogram(_) => exposition::Kind::Histogram,
    };
    let mut family = Family::new(row.name, kind, row.help);
    (row.read)(view, &mut |labels, value| {
        let pairs = row.labels.iter().zip(labels).map(|(name, label)| ((*name).to_owned(), (*label).to_owned()));
        let pairs = pairs.collect();
        family.series.push(match row.kind {
            Kind::Histogram(bounds) => {
                let counts = value.iter().take(bounds.len() + 1).map(|count| *count as u64).collect();
                let sum = value.last().copied().unwrap_or(0.0);
                Series::histogram(pairs, bounds.to_vec(), counts, sum)
            }
            _ => Series::number(pairs, value.first().copied().unwrap_or(0.0)),
        });
    });
    family
}

/// What is on the board in a format.
///
/// # Errors
/// What the encoder says; a catalogue that passes its tests gives it no reason.
pub fn render(board: &Board, format: Format) -> Result<Vec<u8>, prometheus::Error> {
    let began = Instant::now();
    let body = format.render(&families(&board.view()))?;
    board.scraped(began.elapsed());
    Ok(body)
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
        let text = String::from_utf8(render(&board(), Format::Text).unwrap()).unwrap();
        assert_eq!(sum(&text, "parshall_packets_total"), 2.0);
        assert_eq!(sum(&text, "parshall_port_rx_packets_total"), 2.0);
        assert_eq!(text.lines().filter(|line| line.starts_with("parshall_packets_total{")).count(), 9, "zeros too");
        assert!(text.contains("parshall_port_driver_rx_packets_total{port=\"0\"} 3\n"), "{text}");
    }

    #[test]
    fn names_labels_and_helps_follow_the_rules() {
        let mut seen = std::collections::HashSet::new();
        for row in catalogue::all() {
            assert!(seen.insert(row.name), "{} twice", row.name);
            assert!(row.name.starts_with("parshall_") || row.name.starts_with("process_"), "{}", row.name);
            assert_eq!(row.name.ends_with("_total"), row.kind == Kind::Counter, "{}", row.name);
            assert!(row.help.ends_with('.') && row.help.len() > 10, "{}", row.name);
        }
    }

    #[test]
    fn each_row_gives_as_many_labels_as_it_names() {
        let view = board().view();
        for row in catalogue::all() {
            let mut seen = 0;
            (row.read)(&view, &mut |labels, value| {
                assert_eq!(labels.len(), row.labels.len(), "{}", row.name);
                let want = if let Kind::Histogram(bounds) = row.kind { bounds.len() + 2 } else { 1 };
                assert_eq!(value.len(), want, "{}", row.name);
                seen += 1;
            });
            assert!(seen < 200, "{} has {seen} series", row.name);
        }
    }
}
