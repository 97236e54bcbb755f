//! What is written is read back exactly, and several files come in time order.
#![allow(clippy::unwrap_used)]

mod capture_made;

use capture_made::{LITTLE, Read, all, from_file, gzipped, stored, streamed};
use parshall_engine::link::LinkType;
use parshall_engine::source::capture::write::{PcapWriter, Precision, SNAP_LEN};
use parshall_engine::source::capture::{CaptureFile, Merged};
use parshall_engine::source::memory::StoredFrame;
use parshall_engine::source::{Frame, Input};
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::{Cursor, ErrorKind, Write};

fn borrowed(frame: &StoredFrame) -> Frame<'_> {
    let StoredFrame { bytes, time, wire_len, link } = frame;
    Frame { bytes, time: *time, wire_len: *wire_len, link: *link, input: Input::default() }
}

fn written(frames: &[StoredFrame], precision: Precision) -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new(), precision, LinkType::ETHERNET).unwrap();
    for frame in frames {
        writer.write(&borrowed(frame)).unwrap();
    }
    writer.finish().unwrap()
}

fn expected(frame: &StoredFrame, unit: u64) -> Read {
    let wire_len = frame.wire_len.max(frame.bytes.len() as u32);
    (frame.time.0 / unit * unit, wire_len, frame.link.0, frame.bytes.clone())
}

prop_compose! {
    fn frames(most: usize)(
        made in vec((0_u64..4_294_967_296_000_000_000, 0_u32..100_000, vec(any::<u8>(), 0..200)), 0..most),
    ) -> Vec<StoredFrame> {
        made.iter().map(|(time, wire_len, bytes)| stored(*time, *wire_len, bytes)).collect()
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(frames in frames(300), chunk in 1_usize..5_000) {
        for (precision, unit) in [(Precision::Micro, 1_000), (Precision::Nano, 1)] {
            let file = written(&frames, precision);
            let expected: Vec<Read> = frames.iter().map(|frame| expected(frame, unit)).collect();
            for read in [from_file(&file), streamed(&file, chunk), streamed(&gzipped(&file), chunk)] {
                let (packets, damage) = read.unwrap();
                prop_assert_eq!(&packets, &expected);
                prop_assert!(damage.is_empty());
            }
        }
    }

    #[test]
    fn what_is_put_into_blocks_is_read_back(frames in frames(100), chunk in 1_usize..5_000) {
        for order in [capture_made::LITTLE, capture_made::BIG] {
            let mut file = [order.section(), order.interface(1, 0, &order.option(9, &[9]))].concat();
            for frame in &frames {
                file.extend(order.enhanced(0, frame.time.0, frame.wire_len, &frame.bytes, &[]));
            }
            let expected: Vec<Read> = frames.iter().map(|frame| expected(frame, 1)).collect();
            prop_assert_eq!(&from_file(&file).unwrap().0, &expected);
            prop_assert_eq!(&streamed(&file, chunk).unwrap().0, &expected);
        }
    }

    #[test]
    fn sorted_files_merge_into_a_stable_sort(times in vec(vec(0_u64..50, 0..200), 0..6)) {
        let mut model = Vec::new();
        let mut files = Vec::new();
        for (place, times) in times.iter().enumerate() {
            let mut times = times.clone();
            times.sort_unstable();
            let frames: Vec<_> = times.iter().map(|time| stored(*time, 1, &[place as u8])).collect();
            model.extend(frames.iter().map(|frame| expected(frame, 1)));
            files.push(open(written(&frames, Precision::Nano)));
        }
        model.sort_by_key(|packet| packet.0);
        let mut merged = Merged::new(files);
        prop_assert_eq!(all(&mut merged), model);
        prop_assert!(merged.damage().is_empty());
    }

    #[test]
    fn files_that_go_back_keep_their_own_order_and_lose_nothing(times in vec(vec(0_u64..50, 0..200), 1..5)) {
        let make = |(place, times): (usize, &Vec<u64>)| {
            let frames: Vec<_> = times.iter().map(|time| stored(*time, 1, &[place as u8])).collect();
            open(written(&frames, Precision::Nano))
        };
        let mut merged = Merged::new(times.iter().enumerate().map(make).collect());
        let packets = all(&mut merged);
        for (place, times) in times.iter().enumerate() {
            let own: Vec<u64> = packets.iter().filter(|packet| packet.3 == [place as u8]).map(|packet| packet.0).collect();
            prop_assert_eq!(&own, times);
        }
        prop_assert_eq!(packets.len() as u64, merged.packets());
    }
}

fn open(bytes: Vec<u8>) -> CaptureFile {
    CaptureFile::from_reader("made", Box::new(Cursor::new(bytes))).unwrap()
}

#[test]
fn a_file_of_several_pieces_is_read_across_their_borders() {
    let mut temporary = tempfile::NamedTempFile::new().unwrap();
    let mut expected = Vec::new();
    let mut file = LITTLE.pcap(0xa1b2_c3d4, (2, 4), 65_535, 1);
    for second in 0..60_000_u32 {
        let length = 1_000 + second % 611;
        expected.push((second, length));
        file.extend(LITTLE.record([second, 0, length, length], &[], &vec![second as u8; length as usize]));
    }
    assert!(file.len() > 64 << 20);
    temporary.write_all(&file).unwrap();
    let mut from_file = CaptureFile::open(temporary.path()).unwrap();
    let progress = from_file.progress();
    assert_eq!(progress.bytes_total(), Some(file.len() as u64));
    assert!(progress.bytes_read() <= 1 << 20);
    let facts = |packets: Vec<Read>| -> Vec<(u32, u32)> {
        packets
            .into_iter()
            .map(|(time, length, _, bytes)| {
                let second = (time / 1_000_000_000) as u32;
                assert!(bytes.iter().all(|byte| *byte == second as u8));
                (second, length)
            })
            .collect()
    };
    assert_eq!(facts(all(&mut from_file)), expected);
    assert_eq!(progress.bytes_read(), file.len() as u64);
    assert_eq!(facts(streamed(&file, 100_000).unwrap().0), expected);
}

#[test]
fn what_does_not_fit_a_pcap_file_is_refused_whole() {
    let mut writer = PcapWriter::new(Vec::new(), Precision::Micro, LinkType::ETHERNET).unwrap();
    let late = stored(4_294_967_296_000_000_000, 1, &[1]);
    let long = stored(1, 1, &vec![0; SNAP_LEN as usize + 1]);
    let other = StoredFrame { link: LinkType::RAW, ..stored(1, 1, &[1]) };
    for frame in [late, long, other] {
        assert_eq!(writer.write(&borrowed(&frame)).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(writer.finish().unwrap().len(), 24);
}

#[test]
fn a_reading_thread_of_its_own_can_own_the_files() {
    fn sent<T: Send>(_: &T) {}
    let merged = Merged::new(vec![open(written(&[stored(1, 1, &[1])], Precision::Nano))]);
    sent(&merged);
    let packets = std::thread::spawn(move || all(&mut { merged })).join().unwrap();
    assert_eq!(packets.len(), 1);
}
