//! Every metric: one row each, with its labels and where its values come from.
//!
//! **Owns** names, helps, kinds and labels. **May touch** the view, read only. Labels come from closed sets: ports, queues,
//! lcores, outcomes, reasons, protocols, sinks; never an address.

use super::View;
use parshall_engine::packet::{Encap, Flaw, Outcome};
use parshall_engine::record::EndReason;
use parshall_engine::tally::{BURST_TIMES, L4_LABELS, Tally};
use std::sync::atomic::Ordering;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Grows until restart.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

pub(super) type Emit<'a> = dyn FnMut(&[&str], &[f64]) + 'a;

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
    /// Gives each series: labels and value; of a histogram, counts of buckets, the count above them, and the sum.
    pub read: fn(&View, &mut Emit<'_>),
}

/// Upper bounds of burst sizes.
const BURSTS: &[f64] = &[0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// Upper bounds of burst times, in seconds: a power of two of nanoseconds, and half as much again.
const SECONDS: [f64; BURST_TIMES - 1] = {
    let mut bounds = [0.0; BURST_TIMES - 1];
    let mut place = 0;
    while place < bounds.len() {
        let power = (1_u64 << (10 + place / 2)) as f64 / 1e9;
        bounds[place] = if place.is_multiple_of(2) { power } else { power * 1.5 };
        place += 1;
    }
    bounds
};

pub(super) const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&View, &mut Emit<'_>),
) -> Row {
    Row { name, kind: Kind::Counter, labels, help, read }
}

pub(super) const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&View, &mut Emit<'_>),
) -> Row {
    Row { name, kind: Kind::Gauge, labels, help, read }
}

pub(super) fn one(emit: &mut Emit<'_>, value: u64) {
    emit(&[], &[value as f64]);
}

/// One series for each name of a closed set.
pub(super) fn named<'n>(emit: &mut Emit<'_>, names: impl Iterator<Item = (&'n str, u64)>) {
    for (name, value) in names {
        emit(&[name], &[value as f64]);
    }
}

fn inputs(view: &View, emit: &mut Emit<'_>, read: fn(&parshall_engine::tally::Volume) -> u64) {
    for taken in &view.snapshot.total.taken {
        let (port, queue) = (taken.input.port.to_string(), taken.input.queue.to_string());
        emit(&[&port, &queue], &[read(&taken.volume) as f64]);
    }
}

fn ports(view: &View, emit: &mut Emit<'_>, read: fn(&parshall_engine::merge::snapshot::PortSnapshot) -> u64) {
    for port in &view.snapshot.ports {
        emit(&[&port.port.to_string()], &[read(port) as f64]);
    }
}

fn workers(view: &View, emit: &mut Emit<'_>, read: fn(&Tally) -> u64) {
    for worker in &view.snapshot.workers {
        emit(&[&worker.lcore.to_string(), &worker.worker.to_string()], &[read(&worker.tally) as f64]);
    }
}

fn protocols(view: &View, emit: &mut Emit<'_>, read: fn(&parshall_engine::tally::Volume) -> u64) {
    for (version, row) in ["4", "6"].iter().zip(&view.snapshot.total.protocols) {
        for ((_, l4), volume) in L4_LABELS.iter().zip(row) {
            emit(&[version, l4], &[read(volume) as f64]);
        }
    }
}

fn sinks(view: &View, emit: &mut Emit<'_>, read: fn(&crate::writer::SinkState) -> u64) {
    for sink in &view.sinks {
        emit(&[&sink.name], &[read(sink) as f64]);
    }
}

fn pools(view: &View, emit: &mut Emit<'_>, read: fn(&parshall_engine::merge::snapshot::PoolSnapshot) -> u64) {
    for pool in &view.snapshot.pools {
        emit(&[&pool.name], &[read(pool) as f64]);
    }
}

const WORKER: &[&str] = &["lcore", "worker"];

