//! Adding up flows whose parts were counted on different workers.
//!
//! **Owns** the records that wait for another part of their flow. **May touch** records.
//! **Order** between the rings and the sinks, on the fan-out thread.
//!
//! Where software spreads packets, parts never part and everything passes at once. Where symmetric RSS spreads them,
//! only fragments can go astray; their worker announces such a flow when it begins, and records of announced keys wait.
//! Where nothing keeps the directions of a flow together (several pcap queues, taps on two ports), every record waits
//! for the length of the longest timeout. What waits is bounded; the oldest record leaves when the bound is met.

use crate::key::FlowKey;
use crate::record::FlowRecord;
use crate::time::Nanos;
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
    worker: usize,
    since: Nanos,
}

/// The joiner.
#[derive(Debug)]
pub struct Joiner {
    parts: Parts,
    hold: u64,
    capacity: usize,
    announced: HashSet<FlowKey>,
    held: HashMap<FlowKey, Held>,
    queue: VecDeque<(Nanos, FlowKey)>,
    half_flows: u64,
}

impl Joiner {
    /// A joiner that lets a record wait for `hold` nanoseconds, and at most `capacity` records at once.
    #[must_use]
    pub fn new(parts: Parts, hold: u64, capacity: usize) -> Joiner {
        let (announced, held, queue) = (HashSet::new(), HashMap::new(), VecDeque::new());
        Joiner { parts, hold, capacity: capacity.max(1), announced, held, queue, half_flows: 0 }
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

    /// Takes a record of `worker`; hands on what need not wait.
    pub fn record(&mut self, record: FlowRecord, worker: usize, now: Nanos, mut out: impl FnMut(FlowRecord)) {
        let waits = match self.parts {
            Parts::Never => false,
            Parts::Fragments => self.announced.contains(&record.key),
            Parts::Anywhere => true,
        };
        if !waits {
            return out(record);
        }
        let key = record.key;
        if let Some(held) = self.held.get_mut(&key) {
            if held.worker != worker && near(&held.record, &record, self.hold) {
                self.half_flows += u64::from(!held.record.half_seen);
                held.record.absorb(record);
                return;
            }
            out(std::mem::replace(&mut held.record, record));
            (held.worker, held.since) = (worker, now);
        } else {
            if self.held.len() >= self.capacity {
                self.release_oldest(&mut out);
            }
            self.held.insert(key, Held { record, worker, since: now });
        }
        self.queue.push_back((now, key));
    }

    /// Hands on what has waited long enough by `now`.
    pub fn expire(&mut self, now: Nanos, mut out: impl FnMut(FlowRecord)) {
        while let Some((since, _)) = self.queue.front() {
            if now.since(*since) <= self.hold && now != Nanos::MAX {
                break;
            }
            self.release_oldest(&mut out);
        }
    }

    fn release_oldest(&mut self, out: &mut impl FnMut(FlowRecord)) {
        while let Some((since, key)) = self.queue.pop_front() {
            // An entry whose record was replaced meanwhile has a younger twin further back.
            if self.held.get(&key).is_some_and(|held| held.since == since)
                && let Some(held) = self.held.remove(&key)
            {
                self.announced.remove(&key);
                return out(held.record);
            }
        }
    }
}

/// Whether two records can be parts of one flow: they overlap, or less than `gap` lies between them.
fn near(one: &FlowRecord, other: &FlowRecord, gap: u64) -> bool {
    one.start.since(other.end) <= gap && other.start.since(one.end) <= gap
}
