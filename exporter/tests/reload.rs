//! Reading the configuration anew while the probe runs: what changes at once, what waits for a restart, what is refused; and
//! that nothing is lost meanwhile.

#![cfg(feature = "dpdk")]

mod support;

use parshall_benches::synth::compose::compose;
use parshall_benches::synth::pcap;
use parshall_engine::source::memory::StoredFrame;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use support::{
    Running, Said, all_scenarios, at, closed_scrape, eal, folder, get, metric, packets, parshall, post, records, run,
    text, until,
};

/// A probe over endless traffic, its file of configuration and its control socket.
struct Probe {
    folder: tempfile::TempDir,
    child: Running,
    address: String,
}

impl Probe {
    fn start(config: &str) -> Probe {
        let folder = folder();
        let capture = compose(&all_scenarios(60, false)).expect("the synthesizer");
        let fits = |frame: &StoredFrame| frame.wire_len as usize == frame.bytes.len() && frame.bytes.len() <= 1_514;
        let frames: Vec<_> = capture.frames.into_iter().filter(fits).collect();
        let mut file = Vec::new();
        pcap::write(&mut file, &frames, false, None).expect("memory");
        std::fs::write(at(&folder, "a.pcap"), file).expect("a capture");
        let vdev = format!("net_pcap0,rx_pcap={},infinite_rx=1", text(&at(&folder, "a.pcap")));
        let config_path = at(&folder, "parshall.toml");
        std::fs::write(&config_path, config.replace("FOLDER", text(folder.path()))).expect("a file");
        let socket = at(&folder, "control");
        let mut arguments = eal(&["-l", "0-1", "--vdev", &vdev]);
        let own = ["--", "--config", text(&config_path), "--control", text(&socket), "--listen", "127.0.0.1:0"];
        let more = ["--max-flows", "20000", "--publish-interval", "20ms", "--idle", "sleep"];
        arguments.extend(own.iter().chain(&more).map(|word| (*word).to_owned()));
        let mut child = Running::start(&mut parshall(&arguments));
        let address = child.address();
        let probe = Probe { folder, child, address };
        probe.wait(|scrape| metric(scrape, "parshall_packets_total").0 > 1_000.0);
        probe
    }

    fn path(&self, name: &str) -> PathBuf {
        at(&self.folder, name)
    }

    fn configure(&self, config: &str) {
        let config = config.replace("FOLDER", text(self.folder.path()));
        std::fs::write(self.path("parshall.toml"), config).expect("a file");
    }

    fn reload(&self) -> Said {
        run(&["reload", "--control", text(&self.path("control"))])
    }

