//! `/api/v1/stats`: everything counted, with the books.
//!
//! **Owns** its JSON (docs/API.md). **May touch** the view. **Order** called by `routes`.

use super::answer::Answer;
use super::ask::Ask;
use super::{explain, routes, top};
use crate::metrics::View;
use crate::summary::grouped;
use crate::survey::growth::{COUNTED, FIRST_CLASS};
use crate::survey::history::Sample;
use parshall_engine::merge::snapshot::{PortSnapshot, WorkerSnapshot};
use parshall_engine::packet::{Encap, Flaw, Outcome};
use parshall_engine::record::EndReason;
use parshall_engine::tally::{Books, L4_LABELS, Tally};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

fn named<'n>(rows: impl Iterator<Item = (&'n str, u64)>) -> Map<String, Value> {
    rows.map(|(name, count)| (name.to_owned(), count.into())).collect()
}

fn books(books: Books) -> Value {
    json!({
        "frames_taken": books.taken,
        "sum_of_outcomes": books.outcomes,
        "frame_closure_error": books.frame_error(),
        "packets_in_flows": books.flow,
        "packets_in_records": books.finished,
        "packets_in_live_flows": books.live,
        "flow_closure_error": books.flow_error(),
        "closed": books.closed(),
        "equations": [
            "frames_taken = sum_of_outcomes",
            "packets_in_flows = packets_in_records + packets_in_live_flows"
        ],
    })
}

/// The books in a sentence.
fn sentence(total: &Tally) -> String {
    let all = if total.books().closed() { "all" } else { "NOT all" };
    format!("{all} {} frames accounted for", grouped(total.taken_packets()))
}

/// Everything counted.
pub(super) fn stats(view: &View, ask: &Ask) -> Result<Answer, Answer> {
    ask.only(&[])?;
    let snapshot = &view.snapshot;
    let total = &snapshot.total;
    let latest = view.watch.as_ref().and_then(|watch| watch.history().latest());
    let mut body = json!({
        "version": routes::versions(view),
        "mode": view.mode,
        "state": if view.ended { "ended" } else { "running" },
        "started_ns": snapshot.started_at.0,
        "taken_at_ns": snapshot.taken_at.0,
        "uptime_seconds": snapshot.taken_at.since(snapshot.started_at) as f64 / 1e9,
        "published_seconds_ago": view.age.as_secs_f64(),
        "sentence": sentence(total),
        "books": books(total.books()),
        "outcomes": named(Outcome::ALL.iter().map(|(outcome, name)| (*name, total.outcomes[*outcome as usize]))),
        "loss": loss(view),
        "malformed": named(Flaw::ALL.iter().map(|(flaw, name)| (*name, total.flaws[*flaw as usize]))),
        "encapsulations": named(
            Encap::ALL.iter().map(|(encap, name)| (*name, total.encaps[*encap as usize])).filter(|(_, count)| *count > 0)
        ),
        "protocols": protocols(total),
        "flows": flows(total),
        "records": {
            "finished": total.records.iter().sum::<u64>(),
            "finished_packets": total.finished_packets,
            "dropped_at_rings": total.records_dropped_count,
            "dropped_packets_at_rings": total.records_dropped.packets,
        },
        "ports": snapshot.ports.iter().map(port).collect::<Vec<_>>(),
        "workers": snapshot.workers.iter().map(|worker| one_worker(worker, latest.as_deref())).collect::<Vec<_>>(),
        "mempools": snapshot.pools.iter()
            .map(|pool| json!({ "name": pool.name, "size": pool.size, "free": pool.free })).collect::<Vec<_>>(),
        "sinks": sinks(view),
    });
    if let Some(sample) = &latest {
        body["rates"] = rates(sample);
    }
    if let Some(figures) = &view.figures {
        let [all, complete, midstream] = figures.tcp_records;
        body["tcp"] = json!({
            "flows": all, "complete": complete, "midstream": midstream,
            "client": side(&figures.tcp[0]), "server": side(&figures.tcp[1]),
        });
        body["distinct"] = top::distinct(figures.distinct);
    }
    Ok(Answer::json(200, &body))
}

fn rates(sample: &Arc<Sample>) -> Value {
    let a_second = |count: u64| count as f64 / sample.seconds.max(1e-9);
    json!({
        "over_seconds": sample.seconds,
        "packets_per_second": a_second(sample.packets),
        "wire_bits_per_second": a_second(sample.wire_bytes.saturating_mul(8)),
        "lost_packets_per_second": a_second(sample.lost[0] + sample.lost[1]),
        "flows_created_per_second": a_second(sample.flows_created),
        "records_per_second": a_second(sample.records),
    })
}

