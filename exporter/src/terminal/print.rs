//! `parshall flows` and `parshall stats`: asked once, printed once.
//!
//! **Owns** the tables on standard output. **May touch** the probe and standard output. **Order** called by `main`.

use super::answer::{LOSSES, entries, list, lost_before, number, sentence, text, whole};
use super::client::{Client, Silence};
use super::flow::COLUMNS;
use super::quantity::{bit_rate, bytes, count, rate, share, span};
use crate::Ending;
use parshall_config::plan::{FlowsPlan, Format, StatsPlan};
use serde_json::Value;
use std::fmt::Write;

/// Carries out `parshall flows`.
#[must_use]
pub fn flows(plan: &FlowsPlan) -> Ending {
    print(printed_flows(plan, &super::client(&plan.probe)))
}

/// Carries out `parshall stats`.
#[must_use]
pub fn stats(plan: &StatsPlan) -> Ending {
    print(printed_stats(plan, &super::client(&plan.probe)))
}

fn print(answer: Result<String, Silence>) -> Ending {
    match answer {
        Ok(text) => crate::print(&text),
        Err(silence) => {
            eprintln!("parshall: {silence}");
            Ending::Failed
        }
    }
}

fn printed_flows(plan: &FlowsPlan, client: &Client) -> Result<String, Silence> {
    let limit = plan.limit.to_string();
    let format = match plan.format {
        Format::Table | Format::Json => "json",
        Format::Ndjson => "ndjson",
        Format::Csv => "csv",
    };
    let mut query = vec![("top", limit.as_str()), ("format", format)];
    query.extend(super::query(&plan.wish, "desc"));
    if plan.format != Format::Table {
        return client.text("/api/v1/flows", &query);
    }
    Ok(flow_table(&client.json("/api/v1/flows", &query)?))
}

fn printed_stats(plan: &StatsPlan, client: &Client) -> Result<String, Silence> {
    if plan.format == Format::Json {
        return client.text("/api/v1/stats", &[]);
    }
    let causes = client.json("/api/v1/explain/drops", &[])?;
    Ok(stats_table(&client.json("/api/v1/stats", &[])?, &causes))
}

fn flow_table(answer: &Value) -> String {
    let flows = list(answer, "/flows");
    let rows: Vec<Vec<String>> =
        flows.iter().map(|flow| COLUMNS.iter().map(|column| (column.read)(flow)).collect()).collect();
    let heads: Vec<(&str, bool)> = COLUMNS.iter().map(|column| (column.title, column.right)).collect();
    let mut out = table(&heads, &rows);
    let part = if answer.get("complete").and_then(Value::as_bool) == Some(false) {
        format!("; told are the largest {}", whole(number(answer, "/told")))
    } else {
        String::new()
    };
    let (matched, live) = (whole(number(answer, "/matched")), whole(number(answer, "/live")));
    let _ = writeln!(out, "{} of {matched} that match; {live} live{part}", flows.len());
    out
}

