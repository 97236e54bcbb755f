//! Adding up flows whose parts were counted on different workers.
//!
//! **Owns** the records that wait for another part of their flow. **May touch** records.
//! **Order** between the rings and the sinks, on the fan-out thread.
//!
//! Where software spreads packets, parts never part and everything passes at once. Where symmetric RSS spreads them,
//! only fragments can go astray; their worker announces such a flow when it begins, and records of announced keys wait.
//! Where nothing keeps the directions of a flow together (several pcap queues, taps on two ports), every record waits
//! for the length of the longest timeout. What waits is bounded; the oldest record leaves when the bound is met.
//!
//! Workers run ahead of each other, so several flows of one key may wait at once (a port used again): a part joins the
//! one whose start lies nearest to its own and that holds no part of its worker yet.

use crate::key::FlowKey;
use crate::record::FlowRecord;
use crate::record::make::FlowState;
use crate::time::Nanos;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

/// Which records can have parts elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// None: one worker, or spreading by software.
    Never,
    /// Flows of nothing but fragments, as announced: symmetric RSS.
    Fragments,
    /// Any flow.
    Anywhere,
}

#[derive(Debug)]
struct Held {
    record: FlowRecord,
    /// Bit n: worker n, modulo 128, has given its part.
    workers: u128,
    /// Tells it from the others of its key.
    number: u64,
}

/// The joiner.
#[derive(Debug)]
pub struct Joiner {
    parts: Parts,
    hold: u64,
    capacity: usize,
    announced: HashSet<FlowKey>,
    held: HashMap<FlowKey, Vec<Held>>,
    /// What waits, oldest first.
    queue: VecDeque<(Nanos, FlowKey, u64)>,
    taken: u64,
    half_flows: u64,
}

impl Joiner {
    /// A joiner that lets a record wait for `hold` nanoseconds, and at most `capacity` records at once.
    #[must_use]
    pub fn new(parts: Parts, hold: u64, capacity: usize) -> Joiner {
        let (announced, held, queue) = (HashSet::new(), HashMap::new(), VecDeque::new());
        Joiner { parts, hold, capacity: capacity.max(1), announced, held, queue, taken: 0, half_flows: 0 }
    }

    /// Lets records wait for so many nanoseconds from now on.
    pub const fn set_hold(&mut self, nanos: u64) {
        self.hold = nanos;
    }

    /// A worker holds a flow of this key that is all fragments so far.
    pub fn announce(&mut self, key: FlowKey) {
        if self.announced.len() < self.capacity {
            self.announced.insert(key);
        }
    }

    /// Flows added up from parts.
    #[must_use]
    pub const fn half_flows(&self) -> u64 {
        self.half_flows
    }

    /// Whether a flow's record may have to wait for another part of it.
    #[inline]
    #[must_use]
    pub fn waits(&self, state: &FlowState<'_>) -> bool {
        match self.parts {
            Parts::Never => false,
            Parts::Fragments => !self.announced.is_empty() && self.announced.contains(&state.key()),
            Parts::Anywhere => true,
        }
    }

    /// Takes a record of `worker` that waits; hands on one that need not wait any longer.
    pub fn record(&mut self, record: FlowRecord, worker: usize, now: Nanos, mut out: impl FnMut(FlowRecord)) {
        let (key, bit) = (record.key, 1_u128 << (worker % 128));
        let waiting = self.held.entry(key).or_default();
        let partner = waiting
            .iter_mut()
            .filter(|held| held.workers & bit == 0 && near(&held.record, &record, self.hold))
            .min_by_key(|held| held.record.start.0.abs_diff(record.start.0));
        if let Some(held) = partner {
            self.half_flows += u64::from(!held.record.half_seen);
            held.workers |= bit;
            held.record.absorb(record);
            return;
        }
        self.taken += 1;
        waiting.push(Held { record, workers: bit, number: self.taken });
        self.queue.push_back((now, key, self.taken));
        if self.queue.len() > self.capacity {
            self.release_oldest(&mut out);
        }
    }

