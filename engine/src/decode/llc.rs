//! IEEE 802.2 LLC with SNAP: what stands behind 802.3, 802.11, FDDI, ATM and cooked captures.
//!
//! **Owns** the SAPs and OUIs that lead to IP. **May touch** the walk. **Order** called by the walk.

use super::walk::{Layer, Sink, Step, Walk};
use super::{ethernet, serial};
use crate::packet::Flaw;

const SNAP: [u8; 3] = [0xaa, 0xaa, 0x03];
/// SAP of the Internet Protocol, RFC 1042's predecessor RFC 948.
const IP_SAP: [u8; 3] = [0x06, 0x06, 0x03];
/// ISO network layer protocols; a protocol identifier follows (RFC 2684 section 5.1).
const ISO_SAP: [u8; 3] = [0xfe, 0xfe, 0x03];

/// Reads an LLC header.
pub(super) fn header<S: Sink>(walk: &mut Walk<'_, S>, padded: bool) -> Step {
    let Some(head) = walk.head::<3>() else { return Step::Cut(Flaw::LinkHeader) };
    match *head {
        SNAP => {
            walk.skip(3);
            snap(walk, padded)
        }
        IP_SAP => {
            walk.skip(3);
            Step::Next(Layer::Ip)
        }
        ISO_SAP => {
            walk.skip(3);
            serial::network_protocol(walk)
        }
        _ => Step::Stop,
    }
}

/// Reads a SNAP header: three bytes of OUI, two of protocol.
pub(super) fn snap<S: Sink>(walk: &mut Walk<'_, S>, padded: bool) -> Step {
    let Some([a, b, c, kind @ ..]) = walk.head::<5>() else { return Step::Cut(Flaw::LinkHeader) };
    let kind = u16::from_be_bytes(*kind);
    walk.skip(5);
    match ([*a, *b, *c], kind) {
        // RFC 1042, and IEEE 802.1H's bridge-tunnel encapsulation.
        ([0, 0, 0] | [0, 0, 0xf8], _) => ethernet::payload(walk, kind),
        // RFC 2684 section 5.2: bridged Ethernet, with and without FCS.
        ([0, 0x80, 0xc2], 1 | 7) => {
            walk.skip(if padded { 2 } else { 0 });
            Step::Next(Layer::Ethernet)
        }
        _ => Step::Stop,
    }
}
