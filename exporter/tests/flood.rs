//! A million flows of one packet against a table of ten thousand, from a file and live: detail is lost, no packet is, and memory
//! and the number of series stand still.

mod support;

use parshall_benches::synth::load::{Generator, Kind, Load, Sizes};
use parshall_benches::synth::pcap::PcapWriter;
use parshall_engine::link::LinkType;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::{Running, at, closed_scrape, eal, folder, get, grouped, metric, parshall, table, text};

const PACKETS: u64 = 1_000_000;

/// Memory that the whole process may have touched at its peak. Unit: kB.
const PEAK: u64 = 600_000;

/// Packets and IP bytes by protocol.
type Volumes = BTreeMap<&'static str, (u64, u64)>;

fn flood(path: &Path, packets: u64) -> Volumes {
    let load = Load { seed: 3, kind: Kind::Random, sizes: Sizes::Fixed(60), ..Load::default() };
    let mut generator = Generator::new(&load).expect("a load");
    let mut file = BufWriter::new(std::fs::File::create(path).expect("a file"));
    let mut writer = PcapWriter::new(&mut file, LinkType::ETHERNET, true, None).expect("a header");
    let (mut frame, mut volumes) = (Vec::new(), Volumes::new());
    for _ in 0..packets {
        let time = generator.fill(&mut frame);
        writer.frame(time.0, &frame, frame.len() as u32).expect("a frame");
        let volume = volumes.entry(if frame[23] == 6 { "tcp" } else { "udp" }).or_default();
        volume.0 += 1;
        volume.1 += u64::from(u16::from_be_bytes([frame[16], frame[17]]));
    }
    file.flush().expect("a file");
    volumes
}

/// Peak of a process that lives. Unit: kB.
fn peak(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a process that lives");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("VmHWM");
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse().ok()).expect("a number")
}

/// The number behind a key, without reading the rest of a million records.
fn number(row: &str, key: &str) -> u64 {
    let rest = &row[row.find(key).expect("the key") + key.len()..];
    rest.split([',', '}']).next().and_then(|digits| digits.parse().ok()).expect("a number")
}

#[test]
fn a_million_strangers_are_all_accounted_for_in_bounded_memory() {
    let folder = folder();
    let pcap = at(&folder, "flood.pcap");
    let volumes = flood(&pcap, PACKETS);
    let mut command = parshall(&["read", text(&pcap), "--max-flows", "10000", "--workers", "2"]);
    let mut child = Running::start(command.args(["--sink", "jsonl:-"]).stdout(Stdio::piped()));
    let id = child.child().id();
    let rows = BufReader::new(child.child().stdout.take().expect("a pipe")).lines();
    // The pipe holds the child back; the last rows come while it still lives.
    let (mut highest, mut count, mut packets, mut evicted) = (0, 0_u64, 0, 0);
    for row in rows.map_while(Result::ok) {
        packets += number(&row, "\"c2s_packets\":") + number(&row, "\"s2c_packets\":");
        evicted += u64::from(row.contains("\"end_reason\":\"evicted\""));
        count += 1;
        if count.is_multiple_of(50_000) {
            highest = peak(id).max(highest);
        }
    }
    let said = child.end().ended_with(0);
    assert!(highest > 0 && highest < PEAK, "{highest} kB");
    assert!(said.err.contains(&format!("all {} frames accounted for", grouped(PACKETS))), "{}", said.err);
    let outcomes = table(&said.err, "outcome");
    let full = outcomes.get("table_full").copied().unwrap_or(0);
    assert_eq!(packets, outcomes["flow"], "{}", said.err);
    assert_eq!(outcomes["flow"] + full, PACKETS, "{}", said.err);
    assert!(evicted > 0, "{}", said.err);
    assert_eq!(table(&said.err, "records")["evicted"], evicted);
    assert_volumes(&said.err, &volumes);
}

/// The table `protocol`: counted before the flow table, so exact whatever that does.
fn assert_volumes(summary: &str, volumes: &Volumes) {
    for (protocol, (packets, bytes)) in volumes {
        let row = summary.lines().find(|line| line.split_whitespace().next() == Some(protocol)).expect("a row");
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!((words[1], words[2]), (grouped(*packets).as_str(), grouped(*bytes).as_str()), "{row}");
    }
}

/// Frames that net_pcap repeats without end: five times what the table holds, so that each is a new flow whenever it comes.
const REPEATED: u64 = 20_000;

/// By how much memory may grow while the flood lasts: queues fill, sketches take their size. Unit: kB.
const GROWTH: u64 = 150_000;

/// Names and labels of all series of a scrape.
fn series(scrape: &str) -> Vec<&str> {
    scrape.lines().filter(|line| !line.starts_with('#')).filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect()
}

#[cfg(feature = "dpdk")]
#[test]
fn live_a_flood_of_new_flows_changes_neither_the_number_of_series_nor_memory() {
    let folder = folder();
    let pcap = at(&folder, "flood.pcap");
    flood(&pcap, REPEATED);
    let vdev = format!("net_pcap0,rx_pcap={},infinite_rx=1", text(&pcap));
    let options =
        ["--", "--listen", "127.0.0.1:0", "--max-flows", "4000", "--live-flows", "500", "--publish-interval", "50ms"];
    let words: Vec<&str> = ["--lcores", "0@0,1@(0-1)", "--vdev", &vdev].into_iter().chain(options).collect();
    let mut child = Running::start(parshall(&eal(&words)).stdout(Stdio::null()));
    let (address, began) = (child.address(), Instant::now());
    let until = |flows: f64| loop {
        let scrape = get(&address, "/metrics");
        if metric(&scrape, "parshall_flows_created_total").0 >= flows {
            closed_scrape(&scrape);
            break scrape;
        }
        assert!(began.elapsed() < Duration::from_secs(80), "too few flows: {scrape}");
        std::thread::sleep(Duration::from_millis(20));
    };
    let before = until(REPEATED as f64);
    let memory = peak(child.child().id());
    let after = until(1_000_000.0);
    assert_eq!(series(&before), series(&after));
    assert!(metric(&after, "parshall_flows_ended_total").0 > 500_000.0, "nearly all were pushed out: {after}");
    let grown = peak(child.child().id()) - memory;
    assert!(grown < GROWTH, "{grown} kB more than {memory} kB");
}
