//! The plain frame, looked at no longer than it takes to find its flow: Ethernet with at most one 802.1Q tag, IPv4 without
//! options or IPv6 without extensions, TCP or UDP.
//!
//! **Owns** nothing. **May touch** the frame. **Order** tried first by the worker, inlined into its loop.
//!
//! Of such a frame mostly no [`Packet`] is made. What its flow's counters take goes on as an [`Outline`], the rest of the header
//! is read where it lies once the flow is there; only of a packet that does not plainly continue its flow, or has to pass a
//! filter, the whole is made from the outline ([`packet`]): a property test holds it to what the general path makes. Each family
//! and each place of the IP header is a function of its own, for an arm of its own at the caller's: merging their values costs
//! more than the copies.

use super::ethernet::ethertype;
use super::options::DecodeOptions;
use crate::key::{FlowKey, HashSecret, KeyImage, protocol};
use crate::link::LinkType;
use crate::packet::{Encap, Encaps, Marks, Outline, Packet, TcpHeader, facts};
use crate::source::Frame;

const ETHERNET: usize = 14;
const TAGGED: usize = 18;

/// What a plain frame says, beside its outline.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    /// The image of its key.
    pub image: KeyImage,
    /// The first bytes behind the IP header.
    pub l4: &'a [u8; 20],
    /// IPv6.
    pub is_v6: bool,
    /// An 802.1Q tag was taken off.
    pub is_tagged: bool,
}

/// What a frame announces, if that can be plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// IPv4.
    V4,
    /// IPv4 behind an 802.1Q tag.
    TaggedV4,
    /// IPv6.
    V6,
    /// IPv6 behind an 802.1Q tag.
    TaggedV6,
}

/// What a frame announces; `None` where it cannot be plain.
#[inline(always)]
#[must_use]
pub fn announced(frame: &Frame<'_>, options: &DecodeOptions) -> Option<Announced> {
    let head = frame.bytes.first_chunk::<{ TAGGED + 36 }>()?;
    // Frames of which less was sent than captured are not plain.
    if frame.link != LinkType::ETHERNET || frame.bytes.len() > frame.wire_len as usize {
        return None;
    }
    // As it stands on the wire, to be turned round only where it is not IPv4.
    if u16::from_ne_bytes([head[12], head[13]]) == ethertype::IPV4.to_be() {
        return Some(Announced::V4);
    }
    match be16(head, ETHERNET - 2) {
        ethertype::IPV6 => Some(Announced::V6),
        ethertype::C_TAG if options.takes(Encap::Vlan) && !options.key().vlan => match be16(head, TAGGED - 2) {
            ethertype::IPV4 => Some(Announced::TaggedV4),
            ethertype::IPV6 => Some(Announced::TaggedV6),
            _ => None,
        },
        _ => None,
    }
}

/// What a frame says, if it is plain. Its outline is written to `out`, which has no meaning otherwise.
#[inline(always)]
#[must_use]
pub fn any<'a>(
    frame: &Frame<'a>,
    options: &DecodeOptions,
    secret: &HashSecret,
    out: &mut Outline,
) -> Option<Plain<'a>> {
    match announced(frame, options)? {
        Announced::V4 => v4(frame, options, out),
        Announced::TaggedV4 => v4_at::<TAGGED>(frame, options, out),
        Announced::V6 => v6::<ETHERNET>(frame, options, secret, out),
        Announced::TaggedV6 => v6::<TAGGED>(frame, options, secret, out),
    }
}

/// The same of a frame that announces IPv4.
#[inline(always)]
#[must_use]
pub fn v4<'a>(frame: &Frame<'a>, options: &DecodeOptions, out: &mut Outline) -> Option<Plain<'a>> {
    v4_at::<ETHERNET>(frame, options, out)
}

#[inline(always)]
const fn be16<const N: usize>(bytes: &[u8; N], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

#[inline(always)]
const fn be32<const N: usize>(bytes: &[u8; N], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Payload bytes and facts of TCP or UDP from the first bytes behind an IP header, of which `held` belong to the packet: fewer
/// than none where the IP header's length is below its own.
#[inline(always)]
fn transport(number: u8, l4: &[u8; 20], held: i32, options: &DecodeOptions) -> Option<(u32, u8)> {
    let (header, known) = if number == protocol::TCP {
        let header = i32::from(l4[12] >> 4) * 4;
        (header >= 20 && header <= held).then_some((header, facts::TCP | facts::SEGMENT | facts::PLAIN))?
    } else {
        let length = i32::from(be16(l4, 4));
        let is_udp = number == protocol::UDP && length >= 8 && length <= held;
        let is_plain = is_udp && !options.may_be_tunnel([l4[0], l4[1], l4[2], l4[3]]);
        return is_plain.then(|| ((length - 8).cast_unsigned(), facts::PLAIN));
    };
    Some(((held - header).cast_unsigned(), known))
}

/// What is asked of the first eight bytes of an IPv4 header: version 4 and no options, not a fragment.
const PLAIN_V4_BITS: u64 = 0xff00_0000_0000_3fff;
const PLAIN_V4: u64 = 0x4500_0000_0000_0000;

/// An IPv4 header at `AT`, behind which 20 bytes were captured. What is known is written at once: there are fewer registers
/// than facts.
#[inline(always)]
fn v4_at<'a, const AT: usize>(frame: &Frame<'a>, options: &DecodeOptions, out: &mut Outline) -> Option<Plain<'a>> {
    let ip = frame.bytes.get(AT..)?.first_chunk::<40>()?;
    // Version and header length, TOS, total length, identification, fragment.
    let (first, _) = ip.split_first_chunk::<8>()?;
    let first = u64::from_be_bytes(*first);
    let total = u32::from((first >> 32) as u16);
    if first & PLAIN_V4_BITS != PLAIN_V4 || AT as u32 + total > frame.wire_len {
        return None;
    }
    (out.ip_bytes, out.wire_bytes) = (total, frame.wire_len);
    (out.l4_offset, out.ip_id, out.ttl) = (AT as u16 + 20, (first >> 16) as u16, ip[8]);
    let (_, l4) = ip.split_last_chunk::<20>()?;
    let (payload, known) = transport(ip[9], l4, total.cast_signed() - 20, options)?;
    let addresses = u64::from_be_bytes(*ip.get(12..)?.first_chunk()?);
    let (image, from_low) = KeyImage::of_ipv4_packet(addresses, be32(l4, 0), ip[9]);
    (out.payload_bytes, out.facts) = (payload, known | (facts::FROM_LOW * u8::from(from_low)));
    Some(Plain { image, l4, is_v6: false, is_tagged: AT == TAGGED })
}

