//! Many queues and ports: how queues are dealt to workers, and flows whose directions arrive at different ports.

#![cfg(feature = "dpdk")]

mod support;

use parshall_benches::synth::compose::{Choice, Order, compose};
use parshall_benches::synth::pcap;
use parshall_engine::source::memory::StoredFrame;
use serde_json::Value;
use std::path::{Path, PathBuf};
use support::{assert_same, at, eal, folder, multiset, packets, records, run, sum, text};

const QUEUES: usize = 4;

/// Unfragmented TCP and UDP over plain IPv4.
fn plain(frame: &StoredFrame) -> bool {
    let bytes = &frame.bytes;
    let whole = frame.wire_len as usize == bytes.len() && bytes.len() > 38;
    whole && bytes[12..15] == [8, 0, 0x45] && bytes[20] & 0x3f == 0 && bytes[21] == 0 && [6, 17].contains(&bytes[23])
}

/// The queue that a symmetric hash of addresses and ports gives it.
fn queue_of(frame: &StoredFrame) -> usize {
    let half = |at: usize, port: usize| {
        let bytes = &frame.bytes;
        let address = bytes[at..at + 4].iter().map(|byte| usize::from(*byte)).sum::<usize>();
        address + usize::from(u16::from_be_bytes([bytes[port], bytes[port + 1]]))
    };
    (half(26, 34) + half(30, 36)) % QUEUES
}

/// Whether it belongs to the first of two taps: by its sender.
fn up(frame: &StoredFrame) -> bool {
    let bytes = &frame.bytes;
    (&bytes[26..30], &bytes[34..36]) < (&bytes[30..34], &bytes[36..38])
}

fn write(path: &Path, frames: &[&StoredFrame]) -> PathBuf {
    let frames: Vec<StoredFrame> = frames.iter().map(|frame| (*frame).clone()).collect();
    let mut file = Vec::new();
    pcap::write(&mut file, &frames, false, None).expect("memory");
    std::fs::write(path, file).expect("a capture");
    path.to_owned()
}

/// A `--vdev` of one capture for each queue, of the frames that are `wanted`.
fn port(folder: &tempfile::TempDir, number: usize, frames: &[StoredFrame], wanted: fn(&StoredFrame) -> bool) -> String {
    let file = |queue: usize| {
        let mine: Vec<&StoredFrame> = frames.iter().filter(|frame| wanted(frame) && queue_of(frame) == queue).collect();
        assert!(mine.len() > 50, "port {number} queue {queue}: {}", mine.len());
        let path = write(&at(folder, &format!("p{number}q{queue}.pcap")), &mine);
        format!(",rx_pcap={}", text(&path))
    };
    format!("net_pcap{number}{}", (0..QUEUES).map(file).collect::<String>())
}

fn live(cores: &str, vdevs: &[&str], out: &Path, more: &[&str]) -> (Vec<Value>, String) {
    let mut arguments = eal(&["--lcores", cores]);
    let sink = format!("jsonl:{}", text(out));
    vdevs.iter().for_each(|vdev| arguments.extend(["--vdev".to_owned(), (*vdev).to_owned()]));
    let probe = ["--", "--exit-at-eof", "--max-flows", "20000", "--active-timeout", "off", "--listen", "off"];
    arguments.extend(probe.iter().chain(&["--sink", &sink]).chain(more).map(|word| (*word).to_owned()));
    let said = run(&arguments).ended_with(0);
    (records(out), said.err)
}