/// The rows of this page; [`all`] gives those of others, too.
pub const CATALOGUE: &[Row] = &[
    counter(
        "parshall_packets_total",
        &["outcome"],
        "Frames taken from all ports, by outcome; their sum is that of parshall_port_rx_packets_total.",
        |view, emit| {
            named(
                emit,
                Outcome::ALL.iter().map(|(outcome, name)| (*name, view.snapshot.total.outcomes[*outcome as usize])),
            );
        },
    ),
    gauge(
        "parshall_sampling_interval",
        &["of"],
        "1 in so many packets, and 1 in so many flows, is let in (--sample-packets, --sample-flows); 1 is all. Multiply by it.",
        |view, emit| named(emit, ["packets", "flows"].into_iter().zip(view.sampling.map(u64::from))),
    ),
    counter(
        "parshall_port_rx_packets_total",
        &["port", "queue"],
        "Frames that the workers took, published with the outcomes in one hand-over.",
        |view, emit| {
            inputs(view, emit, |volume| volume.packets);
        },
    ),
    counter(
        "parshall_port_rx_bytes_total",
        &["port", "queue"],
        "Bytes on the wire of those frames, without FCS.",
        |view, emit| {
            inputs(view, emit, |volume| volume.bytes);
        },
    ),
    counter(
        "parshall_port_driver_rx_packets_total",
        &["port"],
        "Frames that the driver says it received; more than the workers took by what is in flight.",
        |view, emit| {
            ports(view, emit, |port| port.ipackets);
        },
    ),
    counter(
        "parshall_port_driver_rx_bytes_total",
        &["port"],
        "Bytes that the driver says it received.",
        |view, emit| {
            ports(view, emit, |port| port.ibytes);
        },
    ),
    counter(
        "parshall_port_rx_missed_packets_total",
        &["port"],
        "Frames lost before the probe for lack of descriptors; raise --rxd or add cores.",
        |view, emit| {
            ports(view, emit, |port| port.imissed);
        },
    ),
    counter(
        "parshall_port_rx_error_packets_total",
        &["port"],
        "Frames that the port received with errors.",
        |view, emit| {
            ports(view, emit, |port| port.ierrors);
        },
    ),
    counter(
        "parshall_port_rx_nombuf_total",
        &["port"],
        "Failures to get an mbuf; raise --total-num-mbufs.",
        |view, emit| {
            ports(view, emit, |port| port.rx_nombuf);
        },
    ),
    gauge("parshall_port_up", &["port"], "The link is up.", |view, emit| {
        ports(view, emit, |port| u64::from(port.link_up));
    }),
    gauge("parshall_port_removed", &["port"], "The device has gone away.", |view, emit| {
        ports(view, emit, |port| u64::from(port.removed));
    }),
    counter("parshall_port_link_changes_total", &[], "Links that went down or came up, all ports.", |view, emit| {
        one(emit, view.link_changes);
    }),
    gauge("parshall_port_speed_bytes_per_second", &["port"], "Link speed; 0 when unknown.", |view, emit| {
        ports(view, emit, |port| u64::from(port.link_mbps) * 125_000);
    }),
    gauge("parshall_port_info", &["port", "name", "driver"], "Constant 1 for each port.", |view, emit| {
        for port in &view.snapshot.ports {
            emit(&[&port.port.to_string(), &port.name, &port.driver], &[1.0]);
        }
    }),
    counter(
        "parshall_malformed_total",
        &["reason"],
        "Flaws of frames by reason; the outcome says whether such a frame was accounted to a flow all the same.",
        |view, emit| {
            named(emit, Flaw::ALL.iter().map(|(flaw, name)| (*name, view.snapshot.total.flaws[*flaw as usize])));
        },
    ),
    counter(
        "parshall_decap_packets_total",
        &["encap"],
        "Frames from which an encapsulation was taken off.",
        |view, emit| {
            named(emit, Encap::ALL.iter().map(|(encap, name)| (*name, view.snapshot.total.encaps[*encap as usize])));
        },
    ),
    counter(
        "parshall_protocol_packets_total",
        &["ip_version", "l4"],
        "Packets with a usable IP header, counted before the flow table.",
        |view, emit| {
            protocols(view, emit, |volume| volume.packets);
        },
    ),
    counter("parshall_protocol_bytes_total", &["ip_version", "l4"], "IP bytes of those packets.", |view, emit| {
        protocols(view, emit, |volume| volume.bytes);
    }),
    counter(
        "parshall_fragments_total",
        &["ip_version", "kind"],
        "Fragments: first ones, and later ones that found their flow.",
        |view, emit| {
            for (version, row) in ["4", "6"].iter().zip(&view.snapshot.total.fragments) {
                for (kind, count) in ["first", "later"].iter().zip(row) {
                    emit(&[version, kind], &[*count as f64]);
                }
            }
        },
    ),
    counter(
        "parshall_fragment_cache_events_total",
        &["event"],
        "Datagrams forgotten too early, fragments out of order, fragments that overlap.",
        |view, emit| {
            let cache = view.snapshot.total.fragment_cache;
            named(
                emit,
                [
                    ("evicted", cache.evictions),
                    ("out_of_order", cache.out_of_order),
                    ("overlapping", cache.overlapping),
                ]
                .into_iter(),
            );
        },
    ),
    counter("parshall_duplicates_total", &[], "Packets that a mirror port copied twice.", |view, emit| {
        one(emit, view.snapshot.total.duplicates);
    }),
    gauge("parshall_flows_active", WORKER, "Flows in the table.", |view, emit| {
        workers(view, emit, |tally| tally.live_flows);
    }),
    gauge("parshall_flow_table_capacity", WORKER, "Flows that the table has room for.", |view, emit| {
        workers(view, emit, |tally| tally.table_capacity);
    }),
    counter("parshall_flows_created_total", &["l4"], "Flows created.", |view, emit| {
        named(emit, L4_LABELS.iter().zip(view.snapshot.total.flows_created).map(|((_, l4), count)| (*l4, count)));
    }),
    counter(
        "parshall_flows_ended_total",
        &["reason"],
        "Records made, by end reason; a flow cut by the active timeout makes several.",
        |view, emit| {
            named(
                emit,
                EndReason::ALL.iter().map(|(reason, name)| (*name, view.snapshot.total.records[*reason as usize])),
            );
        },
    ),
    counter("parshall_records_packets_total", &[], "Packets in finished records.", |view, emit| {
        one(emit, view.snapshot.total.finished_packets);
    }),
    gauge("parshall_live_packets", &[], "Packets in live flows, not yet in a record.", |view, emit| {
        one(emit, view.snapshot.total.live_packets);
    }),
    counter(
        "parshall_records_dropped_total",
        &["stage"],
        "Records lost: at a worker's full ring (raise --record-ring), or before a slow or failing sink.",
        |view, emit| {
            let at_sinks = view.sinks.iter().map(|sink| sink.dropped_records.load(Ordering::Relaxed)).sum();
            named(emit, [("ring", view.snapshot.total.records_dropped_count), ("sink", at_sinks)].into_iter());
        },
    ),
    counter("parshall_records_dropped_packets_total", &["stage"], "Packets in the records lost.", |view, emit| {
        let at_sinks = view.sinks.iter().map(|sink| sink.dropped_packets.load(Ordering::Relaxed)).sum();
        named(emit, [("ring", view.snapshot.total.records_dropped.packets), ("sink", at_sinks)].into_iter());
    }),
    counter(
        "parshall_half_flows_total",
        &[],
        "Flows whose parts met on different workers and were added up.",
        |view, emit| one(emit, view.half_flows),
    ),
    counter(
        "parshall_config_reloads_total",
        &["result"],
        "Readings of the configuration while the probe ran: good, or refused, which changes nothing.",
        |view, emit| named(emit, [("good", view.reloads[0]), ("refused", view.reloads[1])].into_iter()),
    ),
    gauge(
        "parshall_config_last_good_timestamp_seconds",
        &[],
        "When the configuration was read last and was good.",
        |view, emit| one(emit, view.reloaded_at.max(view.snapshot.started_at.0 / 1_000_000_000)),
    ),
    counter(
        "parshall_segment_history_refused_total",
        &[],
        "Requests for TCP segment history that found no memory; raise --segment-memory.",
        |view, emit| one(emit, view.snapshot.total.history_refused),
    ),
    gauge("parshall_segment_history_bytes", WORKER, "Memory of TCP segment histories in use.", |view, emit| {
        workers(view, emit, |tally| tally.history_bytes);
    }),
    counter(
        "parshall_contexts_refused_total",
        &[],
        "Link contexts (MACs, VLANs, tunnels) that found no room; their records leave them out.",
        |view, emit| one(emit, view.snapshot.total.contexts_full),
    ),
    counter(
        "parshall_time_backwards_packets_total",
        &[],
        "Packets whose time lies before that of an earlier one.",
        |view, emit| one(emit, view.snapshot.total.time_backwards),
    ),
    counter("parshall_worker_polls_total", WORKER, "Polls of the worker's queues.", |view, emit| {
        workers(view, emit, |tally| tally.polls);
    }),
    counter("parshall_worker_empty_polls_total", WORKER, "Polls that brought no frame.", |view, emit| {
        workers(view, emit, |tally| tally.empty_polls);
    }),
    counter(
        "parshall_worker_missed_turns_total",
        WORKER,
        "Periods in which the worker did not hand its counts over.",
        |view, emit| {
            for worker in &view.snapshot.workers {
                emit(&[&worker.lcore.to_string(), &worker.worker.to_string()], &[worker.missed_turns as f64]);
            }
        },
    ),
    gauge(
        "parshall_worker_heartbeat_timestamp_seconds",
        WORKER,
        "When the worker last handed its counts over.",
        |view, emit| {
            for worker in &view.snapshot.workers {
                emit(&[&worker.lcore.to_string(), &worker.worker.to_string()], &[worker.handed_over.0 as f64 / 1e9]);
            }
        },
    ),
    Row {
        name: "parshall_worker_burst_frames",
        kind: Kind::Histogram(BURSTS),
        labels: WORKER,
        help: "Frames in each poll: the honest load of a polling worker.",
        read: |view, emit| {
            for worker in &view.snapshot.workers {
                let mut counts: Vec<f64> = worker.tally.burst_sizes.iter().map(|count| *count as f64).collect();
                counts.extend([0.0, worker.tally.taken_packets() as f64]);
                emit(&[&worker.lcore.to_string(), &worker.worker.to_string()], &counts);
            }
        },
    },
    Row {
        name: "parshall_worker_burst_seconds",
        kind: Kind::Histogram(&SECONDS),
        labels: WORKER,
        help: "From each poll of a live source that brought frames to the next poll: how long a burst holds the worker.",
        read: |view, emit| {
            for worker in &view.snapshot.workers {
                let mut counts: Vec<f64> = worker.tally.burst_times.iter().map(|count| *count as f64).collect();
                counts.push(worker.tally.busy_nanos as f64 / 1e9);
                emit(&[&worker.lcore.to_string(), &worker.worker.to_string()], &counts);
            }
        },
    },
    gauge("parshall_mempool_size_mbufs", &["pool"], "Mbufs of the pool.", |view, emit| {
        pools(view, emit, |pool| pool.size);
    }),
    gauge("parshall_mempool_free_mbufs", &["pool"], "Free mbufs of the pool.", |view, emit| {
        pools(view, emit, |pool| pool.free);
    }),
    counter("parshall_sink_records_total", &["sink"], "Records written.", |view, emit| {
        sinks(view, emit, |sink| sink.records.load(Ordering::Relaxed));
    }),
    counter("parshall_sink_errors_total", &["sink"], "Writes that failed.", |view, emit| {
        sinks(view, emit, |sink| sink.errors.load(Ordering::Relaxed));
    }),
    counter("parshall_sink_dropped_records_total", &["sink"], "Records lost before or in the sink.", |view, emit| {
        sinks(view, emit, |sink| sink.dropped_records.load(Ordering::Relaxed));
    }),
    counter("parshall_http_requests_total", &["code"], "Requests answered, by class of status code.", |view, emit| {
        named(emit, ["2xx", "4xx", "5xx"].into_iter().zip(view.requests));
    }),
    counter("parshall_log_messages_total", &["level"], "Messages written, DPDK's among them.", |view, emit| {
        named(emit, crate::log::LEVELS.into_iter().zip(view.messages.0));
    }),
    counter(
        "parshall_log_left_out_total",
        &[],
        "Messages that were left out because too many came at once.",
        |view, emit| one(emit, view.messages.1),
    ),
    gauge(
        "parshall_publish_duration_seconds",
        &[],
        "What the last collection of the workers' counts took.",
        |view, emit| emit(&[], &[view.snapshot.publish_nanos as f64 / 1e9]),
    ),
    gauge("parshall_publish_age_seconds", &[], "How long ago that was.", |view, emit| {
        emit(&[], &[view.age.as_secs_f64()]);
    }),
    gauge("parshall_build_info", &["version", "git", "dpdk_build", "dpdk_runtime"], "Constant 1.", |view, emit| {
        emit(&[env!("CARGO_PKG_VERSION"), env!("PARSHALL_GIT"), &view.dpdk.0, &view.dpdk.1], &[1.0]);
    }),
    gauge("process_start_time_seconds", &[], "When the probe started.", |view, emit| {
        emit(&[], &[view.snapshot.started_at.0 as f64 / 1e9]);
    }),
];

/// Every metric: those of this page, then those of inputs that parshall sets up by itself, then those of what is watched.
pub fn all() -> impl Iterator<Item = &'static Row> {
    CATALOGUE.iter().chain(super::inputs::ROWS).chain(super::watched::ROWS)
}
