//! `parshall read` against traffic whose truth is known: every record, every counter, whatever the workers.

mod support;

use parshall_benches::synth::artefacts::Artefacts;
use parshall_benches::synth::compare::{Keys, compare};
use parshall_benches::synth::compose::Order;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::{Said, all_scenarios, at, folder, records, run, synthesize, table, text};

const DIRECTIONS: [&str; 2] = ["c2s", "s2c"];

/// Tstat's classes rest on estimates of the sender's timer; all else is exact.
const CLASSES: [&str; 8] =
    ["rto", "fast_retx", "reordering", "net_dup", "flow_control", "unneeded_rto", "unneeded_fast_retx", "unknown"];

fn exact_keys() -> Keys {
    let skip = DIRECTIONS.iter().flat_map(|side| CLASSES.iter().map(move |class| format!("{side}_class_{class}")));
    Keys { skip: skip.collect(), ..Keys::default() }
}

fn read(pcap: &Path, sink: &Path, more: &[&str]) -> Said {
    let sink = format!("jsonl:{}", text(sink));
    let mut arguments = vec!["read", text(pcap), "--sink", &sink];
    arguments.extend(more);
    run(&arguments).ended_with(0)
}

#[track_caller]
fn agrees(files: &Artefacts, out: &Path) {
    let result = compare(&records(&files.truth), &records(out), &exact_keys());
    let differences: Vec<_> = result.differences.iter().take(5).collect();
    assert!(result.agrees(), "missing {:?}\nsurplus {:?}\n{differences:#?}", result.missing, result.surplus);
    assert!(result.matched > 300 && result.keys.len() > 100, "{} records, {} keys", result.matched, result.keys.len());
}

#[track_caller]
fn same_bytes(first: &Path, others: &[PathBuf]) {
    let want = std::fs::read(first).expect("output");
    for other in others {
        assert!(std::fs::read(other).expect("output") == want, "{} and {} differ", first.display(), other.display());
    }
}

fn books(files: &Artefacts) -> Value {
    serde_json::from_slice(&std::fs::read(&files.books).expect("books")).expect("JSON")
}

/// What is not zero in an object of counters.
fn counters(object: &Value) -> Vec<(String, u64)> {
    let pairs = object.as_object().expect("counters").iter();
    let mut all: Vec<(String, u64)> = pairs.map(|(key, value)| (key.clone(), value.as_u64().unwrap_or(0))).collect();
    all.retain(|(_, count)| *count > 0);
    all.sort();
    all
}

#[test]
fn every_record_is_as_foretold_byte_for_byte_with_any_number_of_workers() {
    let folder = folder();
    let (_, files) = synthesize(folder.path(), "all.pcap", &all_scenarios(400, true));
    let outs = ["one", "again", "two", "four"].map(|name| at(&folder, name));
    for (out, workers) in outs.iter().zip(["1", "1", "2", "4"]) {
        read(&files.pcap, out, &["--workers", workers]);
    }
    agrees(&files, &outs[0]);
    same_bytes(&outs[0], &outs[1..]);
}

#[test]
fn records_cut_by_the_active_timeout_are_as_foretold() {
    let folder = folder();
    let mut order: Order = all_scenarios(400, true);
    order.timeouts.active = Some(Duration::from_secs(20));
    let (_, files) = synthesize(folder.path(), "active.pcap", &order);
    let outs = ["one", "four"].map(|name| at(&folder, name));
    for (out, workers) in outs.iter().zip(["1", "4"]) {
        read(&files.pcap, out, &["--workers", workers, "--active-timeout", "20s"]);
    }
    assert!(records(&outs[0]).iter().any(|record| record["end_reason"] == "active"), "nothing was cut");
    agrees(&files, &outs[0]);
    same_bytes(&outs[0], &outs[1..]);
}

#[test]
fn connections_whose_syn_was_missed_are_as_foretold() {
    let folder = folder();
    let (_, files) = synthesize(folder.path(), "missed.pcap", &Order { seed: 7, ..all_scenarios(400, true) });
    let out = at(&folder, "out");
    read(&files.pcap, &out, &[]);
    agrees(&files, &out);
}

#[test]
fn snapped_frames_are_measured_as_foretold() {
    let folder = folder();
    let (_, files) = synthesize(folder.path(), "snap.pcap", &Order { snap: Some(192), ..all_scenarios(400, true) });
    let out = at(&folder, "out");
    read(&files.pcap, &out, &[]);
    agrees(&files, &out);
}

#[test]
fn the_summary_shows_the_books_that_were_foretold() {
    let folder = folder();
    let (_, files) = synthesize(folder.path(), "books.pcap", &all_scenarios(400, true));
    let books = books(&files);
    for workers in ["1", "4"] {
        let out = at(&folder, workers);
        let said = read(&files.pcap, &out, &["--workers", workers]);
        let shown = |title| table(&said.err, title).into_iter().collect::<Vec<_>>();
        assert_eq!(shown("outcome"), counters(&books["outcomes"]));
        assert_eq!(shown("flaw"), counters(&books["flaws"]));
        let total: u64 = shown("records").iter().map(|(_, count)| count).sum();
        assert_eq!(Some(total), books["records"].as_u64());
        let all = format!("all {} frames accounted for", support::grouped(books["frames"].as_u64().unwrap_or(0)));
        assert!(said.err.contains(&all), "{}", said.err);
        assert_eq!(Some(support::packets(&records(&out))), books["record_packets"].as_u64());
    }
}

#[test]
fn csv_has_a_header_and_a_line_for_each_record_in_the_same_order() {
    let folder = folder();
    let (_, files) = synthesize(folder.path(), "csv.pcap", &all_scenarios(400, true));
    let (json, csv) = (at(&folder, "json"), at(&folder, "csv"));
    let sink = format!("csv:{}", text(&csv));
    read(&files.pcap, &json, &["--sink", &sink, "--workers", "2"]);
    let (json, csv) = (records(&json), std::fs::read_to_string(&csv).expect("CSV"));
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), json.len() + 1);
    let columns = ["flow_id", "start_ns", "c2s_packets"];
    let places = columns.map(|name| rows[0].iter().position(|&column| column == name).expect("a column"));
    for (row, record) in rows[1..].iter().zip(&json) {
        assert_eq!(row.len(), rows[0].len(), "{row:?}");
        let want = columns.map(|name| record[name].to_string().replace('"', ""));
        assert_eq!(places.map(|place| row[place].to_owned()), want);
    }
}
