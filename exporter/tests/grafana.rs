//! Dashboards and alert rules: rendered from tables, and held to the catalogue of metrics.
//!
//! **Owns** `scripts/grafana/dashboards`, which `BLESS=1 cargo test -p parshall-exporter --test grafana` writes anew, and the checks of
//! `scripts/grafana/alerts.yml`. **May touch** promtool and Prometheus, where they are installed. **Order** one check of each expression after the other.

#[path = "grafana/board.rs"]
mod board;
#[cfg(feature = "dpdk")]
#[path = "grafana/live.rs"]
mod live;
#[path = "grafana/overview.rs"]
mod overview;
#[path = "grafana/probe.rs"]
mod probe;
#[path = "grafana/promql.rs"]
mod promql;
#[path = "grafana/seeds.rs"]
mod seeds;
#[cfg(feature = "dpdk")]
mod support;
#[path = "grafana/tcp.rs"]
mod tcp;

use board::{Board, Look};
use parshall_exporter::metrics::catalogue::{self, Kind};
use std::path::{Path, PathBuf};
use std::process::Command;

const BOARDS: &[Board] =
    &[overview::OVERVIEW, probe::PROBE, tcp::TCP, seeds::TCP_STREAM, seeds::KDUMP, seeds::PACKET, seeds::TZSP];

/// Labels that Prometheus adds to everything it scrapes.
const ADDED: &[&str] = &["instance", "job"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/grafana")
}

/// Where an expression stands, and the expression as Prometheus gets it.
fn expressions() -> Vec<(String, String)> {
    let series = |board: &'static Board| {
        board.panels.iter().flat_map(move |panel| {
            let at = format!("{}: {}", board.name, panel.title);
            panel.series.iter().map(move |(expression, _)| (at.clone(), board::plain(expression)))
        })
    };
    BOARDS.iter().flat_map(series).chain(alerts()).collect()
}

/// Every expression of the alert rules, with the name of its alert.
fn alerts() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(folder().join("alerts.yml")).expect("alert rules");
    let mut all = Vec::new();
    let mut name = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(alert) = line.strip_prefix("- alert: ") {
            name = format!("alert {alert}");
        }
        if let Some(expression) = line.strip_prefix("expr: ") {
            all.push((name.clone(), expression.to_owned()));
        }
    }
    all
}

/// The labels that a metric has, or `None` for a metric that is neither in the catalogue nor another exporter's.
fn labels(metric: &str) -> Option<Vec<&'static str>> {
    let ours = catalogue::all().find(|row| {
        let histogram = matches!(row.kind, Kind::Histogram(_));
        let parts = ["_bucket", "_sum", "_count"];
        row.name == metric && !histogram
            || histogram && metric.strip_prefix(row.name).is_some_and(|part| parts.contains(&part))
    });
    let theirs = || seeds::NAMES.iter().find(|(name, _)| *name == metric).map(|(_, labels)| *labels);
    let known = ours.map(|row| row.labels).or_else(theirs)?;
    let le = metric.ends_with("_bucket").then_some("le");
    Some(known.iter().copied().chain(ADDED.iter().copied()).chain(le).collect())
}

#[test]
fn the_names_of_other_exporters_are_those_that_are_served() {
    let source = [
        include_str!("../src/survey/compat/stream.rs"),
        include_str!("../src/survey/compat/kdump.rs"),
        include_str!("../src/survey/compat/packet.rs"),
        include_str!("../src/survey/compat/tzsp.rs"),
    ]
    .concat();
    for (metric, labels) in seeds::NAMES {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|part| metric.strip_suffix(part));
        let name = family.filter(|family| *family == "total_throughput").unwrap_or(metric);
        for word in labels.iter().chain([&name]) {
            assert!(source.contains(&format!("\"{word}\"")), "{metric}: {word} is not served");
        }
        let used = BOARDS.iter().flat_map(|board| board.panels).flat_map(|panel| panel.series);
        assert!(used.into_iter().any(|(expression, _)| expression.contains(metric)), "{metric} is on no dashboard");
    }
}

