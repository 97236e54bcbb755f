//! Keys, lengths, marks and flaws of the innermost header and its transport.

#[path = "decode_support/build.rs"]
mod build;

use build::*;
use parshall_engine::decode::{DecodeOptions, FragmentCache, decode};
use parshall_engine::key::{IcmpKey, READ_SECRET};
use parshall_engine::link::LinkType;
use parshall_engine::packet::{Flaw, Marks, Outcome, Packet, Verdict};
use parshall_engine::source::Frame;

fn decoded(bytes: &[u8]) -> Result<Packet, Verdict> {
    decode_frame(&frame(LinkType::RAW, bytes))
}

fn decode_frame(frame: &Frame<'_>) -> Result<Packet, Verdict> {
    decode(frame, &DecodeOptions::default(), &mut FragmentCache::new(READ_SECRET))
}

fn flaws(packet: &Packet) -> Vec<&'static str> {
    packet.flaws.iter().map(Flaw::name).collect()
}

/// The bytes of a packet with some of them replaced.
fn patched(mut bytes: Vec<u8>, changes: &[(usize, u8)]) -> Vec<u8> {
    for (at, byte) in changes {
        bytes[*at] = *byte;
    }
    bytes
}

#[test]
fn a_tcp_segment_is_read_whole() {
    let bytes = v4(6, &tcp(443, 50_000, 0x12, b"hello"));
    let packet = decoded(&bytes).expect("a packet");
    assert_eq!((packet.key().port(true), packet.key().port(false)), (Some(443), Some(50_000)));
    assert!(packet.marks.has(Marks::TCP | Marks::TCP_FLAGS | Marks::FROM_LOW | Marks::IP_ID));
    assert!(!packet.marks.has(Marks::ETHERNET));
    assert_eq!((packet.tcp.seq, packet.tcp.ack, packet.tcp.window), (1, 2, 0x1000));
    assert_eq!((packet.tcp.flags, packet.tcp.header_len), (0x12, 20));
    assert_eq!((packet.ip_bytes, packet.payload_bytes), (45, 5));
    assert_eq!((packet.ip_offset, packet.l4_offset, packet.payload_offset), (0, 20, 40));
    assert_eq!((packet.ttl, packet.tos, packet.ip_id), (64, 0xb8, 7));
    let six = decoded(&v6(6, &tcp(443, 50_000, 0x12, b"hello"))).expect("a packet");
    assert_eq!((six.ip_bytes, six.payload_bytes, six.l4_offset, six.tos), (65, 5, 40, 0xb8));
    assert!(!six.marks.has(Marks::IP_ID));
}

#[test]
fn the_other_direction_has_the_same_key() {
    let there = decoded(&v4(17, &udp(9, 5, b""))).expect("a packet");
    let back = v4_with(17, [10, 0, 0, 2], [10, 0, 0, 1], 1, 0, &udp(5, 9, b""));
    let back = decoded(&back).expect("a packet");
    assert_eq!(there.key(), back.key());
    assert!(there.marks.has(Marks::FROM_LOW) && !back.marks.has(Marks::FROM_LOW));
}

#[test]
fn protocols_with_ports_have_them_and_others_do_not() {
    let body = [0x03, 0xe8, 0x07, 0xd0, 3, 0, 0, 0, 0, 0, 0, 0, 0xaa];
    #[rustfmt::skip]
    let rows = [
        // protocol, ports,       payload, payload offset
        (132,        Some(1000),  13,      32),
        (136,        Some(1000),  13,      28),
        (33,         Some(1000),  13,      32),
        (2,          None,        13,      20),
        (50,         None,        13,      20),
        (89,         None,        13,      20),
        (135,        None,        13,      20),
    ];
    for (protocol, port, payload, offset) in rows {
        let packet = decoded(&v4(protocol, &body)).expect("a packet");
        assert_eq!(packet.key().port(true), port, "{protocol}");
        assert_eq!((packet.protocol(), packet.payload_bytes, packet.payload_offset), (protocol, payload, offset));
        assert!(packet.flaws.is_empty(), "{protocol}");
    }
}

