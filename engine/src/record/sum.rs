//! Adding up the parts of one flow.
//!
//! **Owns** the arithmetic of two records. **May touch** records. **Order** called by `merge::join`.

use super::{Direction, EndReason, FirstPackets, FlowRecord, TcpDirection, TcpHistory, TcpRecord};
use crate::flow::extra::{EspSpis, SctpChunks};
use crate::key::flow_id;

impl FlowRecord {
    /// Adds another part of the same flow, counted on another worker, to this one.
    ///
    /// The client is that of the part that saw a SYN, else of the part that began first. Nothing is derived that
    /// neither part had measured. Which packets were the flow's first is not known any more.
    pub fn absorb(&mut self, mut other: FlowRecord) {
        let saw_syn = |record: &FlowRecord| record.tcp.as_ref().is_some_and(|tcp| !tcp.midstream);
        let other_leads = match (saw_syn(self), saw_syn(&other)) {
            (false, true) => true,
            (true, false) => false,
            _ => other.start < self.start,
        };
        if other_leads {
            std::mem::swap(self, &mut other);
        }
        if other.client_is_low != self.client_is_low {
            other.turn_round();
        }
        let other_ends_later = other.end > self.end;
        self.end_reason = match (firm(self.end_reason), firm(other.end_reason)) {
            (false, true) => other.end_reason,
            (true, false) => self.end_reason,
            _ if other_ends_later => other.end_reason,
            _ => self.end_reason,
        };
        self.start = self.start.min(other.start);
        self.end = self.end.max(other.end);
        if self.record_seq == 0 && other.record_seq == 0 {
            self.flow_id = flow_id(&self.key, self.start.0 / 1000);
        }
        self.half_seen = true;
        self.first = FirstPackets::default();
        self.icmp_errors += other.icmp_errors;
        self.c2s.add(&other.c2s);
        self.s2c.add(&other.s2c);
        if let (Some(chunks), Some(more)) = (&mut self.sctp, &other.sctp) {
            chunks.iter_mut().zip(more).for_each(|(mine, theirs)| mine.add(theirs));
        }
        if let (Some(spis), Some(more)) = (&mut self.esp, &other.esp) {
            spis.iter_mut().zip(more).for_each(|(mine, theirs)| mine.add(theirs));
        }
        if let (Some(tcp), Some(more)) = (&mut self.tcp, &other.tcp) {
            tcp.add(more);
        }
    }

    /// Takes the other end for the client.
    fn turn_round(&mut self) {
        self.client_is_low = !self.client_is_low;
        self.outer_source_is_client = !self.outer_source_is_client;
        std::mem::swap(&mut self.client_local, &mut self.server_local);
        std::mem::swap(&mut self.c2s, &mut self.s2c);
        if let Some([c2s, s2c]) = &mut self.sctp {
            std::mem::swap(c2s, s2c);
        }
        if let Some([c2s, s2c]) = &mut self.esp {
            std::mem::swap(c2s, s2c);
        }
        if let Some(tcp) = &mut self.tcp {
            std::mem::swap(&mut tcp.c2s, &mut tcp.s2c);
        }
    }
}

/// Whether the flow itself said that it ended.
const fn firm(reason: EndReason) -> bool {
    matches!(reason, EndReason::TcpFin | EndReason::TcpRst)
}

impl SctpChunks {
    fn add(&mut self, other: &SctpChunks) {
        self.data = self.data.saturating_add(other.data);
        self.control = self.control.saturating_add(other.control);
        self.sack = self.sack.saturating_add(other.sack);
        self.init = self.init.saturating_add(other.init);
        self.abort = self.abort.saturating_add(other.abort);
    }
}

impl EspSpis {
    /// The part that this one is called on began first.
    fn add(&mut self, other: &EspSpis) {
        if self.seen == 0 {
            *self = *other;
        } else if other.seen > 0 {
            self.changes = self.changes.saturating_add(other.changes);
            self.seen = self.seen.saturating_add(other.seen);
        }
    }
}

impl Direction {
    fn add(&mut self, other: &Direction) {
        self.packets += other.packets;
        self.ip_bytes += other.ip_bytes;
        self.wire_bytes += other.wire_bytes;
        self.payload_bytes += other.payload_bytes;
        self.ttl = match (self.ttl, other.ttl) {
            (Some(mine), Some(theirs)) => Some((mine.0.min(theirs.0), mine.1.max(theirs.1))),
            (mine, theirs) => mine.or(theirs),
        };
        self.dscp = self.dscp.or(other.dscp);
        self.mac = self.mac.or(other.mac);
        self.span = match (self.span, other.span) {
            (Some(mine), Some(theirs)) => Some((mine.0.min(theirs.0), mine.1.max(theirs.1))),
            (mine, theirs) => mine.or(theirs),
        };
    }
}

