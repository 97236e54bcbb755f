//! The dashboard to open first: what passes, and whether all of it was counted.
//!
//! **Owns** its panels. **May touch** nothing. **Order** rendered by `board`.

use super::board::{Board, Look, Panel, panel, row};

/// The dashboard.
pub(crate) const OVERVIEW: Board = Board {
    name: "overview",
    title: "parshall: overview",
    about: "What passes, and whether all of it was counted.",
    found_by: "parshall_build_info",
    panels: PANELS,
};

const PANELS: &[Panel] = &[
    row("Now"),
    panel(
        Look::Stat,
        "Throughput",
        (2, "bps"),
        "Bits on the wire each second, without FCS.",
        &[("8 * sum(rate(parshall_port_rx_bytes_total{@}[$__rate_interval]))", "bits")],
    ),
    panel(
        Look::Stat,
        "Packets",
        (2, "pps"),
        "Frames that the workers took each second.",
        &[("sum(rate(parshall_port_rx_packets_total{@}[$__rate_interval]))", "frames")],
    ),
    panel(
        Look::Stat,
        "Live flows",
        (2, "short"),
        "Flows in the tables.",
        &[("sum(parshall_flows_active{@})", "flows")],
    ),
    panel(
        Look::Stat,
        "Frames without an outcome",
        (2, "short"),
        "Taken minus the sum of outcomes: 0, or the probe has a bug.",
        &[("sum(parshall_port_rx_packets_total{@}) - sum(parshall_packets_total{@})", "frames")],
    ),
    panel(
        Look::Stat,
        "Lost before the probe",
        (2, "percentunit"),
        "Share of the frames that reached the port and not a worker.",
        &[(
            "(sum(rate(parshall_port_rx_missed_packets_total{@}[$__rate_interval])) + sum(rate(parshall_port_rx_error_packets_total{@}[$__rate_interval]))) \
             / (sum(rate(parshall_port_driver_rx_packets_total{@}[$__rate_interval])) + sum(rate(parshall_port_rx_missed_packets_total{@}[$__rate_interval])) > 0)",
            "share",
        )],
    ),
    panel(
        Look::Stat,
        "Probe up",
        (2, "dtdurations"),
        "Since the last start.",
        &[("time() - process_start_time_seconds{@} and on (instance) parshall_build_info{@}", "{{instance}}")],
    ),
    row("Traffic"),
    panel(
        Look::Lines,
        "Throughput by port",
        (6, "bps"),
        "Bits on the wire each second, without FCS.",
        &[(
            "8 * sum by (instance, port) (rate(parshall_port_rx_bytes_total{@}[$__rate_interval]))",
            "{{instance}} port {{port}}",
        )],
    ),
    panel(
        Look::Lines,
        "Packets by port",
        (6, "pps"),
        "Frames that the workers took.",
        &[(
            "sum by (instance, port) (rate(parshall_port_rx_packets_total{@}[$__rate_interval]))",
            "{{instance}} port {{port}}",
        )],
    ),
    panel(
        Look::Stack,
        "Bits by protocol",
        (6, "bps"),
        "IP bytes of packets with a usable IP header, counted before the flow table.",
        &[(
            "8 * sum by (ip_version, l4) (rate(parshall_protocol_bytes_total{@}[$__rate_interval])) > 0",
            "IPv{{ip_version}} {{l4}}",
        )],
    ),
    panel(
        Look::Stack,
        "Packets by protocol",
        (6, "pps"),
        "Packets with a usable IP header.",
        &[(
            "sum by (ip_version, l4) (rate(parshall_protocol_packets_total{@}[$__rate_interval])) > 0",
            "IPv{{ip_version}} {{l4}}",
        )],
    ),
    panel(
        Look::Lines,
        "Mean frame",
        (6, "bytes"),
        "Bytes on the wire of the average frame.",
        &[(
            "sum by (instance) (rate(parshall_port_rx_bytes_total{@}[$__rate_interval])) / sum by (instance) (rate(parshall_port_rx_packets_total{@}[$__rate_interval]))",
            "{{instance}}",
        )],
    ),
    panel(
        Look::Bars,
        "Encapsulations taken off",
        (6, "pps"),
        "A frame counts once for each.",
        &[("sum by (encap) (rate(parshall_decap_packets_total{@}[$__rate_interval])) > 0", "{{encap}}")],
    ),
    row("Flows"),
    panel(
        Look::Lines,
        "Live flows",
        (6, "short"),
        "Flows in the tables, and what they have room for.",
        &[
            ("sum by (instance) (parshall_flows_active{@})", "{{instance}}"),
            ("sum by (instance) (parshall_flow_table_capacity{@})", "{{instance}} room"),
        ],
    ),
    panel(
        Look::Stack,
        "New flows",
        (6, "short"),
        "Flows created each second.",
        &[("sum by (l4) (rate(parshall_flows_created_total{@}[$__rate_interval])) > 0", "{{l4}}")],
    ),
    panel(
        Look::Stack,
        "Ends of flows",
        (6, "short"),
        "Records made each second, by end reason.",
        &[("sum by (reason) (rate(parshall_flows_ended_total{@}[$__rate_interval])) > 0", "{{reason}}")],
    ),
    panel(
        Look::Lines,
        "Records written",
        (6, "short"),
        "Each second, by sink; and what was lost on the way.",
        &[
            ("sum by (sink) (rate(parshall_sink_records_total{@}[$__rate_interval]))", "{{sink}}"),
            (
                "sum by (stage) (rate(parshall_records_dropped_total{@}[$__rate_interval])) > 0",
                "dropped at the {{stage}}",
            ),
        ],
    ),
    row("The books"),
    panel(
        Look::Stack,
        "Outcomes",
        (6, "pps"),
        "Every frame ends in exactly one.",
        &[("sum by (outcome) (rate(parshall_packets_total{@}[$__rate_interval])) > 0", "{{outcome}}")],
    ),
    panel(
        Look::Stack,
        "Frames lost before the probe",
        (6, "pps"),
        "missed: no descriptor (--rxd, --nb-cores); without mbuf: --total-num-mbufs.",
        &[
            ("sum(rate(parshall_port_rx_missed_packets_total{@}[$__rate_interval]))", "missed"),
            ("sum(rate(parshall_port_rx_error_packets_total{@}[$__rate_interval]))", "errors"),
            ("sum(rate(parshall_port_rx_nombuf_total{@}[$__rate_interval]))", "without mbuf"),
        ],
    ),
    panel(
        Look::Stack,
        "Flaws of frames",
        (6, "pps"),
        "By reason; the outcome says whether such a frame was accounted to a flow all the same.",
        &[("sum by (reason) (rate(parshall_malformed_total{@}[$__rate_interval])) > 0", "{{reason}}")],
    ),
    panel(
        Look::Table,
        "Flow equation",
        (6, "short"),
        "Packets of outcome flow = packets in finished records + packets in live flows.",
        &[
            ("sum by (instance) (parshall_packets_total{@,outcome=\"flow\"})", "in flows"),
            ("sum by (instance) (parshall_records_packets_total{@})", "in records"),
            ("sum by (instance) (parshall_live_packets{@})", "in live flows"),
        ],
    ),
];
