//! `/api/v1/flows` and `/api/v1/flows/{flow_id}`.
//!
//! **Owns** their three formats and the pages of a list (docs/API.md). **May touch** the watch. **Order** called by `routes`.

use super::answer::{Answer, JSON};
use super::ask::Ask;
use crate::buffer::Buffer;
use crate::metrics::View;
use crate::render;
use crate::survey::Watch;
use crate::survey::filter::Filter;
use crate::survey::scene::{Item, Listing, ORDERS, WHICH};
use parshall_engine::record::FlowRecord;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;

/// Flows of one page, at most.
const MOST: u64 = 10_000;

const PARAMETERS: &[&str] = &["top", "limit", "by", "order", "state", "filter", "format", "cursor"];

const FORMATS: [&str; 3] = ["json", "ndjson", "csv"];

/// A page of a list.
struct Page {
    listing: Arc<Listing>,
    from: usize,
    most: usize,
    next: Option<String>,
}

/// A list of flows.
pub(super) fn flows(view: &View, ask: &Ask) -> Result<Answer, Answer> {
    ask.only(PARAMETERS)?;
    let watch = view.watch.as_ref().ok_or_else(|| Answer::refuse(503, "no flow is looked at"))?;
    let by = ask.word("by", ORDERS.iter().map(|(name, _)| *name))?;
    let order = ask.word("order", ["desc", "asc"].into_iter())?;
    let page = page(watch, ask, by, order)?;
    let format = match (ask.get("format"), ask.header("accept")) {
        (None, accept) if accept.contains("application/x-ndjson") => 1,
        (None, accept) if accept.contains("text/csv") => 2,
        _ => ask.word("format", FORMATS.into_iter())?,
    };
    let answer = match format {
        0 => return Ok(json_list(view, &page, ORDERS[by].0, ["desc", "asc"][order])),
        1 => Answer::new(200, "application/x-ndjson", ndjson(&page)),
        _ => Answer::new(200, "text/csv; charset=utf-8", csv(&page)),
    };
    let age = page.listing.scene.at.map_or(String::new(), |at| format!("{:.3}", at.elapsed().as_secs_f64()));
    Ok(answer
        .header("X-Parshall-Age-Seconds", &age)
        .header("X-Parshall-Complete", &page.listing.scene.picture.is_complete())
        .header("X-Parshall-Matched", &page.listing.len())
        .header("X-Parshall-Next", &page.next.unwrap_or_default()))
}

fn page(watch: &Watch, ask: &Ask, by: usize, order: usize) -> Result<Page, Answer> {
    let most = if ask.get("limit").is_some() { "limit" } else { "top" };
    let most = usize::try_from(ask.number(most, 50, 1, MOST)?).unwrap_or(usize::MAX);
    let (listing, number, from) = match ask.get("cursor") {
        Some(cursor) => {
            let fault = |status: u16, error: &str| {
                Answer::json(status, &json!({ "status": status, "error": error, "parameter": "cursor" }))
            };
            let parts = cursor.split_once('.').and_then(|(list, from)| Some((list.parse().ok()?, from.parse().ok()?)));
            let (list, from): (u64, usize) =
                parts.ok_or_else(|| fault(400, "a cursor is the key next of the page before"))?;
            let gone = || fault(404, "the list of this cursor is gone; ask again without it");
            (watch.kept(list).ok_or_else(gone)?, Some(list), from)
        }
        None => {
            let filter = Filter::parse(ask.get("filter").unwrap_or_default())
                .map_err(|error| Answer::json(400, &json!({ "status": 400, "error": error, "parameter": "filter" })))?;
            let which = WHICH[ask.word("state", WHICH.iter().map(|(name, _)| *name))?].1;
            (Arc::new(Listing::new(watch.scene(), watch.ended(), which, &filter, by, order == 1)), None, 0)
        }
    };
    let behind = from.saturating_add(most);
    let next = (behind < listing.len()).then(|| {
        let number = number.unwrap_or_else(|| watch.keep(listing.clone()));
        format!("{number}.{behind}")
    });
    Ok(Page { listing, from, most, next })
}

/// A flow as JSON, on one line.
fn line(item: &Item<'_>, out: &mut Vec<u8>) {
    // Writing into a vector cannot fail.
    let _ = write!(out, "{{\"state\":\"{}\"", item.state());
    if let Some(worker) = item.worker {
        let _ = write!(out, ",\"worker\":{worker}");
    }
    if let Some(rate) = item.rate {
        let _ = write!(out, ",\"bits_per_second\":{:.1},\"packets_per_second\":{:.3}", rate.bits, rate.packets);
    }
    let nanos = item.record.end.since(item.record.start);
    let _ = write!(out, ",\"duration_seconds\":{}.{:09},", nanos / 1_000_000_000, nanos % 1_000_000_000);
    let mut whole = Buffer::with_room(4096);
    render::json(item.record, &mut whole);
    let text = whole.text().strip_prefix(b"{").unwrap_or(whole.text());
    if item.worker.is_none() {
        return out.extend_from_slice(text);
    }
    // A live flow has no reason to have ended yet.
    let reason = format!("\"end_reason\":\"{}\",", item.record.end_reason.name());
    match text.windows(reason.len()).position(|piece| piece == reason.as_bytes()) {
        Some(at) => {
            out.extend_from_slice(&text[..at]);
            out.extend_from_slice(&text[at + reason.len()..]);
        }
        None => out.extend_from_slice(text),
    }
}

