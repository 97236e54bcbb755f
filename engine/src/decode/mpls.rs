//! MPLS label stacks and what stands below the bottom label.
//!
//! **Owns** the guess of what that is: MPLS does not say. **May touch** the walk. **Order** called by the walk.
//!
//! The first nibble decides (RFC 4928 section 3, RFC 4385 section 3): 4 and 6 are IP, 1 is an associated channel, 0
//! is a pseudowire. Whether a pseudowire has a control word is told by where its Ethernet header has a type that
//! makes sense; with neither, a nibble of 0 means a control word.

use super::ethernet::is_likely;
use super::walk::{Layer, Sink, Step, Walk};
use crate::packet::{Encap, Flaw};

/// Channel types of RFC 4385 section 6 that carry IP.
const CHANNEL_IPV4: u16 = 0x0021;
const CHANNEL_IPV6: u16 = 0x0057;

/// Reads a label stack to its bottom (RFC 3032 section 2.1).
pub(super) fn stack<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    loop {
        let Some(entry) = walk.head::<4>() else { return Step::Cut(Flaw::TunnelHeader) };
        let entry = u32::from_be_bytes(*entry);
        if !walk.enter(Encap::Mpls, Some(entry >> 12)) {
            return Step::Stop;
        }
        walk.skip(4);
        if entry & 0x100 != 0 {
            return payload(walk);
        }
    }
}

fn payload<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    match walk.byte(0).map(|first| first >> 4) {
        None => Step::Stop,
        Some(4) => Step::Next(Layer::Ipv4),
        Some(6) => Step::Next(Layer::Ipv6),
        Some(1) => associated_channel(walk),
        Some(0) => {
            let plain = walk.be16(12).is_some_and(is_likely);
            let after_control_word = walk.be16(16).is_some_and(is_likely);
            let length = if plain && !after_control_word { 0 } else { 4 };
            walk.unwrap_to(Encap::Pseudowire, None, length, Layer::Ethernet)
        }
        // A pseudowire without control word whose MAC address begins so; other payloads do not look like this.
        Some(_) if walk.be16(12).is_some_and(is_likely) => walk.unwrap_to(Encap::Pseudowire, None, 0, Layer::Ethernet),
        Some(_) => Step::Stop,
    }
}

/// RFC 4385 section 5: four bytes, the last two of them the channel type.
fn associated_channel<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    match walk.be16(2) {
        Some(CHANNEL_IPV4) => walk.unwrap_to(Encap::Pseudowire, None, 4, Layer::Ipv4),
        Some(CHANNEL_IPV6) => walk.unwrap_to(Encap::Pseudowire, None, 4, Layer::Ipv6),
        _ => Step::Stop,
    }
}
