//! Writes classic pcap files, byte for byte as libpcap does on a little-endian machine.
//!
//! **Owns** the writing side of the format. **May touch** the writer it is given. **Order** used by the synthesizer
//! and by tests; the probe itself writes no captures with it.

use crate::link::LinkType;
use crate::source::Frame;
use std::io::{self, ErrorKind, Write};

/// The snapshot length that is declared: the longest that libpcap accepts.
pub const SNAP_LEN: u32 = 262_144;

/// The unit of a file's fractions of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Microseconds; finer times are cut.
    Micro,
    /// Nanoseconds.
    Nano,
}

/// Writes frames to a pcap file. Give it a buffered writer.
#[derive(Debug)]
pub struct PcapWriter<W> {
    to: W,
    precision: Precision,
    link: LinkType,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header.
    ///
    /// # Errors
    /// What the writer said.
    pub fn new(mut to: W, precision: Precision, link: LinkType) -> io::Result<PcapWriter<W>> {
        let magic: u32 = match precision {
            Precision::Micro => 0xa1b2_c3d4,
            Precision::Nano => 0xa1b2_3c4d,
        };
        let mut header = [0; 24];
        header[0..4].copy_from_slice(&magic.to_le_bytes());
        header[4..6].copy_from_slice(&2_u16.to_le_bytes());
        header[6..8].copy_from_slice(&4_u16.to_le_bytes());
        header[16..20].copy_from_slice(&SNAP_LEN.to_le_bytes());
        header[20..24].copy_from_slice(&u32::from(link.0).to_le_bytes());
        to.write_all(&header)?;
        Ok(PcapWriter { to, precision, link })
    }

    /// Writes one frame: its time, its bytes, its length on the wire (at least that of its bytes).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the frame is later than 2106, longer than [`SNAP_LEN`] or of another link type
    /// than the file, and nothing was written; else what the writer said.
    pub fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        let refuse = |why: String| Err(io::Error::new(ErrorKind::InvalidInput, why));
        if frame.link != self.link {
            return refuse(format!("a frame of {} in a file of {}", frame.link, self.link));
        }
        let Ok(seconds) = u32::try_from(frame.time.0 / 1_000_000_000) else {
            return refuse(format!("time {} ns does not fit a pcap file", frame.time.0));
        };
        let length = match u32::try_from(frame.bytes.len()) {
            Ok(length) if length <= SNAP_LEN => length,
            _ => return refuse(format!("a frame of {} bytes does not fit a pcap file", frame.bytes.len())),
        };
        let nanos = (frame.time.0 % 1_000_000_000) as u32;
        let fraction = match self.precision {
            Precision::Micro => nanos / 1_000,
            Precision::Nano => nanos,
        };
        let mut header = [0; 16];
        for (place, number) in header.chunks_exact_mut(4).zip([seconds, fraction, length, frame.wire_len.max(length)]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        self.to.write_all(&header)?;
        self.to.write_all(frame.bytes)
    }

    /// Flushes, and gives the writer back.
    ///
    /// # Errors
    /// What the writer said.
    pub fn finish(mut self) -> io::Result<W> {
        self.to.flush()?;
        Ok(self.to)
    }
}
