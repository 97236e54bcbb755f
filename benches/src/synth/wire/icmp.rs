//! ICMP (RFC 792), ICMPv6 (RFC 4443), Neighbor Discovery (RFC 4861), IGMP (RFC 2236), OSPF hello (RFC 2328).
//!
//! **Owns** these formats. **May touch** nothing. **Order** called by the ICMP and the other-protocol scenarios.

use super::checksum;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fn with_checksum(mut message: Vec<u8>, at: usize) -> Vec<u8> {
    let sum = checksum::internet(&message);
    message[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    message
}

/// An ICMP message: type, code, the second word of the header, body.
pub(crate) fn v4(kind: u8, code: u8, word: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend(word);
    message.extend(body);
    with_checksum(message, 2)
}

/// An ICMPv6 message, whose checksum covers the pseudo-header.
pub(crate) fn v6(from: IpAddr, to: IpAddr, kind: u8, code: u8, word: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend(word);
    message.extend(body);
    let sum = checksum::transport(from, to, 58, &message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

/// The second word of an echo or timestamp message.
pub(crate) fn query_word(id: u16, sequence: u16) -> [u8; 4] {
    let [a, b] = id.to_be_bytes();
    let [c, d] = sequence.to_be_bytes();
    [a, b, c, d]
}

/// The body of a neighbor solicitation or advertisement: target and the option with the sender's MAC address.
pub(crate) fn neighbor_body(target: Ipv6Addr, option: u8, mac: [u8; 6]) -> Vec<u8> {
    let mut body = target.octets().to_vec();
    body.extend([option, 1]);
    body.extend(mac);
    body
}

/// An IGMPv2 membership report for `group`.
pub(crate) fn igmp_report(group: Ipv4Addr) -> Vec<u8> {
    let mut message = vec![0x16, 0, 0, 0];
    message.extend(group.octets());
    with_checksum(message, 2)
}

/// An OSPFv2 hello of a router that knows no neighbour.
pub(crate) fn ospf_hello(router: Ipv4Addr) -> Vec<u8> {
    let mut message = vec![2, 1, 0, 44];
    message.extend(router.octets());
    message.extend([0; 4]); // area
    message.extend([0; 4]); // checksum, no authentication
    let body = [255, 255, 255, 0, 0, 10, 2, 1, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 0];
    // RFC 2328 D.4: the checksum covers all but the 64 bits of authentication.
    let sum = checksum::internet(&[message.as_slice(), &body].concat());
    message[12..14].copy_from_slice(&sum.to_be_bytes());
    message.extend([0; 8]);
    message.extend(body);
    message
}
