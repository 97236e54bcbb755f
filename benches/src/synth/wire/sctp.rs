//! SCTP packets, RFC 9260: common header with CRC32c, and the chunks of one small association.
//!
//! **Owns** the format. **May touch** nothing. **Order** called by the SCTP scenario.

use super::checksum;

/// DATA.
pub(crate) const DATA: u8 = 0;
/// INIT.
pub(crate) const INIT: u8 = 1;
/// INIT ACK.
pub(crate) const INIT_ACK: u8 = 2;
/// SACK.
pub(crate) const SACK: u8 = 3;
/// SHUTDOWN.
pub(crate) const SHUTDOWN: u8 = 7;
/// SHUTDOWN ACK.
pub(crate) const SHUTDOWN_ACK: u8 = 8;
/// COOKIE ECHO.
pub(crate) const COOKIE_ECHO: u8 = 10;
/// COOKIE ACK.
pub(crate) const COOKIE_ACK: u8 = 11;
/// SHUTDOWN COMPLETE.
pub(crate) const SHUTDOWN_COMPLETE: u8 = 14;

/// One chunk, padded to a multiple of 4 bytes.
pub(crate) fn chunk(kind: u8, flags: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, flags];
    bytes.extend((4 + value.len() as u16).to_be_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The value of an INIT or INIT ACK chunk: tag, window, one stream each way, first TSN, then parameters.
pub(crate) fn init_value(tag: u32, first_tsn: u32, parameters: &[u8]) -> Vec<u8> {
    let mut value = tag.to_be_bytes().to_vec();
    value.extend(65_536_u32.to_be_bytes());
    value.extend([0, 1, 0, 1]);
    value.extend(first_tsn.to_be_bytes());
    value.extend(parameters);
    value
}

/// A packet of one chunk.
pub(crate) fn packet(ports: (u16, u16), tag: u32, chunk: &[u8]) -> Vec<u8> {
    let mut bytes = ports.0.to_be_bytes().to_vec();
    bytes.extend(ports.1.to_be_bytes());
    bytes.extend(tag.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(chunk);
    let crc = checksum::crc32c(&bytes);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    bytes
}
