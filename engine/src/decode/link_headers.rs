//! The headers that capture files put before a frame, and link headers of a few bytes.
//!
//! **Owns** their layouts (tcpdump.org link-type registry, unless a reader names another source). **May touch** the
//! walk. **Order** called by the walk, as the first layer, or inside PPI, PKTAP and TZSP.

use super::ethernet;
use super::link::{self, Below, Family, Header, Then};
use super::walk::{Layer, Sink, Step, Walk};
use crate::link::LinkType;
use crate::packet::{Encap, Flaw};

/// Reads a header.
pub(super) fn read<S: Sink>(walk: &mut Walk<'_, S>, header: Header) -> Step {
    let step = match header {
        Header::Fixed(length, then) => fixed(walk, length.into(), behind(then)),
        Header::Typed(before, after) => typed(walk, before.into(), after.into()),
        Header::Null => null(walk),
        Header::Family(family) => with_family(walk, family),
        Header::PppHdlc => Some(Step::Next(match walk.byte(0) {
            // RFC 1547 section 4.3.1: Cisco's unicast and multicast addresses.
            Some(0x0f | 0x8f) => Layer::CiscoHdlc,
            _ => Layer::Ppp,
        })),
        Header::Fddi => fddi(walk),
        Header::Cooked => cooked(walk, 2, 14, 16),
        Header::Cooked2 => cooked(walk, 8, 0, 20),
        Header::Ppi => ppi(walk),
        Header::Pktap => pktap(walk),
        Header::Nflog => nflog(walk),
        Header::Dsa => dsa(walk, 12),
        Header::Edsa => dsa(walk, 16),
        Header::Broadcom => broadcom(walk),
        Header::Arcnet(offset) => arcnet(walk, offset.into()),
        Header::Juniper(below) => juniper(walk, below),
    };
    step.unwrap_or(Step::Cut(Flaw::LinkHeader))
}

const fn behind(then: Then) -> Layer {
    match then {
        Then::Ip => Layer::Ip,
        Then::Ppp => Layer::Ppp,
        Then::CiscoHdlc => Layer::CiscoHdlc,
        Then::FrameRelay => Layer::FrameRelay,
        Then::Llc => Layer::Llc { padded: false },
        Then::Ethernet => Layer::Ethernet,
    }
}

fn fixed<S: Sink>(walk: &mut Walk<'_, S>, length: usize, next: Layer) -> Option<Step> {
    walk.rest().get(..length)?;
    walk.skip(length);
    Some(Step::Next(next))
}

fn typed<S: Sink>(walk: &mut Walk<'_, S>, before: usize, after: usize) -> Option<Step> {
    let kind = walk.be16(before)?;
    walk.skip(before + 2 + after);
    Some(ethernet::payload(walk, kind))
}

/// The layer of an address family. IPv6 has a number of its own in each of NetBSD and OpenBSD (24), FreeBSD (28),
/// macOS (30), Linux (10), Windows (23) and Solaris (26).
fn of_family(family: u32) -> Option<Layer> {
    match family {
        2 => Some(Layer::Ip),
        10 | 23 | 24 | 26 | 28 | 30 => Some(Layer::Ipv6),
        _ => None,
    }
}

fn null<S: Sink>(walk: &mut Walk<'_, S>) -> Option<Step> {
    if walk.be16(0)? == 0xff03 {
        return Some(Step::Next(Layer::Ppp));
    }
    let word = *walk.head::<4>()?;
    walk.skip(4);
    let (little, big) = (u32::from_le_bytes(word), u32::from_be_bytes(word));
    // Some drivers put an Ethertype into the second half; no family has a number as high as that.
    Some(of_family(little.min(big)).map_or_else(|| ethernet::payload(walk, big as u16), Step::Next))
}

