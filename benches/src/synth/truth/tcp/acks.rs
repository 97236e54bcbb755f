//! What the other side has acknowledged of a stream, as far as it passed the probe: how far, what selectively, how often
//! the same, and how much was in flight.
//!
//! **Owns** these facts of one stream. **May touch** nothing. **Order** `receive` for each acknowledgement of the
//! stream, `send` for each segment of it.

use super::positions::{Overlap, Positions};
use crate::synth::tcp::segment::{Cause, Segment};
use crate::synth::truth::flow::Keys;
use std::collections::BTreeMap;

/// Acknowledgements of one stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acks {
    /// Highest acknowledgement.
    highest: Option<u64>,
    /// Ranges that were selectively acknowledged.
    selective: Vec<(u64, u64)>,
    window: Option<u16>,
    /// Duplicate acknowledgements, RFC 5681 section 2, by reading: to the letter; with data outstanding and not only a
    /// FIN; without probes.
    duplicates: [u64; 3],
    /// By offset: duplicates of the acknowledgement that asks for it.
    asked: BTreeMap<u64, u32>,
    /// Smallest and largest flight behind segments with payload, with and without counting a FIN on them. (Tstat, as
    /// seen from its logs, takes no flight from a FIN that stands alone.) Unit: bytes.
    flights: [Option<(u64, u64)>; 2],
    /// Payload that passed before data was acknowledged; open if any of it passed twice. Unit: bytes.
    initial: u64,
    initial_open: bool,
    data: bool,
}

impl Acks {
    /// Highest acknowledgement that passed.
    pub(crate) fn acked(&self) -> Option<u64> {
        self.highest
    }

    /// Duplicates of the acknowledgement that asks for `offset`.
    pub(crate) fn asked_for(&self, offset: u64) -> u32 {
        self.asked.get(&offset).copied().unwrap_or(0)
    }

    /// Whether everything up to `end` from `start` on was acknowledged, selectively or not.
    pub(crate) fn covers(&self, start: u64, end: u64) -> bool {
        self.highest.is_some_and(|ack| ack >= end)
            || self.selective.iter().any(|(left, right)| *left <= start && end <= *right)
    }

    /// Whether something behind `end` was selectively acknowledged.
    pub(crate) fn selective_beyond(&self, end: u64) -> bool {
        self.selective.iter().any(|(left, _)| *left >= end)
    }

    /// An acknowledgement of this stream passes.
    pub(crate) fn receive(&mut self, segment: &Segment, positions: &Positions) {
        let Some(ack) = segment.ack else { return };
        let same = self.highest == Some(ack) && self.window == Some(segment.window) && segment.pure_ack();
        let (outstanding, data) = positions.beyond(ack);
        let probe = matches!(segment.cause, Cause::KeepAlive | Cause::WindowProbe);
        if same && outstanding {
            self.duplicates[0] += 1;
            self.duplicates[1] += u64::from(data);
            self.duplicates[2] += u64::from(!probe);
            *self.asked.entry(ack).or_default() += 1;
        }
        if self.highest.is_none_or(|highest| ack > highest) {
            self.highest = Some(ack);
        }
        self.window = Some(segment.window);
        self.selective.extend(segment.sack.iter().skip(usize::from(segment.dsack)));
    }

    /// A segment of this stream passes.
    pub(crate) fn send(&mut self, segment: &Segment, overlap: Overlap) {
        if segment.payload > 0 && self.highest.is_none_or(|ack| ack <= 1) {
            self.initial += u64::from(segment.payload);
            self.initial_open |= overlap.payload > 0 || segment.cause != Cause::New;
        }
        self.data |= segment.payload > 0;
        let measures = segment.payload > 0 && overlap.positions == 0 && !overlap.behind;
        let Some(acked) = self.highest.filter(|_| measures) else { return };
        let with_fin = segment.end().saturating_sub(acked);
        for (range, flight) in self.flights.iter_mut().zip([with_fin, with_fin.saturating_sub(u64::from(segment.fin))])
        {
            if flight > 0 {
                let (low, high) = range.unwrap_or((flight, flight));
                *range = Some((low.min(flight), high.max(flight)));
            }
        }
    }

    /// The record is cut.
    pub(crate) fn cut(&mut self) {
        self.duplicates = [0; 3];
        self.flights = [None; 2];
        self.initial_open = true;
    }

    /// Writes what was in flight; `partly` when not all acknowledgements can have passed.
    pub(crate) fn write(&self, prefix: &str, partly: bool, keys: &mut Keys) {
        if partly || !self.data {
            ["inflight_max", "inflight_min", "inflight_initial"].iter().for_each(|name| keys.open(prefix, name));
            return;
        }
        keys.agreed(prefix, "inflight_max", &self.flights.map(|range| range.map(|(_, high)| high)));
        keys.agreed(prefix, "inflight_min", &self.flights.map(|range| range.map(|(low, _)| low)));
        if self.initial_open {
            keys.open(prefix, "inflight_initial");
        } else {
            keys.set(prefix, "inflight_initial", self.initial);
        }
    }

    /// Writes the duplicates that the sender of `prefix` has sent: these are the acknowledgements of the other stream.
    pub(crate) fn write_duplicates(&self, prefix: &str, keys: &mut Keys) {
        keys.agreed(prefix, "dup_acks", &self.duplicates.map(Some));
    }
}
