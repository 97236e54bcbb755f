//! What fuzzing starts from, by target: frames of every way into and through the decoder, and what the synthesizer plays. None
//! of it comes from a capture.

#[path = "../../../engine/tests/decode_support/build.rs"]
mod build;

use build::*;
use parshall_benches::synth::compose::{Choice, Order, compose};
use parshall_engine::link::LinkType;
use parshall_engine::source::memory::StoredFrame;

/// The seeds of a target of [`super::TARGETS`].
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "filter" => FILTERS.iter().map(|text| text.as_bytes().to_vec()).collect(),
        "tzsp" => datagrams(),
        "capture" => captures(),
        _ => decoder_frames(),
    }
}

fn decoder_frames() -> Vec<Vec<u8>> {
    let links: Vec<LinkType> = (0..400).map(LinkType).filter(|link| link.name().is_some()).collect();
    let played = played(60).into_iter().map(|frame| (frame.link, frame.bytes));
    let chosen = |(link, frame): (LinkType, Vec<u8>)| {
        let index = links.iter().position(|known| *known == link).unwrap_or(0) as u8;
        join(&[&[index, 8, 0, 0, 0, 0], &frame])
    };
    frames().into_iter().chain(played).map(chosen).collect()
}

/// Frames of every scenario of the synthesizer, thinned out.
fn played(sessions: u64) -> Vec<StoredFrame> {
    let order = Order { seed: 11, sessions, choice: Choice::All, ..Order::default() };
    compose(&order).map(|capture| capture.frames.into_iter().step_by(9).collect()).unwrap_or_default()
}

/// Statements of every kind.
const FILTERS: [&str; 14] = [
    "tcp port 443,8000-8099",
    "net 10.0.0.0/8 and not (udp or icmp6)",
    "host 10.0.0.1,2001:db8::1 || ip4",
    "vlan",
    "vlan 5,10-20 && !ip6",
    "encap",
    "encap gre,vxlan:42,gtpu:0x1f",
    "proto 47 or proto tcp port 22",
    "not not not tcp",
    "((tcp) or (udp)) and port 53",
    "sctp,dccp,udplite,esp,ah",
    "net ::/0,0.0.0.0/0",
    "port 0-65535",
    "encap teredo or encap l2tpv3 or encap vlan",
];

/// TZSP datagrams as routers send them: tags of all kinds, padding, cut packets, other protocols.
fn datagrams() -> Vec<Vec<u8>> {
    let inner = ethernet(IPV4, &inner_v4());
    let tagged = |tags: &[u8]| join(&[&[1, 0, 0, 1], tags, &[1], &inner]);
    let mut all = vec![
        tagged(&[]),
        tagged(&[0, 0, 0]),
        tagged(&[10, 1, 0xc4, 0, 12, 1, 2, 13, 4, 0, 0, 1, 0]),
        tagged(&[0x28, 4, 0, 0, 0, 9, 41, 2, 0, 60, 60, 6, 2, 2, 2, 2, 2, 2]),
        join(&[&[1, 1, 0, 7, 1], &inner_v4()]),
        join(&[&[1, 0, 0, 18, 30, 1, 0, 1], &wlan([0x88, 1], &[0, 0], IPV4, &inner_v4())]),
        vec![1, 4, 0, 0, 1],
        vec![1, 0, 0, 1, 10, 255, 0],
    ];
    let cut = all.iter().map(|whole| whole[..whole.len() * 2 / 3].to_vec()).collect::<Vec<_>>();
    all.extend(cut);
    all
}

/// Small captures of both formats and byte orders.
fn captures() -> Vec<Vec<u8>> {
    let frames: Vec<StoredFrame> = played(6).into_iter().take(5).collect();
    let (mut micro, mut nano) = (Vec::new(), Vec::new());
    let _ = parshall_benches::synth::pcap::write(&mut micro, &frames, false, None);
    let _ = parshall_benches::synth::pcap::write(&mut nano, &frames, true, Some(60));
    vec![micro, nano, pcapng(&frames, false), pcapng(&frames, true)]
}

