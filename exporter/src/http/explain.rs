//! `/api/v1/explain/drops`: where packets or detail are lost, the likely cause, and the option to change.
//!
//! **Owns** the rules, and the headroom of a worker. **May touch** the view. **Order** called by `routes` and `stats`.
//!
//! A loss is what a counter says; the cause is judged by the last minute: how many polls found frames, how full bursts
//! were, how much memory was left. What a rule cannot tell apart it calls possible.

use super::answer::Answer;
use super::ask::Ask;
use crate::metrics::View;
use crate::summary::grouped;
use crate::survey::history::{Sample, WorkerSample};
use parshall_engine::tally::Tally;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What "lately" means. Unit: seconds.
const WINDOW: f64 = 60.0;

/// A share of full bursts, or of time at work, from which on a worker is at its limit.
const SATURATED: f64 = 0.9;

/// Sums over samples of one worker.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    seconds: f64,
    packets: u64,
    polls: u64,
    found: u64,
    full: u64,
    busy: f64,
    measured: bool,
}

impl Work {
    fn of(samples: &[(f64, WorkerSample)]) -> Work {
        let mut sum = Work { measured: !samples.is_empty(), ..Work::default() };
        for (seconds, one) in samples {
            sum.seconds += seconds;
            sum.packets += one.packets;
            sum.polls += one.polls;
            sum.found += one.polls.saturating_sub(one.empty_polls);
            // Bursts of more than half of the most that one can be.
            sum.full += one.bursts[6] + one.bursts[7];
            sum.busy += one.busy_nanos as f64 / 1e9;
            sum.measured &= one.load.is_some();
        }
        sum
    }

    fn share(part: u64, whole: u64) -> f64 {
        if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
    }

    fn work_share(&self) -> f64 {
        Work::share(self.found, self.polls)
    }

    fn full_share(&self) -> f64 {
        Work::share(self.full, self.found)
    }

    fn load(&self) -> Option<f64> {
        (self.measured && self.seconds > 0.0).then(|| (self.busy / self.seconds).min(1.0))
    }

    fn is_saturated(&self) -> bool {
        let busy = self.load().map_or_else(|| self.work_share() > SATURATED, |load| load > SATURATED);
        busy && self.polls > 0
    }
}

/// What a worker has left.
pub(super) fn headroom(samples: &[(f64, WorkerSample)]) -> Value {
    let work = Work::of(samples);
    let Some((_, one)) = samples.last() else { return Value::Null };
    let a_second = work.packets as f64 / work.seconds.max(1e-9);
    let mut row = json!({
        "worker": one.worker,
        "lcore": one.lcore,
        "work_share": work.work_share(),
        "mean_burst": if work.found == 0 { 0.0 } else { work.packets as f64 / work.found as f64 },
        "full_burst_share": work.full_share(),
        "packets_per_second": a_second,
    });
    if let Some(load) = work.load() {
        row["load"] = json!(load);
        if work.packets > 0 && work.busy > 0.0 {
            row["nanoseconds_per_packet"] = json!(work.busy * 1e9 / work.packets as f64);
            row["could_take_packets_per_second"] = json!(work.packets as f64 / work.busy);
        }
    }
    row
}

/// Each worker's samples of the last minute.
fn by_worker(samples: &[Arc<Sample>]) -> Vec<Vec<(f64, WorkerSample)>> {
    let Some(latest) = samples.first() else { return Vec::new() };
    let of = |worker: u16| {
        let own = samples
            .iter()
            .filter_map(|sample| Some((sample.seconds, *sample.workers.iter().find(|one| one.worker == worker)?)));
        own.collect()
    };
    latest.workers.iter().map(|one| of(one.worker)).collect()
}

/// A loss and its cause.
struct Cause {
    lost: u64,
    lately: Option<u64>,
    row: Value,
}

fn cause(
    name: &str,
    stage: &str,
    unit: &str,
    counts: (u64, Option<u64>),
    sentence: &str,
    option: &str,
    remedy: &str,
) -> Cause {
    let (lost, lately) = counts;
    let row = json!({
        "cause": name, "stage": stage, "certainty": "certain", "lost": lost, "lost_lately": lately, "unit": unit,
        "sentence": sentence, "evidence": {}, "option": option, "remedy": remedy,
    });
    Cause { lost, lately, row }
}

/// What is judged.
struct Case<'v> {
    view: &'v View,
    samples: Vec<Arc<Sample>>,
    workers: Vec<Vec<(f64, WorkerSample)>>,
}

