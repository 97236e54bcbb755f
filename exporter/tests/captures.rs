//! Other processes of DPDK beside a run: `dpdk-dumpcap` and `dpdk-proc-info` attach, leave, and are killed; the probe goes on.
//!
//! They need shared memory: hugepages and root. The runtime folder of EAL is the test's own.

#![cfg(feature = "dpdk")]

mod support;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use support::endless::{capture, frames_beyond};
use support::{Running, at, finish, folder, get, has, is_root, lines, parshall, run, text, until};

/// Hugepages of 2 MB that a run and its guests take.
const PAGES: u64 = 200;

/// One such run at a time: there may be pages for no more.
static TURN: Mutex<()> = Mutex::new(());

/// A run that shares its memory, named by a prefix of its own.
struct Host {
    folder: tempfile::TempDir,
    child: Running,
    address: String,
    // Last: the probe is gone then.
    pages: Pages,
    _turn: MutexGuard<'static, ()>,
}

/// Why such a run is not possible here.
fn obstacle() -> Option<&'static str> {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let free = memory.lines().find_map(|line| line.strip_prefix("HugePages_Free:")?.trim().parse::<u64>().ok());
    match () {
        () if !is_root() => Some("root"),
        () if free < Some(PAGES) => Some("200 free hugepages of 2 MB (scripts/hugepages)"),
        () if !["dpdk-dumpcap", "dpdk-proc-info"].into_iter().all(has) => {
            Some("dpdk-dumpcap, dpdk-proc-info (package dpdk)")
        }
        () => None,
    }
}

impl Host {
    /// Over a capture that never ends, or another device.
    fn start(device: &str) -> Option<Host> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lacks) = obstacle() {
            eprintln!("skipped: needs {lacks}");
            return None;
        }
        let folder = folder();
        let pcap = format!("net_pcap0,rx_pcap={},infinite_rx=1", capture(&folder));
        let vdev = if device == "net_pcap0" { &pcap } else { device };
        let pages = Pages(folder.path().file_name().expect("a name").to_string_lossy().replace('.', ""));
        let prefix = format!("--file-prefix={}", pages.0);
        let eal = ["run", "--lcores", "0@0,1@(0-1)", "--no-pci", "-m", "256", &prefix, "--vdev", vdev, "--"];
        let own =
            ["--listen", "127.0.0.1:0", "--max-flows", "20000", "--mbuf-size", "9216", "--publish-interval", "50ms"];
        let mut command = parshall(&[&eal[..], &own].concat());
        let mut child = Running::start(command.env("RUNTIME_DIRECTORY", folder.path()));
        let address = child.address();
        frames_beyond(&address, 1_000);
        Some(Host { folder, child, address, pages, _turn: turn })
    }

    /// A secondary process beside it.
    fn guest(&self, words: &[&str]) -> Command {
        let mut command = Command::new(words[0]);
        command
            .arg(format!("--file-prefix={}", self.pages.0))
            .args(&words[1..])
            .env("RUNTIME_DIRECTORY", self.folder.path());
        command
    }

    fn file(&self, name: &str) -> PathBuf {
        at(&self.folder, name)
    }

    /// Captures until a count is reached; how many frames our own reader finds in the file.
    fn dump(&self, name: &str) -> u64 {
        let file = self.file(name);
        let words = ["dpdk-dumpcap", "-i", "net_pcap0", "-c", "200", "-q", "-w", text(&file)];
        finish(self.guest(&words)).ended_with(0);
        let out = self.file("read.jsonl");
        let sink = format!("jsonl:{}", text(&out));
        run(&["read", "--quiet", "--sink", &sink, text(&file)]).ended_with(0);
        support::packets(&lines(&std::fs::read_to_string(out).expect("records")))
    }

    /// Goes on taking frames, with closed books.
    #[track_caller]
    fn is_well(&self) {
        let taken = frames_beyond(&self.address, 0);
        frames_beyond(&self.address, taken + 1_000);
    }

    fn end(self) {
        self.child.signal("INT");
        let said = self.child.end().ended_with(0);
        assert!(said.err.lines().any(|line| line.starts_with("all ")), "{}", said.err);
    }
}

/// What EAL leaves behind in the hugetlbfs, by its prefix; removed when dropped.
struct Pages(String);

impl Drop for Pages {
    fn drop(&mut self) {
        let files = std::fs::read_dir("/dev/hugepages").into_iter().flatten().flatten();
        for file in files.filter(|file| file.file_name().to_string_lossy().starts_with(&self.0)) {
            let _ = std::fs::remove_file(file.path());
        }
    }
}

/// A capture that goes on until it is killed.
fn endless(host: &Host, name: &str) -> Child {
    let file = host.file(name);
    let mut command = host.guest(&["dpdk-dumpcap", "-i", "net_pcap0", "-q", "-w", text(&file)]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("dpdk-dumpcap");
    until("a capture", || std::fs::metadata(&file).ok().filter(|about| about.len() >= 100_000));
    child
}

#[test]
fn dumpcap_beside_a_run_writes_its_packets_and_the_books_close() {
    let Some(host) = Host::start("net_pcap0") else { return };
    for name in ["first.pcapng", "second.pcapng"] {
        // Whole batches are written, and some frames are no flow's.
        assert!(host.dump(name) >= 150, "{name}");
        host.is_well();
    }
    host.end();
}

#[test]
fn a_capture_that_is_killed_does_not_break_the_run() {
    let Some(host) = Host::start("net_pcap0") else { return };
    let mut killed = endless(&host, "killed.pcapng");
    killed.kill().and_then(|()| killed.wait()).expect("a child");
    host.is_well();
    host.end();
}

#[test]
fn a_process_that_looks_at_counters_and_leaves_does_not_break_the_run() {
    // net_pcap of this release crashes whoever asks for its counters from another process.
    let Some(host) = Host::start("net_null0") else { return };
    for what in ["--stats", "--xstats"] {
        let said = finish(host.guest(&["dpdk-proc-info", "--", what])).ended_with(0);
        assert!(said.out.contains("NIC") && said.out.contains("port 0"), "{}", said.out);
        host.is_well();
    }
    assert!(get(&host.address, "/readyz").contains("\"ready\": true"));
    host.end();
}