    /// Scrapes, with closed books each time, until `seen`.
    #[track_caller]
    fn wait(&self, seen: impl Fn(&str) -> bool) {
        let since = Instant::now();
        loop {
            let scrape = get(&self.address, "/metrics");
            closed_scrape(&scrape);
            if seen(&scrape) {
                return;
            }
            assert!(since.elapsed() < Duration::from_secs(60), "{scrape}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until a file has a record.
    #[track_caller]
    fn wait_for_records(&self, name: &str) {
        let text = || std::fs::read_to_string(self.path(name)).unwrap_or_default();
        until(&format!("a record in {name}"), || text().lines().next().map(drop));
    }

    /// Ends it; the number of packets of outcome flow by its own account, and its folder.
    fn end(self) -> (u64, tempfile::TempDir, String) {
        self.child.signal("INT");
        let said = self.child.end().ended_with(0);
        let books = said.err.lines().find(|line| line.starts_with("all ")).expect("closed books");
        let flow = books.split(" flow").next().and_then(|line| line.rsplit(' ').next()).expect("outcome flow");
        (flow.replace(',', "").parse().expect("a number"), self.folder, said.err)
    }
}

const START: &str = "sink = [\"jsonl:FOLDER/one\", \"jsonl:FOLDER/both\"]\nactive-timeout = \"off\"\n";
const NEXT: &str = "sink = [\"jsonl:FOLDER/two\", \"jsonl:FOLDER/both\"]\nactive-timeout = \"1s\"\nburst = 64\n";

/// Packets in the records of several files together.
fn packets_of(folder: &Path, names: &[&str]) -> u64 {
    names.iter().map(|name| packets(&records(&folder.join(name)))).sum()
}

#[test]
fn timeouts_and_sinks_change_without_losing_a_packet_and_the_rest_waits_for_a_restart() {
    let probe = Probe::start(START);
    probe.configure(NEXT);
    let said = probe.reload().ended_with(0);
    assert!(said.out.contains("  active-timeout: off -> 1s\n"), "{}", said.out);
    assert!(said.out.contains("left as it was until a restart:\n  burst: 32 -> 64\n"), "{}", said.out);
    // Flows that lasted for ever are cut now, which no flow was before, and go to the new sink.
    probe.wait_for_records("two");
    probe.wait(|scrape| scrape.contains("parshall_config_reloads_total{result=\"good\"} 1\n"));
    // Once more: the sink that stays has never been touched.
    probe.configure(START);
    let back = probe.reload().ended_with(0);
    assert!(back.out.contains("  active-timeout: 1s -> off\n") && !back.out.contains("burst"), "{}", back.out);
    let (flow, folder, _) = probe.end();
    assert_eq!(packets_of(folder.path(), &["both"]), flow);
    // Each record went to the one sink or to the other.
    assert_eq!(packets_of(folder.path(), &["one", "two"]), flow);
    assert!(packets_of(folder.path(), &["two"]) > 0);
}

#[test]
fn a_file_with_mistakes_changes_nothing_and_says_so_everywhere() {
    let probe = Probe::start(START);
    let refused = [
        ("sink = \"jsonl:FOLDER/two\"\nactive-timeout = \"soon\"\nburts = 3\n", "active-timeout"),
        ("sink = \"jsonl:/nonexistent/folder/two\"\n", "cannot open sink"),
        ("sink = \"jsonl:FOLDER/two\"\nfilter = \"tcp prot 80\"\n", "filter"),
        ("sink = \n", "toml"),
    ];
    for (count, (config, part)) in refused.into_iter().enumerate() {
        probe.configure(config);
        let said = probe.reload().ended_with(2);
        assert!(said.err.contains("nothing was changed") && said.err.contains(part), "{}", said.err);
        let metric = format!("parshall_config_reloads_total{{result=\"refused\"}} {}\n", count + 1);
        probe.wait(|scrape| scrape.contains(&metric));
    }
    assert!(!probe.path("two").exists(), "a sink of a refused file");
    let (flow, folder, err) = probe.end();
    assert_eq!(err.matches("the configuration was not reloaded").count(), 4, "{err}");
    for name in ["one", "both"] {
        assert_eq!(packets_of(folder.path(), &[name]), flow, "{name}");
    }
}

#[test]
fn sighup_reads_the_file_anew_and_a_filter_takes_hold_at_once() {
    let probe = Probe::start(START);
    probe.configure(&format!("{START}filter = \"udp\"\n"));
    probe.child.signal("HUP");
    probe.wait(|scrape| {
        let filtered = scrape.lines().find(|line| line.starts_with("parshall_packets_total{outcome=\"filtered\"}"));
        filtered.is_some_and(|line| !line.ends_with(" 0"))
    });
    let (flow, folder, err) = probe.end();
    assert!(err.contains("filter: none -> udp"), "{err}");
    assert_eq!(packets_of(folder.path(), &["both"]), flow);
}

#[test]
fn the_api_reloads_as_sighup_does_and_what_is_watched_changes_too() {
    let probe = Probe::start(START);
    probe.configure(&format!("{START}top-metrics = 2\nlive-flows = 7\n"));
    let reload = || {
        let (head, body) = post(&probe.address, "/api/v1/reload");
        (head, serde_json::from_str::<Value>(&body).expect("JSON"))
    };
    let (head, report) = reload();
    assert!(head.starts_with("HTTP/1.1 200") && report["ok"] == true, "{head}\n{report}");
    assert_eq!(report["changed"], serde_json::json!(["live-flows: 10k -> 7", "top-metrics: 0 -> 2"]));
    probe.wait(|scrape| {
        let (told, top) =
            (metric(scrape, "parshall_live_flows_told").0, metric(scrape, "parshall_top_packets_total").1);
        told > 0.0 && told < 20.0 && top > 2
    });
    let config: Value = serde_json::from_str(&get(&probe.address, "/api/v1/config")).expect("JSON");
    let rows = config["options"].as_array().expect("options");
    assert!(rows.iter().any(|row| row["name"] == "top-metrics" && row["value"] == "2"), "{config}");
    // Off again: no host is a label any more.
    probe.configure(START);
    reload();
    probe.wait(|scrape| metric(scrape, "parshall_top_packets_total").1 == 0);
    probe.configure("top-metrics = \"many\"\n");
    let (head, report) = reload();
    assert!(head.starts_with("HTTP/1.1 422") && report["ok"] == false, "{head}\n{report}");
    assert!(report["problems"].to_string().contains("top-metrics"), "{report}");
    let (flow, folder, _) = probe.end();
    assert_eq!(packets_of(folder.path(), &["both"]), flow);
}

#[test]
fn reload_without_a_probe_says_what_to_do() {
    let folder = folder();
    let said = run(&["reload", "--control", text(&at(&folder, "none"))]).ended_with(1);
    assert!(said.err.contains("no probe answers at") && said.err.contains("SIGHUP"), "{}", said.err);
    run(&["reload", "--control", "off"]).ended_with(2);
}
