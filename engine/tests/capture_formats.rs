//! Each format and variant gives the frames that are in it, from_file, streamed and gzipped alike.
#![allow(clippy::unwrap_used)]

mod capture_made;

use capture_made::{BIG, LITTLE, Order, Read, from_file, gzipped, streamed};

const SECOND: u64 = 1_700_000_000;
const AT: u64 = SECOND * 1_000_000_000;
const FRAME: [u8; 60] = [0xab; 60];

/// Reads a file in every way there is and expects the same packets and no damage.
fn expect(name: &str, file: &[u8], packets: &[Read]) {
    let twice = [gzipped(&file[..file.len() / 2]), gzipped(&file[file.len() / 2..])].concat();
    for (way, read) in [
        ("from_file", from_file(file)),
        ("streamed", streamed(file, usize::MAX)),
        ("drop by drop", streamed(file, 1 + file.len() / 10_000)),
        ("gzipped", from_file(&gzipped(file))),
        ("gzipped in two members", streamed(&twice, 7)),
    ] {
        let (found, damage) = read.unwrap_or_else(|error| panic!("{name} {way}: {error}"));
        assert_eq!(damage, [], "{name} {way}");
        assert_eq!(found, packets, "{name} {way}");
    }
}

#[test]
fn classic_files_of_both_orders_and_precisions_give_exact_times() {
    for order in [LITTLE, BIG] {
        for (magic, fraction, nanos, more) in [
            (0xa1b2_c3d4, 123_456, 123_456_000, &[][..]),
            (0xa1b2_3c4d, 123_456_789, 123_456_789, &[]),
            (0xa1b2_cd34, 123_456, 123_456_000, &[9; 8]),
        ] {
            let mut file = order.pcap(magic, (2, 4), 65_535, 1);
            file.extend(order.record([SECOND as u32, fraction, 60, 1_500], more, &FRAME));
            file.extend(order.record([u32::MAX, 0, 0, 0], more, &[]));
            let last = u64::from(u32::MAX) * 1_000_000_000;
            let packets = [(AT + nanos, 1_500, 1, FRAME.to_vec()), (last, 0, 1, vec![])];
            expect(&format!("{magic:x} {order:?}"), &file, &packets);
        }
    }
}

#[test]
fn old_versions_have_their_lengths_the_other_way_round() {
    for (version, lengths, snap_len) in [
        ((2, 2), [1_500, 60], 65_535),
        ((543, 0), [1_500, 60], 65_535),
        ((2, 3), [1_500, 60], 65_535),
        ((2, 3), [60, 1_500], 65_535),
        ((2, 4), [60, 1_500], 65_535),
        ((2, 4), [60, 1_500], 20),
        ((2, 4), [60, 1_500], 0),
    ] {
        let mut file = BIG.pcap(0xa1b2_c3d4, version, snap_len, 1);
        file.extend(BIG.record([SECOND as u32, 0, lengths[0], lengths[1]], &[], &FRAME));
        expect(&format!("{version:?}"), &file, &[(AT, 1_500, 1, FRAME.to_vec())]);
    }
}

#[test]
fn an_fcs_is_taken_off_and_a_short_original_length_is_lifted() {
    for (network, original, wire_len, captured, link) in [
        (0x2400_0001, 60, 56, 56, 1),
        (0x2400_0001, 62, 58, 58, 1),
        (0x2400_0001, 1_500, 1_496, 60, 1),
        (0x2000_0001, 60, 60, 60, 1),
        (1, 10, 60, 60, 1),
        (12, 60, 60, 60, 101),
        (14, 60, 60, 60, 101),
        (276, 60, 60, 60, 276),
    ] {
        let mut file = LITTLE.pcap(0xa1b2_c3d4, (2, 4), 65_535, network);
        file.extend(LITTLE.record([SECOND as u32, 0, 60, original], &[], &FRAME));
        expect(&format!("{network:x} {original}"), &file, &[(AT, wire_len, link, FRAME[..captured].to_vec())]);
    }
}

