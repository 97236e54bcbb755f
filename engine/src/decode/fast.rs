//! The fast path: IPv4 without options or IPv6 without extensions, with TCP or UDP. On Ethernet with at most one 802.1Q tag
//! it makes the whole packet; elsewhere the walk leads to the IP header, and it makes what that header and those behind it say.
//!
//! **Owns** nothing. **May touch** the frame. **Order** tried first by `decode`, inlined into the worker's loop; and by the
//! walk, at each IP header.
//!
//! It answers only where the general path would give the same answer without a flaw, and says nothing otherwise; a
//! property test holds the two together. Few loads, no loop; each family's state stays in its own arm, as merging
//! them costs twice the time. The packet is written where it will be read: a packet is two lines long, and handing it
//! through returns costs as much as decoding it.

use super::ethernet::ethertype;
use super::options::DecodeOptions;
use crate::key::{FlowKey, KeyImage, protocol};
use crate::link::LinkType;
use crate::packet::{Encap, Encaps, Flaws, Marks, Packet, TcpHeader};
use crate::source::Frame;

const ETHERNET: usize = 14;
const TAGGED: usize = 18;

/// Writes the packet of a frame of the plain kind to `out`, all of it but the hash. `None` leaves the frame to the
/// general path, and `out` without meaning. The image of an IPv4 key comes along: it is made of what is still in
/// registers, where reading it back from `out` would wait for the stores.
#[inline(always)]
pub(super) fn fill(frame: &Frame<'_>, options: &DecodeOptions, out: &mut Packet) -> Option<Option<KeyImage>> {
    // Frames of which less was sent than captured are for the general path too.
    if frame.link != LinkType::ETHERNET || frame.bytes.len() > frame.wire_len as usize {
        return None;
    }
    let head = frame.bytes.first_chunk::<TAGGED>()?;
    let (at, announced) = match u16::from_be_bytes([head[12], head[13]]) {
        ethertype::C_TAG if options.takes(Encap::Vlan) && !options.key().vlan => {
            (TAGGED, u16::from_be_bytes([head[16], head[17]]))
        }
        other => (ETHERNET, other),
    };
    let end = frame.wire_len as usize;
    match announced {
        ethertype::IPV4 => {
            let image = v4((frame.bytes, at, end), Marks::ETHERNET, options, out)?;
            on_ethernet(frame, at, out);
            Some(Some(image))
        }
        ethertype::IPV6 => {
            v6((frame.bytes, at, end), Marks::ETHERNET, options, out)?;
            on_ethernet(frame, at, out);
            Some(None)
        }
        _ => None,
    }
}

/// What is around an IP header at `at` that stands on Ethernet.
#[inline(always)]
fn on_ethernet(frame: &Frame<'_>, at: usize, out: &mut Packet) {
    out.encaps = Encaps::NONE;
    if at == TAGGED {
        out.encaps.add(Encap::Vlan);
    }
    out.time = frame.time;
    out.wire_bytes = frame.wire_len;
    out.flaws = Flaws::NONE;
    out.ethernet_offset = 0;
    out.input = frame.input;
}

/// The same for an IP header of `version` that the walk has come to at `at` of `bytes`, in a layer that ends at `end`: the
/// packet without what the walk knows of it.
#[inline(always)]
pub(super) fn inner(version: u8, place: (&[u8], usize, usize), options: &DecodeOptions, out: &mut Packet) -> bool {
    // Every offset fits its 16 bits.
    if place.1 > usize::from(u16::MAX) - 256 {
        return false;
    }
    if version == 4 { v4(place, 0, options, out).is_some() } else { v6(place, 0, options, out).is_some() }
}

