//! Checksums: the Internet checksum (RFC 1071) with and without pseudo-header, and CRC32c for SCTP (RFC 9260, A).
//!
//! **Owns** the arithmetic. **May touch** nothing. **Order** last step of writing a header.

use std::net::IpAddr;

/// Adds the 16-bit words of `bytes` to a running sum; an odd last byte is padded with zero.
fn sum(bytes: &[u8], mut running: u32) -> u32 {
    for pair in bytes.chunks(2) {
        running += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        running = (running & 0xffff) + (running >> 16);
    }
    running
}

/// The Internet checksum of `bytes`.
pub(crate) fn internet(bytes: &[u8]) -> u16 {
    !(sum(bytes, 0) as u16)
}

/// The Internet checksum of a transport message with the pseudo-header of its addresses (RFC 9293 3.1, RFC 8200 8.1).
pub(crate) fn transport(source: IpAddr, destination: IpAddr, protocol: u8, message: &[u8]) -> u16 {
    let mut running = u32::from(protocol);
    for address in [source, destination] {
        running = match address {
            IpAddr::V4(v4) => sum(&v4.octets(), running),
            IpAddr::V6(v6) => sum(&v6.octets(), running),
        };
    }
    let length = (message.len() as u32).to_be_bytes();
    !(sum(message, sum(&length, running)) as u16)
}

/// CRC32c (Castagnoli), reflected.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_known_messages_are_right() {
        // RFC 1071 section 3 and RFC 3720 B.4 (32 bytes of zeros; 0..=31).
        assert_eq!(internet(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
    }

    #[test]
    fn an_odd_byte_counts_as_the_high_half_of_a_word() {
        assert_eq!(internet(&[1, 2, 3]), internet(&[1, 2, 3, 0]));
    }
}
