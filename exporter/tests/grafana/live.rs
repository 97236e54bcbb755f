//! Every expression of the dashboards and alert rules, asked of a Prometheus that scrapes a probe with traffic: none is an error,
//! and none is without an answer that this probe can give one to.
//!
//! **Owns** the probe, its traffic and the Prometheus. **May touch** the tables of expressions. **Order** Prometheus scrapes for as
//! long as rates need; then one expression after the other is asked, until it has an answer.

use super::support::{Running, at, folder, has, parshall, text};
use super::{BOARDS, alerts, board};
use parshall_benches::synth::compose::Order;
use serde_json::Value;
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long an answer may be waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// Panels that a probe without a port of DPDK, without a link speed and without loss has nothing for.
const NOTHING_TO_SHOW: &[&str] = &[
    "overview: Records written: sum by (stage)",
    "probe: Use of the link",
    "probe: Mbufs in use",
    "probe: Refusals: rate(parshall_fragment_cache_events_total",
];

struct Prometheus {
    address: String,
    agent: ureq::Agent,
    _running: Running,
}

impl Prometheus {
    fn start(folder: &tempfile::TempDir, target: &str) -> Prometheus {
        let config = at(folder, "prometheus.yml");
        let job = format!("{{ job_name: parshall, static_configs: [{{ targets: [\"{target}\"] }}] }}");
        let words = format!("global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\nscrape_configs: [{job}]\n");
        std::fs::write(&config, words).expect("written");
        let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").to_string();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", text(&config)));
        command.arg(format!("--storage.tsdb.path={}", text(&at(folder, "data"))));
        command.arg(format!("--web.listen-address={address}")).stdout(Stdio::null());
        let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
        Prometheus { address, agent, _running: Running::start(&mut command) }
    }

    /// The series of an answer; the sentence of an error. `None` while nobody answers.
    fn ask(&self, expression: &str) -> Option<Result<Vec<Value>, String>> {
        let request = self.agent.get(format!("http://{}/api/v1/query", self.address)).query("query", expression);
        let body = request.call().ok()?.body_mut().read_to_string().ok()?;
        let answer: Value = serde_json::from_str(&body).ok()?;
        Some(match answer["data"]["result"].as_array() {
            Some(series) => Ok(series.clone()),
            None => Err(answer["error"].as_str().unwrap_or("no error is named").to_owned()),
        })
    }

    /// Asks until there is an answer with a number in it.
    fn has_a_number(&self, expression: &str) -> Result<bool, String> {
        let since = Instant::now();
        loop {
            let series = self.ask(expression).transpose()?.unwrap_or_default();
            let number = |one: &Value| one["value"][1].as_str().is_some_and(|value| value != "NaN");
            if series.iter().any(number) {
                return Ok(true);
            }
            if since.elapsed() > PATIENCE {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

/// A probe whose metrics have all names, and sessions that are streamed to it until the test ends.
fn probe() -> (Running, String) {
    let listen = UdpSocket::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    let words = ["run", "--", "--tzsp-listen", &listen.to_string(), "--listen", "127.0.0.1:0", "--control", "off"];
    let more = ["--compat-metrics", "tcp-stream,kdump,packet,tzsp", "--compat-flows", "100", "--top-metrics", "5"];
    let rest = ["--max-flows", "20000", "--first-packets", "4", "--active-timeout", "5s", "--sink", "jsonl:/dev/null"];
    let words: Vec<&str> = words.into_iter().chain(more).chain(rest).collect();
    let mut running = Running::start(&mut parshall(&words));
    let address = running.address();
    std::thread::spawn(move || parshall_benches::synth::router::stream(listen, Order::default(), 60));
    (running, address)
}

#[test]
fn every_expression_has_an_answer_from_a_prometheus_that_scrapes_a_probe() {
    if !has("prometheus") {
        eprintln!("skipped: needs prometheus");
        return;
    }
    let (folder, (_running, address)) = (folder(), probe());
    let prometheus = Prometheus::start(&folder, &address);
    let mut wrong = Vec::new();
    for board in BOARDS {
        for panel in board.panels {
            for (expression, _) in panel.series {
                let at = format!("{}: {}: {expression}", board.name, panel.title);
                let expected = !NOTHING_TO_SHOW.iter().any(|known| at.starts_with(known));
                let expression = board::plain(expression).replace("[5m]", "[20s]");
                let answer = if expected {
                    prometheus.has_a_number(&expression)
                } else {
                    prometheus.ask(&expression).transpose().map(|_| true)
                };
                match answer {
                    Ok(true) => {}
                    Ok(false) => wrong.push(format!("{at}: nothing")),
                    Err(error) => wrong.push(format!("{at}: {error}")),
                }
            }
        }
    }
    // An alert that has an answer fires: there is nothing to warn of.
    for (at, expression) in alerts() {
        match prometheus.ask(&expression) {
            Some(Ok(series)) if series.is_empty() => {}
            answer => wrong.push(format!("{at}: {answer:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
