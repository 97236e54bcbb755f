//! Why a segment was not in order: Tstat's eight classes, in its order of tests, with its faults mended.
//!
//! **Owns** the rules. **May touch** nothing: it is given what there is to know. **Order** called by `segment` for each
//! piece that repeats seen bytes or fills a place before seen bytes.
//!
//! Sources: Jaiswal et al. 2003 and Mellia et al. 2005, as Tstat 3.2 applies them (reference: its section 3.3). Where
//! we differ on purpose:
//! - IP-ID tells a network duplicate only where it is informative: IPv4, not 0, and not the same in the flow's
//!   neighbouring segments (Tstat compares zeros, and in IPv6 the payload length);
//! - a duplicate acknowledgement counts for fast retransmit only without payload, and three are enough (RFC 5681);
//! - a tail loss probe (RFC 8985: the last segment sent again after about two smoothed round-trip times without any
//!   answer) is a timeout, not unknown;
//! - a DSACK (RFC 2883) that names the segment turns its class into the unneeded one, see `ack`.

use super::rtt::PathRtt;
use crate::flow::tcp::Class;

/// What there is to know of one anomalous piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anomaly {
    /// Bytes of the piece.
    pub(super) length: u32,
    /// The peer's window is closed, and both SYNs were seen.
    pub(super) window_closed: bool,
    /// Its bytes were seen before (else it fills a hole).
    pub(super) repeats: bool,
    /// Its bytes were acknowledged before.
    pub(super) acked: bool,
    /// Same informative IP-ID as the transmission before.
    pub(super) same_ip_id: bool,
    /// It is the last segment of what was sent, and nothing came back since.
    pub(super) at_tail: bool,
    /// Duplicate acknowledgements of the segment just before.
    pub(super) dup_acks: u8,
    /// Class of the segment just before, if that was anomalous.
    pub(super) class_before: Option<Class>,
    /// Time since the previous copy was seen; for a filler, since the segment just before the hole. Unit: nanoseconds.
    pub(super) recovery: Option<u64>,
    /// Time since the segment just behind the hole. Unit: nanoseconds.
    pub(super) since_behind: Option<u64>,
    /// Smoothed round-trip time of this direction's half. Unit: nanoseconds; 0 unknown.
    pub(super) smoothed: f32,
    /// The path.
    pub(super) path: PathRtt,
}

/// Duplicate acknowledgements that mean a loss: RFC 5681 section 3.2.
const LOSS: u8 = 3;

impl Anomaly {
    /// The class, by the first test that says something.
    #[must_use]
    pub(super) fn class(&self) -> Class {
        if self.length == 1 && self.window_closed {
            return Class::FlowControl;
        }
        let recovery = self.recovery.map(|nanos| nanos as f64);
        if let (Some(before), Some(recovery)) = (self.class_before, recovery)
            && recovery < self.path.mean
        {
            return before;
        }
        if self.repeats && self.same_ip_id {
            return Class::NetDup;
        }
        let timed_out = recovery.is_some_and(|recovery| recovery > self.path.rto);
        let (fast, slow) =
            if self.acked { (Class::UnneededFastRetx, Class::UnneededRto) } else { (Class::FastRetx, Class::Rto) };
        if self.dup_acks >= LOSS && !timed_out {
            return fast;
        }
        if timed_out {
            return slow;
        }
        if !self.repeats && !self.acked && self.since_behind.is_some_and(|nanos| (nanos as f64) < self.path.min) {
            return Class::Reordering;
        }
        if self.repeats && self.at_tail && self.is_probe_time() {
            return slow;
        }
        Class::Unknown
    }

    /// Whether a tail loss probe would come now: RFC 8985 section 7.2, PTO = 2 * SRTT, taken from what the probe sees.
    fn is_probe_time(&self) -> bool {
        let whole = if self.path.known { self.path.mean } else { f64::from(self.smoothed) };
        whole > 0.0 && self.recovery.is_some_and(|nanos| nanos as f64 >= 1.5 * whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;

    fn anomaly() -> Anomaly {
        Anomaly {
            length: 1460,
            window_closed: false,
            repeats: true,
            acked: false,
            same_ip_id: false,
            at_tail: false,
            dup_acks: 0,
            class_before: None,
            recovery: Some(60 * MILLI),
            since_behind: None,
            smoothed: 2e7,
            path: PathRtt { mean: 5e7, min: 4e7, rto: 2e8, known: true },
        }
    }

    #[test]
    fn each_test_speaks_in_its_turn() {
        let base = anomaly();
        let late = Some(300 * MILLI);
        #[rustfmt::skip]
        let cases = [
            ("a byte into a closed window",      Anomaly { length: 1, window_closed: true, ..base },                  Class::FlowControl),
            ("soon after another anomaly",       Anomaly { class_before: Some(Class::Rto), recovery: Some(MILLI), ..base }, Class::Rto),
            ("long after another anomaly",       Anomaly { class_before: Some(Class::Rto), dup_acks: 3, ..base },     Class::FastRetx),
            ("the same IP-ID",                   Anomaly { same_ip_id: true, ..base },                                Class::NetDup),
            ("three duplicate acknowledgements", Anomaly { dup_acks: 3, ..base },                                     Class::FastRetx),
            ("the same, acknowledged",           Anomaly { dup_acks: 3, acked: true, ..base },                        Class::UnneededFastRetx),
            ("after the timeout",                Anomaly { recovery: late, ..base },                                  Class::Rto),
            ("after the timeout, acknowledged",  Anomaly { recovery: late, acked: true, ..base },                     Class::UnneededRto),
            ("a filler close behind",            Anomaly { repeats: false, since_behind: Some(MILLI), ..base },       Class::Reordering),
            ("a filler far behind",              Anomaly { repeats: false, since_behind: Some(90 * MILLI), ..base },  Class::Unknown),
            ("the tail after two round trips",   Anomaly { at_tail: true, recovery: Some(110 * MILLI), ..base },      Class::Rto),
            ("the tail at once",                 Anomaly { at_tail: true, recovery: Some(MILLI), ..base },            Class::Unknown),
            ("no reason",                        base,                                                                Class::Unknown),
        ];
        for (name, anomaly, want) in cases {
            assert_eq!(anomaly.class(), want, "{name}");
        }
    }
}
