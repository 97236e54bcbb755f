//! Every record field: its name, type, unit, meaning and getter. One row a field; sinks and reference pages are
//! renderings of this table.
//!
//! **Owns** the names of the contract. **May touch** the record, read only.
//! **Order** called by sinks, once per record and field. Append only: order is the order of columns.

use super::tcp_fields::{TCP_DIRECTION_FIELDS, TCP_FLOW_FIELDS, show_tcp};
use super::{Direction, FlowRecord};
use crate::flow::extra::{EspSpis, SctpChunks};
use crate::flow::lapse::Lapse;
use crate::key::IcmpKey;
use std::net::IpAddr;

/// A field's value, as a sink renders it. Absent values are left out of JSON and empty in CSV.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Not measured, or not a field of this protocol.
    Absent,
    /// A count, a time in nanoseconds, a number.
    Integer(u64),
    /// A duration in nanoseconds, written as microseconds with three decimals (`*_us`).
    Micros(u64),
    /// The same from a mean or a deviation. Unit: nanoseconds.
    MicrosMean(f64),
    /// A statement.
    Bool(bool),
    /// One of a closed set of words.
    Word(&'static str),
    /// The flow id, written as 16 hex digits.
    FlowId(u64),
    /// An address in canonical text form.
    Ip(IpAddr),
    /// A MAC address, written as six pairs of hex digits with colons.
    Mac([u8; 6]),
    /// VLAN identifiers.
    Vlans(&'a [u16]),
    /// Encapsulation layers, written as `kind` or `kind:id`.
    Encap(&'a [super::EncapLayer]),
    /// Sizes of packets. Unit: bytes.
    Sizes(&'a [u16]),
    /// 1 from the client, -1 from the server.
    Directions(&'a [i8]),
    /// Times between packets, each written as a duration; one too long to tell as the longest.
    Gaps(&'a [Lapse]),
}

/// One field of the record.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Key in JSON Lines, column in CSV.
    pub name: &'static str,
    /// Unit and range in words, for the reference page.
    pub unit: &'static str,
    /// What it is, with its rule and source.
    pub help: &'static str,
    /// IPFIX information element (IANA name), where one fits.
    pub ipfix: Option<&'static str>,
    /// Tstat's column (log_tcp_complete unless it says otherwise), where one fits.
    pub tstat: Option<&'static str>,
    /// Reads it.
    pub get: for<'a> fn(&'a FlowRecord) -> Value<'a>,
}

fn integer<T: Into<u64>>(value: Option<T>) -> Value<'static> {
    value.map_or(Value::Absent, |value| Value::Integer(value.into()))
}

fn icmp(record: &FlowRecord, get: impl Fn(IcmpKey) -> Option<u64>) -> Value<'static> {
    record.key.icmp_key().and_then(get).map_or(Value::Absent, Value::Integer)
}

/// The endpoints of the innermost tunnel, client's side first.
fn tunnel(record: &FlowRecord) -> Option<(IpAddr, IpAddr)> {
    let (source, destination) = record.outer.endpoints?;
    Some(if record.outer_source_is_client { (source, destination) } else { (destination, source) })
}

/// Takes the values of a record's fields one after another.
pub trait Show {
    /// Takes one; [`Value::Absent`] too.
    fn field(&mut self, name: &'static str, value: Value<'_>);
}

/// A table of fields, and the function that shows their values: the same rows as straight code, in which a name is a constant
/// and a getter is no call.
macro_rules! rows {
    ($(#[$about:meta])* $table:ident, $show:ident;
     $( $name:literal, $unit:literal, $ipfix:expr, $tstat:expr, $help:literal, $get:expr; )*) => {
        $(#[$about])*
        const $table: &[Field] =
            &[ $( Field { name: $name, unit: $unit, help: $help, ipfix: $ipfix, tstat: $tstat, get: $get }, )* ];

        #[inline(always)]
        fn $show(record: &FlowRecord, to: &mut impl Show) {
            $( { let get: for<'a> fn(&'a FlowRecord) -> Value<'a> = $get; to.field($name, get(record)); } )*
        }
    };
}

/// The same where one row makes both directions' fields.
macro_rules! pairs {
    ($(#[$about:meta])* $table:ident, $show:ident;
     $( $name:literal, $unit:literal, $ipfix:expr, $tstat:expr, $help:literal, $get:expr; )*) => {
        $(#[$about])*
        const $table: &[Field] = &[
            $( Field {
                name: concat!("c2s_", $name), unit: $unit, help: $help, ipfix: { const PAIR: Columns = $ipfix; PAIR.0 }, tstat: $tstat.0,
                get: |record| { let get: fn(&Direction) -> Value<'static> = $get; get(&record.c2s) },
            },
            Field {
                name: concat!("s2c_", $name), unit: $unit, help: $help, ipfix: { const PAIR: Columns = $ipfix; PAIR.1 }, tstat: $tstat.1,
                get: |record| { let get: fn(&Direction) -> Value<'static> = $get; get(&record.s2c) },
            }, )*
        ];

        #[inline(always)]
        fn $show(record: &FlowRecord, to: &mut impl Show) {
            $( {
                let get: fn(&Direction) -> Value<'static> = $get;
                to.field(concat!("c2s_", $name), get(&record.c2s));
                to.field(concat!("s2c_", $name), get(&record.s2c));
            } )*
        }
    };
}

/// Names in another system: client to server, server to client.
type Columns = (Option<&'static str>, Option<&'static str>);

const NONE: Columns = (None, None);

rows! {
    /// What a flow is, and when.
    IDENTITY, show_identity;
    "flow_id", "16 hex digits", Some("flowId"), None,
        "Unkeyed hash of key and start in microseconds: the same in every run over the same input.",
        |record| Value::FlowId(record.flow_id);
    "start_ns", "UNIX ns", Some("flowStartNanoseconds"), Some("29"),
        "First packet of this record: the earliest time, where a capture goes back.",
        |record| Value::Integer(record.start.0);
    "end_ns", "UNIX ns", Some("flowEndNanoseconds"), Some("30"),
        "Last packet of this record: the latest time, where a capture goes back.",
        |record| Value::Integer(record.end.0);
    "end_reason", "idle, active, tcp_fin, tcp_rst, evicted, shutdown", Some("flowEndReason"), None,
        "Why the record was written. A midstream TCP flow that a new SYN replaced ends idle: its own end went by unseen.",
        |record| Value::Word(record.end_reason.name());
    "record_seq", "0, 1, ...", None, None,
        "Number of the record among those of a flow that the active timeout cut.",
        |record| Value::Integer(u64::from(record.record_seq));
    "ip_version", "4 or 6", Some("ipVersion"), None,
        "Version of the innermost IP header.",
        |record| Value::Integer(u64::from(record.key.version));
    "protocol", "IANA number", Some("protocolIdentifier"), None,
        "Protocol behind the IP header and its extensions.",
        |record| Value::Integer(u64::from(record.key.protocol));
    "client_ip", "address", Some("sourceIPv4Address"), Some("1"),
        "The client: sender of a SYN, receiver of a SYN+ACK, else sender of the first packet. IPFIX: sourceIPv6Address for IPv6.",
        |record| Value::Ip(record.client_ip());
    "server_ip", "address", Some("destinationIPv4Address"), Some("15"),
        "The other end. IPFIX: destinationIPv6Address for IPv6.",
        |record| Value::Ip(record.server_ip());
    "client_port", "0 to 65,535", Some("sourceTransportPort"), Some("2"),
        "Client's port: TCP, UDP, SCTP, UDP-Lite, DCCP.",
        |record| integer(record.key.port(record.client_is_low));
    "server_port", "0 to 65,535", Some("destinationTransportPort"), Some("16"),
        "Server's port: TCP, UDP, SCTP, UDP-Lite, DCCP.",
        |record| integer(record.key.port(!record.client_is_low));
    "icmp_type", "0 to 255", Some("icmpTypeIPv4"), None,
        "ICMP and ICMPv6: type; a query and its replies are shown under the request's.",
        |record| icmp(record, |key| Some(u64::from(match key {
            IcmpKey::Query { request, .. } => request,
            IcmpKey::Message { kind, .. } => kind,
        })));
    "icmp_code", "0 to 255", Some("icmpCodeIPv4"), None,
        "ICMP and ICMPv6: code; 0 for queries.",
        |record| icmp(record, |key| Some(match key {
            IcmpKey::Query { .. } => 0,
            IcmpKey::Message { code, .. } => u64::from(code),
        }));
    "icmp_id", "0 to 65,535", None, None,
        "ICMP and ICMPv6 queries: identifier.",
        |record| icmp(record, |key| match key {
            IcmpKey::Query { id, .. } => Some(u64::from(id)),
            IcmpKey::Message { .. } => None,
        });
    "client_local", "", None, Some("38"),
        "The client is inside --local-nets; without networks everything is (Tstat's default).",
        |record| Value::Bool(record.client_local);
    "server_local", "", None, Some("39"),
        "The server is inside --local-nets.",
        |record| Value::Bool(record.server_local);
    "vlan_ids", "list of 0 to 4,095", Some("dot1qVlanId"), None,
        "VLAN identifiers around the first packet, outermost first; the first eight.",
        |record| if record.outer.vlan_ids.is_empty() { Value::Absent } else { Value::Vlans(&record.outer.vlan_ids) };
    "encap", "list of kind or kind:identifier", None, None,
        "Encapsulations other than VLAN tags taken off the first packet, outermost first; the first eight.",
        |record| if record.outer.encap.is_empty() { Value::Absent } else { Value::Encap(&record.outer.encap) };
    "outer_client_ip", "address", None, None,
        "The innermost tunnel's endpoint on the client's side.",
        |record| tunnel(record).map_or(Value::Absent, |ends| Value::Ip(ends.0));
    "outer_server_ip", "address", None, None,
        "The innermost tunnel's endpoint on the server's side.",
        |record| tunnel(record).map_or(Value::Absent, |ends| Value::Ip(ends.1));
    "input_port", "DPDK port id", Some("ingressInterface"), None,
        "Port of the first packet; absent in read.",
        |record| integer(record.input.map(|input| input.port));
    "input_queue", "queue", None, None,
        "Queue of the first packet; absent in read.",
        |record| integer(record.input.map(|input| input.queue));
    "midstream", "", None, None,
        "TCP: no SYN of this flow was seen.",
        |record| record.tcp.as_ref().map_or(Value::Absent, |tcp| Value::Bool(tcp.midstream));
    "half_seen", "", None, None,
        "Parts of this flow met on different workers and were added up.",
        |record| Value::Bool(record.half_seen);
    "icmp_errors", "messages", None, None,
        "ICMP errors that quoted a packet of this flow.",
        |record| Value::Integer(u64::from(record.icmp_errors));
}

/// One direction of an SCTP flow.
fn sctp(record: &FlowRecord, side: usize, get: fn(&SctpChunks) -> u32) -> Value<'static> {
    integer(record.sctp.as_ref().and_then(|sides| sides.get(side)).map(get))
}

/// One direction of an ESP flow that had a packet.
fn esp(record: &FlowRecord, side: usize, get: fn(&EspSpis) -> u32) -> Value<'static> {
    integer(record.esp.as_ref().and_then(|sides| sides.get(side)).filter(|spis| spis.seen > 0).map(get))
}

/// Time from the first packet of the client to the first of the server. Unit: nanoseconds.
fn response(record: &FlowRecord) -> Option<u64> {
    let whole = record.record_seq == 0 && !record.half_seen && record.sampling[0] <= 1;
    let (asked, answered) = (record.c2s.span?.0, record.s2c.span?.0);
    (whole && asked <= answered).then(|| answered.since(asked))
}

rows! {
    /// Flows without connections.
    EXCHANGE, show_exchange;
    "response_us", "us", None, None,
        "Protocols other than TCP: from the client's first packet to the server's first, as a DNS query and its answer, or an echo and its reply. Exact below 2.1 s, else as s2c_first_ns. Absent without an answer, in records behind an active cut, where parts met (half_seen), and with --sample-packets.",
        |record| response(record).map_or(Value::Absent, Value::Micros);
}

rows! {
    /// `--first-packets`.
    FIRST, show_first;
    "first_sizes", "list of bytes", None, None,
        "--first-packets: payload bytes of the flow's first packets in the order in which they came; 0 where a packet has none, 65,535 at the most. Absent in records behind an active cut and where parts met (half_seen). Joy's packets.b, ipfixprobe's PPI_PKT_LENGTHS, nfstream's splt_ps.",
        |record| if record.first.sizes.is_empty() { Value::Absent } else { Value::Sizes(&record.first.sizes) };
    "first_directions", "list of 1 and -1", None, None,
        "--first-packets: who sent each of these packets: 1 the client, -1 the server. Joy's packets.dir, ipfixprobe's PPI_PKT_DIRECTIONS, nfstream's splt_direction.",
        |record| if record.first.directions.is_empty() { Value::Absent } else { Value::Directions(&record.first.directions) };
    "first_gaps_us", "list of us", None, None,
        "--first-packets: time from the flow's packet before to each of these, whichever side sent it; 0 for the first, and for one that goes back in time. Exact below 2.1 s, else rounded down: to 1 us below 17.9 minutes, to 64 us below 19 hours, the most that is told. Joy's packets.ipt, nfstream's splt_piat_ms.",
        |record| if record.first.gaps.is_empty() { Value::Absent } else { Value::Gaps(&record.first.gaps) };
}

rows! {
    /// SCTP and ESP.
    OTHERS, show_others;
    "c2s_sctp_data_chunks", "chunks", None, None,
        "SCTP: DATA and I-DATA chunks of the client (RFC 9260 section 3.3.1, RFC 8260), as far as captured.",
        |record| sctp(record, 0, |chunks| chunks.data);
    "s2c_sctp_data_chunks", "chunks", None, None,
        "SCTP: DATA and I-DATA chunks of the server.",
        |record| sctp(record, 1, |chunks| chunks.data);
    "c2s_sctp_control_chunks", "chunks", None, None,
        "SCTP: all other chunks of the client, as far as captured.",
        |record| sctp(record, 0, |chunks| chunks.control);
    "s2c_sctp_control_chunks", "chunks", None, None,
        "SCTP: all other chunks of the server.",
        |record| sctp(record, 1, |chunks| chunks.control);
    "c2s_sctp_sack_chunks", "chunks", None, None,
        "SCTP: SACK chunks of the client, among the control chunks.",
        |record| sctp(record, 0, |chunks| chunks.sack);
    "s2c_sctp_sack_chunks", "chunks", None, None,
        "SCTP: SACK chunks of the server.",
        |record| sctp(record, 1, |chunks| chunks.sack);
    "c2s_sctp_init_chunks", "chunks", None, None,
        "SCTP: INIT and INIT ACK chunks of the client, among the control chunks.",
        |record| sctp(record, 0, |chunks| chunks.init);
    "s2c_sctp_init_chunks", "chunks", None, None,
        "SCTP: INIT and INIT ACK chunks of the server.",
        |record| sctp(record, 1, |chunks| chunks.init);
    "c2s_sctp_abort_chunks", "chunks", None, None,
        "SCTP: ABORT chunks of the client, among the control chunks.",
        |record| sctp(record, 0, |chunks| chunks.abort);
    "s2c_sctp_abort_chunks", "chunks", None, None,
        "SCTP: ABORT chunks of the server.",
        |record| sctp(record, 1, |chunks| chunks.abort);
    "c2s_esp_spi", "32 bits", Some("IPSecSPI"), None,
        "ESP: security parameters index of the client's first packet in this record (RFC 4303 section 2.1).",
        |record| esp(record, 0, |spis| spis.first);
    "s2c_esp_spi", "32 bits", None, None,
        "ESP: security parameters index of the server's first packet in this record.",
        |record| esp(record, 1, |spis| spis.first);
    "c2s_esp_spi_changes", "changes", None, None,
        "ESP: how often the client's next packet had another index: rekeying, or several associations between the two ends.",
        |record| esp(record, 0, |spis| spis.changes);
    "s2c_esp_spi_changes", "changes", None, None,
        "ESP: how often the server's next packet had another index.",
        |record| esp(record, 1, |spis| spis.changes);
}

rows! {
    /// How it was chosen.
    CHOICE, show_choice;
    "sample_packets", "1 in so many", Some("samplingPacketInterval"), None,
        "--sample-packets: the record's counts are those of 1 in so many packets (IPFIX: samplingPacketInterval 1, samplingPacketSpace one less than this). Absent: of all.",
        |record| sampled(record.sampling[0]);
    "sample_flows", "1 in so many", Some("samplingPopulation"), None,
        "--sample-flows: 1 in so many flows has records (IPFIX: samplingSize 1, samplingPopulation this). Absent: all have.",
        |record| sampled(record.sampling[1]);
}

fn sampled(one_in: u32) -> Value<'static> {
    if one_in > 1 { Value::Integer(u64::from(one_in)) } else { Value::Absent }
}

pairs! {
    /// Both directions, every protocol.
    DIRECTIONS, show_directions;
    "packets", "packets", (Some("packetDeltaCount"), Some("reversePacketDeltaCount")), (Some("3"), Some("17")),
        "Packets.",
        |direction| Value::Integer(direction.packets);
    "ip_bytes", "bytes", (Some("octetDeltaCount"), Some("reverseOctetDeltaCount")), NONE,
        "Sum of IP total lengths of the keyed header (RFC 791; RFC 8200: 40 + payload length), whatever was captured. A length of 0 counts to the end of the frame.",
        |direction| Value::Integer(direction.ip_bytes);
    "wire_bytes", "bytes", (Some("layer2OctetDeltaCount"), None), NONE,
        "Sum of frame lengths on the wire without FCS, as the capture file or driver says; net_pcap: what was captured.",
        |direction| Value::Integer(direction.wire_bytes);
    "payload_bytes", "bytes", NONE, (Some("9"), Some("23")),
        "Transport payload from the headers, retransmissions included; UDP: the smaller of its length and what IP holds; later fragments whole; other protocols the IP payload.",
        |direction| Value::Integer(direction.payload_bytes);
    "ttl_min", "0 to 255", (Some("minimumTTL"), None), (Some("50"), Some("57")),
        "Smallest TTL or hop limit.",
        |direction| integer(direction.ttl.map(|ttl| ttl.0));
    "ttl_max", "0 to 255", (Some("maximumTTL"), None), (Some("51"), Some("58")),
        "Largest TTL or hop limit.",
        |direction| integer(direction.ttl.map(|ttl| ttl.1));
    "dscp", "0 to 63", (Some("ipDiffServCodePoint"), None), NONE,
        "DSCP of the direction's first packet (RFC 2474).",
        |direction| integer(direction.dscp);
    "mac", "address", (Some("sourceMacAddress"), None), NONE,
        "Source MAC address of the direction's first packet, of the Ethernet header nearest to the keyed IP header.",
        |direction| direction.mac.map_or(Value::Absent, Value::Mac);
    "first_ns", "UNIX ns", NONE, (Some("3 (log_udp_complete)"), Some("12 (log_udp_complete)")),
        "First packet of this direction; protocols other than TCP. Exact within 2.1 s of start_ns, else rounded down: to 1 us within 17.9 minutes, to 64 us within 19 hours; absent beyond.",
        |direction| direction.span.map_or(Value::Absent, |span| Value::Integer(span.0.0));
    "last_ns", "UNIX ns", NONE, (Some("4 (log_udp_complete)"), Some("13 (log_udp_complete)")),
        "Last packet of this direction; protocols other than TCP. Exact for the direction of the record's latest packet; for the other one as first_ns.",
        |direction| direction.span.map_or(Value::Absent, |span| Value::Integer(span.1.0));
}

/// Every field, in column order.
pub fn all() -> impl Iterator<Item = &'static Field> {
    [IDENTITY, DIRECTIONS, TCP_DIRECTION_FIELDS, TCP_FLOW_FIELDS, CHOICE, OTHERS, EXCHANGE, FIRST].into_iter().flatten()
}

/// Shows every field that has a value in this record, in column order; and some that have none.
#[inline(always)]
pub fn show(record: &FlowRecord, to: &mut impl Show) {
    show_identity(record, to);
    show_directions(record, to);
    if let Some(tcp) = &record.tcp {
        show_tcp(tcp, to);
    }
    if record.sampling.iter().any(|one_in| *one_in > 1) {
        show_choice(record, to);
    }
    if record.sctp.is_some() || record.esp.is_some() {
        show_others(record, to);
    }
    show_exchange(record, to);
    if !record.first.sizes.is_empty() {
        show_first(record, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{TcpDirection, TcpRecord};

    /// Names and values as text.
    struct Shown(Vec<(&'static str, String)>);

    impl Show for Shown {
        fn field(&mut self, name: &'static str, value: Value<'_>) {
            if value != Value::Absent {
                self.0.push((name, format!("{value:?}")));
            }
        }
    }

    /// A record of each kind that has fields of its own.
    fn records() -> [FlowRecord; 5] {
        let plain = FlowRecord::default();
        let mut first = plain.clone();
        first.first.sizes.push(7);
        let mut spis = EspSpis::default();
        spis.seen = 1;
        let tcp = TcpDirection { mss: Some(1460), ..TcpDirection::default() };
        [
            FlowRecord { tcp: Some(TcpRecord { c2s: tcp, midstream: true, ..TcpRecord::default() }), ..plain.clone() },
            FlowRecord { sctp: Some(Default::default()), sampling: [1, 16], ..plain.clone() },
            FlowRecord { esp: Some([spis; 2]), ..plain.clone() },
            first,
            plain,
        ]
    }

    #[test]
    fn what_is_shown_is_what_the_table_reads() {
        for record in records() {
            let mut shown = Shown(Vec::new());
            show(&record, &mut shown);
            let read = all().map(|field| (field.name, (field.get)(&record)));
            let want: Vec<_> = read
                .filter(|(_, value)| *value != Value::Absent)
                .map(|(name, value)| (name, format!("{value:?}")))
                .collect();
            assert_eq!(shown.0, want);
        }
    }

    #[test]
    fn names_are_unique_and_every_help_is_a_sentence() {
        let mut seen = std::collections::HashSet::new();
        for field in all() {
            assert!(seen.insert(field.name), "{} twice", field.name);
            assert!(field.help.ends_with('.') && field.help.len() > 5, "{}", field.name);
            assert!(field.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
        }
        assert!(seen.len() > 100);
    }
}
