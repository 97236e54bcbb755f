//! From the innermost IP header to the packet: ports, TCP's fixed header, payload, fragments.
//!
//! **Owns** what the contract calls a packet of a flow. **May touch** the frame's bytes and the fragment cache.
//! **Order** called by the general path when the walk has ended with a key.

use super::fragment::{Flow, FragmentCache};
use super::icmp;
use super::ip::{Keyed, Part};
use crate::key::{FlowKey, HashSecret, protocol};
use crate::packet::{Flaw, Flaws, Marks, Outcome, Packet, TcpHeader, Verdict};
use crate::source::Frame;

const ICMP_HEADER: u32 = 8;
const UDP_HEADER: u32 = 8;
const SCTP_HEADER: u32 = 12;

/// Writes the packet of a frame whose innermost IP header is `keyed` to `out`, all of it but the hash.
///
/// # Errors
/// Why it belongs to no flow.
pub(super) fn packet(
    frame: &Frame<'_>,
    bytes: &[u8],
    keyed: &Keyed,
    mut flaws: Flaws,
    fragments: &mut FragmentCache,
    out: &mut Packet,
) -> Result<(), Verdict> {
    if keyed.fragment.offset.saturating_add(keyed.payload()) > 65_535 && keyed.fragment.part == Part::Later {
        flaws.add(Flaw::Fragment);
    }
    (out.tcp, out.marks, out.payload_bytes) = (TcpHeader::default(), Marks::default(), keyed.payload());
    let header = match keyed.fragment.part {
        Part::Later => later(keyed, &mut flaws, frame, fragments, out).ok_or(Outcome::FragmentOrphan),
        Part::Whole | Part::First => {
            let l4 = bytes.get(keyed.l4..keyed.visible).unwrap_or(&[]);
            whole_or_first(keyed, l4, &mut flaws, fragments.secret(), out).ok_or(Outcome::Malformed)
        }
    };
    let header = match header {
        Ok(header) => header,
        Err(outcome) => return Err(Verdict { outcome, flaws, encaps: keyed.found.encaps }),
    };
    if keyed.fragment.part == Part::First {
        out.marks.0 |= Marks::FIRST_FRAGMENT;
        fragments.first(keyed, Flow::of(&out.key(), out.marks.has(Marks::FROM_LOW)), frame.time);
    }
    assemble(frame, bytes.len(), keyed, flaws, header, out);
    Ok(())
}

/// Remembers a first fragment that was taken for a tunnel, as a flow of its own header: its later fragments cannot be
/// taken off, and belong to the tunnel. Tunnels with ports are left out: without it their later fragments are orphans.
pub(super) fn remember_tunnel(keyed: &Keyed, frame: &Frame<'_>, fragments: &mut FragmentCache) {
    if keyed.fragment.part == Part::First && !protocol::has_ports(keyed.protocol) {
        let (key, from_low) = keyed.key((0, 0));
        fragments.first(keyed, Flow::of(&key, from_low), frame.time);
    }
}

/// A later fragment has no transport header: it is 0 bytes long.
fn later(
    keyed: &Keyed,
    flaws: &mut Flaws,
    frame: &Frame<'_>,
    fragments: &mut FragmentCache,
    out: &mut Packet,
) -> Option<u32> {
    let joined = fragments.later(keyed, frame.time)?;
    if joined.overlaps {
        flaws.add(Flaw::Fragment);
    }
    set_key(&(joined.flow.key(keyed), joined.flow.from_low), fragments.secret(), out);
    out.marks.0 |= Marks::LATER_FRAGMENT;
    Some(0)
}

/// Writes a key, and whether the sender is its low endpoint.
fn set_key((key, from_low): &(FlowKey, bool), secret: &HashSecret, out: &mut Packet) {
    out.set_key(key, secret);
    out.marks.0 |= if *from_low { Marks::FROM_LOW } else { 0 };
}

/// The length of the transport header; `None` when the key cannot be made: the ports were cut off.
fn whole_or_first(keyed: &Keyed, l4: &[u8], flaws: &mut Flaws, secret: &HashSecret, out: &mut Packet) -> Option<u32> {
    match (keyed.protocol, keyed.version) {
        (number, _) if protocol::has_ports(number) => {
            let Some(&[a, b, c, d]) = l4.first_chunk::<4>() else {
                flaws.add(Flaw::TransportTruncated);
                return None;
            };
            set_key(&keyed.key((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))), secret, out);
            Some(with_ports(keyed, l4, flaws, out))
        }
        (protocol::ICMP, 4) | (protocol::ICMPV6, 6) => {
            with_icmp(keyed, l4, secret, out);
            Some(ICMP_HEADER)
        }
        _ => {
            set_key(&keyed.key((0, 0)), secret, out);
            Some(0)
        }
    }
}