#[test]
fn icmp_queries_are_keyed_by_identifier_and_other_messages_by_type_and_code() {
    let request = decoded(&v4(1, &[8, 0, 0, 0, 0x12, 0x34, 0, 1])).expect("a packet");
    let reply = v4_with(1, [10, 0, 0, 2], [10, 0, 0, 1], 1, 0, &[0, 0, 0, 0, 0x12, 0x34, 0, 1]);
    let reply = decoded(&reply).expect("a packet");
    assert_eq!(request.key(), reply.key());
    assert_eq!(request.key().icmp_key(), Some(IcmpKey::Query { request: 8, id: 0x1234 }));
    assert!(reply.marks.has(Marks::ICMP_REPLY) && !request.marks.has(Marks::ICMP_REPLY));
    let error = decoded(&v4(1, &join(&[&[3, 3, 0, 0, 0, 0, 0, 0], &inner_v4()]))).expect("a packet");
    assert_eq!(error.key().icmp_key(), Some(IcmpKey::Message { kind: 3, code: 3 }));
    assert!(error.marks.has(Marks::ICMP_ERROR));
    assert_eq!((error.payload_bytes, error.payload_offset), (39, 28));
    let six = decoded(&v6(58, &[129, 0, 0, 0, 0, 9])).expect("a packet");
    assert_eq!(six.key().icmp_key(), Some(IcmpKey::Query { request: 128, id: 9 }));
}

#[test]
fn ipv6_extension_headers_are_passed() {
    let inner = udp(1, 2, b"abc");
    let eight = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
    let rows: Vec<(&str, Vec<u8>, u8)> = vec![
        ("hop by hop", v6(0, &join(&[&eight(17), &inner])), 17),
        ("destination and routing", v6(60, &join(&[&eight(43), &eight(17), &inner])), 17),
        ("atomic fragment", v6(44, &join(&[&[17, 0, 0, 0, 0, 0, 0, 9], &inner])), 17),
        ("AH", v6(51, &join(&[&[17, 1], &[0; 10], &inner])), 17),
        ("Shim6", v6(140, &join(&[&[17, 0, 0x80, 0, 0, 0, 0, 0], &inner])), 17),
        ("Shim6 control", v6(140, &[59, 0, 0, 0, 0, 0, 0, 0]), 140),
        ("mobility", v6(135, &[59, 0, 0, 0, 0, 0, 0, 0]), 135),
        ("no next header", v6(0, &eight(59)), 59),
    ];
    for (name, bytes, protocol) in rows {
        let packet = decoded(&bytes).expect(name);
        assert_eq!(packet.protocol(), protocol, "{name}");
        assert!(packet.flaws.is_empty(), "{name}: {:?}", flaws(&packet));
        if protocol == 17 {
            assert_eq!((packet.payload_bytes, packet.key().port(true)), (3, Some(1)), "{name}");
        }
    }
    let ah = v4(51, &join(&[&[17, 1], &[0; 10], &inner]));
    assert_eq!(decoded(&ah).expect("AH in IPv4").key().port(false), Some(2));
}

#[test]
fn a_chain_that_is_cut_or_too_long_is_a_flaw_of_a_flow_without_ports() {
    let cut = decoded(&v6(0, &[58, 200, 0, 0])).expect("a packet");
    assert_eq!((cut.protocol(), flaws(&cut)), (58, vec!["ipv6_extension"]));
    let empty = decoded(&v6(60, &[])).expect("a packet");
    assert_eq!((empty.protocol(), flaws(&empty)), (60, vec!["ipv6_extension"]));
    let long = [60, 0, 1, 4, 0, 0, 0, 0].repeat(300);
    let long = decoded(&v6(60, &long)).expect("a packet");
    assert_eq!((long.protocol(), flaws(&long)), (60, vec!["ipv6_extension"]));
    let ports_beyond = decoded(&v6(0, &[17, 200, 0, 0])).expect_err("no ports");
    assert_eq!(ports_beyond.outcome, Outcome::Malformed);
}

