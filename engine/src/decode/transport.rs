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

const UDP_HEADER: u32 = 8;
const SCTP_HEADER: u32 = 12;

/// What the transport header gives to the packet.
#[derive(Clone, Copy, Debug, Default)]
struct Transport {
    key: FlowKey,
    tcp: TcpHeader,
    marks: u16,
    /// Length of the transport header. Unit: bytes.
    header: u32,
    payload: u32,
}

/// Makes the packet of a frame whose innermost IP header is `keyed`.
pub(super) fn packet(
    frame: &Frame<'_>,
    bytes: &[u8],
    keyed: &Keyed,
    mut flaws: Flaws,
    fragments: &mut FragmentCache,
) -> Result<Packet, Verdict> {
    let refuse = |outcome, flaws| Err(Verdict { outcome, flaws, encaps: keyed.found.encaps });
    if keyed.fragment.offset.saturating_add(keyed.payload()) > 65_535 && keyed.fragment.part == Part::Later {
        flaws.add(Flaw::Fragment);
    }
    let transport = match keyed.fragment.part {
        Part::Later => later(keyed, &mut flaws, frame, fragments).ok_or(Outcome::FragmentOrphan),
        Part::Whole | Part::First => {
            let l4 = bytes.get(keyed.l4..keyed.visible).unwrap_or(&[]);
            whole_or_first(keyed, l4, &mut flaws).ok_or(Outcome::Malformed)
        }
    };
    let transport = match transport {
        Ok(transport) => transport,
        Err(outcome) => return refuse(outcome, flaws),
    };
    if keyed.fragment.part == Part::First {
        let from_low = transport.marks & Marks::FROM_LOW != 0;
        fragments.first(keyed, Flow::of(&transport.key, from_low), frame.time);
    }
    Ok(assemble(frame, bytes.len(), keyed, flaws, &transport, fragments.secret()))
}

/// Remembers a first fragment that was taken for a tunnel, as a flow of its own header: its later fragments cannot be
/// taken off, and belong to the tunnel. Tunnels with ports are left out: without it their later fragments are orphans.
pub(super) fn remember_tunnel(keyed: &Keyed, frame: &Frame<'_>, fragments: &mut FragmentCache) {
    if keyed.fragment.part == Part::First && !protocol::has_ports(keyed.protocol) {
        let (key, from_low) = keyed.key((0, 0));
        fragments.first(keyed, Flow::of(&key, from_low), frame.time);
    }
}

fn later(keyed: &Keyed, flaws: &mut Flaws, frame: &Frame<'_>, fragments: &mut FragmentCache) -> Option<Transport> {
    let joined = fragments.later(keyed, frame.time)?;
    if joined.overlaps {
        flaws.add(Flaw::Fragment);
    }
    let from_low = if joined.flow.from_low { Marks::FROM_LOW } else { 0 };
    let marks = Marks::LATER_FRAGMENT | from_low;
    Some(Transport { key: joined.flow.key(keyed), marks, payload: keyed.payload(), ..Transport::default() })
}

/// `None` when the key cannot be made: the ports were cut off.
fn whole_or_first(keyed: &Keyed, l4: &[u8], flaws: &mut Flaws) -> Option<Transport> {
    let mut transport = match (keyed.protocol, keyed.version) {
        (number, _) if protocol::has_ports(number) => {
            let Some(&[a, b, c, d]) = l4.first_chunk::<4>() else {
                flaws.add(Flaw::TransportTruncated);
                return None;
            };
            let (key, from_low) = keyed.key((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])));
            let mut transport = Transport { key, ..Transport::default() };
            transport.marks = if from_low { Marks::FROM_LOW } else { 0 };
            with_ports(keyed, l4, flaws, &mut transport);
            transport
        }
        (protocol::ICMP, 4) | (protocol::ICMPV6, 6) => with_icmp(keyed, l4),
        _ => {
            let (key, from_low) = keyed.key((0, 0));
            let marks = if from_low { Marks::FROM_LOW } else { 0 };
            Transport { key, marks, payload: keyed.payload(), ..Transport::default() }
        }
    };
    if keyed.fragment.part == Part::First {
        transport.marks |= Marks::FIRST_FRAGMENT;
    }
    Some(transport)
}

