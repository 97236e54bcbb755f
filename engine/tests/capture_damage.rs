//! Damaged files give every packet before the damage, then say where and why they broke, and never panic.
#![allow(clippy::unwrap_used)]

mod capture_made;

use capture_made::{BIG, LITTLE, Order, all, from_file, gzipped, streamed};
use parshall_engine::source::capture::{CaptureFile, Merged};
use parshall_engine::source::{Batch, Polled, Source};
use proptest::prelude::*;
use std::io::{ErrorKind, Write};

/// A small file and where each of its packets ends, and where else it may end without damage.
fn small_pcap(order: Order, magic: u32, more: &[u8]) -> (Vec<u8>, Vec<usize>, Vec<usize>) {
    let mut file = order.pcap(magic, (2, 4), 65_535, 1);
    let mut ends = Vec::new();
    for length in [0_u32, 60, 9] {
        file.extend(order.record([1, 2, length, 1_500], more, &vec![7; length as usize]));
        ends.push(file.len());
    }
    (file, ends.clone(), [vec![24], ends].concat())
}

fn small_pcapng(order: Order) -> (Vec<u8>, Vec<usize>, Vec<usize>) {
    let (mut file, mut ends, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for (block, packet) in [
        (order.section(), false),
        (order.interface(1, 0, &order.option(9, &[9])), false),
        (order.enhanced(0, 5, 60, &[1; 60], &order.option(2, &[0; 4])), true),
        (order.block(0x99, &[1; 20]), false),
        (order.simple(9, &[2; 9]), true),
        (order.obsolete(0, 5, 60, &[1; 10]), true),
        (order.section(), false),
    ] {
        file.extend(block);
        whole.push(file.len());
        if packet {
            ends.push(file.len());
        }
    }
    (file, ends, whole)
}

#[test]
fn a_file_cut_at_any_byte_gives_its_whole_packets_and_says_so() {
    let mut files = vec![small_pcapng(LITTLE), small_pcapng(BIG)];
    for (magic, more) in [(0xa1b2_c3d4, &[][..]), (0xa1b2_3c4d, &[]), (0xa1b2_cd34, &[0; 8])] {
        files.extend([small_pcap(LITTLE, magic, more), small_pcap(BIG, magic, more)]);
    }
    for (file, packet_ends, whole) in files {
        for cut in 0..=file.len() {
            let expected = packet_ends.iter().filter(|end| **end <= cut).count();
            let part = &file[..cut];
            for read in [from_file(part), streamed(part, usize::MAX), streamed(part, 3), streamed(&gzipped(part), 99)] {
                let Ok((packets, damage)) = read else {
                    assert!(cut < 24, "opening failed at {cut}");
                    continue;
                };
                assert_eq!(packets.len(), expected, "cut at {cut} of {whole:?}");
                assert_eq!(damage.is_empty(), whole.contains(&cut), "cut at {cut} of {whole:?}: {damage:?}");
                for one in damage {
                    assert_eq!(one.packets, expected as u64);
                    assert!(one.offset <= cut as u64 && one.what.contains("the file ends inside"), "{one}");
                }
            }
        }
    }
}

#[test]
fn each_kind_of_nonsense_is_named_with_its_place() {
    let start = [LITTLE.section(), LITTLE.interface(1, 0, &[]), LITTLE.enhanced(0, 0, 60, &[1; 60], &[])].concat();
    let lie = |at: usize, byte: u8, mut block: Vec<u8>| {
        block[at] = byte;
        block
    };
    let packet = || LITTLE.enhanced(0, 0, 60, &[1; 60], &[]);
    let last = packet().len() - 4;
    for (block, part) in [
        (lie(last, 99, packet()), "begins with a length of 92 bytes and ends with one of 99"),
        (lie(20, 61, packet()), "a packet of 61 bytes does not fit the packet block that holds it, which has 92"),
        (lie(22, 99, packet()), "captured length of the next packet is 6488124 bytes, more than the 262144"),
        (lie(8, 9, packet()), "a packet names interface 9, but its section has 1 so far"),
        (lie(4, 93, packet()), "a length of 93 bytes, but the length of a block is a multiple of 4"),
        (lie(4, 8, packet()), "a length of 8 bytes"),
        (lie(4, 16, packet()), "too few for a packet"),
        (lie(7, 0x70, packet()), "does not fit"),
        (lie(8, 0, LITTLE.section()), "the byte-order magic of a section is"),
        (lie(12, 7, LITTLE.section()), "a section has version 7.0"),
        (LITTLE.block(1, &[0; 4]), "less than its 8 fixed bytes"),
        (LITTLE.interface(1, 0, &[2, 0, 200, 0]), "an option of an interface description does not fit"),
        (lie(16, 99, LITTLE.block(0x99, &[0; 8])), "begins with a length of 20 bytes and ends with one of 99"),
        ([LITTLE.section(), packet()].concat(), "a packet names interface 0, but its section has 0 so far"),
    ] {
        let file = [&start[..], &block, &packet()].concat();
        for read in [from_file(&file), streamed(&file, 5)] {
            let (packets, damage) = read.unwrap();
            assert_eq!(packets.len(), 1, "{part}");
            let [one] = damage.as_slice() else { panic!("{part}: {damage:?}") };
            assert!(one.what.contains(part), "{part}: {one}");
            assert!(one.offset >= start.len() as u64 && one.packets == 1, "{one}");
        }
    }
}

#[test]
fn a_length_beyond_belief_ends_a_classic_file_there() {
    let good = LITTLE.record([1, 2, 3, 3], &[], &[1, 2, 3]);
    let header = LITTLE.pcap(0xa1b2_c3d4, (2, 4), 65_535, 1);
    for (length, part) in [
        (262_145, "the captured length of the next packet is 262145 bytes, more than the 262144"),
        (u32::MAX, "the captured length of the next packet is 4294967295 bytes"),
        (262_144, "the file ends inside a packet: 35 of its 262160 bytes are there"),
    ] {
        let file = [&header[..], &good, &LITTLE.record([1, 2, length, 3], &[], &good)].concat();
        let (packets, damage) = from_file(&file).unwrap();
        assert_eq!(packets.len(), 1);
        assert!(damage[0].what.contains(part) && damage[0].offset == 43, "{}", damage[0]);
    }
    let longest = [&header[..], &LITTLE.record([1, 2, 262_144, 3], &[], &vec![5; 262_144])].concat();
    assert_eq!(streamed(&longest, 1_000).unwrap().0[0].3.len(), 262_144);
    let dbus =
        [&LITTLE.pcap(0xa1b2_c3d4, (2, 4), 0, 231)[..], &LITTLE.record([1, 2, 3 << 20, 3], &[], &vec![5; 3 << 20])];
    assert_eq!(streamed(&dbus.concat(), 1 << 16).unwrap().0[0].3.len(), 3 << 20);
}

#[test]
fn damaged_gzip_gives_what_could_be_unpacked() {
    let mut file = LITTLE.pcap(0xa1b2_c3d4, (2, 4), 65_535, 1);
    let mut noise = 1_u32;
    for second in 0..20_000 {
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        })
        .take(60)
        .collect();
        file.extend(LITTLE.record([second, 0, 60, 60], &[], &bytes));
    }
    let whole = gzipped(&file);
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0xff;
    let mut bad_sum = whole.clone();
    let sum = whole.len() - 8;
    bad_sum[sum] ^= 1;
    for (name, bytes, at_least) in [
        ("cut", &whole[..whole.len() / 2], 9_500),
        ("flipped", &flipped, 1),
        ("sum", &bad_sum, 20_000),
        ("rubbish behind", &[&whole[..], b"rubbish behind it"].concat(), 20_000),
    ] {
        let (packets, damage) = from_file(bytes).unwrap();
        assert!(packets.len() >= at_least, "{name}: {}", packets.len());
        assert!(damage.len() == 1 && damage[0].compressed, "{name}: {damage:?}");
    }
}

