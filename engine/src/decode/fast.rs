//! The fast path of walks: IPv4 without options or IPv6 without extensions, with TCP or UDP, at the IP header that a walk has
//! come to.
//!
//! **Owns** nothing. **May touch** the frame. **Order** tried by walks at each IP header. Frames of plain Ethernet need no walk:
//! [`super::plain`].
//!
//! It answers only where the general path would give the same answer without a flaw, and says nothing otherwise; a
//! property test holds the two together. Few loads, no loop, one check of the length for all headers; each family's state
//! stays in its own arm, as merging them costs twice the time. The packet is written where it will be read: a packet is two
//! lines long, and handing it through returns costs as much as decoding it.

use super::options::DecodeOptions;
use super::transport::wire_bytes;
use super::walk::Here;
use crate::key::{FlowKey, HashSecret, KeyImage, protocol};
use crate::packet::{Marks, Packet, TcpHeader};
use crate::source::Frame;

/// IP headers without options or extensions.
const IPV4: usize = 20;
const IPV6: usize = 40;

/// Captured bytes behind the IP header that are asked for: TCP's fixed header.
const L4: usize = 20;

/// Writes the packet whose keyed header is the IP header of `version` that a walk has come to to `out`, all of it but the hash.
/// False leaves it to the general path, and `out` without meaning.
#[inline(always)]
pub(super) fn inner(version: u8, frame: &Frame<'_>, here: &Here<'_>, secret: &HashSecret, out: &mut Packet) -> bool {
    // Every offset fits its 16 bits.
    if here.at > usize::from(u16::MAX) - 256 {
        return false;
    }
    let known = if here.found.ethernet.is_some() { Marks::ETHERNET } else { 0 };
    let place = (here.bytes, here.at, here.end);
    let plain =
        if version == 4 { v4(place, known, here.options, out) } else { v6(place, known, here.options, secret, out) };
    if plain.is_none() {
        return false;
    }
    if here.found.scope != 0 {
        let key = FlowKey { scope: here.found.scope, ..out.key() };
        out.set_key(&key, secret);
    }
    out.ethernet_offset = here.found.ethernet.unwrap_or(0);
    out.time = frame.time;
    out.wire_bytes = wire_bytes(frame, here.bytes.len());
    out.flaws = here.flaws;
    out.encaps = here.found.encaps;
    out.input = frame.input;
    true
}

/// What the packet needs of a transport header besides its [`TcpHeader`].
struct Transport {
    /// Length of the header. Unit: bytes.
    header: u16,
    payload: u32,
    marks: u16,
}

/// TCP from its fixed header, of a segment of `held` bytes.
#[inline(always)]
fn tcp(l4: &[u8; L4], held: u32, out: &mut Packet) -> Option<Transport> {
    out.tcp = TcpHeader::read(l4);
    let header = u16::from(out.tcp.header_len);
    let payload = held.checked_sub(u32::from(header))?;
    (header >= 20).then_some(Transport { header, payload, marks: Marks::TCP | Marks::TCP_FLAGS })
}

/// UDP from its first bytes, in a packet that holds `held` bytes of it.
#[inline(always)]
fn udp(l4: &[u8; L4], held: u32, options: &DecodeOptions, out: &mut Packet) -> Option<Transport> {
    let [a, b, c, d, high, low, ..] = *l4;
    let length = u32::from(u16::from_be_bytes([high, low]));
    if length < 8 || length > held || options.may_be_tunnel([a, b, c, d]) {
        return None;
    }
    out.tcp = TcpHeader::default();
    Some(Transport { header: 8, payload: length - 8, marks: 0 })
}

