//! Capture files: the classic pcap format, little-endian, with micro- or nanoseconds.
//!
//! **Owns** the format. **May touch** the writer it was given. **Order** last step of writing a capture.
//! Source: draft-ietf-opsawg-pcap.

use parshall_engine::link::LinkType;
use parshall_engine::source::memory::StoredFrame;
use std::io::{self, Write};

const MAGIC_MICRO: u32 = 0xa1b2_c3d4;
const MAGIC_NANO: u32 = 0xa1b2_3c4d;

/// Writes a capture file of one link type (that of the first frame; Ethernet when there is none).
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut impl Write, frames: &[StoredFrame], nanoseconds: bool, snap: Option<usize>) -> io::Result<()> {
    let link = frames.first().map_or(LinkType::ETHERNET, |frame| frame.link);
    let mut writer = PcapWriter::new(out, link, nanoseconds, snap)?;
    frames.iter().try_for_each(|frame| writer.frame(frame.time.0, &frame.bytes, frame.wire_len))
}

/// A capture file being written.
#[derive(Debug)]
pub struct PcapWriter<'w, W> {
    out: &'w mut W,
    nanoseconds: bool,
}

impl<'w, W: Write> PcapWriter<'w, W> {
    /// Begins a file.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(
        out: &'w mut W,
        link: LinkType,
        nanoseconds: bool,
        snap: Option<usize>,
    ) -> io::Result<PcapWriter<'w, W>> {
        let snap = snap.map_or(262_144, |snap| snap as u32);
        out.write_all(&if nanoseconds { MAGIC_NANO } else { MAGIC_MICRO }.to_le_bytes())?;
        out.write_all(&[2, 0, 4, 0])?;
        out.write_all(&[0; 8])?;
        out.write_all(&snap.to_le_bytes())?;
        out.write_all(&u32::from(link.0).to_le_bytes())?;
        Ok(PcapWriter { out, nanoseconds })
    }

    /// Writes one frame; `time` is in UNIX nanoseconds and is cut to the file's resolution.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn frame(&mut self, time: u64, bytes: &[u8], wire_len: u32) -> io::Result<()> {
        let (seconds, nanos) = (time / 1_000_000_000, time % 1_000_000_000);
        let fraction = if self.nanoseconds { nanos } else { nanos / 1000 };
        for word in [seconds as u32, fraction as u32, bytes.len() as u32, wire_len] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.out.write_all(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parshall_engine::time::Nanos;

    #[test]
    fn a_file_has_the_bytes_that_the_format_wants() {
        let frame =
            StoredFrame { bytes: vec![1, 2, 3], time: Nanos(5_000_007_008), wire_len: 60, link: LinkType::ETHERNET };
        let mut file = Vec::new();
        write(&mut file, &[frame], false, Some(3)).unwrap();
        assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1]);
        assert_eq!(file[16..24], [3, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(file[24..], [5, 0, 0, 0, 7, 0, 0, 0, 3, 0, 0, 0, 60, 0, 0, 0, 1, 2, 3]);
    }
}
