//! The flow record: one biflow as it leaves the engine, complete and plain.
//!
//! **Owns** the record and nothing that renders it. **May touch** nothing.
//! **Order** made by `shard` when a flow ends, carried by `ring`, added up by `merge::join`, read by the exporter's
//! sinks through the table in [`fields`].
//!
//! A quantity that was not measured is `None`, never 0.

pub mod fields;
mod sum;

use crate::key::FlowKey;
use crate::packet::Encap;
use crate::source::Input;
use crate::time::Nanos;
use arrayvec::ArrayVec;
use std::net::IpAddr;

/// Why a flow record was written (`end_reason`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum EndReason {
    /// No packet for the flow's idle timeout.
    Idle,
    /// Cut by the active timeout; the flow goes on under the same flow id.
    Active,
    /// Both directions' FINs were acknowledged.
    TcpFin,
    /// A RST came before that.
    TcpRst,
    /// Pushed out of a full table.
    Evicted,
    /// The probe stopped, or the input ended.
    Shutdown,
}

impl EndReason {
    /// All reasons with their names in records and metrics.
    pub const ALL: [(EndReason, &'static str); 6] = [
        (EndReason::Idle, "idle"),
        (EndReason::Active, "active"),
        (EndReason::TcpFin, "tcp_fin"),
        (EndReason::TcpRst, "tcp_rst"),
        (EndReason::Evicted, "evicted"),
        (EndReason::Shutdown, "shutdown"),
    ];

    /// The name in records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// One layer of `encap`: a kind and, where the layer has one, its identifier (VNI, TEID, label, key, ...).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct EncapLayer {
    /// Which encapsulation.
    pub kind: Encap,
    /// Its identifier.
    pub id: Option<u32>,
}

/// What stood around the keyed header of a flow's first packet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Outer {
    /// VLAN identifiers, outermost first; the first eight.
    pub vlan_ids: ArrayVec<u16, 8>,
    /// Encapsulations other than VLAN tags, outermost first; the first eight.
    pub encap: ArrayVec<EncapLayer, 8>,
    /// Source and destination of the innermost tunnel's outer IP header, as in the flow's first packet.
    pub endpoints: Option<(IpAddr, IpAddr)>,
}

/// One direction of a flow, every protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Direction {
    /// Packets.
    pub packets: u64,
    /// Sum of IP total lengths. Unit: bytes.
    pub ip_bytes: u64,
    /// Sum of frame lengths on the wire without FCS. Unit: bytes.
    pub wire_bytes: u64,
    /// Sum of transport payloads. Unit: bytes.
    pub payload_bytes: u64,
    /// Lowest and highest TTL or hop limit; `None` without packets.
    pub ttl: Option<(u8, u8)>,
    /// DSCP of the direction's first packet.
    pub dscp: Option<u8>,
    /// Source MAC address of the direction's first packet.
    pub mac: Option<[u8; 6]>,
}

/// Round-trip times of one direction's segments as seen from the probe. Unit: nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RttSummary {
    /// Number of samples, at least 1.
    pub samples: u32,
    /// Smallest.
    pub min: u64,
    /// Mean.
    pub avg: f64,
    /// Largest.
    pub max: u64,
    /// Sample standard deviation; 0 with one sample.
    pub std: f64,
}

/// One TCP direction: what its segments did. Field meanings are those of the record keys of the same name in
/// [`fields::FIELDS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs, reason = "each field is the record key of its name, documented in fields::FIELDS")]
pub struct TcpDirection {
    pub flags: u8,
    pub syn_count: u32,
    pub fin_count: u32,
    pub rst_count: u32,
    pub psh_count: u32,
    pub ack_packets: u64,
    pub pure_ack_packets: u64,
    pub data_packets: u64,
}

/// What is known of a TCP flow as a whole.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TcpRecord {
    /// Client to server.
    pub c2s: TcpDirection,
    /// Server to client.
    pub s2c: TcpDirection,
    /// No SYN of this flow was seen.
    pub midstream: bool,
}

/// One flow record.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FlowRecord {
    /// The key; which end is the client is [`FlowRecord::client_is_low`].
    pub key: FlowKey,
    /// Whether the client is the key's low endpoint.
    pub client_is_low: bool,
    /// The contract's `flow_id`, the same for all records of a flow.
    pub flow_id: u64,
    /// 0, 1, ... for the successive records of a flow cut by the active timeout.
    pub record_seq: u32,
    /// Time of the first packet.
    pub start: Nanos,
    /// Time of the last packet.
    pub end: Nanos,
    /// Why it was written.
    pub end_reason: EndReason,
    /// Port and queue of the first packet; `None` in `read`.
    pub input: Option<Input>,
    /// Parts of the flow met on different workers and were added up.
    pub half_seen: bool,
    /// Whether the client is inside `--local-nets`.
    pub client_local: bool,
    /// Whether the server is inside `--local-nets`.
    pub server_local: bool,
    /// What stood around the keyed header; empty when nothing did.
    pub outer: Outer,
    /// Whether `outer.endpoints.0` is the client's side (false: it is the server's).
    pub outer_source_is_client: bool,
    /// Client to server.
    pub c2s: Direction,
    /// Server to client.
    pub s2c: Direction,
    /// TCP flows only.
    pub tcp: Option<TcpRecord>,
}

impl FlowRecord {
    /// Packets of both directions.
    #[must_use]
    pub const fn packets(&self) -> u64 {
        self.c2s.packets + self.s2c.packets
    }

    /// Client's address.
    #[must_use]
    pub fn client_ip(&self) -> IpAddr {
        self.key.address(self.client_is_low)
    }

    /// Server's address.
    #[must_use]
    pub fn server_ip(&self) -> IpAddr {
        self.key.address(!self.client_is_low)
    }

    /// The contract's order of records in `read`.
    #[must_use]
    pub const fn order(&self) -> (Nanos, u64, u32) {
        (self.end, self.flow_id, self.record_seq)
    }
}
