//! Top lists as metrics (`--top-metrics`): few enough series, that change seldom, and whose sum is that of all traffic.
//!
//! **Owns** which entries are served, and what each has had since it is. **May touch** the sketches, read only.
//! **Order** turned by the watch's thread with each picture; a scrape copies the counters.
//!
//! An entry comes in when it is among the first K and a place is free, and goes out when it has fallen behind place 3 K / 2
//! for [`PATIENCE`] turns. Its counter holds what came while it was served; all else is in `other`, so the increases of
//! all series together are those of the whole.

use super::who::{KINDS, MEASURES, PREFIXES, Party, Who};
use crate::exposition::{Family, Kind, Series};
use parshall_config::plan::WatchPlan;
use std::collections::HashMap;

/// Turns that an entry must be behind before it goes.
const PATIENCE: u32 = 5;

/// The metrics, in the order of [`MEASURES`].
pub const NAMES: [(&str, &str); MEASURES.len()] = [
    (
        "parshall_top_bytes_total",
        "IP bytes by the heaviest hosts, pairs, ports, applications and prefixes; the rest is other.",
    ),
    ("parshall_top_packets_total", "Packets by the heaviest; the rest is other."),
    ("parshall_top_flows_total", "Flows by the heaviest; the rest is other."),
    ("parshall_top_retransmissions_total", "Retransmitted packets by the heaviest; the rest is other."),
];

#[derive(Clone, Copy, Debug, Default)]
struct Served {
    /// What the sketch said at the last turn.
    last: u64,
    count: u64,
    behind: u32,
}

#[derive(Clone, Debug, Default)]
struct List {
    served: HashMap<Party, Served>,
    total: u64,
    other: u64,
    /// What was counted twice by a sketch's error, and is taken from `other` before that grows again.
    debt: u64,
}

impl List {
    /// Lets the lightest go until `most` are left.
    fn keep(&mut self, most: usize) {
        let mut lasts: Vec<u64> = self.served.values().map(|served| served.last).collect();
        lasts.sort_unstable_by_key(|last| std::cmp::Reverse(*last));
        if let Some(least) = most.checked_sub(1).and_then(|at| lasts.get(at)) {
            self.served.retain(|_, served| served.last >= *least);
        }
    }

    /// Takes in a list of (who, value), the heaviest first, and the sum over all.
    fn turn(&mut self, entries: &[(Party, u64)], total: u64, most: usize) {
        let mut grown = total.saturating_sub(self.total);
        self.total = total;
        for (party, served) in &mut self.served {
            let place = entries.iter().position(|(other, _)| other == party);
            let now = place.map_or(served.last, |place| entries[place].1);
            let more = now.saturating_sub(served.last);
            (served.last, served.count) = (now.max(served.last), served.count + more);
            served.behind = if place.is_some_and(|place| place < most + most / 2) { 0 } else { served.behind + 1 };
            let taken = more.min(grown);
            grown -= taken;
            self.debt += more - taken;
        }
        let paid = self.debt.min(grown);
        self.debt -= paid;
        self.other += grown - paid;
        self.served.retain(|_, served| served.behind < PATIENCE);
        for (party, value) in entries.iter().take(most) {
            if self.served.len() >= most {
                break;
            }
            self.served.entry(*party).or_insert(Served { last: *value, ..Served::default() });
        }
    }
}

/// The lists of every kind and measure.
#[derive(Debug, Default)]
pub struct TopMetrics {
    most: usize,
    lists: Vec<[List; MEASURES.len()]>,
}

impl TopMetrics {
    /// Nothing is served yet.
    #[must_use]
    pub fn new(plan: &WatchPlan) -> TopMetrics {
        let mut metrics = TopMetrics::default();
        metrics.replan(plan, false);
        metrics
    }

