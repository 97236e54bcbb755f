//! net_pcap through the safe layer: every frame of a file once, with its time; the driver's traps.

#![cfg(feature = "dpdk")]

mod dpdk_support;

use dpdk_support::child::{eal_args, in_child};
use dpdk_support::{Capture, drain, pcap_vdev, start, wish};
use parshall_engine::dpdk::plan::StampUnit;
use parshall_engine::dpdk::{Eal, Pool, PoolSize, Port, Started};
use parshall_engine::link::LinkType;
use parshall_engine::source::dpdk::DpdkSource;
use parshall_engine::source::{Batch, Polled, Source};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const ETHERNET: LinkType = LinkType::ETHERNET;

/// As the driver gives it: net_pcap cuts to microseconds before DPDK 26.07.
fn driver_time(port: &Port<'_, Started>, nanos: u64) -> u64 {
    if port.plan().stamps == Some(StampUnit::Micros) { nanos / 1_000 * 1_000 } else { nanos }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.last_chunk().map_or(u32::MAX, |last| u32::from_be_bytes(*last))
}

#[test]
fn every_frame_of_a_file_comes_once_with_its_time_and_bytes() {
    in_child("every_frame_of_a_file_comes_once_with_its_time_and_bytes", || {
        let file = Capture::numbered("each", 1_000, 70);
        let eal = Eal::start(&eal_args(&["-l", "0", &pcap_vdev(&[&file], "")])).expect("EAL");
        let (mut port, pool) = start(&eal, &wish(Some((false, &[&file]))));
        let lcore = eal.main_lcore();
        let (mut queues, monitor) = port.split();
        let mut source = DpdkSource::new(vec![(queues.remove(0), ETHERNET)], &lcore, 32, true).expect("a source");
        let got = drain(&mut source, usize::MAX);
        assert_eq!(source.missing(), 0);
        let latest = source.now();
        let (stats, link) = (monitor.stats().expect("stats"), monitor.link().expect("link"));
        let xstats = monitor.xstats().expect("xstats");
        drop(source);
        assert_eq!(
            (stats.ipackets, stats.ibytes, stats.imissed, stats.ierrors, stats.rx_nombuf),
            (1_000, 70_000, 0, 0, 0)
        );
        assert!(xstats.contains(&("rx_good_packets".to_owned(), 1_000)), "{xstats:?}");
        assert_eq!(link, (true, 10_000));
        assert_eq!(got.len(), 1_000);
        for (frame, (time, bytes)) in got.iter().zip(&file.frames) {
            assert_eq!((frame.time, &frame.bytes), (driver_time(&port, *time), bytes));
            assert_eq!((frame.wire_len, frame.port, frame.queue), (70, 0, 0));
        }
        assert!(latest.0 >= got[999].time && latest.0 < got[999].time + 5_000_000_000);
        drop(port);
        assert_eq!(pool.free(), pool.size().mbufs);
    });
}

#[test]
fn microsecond_files_keep_their_times() {
    in_child("microsecond_files_keep_their_times", || {
        let file = Capture::write("micro", false, vec![(1_999_999_000, vec![1; 60]), (7_000, vec![2; 60])]);
        let eal = Eal::start(&eal_args(&["-l", "0", &pcap_vdev(&[&file], "")])).expect("EAL");
        let (mut port, _pool) = start(&eal, &wish(Some((false, &[&file]))));
        let lcore = eal.main_lcore();
        let mut queues = port.split().0;
        let mut source = DpdkSource::new(vec![(queues.remove(0), ETHERNET)], &lcore, 64, true).expect("a source");
        let times: Vec<_> = drain(&mut source, usize::MAX).iter().map(|got| got.time).collect();
        assert_eq!(times, [1_999_999_000, 7_000]);
    });
}

