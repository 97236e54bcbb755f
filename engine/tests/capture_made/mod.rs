//! Capture files made byte by byte, and what reading them gives, for all tests of the capture source.
//!
//! **Owns** builders that know the formats' layouts independently of the reader. **May touch** temporary files.
#![allow(dead_code, clippy::unwrap_used)]

use parshall_engine::link::LinkType;
use parshall_engine::source::capture::{CaptureError, CaptureFile, Damage};
use parshall_engine::source::memory::StoredFrame;
use parshall_engine::source::{Batch, Polled, Source};
use parshall_engine::time::Nanos;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

/// A packet as a test expects it.
pub(crate) type Read = (u64, u32, u16, Vec<u8>);

/// The data set: `$PARSHALL_DATA`, `../shared/data` beside the workspace, or where this project keeps it.
pub(crate) fn data() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let named = std::env::var_os("PARSHALL_DATA").map(PathBuf::from);
    let places = [named, Some(workspace.join("../shared/data")), Some("/work/shared/data".into())];
    let found = places.into_iter().flatten().find(|place| place.join("MANIFEST.tsv").is_file());
    if found.is_none() {
        eprintln!("skipped: no data set; set PARSHALL_DATA to the folder that has MANIFEST.tsv");
    }
    found
}

/// All packets of a source: time, wire length, link type, bytes.
pub(crate) fn all(source: &mut impl Source) -> Vec<Read> {
    let mut packets = Vec::new();
    loop {
        let mut batch = Batch::new();
        let polled = source.poll(&mut batch);
        packets.extend(batch.iter().map(|f| (f.time.0, f.wire_len, f.link.0, f.bytes.to_vec())));
        if polled == Polled::Ended {
            return packets;
        }
    }
}

/// Reads bytes as a stream that comes in `chunk` bytes at a time.
pub(crate) fn streamed(bytes: &[u8], chunk: usize) -> Result<(Vec<Read>, Vec<Damage>), CaptureError> {
    struct Drip(Cursor<Vec<u8>>, usize);
    impl std::io::Read for Drip {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let most = buffer.len().min(self.1);
            self.0.read(&mut buffer[..most])
        }
    }
    let mut file = CaptureFile::from_reader("made", Box::new(Drip(Cursor::new(bytes.to_vec()), chunk)))?;
    let packets = all(&mut file);
    assert_eq!(file.packets(), packets.len() as u64);
    Ok((packets, file.damage().to_vec()))
}

/// Writes bytes to a temporary file and reads it.
pub(crate) fn from_file(bytes: &[u8]) -> Result<(Vec<Read>, Vec<Damage>), CaptureError> {
    let mut temporary = tempfile::NamedTempFile::new().unwrap();
    temporary.write_all(bytes).unwrap();
    let mut file = CaptureFile::open(temporary.path())?;
    let packets = all(&mut file);
    Ok((packets, file.damage().to_vec()))
}

/// Compresses bytes as one gzip member.
pub(crate) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// A frame to write.
pub(crate) fn stored(time: u64, wire_len: u32, bytes: &[u8]) -> StoredFrame {
    StoredFrame { bytes: bytes.to_vec(), time: Nanos(time), wire_len, link: LinkType::ETHERNET }
}

/// Numbers in one byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) big: bool,
}

pub(crate) const LITTLE: Order = Order { big: false };
pub(crate) const BIG: Order = Order { big: true };

impl Order {
    pub(crate) fn u16(self, number: u16) -> [u8; 2] {
        if self.big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    pub(crate) fn u32(self, number: u32) -> [u8; 4] {
        if self.big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    pub(crate) fn u64(self, number: u64) -> [u8; 8] {
        if self.big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    /// A classic file header.
    pub(crate) fn pcap(self, magic: u32, version: (u16, u16), snap_len: u32, network: u32) -> Vec<u8> {
        let mut header = self.u32(magic).to_vec();
        header.extend(self.u16(version.0));
        header.extend(self.u16(version.1));
        header.extend([0; 8]);
        header.extend(self.u32(snap_len));
        header.extend(self.u32(network));
        header
    }

    /// A classic packet; `more` stands between header and bytes.
    pub(crate) fn record(self, numbers: [u32; 4], more: &[u8], bytes: &[u8]) -> Vec<u8> {
        [numbers.map(|number| self.u32(number)).as_flattened(), more, bytes].concat()
    }

    /// A pcapng block; the body is padded.
    pub(crate) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padded = body.len().next_multiple_of(4);
        let total = self.u32(padded as u32 + 12);
        let mut block = [&self.u32(kind)[..], &total, body].concat();
        block.resize(8 + padded, 0);
        block.extend(total);
        block
    }

    pub(crate) fn section(self) -> Vec<u8> {
        let body = [&self.u32(0x1a2b_3c4d)[..], &self.u16(1), &self.u16(0), &[0xff; 8]].concat();
        self.block(0x0a0d_0d0a, &body)
    }

    pub(crate) fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = [&self.u16(code)[..], &self.u16(value.len() as u16), value].concat();
        option.resize(option.len().next_multiple_of(4), 0);
        option
    }

    pub(crate) fn interface(self, link: u16, snap_len: u32, options: &[u8]) -> Vec<u8> {
        self.block(1, &[&self.u16(link)[..], &[0, 0], &self.u32(snap_len), options].concat())
    }

    /// An Enhanced Packet Block.
    pub(crate) fn enhanced(self, interface: u32, ticks: u64, original: u32, bytes: &[u8], options: &[u8]) -> Vec<u8> {
        let numbers = [interface, (ticks >> 32) as u32, ticks as u32, bytes.len() as u32, original];
        let mut body = numbers.map(|number| self.u32(number)).concat();
        body.extend(bytes);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(options);
        self.block(6, &body)
    }

    /// The obsolete Packet Block.
    pub(crate) fn obsolete(self, interface: u16, ticks: u64, original: u32, bytes: &[u8]) -> Vec<u8> {
        let numbers = [(ticks >> 32) as u32, ticks as u32, bytes.len() as u32, original];
        let start = [self.u16(interface), self.u16(3)].concat();
        self.block(2, &[&start, numbers.map(|number| self.u32(number)).as_flattened(), bytes].concat())
    }

    /// A Simple Packet Block.
    pub(crate) fn simple(self, original: u32, bytes: &[u8]) -> Vec<u8> {
        self.block(3, &[&self.u32(original)[..], bytes].concat())
    }
}
