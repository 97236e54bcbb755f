//! From a flow's state to its record.
//!
//! **Owns** the making of records, and the list of what one is made from. **May touch** the state, read only.
//! **Order** asked by whoever reads `exit` for a flow that ended or was cut, and by `shard` for a live flow that is looked
//! at.
//!
//! The state is a third to a half of its record and lies together, so it is what leaves a worker: the record is made where
//! it is wanted.

use super::{Direction, EndReason, FirstPackets, FlowRecord, Outer};
use crate::flow::{Extra, First, Identity, Mark, Origin, Pair, TcpBlock, trail::Trail};
use crate::key::{FlowKey, flow_id, protocol};
use crate::source::Input;
use crate::time::Nanos;
use crate::track::{tcp, udp};
use bytemuck::{Pod, Zeroable};

/// What a record is made from: the state as it lies in its shard, or as it came out of one.
#[derive(Clone, Copy, Debug)]
pub struct FlowState<'a> {
    /// What its shard knows of it elsewhere.
    pub facts: Facts,
    /// The lines that every flow has.
    pub pair: &'a Pair,
    /// TCP.
    pub block: Option<&'a TcpBlock>,
    /// TCP with a history.
    pub trail: Option<&'a Trail>,
    /// SCTP and ESP.
    pub extra: Option<&'a Extra>,
    /// `--first-packets`, in a flow's first record.
    pub first: Option<&'a First>,
    /// What stood around the keyed header.
    pub outer: &'a Outer,
}

/// What a shard knows of a flow beside its state, in a form that can travel.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct Facts {
    /// The key's scope.
    pub scope: u64,
    /// Start of the flow, number of the record, ICMP errors.
    pub origin: Origin,
    /// `--sample-packets` and `--sample-flows`.
    pub sampling: [u32; 2],
    port: u16,
    queue: u16,
    mac: [[u8; 6]; 2],
    reason: u8,
    /// Packets that were noted by `--first-packets`.
    pub first_packets: u8,
    bits: u16,
    unused: u32,
}

/// A statement among the [`Facts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Fact {
    /// The key's low endpoint is inside `--local-nets`.
    LowLocal = 1 << 0,
    /// So is the high one.
    HighLocal = 1 << 1,
    /// What stood around the keyed header is that of a packet of the client.
    OuterFromClient = 1 << 2,
    /// The input is told.
    Input = 1 << 3,
    /// The client's MAC address is known.
    ClientMac = 1 << 4,
    /// So is the server's.
    ServerMac = 1 << 5,
}

impl Facts {
    /// Of a record for this reason, with no [`Fact`] stated.
    #[must_use]
    pub fn new(reason: EndReason) -> Facts {
        Facts { reason: reason as u8, ..Facts::default() }
    }

    /// States a fact if it is so.
    pub const fn put(&mut self, fact: Fact, so: bool) {
        self.bits |= if so { fact as u16 } else { 0 };
    }

    const fn has(&self, fact: Fact) -> bool {
        self.bits & fact as u16 != 0
    }

    /// Tells port and queue.
    pub const fn set_input(&mut self, input: Input) {
        self.put(Fact::Input, true);
        (self.port, self.queue) = (input.port, input.queue);
    }

    fn input(&self) -> Option<Input> {
        self.has(Fact::Input).then_some(Input { port: self.port, queue: self.queue })
    }

    /// Tells the MAC addresses that are known: the client's, the server's.
    pub fn set_mac(&mut self, [client, server]: [Option<[u8; 6]>; 2]) {
        self.put(Fact::ClientMac, client.is_some());
        self.put(Fact::ServerMac, server.is_some());
        self.mac = [client.unwrap_or_default(), server.unwrap_or_default()];
    }

    fn mac(&self, side: usize) -> Option<[u8; 6]> {
        self.has([Fact::ClientMac, Fact::ServerMac][side & 1]).then_some(self.mac[side & 1])
    }

    fn reason(&self) -> EndReason {
        EndReason::ALL.get(usize::from(self.reason)).map_or_else(EndReason::default, |(reason, _)| *reason)
    }
}

impl FlowState<'_> {
    fn identity(&self) -> &Identity {
        self.block.map_or_else(|| self.pair.identity_ref(), |block| &block.identity)
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> FlowKey {
        let image = self.pair.hot.image();
        let (low_port, high_port, protocol) = image.exact();
        let (low, high) = self.identity().endpoints();
        FlowKey { low, high, low_port, high_port, protocol, version: image.version(), scope: self.facts.scope }
    }

    /// Time of the record's first packet.
    #[must_use]
    pub fn start(&self) -> Nanos {
        Nanos(self.identity().start)
    }

    /// What [`FlowRecord::order`] will be.
    #[must_use]
    pub fn order(&self) -> (Nanos, u64, u32) {
        let Origin { start, record_seq, .. } = self.facts.origin;
        (self.pair.hot.last(), flow_id(&self.key(), start / 1000), record_seq)
    }

    /// The record.
    #[must_use]
    pub fn record(&self) -> FlowRecord {
        let (facts, hot) = (&self.facts, &self.pair.hot);
        let key = self.key();
        let client_is_low = hot.has(Mark::ClientIsLow);
        let (start, end_reason) = (self.start(), facts.reason());
        let local = |low: bool| facts.has(if low { Fact::LowLocal } else { Fact::HighLocal });
        let tcp = self
            .block
            .map(|block| tcp::report::report(hot, self.pair.tcp_ref(), &block.rest, self.trail, start, end_reason));
        let extra = |of: u8| self.extra.filter(|_| key.protocol == of);
        FlowRecord {
            key,
            client_is_low,
            flow_id: flow_id(&key, facts.origin.start / 1000),
            record_seq: facts.origin.record_seq,
            start,
            end: hot.last(),
            end_reason,
            input: facts.input(),
            half_seen: false,
            client_local: local(client_is_low),
            server_local: local(!client_is_low),
            outer: self.outer.clone(),
            outer_source_is_client: facts.has(Fact::OuterFromClient),
            c2s: self.direction(0),
            s2c: self.direction(1),
            sampling: facts.sampling,
            icmp_errors: facts.origin.icmp_errors,
            sctp: extra(protocol::SCTP).map(Extra::sctp_chunks),
            esp: extra(protocol::ESP).map(Extra::esp_spis),
            first: self.first.map_or_else(FirstPackets::default, |first| first.told(facts.first_packets.into())),
            tcp,
        }
    }

    fn direction(&self, side: usize) -> Direction {
        let hot = &self.pair.hot;
        let (payload_bytes, span) = if self.block.is_some() {
            (self.pair.tcp_ref().payload(side), None)
        } else {
            let identity = self.pair.identity_ref();
            (identity.payload(side), udp::span(hot, identity, side))
        };
        Direction {
            packets: u64::from(hot.packets(side)),
            ip_bytes: hot.ip_bytes(side),
            wire_bytes: hot.wire_bytes(side),
            payload_bytes,
            ttl: hot.ttl(side),
            dscp: hot.dscp(side),
            mac: if hot.packets(side) > 0 { self.facts.mac(side) } else { None },
            span,
        }
    }
}
