//! Who: the heaviest hosts, pairs, ports, applications and prefixes, and how many there are.
//!
//! **Owns** the sketches. **May touch** growths. **Order** fed by the watch's thread; asked by HTTP, which copies one sketch
//! out and reads it outside the lock.
//!
//! Frequent-items sketches of Apache DataSketches (mergeable; a count is never over its upper bound nor under its lower one,
//! and the widest span is the sketch's own maximum error) and HyperLogLog for how many. Beside those since the start there
//! is one slice a minute, of which the last 15 are kept and merged for a window.

use super::growth::{Growth, IP_BYTES, PACKETS, RETRANSMITTED};
use datasketches::frequencies::{ErrorType, FrequentItemsSketch};
use datasketches::hll::{HllSketch, HllType};
use ipnet::IpNet;
use parshall_engine::tally::{L4_LABELS, l4_label};
use parshall_engine::time::Nanos;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

/// Size of the sketches since the start: up to three quarters of so many entries are exact.
const LARGE: usize = 8192;
/// Size of the sketches of one minute.
const SMALL: usize = 2048;
/// HyperLogLog with 2^12 registers.
const REGISTERS: u8 = 12;
/// Its relative standard error: 1.04 / sqrt(2^12).
pub const DISTINCT_ERROR: f64 = 1.04 / 64.0;
/// Length of a slice. Unit: nanoseconds.
const SLICE: u64 = 60_000_000_000;
/// Slices kept.
const SLICES: usize = 15;

/// One that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Party {
    /// A host.
    Host(IpAddr),
    /// Two hosts, the lower address first.
    Pair(IpAddr, IpAddr),
    /// A server's port.
    Port(u16),
    /// A protocol, and the server's port where it has one.
    Application(u8, Option<u16>),
    /// A network of `--top-prefixes`.
    Prefix(IpNet),
}

impl std::fmt::Display for Party {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Party::Host(ip) => write!(f, "{ip}"),
            Party::Pair(low, high) => write!(f, "{low} {high}"),
            Party::Port(port) => write!(f, "{port}"),
            Party::Application(protocol, port) => {
                match L4_LABELS[l4_label(*protocol)] {
                    (255, _) => write!(f, "{protocol}")?,
                    (_, name) => write!(f, "{name}")?,
                }
                port.map_or(Ok(()), |port| write!(f, "/{port}"))
            }
            Party::Prefix(network) => write!(f, "{network}"),
        }
    }
}

/// The kinds of top lists, with their names in the API.
pub const KINDS: [&str; 5] = ["hosts", "pairs", "ports", "applications", "prefixes"];

/// Where the prefixes are in [`KINDS`].
pub(super) const PREFIXES: usize = 4;

/// What they are ordered by, with its names in the API.
pub const MEASURES: [&str; 4] = ["bytes", "packets", "flows", "retransmissions"];

/// The windows, with their length in slices; 0 is since the start.
pub const WINDOWS: [(&str, usize); 4] = [("all", 0), ("1m", 1), ("5m", 5), ("15m", 15)];

type Sketch = FrequentItemsSketch<Party>;

/// Memory of all sketches when they are full: an entry is a party, its count and a state.
pub(super) const MOST_BYTES: u64 =
    (KINDS.len() * MEASURES.len() * (LARGE + (SLICES + 1) * SMALL) * (size_of::<Party>() + 16)) as u64;

#[derive(Clone, Debug)]
struct Slice {
    since: Nanos,
    /// By kind and measure.
    sketches: Vec<[Sketch; MEASURES.len()]>,
}

/// The longest that holds an address is found first.
fn longest_first(prefixes: &[IpNet]) -> Vec<IpNet> {
    let mut prefixes = prefixes.to_vec();
    prefixes.sort_by_key(|network| std::cmp::Reverse(network.prefix_len()));
    prefixes
}

fn sketch(size: usize) -> Sketch {
    // The sizes are constants that are powers of two; a sketch refuses nothing else.
    #[allow(clippy::expect_used, reason = "a constant that a test makes a sketch of")]
    FrequentItemsSketch::new(size).expect("a power of two")
}

impl Slice {
    fn new(since: Nanos, size: usize) -> Slice {
        Slice { since, sketches: KINDS.iter().map(|_| std::array::from_fn(|_| sketch(size))).collect() }
    }

    fn forget(&mut self, kind: usize, size: usize) {
        self.sketches[kind] = std::array::from_fn(|_| sketch(size));
    }

    fn add(&mut self, kind: usize, party: Party, weights: [u64; MEASURES.len()]) {
        for (sketch, weight) in self.sketches[kind].iter_mut().zip(weights) {
            if weight > 0 {
                sketch.update_with_count(party, weight);
            }
        }
    }
}

/// One entry of a top list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who.
    pub party: Party,
    /// The true value is not below this.
    pub at_least: u64,
    /// The true value is not above this.
    pub at_most: u64,
}

