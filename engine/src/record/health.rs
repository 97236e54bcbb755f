//! The health score of one direction of a TCP flow, as tcp-stream-exporter has it, from inputs that are right.
//!
//! **Owns** the weights. **May touch** the record, read only. **Order** asked by the field `health_score`.
//!
//! 100 less the weights below, not under 0. Inputs mended against the original: retransmissions are those of the segment
//! history (not keep-alives, window probes or copies of the network), duplicate acknowledgements those of RFC 5681, jitter
//! the deviation of true round-trip times. The original's weight for an uneven bit rate has no input here and is left out.

use super::TcpDirection;
use crate::flow::tcp::Class;

/// Points for each event, and at most.
const RETRANSMISSION: (u64, u64) = (5, 30);
const RESET: (u64, u64) = (20, 100);
const OUT_OF_ORDER: (u64, u64) = (2, 20);
const DUPLICATE_ACK: (u64, u64) = (1, 10);
const ZERO_WINDOW: (u64, u64) = (10, 20);
const GAP: (u64, u64) = (3, 15);

/// Points for round-trip times that deviate by more than [`JITTER_LIMIT`] over more than [`JITTER_SAMPLES`] samples.
const JITTER: u64 = 5;
const JITTER_LIMIT: f64 = 50e6;
const JITTER_SAMPLES: u32 = 5;

/// Segment size that gaps are counted in when none was seen. RFC 9293 section 3.7.1.
const DEFAULT_SEGMENT: u64 = 536;

/// The score, 0 to 100; `None` where the segment history was lost.
#[must_use]
pub(super) fn score(direction: &TcpDirection) -> Option<u64> {
    let history = direction.history.as_ref()?;
    let harmless = [Class::NetDup, Class::FlowControl].map(|class| u64::from(history.classes[class as usize]));
    let resent =
        u64::from(history.retx_packets).saturating_sub(harmless.iter().sum::<u64>() + u64::from(direction.keepalives));
    let segment = direction.mss_max.map_or(DEFAULT_SEGMENT, u64::from).max(1);
    let lost = [
        (resent, RETRANSMISSION),
        (u64::from(direction.rst_count), RESET),
        (u64::from(history.ooo_packets), OUT_OF_ORDER),
        (u64::from(direction.dup_acks), DUPLICATE_ACK),
        (u64::from(direction.zero_windows), ZERO_WINDOW),
        (u64::from(history.gap_bytes).div_ceil(segment), GAP),
    ];
    let points: u64 = lost.iter().map(|(events, (each, most))| events.saturating_mul(*each).min(*most)).sum();
    let uneven = direction.rtt.is_some_and(|rtt| rtt.samples > JITTER_SAMPLES && rtt.std > JITTER_LIMIT);
    Some(100_u64.saturating_sub(points + if uneven { JITTER } else { 0 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{RttSummary, TcpHistory};

    fn direction(change: impl Fn(&mut TcpDirection, &mut TcpHistory)) -> TcpDirection {
        let (mut direction, mut history) = (TcpDirection::default(), TcpHistory::default());
        change(&mut direction, &mut history);
        TcpDirection { history: Some(history), ..direction }
    }

    #[test]
    fn each_fault_costs_its_weight_and_no_more_than_its_cap() {
        let slow = RttSummary { samples: 9, min: 1, avg: 1.0, max: 1, std: 6e7 };
        #[rustfmt::skip]
        let cases = [
            ("nothing",                 direction(|_, _| {}),                                                      100),
            ("two retransmissions",     direction(|_, history| history.retx_packets = 2),                          90),
            ("a thousand of them",      direction(|_, history| history.retx_packets = 1000),                       70),
            ("copies of the network",   direction(|_, h| { h.retx_packets = 2; h.classes[Class::NetDup as usize] = 2; }), 100),
            ("keep-alives",             direction(|one, h| { h.retx_packets = 3; one.keepalives = 3; }),           100),
            ("a reset",                 direction(|one, _| one.rst_count = 1),                                     80),
            ("resets",                  direction(|one, _| one.rst_count = 9),                                     0),
            ("a closed window",         direction(|one, _| one.zero_windows = 1),                                  90),
            ("a gap of two segments",   direction(|one, h| { one.mss_max = Some(1000); h.gap_bytes = 1500; }),     94),
            ("jitter",                  direction(|one, _| one.rtt = Some(slow)),                                  95),
        ];
        for (name, direction, want) in cases {
            assert_eq!(score(&direction), Some(want), "{name}");
        }
        assert_eq!(score(&TcpDirection::default()), None);
    }
}
