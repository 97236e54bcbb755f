//! A writer of the classic pcap format, for tests and the synthesizer.
//!
//! **Owns** the file and record headers, little-endian. **May touch** what it writes to.

use crate::link::LinkType;
use crate::time::Nanos;
use std::io::{self, Write};

/// Writes packets as pcap.
#[derive(Debug)]
pub struct PcapWriter<W> {
    to: W,
    nanoseconds: bool,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header.
    ///
    /// # Errors
    /// What the writing below says.
    pub fn new(mut to: W, link: LinkType, nanoseconds: bool) -> io::Result<PcapWriter<W>> {
        let magic: u32 = if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
        to.write_all(&magic.to_le_bytes())?;
        to.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
        to.write_all(&262_144_u32.to_le_bytes())?;
        to.write_all(&u32::from(link.0).to_le_bytes())?;
        Ok(PcapWriter { to, nanoseconds })
    }

    /// Writes one packet. A time finer than the file's unit is cut.
    ///
    /// # Errors
    /// What the writing below says.
    pub fn packet(&mut self, time: Nanos, bytes: &[u8], wire_len: u32) -> io::Result<()> {
        let fraction = time.0 % 1_000_000_000 / if self.nanoseconds { 1 } else { 1000 };
        let captured = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        for word in [(time.0 / 1_000_000_000) as u32, fraction as u32, captured, wire_len] {
            self.to.write_all(&word.to_le_bytes())?;
        }
        self.to.write_all(bytes)
    }

    /// Writes out what is buffered and gives the writer back.
    ///
    /// # Errors
    /// What the writing below says.
    pub fn finish(mut self) -> io::Result<W> {
        self.to.flush()?;
        Ok(self.to)
    }
}