#[test]
fn packet_time_stands_still_until_every_counted_packet_is_in() {
    in_child("packet_time_stands_still_until_every_counted_packet_is_in", || {
        let file = Capture::numbered("still", 3, 60);
        let eal = Eal::start(&eal_args(&["-l", "0", &pcap_vdev(&[&file], "")])).expect("EAL");
        let (mut port, _pool) = start(&eal, &wish(Some((false, &[&file]))));
        let last = driver_time(&port, file.frames[2].0);
        let lcore = eal.main_lcore();
        let mut queues = port.split().0;
        let mut source = DpdkSource::new(vec![(queues.remove(0), ETHERNET)], &lcore, 1, false).expect("a source");
        assert!(source.has_packet_time());
        assert_eq!(drain(&mut source, 3).len(), 3);
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(source.now().0, last);
        for _ in 0..2 {
            assert_eq!(source.poll(&mut Batch::new()), Polled::Open);
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!((20_000_000..10_000_000_000).contains(&(source.now().0 - last)), "{}", source.now().0 - last);
    });
}

#[test]
fn two_files_are_two_queues_on_two_lcores_or_on_one() {
    in_child("two_files_are_two_queues_on_two_lcores_or_on_one", || {
        let files = [Capture::numbered("q0", 500, 60), Capture::numbered("q1", 700, 90)];
        let both = [&files[0], &files[1]];
        let args = eal_args(&["--lcores", "0@0,1@0,2@0", &pcap_vdev(&both, "")]);
        let eal = Eal::start(&args).expect("EAL");
        let (mut port, pool) = start(&eal, &wish(Some((false, &both))));
        let counts = eal.scope(|scope| {
            let (queues, _monitor) = port.split();
            let launched: Vec<_> = queues
                .into_iter()
                .zip(eal.worker_lcores())
                .map(|(queue, at)| {
                    let work = move |lcore: &_| {
                        let mut source = DpdkSource::new(vec![(queue, ETHERNET)], lcore, 64, true).expect("a source");
                        let got = drain(&mut source, usize::MAX);
                        (lcore.id(), got[0].queue, got.len(), number(&got[got.len() - 1].bytes))
                    };
                    scope.launch(at.id, work).expect("an idle lcore")
                })
                .collect();
            launched.into_iter().map(|one| one.join().expect("no panic")).collect::<Vec<_>>()
        });
        assert_eq!(counts, [(1, 0, 500, 499), (2, 1, 700, 699)]);
        let port = port.stop().expect("stops");
        let plan = port.plan(&wish(Some((false, &both)))).expect("the same plan");
        let mut port = port.start(&plan, &pool).expect("starts again");
        let lcore = eal.main_lcore();
        let queues = port.split().0.into_iter().map(|queue| (queue, ETHERNET)).collect();
        let mut source = DpdkSource::new(queues, &lcore, 64, true).expect("a source");
        let got = drain(&mut source, usize::MAX);
        assert_eq!(got.iter().filter(|frame| frame.queue == 0).count(), 500);
        assert_eq!(got.iter().filter(|frame| frame.queue == 1).count(), 700);
        drop(source);
        drop(port);
        assert_eq!(pool.free(), pool.size().mbufs);
    });
}

#[test]
fn infinite_rx_goes_round_with_the_clock_s_time() {
    in_child("infinite_rx_goes_round_with_the_clock_s_time", || {
        let file = Capture::numbered("round", 100, 60);
        let eal = Eal::start(&eal_args(&["-l", "0", &pcap_vdev(&[&file], ",infinite_rx=1")])).expect("EAL");
        let (mut port, pool) = start(&eal, &wish(Some((true, &[&file]))));
        let lcore = eal.main_lcore();
        let mut queues = port.split().0;
        let mut source = DpdkSource::new(vec![(queues.remove(0), ETHERNET)], &lcore, 64, true).expect("a source");
        let got = drain(&mut source, 10_000);
        drop(source);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
        for (index, frame) in got.iter().enumerate() {
            assert_eq!(number(&frame.bytes) as usize, index % 100);
            assert!(now - u128::from(frame.time) < 60_000_000_000, "{} is not now", frame.time);
        }
        assert!(got.is_sorted_by_key(|frame| frame.time));
        drop(port);
        assert_eq!(pool.free(), pool.size().mbufs);
    });
}

#[test]
fn frames_of_several_mbufs_give_their_first_bytes_and_their_whole_length() {
    in_child("frames_of_several_mbufs_give_their_first_bytes_and_their_whole_length", || {
        let frame = |len: usize| (0, (0..len).map(|at| (at % 251) as u8).collect::<Vec<u8>>());
        let lengths = [60, 2_048, 2_049, 9_000, 65_535];
        let file = Capture::write("jumbo", false, lengths.iter().map(|len| frame(*len)).collect());
        let eal = Eal::start(&eal_args(&["-l", "0", &pcap_vdev(&[&file], "")])).expect("EAL");
        let (mut port, pool) = start(&eal, &wish(Some((false, &[&file]))));
        let lcore = eal.main_lcore();
        let mut queues = port.split().0;
        let mut source = DpdkSource::new(vec![(queues.remove(0), ETHERNET)], &lcore, 64, true).expect("a source");
        let got = drain(&mut source, usize::MAX);
        drop(source);
        assert_eq!(got.iter().map(|got| got.wire_len as usize).collect::<Vec<_>>(), lengths);
        for (got, (_, sent)) in got.iter().zip(&file.frames) {
            assert_eq!(got.bytes, sent[..sent.len().min(2_048)]);
        }
        assert_eq!(pool.free(), pool.size().mbufs, "chained mbufs come back whole");
    });
}

#[test]
fn packets_that_were_counted_and_never_come_are_told() {
    in_child("packets_that_were_counted_and_never_come_are_told", || {
        let mut file = Capture::numbered("short", 10, 60);
        file.facts.packets = 12;
        let eal = Eal::start(&eal_args(&["-l", "0", &pcap_vdev(&[&file], "")])).expect("EAL");
        let (mut port, _pool) = start(&eal, &wish(Some((false, &[&file]))));
        let lcore = eal.main_lcore();
        let mut queues = port.split().0;
        let mut source = DpdkSource::new(vec![(queues.remove(0), ETHERNET)], &lcore, 64, true).expect("a source");
        assert_eq!(drain(&mut source, usize::MAX).len(), 10);
        assert_eq!(source.missing(), 2);
    });
}

#[test]
fn a_failed_preload_of_infinite_rx_is_an_error_and_no_crash() {
    in_child("a_failed_preload_of_infinite_rx_is_an_error_and_no_crash", || {
        let file = Capture::numbered("full", 2_000, 60);
        let eal = Eal::start(&eal_args(&["-l", "0", &pcap_vdev(&[&file], ",infinite_rx=1")])).expect("EAL");
        let port = eal.port(0).expect("a port");
        let plan = port.plan(&wish(Some((true, &[&file])))).expect("a plan");
        let size = PoolSize { mbufs: 511, cache: 0, mbuf_size: 2_176 };
        let pool = Pool::create(&eal, "small", size, -1).expect("a pool");
        let error = port.start(&plan, &pool).expect_err("too few mbufs").to_string();
        assert!(
            error.starts_with("RX queue 0 with 1024 descriptors of port 0 (net_pcap0, net_pcap): EINVAL"),
            "{error}"
        );
        drop(eal);
    });
}