fn with_icmp(keyed: &Keyed, l4: &[u8], secret: &HashSecret, out: &mut Packet) {
    let message = icmp::read(keyed.version, l4);
    let (mut key, from_low) =
        FlowKey::icmp(keyed.version, keyed.protocol, keyed.source, keyed.destination, message.key);
    key.scope = keyed.found.scope;
    set_key(&(key, from_low), secret, out);
    if message.reply {
        out.marks.0 |= Marks::ICMP_REPLY;
    }
    if message.error {
        out.marks.0 |= Marks::ICMP_ERROR;
    }
}

/// The length of a transport header with ports. The contract counts the IP payload of every protocol but TCP and UDP; only
/// where it begins differs.
fn with_ports(keyed: &Keyed, l4: &[u8], flaws: &mut Flaws, out: &mut Packet) -> u32 {
    match keyed.protocol {
        protocol::TCP => with_tcp(keyed, l4, flaws, out),
        protocol::UDP => {
            out.payload_bytes = udp_payload(keyed, l4, flaws);
            UDP_HEADER
        }
        protocol::UDP_LITE => UDP_HEADER,
        // RFC 4340 section 5.1: the data offset counts words.
        protocol::DCCP => l4.get(4).map_or(12, |words| u32::from(*words) * 4),
        // RFC 9260 section 3.1.
        _ => SCTP_HEADER,
    }
}

/// The contract's UDP payload: the smaller of length - 8 and what IP holds.
fn udp_payload(keyed: &Keyed, l4: &[u8], flaws: &mut Flaws) -> u32 {
    let held = keyed.payload();
    let room = held.saturating_sub(UDP_HEADER);
    let Some(length) = l4.get(4..).and_then(|tail| tail.first_chunk::<2>()) else { return room };
    let length = u32::from(u16::from_be_bytes(*length));
    // A jumbogram's length is 0 (RFC 2675 section 4), as is that of a datagram whose lengths the NIC fills in.
    if length == 0 && (keyed.open_ended || held > 65_535) {
        return room;
    }
    if length < UDP_HEADER || (length > held && keyed.fragment.part == Part::Whole) {
        flaws.add(Flaw::UdpLength);
    }
    length.saturating_sub(UDP_HEADER).min(room)
}

/// RFC 9293 section 3.1. The payload of a segment whose data offset is not known, or below 5, is not known.
fn with_tcp(keyed: &Keyed, l4: &[u8], flaws: &mut Flaws, out: &mut Packet) -> u32 {
    let held = keyed.payload();
    let mut length = 20;
    out.payload_bytes = 0;
    if let Some(offset) = l4.get(12) {
        let header = u32::from(offset >> 4) * 4;
        if header < 20 {
            flaws.add(Flaw::TcpDataOffset);
            return length;
        }
        if let Some(flags) = l4.get(13) {
            out.marks.0 |= Marks::TCP_FLAGS;
            out.tcp.flags = *flags;
        }
        if header > held && keyed.fragment.part == Part::Whole {
            flaws.add(Flaw::TcpDataOffset);
            return length;
        }
        length = header;
        out.payload_bytes = held.saturating_sub(header);
    }
    let Some(head) = l4.first_chunk::<20>() else {
        flaws.add(Flaw::TcpTruncated);
        return length;
    };
    out.marks.0 |= Marks::TCP;
    out.tcp = TcpHeader::read(head);
    length
}

/// What the frame and the IP header say; the transport header has `header` bytes.
fn assemble(frame: &Frame<'_>, captured: usize, keyed: &Keyed, flaws: Flaws, header: u32, out: &mut Packet) {
    if keyed.id.is_some() {
        out.marks.0 |= Marks::IP_ID;
    }
    if keyed.dont_fragment {
        out.marks.0 |= Marks::DONT_FRAGMENT;
    }
    if keyed.found.ethernet.is_some() {
        out.marks.0 |= Marks::ETHERNET;
    }
    let offset = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
    out.time = frame.time;
    out.ip_bytes = keyed.ip_bytes;
    out.wire_bytes = wire_bytes(frame, captured);
    out.ethernet_offset = keyed.found.ethernet.unwrap_or(0);
    out.ip_offset = offset(keyed.at);
    out.l4_offset = offset(keyed.l4);
    out.payload_offset = offset(keyed.l4.saturating_add(header as usize));
    out.flaws = flaws;
    out.encaps = keyed.found.encaps;
    out.ip_id = keyed.id.unwrap_or(0);
    out.ttl = keyed.ttl;
    out.tos = keyed.tos;
    out.input = frame.input;
}

/// The frame on the wire: never less than what was captured of it.
#[inline]
pub(super) fn wire_bytes(frame: &Frame<'_>, captured: usize) -> u32 {
    frame.wire_len.max(u32::try_from(captured).unwrap_or(u32::MAX))
}
