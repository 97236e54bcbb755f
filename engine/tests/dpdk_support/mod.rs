//! What the tests of the DPDK layer share: a process each, captures written by hand, and a port set up in one call.

#![allow(dead_code)]

pub(crate) mod child;

use parshall_engine::dpdk::plan::PcapFiles;
use parshall_engine::dpdk::vdev::FileFacts;
use parshall_engine::dpdk::{Eal, Pool, PoolSize, Port, PortWish, Started};
use parshall_engine::link::LinkType;
use parshall_engine::source::dpdk::DpdkSource;
use parshall_engine::source::{Batch, Polled, Source};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A capture on disk, removed when dropped.
pub(crate) struct Capture {
    pub path: PathBuf,
    pub facts: FileFacts,
    pub frames: Vec<(u64, Vec<u8>)>,
}

impl Capture {
    /// Writes `frames` (UNIX nanoseconds, bytes) as pcap, with nanosecond magic where `nanos`.
    pub(crate) fn write(name: &str, nanos: bool, frames: Vec<(u64, Vec<u8>)>) -> Capture {
        let magic: u32 = if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
        let mut bytes = Vec::new();
        bytes.extend(magic.to_le_bytes());
        bytes.extend([2, 0, 4, 0]);
        bytes.extend([0; 8]);
        bytes.extend(262_144u32.to_le_bytes());
        bytes.extend(1u32.to_le_bytes());
        for (time, frame) in &frames {
            let (seconds, rest) = (time / 1_000_000_000, time % 1_000_000_000);
            let len = u32::try_from(frame.len()).expect("a short frame");
            let sub = if nanos { rest } else { rest / 1_000 };
            for word in [seconds, sub, u64::from(len), u64::from(len)] {
                bytes.extend(u32::try_from(word).expect("32 bits").to_le_bytes());
            }
            bytes.extend(frame);
        }
        let path = std::env::temp_dir().join(format!("parshall-{}-{name}.pcap", std::process::id()));
        std::fs::write(&path, bytes).expect("a temporary file");
        let longest = frames.iter().map(|(_, frame)| frame.len()).max().unwrap_or(0);
        let facts = FileFacts {
            packets: frames.len() as u64,
            longest_captured: u32::try_from(longest).expect("a short frame"),
            link: LinkType::ETHERNET,
        };
        Capture { path, facts, frames }
    }

    /// `count` frames of `len` bytes, 1,234 ns apart, each with its number in the last four bytes.
    pub(crate) fn numbered(name: &str, count: u32, len: usize) -> Capture {
        let frame = |number: u32| {
            let mut bytes = vec![0x5a; len];
            bytes[len - 4..].copy_from_slice(&number.to_be_bytes());
            (1_700_000_000_123_456_789 + u64::from(number) * 1_234, bytes)
        };
        Capture::write(name, true, (0..count).map(frame).collect())
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// `--vdev` of net_pcap over `files`, with `more` (`,infinite_rx=1`).
pub(crate) fn pcap_vdev(files: &[&Capture], more: &str) -> String {
    let inputs: String = files.iter().map(|file| format!(",rx_pcap={}", file.path.display())).collect();
    format!("--vdev=net_pcap0{inputs}{more}")
}

/// What `run` asks for by default, over `pcap` files or none.
pub(crate) fn wish(pcap: Option<(bool, &[&Capture])>) -> PortWish {
    let pcap =
        pcap.map(|(infinite, files)| PcapFiles { infinite, files: files.iter().map(|file| file.facts).collect() });
    PortWish { pcap, ..PortWish::plain(1) }
}

/// Port 0, started by `wish` over a pool of the computed size with caches of 32.
pub(crate) fn start<'e>(eal: &'e Eal, wish: &PortWish) -> (Port<'e, Started>, Pool<'e>) {
    let port = eal.port(0).expect("a port");
    let plan = port.plan(wish).expect("a plan");
    let size = PoolSize::for_ports(&[&plan], eal.worker_lcores().len(), 32, None).expect("a size");
    let pool = Pool::create(eal, "test", size, port.facts().socket).expect("a pool");
    let port = port.start(&plan, &pool).unwrap_or_else(|error| panic!("{error}"));
    (port, pool)
}

/// One frame as it came, owned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Got {
    pub time: u64,
    pub bytes: Vec<u8>,
    pub wire_len: u32,
    pub port: u16,
    pub queue: u16,
}

/// Polls until the source ends or `most` frames came; panics after 20 s.
pub(crate) fn drain(source: &mut DpdkSource<'_, '_>, most: usize) -> Vec<Got> {
    let (mut got, start) = (Vec::new(), Instant::now());
    loop {
        let mut batch = Batch::new();
        let polled = source.poll(&mut batch);
        got.extend(batch.iter().map(|frame| Got {
            time: frame.time.0,
            bytes: frame.bytes.to_vec(),
            wire_len: frame.wire_len,
            port: frame.input.port,
            queue: frame.input.queue,
        }));
        if polled == Polled::Ended || got.len() >= most {
            return got;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "only {} frames came", got.len());
    }
}
