//! Writes a corpus to start from: one frame for each way into and through the decoder.
//!
//! `cargo run --release --bin seeds` in this folder fills corpus/decode and corpus/outer.

#[path = "../../engine/tests/decode_support/build.rs"]
mod build;

use build::*;
use parshall_engine::link::LinkType;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let links: Vec<LinkType> = (0..400).map(LinkType).filter(|link| link.name().is_some()).collect();
    for target in ["decode", "outer"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        std::fs::create_dir_all(&folder)?;
        for (number, (link, frame)) in frames().into_iter().enumerate() {
            let index = links.iter().position(|known| *known == link).unwrap_or(0) as u8;
            let seed = join(&[&[index, 8, 0, 0, 0, 0], &frame]);
            std::fs::write(folder.join(format!("seed-{number:02}")), seed)?;
        }
    }
    Ok(())
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
        ethernet(0x0100, &snap(IPV4, &inner_v4())),
        ethernet(0x8847, &join(&[&label(16, false), &label(17, true), &[0; 4], &ethernet4])),
        ethernet(0x8864, &join(&[&[0x11, 0, 1, 2, 0, 33, 0, 0x21], &inner_v4()])),
        in_gre(0xf000, 0x6558, &[&[0; 4], &[0; 4], &[0; 4], &[8, 0, 0, 4], &[0; 4], &[0; 4], &ethernet4]),
        in_gre(0x3081, 0x880b, &[&[0, 33, 0, 5], &[0; 4], &[0; 4], &[0xff, 3, 0, 0x21], &inner_v4()]),
        in_gre(0x1000, 0x88be, &[&[0; 4], &[0x10, 1, 0, 0x64, 0, 0, 0, 0], &ethernet4]),
        in_gre(0x1000, 0x22eb, &[&[0; 4], &[0x20, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1], &[0; 8], &ethernet4]),
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
