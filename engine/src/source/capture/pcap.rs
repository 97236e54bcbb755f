//! Classic pcap: a file header and packets behind it.
//!
//! **Owns** the layout of draft-ietf-opsawg-pcap and its variants: micro- and nanoseconds, both byte orders,
//! Kuznetzov's longer packet header, the captured and original lengths in the other order before version 2.4 and in
//! DG/UX files, FCS bits in the link-type field. **May touch** the window it is shown.
//! **Order** the header when a file is opened; [`Pcap::walk`] once per batch.
//!
//! The four numbers of a packet header are read here and not by a crate: pcap-parser 0.17 knows one order of lengths
//! and Kuznetzov's variant in one byte order only, and sets no limit to a captured length; pcap-file 3.0-rc ends at a
//! packet longer than the declared snapshot length or with a fraction above a second, both of which tshark reads.
//! Neither reader lends more than one packet at a time, and a batch is many.

use super::magic::PcapMagic;
use super::packet::{Pause, Slot, longest, registered, u16_at, u32_at};
use crate::link::LinkType;
use crate::time::Nanos;

/// Length of the file header. Unit: bytes.
pub(super) const FILE_HEADER: usize = 24;
const PACKET_HEADER: usize = 16;

/// In which order captured and original length stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    Usual,
    /// The other way round where the first is the larger (version 2.3 was written in both ways).
    Smaller,
    Swapped,
}

/// What the file header says.
#[derive(Clone, Debug)]
pub(super) struct Pcap {
    big: bool,
    header_len: usize,
    /// Nanoseconds in one unit of the fraction.
    unit: u64,
    lengths: Lengths,
    link: LinkType,
    /// Bytes of FCS at a frame's end.
    fcs: u32,
    longest: u32,
}

impl Pcap {
    /// The link type of all packets.
    pub(super) const fn links(&self) -> &[LinkType] {
        std::slice::from_ref(&self.link)
    }

    /// Reads a file header; `Err` is what is wrong with it.
    pub(super) fn new(magic: PcapMagic, header: &[u8; FILE_HEADER]) -> Result<Pcap, String> {
        let big = magic.big;
        let (major, minor) = (u16_at(header, 4, big), u16_at(header, 6, big));
        let lengths = match (major, minor) {
            (2, 0..=2) | (543, _) => Lengths::Swapped,
            (2, 3) => Lengths::Smaller,
            (2, _) => Lengths::Usual,
            _ => return Err(format!("its version is {major}.{minor}, and 2.4 is the newest there is")),
        };
        let network = u32_at(header, 20, big);
        if network & 0x03ff_0000 != 0 {
            return Err(format!("reserved bits of its link type {network:#010x} are set"));
        }
        let fcs = if network & 0x0400_0000 == 0 { 0 } else { (network >> 28) * 2 };
        let link = registered((network & 0xffff) as u16);
        let header_len = if magic.modified { PACKET_HEADER + 8 } else { PACKET_HEADER };
        let unit = if magic.nano { 1 } else { 1_000 };
        Ok(Pcap { big, header_len, unit, lengths, link, fcs, longest: longest(link) })
    }

    /// Gives up to `room` packets from `at` on, and moves `at` behind the last one given.
    #[inline]
    pub(super) fn walk(&self, window: &[u8], at: &mut usize, room: usize, give: impl FnMut(Slot)) -> Pause {
        if self.big {
            self.walk_in::<true>(window, at, room, give)
        } else {
            self.walk_in::<false>(window, at, room, give)
        }
    }

    #[inline]
    fn walk_in<const BIG: bool>(
        &self,
        window: &[u8],
        at: &mut usize,
        room: usize,
        mut give: impl FnMut(Slot),
    ) -> Pause {
        for _ in 0..room {
            let rest = window.get(*at..).unwrap_or_default();
            let Some(header) = rest.first_chunk::<PACKET_HEADER>() else {
                return Pause::Need { bytes: self.header_len, what: "the header of a packet" };
            };
            let number = |index| u32_at(header, index, BIG);
            let time = Nanos(u64::from(number(0)) * 1_000_000_000 + u64::from(number(4)) * self.unit);
            let (mut captured, mut original) = (number(8), number(12));
            let swap = match self.lengths {
                Lengths::Usual => false,
                Lengths::Smaller => captured > original,
                Lengths::Swapped => true,
            };
            if swap {
                (captured, original) = (original, captured);
            }
            if captured > self.longest {
                return Pause::Broken(too_long(captured, self.longest));
            }
            let bytes = self.header_len + captured as usize;
            if rest.len() < bytes {
                return Pause::Need { bytes, what: "a packet" };
            }
            give(Slot::new(time, *at + self.header_len, captured, original, self.fcs, self.link));
            *at += bytes;
        }
        Pause::Enough
    }
}

/// The sentence for a captured length that nobody can believe.
#[cold]
pub(super) fn too_long(captured: u32, longest: u32) -> String {
    format!(
        "the captured length of the next packet is {captured} bytes, more than the {longest} that a packet can have"
    )
}