#[test]
fn a_file_cut_short_while_it_is_read_is_damaged_not_deadly() {
    let mut temporary = tempfile::NamedTempFile::new().unwrap();
    let record = LITTLE.record([1, 2, 984, 984], &[], &[3; 984]);
    temporary.write_all(&LITTLE.pcap(0xa1b2_c3d4, (2, 4), 65_535, 1)).unwrap();
    temporary.write_all(&record.repeat(5_000)).unwrap();
    let mut file = CaptureFile::open(temporary.path()).unwrap();
    {
        let mut batch = Batch::new();
        assert_eq!(file.poll(&mut batch), Polled::Open);
        assert_eq!(batch.len(), 64);
    }
    temporary.as_file().set_len(24 + 3_000 * 1_000 + 10).unwrap();
    assert_eq!(all(&mut file).len() + 64, 3_000);
    assert!(file.damage()[0].what.contains("became shorter while it was being read"), "{:?}", file.damage());
    assert_eq!(file.damage()[0].offset, 24 + 3_000 * 1_000);
}

/// A reader that a signal interrupts before each piece, and that fails at its end.
struct Interrupted(std::io::Cursor<Vec<u8>>, bool);

impl std::io::Read for Interrupted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(ErrorKind::Interrupted.into());
        }
        match self.0.read(&mut buffer[..50])? {
            0 => Err(ErrorKind::ConnectionReset.into()),
            read => Ok(read),
        }
    }
}

