//! A real Prometheus over a probe on a live wire: it scrapes without error and without a finding, native histograms arrive as such,
//! no counter goes back over a reload, and what it computes is what iperf3 sent.
//!
//! Needs root, `ip`, `iperf3`, `prometheus` and `promtool`. The long one, whose figures stand in docs/METRICS.md:
//! `cargo test -p parshall-exporter --test prometheus -- --ignored --nocapture`.

#![cfg(feature = "dpdk")]

mod support;

use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use support::wire::{Server, Wire, inside};
use support::{PATIENCE, at, finish, folder, has, metric, text};

/// Where Prometheus listens, inside the namespace.
const PROMETHEUS: &str = "127.0.0.1:9090";

/// How far a figure may be off what iperf3 says.
const OFF: f64 = 0.01;

/// What iperf3 sends beside each other: words for it, the counter of its bytes, and bytes that this one counts beside the payload.
const STREAMS: [(&[&str], &str, f64); 2] = [
    (&["-p", "5301", "-b", "24M"], "sum(parshall_tcp_payload_bytes_total{side=\"client\"})", 0.0),
    (
        &["-p", "5302", "-u", "-b", "8M", "-l", "1000"],
        "parshall_protocol_bytes_total{ip_version=\"4\",l4=\"udp\"}",
        28.0 / 1000.0,
    ),
];

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs_f64()
}

struct Bench {
    wire: Wire,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(name: &str) -> Option<Bench> {
        for program in ["iperf3", "prometheus", "promtool"] {
            if !has(program) {
                eprintln!("skipped: needs {program}");
                return None;
            }
        }
        Some(Bench { wire: Wire::new(name)?, folder: folder() })
    }

    /// Prometheus with native histograms, scraping once a second; it writes its log to `prometheus.log`.
    fn prometheus(&self, target: &str) -> Server {
        let (config, data) = (at(&self.folder, "prometheus.yml"), at(&self.folder, "data"));
        let job = format!("{{ job_name: parshall, static_configs: [{{ targets: [\"{target}\"] }}] }}");
        let words = format!("global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\nscrape_configs: [{job}]\n");
        std::fs::write(&config, words).expect("written");
        let log = File::create(at(&self.folder, "prometheus.log")).expect("a file");
        let mut command = inside(&self.wire.left(), &["prometheus", "--enable-feature=native-histograms"]);
        command.arg(format!("--config.file={}", text(&config))).arg(format!("--storage.tsdb.path={}", text(&data)));
        command.arg(format!("--web.listen-address={PROMETHEUS}")).stdout(Stdio::null()).stderr(log);
        Server::start(&mut command)
    }

    /// The rows of a query's answer.
    fn ask(&self, words: &[&str]) -> Vec<Value> {
        let server = format!("http://{PROMETHEUS}");
        let mut command = inside(&self.wire.left(), &["promtool", "query"]);
        let (kind, rest) = words.split_first().expect("a kind of query");
        let (expression, flags) = rest.split_last().expect("an expression");
        command.arg(kind).args(flags).args(["-o", "json", &server, expression]);
        let said = finish(command);
        serde_json::from_str(&said.out).unwrap_or_default()
    }

    /// The one number of an expression at a time.
    fn number(&self, expression: &str, time: f64) -> Option<f64> {
        let rows = self.ask(&["instant", &format!("--time={time:.3}"), expression]);
        rows.first()?["value"][1].as_str()?.parse().ok()
    }