fn loss(view: &View) -> Value {
    let total = &view.snapshot.total;
    let ports = |read: fn(&PortSnapshot) -> u64| view.snapshot.ports.iter().map(read).sum::<u64>();
    json!({
        "before_probe": {
            "missed": ports(|port| port.imissed), "errors": ports(|port| port.ierrors), "nombuf": ports(|port| port.rx_nombuf),
        },
        "detail": {
            "table_full_packets": total.table_full,
            "records_at_rings": total.records_dropped_count,
            "records_at_sinks": view.sinks.iter().map(|sink| sink.dropped_records.load(Ordering::Relaxed)).sum::<u64>(),
            "segment_history": total.history_refused,
            "link_contexts": total.contexts_full,
            "statistics_records": view.watch.as_ref().map_or(0, |watch| watch.not_watched()),
        },
    })
}

fn protocols(total: &Tally) -> Vec<Value> {
    (0..2)
        .flat_map(|version| L4_LABELS.iter().zip(total.protocols[version]).map(move |row| (version, row)))
        .filter(|(_, (_, volume))| volume.packets > 0)
        .map(|(version, ((_, l4), volume))| {
            json!({ "ip_version": 4 + 2 * version, "l4": l4, "packets": volume.packets, "ip_bytes": volume.bytes })
        })
        .collect()
}

fn flows(total: &Tally) -> Value {
    let created = L4_LABELS.iter().zip(total.flows_created).map(|((_, l4), count)| (*l4, count));
    json!({
        "active": total.live_flows,
        "capacity": total.table_capacity,
        "created": total.flows_created.iter().sum::<u64>(),
        "created_by_l4": named(created.filter(|(_, count)| *count > 0)),
        "ended": named(EndReason::ALL.iter().map(|(reason, name)| (*name, total.records[*reason as usize]))),
    })
}

/// What is counted of one side of TCP.
fn side(counts: &[u64; COUNTED.len()]) -> Value {
    let row = |(name, count): (&(&'static str, _), u64)| (name.0, count);
    let (plain, classes) = COUNTED.split_at(FIRST_CLASS);
    let mut all = named(plain.iter().map(|(name, _)| *name).zip(counts.iter().copied()));
    let classes = classes.iter().zip(counts[FIRST_CLASS..].iter().copied()).map(row);
    all.insert("classes".to_owned(), Value::Object(named(classes)));
    Value::Object(all)
}

fn port(port: &PortSnapshot) -> Value {
    json!({
        "port": port.port, "name": port.name, "driver": port.driver, "socket": port.socket, "link_up": port.link_up,
        "link_mbps": port.link_mbps, "driver_rx_packets": port.ipackets, "driver_rx_bytes": port.ibytes,
        "rx_missed": port.imissed, "rx_errors": port.ierrors, "rx_nombuf": port.rx_nombuf,
    })
}

fn one_worker(worker: &WorkerSnapshot, latest: Option<&Sample>) -> Value {
    let tally = &worker.tally;
    let taken = tally.taken.iter().map(|taken| {
        json!({ "port": taken.input.port, "queue": taken.input.queue, "packets": taken.volume.packets, "bytes": taken.volume.bytes })
    });
    let mut row = json!({
        "worker": worker.worker, "lcore": worker.lcore, "polls": tally.polls, "empty_polls": tally.empty_polls,
        "missed_turns": worker.missed_turns, "active_flows": tally.live_flows, "taken": taken.collect::<Vec<_>>(),
        "books": books(tally.books()),
    });
    let sample =
        latest.and_then(|sample| Some((sample, sample.workers.iter().find(|one| one.worker == worker.worker)?)));
    if let Some((sample, one)) = sample {
        row["load"] = one.load.into();
        row["headroom"] = explain::headroom(&[(sample.seconds, *one)]);
    }
    row
}

fn sinks(view: &View) -> Vec<Value> {
    let row = |sink: &Arc<crate::writer::SinkState>| {
        json!({
            "name": sink.name,
            "records": sink.records.load(Ordering::Relaxed),
            "dropped_records": sink.dropped_records.load(Ordering::Relaxed),
            "dropped_packets": sink.dropped_packets.load(Ordering::Relaxed),
            "errors": sink.errors.load(Ordering::Relaxed),
        })
    };
    view.sinks.iter().map(row).collect()
}
