//! Why a segment was not in order: Tstat's eight classes, in its order of tests, with its faults mended.
//!
//! **Owns** the rules. **May touch** nothing: it is given what there is to know. **Order** called by `segment` for each
//! piece that repeats seen bytes or fills a place before seen bytes.
//!
//! Sources: Jaiswal et al. 2003 and Mellia et al. 2005, as Tstat 3.2 applies them (reference: its section 3.3), in its
//! order of tests, with evidence between them that Tstat does not read:
//!
//! | test | class | source |
//! |---|---|---|
//! | one byte into a closed window, or the byte of such a probe again | flow control | Tstat; RFC 9293 section 3.8.6.1 |
//! | the IP-ID of a copy seen | network duplicate | Tstat |
//! | an IP-ID older than that of the copy, or of the segment behind the hole | reordering | the sender numbers what it sends |
//! | no informative IP-ID, within half the path's smallest round trip of the copy | network duplicate | no sender can know sooner |
//! | the same after the segment behind the hole, which was sent once | reordering | the same |
//! | within a mean round trip of an anomalous segment just before | the kind of that one | Tstat's batch |
//! | three duplicate acknowledgements, or three segments behind it by SACK, in time | fast | RFC 5681 section 3.2, RFC 6675 section 4 |
//! | fewer by SACK, within 1.25 mean round trips | fast | RFC 8985 section 6.2 |
//! | later than the timeout | timeout | Tstat; RFC 6298 |
//! | sent before what was sent again last, and a partial acknowledgement asks for it | fast | RFC 6582 section 3.2 |
//! | sent before what a timeout sent again | timeout | RFC 5681 section 3.1 |
//! | within the smallest round trip of the segment behind the hole | reordering | Tstat |
//! | the last segment sent, with a newer IP-ID or after nine tenths of a round trip | timeout | RFC 8985 section 7: tail loss probe |
//! | fewer by SACK, later | timeout | what is left when nothing asked for it |
//! | acknowledged before | unneeded fast | Tstat says unknown |
//!
//! Fast and timeout mean the unneeded classes for what was acknowledged before; a DSACK (RFC 2883) turns them, and
//! unknown, into these later: see `ack`. Where we differ from Tstat on purpose beside:
//! - an IP-ID says something only in IPv4, when it is not 0 and near the one it is held against (Tstat compares zeros,
//!   and in IPv6 the payload length);
//! - a duplicate acknowledgement counts only without payload, and three are enough (RFC 5681);
//! - a segment counts once, with the class of its first anomalous piece (Tstat: each piece); a keep-alive never.

use super::rtt::PathRtt;
use super::segment::Before;
use crate::flow::tcp::Class;
use crate::flow::trail::Node;

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
    /// What its IP-ID says.
    pub(super) age: Age,
    /// It is the last segment of what was sent, and nothing came back since.
    pub(super) at_tail: bool,
    /// The peer's latest acknowledgement asks for its first byte.
    pub(super) asked_for: bool,
    /// Segments behind it up to the last that the peer has, by SACK.
    pub(super) sacked_beyond: u8,
    /// It repeats the byte of a window probe.
    pub(super) probed: bool,
    /// `recovery` is the time since this very segment was sent, not since anything of the settled range was.
    pub(super) own_time: bool,
    /// The segment behind the hole was sent once.
    pub(super) behind_is_new: bool,
    /// Class of what was sent again last, if that was after this was sent first.
    pub(super) recovering: Option<Class>,
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

/// What the IP-ID says of a segment's age beside the copy, or beside the segment behind the hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// Nothing.
    Unknown,
    /// The same packet.
    Same,
    /// It was sent before.
    Older,
    /// It was sent after.
    Newer,
}

/// IP-IDs that a host gives out while a packet is under way, at most; farther apart they say nothing.
const APART: u16 = 1024;

impl Age {
    pub(super) fn of(ip_id: u16, copy: Option<Before>, behind: Option<Node>) -> Age {
        let (first, last) = match (copy, behind) {
            (Some(copy), _) => copy.ip_ids,
            (None, Some(node)) => (node.ip_id, node.ip_id),
            (None, None) => (0, 0),
        };
        if ip_id == 0 || last == 0 {
            return Age::Unknown;
        }
        if ip_id == last || ip_id == first {
            return if copy.is_some() { Age::Same } else { Age::Unknown };
        }
        if last.wrapping_sub(ip_id) < APART {
            Age::Older
        } else if ip_id.wrapping_sub(last) < APART {
            Age::Newer
        } else {
            Age::Unknown
        }
    }

    /// What the network did, where the age alone tells: made a copy, or let others overtake.
    #[inline]
    pub(super) const fn tells(self, repeats: bool) -> Option<Class> {
        match self {
            Age::Same if repeats => Some(Class::NetDup),
            Age::Older => Some(Class::Reordering),
            _ => None,
        }
    }
}

