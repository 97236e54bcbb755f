//! The truth about one TCP flow, counted from stream offsets and reasons, not from sequence numbers.
//!
//! **Owns** both directions of a flow. **May touch** the segments as the model sent them. **Order** `see` for each
//! segment that passes, `cut` at an active timeout, `write` when a record ends.
//!
//! Every quantity follows `tstat.md` 3 to 3.3 and the contract literally and naively: positions of a stream are a list of
//! bytes that were seen or not, and a rule that looks at "any earlier segment" looks at all of them. Where the texts allow
//! several readings, all are computed; the key is part of the truth when they agree, else it is open.

pub(crate) mod acks;
pub(crate) mod counts;
pub(crate) mod handshake;
pub(crate) mod judge;
pub(crate) mod positions;
pub(crate) mod round_trip;

use super::anomaly::Anomaly;
use super::flow::Keys;
use crate::synth::tcp::path::Part;
use crate::synth::tcp::segment::{Cause, Segment, Side};
use acks::Acks;
use counts::Counts;
use handshake::Handshake;
use positions::Positions;
use round_trip::RoundTrips;

/// A TCP segment that passes, with what only the model knows of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TcpSight<'a> {
    pub(crate) segment: &'a Segment,
    /// Which connection of the session it belongs to.
    pub(crate) connection: u32,
    /// Not the first copy of its transmission.
    pub(crate) copy: bool,
    /// Sent again although all of it had arrived, or was going to.
    pub(crate) unneeded: bool,
    /// Where the first transmission of its first position was lost.
    pub(crate) lost: Option<Part>,
    /// Shortest round-trip time of the path. Unit: nanoseconds.
    pub(crate) round_trip: u64,
    /// Its sender numbers packets so that two transmissions differ.
    pub(crate) telling_id: bool,
    /// Shift of its window field.
    pub(crate) shift: u8,
}

/// One direction's stream and what passed of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub(crate) positions: Positions,
    pub(crate) round_trips: RoundTrips,
    pub(crate) acks: Acks,
    pub(crate) counts: Counts,
}

/// The truth about one TCP flow.
#[derive(Clone, Debug, Default)]
pub(crate) struct TcpTruth {
    streams: [Stream; 2],
    handshake: Handshake,
    /// Duplicates reported since the last call of `take_reports`: sender's side and range.
    reports: Vec<(Side, u64, u64)>,
}

impl TcpTruth {
    /// Takes a segment in; gives its anomaly if it is one. `client` is the flow's client.
    pub(crate) fn see(&mut self, at: u64, side: Side, seen: &TcpSight<'_>, client: Side) -> Option<Anomaly> {
        let segment = seen.segment;
        self.handshake.see(at, side, seen);
        self.acknowledge(at, side, seen);
        let stream = &mut self.streams[side as usize];
        if segment.cause == Cause::KeepAlive && !stream.positions.known_up_to(segment.start + 1) {
            stream.counts.keepalives_open = true;
        }
        if segment.span() == 0 || segment.foreign_seq.is_some() {
            stream.counts.see(at, seen, positions::Overlap::default());
            return None;
        }
        let overlap = stream.positions.overlap(segment);
        stream.counts.see(at, seen, overlap);
        stream.acks.send(segment, overlap);
        let anomaly = judge::judge(at, side, side == client, seen, stream, overlap);
        stream.counts.pieced |= anomaly.is_some() && stream.round_trips.pieced(segment);
        stream.round_trips.pass(at, segment, seen.copy, stream.acks.acked());
        stream.positions.pass(at, segment);
        if let Some(class) = anomaly.as_ref().filter(|anomaly| anomaly.visible).and_then(|anomaly| anomaly.class) {
            stream.counts.classes[class as usize] += 1;
        }
        anomaly
    }

    /// Reads the acknowledgement that a segment of `side` carries for the other side's stream.
    fn acknowledge(&mut self, at: u64, side: Side, seen: &TcpSight<'_>) {
        let segment = seen.segment;
        let Some(ack) = segment.ack.filter(|_| !segment.rst) else { return };
        let stream = &mut self.streams[side.other() as usize];
        stream.acks.receive(segment, &stream.positions);
        stream.round_trips.acknowledge(at, ack);
        if let Some((left, right)) = segment.sack.first().filter(|_| segment.dsack) {
            self.reports.push((side.other(), *left, *right));
        }
    }

    /// The duplicates that were reported since the last call.
    pub(crate) fn take_reports(&mut self) -> Vec<(Side, u64, u64)> {
        std::mem::take(&mut self.reports)
    }

    /// The end that this segment, just taken in, puts to the flow.
    pub(crate) fn closed_by(&self, seen: &TcpSight<'_>) -> Option<&'static str> {
        let finished = |stream: &Stream| {
            stream.positions.fin_at().is_some_and(|fin| stream.acks.acked().is_some_and(|ack| ack > fin))
        };
        if self.streams.iter().all(finished) { Some("tcp_fin") } else { seen.segment.rst.then_some("tcp_rst") }
    }

    /// Whether this SYN's initial sequence number is one that the flow knows from the same side.
    pub(crate) fn knows_syn(&self, side: Side, seen: &TcpSight<'_>) -> bool {
        self.handshake.knows(side, seen)
    }

    /// No SYN passed.
    pub(crate) fn midstream(&self) -> bool {
        !self.handshake.any_syn()
    }

    /// Nothing but SYNs passed: without acknowledgement; with or without it.
    pub(crate) fn only_syns(&self) -> (bool, bool) {
        self.handshake.only_syns()
    }

    /// The record is cut: its counts end here, what is known of the connection stays.
    pub(crate) fn cut(&mut self) {
        for stream in &mut self.streams {
            stream.counts = Counts::default();
            stream.round_trips.cut();
            stream.acks.cut();
        }
    }

    /// Writes the keys of one record.
    pub(crate) fn write(&self, client: Side, record_seq: u32, reason: &str, keys: &mut Keys) {
        let whole = record_seq == 0 && reason != "active";
        self.handshake.write(client, record_seq, keys);
        let both = self.handshake.both_syns();
        match reason {
            "tcp_fin" if !self.handshake.opened_by(client) => keys.open("", "tcp_complete"),
            "active" | "" => keys.open("", "tcp_complete"),
            _ => keys.set("", "tcp_complete", reason == "tcp_fin" || reason != "shutdown" && both),
        }
        for (prefix, side) in [("c2s_", client), ("s2c_", client.other())] {
            let stream = &self.streams[side as usize];
            let peer = &self.streams[side.other() as usize];
            stream.counts.write(prefix, both, keys);
            stream.acks.write(prefix, self.midstream() || peer.counts.packets == 0, keys);
            peer.acks.write_duplicates(prefix, keys);
            stream.round_trips.write(prefix, keys);
            if whole {
                keys.set(prefix, "gap_bytes", stream.positions.gap());
            } else {
                keys.open(prefix, "gap_bytes");
            }
        }
    }
}
