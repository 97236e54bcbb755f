//! Every format, whole and damaged.

use super::write::PcapWriter;
use super::*;
use crate::link::LinkType;
use crate::time::Nanos;
use proptest::prelude::*;
use std::io::Write;

type Packet = (u64, Vec<u8>, u32);

fn scratch(name: &str, bytes: &[u8]) -> tempfile::TempPath {
    let mut file = tempfile::Builder::new().prefix(name).tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.into_temp_path()
}

fn pcap(packets: &[Packet], nanoseconds: bool) -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new(), LinkType::ETHERNET, nanoseconds).unwrap();
    for (time, bytes, wire) in packets {
        writer.packet(Nanos(*time), bytes, *wire).unwrap();
    }
    writer.finish().unwrap()
}

fn swap_words(bytes: &[u8], at: &[usize]) -> Vec<u8> {
    let mut swapped = bytes.to_vec();
    for at in at {
        swapped[*at..*at + 4].reverse();
    }
    swapped
}

fn read<P: AsRef<Path>>(paths: &[P]) -> (Vec<Packet>, Vec<Damage>) {
    let mut captures = Captures::open(paths).unwrap();
    let mut packets = Vec::new();
    loop {
        let mut batch = Batch::new();
        let polled = captures.poll(&mut batch);
        packets.extend(batch.iter().map(|frame| (frame.time.0, frame.bytes.to_vec(), frame.wire_len)));
        drop(batch);
        if polled == Polled::Ended {
            return (packets, captures.damage());
        }
    }
}

fn read_bytes(bytes: &[u8]) -> (Vec<Packet>, Vec<Damage>) {
    read(&[scratch("bytes", bytes)])
}

fn some() -> Vec<Packet> {
    (0..200_u64).map(|n| (1_700_000_000_000_001_000 + n * 7_000, vec![n as u8; n as usize], 300 + n as u32)).collect()
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let length = (12 + body.len() + padding) as u32;
    [&kind.to_le_bytes()[..], &length.to_le_bytes(), body, &vec![0; padding], &length.to_le_bytes()].concat()
}

fn section() -> Vec<u8> {
    block(0x0a0d_0d0a, &[&[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0][..], &[0xff; 8]].concat())
}

fn interface(link: u16, resolution: Option<u8>) -> Vec<u8> {
    let mut body = [&link.to_le_bytes()[..], &[0, 0, 0, 0, 4, 0]].concat();
    if let Some(resolution) = resolution {
        body.extend_from_slice(&[9, 0, 1, 0, resolution, 0, 0, 0, 0, 0, 0, 0]);
    }
    block(1, &body)
}

fn enhanced(interface: u32, stamp: u64, bytes: &[u8], wire: u32) -> Vec<u8> {
    let words = [interface, (stamp >> 32) as u32, stamp as u32, bytes.len() as u32, wire];
    let head: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    block(6, &[&head[..], bytes].concat())
}

#[test]
fn what_was_written_is_read_in_both_resolutions() {
    let packets = some();
    assert_eq!(read_bytes(&pcap(&packets, true)), (packets.clone(), vec![]));
    assert_eq!(read_bytes(&pcap(&packets, false)).0, packets, "all times are whole microseconds");
}

#[test]
fn the_other_byte_order_is_the_same_capture() {
    let packets = vec![(5_000_002_000, vec![1, 2, 3], 60)];
    let words = [0, 8, 12, 16, 20, 24, 28, 32, 36];
    let mut swapped = swap_words(&pcap(&packets, false), &words);
    swapped[4..8].copy_from_slice(&[0, 2, 0, 4]);
    assert_eq!(read_bytes(&swapped).0, packets);
}

#[test]
fn gzip_is_told_by_its_bytes_and_may_have_several_members() {
    let (packets, mut zipped) = (some(), Vec::new());
    let plain = pcap(&packets, true);
    for part in plain.chunks(5_000) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(part).unwrap();
        zipped.extend(encoder.finish().unwrap());
    }
    assert_eq!(read_bytes(&zipped), (packets, vec![]));
    let (_, damage) = read_bytes(&zipped[..zipped.len() - 100]);
    assert_eq!(damage.len(), 1, "a cut archive is damage");
}

