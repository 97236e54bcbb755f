//! Every encapsulation and link type leads to the same inner packet, and `outer` says what stood around it.

#[path = "decode_support/build.rs"]
mod build;

use build::*;
use parshall_config::plan::{DECAP_OPTIONAL, DecapPlan, KeyScope};
use parshall_engine::decode::{DecodeOptions, FragmentCache, decode, decode_any, outer};
use parshall_engine::key::READ_SECRET;
use parshall_engine::link::LinkType;
use parshall_engine::packet::{Encap, Flaw, Marks, Outcome, Packet, Verdict};

type Row = (&'static str, Vec<u8>, &'static str);

fn decode_with(options: &DecodeOptions, link: LinkType, bytes: &[u8]) -> Result<Packet, Verdict> {
    decode(&frame(link, bytes), options, &mut FragmentCache::new(READ_SECRET))
}

/// VLAN ids and layers in one line.
fn around(options: &DecodeOptions, link: LinkType, bytes: &[u8]) -> String {
    let outer = outer(bytes, link, options);
    let vlans = outer.vlan_ids.iter().map(|id| format!("vlan:{id}"));
    let layers = outer.encap.iter().map(|layer| match layer.id {
        Some(id) => format!("{}:{id}", layer.kind.name()),
        None => layer.kind.name().to_owned(),
    });
    vlans.chain(layers).collect::<Vec<_>>().join(" ")
}