impl Case<'_> {
    fn lately(&self, read: fn(&Sample) -> u64) -> Option<u64> {
        (!self.samples.is_empty()).then(|| self.samples.iter().map(|sample| read(sample)).sum())
    }

    /// The worker that polls a port and is at its limit, or the busiest.
    fn busiest(&self) -> Option<(u16, Work)> {
        let works = self.workers.iter().filter_map(|own| Some((own.last()?.1.worker, Work::of(own))));
        works.max_by(|one, other| {
            let key = |work: &Work| work.load().unwrap_or_else(|| work.work_share());
            key(&one.1).total_cmp(&key(&other.1))
        })
    }

    fn missed(&self) -> Option<Cause> {
        let ports = &self.view.snapshot.ports;
        let lost: u64 = ports.iter().map(|port| port.imissed).sum();
        let worst = ports.iter().max_by_key(|port| port.imissed)?;
        let lately = self.lately(|sample| sample.lost[0]);
        let (worker, work) = self.busiest()?;
        let evidence = json!({
            "work_share": work.work_share(), "full_burst_share": work.full_share(), "load": work.load(), "missed": lost,
        });
        let mut found = if work.is_saturated() {
            let sentence = format!(
                "Worker {worker} found frames at {:.1} % of its polls: it cannot go faster, and port {} ran out of descriptors.",
                work.work_share() * 100.0,
                worst.port
            );
            let more = self.view.snapshot.workers.len() + 1;
            let remedy = format!(
                "Add a core that polls: --nb-cores {more} with one more lcore in -l; then each has less to do."
            );
            cause("worker_saturated", "nic", "frames", (lost, lately), &sentence, "--nb-cores", &remedy)
        } else {
            let sentence = format!(
                "Port {} ran out of descriptors although its worker has time left: traffic came in bursts, or the worker was \
                 kept from its core.",
                worst.port
            );
            let remedy =
                "Raise --rxd (see the port's most with --plan); give the workers' cores to nobody else (isolcpus).";
            cause("bursts_of_traffic", "nic", "frames", (lost, lately), &sentence, "--rxd", remedy)
        };
        found.row["certainty"] = json!(if work.seconds >= 10.0 { "likely" } else { "possible" });
        found.row["evidence"] = evidence;
        found.row["port"] = json!(worst.port);
        found.row["worker"] = json!(worker);
        Some(found)
    }

    fn nombuf(&self) -> Option<Cause> {
        let snapshot = &self.view.snapshot;
        let lost = snapshot.ports.iter().map(|port| port.rx_nombuf).sum();
        let emptiest = snapshot.pools.iter().min_by_key(|pool| pool.free)?;
        let sentence =
            format!("The mbuf pool {} had none left ({} of {} free now).", emptiest.name, emptiest.free, emptiest.size);
        let remedy = format!("Raise --total-num-mbufs, e.g. to {}.", emptiest.size * 2 + 1);
        let counts = (lost, self.lately(|sample| sample.lost[2]));
        let mut found = cause("mbufs_exhausted", "nic", "failures", counts, &sentence, "--total-num-mbufs", &remedy);
        found.row["evidence"] = json!({ "free": emptiest.free, "size": emptiest.size });
        Some(found)
    }

    fn plain(&self) -> Vec<Cause> {
        let total = &self.view.snapshot.total;
        let errors = self.view.snapshot.ports.iter().map(|port| port.ierrors).sum();
        vec![
            cause(
                "port_errors",
                "nic",
                "frames",
                (errors, self.lately(|sample| sample.lost[1])),
                "A port received frames with errors (checksum of the link, length): a cable, an optic, or frames longer than it takes.",
                "--max-pkt-len",
                "Look at the link; if long frames are expected, raise --max-pkt-len.",
            ),
            cause(
                "flow_table_full",
                "flow_table",
                "packets",
                (total.table_full, None),
                &format!(
                    "New flows found no room among {} ({} live now): their packets are in the totals, not in records.",
                    grouped(total.table_capacity),
                    grouped(total.live_flows)
                ),
                "--max-flows",
                "Raise --max-flows or --flow-memory, or shorten --single-packet-timeout.",
            ),
            cause(
                "record_ring_full",
                "ring",
                "records",
                (total.records_dropped_count, self.lately(|sample| sample.records_dropped)),
                "Records came faster than the feeding thread took them.",
                "--record-ring",
                "Raise --record-ring; if it lasts, the feeding thread needs a core of its own.",
            ),
        ]
    }

    fn detail(&self) -> Vec<Cause> {
        let (total, watch) = (&self.view.snapshot.total, self.view.watch.as_ref());
        vec![
            cause(
                "segment_memory_full",
                "detail",
                "requests",
                (total.history_refused, None),
                "Segment histories found no memory: those flows lack round-trip times and retransmissions.",
                "--segment-memory",
                "Raise --segment-memory.",
            ),
            cause(
                "link_contexts_full",
                "detail",
                "contexts",
                (total.contexts_full, None),
                "Link contexts found no room: those records lack MAC addresses, VLANs and tunnels.",
                "--max-flows",
                "Raise --max-flows: contexts grow with it.",
            ),
            cause(
                "fragment_cache_full",
                "detail",
                "datagrams",
                (total.fragment_cache.evictions, None),
                "Fragmented datagrams were forgotten before their last fragment came.",
                "--workers",
                "Spread over more workers; or ask who sends so many fragments: /api/v1/top/hosts.",
            ),
            cause(
                "statistics_slow",
                "metrics",
                "records",
                (watch.map_or(0, |watch| watch.not_watched()), None),
                "Histograms and top lists were too slow for the records; sinks had them all.",
                "--live-flows",
                "Lower --live-flows, or give the control side another core.",
            ),
            cause(
                "series_capped",
                "metrics",
                "series",
                (watch.map_or(0, |watch| watch.left_out()), None),
                "The last scrape left out series about hosts for lack of room.",
                "--max-series",
                "Raise --max-series, or lower --compat-flows or --top-metrics.",
            ),
        ]
    }

    fn sinks(&self) -> Vec<Cause> {
        let row = |sink: &Arc<crate::writer::SinkState>| {
            let (lost, errors) = (sink.dropped_records.load(Ordering::Relaxed), sink.errors.load(Ordering::Relaxed));
            let sentence = match errors {
                0 => format!("The sink {} was slower than the records.", sink.name),
                _ => format!("The sink {} failed to write{}; the log says why.", sink.name, times(errors)),
            };
            let remedy = "Look at the disk or the other end of this sink: space, speed, rights.";
            let mut found = cause("sink_slow", "sink", "records", (lost, None), &sentence, "--sink", remedy);
            found.row["sink"] = json!(sink.name);
            found
        };
        self.view.sinks.iter().map(row).collect()
    }

    fn silent(&self) -> Vec<Cause> {
        let snapshot = &self.view.snapshot;
        let silent = snapshot.workers.iter().filter(|worker| worker.missed_turns > 0);
        let row = |worker: &parshall_engine::merge::snapshot::WorkerSnapshot| {
            let sentence = format!(
                "Worker {} on lcore {} did not hand its counts over in time{}: something else ran on its core.",
                worker.worker,
                worker.lcore,
                times(worker.missed_turns)
            );
            let remedy = "Give the core to the worker alone: isolcpus, cpusets, or other lcores in -l.";
            let mut found =
                cause("worker_silent", "nic", "periods", (worker.missed_turns, None), &sentence, "-l", remedy);
            found.row["certainty"] = json!("possible");
            found.row["worker"] = json!(worker.worker);
            found
        };
        silent.map(row).collect()
    }
}