#[test]
fn pcapng_keeps_each_interface_s_link_type_and_resolution() {
    let file = [
        section(),
        interface(1, None),
        interface(101, Some(9)),
        interface(1, Some(0x80 | 10)),
        block(0x0bad, &[0; 7]),
        enhanced(0, 5_000_001, &[1; 3], 70),
        enhanced(1, 5_000_000_007, &[2; 4], 4),
        enhanced(2, 5 << 10, &[3; 5], 5),
        block(3, &[&6_u32.to_le_bytes()[..], &[4; 6]].concat()),
    ]
    .concat();
    let want = vec![
        (5_000_001_000, vec![1; 3], 70),
        (5_000_000_007, vec![2; 4], 4),
        (5_000_000_000, vec![3; 5], 5),
        (5_000_000_000, vec![4; 6], 6),
    ];
    let path = scratch("ng", &file);
    assert_eq!(read(&[&path]), (want, vec![]));
    let facts = facts(&path).unwrap();
    assert_eq!((facts.packets, facts.mixed_links, facts.longest_captured), (4, true, 6));
    assert_eq!(facts.largest_step_back, 1_000);
}

#[test]
fn a_second_section_forgets_the_interfaces_of_the_first() {
    let once = [section(), interface(1, None), enhanced(0, 1, &[1], 1)].concat();
    let twice = [once.clone(), section(), enhanced(0, 1, &[1], 1)].concat();
    let (packets, damage) = read_bytes(&twice);
    assert_eq!((packets.len(), damage.len()), (1, 1));
    assert!(damage[0].to_string().contains("behind packet 1"), "{}", damage[0]);
}

#[test]
fn a_file_cut_anywhere_gives_every_whole_packet_and_says_where_it_broke() {
    let packets: Vec<Packet> = some().into_iter().take(20).collect();
    let ng: Vec<u8> = [section(), interface(1, Some(9))]
        .into_iter()
        .chain(packets.iter().map(|(time, bytes, wire)| enhanced(0, *time, bytes, *wire)))
        .flatten()
        .collect();
    for whole in [pcap(&packets, true), ng] {
        for end in (24..whole.len()).step_by(3) {
            let Ok(mut captures) = Captures::open(&[scratch("cut", &whole[..end])]) else { continue };
            let mut seen = 0;
            loop {
                let mut batch = Batch::new();
                let polled = captures.poll(&mut batch);
                for frame in &batch {
                    assert_eq!(frame.bytes, packets[seen].1);
                    seen += 1;
                }
                drop(batch);
                if polled == Polled::Ended {
                    break;
                }
            }
            assert!(seen < packets.len());
        }
        assert_eq!(read_bytes(&whole), (packets.clone(), vec![]));
    }
}

#[test]
fn several_files_come_out_in_time_order_and_the_earlier_argument_first() {
    let odd: Vec<Packet> = (0..500).map(|n| (n * 20 + 10, vec![1; 40], 40)).collect();
    let even: Vec<Packet> = (0..500).map(|n| (n * 20, vec![2; 40], 40)).collect();
    let same: Vec<Packet> = (0..500).map(|n| (n * 20, vec![3; 40], 40)).collect();
    let paths: Vec<_> = [&odd, &even, &same].iter().map(|packets| scratch("merge", &pcap(packets, true))).collect();
    let (got, _) = read(&paths);
    assert_eq!(got.len(), 1500);
    assert!(got.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    assert!(got.chunks(3).all(|three| (three[0].1[0], three[1].1[0], three[2].1[0]) == (2, 3, 1)));
}

#[test]
fn what_is_no_capture_is_refused_in_one_sentence() {
    for (bytes, want) in [
        (&b""[..], "it is empty"),
        (b"snoop\0\0\0\0\0\0\x02\0\0\0\x04............", "snoop"),
        (b"GIF89a", "too short"),
        (b"GIF89a..................", "neither pcap nor pcapng"),
    ] {
        let error = Captures::open(&[scratch("odd", bytes)]).unwrap_err().to_string();
        assert!(error.contains(want) && error.lines().count() == 1, "{error}");
    }
    let error = Captures::open(&["/nonexistent/x.pcap"]).unwrap_err().to_string();
    assert!(error.starts_with("cannot read /nonexistent/x.pcap"), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_behind_a_good_header_end_without_panic(
        magic in prop::sample::select(vec![0, 1, 2]),
        noise in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let head = match magic {
            0 => pcap(&[], true),
            1 => pcap(&[], false),
            _ => [section(), interface(1, None)].concat(),
        };
        let _ = read_bytes(&[head, noise].concat());
    }
}
