//! Faults of devices and pools, provoked by hand: a pool without mbufs, a device that goes away.

use super::plan::PcapFiles;
use super::ring_tests::child;
use super::vdev::FileFacts;
use super::*;
use crate::link::LinkType;
use crate::source::dpdk::DpdkSource;
use crate::source::{Batch, Source};
use dpdk_sys as ffi;
use std::ffi::{c_int, c_void};
use std::path::PathBuf;

fn frames(source: &mut DpdkSource<'_, '_>) -> usize {
    let mut batch = Batch::new();
    source.poll(&mut batch);
    batch.len()
}

/// A capture of `frames` frames of 60 bytes, removed when dropped.
struct Capture(PathBuf);

impl Capture {
    fn write(frames: u32) -> Capture {
        let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
        for number in 0..frames {
            for word in [1_700_000_000, number, 60, 60] {
                bytes.extend(word.to_le_bytes());
            }
            bytes.extend([0; 60]);
        }
        let path = std::env::temp_dir().join(format!("parshall-fault-{}.pcap", std::process::id()));
        std::fs::write(&path, bytes).expect("a temporary file");
        Capture(path)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn frames_that_find_no_mbuf_are_counted_by_the_driver_and_frames_come_again_when_there_are_some() {
    let name = "dpdk::fault_tests::frames_that_find_no_mbuf_are_counted_by_the_driver_and_frames_come_again_when_there_are_some";
    child::in_child(name, || {
        let file = Capture::write(100);
        let vdev = format!("net_pcap0,rx_pcap={}", file.0.display());
        let eal = Eal::start(&child::eal_args(&["-l", "0", "--vdev", &vdev])).expect("EAL");
        let size = PoolSize { mbufs: 1_023, cache: 0, mbuf_size: 2_176 };
        let pool = Pool::create(&eal, "small", size, -1).expect("a pool");
        let port = eal.port(0).expect("a port");
        let facts = FileFacts { packets: 100, longest_captured: 60, link: LinkType::ETHERNET };
        let pcap = PcapFiles { infinite: false, files: vec![facts] };
        let plan = port.plan(&PortWish { pcap: Some(pcap), ..PortWish::plain(1) }).expect("a plan");
        let mut port = port.start(&plan, &pool).expect("starts");
        let lcore = eal.main_lcore();
        let (mut queues, monitor) = port.split();
        let queue = queues.remove(0);
        let mut source = DpdkSource::new(vec![(queue, LinkType::ETHERNET)], &lcore, 64, false).expect("a source");
        let mut taken = Vec::new();
        loop {
            // SAFETY: the pool lives as long as the EAL, and this thread is the main lcore.
            let mbuf = unsafe { ffi::shim_alloc(pool.raw().0.as_ptr()) };
            if mbuf.is_null() {
                break;
            }
            taken.push(mbuf);
        }
        assert_eq!((taken.len(), pool.snapshot().free), (1_023, 0));
        assert_eq!([0; 10].map(|_| frames(&mut source)), [0; 10]);
        let lost = monitor.snapshot().rx_nombuf;
        assert!((1..100).contains(&lost), "{lost}");
        let count = u32::try_from(taken.len()).expect("few");
        // SAFETY: mbufs that were taken above and are not used after.
        unsafe { ffi::rte_pktmbuf_free_bulk(taken.as_mut_ptr(), count) };
        let come: usize = (0..10).map(|_| frames(&mut source)).sum();
        assert_eq!(come as u64 + lost, 100);
        assert_eq!(monitor.snapshot().rx_nombuf, lost);
    });
}

unsafe extern "C" {
    /// What a driver calls when its device says something. DPDK: `ethdev_driver.h`, which is for drivers.
    fn rte_eth_dev_callback_process(device: *mut c_void, event: ffi::rte_eth_event_type, answer: *mut c_void) -> c_int;
    /// Every device; the first is port 0.
    static mut rte_eth_devices: [u8; 0];
}

#[test]
fn a_driver_that_says_that_its_device_was_taken_out_is_heard() {
    let name = "dpdk::fault_tests::a_driver_that_says_that_its_device_was_taken_out_is_heard";
    child::in_child(name, || {
        let eal = Eal::start(&child::eal_args(&["-l", "0", "--vdev", "net_null0"])).expect("EAL");
        let size = PoolSize { mbufs: 1_023, cache: 0, mbuf_size: 2_176 };
        let pool = Pool::create(&eal, "pool", size, -1).expect("a pool");
        let port = eal.port(0).expect("a port");
        let plan = port.plan(&PortWish::plain(1)).expect("a plan");
        let mut port = port.start(&plan, &pool).expect("starts");
        let lcore = eal.main_lcore();
        let (mut queues, monitor) = port.split();
        let mut source =
            DpdkSource::new(vec![(queues.remove(0), LinkType::ETHERNET)], &lcore, 64, false).expect("a source");
        assert!(!monitor.snapshot().removed);
        let device = (&raw mut rte_eth_devices).cast();
        // SAFETY: port 0 is valid; the event has no answer. No virtual device of this release has it, so this stands for a NIC's
        // driver, which says it on EAL's interrupt thread.
        let said = unsafe {
            rte_eth_dev_callback_process(device, ffi::rte_eth_event_type_RTE_ETH_EVENT_INTR_RMV, std::ptr::null_mut())
        };
        assert_eq!(said, 0);
        assert!(monitor.snapshot().removed);
        // Polling goes on until the run ends, and so must be harmless; closing gives the device back.
        frames(&mut source);
        drop(source);
        assert!(port.stop().is_ok());
    });
}

#[test]
fn a_device_that_goes_away_is_noticed_and_the_port_can_still_be_given_back() {
    let name = "dpdk::fault_tests::a_device_that_goes_away_is_noticed_and_the_port_can_still_be_given_back";
    child::in_child(name, || {
        let devices = ["-l", "0", "--vdev", "net_null0", "--vdev", "net_null1"];
        let eal = Eal::start(&child::eal_args(&devices)).expect("EAL");
        let size = PoolSize { mbufs: 1_023, cache: 0, mbuf_size: 2_176 };
        let pool = Pool::create(&eal, "pool", size, -1).expect("a pool");
        let mut ports: Vec<_> = [0, 1]
            .map(|id| eal.port(id).expect("a port"))
            .map(|port| (port.plan(&PortWish::plain(1)).expect("a plan"), port))
            .map(|(plan, port)| port.start(&plan, &pool).expect("starts"))
            .into();
        let monitors: Vec<_> = ports.iter_mut().map(|port| port.split().1).collect();
        assert!(monitors.iter().all(|monitor| !monitor.snapshot().removed && monitor.snapshot().link_up));
        // SAFETY: bus and device are named in NUL-terminated texts, and nobody polls the port.
        let gone = unsafe { ffi::rte_eal_hotplug_remove(c"vdev".as_ptr(), c"net_null0".as_ptr()) };
        assert_eq!(gone, 0);
        let [first, second] = [&monitors[0], &monitors[1]].map(Monitor::snapshot);
        assert!(first.removed && !first.link_up, "{first:?}");
        assert!(!second.removed && second.link_up, "{second:?}");
        drop(monitors);
        // The one that is gone refuses to stop, and is closed all the same.
        let refused: Vec<bool> = ports.into_iter().map(|port| port.stop().is_err()).collect();
        assert_eq!(refused, [true, false]);
    });
}