/// A section with three interfaces, all packet blocks and blocks to pass over.
fn section(order: Order) -> Vec<u8> {
    let offset = order.option(14, &order.u64(1_000));
    let nano = [order.option(9, &[9]), order.option(13, &[32]), order.option(0, &[]), order.option(9, &[3])].concat();
    let flags = [order.option(1, b"note"), order.option(2, &order.u32(2 << 5))].concat();
    let huge = vec![0x55; 5 << 18];
    [
        order.section(),
        order.block(4, &[0; 8]),
        order.interface(1, 50, &[]),
        order.interface(101, 0, &offset),
        order.enhanced(0, SECOND * 1_000_000 + 1, 1_500, &FRAME, &[]),
        order.block(0x4000_0bad, &huge),
        order.enhanced(1, SECOND * 1_000_000 + 2, 61, &FRAME[..57], &[]),
        order.simple(1_400, &FRAME[..50]),
        order.interface(113, 0, &nano),
        order.enhanced(2, AT + 7, 60, &FRAME, &[]),
        order.enhanced(2, AT + 8, 60, &FRAME, &flags),
        order.enhanced(2, AT + 9, 60, &FRAME, &order.option(2, &order.u32(1))),
        order.enhanced(2, AT + 9, 60, &FRAME, &order.u32(0xffff_ffff)),
        order.obsolete(1, SECOND * 1_000_000, 60, &FRAME[..59]),
    ]
    .concat()
}

/// The packets of [`section`].
fn in_section() -> Vec<Read> {
    let bytes = |len: usize| FRAME[..len].to_vec();
    vec![
        (AT + 1_000, 1_500, 1, bytes(60)),
        (AT + 1_000_000_002_000, 61, 101, bytes(57)),
        (AT + 1_000_000_002_000, 1_400, 1, bytes(50)),
        (AT + 7, 56, 113, bytes(56)),
        (AT + 8, 58, 113, bytes(58)),
        (AT + 9, 56, 113, bytes(56)),
        (AT + 9, 56, 113, bytes(56)),
        (AT + 1_000_000_000_000, 60, 101, bytes(59)),
    ]
}

#[test]
fn sections_of_either_order_have_interfaces_of_their_own() {
    for (name, sections) in [("little", [LITTLE, LITTLE]), ("big", [BIG, BIG]), ("mixed", [LITTLE, BIG])] {
        let file = sections.map(section).concat();
        let packets = [in_section(), in_section()].concat();
        expect(name, &file, &packets);
    }
}

#[test]
fn a_file_without_packets_is_whole() {
    expect("pcap", &LITTLE.pcap(0xa1b2_c3d4, (2, 4), 65_535, 1), &[]);
    expect("pcapng", &LITTLE.section(), &[]);
    expect("pcapng with an interface", &[LITTLE.section(), LITTLE.interface(1, 0, &[])].concat(), &[]);
}

#[test]
fn what_is_no_capture_gets_one_sentence() {
    let unknown_version = LITTLE.pcap(0xa1b2_c3d4, (3, 0), 65_535, 1);
    let reserved = LITTLE.pcap(0xa1b2_c3d4, (2, 4), 65_535, 0x0003_0001);
    let mut bad_order = LITTLE.section();
    bad_order[8] = 0;
    let mut new_section = LITTLE.section();
    new_section[12] = 2;
    for (file, part) in [
        (&b""[..], "made is empty"),
        (&gzipped(b""), "made is empty"),
        (b"\xd4\xc3", "too few even for a magic number"),
        (b"\xd4\xc3\xb2\xa1\x02\0\x04", "the file ends inside its file header, after 7 bytes"),
        (b"\x0a\x0d\x0d\x0a\x1c\0\0\0", "the file ends inside its section header, after 8 bytes"),
        (b"snoop\0\0\0\0\0\0\x02\0\0\0\x04", "it is a snoop capture"),
        (b"a file of text\n", "it is a text file"),
        (b"\x28\xb5\x2f\xfd0123456789", "zstd -dc FILE | parshall read -"),
        (&gzipped(&gzipped(&[0; 100])), "gzip twice"),
        (&unknown_version, "its version is 3.0"),
        (&reserved, "reserved bits"),
        (&bad_order, "byte-order magic"),
        (&new_section, "version 2.0"),
        (b"\x1f\x8b\x08\0rest", "made"),
    ] {
        let said = streamed(file, usize::MAX).expect_err(part).to_string();
        assert!(said.contains(part) && said.contains("made") && !said.contains('\n'), "{part}: {said}");
    }
    let missing = parshall_engine::source::capture::CaptureFile::open("/nowhere/a.pcap".as_ref());
    assert_eq!(missing.unwrap_err().to_string(), "cannot open /nowhere/a.pcap: No such file or directory (os error 2)");
}