/// An IPv6 header at `AT`, behind which 20 bytes were captured.
#[inline(always)]
fn v6<'a, const AT: usize>(
    frame: &Frame<'a>,
    options: &DecodeOptions,
    secret: &HashSecret,
    out: &mut Outline,
) -> Option<Plain<'a>> {
    let ip = frame.bytes.get(AT..)?.first_chunk::<60>()?;
    let held = u32::from(be16(ip, 4));
    if ip[0] >> 4 != 6 || held == 0 || AT as u32 + 40 + held > frame.wire_len {
        return None;
    }
    (out.ip_bytes, out.wire_bytes) = (held + 40, frame.wire_len);
    (out.l4_offset, out.ip_id, out.ttl) = (AT as u16 + 40, 0, ip[7]);
    let (_, l4) = ip.split_last_chunk::<20>()?;
    let (payload, known) = transport(ip[6], l4, held.cast_signed(), options)?;
    let source = u128::from_be_bytes(*ip.get(8..)?.first_chunk()?);
    let destination = u128::from_be_bytes(*ip.get(24..)?.first_chunk()?);
    let (key, from_low) = FlowKey::canonical(6, ip[6], (source, be16(l4, 0)), (destination, be16(l4, 2)));
    (out.payload_bytes, out.facts) = (payload, known | (facts::FROM_LOW * u8::from(from_low)));
    Some(Plain { image: secret.image(&key), l4, is_v6: true, is_tagged: AT == TAGGED })
}

/// The packet of a plain frame, from its outline and the image of its key; all of it but the hash.
#[inline]
#[must_use]
pub fn packet(frame: &Frame<'_>, image: KeyImage, outline: &Outline) -> Packet {
    let l4 = usize::from(outline.l4_offset);
    let headers = frame.bytes.get(l4..).and_then(<[u8]>::first_chunk::<20>).zip(frame.bytes.get(..l4));
    let Some((transport, before)) = headers else {
        debug_assert!(false, "asked for the packet of a frame that is not plain");
        return Packet::default();
    };
    let mut packet = Packet {
        image,
        time: frame.time,
        wire_bytes: outline.wire_bytes,
        ip_bytes: outline.ip_bytes,
        payload_bytes: outline.payload_bytes,
        l4_offset: outline.l4_offset,
        ip_id: outline.ip_id,
        ttl: outline.ttl,
        input: frame.input,
        ..Packet::default()
    };
    let mut marks = Marks::ETHERNET | (Marks::FROM_LOW * u16::from(outline.has(facts::FROM_LOW)));
    let header = if outline.has(facts::SEGMENT) {
        packet.tcp = TcpHeader::read(transport);
        marks |= Marks::TCP | Marks::TCP_FLAGS;
        packet.tcp.header_len
    } else {
        8
    };
    packet.payload_offset = outline.l4_offset + u16::from(header);
    if let Some(ip) = before.last_chunk::<20>().filter(|_| image.version() == 4) {
        packet.ip_offset = outline.l4_offset - 20;
        packet.tos = ip[1];
        marks |= Marks::IP_ID | (Marks::DONT_FRAGMENT * u16::from(ip[6] & 0x40 != 0));
    } else if let Some(ip) = before.last_chunk::<40>() {
        packet.ip_offset = outline.l4_offset - 40;
        packet.tos = ip[0] << 4 | ip[1] >> 4;
        packet.addresses = v6_addresses(ip, outline.has(facts::FROM_LOW));
    }
    if usize::from(packet.ip_offset) == TAGGED {
        packet.encaps = Encaps::of(Encap::Vlan);
    }
    packet.marks = Marks(marks);
    packet
}

/// The addresses of an IPv6 header, low endpoint first.
fn v6_addresses(ip: &[u8; 40], from_low: bool) -> [u128; 2] {
    let [source, destination] = [8, 24].map(|at| ip[at..].first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes)));
    if from_low { [source, destination] } else { [destination, source] }
}
