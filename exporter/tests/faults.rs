//! Faults, each provoked: what docs/FAULTS.md says happens, happens. Packets are counted whatever the sinks do, and nothing is
//! lost without being counted.

#![cfg(feature = "dpdk")]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use support::{
    Running, Said, all_scenarios, at, eal, endless, folder, get, is_root, metric, packets, records, run, text, until,
};

/// Packets of outcome `flow` at the end, and those of the records that a sink lost.
fn flow_and_lost(said: &Said, sink: &str) -> (u64, u64) {
    let word = |line: &str, before: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let place = words.iter().position(|word| word.starts_with(before)).expect("the word");
        words[place - 1].replace(',', "").parse::<u64>().expect("a number")
    };
    let books = said.err.lines().find(|line| line.starts_with("all ")).expect("the books, closed");
    let lost = said.err.lines().find(|line| line.starts_with(&format!("parshall: sink {sink} lost ")));
    (word(books, "flow"), lost.map_or(0, |line| word(line, "packets")))
}

/// Arguments of a run over a finite capture with many flows.
fn finite(folder: &tempfile::TempDir, more: &[&str]) -> Vec<String> {
    let file = support::synthesize(folder.path(), "a.pcap", &all_scenarios(400, false)).1.pcap;
    let vdev = format!("net_pcap0,rx_pcap={}", text(&file));
    let mut arguments = eal(&["--lcores", "0@0,1@(0-1)", "--vdev", &vdev, "--", "--exit-at-eof", "--listen", "off"]);
    arguments.extend(["--max-flows", "20000"].iter().chain(more).map(|word| (*word).to_owned()));
    arguments
}

#[test]
fn a_full_disk_loses_its_own_records_all_counted_and_no_other_sink_notices() {
    let folder = folder();
    let out = at(&folder, "out.jsonl");
    let good = format!("jsonl:{}", text(&out));
    let said = run(&finite(&folder, &["--sink", "csv:/dev/full", "--sink", &good])).ended_with(1);
    let (flow, lost) = flow_and_lost(&said, "csv:/dev/full");
    assert_eq!((packets(&records(&out)), lost), (flow, flow), "{}", said.err);
    assert!(said.err.contains("No space left on device"), "{}", said.err);
}

/// A small file system of its own, unmounted when dropped.
struct SmallDisk<'f>(&'f Path);

