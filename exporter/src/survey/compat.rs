//! The metric names of other exporters, for the largest flows: theirs the names and labels, ours the arithmetic.
//!
//! **Owns** those names, and what must be remembered for them: the sums of flows that the active timeout cut, and flows that
//! ended lately. **May touch** records and scenes. **Order** fed by the watch's thread; asked by a scrape.
//!
//! | word | exporter | series |
//! |---|---|---|
//! | `tcp-stream` | tcp-stream-exporter | one stream a direction of a TCP flow; ended ones for a minute, as there |
//! | `kdump` | kdump's tcp-exporter | pairs of addresses; volumes of all TCP flows together |
//! | `packet` | packet-exporter | endpoints and protocol, with a histogram of frame lengths |
//! | `tzsp` | tzsp_packetstream_exporter | pairs of addresses with their types |
//!
//! Left out, because a record does not know them: `tcp_packet_size_variance`, `tcp_interarrival_variance_seconds`,
//! `tcp_bitrate_variance`. Mended against the originals: round-trip times are those of data and its acknowledgement,
//! windows are scaled, keep-alives are no retransmissions, `state` changes no counter's value.

use super::Watch;
use crate::exposition::{Family, Kind, Series};
use parshall_config::plan::WatchPlan;
use parshall_engine::flow::tcp::Class;
use parshall_engine::record::{Direction, EndReason, FlowRecord, TcpDirection};
use parshall_engine::tally::{L4_LABELS, l4_label};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Flows cut by the active timeout whose sums are remembered.
pub(super) const CONTINUED: usize = 20_000;

/// How long an ended stream is still served: tcp-stream-exporter's `-finalized-age`.
const FINALIZED: Duration = Duration::from_secs(60);

/// What is remembered of flows whose records are out already.
#[derive(Debug, Default)]
pub struct Continued {
    wanted: bool,
    most: usize,
    sums: HashMap<u64, FlowRecord>,
    /// With the time at which each came.
    ended: Vec<(Instant, FlowRecord)>,
}

fn bytes(record: &FlowRecord) -> u64 {
    record.c2s.ip_bytes + record.s2c.ip_bytes
}

impl Continued {
    /// Remembers nothing unless somebody's names are served.
    #[must_use]
    pub fn new(plan: &WatchPlan) -> Continued {
        let mut continued = Continued::default();
        continued.replan(plan);
        continued
    }

    /// Remembers what `plan` needs from now on.
    pub fn replan(&mut self, plan: &WatchPlan) {
        self.most = usize::try_from(plan.compat_flows).unwrap_or(usize::MAX);
        self.wanted = !plan.compat.is_empty();
        if !self.wanted {
            (self.sums, self.ended) = Default::default();
        }
    }

    /// Takes a finished record in.
    pub fn record(&mut self, record: &FlowRecord) {
        if !self.wanted {
            return;
        }
        let sum = self.whole(record);
        if record.end_reason == EndReason::Active {
            if self.sums.len() < CONTINUED || self.sums.contains_key(&record.flow_id) {
                self.sums.insert(record.flow_id, sum);
            }
            return;
        }
        self.sums.remove(&record.flow_id);
        self.ended.push((Instant::now(), sum));
        if self.ended.len() > self.most.saturating_mul(2) {
            self.trim();
        }
    }

    fn trim(&mut self) {
        self.ended.retain(|(came, _)| came.elapsed() < FINALIZED);
        self.ended.sort_by_key(|(_, record)| std::cmp::Reverse(bytes(record)));
        self.ended.truncate(self.most);
    }

    /// A flow with what its earlier records had.
    fn whole(&self, record: &FlowRecord) -> FlowRecord {
        let Some(before) = self.sums.get(&record.flow_id) else { return record.clone() };
        let mut sum = before.clone();
        sum.absorb(record.clone());
        (sum.flow_id, sum.half_seen) = (record.flow_id, record.half_seen);
        sum
    }
}