/// TCP or UDP from the first 20 captured bytes behind the IP header at `at`, of which `held` belong to the packet: the
/// transport's part of `out`. The ports, and the marks that it gives.
#[inline(always)]
fn transport(
    number: u8,
    l4: &[u8; 20],
    held: u32,
    at: usize,
    options: &DecodeOptions,
    out: &mut Packet,
) -> Option<(u16, u16, u16)> {
    let (source, destination) = (u16::from_be_bytes([l4[0], l4[1]]), u16::from_be_bytes([l4[2], l4[3]]));
    out.l4_offset = at as u16;
    if number == protocol::TCP {
        let tcp = TcpHeader::read(l4);
        let header = u32::from(tcp.header_len);
        if header < 20 || header > held {
            return None;
        }
        out.tcp = tcp;
        out.payload_bytes = held - header;
        out.payload_offset = (at as u32 + header) as u16;
        return Some((source, destination, Marks::TCP | Marks::TCP_FLAGS));
    }
    let length = u32::from(u16::from_be_bytes([l4[4], l4[5]]));
    if number != protocol::UDP || length < 8 || length > held || options.may_be_tunnel(source, destination) {
        return None;
    }
    out.tcp = TcpHeader::default();
    out.payload_bytes = length - 8;
    out.payload_offset = at as u16 + 8;
    Some((source, destination, 0))
}

/// The part of a packet that an IPv4 header at `at` and what is behind it tell, with the marks that are `known` before.
#[inline(always)]
fn v4(
    (bytes, at, end): (&[u8], usize, usize),
    known: u16,
    options: &DecodeOptions,
    out: &mut Packet,
) -> Option<KeyImage> {
    let ip = bytes.get(at..)?.first_chunk::<40>()?;
    let total = u32::from(u16::from_be_bytes([ip[2], ip[3]]));
    let fragment = u16::from_be_bytes([ip[6], ip[7]]);
    if ip[0] != 0x45 || fragment & 0x3fff != 0 || total < 20 || at + total as usize > end {
        return None;
    }
    let (_, l4) = ip.split_last_chunk::<20>()?;
    let (from, to, marks) = transport(ip[9], l4, total - 20, at + 20, options, out)?;
    // Address and port of an end in one word, so that the order of the two ends is one comparison.
    let source = u64::from(u32::from_be_bytes([ip[12], ip[13], ip[14], ip[15]])) << 16 | u64::from(from);
    let destination = u64::from(u32::from_be_bytes([ip[16], ip[17], ip[18], ip[19]])) << 16 | u64::from(to);
    let (low, high) = (source.min(destination), source.max(destination));
    out.key = FlowKey {
        low: u128::from(low >> 16),
        high: u128::from(high >> 16),
        low_port: low as u16,
        high_port: high as u16,
        protocol: ip[9],
        version: 4,
        scope: 0,
    };
    let from_low = Marks::FROM_LOW * u16::from(source <= destination);
    let dont_fragment = Marks::DONT_FRAGMENT * u16::from(fragment & 0x4000 != 0);
    out.marks = Marks(marks | known | Marks::IP_ID | from_low | dont_fragment);
    out.ip_bytes = total;
    out.ip_id = u16::from_be_bytes([ip[4], ip[5]]);
    out.ip_offset = at as u16;
    out.ttl = ip[8];
    out.tos = ip[1];
    Some(KeyImage::ipv4(low, high, ip[9]))
}

/// As [`v4`], of an IPv6 header.
#[inline(always)]
fn v6((bytes, at, end): (&[u8], usize, usize), known: u16, options: &DecodeOptions, out: &mut Packet) -> Option<()> {
    let ip = bytes.get(at..)?.first_chunk::<60>()?;
    let held = u32::from(u16::from_be_bytes([ip[4], ip[5]]));
    if ip[0] >> 4 != 6 || held == 0 || at + 40 + held as usize > end {
        return None;
    }
    let (_, l4) = ip.split_last_chunk::<20>()?;
    let (from, to, marks) = transport(ip[6], l4, held, at + 40, options, out)?;
    let source = u128::from_be_bytes(*ip.get(8..)?.first_chunk()?);
    let destination = u128::from_be_bytes(*ip.get(24..)?.first_chunk()?);
    let (key, from_low) = FlowKey::canonical(6, ip[6], (source, from), (destination, to));
    out.key = key;
    let from_low = Marks::FROM_LOW * u16::from(from_low);
    out.marks = Marks(marks | known | from_low);
    out.ip_bytes = held + 40;
    out.ip_id = 0;
    out.ip_offset = at as u16;
    out.ttl = ip[7];
    out.tos = ip[0] << 4 | ip[1] >> 4;
    Some(())
}