    /// Hands on what has waited long enough by `now`.
    pub fn expire(&mut self, now: Nanos, mut out: impl FnMut(FlowRecord)) {
        while let Some((since, ..)) = self.queue.front() {
            if now.since(*since) <= self.hold && now != Nanos::MAX {
                break;
            }
            self.release_oldest(&mut out);
        }
    }

    fn release_oldest(&mut self, out: &mut impl FnMut(FlowRecord)) {
        let Some((_, key, number)) = self.queue.pop_front() else { return };
        let Entry::Occupied(mut waiting) = self.held.entry(key) else { return };
        let Some(at) = waiting.get().iter().position(|held| held.number == number) else { return };
        out(waiting.get_mut().remove(at).record);
        if waiting.get().is_empty() {
            waiting.remove();
            self.announced.remove(&key);
        }
    }
}

/// Whether two records can be parts of one flow: they overlap, or less than `gap` lies between them.
fn near(one: &FlowRecord, other: &FlowRecord, gap: u64) -> bool {
    one.start.since(other.end) <= gap && other.start.since(one.end) <= gap
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::EndReason;

    const HOLD: u64 = 60_000_000_000;

    fn part(port: u16, start: u64, end: u64) -> FlowRecord {
        let mut record = FlowRecord { start: Nanos(start), end: Nanos(end), ..FlowRecord::default() };
        record.key.low_port = port;
        record.end_reason = EndReason::TcpFin;
        record.c2s.packets = 1;
        record
    }

    /// (worker, record) in the order of arrival; what comes out, by start.
    fn joined(parts: Vec<(usize, FlowRecord)>, capacity: usize) -> (Vec<(u64, u64, u64)>, u64) {
        let mut joiner = Joiner::new(Parts::Anywhere, HOLD, capacity);
        let mut out = Vec::new();
        for (worker, record) in parts {
            joiner.record(record, worker, Nanos(1), |record| out.push(record));
        }
        joiner.expire(Nanos::MAX, |record| out.push(record));
        assert!(joiner.held.is_empty() && joiner.queue.is_empty());
        let mut seen: Vec<_> = out.iter().map(|record| (record.start.0, record.end.0, record.packets())).collect();
        seen.sort_unstable();
        (seen, joiner.half_flows())
    }

    #[test]
    fn connections_over_the_same_ports_find_their_own_halves_however_far_one_worker_runs_ahead() {
        let second = 1_000_000_000;
        let halves = |worker: usize, late: u64| -> Vec<(usize, FlowRecord)> {
            (0..3).map(|n| (worker, part(7, n * second + late, n * second + 500 + late))).collect()
        };
        let want = vec![(0, 510, 2), (second, second + 510, 2), (2 * second, 2 * second + 510, 2)];
        let (up, down) = (halves(0, 0), halves(1, 10));
        let ahead = [up.clone(), down.clone()].concat();
        let behind = [down.clone(), up.clone()].concat();
        let even = up.iter().cloned().zip(down.iter().cloned()).flat_map(|(a, b)| [a, b]).collect::<Vec<_>>();
        for order in [ahead, behind, even] {
            assert_eq!(joined(order, 100), (want.clone(), 3));
        }
    }

    #[test]
    fn two_records_of_one_worker_are_never_added_up() {
        assert_eq!(joined(vec![(0, part(7, 0, 9)), (0, part(7, 5, 20))], 100), (vec![(0, 9, 1), (5, 20, 1)], 0));
    }

    #[test]
    fn the_oldest_leaves_when_no_more_may_wait() {
        let mut joiner = Joiner::new(Parts::Anywhere, HOLD, 2);
        let mut out = Vec::new();
        for n in 0..3 {
            joiner.record(part(n, u64::from(n), 9), 0, Nanos(1), |record| out.push(record.key.low_port));
        }
        assert_eq!(out, [0]);
    }
}
