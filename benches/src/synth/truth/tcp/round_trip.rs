//! Round-trip times by Tstat's rule (`tstat.md` 3.2): the time from a segment to the acknowledgement of its end.
//!
//! **Owns** the list of all segments that passed, and the samples. **May touch** nothing.
//! **Order** `pass` for each segment with content, `acknowledge` for each acknowledgement of the stream.
//!
//! A segment gives a sample when an acknowledgement covers it for the first time, ends exactly at its end, no position
//! of it passed more than once, and nothing before it in the stream passed after it.

use crate::synth::tcp::segment::Segment;
use crate::synth::truth::flow::{Keys, micros};

/// Readings of the rule: whether what is sent again after it was acknowledged leaves samples alone, and whether copies
/// that the network made do.
const READINGS: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

#[derive(Clone, Debug)]
struct Pass {
    start: u64,
    end: u64,
    at: u64,
    /// It is a copy that the network made.
    copy: bool,
    /// It had been acknowledged when it passed.
    late: bool,
    /// Shares positions with another transmission, or with a copy.
    resent: bool,
    copied: bool,
    covered: bool,
}

/// Round-trip times of one stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoundTrips {
    passes: Vec<Pass>,
    /// By reading. Unit: nanoseconds.
    samples: [Vec<u64>; READINGS.len()],
}

impl RoundTrips {
    /// A segment passes; `acked` is the highest acknowledgement so far.
    pub(crate) fn pass(&mut self, at: u64, segment: &Segment, copy: bool, acked: Option<u64>) {
        let (start, end) = (segment.start, segment.end());
        let (mut resent, mut copied) = (false, false);
        for other in self.passes.iter_mut().filter(|other| other.start < end && start < other.end) {
            other.resent |= !copy;
            other.copied |= copy;
            resent |= !copy && !other.copy;
            copied |= copy || other.copy;
        }
        let late = acked.is_some_and(|ack| ack >= end);
        self.passes.push(Pass { start, end, at, copy, late, resent, copied, covered: false });
    }

    /// Whether a segment shares content with more than one other that passed.
    pub(crate) fn pieced(&self, segment: &Segment) -> bool {
        let (start, end) = (segment.start, segment.end());
        let mut sharing = self.passes.iter().filter(|other| other.start < end && start < other.end);
        sharing.next().is_some_and(|first| sharing.any(|other| (other.start, other.end) != (first.start, first.end)))
    }

    /// An acknowledgement of `ack` passes.
    pub(crate) fn acknowledge(&mut self, at: u64, ack: u64) {
        let fresh: Vec<usize> = (0..self.passes.len())
            .filter(|index| !self.passes[*index].covered && self.passes[*index].end <= ack)
            .collect();
        for index in fresh {
            self.passes[index].covered = true;
            let one = &self.passes[index];
            if one.end != ack {
                continue;
            }
            for (samples, reading) in self.samples.iter_mut().zip(READINGS) {
                if one.measures(&self.passes, reading) {
                    samples.push(at - one.at);
                }
            }
        }
    }

    /// The record is cut.
    pub(crate) fn cut(&mut self) {
        self.samples = Default::default();
    }

    pub(crate) fn write(&self, prefix: &str, keys: &mut Keys) {
        let names = ["rtt_min_us", "rtt_avg_us", "rtt_max_us", "rtt_std_us"];
        let samples = &self.samples[0];
        if self.samples.iter().any(|other| other != samples) {
            keys.open(prefix, "rtt_samples");
            names.iter().for_each(|name| keys.open(prefix, name));
            return;
        }
        keys.set(prefix, "rtt_samples", samples.len());
        for (name, value) in names.iter().zip(summary(samples)) {
            keys.maybe(prefix, name, value.map(micros));
        }
    }
}

impl Pass {
    fn measures(&self, all: &[Pass], (forgive_late, forgive_copies): (bool, bool)) -> bool {
        let spoiled = |other: &Pass| {
            other.start < self.start
                && other.at > self.at
                && !(forgive_late && other.late)
                && !(forgive_copies && other.copy)
        };
        let own = if forgive_copies { self.copy } else { self.copied };
        !self.resent && !own && !all.iter().any(spoiled)
    }
}