fn check(options: &DecodeOptions, link: LinkType, rows: &[Row]) {
    for (name, bytes, want) in rows {
        let packet = decode_with(options, link, bytes).unwrap_or_else(|verdict| panic!("{name}: {verdict:?}"));
        assert_eq!(packet.key().port(true), Some(1000), "{name}: {packet:?}");
        assert_eq!(packet.key().port(false), Some(2000), "{name}");
        assert_eq!(packet.payload_bytes, 3, "{name}");
        assert!(packet.flaws.is_empty(), "{name}: {:?}", packet.flaws);
        assert!(packet.marks.has(Marks::FROM_LOW), "{name}");
        let general = decode_any(&frame(link, bytes), options, &mut FragmentCache::new(READ_SECRET));
        assert_eq!(general, Ok(packet), "{name}: the general path differs");
        assert_eq!(around(options, link, bytes), *want, "{name}");
        let mut kinds: Vec<&str> =
            want.split_whitespace().map(|word| word.split_once(':').map_or(word, |(kind, _)| kind)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut set: Vec<&str> = packet.encaps.iter().map(Encap::name).collect();
        set.sort_unstable();
        assert_eq!(set, kinds, "{name}: the set of the packet and the layers of `outer` differ");
        assert_eq!(&bytes[packet.payload_offset as usize..][..3], b"abc", "{name}: payload offset");
    }
}

fn on_ethernet(rows: &[Row]) {
    check(&DecodeOptions::default(), LinkType::ETHERNET, rows);
}

/// An Ethernet frame with the inner packet, and one with the IPv6 packet.
fn eth4() -> Vec<u8> {
    ethernet(IPV4, &inner_v4())
}

fn eth6() -> Vec<u8> {
    ethernet(IPV6, &inner_v6())
}

fn tags_and_labels() -> Vec<Row> {
    let word = [0, 0, 0, 9];
    vec![
        ("plain", eth4(), ""),
        ("plain v6", eth6(), ""),
        ("802.1Q", ethernet(0x8100, &tag(0x2005, IPV4, &inner_v4())), "vlan:5"),
        ("priority tag", ethernet(0x8100, &tag(0x2000, IPV6, &inner_v6())), "vlan:0"),
        ("802.1ad", ethernet(0x88a8, &tag(7, 0x8100, &tag(8, IPV4, &inner_v4()))), "vlan:7 vlan:8"),
        ("old QinQ", ethernet(0x9100, &tag(7, 0x9200, &tag(8, IPV4, &inner_v4()))), "vlan:7 vlan:8"),
        ("802.1ah", ethernet(0x88e7, &join(&[&[0, 0, 1, 2], &eth4()])), "pbb:258"),
        ("VN-Tag", ethernet(0x8926, &join(&[&[0; 4], &IPV4.to_be_bytes(), &inner_v4()])), "vntag"),
        ("E-tag", ethernet(0x893f, &join(&[&[0; 6], &IPV6.to_be_bytes(), &inner_v6()])), "vntag"),
        ("Cisco MetaData", ethernet(0x8909, &join(&[&[1, 1, 0, 1, 0, 9], &IPV4.to_be_bytes(), &inner_v4()])), ""),
        ("Cisco MetaData of no length", ethernet(0x8909, &join(&[&[0; 6], &IPV6.to_be_bytes(), &inner_v6()])), ""),
        ("HSR", ethernet(0x892f, &join(&[&[0, 50, 0, 9], &IPV4.to_be_bytes(), &inner_v4()])), ""),
        ("time stamp", ethernet(0xd28b, &join(&[&[0, 1, 0, 0x11], &[0; 8], &IPV6.to_be_bytes(), &inner_v6()])), ""),
        (
            "short time stamp, then a tag",
            ethernet(0xd28b, &join(&[&[0, 1, 1, 0x20], &[0; 6], &[0x81, 0], &tag(5, IPV4, &inner_v4())])),
            "vlan:5",
        ),
        ("802.3", ethernet(0x0100, &snap(IPV4, &inner_v4())), ""),
        ("LLC IP", ethernet(0x0100, &join(&[&[6, 6, 3], &inner_v4()])), ""),
        ("LLC NLPID", ethernet(0x0100, &join(&[&[0xfe, 0xfe, 3, 0xcc], &inner_v4()])), ""),
        ("MPLS", ethernet(0x8847, &join(&[&label(16, true), &inner_v4()])), "mpls:16"),
        (
            "MPLS stack, v6",
            ethernet(0x8848, &join(&[&label(16, false), &label(17, true), &inner_v6()])),
            "mpls:16 mpls:17",
        ),
        (
            "pseudowire with control word",
            ethernet(0x8847, &join(&[&label(16, true), &word, &eth4()])),
            "mpls:16 pseudowire",
        ),
        (
            "pseudowire without control word",
            ethernet(0x8847, &join(&[&label(16, true), &eth4()])),
            "mpls:16 pseudowire",
        ),
        (
            "IPv4 in an associated channel",
            ethernet(0x8847, &join(&[&label(16, true), &[0x10, 0, 0, 0x21], &inner_v4()])),
            "mpls:16 pseudowire",
        ),
        ("PPPoE", ethernet(0x8864, &join(&[&[0x11, 0, 1, 2, 0, 33, 0, 0x21], &inner_v4()])), "pppoe:258"),
        ("PPPoE v6", ethernet(0x8864, &join(&[&[0x11, 0, 0, 9, 0, 53, 0, 0x57], &inner_v6()])), "pppoe:9"),
    ]
}

#[test]
fn tags_and_labels_come_off() {
    on_ethernet(&tags_and_labels());
}

fn over_gre(flags: u16, kind: u16, rest: &[&[u8]]) -> Vec<u8> {
    ethernet(IPV4, &outer_v4(47, &gre(flags, kind, &join(rest))))
}

fn gre_and_its_relatives() -> Vec<Row> {
    let (four, ip) = ([0; 4], inner_v4());
    let key = 0x0001_0203_u32.to_be_bytes();
    vec![
        ("GRE", over_gre(0, IPV4, &[&ip]), "gre"),
        ("GRE with checksum", over_gre(0x8000, IPV4, &[&four, &ip]), "gre"),
        ("GRE with key", over_gre(0x2000, IPV4, &[&key, &ip]), "gre:66051"),
        ("GRE with sequence", over_gre(0x1000, IPV6, &[&four, &inner_v6()]), "gre"),
        ("GRE with all three", over_gre(0xb000, IPV4, &[&four, &key, &four, &ip]), "gre:66051"),
        ("GRE with routing", over_gre(0x4000, IPV4, &[&four, &[8, 0, 0, 4], &four, &four, &ip]), "gre"),
        ("NVGRE", over_gre(0x2000, 0x6558, &[&key, &eth4()]), "gre:66051"),
        ("bridging", over_gre(0, 0x6558, &[&eth6()]), "gre"),
        ("EoIP", over_gre(0, 0x6400, &[&eth4()]), "gre"),
        ("WCCP", over_gre(0, 0x883e, &[&ip]), "gre"),
        ("Cisco MetaData in GRE", over_gre(0, 0x8909, &[&[8, 0, 1, 1, 0, 1, 0, 9], &ip]), "gre"),
        ("WCCP 2", over_gre(0, 0x883e, &[&four, &ip]), "gre"),
        ("MPLS in GRE", over_gre(0, 0x8847, &[&label(3, true), &ip]), "gre mpls:3"),
        ("802.11 in GRE", over_gre(0, 0x8200, &[&wlan([8, 1], &[], IPV4, &ip)]), "gre"),
        ("Frame Relay in GRE", over_gre(0, 0x6559, &[&[0x18, 0x41, 3, 0xcc], &ip]), "gre"),
        ("PPTP", over_gre(0x3081, 0x880b, &[&[0, 33, 0, 5], &four, &four, &[0xff, 3, 0, 0x21], &ip]), "gre:5 ppp"),
        ("PPTP, compressed", over_gre(0x2001, 0x880b, &[&[0, 33, 0, 5], &[0x21], &ip]), "gre:5 ppp"),
        ("ERSPAN I", over_gre(0, 0x88be, &[&eth4()]), "gre erspan"),
        (
            "ERSPAN II",
            over_gre(0x1000, 0x88be, &[&four, &[0x10, 1, 0x08, 0x64, 0, 0, 0, 0], &eth4()]),
            "gre erspan:100",
        ),
        (
            "ERSPAN III",
            over_gre(0x1000, 0x22eb, &[&four, &[0x20, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0], &eth4()]),
            "gre erspan:7",
        ),
        (
            "ERSPAN III of an IP packet",
            over_gre(0x1000, 0x22eb, &[&four, &[0x20, 1, 0, 7, 0, 0, 0, 0, 0, 0, 8, 0], &ip]),
            "gre erspan:7",
        ),
        (
            "ERSPAN III with subheader",
            over_gre(0x1000, 0x22eb, &[&four, &[0x20, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1], &[0; 8], &eth4()]),
            "gre erspan:7",
        ),
    ]
}

#[test]
fn gre_and_its_relatives_come_off() {
    on_ethernet(&gre_and_its_relatives());
}

fn ip_in_ip() -> Vec<Row> {
    vec![
        ("4in4", ethernet(IPV4, &outer_v4(4, &inner_v4())), "ipip"),
        ("6in4", ethernet(IPV4, &outer_v4(41, &inner_v6())), "ipip"),
        ("4in6", ethernet(IPV6, &v6(4, &inner_v4())), "ipip"),
        ("6in6", ethernet(IPV6, &v6(41, &inner_v6())), "ipip"),
        ("EtherIP", ethernet(IPV4, &outer_v4(97, &join(&[&[0x30, 0], &eth4()]))), "etherip"),
        ("protocol 143", ethernet(IPV6, &v6(143, &eth4())), "etherip"),
        ("MPLS in IP", ethernet(IPV4, &outer_v4(137, &join(&[&label(5, true), &inner_v4()]))), "mpls:5"),
        ("AH then 4in4", ethernet(IPV4, &outer_v4(51, &join(&[&[4, 4], &[0; 22], &inner_v4()]))), "ipip"),
    ]
}

#[test]
fn ip_in_ip_comes_off_in_all_four_ways() {
    on_ethernet(&ip_in_ip());
}

fn over_udp(to: u16, parts: &[&[u8]]) -> Vec<u8> {
    ethernet(IPV4, &outer_v4(17, &udp(40_000, to, &join(parts))))
}

fn tunnels_in_udp() -> Vec<Row> {
    let (ip, vni) = (inner_v4(), [0, 0, 42, 0]);
    vec![
        ("VXLAN", over_udp(4789, &[&[8, 0, 0, 0], &vni, &eth4()]), "vxlan:42"),
        ("VXLAN, Linux port", over_udp(8472, &[&[8, 0, 0, 0], &vni, &eth4()]), "vxlan:42"),
        ("VXLAN with group policy", over_udp(4789, &[&[0x88, 0, 0, 9], &vni, &eth4()]), "vxlan:42"),
        ("VXLAN-GPE IPv4", over_udp(4790, &[&[0x0c, 0, 0, 1], &vni, &ip]), "vxlan:42"),
        ("VXLAN-GPE IPv6", over_udp(4790, &[&[0x0c, 0, 0, 2], &vni, &inner_v6()]), "vxlan:42"),
        ("VXLAN-GPE Ethernet", over_udp(4790, &[&[0x0c, 0, 0, 3], &vni, &eth4()]), "vxlan:42"),
        ("Geneve", over_udp(6081, &[&[0, 0, 0x65, 0x58], &vni, &eth4()]), "geneve:42"),
        ("Geneve with options", over_udp(6081, &[&[2, 0, 8, 0], &vni, &[0; 8], &ip]), "geneve:42"),
        ("GTP-U", over_udp(2152, &[&[0x30, 255, 0, 31, 0, 0, 0, 31], &ip]), "gtpu:31"),
        ("GTP-U with sequence", over_udp(2152, &[&[0x32, 255, 0, 35, 0, 0, 0, 31], &[0; 4], &ip]), "gtpu:31"),
        (
            "GTP-U with extension headers",
            over_udp(2152, &[&[0x34, 255, 0, 71, 0, 0, 0, 31, 0, 0, 0, 0xc0, 1, 0, 0, 0x85, 1, 0, 9, 0], &inner_v6()]),
            "gtpu:31",
        ),
        ("GTP-U Ethernet", over_udp(2152, &[&[0x30, 255, 0, 45, 0, 0, 0, 31], &eth4()]), "gtpu:31"),
        ("TZSP", over_udp(37008, &[&[1, 0, 0, 1, 1], &eth4()]), "tzsp"),
        (
            "TZSP with tags and padding",
            over_udp(37008, &[&[1, 0, 0, 1, 10, 1, 0xc4, 0, 0, 41, 2, 0, 60, 0, 1], &eth4()]),
            "tzsp",
        ),
        ("TZSP 802.11", over_udp(37008, &[&[1, 0, 0, 18, 1], &wlan([8, 1], &[], IPV4, &ip)]), "tzsp"),
        ("GRE in UDP", over_udp(4754, &[&gre(0, IPV4, &ip)]), "gre"),
        ("MPLS in UDP", over_udp(6635, &[&label(77, true), &ip]), "mpls:77"),
    ]
}

#[test]
fn tunnels_in_udp_come_off() {
    on_ethernet(&tunnels_in_udp());
}

fn optional_tunnels() -> Vec<Row> {
    let session = [0, 0, 0, 9];
    vec![
        ("Teredo", over_udp(3544, &[&inner_v6()]), "teredo"),
        ("Teredo with origin", over_udp(3544, &[&[0; 8], &inner_v6()]), "teredo"),
        (
            "Teredo with authentication",
            over_udp(3544, &[&[0, 1, 1, 1, 0xaa, 0xbb], &[0; 9], &[0; 8], &inner_v6()]),
            "teredo",
        ),
        ("L2TPv3 over IP", ethernet(IPV4, &outer_v4(115, &join(&[&session, &eth4()]))), "l2tpv3:9"),
        ("L2TPv3 with cookie", ethernet(IPV4, &outer_v4(115, &join(&[&session, &[0xee; 4], &eth4()]))), "l2tpv3:9"),
        ("L2TPv3 over UDP", over_udp(1701, &[&[0, 3, 0, 0], &session, &inner_v4()]), "l2tpv3:9"),
    ]
}

/// Everything taken off but this.
fn all_but(kind: Option<&str>) -> DecodeOptions {
    let mut plan = DecapPlan::default();
    plan.enabled.extend(DECAP_OPTIONAL.iter().map(|name| (*name).to_owned()));
    plan.enabled.retain(|name| Some(name.as_str()) != kind);
    DecodeOptions::new(&plan, KeyScope::default())
}

#[test]
fn optional_tunnels_come_off_only_when_asked_for() {
    let rows = optional_tunnels();
    check(&all_but(None), LinkType::ETHERNET, &rows);
    for (name, bytes, _) in &rows {
        let packet = decode_with(&DecodeOptions::default(), LinkType::ETHERNET, bytes).expect(name);
        assert_eq!(packet.key().address(true).to_string(), "192.0.2.1", "{name}");
        assert!(packet.encaps.is_empty(), "{name}");
    }
}

#[test]
fn each_encapsulation_stays_on_where_it_is_switched_off() {
    let rows = [tags_and_labels(), gre_and_its_relatives(), ip_in_ip(), tunnels_in_udp(), optional_tunnels()].concat();
    for (kind, name) in Encap::ALL {
        let options = all_but(Some(name));
        let with_it = |row: &&Row| row.2.split([' ', ':']).any(|word| word == *name);
        let mut found = 0;
        for (row, bytes, _) in rows.iter().filter(with_it) {
            let encaps = match decode_with(&options, LinkType::ETHERNET, bytes) {
                Ok(packet) => packet.encaps,
                Err(verdict) => {
                    assert_eq!(verdict.outcome, Outcome::NonIp, "{row} without {name}");
                    verdict.encaps
                }
            };
            assert!(!encaps.has(*kind), "{row} without {name}: {encaps:?}");
            found += 1;
        }
        assert!(found > 0, "{name} has no row");
    }
}

type LinkRow = (LinkType, Vec<u8>);

/// Link types of lines and of raw IP.
fn serial_and_raw() -> Vec<LinkRow> {
    let (ip, six) = (inner_v4(), inner_v6());
    vec![
        (LinkType::NULL, join(&[&[2, 0, 0, 0], &ip])),
        (LinkType::NULL, join(&[&[0, 0, 0, 30], &six])),
        (LinkType::NULL, join(&[&[0x0f, 0, 8, 0], &ip])),
        (LinkType::ARCNET_BSD, join(&[&[1, 2, 240], &ip])),
        (LinkType::ARCNET_BSD, join(&[&[1, 2, 196, 0, 0, 7], &six])),
        (LinkType::ARCNET_LINUX, join(&[&[1, 2, 0, 0, 212, 1, 0, 7], &ip])),
        (LinkType::ARCNET_LINUX, join(&[&[1, 2, 0, 0, 212, 0xff, 0xff, 0xff, 0xff, 0, 0, 7], &ip])),
        (LinkType::LOOP, join(&[&[0, 0, 0, 24], &six])),
        (LinkType::SLIP, join(&[&[0; 16], &ip])),
        (LinkType::PPP, join(&[&[0xff, 3, 0, 0x21], &ip])),
        (LinkType::PPP, join(&[&[0x57], &six])),
        (LinkType::PPP, join(&[&[0x8f, 0, 8, 0], &ip])),
        (LinkType::PPP_HDLC, join(&[&[0xff, 3, 0, 0x57], &six])),
        (LinkType::PPP_HDLC, join(&[&[0x0f, 0, 8, 0], &ip])),
        (LinkType::PPP_PPPD, join(&[&[1, 3, 0, 0x21], &ip])),
        (LinkType::PPP_WITH_DIR, join(&[&[1, 0xff, 3, 0, 0x21], &ip])),
        (LinkType::C_HDLC, join(&[&[0x8f, 0, 0x86, 0xdd], &six])),
        (LinkType::C_HDLC_WITH_DIR, join(&[&[0, 0x0f, 0, 8, 0], &ip])),
        (LinkType::FRELAY, join(&[&[0x18, 0x41, 3, 0xcc], &ip])),
        (LinkType::FRELAY, join(&[&[0x18, 0x41, 8, 0], &ip])),
        (LinkType::FRELAY_WITH_DIR, join(&[&[0, 0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0], &ip])),
        (LinkType::FDDI, join(&[&[0x50], &[0; 12], &snap(IPV4, &ip)])),
        (LinkType::ATM_RFC1483, snap(IPV6, &six)),
        (LinkType::ATM_RFC1483, join(&[&[0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 0, 0], &eth4()])),
        (LinkType::ATM_CLIP, ip.clone()),
        (LinkType::RAW, ip.clone()),
        (LinkType::RAW_BSD, six.clone()),
        (LinkType::RAW_OPENBSD, ip.clone()),
        (LinkType::IPV4, ip.clone()),
        (LinkType::IPV6, six.clone()),
        (LinkType::ENC, join(&[&[2, 0, 0, 0], &[0; 8], &ip])),
        (LinkType::PFLOG, join(&[&[61, 24], &[0; 62], &six])),
    ]
}

/// Link types of local networks, and those that capture tools put before others.
fn local_and_cooked() -> Vec<LinkRow> {
    let (ip, six) = (inner_v4(), inner_v6());
    let cooked = |hardware: u16, kind: u16, rest: &[u8]| {
        join(&[&[0, 0], &hardware.to_be_bytes(), &[0; 10], &kind.to_be_bytes(), rest])
    };
    let mgc = |flags: u8, rest: &[&[u8]]| join(&[b"MGC", &[flags], &join(rest)]);
    vec![
        (LinkType::LINUX_SLL, cooked(1, IPV4, &ip)),
        (LinkType::LINUX_SLL, cooked(1, 4, &snap(IPV4, &ip))),
        (LinkType::LINUX_SLL, cooked(770, 0, &join(&[&[0x18, 0x41, 3, 0x8e], &six]))),
        (LinkType::LINUX_SLL, cooked(801, 0, &wlan([8, 1], &[], IPV4, &ip))),
        (LinkType::LINUX_SLL2, join(&[&[0x86, 0xdd], &[0; 18], &six])),
        (LinkType::IEEE802_11, wlan([0x88, 1], &[0, 0], IPV4, &ip)),
        (LinkType::IEEE802_11, wlan([0x08, 3], &[0; 6], IPV6, &six)),
        (LinkType::IEEE802_11, wlan([0x88, 0x83], &[0; 12], IPV4, &ip)),
        (LinkType::IEEE802_11_RADIOTAP, join(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0], &wlan([8, 2], &[], IPV4, &ip)])),
        (LinkType::IEEE802_11_RADIOTAP, join(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0x20], &wlan([0x88, 2], &[0; 4], IPV4, &ip)])),
        (LinkType::IEEE802_11_PRISM, join(&[&[0, 0, 0, 0x44, 144, 0, 0, 0], &[0; 136], &wlan([8, 1], &[], IPV4, &ip)])),
        (
            LinkType::IEEE802_11_AVS,
            join(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56], &wlan([8, 1], &[], IPV4, &ip)]),
        ),
        (LinkType::PPI, join(&[&[0, 0, 8, 0, 1, 0, 0, 0], &eth4()])),
        (LinkType::PKTAP, join(&[&[108, 0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0], &[0; 96], &ip])),
        (LinkType::USER2, join(&[&[108, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], &[0; 96], &eth4()])),
        (LinkType::IPNET, join(&[&[1, 26], &[0; 22], &six])),
        (LinkType::NFLOG, join(&[&[2, 0, 0, 0, 6, 0, 10, 0, b'x', 0, 0, 0, 35, 0, 9, 0], &ip])),
        (LinkType::NFLOG, join(&[&[2, 0, 0, 0, 0, 6, 0, 10, b'x', 0, 0, 0, 0, 35, 0, 9], &ip])),
        (LinkType::NETANALYZER, join(&[&[0; 4], &eth4()])),
        (LinkType::NETANALYZER_TRANSPARENT, join(&[&[0; 12], &eth4()])),
        (LinkType::IPOIB, join(&[&[0; 40], &[0x86, 0xdd, 0, 0], &six])),
        (LinkType::IP_OVER_FC, join(&[&[0; 16], &snap(IPV4, &ip)])),
        (LinkType::APPLE_IP_OVER_IEEE1394, join(&[&[0; 16], &[8, 0], &ip])),
        (LinkType::JUNIPER_ETHER, mgc(0, &[&eth4()])),
        (LinkType::JUNIPER_ETHER, mgc(0x80, &[&[0, 4], &[0; 4], &eth4()])),
        (LinkType::JUNIPER_ETHER, mgc(2, &[&[2, 0, 0, 0], &ip])),
        (LinkType::JUNIPER_PPP, mgc(0, &[&[0xff, 3, 0, 0x21], &ip])),
        (LinkType::JUNIPER_FRELAY, mgc(0, &[&[0x18, 0x41, 3, 0xcc], &ip])),
        (LinkType::JUNIPER_CHDLC, mgc(0, &[&[0x0f, 0, 8, 0], &ip])),
        (LinkType::DSA_TAG_BRCM, join(&[&[0; 12], &[0x2c, 0, 0, 0x80], &[8, 0], &ip])),
        (LinkType::DSA_TAG_BRCM_PREPEND, join(&[&[0x20, 0, 0, 0x20], &eth6()])),
        (LinkType::DSA_TAG_DSA, join(&[&[0; 12], &[0, 0, 0, 1], &[8, 0], &ip])),
        (LinkType::DSA_TAG_EDSA, join(&[&[0; 12], &[0xda, 0xda, 0, 0, 0, 0, 0, 1], &[0x86, 0xdd], &six])),
    ]
}

