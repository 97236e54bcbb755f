//! TaZmen Sniffer Protocol: frames that routers and access points mirror in UDP.
//!
//! **Owns** its header, tags and numbers. **May touch** the walk. **Order** called by the walk, from UDP, and first
//! of all where the capture's link type is TZSP.
//!
//! Tags 0 (padding) and 1 (end) are one byte; all others have a length. A datagram that was cut on its way is used as
//! far as it goes: the inner IP header says how long its packet was.

use super::link;
use super::walk::{Layer, Sink, Step, Walk};
use crate::packet::{Encap, Flaw};

const VERSION: u8 = 1;

/// Frame types that carry a frame: received by the sensor, and to be sent by it.
const WITH_FRAME: [u8; 2] = [0, 1];

/// Encapsulated protocols.
fn layer_of(protocol: u16) -> Option<Layer> {
    match protocol {
        1 => Some(Layer::Ethernet),
        4 => Some(Layer::Ppp),
        5 => Some(Layer::Link(link::Header::Fddi)),
        7 => Some(Layer::Ip),
        18 => Some(Layer::Wlan),
        119 => Some(Layer::Prism),
        126 => Some(Layer::Radiotap),
        127 => Some(Layer::Avs),
        _ => None,
    }
}

/// Reads a TZSP header and its tags.
pub(super) fn header<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let Some(&[version, kind, high, low]) = walk.head::<4>() else { return Step::Cut(Flaw::TunnelHeader) };
    if version != VERSION || !WITH_FRAME.contains(&kind) {
        return Step::Stop;
    }
    let mut offset = 4;
    loop {
        match walk.byte(offset) {
            Some(0) => offset += 1,
            Some(1) => break,
            Some(_) => {
                let Some(length) = walk.byte(offset + 1) else { return Step::Cut(Flaw::TunnelHeader) };
                offset += 2 + usize::from(length);
            }
            None => return Step::Cut(Flaw::TunnelHeader),
        }
    }
    match layer_of(u16::from_be_bytes([high, low])) {
        Some(next) => walk.unwrap_to(Encap::Tzsp, None, offset + 1, next),
        None => Step::Stop,
    }
}