/// A top list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Top {
    /// The heaviest first.
    pub entries: Vec<Entry>,
    /// Sum over all that were counted.
    pub total: u64,
    /// How far a value can be off; 0 is exact.
    pub error: u64,
    /// Since when.
    pub since: Nanos,
}

/// How many different ones there were since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Distinct {
    /// Hosts.
    pub hosts: f64,
    /// Flows.
    pub flows: f64,
}

/// The sketches.
#[derive(Debug)]
pub struct Who {
    all: Slice,
    current: Slice,
    closed: VecDeque<Arc<Slice>>,
    hosts: HllSketch,
    flows: HllSketch,
    prefixes: Vec<IpNet>,
}

impl Who {
    /// Nobody so far.
    #[must_use]
    #[allow(clippy::missing_panics_doc, reason = "the number of registers is a constant in range")]
    pub fn new(now: Nanos, prefixes: &[IpNet]) -> Who {
        #[allow(clippy::expect_used, reason = "a constant that a test makes a sketch of")]
        let counter = || HllSketch::new(REGISTERS, HllType::Hll8).expect("4 to 21");
        Who {
            all: Slice::new(now, LARGE),
            current: Slice::new(now, SMALL),
            closed: VecDeque::new(),
            hosts: counter(),
            flows: counter(),
            prefixes: longest_first(prefixes),
        }
    }

    /// Counts these prefixes from now on; when they are others than before, they begin from nothing. Says whether they are.
    pub fn count_prefixes(&mut self, prefixes: &[IpNet]) -> bool {
        let prefixes = longest_first(prefixes);
        if prefixes == self.prefixes {
            return false;
        }
        self.prefixes = prefixes;
        self.all.forget(PREFIXES, LARGE);
        self.current.forget(PREFIXES, SMALL);
        self.closed.iter_mut().for_each(|slice| Arc::make_mut(slice).forget(PREFIXES, SMALL));
        true
    }

    /// Closes the slice of a minute that is over.
    pub fn turn(&mut self, now: Nanos) {
        if now.since(self.current.since) >= SLICE {
            let closed = std::mem::replace(&mut self.current, Slice::new(now, SMALL));
            self.closed.push_back(Arc::new(closed));
            if self.closed.len() > SLICES {
                self.closed.pop_front();
            }
        }
    }

    /// Counts a growth.
    pub fn count(&mut self, growth: &Growth<'_>) {
        let weights =
            [growth.both(IP_BYTES), growth.both(PACKETS), u64::from(growth.is_new), growth.both(RETRANSMITTED)];
        if weights == [0; MEASURES.len()] {
            return;
        }
        let record = growth.record;
        let (client, server) = (record.client_ip(), record.server_ip());
        if growth.is_new {
            self.hosts.update(client);
            self.hosts.update(server);
            self.flows.update(record.flow_id);
        }
        let port = record.key.port(!record.client_is_low);
        let hosts = [Some(client), Some(server).filter(|server| *server != client)];
        let prefixes = hosts.map(|ip| ip.and_then(|ip| self.prefix(ip)));
        for slice in [&mut self.all, &mut self.current] {
            for host in hosts.into_iter().flatten() {
                slice.add(0, Party::Host(host), weights);
            }
            slice.add(1, Party::Pair(client.min(server), client.max(server)), weights);
            if let Some(port) = port {
                slice.add(2, Party::Port(port), weights);
            }
            slice.add(3, Party::Application(record.key.protocol, port), weights);
            for (n, prefix) in prefixes.iter().enumerate() {
                if let Some(prefix) = prefix.filter(|prefix| n == 0 || prefixes[0] != Some(*prefix)) {
                    slice.add(PREFIXES, Party::Prefix(prefix), weights);
                }
            }
        }
    }

    /// The longest prefix that holds an address.
    fn prefix(&self, ip: IpAddr) -> Option<IpNet> {
        self.prefixes.iter().find(|network| network.contains(&ip)).copied()
    }

    /// Copies of what a top list is made from, to be read outside of any lock. `window`: slices, 0 since the start.
    #[must_use]
    pub fn sketches(&self, kind: usize, measure: usize, window: usize) -> Sketches {
        if window == 0 {
            return Sketches { parts: vec![self.all.sketches[kind][measure].clone()], since: self.all.since };
        }
        let closed = self.closed.iter().rev().take(window);
        let since = closed.clone().next_back().map_or(self.current.since, |slice| slice.since);
        let mut parts = vec![self.current.sketches[kind][measure].clone()];
        parts.extend(closed.map(|slice| slice.sketches[kind][measure].clone()));
        Sketches { parts, since }
    }

    /// How many different ones there were.
    #[must_use]
    pub fn distinct(&self) -> Distinct {
        Distinct { hosts: self.hosts.estimate(), flows: self.flows.estimate() }
    }
}

/// What a top list is made from.
#[derive(Debug)]
pub struct Sketches {
    parts: Vec<Sketch>,
    since: Nanos,
}