#[test]
fn a_signal_gives_the_caller_a_turn_and_a_failing_reader_is_damage() {
    let (bytes, ends, _) = small_pcap(LITTLE, 0xa1b2_c3d4, &[]);
    for packed in [bytes.clone(), gzipped(&bytes)] {
        let reader = Interrupted(std::io::Cursor::new(packed), false);
        let mut file = CaptureFile::from_reader("made", Box::new(reader)).unwrap();
        let (mut empty_turns, mut packets) = (0, 0);
        loop {
            let mut batch = Batch::new();
            let polled = file.poll(&mut batch);
            packets += batch.len();
            if polled == Polled::Ended {
                break;
            }
            empty_turns += usize::from(batch.is_empty());
        }
        assert_eq!(packets, ends.len());
        assert!(empty_turns > 0);
        assert!(file.damage()[0].what.contains("reading stopped: connection reset"), "{}", file.damage()[0]);
    }
}

#[test]
fn damage_of_one_file_does_not_stop_the_others() {
    let make = |seconds: &[u32], cut: usize| {
        let mut file = LITTLE.pcap(0xa1b2_c3d4, (2, 4), 65_535, 1);
        for second in seconds {
            file.extend(LITTLE.record([*second, 0, 1, 1], &[], &[1]));
        }
        file.truncate(file.len() - cut);
        CaptureFile::from_reader(&format!("cut {cut}"), Box::new(std::io::Cursor::new(file))).unwrap()
    };
    let mut merged = Merged::new(vec![make(&[1, 4, 6], 1), make(&[2, 3, 5], 0), make(&[7], 2)]);
    let seconds: Vec<u64> = all(&mut merged).iter().map(|packet| packet.0 / 1_000_000_000).collect();
    assert_eq!(seconds, [1, 2, 3, 4, 5]);
    let names: Vec<&str> = merged.damage().iter().map(|one| one.file.as_str()).collect();
    assert_eq!(names, ["cut 2", "cut 1"]);
}

proptest! {
    #[test]
    fn random_bytes_behind_any_header_never_panic(
        which in 0_usize..6, bytes in proptest::collection::vec(any::<u8>(), 0..600), chunk in 1_usize..100,
    ) {
        let header = match which {
            0 => LITTLE.pcap(0xa1b2_c3d4, (2, 4), 65_535, 1),
            1 => BIG.pcap(0xa1b2_cd34, (2, 3), 65_535, 1),
            2 => [LITTLE.section(), LITTLE.interface(1, 0, &[])].concat(),
            3 => [BIG.section(), BIG.interface(1, 0, &[])].concat(),
            4 => vec![0x1f, 0x8b, 8, 0],
            _ => vec![],
        };
        let file = [header, bytes].concat();
        let streamed = streamed(&file, chunk);
        let from_file = from_file(&file);
        prop_assert_eq!(streamed.is_ok(), from_file.is_ok());
        if let (Ok(streamed), Ok(from_file)) = (streamed, from_file) {
            prop_assert_eq!(streamed.0, from_file.0);
        }
    }

    #[test]
    fn one_changed_byte_anywhere_never_panics_and_loses_nothing_before_it(at in 0_usize..10_000, to in any::<u8>()) {
        for (mut file, ends, _) in [small_pcap(LITTLE, 0xa1b2_c3d4, &[]), small_pcapng(LITTLE), small_pcapng(BIG)] {
            let at = at % file.len();
            file[at] = to;
            let before = ends.iter().filter(|end| **end <= at).count();
            if let Ok((packets, _)) = from_file(&file) {
                prop_assert!(packets.len() >= before || at < 48, "{} of {before}, byte {at}", packets.len());
            } else {
                prop_assert!(at < 24);
            }
        }
    }
}
