//! From a flow's state to its record, and out of the door.
//!
//! **Owns** the making of records. **May touch** the shard's state; writes only what a cut changes.
//! **Order** called when a flow ends or is cut; the only place where packets pass from "live" to "finished".

use super::Shard;
use crate::exit::Exit;
use crate::flow::lapse::Lapse;
use crate::flow::{Extra, Mark};
use crate::key::{FlowKey, flow_id, protocol};
use crate::record::{Direction, EndReason, FlowRecord};
use crate::table::Slot;
use crate::time::Nanos;
use crate::track::{tcp, udp};

impl Shard {
    /// Sends the record of what a flow counted since its last record. It is made only if there is room for it.
    pub(super) fn emit(&mut self, slot: Slot, reason: EndReason) {
        let hot = &self.pairs[slot as usize].hot;
        let (packets, bytes) = (hot.all_packets(), hot.ip_bytes(0) + hot.ip_bytes(1));
        self.tally.records[reason as usize] += 1;
        self.tally.finished_packets += packets;
        self.tally.live_packets -= packets;
        if !self.door.is_ready() || self.door.send(Exit::Record(self.record(slot, reason))).is_err() {
            self.tally.records_dropped_count += 1;
            self.tally.records_dropped.packets += packets;
            self.tally.records_dropped.bytes += bytes;
        }
    }

    /// Cuts a flow: what was counted goes out as a record, the flow goes on and its next record starts at `time`.
    pub(super) fn cut(&mut self, slot: Slot, time: Nanos) {
        self.emit(slot, EndReason::Active);
        let at = slot as usize;
        let pair = &mut self.pairs[at];
        if pair.hot.has(Mark::Cut) {
            self.origins[at].record_seq += 1;
        } else {
            let start =
                if pair.hot.has(Mark::Tcp) { self.blocks[at].identity.start } else { pair.identity_ref().start };
            self.origins[at].start = start;
            self.origins[at].record_seq = 1;
            pair.hot.set(Mark::Cut);
        }
        pair.hot.restart();
        pair.hot.set_start(time);
        pair.hot.clear(Mark::IcmpErrors);
        if pair.hot.has(Mark::Tcp) {
            pair.tcp().restart();
            if let Some(trail) = self.history.trail(pair.tcp_ref().trail) {
                trail.restart();
            }
            self.blocks[at].rest.restart();
            self.blocks[at].identity.start = time.0;
        } else {
            let identity = pair.identity();
            identity.clear_payload();
            identity.start = time.0;
            identity.other_first = Lapse::NONE;
            identity.other_last = Lapse::NONE;
            if pair.hot.has(Mark::Extra) {
                self.extras[at] = Extra::default();
            }
        }
    }

    pub(super) fn record(&self, slot: Slot, end_reason: EndReason) -> FlowRecord {
        let at = slot as usize;
        let (pair, identity) = (&self.pairs[at], self.identity(slot));
        let hot = &pair.hot;
        let context = self.contexts.get(identity.context);
        let (low_port, high_port, number) = hot.image().exact();
        let (low, high) = identity.endpoints();
        let version = hot.image().version();
        let key = FlowKey { low, high, low_port, high_port, protocol: number, version, scope: context.scope };
        let client_is_low = hot.has(Mark::ClientIsLow);
        let start = Nanos(identity.start);
        let (origin, record_seq) =
            if hot.has(Mark::Cut) { (self.origins[at].start, self.origins[at].record_seq) } else { (start.0, 0) };
        let tcp = hot.has(Mark::Tcp).then(|| {
            let core = pair.tcp_ref();
            tcp::report::report(hot, core, &self.blocks[at].rest, self.history.look(core.trail), start, end_reason)
        });
        let locality = &self.plan.locality;
        FlowRecord {
            key,
            client_is_low,
            flow_id: flow_id(&key, origin / 1000),
            record_seq,
            start,
            end: hot.last(),
            end_reason,
            input: self.plan.tell_input.then_some(context.input),
            half_seen: false,
            client_local: locality.is_local(version, if client_is_low { low } else { high }),
            server_local: locality.is_local(version, if client_is_low { high } else { low }),
            outer: context.outer.clone(),
            outer_source_is_client: context.outer_from_client,
            c2s: self.direction(slot, 0),
            s2c: self.direction(slot, 1),
            sampling: self.plan.sampling,
            icmp_errors: if hot.has(Mark::IcmpErrors) { self.origins[at].icmp_errors } else { 0 },
            sctp: self.extra(slot, protocol::SCTP).map(Extra::sctp_chunks),
            esp: self.extra(slot, protocol::ESP).map(Extra::esp_spis),
            first: self.first_packets(slot),
            tcp,
        }
    }

    /// What a flow of this protocol has beside.
    fn extra(&self, slot: Slot, protocol: u8) -> Option<&Extra> {
        let hot = &self.pairs[slot as usize].hot;
        (hot.has(Mark::Extra) && hot.image().exact().2 == protocol).then(|| &self.extras[slot as usize])
    }

    fn direction(&self, slot: Slot, side: usize) -> Direction {
        let pair = &self.pairs[slot as usize];
        let hot = &pair.hot;
        let (payload_bytes, context, span) = if hot.has(Mark::Tcp) {
            (pair.tcp_ref().payload(side), self.blocks[slot as usize].identity.context, None)
        } else {
            let identity = pair.identity_ref();
            (identity.payload(side), identity.context, udp::span(hot, identity, side))
        };
        let seen = hot.packets(side) > 0;
        Direction {
            packets: u64::from(hot.packets(side)),
            ip_bytes: hot.ip_bytes(side),
            wire_bytes: hot.wire_bytes(side),
            payload_bytes,
            ttl: hot.ttl(side),
            dscp: hot.dscp(side),
            mac: if seen { self.contexts.get(context).mac[side & 1] } else { None },
            span,
        }
    }
}