#[test]
fn every_metric_and_label_of_dashboards_and_alerts_is_in_the_catalogue() {
    let mut wrong = Vec::new();
    for (at, expression) in expressions() {
        let names = promql::names(&expression);
        assert!(!names.metrics.is_empty() || expression.contains("vector("), "{at}: no metric found in {expression}");
        let mut possible: Vec<&str> = ADDED.to_vec();
        for named in &names.metrics {
            if named.metric == "up" {
                continue;
            }
            let Some(known) = labels(&named.metric) else {
                wrong.push(format!("{at}: {} is no metric", named.metric));
                continue;
            };
            for (label, _, _) in named.matchers.iter().filter(|(label, _, _)| !known.contains(&label.as_str())) {
                wrong.push(format!("{at}: {} has no label {label}", named.metric));
            }
            possible.extend(known);
        }
        for label in names.grouped.iter().filter(|label| !possible.contains(&label.as_str())) {
            wrong.push(format!("{at}: nothing in it has a label {label}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_legend_names_labels_that_its_expression_keeps() {
    for board in BOARDS {
        for panel in board.panels {
            for (expression, legend) in panel.series {
                let names = promql::names(&board::plain(expression));
                let aggregated = ["sum", "max", "min", "avg", "histogram_quantile"]
                    .iter()
                    .any(|word| expression.contains(&format!("{word}(")) || expression.contains(&format!("{word} by")));
                for label in legend.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()) {
                    let kept = names.grouped.iter().any(|grouped| grouped == label)
                        || !aggregated
                            && names
                                .metrics
                                .iter()
                                .filter_map(|named| labels(&named.metric))
                                .any(|known| known.contains(&label));
                    assert!(kept, "{}: {}: {legend}: nothing is left of {label}", board.name, panel.title);
                }
            }
        }
    }
}

#[test]
fn the_dashboards_are_renderings_of_their_tables() {
    for board in BOARDS {
        let path = folder().join(format!("dashboards/{}.json", board.name));
        let want = board.json();
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(folder().join("dashboards")).expect("a folder");
            std::fs::write(&path, &want).expect("the dashboard can be written");
        }
        let have = std::fs::read_to_string(&path).unwrap_or_default();
        let bless = "BLESS=1 cargo test -p parshall-exporter --test grafana";
        assert!(have == want, "{} is not what its table says: {bless}", path.display());
    }
    let files = std::fs::read_dir(folder().join("dashboards")).expect("dashboards").count();
    assert_eq!(files, BOARDS.len(), "a dashboard without a table");
}

#[test]
fn panels_say_what_they_show_and_fit_the_page() {
    for board in BOARDS {
        for panel in board.panels.iter().filter(|panel| panel.look != Look::Row) {
            assert!(panel.help.ends_with('.') && !panel.series.is_empty(), "{}: {}", board.name, panel.title);
            assert!((1..=12).contains(&panel.width) && !panel.unit.is_empty(), "{}: {}", board.name, panel.title);
        }
    }
}

/// promtool's verdict; `None` where it is not installed.
fn promtool(arguments: &[&str]) -> Option<Result<(), String>> {
    match Command::new("promtool").args(arguments).output() {
        Ok(output) if output.status.success() => Some(Ok(())),
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            Some(Err(String::from_utf8_lossy(&said).into_owned()))
        }
        Err(_) => {
            eprintln!("promtool is not installed (apt-get install prometheus): skipped");
            None
        }
    }
}

#[test]
fn promtool_finds_no_fault_in_the_rules_and_their_tests_hold() {
    let path = |name: &str| folder().join(name).to_str().expect("ASCII").to_owned();
    for arguments in [["check", "rules", &path("alerts.yml")], ["test", "rules", &path("alerts.test.yml")]] {
        if let Some(verdict) = promtool(&arguments) {
            assert_eq!(verdict, Ok(()), "{arguments:?}");
        }
    }
}

#[test]
fn promtool_reads_every_expression_of_the_dashboards() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules: Vec<serde_json::Value> = expressions()
        .into_iter()
        .enumerate()
        .map(|(n, (at, expression))| serde_json::json!({ "record": format!("x{n}"), "expr": expression, "labels": { "at": at } }))
        .collect();
    // JSON is YAML.
    let file = folder.path().join("rules.yml");
    let text = serde_json::json!({ "groups": [{ "name": "all", "rules": rules }] }).to_string();
    std::fs::write(&file, text).expect("a file");
    if let Some(verdict) = promtool(&["check", "rules", file.to_str().expect("ASCII")]) {
        assert_eq!(verdict, Ok(()));
    }
}
