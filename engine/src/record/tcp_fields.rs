//! The record fields of TCP: one row a pair of fields, client to server and server to client.
//!
//! **Owns** the names, meanings and sources of TCP's keys. **May touch** the record, read only.
//! **Order** behind the rows of `fields`, in the order of the contract.

use super::fields::{Field, Show, Value};
use super::{FlowRecord, RttSummary, TcpDirection, TcpHistory, TcpRecord};
use crate::flow::tcp::Class;
use crate::time::Nanos;

fn integer<T: Into<u64>>(value: Option<T>) -> Value<'static> {
    value.map_or(Value::Absent, |value| Value::Integer(value.into()))
}

fn boolean(value: Option<bool>) -> Value<'static> {
    value.map_or(Value::Absent, Value::Bool)
}

fn nanos(value: Option<Nanos>) -> Value<'static> {
    value.map_or(Value::Absent, |time| Value::Integer(time.0))
}

fn micros(value: Option<u64>) -> Value<'static> {
    value.map_or(Value::Absent, Value::Micros)
}

fn history(tcp: &TcpDirection, get: impl Fn(&TcpHistory) -> u64) -> Value<'static> {
    tcp.history.as_ref().map_or(Value::Absent, |history| Value::Integer(get(history)))
}

fn class(tcp: &TcpDirection, class: Class) -> Value<'static> {
    history(tcp, |history| u64::from(history.classes[class as usize]))
}

