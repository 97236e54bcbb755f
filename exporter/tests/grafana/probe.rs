//! The dashboard about the probe itself: whether it keeps up, and how much is left.
//!
//! **Owns** its panels. **May touch** nothing. **Order** rendered by `board`.

use super::board::{Board, Look, Panel, panel, row};

/// The dashboard.
pub(crate) const PROBE: Board = Board {
    name: "probe",
    title: "parshall: probe health",
    about: "Whether the probe keeps up, and how much room it has left.",
    found_by: "parshall_build_info",
    panels: PANELS,
};

const PANELS: &[Panel] = &[
    row("Workers"),
    panel(
        Look::Lines,
        "Polls that found work",
        (6, "percentunit"),
        "Towards 100 % a worker has no room left: more --nb-cores and --rxq.",
        &[(
            "1 - rate(parshall_worker_empty_polls_total{@}[$__rate_interval]) / rate(parshall_worker_polls_total{@}[$__rate_interval])",
            "{{instance}} lcore {{lcore}}",
        )],
    ),
    panel(
        Look::Lines,
        "Packets by queue",
        (6, "pps"),
        "Uneven: receive-side scaling finds few flows, or one is very large.",
        &[(
            "sum by (instance, port, queue) (rate(parshall_port_rx_packets_total{@}[$__rate_interval]))",
            "{{instance}} port {{port}} queue {{queue}}",
        )],
    ),
    panel(
        Look::Heat,
        "Frames in a poll",
        (6, "short"),
        "The honest load of a polling worker: full bursts all the time are its limit.",
        &[("sum by (le) (rate(parshall_worker_burst_frames_bucket{@}[$__rate_interval]))", "{{le}}")],
    ),
    panel(
        Look::Lines,
        "Silence of workers",
        (6, "s"),
        "Time since a worker last handed its counts over.",
        &[("time() - parshall_worker_heartbeat_timestamp_seconds{@}", "{{instance}} lcore {{lcore}}")],
    ),
    row("Ports"),
    panel(Look::Table, "Ports", (6, "short"), "What is polled.", &[("parshall_port_info{@}", "")]),
    panel(Look::Lines, "Link", (3, "short"), "1 is up.", &[("parshall_port_up{@}", "{{instance}} port {{port}}")]),
    panel(
        Look::Lines,
        "Use of the link",
        (3, "percentunit"),
        "Throughput of the driver over link speed.",
        &[(
            "rate(parshall_port_driver_rx_bytes_total{@}[$__rate_interval]) / (parshall_port_speed_bytes_per_second{@} > 0)",
            "{{instance}} port {{port}}",
        )],
    ),
    panel(
        Look::Lines,
        "Lost before the probe",
        (6, "pps"),
        "By port and cause.",
        &[
            ("rate(parshall_port_rx_missed_packets_total{@}[$__rate_interval])", "{{instance}} port {{port}} missed"),
            ("rate(parshall_port_rx_error_packets_total{@}[$__rate_interval])", "{{instance}} port {{port}} errors"),
            ("rate(parshall_port_rx_nombuf_total{@}[$__rate_interval])", "{{instance}} port {{port}} without mbuf"),
        ],
    ),
    panel(
        Look::Lines,
        "Between driver and workers",
        (6, "short"),
        "Frames the driver counted and no worker took yet: in flight; it must not grow.",
        &[(
            "sum by (instance) (parshall_port_driver_rx_packets_total{@}) - sum by (instance) (parshall_port_rx_packets_total{@})",
            "{{instance}}",
        )],
    ),
    row("Room"),
    panel(
        Look::Lines,
        "Flow tables",
        (4, "percentunit"),
        "Live flows over capacity: --max-flows.",
        &[("parshall_flows_active{@} / parshall_flow_table_capacity{@}", "{{instance}} lcore {{lcore}}")],
    ),
    panel(
        Look::Lines,
        "Mbufs in use",
        (4, "percentunit"),
        "Of each pool: --total-num-mbufs.",
        &[("1 - parshall_mempool_free_mbufs{@} / parshall_mempool_size_mbufs{@}", "{{instance}} {{pool}}")],
    ),
    panel(
        Look::Lines,
        "Segment history",
        (4, "bytes"),
        "Memory of TCP segment histories in use: --segment-memory.",
        &[("parshall_segment_history_bytes{@}", "{{instance}} lcore {{lcore}}")],
    ),
    panel(
        Look::Lines,
        "Refusals",
        (6, "short"),
        "Detail that was left out for want of memory, each second.",
        &[
            ("rate(parshall_segment_history_refused_total{@}[$__rate_interval])", "{{instance}} segment history"),
            ("rate(parshall_contexts_refused_total{@}[$__rate_interval])", "{{instance}} link contexts"),
            ("rate(parshall_fragment_cache_events_total{@}[$__rate_interval]) > 0", "{{instance}} fragments {{event}}"),
        ],
    ),
    panel(
        Look::Lines,
        "Oddities",
        (6, "short"),
        "Each second: time going back, mirror duplicates, flows seen in parts.",
        &[
            ("rate(parshall_time_backwards_packets_total{@}[$__rate_interval])", "{{instance}} time backwards"),
            ("rate(parshall_duplicates_total{@}[$__rate_interval])", "{{instance}} duplicates"),
            ("rate(parshall_half_flows_total{@}[$__rate_interval])", "{{instance}} half flows"),
            (
                "sum by (instance, kind) (rate(parshall_fragments_total{@}[$__rate_interval])) > 0",
                "{{instance}} {{kind}} fragments",
            ),
        ],
    ),
    row("Publishing"),
    panel(
        Look::Lines,
        "Collection",
        (4, "s"),
        "What the last collection of the workers' counts took.",
        &[("parshall_publish_duration_seconds{@}", "{{instance}}")],
    ),
    panel(
        Look::Lines,
        "Age of what is published",
        (4, "s"),
        "Beyond a few publish intervals the control thread is held up.",
        &[("parshall_publish_age_seconds{@}", "{{instance}}")],
    ),
    panel(
        Look::Lines,
        "Missed turns",
        (4, "short"),
        "Periods in which a worker did not hand over, each second.",
        &[("rate(parshall_worker_missed_turns_total{@}[$__rate_interval])", "{{instance}} lcore {{lcore}}")],
    ),
    panel(
        Look::Lines,
        "Records lost",
        (4, "short"),
        "Each second: at a full ring (--record-ring) or before a slow sink; packets in them.",
        &[
            ("rate(parshall_records_dropped_total{@}[$__rate_interval])", "{{instance}} {{stage}}"),
            ("rate(parshall_records_dropped_packets_total{@}[$__rate_interval])", "{{instance}} {{stage}} packets"),
        ],
    ),
    panel(
        Look::Lines,
        "Sinks",
        (4, "short"),
        "Errors and lost records each second.",
        &[
            ("rate(parshall_sink_errors_total{@}[$__rate_interval])", "{{instance}} {{sink}} errors"),
            ("rate(parshall_sink_dropped_records_total{@}[$__rate_interval])", "{{instance}} {{sink}} lost"),
        ],
    ),
    panel(
        Look::Lines,
        "Requests",
        (4, "reqps"),
        "Answered, by class of status code.",
        &[("rate(parshall_http_requests_total{@}[$__rate_interval])", "{{instance}} {{code}}")],
    ),
];
