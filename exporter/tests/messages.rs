//! What is said, where and how: standard output carries data only, DPDK's log comes out as ours, and the threads that say and
//! write things stay off the workers' processors.

#![cfg(feature = "dpdk")]

mod support;

use parshall_benches::synth::compose::{Choice, Order};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use support::endless::frames_beyond;
use support::{Running, all_scenarios, at, eal, folder, parshall, run, synthesize, text};

fn capture(folder: &tempfile::TempDir) -> PathBuf {
    synthesize(folder.path(), "a.pcap", &Order { choice: Choice::Mixed, ..all_scenarios(30, false) }).1.pcap
}

/// Arguments of a run over a capture to its end.
fn over(capture: &str, more: &[&str]) -> Vec<String> {
    let vdev = format!("net_pcap0,rx_pcap={capture}");
    let probe = ["--vdev", &vdev, "--", "--exit-at-eof", "--listen", "off", "--max-flows", "20000"];
    let mut arguments = eal(&["-l", "0-1"]);
    arguments.extend(probe.iter().chain(more).map(|word| (*word).to_owned()));
    arguments
}

#[test]
fn every_message_is_a_json_object_a_line_dpdks_too() {
    let folder = folder();
    let said = run(&over(text(&capture(&folder)), &["--log-format", "json"])).ended_with(0);
    let objects: Vec<Value> =
        said.err.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let from = |target: &str| objects.iter().any(|object| object["target"].as_str().unwrap_or("").starts_with(target));
    assert!(from("dpdk") && from("parshall_exporter") && from("parshall::plain"), "{}", said.err);
    assert!(objects.iter().all(|object| object["timestamp"].is_string() && object["message"].is_string()));
    assert_eq!(said.out, "");
}

#[test]
fn in_text_dpdk_speaks_with_its_name_and_at_level_error_a_good_run_says_nothing() {
    let folder = folder();
    let capture = capture(&folder);
    let said = run(&over(text(&capture), &[])).ended_with(0);
    assert!(said.err.lines().any(|line| line.starts_with("dpdk: EAL: ")), "{}", said.err);
    assert!(said.err.lines().any(|line| line.starts_with("parshall: 1 worker on port 0 ")), "{}", said.err);
    let said = run(&over(text(&capture), &["--log-level", "error"])).ended_with(0);
    assert_eq!((said.err.as_str(), said.out.as_str()), ("", ""));
}

#[test]
fn an_argument_that_eal_does_not_know_prints_nothing_to_standard_output() {
    for more in [&[][..], &["--log-level", "debug", "--log-format", "json"]] {
        let mut arguments = eal(&["-l", "0-1", "--no-such-option", "--"]);
        arguments.extend(more.iter().map(|word| (*word).to_owned()));
        let said = run(&arguments);
        assert!(said.code.is_some_and(|code| code != 0), "{said:?}");
        assert_eq!(said.out, "");
        assert!(said.err.contains("EAL names the argument"), "{}", said.err);
        // The usage that EAL prints is a detail.
        assert_eq!(said.err.contains("EAL common options"), !more.is_empty(), "{}", said.err);
    }
}

/// The processors of each thread of a process, by the thread's name.
fn processors(process: u32) -> BTreeMap<String, String> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("its threads");
    let about = |task: std::io::Result<std::fs::DirEntry>| {
        let status = std::fs::read_to_string(task.ok()?.path().join("status")).ok()?;
        let field =
            |name: &str| Some(status.lines().find(|line| line.starts_with(name))?.split('\t').nth(1)?.to_owned());
        Some((field("Name:")?, field("Cpus_allowed_list:")?))
    };
    tasks.filter_map(about).collect()
}

#[test]
fn no_thread_of_the_control_side_runs_on_a_workers_processor() {
    if processors(std::process::id()).values().any(|list| list != "0-1" && !list.starts_with("0-")) {
        eprintln!("skipped: needs processors 0 and 1");
        return;
    }
    let folder = folder();
    let vdev = format!("net_pcap0,rx_pcap={},infinite_rx=1", text(&capture(&folder)));
    let sink = format!("jsonl:{}", text(&at(&folder, "out.jsonl")));
    // The main lcore shares the worker's processor, so that nothing is off it by chance.
    let mut arguments = eal(&["--lcores", "0@1,1@1", "--vdev", &vdev, "--", "--listen", "127.0.0.1:0"]);
    arguments.extend(["--max-flows", "20000", "--mbuf-size", "9216", "--sink", &sink].map(str::to_owned));
    let mut child = Running::start(&mut parshall(&arguments));
    let address = child.address();
    // Answers come when all has started.
    frames_beyond(&address, 0);
    let threads = processors(child.child().id());
    for name in ["parshall-gate", "parshall-http0", "parshall-sink0", "parshall-feed", "parshall-log"] {
        let list = threads.get(name).unwrap_or_else(|| panic!("no thread {name}: {threads:?}"));
        assert!(!list.split([',', '-']).any(|cpu| cpu == "1") && !list.is_empty(), "{name} on {list}: {threads:?}");
    }
    assert!(threads.iter().any(|(name, list)| !name.starts_with("parshall-") && list == "1"), "{threads:?}");
    child.signal("TERM");
    child.end().ended_with(0);
}
