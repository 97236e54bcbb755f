//! Frames by chance: plain ones, nested ones, damaged ones.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each user takes a part of it")]

use crate::build::{self, IPV4, IPV6, ethernet, gre, join, label, outer_v4, snap, tag, udp, v6};
use parshall_config::plan::{DECAP_DEFAULT, DECAP_OPTIONAL, DecapPlan, KeyScope};
use parshall_engine::decode::{DecodeOptions, outer};
use parshall_engine::link::LinkType;
use parshall_engine::packet::{Encap, Marks, Packet};
use parshall_engine::source::Frame;
use proptest::prelude::*;
use proptest::sample::Index;

/// A transport header with payload, and its protocol. Ports below 1024 meet no tunnel.
fn transport() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let ports = (0_u16..1024, 0_u16..1024);
    let payload = proptest::collection::vec(any::<u8>(), 0..40);
    (0..6_u8, ports, any::<u8>(), 0..=10_usize, payload).prop_map(
        |(kind, (from, to), flags, words, payload)| match kind {
            0 | 1 => {
                let mut segment = build::tcp(from, to, flags, &join(&[&vec![1; words * 4], &payload]));
                segment[12] = (5 + words as u8) << 4;
                (6, segment)
            }
            2 | 3 => (17, udp(from, to, &payload)),
            // Echo, its reply, unreachable, time exceeded: messages of any length from eight bytes on.
            4 => (1, join(&[&[[8, 0, 3, 11][usize::from(flags % 4)], 0, 0, 0, 1, 2, 3, 4], &payload])),
            _ => ([89, 132, 50][usize::from(flags % 3)], payload),
        },
    )
}

fn options() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => Just(Vec::new()), 1 => (1..=10_usize).prop_map(|words| vec![1; words * 4])]
}

/// An IPv4 or IPv6 packet, with options or extension headers now and then.
pub fn ip() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let extensions = prop_oneof![3 => Just(vec![]), 1 => proptest::collection::vec(0..4_usize, 1..4)];
    (any::<bool>(), transport(), options(), extensions, any::<[u8; 8]>(), any::<u16>()).prop_map(
        |(six, (protocol, payload), options, extensions, addresses, id)| {
            if six {
                let protocol = if protocol == 1 { 58 } else { protocol };
                (IPV6, with_extensions(protocol, payload, &extensions))
            } else {
                let body = join(&[&options, &payload]);
                let [a, b, c, d, e, f, g, h] = addresses;
                let mut packet = build::v4_with(protocol, [a, b, c, d], [e, f, g, h], id, id & 0x4000, &body);
                packet[0] = 0x45 + (options.len() / 4) as u8;
                (IPV4, packet)
            }
        },
    )
}

fn with_extensions(protocol: u8, payload: Vec<u8>, extensions: &[usize]) -> Vec<u8> {
    let mut next = protocol;
    let mut body = payload;
    for kind in extensions {
        let (number, header) = match kind {
            0 => (60, vec![next, 0, 1, 4, 0, 0, 0, 0]),
            1 => (43, join(&[&[next, 2, 4, 0], &[0; 20]])),
            2 => (51, join(&[&[next, 4], &[0; 22]])),
            _ => (44, vec![next, 0, 0, 0, 0, 0, 0, 9]),
        };
        body = join(&[&header, &body]);
        next = number;
    }
    v6(next, &body)
}

/// An Ethernet frame with up to three tags.
pub fn plain() -> impl Strategy<Value = Vec<u8>> {
    let tags = prop_oneof![2 => Just(vec![]), 1 => proptest::collection::vec((any::<bool>(), any::<u16>()), 1..3)];
    (ip(), tags, 0..20_usize).prop_map(|((kind, packet), tags, trailer)| {
        let (mut kind, mut body) = (kind, packet);
        for (service, control) in tags {
            body = tag(control, kind, &body);
            kind = if service { 0x88a8 } else { 0x8100 };
        }
        join(&[&ethernet(kind, &body), &vec![0; trailer]])
    })
}

/// An Ethernet frame with encapsulations in any order.
pub fn nested() -> impl Strategy<Value = Vec<u8>> {
    (ip(), proptest::collection::vec(0..18_u8, 0..7)).prop_map(|((kind, packet), layers)| {
        let (mut kind, mut body) = (kind, packet);
        for layer in layers {
            (kind, body) = wrap(layer, kind, &body);
        }
        ethernet(kind, &body)
    })
}