#[test]
fn directions_on_two_ports_of_four_queues_meet_on_two_workers_and_the_books_close() {
    let folder = folder();
    let order = Order { seed: 11, sessions: 400, choice: Choice::All, ..Order::default() };
    let capture = compose(&order).expect("the synthesizer");
    let frames: Vec<StoredFrame> = capture.frames.into_iter().filter(plain).collect();
    let vdevs = [port(&folder, 0, &frames, up), port(&folder, 1, &frames, |frame| !up(frame))];
    let vdevs: Vec<&str> = vdevs.iter().map(String::as_str).collect();
    let cores = "0@0,1@1,2@0";
    let (have, err) = live(cores, &vdevs, &at(&folder, "two"), &["--nb-cores", "2", "--rxq", "4"]);
    // Every frame is in the books, and every packet in a record.
    let all = format!("all {} frames accounted for", support::grouped(frames.len() as u64));
    assert!(err.contains(&all), "{err}");
    let flow = err.lines().find(|line| line.starts_with("all ")).and_then(|line| line.split(" flow").next());
    let flow = flow.and_then(|line| line.rsplit(' ').next()).map(|number| number.replace(',', ""));
    assert_eq!(Some(packets(&have).to_string()), flow, "{err}");
    // Both directions of a flow were counted by one worker: nothing had to be added up.
    assert!(have.iter().all(|record| record["half_seen"] == false), "parts on two workers");
    let both = have.iter().filter(|record| sum_of(record, "c2s") > 0 && sum_of(record, "s2c") > 0).count();
    assert!(both > 100, "{both} of {} records have both directions", have.len());
    // What one worker makes of the same queues, polled in the same order, is the same for every flow's volume.
    let (alone, _) = live(cores, &vdevs, &at(&folder, "one"), &["--nb-cores", "1"]);
    for key in ["packets", "ip_bytes", "wire_bytes", "payload_bytes", "syn_count", "fin_count"] {
        for side in ["c2s", "s2c"] {
            let key = format!("{side}_{key}");
            assert_eq!(sum(&have, &key), sum(&alone, &key), "{key}");
        }
    }
    assert_eq!(multiset(&ends(&have), &[]), multiset(&ends(&alone), &[]));
}

fn sum_of(record: &Value, side: &str) -> u64 {
    record[format!("{side}_packets")].as_u64().unwrap_or(0)
}

/// Only who talked to whom, and where the first packet came in.
fn ends(records: &[Value]) -> Vec<Value> {
    let keys = ["client_ip", "server_ip", "client_port", "server_port", "protocol", "input_queue"];
    let few = |record: &Value| {
        let pairs = keys.iter().map(|key| ((*key).to_owned(), record[*key].clone()));
        Value::Object(pairs.collect())
    };
    records.iter().map(few).collect()
}

#[test]
fn resting_between_polls_changes_no_record() {
    let folder = folder();
    let order = Order { seed: 12, sessions: 60, choice: Choice::All, ..Order::default() };
    let capture = compose(&order).expect("the synthesizer");
    let frames: Vec<&StoredFrame> = capture.frames.iter().filter(|frame| plain(frame)).collect();
    let file = write(&at(&folder, "a.pcap"), &frames);
    let vdev = format!("net_pcap0,rx_pcap={}", text(&file));
    let rest = |idle: &str| live("0@0,1@1", &[&vdev], &at(&folder, idle), &["--idle", idle]).0;
    let busy = rest("busy");
    assert!(packets(&busy) > 1_000);
    assert_same(&rest("pause"), &busy, &[]);
    assert_same(&rest("sleep"), &busy, &[]);
}

#[test]
fn the_plan_names_lcores_queues_and_what_is_odd_and_receives_nothing() {
    let plan = |eal_words: &[&str], words: &[&str]| {
        let mut arguments = eal(eal_words);
        arguments.extend(
            ["--", "--plan", "--sink", "jsonl:/nonexistent/x"].iter().chain(words).map(|word| (*word).to_owned()),
        );
        run(&arguments)
    };
    let two = ["--lcores", "0@0,1@1,2@0", "--vdev", "net_null0", "--vdev", "net_null1"];
    let said = plan(&two, &["--nb-cores", "2", "--rxq", "4"]).ended_with(0);
    let lines: Vec<&str> = said.out.lines().map(str::trim).collect();
    assert!(lines.iter().any(|line| line.starts_with("lcore 0") && line.contains("control")), "{}", said.out);
    assert!(
        lines.iter().any(|line| line.starts_with("lcore 1") && line.ends_with("polls P=0/Q=0 P=1/Q=0 P=0/Q=1 P=1/Q=1"))
    );
    assert!(
        lines.iter().any(|line| line.starts_with("lcore 2") && line.ends_with("polls P=0/Q=2 P=1/Q=2 P=0/Q=3 P=1/Q=3"))
    );
    assert!(lines.iter().any(|line| line.contains("queues 4 (asked 4, device has 1024)")), "{}", said.out);
    let said = plan(&two, &["--nb-cores", "2", "--rxq", "1"]).ended_with(0);
    assert!(said.out.contains("1 of 2 lcores (--nb-cores) have queues"), "{}", said.out);
    let said = plan(&two, &["--coremask", "0x3"]).ended_with(2);
    assert!(said.err.contains("lcore 0 of --coremask: it is the main lcore"), "{}", said.err);
    let said = plan(&two, &["--rxq", "2000"]).ended_with(2);
    assert!(said.err.contains("net_null offers 1024; give --rxq 1024 or less"), "{}", said.err);
}
