//! The lean walk: to a plain packet behind VLAN tags, MPLS labels and the usual tunnels.
//!
//! **Owns** the order of the usual headers. **May touch** the frame and the fragment cache. **Order** called by `decode` for
//! what the fast path leaves; calls the general path for what it leaves itself.
//!
//! Like the fast path, it answers only where the general path would give the same answer without a flaw, and a property test
//! holds the two together. It reads headers by the same readers, but keeps no more of a header that it passes than where
//! the next one stands, so that all it knows stays in registers. Whatever is unusual ends it, and the general path begins
//! again.

use super::ethernet::ethertype;
use super::fragment::FragmentCache;
use super::ip::{IPV6_HEADER, Keyed, number};
use super::options::{DecodeOptions, UdpTunnel};
use super::walk::{Found, Here, Layer, REACH, Tunnel, be16};
use super::{fast, general, transport, tunnel_gre, tunnel_udp, tzsp};
use crate::key::protocol;
use crate::link::LinkType;
use crate::packet::{Encap, Encaps, Flaws, Packet, Verdict};
use crate::source::Frame;

/// Bit of an MPLS label stack entry that says that it is the last one (RFC 3032 section 2.1).
const BOTTOM: u8 = 1;

/// Writes the packet of a frame to `out`, or says why it belongs to no flow: as [`super::decode_into`], for what its fast path
/// leaves.
#[inline(never)]
pub(super) fn fill(
    frame: &Frame<'_>,
    options: &DecodeOptions,
    fragments: &mut FragmentCache,
    out: &mut Packet,
) -> Result<(), Verdict> {
    if let Some((end, place)) = Place::reached(frame, options) {
        match end {
            End::Ports(version) => {
                if fast::inner(version, frame, &place.here(frame, options), fragments.secret(), out) {
                    return Ok(());
                }
            }
            End::Other(version) => return other(version, frame, &place.here(frame, options), fragments, out),
        }
    }
    general::fill::<true>(frame, options, fragments, out)
}

/// The same of a frame with an IP header here, behind which a protocol stands that has no fast path. A function of its own:
/// inlined, it takes registers from the rest.
#[inline(never)]
fn other(
    version: u8,
    frame: &Frame<'_>,
    here: &Here<'_>,
    fragments: &mut FragmentCache,
    out: &mut Packet,
) -> Result<(), Verdict> {
    match keyed(version, here) {
        Some(keyed) => transport::packet(frame, here.bytes, &keyed, here.flaws, fragments, out),
        None => general::fill::<true>(frame, here.options, fragments, out),
    }
}

/// A plain IP header.
fn keyed(version: u8, here: &Here<'_>) -> Option<Keyed> {
    let rest = here.bytes.get(here.at..)?;
    let total = total(version, rest, here.end - here.at)?;
    let mut keyed = match version {
        4 => Keyed::v4(rest.first_chunk()?, here.at, total as u32, here.found),
        _ => Keyed::v6(rest.first_chunk()?, here.at, total as u32, here.found),
    };
    keyed.visible = here.bytes.len().min(here.at + total);
    Some(keyed)
}

/// The total length of a whole IP packet without options or extensions that its layer has `room` for.
#[inline(always)]
fn total(version: u8, rest: &[u8], room: usize) -> Option<usize> {
    let (plain, total) = if version == 4 {
        let head = rest.first_chunk::<20>()?;
        let whole = u16::from_be_bytes([head[6], head[7]]) & 0x3fff == 0;
        let total = usize::from(u16::from_be_bytes([head[2], head[3]]));
        (head[0] == 0x45 && whole && total >= 20, total)
    } else {
        let head = rest.first_chunk::<IPV6_HEADER>()?;
        let payload = usize::from(u16::from_be_bytes([head[4], head[5]]));
        (head[0] >> 4 == 6 && payload > 0, IPV6_HEADER + payload)
    };
    (plain && total <= room).then_some(total)
}