#[test]
fn every_link_type_leads_to_ip() {
    let rows: Vec<LinkRow> = serial_and_raw().into_iter().chain(local_and_cooked()).collect();
    let ip = inner_v4();
    for link in (0..400).map(LinkType).filter(|link| link.name().is_some()) {
        let alone = [LinkType::ETHERNET, LinkType::PPP_ETHER, LinkType::TZSP];
        assert!(alone.contains(&link) || rows.iter().any(|row| row.0 == link), "{link} has no row");
    }
    let options = DecodeOptions::default();
    for (link, bytes) in rows {
        let name = link.name().expect("a named link type");
        check(&options, link, &[(name, bytes, "")]);
    }
    let tagged = join(&[&[0; 12], &[0x20, 0, 0, 9], &[8, 0], &ip]);
    check(&options, LinkType::DSA_TAG_DSA, &[("DSA, tagged", tagged, "vlan:9")]);
    let pppoe = join(&[&[0x11, 0, 0, 3, 0, 33, 0, 0x21], &ip]);
    check(&options, LinkType::PPP_ETHER, &[("PPP_ETHER", pppoe, "pppoe:3")]);
    check(&options, LinkType::TZSP, &[("TZSP", join(&[&[1, 0, 0, 1, 1], &eth4()]), "tzsp")]);
}

