//! TCP headers with the options that hosts send, RFC 9293, RFC 7323, RFC 2018.
//!
//! **Owns** the TCP format. **May touch** nothing. **Order** called for each segment that passes the probe.

use super::checksum;
use std::net::SocketAddr;

/// FIN flag.
pub(crate) const FIN: u8 = 0x01;
/// SYN flag.
pub(crate) const SYN: u8 = 0x02;
/// RST flag.
pub(crate) const RST: u8 = 0x04;
/// PSH flag.
pub(crate) const PSH: u8 = 0x08;
/// ACK flag.
pub(crate) const ACK: u8 = 0x10;
/// ECE flag, RFC 3168.
pub(crate) const ECE: u8 = 0x40;
/// CWR flag, RFC 3168.
pub(crate) const CWR: u8 = 0x80;

/// Options of a segment; written in the order that Linux uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) mss: Option<u16>,
    pub(crate) window_scale: Option<u8>,
    pub(crate) sack_permitted: bool,
    /// Value and echo.
    pub(crate) timestamps: Option<(u32, u32)>,
    /// Left and right edges.
    pub(crate) sack: Vec<(u32, u32)>,
}

impl Options {
    /// The options' bytes, padded with NOP in front to words of 4.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(mss) = self.mss {
            bytes.extend([2, 4]);
            bytes.extend(mss.to_be_bytes());
        }
        if self.sack_permitted {
            bytes.extend([1, 1, 4, 2]);
        }
        if let Some((value, echo)) = self.timestamps {
            bytes.extend([1, 1, 8, 10]);
            bytes.extend(value.to_be_bytes());
            bytes.extend(echo.to_be_bytes());
        }
        if let Some(shift) = self.window_scale {
            bytes.extend([1, 3, 3, shift]);
        }
        if !self.sack.is_empty() {
            bytes.extend([1, 1, 5, (2 + 8 * self.sack.len()) as u8]);
            for (left, right) in &self.sack {
                bytes.extend(left.to_be_bytes());
                bytes.extend(right.to_be_bytes());
            }
        }
        bytes
    }
}

/// The fixed part of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
}

/// A segment with its checksum.
pub(crate) fn segment(
    source: SocketAddr,
    destination: SocketAddr,
    header: Header,
    options: &Options,
    payload: &[u8],
) -> Vec<u8> {
    let options = options.bytes();
    let mut bytes = Vec::with_capacity(20 + options.len() + payload.len());
    bytes.extend(source.port().to_be_bytes());
    bytes.extend(destination.port().to_be_bytes());
    bytes.extend(header.seq.to_be_bytes());
    bytes.extend(header.ack.to_be_bytes());
    bytes.extend([(((20 + options.len()) / 4) << 4) as u8, header.flags]);
    bytes.extend(header.window.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(options);
    bytes.extend(payload);
    let sum = checksum::transport(source.ip(), destination.ip(), 6, &bytes);
    bytes[16..18].copy_from_slice(&sum.to_be_bytes());
    bytes
}
