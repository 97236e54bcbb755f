//! The summary of `read`: what was seen, for a person.
//!
//! **Owns** its layout, and the count of who talked most. **May touch** the states that records are made from, and the last
//! snapshot. **Order** fed with every one, printed once at the end.

use parshall_engine::flow::Mark;
use parshall_engine::key::ip_of;
use parshall_engine::merge::snapshot::Snapshot;
use parshall_engine::packet::{Encap, Flaw, Outcome};
use parshall_engine::record::EndReason;
use parshall_engine::record::make::FlowState;
use parshall_engine::tally::L4_LABELS;
use parshall_engine::time::Nanos;
use std::collections::HashMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

/// Hosts that are counted exactly; behind that many, new ones count as `others`.
const HOSTS: usize = 100_000;

/// Hosts that are shown.
const SHOWN: usize = 10;

#[derive(Clone, Copy, Debug, Default)]
struct Host {
    flows: u64,
    packets: u64,
    bytes: u64,
}

impl Host {
    /// One record's share.
    fn of(state: &FlowState<'_>) -> Host {
        let hot = &state.pair.hot;
        let flows = u64::from(state.facts.origin.record_seq == 0);
        Host { flows, packets: hot.all_packets(), bytes: hot.ip_bytes(0) + hot.ip_bytes(1) }
    }

    fn add(&mut self, share: Host) {
        self.flows += share.flows;
        self.packets += share.packets;
        self.bytes += share.bytes;
    }
}

/// Who talked how much.
#[derive(Debug)]
pub struct Talkers {
    /// By IP version and address.
    hosts: HashMap<(u8, u128), Host, foldhash::fast::RandomState>,
    others: Host,
    first: Nanos,
    last: Nanos,
}

impl Default for Talkers {
    fn default() -> Talkers {
        Talkers { hosts: HashMap::default(), others: Host::default(), first: Nanos::MAX, last: Nanos::ZERO }
    }
}

impl Talkers {
    /// Counts a record for both of its hosts, by the state that it is made from.
    pub fn take(&mut self, state: &FlowState<'_>) {
        let (key, hot) = (state.key(), &state.pair.hot);
        let (client, server) = if hot.has(Mark::ClientIsLow) { (key.low, key.high) } else { (key.high, key.low) };
        self.add([client, server].map(|ip| (key.version, ip)), (state.start(), hot.last()), Host::of(state));
    }

    fn add(&mut self, hosts: [(u8, u128); 2], (start, end): (Nanos, Nanos), share: Host) {
        self.first = self.first.min(start);
        self.last = self.last.max(end);
        for at in hosts {
            let room = self.hosts.len() < HOSTS;
            match self.hosts.get_mut(&at) {
                Some(host) => host.add(share),
                None if room => self.hosts.entry(at).or_default().add(share),
                None => self.others.add(share),
            }
        }
    }

    fn top(&self) -> Vec<(IpAddr, Host)> {
        let all = self.hosts.iter().map(|((version, ip), host)| (ip_of(*version, *ip), *host));
        let mut hosts: Vec<(IpAddr, Host)> = all.collect();
        hosts.sort_by_key(|(ip, host)| (std::cmp::Reverse(host.bytes), *ip));
        hosts.truncate(SHOWN);
        hosts
    }
}

/// What the summary is made from.
#[derive(Debug)]
pub struct Summary<'a> {
    /// The last snapshot.
    pub snapshot: &'a Snapshot,
    /// Who talked.
    pub talkers: &'a Talkers,
    /// How long reading took.
    pub elapsed: Duration,
    /// Records that came late for their place in the order.
    pub late: u64,
}