impl Sketches {
    /// The list of the `most` heaviest.
    #[must_use]
    pub fn top(self, most: usize) -> Top {
        let mut parts = self.parts.into_iter();
        let mut sum = parts.next().unwrap_or_else(|| sketch(SMALL));
        for part in parts {
            sum.merge(&part);
        }
        let rows = sum.frequent_items_with_threshold(ErrorType::NoFalseNegatives, 0);
        let mut entries: Vec<Entry> = rows
            .iter()
            .map(|row| Entry { party: *row.item(), at_least: row.lower_bound(), at_most: row.upper_bound() })
            .collect();
        entries.sort_by_key(|entry| (std::cmp::Reverse((entry.at_least, entry.at_most)), entry.party));
        entries.truncate(most);
        Top { entries, total: sum.total_weight(), error: sum.maximum_error(), since: self.since }
    }
}

#[cfg(test)]
mod tests {
    use super::super::growth::counts;
    use super::*;
    use parshall_engine::key::FlowKey;
    use parshall_engine::record::{Direction, FlowRecord};
    use std::collections::HashMap;

    fn flow(client: u32, server: u32, port: u16, bytes: u64) -> FlowRecord {
        let (key, client_is_low) = FlowKey::canonical(4, 6, (u128::from(client), 40_000), (u128::from(server), port));
        let c2s = Direction { packets: 1, ip_bytes: bytes, ..Direction::default() };
        FlowRecord { key, client_is_low, flow_id: u64::from(client) << 32 | bytes, c2s, ..FlowRecord::default() }
    }

    fn count(who: &mut Who, record: &FlowRecord) {
        who.count(&Growth { record, counts: counts(record), is_new: true });
    }

    #[test]
    fn few_are_exact_and_many_are_within_the_error_that_is_stated() {
        for (hosts, exact) in [(500_u32, true), (60_000, false)] {
            let mut who = Who::new(Nanos::ZERO, &[]);
            let mut truth = HashMap::new();
            for n in 0..hosts * 2 {
                // Host 1 is in every second flow, host 2 in every fourth, and so on; the rest are met once or twice.
                let heavy = n.trailing_ones() + 1;
                let record = flow(heavy, 1000 + n % hosts, 443, 40 + u64::from(n % 1400));
                *truth.entry(heavy).or_insert(0) += record.c2s.ip_bytes;
                *truth.entry(1000 + n % hosts).or_insert(0) += record.c2s.ip_bytes;
                count(&mut who, &record);
            }
            let top = who.sketches(0, 0, 0).top(1000);
            assert_eq!(top.error == 0, exact, "{hosts}: {}", top.error);
            assert_eq!(top.total, truth.values().sum::<u64>());
            assert_eq!(top.entries[0].party, Party::Host("0.0.0.1".parse().unwrap()));
            for entry in &top.entries {
                let Party::Host(IpAddr::V4(ip)) = entry.party else { panic!("{entry:?}") };
                let value = truth[&u32::from(ip)];
                assert!(entry.at_least <= value && value <= entry.at_most, "{entry:?} {value}");
                assert!(entry.at_most - entry.at_least <= top.error);
            }
            let real = truth.len() as f64;
            let counted = who.distinct().hosts;
            assert!((counted - real).abs() < real * 4.0 * DISTINCT_ERROR + 1.0, "{counted} of {real}");
        }
    }

    #[test]
    fn a_window_holds_its_minutes_and_forgets_older_ones() {
        let mut who = Who::new(Nanos::ZERO, &[]);
        for minute in 0..20 {
            who.turn(Nanos(minute * SLICE));
            count(&mut who, &flow(1, 2, 80, 100));
        }
        let total = |window| who.sketches(2, 0, window).top(10).total;
        assert_eq!([total(0), total(1), total(5), total(15)], [2000, 200, 600, 1600]);
    }

    #[test]
    fn an_address_counts_for_the_longest_prefix_and_a_flow_inside_it_once() {
        let prefixes: Vec<IpNet> = ["10.0.0.0/8", "10.1.0.0/16"].iter().map(|net| net.parse().unwrap()).collect();
        let mut who = Who::new(Nanos::ZERO, &prefixes);
        count(&mut who, &flow(0x0a01_0001, 0x0a01_0002, 80, 100));
        count(&mut who, &flow(0x0a02_0001, 0x0a01_0002, 80, 10));
        let top = who.sketches(4, 0, 0).top(10);
        let rows: Vec<(String, u64)> = top.entries.iter().map(|e| (e.party.to_string(), e.at_most)).collect();
        assert_eq!(rows, [("10.1.0.0/16".to_owned(), 110), ("10.0.0.0/8".to_owned(), 10)]);
    }

    #[test]
    fn names_are_what_people_write() {
        assert_eq!(Party::Application(17, Some(53)).to_string(), "udp/53");
        assert_eq!(Party::Application(99, None).to_string(), "99");
    }
}