fn with_family<S: Sink>(walk: &mut Walk<'_, S>, family: Family) -> Option<Step> {
    let (family, length) = match family {
        Family::Loop => (u32::from_be_bytes(*walk.head()?), 4),
        Family::Enc => {
            let word = *walk.head::<4>()?;
            (u32::from_le_bytes(word).min(u32::from_be_bytes(word)), 12)
        }
        Family::Pflog => {
            let &[length, family] = walk.head::<2>()?;
            (u32::from(family), usize::from(length).next_multiple_of(4).max(4))
        }
        Family::Ipnet => (u32::from(walk.byte(1)?), 24),
    };
    walk.skip(length);
    Some(of_family(family).map_or(Step::Stop, Step::Next))
}

/// ISO 9314-2: frame control, destination, source; LLC where the frame control says so.
fn fddi<S: Sink>(walk: &mut Walk<'_, S>) -> Option<Step> {
    if walk.byte(0)? & 0x70 != 0x50 {
        return Some(Step::Stop);
    }
    fixed(walk, 13, Layer::Llc { padded: false })
}

/// Linux cooked capture: an ARPHRD_ number, a protocol that is an Ethertype unless one of the two says otherwise.
fn cooked<S: Sink>(walk: &mut Walk<'_, S>, hardware: usize, protocol: usize, length: usize) -> Option<Step> {
    const FRAME_RELAY: u16 = 770;
    const WLAN: u16 = 801;
    const PRISM: u16 = 802;
    const RADIOTAP: u16 = 803;
    const NETLINK: u16 = 824;
    /// Linux's numbers for 802.3 frames without and with an 802.2 header.
    const RAW_802_3: u16 = 0x0001;
    const LLC: u16 = 0x0004;
    let (hardware, protocol) = (walk.be16(hardware)?, walk.be16(protocol)?);
    walk.rest().get(..length)?;
    walk.skip(length);
    Some(match (hardware, protocol) {
        (NETLINK, _) | (_, RAW_802_3) => Step::Stop,
        (FRAME_RELAY, _) => Step::Next(Layer::FrameRelay),
        (WLAN, _) => Step::Next(Layer::Wlan),
        (PRISM, _) => Step::Next(Layer::Prism),
        (RADIOTAP, _) => Step::Next(Layer::Radiotap),
        (_, LLC) => Step::Next(Layer::Llc { padded: false }),
        (_, kind) => ethernet::payload(walk, kind),
    })
}

/// Per-packet information: version 0, flags, its length, the link type of what follows.
fn ppi<S: Sink>(walk: &mut Walk<'_, S>) -> Option<Step> {
    let &[0, _, low, high, link @ ..] = walk.head::<8>()? else { return None };
    inner(walk, usize::from(u16::from_le_bytes([low, high])), 8, u32::from_le_bytes(link))
}

/// Apple's packet tap: its length, 1 for a packet, the link type of what follows.
fn pktap<S: Sink>(walk: &mut Walk<'_, S>) -> Option<Step> {
    let length = u32::from_le_bytes(*walk.head()?);
    let kind = u32::from_le_bytes(*walk.ahead(4)?);
    let link = u32::from_le_bytes(*walk.ahead(8)?);
    if kind != 1 {
        return Some(Step::Stop);
    }
    inner(walk, length as usize, 12, link)
}

/// Goes on with another link type, behind a header of `length` bytes that cannot be shorter than `least`.
fn inner<S: Sink>(walk: &mut Walk<'_, S>, length: usize, least: usize, link: u32) -> Option<Step> {
    if length < least {
        return None;
    }
    walk.skip(length);
    let link = u16::try_from(link).ok().map(LinkType);
    Some(link.and_then(link::first).map_or(Step::Stop, Step::Next))
}

