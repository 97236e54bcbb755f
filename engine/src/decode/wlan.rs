//! IEEE 802.11 data frames, and the radio headers before them.
//!
//! **Owns** where an 802.11 header ends. **May touch** the walk. **Order** called by the walk.
//!
//! Encrypted frames, frames without data, and later fragments of an 802.11 frame show no IP. Of an aggregate (A-MSDU)
//! the first subframe is taken.

use super::walk::{Layer, Sink, Step, Walk};
use crate::packet::Flaw;

const FCS: usize = 4;

/// Frame control bits of IEEE 802.11 section 9.2.4.1, in the order of the bytes.
mod control {
    pub(super) const TYPE: u8 = 0x0c;
    pub(super) const TYPE_DATA: u8 = 0x08;
    pub(super) const NO_DATA: u8 = 0x40;
    pub(super) const QOS: u8 = 0x80;
    pub(super) const TO_AND_FROM_DS: u8 = 0x03;
    pub(super) const PROTECTED: u8 = 0x40;
    pub(super) const HT_CONTROL: u8 = 0x80;
}

/// Reads an 802.11 header.
pub(super) fn header<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    mac(walk, false)
}

fn mac<S: Sink>(walk: &mut Walk<'_, S>, padded: bool) -> Step {
    let Some(&[kind, flags]) = walk.head::<2>() else { return Step::Cut(Flaw::LinkHeader) };
    if kind & control::TYPE != control::TYPE_DATA || kind & control::NO_DATA != 0 || flags & control::PROTECTED != 0 {
        return Step::Stop;
    }
    let Some(sequence) = walk.byte(22) else { return Step::Cut(Flaw::LinkHeader) };
    if sequence & 0x0f != 0 {
        return Step::Stop;
    }
    let mut length = 24;
    if flags & control::TO_AND_FROM_DS == control::TO_AND_FROM_DS {
        length += 6;
    }
    let mut aggregate = false;
    if kind & control::QOS != 0 {
        aggregate = walk.byte(length).is_some_and(|qos| qos & 0x80 != 0);
        length += 2;
        if flags & control::HT_CONTROL != 0 {
            length += 4;
        }
    }
    if padded {
        length = length.next_multiple_of(4);
    }
    walk.skip(length);
    if aggregate { subframe(walk) } else { Step::Next(Layer::Llc { padded: false }) }
}

/// IEEE 802.11 section 9.3.2.2.2: destination, source, length.
fn subframe<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let Some(length) = walk.be16(12) else { return Step::Cut(Flaw::LinkHeader) };
    walk.skip(14);
    walk.limit(usize::from(length));
    Step::Next(Layer::Llc { padded: false })
}

/// Reads a radiotap header (radiotap.org). Its flags tell of an FCS at the end and of padding behind the MAC header.
pub(super) fn radiotap<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    const TSFT: u32 = 1;
    const FLAGS: u32 = 1 << 1;
    const MORE: u32 = 1 << 31;
    let Some([0, _, low, high, present @ ..]) = walk.head::<8>() else { return Step::Cut(Flaw::LinkHeader) };
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    if length < 8 {
        return Step::Cut(Flaw::LinkHeader);
    }
    let present = u32::from_le_bytes(*present);
    let mut field = 8;
    let mut more = present & MORE != 0;
    while more && field < length {
        let Some(word) = walk.ahead::<4>(field) else { return Step::Cut(Flaw::LinkHeader) };
        more = u32::from_le_bytes(*word) & MORE != 0;
        field += 4;
    }
    if present & TSFT != 0 {
        field = field.next_multiple_of(8) + 8;
    }
    let flags = if present & FLAGS != 0 && field < length { walk.byte(field).unwrap_or(0) } else { 0 };
    walk.skip(length);
    if flags & 0x10 != 0 {
        walk.trailer = FCS;
    }
    mac(walk, flags & 0x20 != 0)
}

/// Reads a Prism header: a message code, then its own length in the byte order of the capturing host. Some drivers
/// write an AVS header under this link type; it is known by its version.
pub(super) fn prism<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let Some([a, b, c, d, length @ ..]) = walk.head::<8>() else { return Step::Cut(Flaw::LinkHeader) };
    if u32::from_be_bytes([*a, *b, *c, *d]) & 0xffff_f000 == 0x8021_1000 {
        return avs(walk);
    }
    let length = u32::from_le_bytes(*length).min(u32::from_be_bytes(*length)) as usize;
    if length < 8 {
        return Step::Cut(Flaw::LinkHeader);
    }
    walk.skip(length);
    Step::Next(Layer::Wlan)
}

/// Reads an AVS capture header: version, then its own length, both big-endian.
pub(super) fn avs<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let Some(length) = walk.ahead::<4>(4) else { return Step::Cut(Flaw::LinkHeader) };
    let length = u32::from_be_bytes(*length) as usize;
    if length < 8 {
        return Step::Cut(Flaw::LinkHeader);
    }
    walk.skip(length);
    Step::Next(Layer::Wlan)
}