impl TcpRecord {
    fn add(&mut self, other: &TcpRecord) {
        self.midstream &= other.midstream;
        self.complete |= other.complete;
        self.handshake_rtt = self.handshake_rtt.or(other.handshake_rtt);
        self.server_handshake = self.server_handshake.or(other.server_handshake);
        self.client_handshake = self.client_handshake.or(other.client_handshake);
        self.c2s.add(&other.c2s);
        self.s2c.add(&other.s2c);
    }
}

impl TcpDirection {
    fn add(&mut self, other: &TcpDirection) {
        self.flags |= other.flags;
        self.syn_count += other.syn_count;
        self.fin_count += other.fin_count;
        self.rst_count += other.rst_count;
        self.psh_count += other.psh_count;
        self.ack_packets += other.ack_packets;
        self.pure_ack_packets += other.pure_ack_packets;
        self.data_packets += other.data_packets;
        self.dup_acks += other.dup_acks;
        self.zero_windows += other.zero_windows;
        self.sack_packets += other.sack_packets;
        self.keepalives += other.keepalives;
        self.other_isn += other.other_isn;
        self.history = match (self.history, other.history) {
            (Some(mine), Some(theirs)) => Some(mine.plus(&theirs)),
            // One part went unmeasured, so the sum is.
            _ => None,
        };
        self.rtt = self.rtt.or(other.rtt);
        self.rtt_smoothed = self.rtt_smoothed.or(other.rtt_smoothed);
        self.rtt_timestamps = self.rtt_timestamps.or(other.rtt_timestamps);
        self.window_min = least(self.window_min, other.window_min);
        self.window_max = self.window_max.max(other.window_max);
        self.window_scale = self.window_scale.or(other.window_scale);
        self.ws_option = self.ws_option.or(other.ws_option);
        self.mss = self.mss.or(other.mss);
        self.mss_min = least(self.mss_min, other.mss_min);
        self.mss_max = self.mss_max.max(other.mss_max);
        self.sack_permitted = self.sack_permitted.or(other.sack_permitted);
        self.ts_option = self.ts_option.or(other.ts_option);
        self.inflight_max = self.inflight_max.max(other.inflight_max);
        self.inflight_min = least(self.inflight_min, other.inflight_min);
        self.inflight_initial = self.inflight_initial.max(other.inflight_initial);
        self.first_payload = least(self.first_payload, other.first_payload);
        self.last_payload = self.last_payload.max(other.last_payload);
        self.first_ack = least(self.first_ack, other.first_ack);
    }
}

impl TcpHistory {
    fn plus(&self, other: &TcpHistory) -> TcpHistory {
        let mut sum = *self;
        sum.unique_bytes += other.unique_bytes;
        sum.retx_packets += other.retx_packets;
        sum.retx_bytes += other.retx_bytes;
        sum.ooo_packets += other.ooo_packets;
        sum.gap_bytes = sum.gap_bytes.saturating_add(other.gap_bytes);
        for (mine, theirs) in sum.classes.iter_mut().zip(other.classes) {
            *mine = mine.saturating_add(theirs);
        }
        sum
    }
}

/// The smaller of two where both are known, else the known one.
fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fields::{self, Value};
    use crate::time::Nanos;

    /// One direction's part of a flow, with its first packet noted.
    fn part(time: u64, server: bool) -> FlowRecord {
        let spoke = Direction { packets: 1, span: Some((Nanos(time), Nanos(time))), ..Direction::default() };
        let (c2s, s2c) = if server { (Direction::default(), spoke) } else { (spoke, Direction::default()) };
        let first = FirstPackets { sizes: [7].into_iter().collect(), ..FirstPackets::default() };
        FlowRecord {
            client_is_low: true,
            start: Nanos(time),
            end: Nanos(time),
            c2s,
            s2c,
            first,
            ..FlowRecord::default()
        }
    }

    #[test]
    fn what_only_whole_flows_tell_is_left_out_of_a_sum() {
        let get = |record: &FlowRecord, name: &str| {
            let field = fields::all().find(|field| field.name == name).expect("a field");
            (field.get)(record) != Value::Absent
        };
        let mut whole = part(1000, false);
        whole.s2c = part(5000, true).s2c;
        let mut sum = part(1000, false);
        sum.absorb(part(5000, true));
        let keys = ["response_us", "first_sizes", "s2c_first_ns"];
        assert_eq!(keys.map(|key| get(&whole, key)), [true, true, true]);
        assert_eq!(keys.map(|key| get(&sum, key)), [false, false, true]);
    }
}
