//! GRE and ERSPAN.
//!
//! **Owns** the GRE header of RFC 2784, 2890, 1701 (routing) and 2637 (version 1). **May touch** the walk.
//! **Order** called by the walk, from IP and from UDP.

use super::ethernet::{self, ethertype};
use super::walk::{Layer, Sink, Step, Walk};
use crate::packet::{Encap, Flaw};

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
mod kind {
    /// ERSPAN types I and II.
    pub(super) const ERSPAN: u16 = 0x88be;
    /// ERSPAN type III.
    pub(super) const ERSPAN_III: u16 = 0x22eb;
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

/// Reads a GRE header and goes on with what its protocol type announces.
pub(super) fn header<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let Some([a, b, c, d]) = walk.head::<4>() else { return Step::Cut(Flaw::TunnelHeader) };
    let flags = u16::from_be_bytes([*a, *b]);
    let kind = u16::from_be_bytes([*c, *d]);
    let version = flags & flag::VERSION;
    if version > 1 {
        return Step::Stop;
    }
    let mut length = 4;
    if flags & (flag::CHECKSUM | flag::ROUTING) != 0 {
        length += 4;
    }
    let mut id = None;
    if flags & flag::KEY != 0 {
        id = walk.ahead::<4>(length).map(|key| u32::from_be_bytes(*key));
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
        match routing(walk, length) {
            Some(end) => length = end,
            None => return Step::Cut(Flaw::TunnelHeader),
        }
    }
    if walk.rest().len() < length {
        return Step::Cut(Flaw::TunnelHeader);
    }
    if walk.rest().len() == length || !walk.enter(Encap::Gre, id) {
        return Step::Stop;
    }
    walk.skip(length);
    payload(walk, kind, flags)
}

/// RFC 1701: source route entries of address family, offset, length; one of zeros ends them.
fn routing<S: Sink>(walk: &Walk<'_, S>, mut offset: usize) -> Option<usize> {
    loop {
        let [high, low, _, length] = *walk.ahead::<4>(offset)?;
        offset += 4 + usize::from(length);
        if (high, low, length) == (0, 0, 0) {
            return Some(offset);
        }
    }
}

fn payload<S: Sink>(walk: &mut Walk<'_, S>, kind: u16, flags: u16) -> Step {
    match kind {
        ethertype::IPV4 => Step::Next(Layer::Ip),
        kind::ERSPAN if flags & flag::SEQUENCE == 0 => walk.unwrap_to(Encap::Erspan, None, 0, Layer::Ethernet),
        kind::ERSPAN | kind::ERSPAN_III => erspan(walk),
        kind::WCCP => {
            let redirect = walk.byte(0).is_some_and(|first| first >> 4 != 4);
            walk.skip(if redirect { 4 } else { 0 });
            Step::Next(Layer::Ip)
        }
        kind::EOIP => Step::Next(Layer::Ethernet),
        ethertype::METADATA => metadata(walk),
        kind::FRAME_RELAY => Step::Next(Layer::FrameRelay),
        kind::ARUBA_FIRST..=kind::ARUBA_LAST if kind & 0x0f == 0 => Step::Next(Layer::Wlan),
        _ => ethernet::payload(walk, kind),
    }
}

/// Cisco MetaData in GRE: the next type comes first, then what it begins with on Ethernet.
fn metadata<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let Some(&[high, low, _, words]) = walk.head::<4>() else { return Step::Cut(Flaw::TunnelHeader) };
    walk.skip(4 + usize::from(words.max(1)) * 4);
    ethernet::payload(walk, u16::from_be_bytes([high, low]))
}

/// Reads an ERSPAN header of type II (eight bytes) or III (twelve, and eight more where its last bit says so; its frame type says
/// whether a frame or an IP packet is inside). Source: draft-foschiano-erspan-03 section 4.
fn erspan<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    const FRAME_TYPE: u16 = 0x7c00;
    const FRAME_TYPE_IP: u16 = 0x0800;
    let Some(&[version, _, high, low, ..]) = walk.head::<8>() else { return Step::Cut(Flaw::TunnelHeader) };
    let session = u32::from(u16::from_be_bytes([high, low]) & 0x03ff);
    let (length, next) = match version >> 4 {
        1 => (8, Layer::Ethernet),
        2 => match walk.be16(10) {
            Some(last) if last & FRAME_TYPE == FRAME_TYPE_IP => (12 + usize::from(last & 1) * 8, Layer::Ip),
            Some(last) => (12 + usize::from(last & 1) * 8, Layer::Ethernet),
            None => return Step::Cut(Flaw::TunnelHeader),
        },
        _ => return Step::Cut(Flaw::TunnelHeader),
    };
    walk.unwrap_to(Encap::Erspan, Some(session), length, next)
}
