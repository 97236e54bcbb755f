//! Dashboards over the metric names of other exporters, which `--compat-metrics` serves for the largest flows.
//!
//! **Owns** a dashboard for each word of that option, and the names and labels they may use: those of the exporters themselves.
//! **May touch** nothing. **Order** rendered by `board`.

use super::board::{Board, Look, Panel, panel};

const STREAM: &[&str] = &["src_ip", "src_port", "dst_ip", "dst_port", "state"];
const PAIR: &[&str] = &["srcIp", "dstIp", "deviceName"];
const DEVICE: &[&str] = &["deviceName"];
const ENDS: &[&str] = &["source", "dest", "interface", "protocol"];
const TYPES: &[&str] = &["from", "from_type", "to", "to_type", "protocol", "listen_port"];

/// Every name of the other exporters that a dashboard uses, with its labels.
#[rustfmt::skip]
pub(crate) const NAMES: &[(&str, &[&str])] = &[
    ("tcp_stream_count", &[]),
    ("tcp_retransmits_total", STREAM), ("tcp_resets_total", STREAM), ("tcp_window_size_bytes", STREAM), ("tcp_avg_delay_seconds", STREAM),
    ("tcp_jitter_seconds", STREAM), ("tcp_min_delay_seconds", STREAM), ("tcp_max_delay_seconds", STREAM), ("tcp_bitrate_bps", STREAM),
    ("tcp_out_of_order_packets_total", STREAM), ("tcp_duplicate_acks_total", STREAM), ("tcp_zero_window_events_total", STREAM),
    ("tcp_sequence_gaps_total", STREAM), ("tcp_stream_uptime_seconds", STREAM), ("tcp_packet_rate_pps", STREAM),
    ("tcp_bytes_transferred_total", STREAM), ("tcp_stream_health_score", STREAM),
    ("retransmission_metric", PAIR), ("duration_metric", PAIR), ("window_scale_metric", PAIR), ("rst_metric", PAIR), ("zerowindow_metric", PAIR),
    ("ip_packet_size", DEVICE), ("tcp_packet_size", DEVICE), ("packet_count", DEVICE),
    ("total_packets", ENDS), ("total_throughput_bucket", ENDS), ("total_throughput_sum", ENDS), ("total_throughput_count", ENDS),
    ("tzsp_observed_bytes_total", TYPES), ("tzsp_observed_packets_total", TYPES),
];

const ABOUT_SERIES: &str = "Series of the largest flows only (--compat-flows).";

/// tcp-stream-exporter.
pub(crate) const TCP_STREAM: Board = Board {
    name: "compat-tcp-stream",
    title: "parshall: tcp-stream-exporter's names",
    about: "One stream is one direction of a TCP connection. Needs --compat-metrics tcp-stream.",
    found_by: "tcp_stream_count",
    panels: STREAM_PANELS,
};

