//! UDP datagrams, RFC 768, and a small DNS message to put into them, RFC 1035.
//!
//! **Owns** both formats. **May touch** nothing. **Order** called by the UDP scenarios.

use super::checksum;
use std::net::SocketAddr;

/// A datagram with its checksum.
pub(crate) fn datagram(source: SocketAddr, destination: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + payload.len());
    bytes.extend(source.port().to_be_bytes());
    bytes.extend(destination.port().to_be_bytes());
    bytes.extend(((8 + payload.len()) as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    let sum = match checksum::transport(source.ip(), destination.ip(), 17, &bytes) {
        0 => 0xffff, // RFC 768: zero means that there is none
        sum => sum,
    };
    bytes[6..8].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// A question for the A record of `host.example`, and with `answers` a response of so many addresses.
pub(crate) fn dns(id: u16, host: &str, answers: Option<u8>) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend(if answers.is_some() { [0x81, 0x80] } else { [0x01, 0x00] });
    message.extend([0, 1, 0, answers.unwrap_or(0), 0, 0, 0, 0]);
    for label in [host, "example"] {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    for last in 0..answers.unwrap_or(0) {
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, last]);
    }
    message
}
