//! The last 15 minutes at one second: what came in each second, from one publication to the next.
//!
//! **Owns** the samples. **May touch** snapshots. **Order** fed by the control thread with each snapshot; read by HTTP.

use super::distribution::Distribution;
use parshall_engine::merge::snapshot::Snapshot;
use parshall_engine::packet::Outcome;
use parshall_engine::tally::{L4_LABELS, Tally};
use std::collections::VecDeque;
use std::sync::Arc;

/// Samples kept.
pub const MOST: usize = 900;

/// Time between two samples, at least. Unit: nanoseconds.
const STEP: u64 = 950_000_000;

/// What one worker did in a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WorkerSample {
    /// Number of the worker.
    pub worker: u16,
    /// Its lcore.
    pub lcore: u32,
    /// Share of the time at work; `None` where that is not measured.
    pub load: Option<f64>,
    /// Frames taken.
    pub packets: u64,
    /// Polls, and those that brought nothing.
    pub polls: u64,
    /// Polls without a frame.
    pub empty_polls: u64,
    /// Time at work. Unit: nanoseconds.
    pub busy_nanos: u64,
    /// Polls by size of burst, as in the tally.
    pub bursts: [u64; 8],
}

/// Quantiles of the live flows' round-trip times. Unit: microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantiles {
    /// 50 %, 90 %, 99 %.
    pub at: [Option<f64>; 3],
}

impl Quantiles {
    /// Those of a distribution of seconds.
    #[must_use]
    pub fn of(distribution: &Distribution) -> Quantiles {
        Quantiles { at: [0.5, 0.9, 0.99].map(|share| distribution.quantile(share).map(|seconds| seconds * 1e6)) }
    }
}

/// One sample: what came since the one before.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// When it was taken. Unit: UNIX nanoseconds.
    pub time: u64,
    /// How long it lasted. Unit: seconds.
    pub seconds: f64,
    /// Frames taken.
    pub packets: u64,
    /// Their wire bytes.
    pub wire_bytes: u64,
    /// Lost before the probe: for lack of descriptors, with errors, without mbuf.
    pub lost: [u64; 3],
    /// Records dropped at rings.
    pub records_dropped: u64,
    /// Frames by outcome.
    pub outcomes: [u64; Outcome::ALL.len()],
    /// IP bytes by [`L4_LABELS`].
    pub l4_bytes: [u64; L4_LABELS.len()],
    /// Flows in the tables.
    pub flows_active: u64,
    /// Flows created.
    pub flows_created: u64,
    /// Records made.
    pub records: u64,
    /// Segments with payload, and those sent again.
    pub segments: [u64; 2],
    /// Round-trip times of the client's and the server's side.
    pub rtt: [Quantiles; 2],
    /// Each worker.
    pub workers: Vec<WorkerSample>,
}

/// What the watch adds to a sample.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extra {
    /// Segments with payload and those sent again, since the start.
    pub segments: [u64; 2],
    /// Round-trip times now.
    pub rtt: [Quantiles; 2],
}

/// The samples.
#[derive(Debug, Default)]
pub struct History {
    samples: VecDeque<Arc<Sample>>,
    last: Option<(Snapshot, Extra)>,
}

impl History {
    /// Takes a snapshot into account, if the last sample is a second old.
    pub fn take(&mut self, snapshot: &Snapshot, extra: Extra) {
        if let Some((last, before)) = &self.last {
            if snapshot.taken_at.since(last.taken_at) < STEP {
                return;
            }
            self.samples.push_back(Arc::new(sample(last, snapshot, before, &extra)));
            if self.samples.len() > MOST {
                self.samples.pop_front();
            }
        }
        self.last = Some((snapshot.clone(), extra));
    }

    /// The samples after a time, oldest first.
    #[must_use]
    pub fn since(&self, time: u64) -> Vec<Arc<Sample>> {
        self.samples.iter().filter(|sample| sample.time > time).cloned().collect()
    }

    /// The latest sample.
    #[must_use]
    pub fn latest(&self) -> Option<Arc<Sample>> {
        self.samples.back().cloned()
    }

