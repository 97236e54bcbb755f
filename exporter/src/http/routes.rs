//! What each path answers.
//!
//! **Owns** the routes, one row each, and their JSON. **May touch** the board. **Order** called by the server's threads.

use crate::metrics::{self, Board, View};
use parshall_engine::packet::{Flaw, Outcome};
use parshall_engine::tally::{Books, L4_LABELS};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tiny_http::{Header, Method, Request, Response};

/// How old the last publication may be before the probe counts as not well.
const STALE: Duration = Duration::from_secs(10);

/// Status, content type, body.
type Answer = (u16, &'static str, Vec<u8>);

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

/// A path and what answers it.
type Route = (&'static str, fn(&Board) -> Answer);

/// Every path.
const ROUTES: &[Route] =
    &[("/", page), ("/metrics", metrics), ("/healthz", healthz), ("/readyz", readyz), ("/api/v1/stats", stats)];

/// Answers one request.
pub(super) fn answer(request: Request, board: &Board) {
    let path = request.url().split('?').next().unwrap_or("/").to_owned();
    let route = ROUTES.iter().find(|(known, _)| *known == path);
    let (status, kind, body) = match (route, request.method()) {
        (Some((_, give)), Method::Get | Method::Head) => give(board),
        (Some(_), method) => refuse(405, &format!("{path} answers GET and HEAD, not {method}")),
        (None, _) => refuse(404, &format!("nothing is at {path}; / lists what there is")),
    };
    board.answered(status);
    let mut response = Response::from_data(body).with_status_code(status);
    for (name, value) in [("Content-Type", kind), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
    {
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    // A client that went away meanwhile is its own affair.
    let _ = request.respond(response);
}

fn refuse(status: u16, reason: &str) -> Answer {
    (status, JSON, pretty(&json!({ "error": reason })))
}

fn pretty(value: &Value) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}

fn metrics(board: &Board) -> Answer {
    match metrics::text(board) {
        Ok(text) => (200, TEXT, text),
        Err(error) => refuse(500, &format!("the metrics cannot be rendered: {error}")),
    }
}

fn healthz(board: &Board) -> Answer {
    let age = board.view().age;
    if age > STALE {
        return refuse(503, &format!("nothing was published for {:.0} s", age.as_secs_f64()));
    }
    (200, JSON, pretty(&json!({ "status": "alive", "published_seconds_ago": age.as_secs_f64() })))
}

fn readyz(board: &Board) -> Answer {
    let view = board.view();
    let mut reasons = Vec::new();
    if view.snapshot.turn == 0 || view.age > STALE {
        reasons.push("the workers' counts were not collected lately".to_owned());
    }
    for worker in &view.snapshot.workers {
        let silent = Duration::from_nanos(view.snapshot.taken_at.since(worker.handed_over));
        if silent > STALE {
            reasons
                .push(format!("worker {} on lcore {} has been silent for {silent:.0?}", worker.worker, worker.lcore));
        }
    }
    for port in view.snapshot.ports.iter().filter(|port| !port.link_up) {
        reasons.push(format!("port {} ({}) has no link", port.port, port.name));
    }
    let ready = reasons.is_empty();
    (if ready { 200 } else { 503 }, JSON, pretty(&json!({ "ready": ready, "reasons": reasons })))
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

fn stats(board: &Board) -> Answer {
    let view = board.view();
    let snapshot = &view.snapshot;
    let total = &snapshot.total;
    let outcomes: serde_json::Map<String, Value> = Outcome::ALL
        .iter()
        .map(|(outcome, name)| ((*name).to_owned(), total.outcomes[*outcome as usize].into()))
        .collect();
    let flaws: serde_json::Map<String, Value> =
        Flaw::ALL.iter().map(|(flaw, name)| ((*name).to_owned(), total.flaws[*flaw as usize].into())).collect();
    let protocols: Vec<Value> = (0..2)
        .flat_map(|version| L4_LABELS.iter().zip(total.protocols[version]).map(move |row| (version, row)))
        .filter(|(_, (_, volume))| volume.packets > 0)
        .map(|(version, ((_, l4), volume))| {
            json!({ "ip_version": 4 + 2 * version, "l4": l4, "packets": volume.packets, "ip_bytes": volume.bytes })
        })
        .collect();
    let body = json!({
        "version": { "parshall": env!("CARGO_PKG_VERSION"), "git": env!("PARSHALL_GIT"), "dpdk_build": view.dpdk.0, "dpdk_runtime": view.dpdk.1 },
        "uptime_seconds": snapshot.taken_at.since(snapshot.started_at) as f64 / 1e9,
        "published_seconds_ago": view.age.as_secs_f64(),
        "books": books(total.books()),
        "outcomes": outcomes,
        "malformed": flaws,
        "protocols": protocols,
        "flows": { "active": total.live_flows, "capacity": total.table_capacity, "created": total.flows_created.iter().sum::<u64>() },
        "records": {
            "finished_packets": total.finished_packets,
            "dropped_at_rings": total.records_dropped_count,
            "dropped_packets_at_rings": total.records_dropped.packets,
        },
        "ports": ports(&view),
        "workers": workers(&view),
        "mempools": snapshot.pools.iter().map(|pool| json!({ "name": pool.name, "size": pool.size, "free": pool.free })).collect::<Vec<_>>(),
        "sinks": sinks(&view),
    });
    (200, JSON, pretty(&body))
}

fn ports(view: &View) -> Vec<Value> {
    let row = |port: &parshall_engine::merge::snapshot::PortSnapshot| {
        json!({
            "port": port.port, "name": port.name, "driver": port.driver, "socket": port.socket, "link_up": port.link_up,
            "link_mbps": port.link_mbps, "driver_rx_packets": port.ipackets, "driver_rx_bytes": port.ibytes,
            "rx_missed": port.imissed, "rx_errors": port.ierrors, "rx_nombuf": port.rx_nombuf,
        })
    };
    view.snapshot.ports.iter().map(row).collect()
}

fn workers(view: &View) -> Vec<Value> {
    let row = |worker: &parshall_engine::merge::snapshot::WorkerSnapshot| {
        let tally = &worker.tally;
        let taken = tally.taken.iter().map(|taken| {
            json!({ "port": taken.input.port, "queue": taken.input.queue, "packets": taken.volume.packets, "bytes": taken.volume.bytes })
        });
        json!({
            "worker": worker.worker, "lcore": worker.lcore, "polls": tally.polls, "empty_polls": tally.empty_polls,
            "missed_turns": worker.missed_turns, "active_flows": tally.live_flows, "taken": taken.collect::<Vec<_>>(),
            "books": books(tally.books()),
        })
    };
    view.snapshot.workers.iter().map(row).collect()
}

fn sinks(view: &View) -> Vec<Value> {
    let row = |sink: &std::sync::Arc<crate::fanout::SinkState>| {
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

fn page(board: &Board) -> Answer {
    let view = board.view();
    let total = &view.snapshot.total;
    let verdict = if total.books().closed() { "all" } else { "NOT all" };
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <meta http-equiv=refresh content=5><title>parshall</title>\
         <style>body{{font:16px/1.5 system-ui;max-width:40rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}}</style>\
         <h1>parshall</h1><p>{verdict} {} frames accounted for; {} flows live.</p>\
         <ul><li><a href=/metrics>/metrics</a> for Prometheus<li><a href=/api/v1/stats>/api/v1/stats</a> numbers and the books\
         <li><a href=/healthz>/healthz</a>, <a href=/readyz>/readyz</a></ul>",
        crate::summary::grouped(total.taken_packets()),
        crate::summary::grouped(total.live_flows),
    );
    (200, HTML, page.into_bytes())
}
