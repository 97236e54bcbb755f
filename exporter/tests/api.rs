//! The HTTP API of a probe that runs: every answer as its description has it, and its numbers those of the records.

#![cfg(feature = "dpdk")]

mod support;

use jsonschema::Validator;
use parshall_benches::synth::load::{Generator, Kind, Load, Sizes};
use parshall_benches::synth::pcap::PcapWriter;
use parshall_engine::link::LinkType;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufWriter, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::{PATIENCE, Running, all_scenarios, at, eal, folder, get, metric, parshall, run, sum, synthesize, text};

/// A probe over a capture, which goes on serving when the capture is over.
fn probe(capture: &Path, more: &[&str]) -> (Running, String) {
    let vdev = format!("net_pcap0,rx_pcap={}", text(capture));
    let fixed = ["-l", "0-1", "--vdev", &vdev, "--", "--listen", "127.0.0.1:0", "--max-flows", "20000"];
    let words: Vec<&str> =
        fixed.into_iter().chain(["--publish-interval", "50ms"]).chain(more.iter().copied()).collect();
    let mut child = Running::start(parshall(&eal(&words)).stdout(Stdio::null()));
    let address = child.address();
    (child, address)
}

fn ask(address: &str, path: &str) -> Value {
    serde_json::from_str(&get(address, path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Asks until an answer is as wanted.
fn until(address: &str, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let since = Instant::now();
    loop {
        let answer = ask(address, path);
        if wanted(&answer) {
            return answer;
        }
        assert!(since.elapsed() < PATIENCE, "{path} never came to what was wanted: {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Head and body of a request with headers of its own.
fn raw(address: &str, path: &str, headers: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).expect("the server answers");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n").expect("a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n").expect("a head");
    (String::from_utf8_lossy(&answer[..end]).into_owned(), answer[end + 4..].to_vec())
}

/// The schema of a path's answer, in the description that the probe serves.
fn schema(description: &Value, path: &str, status: &str) -> Validator {
    let content = &description["paths"][path]["get"]["responses"][status]["content"]["application/json"]["schema"];
    assert!(content["$ref"].is_string(), "{path} {status} is not described");
    let mut whole = json!({ "$ref": content["$ref"], "components": description["components"] });
    whole["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    jsonschema::validator_for(&whole).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[track_caller]
fn held(validator: &Validator, answer: &Value, path: &str) {
    let faults: Vec<String> =
        validator.iter_errors(answer).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{path}: {faults:?}\n{answer}");
}

#[test]
fn every_answer_is_what_the_description_says_and_its_numbers_are_those_of_read() {
    let folder = folder();
    let (_, files) = synthesize(folder.path(), "a.pcap", &all_scenarios(200, false));
    drop(files);
    let capture = at(&folder, "a.pcap");
    let prefixes = ["--top-prefixes", "10.0.0.0/8,192.0.2.0/24", "--top-metrics", "3"];
    let (child, address) = probe(&capture, &prefixes);
    let description = ask(&address, "/api/v1/openapi.json");
    let stats = until(&address, "/api/v1/stats", |stats| {
        stats["books"]["frames_taken"].as_u64() > Some(0)
            && stats["flows"]["active"].as_u64().is_some_and(|active| active < 500)
            && stats["rates"]["packets_per_second"] == 0.0
            && stats["tcp"]["flows"].as_u64() > Some(0)
    });
    let some = until(&address, "/api/v1/flows?state=all&top=3", |flows| flows["next"].is_string());
    let id = some["flows"][0]["flow_id"].as_str().expect("an id");
    let one = format!("/api/v1/flows/{id}");
    let paths = [
        ("/healthz", "/healthz"),
        ("/readyz", "/readyz"),
        ("/api/v1/stats", "/api/v1/stats"),
        ("/api/v1/history", "/api/v1/history"),
        ("/api/v1/histograms", "/api/v1/histograms"),
        ("/api/v1/flows", "/api/v1/flows?state=all&top=10000&filter=tcp"),
        ("/api/v1/flows/{flow_id}", &one),
        ("/api/v1/top/{kind}", "/api/v1/top/hosts?by=packets&top=1000"),
        ("/api/v1/top/{kind}", "/api/v1/top/pairs?window=5m"),
        ("/api/v1/top/{kind}", "/api/v1/top/ports?by=flows"),
        ("/api/v1/top/{kind}", "/api/v1/top/applications?by=retransmissions"),
        ("/api/v1/top/{kind}", "/api/v1/top/prefixes"),
        ("/api/v1/explain/drops", "/api/v1/explain/drops"),
        ("/api/v1/version", "/api/v1/version"),
        ("/api/v1/config", "/api/v1/config"),
    ];
    for (name, path) in paths {
        held(&schema(&description, name, "200"), &ask(&address, path), path);
    }
    assert_eq!(stats["books"]["closed"], true);
    totals(&address, &capture, &at(&folder, "read.jsonl"));
    refusals(&address, &description);
    pages(&address);
    drop(child);
}

/// Top lists hold what the records of `read` say, live flows counted.
fn totals(address: &str, capture: &Path, out: &Path) {
    run(&["read", text(capture), "--quiet", "--sink", &format!("jsonl:{}", text(out))]).ended_with(0);
    let records = support::records(out);
    let mut hosts: BTreeMap<String, u64> = BTreeMap::new();
    for record in &records {
        let packets = record["c2s_packets"].as_u64().unwrap_or(0) + record["s2c_packets"].as_u64().unwrap_or(0);
        let (client, server) = (record["client_ip"].as_str().expect("ip"), record["server_ip"].as_str().expect("ip"));
        *hosts.entry(client.to_owned()).or_default() += packets;
        if client != server {
            *hosts.entry(server.to_owned()).or_default() += packets;
        }
    }
    let total: u64 = hosts.values().sum();
    let top = until(address, "/api/v1/top/hosts?by=packets&top=1000", |top| top["total"] == total);
    assert_eq!((&top["exact"], top["items"].as_array().map(Vec::len)), (&json!(true), Some(hosts.len())));
    for item in top["items"].as_array().expect("items") {
        assert_eq!(item["value"].as_u64(), hosts.get(item["ip"].as_str().expect("ip")).copied(), "{item}");
    }
    let retransmitted = sum(&records, "c2s_retx_packets") + sum(&records, "s2c_retx_packets");
    let top = ask(address, "/api/v1/top/applications?by=retransmissions");
    assert_eq!(top["total"], retransmitted);
    let text = get(address, "/metrics");
    let events: f64 = text
        .lines()
        .filter(|line| line.starts_with("parshall_tcp_events_total{event=\"retransmitted_packets\""))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert_eq!(events as u64, retransmitted);
}

fn refusals(address: &str, description: &Value) {
    let cases = [
        ("/api/v1/flows?by=size", "/api/v1/flows", 400, Some("by")),
        ("/api/v1/flows?filter=zebra", "/api/v1/flows", 400, Some("filter")),
        ("/api/v1/flows?cursor=nine", "/api/v1/flows", 400, Some("cursor")),
        ("/api/v1/flows?cursor=9.9", "/api/v1/flows", 404, Some("cursor")),
        ("/api/v1/flows?nonsense=1", "/api/v1/flows", 400, Some("nonsense")),
        ("/api/v1/flows/zz", "/api/v1/flows/{flow_id}", 400, None),
        ("/api/v1/flows/0000000000000000", "/api/v1/flows/{flow_id}", 404, None),
        ("/api/v1/top/zebras", "/api/v1/top/{kind}", 404, None),
        ("/api/v1/top/hosts?top=0", "/api/v1/top/{kind}", 400, Some("top")),
        ("/api/v1/history?since=-1", "/api/v1/history", 400, Some("since")),
    ];
    for (path, name, status, parameter) in cases {
        let (head, body) = raw(address, path, "");
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {head}");
        let answer: Value = serde_json::from_slice(&body).expect("JSON");
        held(&schema(description, name, &status.to_string()), &answer, path);
        assert_eq!(answer["parameter"].as_str(), parameter, "{path}");
    }
}

/// Pages fit together, and all formats hold the same flows.
fn pages(address: &str) {
    let whole = ask(address, "/api/v1/flows?state=ended&top=10000&by=start&order=asc");
    let ids = |answer: &Value| -> Vec<String> {
        let flows = answer["flows"].as_array().expect("flows").iter();
        flows.map(|flow| format!("{} {}", flow["flow_id"], flow["record_seq"])).collect()
    };
    let mut paged = Vec::new();
    let mut path = "/api/v1/flows?state=ended&top=97&by=start&order=asc".to_owned();
    loop {
        let page = ask(address, &path);
        paged.extend(ids(&page));
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/flows?state=ended&top=97&by=start&order=asc&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged.len(), ids(&whole).len());
    assert_eq!(paged, ids(&whole));
    let lines = support::lines(&get(address, "/api/v1/flows?state=ended&top=10000&by=start&order=asc&format=ndjson"));
    assert_eq!(lines.len(), paged.len());
    assert!(lines.iter().all(|line| line["state"] == "ended" && line["end_reason"].is_string()));
    let csv = get(address, "/api/v1/flows?state=ended&top=10000&format=csv");
    assert_eq!(csv.lines().count(), paged.len() + 1);
    assert!(csv.starts_with("state,bits_per_second,packets_per_second,flow_id,"));
    let (head, body) = raw(address, "/api/v1/flows?state=ended&top=100", "Accept-Encoding: gzip\r\n");
    assert!(head.contains("Content-Encoding: gzip"), "{head}");
    let mut text = String::new();
    flate2::read::GzDecoder::new(body.as_slice()).read_to_string(&mut text).expect("gzip");
    assert!(text.ends_with("]}\n"));
}

#[test]
fn with_a_token_only_health_is_open_and_the_configuration_does_not_show_it() {
    let folder = folder();
    synthesize(folder.path(), "a.pcap", &all_scenarios(5, false));
    let (_child, address) = probe(&at(&folder, "a.pcap"), &["--http-token", "0123456789abcdef"]);
    assert!(raw(&address, "/healthz", "").0.starts_with("HTTP/1.1 200"));
    for path in ["/", "/metrics", "/api/v1/flows", "/nowhere"] {
        let (head, body) = raw(&address, path, "Authorization: Bearer 0123456789abcdeX\r\n");
        assert!(head.starts_with("HTTP/1.1 401") && head.contains("WWW-Authenticate: Basic"), "{head}");
        assert!(String::from_utf8_lossy(&body).contains("\"error\""));
    }
    let (head, body) = raw(&address, "/api/v1/config", "Authorization: Bearer 0123456789abcdef\r\n");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let config: Value = serde_json::from_slice(&body).expect("JSON");
    let token = config["options"].as_array().expect("options").iter().find(|option| option["name"] == "http-token");
    assert_eq!(token.map(|token| (&token["value"], &token["origin"])), Some((&json!("***"), &json!("command line"))));
    assert!(!String::from_utf8_lossy(&body).contains("0123456789abcdef"));
}

/// A capture of strangers: each packet a flow of its own.
fn strangers(path: &Path, packets: usize) {
    let load = Load { seed: 3, kind: Kind::Random, sizes: Sizes::Fixed(60), ..Load::default() };
    let mut generator = Generator::new(&load).expect("a load");
    let mut file = BufWriter::new(std::fs::File::create(path).expect("a file"));
    let mut writer = PcapWriter::new(&mut file, LinkType::ETHERNET, true, None).expect("a header");
    let mut frame = Vec::new();
    for _ in 0..packets {
        let time = generator.fill(&mut frame);
        writer.frame(time.0, &frame, frame.len() as u32).expect("a frame");
    }
    file.flush().expect("a file");
}

#[test]
fn a_flood_of_strangers_does_not_change_the_number_of_series() {
    let folder = folder();
    synthesize(folder.path(), "few.pcap", &all_scenarios(20, false));
    let packets = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
    strangers(&at(&folder, "many.pcap"), packets);
    let options = ["--compat-metrics", "tcp-stream,kdump,packet,tzsp", "--top-metrics", "10", "--max-series", "3000"];
    let scrape = |name: &str, least: u64, options: &[&str]| {
        let (_child, address) = probe(&at(&folder, name), options);
        until(&address, "/api/v1/stats", |stats| {
            stats["books"]["frames_taken"].as_u64() >= Some(least) && stats["rates"]["packets_per_second"] == 0.0
        });
        // What a scrape left out is told by the next one.
        let _ = get(&address, "/metrics");
        let text = get(&address, "/metrics");
        support::closed_scrape(&text);
        (text.lines().filter(|line| !line.starts_with('#')).count(), text)
    };
    let (few, _) = scrape("few.pcap", 1, &[]);
    let (many, _) = scrape("many.pcap", packets as u64, &[]);
    assert_eq!(few, many);
    let (capped, text) = scrape("many.pcap", packets as u64, &options);
    assert!(capped <= 3000, "{capped}");
    assert!(capped > many && metric(&text, "parshall_series_left_out").0 > 0.0, "{capped}");
}

/// What Prometheus answers to a query: the values.
fn query(address: &str, query: &str) -> Vec<Value> {
    let answer = ask(address, &format!("/api/v1/query?query={query}"));
    answer["data"]["result"].as_array().cloned().unwrap_or_default()
}

#[test]
fn debians_prometheus_scrapes_a_probe_and_has_its_native_histograms() {
    if std::process::Command::new("prometheus").arg("--version").output().is_err() {
        return eprintln!("skipped: prometheus is not installed");
    }
    let folder = folder();
    synthesize(folder.path(), "a.pcap", &all_scenarios(100, false));
    let (_child, target) = probe(&at(&folder, "a.pcap"), &[]);
    until(&target, "/api/v1/stats", |stats| stats["tcp"]["flows"].as_u64() > Some(20));
    let config = format!(
        "global: {{ scrape_interval: 500ms, scrape_timeout: 500ms }}\nscrape_configs:\n  - job_name: parshall\n    static_configs:\n      - targets: ['{target}']\n"
    );
    std::fs::write(at(&folder, "prometheus.yml"), config).expect("a file");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let mut command = std::process::Command::new("prometheus");
    command
        .arg(format!("--config.file={}", text(&at(&folder, "prometheus.yml"))))
        .arg(format!("--storage.tsdb.path={}", text(&at(&folder, "tsdb"))))
        .arg(format!("--web.listen-address={address}"))
        .arg("--enable-feature=native-histograms")
        .stdout(Stdio::null());
    let mut prometheus = Running::start(&mut command);
    prometheus.line_with("Server is ready to receive web requests");
    let since = Instant::now();
    while query(&address, "parshall_tcp_rtt_seconds").is_empty() {
        assert!(since.elapsed() < PATIENCE, "no native histogram came: {:?}", query(&address, "up"));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(query(&address, "up")[0]["value"][1], "1");
    assert!(query(&address, "parshall_tcp_rtt_seconds")[0]["histogram"][1]["buckets"].is_array());
    let wanted = ask(&target, "/api/v1/histograms");
    let rows = wanted["histograms"].as_array().expect("rows").iter();
    let counted: u64 =
        rows.filter(|row| row["name"] == "parshall_flow_packets").filter_map(|row| row["count"].as_u64()).sum();
    let have = query(&address, "sum(histogram_count(parshall_flow_packets))");
    assert_eq!(have[0]["value"][1], counted.to_string());
}

#[test]
fn doctor_asks_a_running_probe_and_says_what_it_found() {
    let folder = folder();
    let (_, files) = synthesize(folder.path(), "a.pcap", &all_scenarios(40, false));
    drop(files);
    let (child, address) = probe(&at(&folder, "a.pcap"), &[]);
    until(&address, "/api/v1/explain/drops", |drops| drops["headroom"][0]["packets_per_second"].is_number());
    let said = run(&["doctor", "--live", &address]).ended_with(0);
    for topic in ["probe", "books", "port", "loss", "headroom"] {
        assert!(said.out.lines().any(|line| line.starts_with(&format!("good {topic}"))), "{}", said.out);
    }
    assert!(said.out.ends_with("this probe is well\n"), "{}", said.out);
    let json = run(&["doctor", "--live", &address, "--json"]).ended_with(0);
    assert_eq!(serde_json::from_str::<Value>(&json.out).expect("JSON")["ready"], true);
    drop(child);
    let gone = run(&["doctor", "--live", &address]).ended_with(1);
    assert!(gone.out.contains("does not answer") && gone.out.contains("--listen"), "{}", gone.out);
}
