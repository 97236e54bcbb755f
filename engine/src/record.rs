//! The flow record: one biflow as it leaves the engine, complete and plain.
//!
//! **Owns** the record and nothing that renders it. **May touch** nothing.
//! **Order** made by [`make`] of the state that `shard` sends through `exit` when a flow ends, added up by `merge::join`,
//! read by the exporter's sinks through the table in [`fields`].
//!
//! A quantity that was not measured is `None`, never 0.

pub mod fields;
mod health;
pub mod make;
mod sum;
pub mod tcp_fields;

use crate::flow::extra::{EspSpis, SctpChunks};
use crate::flow::first;
use crate::flow::lapse::Lapse;
use crate::key::FlowKey;
use crate::packet::Encap;
use crate::source::Input;
use crate::time::Nanos;
use arrayvec::ArrayVec;
use std::net::IpAddr;

/// Why a flow record was written (`end_reason`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
    #[default]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EncapLayer {
    /// Which encapsulation.
    pub kind: Encap,
    /// Its identifier.
    pub id: Option<u32>,
}

/// What stood around the keyed header of a flow's first packet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Outer {
    /// VLAN identifiers, outermost first; the first eight.
    pub vlan_ids: ArrayVec<u16, 8>,
    /// Encapsulations other than VLAN tags, outermost first; the first eight.
    pub encap: ArrayVec<EncapLayer, 8>,
    /// Source and destination of the innermost tunnel's outer IP header, as in the flow's first packet.
    pub endpoints: Option<(IpAddr, IpAddr)>,
}

impl Outer {
    /// Nothing stood around it.
    pub const NOTHING: Outer = Outer { vlan_ids: ArrayVec::new_const(), encap: ArrayVec::new_const(), endpoints: None };

    /// Whether nothing stood around the keyed header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.vlan_ids.is_empty() && self.encap.is_empty() && self.endpoints.is_none()
    }
}

/// One direction of a flow, every protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// First and last packet of this direction, where that is measured: flows without connections.
    pub span: Option<(Nanos, Nanos)>,
}

/// Round-trip times of one direction's segments as seen from the probe. Unit: nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
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

/// What the history of a direction's segments tells; as a whole absent where the pool was full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is the record key of its name, documented in fields::FIELDS")]
pub struct TcpHistory {
    pub unique_bytes: u64,
    pub retx_packets: u32,
    pub retx_bytes: u64,
    pub ooo_packets: u32,
    /// By [`crate::flow::tcp::Class`].
    pub classes: [u16; crate::flow::tcp::CLASSES],
    pub gap_bytes: u32,
}

/// One TCP direction: what its segments did. Field meanings are those of the record keys of the same name in
/// [`fields::FIELDS`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
    pub dup_acks: u32,
    pub zero_windows: u32,
    pub sack_packets: u32,
    pub keepalives: u32,
    /// SYNs with another initial sequence number on an open flow.
    pub other_isn: u32,
    pub history: Option<TcpHistory>,
    pub rtt: Option<RttSummary>,
    /// Smoothed round-trip time, RFC 6298. Unit: nanoseconds.
    pub rtt_smoothed: Option<f32>,
    /// Samples by the timestamp option, and the smallest of them in microseconds.
    pub rtt_timestamps: Option<(u32, u32)>,
    pub window_min: Option<u64>,
    pub window_max: Option<u64>,
    pub window_scale: Option<u8>,
    /// The SYN offered window scaling.
    pub ws_option: Option<bool>,
    pub mss: Option<u16>,
    pub mss_min: Option<u16>,
    pub mss_max: Option<u16>,
    pub sack_permitted: Option<bool>,
    pub ts_option: Option<bool>,
    pub inflight_max: Option<u32>,
    pub inflight_min: Option<u32>,
    pub inflight_initial: Option<u32>,
    pub first_payload: Option<Nanos>,
    pub last_payload: Option<Nanos>,
    pub first_ack: Option<Nanos>,
}

/// What is known of a TCP flow as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TcpRecord {
    /// Client to server.
    pub c2s: TcpDirection,
    /// Server to client.
    pub s2c: TcpDirection,
    /// No SYN of this flow was seen.
    pub midstream: bool,
    /// Tstat's verdict: closed by FINs, or by RST or timeout after SYNs both ways.
    pub complete: bool,
    /// SYN to the ACK of the SYN+ACK. Unit: nanoseconds.
    pub handshake_rtt: Option<u64>,
    /// SYN to SYN+ACK. Unit: nanoseconds.
    pub server_handshake: Option<u64>,
    /// SYN+ACK to its ACK. Unit: nanoseconds.
    pub client_handshake: Option<u64>,
}

/// The first packets of a flow, one place in each list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FirstPackets {
    /// Payload, held at 65,535. Unit: bytes.
    pub sizes: ArrayVec<u16, { first::MOST }>,
    /// 1 from the client, -1 from the server.
    pub directions: ArrayVec<i8, { first::MOST }>,
    /// Time since the flow's packet before.
    pub gaps: ArrayVec<Lapse, { first::MOST }>,
}

/// One flow record.
#[derive(Clone, Debug, Default, PartialEq)]
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
    /// ICMP errors that quoted a packet of this flow.
    pub icmp_errors: u32,
    /// `--sample-packets` and `--sample-flows`: 1 in so many was accounted; 1 (and 0) is all.
    pub sampling: [u32; 2],
    /// SCTP flows only: chunks, client to server first.
    pub sctp: Option<[SctpChunks; 2]>,
    /// ESP flows only: SPIs, client to server first.
    pub esp: Option<[EspSpis; 2]>,
    /// `--first-packets`; empty when it is off.
    pub first: FirstPackets,
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
