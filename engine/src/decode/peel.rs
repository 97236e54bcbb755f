//! Tags and labels in front of a plain packet: the fast path for Ethernet with any stack of VLAN tags and MPLS labels.
//!
//! **Owns** nothing. **May touch** the frame. **Order** tried by `decode` for what the fast path leaves, before the walk.
//!
//! Like the fast path, it answers only where the walk would give the same answer without a flaw. A stack is passed over
//! in one loop, without the walk's state: each entry is four bytes long and says by itself what follows.

use super::ethernet::ethertype;
use super::fast;
use super::options::DecodeOptions;
use crate::key::HashSecret;
use crate::link::LinkType;
use crate::packet::{Encap, Encaps, Flaws, Marks, Packet};
use crate::source::Frame;

/// Bit of an MPLS label stack entry that says that it is the last one (RFC 3032 section 2.1).
const BOTTOM: u8 = 1;

/// Writes the packet of a frame whose tags and labels lead to a plain IP header to `out`, all of it but the hash. False
/// leaves the frame to the walk, and `out` without meaning.
#[inline(never)]
pub(super) fn fill(frame: &Frame<'_>, options: &DecodeOptions, secret: &HashSecret, out: &mut Packet) -> bool {
    if frame.link != LinkType::ETHERNET || frame.bytes.len() > frame.wire_len as usize || options.key().vlan {
        return false;
    }
    let Some((version, at, encaps)) = ip_header(frame.bytes, options) else { return false };
    let place = (frame.bytes, at, frame.wire_len as usize);
    if !fast::inner(version, place, Marks::ETHERNET, options, secret, out) {
        return false;
    }
    out.time = frame.time;
    out.wire_bytes = frame.wire_len;
    out.flaws = Flaws::NONE;
    out.encaps = encaps;
    out.input = frame.input;
    true
}

/// The version of the IP header that tags and labels lead to, where it stands, and what was passed.
#[inline(always)]
fn ip_header(bytes: &[u8], options: &DecodeOptions) -> Option<(u8, usize, Encaps)> {
    let (mut at, mut encaps) = (14, Encaps::NONE);
    let mut kind = be16(bytes, 12)?;
    loop {
        match kind {
            ethertype::C_TAG | ethertype::S_TAG | ethertype::OLD_S_TAG | ethertype::OTHER_S_TAG
                if options.takes(Encap::Vlan) =>
            {
                encaps.add(Encap::Vlan);
                kind = be16(bytes, at + 2)?;
                at += 4;
            }
            ethertype::MPLS | ethertype::MPLS_UPSTREAM if options.takes(Encap::Mpls) && !options.key().tunnel => {
                encaps.add(Encap::Mpls);
                at = below_labels(bytes, at)?;
                return Some((bytes.get(at)? >> 4, at, encaps)).filter(|(version, ..)| matches!(version, 4 | 6));
            }
            ethertype::IPV4 => return Some((4, at, encaps)),
            ethertype::IPV6 => return Some((6, at, encaps)),
            _ => return None,
        }
    }
}

/// Where the label stack at `at` ends.
#[inline(always)]
fn below_labels(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let entry: [u8; 4] = *bytes.get(at..)?.first_chunk()?;
        at += 4;
        if entry[2] & BOTTOM != 0 {
            return Some(at);
        }
    }
}

#[inline(always)]
fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_be_bytes(*two))
}