#[test]
fn frames_without_ip_are_told_from_frames_that_cannot_be_read() {
    let options = DecodeOptions::default();
    #[rustfmt::skip]
    let rows: Vec<(&str, LinkType, Vec<u8>, Outcome)> = vec![
        ("ARP",                     LinkType::ETHERNET,   ethernet(0x0806, &[0; 28]),                    Outcome::NonIp),
        ("spanning tree",           LinkType::ETHERNET,   ethernet(0x0026, &[0x42, 0x42, 3, 0, 0]),      Outcome::NonIp),
        ("encrypted 802.11",        LinkType::IEEE802_11, wlan([8, 0x41], &[], IPV4, &inner_v4()),       Outcome::NonIp),
        ("802.11 beacon",           LinkType::IEEE802_11, wlan([0x80, 0], &[], IPV4, &inner_v4()),       Outcome::NonIp),
        ("802.11 without data",     LinkType::IEEE802_11, wlan([0x48, 1], &[], IPV4, &inner_v4()),       Outcome::NonIp),
        ("later part on ARCNET",    LinkType::ARCNET_BSD, join(&[&[1, 2, 212, 2, 0, 7], &inner_v4()]),   Outcome::NonIp),
        ("other stamp of Arista",   LinkType::ETHERNET,   ethernet(0xd28b, &[0, 2, 0, 0x10, 0, 0, 0]),   Outcome::NonIp),
        ("Linux netlink",           LinkType::LINUX_SLL,  join(&[&[0, 0, 3, 0x38], &[0; 12], &eth4()]),  Outcome::NonIp),
        ("runt",                    LinkType::ETHERNET,   vec![0; 13],                                   Outcome::Malformed),
        ("empty",                   LinkType::RAW,        vec![],                                        Outcome::Malformed),
        ("version 5",               LinkType::RAW,        vec![0x55; 40],                                Outcome::Malformed),
        ("unknown link type",       LinkType(147),        inner_v4(),                                    Outcome::UnsupportedLink),
    ];
    for (name, link, bytes, want) in rows {
        let verdict = decode_with(&options, link, &bytes).expect_err(name);
        assert_eq!(verdict.outcome, want, "{name}: {verdict:?}");
        assert_eq!(want == Outcome::Malformed, !verdict.flaws.is_empty(), "{name}: {verdict:?}");
    }
}