fn with_icmp(keyed: &Keyed, l4: &[u8]) -> Transport {
    let message = icmp::read(keyed.version, l4);
    let (mut key, from_low) =
        FlowKey::icmp(keyed.version, keyed.protocol, keyed.source, keyed.destination, message.key);
    key.scope = keyed.found.scope;
    let mut marks = if from_low { Marks::FROM_LOW } else { 0 };
    if message.reply {
        marks |= Marks::ICMP_REPLY;
    }
    if message.error {
        marks |= Marks::ICMP_ERROR;
    }
    Transport { key, marks, header: 8, payload: keyed.payload(), ..Transport::default() }
}

fn with_ports(keyed: &Keyed, l4: &[u8], flaws: &mut Flaws, transport: &mut Transport) {
    let held = keyed.payload();
    match keyed.protocol {
        protocol::TCP => with_tcp(keyed, l4, flaws, transport),
        protocol::UDP => {
            transport.header = UDP_HEADER;
            transport.payload = udp_payload(keyed, l4, flaws);
        }
        // The contract counts the IP payload of every other protocol; only where it begins differs.
        protocol::UDP_LITE => (transport.header, transport.payload) = (UDP_HEADER, held),
        // RFC 4340 section 5.1: the data offset counts words.
        protocol::DCCP => {
            let header = l4.get(4).map_or(12, |words| u32::from(*words) * 4);
            (transport.header, transport.payload) = (header, held);
        }
        // RFC 9260 section 3.1.
        _ => (transport.header, transport.payload) = (SCTP_HEADER, held),
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

/// RFC 9293 section 3.1.
fn with_tcp(keyed: &Keyed, l4: &[u8], flaws: &mut Flaws, transport: &mut Transport) {
    let held = keyed.payload();
    transport.header = 20;
    if let Some(offset) = l4.get(12) {
        let header = u32::from(offset >> 4) * 4;
        if header < 20 {
            flaws.add(Flaw::TcpDataOffset);
            return;
        }
        if let Some(flags) = l4.get(13) {
            transport.marks |= Marks::TCP_FLAGS;
            transport.tcp.flags = *flags;
        }
        if header > held && keyed.fragment.part == Part::Whole {
            flaws.add(Flaw::TcpDataOffset);
            return;
        }
        transport.header = header;
        transport.payload = held.saturating_sub(header);
    }
    let Some(head) = l4.first_chunk::<20>() else {
        flaws.add(Flaw::TcpTruncated);
        return;
    };
    transport.marks |= Marks::TCP;
    transport.tcp = TcpHeader::read(head);
}

fn assemble(
    frame: &Frame<'_>,
    captured: usize,
    keyed: &Keyed,
    flaws: Flaws,
    transport: &Transport,
    secret: &HashSecret,
) -> Packet {
    let mut marks = transport.marks;
    if keyed.id.is_some() {
        marks |= Marks::IP_ID;
    }
    if keyed.dont_fragment {
        marks |= Marks::DONT_FRAGMENT;
    }
    if keyed.found.ethernet.is_some() {
        marks |= Marks::ETHERNET;
    }
    let offset = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
    Packet {
        time: frame.time,
        ip_bytes: keyed.ip_bytes,
        wire_bytes: wire_bytes(frame, captured),
        payload_bytes: transport.payload,
        tcp: transport.tcp,
        marks: Marks(marks),
        flaws,
        encaps: keyed.found.encaps,
        ip_offset: offset(keyed.at),
        l4_offset: offset(keyed.l4),
        payload_offset: offset(keyed.l4.saturating_add(transport.header as usize)),
        ethernet_offset: keyed.found.ethernet.unwrap_or(0),
        ip_id: keyed.id.unwrap_or(0),
        ttl: keyed.ttl,
        tos: keyed.tos,
        input: frame.input,
        ..Packet::of(&transport.key, secret)
    }
}

/// The frame on the wire: never less than what was captured of it.
#[inline]
pub(super) fn wire_bytes(frame: &Frame<'_>, captured: usize) -> u32 {
    frame.wire_len.max(u32::try_from(captured).unwrap_or(u32::MAX))
}
