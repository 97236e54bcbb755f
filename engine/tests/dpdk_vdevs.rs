//! Virtual devices other than net_pcap: queues without RSS, dummy transmit queues, the clock as time.

#![cfg(feature = "dpdk")]

mod dpdk_support;

use dpdk_support::child::{eal_args, in_child};
use dpdk_support::{drain, start, wish};
use parshall_engine::dpdk::{Eal, PortWish};
use parshall_engine::link::LinkType;
use parshall_engine::source::dpdk::DpdkSource;
use parshall_engine::source::{Batch, Polled, Source};
use std::process::Command;

#[test]
fn net_null_gives_frames_of_its_size_on_every_queue() {
    in_child("net_null_gives_frames_of_its_size_on_every_queue", || {
        let eal = Eal::start(&eal_args(&["-l", "0", "--vdev", "net_null0,size=100,copy=1"])).expect("EAL");
        let (mut port, pool) = start(&eal, &PortWish { queues: Some(3), ..wish(None) });
        assert!(port.plan().rss.is_some(), "net_null plays a device with RSS");
        let lcore = eal.main_lcore();
        let (queues, monitor) = port.split();
        let queues = queues.into_iter().map(|queue| (queue, LinkType::ETHERNET)).collect();
        let mut source = DpdkSource::new(queues, &lcore, 32, true).expect("a source");
        assert!(!source.has_packet_time());
        let got = drain(&mut source, 3_000);
        let last = source.now().0;
        assert!(got.iter().all(|frame| frame.bytes.len() == 100 && frame.wire_len == 100 && frame.time <= last));
        for queue in 0..3 {
            let share = got.iter().filter(|frame| frame.queue == queue).count();
            assert!(share > 800, "queue {queue} gave {share} of {}", got.len());
        }
        assert_eq!(monitor.snapshot().driver, "net_null");
        assert!(monitor.snapshot().ipackets >= 3_000);
        assert_eq!(source.into_queues().len(), 3);
        assert_eq!(pool.free(), pool.size().mbufs);
        assert_eq!(pool.snapshot().size, u64::from(pool.size().mbufs));
    });
}

#[test]
fn an_idle_net_ring_stays_open_and_its_time_goes_on() {
    in_child("an_idle_net_ring_stays_open_and_its_time_goes_on", || {
        let eal = Eal::start(&eal_args(&["-l", "0", "--vdev", "net_ring0"])).expect("EAL");
        let (mut port, _pool) = start(&eal, &wish(None));
        let lcore = eal.main_lcore();
        let queues = port.split().0.into_iter().map(|queue| (queue, LinkType::ETHERNET)).collect();
        let mut source = DpdkSource::new(queues, &lcore, 64, true).expect("a source");
        let mut before = source.now();
        for _ in 0..1_000 {
            let mut batch = Batch::new();
            assert_eq!(source.poll(&mut batch), Polled::Open);
            assert!(batch.is_empty());
            drop(batch);
            assert!(source.now() >= before);
            before = source.now();
        }
    });
}

/// Starts a device that needs privileges, or says why not.
fn privileged(vdev: &str, wish: &PortWish) {
    let eal = match Eal::start(&eal_args(&["-l", "0", "--vdev", vdev])) {
        Ok(eal) => eal,
        Err(error) => return println!("skipped, this user may not have {vdev}: {error}"),
    };
    let (mut port, _pool) = start(&eal, wish);
    let lcore = eal.main_lcore();
    let queues = port.split().0.into_iter().map(|queue| (queue, LinkType::ETHERNET)).collect();
    let mut source = DpdkSource::new(queues, &lcore, 64, false).expect("a source");
    for _ in 0..100 {
        let mut batch = Batch::new();
        assert_eq!(source.poll(&mut batch), Polled::Open);
    }
    drop(source);
    drop(port.stop().expect("stops"));
}

#[test]
fn net_tap_starts_with_as_many_dummy_transmit_queues_as_root() {
    in_child("net_tap_starts_with_as_many_dummy_transmit_queues_as_root", || {
        privileged("net_tap0,iface=parshall-t0", &PortWish { queues: Some(2), ..wish(None) });
    });
}

#[test]
fn net_af_packet_starts_without_transmit_queues_as_root() {
    in_child("net_af_packet_starts_without_transmit_queues_as_root", || {
        privileged("net_af_packet0,iface=lo,blocksz=4096,framesz=2048,framecnt=512,qpairs=2", &wish(None));
    });
}

/// A pair of virtual Ethernet interfaces, removed when dropped.
struct Veth(String);

impl Veth {
    fn new(name: &str) -> Option<Veth> {
        let ip = |args: &[&str]| Command::new("ip").args(args).output().is_ok_and(|output| output.status.success());
        let peer = format!("{name}p");
        let made = ip(&["link", "add", name, "type", "veth", "peer", "name", &peer]);
        let veth = made.then(|| Veth(name.to_owned()))?;
        (ip(&["link", "set", name, "up"]) && ip(&["link", "set", &peer, "up"])).then_some(veth)
    }
}

impl Drop for Veth {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["link", "del", &self.0]).output();
    }
}

#[test]
fn net_af_xdp_starts_with_paired_queues_as_root() {
    in_child("net_af_xdp_starts_with_paired_queues_as_root", || {
        let Some(veth) = Veth::new("parshall-x0") else {
            return println!("skipped, this user may not make interfaces");
        };
        privileged(&format!("net_af_xdp0,iface={}", veth.0), &wish(None));
    });
}