/// A flow that is served: the sums over its whole life, whether it lives, IP bits and packets a second.
struct Served {
    record: FlowRecord,
    lives: bool,
    bits: Option<f64>,
}

/// The largest flows, live and ended lately.
fn served(watch: &Watch) -> Vec<Served> {
    let scene = watch.scene();
    let mut observed = watch.observed();
    observed.continued.trim();
    let continued = &observed.continued;
    let live = scene.picture.flows.iter().zip(&scene.rates).map(|(flow, rate)| Served {
        record: continued.whole(&flow.record),
        lives: true,
        bits: rate.map(|rate| rate.bits),
    });
    let ended = continued.ended.iter().map(|(_, record)| Served { record: record.clone(), lives: false, bits: None });
    let mut all: Vec<Served> = live.chain(ended).collect();
    let most = continued.most;
    drop(observed);
    all.sort_by_key(|served| std::cmp::Reverse(bytes(&served.record)));
    all.truncate(most);
    all
}

/// The families of the exporters that were asked for.
#[must_use]
pub fn families(watch: &Watch) -> Vec<Family> {
    let plan = watch.plan();
    if plan.compat.is_empty() {
        return Vec::new();
    }
    let flows = served(watch);
    let asked = |word: &str| plan.compat.iter().any(|other| other == word);
    let mut out = Vec::new();
    if asked("tcp-stream") {
        out.extend(tcp_stream(&flows));
    }
    if asked("kdump") {
        out.extend(kdump(&flows));
    }
    if asked("packet") {
        out.extend(packet(&flows));
    }
    if asked("tzsp") {
        out.extend(tzsp(&flows));
    }
    out
}

/// One direction of a TCP flow.
struct Stream<'f> {
    flow: &'f Served,
    sent: &'f Direction,
    tcp: &'f TcpDirection,
    /// This direction's share of the flow's rate.
    bits: Option<f64>,
}

