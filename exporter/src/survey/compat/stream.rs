//! tcp-stream-exporter: one stream for each direction of a TCP flow.
//!
//! **Owns** its names, one row each. **May touch** the flows that [`flows`] serves. **Order** rendered for a scrape.
//!
//! Mended against the original: round-trip times are those of data and its acknowledgement, windows are scaled, sequence numbers
//! wrap, keep-alives and copies of the network are no retransmissions, duplicate acknowledgements are RFC 5681's, an idle stream
//! has bit rate 0. `tcp_packet_size_variance` and `tcp_interarrival_variance_seconds` need the lengths and times of single
//! packets, which a record has of the first ones only, with --first-packets; without it they are left out.
//! `capture_queue_freezes_total` is left out: DPDK's queues do not freeze.

mod flows;

use super::{Family, Kind, labels, number};
use crate::survey::scene::Rate;
use flows::deviation;
pub(super) use flows::{Streams, most_bytes};
use parshall_engine::flow::tcp::Class;
use parshall_engine::merge::snapshot::Snapshot;
use parshall_engine::record::{Direction, FlowRecord, RttSummary, TcpDirection, TcpHistory};
use parshall_engine::tally::Tally;

/// Longer gaps between packets are pauses of the application, as in the original. Unit: seconds.
const PAUSE: f64 = 10.0;

/// A flow that is served: the sums over its whole life.
#[derive(Debug)]
pub(super) struct Served {
    record: FlowRecord,
    state: &'static str,
    /// From the first packet to now, or to the last one. Unit: seconds.
    uptime: f64,
    /// 0 once it has ended.
    rate: Option<Rate>,
    /// Coefficients of variation of its last bit rates.
    variation: [Option<f64>; 2],
    /// The most bytes that were missing at a time.
    gaps: [u32; 2],
}

/// One direction of it.
struct Stream<'f> {
    flow: &'f Served,
    /// 0 from the client.
    way: usize,
    sent: &'f Direction,
    tcp: &'f TcpDirection,
}

