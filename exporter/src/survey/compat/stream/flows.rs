//! Which flows tcp-stream-exporter's names are served for, each with the sums over its whole life.
//!
//! **Owns** the sums of flows that the active timeout cut, flows that ended lately, and what was seen of each while it lived.
//! **May touch** records and scenes. **Order** fed by the watch's thread; asked by a scrape.
//!
//! A counter must not go back, or Prometheus takes it for a new one. The picture of a live flow and the record of its cut come
//! on different ways: a picture older than the record is not added to it, and one that is ahead of it waits for it. Of flows with
//! the same ends and state the newest is served: it begins at 0, as a counter may.

use super::Served;
use crate::survey::scene::{Rate, Scene};
use parshall_engine::key::FlowKey;
use parshall_engine::record::{EndReason, FlowRecord, TcpDirection};
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

/// Flows cut by the active timeout whose sums are remembered.
const CONTINUED: usize = 20_000;

/// How long an ended stream is still served: tcp-stream-exporter's `-finalized-age`.
const FINALIZED: Duration = Duration::from_secs(60);

/// Bit rates remembered of each direction, as there.
const RATES: usize = 60;

/// The state of a stream that is neither closed nor reset.
pub(super) const ACTIVE: &str = "active";

/// What is remembered of TCP flows.
#[derive(Debug)]
pub(in super::super) struct Streams {
    most: usize,
    /// Sums of the records that are out, with the number of the last one.
    sums: HashMap<u64, (u32, FlowRecord)>,
    /// With the time at which each came.
    ended: Vec<(Instant, FlowRecord)>,
    seen: HashMap<u64, [Seen; 2]>,
}

/// What was seen of a direction while it lived.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The last bit rates.
    rates: VecDeque<f64>,
    /// The most bytes that were missing at a time; fewer are when they come late.
    gap: u32,
}

impl Seen {
    fn see(&mut self, rate: Option<f64>, gap: u32) {
        self.rates.extend(rate);
        if self.rates.len() > RATES {
            self.rates.pop_front();
        }
        self.gap = self.gap.max(gap);
    }

    /// Coefficient of variation of the rates.
    fn variation(&self) -> Option<f64> {
        let rates = deviation(self.rates.iter().copied()).filter(|(mean, _)| *mean > 0.0);
        rates.map(|(mean, deviation)| deviation / mean)
    }
}

/// Memory of it, at the most, when so many flows are served and so many live ones are told.
pub(in super::super) const fn most_bytes(most: u64, live_flows: u64) -> u64 {
    let records = 2 * most + CONTINUED as u64;
    let seen = 2 * (size_of::<Seen>() + 2 * RATES * size_of::<f64>());
    records * size_of::<FlowRecord>() as u64 + (live_flows + 2 * most) * seen as u64
}

fn bytes(record: &FlowRecord) -> u64 {
    record.c2s.ip_bytes + record.s2c.ip_bytes
}

fn state(record: &FlowRecord, lives: bool) -> &'static str {
    match record.end_reason {
        EndReason::TcpRst => "reset",
        EndReason::TcpFin => "finalized",
        _ if lives => ACTIVE,
        _ => "finalized",
    }
}

/// Mean and standard deviation of two values or more.
pub(super) fn deviation(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let values: Vec<f64> = values.collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    (values.len() > 1).then(|| (mean, squares.sqrt()))
}

/// One record added to those of the same flow before it.
fn added(before: &FlowRecord, record: &FlowRecord) -> FlowRecord {
    let mut sum = before.clone();
    sum.absorb(record.clone());
    // Parts in time, not parts on several workers: the first packets are still those of the first record.
    (sum.flow_id, sum.half_seen) = (record.flow_id, record.half_seen);
    sum.first = before.first.clone();
    sum
}

impl Streams {
    /// Serves so many flows.
    pub(in super::super) fn new(most: usize) -> Streams {
        Streams { most, sums: HashMap::new(), ended: Vec::new(), seen: HashMap::new() }
    }

    /// Serves so many flows from now on.
    pub(in super::super) const fn serve(&mut self, most: usize) {
        self.most = most;
    }

    /// Takes a finished record in.
    pub(in super::super) fn record(&mut self, record: &FlowRecord) {
        if record.tcp.is_none() {
            return;
        }
        let (id, seq) = (record.flow_id, record.record_seq);
        let sum = self.sums.get(&id).map_or_else(|| record.clone(), |(_, before)| added(before, record));
        if record.end_reason == EndReason::Active {
            if self.sums.len() < CONTINUED || self.sums.contains_key(&id) {
                self.sums.insert(id, (seq, sum));
            }
            return;
        }
        self.sums.remove(&id);
        self.ended.push((Instant::now(), sum));
        if self.ended.len() > self.most.saturating_mul(2) {
            self.trim();
        }
    }

