//! The anomaly classes of records against the synthesizer's truth: a confusion matrix.
//!
//! No scenario is left out. What is left out are single segments whose class is not on the wire, by the rule of
//! `parshall_benches::synth::truth` (its column `evident`):
//! - not visible: lost before the probe with everything behind it, so that the probe sees it once, in order;
//! - unneeded, but no acknowledgement had covered it and no DSACK reports it: the same as a needed one;
//! - sent again fast, but neither three duplicate acknowledgements nor a SACK block behind it passed;
//! - a network's copy without informative IP-ID after more than half a round trip: the same as a retransmission;
//! - overtaken by its own retransmission, or by more than a round trip: the same as one.
//!
//! Segments of one direction of a record are paired by class, evident ones first: records count, they don't list. So an
//! error hides behind the opposite error in the same direction of the same flow; everything else shows.

#![allow(clippy::unwrap_used, reason = "a test")]

use parshall_benches::synth::artefacts::Artefacts;
use parshall_benches::synth::compose::{Choice, Order, compose};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;

const CLASSES: [&str; 8] =
    ["rto", "fast_retx", "reordering", "net_dup", "flow_control", "unneeded_rto", "unneeded_fast_retx", "unknown"];

/// Classes of a direction: truth's evident and other segments, and the record's.
#[derive(Default)]
struct Direction {
    evident: [u64; 8],
    other: [u64; 8],
    record: [u64; 8],
}

type Matrix = BTreeMap<(usize, Option<usize>), u64>;

impl Direction {
    /// Pairs what the record counted with what the truth knows.
    fn pair(mut self, matrix: &mut Matrix) {
        for class in 0..8 {
            let right = self.evident[class].min(self.record[class]);
            *matrix.entry((class, Some(class))).or_default() += right;
            self.evident[class] -= right;
            self.record[class] -= right;
            self.record[class] -= self.other[class].min(self.record[class]);
        }
        for class in 0..8 {
            for _ in 0..self.evident[class] {
                let said = (0..8).find(|other| self.record[*other] > 0);
                if let Some(said) = said {
                    self.record[said] -= 1;
                }
                *matrix.entry((class, said)).or_default() += 1;
            }
        }
    }
}

fn lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn identity(flow: &Value) -> String {
    let keys = ["start_ns", "record_seq", "protocol", "client_ip", "client_port", "server_ip", "server_port"];
    keys.map(|key| flow[key].to_string()).join(" ")
}

/// Reads one capture and adds its segments to the matrix.
fn add(seed: u64, choice: Choice, matrix: &mut Matrix) {
    let folder = tempfile::tempdir().unwrap();
    let order = Order { seed, choice, nanoseconds: true, ..Order::default() };
    let files = Artefacts::beside(&folder.path().join("a.pcap"));
    files.write(&compose(&order).unwrap(), &order).unwrap();
    let out = folder.path().join("records.jsonl");
    let mut sink = std::ffi::OsString::from("jsonl:");
    sink.push(&out);
    let read =
        Command::new(env!("CARGO_BIN_EXE_parshall")).args(["read", "--sink"]).arg(sink).arg(&files.pcap).output();
    let read = read.unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let records: HashMap<String, Value> = lines(&out).into_iter().map(|record| (identity(&record), record)).collect();
    let truths = lines(&files.truth);
    let mut directions: BTreeMap<(u64, bool), Direction> = BTreeMap::new();
    for anomaly in lines(&files.anomalies).iter().filter(|anomaly| anomaly["visible"] == true) {
        let Some(class) = CLASSES.iter().position(|name| anomaly["class"] == *name) else { continue };
        let place = (anomaly["line"].as_u64().unwrap(), anomaly["from_client"] == true);
        let direction = directions.entry(place).or_default();
        let counts = if anomaly["evident"] == true { &mut direction.evident } else { &mut direction.other };
        counts[class] += 1;
    }
    for ((line, from_client), mut direction) in directions {
        let truth = &truths[line as usize - 1];
        let record = records.get(&identity(truth)).unwrap_or_else(|| panic!("no record of {}", identity(truth)));
        let prefix = if from_client { "c2s" } else { "s2c" };
        for (name, count) in CLASSES.iter().zip(&mut direction.record) {
            *count = record[format!("{prefix}_class_{name}")].as_u64().unwrap_or(0);
        }
        direction.pair(matrix);
    }
}

fn print(name: &str, matrix: &Matrix) -> f64 {
    let all: u64 = matrix.values().sum();
    let right: u64 = matrix.iter().filter(|((truth, said), _)| Some(*truth) == *said).map(|(_, count)| count).sum();
    let share = right as f64 / all.max(1) as f64;
    println!("{name}: {all} segments, {:.2} % right", 100.0 * share);
    for ((truth, said), count) in matrix.iter().filter(|(_, count)| **count > 0) {
        println!("  {:>18} said to be {:<18} {count}", CLASSES[*truth], said.map_or("nothing", |said| CLASSES[said]));
    }
    share
}

#[test]
fn of_a_hundred_anomalous_segments_ninety_five_get_their_class() {
    for (name, choice) in [("all", Choice::All), ("mixed", Choice::Mixed)] {
        let mut matrix = Matrix::new();
        for seed in 1..=2 {
            add(seed, choice.clone(), &mut matrix);
        }
        let share = print(name, &matrix);
        assert!(matrix.values().sum::<u64>() > 1000, "too few segments to say anything");
        assert!(share >= 0.95, "{name}: {share}");
        for class in (0..7).filter(|class| matrix.keys().any(|(truth, _)| truth == class)) {
            let of_class: u64 = matrix.iter().filter(|((truth, _), _)| *truth == class).map(|(_, count)| count).sum();
            let right = matrix.get(&(class, Some(class))).copied().unwrap_or(0);
            assert!(right * 100 >= of_class * 85, "{name}, {}: {right} of {of_class}", CLASSES[class]);
        }
    }
}
