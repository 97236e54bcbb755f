//! What the watch has counted, in numbers that are copied whole: for whoever must not wait for its thread.
//!
//! **Owns** the numbers. **May touch** records and growths. **Order** filled by the watch's thread, which publishes a copy when
//! it has nothing else to count, and every [`AGE`] under load; read by scrapes, by `/api/v1/stats` and for the history.

use super::distribution::Distribution;
use super::distributions::Distributions;
use super::growth::{COUNTED, Counts, Growth};
use super::history::Quantiles;
use super::who::Distinct;
use crate::exposition::Family;
use parshall_engine::merge::lookout::Picture;
use parshall_engine::record::FlowRecord;
use std::time::Duration;

/// How old a copy becomes at the most while there is something to count.
pub(super) const AGE: Duration = Duration::from_millis(100);

/// The numbers.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Histograms.
    pub distributions: Distributions,
    /// Sums over TCP flows, by side and row of [`COUNTED`].
    pub tcp: Counts,
    /// TCP records: all, complete, midstream.
    pub tcp_records: [u64; 3],
    /// Records that were counted.
    pub records: u64,
    /// Round-trip times of the live flows, client's and server's side.
    pub rtt: [Quantiles; 2],
    /// How many different ones there were.
    pub distinct: Distinct,
    /// Top lists as metrics, if they were asked for.
    pub tops: Vec<Family>,
}

impl Figures {
    /// Counts a finished record.
    pub(super) fn record(&mut self, record: &FlowRecord) {
        self.records += 1;
        if let Some(tcp) = &record.tcp {
            self.tcp_records[0] += 1;
            self.tcp_records[1] += u64::from(tcp.complete);
            self.tcp_records[2] += u64::from(tcp.midstream);
        }
        self.distributions.record(record);
    }

    /// Counts what a flow has grown by.
    pub(super) fn grow(&mut self, growth: &Growth<'_>) {
        if growth.record.tcp.is_some() {
            for (sums, counts) in self.tcp.iter_mut().zip(&growth.counts) {
                for row in 0..COUNTED.len() {
                    sums[row] += counts[row];
                }
            }
        }
    }

    /// Looks at the round-trip times of live flows.
    pub(super) fn look(&mut self, picture: &Picture) {
        let mut rtt = [Distribution::new(-17, 7), Distribution::new(-17, 7)];
        for tcp in picture.flows.iter().filter_map(|flow| flow.record.tcp.as_ref()) {
            for (side, direction) in [&tcp.s2c, &tcp.c2s].into_iter().enumerate() {
                if let Some(nanos) = direction.rtt_smoothed {
                    rtt[side].add(f64::from(nanos) / 1e9, 1);
                }
            }
        }
        self.rtt = [Quantiles::of(&rtt[0]), Quantiles::of(&rtt[1])];
    }

    /// Both sides' sum of a row of [`COUNTED`].
    #[must_use]
    pub const fn both(&self, row: usize) -> u64 {
        self.tcp[0][row] + self.tcp[1][row]
    }
}
