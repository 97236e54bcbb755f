//! The packet that an ICMP error quotes: whose flow the error is about.
//!
//! **Owns** the reading of a quoted header as far as a key needs it. **May touch** the frame's bytes.
//! **Order** called by `worker` or the spreader for packets with [`Marks::ICMP_ERROR`], which are few.
//!
//! An error quotes at least the IP header and eight bytes (RFC 792), in IPv6 as much as fits (RFC 4443). Quoted
//! fragments other than first ones, and IPv6 headers behind extension headers, are not attributed.

use super::icmp;
use crate::key::{FlowKey, HashSecret, protocol};
use crate::packet::{Marks, Packet};

/// Bytes of an ICMP header before what it quotes.
const ICMP_HEADER: usize = 8;

/// The quoted packet's key, its image made under `secret`, as a packet of the error's time that [`Marks::QUOTED`] tells from real ones; `None` when
/// there is nothing to attribute.
#[must_use]
pub fn quoted(packet: &Packet, bytes: &[u8], secret: &HashSecret) -> Option<Packet> {
    if !packet.marks.has(Marks::ICMP_ERROR) {
        return None;
    }
    let header = bytes.get(usize::from(packet.l4_offset) + ICMP_HEADER..)?;
    let (mut key, from_low) = match header.first()? >> 4 {
        4 => v4(header)?,
        6 => v6(header)?,
        _ => return None,
    };
    key.scope = packet.scope;
    let marks = Marks(Marks::QUOTED | if from_low { Marks::FROM_LOW } else { 0 });
    Some(Packet { time: packet.time, marks, input: packet.input, ..Packet::of(&key, secret) })
}

fn v4(header: &[u8]) -> Option<(FlowKey, bool)> {
    let fixed = header.first_chunk::<20>()?;
    let length = usize::from(fixed[0] & 15) * 4;
    let later = u16::from_be_bytes([fixed[6], fixed[7]]) & 0x1fff != 0;
    let address = |at: usize| header.get(at..)?.first_chunk().map(|word| u128::from(u32::from_be_bytes(*word)));
    if later || length < 20 {
        return None;
    }
    key(4, fixed[9], address(12)?, address(16)?, header.get(length..)?)
}

fn v6(header: &[u8]) -> Option<(FlowKey, bool)> {
    let address = |at: usize| header.get(at..)?.first_chunk().map(|words| u128::from_be_bytes(*words));
    key(6, *header.get(6)?, address(8)?, address(24)?, header.get(40..)?)
}

fn key(version: u8, proto: u8, source: u128, destination: u128, transport: &[u8]) -> Option<(FlowKey, bool)> {
    if matches!((version, proto), (4, protocol::ICMP) | (6, protocol::ICMPV6)) {
        let message = icmp::read(version, transport);
        return Some(FlowKey::icmp(version, proto, source, destination, message.key));
    }
    let ports = if protocol::has_ports(proto) {
        let [a, b, c, d] = *transport.first_chunk()?;
        (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
    } else {
        (0, 0)
    };
    Some(FlowKey::canonical(version, proto, (source, ports.0), (destination, ports.1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::READ_SECRET;

    fn error(quote: &[u8]) -> (Packet, Vec<u8>) {
        let marks = Marks(Marks::ICMP_ERROR);
        (Packet { marks, l4_offset: 2, ..Packet::default() }, [&[0; 2 + ICMP_HEADER][..], quote].concat())
    }

    fn udp_quote() -> Vec<u8> {
        let mut quote = vec![0x45, 0, 0, 60, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1];
        quote.extend_from_slice(&[0x9c, 0x40, 0, 53, 0, 40, 0, 0]);
        quote
    }

    #[test]
    fn a_quoted_datagram_has_the_key_of_its_flow() {
        let (packet, bytes) = error(&udp_quote());
        let (want, from_low) = FlowKey::canonical(4, 17, (0x0a00_0002, 40_000), (0x0a00_0001, 53));
        let got = quoted(&packet, &bytes, &READ_SECRET).unwrap();
        assert_eq!((got.key(), got.marks.has(Marks::FROM_LOW)), (want, from_low));
    }

    #[test]
    fn what_is_cut_off_or_a_later_fragment_is_attributed_to_nobody() {
        for end in 0..24 {
            let (packet, bytes) = error(&udp_quote()[..end]);
            assert!(quoted(&packet, &bytes, &READ_SECRET).is_none(), "{end} bytes");
        }
        let mut later = udp_quote();
        later[7] = 9;
        let (packet, bytes) = error(&later);
        assert!(quoted(&packet, &bytes, &READ_SECRET).is_none());
    }
}