    fn trim(&mut self) {
        self.ended.retain(|(came, _)| came.elapsed() < FINALIZED);
        self.ended.sort_by_key(|(_, record)| std::cmp::Reverse(bytes(record)));
        self.ended.truncate(self.most);
    }

    /// Takes the live flows in: how fast each goes, and what is missing.
    pub(in super::super) fn scene(&mut self, scene: &Scene) {
        let flows = scene.picture.flows.iter().zip(&scene.rates);
        let over = self.ended.iter().map(|(_, record)| record.flow_id);
        let mut seen: HashMap<u64, [Seen; 2]> = over.filter_map(|id| Some((id, self.seen.remove(&id)?))).collect();
        for (flow, rate) in flows {
            let Some(tcp) = &flow.record.tcp else { continue };
            let id = flow.record.flow_id;
            let ways = seen.entry(id).or_insert_with(|| self.seen.remove(&id).unwrap_or_default());
            for ((way, seen), sent) in ways.iter_mut().enumerate().zip([&tcp.c2s, &tcp.s2c]) {
                let gap = sent.history.as_ref().map_or(0, |history| history.gap_bytes);
                seen.see(rate.map(|rate| rate.payload_bits[way]), gap);
            }
        }
        self.seen = seen;
    }

    /// A live flow with what its earlier records had; `None` while the record of its last cut is on its way.
    fn whole(&self, record: &FlowRecord) -> Option<FlowRecord> {
        match self.sums.get(&record.flow_id) {
            None => (record.record_seq != 1).then(|| record.clone()),
            Some((seq, sum)) if *seq >= record.record_seq => Some(sum.clone()),
            Some((seq, _)) if seq + 2 == record.record_seq => None,
            Some((_, sum)) => Some(added(sum, record)),
        }
    }

    fn seen(&self, record: &FlowRecord) -> ([Option<f64>; 2], [u32; 2]) {
        let now = |sent: &TcpDirection| sent.history.as_ref().map_or(0, |history| history.gap_bytes);
        let gaps = record.tcp.as_ref().map_or([0; 2], |tcp| [now(&tcp.c2s), now(&tcp.s2c)]);
        match self.seen.get(&record.flow_id) {
            None => ([None; 2], gaps),
            Some(ways) => (
                std::array::from_fn(|way| ways[way].variation()),
                std::array::from_fn(|way| ways[way].gap.max(gaps[way])),
            ),
        }
    }

    /// The live flows, parts on several workers added up.
    fn live(&self, scene: &Scene) -> HashMap<FlowKey, Served> {
        let over: HashSet<u64> = self.ended.iter().map(|(_, record)| record.flow_id).collect();
        let mut live: HashMap<FlowKey, Served> = HashMap::new();
        let flows = scene.picture.flows.iter().zip(&scene.rates);
        for (flow, rate) in flows.filter(|(flow, _)| flow.record.tcp.is_some() && !over.contains(&flow.record.flow_id))
        {
            let Some(mut record) = self.whole(&flow.record) else { continue };
            let mut rate = *rate;
            if let Some(part) = live.remove(&record.key) {
                record.absorb(part.record);
                rate = rate.zip(part.rate).map(|(one, other)| sum(one, other));
            }
            let uptime = scene.picture.taken_at.since(record.start) as f64 / 1e9;
            let (variation, gaps) = self.seen(&record);
            let state = state(&record, true);
            live.insert(record.key, Served { record, state, uptime, rate, variation, gaps });
        }
        live
    }

    /// The largest flows, live and ended lately.
    pub(in super::super) fn served(&mut self, scene: &Scene) -> Vec<Served> {
        self.trim();
        let live = self.live(scene);
        let mut seen: HashSet<(FlowKey, &str)> = live.iter().map(|(key, flow)| (*key, flow.state)).collect();
        let mut all: Vec<Served> = live.into_values().collect();
        let mut ended: Vec<&FlowRecord> = self.ended.iter().map(|(_, record)| record).collect();
        ended.sort_by_key(|record| std::cmp::Reverse(record.start));
        for record in ended {
            let state = state(record, false);
            if seen.insert((record.key, state)) {
                let uptime = record.end.since(record.start) as f64 / 1e9;
                let (variation, gaps) = self.seen(record);
                let (record, rate) = (record.clone(), Some(Rate::default()));
                all.push(Served { record, state, uptime, rate, variation, gaps });
            }
        }
        all.sort_by_key(|flow| std::cmp::Reverse((bytes(&flow.record), flow.record.flow_id)));
        all.truncate(self.most);
        all
    }
}

fn sum(one: Rate, other: Rate) -> Rate {
    Rate {
        bits: one.bits + other.bits,
        packets: one.packets + other.packets,
        payload_bits: std::array::from_fn(|way| one.payload_bits[way] + other.payload_bits[way]),
    }
}
