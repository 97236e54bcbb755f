//! The IP and UDP headers that the kernel took off a datagram, put back.
//!
//! **Owns** their layout (RFC 791, RFC 8200, RFC 768). **May touch** the room before a datagram.
//! **Order** called by `receiver` for each datagram. Checksums stay 0: the kernel has verified them, and nobody does again.

use std::net::{IpAddr, SocketAddr};

/// Room that the headers take at the most: IPv6 and UDP. Unit: bytes.
pub(super) const ROOM: usize = 48;

const UDP: u8 = 17;
const HOPS: u8 = 64;

/// Writes the headers of a datagram of `length` bytes to the end of `room`; gives the number of bytes they take.
///
/// Where the two addresses are not of one family, which no kernel says, both are written as IPv6.
pub(super) fn write(room: &mut [u8; ROOM], from: SocketAddr, to: SocketAddr, length: usize) -> usize {
    let udp = u16::try_from(length + 8).unwrap_or(u16::MAX);
    let [.., a, b, c, d, e, f, g, h] = room;
    ([*a, *b], [*c, *d]) = (from.port().to_be_bytes(), to.port().to_be_bytes());
    ([*e, *f], [*g, *h]) = (udp.to_be_bytes(), [0; 2]);
    match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let header = &mut room[20..40];
            header.fill(0);
            (header[0], header[8], header[9]) = (0x45, HOPS, UDP);
            header[2..4].copy_from_slice(&udp.saturating_add(20).to_be_bytes());
            header[12..16].copy_from_slice(&from.octets());
            header[16..20].copy_from_slice(&to.octets());
            28
        }
        (from, to) => {
            let header = &mut room[..40];
            header[..8].copy_from_slice(&[0x60, 0, 0, 0, 0, 0, UDP, HOPS]);
            header[4..6].copy_from_slice(&udp.to_be_bytes());
            header[8..24].copy_from_slice(&wide(from));
            header[24..40].copy_from_slice(&wide(to));
            48
        }
    }
}

fn wide(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{self, DecodeOptions, FragmentCache};
    use crate::key::HashSecret;
    use crate::link::LinkType;
    use crate::source::{Frame, Input};
    use crate::time::Nanos;

    /// The frame that a datagram becomes, decoded.
    fn decoded(from: &str, to: &str, datagram: &[u8]) -> (crate::packet::Packet, crate::record::Outer) {
        let mut room = [0xaa; ROOM];
        let taken = write(&mut room, from.parse().unwrap(), to.parse().unwrap(), datagram.len());
        let bytes = [&room[ROOM - taken..], datagram].concat();
        let frame = Frame {
            bytes: &bytes,
            time: Nanos(1),
            wire_len: bytes.len() as u32,
            link: LinkType::RAW,
            input: Input::default(),
        };
        let options = DecodeOptions::default();
        let secret = HashSecret::from_random([7; 48]);
        let packet = decode::decode(&frame, &options, &mut FragmentCache::new(secret)).expect("a packet");
        (packet, decode::outer(&bytes, LinkType::RAW, &options))
    }

    #[test]
    fn a_datagram_is_one_between_its_sender_and_the_listener_in_both_families() {
        for (from, to, version) in [
            ("192.0.2.1:40000", "198.51.100.2:5353", 4),
            ("[2001:db8::1]:40000", "[2001:db8::2]:5353", 6),
            ("[::ffff:192.0.2.1]:40000", "[::ffff:198.51.100.2]:5353", 4),
        ] {
            let (packet, outer) = decoded(from, to, b"hello");
            assert!(packet.flaws.is_empty() && packet.encaps.is_empty() && outer.endpoints.is_none());
            assert_eq!((packet.version(), packet.protocol()), (version, UDP));
            assert_eq!(packet.ip_bytes, if version == 4 { 33 } else { 53 });
        }
    }

    #[test]
    fn what_a_router_mirrors_keeps_router_and_listener_as_its_outer_endpoints() {
        let mut datagram = vec![1, 0, 0, 7, 1];
        datagram.extend([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        datagram.extend([0x12, 0x34, 0, 80, 0, 8, 0, 0]);
        let (packet, outer) = decoded("192.0.2.1:40000", "198.51.100.2:37008", &datagram);
        assert_eq!(packet.ip_bytes, 28);
        assert_eq!(outer.endpoints, Some(("192.0.2.1".parse().unwrap(), "198.51.100.2".parse().unwrap())));
    }

    #[test]
    fn the_longest_datagram_has_a_length_that_does_not_wrap() {
        let mut room = [0; ROOM];
        write(&mut room, "192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap(), 65_507);
        assert_eq!(room[22..24], 65_535u16.to_be_bytes());
        write(&mut room, "[::1]:1".parse().unwrap(), "[::1]:2".parse().unwrap(), 70_000);
        assert_eq!(room[4..6], u16::MAX.to_be_bytes());
    }
}