impl Summary<'_> {
    /// The summary as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.totals(&mut out);
        self.protocols(&mut out);
        self.hosts(&mut out);
        self.outcomes(&mut out);
        self.books(&mut out);
        out
    }

    fn totals(&self, out: &mut String) {
        let total = &self.snapshot.total;
        let (packets, bytes) = (total.taken_packets(), total.taken_bytes());
        let seconds = self.elapsed.as_secs_f64().max(1e-9);
        let span =
            if self.talkers.first <= self.talkers.last { self.talkers.last.since(self.talkers.first) } else { 0 };
        let flows: u64 = total.flows_created.iter().sum();
        line(out, "frames", &grouped(packets));
        line(out, "bytes on the wire", &grouped(bytes));
        line(out, "flows", &grouped(flows));
        line(out, "capture time", &format!("{:.6} s", span as f64 / 1e9));
        line(out, "read in", &format!("{seconds:.3} s, {} frames/s", grouped((packets as f64 / seconds) as u64)));
    }

    fn protocols(&self, out: &mut String) {
        let total = &self.snapshot.total;
        let _ = writeln!(out, "\n{:<10} {:>15} {:>20} {:>15}", "protocol", "packets", "IP bytes", "flows");
        for (index, (_, name)) in L4_LABELS.iter().enumerate() {
            let packets = total.protocols[0][index].packets + total.protocols[1][index].packets;
            let bytes = total.protocols[0][index].bytes + total.protocols[1][index].bytes;
            if packets > 0 {
                let flows = grouped(total.flows_created[index]);
                let _ = writeln!(out, "{name:<10} {:>15} {:>20} {flows:>15}", grouped(packets), grouped(bytes));
            }
        }
    }

    fn hosts(&self, out: &mut String) {
        let top = self.talkers.top();
        if top.is_empty() {
            return;
        }
        let width = top.iter().map(|(ip, _)| ip.to_string().len()).max().unwrap_or(0).max(11);
        let _ = writeln!(out, "\n{:<width$} {:>15} {:>20} {:>10}", "top talkers", "packets", "IP bytes", "flows");
        for (ip, host) in &top {
            let (packets, bytes, flows) = (grouped(host.packets), grouped(host.bytes), grouped(host.flows));
            let _ = writeln!(out, "{:<width$} {packets:>15} {bytes:>20} {flows:>10}", ip.to_string());
        }
        if self.talkers.others.flows > 0 {
            let _ = writeln!(out, "(hosts after the first {} are not ranked)", grouped(HOSTS as u64));
        }
    }

    fn outcomes(&self, out: &mut String) {
        let total = &self.snapshot.total;
        let _ = writeln!(out, "\n{:<28} {:>15}", "outcome", "frames");
        for (outcome, name) in Outcome::ALL {
            let frames = total.outcomes[outcome as usize];
            if frames > 0 || outcome == Outcome::Flow {
                let _ = writeln!(out, "{name:<28} {:>15}", grouped(frames));
            }
        }
        rows(out, "flaw", Flaw::ALL.iter().map(|(flaw, name)| (*name, total.flaws[*flaw as usize])));
        rows(out, "encapsulation", Encap::ALL.iter().map(|(encap, name)| (*name, total.encaps[*encap as usize])));
        rows(out, "records", EndReason::ALL.iter().map(|(reason, name)| (*name, total.records[*reason as usize])));
    }

    fn books(&self, out: &mut String) {
        let (total, books) = (&self.snapshot.total, self.snapshot.total.books());
        let _ = writeln!(out);
        if books.closed() {
            let _ = writeln!(out, "all {} frames accounted for", grouped(books.taken));
        } else {
            let (frames, packets) = (books.frame_error(), books.flow_error());
            let _ = writeln!(
                out,
                "the books do not close: {frames} frames without an outcome, {packets} packets without a record"
            );
        }
        let notes = [
            ("mirror duplicates", total.duplicates, "--duplicates drop leaves them out"),
            ("packets without room in the flow table", total.table_full, "--max-flows, --flow-memory"),
            ("segment histories without memory", total.history_refused, "--segment-memory"),
            ("link contexts without room", total.contexts_full, "records lack their MACs, VLANs and tunnels"),
            ("fragmented datagrams forgotten too early", total.fragment_cache.evictions, "later fragments are orphans"),
            ("records dropped at a full ring", total.records_dropped_count, "--record-ring"),
            ("packets earlier than one before them", total.time_backwards, "the capture goes back in time"),
            ("records late for their place in the order", self.late, "their packets went back in time"),
        ];
        for (what, count, hint) in notes.iter().filter(|(_, count, _)| *count > 0) {
            let _ = writeln!(out, "{what}: {} ({hint})", grouped(*count));
        }
    }
}

fn line(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "{name:<18} {value}");
}

fn rows(out: &mut String, title: &str, rows: impl Iterator<Item = (&'static str, u64)>) {
    let rows: Vec<(&str, u64)> = rows.filter(|(_, count)| *count > 0).collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}");
    for (name, count) in rows {
        let _ = writeln!(out, "  {name:<26} {:>15}", grouped(count));
    }
}

/// A number with its thousands apart.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, want) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(number), want);
        }
    }

    #[test]
    fn the_summary_says_in_a_sentence_whether_the_books_close() {
        let mut talkers = Talkers::default();
        let share = Host { flows: 1, packets: 4, bytes: 400 };
        talkers.add([(4, 0x0a00_0002), (4, 0x0a00_0001)], (Nanos(1), Nanos(2_000_000_001)), share);
        let mut snapshot = Snapshot::default();
        let text = |snapshot: &Snapshot| {
            let elapsed = Duration::from_secs(1);
            Summary { snapshot, talkers: &talkers, elapsed, late: 0 }.text()
        };
        snapshot
            .total
            .take(parshall_engine::source::Input::default(), parshall_engine::tally::Volume { packets: 1, bytes: 60 });
        assert!(text(&snapshot).contains("the books do not close: 1 frames without an outcome"));
        snapshot.total.outcomes[Outcome::NonIp as usize] = 1;
        assert!(text(&snapshot).contains("\nall 1 frames accounted for\n"), "{}", text(&snapshot));
        assert!(text(&snapshot).contains("10.0.0.1 "));
        assert!(text(&snapshot).contains("2.000000 s"));
    }
}
