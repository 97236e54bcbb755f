//! The ring of a net_ring port, filled by this process: frames that a bench or a test has made.
//!
//! **Owns** nothing but the way to the ring. **May touch** the ring, and mbufs of its pool until they are given away.
//! **Order** on the lcore that has the pool's cache; what is put in comes out where the port's queue is polled.

use super::error::DpdkError;
use super::launch::Lcore;
use super::pool::Pool;
use super::queue::RxQueue;
use dpdk_sys as ffi;
use std::ffi::CString;
use std::ptr::NonNull;

/// The way into the ring of queue 0 of a net_ring port, no longer than the port is started. Not `Send`: its mbufs come from the
/// cache of one lcore, and only that may put any in.
#[derive(Debug)]
pub struct RingFeed<'p> {
    ring: NonNull<ffi::rte_ring>,
    pool: &'p Pool<'p>,
}

impl<'p> RingFeed<'p> {
    /// The way into the ring of a device (`net_ring0`) that `queue` is polled from, with mbufs of `pool`.
    ///
    /// # Errors
    /// There is no such device, or it is no net_ring.
    pub fn new(
        device: &str,
        _queue: &RxQueue<'p>,
        pool: &'p Pool<'p>,
        _lcore: &Lcore<'_>,
    ) -> Result<RingFeed<'p>, DpdkError> {
        // DPDK: drivers/net/ring names the rings of a device that it makes itself so; packets sent come back.
        let name = CString::new(format!("ETH_RXTX0_{device}")).unwrap_or_default();
        // SAFETY: the name is NUL-terminated.
        let ring = unsafe { ffi::rte_ring_lookup(name.as_ptr()) };
        let ring = NonNull::new(ring).ok_or_else(|| {
            DpdkError::usage(format!("the ring of {device}"), "there is none", "make a net_ring with --vdev")
        })?;
        Ok(RingFeed { ring, pool })
    }

    /// Puts a frame in; false where the ring is full, the pool empty, or the frame longer than an mbuf.
    pub fn put(&mut self, frame: &[u8]) -> bool {
        self.put_mbuf(frame).is_some()
    }

    /// The same; the mbuf that it went in as.
    pub(super) fn put_mbuf(&mut self, frame: &[u8]) -> Option<NonNull<ffi::rte_mbuf>> {
        let len = u16::try_from(frame.len()).ok()?;
        // SAFETY: the pool lives as long as 'p, and this thread is an lcore.
        let mbuf = NonNull::new(unsafe { ffi::shim_alloc(self.pool.raw().0.as_ptr()) })?;
        // SAFETY: `mbuf` is a fresh mbuf that is owned here.
        let data = unsafe { ffi::shim_append(mbuf.as_ptr(), len) };
        let room = NonNull::new(data.cast::<u8>());
        if let Some(room) = room {
            // SAFETY: append made `len` bytes of room at `room`, in an mbuf that nobody else has.
            unsafe { room.as_ptr().copy_from_nonoverlapping(frame.as_ptr(), frame.len()) };
            // SAFETY: the ring lives as long as its port, which the queue that this was made with keeps started for 'p; the
            // mbuf is given away where it is taken.
            if unsafe { ffi::shim_ring_enqueue(self.ring.as_ptr(), mbuf.as_ptr().cast()) } == 0 {
                return Some(mbuf);
            }
        }
        let mut mine = mbuf.as_ptr();
        // SAFETY: `mine` was not given away.
        unsafe { ffi::rte_pktmbuf_free_bulk(&raw mut mine, 1) };
        None
    }
}