type StreamValue = fn(&Stream<'_>) -> Option<f64>;

fn history(stream: &Stream<'_>, get: fn(&parshall_engine::record::TcpHistory) -> u64) -> Option<f64> {
    stream.tcp.history.as_ref().map(|history| get(history) as f64)
}

fn rtt(stream: &Stream<'_>, get: fn(&parshall_engine::record::RttSummary) -> f64) -> Option<f64> {
    stream.tcp.rtt.as_ref().map(|rtt| get(rtt) / 1e9)
}

fn lifetime(stream: &Stream<'_>) -> f64 {
    stream.flow.record.end.since(stream.flow.record.start) as f64 / 1e9
}

/// tcp-stream-exporter's names: one row each.
#[rustfmt::skip]
const STREAM: &[(&str, Kind, &str, StreamValue)] = &[
    ("tcp_retransmits_total", Kind::Counter, "Segments sent again, keep-alives and copies of the network left out.",
        |s| history(s, |h| u64::from(h.retx_packets).saturating_sub(u64::from(h.classes[Class::NetDup as usize])))
            .map(|count| (count - f64::from(s.tcp.keepalives)).max(0.0))),
    ("tcp_resets_total", Kind::Counter, "Segments with RST.", |s| Some(f64::from(s.tcp.rst_count))),
    ("tcp_window_size_bytes", Kind::Gauge, "Largest window announced, scaled.", |s| s.tcp.window_max.map(|bytes| bytes as f64)),
    ("tcp_avg_delay_seconds", Kind::Gauge, "Mean round-trip time of this direction's data.", |s| rtt(s, |rtt| rtt.avg)),
    ("tcp_jitter_seconds", Kind::Gauge, "Standard deviation of those round-trip times.", |s| rtt(s, |rtt| rtt.std)),
    ("tcp_min_delay_seconds", Kind::Gauge, "Smallest of those round-trip times.", |s| rtt(s, |rtt| rtt.min as f64)),
    ("tcp_max_delay_seconds", Kind::Gauge, "Largest of those round-trip times.", |s| rtt(s, |rtt| rtt.max as f64)),
    ("tcp_bitrate_bps", Kind::Gauge, "Bits a second between the last two looks; 0 when idle.", |s| s.bits),
    ("tcp_out_of_order_packets_total", Kind::Counter, "Segments that came behind later ones.", |s| history(s, |h| u64::from(h.ooo_packets))),
    ("tcp_duplicate_acks_total", Kind::Counter, "Duplicate acknowledgements, RFC 5681.", |s| Some(f64::from(s.tcp.dup_acks))),
    ("tcp_zero_window_events_total", Kind::Counter, "Segments that announce a window of 0.", |s| Some(f64::from(s.tcp.zero_windows))),
    ("tcp_sequence_gaps_total", Kind::Counter, "Segments' worth of bytes that were jumped over and never seen.",
        |s| history(s, |h| u64::from(h.gap_bytes)).map(|bytes| (bytes / s.tcp.mss_max.map_or(536.0, f64::from).max(1.0)).ceil())),
    ("tcp_stream_uptime_seconds", Kind::Gauge, "From the first to the last packet of the flow.", |s| Some(lifetime(s))),
    ("tcp_packet_rate_pps", Kind::Gauge, "Packets a second over that time.",
        |s| Some(lifetime(s)).filter(|seconds| *seconds > 0.0).map(|seconds| s.sent.packets as f64 / seconds)),
    ("tcp_bytes_transferred_total", Kind::Counter, "Payload bytes, retransmissions included.", |s| Some(s.sent.payload_bytes as f64)),
    ("tcp_stream_health_score", Kind::Gauge, "100 less points for faults; see health_score in docs/RECORDS.md.", |_| None),
];

fn labels(pairs: &[(&str, String)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn number(pairs: Vec<(String, String)>, value: f64) -> Series {
    Series::number(pairs, value)
}

fn port(record: &FlowRecord, client: bool) -> String {
    record.key.port(client == record.client_is_low).map(|port| port.to_string()).unwrap_or_default()
}

/// Both directions of the TCP flows.
fn streams(flows: &[Served]) -> impl Iterator<Item = (bool, Stream<'_>)> {
    flows.iter().filter_map(|flow| Some((flow, flow.record.tcp.as_ref()?))).flat_map(|(flow, tcp)| {
        let all = bytes(&flow.record).max(1) as f64;
        let rows = [(true, &flow.record.c2s, &tcp.c2s), (false, &flow.record.s2c, &tcp.s2c)];
        rows.into_iter().filter(|(_, sent, _)| sent.packets > 0).map(move |(client, sent, tcp)| {
            let bits = flow.bits.map(|bits| bits * sent.ip_bytes as f64 / all).or((!flow.lives).then_some(0.0));
            (client, Stream { flow, sent, tcp, bits })
        })
    })
}

fn tcp_stream(flows: &[Served]) -> Vec<Family> {
    let mut out: Vec<Family> = STREAM.iter().map(|(name, kind, help, _)| Family::new(name, *kind, help)).collect();
    let mut active = 0;
    for (client, stream) in streams(flows) {
        let record = &stream.flow.record;
        active += u64::from(stream.flow.lives);
        let state = match (stream.flow.lives, record.end_reason) {
            (true, _) => "active",
            (false, EndReason::TcpRst) => "reset",
            (false, _) => "finalized",
        };
        let (source, target) =
            if client { (record.client_ip(), record.server_ip()) } else { (record.server_ip(), record.client_ip()) };
        let pairs = labels(&[
            ("src_ip", source.to_string()),
            ("src_port", port(record, client)),
            ("dst_ip", target.to_string()),
            ("dst_port", port(record, !client)),
            ("state", state.to_owned()),
        ]);
        for (family, (name, .., get)) in out.iter_mut().zip(STREAM) {
            let value = if *name == "tcp_stream_health_score" { health(record, client) } else { get(&stream) };
            if let Some(value) = value {
                family.series.push(number(pairs.clone(), value));
            }
        }
    }
    let mut count = Family::new("tcp_stream_count", Kind::Gauge, "Streams served that live.");
    count.series.push(number(Vec::new(), active as f64));
    out.push(count);
    out
}

/// The field of a record that has the health score of a direction.
fn health(record: &FlowRecord, client: bool) -> Option<f64> {
    use parshall_engine::record::fields::{self, Value};
    let name = if client { "c2s_health_score" } else { "s2c_health_score" };
    match (fields::all().find(|field| field.name == name)?.get)(record) {
        Value::Integer(score) => Some(score as f64),
        _ => None,
    }
}

fn kdump(flows: &[Served]) -> Vec<Family> {
    #[derive(Default)]
    struct Sums {
        retransmissions: f64,
        nanos: f64,
        window_scale: f64,
        resets: f64,
        zero_windows: f64,
    }
    let mut pairs: BTreeMap<(IpAddr, IpAddr, String), Sums> = BTreeMap::new();
    let (mut ip, mut payload, mut packets) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (client, stream) in streams(flows) {
        let (record, tcp) = (&stream.flow.record, stream.tcp);
        let device = device(record);
        let ends = (record.client_ip(), record.server_ip());
        let (source, target) = if client { ends } else { (ends.1, ends.0) };
        let sums = pairs.entry((source, target, device.clone())).or_default();
        sums.retransmissions += history(&stream, |history| u64::from(history.retx_packets)).unwrap_or(0.0);
        sums.nanos += tcp.rtt.as_ref().map_or(0.0, |rtt| rtt.avg * f64::from(rtt.samples));
        sums.window_scale += f64::from(tcp.ws_option == Some(true)) * f64::from(tcp.syn_count);
        sums.resets += f64::from(tcp.rst_count);
        sums.zero_windows += f64::from(tcp.zero_windows);
        *ip.entry(device.clone()).or_insert(0.0) += stream.sent.ip_bytes as f64;
        *payload.entry(device.clone()).or_insert(0.0) += stream.sent.payload_bytes as f64;
        *packets.entry(device).or_insert(0.0) += stream.sent.packets as f64;
    }
    type Of = fn(&Sums) -> f64;
    let rows: [(&str, &str, Of); 5] = [
        ("retransmission_metric", "Segments sent again.", |sums| sums.retransmissions),
        ("duration_metric", "Sum of round-trip times in nanoseconds.", |sums| sums.nanos),
        ("window_scale_metric", "SYNs that offer window scaling.", |sums| sums.window_scale),
        ("rst_metric", "Segments with RST.", |sums| sums.resets),
        ("zerowindow_metric", "Segments that announce a window of 0.", |sums| sums.zero_windows),
    ];
    let mut out = Vec::new();
    for (name, help, of) in rows {
        let mut family = Family::new(name, Kind::Counter, help);
        family.series.extend(pairs.iter().map(|((source, target, device), sums)| {
            let pairs = [("srcIp", source.to_string()), ("dstIp", target.to_string()), ("deviceName", device.clone())];
            number(labels(&pairs), of(sums))
        }));
        out.push(family);
    }
    let volumes = [
        ("ip_packet_size", "IP bytes of the TCP flows served.", ip),
        ("tcp_packet_size", "Their payload bytes.", payload),
        ("packet_count", "Their packets.", packets),
    ];
    for (name, help, sums) in volumes {
        let mut family = Family::new(name, Kind::Counter, help);
        family.series.extend(sums.iter().map(|(device, sum)| number(labels(&[("deviceName", device.clone())]), *sum)));
        out.push(family);
    }
    out
}

/// What other exporters call the interface: the port's number; nothing in `read`.
fn device(record: &FlowRecord) -> String {
    record.input.map(|input| input.port.to_string()).unwrap_or_default()
}

/// packet-exporter's bounds made no sense for bytes; these are frame lengths.
const FRAMES: &[f64] = &[64.0, 128.0, 256.0, 512.0, 1024.0, 1280.0, 1518.0, 9018.0];

/// Source, destination, interface, protocol.
type Ends = (String, String, String, u8);

fn packet(flows: &[Served]) -> Vec<Family> {
    let mut rows: BTreeMap<Ends, (f64, f64, Vec<u64>)> = BTreeMap::new();
    for flow in flows {
        let record = &flow.record;
        let end = |client: bool| {
            let ip = if client { record.client_ip() } else { record.server_ip() };
            match (ip, port(record, client)) {
                (ip, port) if port.is_empty() => ip.to_string(),
                (IpAddr::V6(ip), port) => format!("[{ip}]:{port}"),
                (ip, port) => format!("{ip}:{port}"),
            }
        };
        for (client, sent) in [(true, &record.c2s), (false, &record.s2c)] {
            if sent.packets == 0 {
                continue;
            }
            let key = (end(client), end(!client), device(record), record.key.protocol);
            let row = rows.entry(key).or_insert_with(|| (0.0, 0.0, vec![0; FRAMES.len() + 1]));
            row.0 += sent.packets as f64;
            row.1 += sent.wire_bytes as f64;
            let mean = sent.wire_bytes as f64 / sent.packets as f64;
            row.2[FRAMES.iter().position(|bound| mean <= *bound).unwrap_or(FRAMES.len())] += sent.packets;
        }
    }
    let mut total = Family::new("total_packets", Kind::Counter, "Packets.");
    let help = "Frame lengths, taken as the mean of the flow's direction; the sum is exact.";
    let mut lengths = Family::new("total_throughput", Kind::Histogram, help);
    for ((source, dest, interface, protocol), (packets, bytes, counts)) in rows {
        let pairs =
            labels(&[("source", source), ("dest", dest), ("interface", interface), ("protocol", protocol.to_string())]);
        total.series.push(number(pairs.clone(), packets));
        lengths.series.push(Series::histogram(pairs, FRAMES.to_vec(), counts, bytes));
    }
    vec![total, lengths]
}

/// `private`, `multicast` or `public`, as tzsp_packetstream_exporter has them; loopback, link-local and CGNAT are private.
fn kind_of(ip: IpAddr) -> &'static str {
    let private = match ip {
        _ if ip.is_multicast() => return "multicast",
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_broadcast()
                || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    if private { "private" } else { "public" }
}

fn tzsp(flows: &[Served]) -> Vec<Family> {
    let mut rows: BTreeMap<(IpAddr, IpAddr, String, String), (f64, f64)> = BTreeMap::new();
    for flow in flows {
        let record = &flow.record;
        let protocol = match L4_LABELS[l4_label(record.key.protocol)] {
            (255, _) => record.key.protocol.to_string(),
            (_, name) => name.to_owned(),
        };
        let ends = (record.client_ip(), record.server_ip());
        for (from, to, sent) in [(ends.0, ends.1, &record.c2s), (ends.1, ends.0, &record.s2c)] {
            if sent.packets > 0 {
                let row = rows.entry((from, to, protocol.clone(), device(record))).or_default();
                row.0 += sent.ip_bytes as f64;
                row.1 += sent.packets as f64;
            }
        }
    }
    let mut bytes = Family::new("tzsp_observed_bytes_total", Kind::Counter, "IP bytes.");
    let mut packets = Family::new("tzsp_observed_packets_total", Kind::Counter, "Packets.");
    for ((from, to, protocol, input), (sum, count)) in rows {
        let pairs = labels(&[
            ("from", from.to_string()),
            ("from_type", kind_of(from).to_owned()),
            ("to", to.to_string()),
            ("to_type", kind_of(to).to_owned()),
            ("protocol", protocol),
            ("listen_port", input),
        ]);
        bytes.series.push(number(pairs.clone(), sum));
        packets.series.push(number(pairs, count));
    }
    vec![bytes, packets]
}
