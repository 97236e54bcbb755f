//! GRE and ERSPAN.
//!
//! **Owns** the GRE header of RFC 2784, 2890, 1701 (routing) and 2637 (version 1). **May touch** the walk.
//! **Order** called by the walk, from IP and from UDP.

use super::ethernet::{self, ethertype};
use super::walk::{Layer, Sink, Step, Tunnel, Walk, be16};
use crate::packet::{Encap, Flaw};

const CUT: Step = Step::Cut(Flaw::TunnelHeader);

/// Flags of the first two bytes.
mod flag {
    pub(super) const CHECKSUM: u16 = 0x8000;
    pub(super) const ROUTING: u16 = 0x4000;
    pub(super) const KEY: u16 = 0x2000;
    pub(super) const SEQUENCE: u16 = 0x1000;
    pub(super) const ACKNOWLEDGMENT: u16 = 0x0080;
    pub(super) const VERSION: u16 = 0x0007;
}

/// Protocol types that are not Ethertypes of their own anywhere else.
pub(super) mod kind {
    /// ERSPAN types I and II.
    pub(in crate::decode) const ERSPAN: u16 = 0x88be;
    /// ERSPAN type III.
    pub(in crate::decode) const ERSPAN_III: u16 = 0x22eb;
    /// WCCP redirection; its version 2 puts four bytes before the packet.
    pub(super) const WCCP: u16 = 0x883e;
    /// MikroTik's Ethernet over IP.
    pub(super) const EOIP: u16 = 0x6400;
    /// Aruba access points: 802.11 frames, one protocol type for each traffic class.
    pub(super) const ARUBA_FIRST: u16 = 0x8200;
    pub(super) const ARUBA_LAST: u16 = 0x8370;
    /// Frame Relay, RFC 2784's registry.
    pub(super) const FRAME_RELAY: u16 = 0x6559;
}

/// A GRE header.
pub(super) struct Gre {
    /// Unit: bytes.
    pub(super) length: usize,
    pub(super) id: Option<u32>,
    flags: u16,
    /// The protocol type.
    pub(super) kind: u16,
}

impl Gre {
    /// Whether it has a sequence number: without one, what is called ERSPAN is its type I, which has no header.
    #[inline(always)]
    pub(super) const fn has_sequence(&self) -> bool {
        self.flags & flag::SEQUENCE != 0
    }
}

/// Reads a GRE header and goes on with what its protocol type announces.
pub(super) fn header<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let gre = match read(walk.rest()) {
        Ok(gre) => gre,
        Err(step) => return step,
    };
    if !walk.enter(Encap::Gre, gre.id) {
        return Step::Stop;
    }
    walk.skip(gre.length);
    payload(walk, &gre)
}

/// A GRE header that something stands behind.
#[inline(always)]
pub(super) fn read(rest: &[u8]) -> Result<Gre, Step> {
    let [a, b, c, d] = *rest.first_chunk::<4>().ok_or(CUT)?;
    let (flags, kind) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let version = flags & flag::VERSION;
    if version > 1 {
        return Err(Step::Stop);
    }
    let mut length = 4;
    if flags & (flag::CHECKSUM | flag::ROUTING) != 0 {
        length += 4;
    }
    let mut id = None;
    if flags & flag::KEY != 0 {
        id = rest.get(length..).and_then(|key| key.first_chunk()).map(|key| u32::from_be_bytes(*key));
        if version == 1 {
            // RFC 2637 section 4.1: payload length, call id.
            id = id.map(|key| key & 0xffff);
        }
        length += 4;
    }
    if flags & flag::SEQUENCE != 0 {
        length += 4;
    }
    if version == 1 && flags & flag::ACKNOWLEDGMENT != 0 {
        length += 4;
    }
    if flags & flag::ROUTING != 0 {
        length = routing(rest, length).ok_or(CUT)?;
    }
    match rest.len() {
        held if held < length => Err(CUT),
        held if held == length => Err(Step::Stop),
        _ => Ok(Gre { length, id, flags, kind }),
    }
}

/// RFC 1701: source route entries of address family, offset, length; one of zeros ends them.
fn routing(rest: &[u8], mut offset: usize) -> Option<usize> {
    loop {
        let [high, low, _, length] = *rest.get(offset..)?.first_chunk::<4>()?;
        offset += 4 + usize::from(length);
        if (high, low, length) == (0, 0, 0) {
            return Some(offset);
        }
    }
}

fn payload<S: Sink>(walk: &mut Walk<'_, S>, gre: &Gre) -> Step {
    match gre.kind {
        ethertype::IPV4 => Step::Next(Layer::Ip),
        kind::ERSPAN if !gre.has_sequence() => walk.unwrap_to(Encap::Erspan, None, 0, Layer::Ethernet),
        kind::ERSPAN | kind::ERSPAN_III => walk.open(erspan(walk.rest())),
        kind::WCCP => {
            let redirect = walk.byte(0).is_some_and(|first| first >> 4 != 4);
            walk.skip(if redirect { 4 } else { 0 });
            Step::Next(Layer::Ip)
        }
        kind::EOIP => Step::Next(Layer::Ethernet),
        ethertype::METADATA => metadata(walk),
        kind::FRAME_RELAY => Step::Next(Layer::FrameRelay),
        kind::ARUBA_FIRST..=kind::ARUBA_LAST if gre.kind & 0x0f == 0 => Step::Next(Layer::Wlan),
        kind => ethernet::payload(walk, kind),
    }
}

/// Cisco MetaData in GRE: the next type comes first, then what it begins with on Ethernet.
fn metadata<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let Some(&[high, low, _, words]) = walk.head::<4>() else { return Step::Cut(Flaw::TunnelHeader) };
    walk.skip(4 + usize::from(words.max(1)) * 4);
    ethernet::payload(walk, u16::from_be_bytes([high, low]))
}

/// An ERSPAN header of type II (eight bytes) or III (twelve, and eight more where its last bit says so; its frame type says
/// whether a frame or an IP packet is inside). Source: draft-foschiano-erspan-03 section 4.
#[inline(always)]
pub(super) fn erspan(rest: &[u8]) -> Result<Tunnel, Step> {
    const FRAME_TYPE: u16 = 0x7c00;
    const FRAME_TYPE_IP: u16 = 0x0800;
    let &[version, _, high, low, ..] = rest.first_chunk::<8>().ok_or(CUT)?;
    let session = u32::from(u16::from_be_bytes([high, low]) & 0x03ff);
    let (length, next) = match version >> 4 {
        1 => (8, Layer::Ethernet),
        2 => {
            let last = be16(rest, 10).ok_or(CUT)?;
            let next = if last & FRAME_TYPE == FRAME_TYPE_IP { Layer::Ip } else { Layer::Ethernet };
            (12 + usize::from(last & 1) * 8, next)
        }
        _ => return Err(CUT),
    };
    Ok(Tunnel::new(Encap::Erspan, Some(session), length, next))
}
