//! `--first-packets`, end to end: what records tell of a flow's first packets.

mod support;

use parshall_benches::synth::compare::{Keys, compare};
use parshall_benches::synth::compose::Order;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use support::{all_scenarios, at, folder, records, run, synthesize, text};

const KEYS: [&str; 3] = ["first_sizes", "first_directions", "first_gaps_us"];

fn read(pcap: &Path, out: &Path, more: &[&str]) -> Vec<Value> {
    let sink = format!("jsonl:{}", text(out));
    run(&[&["read", text(pcap), "--quiet", "--sink", &sink], more].concat()).ended_with(0);
    records(out)
}

#[track_caller]
fn agrees(truth: &Path, records: &[Value]) {
    let keys = Keys { only: KEYS.map(str::to_owned).to_vec(), ..Keys::default() };
    let result = compare(&self::records(truth), records, &keys);
    let differences: Vec<_> = result.differences.iter().take(5).collect();
    assert!(result.agrees(), "missing {:?}\nsurplus {:?}\n{differences:#?}", result.missing, result.surplus);
    assert!(KEYS.iter().all(|key| result.keys[*key].compared > 200), "{:?}", result.keys);
}

fn list<'a>(record: &'a Value, key: &str) -> &'a [Value] {
    record[key].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn first_packets_are_as_foretold_with_one_worker_and_with_two() {
    let folder = folder();
    let (_, files) = synthesize(folder.path(), "a.pcap", &Order { first_packets: 16, ..all_scenarios(400, true) });
    let outs = ["1", "2"].map(|workers| at(&folder, workers));
    for (out, workers) in outs.iter().zip(["1", "2"]) {
        let read = read(&files.pcap, out, &["--first-packets", "16", "--workers", workers]);
        agrees(&files.truth, &read);
        let packets =
            |record: &Value| ["c2s_packets", "s2c_packets"].iter().filter_map(|key| record[*key].as_u64()).sum();
        for record in &read {
            let most: u64 = packets(record);
            assert!(KEYS.iter().all(|key| list(record, key).len() as u64 == most.min(16)), "{record}");
        }
        assert!(read.iter().any(|record| packets(record) > 16), "a flow longer than what is told");
    }
    assert!(std::fs::read(&outs[0]).expect("output") == std::fs::read(&outs[1]).expect("output"));
}

#[test]
fn only_the_record_before_an_active_cut_tells_first_packets() {
    let folder = folder();
    let mut order = Order { first_packets: 5, ..all_scenarios(400, false) };
    order.timeouts.active = Some(Duration::from_secs(20));
    let (_, files) = synthesize(folder.path(), "a.pcap", &order);
    let read = read(&files.pcap, &at(&folder, "out"), &["--first-packets", "5", "--active-timeout", "20s"]);
    agrees(&files.truth, &read);
    assert!(read.iter().any(|record| record["record_seq"] == 1), "nothing was cut");
    for record in &read {
        assert_eq!(list(record, "first_sizes").is_empty(), record["record_seq"] != 0, "{record}");
    }
}

#[test]
fn csv_joins_first_packets_by_semicolons_and_no_more_than_sixteen_can_be_asked_for() {
    let folder = folder();
    let (_, files) = synthesize(folder.path(), "a.pcap", &all_scenarios(60, true));
    let (json, csv) = (at(&folder, "json"), at(&folder, "csv"));
    let sink = format!("csv:{}", text(&csv));
    let read = read(&files.pcap, &json, &["--first-packets", "3", "--sink", &sink]);
    let csv = std::fs::read_to_string(&csv).expect("CSV");
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let places = KEYS.map(|key| rows[0].iter().position(|&column| column == key).expect("a column"));
    let parsed = |cell: &str| cell.split(';').filter_map(|one| one.parse().ok()).collect::<Vec<f64>>();
    let numbers = |values: &[Value]| values.iter().filter_map(Value::as_f64).collect::<Vec<f64>>();
    assert_eq!(rows.len(), read.len() + 1);
    for (row, record) in rows[1..].iter().zip(&read) {
        for (place, key) in places.iter().zip(KEYS) {
            assert_eq!(parsed(row[*place]), numbers(list(record, key)), "{key} in {record}");
        }
    }
    let said = run(&["read", text(&files.pcap), "--first-packets", "17"]).ended_with(2);
    assert!(said.err.contains("first-packets"), "{}", said.err);
}