/// How often, for the end of a phrase.
fn times(count: u64) -> String {
    if count == 1 { " once".to_owned() } else { format!(" {} times", grouped(count)) }
}

/// Where packets or detail are lost, and why.
pub(super) fn drops(view: &View, ask: &Ask) -> Result<Answer, Answer> {
    ask.only(&[])?;
    let samples = view.watch.as_ref().map(|watch| watch.history().lately(WINDOW)).unwrap_or_default();
    let workers = by_worker(&samples);
    let case = Case { view, samples, workers };
    let mut causes: Vec<Cause> = case.missed().into_iter().chain(case.nombuf()).collect();
    causes.extend(case.plain());
    causes.extend(case.detail());
    causes.extend(case.sinks());
    causes.extend(case.silent());
    causes.retain(|cause| cause.lost > 0);
    causes.sort_by_key(|cause| std::cmp::Reverse((cause.lately.unwrap_or(0), cause.lost)));
    let losing = causes.iter().any(|cause| cause.lately.unwrap_or(0) > 0);
    let sentence = match causes.first() {
        None => format!(
            "Nothing was lost: {} frames taken since the start.",
            grouped(Tally::taken_packets(&view.snapshot.total))
        ),
        Some(first) => first.row["sentence"].as_str().unwrap_or_default().to_owned(),
    };
    let body = json!({
        "taken_at_ns": view.snapshot.taken_at.0,
        "window_seconds": case.samples.iter().map(|sample| sample.seconds).sum::<f64>(),
        "losing": losing,
        "sentence": sentence,
        "causes": causes.into_iter().map(|cause| cause.row).collect::<Vec<_>>(),
        "headroom": case.workers.iter().map(|own| headroom(own)).collect::<Vec<_>>(),
    });
    Ok(Answer::json(200, &body))
}

#[cfg(test)]
mod tests;
