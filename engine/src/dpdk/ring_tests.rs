//! Mbufs of every shape, put into the ring of a net_ring port by hand: each goes back to the pool that it came from.

use super::*;
use crate::link::LinkType;
use crate::source::dpdk::DpdkSource;
use crate::source::{Batch, Source};
use dpdk_sys as ffi;
use std::ffi::CStr;

#[path = "../../tests/dpdk_support/child.rs"]
pub(super) mod child;

/// The ring that net_ring makes for the first queue of net_ring0.
const RING: &CStr = c"ETH_RXTX0_net_ring0";

/// Puts an mbuf of `pool` into the ring, with `len` bytes of value `fill`.
fn put(pool: &Pool<'_>, fill: u8, len: u16) -> *mut ffi::rte_mbuf {
    // SAFETY: the pool lives as long as the EAL, and this thread is the main lcore.
    let mbuf = unsafe { ffi::shim_alloc(pool.raw().0.as_ptr()) };
    assert!(!mbuf.is_null(), "the pool is empty");
    // SAFETY: `mbuf` is a fresh mbuf that is owned here.
    let data = unsafe { ffi::shim_append(mbuf, len) };
    assert!(!data.is_null(), "no room for {len} bytes");
    // SAFETY: append made `len` bytes of room at `data`.
    unsafe { data.cast::<u8>().write_bytes(fill, usize::from(len)) };
    // SAFETY: the name is NUL-terminated.
    let ring = unsafe { ffi::rte_ring_lookup(RING.as_ptr()) };
    assert!(!ring.is_null(), "net_ring0 has no ring of that name");
    // SAFETY: the ring lives as long as its port; the mbuf is given away.
    assert_eq!(unsafe { ffi::shim_ring_enqueue(ring, mbuf.cast()) }, 0);
    mbuf
}

#[test]
fn mbufs_of_every_shape_go_back_to_the_pool_that_they_came_from() {
    child::in_child("dpdk::ring_tests::mbufs_of_every_shape_go_back_to_the_pool_that_they_came_from", || {
        let eal = Eal::start(&child::eal_args(&["-l", "0", "--vdev", "net_ring0"])).expect("EAL");
        let size = PoolSize { mbufs: 1_023, cache: 32, mbuf_size: 2_176 };
        let [home, foreign] = ["home", "foreign"].map(|name| Pool::create(&eal, name, size, -1).expect("a pool"));
        let port = eal.port(0).expect("a port");
        let plan = port.plan(&PortWish::plain(1)).expect("a plan");
        let mut port = port.start(&plan, &home).expect("starts");
        let lcore = eal.main_lcore();
        let queue = port.split().0.remove(0);
        let mut source = DpdkSource::new(vec![(queue, LinkType::ETHERNET)], &lcore, 64, false).expect("a source");
        // Bursts of own mbufs only, of foreign ones only, and of both; each is freed by the next poll.
        for (fill, pools) in [[&home, &home], [&foreign, &foreign], [&home, &foreign]].iter().enumerate() {
            let fill = u8::try_from(fill).expect("three rounds");
            for pool in pools {
                put(pool, fill, 60 + u16::from(fill));
            }
            let mut batch = Batch::new();
            source.poll(&mut batch);
            let seen: Vec<_> = batch.iter().map(|frame| (frame.bytes.len(), frame.bytes[0], frame.wire_len)).collect();
            assert_eq!(seen, [(60 + usize::from(fill), fill, 60 + u32::from(fill)); 2]);
        }
        // An mbuf that somebody else holds too is only let go.
        let shared = put(&home, 9, 64);
        // SAFETY: the offset is that of refcnt, inside the mbuf.
        let refcnt = unsafe { shared.byte_add(ffi::SHIM_MBUF_REFCNT) }.cast::<u16>();
        // SAFETY: aligned, initialised, and touched by this thread only.
        unsafe { refcnt.write(2) };
        source.poll(&mut Batch::new());
        drop(source);
        // SAFETY: as above.
        assert_eq!(unsafe { refcnt.read() }, 1);
        assert_eq!((home.free(), foreign.free()), (size.mbufs - 1, size.mbufs));
    });
}