/// Netfilter log: family, version, resource, then attributes in the byte order of the host; one is the packet.
fn nflog<S: Sink>(walk: &mut Walk<'_, S>) -> Option<Step> {
    const PAYLOAD: u16 = 9;
    const HIGHEST_ATTRIBUTE: u16 = 255;
    walk.head::<4>()?;
    walk.skip(4);
    let little = walk.ahead::<2>(2).is_some_and(|kind| u16::from_le_bytes(*kind) & 0x7fff <= HIGHEST_ATTRIBUTE);
    let number = |bytes: [u8; 2]| if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
    loop {
        let &[a, b, c, d] = walk.head::<4>()?;
        let (length, kind) = (usize::from(number([a, b])), number([c, d]) & 0x7fff);
        if length < 4 {
            return None;
        }
        if kind == PAYLOAD {
            walk.limit(length);
            walk.skip(4);
            return Some(Step::Next(Layer::Ip));
        }
        walk.skip(length.next_multiple_of(4));
    }
}

/// Marvell's switch tag, plain or behind an Ethertype of its own: it stands before the type, and holds the VLAN
/// identifier of a frame that was tagged. Source: Linux net/dsa/tag_dsa.c, in prose.
fn dsa<S: Sink>(walk: &mut Walk<'_, S>, offset: usize) -> Option<Step> {
    let &[command, _, high, low] = walk.ahead::<4>(offset)?;
    let kind = walk.be16(offset + 4)?;
    walk.note_ethernet();
    if command & 0x20 != 0 && !walk.enter(Encap::Vlan, Some(u32::from(u16::from_be_bytes([high, low]) & 0x0fff))) {
        return Some(Step::Stop);
    }
    walk.skip(offset + 6);
    Some(ethernet::type_or_length(walk, kind))
}

/// Broadcom's switch tag: four bytes before the type.
fn broadcom<S: Sink>(walk: &mut Walk<'_, S>) -> Option<Step> {
    let kind = walk.be16(16)?;
    walk.note_ethernet();
    walk.skip(18);
    Some(ethernet::type_or_length(walk, kind))
}

/// ARCNET's system code, of RFC 1051 alone, of RFC 1201 with a split flag and a sequence number. Parts of a packet other than
/// the first, which have even flags, show no IP.
fn arcnet<S: Sink>(walk: &mut Walk<'_, S>, offset: usize) -> Option<Step> {
    const RFC_1051_IP: u8 = 240;
    const RFC_1201_IP: u8 = 212;
    const RFC_1201_IPV6: u8 = 196;
    /// A packet of a length that ARCNET cannot say is padded; four bytes tell so.
    const EXCEPTION: u8 = 0xff;
    let system = walk.byte(offset)?;
    let split = if system == RFC_1051_IP { 0 } else { walk.byte(offset + 1)? };
    let length = match (system, split) {
        (RFC_1051_IP, _) => 1,
        (RFC_1201_IP | RFC_1201_IPV6, EXCEPTION) => 8,
        (RFC_1201_IP | RFC_1201_IPV6, split) if split == 0 || split % 2 == 1 => 4,
        _ => return Some(Step::Stop),
    };
    walk.skip(offset + length);
    Some(Step::Next(Layer::Ip))
}

/// Juniper's capture header: "MGC", flags; extensions where bit 7 is set; no link header below where bit 1 is set,
/// but four bytes of protocol. Source: the registry's LINKTYPE_JUNIPER_* entries and Juniper KB11709.
fn juniper<S: Sink>(walk: &mut Walk<'_, S>, below: Below) -> Option<Step> {
    const EXTENDED: u8 = 0x80;
    const WITHOUT_LINK_HEADER: u8 = 0x02;
    let &[b'M', b'G', b'C', flags] = walk.head::<4>()? else { return None };
    let length = if flags & EXTENDED == 0 { 4 } else { 6 + usize::from(walk.be16(4)?) };
    walk.skip(length);
    if flags & WITHOUT_LINK_HEADER != 0 {
        walk.skip(4);
        return Some(match walk.byte(0)? >> 4 {
            4 | 6 => Step::Next(Layer::Ip),
            _ => Step::Stop,
        });
    }
    Some(Step::Next(match below {
        Below::Ethernet => Layer::Ethernet,
        Below::Ppp => Layer::Ppp,
        Below::FrameRelay => Layer::FrameRelay,
        Below::CiscoHdlc => Layer::CiscoHdlc,
    }))
}
