//! IPv4 and IPv6 headers, and what they carry inside.
//!
//! **Owns** what is kept of an IP header while the walk goes on, and the table of protocols that are tunnels.
//! **May touch** the walk. **Order** called by the walk; [`Keyed`] is read by `transport` when the walk has ended.

use super::ipv6_extensions::{self, Behind, Chain};
use super::walk::{Found, Layer, Sink, Step, Walk};
use super::{l2tpv3, tunnel_udp};
use crate::key::{FlowKey, protocol};
use crate::packet::{Encap, Flaw};

/// IP protocol numbers (IANA) that the walk goes into.
pub(super) mod number {
    pub(in crate::decode) const IPIP: u8 = 4;
    pub(in crate::decode) const IPV6: u8 = 41;
    pub(in crate::decode) const GRE: u8 = 47;
    pub(super) const ETHERIP: u8 = 97;
    pub(super) const L2TPV3: u8 = 115;
    pub(super) const MPLS: u8 = 137;
    pub(super) const ETHERNET: u8 = 143;
}

/// Next header that says there is none (RFC 8200 section 4.7).
const NO_NEXT_HEADER: u8 = 59;

/// Length of an IPv6 header (RFC 8200 section 3).
pub(super) const IPV6_HEADER: usize = 40;

/// Which part of a datagram a packet is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    #[default]
    Whole,
    /// The first fragment.
    First,
    /// A later fragment.
    Later,
}

/// The fragment fields of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fragment {
    pub(super) part: Part,
    /// Identification: 16 bits in IPv4, 32 in IPv6.
    pub(super) id: u32,
    /// Where its data stands in the datagram. Unit: bytes.
    pub(super) offset: u32,
}

/// An IP header as the key may need it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyed {
    pub(super) version: u8,
    /// Protocol behind extension headers and AH.
    pub(super) protocol: u8,
    pub(super) ttl: u8,
    pub(super) tos: u8,
    pub(super) source: u128,
    pub(super) destination: u128,
    /// Total length by the contract's rule.
    pub(super) ip_bytes: u32,
    /// The length field was 0: the sender's NIC fills it in later, with those of the layers above.
    pub(super) open_ended: bool,
    /// Offset of the header.
    pub(super) at: usize,
    /// Offset of what the protocol says is there.
    pub(super) l4: usize,
    /// End of what belongs to this packet and was captured.
    pub(super) visible: usize,
    pub(super) fragment: Fragment,
    /// Identification, when the header has one.
    pub(super) id: Option<u16>,
    pub(super) dont_fragment: bool,
    /// What had been found when it was read.
    pub(super) found: Found,
}

impl Keyed {
    /// An IPv4 header at `at`, by its fixed part. How much of it is visible is left open.
    pub(super) fn v4(head: &[u8; 20], at: usize, ip_bytes: u32, found: Found) -> Keyed {
        let id = u16::from_be_bytes([head[4], head[5]]);
        let flags = u16::from_be_bytes([head[6], head[7]]);
        let (offset, more) = (u32::from(flags & 0x1fff) * 8, flags & 0x2000 != 0);
        let part = match (offset, more) {
            (0, false) => Part::Whole,
            (0, true) => Part::First,
            _ => Part::Later,
        };
        Keyed {
            version: 4,
            protocol: head[9],
            ttl: head[8],
            tos: head[1],
            source: u128::from(u32::from_be_bytes([head[12], head[13], head[14], head[15]])),
            destination: u128::from(u32::from_be_bytes([head[16], head[17], head[18], head[19]])),
            ip_bytes,
            open_ended: head[2..4] == [0, 0],
            at,
            l4: at + usize::from(head[0] & 0x0f) * 4,
            visible: 0,
            fragment: Fragment { part, id: u32::from(id), offset },
            id: Some(id),
            dont_fragment: flags & 0x4000 != 0,
            found,
        }
    }

    /// The same of an IPv6 header, before its extension headers are followed.
    pub(super) fn v6(head: &[u8; IPV6_HEADER], at: usize, ip_bytes: u32, found: Found) -> Keyed {
        let (source, destination) = head[8..].split_at(16);
        Keyed {
            version: 6,
            protocol: head[6],
            ttl: head[7],
            tos: head[0] << 4 | head[1] >> 4,
            source: address(source),
            destination: address(destination),
            ip_bytes,
            open_ended: head[4..6] == [0, 0] && head[6] != NO_NEXT_HEADER,
            at,
            l4: at + IPV6_HEADER,
            visible: 0,
            fragment: Fragment::default(),
            id: None,
            dont_fragment: false,
            found,
        }
    }

    /// Bytes behind the headers, by the total length's word.
    pub(super) fn payload(&self) -> u32 {
        self.ip_bytes.saturating_sub(u32::try_from(self.l4 - self.at).unwrap_or(u32::MAX))
    }

    /// The key with these ports, and whether the source is its low endpoint.
    pub(super) fn key(&self, ports: (u16, u16)) -> (FlowKey, bool) {
        let ends = ((self.source, ports.0), (self.destination, ports.1));
        let (mut key, from_low) = FlowKey::canonical(self.version, self.protocol, ends.0, ends.1);
        key.scope = self.found.scope;
        (key, from_low)
    }
}

/// Reads an IP header of the version that it says.
pub(super) fn either<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    match walk.byte(0).map(|first| first >> 4) {
        Some(4) => v4(walk),
        Some(6) => v6(walk),
        Some(_) => Step::Broken(Flaw::IpVersion),
        None => Step::Broken(Flaw::IpTruncated),
    }
}

