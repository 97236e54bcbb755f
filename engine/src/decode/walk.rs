//! The walk from the first byte of a frame to its innermost IP header: one loop over layers, no recursion.
//!
//! **Owns** the place where the walk stands, what it has found on the way, and the table from a layer to its reader.
//! **May touch** the frame's bytes, read only and only through the window of the enclosing layer.
//! **Order** run by `decode`'s general path and by `outer` alike, with different sinks, so that the two cannot
//! disagree.
//!
//! Every reader either consumes at least one byte or hands on to one that does, so the walk ends within the frame;
//! tunnels are bounded by the depth limit besides. `a_walk_ends_for_any_bytes` holds it to that.

use super::ip::Keyed;
use super::options::DecodeOptions;
use super::{ethernet, ip, link, link_headers, llc, mpls, ppp, serial, tunnel_gre, tzsp, wlan};
use crate::packet::{Encap, Encaps, Flaw, Flaws};

/// Bytes of a frame that are looked at. What lies beyond counts as not captured: every offset fits 16 bits.
pub(super) const REACH: usize = u16::MAX as usize;

/// What stands at the walk's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// A link header that is not a layer of its own elsewhere.
    Link(link::Header),
    Ethernet,
    /// What an Ethertype announced.
    EtherType(u16),
    /// IEEE 802.2; `padded` where RFC 2684 puts two bytes before a bridged frame.
    Llc {
        padded: bool,
    },
    Mpls,
    Pppoe,
    Ppp,
    CiscoHdlc,
    FrameRelay,
    Wlan,
    Radiotap,
    Prism,
    Avs,
    /// IPv4 or IPv6 by the version nibble.
    Ip,
    Ipv4,
    Ipv6,
    Gre,
    Tzsp,
}

/// What a reader says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Go on with this layer at the new place.
    Next(Layer),
    /// Nothing more to take off: the last IP header is the key, if there is one.
    Stop,
    /// The header is cut off or contradicts itself; as [`Step::Stop`], with a flaw.
    Cut(Flaw),
    /// An IP header was announced and cannot be used: there is no key.
    Broken(Flaw),
}

/// The header of a tunnel.
#[derive(Clone, Copy)]
pub(super) struct Tunnel {
    pub(super) kind: Encap,
    pub(super) id: Option<u32>,
    /// Unit: bytes.
    pub(super) length: usize,
    /// Bytes that header and payload have together, where the header says so; else as many as there are.
    pub(super) held: usize,
    pub(super) next: Layer,
}

impl Tunnel {
    /// A header that does not say how much it holds.
    #[inline(always)]
    pub(super) const fn new(kind: Encap, id: Option<u32>, length: usize, next: Layer) -> Tunnel {
        Tunnel { kind, id, length, held: usize::MAX, next }
    }
}

/// Who wants to know what is passed on the way.
pub(super) trait Sink {
    /// A VLAN tag was taken off.
    fn vlan(&mut self, _id: u16) {}
    /// Another encapsulation was taken off.
    fn layer(&mut self, _kind: Encap, _id: Option<u32>) {}
    /// An IP header was read. It takes the place of `outer` as the key.
    fn ip(&mut self, _outer: Option<&Keyed>) {}
    /// The walk stands before an IP header of this version, which may be all that there is to find. Whoever has the packet at
    /// once says so, and the walk ends.
    fn shortcut(_walk: &mut Walk<'_, Self>, _version: u8) -> bool
    where
        Self: Sized,
    {
        false
    }
}

/// Where a walk stands.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// Where what belongs to the layer ends.
    pub(super) end: usize,
    pub(super) options: &'a DecodeOptions,
    pub(super) found: Found,
    pub(super) flaws: Flaws,
}

/// What was found up to some place of the walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// What was taken off.
    pub(super) encaps: Encaps,
    /// VLAN and tunnel identifiers folded together, as far as they belong to keys.
    pub(super) scope: u64,
    /// Offset of the last Ethernet header.
    pub(super) ethernet: Option<u16>,
}

/// A walk through one frame.
pub(super) struct Walk<'a, S> {
    /// The captured bytes, at most [`REACH`].
    pub(super) bytes: &'a [u8],
    /// Where the next layer begins.
    pub(super) at: usize,
    /// Where the enclosing layer ends on the wire; may lie beyond `bytes`. What is read never depends on how far beyond:
    /// `outer` does not know it.
    pub(super) end: usize,
    /// Bytes before `end` that are not the layer's: an FCS.
    pub(super) trailer: usize,
    pub(super) options: &'a DecodeOptions,
    pub(super) sink: S,
    pub(super) found: Found,
    pub(super) flaws: Flaws,
    /// The last IP header on the way in.
    pub(super) keyed: Option<Keyed>,
    depth: u8,
}

