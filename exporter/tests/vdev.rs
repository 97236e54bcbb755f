//! `parshall run` over net_pcap: what comes through DPDK is what `read` finds in the same files, and the books close
//! at every scrape.

#![cfg(feature = "dpdk")]

mod support;

use parshall_benches::synth::compose::compose;
use parshall_engine::source::memory::StoredFrame;
use serde_json::Value;
use std::path::Path;
use support::frames;
use support::{
    Running, Said, all_scenarios, assert_same, at, closed_scrape, eal, folder, get, metric, parshall, records, run,
    sum, text,
};

/// `read` knows no ports.
const INPUT: [&str; 2] = ["input_port", "input_queue"];

const PROBE: [&str; 7] = ["--", "--exit-at-eof", "--max-flows", "20000", "--active-timeout", "off", "--listen"];

fn read(file: &Path, out: &Path) -> Vec<Value> {
    run(&["read", text(file), "--quiet", "--sink", &format!("jsonl:{}", text(out))]).ended_with(0);
    records(out)
}

/// `run` over one vdev until its files end; the records.
fn live(cores: &[&str], vdev: &str, out: &Path, more: &[&str]) -> (Vec<Value>, Said) {
    let mut arguments = eal(cores);
    let sink = format!("jsonl:{}", text(out));
    let words = ["--vdev", vdev].into_iter().chain(PROBE).chain(["off", "--sink", &sink]).chain(more.iter().copied());
    arguments.extend(words.map(str::to_owned));
    let said = run(&arguments).ended_with(0);
    (records(out), said)
}

/// Frames of every scenario but those that the capture holds in part: net_pcap does not hand on how long those were.
fn whole_frames(sessions: u64) -> Vec<StoredFrame> {
    let capture = compose(&all_scenarios(sessions, false)).expect("the synthesizer");
    capture.frames.into_iter().filter(|frame| frame.wire_len as usize == frame.bytes.len()).collect()
}

#[test]
fn a_vdev_gives_the_records_that_read_gives() {
    let folder = folder();
    let frames = whole_frames(300);
    let file = frames::capture(&at(&folder, "a.pcap"), &frames);
    let want = read(&file, &at(&folder, "read"));
    let vdev = format!("net_pcap0,rx_pcap={}", text(&file));
    let (have, said) = live(&["-l", "0-1"], &vdev, &at(&folder, "run"), &[]);
    assert_same(&have, &want, &INPUT);
    assert!(have.iter().all(|record| record["input_port"] == 0 && record["input_queue"] == 0));
    let all = format!("all {} frames accounted for", support::grouped(frames.len() as u64));
    assert!(said.err.contains(&all), "{}", said.err);
}

#[test]
fn a_damaged_file_is_named_and_ends_the_run_with_1_after_what_stands_before_the_damage() {
    let folder = folder();
    let frames = whole_frames(20);
    let file = frames::capture(&at(&folder, "a.pcap"), &frames);
    let bytes = std::fs::read(&file).expect("the capture");
    std::fs::write(&file, &bytes[..bytes.len() - 1]).expect("a file");
    let mut arguments = eal(&["-l", "0-1", "--vdev", &format!("net_pcap0,rx_pcap={}", text(&file))]);
    arguments.extend(PROBE.into_iter().chain(["off"]).map(str::to_owned));
    let said = run(&arguments).ended_with(1);
    let whole = frames.len() - 1;
    let damaged = format!("{} is damaged: net_pcap ends after packet {whole}: ", text(&file));
    assert!(said.err.contains(&damaged), "{}", said.err);
    let all = format!("all {} frames accounted for", support::grouped(whole as u64));
    assert!(said.err.contains(&all), "{}", said.err);
}