    /// Serves as many as `plan` says from now on. What is served and still has a place goes on where it is; with other prefixes
    /// theirs begin from nothing.
    pub fn replan(&mut self, plan: &WatchPlan, other_prefixes: bool) {
        self.most = usize::try_from(plan.top_metrics).unwrap_or(usize::MAX);
        self.lists.resize_with(if self.most == 0 { 0 } else { KINDS.len() }, Default::default);
        for list in self.lists.iter_mut().flatten() {
            list.keep(self.most);
        }
        if other_prefixes && let Some(lists) = self.lists.get_mut(PREFIXES) {
            *lists = Default::default();
        }
    }

    /// Looks at the lists again.
    pub fn turn(&mut self, who: &Who) {
        for (kind, lists) in self.lists.iter_mut().enumerate() {
            for (measure, list) in lists.iter_mut().enumerate() {
                let top = who.sketches(kind, measure, 0).top(self.most * 2);
                let entries: Vec<(Party, u64)> = top.entries.iter().map(|entry| (entry.party, entry.at_most)).collect();
                list.turn(&entries, top.total, self.most);
            }
        }
    }

    /// The metrics.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        let mut families: Vec<Family> =
            NAMES.iter().map(|(name, help)| Family::new(name, Kind::Counter, help)).collect();
        for (kind, lists) in KINDS.iter().zip(&self.lists) {
            for (family, list) in families.iter_mut().zip(lists) {
                let mut add = |key: String, count: u64| {
                    let labels = vec![("kind".to_owned(), (*kind).to_owned()), ("key".to_owned(), key)];
                    family.series.push(Series::number(labels, count as f64));
                };
                add("other".to_owned(), list.other);
                let mut served: Vec<_> = list.served.iter().collect();
                served.sort_by_key(|(party, _)| **party);
                served.into_iter().for_each(|(party, served)| add(party.to_string(), served.count));
            }
        }
        families
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_places_keep_the_heaviest_with_their_counts() {
        let mut list = List::default();
        let entries: Vec<(Party, u64)> = (1..=9).rev().map(|port| (Party::Port(port), u64::from(port))).collect();
        list.turn(&entries, 45, 9);
        let twice: Vec<(Party, u64)> = entries.iter().map(|(party, value)| (*party, value * 2)).collect();
        list.turn(&twice, 90, 9);
        list.keep(2);
        let mut left: Vec<_> = list.served.iter().map(|(party, served)| (*party, served.count)).collect();
        left.sort();
        assert_eq!(left, [(Party::Port(8), 8), (Party::Port(9), 9)]);
    }

    #[test]
    fn places_change_seldom_and_the_sum_is_always_right() {
        let mut list = List::default();
        let (mut values, mut gone, mut changes, mut total) = ([0_u64; 40], 0, 0, 0);
        let mut dice = 7_u64;
        for turn in 0..500_u64 {
            for (port, value) in values.iter_mut().enumerate() {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Neighbours overtake each other all the time.
                let more = (dice >> 60) + 40 - port as u64 / 2;
                *value += more;
                total += more;
            }
            let mut entries: Vec<(Party, u64)> =
                values.iter().enumerate().map(|(port, value)| (Party::Port(port as u16), *value)).collect();
            entries.sort_by_key(|(_, value)| std::cmp::Reverse(*value));
            entries.truncate(20);
            let before: HashMap<Party, u64> = list.served.iter().map(|(party, one)| (*party, one.count)).collect();
            list.turn(&entries, total, 10);
            for (party, count) in before {
                match list.served.get(&party) {
                    Some(one) => assert!(one.count >= count, "a counter never falls"),
                    None => {
                        gone += count;
                        changes += 1;
                    }
                }
            }
            assert!(list.served.len() <= 10);
            let sum: u64 = list.served.values().map(|one| one.count).sum();
            assert!(sum + list.other + gone <= total + list.debt, "{turn}");
        }
        assert!(changes < 20, "{changes} changes");
        let sum: u64 = list.served.values().map(|one| one.count).sum();
        assert!(sum + list.other + gone > total * 99 / 100);
    }
}
