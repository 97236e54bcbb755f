//! What is foretold of a file is what libpcap, and so net_pcap, delivers from it.
#![cfg(feature = "libpcap")]
#![allow(clippy::unwrap_used)]

mod capture_made;

use capture_made::{BIG, LITTLE, all, data, gzipped};
use parshall_engine::link::LinkType;
use parshall_engine::source::capture::CaptureFile;
use parshall_engine::source::capture::facts::{FileFacts, facts};
use parshall_engine::time::Nanos;
use std::io::Write;

fn of(bytes: &[u8]) -> Result<FileFacts, String> {
    let mut temporary = tempfile::NamedTempFile::new().unwrap();
    temporary.write_all(bytes).unwrap();
    facts(temporary.path()).map_err(|error| error.to_string())
}

#[test]
fn a_whole_file_is_counted_measured_and_timed_in_microseconds() {
    let mut file = LITTLE.pcap(0xa1b2_3c4d, (2, 4), 65_535, 1);
    for (second, nanos, length) in [(10, 999, 60), (12, 1_001, 90), (11, 500_000, 70), (13, 0, 10)] {
        file.extend(LITTLE.record([second, nanos, length, 1_500], &[], &vec![0; length as usize]));
    }
    let found = of(&file).unwrap();
    let expected = FileFacts {
        packets: 4,
        longest_captured: 90,
        captured_bytes: 230,
        link: Some(LinkType::ETHERNET),
        mixed_links: false,
        first: Nanos(10_000_000_000),
        last: Nanos(13_000_000_000),
        largest_step_back: 999_501_000,
        stopped: None,
    };
    assert_eq!(found, expected);
    assert!(!found.in_order());
}

#[test]
fn libpcap_cuts_at_the_snapshot_length_and_stops_where_it_stops() {
    let record = |length: u32| LITTLE.record([1, 0, length, length], &[], &vec![0; length as usize]);
    let snapped = of(&[LITTLE.pcap(0xa1b2_c3d4, (2, 4), 20, 101), record(60)].concat()).unwrap();
    assert_eq!((snapped.longest_captured, snapped.link), (20, Some(LinkType::RAW)));
    let mut cut = [LITTLE.pcap(0xa1b2_c3d4, (2, 4), 65_535, 1), record(60), record(60)].concat();
    cut.truncate(cut.len() - 1);
    let cut = of(&cut).unwrap();
    assert_eq!(cut.packets, 1);
    assert!(cut.stopped.unwrap().contains("truncated"));
}

#[test]
fn a_second_link_type_stops_libpcap_and_is_told() {
    let start = [LITTLE.section(), LITTLE.interface(1, 0, &[]), LITTLE.enhanced(0, 5, 4, &[0; 4], &[])].concat();
    let mixed = of(&[&start[..], &LITTLE.interface(101, 0, &[]), &LITTLE.enhanced(1, 6, 4, &[0; 4], &[])].concat());
    let mixed = mixed.unwrap();
    assert!(mixed.mixed_links && mixed.packets == 1 && mixed.stopped.is_some(), "{mixed:?}");
    let orders = of(&[start, BIG.section()].concat()).unwrap();
    assert!(!orders.mixed_links && orders.stopped.is_some(), "{orders:?}");
}

#[test]
fn what_libpcap_cannot_open_is_refused_with_its_reason() {
    let packed = of(&gzipped(&LITTLE.pcap(0xa1b2_c3d4, (2, 4), 65_535, 1))).unwrap_err();
    assert!(packed.contains("net_pcap cannot read") && packed.contains("`parshall read` can"), "{packed}");
    assert!(of(b"no capture").is_err());
    assert!(facts("/nowhere/a.pcap".as_ref()).unwrap_err().to_string().contains("/nowhere/a.pcap"));
    assert!(facts("-".as_ref()).unwrap_err().to_string().contains("read only once"));
}

#[test]
fn an_empty_capture_has_a_link_type_and_no_times() {
    let empty = of(&BIG.pcap(0xa1b2_c3d4, (2, 4), 65_535, 1)).unwrap();
    assert_eq!((empty.packets, empty.first, empty.last), (0, Nanos::MAX, Nanos::ZERO));
    assert_eq!(empty.link, Some(LinkType::ETHERNET));
}

#[test]
fn libpcap_and_our_own_reader_agree_on_every_real_capture() {
    let Some(data) = data() else { return };
    for entry in std::fs::read_dir(data.join("pcap")).unwrap() {
        let path = entry.unwrap().path();
        // Its packet is longer than its snapshot length, where libpcap cuts it and we do not.
        if path.ends_with("tcpdump-aoe-oobr-1.pcap") {
            assert_eq!(facts(&path).unwrap().longest_captured, 31);
            continue;
        }
        let foretold = facts(&path).unwrap();
        let mut file = CaptureFile::open(&path).unwrap();
        let packets = all(&mut file);
        let micros = |time: u64| Nanos(time / 1_000 * 1_000);
        let mut steps = (0, 0);
        for packet in &packets {
            let time = micros(packet.0).0;
            steps = (steps.0.max(time), steps.1.max(steps.0.saturating_sub(time)));
        }
        let own = FileFacts {
            packets: packets.len() as u64,
            longest_captured: packets.iter().map(|packet| packet.3.len() as u32).max().unwrap_or(0),
            captured_bytes: packets.iter().map(|packet| packet.3.len() as u64).sum(),
            link: packets.first().map(|packet| LinkType(packet.2)),
            mixed_links: packets.iter().any(|packet| packet.2 != packets[0].2),
            first: packets.iter().map(|packet| micros(packet.0)).min().unwrap_or(Nanos::MAX),
            last: packets.iter().map(|packet| micros(packet.0)).max().unwrap_or(Nanos::ZERO),
            largest_step_back: steps.1,
            stopped: foretold.stopped.clone(),
        };
        assert_eq!(foretold, own, "{}", path.display());
        assert_eq!(foretold.stopped.is_some(), !file.damage().is_empty(), "{}", path.display());
    }
}