impl Anomaly {
    /// The class, by the first test that says something.
    #[must_use]
    pub(super) fn class(&self) -> Class {
        if self.length == 1 && (self.window_closed || self.probed) {
            return Class::FlowControl;
        }
        if let Some(class) = self.network() {
            return class;
        }
        let (fast, slow) =
            if self.acked { (Class::UnneededFastRetx, Class::UnneededRto) } else { (Class::FastRetx, Class::Rto) };
        if self.recovery.is_some_and(|nanos| (nanos as f64) < self.path.mean) {
            match self.class_before {
                Some(Class::Rto | Class::UnneededRto) => return slow,
                Some(Class::FastRetx | Class::UnneededFastRetx) => return fast,
                Some(Class::Reordering) if !self.repeats => return Class::Reordering,
                _ => {}
            }
        }
        if self.is_asked_for() {
            return fast;
        }
        if self.recovery.is_some_and(|nanos| self.path.is_timeout(nanos as f64)) {
            return slow;
        }
        match self.recovering {
            Some(Class::FastRetx | Class::UnneededFastRetx) if self.asked_for => return fast,
            Some(Class::Rto | Class::UnneededRto) if self.repeats || self.asked_for => return slow,
            _ => {}
        }
        if !self.repeats && !self.acked && self.since_behind.is_some_and(|nanos| (nanos as f64) < self.path.min) {
            return Class::Reordering;
        }
        if self.repeats && self.at_tail && (self.age == Age::Newer || self.is_probe_time()) {
            return slow;
        }
        if self.sacked_beyond > 0 {
            return slow;
        }
        if self.repeats && self.acked { fast } else { Class::Unknown }
    }

    /// What the network did: made a copy, or let others overtake.
    fn network(&self) -> Option<Class> {
        let at_once = |nanos: Option<u64>| nanos.is_some_and(|nanos| (nanos as f64) < self.path.min / 2.0);
        match self.age {
            Age::Same | Age::Older | Age::Newer => self.age.tells(self.repeats),
            Age::Unknown if self.repeats => (self.own_time && at_once(self.recovery)).then_some(Class::NetDup),
            Age::Unknown => {
                (!self.acked && self.behind_is_new && at_once(self.since_behind)).then_some(Class::Reordering)
            }
        }
    }

    /// Whether acknowledgements reported the loss in time for a fast retransmission. Fewer than three segments behind it
    /// are enough for one only within the reordering window of RFC 8985 section 6.2, a quarter of the round-trip time.
    fn is_asked_for(&self) -> bool {
        let told = self.dup_acks >= LOSS || self.sacked_beyond >= LOSS;
        if !told && self.sacked_beyond == 0 {
            return false;
        }
        let waited = self.since_behind.or(self.recovery).unwrap_or(0) as f64;
        let late = waited > self.path.mean + SHORTEST_RTO && self.path.is_timeout(waited);
        !late && (told || waited <= 1.25 * self.path.mean)
    }

    /// Whether a tail loss probe or a timeout may come now: after nine tenths of a round trip.
    fn is_probe_time(&self) -> bool {
        let whole = if self.path.known { self.path.min } else { f64::from(self.smoothed) };
        whole > 0.0 && self.recovery.is_some_and(|nanos| nanos as f64 >= 0.9 * whole)
    }
}

/// Shortest retransmission timeout of common stacks (Linux: TCP_RTO_MIN), beside the round trip. Unit: nanoseconds.
const SHORTEST_RTO: f64 = 2e8;

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
            age: Age::Newer,
            asked_for: false,
            sacked_beyond: 0,
            probed: false,
            own_time: true,
            behind_is_new: true,
            recovering: None,
            at_tail: false,
            dup_acks: 0,
            class_before: None,
            recovery: Some(60 * MILLI),
            since_behind: None,
            smoothed: 2e7,
            path: PathRtt::of(5e7, 4e7, 3.75e7),
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
            ("the same IP-ID",                   Anomaly { age: Age::Same, ..base },                                Class::NetDup),
            ("three duplicate acknowledgements", Anomaly { dup_acks: 3, ..base },                                     Class::FastRetx),
            ("the same, acknowledged",           Anomaly { dup_acks: 3, acked: true, ..base },                        Class::UnneededFastRetx),
            ("after the timeout",                Anomaly { recovery: late, ..base },                                  Class::Rto),
            ("after the timeout, acknowledged",  Anomaly { recovery: late, acked: true, ..base },                     Class::UnneededRto),
            ("a filler close behind",            Anomaly { repeats: false, since_behind: Some(MILLI), ..base },       Class::Reordering),
            ("a filler far behind",              Anomaly { repeats: false, since_behind: Some(90 * MILLI), ..base },  Class::Unknown),
            ("the tail after two round trips",   Anomaly { at_tail: true, recovery: Some(110 * MILLI), ..base },      Class::Rto),
            ("the tail before a round trip",    Anomaly { at_tail: true, age: Age::Unknown, recovery: Some(30 * MILLI), ..base }, Class::Unknown),
            ("the tail with a newer IP-ID",     Anomaly { at_tail: true, recovery: Some(MILLI), ..base },             Class::Rto),
            ("at once, without an IP-ID",       Anomaly { age: Age::Unknown, recovery: Some(MILLI), ..base },         Class::NetDup),
            ("an older IP-ID",                  Anomaly { age: Age::Older, ..base },                                  Class::Reordering),
            ("the byte of a window probe",      Anomaly { length: 1, probed: true, recovery: late, ..base },          Class::FlowControl),
            ("three behind it were received",   Anomaly { sacked_beyond: 3, ..base },                                 Class::FastRetx),
            ("one behind it, within a quarter", Anomaly { sacked_beyond: 1, ..base },                                 Class::FastRetx),
            ("one behind it, later",            Anomaly { sacked_beyond: 1, recovery: Some(90 * MILLI), ..base },     Class::Rto),
            ("a partial acknowledgement",       Anomaly { recovering: Some(Class::FastRetx), asked_for: true, ..base }, Class::FastRetx),
            ("after a timeout of others",       Anomaly { recovering: Some(Class::Rto), ..base },                     Class::Rto),
            ("acknowledged, not after a timeout", Anomaly { acked: true, ..base },                                    Class::UnneededFastRetx),
            ("no reason",                        base,                                                                Class::Unknown),
        ];
        for (name, anomaly, want) in cases {
            assert_eq!(anomaly.class(), want, "{name}");
        }
    }
}
