//! A receive queue: lent to one thread, bound to one lcore, polled there.
//!
//! **Owns** the right to poll, and the mbufs of the last poll. **May touch** mbuf headers and, by reference, the bytes of
//! first segments. **Order** called by `source::dpdk`, once or more per turn of the worker loop. No allocation, clock,
//! lock or system call of its own.

use super::burst::Burst;
use super::launch::Lcore;
use super::mbuf::{Mbuf, prefetch};
use super::plan::StampUnit;
use super::pool::RawPool;
use crate::time::Nanos;
use std::cell::Cell;
use std::marker::PhantomData;

/// One receive queue of a started port. It may move to its lcore (`Send`) and is never shared (not `Sync`).
///
/// ```compile_fail,E0277
/// fn needs_sync<T: Sync>() {}
/// needs_sync::<parshall_engine::dpdk::RxQueue<'static>>();
/// ```
#[derive(Debug)]
pub struct RxQueue<'p> {
    port: u16,
    queue: u16,
    pool: RawPool,
    stamps: Option<Stamps>,
    packets: Option<u64>,
    lent: PhantomData<&'p ()>,
    not_sync: PhantomData<Cell<()>>,
}

/// Where a driver writes arrival times, and their unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamps {
    offset: usize,
    /// Set in an mbuf whose field is valid; else the field holds what some former frame left there.
    flag: u64,
    nanos_per_unit: u64,
}

impl Stamps {
    /// `offset` and `flag` as the registration of the field returned them.
    pub(super) fn new(offset: usize, flag: u64, unit: StampUnit) -> Stamps {
        let nanos_per_unit = match unit {
            StampUnit::Micros => 1_000,
            StampUnit::Nanos => 1,
        };
        Stamps { offset, flag, nanos_per_unit }
    }

    /// No mbuf has a time.
    const NONE: Stamps = Stamps { offset: 0, flag: 0, nanos_per_unit: 0 };

    /// The arrival of an mbuf that has one.
    #[inline(always)]
    fn time(self, mbuf: Mbuf<'_>) -> Option<Nanos> {
        (mbuf.ol_flags() & self.flag != 0).then(|| {
            // SAFETY: the offset was registered with this flag, for a field of eight bytes, and the flag is set.
            let stamp = unsafe { mbuf.dynamic(self.offset) };
            Nanos(stamp.saturating_mul(self.nanos_per_unit))
        })
    }
}

impl<'p> RxQueue<'p> {
    pub(super) fn lent(port: u16, queue: u16, pool: RawPool, stamps: Option<Stamps>, packets: Option<u64>) -> Self {
        RxQueue { port, queue, pool, stamps, packets, lent: PhantomData, not_sync: PhantomData }
    }

    /// DPDK port id.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Number of the queue in its port.
    #[must_use]
    pub fn queue(&self) -> u16 {
        self.queue
    }

    /// Whether every frame brings its own arrival time (file-backed net_pcap).
    #[must_use]
    pub fn has_times(&self) -> bool {
        self.stamps.is_some()
    }

    /// Packets that the queue gives from the start of its port until it falls silent; `None` where there is no end.
    #[must_use]
    pub fn packets(&self) -> Option<u64> {
        self.packets
    }

    /// Binds the queue to the lcore that runs here.
    #[must_use]
    pub fn on<'l>(self, _lcore: &'l Lcore<'_>) -> Poller<'p, 'l> {
        let burst = Burst::new(self.pool.0.as_ptr());
        Poller { stamps: self.stamps.unwrap_or(Stamps::NONE), queue: self, burst, here: PhantomData }
    }
}

/// One frame of a poll.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'s> {
    /// Bytes of the first segment.
    pub bytes: &'s [u8],
    /// Bytes of all segments, without FCS.
    pub len: u32,
    /// Arrival by the driver, where it says one.
    pub time: Option<Nanos>,
}

impl<'s> Arrival<'s> {
    /// The frame of an mbuf, whose bytes are brought near.
    #[inline(always)]
    fn of(mbuf: Mbuf<'s>, time: Option<Nanos>) -> Arrival<'s> {
        let bytes = mbuf.bytes();
        prefetch(bytes);
        Arrival { bytes, len: mbuf.pkt_len(), time }
    }
}

/// A queue bound to an lcore: polls, and holds what came until the next poll. Not `Send`.
///
/// ```compile_fail,E0277
/// fn needs_send<T: Send>() {}
/// needs_send::<parshall_engine::dpdk::Poller<'static, 'static>>();
/// ```
pub struct Poller<'p, 'l> {
    queue: RxQueue<'p>,
    stamps: Stamps,
    burst: Burst,
    here: PhantomData<&'l Lcore<'l>>,
}

impl<'p> Poller<'p, '_> {
    /// The queue that it polls.
    #[must_use]
    pub fn queue(&self) -> &RxQueue<'p> {
        &self.queue
    }

    /// Frees the frames of the last poll, receives up to `most` (64 at the most), and hands each to `each` in order.
    ///
    /// Never blocks; returns how many came, 0 where the queue was empty. The bytes live until the next poll.
    /// DPDK: `rte_eth_rx_burst`, with the receive callbacks that others have set.
    #[inline]
    pub fn poll<'s>(&'s mut self, most: usize, mut each: impl FnMut(Arrival<'s>)) -> usize {
        let stamps = self.stamps;
        // SAFETY: a queue is lent out once, by a port that cannot stop before 'p ends, so it is started and polled by
        // nobody else; a poller is made on an lcore and does not leave it.
        let count = unsafe { self.burst.refill(self.queue.port, self.queue.queue, most) };
        // A loop for each kind: of a queue without times, no frame is asked for one.
        if stamps.flag == 0 {
            self.burst.visit(|mbuf| each(Arrival::of(mbuf, None)));
        } else {
            self.burst.visit(|mbuf| each(Arrival::of(mbuf, stamps.time(mbuf))));
        }
        count
    }

    /// Frees what it holds and gives the queue back, for another lcore.
    #[must_use]
    pub fn off(self) -> RxQueue<'p> {
        self.queue
    }
}

impl std::fmt::Debug for Poller<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poller").field("queue", &self.queue).finish_non_exhaustive()
    }
}