#[test]
fn lengths_of_zero_reach_to_the_end_of_the_frame_on_the_wire() {
    let four = patched(v4(6, &tcp(1, 2, 0x10, b"hello")), &[(2, 0), (3, 0)]);
    let mut frame = frame(LinkType::RAW, &four);
    frame.wire_len = 9_040;
    let packet = decode_frame(&frame).expect("a packet");
    assert_eq!((packet.ip_bytes, packet.payload_bytes, packet.wire_bytes), (9_040, 9_000, 9_040));
    assert!(packet.flaws.is_empty());
    let six = patched(v6(6, &tcp(1, 2, 0x10, b"hello")), &[(4, 0), (5, 0)]);
    let packet = decoded(&six).expect("a packet");
    assert_eq!((packet.ip_bytes, packet.payload_bytes), (65, 5));
    let udp_too = patched(v4(17, &udp(1, 2, b"hello")), &[(2, 0), (3, 0), (24, 0), (25, 0)]);
    let packet = decoded(&udp_too).expect("a packet");
    assert_eq!((packet.payload_bytes, flaws(&packet)), (5, vec![]));
    let none = decoded(&join(&[&v6(59, b""), b"padding"])).expect("a packet");
    assert_eq!(none.ip_bytes, 40, "no next header has no payload");
}

#[test]
fn a_jumbogram_has_the_length_of_its_option() {
    let options = [6, 0, 0xc2, 4, 0, 1, 0, 0];
    let bytes = patched(v6(0, &join(&[&options, &tcp(1, 2, 0x10, b"")])), &[(4, 0), (5, 0)]);
    let mut frame = frame(LinkType::RAW, &bytes);
    frame.wire_len = 65_536 + 40;
    let packet = decode_frame(&frame).expect("a packet");
    assert_eq!((packet.ip_bytes, packet.payload_bytes), (65_576, 65_508));
    assert!(packet.flaws.is_empty());
    let datagram = [17, 0, 0xc2, 4, 0, 1, 0, 0];
    let bytes = patched(v6(0, &join(&[&datagram, &udp(1, 2, b"")])), &[(4, 0), (5, 0), (52, 0), (53, 0)]);
    frame.bytes = &bytes;
    assert_eq!(decode_frame(&frame).expect("a packet").payload_bytes, 65_520);
}

#[test]
fn what_can_still_be_counted_is_and_its_flaw_is_named() {
    let segment = || v4(6, &tcp(1, 2, 0x10, b"hello"));
    let datagram = || v4(17, &udp(1, 2, b"hello"));
    #[rustfmt::skip]
    let rows: Vec<(&str, Vec<u8>, &str, u32)> = vec![
        // name                        bytes                                       flaw               payload
        ("total length beyond",        patched(segment(), &[(3, 100)]),            "ip_beyond_wire",  60),
        ("data offset of 4",           patched(segment(), &[(32, 0x40)]),          "tcp_data_offset", 0),
        ("data offset beyond",         patched(segment(), &[(32, 0xf0)]),          "tcp_data_offset", 0),
        ("UDP length of 7",            patched(datagram(), &[(25, 7)]),            "udp_length",      0),
        ("UDP length beyond IP",       patched(datagram(), &[(25, 99)]),           "udp_length",      5),
        ("IPv6 where IPv4 was said",   inner_v6(),                                 "ip_version",      3),
    ];
    for (name, bytes, flaw, payload) in rows {
        let packet = decode_frame(&frame(LinkType::IPV4, &bytes)).expect(name);
        assert_eq!((flaws(&packet), packet.payload_bytes), (vec![flaw], payload), "{name}");
        assert!(packet.key().port(true).is_some(), "{name}");
    }
    let below = decoded(&patched(datagram(), &[(25, 10)])).expect("a packet");
    assert_eq!((below.payload_bytes, flaws(&below)), (2, vec![]), "a UDP length below what IP holds is no flaw");
}

