//! pcapng: sections of blocks, of which three kinds are packets.
//!
//! **Owns** the blocks of draft-ietf-opsawg-pcapng: Section Header, Interface Description (see `interface`), Enhanced
//! and Simple Packet and the obsolete Packet Block; every other block is skipped, whatever its length, without being
//! held. **May touch** the window it is shown. **Order** [`Pcapng::walk`] once per batch.
//!
//! A block whose two lengths differ, or whose packet does not fit it, ends the reading, as it does in tshark: nothing
//! says where the next block would begin. Options of a packet that do not fit are passed over: the packet is whole.
//! A Simple Packet Block has no time; it gets the time of the packet before it, so that it stays in its place.
//!
//! Read here and not by a crate: pcap-parser and pcap-file build a list of options for each packet and end where one of
//! its options does not fit, and neither lends more than one packet at a time.

use super::interface::{Interface, fcs_of};
use super::magic::BYTE_ORDER_MAGIC;
use super::packet::{Pause, Slot, longest, u16_at, u32_at};
use super::pcap::too_long;
use crate::link::LinkType;
use crate::time::Nanos;
use arrayvec::ArrayVec;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Type, length, and the length again at the end.
const FRAMING: usize = 12;
/// What of a Section Header Block is looked at.
pub(super) const SECTION_START: usize = 16;
/// The fixed part of an Enhanced or obsolete Packet Block with the block header.
const PACKET_START: usize = 28;
/// Blocks that are held whole may be so much longer than the packet in them.
const LONGEST_OPTIONS: usize = 16 << 20;
/// Interfaces of one section; the obsolete Packet Block could not name more.
const MOST_INTERFACES: usize = 1 << 16;

/// Link types of interfaces that are remembered.
const MOST_LINKS: usize = 16;

/// Where the reading of blocks stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Pcapng {
    big: bool,
    interfaces: Vec<Interface>,
    links: ArrayVec<LinkType, MOST_LINKS>,
    latest: Nanos,
    /// Of a block that is passed over: bytes to go before its trailing length, and its length.
    skipping: Option<(u64, u32)>,
}

/// A packet block's numbers, whichever of the three kinds it is.
struct Found<'a> {
    interface: &'a Interface,
    ticks: Option<u64>,
    captured: u32,
    original: u32,
    /// Where in the block the packet begins.
    start: usize,
    /// Where in the block its options begin.
    options: usize,
}

impl Pcapng {
    /// The first link types that interfaces have had.
    pub(super) fn links(&self) -> &[LinkType] {
        &self.links
    }

    /// Whether the file may end here.
    pub(super) fn at_rest(&self) -> bool {
        self.skipping.is_none()
    }

    /// Reads byte order and version of a section; `Err` is what is wrong with it.
    pub(super) fn begin_section(&mut self, start: &[u8; SECTION_START]) -> Result<(), String> {
        self.big = match u32_at(start, 8, false) {
            BYTE_ORDER_MAGIC => false,
            swapped if swapped.swap_bytes() == BYTE_ORDER_MAGIC => true,
            other => return Err(format!("the byte-order magic of a section is {other:#010x}")),
        };
        let version = (u16_at(start, 12, self.big), u16_at(start, 14, self.big));
        if !matches!(version, (1, 0 | 2)) {
            return Err(format!("a section has version {}.{}, and only 1.0 is known", version.0, version.1));
        }
        self.interfaces.clear();
        Ok(())
    }

    /// Gives up to `room` packets from `at` on, and moves `at` behind the last block that is done with.
    pub(super) fn walk(&mut self, window: &[u8], at: &mut usize, room: usize, mut give: impl FnMut(Slot)) -> Pause {
        let mut given = 0;
        while given < room {
            let rest = window.get(*at..).unwrap_or_default();
            let plain = if self.big { self.plain::<true>(rest, *at) } else { self.plain::<false>(rest, *at) };
            if let Some((slot, total)) = plain {
                self.latest = slot.time;
                *at += total;
                give(slot);
                given += 1;
                continue;
            }
            match self.block(window, at) {
                Ok(Some(slot)) => {
                    give(slot);
                    given += 1;
                }
                Ok(None) => {}
                Err(pause) => return pause,
            }
        }
        Pause::Enough
    }

    /// The packet at the front of `rest`, if it is what nearly all are: a whole and sound Enhanced Packet Block
    /// without options. Half the cost of [`Pcapng::block`], which judges all others.
    #[inline]
    fn plain<const BIG: bool>(&self, rest: &[u8], at: usize) -> Option<(Slot, usize)> {
        let header = rest.first_chunk::<PACKET_START>()?;
        let number = |index| u32_at(header, index, BIG);
        let (total, captured) = (number(4) as usize, number(20));
        let end = PACKET_START + (captured as usize).next_multiple_of(4);
        if number(0) != ENHANCED_PACKET || self.skipping.is_some() || total != end + 4 {
            return None;
        }
        let trailer = rest.get(end..)?.first_chunk::<4>()?;
        let interface = self.interfaces.get(number(8) as usize)?;
        if *trailer != header[4..8] || captured > longest(interface.link) {
            return None;
        }
        let time = interface.time(u64::from(number(12)) << 32 | u64::from(number(16)));
        Some((Slot::new(time, at + PACKET_START, captured, number(24), interface.fcs, interface.link), total))
    }