/// Where the walk ends: before an IP header of this version, which may not be plain.
enum End {
    /// With TCP, or UDP that carries nothing the walk would go into.
    Ports(u8),
    /// With another protocol that carries nothing the walk would go into.
    Other(u8),
}

/// Where the walk stands.
struct Place<'a> {
    /// The captured bytes of the layer, from here on.
    rest: &'a [u8],
    /// Offset in the frame.
    at: usize,
    /// Bytes of the layer on the wire, from here on; not fewer than were captured.
    room: usize,
    /// Offset of the last Ethernet header.
    ethernet: usize,
    encaps: Encaps,
    /// Tunnels passed.
    depth: usize,
}

impl<'a> Place<'a> {
    /// Where the walk through a frame ends, if all that it needs to pass is usual and taken off.
    #[inline(always)]
    fn reached(frame: &Frame<'a>, options: &DecodeOptions) -> Option<(End, Place<'a>)> {
        let (bytes, room, key) = (frame.bytes, frame.wire_len as usize, options.key());
        if frame.link != LinkType::ETHERNET || bytes.len() > room || bytes.len() > REACH || key.vlan || key.tunnel {
            return None;
        }
        let mut place = Place { rest: bytes, at: 0, room, ethernet: 0, encaps: Encaps::NONE, depth: 0 };
        let end = place.walk(options)?;
        // Asked once, of all that was taken off, and not on the way.
        let taken = options.takes_all(place.encaps) && place.depth <= usize::from(options.depth());
        taken.then_some((end, place))
    }