impl<'f> SmallDisk<'f> {
    fn mount(place: &'f Path) -> Option<SmallDisk<'f>> {
        std::fs::create_dir(place).expect("a folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "parshall", text(place)]).status();
        if !is_root() || !mounted.is_ok_and(|status| status.success()) {
            eprintln!("skipped: needs root and leave to mount a tmpfs");
            return None;
        }
        Some(SmallDisk(place))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_disk_that_fills_up_and_is_emptied_has_whole_records_before_and_after() {
    let folder = folder();
    let place = at(&folder, "disk");
    let Some(disk) = SmallDisk::mount(&place) else { return };
    let (file, ballast) = (disk.0.join("out.jsonl"), disk.0.join("ballast"));
    std::fs::write(&ballast, vec![0; 3840 << 10]).expect("room");
    let sink = format!("jsonl:{}", text(&file));
    let mut child = Running::start(&mut endless::command(&folder, &["--active-timeout", "1s", "--sink", &sink]));
    let address = child.address();
    let value = |name: &str| metric(&get(&address, "/metrics"), name).0;
    until("the disk to fill up", || (value("parshall_sink_dropped_records_total") > 0.0).then_some(()));
    std::fs::remove_file(&ballast).expect("the ballast");
    let before = value("parshall_sink_records_total");
    until("the sink to write again", || (value("parshall_sink_records_total") > before).then_some(()));
    child.signal("TERM");
    let said = child.end().ended_with(1);
    // Every line is a whole record: no half line was left where the disk was full.
    let written = records(&file);
    let (flow, lost) = flow_and_lost(&said, &sink);
    assert_eq!(packets(&written) + lost, flow, "{}", said.err);
    assert!(lost > 0 && said.err.contains("writes again"), "{}", said.err);
}

#[test]
fn a_fifo_that_nobody_reads_delays_neither_start_nor_capture_and_the_end_waits_no_longer_than_it_may() {
    let folder = folder();
    let (fifo, out) = (at(&folder, "fifo"), at(&folder, "out.jsonl"));
    assert!(Command::new("mkfifo").arg(&fifo).status().is_ok_and(|status| status.success()));
    let (slow, good) = (format!("jsonl:{}", text(&fifo)), format!("jsonl:{}", text(&out)));
    let said = run(&finite(&folder, &["--sink", &slow, "--sink", &good, "--shutdown-timeout", "300ms"])).ended_with(1);
    let (flow, _) = flow_and_lost(&said, &slow);
    assert_eq!(packets(&records(&out)), flow, "the other sink has all");
    let left = format!("parshall: sink {slow} did not finish in time; ");
    assert!(said.err.lines().any(|line| line.starts_with(&left)), "{}", said.err);
}

#[test]
fn a_sink_slower_than_the_records_drops_them_counted_while_capture_goes_on() {
    let folder = folder();
    let fifo = at(&folder, "fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().is_ok_and(|status| status.success()));
    let slow = format!("jsonl:{}", text(&fifo));
    // Every packet of a flow is followed by a record of it: far more than 64 batches of 512 that may wait.
    let more = ["--active-timeout", "1s", "--shutdown-timeout", "0s", "--sink", &slow];
    let mut arguments = endless::arguments(&folder, &more);
    let place = arguments.iter().position(|word| word == "20000").expect("--max-flows");
    arguments[place] = "16".to_owned();
    let mut child = Running::start(&mut support::parshall(&arguments));
    let address = child.address();
    let dropped = || metric(&get(&address, "/metrics"), "parshall_sink_dropped_records_total").0;
    until("a record that is dropped", || (dropped() > 0.0).then_some(()));
    let frames = endless::frames_beyond(&address, 0);
    endless::frames_beyond(&address, frames);
    child.signal("TERM");
    child.end().ended_with(1);
}

#[test]
fn a_process_that_was_stopped_goes_on_with_its_workers_and_its_books() {
    let folder = folder();
    let mut child = Running::start(&mut endless::command(&folder, &["--worker-timeout", "300ms"]));
    let address = child.address();
    let before = endless::frames_beyond(&address, 0);
    child.signal("STOP");
    std::thread::sleep(Duration::from_millis(1_500));
    child.signal("CONT");
    let after = endless::frames_beyond(&address, before);
    endless::frames_beyond(&address, after);
    child.signal("TERM");
    let said = child.end().ended_with(0);
    assert!(!said.err.contains("stuck"), "{}", said.err);
}

/// A network namespace of its own, gone when dropped.
struct Wire(String);

impl Wire {
    fn new() -> Option<Wire> {
        let wire = Wire(format!("parshall-fault-{}", std::process::id()));
        let made = is_root()
            && Path::new("/dev/net/tun").exists()
            && ip(&["netns", "add", &wire.0])
            && wire.ip(&["link", "set", "lo", "up"]);
        if !made {
            eprintln!("skipped: needs root, /dev/net/tun, ip, and leave to make a network namespace");
        }
        made.then_some(wire)
    }

    fn ip(&self, words: &[&str]) -> bool {
        ip(&[&["-n", &self.0], words].concat())
    }

    fn exec(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }

    /// A scrape from inside the namespace, on whose loopback the probe listens.
    fn scrape(&self, address: &str) -> String {
        let (host, port) = address.split_once(':').expect("an address");
        let ask = format!("exec 3<>/dev/tcp/{host}/{port}; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3");
        support::finish({
            let mut command = self.exec("bash");
            command.args(["-c", &ask]);
            command
        })
        .out
    }

    fn wait_for(&self, address: &str, name: &str, want: f64) {
        until(&format!("{name} to be {want}"), || (metric(&self.scrape(address), name).0 == want).then_some(()));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.0]);
    }
}

fn ip(words: &[&str]) -> bool {
    Command::new("ip").args(words).stderr(std::process::Stdio::null()).status().is_ok_and(|status| status.success())
}

#[test]
fn a_link_that_goes_down_is_told_and_waited_for_and_frames_come_again_when_it_is_up() {
    let Some(wire) = Wire::new() else { return };
    let mut command = wire.exec(env!("CARGO_BIN_EXE_parshall"));
    command.args(eal(&["--lcores", "0@0,1@(0-1)", "--vdev", "net_tap0,iface=dtap0", "--"]));
    command.args(["--max-flows", "20000", "--listen", "127.0.0.1:0", "--publish-interval", "50ms"]);
    let mut child = Running::start(&mut command);
    let address = child.address();
    wire.wait_for(&address, "parshall_port_up", 1.0);
    assert!(wire.ip(&["link", "set", "dtap0", "down"]));
    child.line_with("port 0 (net_tap0): the link is down; waiting for it");
    wire.wait_for(&address, "parshall_port_up", 0.0);
    assert!(wire.ip(&["link", "set", "dtap0", "up"]));
    child.line_with("port 0 (net_tap0): the link is up");
    let before = metric(&wire.scrape(&address), "parshall_packets_total").0;
    // Nobody answers, so the kernel asks who has the address: frames enough.
    assert!(wire.ip(&["addr", "add", "10.98.0.1/24", "dev", "dtap0"]));
    let mut ping =
        wire.exec("bash").args(["-c", "for n in {1..20}; do echo > /dev/udp/10.98.0.2/9; sleep 0.1; done"]).spawn();
    let taken = || metric(&wire.scrape(&address), "parshall_packets_total").0;
    until("a frame after the link came up", || (taken() > before).then_some(()));
    if let Ok(ping) = &mut ping {
        let _ = ping.kill();
        let _ = ping.wait();
    }
    child.signal("INT");
    child.end().ended_with(0);
}

#[test]
fn a_sink_that_cannot_be_opened_is_named_at_the_start_with_all_others() {
    let folder = folder();
    let said = run(&finite(&folder, &["--sink", "jsonl:/no/such/a", "--sink", "csv:/no/such/b"])).ended_with(1);
    let named: Vec<&str> = said.sentences().into_iter().filter(|line| line.contains("cannot open sink")).collect();
    assert_eq!(named.len(), 2, "{}", said.err);
}