/// The part of a packet that an IPv4 header at `at` and what is behind it tell, with the marks that are `known` before.
#[inline(always)]
fn v4((bytes, at, end): (&[u8], usize, usize), known: u16, options: &DecodeOptions, out: &mut Packet) -> Option<()> {
    let ip = bytes.get(at..)?.first_chunk::<{ IPV4 + L4 }>()?;
    let total = u32::from(u16::from_be_bytes([ip[2], ip[3]]));
    let held = total.checked_sub(IPV4 as u32)?;
    if ip[0] != 0x45 || u16::from_be_bytes([ip[6], ip[7]]) & 0x3fff != 0 || at + total as usize > end {
        return None;
    }
    let l4 = ip.last_chunk()?;
    out.ip_bytes = total;
    match ip[9] {
        protocol::TCP => finish_v4(ip, at, protocol::TCP, known, &tcp(l4, held, out)?, out),
        protocol::UDP => finish_v4(ip, at, protocol::UDP, known, &udp(l4, held, options, out)?, out),
        _ => None,
    }
}

/// What does not differ by the number of the transport is written for each apart, so that nothing of it is carried from one
/// to the other.
#[inline(always)]
fn finish_v4(
    ip: &[u8; IPV4 + L4],
    at: usize,
    number: u8,
    known: u16,
    transport: &Transport,
    out: &mut Packet,
) -> Option<()> {
    let addresses = u64::from_be_bytes(*ip.get(12..)?.first_chunk()?);
    let ports = u32::from_be_bytes(*ip.get(IPV4..)?.first_chunk()?);
    let (image, from_low) = KeyImage::of_ipv4_packet(addresses, ports, number);
    (out.image, out.scope) = (image, 0);
    let dont_fragment = Marks::DONT_FRAGMENT * u16::from(ip[6] & 0x40 != 0);
    let from_low = Marks::FROM_LOW * u16::from(from_low);
    finish(at, at + IPV4, known | Marks::IP_ID | dont_fragment | from_low, transport, out);
    out.ip_id = u16::from_be_bytes([ip[4], ip[5]]);
    out.ttl = ip[8];
    out.tos = ip[1];
    Some(())
}

/// As [`v4`], of an IPv6 header.
#[inline(always)]
fn v6(
    (bytes, at, end): (&[u8], usize, usize),
    known: u16,
    options: &DecodeOptions,
    secret: &HashSecret,
    out: &mut Packet,
) -> Option<()> {
    let ip = bytes.get(at..)?.first_chunk::<{ IPV6 + L4 }>()?;
    let held = u32::from(u16::from_be_bytes([ip[4], ip[5]]));
    if ip[0] >> 4 != 6 || held == 0 || at + IPV6 + held as usize > end {
        return None;
    }
    let l4 = ip.last_chunk::<L4>()?;
    let transport = match ip[6] {
        protocol::TCP => tcp(l4, held, out)?,
        protocol::UDP => udp(l4, held, options, out)?,
        _ => return None,
    };
    let (from, to) = (u16::from_be_bytes([l4[0], l4[1]]), u16::from_be_bytes([l4[2], l4[3]]));
    let source = u128::from_be_bytes(*ip.get(8..)?.first_chunk()?);
    let destination = u128::from_be_bytes(*ip.get(24..)?.first_chunk()?);
    let (key, from_low) = FlowKey::canonical(6, ip[6], (source, from), (destination, to));
    out.set_key(&key, secret);
    finish(at, at + IPV6, known | (Marks::FROM_LOW * u16::from(from_low)), &transport, out);
    out.ip_bytes = held + IPV6 as u32;
    out.ip_id = 0;
    out.ttl = ip[7];
    out.tos = ip[0] << 4 | ip[1] >> 4;
    Some(())
}

/// The transport's part of a packet, and where the headers stand: IP at `at`, the transport's at `l4`.
#[inline(always)]
const fn finish(at: usize, l4: usize, known: u16, transport: &Transport, out: &mut Packet) {
    out.payload_bytes = transport.payload;
    out.marks = Marks(known | transport.marks);
    out.ethernet_offset = 0;
    out.ip_offset = at as u16;
    out.l4_offset = l4 as u16;
    out.payload_offset = l4 as u16 + transport.header;
}