    /// The latest samples that cover so many seconds.
    #[must_use]
    pub fn lately(&self, seconds: f64) -> Vec<Arc<Sample>> {
        let mut left = seconds;
        let wanted = self.samples.iter().rev().take_while(|sample| {
            let taken = left > 0.0;
            left -= sample.seconds;
            taken
        });
        wanted.cloned().collect()
    }
}

fn sample(last: &Snapshot, now: &Snapshot, before: &Extra, extra: &Extra) -> Sample {
    let grown = |read: fn(&Tally) -> u64| read(&now.total).saturating_sub(read(&last.total));
    let ports = |read: fn(&parshall_engine::merge::snapshot::PortSnapshot) -> u64| {
        let sum = |snapshot: &Snapshot| snapshot.ports.iter().map(read).sum::<u64>();
        sum(now).saturating_sub(sum(last))
    };
    let nanos = now.taken_at.since(last.taken_at);
    let l4 = |tally: &Tally, n: usize| tally.protocols[0][n].bytes + tally.protocols[1][n].bytes;
    let workers = now.workers.iter().map(|worker| {
        let none = Tally::default();
        let before =
            last.workers.iter().find(|other| other.worker == worker.worker).map_or(&none, |other| &other.tally);
        let tally = &worker.tally;
        let busy_nanos = tally.busy_nanos.saturating_sub(before.busy_nanos);
        let measured = tally.busy_nanos > 0 || (tally.polls > 0 && tally.taken_packets() == 0);
        WorkerSample {
            worker: worker.worker,
            lcore: worker.lcore,
            load: measured.then(|| (busy_nanos as f64 / nanos.max(1) as f64).min(1.0)),
            packets: tally.taken_packets().saturating_sub(before.taken_packets()),
            polls: tally.polls.saturating_sub(before.polls),
            empty_polls: tally.empty_polls.saturating_sub(before.empty_polls),
            busy_nanos,
            bursts: std::array::from_fn(|n| tally.burst_sizes[n].saturating_sub(before.burst_sizes[n])),
        }
    });
    Sample {
        time: now.taken_at.0,
        seconds: nanos as f64 / 1e9,
        packets: grown(Tally::taken_packets),
        wire_bytes: grown(Tally::taken_bytes),
        lost: [ports(|port| port.imissed), ports(|port| port.ierrors), ports(|port| port.rx_nombuf)],
        records_dropped: grown(|tally| tally.records_dropped_count),
        outcomes: std::array::from_fn(|n| now.total.outcomes[n].saturating_sub(last.total.outcomes[n])),
        l4_bytes: std::array::from_fn(|n| l4(&now.total, n).saturating_sub(l4(&last.total, n))),
        flows_active: now.total.live_flows,
        flows_created: grown(|tally| tally.flows_created.iter().sum()),
        records: grown(|tally| tally.records.iter().sum()),
        segments: std::array::from_fn(|n| extra.segments[n].saturating_sub(before.segments[n])),
        rtt: extra.rtt,
        workers: workers.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parshall_engine::source::Input;
    use parshall_engine::tally::Volume;
    use parshall_engine::time::Nanos;

    #[test]
    fn samples_hold_what_came_between_and_the_oldest_go() {
        let mut history = History::default();
        let mut snapshot = Snapshot::default();
        for second in 0..MOST as u64 + 10 {
            snapshot.taken_at = Nanos(second * 1_000_000_000);
            snapshot.total.take(Input::default(), Volume { packets: second, bytes: 60 * second });
            history.take(&snapshot, Extra::default());
            history.take(&snapshot, Extra::default());
        }
        let all = history.since(0);
        assert_eq!(all.len(), MOST);
        assert!(all.iter().all(|sample| sample.packets * 1_000_000_000 == sample.time && sample.seconds == 1.0));
        assert_eq!(history.since(all[MOST - 3].time).len(), 2);
        assert_eq!(history.lately(5.0).len(), 5);
    }
}