#[test]
fn a_tunnel_without_ip_inside_or_switched_off_leaves_its_own_header_as_the_key() {
    let arp = over_udp(4789, &[&[8, 0, 0, 0, 0, 0, 42, 0], &ethernet(0x0806, &[0; 28])]);
    let mut plan = DecapPlan::default();
    plan.enabled.retain(|name| name != "vxlan" && name != "gre");
    let off = DecodeOptions::new(&plan, KeyScope::default());
    let rows = [
        ("ARP in VXLAN", DecodeOptions::default(), arp),
        ("VXLAN without its flag", DecodeOptions::default(), over_udp(4789, &[&[0; 8], &eth4()])),
        ("Geneve of version 1", DecodeOptions::default(), over_udp(6081, &[&[0x40, 0, 8, 0, 0, 0, 0, 0], &inner_v4()])),
        ("GTP-U echo", DecodeOptions::default(), over_udp(2152, &[&[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0]])),
        ("TZSP keepalive", DecodeOptions::default(), over_udp(37008, &[&[1, 4, 0, 1, 1], &eth4()])),
        ("VXLAN off", off.clone(), over_udp(4789, &[&[8, 0, 0, 0, 0, 0, 42, 0], &eth4()])),
        ("GRE off", off, over_gre(0, IPV4, &[&inner_v4()])),
    ];
    for (name, options, bytes) in rows {
        let packet = decode_with(&options, LinkType::ETHERNET, &bytes).expect(name);
        assert_eq!(packet.key().address(true).to_string(), "192.0.2.1", "{name}");
        assert!(packet.encaps.is_empty(), "{name}: {:?}", packet.encaps);
        assert_eq!(around(&options, LinkType::ETHERNET, &bytes), "", "{name}");
    }
}