#[test]
fn software_spreading_gives_the_records_that_read_gives() {
    let folder = folder();
    let frames = whole_frames(300);
    let file = frames::capture(&at(&folder, "a.pcap"), &frames);
    let want = read(&file, &at(&folder, "read"));
    let vdev = format!("net_pcap0,rx_pcap={}", text(&file));
    let cores = ["--lcores", "0@0,1@1,2@0,3@1"];
    let (have, said) = live(&cores, &vdev, &at(&folder, "run"), &["--nb-cores", "1", "--workers", "2"]);
    let all = format!("all {} frames accounted for", support::grouped(frames.len() as u64));
    assert!(said.err.contains(&all), "{}", said.err);
    assert_same(&have, &want, &INPUT);
}

/// UDP and TCP over IPv4 on Ethernet, unfragmented: whether the frame goes to the well-known port.
fn to_server(frame: &StoredFrame) -> bool {
    let port = |at: usize| u16::from_be_bytes([frame.bytes[at], frame.bytes[at + 1]]);
    port(36) < port(34)
}

#[test]
fn directions_on_two_queues_and_workers_come_out_as_one_record() {
    let folder = folder();
    // One tap for each direction, of TCP and UDP over plain IPv4.
    let plain = |frame: &StoredFrame| {
        let bytes = &frame.bytes;
        bytes.len() > 38 && bytes[12..15] == [8, 0, 0x45] && bytes[20] & 0x3f == 0 && bytes[21] == 0 && bytes[23] == 6
    };
    let frames: Vec<StoredFrame> = whole_frames(300).into_iter().filter(plain).collect();
    let (up, down): (Vec<_>, Vec<_>) = frames.iter().cloned().partition(to_server);
    assert!(up.len() > 1_000 && down.len() > 1_000, "{} {}", up.len(), down.len());
    let whole = frames::capture(&at(&folder, "whole.pcap"), &frames);
    let [up, down] =
        [("up.pcap", &up), ("down.pcap", &down)].map(|(name, frames)| frames::capture(&at(&folder, name), frames));
    let want = read(&whole, &at(&folder, "read"));
    let vdev = format!("net_pcap0,rx_pcap={},rx_pcap={}", text(&up), text(&down));
    let (have, _) = live(&["--lcores", "0@0,1@1,2@0"], &vdev, &at(&folder, "run"), &["--nb-cores", "2"]);
    let keys = ["packets", "ip_bytes", "wire_bytes", "payload_bytes", "syn_count", "fin_count", "data_packets"];
    // Over both directions: where no SYN tells, each tap takes its first sender for the client.
    let both = |records: &[Value], key| sum(records, &format!("c2s_{key}")) + sum(records, &format!("s2c_{key}"));
    for key in keys {
        assert_eq!(both(&have, key), both(&want, key), "{key}");
    }
    // A tap cannot know that the other side has closed too, so a second connection with the same ends is not told apart
    // there; every other whole connection comes out as one record.
    let once = |record: &&Value| want.iter().filter(|other| ends(other) == ends(record)).count() == 1;
    let finished = |record: &&Value| {
        record["end_reason"] == "tcp_fin" && record["c2s_syn_count"] == 1 && record["s2c_syn_count"] == 1
    };
    let whole: Vec<_> = want.iter().filter(finished).filter(once).map(ends_and_volume).collect();
    let joined: Vec<&Value> =
        have.iter().filter(|record| sum_of(record, "c2s") > 0 && sum_of(record, "s2c") > 0).collect();
    assert!(joined.len() > 100 && joined.iter().all(|record| record["half_seen"] == true), "{}", joined.len());
    let have: Vec<_> = have.iter().map(ends_and_volume).collect();
    let missing: Vec<_> = whole.iter().filter(|flow| !have.contains(flow)).collect();
    assert!(!whole.is_empty() && missing.is_empty(), "{} of {}: {missing:#?}", missing.len(), whole.len());
}

fn sum_of(record: &Value, side: &str) -> u64 {
    record[format!("{side}_packets")].as_u64().unwrap_or(0)
}

/// The ends of a record, whichever was taken for the client.
fn ends(record: &Value) -> String {
    let mut ends =
        ["client", "server"].map(|side| ["ip", "port"].map(|key| record[format!("{side}_{key}")].to_string()));
    ends.sort();
    format!("{ends:?}")
}

