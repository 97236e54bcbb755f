//! The dashboard about TCP: delay, retransmission, windows.
//!
//! **Owns** its panels. **May touch** nothing. **Order** rendered by `board`.

use super::board::{Board, Look, Panel, panel, row};

/// The dashboard.
pub(crate) const TCP: Board = Board {
    name: "tcp",
    title: "parshall: TCP health",
    about: "How well TCP goes: delay, retransmission, windows, from finished records and the live flows that were looked at.",
    found_by: "parshall_build_info",
    panels: PANELS,
};

#[rustfmt::skip]
const PANELS: &[Panel] = &[
    row("Now"),
    panel(Look::Stat, "Segments sent again", (3, "percentunit"), "Retransmitted segments over segments with data.", &[
        (
            "sum(rate(parshall_tcp_events_total{@,event=\"retransmitted_packets\"}[$__rate_interval])) / (sum(rate(parshall_tcp_data_packets_total{@}[$__rate_interval])) > 0)",
            "share",
        ),
    ]),
    panel(Look::Stat, "Handshake to servers, median", (3, "s"), "SYN to SYN+ACK, as seen by the probe.", &[
        ("histogram_quantile(0.5, sum by (le) (rate(parshall_tcp_handshake_rtt_seconds_bucket{@,side=\"server\"}[$__rate_interval])))", "median"),
    ]),
    panel(Look::Stat, "Connections", (3, "short"), "New TCP flows each second.", &[
        ("sum(rate(parshall_flows_created_total{@,l4=\"tcp\"}[$__rate_interval]))", "new"),
    ]),
    panel(Look::Stat, "Ended by reset", (3, "percentunit"), "Share of TCP flows that a RST ended, of those that closed.", &[
        (
            "sum(rate(parshall_flows_ended_total{@,reason=\"tcp_rst\"}[$__rate_interval])) / (sum(rate(parshall_flows_ended_total{@,reason=~\"tcp_rst|tcp_fin\"}[$__rate_interval])) > 0)",
            "share",
        ),
    ]),
    row("Delay"),
    panel(Look::Lines, "Handshake", (6, "s"), "server: SYN to SYN+ACK; client: SYN+ACK to its ACK.", &[
        ("histogram_quantile(0.5, sum by (le, side) (rate(parshall_tcp_handshake_rtt_seconds_bucket{@}[$__rate_interval])))", "{{side}} median"),
        ("histogram_quantile(0.95, sum by (le, side) (rate(parshall_tcp_handshake_rtt_seconds_bucket{@}[$__rate_interval])))", "{{side}} p95"),
    ]),
    panel(Look::Lines, "Data", (6, "s"), "Mean round-trip time of data in each record, between the probe and that side.", &[
        ("histogram_quantile(0.5, sum by (le, side) (rate(parshall_tcp_rtt_seconds_bucket{@}[$__rate_interval])))", "{{side}} median"),
        ("histogram_quantile(0.95, sum by (le, side) (rate(parshall_tcp_rtt_seconds_bucket{@}[$__rate_interval])))", "{{side}} p95"),
    ]),
    panel(Look::Heat, "Round-trip times to servers", (6, "s"), "Mean round-trip time of data in each record.", &[
        ("sum by (le) (rate(parshall_tcp_rtt_seconds_bucket{@,side=\"server\"}[$__rate_interval]))", "{{le}}"),
    ]),
    panel(Look::Lines, "Variation", (6, "s"), "Median over records of the standard deviation of round-trip times.", &[
        ("histogram_quantile(0.5, sum by (le, side) (rate(parshall_tcp_rtt_deviation_seconds_bucket{@}[$__rate_interval])))", "{{side}}"),
    ]),
    row("Loss and order"),
    panel(Look::Lines, "Sent again", (6, "percentunit"), "Retransmitted segments over segments with data, by the side that sent them.", &[
        (
            "sum by (side) (rate(parshall_tcp_events_total{@,event=\"retransmitted_packets\"}[$__rate_interval])) / (sum by (side) (rate(parshall_tcp_data_packets_total{@}[$__rate_interval])) > 0)",
            "{{side}}",
        ),
    ]),
    panel(Look::Stack, "Why", (6, "short"), "Anomalous segments by Tstat's classes.", &[
        ("sum by (class) (rate(parshall_tcp_anomalies_total{@}[$__rate_interval])) > 0", "{{class}}"),
    ]),
    panel(Look::Lines, "Events", (6, "short"), "Segments each second.", &[
        ("sum by (event) (rate(parshall_tcp_events_total{@,event!~\"syns|fins\"}[$__rate_interval])) > 0", "{{event}}"),
    ]),
    panel(Look::Lines, "Bytes", (6, "Bps"), "Payload, payload sent again, and payload that was jumped over and never seen (loss before the probe, or at the mirror).", &[
        ("sum(rate(parshall_tcp_payload_bytes_total{@}[$__rate_interval]))", "payload"),
        ("sum(rate(parshall_tcp_retransmitted_bytes_total{@}[$__rate_interval]))", "sent again"),
        ("sum(rate(parshall_tcp_gap_bytes_total{@}[$__rate_interval]))", "never seen"),
    ]),
    row("Windows and segments"),
    panel(Look::Lines, "Largest window", (4, "bytes"), "Median of the largest window that each side announced.", &[
        ("histogram_quantile(0.5, sum by (le, side) (rate(parshall_tcp_window_max_bytes_bucket{@}[$__rate_interval])))", "{{side}}"),
    ]),
    panel(Look::Lines, "In flight", (4, "bytes"), "Median of the most that each side had in flight, and of its initial window as used.", &[
        ("histogram_quantile(0.5, sum by (le, side) (rate(parshall_tcp_inflight_max_bytes_bucket{@}[$__rate_interval])))", "{{side}} most"),
        ("histogram_quantile(0.5, sum by (le, side) (rate(parshall_tcp_inflight_initial_bytes_bucket{@}[$__rate_interval])))", "{{side}} initial"),
    ]),
    panel(Look::Lines, "Maximum segment size", (4, "bytes"), "Median of what each side announced.", &[
        ("histogram_quantile(0.5, sum by (le, side) (rate(parshall_tcp_mss_bytes_bucket{@}[$__rate_interval])))", "{{side}}"),
    ]),
    row("Flows"),
    panel(Look::Lines, "Duration", (4, "s"), "Of TCP flows.", &[
        ("histogram_quantile(0.5, sum by (le) (rate(parshall_flow_duration_seconds_bucket{@,l4=\"tcp\"}[$__rate_interval])))", "median"),
        ("histogram_quantile(0.95, sum by (le) (rate(parshall_flow_duration_seconds_bucket{@,l4=\"tcp\"}[$__rate_interval])))", "p95"),
    ]),
    panel(Look::Lines, "Size", (4, "bytes"), "IP bytes of TCP flows.", &[
        ("histogram_quantile(0.5, sum by (le) (rate(parshall_flow_bytes_bucket{@,l4=\"tcp\"}[$__rate_interval])))", "median"),
        ("histogram_quantile(0.95, sum by (le) (rate(parshall_flow_bytes_bucket{@,l4=\"tcp\"}[$__rate_interval])))", "p95"),
    ]),
    panel(Look::Lines, "Throughput of transfers", (4, "Bps"), "Payload over the time from its first to its last segment, of sides that sent 10 kB or more.", &[
        ("histogram_quantile(0.5, sum by (le, side) (rate(parshall_tcp_throughput_bytes_per_second_bucket{@}[$__rate_interval])))", "{{side}} median"),
    ]),
];