    /// Starts one iperf3 of `seconds`; its report goes to a file.
    fn talk(&self, n: usize, seconds: u64) -> (Server, std::path::PathBuf, std::process::Child) {
        let mut listen = inside(&self.wire.right(), &["iperf3", "-s", "-1", "-p", STREAMS[n].0[1]]);
        let server = Server::start(listen.stdout(Stdio::null()).stderr(Stdio::null()));
        let report = at(&self.folder, &format!("iperf{n}.json"));
        let file = File::create(&report).expect("a file");
        let mut command = inside(&self.wire.left(), &["iperf3", "-J", "-c", "10.97.0.2", "-t", &seconds.to_string()]);
        // The server may not listen yet; iperf3 asks again within this time.
        command.args(["--connect-timeout", "10000"]).args(STREAMS[n].0).stdout(file).stderr(Stdio::null());
        let listening = Instant::now();
        let ports = || finish(inside(&self.wire.right(), &["ss", "-Hltn"])).out;
        while !ports().contains(&format!(":{} ", STREAMS[n].0[1])) {
            assert!(listening.elapsed() < PATIENCE, "iperf3 does not listen");
        }
        (server, report, command.spawn().expect("iperf3"))
    }

    /// Every finding of promtool in a scrape.
    fn findings(&self, scrape: &str) -> String {
        let body = scrape.split_once("\r\n\r\n").expect("a head").1;
        let mut command = Command::new("promtool");
        command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("promtool");
        child.stdin.take().expect("a pipe").write_all(body.as_bytes()).expect("taken");
        let output = child.wait_with_output().expect("promtool");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// Counters that went back between two times, of all samples that Prometheus has.
    fn steps_back(&self, from: f64, to: f64) -> (usize, Vec<String>) {
        let (start, end) = (format!("--start={from:.0}"), format!("--end={to:.0}"));
        let counters = "{__name__=~\"parshall_.+_total\"}";
        let rows = self.ask(&["range", &start, &end, "--step=1s", counters]);
        let back = rows.iter().filter(|row| {
            let values = row["values"].as_array().expect("samples").iter();
            let values: Vec<f64> = values.filter_map(|pair| pair[1].as_str()?.parse().ok()).collect();
            values.windows(2).any(|pair| pair[1] < pair[0])
        });
        (rows.len(), back.map(|row| row["metric"].to_string()).collect())
    }
}

/// What iperf3 sent: when it began, and the bytes of each interval with its end.
fn sent(report: &std::path::Path) -> (f64, Vec<(f64, f64)>) {
    let text = std::fs::read_to_string(report).expect("a report");
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let began = report["start"]["timestamp"]["timesecs"].as_f64().unwrap_or_else(|| panic!("{report}"));
    let intervals = report["intervals"].as_array().expect("intervals").iter();
    let rows = intervals.filter_map(|one| Some((one["sum"]["end"].as_f64()?, one["sum"]["bytes"].as_f64()?)));
    (began, rows.collect())
}

/// Watches live traffic for so many seconds.
fn watch(name: &str, seconds: u64, with_rates: bool) {
    let Some(bench) = Bench::new(name) else { return };
    let (probe, address) = bench.wire.probe(&bench.folder, &["--interface", "left0", "--tcp-linger", "1s"]);
    let _prometheus = bench.prometheus(&address);
    let ready = Instant::now();
    while bench.number("up", now()) != Some(1.0) {
        assert!(ready.elapsed() < Duration::from_secs(60), "Prometheus never scrapes");
    }
    let from = now();
    let before: Vec<f64> = STREAMS.iter().map(|(_, counter, _)| bench.number(counter, from).unwrap_or(0.0)).collect();
    let talks: Vec<_> = (0..STREAMS.len()).map(|n| bench.talk(n, seconds)).collect();
    let scrapes = || bench.number(&format!("count_over_time(up[{}s])", seconds * 2), now()).unwrap_or(0.0);
    while scrapes() < seconds as f64 / 2.0 {
        std::thread::sleep(Duration::from_millis(200));
    }
    probe.signal("HUP");
    let reports: Vec<_> = talks
        .into_iter()
        .map(|(_server, report, mut child)| {
            assert!(child.wait().expect("iperf3").success(), "{report:?}");
            report
        })
        .collect();
    for (n, report) in reports.iter().enumerate() {
        let (_, counter, beside) = STREAMS[n];
        let (began, rows) = sent(report);
        let all = rows.iter().map(|(_, bytes)| bytes).sum::<f64>() * (1.0 + beside);
        let arrived = Instant::now();
        let counted = loop {
            let counted = bench.number(counter, now()).unwrap_or(0.0) - before[n];
            if counted >= all || arrived.elapsed() > Duration::from_secs(10) {
                break counted;
            }
        };
        eprintln!(
            "{counter}: iperf3 sent {all:.0} bytes, Prometheus has {counted:.0} ({:+.4} %)",
            percent(counted, all)
        );
        assert!(percent(counted, all).abs() < OFF * 100.0);
        if with_rates {
            let (first, last) = (10.0, seconds as f64 - 10.0);
            let within = rows.iter().filter(|(end, _)| *end > first + 0.5 && *end <= last + 0.5);
            let a_second = within.map(|(_, bytes)| bytes).sum::<f64>() * (1.0 + beside) / (last - first);
            let window = last - first;
            let rate = rated(counter, window);
            let rate = bench.number(&rate, began + last).expect("a rate");
            eprintln!(
                "rate over {window} s: iperf3 {a_second:.0} bytes/s, Prometheus {rate:.0} ({:+.4} %)",
                percent(rate, a_second)
            );
            assert!(percent(rate, a_second).abs() < OFF * 100.0);
        }
    }
    held(&bench, &address, from);
    probe.signal("INT");
    probe.end().ended_with(0);
}

/// The expression of a counter's rate.
fn rated(counter: &str, window: f64) -> String {
    let selector = counter.trim_start_matches("sum(").trim_end_matches(')');
    format!("sum(rate({selector}[{window:.0}s]))")
}

fn percent(value: f64, truth: f64) -> f64 {
    (value / truth - 1.0) * 100.0
}

/// What must hold of every scrape since `from`.
fn held(bench: &Bench, address: &str, from: f64) {
    let (to, scrape) = (now(), bench.wire.scrape(address));
    let window = (to - from).floor();
    let over = |function: &str| bench.number(&format!("{function}(up[{window:.0}s])"), to);
    let scrapes = over("count_over_time").unwrap_or(0.0);
    let took = bench.number(&format!("max_over_time(scrape_duration_seconds[{window:.0}s])"), to).expect("a time");
    let (series, back) = bench.steps_back(from, to);
    eprintln!("{scrapes} scrapes in {window} s, the longest took {took:.4} s; {series} counters");
    assert_eq!(over("min_over_time"), Some(1.0), "a scrape failed");
    assert!(series > 150, "{series} counters");
    assert_eq!(back, Vec::<String>::new(), "counters that went back");
    assert_eq!(metric(&scrape, "parshall_config_reloads_total").0, 1.0, "it was reloaded");
    assert_eq!(bench.findings(&scrape), "", "promtool's findings");
    // A native histogram has no series of its buckets, and its functions know it.
    let ended = Instant::now();
    while bench.number("histogram_count(parshall_flow_duration_seconds{l4=\"tcp\"})", now()) < Some(1.0) {
        assert!(ended.elapsed() < PATIENCE, "no native histogram of flows that ended");
    }
    assert_eq!(bench.number("count(parshall_flow_duration_seconds_bucket)", now()), None, "they came as classic ones");
    let median = bench.number("histogram_quantile(0.5, sum(parshall_tcp_rtt_seconds))", now());
    // A segment and its acknowledgement that one poll brings have one time.
    assert!(median.is_some_and(|seconds| (0.0..1.0).contains(&seconds)), "{median:?}");
    let log = std::fs::read_to_string(at(&bench.folder, "prometheus.log")).expect("a log");
    let complaints: Vec<&str> =
        log.lines().filter(|line| line.contains("level=warn") || line.contains("level=error")).collect();
    assert_eq!(complaints, Vec::<&str>::new(), "Prometheus' complaints");
}

#[test]
fn prometheus_reads_a_live_probe_without_a_finding_and_has_what_iperf3_sent() {
    watch("prom", 6, false);
}

#[test]
#[ignore = "takes over three minutes"]
fn rates_over_minutes_are_what_iperf3_sent() {
    watch("prom-long", 200, true);
}
