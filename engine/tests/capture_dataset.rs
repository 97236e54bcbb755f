//! Real captures of every kind are read as tshark reads them. Skipped, with a message, where the data set is absent.
#![allow(clippy::unwrap_used)]

mod capture_made;

use capture_made::{Read, all, data};
use parshall_engine::link::LinkType;
use parshall_engine::source::capture::CaptureFile;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A row of the manifest.
struct Row {
    file: PathBuf,
    packets: u64,
    wire_bytes: u64,
    format: String,
    link: String,
}

fn rows() -> Vec<Row> {
    let Some(data) = data() else { return Vec::new() };
    let manifest = std::fs::read_to_string(data.join("MANIFEST.tsv")).unwrap();
    let rows = manifest.lines().skip(1).map(|line| {
        let column: Vec<&str> = line.split('\t').collect();
        Row {
            file: data.join("pcap").join(column[0]),
            packets: column[5].parse().unwrap(),
            wire_bytes: column[6].parse().unwrap(),
            format: column[11].to_owned(),
            link: column[12].to_owned(),
        }
    });
    rows.collect()
}

/// The manifest's name of a link type: libpcap's DLT_*.
fn dlt_name(link: u16) -> String {
    match LinkType(link) {
        LinkType::ETHERNET => "EN10MB".to_owned(),
        LinkType::IEEE802_11_RADIOTAP => "IEEE802_11_RADIO".to_owned(),
        other => other.name().map_or_else(|| link.to_string(), str::to_owned),
    }
}

/// Bytes that a file's captured lengths have more than its original ones: the writer's fault, and the captured count.
const LIFTED: [(&str, u64); 1] = [("tcpdump-aoe-oobr-1.pcap", 2)];

fn read(file: &Path) -> (Vec<Read>, CaptureFile) {
    let mut open = CaptureFile::open(file).unwrap_or_else(|error| panic!("{error}"));
    let packets = all(&mut open);
    (packets, open)
}

#[test]
fn every_capture_gives_the_packets_bytes_and_link_type_of_the_manifest() {
    let mut damaged = Vec::new();
    for row in rows() {
        let (packets, open) = read(&row.file);
        let name = row.file.file_name().unwrap().to_string_lossy().into_owned();
        let wire_bytes: u64 = packets.iter().map(|packet| u64::from(packet.1)).sum();
        let links: BTreeSet<String> = packets.iter().map(|packet| dlt_name(packet.2)).collect();
        let lifted: u64 = LIFTED.iter().filter(|(file, _)| *file == name).map(|(_, bytes)| bytes).sum();
        assert_eq!((packets.len() as u64, wire_bytes), (row.packets, row.wire_bytes + lifted), "{name}");
        assert_eq!(links.into_iter().collect::<Vec<_>>(), [row.link], "{name}");
        damaged.extend(open.damage().iter().map(|damage| (name.clone(), damage.offset, damage.packets)));
    }
    if data().is_some() {
        assert_eq!(damaged, [("suri-bug-6875-01-fuzz.pcap".to_owned(), 228, 1)]);
    }
}

/// What tshark says of a file: time in nanoseconds, wire length, captured length.
fn tshark(file: &Path) -> Option<Vec<(u64, u32, u32)>> {
    let fields = ["-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len"];
    let output = Command::new("tshark").arg("-nr").arg(file).args(fields).output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| {
        let column: Vec<&str> = line.split('\t').collect();
        let (seconds, fraction) = column[0].split_once('.').unwrap();
        assert_eq!(fraction.len(), 9);
        let time = seconds.parse::<u64>().unwrap() * 1_000_000_000 + fraction.parse::<u64>().unwrap();
        (time, column[1].parse().unwrap(), column[2].parse().unwrap())
    });
    Some(lines.collect())
}

#[test]
fn times_and_lengths_of_each_format_are_tsharks_to_the_nanosecond() {
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for row in rows().iter().filter(|row| row.packets < 1_000 && !row.file.ends_with("suri-bug-6875-01-fuzz.pcap")) {
        let count = seen.entry(row.format.clone()).or_default();
        *count += 1;
        if *count > 6 || row.file.ends_with("tcpdump-dsa.pcap") {
            continue;
        }
        let Some(expected) = tshark(&row.file) else {
            eprintln!("skipped: no tshark to compare with");
            return;
        };
        let found: Vec<_> = read(&row.file).0.iter().map(|p| (p.0, p.1, p.3.len() as u32)).collect();
        assert_eq!(found, expected, "{}", row.file.display());
    }
}