#[rustfmt::skip]
const STREAM_PANELS: &[Panel] = &[
    panel(Look::Stat, "Streams", (3, "short"), ABOUT_SERIES, &[("sum(tcp_stream_count{@})", "streams")]),
    panel(Look::Stat, "Worst health", (3, "short"), "100 is a stream without trouble.", &[("min(tcp_stream_health_score{@})", "score")]),
    panel(Look::Stat, "Retransmits", (3, "short"), "Each second.", &[("sum(rate(tcp_retransmits_total{@}[$__rate_interval]))", "segments")]),
    panel(Look::Stat, "Resets", (3, "short"), "Each second.", &[("sum(rate(tcp_resets_total{@}[$__rate_interval]))", "segments")]),
    panel(Look::Lines, "Bit rate, the largest ten", (6, "bps"), ABOUT_SERIES, &[
        ("topk(10, tcp_bitrate_bps{@})", "{{src_ip}}:{{src_port}} to {{dst_ip}}:{{dst_port}}"),
    ]),
    panel(Look::Lines, "Packet rate, the largest ten", (6, "pps"), ABOUT_SERIES, &[
        ("topk(10, tcp_packet_rate_pps{@})", "{{src_ip}}:{{src_port}} to {{dst_ip}}:{{dst_port}}"),
    ]),
    panel(Look::Lines, "Delay, the longest ten", (6, "s"), "Mean round-trip time of the stream's data.", &[
        ("topk(10, tcp_avg_delay_seconds{@})", "{{src_ip}} to {{dst_ip}}:{{dst_port}}"),
    ]),
    panel(Look::Lines, "Jitter, the largest ten", (6, "s"), "Standard deviation of those round-trip times.", &[
        ("topk(10, tcp_jitter_seconds{@})", "{{src_ip}} to {{dst_ip}}:{{dst_port}}"),
    ]),
    panel(Look::Lines, "Trouble", (6, "short"), "Segments each second, over all streams served.", &[
        ("sum(rate(tcp_retransmits_total{@}[$__rate_interval]))", "retransmits"),
        ("sum(rate(tcp_out_of_order_packets_total{@}[$__rate_interval]))", "out of order"),
        ("sum(rate(tcp_duplicate_acks_total{@}[$__rate_interval]))", "duplicate ACKs"),
        ("sum(rate(tcp_zero_window_events_total{@}[$__rate_interval]))", "zero windows"),
        ("sum(rate(tcp_sequence_gaps_total{@}[$__rate_interval]))", "gaps"),
    ]),
    panel(Look::Lines, "Window, the smallest ten", (6, "bytes"), "Largest window announced, scaled.", &[
        ("bottomk(10, tcp_window_size_bytes{@})", "{{src_ip}} to {{dst_ip}}:{{dst_port}}"),
    ]),
    panel(Look::Table, "Range of delay", (6, "s"), ABOUT_SERIES, &[
        ("topk(20, tcp_max_delay_seconds{@} - on (instance, src_ip, src_port, dst_ip, dst_port, state) tcp_min_delay_seconds{@})", ""),
    ]),
    panel(Look::Table, "Worst streams", (6, "short"), "By health score.", &[("bottomk(20, tcp_stream_health_score{@})", "")]),
    panel(Look::Table, "Oldest streams", (6, "s"), ABOUT_SERIES, &[("topk(20, tcp_stream_uptime_seconds{@})", "")]),
    panel(Look::Table, "Most bytes", (6, "bytes"), "Payload.", &[("topk(20, tcp_bytes_transferred_total{@})", "")]),
];

/// kdump's tcp-exporter.
pub(crate) const KDUMP: Board = Board {
    name: "compat-kdump",
    title: "parshall: tcp-exporter's names",
    about: "The nine panels of its own dashboard, with rates and units. Needs --compat-metrics kdump.",
    found_by: "packet_count",
    panels: KDUMP_PANELS,
};

#[rustfmt::skip]
const KDUMP_PANELS: &[Panel] = &[
    panel(Look::Stat, "Packet count", (12, "short"), ABOUT_SERIES, &[("sum by (deviceName) (packet_count{@})", "{{deviceName}}")]),
    panel(Look::Lines, "Packets processed, IP layer", (6, "Bps"), "IP bytes each second.", &[("rate(ip_packet_size{@}[$__rate_interval])", "{{deviceName}}")]),
    panel(Look::Lines, "Packets processed, TCP layer", (6, "Bps"), "Payload bytes each second.", &[("rate(tcp_packet_size{@}[$__rate_interval])", "{{deviceName}}")]),
    panel(Look::Lines, "Zero window, the largest ten", (6, "short"), "Segments each second.", &[
        ("topk(10, rate(zerowindow_metric{@}[$__rate_interval]))", "{{srcIp}} to {{dstIp}}"),
    ]),
    panel(Look::Lines, "Duration, the longest ten", (6, "short"), "Nanoseconds of round-trip time each second.", &[
        ("topk(10, rate(duration_metric{@}[$__rate_interval]))", "{{srcIp}} to {{dstIp}}"),
    ]),
    panel(Look::Lines, "TCP retransmission, the largest ten", (6, "short"), "Segments each second.", &[
        ("topk(10, rate(retransmission_metric{@}[$__rate_interval]))", "{{srcIp}} to {{dstIp}}"),
    ]),
    panel(Look::Lines, "Window scale", (6, "short"), "SYNs that offer it, each second.", &[
        ("sum by (deviceName) (rate(window_scale_metric{@}[$__rate_interval]))", "{{deviceName}}"),
    ]),
    panel(Look::Lines, "RST, the largest ten", (6, "short"), "Segments each second.", &[
        ("topk(10, rate(rst_metric{@}[$__rate_interval]))", "{{srcIp}} to {{dstIp}}"),
    ]),
];

