//! How messages lie in the ring: so many cache lines, the first of which says what it is and how many follow.
//!
//! **Owns** the layout. **May touch** the lines it is given. **Order** written and read by the ends of the ring, which
//! hand on whole messages.
//!
//! A record is its flow's state, part by part, each from a line of its own on; a part that the flow has not is not written.

use crate::flow::{Extra, First, Pair, TcpBlock, trail::Trail};
use crate::key::FlowKey;
use crate::packet::Encap;
use crate::record::make::{Facts, FlowState};
use crate::record::{EncapLayer, Outer};
use bytemuck::{Pod, Zeroable};
use std::net::IpAddr;

/// What messages are made of: a cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct Line([u64; 8]);

impl Line {
    /// Lines as bytes, for a file that this process alone reads.
    #[must_use]
    pub fn bytes(lines: &[Line]) -> &[u8] {
        bytemuck::cast_slice(lines)
    }

    /// The same, to be filled.
    pub fn bytes_mut(lines: &mut [Line]) -> &mut [u8] {
        bytemuck::cast_slice_mut(lines)
    }
}

impl From<[u64; 8]> for Line {
    fn from(words: [u64; 8]) -> Line {
        Line(words)
    }
}

/// Lines of a part.
const fn lines<T>() -> usize {
    size_of::<T>().div_ceil(size_of::<Line>())
}

/// Lines behind the head at the most: only TCP has a block and a trail, and it has no extra.
const BODY: usize = lines::<Pair>() + lines::<TcpBlock>() + lines::<Trail>() + lines::<First>() + lines::<Around>();

/// Lines of a message at the most.
pub(super) const MOST: usize = 1 + BODY;

/// Kinds of messages.
pub(super) const RECORD: u8 = 0;
pub(super) const PART: u8 = 1;
pub(super) const MARK: u8 = 2;
pub(super) const WHOLE: u8 = 3;

/// Parts that a flow's state may have, in their order: bits of [`Head::parts`].
const BLOCK: u8 = 1 << 0;
const TRAIL: u8 = 1 << 1;
const FIRST: u8 = 1 << 2;
const EXTRA: u8 = 1 << 3;
const AROUND: u8 = 1 << 4;

/// The first line of a message.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Head {
    pub(super) kind: u8,
    /// Of a record.
    parts: u8,
    /// Lines behind this one.
    pub(super) behind: u8,
    unused: [u8; 5],
    /// What it says: the facts of a record, a key, or a time.
    pub(super) words: [u64; 7],
}

const _: () = assert!(size_of::<Head>() == size_of::<Line>() && size_of::<Facts>() == size_of::<[u64; 7]>());
const _: () = assert!(lines::<Extra>() <= lines::<TcpBlock>(), "a body has room for what flows other than TCP have");

impl Head {
    /// Of a message that is but a head.
    pub(super) const fn alone(kind: u8, words: [u64; 7]) -> Head {
        Head { kind, parts: 0, behind: 0, unused: [0; 5], words }
    }
}

/// Lines of the message that begins with this one.
pub(super) fn length(first: &Line) -> usize {
    let head: Head = bytemuck::cast(*first);
    1 + usize::from(head.behind)
}

/// What the message is that begins with this line.
pub(super) fn kind(first: &Line) -> u8 {
    let head: Head = bytemuck::cast(*first);
    head.kind
}

/// Where the head of a message stands that is being read: what follows is then aligned as it is in a shard.
const HEAD: usize = 1;

/// Room for a message with its head at [`HEAD`].
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(128))]
struct Aligned([Line; (HEAD + MOST).next_multiple_of(2)]);

/// A message that is being read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    lines: Aligned,
    /// What stood around the keyed header, if the message is a record.
    outer: Outer,
}

impl Default for Reading {
    fn default() -> Reading {
        Reading { lines: Aligned::zeroed(), outer: Outer::default() }
    }
}

impl Reading {
    /// Takes a whole message.
    #[inline]
    pub(super) fn take(&mut self, message: &[Line]) {
        let count = message.len().min(MOST);
        self.lines.0[HEAD..HEAD + count].copy_from_slice(&message[..count]);
        let head = self.head();
        if head.kind == RECORD && head.parts & AROUND != 0 {
            // It is the last part.
            let mut at = usize::from(head.behind) - lines::<Around>();
            self.outer = self.read::<Around>(&mut at).outer();
        }
    }