    /// The place as those see it who read the IP header there.
    #[inline(always)]
    fn here(&self, frame: &Frame<'a>, options: &'a DecodeOptions) -> Here<'a> {
        let found = Found { encaps: self.encaps, scope: 0, ethernet: Some(self.ethernet as u16) };
        let Place { at, room, .. } = *self;
        Here { bytes: frame.bytes, at, end: at + room, options, found, flaws: Flaws::NONE }
    }

    /// Walks to the IP header that is the key, if all is plain.
    #[inline(always)]
    fn walk(&mut self, options: &DecodeOptions) -> Option<End> {
        loop {
            self.ethernet = self.at;
            let kind = be16(self.rest, 12)?;
            self.pass(14)?;
            let mut version = self.behind_tags(kind)?;
            loop {
                let (number, length) = self.number(version)?;
                match number {
                    protocol::TCP => return Some(End::Ports(version)),
                    protocol::UDP if !self.may_be_tunnel(length, options)? => return Some(End::Ports(version)),
                    protocol::UDP | number::GRE | number::IPIP | number::IPV6 => {}
                    protocol::ICMP | protocol::ICMPV6 | protocol::IGMP | protocol::ESP | protocol::SCTP => {
                        return Some(End::Other(version));
                    }
                    _ => return None,
                }
                self.limit(total(version, self.rest, self.room)?);
                self.pass(length)?;
                version = match self.tunnel(number, options)? {
                    Layer::Ethernet | Layer::EtherType(ethertype::TRANSPARENT_BRIDGING) => break,
                    Layer::EtherType(kind) => self.behind_tags(kind)?,
                    Layer::Ip => self.nibble()?,
                    Layer::Ipv4 => 4,
                    Layer::Ipv6 => 6,
                    _ => return None,
                };
            }
        }
    }

    /// Passes tags and labels, and says which version of IP they lead to.
    #[inline(always)]
    fn behind_tags(&mut self, mut kind: u16) -> Option<u8> {
        loop {
            match kind {
                ethertype::IPV4 => return Some(4),
                ethertype::IPV6 => return Some(6),
                ethertype::C_TAG | ethertype::S_TAG | ethertype::OLD_S_TAG | ethertype::OTHER_S_TAG => {
                    self.encaps.add(Encap::Vlan);
                    kind = be16(self.rest, 2)?;
                    self.pass(4)?;
                }
                ethertype::MPLS | ethertype::MPLS_UPSTREAM => {
                    self.encaps.add(Encap::Mpls);
                    while self.rest.get(2)? & BOTTOM == 0 {
                        self.pass(4)?;
                    }
                    self.pass(4)?;
                    return self.nibble();
                }
                _ => return None,
            }
        }
    }

    /// The version that an IP header says.
    #[inline(always)]
    fn nibble(&self) -> Option<u8> {
        self.rest.first().map(|first| first >> 4)
    }

    /// What an IP header says is behind it, and its length without options or extensions.
    #[inline(always)]
    fn number(&self, version: u8) -> Option<(u8, usize)> {
        match version {
            4 => Some((*self.rest.get(9)?, 20)),
            6 => Some((*self.rest.get(6)?, IPV6_HEADER)),
            _ => None,
        }
    }

    #[inline(always)]
    fn may_be_tunnel(&self, offset: usize, options: &DecodeOptions) -> Option<bool> {
        Some(options.may_be_tunnel(*self.rest.get(offset..)?.first_chunk()?))
    }

    /// Passes the tunnel header behind an IP header, and says what is in the tunnel.
    #[inline(always)]
    fn tunnel(&mut self, number: u8, options: &DecodeOptions) -> Option<Layer> {
        match number {
            protocol::UDP => self.udp(options),
            number::GRE => self.gre(),
            number::IPIP => self.open(Tunnel::new(Encap::Ipip, None, 0, Layer::Ip)),
            number::IPV6 => self.open(Tunnel::new(Encap::Ipip, None, 0, Layer::Ipv6)),
            _ => None,
        }
    }

    #[inline(always)]
    fn udp(&mut self, options: &DecodeOptions) -> Option<Layer> {
        let [ports @ .., high, low, _, _] = *self.rest.first_chunk::<8>()?;
        let tunnel = options.udp_tunnel(ports)?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length >= 8 {
            self.limit(length);
        }
        self.pass(8)?;
        let tunnel = match tunnel {
            UdpTunnel::Vxlan => tunnel_udp::vxlan(self.rest),
            UdpTunnel::Geneve => tunnel_udp::geneve(self.rest),
            UdpTunnel::Gtpu => tunnel_udp::gtpu(self.rest),
            UdpTunnel::Tzsp => tzsp::read(self.rest),
            _ => return None,
        };
        self.open(tunnel.ok()?)
    }

    #[inline(always)]
    fn gre(&mut self) -> Option<Layer> {
        let gre = tunnel_gre::read(self.rest).ok()?;
        let next = self.open(Tunnel::new(Encap::Gre, None, gre.length, Layer::EtherType(gre.kind)))?;
        match gre.kind {
            ethertype::IPV4 => Some(Layer::Ip),
            tunnel_gre::kind::ERSPAN if !gre.has_sequence() => {
                self.open(Tunnel::new(Encap::Erspan, None, 0, Layer::Ethernet))
            }
            tunnel_gre::kind::ERSPAN | tunnel_gre::kind::ERSPAN_III => self.open(tunnel_gre::erspan(self.rest).ok()?),
            _ => Some(next),
        }
    }

    /// Passes the header of a tunnel, and says what is behind it.
    #[inline(always)]
    fn open(&mut self, tunnel: Tunnel) -> Option<Layer> {
        self.encaps.add(tunnel.kind);
        self.depth += 1;
        self.limit(tunnel.held);
        self.pass(tunnel.length)?;
        Some(tunnel.next)
    }

    /// Ends the layer `length` bytes ahead, if it does not end before.
    #[inline(always)]
    fn limit(&mut self, length: usize) {
        self.room = self.room.min(length);
        self.rest = self.rest.get(..length).unwrap_or(self.rest);
    }

    #[inline(always)]
    fn pass(&mut self, length: usize) -> Option<()> {
        self.rest = self.rest.get(length..)?;
        self.at += length;
        self.room -= length;
        Some(())
    }
}
