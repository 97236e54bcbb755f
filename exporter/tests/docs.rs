//! The reference pages are renderings of the tables: `BLESS=1 cargo test -p parshall-exporter --test docs` writes them anew.

use parshall_engine::record::fields;
use parshall_exporter::metrics::catalogue::{self, Kind};
use parshall_exporter::survey::top_metrics;
use std::fmt::Write;
use std::path::Path;

fn hold(name: &str, want: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, want).expect("docs can be written");
    }
    let have = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        have == want,
        "docs/{name} is not what the table says: BLESS=1 cargo test -p parshall-exporter --test docs"
    );
}

#[test]
fn the_page_of_records_is_that_of_the_table() {
    let mut page = String::from(
        "# Flow records\n\nOne record is one bidirectional flow. JSON Lines: one flat object a line; what was not measured is left out, measured zeros \
         are written. CSV: a column each, empty where not measured, lists joined by semicolons. `*_ns` are UNIX nanoseconds, `*_us` microseconds with three \
         decimals. Tstat's columns are those of log_tcp_complete unless it says otherwise.\n\nThis page is made from the table in `engine/src/record/`.\n\n\
         | key | unit | meaning | Tstat | IPFIX |\n|---|---|---|---|---|\n",
    );
    for field in fields::all() {
        let (tstat, ipfix) = (field.tstat.unwrap_or(""), field.ipfix.unwrap_or(""));
        let _ = writeln!(page, "| `{}` | {} | {} | {tstat} | {ipfix} |", field.name, field.unit, field.help);
    }
    hold("RECORDS.md", &page);
}

#[test]
fn the_page_of_metrics_is_that_of_the_catalogue() {
    let mut page = String::from(
        "# Metrics\n\nAt `/metrics`, text 0.0.4, OpenMetrics or protobuf by `Accept`; histograms also as native ones in protobuf. Labels come from closed sets; no address, port of a \
         host or name is ever a label, so the number of series does not depend on traffic; but for the two families at the end, which are off by default.\n\nThis page is made \
         from the tables in `exporter/src/metrics/` and `exporter/src/survey/`.\n\n| name | type | labels | meaning |\n|---|---|---|---|\n",
    );
    for row in catalogue::all() {
        let kind = match row.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let _ = writeln!(page, "| `{}` | {kind} | {} | {} |", row.name, row.labels.join(", "), row.help);
    }
    page.push_str(
        "\n## Metrics about hosts\n\nOnly by option, and never more series than `--max-series` has room for (`parshall_series_left_out` counts the rest).\n\n\
         `--top-metrics K`: the first K of each top list, labels `kind` and `key`; a counter holds what came while its entry was served, all else is in the key `other`, so \
         their increases sum to those of the whole.\n\n| name | meaning |\n|---|---|\n",
    );
    for (name, help) in top_metrics::NAMES {
        let _ = writeln!(page, "| `{name}` | {help} |");
    }
    page.push_str(
        "\n`--compat-metrics tcp-stream,kdump,packet,tzsp`: names and labels of tcp-stream-exporter, kdump's tcp-exporter, packet-exporter and tzsp_packetstream_exporter for the \
         `--compat-flows` largest flows, pairs or endpoints, with right arithmetic; a counter never goes back while its series is there. `tcp_packet_size_variance` and \
         `tcp_interarrival_variance_seconds` are those of a flow's first packets, with `--first-packets`. Left out: `ip_df_metric` (records do not know the flag) and \
         `capture_queue_freezes_total` (DPDK's queues do not freeze). Histograms by flow take each direction's mean length.\n\n\
         ## Native histograms\n\n\
         Prometheus asks for protobuf when it was started with `--enable-feature=native-histograms`, and then keeps the native form alone. The dashboards of `scripts/grafana` ask for \
         the classic one: give the scrape job `scrape_classic_histograms: true` too (`always_scrape_classic_histograms` from Prometheus 3.0 on).\n\n\
         `exporter/tests/prometheus.rs` holds a running probe against Debian's Prometheus 2.42 (protobuf, native histograms, a scrape a second) and iperf3 over virtual wires, with a \
         reload in the middle. Seen: 202 scrapes in 202 s, none failed, no finding, none of 197 counters went back; bytes within 0.001 % of what iperf3 sent, rate() over 180 s within 0.5 % (TCP) and 0.002 % (UDP). A flood of 1 M new flows a second over a minute left the 1,015 series of a probe as they were, and a scrape at 2 to 5 ms.\n",
    );
    hold("METRICS.md", &page);
}

#[test]
fn the_page_of_the_prompt_has_every_command() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/PROMPT.md");
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    let table = parshall_exporter::prompt::reference();
    if std::env::var_os("BLESS").is_some() {
        let (head, rest) = page.split_once("|---|---|\n").expect("a table of commands");
        let tail = rest.split_once("\n## ").expect("a section behind the table").1;
        std::fs::write(&path, format!("{head}|---|---|\n{table}\n## {tail}")).expect("docs can be written");
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page.contains(&table),
        "docs/PROMPT.md lacks a command: BLESS=1 cargo test -p parshall-exporter --test docs"
    );
}
