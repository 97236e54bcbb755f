//! What the formats and the window say to each other.
//!
//! **Owns** one packet's place in the window, the reasons for which a format pauses, and the readers of numbers in
//! either byte order. **May touch** nothing. **Order** made by `pcap` and `pcapng`, used by the file that owns both
//! the window and the format.

use crate::link::LinkType;
use crate::time::Nanos;

/// One packet of the window: where its bytes are and what the file says of it. Valid until the window moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// UNIX nanoseconds.
    pub(super) time: Nanos,
    /// First byte in the window.
    pub(super) at: usize,
    /// Captured bytes, without FCS.
    pub(super) len: u32,
    /// Bytes on the wire, without FCS; at least `len`.
    pub(super) wire_len: u32,
    /// How the bytes begin.
    pub(super) link: LinkType,
}

impl Slot {
    /// A packet of which `captured` bytes of `original` stand in the file, the last `fcs` of the original being FCS.
    /// An original length below the captured one is a fault of the writer: the captured one counts.
    #[inline]
    pub(super) fn new(time: Nanos, at: usize, captured: u32, original: u32, fcs: u32, link: LinkType) -> Slot {
        let wire_len = original.max(captured).saturating_sub(fcs);
        Slot { time, at, len: captured.min(wire_len), wire_len, link }
    }
}

/// Why a format gives no further packet now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// As many packets were given as had been asked for.
    Enough,
    /// The window ends inside `what`, which needs so many bytes from the position.
    Need { bytes: usize, what: &'static str },
    /// The record at the position cannot be read, nor anything behind it.
    Broken(String),
}

/// The longest captured length that is believed of a link type; libpcap and Wireshark hold the same limits.
pub(super) const fn longest(link: LinkType) -> u32 {
    match link.0 {
        231 => 128 << 20, // DBUS
        279 => 8 << 20,   // EBHSCR
        249 => 1 << 20,   // USBPCAP
        _ => 256 << 10,
    }
}

/// The registry's number where a file has an operating system's own number instead: 12 and 14 were written for raw IP
/// by libpcaps that did not translate DLT_RAW, and mean nothing else in files.
pub(super) const fn registered(number: u16) -> LinkType {
    match number {
        12 | 14 => LinkType::RAW,
        other => LinkType(other),
    }
}

/// The two bytes at `at` as a number; 0 beyond the end.
#[inline]
pub(super) fn u16_at(bytes: &[u8], at: usize, big: bool) -> u16 {
    let raw = bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
    if big { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) }
}

/// The four bytes at `at` as a number; 0 beyond the end.
#[inline]
pub(super) fn u32_at(bytes: &[u8], at: usize, big: bool) -> u32 {
    let raw = bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
    if big { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_fcs_are_settled_once() {
        for (captured, original, fcs, len, wire_len) in [
            (60, 60, 0, 60, 60),
            (60, 1500, 0, 60, 1500),
            (60, 10, 0, 60, 60),
            (64, 64, 4, 60, 60),
            (62, 64, 4, 60, 60),
            (40, 64, 4, 40, 60),
            (2, 2, 4, 0, 0),
        ] {
            let slot = Slot::new(Nanos(1), 16, captured, original, fcs, LinkType::ETHERNET);
            assert_eq!((slot.len, slot.wire_len), (len, wire_len), "{captured} of {original} with FCS {fcs}");
        }
    }

    #[test]
    fn numbers_beyond_the_end_are_zero() {
        assert_eq!(u32_at(&[1, 2, 3, 4], 0, true), 0x0102_0304);
        assert_eq!(u32_at(&[1, 2, 3, 4], 1, true), 0);
        assert_eq!(u16_at(&[1, 2], 0, false), 0x0201);
        assert_eq!(u16_at(&[1, 2], usize::MAX, false), 0);
    }
}
