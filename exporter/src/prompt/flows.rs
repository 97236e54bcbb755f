//! `show flows top`: live flows as they were seen last, which is once a second.
//!
//! **Owns** its layout: one line a flow, in columns as `show port summary` has them. **May touch** what is watched, read only.
//! **Order** a command of the prompt.

use super::session::{Reply, Scene, Session};
use crate::survey::filter::{Filter, retransmissions};
use crate::survey::scene::{Item, Listing, ORDERS, Which, round_trip};
use parshall_engine::record::FlowRecord;
use parshall_engine::tally::{L4_LABELS, l4_label};
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

/// The words of `by`, and the orders that they mean.
const BY: [(&str, &str); 4] = [("bytes", "bytes"), ("packets", "packets"), ("retx", "retransmissions"), ("rtt", "rtt")];

const COLUMNS: [&str; 8] = ["Proto", "Client", "Server", "Packets", "Bytes", "Retx", "RTT", "Age"];

/// Columns of text stand at the left; those of figures, which follow, at the right.
const TEXTS: usize = 3;

pub(super) fn top(_: &mut Session, scene: &mut Scene<'_, '_>, words: &[&str]) -> Reply {
    let most = words.first().and_then(|word| word.parse().ok()).unwrap_or(0);
    let word = words.get(1).copied().unwrap_or(BY[0].0);
    let order = BY.iter().find(|(known, _)| *known == word).map_or(BY[0].1, |(_, order)| order);
    let by = ORDERS.iter().position(|(name, _)| *name == order).unwrap_or(0);
    let Some(watch) = scene.board.watch() else { return Reply::err("Live flows are not looked at\n") };
    let seen = watch.scene();
    let Some(at) = seen.at else {
        return Reply::out("Live flows were not looked at yet: once a second, and never with --live-flows 0\n");
    };
    let mut out =
        format!("Live flows: {}, seen {:.1} s ago, by {word}\n", seen.picture.live, at.elapsed().as_secs_f64());
    let listing = Listing::new(seen, Vec::new(), Which::Live, &Filter::default(), by, false);
    let rows: Vec<[String; COLUMNS.len()]> = listing.page(0, most).map(|item| row(&item)).collect();
    out.push_str(&table(&rows));
    Reply::out(out)
}

fn endpoint(ip: IpAddr, port: Option<u16>) -> String {
    port.map_or_else(|| ip.to_string(), |port| SocketAddr::new(ip, port).to_string())
}

fn row(item: &Item<'_>) -> [String; COLUMNS.len()] {
    let record: &FlowRecord = item.record;
    let protocol = match L4_LABELS[l4_label(record.key.protocol)] {
        (255, _) => record.key.protocol.to_string(),
        (_, name) => name.to_owned(),
    };
    let tcp = record.tcp.is_some();
    [
        protocol,
        endpoint(record.client_ip(), record.key.port(record.client_is_low)),
        endpoint(record.server_ip(), record.key.port(!record.client_is_low)),
        record.packets().to_string(),
        (record.c2s.ip_bytes + record.s2c.ip_bytes).to_string(),
        if tcp { retransmissions(record).to_string() } else { "-".to_owned() },
        round_trip(record).map_or_else(|| "-".to_owned(), |nanos| format!("{:.3} ms", nanos / 1e6)),
        format!("{:.1} s", record.end.since(record.start) as f64 / 1e9),
    ]
}

/// Columns as wide as their widest text, without blanks at the end.
fn table(rows: &[[String; COLUMNS.len()]]) -> String {
    let width = |column: usize| {
        let texts = rows.iter().map(|row| row[column].len());
        texts.chain([COLUMNS[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; COLUMNS.len()] = std::array::from_fn(width);
    let line = |texts: &[&str]| {
        let mut line = String::new();
        for (column, text) in texts.iter().enumerate() {
            let width = widths[column];
            let _ = if column < TEXTS { write!(line, "{text:<width$}  ") } else { write!(line, "{text:>width$}  ") };
        }
        format!("{}\n", line.trim_end())
    };
    let body = rows.iter().map(|row| line(&row.each_ref().map(String::as_str)));
    std::iter::once(line(&COLUMNS)).chain(body).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::record;

    #[test]
    fn every_word_is_an_order_of_the_api() {
        for (word, order) in BY {
            assert!(ORDERS.iter().any(|(name, _)| *name == order), "{word}");
        }
    }

    #[test]
    fn a_table_has_its_figures_at_the_right() {
        let record = record(1, 12_345);
        let item = Item { record: &record, worker: Some(0), rate: None };
        let text = table(&[row(&item)]);
        let lines: Vec<&str> = text.lines().collect();
        let end = |line: &str, what: &str| line.find(what).map(|at| at + what.len());
        assert_eq!(end(lines[0], "Packets"), end(lines[1], "12345"), "{text}");
        assert!(lines.iter().all(|line| line.trim_end() == *line), "{text}");
    }
}