impl<'a, S: Sink> Walk<'a, S> {
    /// A walk that has not begun, through a frame of `wire` bytes on the wire.
    pub(super) fn new(bytes: &'a [u8], wire: usize, options: &'a DecodeOptions, sink: S) -> Walk<'a, S> {
        let end = wire.max(bytes.len());
        let bytes = bytes.get(..REACH).unwrap_or(bytes);
        Walk {
            bytes,
            at: 0,
            end,
            trailer: 0,
            options,
            sink,
            found: Found::default(),
            flaws: Flaws::NONE,
            keyed: None,
            depth: 0,
        }
    }

    /// Walks to the end. False when an announced IP header cannot be used.
    pub(super) fn run(&mut self, first: Layer) -> bool {
        let mut layer = first;
        loop {
            match self.step(layer) {
                Step::Next(next) => layer = next,
                Step::Stop => return true,
                Step::Cut(flaw) => {
                    self.flaws.add(flaw);
                    return true;
                }
                Step::Broken(flaw) => {
                    self.flaws.add(flaw);
                    return false;
                }
            }
        }
    }

    #[inline(always)]
    fn step(&mut self, layer: Layer) -> Step {
        match layer {
            Layer::Link(header) => link_headers::read(self, header),
            Layer::Ethernet => ethernet::header(self),
            Layer::EtherType(kind) => ethernet::payload(self, kind),
            Layer::Llc { padded } => llc::header(self, padded),
            Layer::Mpls => mpls::stack(self),
            Layer::Pppoe => ppp::session(self),
            Layer::Ppp => ppp::frame(self),
            Layer::CiscoHdlc => serial::cisco_hdlc(self),
            Layer::FrameRelay => serial::frame_relay(self),
            Layer::Wlan => wlan::header(self),
            Layer::Radiotap => wlan::radiotap(self),
            Layer::Prism => wlan::prism(self),
            Layer::Avs => wlan::avs(self),
            Layer::Ip => ip::either(self),
            Layer::Ipv4 => ip::announced_v4(self),
            Layer::Ipv6 => ip::v6(self),
            Layer::Gre => tunnel_gre::header(self),
            Layer::Tzsp => tzsp::header(self),
        }
    }

    /// Where the walk stands.
    #[inline(always)]
    pub(super) const fn here(&self) -> Here<'a> {
        let Walk { bytes, at, options, found, flaws, .. } = *self;
        Here { bytes, at, end: self.end.saturating_sub(self.trailer), options, found, flaws }
    }

    /// Bytes from the walk's place to where what belongs to the layer ends on the wire.
    pub(super) const fn room(&self) -> usize {
        self.end.saturating_sub(self.trailer).saturating_sub(self.at)
    }

    /// Notes that an Ethernet header begins here, of which captured bytes follow.
    pub(super) fn note_ethernet(&mut self) {
        self.found.ethernet = u16::try_from(self.at).ok();
    }

    /// The captured bytes from the walk's place to the end of the enclosing layer.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..self.end.min(self.bytes.len())).unwrap_or(&[])
    }

    /// The next `N` bytes.
    pub(super) fn head<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.rest().first_chunk()
    }

    /// `N` bytes that begin `offset` bytes ahead.
    pub(super) fn ahead<const N: usize>(&self, offset: usize) -> Option<&'a [u8; N]> {
        self.rest().get(offset..)?.first_chunk()
    }

    /// The byte `offset` bytes ahead.
    pub(super) fn byte(&self, offset: usize) -> Option<u8> {
        self.rest().get(offset).copied()
    }

    /// The big-endian 16-bit number `offset` bytes ahead.
    pub(super) fn be16(&self, offset: usize) -> Option<u16> {
        be16(self.rest(), offset)
    }

    /// Moves on by `length` bytes.
    pub(super) fn skip(&mut self, length: usize) {
        self.at = self.at.saturating_add(length);
    }

    /// Ends the enclosing layer `length` bytes ahead, if it does not end before.
    pub(super) fn limit(&mut self, length: usize) {
        let end = self.at.saturating_add(length);
        if end < self.end {
            (self.end, self.trailer) = (end, 0);
        }
    }

    /// Takes an encapsulation off, if it is not switched off and not too deep.
    ///
    /// Tags and label stacks are bounded by the frame and do not count for the depth.
    pub(super) fn enter(&mut self, kind: Encap, id: Option<u32>) -> bool {
        if !self.options.takes(kind) {
            return false;
        }
        if !matches!(kind, Encap::Vlan | Encap::Mpls) {
            if self.depth >= self.options.depth() {
                self.flaws.add(Flaw::DepthLimit);
                return false;
            }
            self.depth += 1;
        }
        self.found.encaps.add(kind);
        let key = self.options.key();
        if kind == Encap::Vlan {
            let id = id.unwrap_or(0);
            self.sink.vlan(id as u16);
            if key.vlan {
                self.fold(kind, id);
            }
        } else {
            self.sink.layer(kind, id);
            if let Some(id) = id.filter(|_| key.tunnel) {
                self.fold(kind, id);
            }
        }
        true
    }

    /// Folds an identifier into the scope of the key; the order of layers counts.
    fn fold(&mut self, kind: Encap, id: u32) {
        let word = (kind as u64 + 1) << 32 | u64::from(id);
        let mixed = (self.found.scope ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.found.scope = mixed ^ mixed >> 29;
    }

    /// Takes a tunnel off whose header was read, or ends the walk as its reader says.
    pub(super) fn open(&mut self, read: Result<Tunnel, Step>) -> Step {
        match read {
            Ok(Tunnel { kind, id, length, held, next }) => {
                self.limit(held);
                self.unwrap_to(kind, id, length, next)
            }
            Err(step) => step,
        }
    }

    /// Takes an encapsulation off and goes on with `next`, `length` bytes ahead.
    pub(super) fn unwrap_to(&mut self, kind: Encap, id: Option<u32>, length: usize, next: Layer) -> Step {
        if self.enter(kind, id) {
            self.skip(length);
            Step::Next(next)
        } else {
            Step::Stop
        }
    }
}

/// The big-endian 16-bit number at an offset.
#[inline(always)]
pub(super) fn be16(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|two| u16::from_be_bytes(*two))
}
