//! Tunnels in UDP: VXLAN, VXLAN-GPE, Geneve, GTP-U, Teredo; and the way to those that have a room of their own.
//!
//! **Owns** the headers of these. **May touch** the walk. **Order** called by `ip` for every UDP datagram.
//!
//! A port alone proves nothing: a header that does not look like the tunnel's leaves the datagram a flow of its own,
//! without a flaw.

use super::ethernet::ethertype;
use super::l2tpv3;
use super::options::UdpTunnel;
use super::walk::{Layer, Sink, Step, Tunnel, Walk, be16};
use crate::packet::{Encap, Flaw};

const CUT: Step = Step::Cut(Flaw::TunnelHeader);

/// Reads a UDP header and goes into its payload, where the ports say that it is a tunnel.
pub(super) fn header<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let Some(&[a, b, c, d, e, f, _, _]) = walk.head::<8>() else { return Step::Stop };
    let Some(tunnel) = walk.options.udp_tunnel([a, b, c, d]) else { return Step::Stop };
    let length = usize::from(u16::from_be_bytes([e, f]));
    if length >= 8 {
        walk.limit(length);
    }
    walk.skip(8);
    match tunnel {
        UdpTunnel::Vxlan => walk.open(vxlan(walk.rest())),
        UdpTunnel::VxlanGpe => walk.open(vxlan_gpe(walk.rest())),
        UdpTunnel::Geneve => walk.open(geneve(walk.rest())),
        UdpTunnel::Gtpu => walk.open(gtpu(walk.rest())),
        UdpTunnel::Tzsp => Step::Next(Layer::Tzsp),
        UdpTunnel::Gre => Step::Next(Layer::Gre),
        UdpTunnel::Mpls => Step::Next(Layer::Mpls),
        UdpTunnel::Teredo => teredo(walk),
        UdpTunnel::L2tpv3 => l2tpv3::over_udp(walk),
    }
}

/// RFC 7348 section 5: flags with the I bit, the VNI in bytes 4 to 6. Reserved bits are passed over.
#[inline(always)]
pub(super) fn vxlan(rest: &[u8]) -> Result<Tunnel, Step> {
    let &[flags, _, _, _, vni @ .., _] = rest.first_chunk::<8>().ok_or(CUT)?;
    if flags & 0x08 == 0 {
        return Err(Step::Stop);
    }
    Ok(Tunnel::new(Encap::Vxlan, Some(be24(vni)), 8, Layer::Ethernet))
}

/// draft-ietf-nvo3-vxlan-gpe-13 section 3: the P bit says that byte 3 names the next protocol.
fn vxlan_gpe(rest: &[u8]) -> Result<Tunnel, Step> {
    let &[flags, _, _, next, vni @ .., _] = rest.first_chunk::<8>().ok_or(CUT)?;
    let next = match (flags & 0x04 != 0, next) {
        (false, 0) | (_, 3) => Layer::Ethernet,
        (_, 1) => Layer::Ipv4,
        (_, 2) => Layer::Ipv6,
        (_, 5) => Layer::Mpls,
        _ => return Err(Step::Stop),
    };
    Ok(Tunnel::new(Encap::Vxlan, Some(be24(vni)), 8, next))
}

const fn be24(bytes: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]])
}

/// RFC 8926 section 3.4: version 0, the options' length in words, an Ethertype, the VNI.
#[inline(always)]
pub(super) fn geneve(rest: &[u8]) -> Result<Tunnel, Step> {
    let &[first, _, high, low, vni @ .., _] = rest.first_chunk::<8>().ok_or(CUT)?;
    if first >> 6 != 0 {
        return Err(Step::Stop);
    }
    let length = 8 + usize::from(first & 0x3f) * 4;
    if rest.len() < length {
        return Err(CUT);
    }
    let next = Layer::EtherType(u16::from_be_bytes([high, low]));
    Ok(Tunnel::new(Encap::Geneve, Some(be24(vni)), length, next))
}

/// 3GPP TS 29.281 section 5.1: version 1, protocol type GTP, message type 255 (G-PDU), and extension headers.
#[inline(always)]
pub(super) fn gtpu(rest: &[u8]) -> Result<Tunnel, Step> {
    const VERSION_AND_TYPE: u8 = 0xf0;
    const G_PDU: u8 = 255;
    const OPTIONAL: u8 = 0x07;
    const EXTENSION: u8 = 0x04;
    let &[flags, kind, high, low, teid @ ..] = rest.first_chunk::<8>().ok_or(Step::Stop)?;
    if flags & VERSION_AND_TYPE != 0x30 || kind != G_PDU {
        return Err(Step::Stop);
    }
    let mut length = 8;
    if flags & OPTIONAL != 0 {
        length += 4;
        let mut next = if flags & EXTENSION != 0 { rest.get(11) } else { Some(&0) };
        while next != Some(&0) {
            let words = rest.get(length).filter(|words| **words != 0).ok_or(CUT)?;
            length += usize::from(*words) * 4;
            next = rest.get(length - 1);
        }
    }
    let inside = rest.get(length..).ok_or(CUT)?;
    let next = match inside.first().ok_or(Step::Stop)? >> 4 {
        4 => Layer::Ipv4,
        6 => Layer::Ipv6,
        // A PDU session of type Ethernet.
        _ if matches!(be16(inside, 12), Some(ethertype::IPV4 | ethertype::IPV6 | ethertype::ARP)) => Layer::Ethernet,
        _ => return Err(Step::Stop),
    };
    let held = 8 + usize::from(u16::from_be_bytes([high, low]));
    Ok(Tunnel { kind: Encap::Gtpu, id: Some(u32::from_be_bytes(teid)), length, held, next })
}

/// RFC 4380 section 5.1.1: an authentication and an origin indication may stand before the IPv6 packet.
fn teredo<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    if walk.be16(0) == Some(1) {
        let Some(&[_, _, client, value]) = walk.head::<4>() else { return Step::Cut(Flaw::TunnelHeader) };
        walk.skip(13 + usize::from(client) + usize::from(value));
    }
    if walk.be16(0) == Some(0) {
        walk.skip(8);
    }
    match walk.byte(0).map(|first| first >> 4) {
        Some(6) => walk.unwrap_to(Encap::Teredo, None, 0, Layer::Ipv6),
        _ => Step::Stop,
    }
}
