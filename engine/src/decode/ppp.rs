//! PPP, and PPPoE sessions.
//!
//! **Owns** the PPP protocol numbers that lead to IP. **May touch** the walk. **Order** called by the walk.

use super::ethernet::ethertype;
use super::walk::{Layer, Sink, Step, Walk};
use crate::packet::{Encap, Flaw};

/// PPP protocol numbers (IANA).
mod number {
    pub(super) const IPV4: u16 = 0x0021;
    pub(super) const BRIDGING: u16 = 0x0031;
    pub(super) const IPV6: u16 = 0x0057;
    pub(super) const MPLS: u16 = 0x0281;
    pub(super) const MPLS_UPSTREAM: u16 = 0x0283;
}

/// Reads a PPPoE header (RFC 2516 section 4): version and type, code, session id, the payload's length. The Ethertype
/// says that it is a session.
pub(super) fn session<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let Some([_, _, id_high, id_low, length @ ..]) = walk.head::<6>() else {
        return Step::Cut(Flaw::TunnelHeader);
    };
    if !walk.enter(Encap::Pppoe, Some(u32::from(u16::from_be_bytes([*id_high, *id_low])))) {
        return Step::Stop;
    }
    walk.skip(6);
    walk.limit(usize::from(u16::from_be_bytes(*length)));
    frame(walk)
}

/// Reads a PPP frame: address and control field where they are not left out, then the protocol, of one byte where it
/// is compressed (RFC 1661 sections 6.5 and 6.6, RFC 1662 section 3.1).
pub(super) fn frame<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    if walk.byte(0) == Some(0xff) {
        walk.skip(2);
    }
    protocol(walk)
}

/// Reads the protocol field and goes on with what it announces.
pub(super) fn protocol<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let Some(first) = walk.byte(0) else { return Step::Cut(Flaw::LinkHeader) };
    let kind = if first & 1 == 1 {
        walk.skip(1);
        u16::from(first)
    } else {
        let Some(kind) = walk.be16(0) else { return Step::Cut(Flaw::LinkHeader) };
        walk.skip(2);
        kind
    };
    match kind {
        number::IPV4 | ethertype::IPV4 => Step::Next(Layer::Ip),
        number::IPV6 | ethertype::IPV6 => Step::Next(Layer::Ipv6),
        number::MPLS | number::MPLS_UPSTREAM => Step::Next(Layer::Mpls),
        // RFC 3518 section 4.2: flags, then the MAC type, 1 for Ethernet.
        number::BRIDGING if walk.byte(1) == Some(1) => {
            walk.skip(2);
            Step::Next(Layer::Ethernet)
        }
        _ => Step::Stop,
    }
}