/// Rows under their heads, as wide as they need.
fn table(heads: &[(&str, bool)], rows: &[Vec<String>]) -> String {
    let width = |n: usize| rows.iter().map(|row| row[n].chars().count()).chain([heads[n].0.len()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut out = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (n, cell) in cells.enumerate() {
            let (gap, wide) = (if n == 0 { "" } else { "  " }, widths[n]);
            let _ = if heads[n].1 { write!(text, "{gap}{cell:>wide$}") } else { write!(text, "{gap}{cell:<wide$}") };
        }
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(&mut heads.iter().map(|(title, _)| *title));
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    out
}

fn stats_table(stats: &Value, causes: &Value) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", sentence(stats));
    let mut lines = Vec::new();
    lines.extend(lost_before(stats));
    lines.extend(
        list(causes, "/causes").iter().map(|cause| format!("{} {}", text(cause, "/sentence"), text(cause, "/remedy"))),
    );
    for line in lines {
        let _ = writeln!(out, "{line}");
    }
    let _ = writeln!(out);
    let at = |pointer: &str| number(stats, pointer);
    let facts = [
        ("throughput", bit_rate(at("/rates/wire_bits_per_second"))),
        ("packets", rate(at("/rates/packets_per_second"))),
        ("live flows", format!("{} of {}", whole(at("/flows/active")), whole(at("/flows/capacity")))),
        ("new flows", rate(at("/rates/flows_created_per_second"))),
        ("records", rate(at("/rates/records_per_second"))),
        ("up", span(at("/uptime_seconds"))),
        ("published", format!("{} ago", span(at("/published_seconds_ago")))),
        ("version", format!("{} ({})", text(stats, "/version/parshall"), text(stats, "/version/git"))),
    ];
    for (name, fact) in facts {
        let _ = writeln!(out, "{name:<12}{fact}");
    }
    let rows = |rows: Vec<Vec<String>>, heads: &[(&str, bool)], out: &mut String| {
        if !rows.is_empty() {
            let _ = write!(out, "\n{}", table(heads, &rows));
        }
    };
    rows(outcomes(stats), &[("outcome", false), ("frames", true)], &mut out);
    rows(losses(stats), &[("lost at", false), ("why", false), ("count", true), ("turn", false)], &mut out);
    rows(protocols(stats), &[("protocol", false), ("packets", true), ("IP bytes", true)], &mut out);
    let heads =
        [("worker", false), ("lcore", true), ("load", true), ("packets", true), ("could take", true), ("flows", true)];
    rows(workers(stats), &heads, &mut out);
    out
}

fn outcomes(stats: &Value) -> Vec<Vec<String>> {
    let frames = entries(stats, "/outcomes").map(|(name, frames)| (name, frames.as_f64().unwrap_or(0.0)));
    frames.filter(|(_, frames)| *frames > 0.0).map(|(name, frames)| vec![name.to_owned(), whole(frames)]).collect()
}

fn losses(stats: &Value) -> Vec<Vec<String>> {
    let lost = LOSSES.iter().map(|loss| (loss, number(stats, loss.2))).filter(|(_, count)| *count > 0.0);
    lost.map(|((at, why, _, turn), count)| vec![(*at).to_owned(), (*why).to_owned(), whole(count), (*turn).to_owned()])
        .collect()
}

fn protocols(stats: &Value) -> Vec<Vec<String>> {
    let row = |row: &Value| {
        let name = format!("IPv{} {}", number(row, "/ip_version"), text(row, "/l4"));
        vec![name, count(number(row, "/packets")), bytes(number(row, "/ip_bytes"))]
    };
    list(stats, "/protocols").iter().map(row).collect()
}

fn workers(stats: &Value) -> Vec<Vec<String>> {
    let row = |worker: &Value| {
        vec![
            number(worker, "/worker").to_string(),
            number(worker, "/lcore").to_string(),
            share(number(worker, "/load")),
            rate(number(worker, "/headroom/packets_per_second")),
            rate(number(worker, "/headroom/could_take_packets_per_second")),
            whole(number(worker, "/active_flows")),
        ]
    };
    list(stats, "/workers").iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn flows_stand_in_columns_with_a_line_on_what_is_not_shown() {
        let text = flow_table(&example::flows());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("client") && lines[0].ends_with("state"), "{text}");
        assert!(lines[1].contains("10.0.0.2:50000") && lines[1].contains("TCP"), "{text}");
        assert_eq!(lines.last(), Some(&"2 of 17 that match; 5,123 live"));
        let column = lines[0].find("server").unwrap();
        assert!(lines[1..3].iter().all(|line| line[column..].starts_with("198.51.100.")), "{text}");
    }

    #[test]
    fn statistics_begin_with_the_books_and_name_what_was_lost_with_its_remedy() {
        let text = stats_table(&example::stats(), &example::causes());
        assert!(text.starts_with("all 12,345,678 frames accounted for\n1,200 more frames were lost"), "{text}");
        assert!(text.contains("Add a worker"), "{text}");
        assert!(text.contains("throughput  823 Mbit/s"), "{text}");
        assert!(
            text.lines().any(|line| line.starts_with("NIC") && line.ends_with("--rxd, --nb-cores, --rxq")),
            "{text}"
        );
        assert!(!text.contains("no mbuf"), "what lost nothing is not listed: {text}");
    }
}