/// Smallest, mean, largest, and the sample standard deviation (0 with one sample); nothing without samples.
fn summary(samples: &[u64]) -> [Option<f64>; 4] {
    let (Some(min), Some(max)) = (samples.iter().min(), samples.iter().max()) else { return [None; 4] };
    let count = samples.len() as f64;
    let mean = samples.iter().map(|sample| *sample as f64).sum::<f64>() / count;
    let squares: f64 = samples.iter().map(|sample| (*sample as f64 - mean) * (*sample as f64 - mean)).sum();
    let std = if samples.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
    [Some(*min as f64), Some(mean), Some(*max as f64), Some(std)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::tcp::segment::{Cause, Side};

    #[test]
    fn a_summary_is_that_of_the_textbook() {
        assert_eq!(summary(&[]), [None; 4]);
        assert_eq!(summary(&[5]), [Some(5.0), Some(5.0), Some(5.0), Some(0.0)]);
        assert_eq!(summary(&[2, 4, 9]), [Some(2.0), Some(5.0), Some(9.0), Some(13.0_f64.sqrt())]);
    }

    #[derive(Clone, Copy)]
    enum Event {
        /// Time, first and last-plus-one position.
        Pass(u64, u64, u64),
        /// The same, a copy that the network made.
        Again(u64, u64, u64),
        /// Time and acknowledgement.
        Ack(u64, u64),
    }
    use Event::{Ack, Again, Pass};

    fn samples(events: &[Event]) -> [Vec<u64>; READINGS.len()] {
        let (mut trips, mut acked) = (RoundTrips::default(), None);
        for event in events {
            match *event {
                Pass(at, start, end) => trips.pass(at, &segment(start, end), false, acked),
                Again(at, start, end) => trips.pass(at, &segment(start, end), true, acked),
                Ack(at, ack) => {
                    trips.acknowledge(at, ack);
                    acked = acked.max(Some(ack));
                }
            }
        }
        trips.samples
    }

    fn segment(start: u64, end: u64) -> Segment {
        Segment { start, payload: (end - start) as u32, ..Segment::blank(Side::Client, Cause::New) }
    }

    #[test]
    fn a_segment_gives_a_sample_by_the_rule_and_only_then() {
        #[rustfmt::skip]
        let cases: [(&str, &[Event], &[u64]); 7] = [
            ("acknowledged at its end",         &[Pass(10, 1, 5), Ack(17, 5)],                                   &[7]),
            ("an ACK beyond it is cumulative",  &[Pass(10, 1, 5), Pass(11, 5, 9), Ack(17, 9)],                   &[6]),
            ("an ACK inside it is none",        &[Pass(10, 1, 5), Ack(17, 3)],                                   &[]),
            ("the second ACK of it is none",    &[Pass(10, 1, 5), Ack(17, 5), Ack(30, 5)],                       &[7]),
            ("sent twice",                      &[Pass(10, 1, 5), Pass(14, 1, 5), Ack(17, 5)],                   &[]),
            ("sent again with other bounds",    &[Pass(10, 1, 5), Pass(14, 4, 9), Ack(17, 5), Ack(18, 9)],       &[]),
            ("one before it was sent later",    &[Pass(10, 1, 5), Pass(11, 5, 9), Pass(15, 1, 5), Ack(17, 9)],   &[]),
        ];
        for (name, events, want) in cases {
            assert_eq!(samples(events)[0], want, "{name}");
        }
    }

    #[test]
    fn readings_differ_over_copies_and_over_what_was_acknowledged_before_it_came_again() {
        let copied = samples(&[Pass(10, 1, 5), Again(11, 1, 5), Ack(17, 5)]);
        assert_eq!(copied, [vec![], vec![], vec![7], vec![7]]);
        let late = samples(&[Pass(10, 1, 5), Ack(12, 5), Pass(13, 5, 9), Pass(14, 1, 5), Ack(17, 9)]);
        assert_eq!(late, [vec![2], vec![2, 4], vec![2], vec![2, 4]]);
    }
}