/// Sections, interfaces with options, and packets in blocks of all three kinds.
fn pcapng(frames: &[StoredFrame], big: bool) -> Vec<u8> {
    let half = |number: u16| if big { number.to_be_bytes() } else { number.to_le_bytes() };
    let word = |number: u32| if big { number.to_be_bytes() } else { number.to_le_bytes() };
    let block = |kind: u32, body: &[u8]| {
        let padding = vec![0; body.len().wrapping_neg() % 4];
        let length = word((12 + body.len() + padding.len()) as u32);
        join(&[&word(kind), &length, body, &padding, &length])
    };
    let interface = |option: u16, value: u8| {
        join(&[&half(1), &half(0), &word(0), &half(option), &half(1), &[value, 0, 0, 0], &half(0), &half(0)])
    };
    let mut file = block(0x0a0d_0d0a, &join(&[&word(0x1a2b_3c4d), &half(1), &half(0), &[0xff; 8]]));
    file.extend(block(1, &interface(9, 9)));
    file.extend(block(1, &interface(13, 4)));
    for (number, frame) in frames.iter().enumerate() {
        let length = word(frame.bytes.len() as u32);
        let body = match number % 3 {
            0 => join(&[&word(0), &word(1), &word(2), &length, &length, &frame.bytes]),
            1 => join(&[&length, &frame.bytes]),
            _ => join(&[&half(1), &half(0), &word(1), &word(2), &length, &length, &frame.bytes]),
        };
        file.extend(block([6, 3, 2][number % 3], &body));
    }
    file
}

