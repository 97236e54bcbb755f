//! The fast path: Ethernet, at most one 802.1Q tag, IPv4 without options or IPv6 without extensions, TCP or UDP.
//!
//! **Owns** nothing. **May touch** the frame. **Order** tried first by `decode`, inlined into the worker's loop.
//!
//! It answers only where the general path would give the same answer without a flaw, and says nothing otherwise; a
//! property test holds the two together. Few loads, no loop; each family's state stays in its own arm, as merging
//! them costs twice the time.

use super::ethernet::ethertype;
use super::options::DecodeOptions;
use super::transport::{tcp_header, wire_bytes};
use crate::key::{FlowKey, protocol};
use crate::link::LinkType;
use crate::packet::{Encap, Encaps, Flaws, Marks, Packet, TcpHeader};
use crate::source::Frame;

const ETHERNET: usize = 14;
const TAGGED: usize = 18;

/// The packet of a frame of the plain kind; `None` leaves it to the general path.
#[inline]
pub(super) fn packet(frame: &Frame<'_>, options: &DecodeOptions) -> Option<Packet> {
    if frame.link != LinkType::ETHERNET {
        return None;
    }
    let head = frame.bytes.first_chunk::<TAGGED>()?;
    match u16::from_be_bytes([head[12], head[13]]) {
        ethertype::IPV4 => v4::<ETHERNET>(frame, options),
        ethertype::IPV6 => v6::<ETHERNET>(frame, options),
        ethertype::C_TAG if options.takes(Encap::Vlan) && !options.key().vlan => {
            match u16::from_be_bytes([head[16], head[17]]) {
                ethertype::IPV4 => v4::<TAGGED>(frame, options),
                ethertype::IPV6 => v6::<TAGGED>(frame, options),
                _ => None,
            }
        }
        _ => None,
    }
}

/// What the transport gives.
struct Transport {
    ports: (u16, u16),
    tcp: TcpHeader,
    marks: u16,
    header: u16,
    payload: u32,
}

/// TCP or UDP from the first 20 captured bytes behind the IP header, of which `held` belong to the packet.
#[inline]
fn transport(number: u8, l4: &[u8; 20], held: u32, options: &DecodeOptions) -> Option<Transport> {
    let ports = (u16::from_be_bytes([l4[0], l4[1]]), u16::from_be_bytes([l4[2], l4[3]]));
    match number {
        protocol::TCP => {
            let tcp = tcp_header(l4);
            let header = u32::from(tcp.header_len);
            if header < 20 || header > held {
                return None;
            }
            let marks = Marks::TCP | Marks::TCP_FLAGS;
            Some(Transport { ports, tcp, marks, header: u16::from(tcp.header_len), payload: held - header })
        }
        protocol::UDP => {
            let length = u32::from(u16::from_be_bytes([l4[4], l4[5]]));
            if length < 8 || length > held || options.may_be_tunnel(ports.0, ports.1) {
                return None;
            }
            Some(Transport { ports, tcp: TcpHeader::default(), marks: 0, header: 8, payload: length - 8 })
        }
        _ => None,
    }
}

#[inline]
fn v4<const AT: usize>(frame: &Frame<'_>, options: &DecodeOptions) -> Option<Packet> {
    let ip = frame.bytes.get(AT..)?.first_chunk::<40>()?;
    let total = u32::from(u16::from_be_bytes([ip[2], ip[3]]));
    let fragment = u16::from_be_bytes([ip[6], ip[7]]);
    let wire = wire_bytes(frame, frame.bytes.len());
    if ip[0] != 0x45 || fragment & 0x3fff != 0 || total < 20 || total > wire - AT as u32 {
        return None;
    }
    let (_, l4) = ip.split_last_chunk::<20>()?;
    let transport = transport(ip[9], l4, total - 20, options)?;
    let source = u128::from(u32::from_be_bytes([ip[12], ip[13], ip[14], ip[15]]));
    let destination = u128::from(u32::from_be_bytes([ip[16], ip[17], ip[18], ip[19]]));
    let (key, from_low) = FlowKey::canonical(4, ip[9], (source, transport.ports.0), (destination, transport.ports.1));
    let mut marks = transport.marks | Marks::IP_ID | Marks::ETHERNET;
    marks |= if from_low { Marks::FROM_LOW } else { 0 };
    marks |= if fragment & 0x4000 != 0 { Marks::DONT_FRAGMENT } else { 0 };
    let mut packet = start::<AT>(frame, key, marks, wire, &transport);
    packet.ip_bytes = total;
    packet.l4_offset = AT as u16 + 20;
    packet.payload_offset = AT as u16 + 20 + transport.header;
    packet.ip_id = u16::from_be_bytes([ip[4], ip[5]]);
    packet.ttl = ip[8];
    packet.tos = ip[1];
    Some(packet)
}

#[inline]
fn v6<const AT: usize>(frame: &Frame<'_>, options: &DecodeOptions) -> Option<Packet> {
    let ip = frame.bytes.get(AT..)?.first_chunk::<60>()?;
    let held = u32::from(u16::from_be_bytes([ip[4], ip[5]]));
    let wire = wire_bytes(frame, frame.bytes.len());
    if ip[0] >> 4 != 6 || held == 0 || held + 40 > wire - AT as u32 {
        return None;
    }
    let (_, l4) = ip.split_last_chunk::<20>()?;
    let transport = transport(ip[6], l4, held, options)?;
    let source = u128::from_be_bytes(*ip.get(8..)?.first_chunk()?);
    let destination = u128::from_be_bytes(*ip.get(24..)?.first_chunk()?);
    let (key, from_low) = FlowKey::canonical(6, ip[6], (source, transport.ports.0), (destination, transport.ports.1));
    let marks = transport.marks | Marks::ETHERNET | if from_low { Marks::FROM_LOW } else { 0 };
    let mut packet = start::<AT>(frame, key, marks, wire, &transport);
    packet.ip_bytes = held + 40;
    packet.l4_offset = AT as u16 + 40;
    packet.payload_offset = AT as u16 + 40 + transport.header;
    packet.ttl = ip[7];
    packet.tos = ip[0] << 4 | ip[1] >> 4;
    Some(packet)
}

/// What both versions fill in alike.
#[inline]
fn start<const AT: usize>(frame: &Frame<'_>, key: FlowKey, marks: u16, wire: u32, transport: &Transport) -> Packet {
    let mut encaps = Encaps::NONE;
    if AT == TAGGED {
        encaps.add(Encap::Vlan);
    }
    Packet {
        key,
        time: frame.time,
        hash: 0,
        ip_bytes: 0,
        wire_bytes: wire,
        payload_bytes: transport.payload,
        tcp: transport.tcp,
        marks: Marks(marks),
        flaws: Flaws::NONE,
        encaps,
        ip_offset: AT as u16,
        l4_offset: 0,
        payload_offset: 0,
        ethernet_offset: 0,
        ip_id: 0,
        ttl: 0,
        tos: 0,
        input: frame.input,
    }
}
