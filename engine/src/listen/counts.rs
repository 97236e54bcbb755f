//! The door that a listener's counts leave by: numbers that one thread writes and the control thread reads.
//!
//! **Owns** the counters. **May touch** nothing. **Order** receiver: w, control thread: r once a period.

use crate::merge::snapshot::{ListenerSnapshot, PortSnapshot};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

/// One counter with one writer.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    /// Adds to it. Only the receiver does.
    pub(super) fn add(&self, more: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    /// Sets it. Only the receiver does.
    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one listener is and has counted.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    port: u16,
    pub(super) datagrams: Count,
    pub(super) bytes: Count,
    pub(super) truncated: Count,
    pub(super) kernel_dropped: Count,
    pub(super) ring_full: Count,
    pub(super) errors: Count,
    pub(super) senders: Count,
    pub(super) lost: Count,
    pub(super) late: Count,
    pub(super) repeated: Count,
    pub(super) restarted: Count,
    pub(super) forgotten: Count,
}

impl Listener {
    pub(super) fn new(address: SocketAddr, port: u16) -> Listener {
        Listener {
            address,
            port,
            datagrams: Count::default(),
            bytes: Count::default(),
            truncated: Count::default(),
            kernel_dropped: Count::default(),
            ring_full: Count::default(),
            errors: Count::default(),
            senders: Count::default(),
            lost: Count::default(),
            late: Count::default(),
            repeated: Count::default(),
            restarted: Count::default(),
            forgotten: Count::default(),
        }
    }

    /// Its counts now.
    #[must_use]
    pub fn snapshot(&self) -> ListenerSnapshot {
        ListenerSnapshot {
            listen: self.address.to_string(),
            port: self.port,
            datagrams: self.datagrams.get(),
            bytes: self.bytes.get(),
            truncated: self.truncated.get(),
            kernel_dropped: self.kernel_dropped.get(),
            ring_full: self.ring_full.get(),
            errors: self.errors.get(),
            senders: self.senders.get(),
            lost: self.lost.get(),
            late: self.late.get(),
            repeated: self.repeated.get(),
            restarted: self.restarted.get(),
            forgotten: self.forgotten.get(),
        }
    }

    /// The same as that of a port: received is what the socket gave, missed what its buffer had no room for.
    #[must_use]
    pub fn port(&self) -> PortSnapshot {
        PortSnapshot {
            port: self.port,
            name: self.address.to_string(),
            driver: "tzsp".to_owned(),
            socket: -1,
            link_up: true,
            ipackets: self.datagrams.get(),
            ibytes: self.bytes.get(),
            imissed: self.kernel_dropped.get(),
            ierrors: self.errors.get(),
            ..PortSnapshot::default()
        }
    }
}