fn ends_and_volume(record: &Value) -> String {
    let keys = ["c2s_packets", "s2c_packets", "c2s_ip_bytes", "s2c_ip_bytes", "c2s_payload_bytes", "s2c_payload_bytes"];
    ends(record) + &keys.map(|key| record[key].to_string()).join(" ")
}

#[test]
fn endless_traffic_keeps_the_books_closed_at_every_scrape_until_sigint() {
    let folder = folder();
    // The driver repeats only what fits one mbuf.
    let short: Vec<StoredFrame> = whole_frames(100).into_iter().filter(|frame| frame.bytes.len() <= 1_514).collect();
    let file = frames::capture(&at(&folder, "short.pcap"), &short);
    let vdev = format!("net_pcap0,rx_pcap={},infinite_rx=1", text(&file));
    let out = at(&folder, "run");
    let sink = format!("jsonl:{}", text(&out));
    let mut arguments = eal(&["-l", "0-1", "--vdev", &vdev]);
    let probe =
        ["--", "--max-flows", "20000", "--listen", "127.0.0.1:0", "--publish-interval", "20ms", "--sink", &sink];
    arguments.extend(probe.map(str::to_owned));
    let mut child = Running::start(&mut parshall(&arguments));
    let address = child.address();
    let mut seen = Vec::new();
    // As many scrapes as it takes to see the counters move five times.
    while seen.len() < 6 {
        let scrape = get(&address, "/metrics");
        if metric(&scrape, "parshall_packets_total").0 > 0.0 {
            seen.push(closed_scrape(&scrape));
            seen.dedup();
        }
    }
    assert!(seen.is_sorted(), "{seen:?}");
    let stats: Value = serde_json::from_str(&get(&address, "/api/v1/stats")).expect("JSON");
    assert_eq!(stats["books"]["closed"], true, "{stats:#}");
    child.signal("INT");
    let said = child.end().ended_with(0);
    let total = said.err.lines().find(|line| line.starts_with("all ")).expect("the books at the end");
    let number = |text: &str| text.replace(',', "").parse::<u64>().expect("a number");
    let words: Vec<&str> = total.split_whitespace().collect();
    assert!(number(words[1]) >= seen[seen.len() - 1], "{total}");
    let flows = words.iter().position(|word| word.starts_with("flow")).expect("outcome flow");
    assert_eq!(support::packets(&records(&out)), number(words[flows - 1]), "{total}");
}

#[test]
fn mixed_mistakes_are_named_all_at_once_and_exit_with_2() {
    let folder = folder();
    let mut arguments = eal(&["-l", "0-1"]);
    let wrong = ["--max-flows", "none", "--burst", "100000", "--forward-mode", "io", "--active-timeout", "soon"];
    arguments.extend(["--"].into_iter().chain(wrong).map(str::to_owned));
    let said = run(&arguments).ended_with(2);
    let sentences = said.sentences();
    for option in wrong.iter().step_by(2) {
        let start = format!("parshall: {option} cannot be ");
        assert_eq!(sentences.iter().filter(|line| line.starts_with(&start)).count(), 1, "{option}: {}", said.err);
    }
    assert!(said.out.is_empty());
    let file = frames::capture(&at(&folder, "a.pcap"), &whole_frames(1));
    let vdev = format!("net_pcap0,rx_pcap={}", text(&file));
    for (probe, word) in [(["--nb-cores", "5"], "--nb-cores"), (["--portlist", "7"], "port"), (["--rxq", "3"], "--rxq")]
    {
        let mut arguments = eal(&["-l", "0-1", "--vdev", &vdev, "--", "--listen", "off", "--exit-at-eof"]);
        arguments.extend(probe.map(str::to_owned));
        let said = run(&arguments).ended_with(2);
        let sentences = said.sentences();
        assert!(sentences.len() == 1 && sentences[0].contains(word), "{probe:?}: {}", said.err);
    }
}