    /// Reads the block at `at` and moves behind it; a packet when it is one.
    #[inline]
    fn block(&mut self, window: &[u8], at: &mut usize) -> Result<Option<Slot>, Pause> {
        if self.skipping.is_some() {
            return self.skip(window, at);
        }
        let rest = window.get(*at..).unwrap_or_default();
        let Some(header) = rest.first_chunk::<8>() else {
            return Err(Pause::Need { bytes: 8, what: "the header of a block" });
        };
        let kind = u32_at(header, 0, self.big);
        if kind == SECTION_HEADER {
            let Some(start) = rest.first_chunk::<SECTION_START>() else {
                return Err(Pause::Need { bytes: SECTION_START, what: "a section header" });
            };
            self.begin_section(start).map_err(Pause::Broken)?;
        }
        let total = u32_at(header, 4, self.big);
        if (total as usize) < FRAMING || !total.is_multiple_of(4) {
            let rule = "the length of a block is a multiple of 4 and at least 12";
            return Err(Pause::Broken(format!("a block of type {kind:#x} has a length of {total} bytes, but {rule}")));
        }
        match kind {
            ENHANCED_PACKET | SIMPLE_PACKET | PACKET => {
                let found = self.find(kind, rest, total)?;
                let block = whole(rest, total, self.big, "a packet block")?;
                let slot = self.packet(&found, block, *at);
                self.latest = slot.time;
                *at += block.len();
                Ok(Some(slot))
            }
            INTERFACE_DESCRIPTION => {
                if total as usize > LONGEST_OPTIONS || self.interfaces.len() == MOST_INTERFACES {
                    return Err(Pause::Broken("more interfaces, or options of one, than can be meant".to_owned()));
                }
                let block = whole(rest, total, self.big, "an interface description")?;
                let body = &block[8..block.len() - 4];
                let interface = Interface::new(body, self.big).map_err(Pause::Broken)?;
                if !self.links.is_full() && !self.links.contains(&interface.link) {
                    self.links.push(interface.link);
                }
                self.interfaces.push(interface);
                *at += block.len();
                Ok(None)
            }
            _ => {
                self.skipping = Some((u64::from(total) - 4, total));
                Ok(None)
            }
        }
    }

    /// Moves on inside a block that is of no interest, and checks its end.
    fn skip(&mut self, window: &[u8], at: &mut usize) -> Result<Option<Slot>, Pause> {
        let Some((left, total)) = &mut self.skipping else { return Ok(None) };
        let have = window.len().saturating_sub(*at);
        let step = have.min(usize::try_from(*left).unwrap_or(usize::MAX));
        *at += step;
        *left -= step as u64;
        if have - step < 4 {
            return Err(Pause::Need { bytes: 4, what: "a block" });
        }
        lengths_agree(*total, u32_at(window, *at, self.big))?;
        *at += 4;
        self.skipping = None;
        Ok(None)
    }

    /// The numbers of a packet block, as soon as its fixed part is there.
    #[inline]
    fn find(&self, kind: u32, rest: &[u8], total: u32) -> Result<Found<'_>, Pause> {
        let start = if kind == SIMPLE_PACKET { 12 } else { PACKET_START };
        if (total as usize) < start + 4 {
            return Err(Pause::Broken(format!("a packet block has a length of {total} bytes, too few for a packet")));
        }
        if rest.len() < start {
            return Err(Pause::Need { bytes: start, what: "the header of a packet" });
        }
        let number = |index| u32_at(rest, index, self.big);
        let id = match kind {
            ENHANCED_PACKET => number(8) as usize,
            PACKET => usize::from(u16_at(rest, 8, self.big)),
            _ => 0,
        };
        let Some(interface) = self.interfaces.get(id) else {
            let known = self.interfaces.len();
            return Err(Pause::Broken(format!("a packet names interface {id}, but its section has {known} so far")));
        };
        let original = number(if kind == SIMPLE_PACKET { 8 } else { 24 });
        let (ticks, captured) = match kind {
            SIMPLE_PACKET => (None, original.min(interface.snap_len)),
            _ => (Some(u64::from(number(12)) << 32 | u64::from(number(16))), number(20)),
        };
        let most = longest(interface.link);
        if captured > most {
            return Err(Pause::Broken(too_long(captured, most)));
        }
        let options = start + (captured as usize).next_multiple_of(4);
        if !(options + 4..options + LONGEST_OPTIONS).contains(&(total as usize)) {
            let from = "the packet block that holds it";
            return Err(Pause::Broken(format!("a packet of {captured} bytes does not fit {from}, which has {total}")));
        }
        Ok(Found { interface, ticks, captured, original, start, options })
    }

    /// The packet of a whole block that begins at `at` of the window.
    #[inline]
    fn packet(&self, found: &Found<'_>, block: &[u8], at: usize) -> Slot {
        let Found { interface, ticks, captured, original, start, options } = *found;
        let end = block.len() - 4;
        let own_fcs = if options < end { fcs_of(&block[options..end], self.big) } else { None };
        let time = ticks.map_or(self.latest, |ticks| interface.time(ticks));
        Slot::new(time, at + start, captured, original, own_fcs.unwrap_or(interface.fcs), interface.link)
    }
}

/// The block at the front of `rest`, when it is all there and ends as it began.
#[inline]
fn whole<'a>(rest: &'a [u8], total: u32, big: bool, what: &'static str) -> Result<&'a [u8], Pause> {
    let bytes = total as usize;
    let Some(block) = rest.get(..bytes) else { return Err(Pause::Need { bytes, what }) };
    lengths_agree(total, u32_at(block, bytes - 4, big))?;
    Ok(block)
}

#[inline]
fn lengths_agree(first: u32, last: u32) -> Result<(), Pause> {
    if first == last {
        return Ok(());
    }
    Err(Pause::Broken(format!("a block begins with a length of {first} bytes and ends with one of {last}")))
}