fn ndjson(page: &Page) -> Vec<u8> {
    let mut out = Vec::new();
    page.listing.page(page.from, page.most).for_each(|item| line(&item, &mut out));
    out
}

fn csv(page: &Page) -> Vec<u8> {
    let mut out = b"state,bits_per_second,packets_per_second,".to_vec();
    let mut row = Buffer::default();
    render::csv_header(&mut row);
    out.extend_from_slice(row.text());
    for item in page.listing.page(page.from, page.most) {
        let _ = match item.rate {
            Some(rate) => write!(out, "{},{:.1},{:.3},", item.state(), rate.bits, rate.packets),
            None => write!(out, "{},,,", item.state()),
        };
        row.clear();
        render::csv(item.record, &mut row);
        let row = row.text();
        let reason = format!(",{},", item.record.end_reason.name());
        match row.windows(reason.len()).position(|piece| piece == reason.as_bytes()) {
            Some(at) if item.worker.is_some() => {
                out.extend_from_slice(&row[..at]);
                out.extend_from_slice(b",,");
                out.extend_from_slice(&row[at + reason.len()..]);
            }
            _ => out.extend_from_slice(row),
        }
    }
    out
}

fn json_list(view: &View, page: &Page, by: &str, order: &str) -> Answer {
    let picture = &page.listing.scene.picture;
    let about = json!({
        "taken_at_ns": if picture.number == 0 { view.snapshot.taken_at.0 } else { picture.taken_at.0 },
        "age_seconds": page.listing.scene.at.map(|at| at.elapsed().as_secs_f64()),
        "took_seconds": picture.taken_at.since(picture.asked_at) as f64 / 1e9,
        "live": picture.live,
        "told": picture.flows.len(),
        "complete": picture.is_complete(),
        "least_bytes": picture.least,
        "by": by,
        "order": order,
        "matched": page.listing.len(),
        "next": page.next,
    });
    let mut body = serde_json::to_vec(&about).unwrap_or_default();
    body.pop();
    body.extend_from_slice(b",\n\"flows\":[");
    for (n, item) in page.listing.page(page.from, page.most).enumerate() {
        body.extend_from_slice(if n == 0 { b"\n" } else { b",\n" });
        line(&item, &mut body);
        body.pop();
    }
    body.extend_from_slice(b"\n]}\n");
    Answer::new(200, JSON, body)
}

/// One flow with everything.
pub(super) fn flow(view: &View, ask: &Ask, id: &str) -> Result<Answer, Answer> {
    ask.only(&[])?;
    let watch = view.watch.as_ref().ok_or_else(|| Answer::refuse(503, "no flow is looked at"))?;
    let wanted = u64::from_str_radix(id, 16).ok().filter(|_| id.len() == 16);
    let wanted = wanted.ok_or_else(|| Answer::refuse(400, "a flow id is 16 hex digits, as in the key flow_id"))?;
    let (scene, ended) = (watch.scene(), watch.ended());
    let mut records: Vec<&FlowRecord> =
        ended.iter().flat_map(|batch| batch.iter()).filter(|record| record.flow_id == wanted).collect();
    let live = scene.picture.flows.iter().position(|flow| flow.record.flow_id == wanted);
    let item = match live {
        Some(n) => {
            let flow = &scene.picture.flows[n];
            Some(Item { record: &flow.record, worker: Some(flow.worker), rate: scene.rates[n] })
        }
        None => records.pop().map(|record| Item { record, worker: None, rate: None }),
    };
    let Some(item) = item else {
        let (told, live) = (scene.picture.flows.len(), scene.picture.live);
        let reason = format!(
            "flow {id} is neither among the {told} of {live} live flows told last nor among the records that ended lately"
        );
        return Err(Answer::refuse(404, &reason));
    };
    let value = |item: &Item<'_>| {
        let mut text = Vec::new();
        line(item, &mut text);
        serde_json::from_slice::<Value>(&text).unwrap_or(Value::Null)
    };
    let earlier: Vec<Value> =
        records.into_iter().map(|record| value(&Item { record, worker: None, rate: None })).collect();
    let body = json!({
        "taken_at_ns": scene.picture.taken_at.0,
        "age_seconds": scene.at.map(|at| at.elapsed().as_secs_f64()),
        "flow": value(&item),
        "earlier": earlier,
    });
    Ok(Answer::json(200, &body))
}