    /// How it begins.
    pub(super) fn head(&self) -> Head {
        bytemuck::cast(self.lines.0[HEAD])
    }

    /// The message as it lies.
    pub(super) fn lines(&self) -> &[Line] {
        &self.lines.0[HEAD..HEAD + length(&self.lines.0[HEAD]).min(MOST)]
    }

    fn read<T: Pod>(&self, at: &mut usize) -> &T {
        let from = *at;
        *at += lines::<T>();
        bytemuck::from_bytes(&bytemuck::cast_slice(&self.lines.0[HEAD + 1 + from..])[..size_of::<T>()])
    }

    /// The state that it carries.
    pub(super) fn state(&self) -> FlowState<'_> {
        let (head, mut at) = (self.head(), 0);
        let pair = self.read(&mut at);
        let block = (head.parts & BLOCK != 0).then(|| self.read(&mut at));
        let trail = (head.parts & TRAIL != 0).then(|| self.read(&mut at));
        let first = (head.parts & FIRST != 0).then(|| self.read(&mut at));
        let extra = (head.parts & EXTRA != 0).then(|| self.read(&mut at));
        let outer = if head.parts & AROUND != 0 { &self.outer } else { &NOTHING };
        FlowState { facts: bytemuck::cast(head.words), pair, block, trail, extra, first, outer }
    }
}

/// What stands around a keyed header that stands alone.
static NOTHING: Outer = Outer::NOTHING;

/// A message that is being written.
#[derive(Clone, Copy, Debug, Zeroable)]
#[repr(C)]
pub(super) struct Desk {
    lines: [Line; MOST],
}

impl Desk {
    fn write<T: Pod>(&mut self, at: &mut usize, part: &T) {
        let to: &mut [u8] = bytemuck::cast_slice_mut(&mut self.lines[*at..]);
        to[..size_of::<T>()].copy_from_slice(bytemuck::bytes_of(part));
        *at += lines::<T>();
    }

    /// Lays a flow's state out; the lines of its message.
    pub(super) fn lay(&mut self, state: &FlowState<'_>) -> &[Line] {
        let (mut at, mut parts) = (1, 0);
        self.write(&mut at, state.pair);
        if let Some(block) = state.block {
            parts |= BLOCK;
            self.write(&mut at, block);
        }
        if let Some(trail) = state.trail {
            parts |= TRAIL;
            self.write(&mut at, trail);
        }
        if let Some(first) = state.first {
            parts |= FIRST;
            self.write(&mut at, first);
        }
        if let Some(extra) = state.extra {
            parts |= EXTRA;
            self.write(&mut at, extra);
        }
        if !state.outer.is_empty() {
            parts |= AROUND;
            self.write(&mut at, &Around::of(state.outer));
        }
        let words = bytemuck::cast(state.facts);
        let head = Head { kind: RECORD, parts, behind: (at - 1) as u8, unused: [0; 5], words };
        self.lines[0] = bytemuck::cast(head);
        &self.lines[..at]
    }
}

/// A key as words, and back.
pub(super) const fn words_of(key: &FlowKey) -> [u64; 7] {
    let FlowKey { low, high, scope, .. } = *key;
    [(low >> 64) as u64, low as u64, (high >> 64) as u64, high as u64, scope, key.exact(), 0]
}

/// See [`words_of`].
pub(super) const fn key_of([low_high, low, high_high, high, scope, exact, _]: [u64; 7]) -> FlowKey {
    FlowKey {
        low: (low_high as u128) << 64 | low as u128,
        high: (high_high as u128) << 64 | high as u128,
        low_port: (exact >> 48) as u16,
        high_port: (exact >> 32) as u16,
        protocol: (exact >> 8) as u8,
        version: exact as u8,
        scope,
    }
}

/// An [`Outer`] in a form that can travel.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
struct Around {
    endpoints: [[u8; 16]; 2],
    ids: [u32; 8],
    vlan_ids: [u16; 8],
    kinds: [u8; 8],
    /// Bit n: layer n has an identifier.
    identified: u8,
    vlans: u8,
    layers: u8,
    /// Endpoints: bit 0 there are any, bits 1 and 2 the first and the second is IPv6.
    families: u8,
}

const ENDPOINTS: u8 = 1;

