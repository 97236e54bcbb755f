//! TaZmen Sniffer Protocol: frames that routers and access points mirror in UDP.
//!
//! **Owns** its header, tags and numbers. **May touch** the walk. **Order** called by the walk, from UDP, and first
//! of all where the capture's link type is TZSP.
//!
//! Tags 0 (padding) and 1 (end) are one byte; all others have a length. A datagram that was cut on its way is used as
//! far as it goes: the inner IP header says how long its packet was.

use super::link;
use super::walk::{Layer, Sink, Step, Tunnel, Walk};
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

/// Reads a TZSP header and goes on with what it carries.
pub(super) fn header<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    walk.open(read(walk.rest()))
}

/// A TZSP header with its tags.
#[inline(always)]
pub(super) fn read(rest: &[u8]) -> Result<Tunnel, Step> {
    const CUT: Step = Step::Cut(Flaw::TunnelHeader);
    let &[version, kind, high, low] = rest.first_chunk::<4>().ok_or(CUT)?;
    if version != VERSION || !WITH_FRAME.contains(&kind) {
        return Err(Step::Stop);
    }
    let mut offset = 4;
    loop {
        match rest.get(offset).ok_or(CUT)? {
            0 => offset += 1,
            1 => break,
            _ => offset += 2 + usize::from(*rest.get(offset + 1).ok_or(CUT)?),
        }
    }
    let next = layer_of(u16::from_be_bytes([high, low])).ok_or(Step::Stop)?;
    Ok(Tunnel::new(Encap::Tzsp, None, offset + 1, next))
}
