//! The mbufs of one receive call, owned until they are freed in one call.
//!
//! **Owns** up to 64 mbufs. **May touch** their headers, and their pool when they go back. **Order** filled and emptied
//! by `queue` on the lcore that polls, so that they go through that lcore's mempool cache.

use super::mbuf::Mbuf;
use dpdk_sys as ffi;
use std::ptr::{self, NonNull};

/// Mbufs of one receive call at the most.
pub const MAX_BURST: usize = 64;

/// Owned mbufs of one queue. Not `Send`: they go back through the cache of the lcore that received them.
pub(super) struct Burst {
    slots: [*mut ffi::rte_mbuf; MAX_BURST],
    held: usize,
    pool: *mut ffi::rte_mempool,
    /// Bits of everything that keeps one of the mbufs from being put back as it is.
    not_plain: u64,
}

impl Burst {
    /// An empty one for mbufs of `pool` mostly.
    pub(super) fn new(pool: *mut ffi::rte_mempool) -> Burst {
        Burst { slots: [ptr::null_mut(); MAX_BURST], held: 0, pool, not_plain: 0 }
    }

    /// Frees what it holds and receives up to `most` (64 at the most) mbufs; returns how many.
    ///
    /// # Safety
    /// Port and queue are started, nobody else polls them meanwhile, and this thread is an lcore.
    #[inline]
    pub(super) unsafe fn refill(&mut self, port: u16, queue: u16, most: usize) -> usize {
        self.release();
        let most = u16::try_from(most.min(MAX_BURST)).unwrap_or(0);
        // SAFETY: `slots` has room for `most` pointers; the queue is started and polled by nobody else.
        let count = unsafe { ffi::shim_rx_burst(port, queue, self.slots.as_mut_ptr(), most) };
        self.held = usize::from(count);
        // Not looked at yet, so not known to be plain.
        self.not_plain = u64::from(count != 0);
        self.held
    }

    /// Calls `each` for every mbuf in order, reading what the release needs to know on the way.
    #[inline]
    pub(super) fn visit<'s>(&'s mut self, mut each: impl FnMut(Mbuf<'s>)) {
        let mut not_plain = 0;
        for slot in &self.slots[..self.held] {
            // SAFETY: the first `held` slots were filled by the driver, with mbufs and so not with null.
            let mbuf = unsafe { NonNull::new_unchecked(*slot) };
            // SAFETY: the driver returned it in the last refill, and it stays owned until the next one, which needs
            // this burst mutably and so comes after 's.
            let mbuf = unsafe { Mbuf::new(mbuf) };
            not_plain |= mbuf.not_plain(self.pool);
            each(mbuf);
        }
        self.not_plain = not_plain;
    }

    /// Gives every mbuf back: in one piece where all are plain, else one by one as DPDK does it.
    #[inline]
    pub(super) fn release(&mut self) {
        let (slots, count) = (self.slots.as_mut_ptr(), u32::try_from(self.held).unwrap_or(0));
        if count == 0 {
            return;
        }
        self.held = 0;
        if self.not_plain == 0 {
            // SAFETY: the first `count` slots are mbufs of `pool`, each with one unshared segment of its own data (see
            // Mbuf::not_plain), owned here and not used after; the pool lives as long as the EAL.
            unsafe { ffi::shim_put_bulk(self.pool, slots, count) };
        } else {
            // SAFETY: the first `count` slots are mbufs owned here and not used after.
            unsafe { ffi::rte_pktmbuf_free_bulk(slots, count) };
        }
    }
}

impl Drop for Burst {
    fn drop(&mut self) {
        self.release();
    }
}
