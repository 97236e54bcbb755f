//! `/api/v1/top/{kind}`.
//!
//! **Owns** its JSON (docs/API.md). **May touch** the watch. **Order** called by `routes`.

use super::answer::Answer;
use super::ask::Ask;
use crate::metrics::View;
use crate::survey::who::{DISTINCT_ERROR, Distinct, Entry, KINDS, MEASURES, Party, WINDOWS};
use parshall_engine::tally::{L4_LABELS, l4_label};
use serde_json::{Value, json};

/// Entries of one list, at most.
const MOST: u64 = 1000;

/// A top list.
pub(super) fn top(view: &View, ask: &Ask, kind: &str) -> Result<Answer, Answer> {
    let Some(place) = KINDS.iter().position(|known| *known == kind) else {
        let error = format!("there is no list of {}", kind.chars().take(40).collect::<String>());
        return Err(Answer::json(404, &json!({ "status": 404, "error": error, "possible": KINDS })));
    };
    ask.only(&["by", "top", "window"])?;
    let measure = ask.word("by", MEASURES.into_iter())?;
    let (window, slices) = WINDOWS[ask.word("window", WINDOWS.into_iter().map(|(name, _)| name))?];
    let most = ask.number("top", 10, 1, MOST)?;
    let watch = view.watch.as_ref().ok_or_else(|| Answer::refuse(503, "nothing is watched"))?;
    let (sketches, found) = {
        let observed = watch.observed();
        (observed.who.sketches(place, measure, slices), observed.who.distinct())
    };
    let top = sketches.top(usize::try_from(most).unwrap_or(usize::MAX));
    let known: u64 = top.entries.iter().map(|entry| entry.at_least).sum();
    let scene = watch.scene();
    let items: Vec<Value> = top.entries.iter().enumerate().map(|(n, entry)| item(n + 1, entry, top.total)).collect();
    let body = json!({
        "kind": kind,
        "by": MEASURES[measure],
        "window": window,
        "seconds": view.snapshot.taken_at.since(top.since) as f64 / 1e9,
        "taken_at_ns": scene.picture.taken_at.0.max(view.snapshot.taken_at.0),
        "age_seconds": scene.at.map(|at| at.elapsed().as_secs_f64()),
        "total": top.total,
        "other": top.total.saturating_sub(known),
        "exact": top.error == 0,
        "error": top.error,
        "distinct": distinct(found),
        "not_counted": { "records": watch.not_watched(), "live_bytes": scene.picture.untold_bytes },
        "items": items,
    });
    Ok(Answer::json(200, &body))
}

/// How many different ones there were.
pub(super) fn distinct(found: Distinct) -> Value {
    json!({ "hosts": found.hosts.round() as u64, "flows": found.flows.round() as u64, "error": DISTINCT_ERROR })
}

fn item(rank: usize, entry: &Entry, total: u64) -> Value {
    let mut item = json!({
        "rank": rank,
        "key": entry.party.to_string(),
        "value": entry.at_most,
        "at_least": entry.at_least,
        "at_most": entry.at_most,
        "share": if total == 0 { 0.0 } else { entry.at_most as f64 / total as f64 },
    });
    match entry.party {
        Party::Host(ip) => item["ip"] = json!(ip.to_string()),
        Party::Pair(low, high) => item["ips"] = json!([low.to_string(), high.to_string()]),
        Party::Port(port) => item["port"] = json!(port),
        Party::Application(protocol, port) => {
            item["protocol"] = json!(protocol);
            item["l4"] = json!(L4_LABELS[l4_label(protocol)].1);
            if let Some(port) = port {
                item["port"] = json!(port);
            }
        }
        Party::Prefix(network) => item["prefix"] = json!(network.to_string()),
    }
    item
}