/// Reads the header that IPv4 was announced for. An IPv6 header in its place is a flaw, and is read all the same.
pub(super) fn announced_v4<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    if walk.byte(0).is_some_and(|first| first >> 4 == 6) {
        walk.flaws.add(Flaw::IpVersion);
        return v6(walk);
    }
    either(walk)
}

/// Reads an IPv4 header (RFC 791 section 3.1).
fn v4<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let Some(head) = walk.head::<20>() else { return Step::Broken(Flaw::IpTruncated) };
    if matches!(head[9], protocol::TCP | protocol::UDP) && S::shortcut(walk, 4) {
        return Step::Stop;
    }
    let length = usize::from(head[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([head[2], head[3]]));
    if length < 20 {
        return Step::Broken(Flaw::IpHeaderLength);
    }
    if total != 0 && total < length {
        return Step::Broken(Flaw::IpTotalLength);
    }
    if walk.rest().len() < length {
        return Step::Broken(Flaw::IpTruncated);
    }
    let ip_bytes = length_on_the_wire(walk, total);
    enclose(walk, Keyed::v4(head, walk.at, ip_bytes, walk.found))
}

/// Reads an IPv6 header (RFC 8200 section 3).
pub(super) fn v6<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    if walk.byte(0).is_some_and(|first| first >> 4 != 6) {
        return Step::Broken(Flaw::IpVersion);
    }
    let Some(head) = walk.head::<IPV6_HEADER>() else { return Step::Broken(Flaw::IpTruncated) };
    if matches!(head[6], protocol::TCP | protocol::UDP) && S::shortcut(walk, 6) {
        return Step::Stop;
    }
    let (payload, next) = (usize::from(u16::from_be_bytes([head[4], head[5]])), head[6]);
    let jumbo = if payload == 0 && next == 0 { ipv6_extensions::jumbo_length(walk.rest()) } else { None };
    let total = match (payload, jumbo) {
        (_, Some(jumbo)) => IPV6_HEADER.saturating_add(jumbo as usize),
        (0, None) if next != NO_NEXT_HEADER => 0,
        _ => IPV6_HEADER + payload,
    };
    let ip_bytes = length_on_the_wire(walk, total);
    enclose(walk, Keyed::v6(head, walk.at, ip_bytes, walk.found))
}

fn address(bytes: &[u8]) -> u128 {
    bytes.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes))
}

/// The total length; where it is 0, what the enclosing layer holds. One that promises more is a flaw, and where it promises more
/// than any packet but a jumbogram can have, it is not counted.
fn length_on_the_wire<S: Sink>(walk: &mut Walk<'_, S>, total: usize) -> u32 {
    let room = walk.room();
    if total > room {
        walk.flaws.add(Flaw::IpBeyondWire);
    }
    let is_idle_talk = total > room && total > IPV6_HEADER + usize::from(u16::MAX);
    u32::try_from(if total == 0 || is_idle_talk { room } else { total }).unwrap_or(u32::MAX)
}

/// Makes a header the key so far, and goes into what it carries.
#[inline(always)]
fn enclose<S: Sink>(walk: &mut Walk<'_, S>, mut keyed: Keyed) -> Step {
    if !keyed.open_ended {
        walk.limit(keyed.ip_bytes as usize);
    }
    walk.at = keyed.l4;
    let mut chain = Chain::Whole;
    if ipv6_extensions::begins(keyed.version, keyed.protocol) {
        let mut behind = Behind { protocol: keyed.protocol, fragment: keyed.fragment, id: keyed.id };
        chain = ipv6_extensions::follow(walk, keyed.version, &mut behind);
        (keyed.protocol, keyed.fragment, keyed.id) = (behind.protocol, behind.fragment, behind.id);
    }
    keyed.l4 = walk.at;
    keyed.visible = walk.end.min(walk.bytes.len());
    walk.sink.ip(walk.keyed.as_ref());
    let (part, number) = (keyed.fragment.part, keyed.protocol);
    walk.keyed = Some(keyed);
    match chain {
        Chain::Cut => Step::Cut(Flaw::Ipv6Extension),
        Chain::Whole if part == Part::Later => Step::Stop,
        Chain::Whole => inside(walk, number),
    }
}

/// Goes on with what a protocol number announces, where that is a tunnel.
fn inside<S: Sink>(walk: &mut Walk<'_, S>, number: u8) -> Step {
    match number {
        protocol::UDP => tunnel_udp::header(walk),
        number::IPIP => walk.unwrap_to(Encap::Ipip, None, 0, Layer::Ip),
        number::IPV6 => walk.unwrap_to(Encap::Ipip, None, 0, Layer::Ipv6),
        number::GRE => Step::Next(Layer::Gre),
        number::MPLS => Step::Next(Layer::Mpls),
        // RFC 3378 section 3: a version of 3 in the first nibble, two bytes in all.
        number::ETHERIP => match walk.byte(0).map(|first| first >> 4) {
            Some(3) => walk.unwrap_to(Encap::Etherip, None, 2, Layer::Ethernet),
            Some(_) => Step::Stop,
            None => Step::Cut(Flaw::TunnelHeader),
        },
        number::ETHERNET => walk.unwrap_to(Encap::Etherip, None, 0, Layer::Ethernet),
        number::L2TPV3 => l2tpv3::over_ip(walk),
        _ => Step::Stop,
    }
}
