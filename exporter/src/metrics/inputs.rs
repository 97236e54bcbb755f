//! Metrics of inputs that parshall sets up by itself: interfaces of the host, and TZSP listeners.
//!
//! **Owns** their rows, a part of the catalogue. **May touch** the view, read only. Labels are what the configuration names.

use super::View;
use super::catalogue::{Emit, Row, counter, gauge};
use parshall_engine::merge::snapshot::{InterfaceSnapshot, ListenerSnapshot};

fn interfaces(view: &View, emit: &mut Emit<'_>, read: fn(&InterfaceSnapshot) -> u64) {
    for port in &view.snapshot.ports {
        if let Some(interface) = &port.interface {
            emit(&[&port.port.to_string(), &interface.name], &[read(interface) as f64]);
        }
    }
}

fn listeners(view: &View, emit: &mut Emit<'_>, read: fn(&ListenerSnapshot) -> u64) {
    for listener in &view.snapshot.listeners {
        emit(&[&listener.listen], &[read(listener) as f64]);
    }
}

const INTERFACE: &[&str] = &["port", "interface"];

const LISTEN: &[&str] = &["listen"];

/// The rows.
pub(super) const ROWS: &[Row] = &[
    counter(
        "parshall_interface_rx_packets_total",
        INTERFACE,
        "Frames that the kernel's interface behind a port received since the port was opened.",
        |view, emit| {
            interfaces(view, emit, |interface| interface.rx_packets);
        },
    ),
    counter(
        "parshall_interface_tx_packets_total",
        INTERFACE,
        "Frames that it sent; net_af_packet gives these, too.",
        |view, emit| {
            interfaces(view, emit, |interface| interface.tx_packets);
        },
    ),
    counter("parshall_interface_rx_bytes_total", INTERFACE, "Bytes that it received.", |view, emit| {
        interfaces(view, emit, |interface| interface.rx_bytes);
    }),
    counter(
        "parshall_interface_rx_dropped_packets_total",
        INTERFACE,
        "Frames that it dropped or missed (rx_dropped, rx_missed_errors).",
        |view, emit| {
            interfaces(view, emit, |interface| interface.rx_dropped);
        },
    ),
    counter(
        "parshall_interface_ring_dropped_packets_total",
        INTERFACE,
        "Frames that net_af_packet's ring had no room for (tp_drops), which the driver does not tell; among parshall_port_rx_missed_packets_total.",
        |view, emit| {
            interfaces(view, emit, |interface| interface.ring_dropped);
        },
    ),
    counter(
        "parshall_tzsp_datagrams_total",
        LISTEN,
        "Datagrams received on a --tzsp-listen address; each is a frame of its port.",
        |view, emit| {
            listeners(view, emit, |listener| listener.datagrams);
        },
    ),
    counter("parshall_tzsp_bytes_total", LISTEN, "UDP payload bytes of those datagrams.", |view, emit| {
        listeners(view, emit, |listener| listener.bytes);
    }),
    counter(
        "parshall_tzsp_truncated_datagrams_total",
        LISTEN,
        "Datagrams longer than 16,384 bytes, used as far as that (MSG_TRUNC).",
        |view, emit| {
            listeners(view, emit, |listener| listener.truncated);
        },
    ),
    counter(
        "parshall_tzsp_kernel_dropped_datagrams_total",
        LISTEN,
        "Datagrams that the socket's buffer had no room for, as told with the last one received (SO_RXQ_OVFL); raise net.core.rmem_max or --workers.",
        |view, emit| {
            listeners(view, emit, |listener| listener.kernel_dropped);
        },
    ),
    counter(
        "parshall_tzsp_ring_full_total",
        LISTEN,
        "Times that the ring to the worker was full and datagrams waited in the socket's buffer.",
        |view, emit| {
            listeners(view, emit, |listener| listener.ring_full);
        },
    ),
    counter("parshall_tzsp_receive_errors_total", LISTEN, "Failures to receive.", |view, emit| {
        listeners(view, emit, |listener| listener.errors);
    }),
    gauge("parshall_tzsp_senders", LISTEN, "Routers whose packet counts are followed.", |view, emit| {
        listeners(view, emit, |listener| listener.senders);
    }),
    counter(
        "parshall_tzsp_sequence_events_total",
        &["listen", "event"],
        "TZSP packet counts (tag 0x28) that were skipped (lost), came after all (late), came twice or too late to tell (repeated), began anew (restarted), and routers forgotten for others; lost less late never came.",
        |view, emit| {
            for listener in &view.snapshot.listeners {
                let events = [
                    ("lost", listener.lost),
                    ("late", listener.late),
                    ("repeated", listener.repeated),
                    ("restarted", listener.restarted),
                    ("forgotten", listener.forgotten),
                ];
                for (event, count) in events {
                    emit(&[&listener.listen, event], &[count as f64]);
                }
            }
        },
    ),
];
