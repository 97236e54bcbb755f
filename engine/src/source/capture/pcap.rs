//! The classic pcap format: pcap-savefile(5), draft-ietf-opsawg-pcap.
//!
//! **Owns** the file header and the record header. **May touch** the bytes it is given. **Order** called by `reader`.

use super::reader::{Found, MAX_RECORD, Next};
use crate::link::LinkType;
use crate::time::Nanos;

/// Length of the file header.
const FILE_HEADER: usize = 24;

/// What a file header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pcap {
    swapped: bool,
    /// Nanoseconds in one unit of a time's fraction.
    unit: u64,
    /// Length of a record header: 24 in Kuznetzov's modified format.
    header: usize,
    link: LinkType,
    fcs: u32,
}

fn word(bytes: &[u8], at: usize, swapped: bool) -> Option<u32> {
    let word = u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
    Some(if swapped { word.swap_bytes() } else { word })
}

impl Pcap {
    /// Reads a file header; `None` when this is no pcap.
    pub(super) fn open(bytes: &[u8]) -> Option<(Pcap, usize)> {
        let magic = word(bytes, 0, false)?;
        let (swapped, unit, header) = match (magic, magic.swap_bytes()) {
            (0xa1b2_c3d4, _) => (false, 1000, 16),
            (_, 0xa1b2_c3d4) => (true, 1000, 16),
            (0xa1b2_3c4d, _) => (false, 1, 16),
            (_, 0xa1b2_3c4d) => (true, 1, 16),
            (0xa1b2_cd34, _) => (false, 1000, 24),
            (_, 0xa1b2_cd34) => (true, 1000, 24),
            _ => return None,
        };
        let network = word(bytes, 20, swapped)?;
        // Bit 26: the upper four bits hold the FCS length in units of 16 bits.
        let fcs = if network & 0x0400_0000 != 0 { network >> 28 & 15 } else { 0 } * 2;
        Some((Pcap { swapped, unit, header, link: LinkType(network as u16), fcs }, FILE_HEADER))
    }

    /// What the next bytes are.
    #[inline]
    pub(super) fn next(&self, bytes: &[u8]) -> Next {
        let Some(header) = bytes.first_chunk::<16>() else { return Next::Need(self.header) };
        let read = |at: usize| {
            let word = u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
            if self.swapped { word.swap_bytes() } else { word }
        };
        let (seconds, fraction, captured, wire) = (read(0), read(4), read(8) as usize, read(12));
        if captured > MAX_RECORD / 2 {
            return Next::Broken(format!("a record says that {captured} bytes were captured"));
        }
        let record = self.header + captured;
        if bytes.len() < record {
            return Next::Need(record);
        }
        let time = Nanos(u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * self.unit);
        let wire = if wire == 0 { captured as u32 } else { wire };
        let len = if captured as u32 == wire { captured.saturating_sub(self.fcs as usize) } else { captured };
        let wire_len = wire.saturating_sub(self.fcs);
        Next::Packet(Found { from: self.header, len, wire_len, time, link: self.link }, record)
    }
}