#[test]
fn the_depth_limit_is_a_flaw_and_the_header_reached_is_the_key() {
    let mut packet = inner_v4();
    for _ in 0..9 {
        packet = outer_v4(4, &packet);
    }
    let packet = decode_with(&DecodeOptions::default(), LinkType::RAW, &packet).expect("a key at the limit");
    assert_eq!(packet.protocol(), 4);
    assert_eq!(packet.key().address(true).to_string(), "192.0.2.1");
    assert_eq!(packet.flaws.iter().map(Flaw::name).collect::<Vec<_>>(), ["depth_limit"]);
    let mut tags = join(&[&IPV4.to_be_bytes(), &inner_v4()]);
    for id in 0..100_u16 {
        tags = join(&[&[0x81, 0], &id.to_be_bytes(), &tags]);
    }
    let frame = join(&[&[0; 12], &tags]);
    assert!(decode_with(&DecodeOptions::default(), LinkType::ETHERNET, &frame).is_ok(), "tags do not count");
}

#[test]
fn outer_endpoints_are_those_of_the_innermost_tunnel() {
    let bytes = ethernet(IPV6, &v6(4, &outer_v4(4, &inner_v4())));
    let outer = outer(&bytes, LinkType::ETHERNET, &DecodeOptions::default());
    let (source, destination) = outer.endpoints.expect("a tunnel");
    assert_eq!((source.to_string(), destination.to_string()), ("192.0.2.1".into(), "192.0.2.2".into()));
}

