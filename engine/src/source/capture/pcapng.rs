//! The pcapng format: draft-ietf-opsawg-pcapng.
//!
//! **Owns** sections, interfaces and blocks. **May touch** the bytes it is given. **Order** called by `reader`.

use super::reader::{Found, MAX_RECORD, Next};
use crate::link::LinkType;
use crate::time::Nanos;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const IF_TSRESOL: u16 = 9;
const IF_FCSLEN: u16 = 13;
const IF_TSOFFSET: u16 = 14;

/// Interfaces of one section, at most.
const MAX_INTERFACES: usize = 4096;

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    snaplen: u32,
    resolution: u8,
    /// Unit: seconds.
    offset: i64,
    fcs: u32,
}

/// The state of one file.
#[derive(Debug, Default)]
pub(super) struct Pcapng {
    swapped: bool,
    interfaces: Vec<Interface>,
    /// Time of the packet before, for packets that have none.
    last: Nanos,
}

impl Pcapng {
    /// Whether a file begins with a section header.
    pub(super) fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(&SECTION_HEADER.to_le_bytes())
    }

    fn word(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let word = u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
        Some(if self.swapped { word.swap_bytes() } else { word })
    }

    fn half(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let half = u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
        Some(if self.swapped { half.swap_bytes() } else { half })
    }

    /// What the next bytes are.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Next {
        if bytes.len() < 12 {
            return Next::Need(12);
        }
        let section = bytes.starts_with(&SECTION_HEADER.to_le_bytes());
        if section {
            self.swapped = match bytes[8..12] {
                [0x4d, 0x3c, 0x2b, 0x1a] => false,
                [0x1a, 0x2b, 0x3c, 0x4d] => true,
                _ => return Next::Broken("a section header has no byte-order magic".to_owned()),
            };
            self.interfaces.clear();
        }
        let (Some(kind), Some(length)) = (self.word(bytes, 0), self.word(bytes, 4)) else { return Next::Need(12) };
        let length = length as usize;
        if !(12..=MAX_RECORD).contains(&length) {
            return Next::Broken(format!("a block says that it is {length} bytes long"));
        }
        // The last block of some writers lacks its padding in the length; the next one begins behind it.
        let whole = length.next_multiple_of(4);
        if bytes.len() < whole && bytes.len() < length {
            return Next::Need(whole);
        }
        let body = &bytes[8..length - 4];
        let found = match kind {
            INTERFACE => {
                let interface = self.interface(body);
                return self.add(interface, whole.min(bytes.len()));
            }
            ENHANCED_PACKET => self.enhanced(body),
            PACKET => self.obsolete(body),
            SIMPLE_PACKET => self.simple(body),
            _ => return Next::Other(whole.min(bytes.len())),
        };
        match found {
            Ok(found) => {
                self.last = found.time;
                Next::Packet(Found { from: found.from + 8, ..found }, whole.min(bytes.len()))
            }
            Err(what) => Next::Broken(what.to_owned()),
        }
    }

    fn add(&mut self, interface: Option<Interface>, whole: usize) -> Next {
        match interface {
            Some(_) if self.interfaces.len() >= MAX_INTERFACES => {
                Next::Broken(format!("a section has more than {MAX_INTERFACES} interfaces"))
            }
            Some(interface) => {
                self.interfaces.push(interface);
                Next::Other(whole)
            }
            None => Next::Broken("an interface description is cut off".to_owned()),
        }
    }

    fn interface(&self, body: &[u8]) -> Option<Interface> {
        let (link, snaplen) = (LinkType(self.half(body, 0)?), self.word(body, 4)?);
        let mut interface = Interface { link, snaplen, resolution: 6, offset: 0, fcs: 0 };
        let mut options = body.get(8..)?;
        while let (Some(code), Some(length)) = (self.half(options, 0), self.half(options, 2)) {
            let Some(value) = options.get(4..4 + usize::from(length)) else { break };
            match (code, value.len()) {
                (0, _) => break,
                (IF_TSRESOL, 1) => interface.resolution = value[0],
                (IF_FCSLEN, 1) => interface.fcs = u32::from(value[0]),
                (IF_TSOFFSET, 8) => {
                    let bits = u64::from_le_bytes(*value.first_chunk()?);
                    interface.offset = if self.swapped { bits.swap_bytes() } else { bits }.cast_signed();
                }
                _ => {}
            }
            let Some(rest) = options.get(4 + usize::from(length).next_multiple_of(4)..) else { break };
            options = rest;
        }
        Some(interface)
    }

    fn enhanced(&self, body: &[u8]) -> Result<Found, &'static str> {
        let short = "a packet block is cut off";
        let interface = self.word(body, 0).ok_or(short)?;
        let stamp = self.stamp(body, 4).ok_or(short)?;
        let (captured, wire) = (self.word(body, 12).ok_or(short)?, self.word(body, 16).ok_or(short)?);
        self.found(interface as usize, Some(stamp), 20, captured, wire, body)
    }

    fn obsolete(&self, body: &[u8]) -> Result<Found, &'static str> {
        let short = "a packet block is cut off";
        let interface = self.half(body, 0).ok_or(short)?;
        let stamp = self.stamp(body, 4).ok_or(short)?;
        let (captured, wire) = (self.word(body, 12).ok_or(short)?, self.word(body, 16).ok_or(short)?);
        self.found(usize::from(interface), Some(stamp), 20, captured, wire, body)
    }

    fn simple(&self, body: &[u8]) -> Result<Found, &'static str> {
        let wire = self.word(body, 0).ok_or("a packet block is cut off")?;
        let snaplen = self.interfaces.first().map_or(0, |interface| interface.snaplen);
        let limit = if snaplen == 0 { u32::MAX } else { snaplen };
        let captured = wire.min(limit).min(u32::try_from(body.len() - 4).unwrap_or(u32::MAX));
        self.found(0, None, 4, captured, wire, body)
    }

    fn stamp(&self, body: &[u8], at: usize) -> Option<u64> {
        Some(u64::from(self.word(body, at)?) << 32 | u64::from(self.word(body, at + 4)?))
    }

    fn found(
        &self,
        interface: usize,
        stamp: Option<u64>,
        from: usize,
        captured: u32,
        wire: u32,
        body: &[u8],
    ) -> Result<Found, &'static str> {
        let interface = self.interfaces.get(interface).ok_or("a packet names an interface that was not described")?;
        let captured = captured as usize;
        if body.len() < from || body.len() - from < captured {
            return Err("a packet is longer than its block");
        }
        let wire = if wire == 0 { captured as u32 } else { wire };
        let len = if captured as u32 == wire { captured.saturating_sub(interface.fcs as usize) } else { captured };
        let wire_len = wire.saturating_sub(interface.fcs);
        let time = stamp.map_or(self.last, |stamp| interface.time(stamp));
        Ok(Found { from, len, wire_len, time, link: interface.link })
    }
}

impl Interface {
    /// The UNIX time of a stamp: if_tsresol is a power of ten, or of two with its high bit set.
    fn time(&self, stamp: u64) -> Nanos {
        let power = u32::from(self.resolution & 0x7f);
        let nanos = if self.resolution & 0x80 != 0 {
            (u128::from(stamp) * 1_000_000_000).checked_shr(power).unwrap_or(0)
        } else if power <= 9 {
            u128::from(stamp) * 10_u128.pow(9 - power)
        } else {
            10_u128.checked_pow(power - 9).map_or(0, |units| u128::from(stamp) / units)
        };
        let offset = i128::from(self.offset) * 1_000_000_000;
        let total = i128::try_from(nanos).unwrap_or(i128::MAX).saturating_add(offset);
        Nanos(u64::try_from(total.max(0)).unwrap_or(u64::MAX))
    }
}