fn rtt(tcp: &TcpDirection, get: impl Fn(&RttSummary) -> Value<'static>) -> Value<'static> {
    tcp.rtt.as_ref().map_or(Value::Absent, get)
}

fn c2s(record: &FlowRecord, get: impl Fn(&TcpDirection) -> Value<'static>) -> Value<'static> {
    record.tcp.as_ref().map_or(Value::Absent, |tcp| get(&tcp.c2s))
}

fn s2c(record: &FlowRecord, get: impl Fn(&TcpDirection) -> Value<'static>) -> Value<'static> {
    record.tcp.as_ref().map_or(Value::Absent, |tcp| get(&tcp.s2c))
}

/// One row makes both directions' fields, and shows them (see `fields`). Columns of Tstat are `client / server`.
macro_rules! pairs {
    ($( $name:literal, $unit:literal, $ipfix:expr, $tstat:expr, $help:literal, $get:expr; )*) => {
        /// The per-direction fields of TCP.
        pub const TCP_DIRECTION_FIELDS: &[Field] = &[
            $( Field {
                name: concat!("c2s_", $name), unit: $unit, help: $help, ipfix: $ipfix, tstat: $tstat.0,
                get: |record| c2s(record, $get),
            }, )*
            $( Field {
                name: concat!("s2c_", $name), unit: $unit, help: $help, ipfix: None, tstat: $tstat.1,
                get: |record| s2c(record, $get),
            }, )*
        ];

        #[inline(always)]
        fn show_directions(tcp: &TcpRecord, to: &mut impl Show) {
            $( { let get: fn(&TcpDirection) -> Value<'static> = $get; to.field(concat!("c2s_", $name), get(&tcp.c2s)); } )*
            $( { let get: fn(&TcpDirection) -> Value<'static> = $get; to.field(concat!("s2c_", $name), get(&tcp.s2c)); } )*
        }
    };
}

const NO_COLUMN: (Option<&str>, Option<&str>) = (None, None);

const fn columns(client: &'static str, server: &'static str) -> (Option<&'static str>, Option<&'static str>) {
    (Some(client), Some(server))
}

pairs! {
    "tcp_flags", "8 bits", Some("tcpControlBits"), NO_COLUMN,
        "All flags ever sent, ORed (RFC 9293 section 3.1, RFC 3168: CWR 128, ECE 64, URG 32, ACK 16, PSH 8, RST 4, SYN 2, FIN 1).",
        |tcp| Value::Integer(u64::from(tcp.flags));
    "syn_count", "segments", Some("tcpSynTotalCount"), columns("13", "27"),
        "Segments with SYN, repeats included, held at 65,535. Tstat's counter wraps at 256.",
        |tcp| Value::Integer(u64::from(tcp.syn_count));
    "fin_count", "segments", Some("tcpFinTotalCount"), columns("14", "28"),
        "Segments with FIN, repeats included, held at 65,535. Tstat's counter wraps at 256.",
        |tcp| Value::Integer(u64::from(tcp.fin_count));
    "rst_count", "segments", Some("tcpRstTotalCount"), columns("4", "18"),
        "Segments with RST, held at 65,535. With the default linger, those after the close count too; Tstat's flow has ended by then.",
        |tcp| Value::Integer(u64::from(tcp.rst_count));
    "psh_count", "segments", Some("tcpPshTotalCount"), NO_COLUMN,
        "Segments with PSH.",
        |tcp| Value::Integer(u64::from(tcp.psh_count));
    "ack_packets", "segments", Some("tcpAckTotalCount"), columns("5", "19"),
        "Segments with ACK.",
        |tcp| Value::Integer(tcp.ack_packets);
    "pure_ack_packets", "segments", None, columns("6", "20"),
        "Segments with ACK and without payload, SYN, FIN or RST.",
        |tcp| Value::Integer(tcp.pure_ack_packets);
    "data_packets", "segments", None, columns("8", "22"),
        "Segments with payload, retransmissions included.",
        |tcp| Value::Integer(tcp.data_packets);
    "unique_bytes", "bytes", None, columns("7", "21"),
        "Payload seen for the first time; SYN and FIN not counted. Left out when the segment history was lost (--segment-memory).",
        |tcp| history(tcp, |history| history.unique_bytes);
    "retx_packets", "segments", None, columns("10", "24"),
        "Segments with at least one byte, SYN or FIN that was seen before.",
        |tcp| history(tcp, |history| u64::from(history.retx_packets));
    "retx_bytes", "bytes", None, columns("11", "25"),
        "Payload that was seen before; SYN and FIN not counted.",
        |tcp| history(tcp, |history| history.retx_bytes);
    "ooo_packets", "segments", None, columns("12", "26"),
        "Segments with bytes not seen before that begin and end before some segment already seen.",
        |tcp| history(tcp, |history| u64::from(history.ooo_packets));
    "dup_acks", "segments", None, NO_COLUMN,
        "Duplicate acknowledgements sent by this side (RFC 5681 section 2): no payload, SYN, FIN or RST, same number and window as before, data outstanding.",
        |tcp| Value::Integer(u64::from(tcp.dup_acks));
    "zero_windows", "segments", None, columns("75", "98"),
        "Segments with ACK and without RST that announce a window of 0.",
        |tcp| Value::Integer(u64::from(tcp.zero_windows));
    "window_min", "bytes", None, columns("74", "97"),
        "Smallest window announced other than 0, scaled (RFC 7323; a SYN's never is). Left out when a SYN was missed.",
        |tcp| integer(tcp.window_min);
    "window_max", "bytes", None, columns("73", "96"),
        "Largest window announced, scaled. Left out when a SYN was missed.",
        |tcp| integer(tcp.window_max);
    "window_scale", "0 to 14", Some("tcpWindowScale"), columns("67", "90"),
        "Shift that applies: this side's if both SYNs offered one, else 0. Left out when a SYN was missed.",
        |tcp| integer(tcp.window_scale);
    "ws_option", "", None, columns("65", "88"),
        "The SYN offered window scaling (RFC 7323). Left out when the SYN was missed.",
        |tcp| boolean(tcp.ws_option);
    "mss", "bytes", None, columns("70", "93"),
        "Maximum segment size announced in the SYN (RFC 9293 section 3.7.1).",
        |tcp| integer(tcp.mss);
    "mss_min", "bytes, held at 65,535", None, columns("72", "95"),
        "Smallest payload of a segment. TSO and GRO can make it larger than the MSS.",
        |tcp| integer(tcp.mss_min);
    "mss_max", "bytes, held at 65,535", None, columns("71", "94"),
        "Largest payload of a segment. TSO and GRO can make it larger than the MSS.",
        |tcp| integer(tcp.mss_max);
    "sack_permitted", "", None, columns("68", "91"),
        "The SYN offered selective acknowledgements (RFC 2018). Left out when the SYN was missed.",
        |tcp| boolean(tcp.sack_permitted);
    "sack_packets", "segments", None, columns("69", "92"),
        "Segments that carried SACK blocks.",
        |tcp| Value::Integer(u64::from(tcp.sack_packets));
    "ts_option", "", None, columns("66", "89"),
        "The SYN offered timestamps (RFC 7323), or data carried them where the SYN was missed; left out when neither was seen.",
        |tcp| boolean(tcp.ts_option);
    "inflight_max", "bytes", None, columns("76", "99"),
        "Most bytes between the end of a data segment that was in order and the peer's highest acknowledgement.",
        |tcp| integer(tcp.inflight_max);
    "inflight_min", "bytes", None, columns("77", "100"),
        "Fewest such bytes.",
        |tcp| integer(tcp.inflight_min);
    "inflight_initial", "bytes", None, columns("78", "101"),
        "Payload sent before the first acknowledgement of data: the initial congestion window as used (RFC 6928).",
        |tcp| integer(tcp.inflight_initial);
    "first_payload_ns", "UNIX ns", None, columns("32", "33"),
        "First segment with payload.",
        |tcp| nanos(tcp.first_payload);
    "last_payload_ns", "UNIX ns", None, columns("34", "35"),
        "Last segment with payload.",
        |tcp| nanos(tcp.last_payload);
    "first_ack_ns", "UNIX ns", None, columns("36", "37"),
        "First segment with ACK and without SYN.",
        |tcp| nanos(tcp.first_ack);
    "rtt_samples", "samples", None, columns("49", "56"),
        "Round-trip times taken: data (SYN and FIN too) of this side to the ACK that ends exactly with it, by Karn's rule (RFC 6298 section 3), and nothing before it was sent again later (Tstat).",
        |tcp| Value::Integer(tcp.rtt.as_ref().map_or(0, |rtt| u64::from(rtt.samples)));
    "rtt_min_us", "us", None, columns("46", "53"),
        "Smallest of them.",
        |tcp| rtt(tcp, |rtt| Value::Micros(rtt.min));
    "rtt_avg_us", "us", None, columns("45", "52"),
        "Their mean.",
        |tcp| rtt(tcp, |rtt| Value::MicrosMean(rtt.avg));
    "rtt_max_us", "us", None, columns("47", "54"),
        "Largest of them.",
        |tcp| rtt(tcp, |rtt| Value::Micros(rtt.max));
    "rtt_std_us", "us", None, columns("48", "55"),
        "Their sample standard deviation; 0 with one sample.",
        |tcp| rtt(tcp, |rtt| Value::MicrosMean(rtt.std));
    "rtt_smoothed_us", "us", None, NO_COLUMN,
        "Smoothed round-trip time after the last sample (RFC 6298 section 2).",
        |tcp| tcp.rtt_smoothed.map_or(Value::Absent, |nanos| Value::MicrosMean(f64::from(nanos)));
    "rtt_ts_samples", "samples", None, NO_COLUMN,
        "Round-trip times by the timestamp option (RFC 7323 section 4.1), held at 65,535: first sight of a value on data to its echo on an ACK of new data.",
        |tcp| integer(tcp.rtt_timestamps.map(|(samples, _)| samples));
    "rtt_ts_min_us", "us", None, NO_COLUMN,
        "Smallest of them.",
        |tcp| micros(tcp.rtt_timestamps.map(|(_, micros)| u64::from(micros) * 1000));
    "class_rto", "segments", None, columns("79", "102"),
        "Anomalous segments classed as retransmitted after a timeout, tail loss probes (RFC 8985) included. Classes: Tstat's order of tests, mended as track::tcp::class says; held at 65,535.",
        |tcp| class(tcp, Class::Rto);
    "class_fast_retx", "segments", None, columns("80", "103"),
        "Classed as retransmitted after three duplicate acknowledgements (RFC 5681 section 3.2).",
        |tcp| class(tcp, Class::FastRetx);
    "class_reordering", "segments", None, columns("81", "104"),
        "Classed as overtaken in the network.",
        |tcp| class(tcp, Class::Reordering);
    "class_net_dup", "segments", None, columns("82", "105"),
        "Classed as duplicated in the network or by the mirror: same informative IP-ID as the copy before.",
        |tcp| class(tcp, Class::NetDup);
    "class_flow_control", "segments", None, columns("84", "107"),
        "Classed as probes of a closed window.",
        |tcp| class(tcp, Class::FlowControl);
    "class_unneeded_rto", "segments", None, columns("85", "108"),
        "Classed as retransmitted after a timeout although it had arrived: acknowledged before, or named by a DSACK (RFC 2883).",
        |tcp| class(tcp, Class::UnneededRto);
    "class_unneeded_fast_retx", "segments", None, columns("86", "109"),
        "Classed as retransmitted after duplicate acknowledgements although it had arrived.",
        |tcp| class(tcp, Class::UnneededFastRetx);
    "class_unknown", "segments", None, columns("83", "106"),
        "Anomalous segments that no test could class.",
        |tcp| class(tcp, Class::Unknown);
    "gap_bytes", "bytes, held at 2^32-1", None, NO_COLUMN,
        "Bytes that were jumped over and never seen: lost before the probe, or by the mirror.",
        |tcp| history(tcp, |history| u64::from(history.gap_bytes));
    "keepalives", "segments", None, NO_COLUMN,
        "Keep-alives: no or one byte just below what was acknowledged (RFC 9293 section 3.8.4).",
        |tcp| Value::Integer(u64::from(tcp.keepalives));
    "health_score", "0 to 100", None, NO_COLUMN,
        "tcp-stream-exporter's score: 100 less 5 for each retransmission (to 30), 20 for each RST, 2 for each out-of-order segment (to 20), 1 for each duplicate acknowledgement (to 10), 10 for each zero window (to 20), 3 for each segment of a gap (to 15), 5 for round-trip times that deviate by more than 50 ms.",
        |tcp| integer(super::health::score(tcp));
}

fn whole(record: &FlowRecord, get: impl Fn(&TcpRecord) -> Value<'static>) -> Value<'static> {
    record.tcp.as_ref().map_or(Value::Absent, get)
}

/// Rows of the flow as a whole.
macro_rules! rows {
    ($( $name:literal, $unit:literal, $tstat:expr, $help:literal, $get:expr; )*) => {
        /// The fields of a TCP flow as a whole.
        pub const TCP_FLOW_FIELDS: &[Field] = &[ $( Field {
            name: $name, unit: $unit, help: $help, ipfix: None, tstat: $tstat, get: |record| whole(record, $get),
        }, )* ];

        #[inline(always)]
        fn show_flow(tcp: &TcpRecord, to: &mut impl Show) {
            $( { let get: fn(&TcpRecord) -> Value<'static> = $get; to.field($name, get(tcp)); } )*
        }
    };
}

rows! {
    "handshake_rtt_us", "us", Some("36"),
        "SYN to the client's first ACK after it. Left out when a SYN or SYN+ACK was missed or sent again (Karn).",
        |tcp| micros(tcp.handshake_rtt);
    "server_handshake_us", "us", None,
        "SYN to SYN+ACK: the path from the probe to the server and back.",
        |tcp| micros(tcp.server_handshake);
    "client_handshake_us", "us", None,
        "SYN+ACK to the client's first ACK after it: the path from the probe to the client and back.",
        |tcp| micros(tcp.client_handshake);
    "tcp_complete", "", Some("log_tcp_complete"),
        "Tstat's verdict complete: closed by FINs, or by RST or idle timeout after SYNs both ways.",
        |tcp| Value::Bool(tcp.complete);
}

/// Shows every field of this table.
#[inline(always)]
pub(super) fn show_tcp(tcp: &TcpRecord, to: &mut impl Show) {
    show_directions(tcp, to);
    show_flow(tcp, to);
}