/// Puts one encapsulation around what an Ethertype announces.
fn wrap(layer: u8, kind: u16, body: &[u8]) -> (u16, Vec<u8>) {
    let over_udp = |port: u16, head: &[u8], rest: &[u8]| (IPV4, outer_v4(17, &udp(40_000, port, &join(&[head, rest]))));
    let frame = || ethernet(kind, body);
    match layer {
        0 => (0x8100, tag(7, kind, body)),
        1 => (0x88a8, tag(8, kind, body)),
        2 => (0x88e7, join(&[&[0, 0, 0, 1], &frame()])),
        3 => (0x8926, join(&[&[0; 4], &kind.to_be_bytes(), body])),
        4 => (0x8847, join(&[&label(16, false), &label(17, true), &[0; 4], &frame()])),
        5 if kind == IPV4 || kind == IPV6 => (0x8847, join(&[&label(3, true), body])),
        6 => (IPV4, outer_v4(47, &gre(0, kind, body))),
        7 => (IPV6, v6(47, &gre(0x3000, 0x6558, &join(&[&[0; 8], &frame()])))),
        8 => (IPV4, outer_v4(47, &gre(0x1000, 0x88be, &join(&[&[0; 4], &[0x10, 0, 0, 5, 0, 0, 0, 0], &frame()])))),
        9 => (IPV6, v6(97, &join(&[&[0x30, 0], &frame()]))),
        10 => over_udp(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &frame()),
        11 => over_udp(6081, &[1, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0], &frame()),
        12 => over_udp(37008, &[1, 0, 0, 1, 10, 1, 0, 1], &frame()),
        13 if kind == IPV4 => (IPV6, v6(4, body)),
        14 if kind == IPV6 => (IPV4, outer_v4(41, body)),
        15 if kind == IPV4 || kind == IPV6 => {
            over_udp(2152, &[0x30, 255, (body.len() >> 8) as u8, body.len() as u8, 0, 0, 0, 9], body)
        }
        16 => (0x8870, snap(kind, body)),
        _ => (0x6558, frame()),
    }
}

/// Some bytes of a frame replaced.
pub fn damage() -> impl Strategy<Value = Vec<(Index, u8)>> {
    proptest::collection::vec((any::<Index>(), any::<u8>()), 0..6)
}

pub fn damaged(mut bytes: Vec<u8>, damage: &[(Index, u8)]) -> Vec<u8> {
    if bytes.is_empty() {
        return bytes;
    }
    for (at, byte) in damage {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
    }
    bytes
}

/// Options with any set of encapsulations, depth and key.
pub fn any_options() -> impl Strategy<Value = DecodeOptions> {
    (any::<u32>(), 0..12_u8, any::<bool>(), any::<bool>()).prop_map(|(set, depth, vlan, tunnel)| {
        let names = DECAP_DEFAULT.iter().chain(DECAP_OPTIONAL).enumerate();
        let enabled = names.filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, name)| (*name).to_owned()).collect();
        DecodeOptions::new(&DecapPlan { enabled, depth, ..DecapPlan::default() }, KeyScope { vlan, tunnel })
    })
}

/// Every link type that can be decoded.
pub fn links() -> Vec<LinkType> {
    (0..400).map(LinkType).filter(|link| link.name().is_some()).collect()
}

/// Whether a packet's offsets and lengths make sense for its frame, and `outer` agrees with it.
pub fn check_sane(frame: &Frame<'_>, packet: &Packet, options: &DecodeOptions) {
    let captured = frame.bytes.len().min(65_535);
    let at = |offset: u16| usize::from(offset);
    assert!(at(packet.ip_offset) + 20 <= captured, "{packet:?}");
    assert!(packet.l4_offset >= packet.ip_offset + 20 || packet.l4_offset == u16::MAX, "{packet:?}");
    assert!(packet.payload_offset >= packet.l4_offset, "{packet:?}");
    assert!(packet.payload_bytes <= packet.ip_bytes, "{packet:?}");
    assert!(packet.wire_bytes as usize >= frame.bytes.len(), "{packet:?}");
    if packet.marks.has(Marks::TCP) {
        assert!(at(packet.l4_offset) + 20 <= captured && (20..=60).contains(&packet.tcp.header_len), "{packet:?}");
    }
    if packet.marks.has(Marks::ETHERNET) {
        assert!(at(packet.ethernet_offset) + 14 <= captured, "{packet:?}");
    }
    let key = &packet.key();
    assert!(key.version == 6 || (key.low >> 32 == 0 && key.high >> 32 == 0), "{packet:?}");
    assert!(key.low <= key.high, "{packet:?}");
    let outer = outer(frame.bytes, frame.link, options);
    let layers = outer.encap.iter().map(|layer| layer.kind).chain((!outer.vlan_ids.is_empty()).then_some(Encap::Vlan));
    for kind in layers {
        assert!(packet.encaps.has(kind), "{kind:?} in {packet:?}");
    }
    let all_kept = outer.encap.len() < 8;
    for kind in packet.encaps.iter().filter(|_| all_kept) {
        let known = outer.encap.iter().any(|layer| layer.kind == kind) || kind == Encap::Vlan;
        assert!(known, "{kind:?} not in {outer:?}");
    }
    assert_eq!(packet.encaps.has(Encap::Vlan), !outer.vlan_ids.is_empty());
}