#[test]
fn what_cannot_be_counted_is_malformed_with_its_reason() {
    let datagram = || v4(17, &udp(1, 2, b"hello"));
    #[rustfmt::skip]
    let rows: Vec<(&str, LinkType, Vec<u8>, &str)> = vec![
        ("cut IPv4 header",       LinkType::RAW,  datagram()[..19].to_vec(),            "ip_truncated"),
        ("cut options",           LinkType::RAW,  patched(datagram(), &[(0, 0x4f), (3, 99)]), "ip_truncated"),
        ("total below options",   LinkType::RAW,  patched(datagram(), &[(0, 0x4f)]),    "ip_total_length"),
        ("cut IPv6 header",       LinkType::RAW,  inner_v6()[..39].to_vec(),            "ip_truncated"),
        ("header length of 16",   LinkType::RAW,  patched(datagram(), &[(0, 0x44)]),    "ip_header_length"),
        ("total below header",    LinkType::RAW,  patched(datagram(), &[(3, 19)]),      "ip_total_length"),
        ("IPv4 where IPv6 was",   LinkType::IPV6, datagram(),                           "ip_version"),
        ("no ports captured",     LinkType::RAW,  datagram()[..23].to_vec(),            "transport_truncated"),
        ("no ports in IP",        LinkType::RAW,  patched(datagram(), &[(3, 23)]),      "transport_truncated"),
    ];
    for (name, link, bytes, flaw) in rows {
        let mut frame = frame(link, &bytes);
        frame.wire_len = 200;
        let verdict = decode_frame(&frame).expect_err(name);
        assert_eq!(verdict.outcome, Outcome::Malformed, "{name}");
        assert_eq!(verdict.flaws.iter().map(Flaw::name).collect::<Vec<_>>(), [flaw], "{name}");
    }
}

#[test]
fn four_captured_bytes_of_transport_are_enough_for_a_flow() {
    let bytes = v4(6, &tcp(7, 8, 0x12, b"hello"));
    for (captured, marks, flaw) in [
        (24, 0, "tcp_truncated"),
        (33, 0, "tcp_truncated"),
        (34, Marks::TCP_FLAGS, "tcp_truncated"),
        (40, Marks::TCP, ""),
    ] {
        let frame = Frame { wire_len: 45, ..frame(LinkType::RAW, &bytes[..captured]) };
        let packet = decode_frame(&frame).expect("a flow");
        assert_eq!(packet.key().port(false), Some(8));
        assert!(packet.marks.has(marks), "{captured}");
        assert_eq!(packet.marks.has(Marks::TCP), captured == 40);
        assert_eq!(flaws(&packet).first().copied().unwrap_or(""), flaw, "{captured}");
        assert_eq!(packet.payload_bytes, if captured >= 33 { 5 } else { 0 }, "{captured}");
        assert_eq!(packet.ip_bytes, 45);
    }
}

#[test]
fn the_ethernet_header_nearest_to_the_key_is_remembered() {
    let inner = ethernet(IPV4, &inner_v4());
    let bytes = ethernet(IPV4, &outer_v4(17, &udp(1, 4789, &join(&[&[8, 0, 0, 0, 0, 0, 1, 0], &inner]))));
    let packet = decode_frame(&frame(LinkType::ETHERNET, &bytes)).expect("a packet");
    assert!(packet.marks.has(Marks::ETHERNET));
    assert_eq!(packet.ethernet_offset, 50);
    assert_eq!(packet.ip_offset, 64);
}
