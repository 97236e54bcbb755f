//! What the control thread publishes: one consistent picture of all workers and ports.
//!
//! **Owns** plain values. **May touch** nothing. **Order** made by `merge` once per period, read by the exporter.

use crate::tally::Tally;
use crate::time::Nanos;

/// One worker in a snapshot.
#[derive(Clone, Debug, Default)]
pub struct WorkerSnapshot {
    /// Number of the worker, from 0.
    pub worker: u16,
    /// DPDK lcore or CPU it runs on.
    pub lcore: u32,
    /// What it had counted at its last hand-over.
    pub tally: Tally,
    /// Time of that hand-over by the control thread's clock.
    pub handed_over: Nanos,
    /// Periods in which it did not hand over.
    pub missed_turns: u64,
    /// It has ended, and its tally is its last.
    pub ended: bool,
}

/// What a port's driver says of itself (`rte_eth_stats_get`).
#[derive(Clone, Debug, Default)]
pub struct PortSnapshot {
    /// DPDK port id.
    pub port: u16,
    /// Device name.
    pub name: String,
    /// Driver name.
    pub driver: String,
    /// NUMA socket, -1 for any.
    pub socket: i32,
    /// Link is up.
    pub link_up: bool,
    /// Link speed. Unit: Mbit/s; 0 unknown.
    pub link_mbps: u32,
    /// The device has gone away.
    pub removed: bool,
    /// Frames received by the driver.
    pub ipackets: u64,
    /// Bytes received by the driver.
    pub ibytes: u64,
    /// Frames lost for lack of descriptors.
    pub imissed: u64,
    /// Frames lost as erroneous.
    pub ierrors: u64,
    /// Failures to get an mbuf.
    pub rx_nombuf: u64,
    /// The interface of the host behind it, if it is one.
    pub interface: Option<InterfaceSnapshot>,
}

/// What the kernel says of an interface behind a port, since the port was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceSnapshot {
    /// Its name.
    pub name: String,
    /// Frames that it received.
    pub rx_packets: u64,
    /// Frames that it sent.
    pub tx_packets: u64,
    /// Bytes that it received.
    pub rx_bytes: u64,
    /// Frames that it dropped or missed.
    pub rx_dropped: u64,
    /// net_af_packet: frames that the rings had no room for (`tp_drops`); among the port's `imissed`, too.
    pub ring_dropped: u64,
}

/// What one TZSP listener counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerSnapshot {
    /// Address as it was asked for.
    pub listen: String,
    /// Its port id in the books.
    pub port: u16,
    /// Datagrams received; each is a frame of its port.
    pub datagrams: u64,
    /// Their bytes without IP and UDP headers, as sent.
    pub bytes: u64,
    /// Datagrams longer than there was room for, used as far as that.
    pub truncated: u64,
    /// Datagrams that the socket's buffer had no room for (Linux: `SO_RXQ_OVFL`), as told with the last one received.
    pub kernel_dropped: u64,
    /// Times that the thread waited for the worker, datagrams meanwhile in the socket's buffer.
    pub ring_full: u64,
    /// Failures to receive.
    pub errors: u64,
    /// Senders whose packet counts are followed now.
    pub senders: u64,
    /// Packet counts that were skipped.
    pub lost: u64,
    /// Those that came after all.
    pub late: u64,
    /// Packet counts that came twice.
    pub repeated: u64,
    /// Packet counts that began anew.
    pub restarted: u64,
    /// Senders that were forgotten for others.
    pub forgotten: u64,
}

/// One mbuf pool.
#[derive(Clone, Debug, Default)]
pub struct PoolSnapshot {
    /// Name of the pool.
    pub name: String,
    /// NUMA socket, -1 for any.
    pub socket: i32,
    /// All mbufs.
    pub size: u64,
    /// Free mbufs, those in caches included.
    pub free: u64,
}

/// What was published last.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When it was made, by the wall clock.
    pub taken_at: Nanos,
    /// When the probe started, by the wall clock.
    pub started_at: Nanos,
    /// How many were published before this one.
    pub turn: u64,
    /// Each worker.
    pub workers: Vec<WorkerSnapshot>,
    /// Sum over the workers.
    pub total: Tally,
    /// Each port, in `run`.
    pub ports: Vec<PortSnapshot>,
    /// Each TZSP listener, in `run`; they are among the ports, too.
    pub listeners: Vec<ListenerSnapshot>,
    /// Each mbuf pool, in `run`.
    pub pools: Vec<PoolSnapshot>,
    /// What making it took. Unit: nanoseconds.
    pub publish_nanos: u64,
}
