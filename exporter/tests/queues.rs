//! Many queues and ports: how queues are dealt to workers, and flows whose directions arrive at different ports.

#![cfg(feature = "dpdk")]

mod support;

use parshall_benches::synth::compose::{Choice, Order, compose};
use parshall_engine::source::memory::StoredFrame;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use support::endless::frames_beyond;
use support::{
    Running, assert_same, at, eal, finish, folder, frames, get, has, is_root, packets, parshall, records, run, text,
};

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

/// Whether it belongs to the first of two taps: by its sender, the other way round on every second queue.
fn up(frame: &StoredFrame) -> bool {
    let bytes = &frame.bytes;
    ((&bytes[26..30], &bytes[34..36]) < (&bytes[30..34], &bytes[36..38])) == queue_of(frame).is_multiple_of(2)
}

/// An ARP frame in the place of one that went another way, so that all files keep step in time.
fn filler(frame: &StoredFrame) -> StoredFrame {
    let mut bytes = vec![0xff; 60];
    bytes[12..14].copy_from_slice(&[8, 6]);
    StoredFrame { wire_len: 60, bytes, ..frame.clone() }
}

/// A `--vdev` of one capture for each queue: the frames of the `tap`, and fillers for all others.
fn port(folder: &tempfile::TempDir, number: usize, frames: &[StoredFrame], tap: fn(&StoredFrame) -> bool) -> String {
    let file = |queue: usize| {
        let mine = |frame: &StoredFrame| tap(frame) && queue_of(frame) == queue;
        assert!(frames.iter().filter(|frame| mine(frame)).count() > 50, "port {number} queue {queue}");
        let all: Vec<_> = frames.iter().map(|frame| if mine(frame) { frame.clone() } else { filler(frame) }).collect();
        let path = frames::capture(&at(folder, &format!("p{number}q{queue}.pcap")), &all);
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
    // One frame from each queue in turn: the files keep step.
    let options = ["--nb-cores", "2", "--rxq", "4", "--burst", "1"];
    let (have, err) = live("0@0,1@1,2@0", &vdevs, &at(&folder, "run"), &options);
    let all = format!("all {} frames accounted for", support::grouped((2 * QUEUES * frames.len()) as u64));
    assert!(err.contains(&all), "{err}");
    // Each flow is one record, and what `read` makes of the capture as a whole: nothing had to be added up.
    let sink = format!("jsonl:{}", text(&at(&folder, "read")));
    let whole = frames::capture(&at(&folder, "whole.pcap"), &frames);
    run(&["read", text(&whole), "--quiet", "--sink", &sink]).ended_with(0);
    assert_same(&have, &records(&at(&folder, "read")), &["input_port", "input_queue"]);
    let from = |key: &str, n: u64| have.iter().filter(|record| record[key] == n).count();
    assert!(from("input_port", 0) > 50 && from("input_port", 1) > 50);
    assert!((0..QUEUES as u64).all(|queue| from("input_queue", queue) > 10));
}

/// Sends frames by AF_PACKET: each is the number of the interface (one byte), a length (two), the frame.
const SEND: &str = "
import socket, sys
sockets = []
for name in sys.argv[2:]:
    sockets.append(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    sockets[-1].bind((name, 0))
data, at = open(sys.argv[1], 'rb').read(), 0
while at < len(data):
    length = int.from_bytes(data[at + 1:at + 3], 'big')
    sockets[data[at]].send(data[at + 3:at + 3 + length])
    at += 3 + length
";

/// The frames as [`SEND`] reads them: the lower sender's direction goes to the first tap, the other to the second.
fn parcel(frames: &[StoredFrame]) -> Vec<u8> {
    let lower = |bytes: &[u8]| (&bytes[26..30], &bytes[34..36]) < (&bytes[30..34], &bytes[36..38]);
    let one = |frame: &StoredFrame| {
        let length = u16::try_from(frame.bytes.len()).expect("a frame of Ethernet").to_be_bytes();
        [&[u8::from(!lower(&frame.bytes))], &length[..], &frame.bytes].concat()
    };
    frames.iter().flat_map(one).collect()
}

/// What was seen of each protocol and pair of endpoints: packets from the one that sorts first, from the other, and records.
fn tuples(records: &[Value]) -> BTreeMap<String, [u64; 3]> {
    let mut all: BTreeMap<String, [u64; 3]> = BTreeMap::new();
    for record in records {
        let end = |side: &str| format!("{}:{}", record[format!("{side}_ip")], record[format!("{side}_port")]);
        let mut ends = [(end("client"), &record["c2s_packets"]), (end("server"), &record["s2c_packets"])];
        ends.sort_by(|one, other| one.0.cmp(&other.0));
        let row = all.entry(format!("{} {} {}", record["protocol"], ends[0].0, ends[1].0)).or_default();
        for (count, (_, packets)) in row.iter_mut().zip(ends) {
            *count += packets.as_u64().unwrap_or(0);
        }
        row[2] += 1;
    }
    all
}

/// The words of a run with two workers over two devices of four queues.
fn on_two_taps(vdevs: &[String; 2], out: &Path) -> Vec<String> {
    let mut arguments = eal(&["--lcores", "0@0,1@1,2@0", "--vdev", &vdevs[0], "--vdev", &vdevs[1], "--"]);
    let sink = format!("jsonl:{}", text(out));
    let probe = [
        "--nb-cores",
        "2",
        "--rxq",
        "4",
        "--max-flows",
        "20000",
        "--active-timeout",
        "off",
        "--publish-interval",
        "20ms",
    ];
    arguments.extend(probe.iter().chain(&["--listen", "127.0.0.1:0", "--sink", &sink]).map(|word| (*word).to_owned()));
    arguments
}

#[test]
fn directions_on_two_taps_of_four_queues_meet_where_the_kernel_hashes_both_alike() {
    if !is_root() || !has("python3") {
        eprintln!("skipped: needs root, python3");
        return;
    }
    let folder = folder();
    let order = Order { seed: 13, sessions: 300, choice: Choice::All, ..Order::default() };
    let mut frames = compose(&order).expect("the synthesizer").frames;
    frames.retain(|frame| plain(frame) && frame.bytes.len() <= 1_514);
    let names = [0, 1].map(|n| format!("ptap{}x{n}", std::process::id() % 100_000));
    let vdevs = [0, 1].map(|n| format!("net_tap{n},iface={}", names[n]));
    let out = at(&folder, "run");
    let mut child = Running::start(&mut parshall(&on_two_taps(&vdevs, &out)));
    let address = child.address();
    for name in &names {
        // A queue of the kernel holds everything, however slow the probe is.
        let mut command = Command::new("ip");
        command.args(["link", "set", name, "txqueuelen", "30000"]);
        finish(command).ended_with(0);
    }
    std::fs::write(at(&folder, "frames"), parcel(&frames)).expect("a file");
    let mut send = Command::new("python3");
    send.args(["-c", SEND, text(&at(&folder, "frames")), &names[0], &names[1]]);
    finish(send).ended_with(0);
    frames_beyond(&address, frames.len() as u64 - 1);
    let scrape = get(&address, "/metrics");
    for (port, queue) in (0..2).flat_map(|port| (0..4).map(move |queue| (port, queue))) {
        let row = format!("parshall_port_rx_packets_total{{port=\"{port}\",queue=\"{queue}\"}} ");
        assert!(scrape.lines().any(|line| line.starts_with(&row)), "no frame at port {port} queue {queue}");
    }
    child.signal("INT");
    child.end().ended_with(0);
    let have = records(&out);
    assert!(have.iter().all(|record| record["half_seen"] != true), "a part of a flow met another worker");
    // What `read` makes of the capture, whose times are others: the same packets of the same endpoints in each direction.
    let whole = frames::capture(&at(&folder, "whole.pcap"), &frames);
    let sink = format!("jsonl:{}", text(&at(&folder, "read")));
    run(&["read", text(&whole), "--quiet", "--sink", &sink]).ended_with(0);
    let (have, want) = (tuples(&have), tuples(&records(&at(&folder, "read"))));
    for (tuple, counts) in &want {
        let seen = have.get(tuple).unwrap_or_else(|| panic!("{tuple} is missing"));
        assert_eq!(seen[..2], counts[..2], "{tuple}");
        assert!(seen[2] == 1 || !tuple.starts_with("17 "), "{tuple} in {} records", seen[2]);
    }
    assert!(want.values().filter(|counts| counts[0] > 0 && counts[1] > 0).count() > 100);
}

#[test]
fn resting_between_polls_changes_no_record() {
    let folder = folder();
    let order = Order { seed: 12, sessions: 60, choice: Choice::All, ..Order::default() };
    let capture = compose(&order).expect("the synthesizer");
    let frames: Vec<StoredFrame> = capture.frames.into_iter().filter(plain).collect();
    let file = frames::capture(&at(&folder, "a.pcap"), &frames);
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

#[test]
fn what_does_not_fit_under_the_cap_on_memory_is_named_with_what_would_fit() {
    let plan = |words: &[&str]| {
        let mut arguments = eal(&["--lcores", "0@0,1@1", "--vdev", "net_null0"]);
        arguments.extend(["--", "--plan"].iter().chain(words).map(|word| (*word).to_owned()));
        run(&arguments)
    };
    let said = plan(&["--max-flows", "200000", "--memory", "4GiB"]).ended_with(0);
    for item in ["flow tables", "segment histories", "mbufs", "--memory allows 4096 MiB"] {
        assert!(said.out.contains(item), "{item}: {}", said.out);
    }
    let said = plan(&["--max-flows", "4M", "--memory", "1GiB"]).ended_with(2);
    let sentence = said.err.lines().find(|line| line.contains("--memory 1024 MiB")).unwrap_or_default().to_owned();
    assert!(sentence.contains("flow tables") && sentence.contains("(--max-flows)"), "{}", said.err);
    let fits = sentence.split("with --max-flows ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    plan(&["--max-flows", fits, "--memory", "1GiB"]).ended_with(0);
}
