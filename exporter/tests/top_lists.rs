//! Top lists against exact counts, over the real captures of ../shared/data put behind each other: totals are exact, values within
//! the error that is stated, and nobody is ranked before somebody larger by more than that. Skips where the captures are not there.

#![cfg(feature = "dpdk")]

mod support;

use parshall_benches::synth::pcap::PcapWriter;
use parshall_engine::link::LinkType;
use serde_json::Value;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::{Running, at, eal, folder, get, parshall, records, run, text};

/// Captures used, the largest ones.
const CAPTURES: usize = 80;

/// Frames above this do not fit one mbuf.
const LONGEST: usize = 9000;

/// Entries asked for.
const TOP: usize = 1000;

/// The captures, the largest first; `None`, with a message, where there are none.
fn captures() -> Option<Vec<PathBuf>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let named = std::env::var_os("PARSHALL_DATA").map(PathBuf::from);
    let places = [named, Some(here), Some("/work/shared/data".into())];
    let folder = places.into_iter().flatten().map(|place| place.join("pcap")).find(|place| place.is_dir());
    let Some(folder) = folder else {
        eprintln!("skipped: no captures; PARSHALL_DATA names the folder");
        return None;
    };
    let files = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    let mut files: Vec<(u64, PathBuf)> =
        files.filter_map(|file| Some((file.metadata().ok()?.len(), file.path()))).collect();
    files.sort_by(|one, other| other.cmp(one));
    Some(files.into_iter().map(|(_, path)| path).collect())
}

/// The packets of a classic capture of Ethernet, with their times; nothing of any other file.
fn packets(bytes: &[u8]) -> Vec<(u64, &[u8], u32)> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let (mut at, mut all) = (24, Vec::new());
    if word(0) != Some(0xa1b2_c3d4) || word(20) != Some(1) {
        return all;
    }
    while let (Some(seconds), Some(micros), Some(length), Some(wire)) =
        (word(at), word(at + 4), word(at + 8), word(at + 12))
    {
        let Some(frame) = bytes.get(at + 16..at + 16 + length as usize) else { break };
        if frame.len() <= LONGEST {
            all.push((u64::from(seconds) * 1_000_000_000 + u64::from(micros) * 1000, frame, wire));
        }
        at += 16 + frame.len();
    }
    all
}

/// Writes all of them into one capture, each a second behind the one before.
fn joined(files: &[PathBuf], out: &Path) -> usize {
    let mut file = BufWriter::new(File::create(out).expect("a file"));
    let mut writer = PcapWriter::new(&mut file, LinkType::ETHERNET, false, None).expect("a header");
    let (mut clock, mut count) = (1_700_000_000_000_000_000, 0);
    for path in files {
        let bytes = std::fs::read(path).expect("a capture");
        let packets = packets(&bytes);
        let Some(first) = packets.iter().map(|(time, ..)| *time).min() else { continue };
        let mut last = clock;
        for (time, frame, wire) in &packets {
            let time = clock + (time - first).min(3_600_000_000_000);
            last = last.max(time);
            writer.frame(time, frame, *wire).expect("a frame");
        }
        count += packets.len();
        clock = last + 1_000_000_000;
    }
    file.flush().expect("a file");
    count
}

/// Bytes, packets, flows and retransmissions by key.
type Truth = HashMap<String, [u64; 4]>;

const MEASURES: [&str; 4] = ["bytes", "packets", "flows", "retransmissions"];

fn weights(record: &Value) -> [u64; 4] {
    let both = |key: &str| ["c2s", "s2c"].iter().filter_map(|way| record[format!("{way}_{key}")].as_u64()).sum::<u64>();
    [both("ip_bytes"), both("packets"), u64::from(record["record_seq"] == 0), both("retx_packets")]
}

/// What counts of a kind: the keys of a record as the API writes them.
fn keys(kind: &str, record: &Value) -> Vec<String> {
    let [client, server] = ["client_ip", "server_ip"].map(|key| record[key].as_str().expect("an address").to_owned());
    match kind {
        "hosts" if client == server => vec![client],
        "hosts" => vec![client, server],
        _ => record["server_port"].as_u64().map(|port| port.to_string()).into_iter().collect(),
    }
}

fn truth(kind: &str, records: &[Value]) -> Truth {
    let mut truth = Truth::new();
    for record in records {
        for key in keys(kind, record) {
            let sums = truth.entry(key).or_default();
            sums.iter_mut().zip(weights(record)).for_each(|(sum, weight)| *sum += weight);
        }
    }
    truth
}

/// Asks until the list holds all that was counted.
fn list(address: &str, kind: &str, by: &str, total: u64) -> Value {
    let began = Instant::now();
    loop {
        let answer: Value =
            serde_json::from_str(&get(address, &format!("/api/v1/top/{kind}?by={by}&top={TOP}"))).expect("JSON");
        if answer["total"] == total {
            return answer;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{kind} by {by}: {} of {total}", answer["total"]);
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn held(address: &str, kind: &str, truth: &Truth) {
    for (n, by) in MEASURES.iter().enumerate() {
        let answer = list(address, kind, by, truth.values().map(|sums| sums[n]).sum());
        let error = answer["error"].as_u64().expect("an error");
        let items: Vec<(u64, u64, u64)> = answer["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|item| {
                let number = |key: &str| item[key].as_u64().expect("a number");
                let key = item["key"].as_str().map_or_else(|| item["key"].to_string(), str::to_owned);
                let true_value = truth.get(&key).unwrap_or_else(|| panic!("{kind}: nobody is {key}"))[n];
                assert!((number("at_least")..=number("at_most")).contains(&true_value), "{true_value}: {item}");
                assert!(number("at_most") - number("at_least") <= error, "{error}: {item}");
                (true_value, number("at_least"), number("at_most"))
            })
            .collect();
        let mut smallest = u64::MAX;
        for (value, ..) in &items {
            assert!(
                *value <= smallest.saturating_add(error),
                "{kind} by {by}: {value} behind {smallest}, error {error}"
            );
            smallest = smallest.min(*value);
        }
        // Whoever is larger than the last one by more than the error stands in the list.
        let last = if items.len() < TOP { 0 } else { items[TOP - 1].0 };
        let larger = truth.values().filter(|sums| sums[n] > last + error).count();
        let told = items.iter().filter(|(value, ..)| *value > last + error).count();
        assert_eq!(told, larger, "{kind} by {by}");
        eprintln!("{kind} by {by}: {} keys, {} told, error {error} of {}", truth.len(), items.len(), answer["total"]);
    }
}

#[test]
fn top_lists_over_real_captures_are_right_within_their_error() {
    let Some(files) = captures() else { return };
    let folder = folder();
    let (capture, out) = (at(&folder, "all.pcap"), at(&folder, "all.jsonl"));
    let frames = joined(&files[..files.len().min(CAPTURES)], &capture);
    assert!(frames > 10_000, "{frames} frames");
    run(&["read", text(&capture), "--quiet", "--sink", &format!("jsonl:{}", text(&out))]).ended_with(0);
    let records = records(&out);
    let vdev = format!("net_pcap0,rx_pcap={}", text(&capture));
    let options =
        ["--listen", "127.0.0.1:0", "--mbuf-size", "9216", "--live-flows", "100000", "--active-timeout", "off"];
    let words: Vec<&str> = ["--lcores", "0@0,1@(0-1)", "--vdev", &vdev, "--"].into_iter().chain(options).collect();
    let mut child = Running::start(parshall(&eal(&words)).stdout(Stdio::null()));
    let address = child.address();
    for kind in ["hosts", "ports"] {
        held(&address, kind, &truth(kind, &records));
    }
}
