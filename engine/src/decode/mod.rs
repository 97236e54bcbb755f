//! Frame to packet: what a frame's innermost IP header says, or why the frame belongs to no flow.
//!
//! **Owns** every header format below the transport payload. **May touch** the frame's bytes and the fragment cache:
//! no clock, no table, no counter but the cache's own. No allocation, no panic, whatever the bytes.
//! **Order** called by `worker` (or by the spreader) once per frame, `outer` once per flow. A worker without a filter asks
//! `plain` first, and only what that leaves becomes a packet.
//!
//! ```text
//! plain -- Ethernet, one tag or none, IPv4 or IPv6, TCP or UDP ------------------> outline
//! decode -- plain, and from its outline ------------------------------------------> Packet
//!       \-- lean: the same behind tags, labels and the usual tunnels ------------> Packet
//!       \-- general: walk (link, tags, tunnels ... innermost IP) -- transport ---> Packet or Verdict
//!                                                         \------- fast ---------> Packet
//! outer  ------- the same walk, with a sink that gathers -------------------------> record::Outer
//! ```
//!
//! Invariants, each the name of a test:
//! - `fast_and_general_agree`
//! - `a_walk_ends_for_any_bytes`
//! - `outer_knows_what_the_packet_had_taken_off`
//!
//! To add an encapsulation: a row in `packet::Encap`, a reader in a room of its own here, an arm where it is announced
//! (Ethertype, IP protocol, UDP port; the same in `lean`, where it is usual), a name in `config::plan`.

mod ethernet;
mod fast;
mod fragment;
mod general;
mod icmp;
mod ip;
mod ipv6_extensions;
mod l2tpv3;
mod lean;
mod link;
mod link_headers;
mod llc;
mod mpls;
mod options;
mod outer;
pub mod plain;
mod ppp;
mod quoted;
mod serial;
mod transport;
mod tunnel_gre;
mod tunnel_udp;
mod tzsp;
mod walk;
mod wlan;

pub use fragment::{CAPACITY as FRAGMENT_CAPACITY, FragmentCache, FragmentCounts, TIMEOUT as FRAGMENT_TIMEOUT};
pub use options::DecodeOptions;
pub use plain::Plain;
pub use quoted::quoted;

use crate::link::LinkType;
use crate::packet::{Outline, Packet, Verdict};
use crate::record::Outer;
use crate::source::Frame;
use walk::Walk;

/// Whether frames of a link type can be decoded. All others end as [`Outcome::UnsupportedLink`].
#[must_use]
pub fn knows(link: LinkType) -> bool {
    link::first(link).is_some()
}

/// Writes the packet of a frame to `out`, or says why it belongs to no flow. `Packet::hash` is left to the caller; the image of
/// the key is made under the secret of the fragment cache.
///
/// # Errors
/// Not a failure of the probe: the verdict of a frame that is not accounted to a flow. `out` has no meaning then.
#[inline(always)]
pub fn decode_into(
    frame: &Frame<'_>,
    options: &DecodeOptions,
    fragments: &mut FragmentCache,
    out: &mut Packet,
) -> Result<(), Verdict> {
    let mut outline = Outline::default();
    if let Some(Plain { image, .. }) = plain::any(frame, options, fragments.secret(), &mut outline) {
        *out = plain::packet(frame, image, &outline);
        return Ok(());
    }
    walk_into(frame, options, fragments, out)
}

/// As [`decode_into`], of a frame that is not [`plain`].
///
/// # Errors
/// As [`decode_into`].
#[inline]
pub fn walk_into(
    frame: &Frame<'_>,
    options: &DecodeOptions,
    fragments: &mut FragmentCache,
    out: &mut Packet,
) -> Result<(), Verdict> {
    lean::fill(frame, options, fragments, out)
}

/// The packet of a frame, or why it belongs to no flow: as [`decode_into`].
///
/// # Errors
/// As [`decode_into`].
#[inline]
pub fn decode(frame: &Frame<'_>, options: &DecodeOptions, fragments: &mut FragmentCache) -> Result<Packet, Verdict> {
    let mut packet = Packet::default();
    decode_into(frame, options, fragments, &mut packet).map(|()| packet)
}

/// The general path alone: gives the answer of [`decode`] for every frame, and is slower for plain ones.
///
/// # Errors
/// As [`decode`].
pub fn decode_any(
    frame: &Frame<'_>,
    options: &DecodeOptions,
    fragments: &mut FragmentCache,
) -> Result<Packet, Verdict> {
    let mut packet = Packet::default();
    general::fill::<false>(frame, options, fragments, &mut packet).map(|()| packet)
}

/// What stood around the keyed header of a frame: VLAN and tunnel identifiers, the innermost tunnel's endpoints.
///
/// Slow; called once per flow, for its first packet, when `Packet::encaps` is not empty. Empty for a frame without IP.
#[must_use]
pub fn outer(frame_bytes: &[u8], link: LinkType, options: &DecodeOptions) -> Outer {
    let Some(first) = link::first(link) else { return Outer::default() };
    let mut walk = Walk::new(frame_bytes, frame_bytes.len(), options, outer::Gather::default());
    let usable = walk.run(first);
    if usable { walk.sink.known } else { Outer::default() }
}
