//! The reference pages are renderings of the tables: `BLESS=1 cargo test -p parshall-exporter --test docs` writes them anew.

use parshall_engine::record::fields;
use parshall_exporter::metrics::catalogue::{self, Kind};
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
        "# Metrics\n\nAt `/metrics`, text format 0.0.4. Labels come from closed sets; no address, port of a host or name is ever a label, so the number of \
         series does not depend on traffic.\n\nThis page is made from the tables in `exporter/src/metrics/`.\n\n| name | type | labels | meaning |\n|---|---|---|---|\n",
    );
    for row in catalogue::all() {
        let kind = match row.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let _ = writeln!(page, "| `{}` | {kind} | {} | {} |", row.name, row.labels.join(", "), row.help);
    }
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