#[test]
fn identifiers_are_in_the_key_only_when_asked_for() {
    let tagged = |id: u16| ethernet(0x8100, &tag(id, IPV4, &inner_v4()));
    let vxlan = |vni: u8| over_udp(4789, &[&[8, 0, 0, 0, 0, 0, vni, 0], &eth4()]);
    let key = |scope: KeyScope, bytes: &[u8]| {
        let options = DecodeOptions::new(&DecapPlan::default(), scope);
        decode_with(&options, LinkType::ETHERNET, bytes).expect("a packet").key()
    };
    let off = KeyScope::default();
    let vlan = KeyScope { vlan: true, tunnel: false };
    let tunnel = KeyScope { vlan: false, tunnel: true };
    assert_eq!(key(off, &tagged(1)), key(off, &tagged(2)));
    assert_ne!(key(vlan, &tagged(1)), key(vlan, &tagged(2)));
    assert_eq!(key(vlan, &tagged(1)), key(vlan, &tagged(1)));
    assert_eq!(key(tunnel, &tagged(1)), key(tunnel, &tagged(2)));
    assert_eq!(key(vlan, &vxlan(1)), key(vlan, &vxlan(2)));
    assert_ne!(key(tunnel, &vxlan(1)), key(tunnel, &vxlan(2)));
}
