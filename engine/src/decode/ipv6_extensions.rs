//! IPv6 extension headers, and AH in either version: the way from the IP header to its transport.
//!
//! **Owns** the chain and its limit. **May touch** the walk. **Order** called by `ip`, once per IP header.
//!
//! RFC 8200 section 4; AH is RFC 4302, Shim6 is RFC 5533. Mobility (135), HIP (139), ESP (50) and "no next header"
//! (59) end a chain: they are the protocol of the flow.

use super::ip::{Fragment, Part};
use super::walk::{Sink, Walk};

/// Headers in a chain, at most. RFC 8504 section 5.3 lets a host stop at fewer.
const LIMIT: usize = 256;

mod number {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const DESTINATION: u8 = 60;
    pub(super) const SHIM6: u8 = 140;
}

/// The type of the jumbo payload option, RFC 2675 section 2.
const JUMBO: u8 = 0xc2;

/// How a chain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chain {
    /// At the transport, or at data of a later fragment.
    Whole,
    /// A header is cut off, or there are too many. What the last readable one announced stays the protocol.
    Cut,
}

/// Whether this protocol of an IP header is an extension header.
#[inline]
pub(super) const fn begins(version: u8, protocol: u8) -> bool {
    match protocol {
        number::AUTHENTICATION => true,
        number::HOP_BY_HOP | number::ROUTING | number::FRAGMENT | number::DESTINATION | number::SHIM6 => version == 6,
        _ => false,
    }
}

/// What a chain changes of what its IP header said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Behind {
    pub(super) protocol: u8,
    pub(super) fragment: Fragment,
    pub(super) id: Option<u16>,
}

/// Follows the chain from the walk's place and leaves the walk behind it.
#[inline(never)]
pub(super) fn follow<S: Sink>(walk: &mut Walk<'_, S>, version: u8, behind: &mut Behind) -> Chain {
    for _ in 0..LIMIT {
        if behind.fragment.part == Part::Later || !begins(version, behind.protocol) {
            return Chain::Whole;
        }
        let extension = behind.protocol;
        let Some(&[next, length]) = walk.head::<2>() else { return Chain::Cut };
        if extension == number::SHIM6 && walk.byte(2).is_none_or(|third| third & 0x80 == 0) {
            return Chain::Whole;
        }
        let bytes = match extension {
            number::FRAGMENT => 8,
            number::AUTHENTICATION => (usize::from(length) + 2) * 4,
            _ => (usize::from(length) + 1) * 8,
        };
        if extension == number::FRAGMENT {
            // A fragment header that is cut off does not say whether anything is behind it.
            let Some(head) = walk.head::<8>() else { return Chain::Cut };
            // What stands in a part of a datagram makes no whole one of it.
            if behind.fragment.part == Part::Whole {
                fragment(head, behind);
            }
        }
        behind.protocol = next;
        let whole = walk.rest().len() >= bytes;
        walk.skip(bytes);
        if !whole {
            return Chain::Cut;
        }
    }
    Chain::Cut
}

/// RFC 8200 section 4.5. A fragment header without fragmentation is RFC 6946's atomic fragment: a whole datagram.
fn fragment(head: &[u8; 8], behind: &mut Behind) {
    let [_, _, high, low, id @ ..] = *head;
    let field = u16::from_be_bytes([high, low]);
    let (offset, more) = (u32::from(field & 0xfff8), field & 1 != 0);
    let part = match (offset, more) {
        (0, false) => Part::Whole,
        (0, true) => Part::First,
        _ => Part::Later,
    };
    let id = u32::from_be_bytes(id);
    behind.fragment = Fragment { part, id, offset };
    behind.id = Some(id as u16);
}

/// The length that a jumbo payload option gives, of a packet that begins with an IPv6 header and hop-by-hop options.
///
/// `None` when there is none, or when it is not above 65,535 (RFC 2675 section 3).
pub(super) fn jumbo_length(packet: &[u8]) -> Option<u32> {
    let options = packet.get(40..)?;
    let length = (usize::from(*options.get(1)?) + 1) * 8;
    let mut rest = options.get(2..length.min(options.len()))?;
    while let Some((kind, tail)) = rest.split_first() {
        if *kind == 0 {
            rest = tail;
            continue;
        }
        let (length, data) = tail.split_first()?;
        if (*kind, *length) == (JUMBO, 4) {
            return data.first_chunk().map(|jumbo| u32::from_be_bytes(*jumbo)).filter(|jumbo| *jumbo > 65_535);
        }
        rest = data.get(usize::from(*length)..)?;
    }
    None
}
