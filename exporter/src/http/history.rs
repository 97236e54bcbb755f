//! `/api/v1/history` and `/api/v1/histograms`.
//!
//! **Owns** their JSON (docs/API.md). **May touch** the watch. **Order** called by `routes`.

use super::answer::Answer;
use super::ask::Ask;
use crate::metrics::View;
use crate::survey::distribution::Distribution;
use crate::survey::distributions::ROWS;
use crate::survey::history::{MOST, Sample};
use parshall_engine::packet::Outcome;
use parshall_engine::tally::L4_LABELS;
use serde_json::{Map, Value, json};
use std::sync::Arc;

type Samples = [Arc<Sample>];

fn column(samples: &Samples, get: impl Fn(&Sample) -> Value) -> Value {
    samples.iter().map(|sample| get(sample)).collect()
}

fn counts(samples: &Samples, get: impl Fn(&Sample) -> u64) -> Value {
    column(samples, |sample| get(sample).into())
}

/// The history.
pub(super) fn history(view: &View, ask: &Ask) -> Result<Answer, Answer> {
    ask.only(&["since"])?;
    let since = ask.number("since", 0, 0, u64::MAX)?;
    let samples = view.watch.as_ref().map(|watch| watch.history().since(since)).unwrap_or_default();
    let outcomes: Map<String, Value> = Outcome::ALL
        .iter()
        .map(|(outcome, name)| ((*name).to_owned(), counts(&samples, |sample| sample.outcomes[*outcome as usize])))
        .collect();
    let l4_bytes: Map<String, Value> = L4_LABELS
        .iter()
        .enumerate()
        .map(|(n, (_, name))| ((*name).to_owned(), counts(&samples, |sample| sample.l4_bytes[n])))
        .collect();
    let rtt = |side: usize| {
        let at = |n: usize| column(&samples, |sample| sample.rtt[side].at[n].into());
        json!({ "p50": at(0), "p90": at(1), "p99": at(2) })
    };
    let body = json!({
        "taken_at_ns": view.snapshot.taken_at.0,
        "most": MOST,
        "time_ns": counts(&samples, |sample| sample.time),
        "seconds": column(&samples, |sample| sample.seconds.into()),
        "packets": counts(&samples, |sample| sample.packets),
        "wire_bytes": counts(&samples, |sample| sample.wire_bytes),
        "missed": counts(&samples, |sample| sample.lost[0]),
        "errors": counts(&samples, |sample| sample.lost[1]),
        "nombuf": counts(&samples, |sample| sample.lost[2]),
        "records_dropped": counts(&samples, |sample| sample.records_dropped),
        "outcomes": outcomes,
        "l4_bytes": l4_bytes,
        "flows_active": counts(&samples, |sample| sample.flows_active),
        "flows_created": counts(&samples, |sample| sample.flows_created),
        "records": counts(&samples, |sample| sample.records),
        "data_packets": counts(&samples, |sample| sample.segments[0]),
        "retransmitted_packets": counts(&samples, |sample| sample.segments[1]),
        "rtt_us": { "client": rtt(0), "server": rtt(1) },
        "workers": workers(&samples),
    });
    Ok(Answer::compact(&body))
}

/// Each worker of the latest sample; `null` where an older one did not have it.
fn workers(samples: &Samples) -> Vec<Value> {
    let Some(latest) = samples.last() else { return Vec::new() };
    let row = |worker: &crate::survey::history::WorkerSample| {
        let of = |sample: &Sample| sample.workers.iter().find(|other| other.worker == worker.worker).copied();
        json!({
            "worker": worker.worker,
            "lcore": worker.lcore,
            "load": column(samples, |sample| of(sample).and_then(|worker| worker.load).into()),
            "packets": column(samples, |sample| of(sample).map(|worker| worker.packets).into()),
        })
    };
    latest.workers.iter().map(row).collect()
}

/// Every histogram.
pub(super) fn histograms(view: &View, ask: &Ask) -> Result<Answer, Answer> {
    ask.only(&[])?;
    let counted = view.figures.clone().unwrap_or_default();
    let mut rows = Vec::new();
    for (row, series) in ROWS.iter().zip(&counted.distributions.0) {
        let (low, high, step) = row.range;
        for (label, one) in row.label.1.iter().zip(series) {
            rows.push(json!({
                "name": row.name, "unit": row.unit, "help": row.help, "labels": { row.label.0: label },
                "upper_bounds": Distribution::bounds(low, high, step), "counts": one.classic(step),
                "count": one.count(), "sum": one.sum,
            }));
        }
    }
    Ok(Answer::compact(&json!({ "taken_at_ns": view.snapshot.taken_at.0, "histograms": rows })))
}