type Value = fn(&Stream<'_>) -> Option<f64>;

fn history(stream: &Stream<'_>, get: fn(&TcpHistory) -> f64) -> Option<f64> {
    stream.tcp.history.as_ref().map(get)
}

fn rtt(stream: &Stream<'_>, get: fn(&RttSummary) -> f64) -> Option<f64> {
    stream.tcp.rtt.as_ref().map(|rtt| get(rtt) / 1e9)
}

/// Segments sent again, less those that repeat nothing that was lost.
fn retransmits(stream: &Stream<'_>) -> Option<f64> {
    let history = stream.tcp.history.as_ref()?;
    let harmless = u32::from(history.classes[Class::NetDup as usize]) + stream.tcp.keepalives;
    Some(f64::from(history.retx_packets.saturating_sub(harmless)))
}

/// Bytes that were jumped over, as segments: the original counts jumps, also those that were made up for later.
fn gaps(stream: &Stream<'_>) -> Option<f64> {
    let segment = stream.tcp.mss_max.map_or(536.0, f64::from).max(1.0);
    stream.tcp.history.as_ref().map(|_| (f64::from(stream.flow.gaps[stream.way]) / segment).ceil())
}

/// Coefficient of variation of the payload of this direction's packets, among the flow's first ones.
fn sizes(stream: &Stream<'_>) -> Option<f64> {
    let first = &stream.flow.record.first;
    let sizes = first.sizes.iter().zip(&first.directions).filter(|(size, way)| **size > 0 && is_of(**way, stream));
    let (mean, deviation) = deviation(sizes.map(|(size, _)| f64::from(*size)))?;
    Some(deviation / mean)
}

/// Standard deviation of the times between this direction's packets, among the flow's first ones.
fn arrivals(stream: &Stream<'_>) -> Option<f64> {
    let first = &stream.flow.record.first;
    let (mut since, mut gaps) = (None, Vec::new());
    for (gap, way) in first.gaps.iter().zip(&first.directions) {
        since = since.zip(gap.nanos()).map(|(since, gap): (f64, u64)| since + gap as f64 / 1e9);
        if is_of(*way, stream) {
            gaps.extend(since.filter(|gap| *gap < PAUSE));
            since = Some(0.0);
        }
    }
    deviation(gaps.into_iter()).map(|(_, deviation)| deviation)
}

const fn is_of(way: i8, stream: &Stream<'_>) -> bool {
    (way > 0) == (stream.way == 0)
}

/// The field of a record that has the health score of a direction.
fn health(stream: &Stream<'_>) -> Option<f64> {
    use parshall_engine::record::fields::{self, Value};
    let name = ["c2s_health_score", "s2c_health_score"][stream.way];
    match (fields::all().find(|field| field.name == name)?.get)(&stream.flow.record) {
        Value::Integer(score) => Some(score as f64),
        _ => None,
    }
}

/// Its names.
#[rustfmt::skip]
const NAMES: &[(&str, Kind, &str, Value)] = &[
    ("tcp_retransmits_total", Kind::Counter, "Segments sent again, keep-alives and copies of the network left out.", retransmits),
    ("tcp_resets_total", Kind::Counter, "Segments with RST.", |s| Some(f64::from(s.tcp.rst_count))),
    ("tcp_window_size_bytes", Kind::Gauge, "Largest window announced, scaled.", |s| s.tcp.window_max.map(|bytes| bytes as f64)),
    ("tcp_avg_delay_seconds", Kind::Gauge, "Mean round-trip time of this direction's data.", |s| rtt(s, |rtt| rtt.avg)),
    ("tcp_jitter_seconds", Kind::Gauge, "Standard deviation of those round-trip times.", |s| rtt(s, |rtt| rtt.std)),
    ("tcp_min_delay_seconds", Kind::Gauge, "Smallest of those round-trip times.", |s| rtt(s, |rtt| rtt.min as f64)),
    ("tcp_max_delay_seconds", Kind::Gauge, "Largest of those round-trip times.", |s| rtt(s, |rtt| rtt.max as f64)),
    ("tcp_bitrate_bps", Kind::Gauge, "Payload bits a second between the last two looks; 0 when idle.", |s| s.flow.rate.map(|rate| rate.payload_bits[s.way])),
    ("tcp_bitrate_variance", Kind::Gauge, "Coefficient of variation of the last 60 bit rates, a ratio.", |s| s.flow.variation[s.way]),
    ("tcp_packet_size_variance", Kind::Gauge, "Coefficient of variation of payload lengths, a ratio; of the first packets (--first-packets).", sizes),
    ("tcp_interarrival_variance_seconds", Kind::Gauge, "Standard deviation of the times between packets; of the first packets (--first-packets).", arrivals),
    ("tcp_out_of_order_packets_total", Kind::Counter, "Segments that came behind later ones.", |s| history(s, |history| f64::from(history.ooo_packets))),
    ("tcp_duplicate_acks_total", Kind::Counter, "Duplicate acknowledgements, RFC 5681.", |s| Some(f64::from(s.tcp.dup_acks))),
    ("tcp_zero_window_events_total", Kind::Counter, "Segments that announce a window of 0.", |s| Some(f64::from(s.tcp.zero_windows))),
    ("tcp_sequence_gaps_total", Kind::Counter, "Segments' worth of bytes that were jumped over: the most at a time.", gaps),
    ("tcp_stream_uptime_seconds", Kind::Gauge, "Since the flow's first packet, to its last when it has ended.", |s| Some(s.flow.uptime)),
    ("tcp_packet_rate_pps", Kind::Gauge, "Packets a second over that time.", |s| Some(s.sent.packets as f64 / s.flow.uptime).filter(|rate| rate.is_finite())),
    ("tcp_bytes_transferred_total", Kind::Counter, "Payload bytes, retransmissions included.", |s| Some(s.sent.payload_bytes as f64)),
    ("tcp_stream_health_score", Kind::Gauge, "100 less points for faults; see health_score in docs/RECORDS.md.", health),
];

/// Both directions of a flow, as far as packets came.
fn streams(flow: &Served) -> impl Iterator<Item = Stream<'_>> {
    let record = &flow.record;
    let sides = record.tcp.iter().flat_map(|tcp| [(&record.c2s, &tcp.c2s), (&record.s2c, &tcp.s2c)]);
    let streams = sides.enumerate().map(move |(way, (sent, tcp))| Stream { flow, way, sent, tcp });
    streams.filter(|stream| stream.sent.packets > 0)
}

/// The families of the flows served, and of the capture.
pub(super) fn families(flows: &[Served], snapshot: &Snapshot) -> Vec<Family> {
    let mut out: Vec<Family> = NAMES.iter().map(|(name, kind, help, _)| Family::new(name, *kind, help)).collect();
    let mut active = 0.0;
    for stream in flows.iter().flat_map(streams) {
        let record = &stream.flow.record;
        active += f64::from(u8::from(stream.flow.state == flows::ACTIVE));
        let ips = super::ends(record)[stream.way];
        let port = |client: bool| record.key.port(client == record.client_is_low).unwrap_or_default().to_string();
        let pairs = labels(&[
            ("src_ip", ips.0.to_string()),
            ("src_port", port(stream.way == 0)),
            ("dst_ip", ips.1.to_string()),
            ("dst_port", port(stream.way == 1)),
            ("state", stream.flow.state.to_owned()),
        ]);
        for (family, (.., get)) in out.iter_mut().zip(NAMES) {
            family.series.extend(get(&stream).map(|value| number(pairs.clone(), value)));
        }
    }
    let missed: u64 = snapshot.ports.iter().map(|port| port.imissed).sum();
    let taken = Tally::taken_packets(&snapshot.total) as f64;
    for (name, kind, help, value) in [
        ("tcp_stream_count", Kind::Gauge, "Streams served that are neither closed nor reset.", active),
        ("capture_packets_processed_total", Kind::Counter, "Frames taken from all ports.", taken),
        ("capture_dropped_packets_total", Kind::Counter, "Frames lost for lack of descriptors.", missed as f64),
    ] {
        let mut family = Family::new(name, kind, help);
        family.series.push(number(Vec::new(), value));
        out.push(family);
    }
    out
}

#[cfg(test)]
mod tests;