impl Around {
    fn of(outer: &Outer) -> Around {
        let mut around =
            Around { vlans: outer.vlan_ids.len() as u8, layers: outer.encap.len() as u8, ..Around::default() };
        around.vlan_ids.iter_mut().zip(&outer.vlan_ids).for_each(|(to, id)| *to = *id);
        for (n, (layer, (kind, id))) in outer.encap.iter().zip(around.kinds.iter_mut().zip(&mut around.ids)).enumerate()
        {
            *kind = layer.kind as u8;
            *id = layer.id.unwrap_or_default();
            around.identified |= u8::from(layer.id.is_some()) << n;
        }
        if let Some((source, destination)) = outer.endpoints {
            around.families = ENDPOINTS | u8::from(source.is_ipv6()) << 1 | u8::from(destination.is_ipv6()) << 2;
            around.endpoints = [source, destination].map(octets);
        }
        around
    }

    fn outer(&self) -> Outer {
        let layer = |n: usize| {
            let (kind, _) = *Encap::ALL.get(usize::from(self.kinds[n]))?;
            Some(EncapLayer { kind, id: (self.identified >> n & 1 != 0).then_some(self.ids[n]) })
        };
        let ends = [0, 1].map(|n| address(self.endpoints[n], self.families >> (n + 1) & 1 != 0));
        Outer {
            vlan_ids: self.vlan_ids.into_iter().take(self.vlans.into()).collect(),
            encap: (0..self.kinds.len()).take(self.layers.into()).filter_map(layer).collect(),
            endpoints: (self.families & ENDPOINTS != 0).then_some(ends.into()),
        }
    }
}

fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(ip) => ip.octets(),
    }
}

fn address(octets: [u8; 16], v6: bool) -> IpAddr {
    let [a, b, c, d, ..] = octets;
    if v6 { IpAddr::from(octets) } else { IpAddr::from([a, b, c, d]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::EndReason;
    use proptest::prelude::*;

    #[test]
    fn what_a_flow_has_not_is_not_written() {
        let (pair, block, trail, first, extra) =
            (Pair::zeroed(), TcpBlock::zeroed(), Trail::zeroed(), First::zeroed(), Extra::zeroed());
        let (plain, tagged) = (Outer::default(), Outer { vlan_ids: [7].into_iter().collect(), ..Outer::default() });
        let facts = Facts::new(EndReason::Idle);
        let udp = FlowState { facts, pair: &pair, block: None, trail: None, extra: None, first: None, outer: &plain };
        let tcp = FlowState { block: Some(&block), ..udp };
        let cases = [
            ("UDP", 3, udp),
            ("ESP", 4, FlowState { extra: Some(&extra), ..udp }),
            ("TCP without data", 8, tcp),
            ("TCP", 12, FlowState { trail: Some(&trail), ..tcp }),
            ("all", MOST, FlowState { trail: Some(&trail), first: Some(&first), outer: &tagged, ..tcp }),
        ];
        let mut desk = Desk::zeroed();
        for (name, lines, state) in cases {
            assert_eq!(desk.lay(&state).len(), lines, "{name}");
        }
    }

    fn outer() -> impl Strategy<Value = Outer> {
        let layer = (prop::sample::select(Encap::ALL), any::<Option<u32>>())
            .prop_map(|((kind, _), id)| EncapLayer { kind, id });
        let (vlans, layers) = (prop::collection::vec(any::<u16>(), 0..=8), prop::collection::vec(layer, 0..=8));
        (vlans, layers, any::<Option<(IpAddr, IpAddr)>>()).prop_map(|(vlans, layers, endpoints)| Outer {
            vlan_ids: vlans.into_iter().collect(),
            encap: layers.into_iter().collect(),
            endpoints,
        })
    }

    proptest! {
        #[test]
        fn what_stood_around_a_packet_comes_out_as_it_went_in(outer in outer()) {
            prop_assert_eq!(Around::of(&outer).outer(), outer);
        }

        #[test]
        fn a_key_comes_out_as_it_went_in(
            ends in any::<(u128, u128)>(), ports in any::<(u16, u16)>(), rest in any::<(u8, u8, u64)>(),
        ) {
            let ((low, high), (low_port, high_port), (protocol, version, scope)) = (ends, ports, rest);
            let key = FlowKey { low, high, low_port, high_port, protocol, version, scope };
            prop_assert_eq!(key_of(words_of(&key)), key);
        }
    }
}
