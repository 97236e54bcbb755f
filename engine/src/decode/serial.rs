//! Serial lines: Cisco HDLC and Frame Relay.
//!
//! **Owns** the ISO network layer protocol identifiers that lead to IP. **May touch** the walk.
//! **Order** called by the walk.

use super::walk::{Layer, Sink, Step, Walk};
use super::{ethernet, llc};
use crate::packet::Flaw;

/// Address bytes of a Frame Relay header, at most (Q.922 section 3.2).
const MAX_ADDRESS: usize = 4;

/// Network layer protocol identifiers, ISO/IEC TR 9577 and RFC 2427 section 4.
mod nlpid {
    pub(super) const SNAP: u8 = 0x80;
    pub(super) const IPV6: u8 = 0x8e;
    pub(super) const IPV4: u8 = 0xcc;
    pub(super) const PPP: u8 = 0xcf;
}

/// Reads a Cisco HDLC header: address, control, an Ethertype.
pub(super) fn cisco_hdlc<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let Some(kind) = walk.be16(2) else { return Step::Cut(Flaw::LinkHeader) };
    walk.skip(4);
    ethernet::payload(walk, kind)
}

/// Reads a Frame Relay header: an address, then UI and a protocol identifier (RFC 2427), or Cisco's Ethertype.
pub(super) fn frame_relay<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let last = walk.rest().iter().take(MAX_ADDRESS).position(|byte| byte & 1 == 1);
    let Some(last) = last else { return Step::Cut(Flaw::LinkHeader) };
    walk.skip(last + 1);
    match walk.byte(0) {
        Some(0x03) => {
            walk.skip(1);
            network_protocol(walk)
        }
        Some(_) => {
            let Some(kind) = walk.be16(0) else { return Step::Cut(Flaw::LinkHeader) };
            walk.skip(2);
            ethernet::payload(walk, kind)
        }
        None => Step::Cut(Flaw::LinkHeader),
    }
}

/// Goes on with what a protocol identifier announces; a zero byte before it is padding (RFC 2427 section 3).
pub(super) fn network_protocol<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    if walk.byte(0) == Some(0) {
        walk.skip(1);
    }
    let Some(kind) = walk.byte(0) else { return Step::Cut(Flaw::LinkHeader) };
    walk.skip(1);
    match kind {
        nlpid::IPV4 => Step::Next(Layer::Ip),
        nlpid::IPV6 => Step::Next(Layer::Ipv6),
        nlpid::SNAP => llc::snap(walk, false),
        nlpid::PPP => super::ppp::protocol(walk),
        _ => Step::Stop,
    }
}
