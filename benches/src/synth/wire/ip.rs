//! IPv4 with options and IPv6 with extension headers, whole or as fragments.
//!
//! **Owns** the network header. **May touch** nothing. **Order** around every transport message.

use super::checksum;
use std::net::IpAddr;

/// Ethertype of IPv4.
pub(crate) const ETHERTYPE_V4: u16 = 0x0800;
/// Ethertype of IPv6.
pub(crate) const ETHERTYPE_V6: u16 = 0x86dd;

/// A piece of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// Where the piece begins in the datagram. Unit: bytes, a multiple of 8.
    pub(crate) offset: u16,
    /// More pieces follow.
    pub(crate) more: bool,
}

/// What an IP header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ip {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) ttl: u8,
    /// Type of service or traffic class.
    pub(crate) tos: u8,
    /// IPv4 identification; of an IPv6 fragment the low 16 bits of its identification.
    pub(crate) id: u16,
    pub(crate) dont_fragment: bool,
    /// IPv4 options as they stand, a multiple of 4 bytes; at most 40.
    pub(crate) options: Vec<u8>,
    /// IPv6 extension headers in order: type, and the bytes behind next-header (8n - 1 of them).
    pub(crate) extensions: Vec<(u8, Vec<u8>)>,
    pub(crate) fragment: Option<Fragment>,
}

impl Ip {
    /// A plain header.
    pub(crate) fn new(source: IpAddr, destination: IpAddr, protocol: u8) -> Ip {
        Ip {
            source,
            destination,
            protocol,
            ttl: 64,
            tos: 0,
            id: 0,
            dont_fragment: false,
            options: Vec::new(),
            extensions: Vec::new(),
            fragment: None,
        }
    }

    /// The Ethertype that announces this packet.
    pub(crate) fn ethertype(&self) -> u16 {
        if self.source.is_ipv4() { ETHERTYPE_V4 } else { ETHERTYPE_V6 }
    }

    /// The packet: header and `payload`.
    pub(crate) fn packet(&self, payload: &[u8]) -> Vec<u8> {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => self.v4(source.octets(), destination.octets(), payload),
            (IpAddr::V6(source), IpAddr::V6(destination)) => self.v6(source.octets(), destination.octets(), payload),
            pair => unreachable!("both ends of a session have one IP version: {pair:?}"),
        }
    }

    fn v4(&self, source: [u8; 4], destination: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let header = 20 + self.options.len();
        let piece = self.fragment.unwrap_or(Fragment { offset: 0, more: false });
        let flags = u16::from(self.dont_fragment) << 14 | u16::from(piece.more) << 13 | (piece.offset / 8);
        let mut packet = vec![0x40 | (header / 4) as u8, self.tos];
        packet.extend(((header + payload.len()) as u16).to_be_bytes());
        packet.extend(self.id.to_be_bytes());
        packet.extend(flags.to_be_bytes());
        packet.extend([self.ttl, self.protocol, 0, 0]);
        packet.extend(source);
        packet.extend(destination);
        packet.extend(&self.options);
        let sum = checksum::internet(&packet);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet.extend(payload);
        packet
    }

    fn v6(&self, source: [u8; 16], destination: [u8; 16], payload: &[u8]) -> Vec<u8> {
        let mut extensions = self.extensions.clone();
        if let Some(piece) = self.fragment {
            let mut body = vec![0];
            body.extend((piece.offset | u16::from(piece.more)).to_be_bytes());
            body.extend(u32::from(self.id).to_be_bytes());
            extensions.push((44, body));
        }
        let types: Vec<u8> = extensions.iter().map(|(kind, _)| *kind).chain([self.protocol]).collect();
        let mut body = Vec::new();
        for ((_, bytes), next) in extensions.iter().zip(&types[1..]) {
            body.push(*next);
            body.extend(bytes);
        }
        body.extend(payload);
        let mut packet = vec![0x60 | self.tos >> 4, self.tos << 4, 0, 0];
        packet.extend((body.len() as u16).to_be_bytes());
        packet.extend([types[0], self.ttl]);
        packet.extend(source);
        packet.extend(destination);
        packet.extend(body);
        packet
    }
}

/// The next-header type of IPv6 hop-by-hop options, and a body that holds nothing but padding (RFC 8200 4.2, PadN).
pub(crate) const HOP_BY_HOP: (u8, [u8; 7]) = (0, [0, 1, 4, 0, 0, 0, 0]);
/// The next-header type of IPv6 destination options, and a body of padding.
pub(crate) const DESTINATION_OPTIONS: (u8, [u8; 7]) = (60, [0, 1, 4, 0, 0, 0, 0]);
/// The IPv4 router alert option (RFC 2113).
pub(crate) const ROUTER_ALERT: [u8; 4] = [0x94, 4, 0, 0];
