//! Filters and sampling, end to end: what is kept out is counted, what is let in is what it would be alone.

mod support;

use parshall_benches::synth::compose::compose;
use serde_json::Value;
use std::path::PathBuf;
use support::frames::{self, read_file as read};
use support::{all_scenarios, assert_same, at, eal, folder, packets, records, run, sum, text};

/// A capture of whole frames of every scenario, and how many there are.
fn capture(folder: &tempfile::TempDir) -> (PathBuf, u64) {
    let capture = compose(&all_scenarios(200, false)).expect("the synthesizer");
    let whole = |frame: &&_| {
        let frame: &&parshall_engine::source::memory::StoredFrame = frame;
        frame.wire_len as usize == frame.bytes.len()
    };
    let frames: Vec<_> = capture.frames.iter().filter(whole).cloned().collect();
    (frames::capture(&at(folder, "a.pcap"), &frames), frames.len() as u64)
}

/// What the summary says of an outcome.
fn outcome(summary: &str, name: &str) -> u64 {
    let line = summary.lines().find(|line| line.split_whitespace().next() == Some(name));
    let digits = |line: &str| line.chars().filter(char::is_ascii_digit).collect::<String>();
    line.map_or(0, |line| digits(line).parse().expect("a number"))
}

#[test]
fn a_frame_filter_lets_in_what_matches_and_counts_the_rest() {
    let folder = folder();
    let (file, frames) = capture(&folder);
    let (all, _) = read(&file, &[]);
    let (some, summary) = read(&file, &["--filter", "ip proto 17 or ip6 proto 17"]);
    assert!(!some.is_empty() && some.iter().all(|record| record["protocol"] == 17), "{}", some.len());
    assert_eq!(
        outcome(&summary, "filtered")
            + outcome(&summary, "flow")
            + outcome(&summary, "malformed")
            + outcome(&summary, "fragment_orphan"),
        frames,
        "{summary}"
    );
    let plain = |records: &[Value]| -> Vec<Value> {
        let tunnel = |record: &&Value| record.get("encap").is_none() && record.get("vlan_ids").is_none();
        records.iter().filter(|record| record["protocol"] == 17).filter(tunnel).cloned().collect()
    };
    assert_same(&plain(&some), &plain(&all), &["icmp_errors"]);
}

#[test]
fn a_flow_filter_lets_in_whole_flows_after_decapsulation() {
    let folder = folder();
    let (file, _) = capture(&folder);
    let (all, _) = read(&file, &[]);
    let (some, summary) = read(&file, &["--flow-filter", "tcp port 1-65535 and not vlan"]);
    let wanted = |record: &&Value| record["protocol"] == 6 && record.get("vlan_ids").is_none();
    let want: Vec<Value> = all.iter().filter(wanted).cloned().collect();
    assert_same(&some, &want, &["icmp_errors"]);
    assert!(outcome(&summary, "filtered") > 0 && packets(&some) == outcome(&summary, "flow"), "{summary}");
}

#[test]
fn sampled_flows_are_whole_and_the_same_however_many_workers_there_are() {
    let folder = folder();
    let (file, frames) = capture(&folder);
    let (all, _) = read(&file, &[]);
    let (some, summary) = read(&file, &["--sample-flows", "4"]);
    assert!(some.iter().all(|record| record["sample_flows"] == 4 && record.get("sample_packets").is_none()));
    assert!(all.iter().all(|record| record.get("sample_flows").is_none()));
    let share = some.len() * 100 / all.len();
    assert!((15..35).contains(&share), "{share} % of flows");
    let kept: std::collections::HashSet<&str> = some.iter().filter_map(|record| record["flow_id"].as_str()).collect();
    let want: Vec<Value> =
        all.iter().filter(|record| record["flow_id"].as_str().is_some_and(|id| kept.contains(id))).cloned().collect();
    assert_same(&some, &want, &["sample_flows", "icmp_errors"]);
    assert!(outcome(&summary, "sampled_out") > frames / 4 && summary.contains("1 in 4 flows"), "{summary}");
    let (spread, _) = read(&file, &["--sample-flows", "4", "--workers", "3"]);
    assert_same(&spread, &some, &[]);
}

#[test]
fn of_sampled_packets_one_in_n_is_decoded_and_every_record_says_so() {
    let folder = folder();
    let (file, frames) = capture(&folder);
    let (some, summary) = read(&file, &["--sample-packets", "10"]);
    assert!(some.iter().all(|record| record["sample_packets"] == 10));
    let left = outcome(&summary, "sampled_out");
    assert!(left.abs_diff(frames - frames / 10) <= 1, "{left} of {frames}");
    assert!(summary.contains("1 in 10 packets"), "{summary}");
    let (spread, _) = read(&file, &["--sample-packets", "10", "--workers", "2"]);
    assert_same(&spread, &some, &[]);
    assert!(sum(&some, "c2s_packets") > 0);
}

#[test]
fn a_wrong_filter_is_a_configuration_error_in_the_words_of_libpcap() {
    let said = run(&["read", "/no/such.pcap", "--filter", "tcp prot 80", "--flow-filter", "port http"]).ended_with(2);
    assert!(said.err.contains("libpcap says:") && said.err.contains("syntax error"), "{}", said.err);
    assert!(said.err.contains("expected a port; found http (at character 6)"), "{}", said.err);
}

#[cfg(feature = "dpdk")]
#[test]
fn run_and_read_let_in_the_same_under_the_same_filters() {
    let folder = folder();
    let (file, _) = capture(&folder);
    let options = ["--filter", "ip or vlan", "--flow-filter", "net 10.0.0.0/8 or not tcp", "--sample-flows", "2"];
    let (want, summary) = read(&file, &options);
    assert!(outcome(&summary, "filtered") > 0 && !want.is_empty(), "{summary}");
    for cores in [&["-l", "0-1"][..], &["--lcores", "0@0,1@1,2@0,3@1"]] {
        let out = at(&folder, cores[0]);
        let sink = format!("jsonl:{}", text(&out));
        let mut words = eal(cores);
        let vdev = format!("net_pcap0,rx_pcap={}", text(&file));
        let probe = ["--vdev", &vdev, "--", "--exit-at-eof", "--max-flows", "20000", "--active-timeout", "off"];
        words.extend(probe.iter().chain(&["--listen", "off", "--sink", &sink]).map(|word| (*word).to_owned()));
        if cores[0] == "--lcores" {
            words.extend(["--nb-cores", "1", "--workers", "2"].map(str::to_owned));
        }
        words.extend(options.map(str::to_owned));
        let said = run(&words).ended_with(0);
        assert!(said.err.contains("native code") || !cfg!(target_arch = "x86_64"), "{}", said.err);
        assert_same(&records(&out), &want, &["input_port", "input_queue"]);
    }
}

#[cfg(feature = "dpdk")]
#[test]
fn a_filter_that_means_nothing_to_the_frames_of_a_port_is_a_configuration_error() {
    let folder = folder();
    let (file, _) = capture(&folder);
    let vdev = format!("net_pcap0,rx_pcap={}", text(&file));
    let mut words = eal(&["-l", "0-1", "--vdev", &vdev, "--"]);
    words.extend(["--exit-at-eof", "--listen", "off", "--filter", "type mgt"].map(str::to_owned));
    let said = run(&words).ended_with(2);
    assert!(said.err.contains("cannot be compiled for ETHERNET (1)") && said.err.contains("802.11"), "{}", said.err);
}