/// packet-exporter.
pub(crate) const PACKET: Board = Board {
    name: "compat-packet",
    title: "parshall: packet-exporter's names",
    about: "Packets and frame lengths by endpoints. Needs --compat-metrics packet.",
    found_by: "total_packets",
    panels: PACKET_PANELS,
};

#[rustfmt::skip]
const PACKET_PANELS: &[Panel] = &[
    panel(Look::Lines, "Packets by protocol", (6, "pps"), "Number of the IP protocol.", &[("sum by (protocol) (rate(total_packets{@}[$__rate_interval]))", "{{protocol}}")]),
    panel(Look::Lines, "Bytes by interface", (6, "Bps"), "On the wire.", &[("sum by (interface) (rate(total_throughput_sum{@}[$__rate_interval]))", "{{interface}}")]),
    panel(Look::Heat, "Frame lengths", (6, "bytes"), "Taken as the mean of each flow's direction.", &[("sum by (le) (rate(total_throughput_bucket{@}[$__rate_interval]))", "{{le}}")]),
    panel(Look::Lines, "Mean frame", (6, "bytes"), "Bytes on the wire.", &[
        ("sum by (instance) (rate(total_throughput_sum{@}[$__rate_interval])) / sum by (instance) (rate(total_throughput_count{@}[$__rate_interval]))", "{{instance}}"),
    ]),
    panel(Look::Lines, "Busiest ten", (12, "pps"), ABOUT_SERIES, &[("topk(10, rate(total_packets{@}[$__rate_interval]))", "{{source}} to {{dest}}")]),
];

/// tzsp_packetstream_exporter.
pub(crate) const TZSP: Board = Board {
    name: "compat-tzsp",
    title: "parshall: tzsp_packetstream_exporter's names",
    about: "Who talks to whom, by kind of address. Needs --compat-metrics tzsp.",
    found_by: "tzsp_observed_bytes_total",
    panels: TZSP_PANELS,
};

#[rustfmt::skip]
const TZSP_PANELS: &[Panel] = &[
    panel(Look::Stack, "Bytes by kind of address", (6, "Bps"), "private, public, multicast.", &[
        ("sum by (from_type, to_type) (rate(tzsp_observed_bytes_total{@}[$__rate_interval]))", "{{from_type}} to {{to_type}}"),
    ]),
    panel(Look::Stack, "Bytes by protocol", (6, "Bps"), "IP bytes.", &[("sum by (protocol) (rate(tzsp_observed_bytes_total{@}[$__rate_interval]))", "{{protocol}}")]),
    panel(Look::Lines, "Largest senders", (6, "Bps"), ABOUT_SERIES, &[("topk(10, sum by (from) (rate(tzsp_observed_bytes_total{@}[$__rate_interval])))", "{{from}}")]),
    panel(Look::Lines, "Largest receivers", (6, "Bps"), ABOUT_SERIES, &[("topk(10, sum by (to) (rate(tzsp_observed_bytes_total{@}[$__rate_interval])))", "{{to}}")]),
    panel(Look::Lines, "Packets by input", (6, "pps"), "listen_port: the probe's port.", &[("sum by (listen_port) (rate(tzsp_observed_packets_total{@}[$__rate_interval]))", "{{listen_port}}")]),
    panel(Look::Table, "Pairs", (6, "Bps"), ABOUT_SERIES, &[("topk(30, rate(tzsp_observed_bytes_total{@}[$__rate_interval]))", "")]),
];