fn frames() -> Vec<(LinkType, Vec<u8>)> {
    let ethernet4 = ethernet(IPV4, &inner_v4());
    let in_gre = |flags, kind, rest: &[&[u8]]| ethernet(IPV4, &outer_v4(47, &gre(flags, kind, &join(rest))));
    let in_udp = |port, head: &[u8]| ethernet(IPV4, &outer_v4(17, &udp(40_000, port, &join(&[head, &ethernet4]))));
    let on_ethernet = [
        ethernet4.clone(),
        ethernet(IPV6, &inner_v6()),
        ethernet(IPV4, &v4(6, &tcp(1000, 2000, 0x12, b"abc"))),
        ethernet(IPV4, &v4_with(17, [10, 0, 0, 1], [10, 0, 0, 2], 1, 0x2000, &udp(1, 2, b"abcdefgh"))),
        ethernet(IPV4, &v4_with(17, [10, 0, 0, 1], [10, 0, 0, 2], 1, 2, b"abcdefgh")),
        ethernet(IPV6, &v6(0, &join(&[&[44, 0, 1, 4, 0, 0, 0, 0], &[17, 0, 0, 1, 0, 0, 0, 9], &udp(1, 2, b"abc")]))),
        ethernet(IPV6, &v6(43, &join(&[&[51, 0, 1, 4, 0, 0, 0, 0], &[58, 1], &[0; 10], &[128, 0, 0, 0, 1, 2]]))),
        ethernet(0x8100, &tag(5, 0x88a8, &tag(6, IPV4, &inner_v4()))),
        ethernet(0x88e7, &join(&[&[0, 0, 1, 2], &ethernet4])),
        ethernet(0x8926, &join(&[&[0; 4], &IPV4.to_be_bytes(), &inner_v4()])),
        ethernet(0x8909, &join(&[&[1, 1, 0, 1, 0, 9], &IPV4.to_be_bytes(), &inner_v4()])),
        ethernet(0xd28b, &join(&[&[0, 1, 0, 0x10], &[0; 8], &IPV6.to_be_bytes(), &inner_v6()])),
        ethernet(0x0100, &snap(IPV4, &inner_v4())),
        ethernet(0x8847, &join(&[&label(16, false), &label(17, true), &[0; 4], &ethernet4])),
        ethernet(0x8864, &join(&[&[0x11, 0, 1, 2, 0, 33, 0, 0x21], &inner_v4()])),
        in_gre(0xf000, 0x6558, &[&[0; 4], &[0; 4], &[0; 4], &[8, 0, 0, 4], &[0; 4], &[0; 4], &ethernet4]),
        in_gre(0x3081, 0x880b, &[&[0, 33, 0, 5], &[0; 4], &[0; 4], &[0xff, 3, 0, 0x21], &inner_v4()]),
        in_gre(0x1000, 0x88be, &[&[0; 4], &[0x10, 1, 0, 0x64, 0, 0, 0, 0], &ethernet4]),
        in_gre(0x1000, 0x22eb, &[&[0; 4], &[0x20, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1], &[0; 8], &ethernet4]),
        in_gre(0, 0x8909, &[&[8, 0, 1, 1, 0, 1, 0, 9], &inner_v4()]),
        ethernet(IPV4, &outer_v4(4, &outer_v4(41, &inner_v6()))),
        ethernet(IPV4, &outer_v4(97, &join(&[&[0x30, 0], &ethernet4]))),
        ethernet(IPV4, &outer_v4(115, &join(&[&[0, 0, 0, 9], &[0; 4], &ethernet4]))),
        in_udp(4789, &[8, 0, 0, 0, 0, 0, 42, 0]),
        in_udp(4790, &[0x0c, 0, 0, 3, 0, 0, 42, 0]),
        in_udp(6081, &[2, 0, 0x65, 0x58, 0, 0, 42, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
        in_udp(2152, &[0x34, 255, 0, 71, 0, 0, 0, 31, 0, 0, 0, 0xc0, 1, 0, 0, 0x85, 1, 0, 9, 0]),
        in_udp(37008, &[1, 0, 0, 1, 10, 1, 0xc4, 0, 0, 41, 2, 0, 60, 0, 1]),
        ethernet(IPV4, &outer_v4(17, &udp(3544, 3544, &join(&[&[0, 1, 1, 1, 1, 1], &[0; 17], &inner_v6()])))),
    ];
    let others = [
        (LinkType::NULL, join(&[&[2, 0, 0, 0], &inner_v4()])),
        (LinkType::NULL, join(&[&[0x0f, 0, 8, 0], &inner_v4()])),
        (LinkType::ARCNET_BSD, join(&[&[1, 2, 196, 0, 0, 7], &inner_v6()])),
        (LinkType::ARCNET_LINUX, join(&[&[1, 2, 0, 0, 212, 0xff, 0xff, 0xff, 0xff, 0, 0, 7], &inner_v4()])),
        (LinkType::DSA_TAG_BRCM, join(&[&[0; 12], &[0x2c, 0, 0, 0x80], &IPV4.to_be_bytes(), &inner_v4()])),
        (LinkType::PPP, join(&[&[0xff, 3, 0, 0x21], &inner_v4()])),
        (LinkType::FRELAY, join(&[&[0x18, 0x41, 3, 0xcc], &inner_v4()])),
        (LinkType::LINUX_SLL, join(&[&[0; 14], &IPV4.to_be_bytes(), &inner_v4()])),
        (LinkType::LINUX_SLL2, join(&[&IPV6.to_be_bytes(), &[0; 18], &inner_v6()])),
        (LinkType::IEEE802_11, wlan([0x88, 1], &[0, 0], IPV4, &inner_v4())),
        (
            LinkType::IEEE802_11_RADIOTAP,
            join(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0x30], &wlan([0x88, 3], &[0; 10], IPV4, &inner_v4())]),
        ),
        (LinkType::PPI, join(&[&[0, 0, 8, 0, 105, 0, 0, 0], &wlan([8, 1], &[], IPV4, &inner_v4())])),
        (LinkType::PKTAP, join(&[&[108, 0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0], &[0; 96], &inner_v4()])),
        (LinkType::NFLOG, join(&[&[2, 0, 0, 0, 6, 0, 10, 0, 0, 0, 0, 0, 35, 0, 9, 0], &inner_v4()])),
        (LinkType::JUNIPER_ETHER, join(&[b"MGC", &[0x80, 0, 4], &[0; 4], &ethernet4])),
        (LinkType::DSA_TAG_DSA, join(&[&[0; 12], &[0x20, 0, 0, 1, 8, 0], &inner_v4()])),
        (LinkType::FDDI, join(&[&[0x50], &[0; 12], &snap(IPV4, &inner_v4())])),
    ];
    on_ethernet.into_iter().map(|frame| (LinkType::ETHERNET, frame)).chain(others).collect()
}
