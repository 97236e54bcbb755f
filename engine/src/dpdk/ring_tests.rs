//! Mbufs of every shape, put into the ring of a net_ring port by hand: each goes back to the pool that it came from.

use super::*;
use crate::link::LinkType;
use crate::source::dpdk::DpdkSource;
use crate::source::{Batch, Source};
use dpdk_sys as ffi;

#[path = "../../tests/dpdk_support/child.rs"]
pub(super) mod child;

/// Puts an mbuf into the ring, with `len` bytes of value `fill`.
fn put(feed: &mut RingFeed<'_>, fill: u8, len: usize) -> *mut ffi::rte_mbuf {
    feed.put_mbuf(&vec![fill; len]).expect("room in pool and ring").as_ptr()
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
        let mut feeds = [&home, &foreign].map(|pool| RingFeed::new("net_ring0", &queue, pool, &lcore).expect("a ring"));
        let none = RingFeed::new("net_ring1", &queue, &home, &lcore).expect_err("no such device");
        assert!(none.to_string().contains("net_ring1"), "{none}");
        let mut source = DpdkSource::new(vec![(queue, LinkType::ETHERNET)], &lcore, 64, false).expect("a source");
        // Bursts of own mbufs only, of foreign ones only, and of both; each is freed by the next poll.
        for (fill, pools) in [[0, 0], [1, 1], [0, 1]].iter().enumerate() {
            for pool in pools {
                put(&mut feeds[*pool], fill as u8, 60 + fill);
            }
            let fill = u8::try_from(fill).expect("three rounds");
            let mut batch = Batch::new();
            source.poll(&mut batch);
            let seen: Vec<_> = batch.iter().map(|frame| (frame.bytes.len(), frame.bytes[0], frame.wire_len)).collect();
            assert_eq!(seen, [(60 + usize::from(fill), fill, 60 + u32::from(fill)); 2]);
        }
        // An mbuf that somebody else holds too is only let go.
        let shared = put(&mut feeds[0], 9, 64);
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
