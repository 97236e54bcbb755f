//! The grammar of `--flow-filter`: what is read, how it binds, what is said of mistakes.

use super::FlowFilter::{All, Any, Encap, Encapsulated, Net, Not, Port, Protocol, Tagged, Version, Vlan};
use super::*;

fn nets(texts: &[&str]) -> FlowFilter {
    Net(texts.iter().map(|text| text.parse().expect("a prefix")).collect())
}

#[test]
fn every_statement_is_read() {
    #[rustfmt::skip]
    let cases = [
        ("host 10.0.0.1",              nets(&["10.0.0.1/32"])),
        ("host 2001:db8::1,10.0.0.1",  nets(&["2001:db8::1/128", "10.0.0.1/32"])),
        ("host ::ffff:10.0.0.1",       nets(&["10.0.0.1/32"])),
        ("net 10.1.2.3/8",             nets(&["10.0.0.0/8"])),
        ("net 2001:db8::/32",          nets(&["2001:db8::/32"])),
        ("port 443",                   Port(vec![(443, 443)])),
        ("port 80,8000-8099",          Port(vec![(80, 80), (8000, 8099)])),
        ("tcp",                        Protocol(vec![6])),
        ("tcp,udp",                    Protocol(vec![6, 17])),
        ("proto 47",                   Protocol(vec![47])),
        ("tcp port 80",                All(vec![Protocol(vec![6]), Port(vec![(80, 80)])])),
        ("proto tcp port 80",          All(vec![Protocol(vec![6]), Port(vec![(80, 80)])])),
        ("ip6",                        Version(6)),
        ("vlan",                       Tagged),
        ("vlan 5,10-20",               Vlan(vec![(5, 5), (10, 20)])),
        ("encap",                      Encapsulated),
        ("encap vxlan:42,gtpu:0x1f",   Encap(vec![("vxlan".into(), Some(42)), ("gtpu".into(), Some(31))])),
        ("encap gre",                  Encap(vec![("gre".into(), None)])),
    ];
    for (text, want) in cases {
        assert_eq!(parse(text), Ok(want), "{text}");
    }
}

#[test]
fn not_binds_before_and_and_before_or() {
    let [tcp, udp, icmp] = [6, 17, 1].map(|number| Protocol(vec![number]));
    let want = Any(vec![All(vec![Not(Box::new(tcp.clone())), udp.clone()]), icmp.clone()]);
    for text in ["not tcp and udp or icmp", "!tcp&&udp||icmp", "((not tcp) and udp) or (icmp)"] {
        assert_eq!(parse(text), Ok(want.clone()), "{text}");
    }
    let want = All(vec![Not(Box::new(tcp)), Any(vec![udp, icmp])]);
    assert_eq!(parse("not tcp and (udp or icmp)"), Ok(want));
    assert_eq!(parse("not tcp port 80"), Ok(Not(Box::new(parse("tcp port 80").expect("a filter")))));
    assert_eq!(parse("vlan and tcp"), Ok(All(vec![Tagged, Protocol(vec![6])])));
}

#[test]
fn a_mistake_is_told_with_its_place() {
    #[rustfmt::skip]
    let cases = [
        ("",                 0,  "found the end"),
        ("tcp und udp",      4,  "expected and, or, or the end; found und"),
        ("(tcp",             4,  "expected )"),
        ("port 70000",       5,  "expected a port; found 70000"),
        ("port 9-5",         5,  "expected a port; found 9-5"),
        ("net 10.0.0.0/33",  4,  "expected a prefix"),
        ("host example.net", 5,  "expected an IP address"),
        ("vlan 4096",        5,  "0 to 4095"),
        ("encap wireguard",  6,  "expected an encapsulation"),
        ("encap vlan:5",     6,  "expected an encapsulation"),
        ("src 10.0.0.1",     0,  "found src"),
        ("tcp & udp",        4,  "found &"),
        ("tcp,foo",          0,  "found tcp,foo"),
        ("port +80",         5,  "expected a port"),
        ("tcp and ",         8,  "found the end"),
    ];
    for (text, at, words) in cases {
        let wrong = parse(text).expect_err(text);
        assert!(wrong.at == at && wrong.why.contains(words), "{text:?}: {wrong:?}");
    }
}

#[test]
fn neither_depth_nor_length_runs_away() {
    let nested = |depth: usize| format!("{}tcp{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(DEEPEST - 1)).is_ok());
    assert!(parse(&nested(DEEPEST)).expect_err("too deep").why.contains("nested"));
    assert!(parse(&"!".repeat(50_000)).expect_err("too deep").why.contains("nested"));
    assert!(parse(&"(".repeat(LONGEST + 1)).expect_err("too long").why.contains("longer"));
    assert!(parse(&vec!["tcp"; 5_000].join(" or ")).is_ok());
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_filter_or_a_mistake_within_it(text in "\\PC*") {
        if let Err(wrong) = parse(&text) {
            proptest::prop_assert!(wrong.at <= text.len());
        }
    }

    #[test]
    fn any_string_of_words_is_a_filter_or_a_mistake_within_it(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "(", ")", "not", "!", "and", "or", "&&", "||", "&", "tcp", "udp", "port", "80", "1-2", "host", "net", "10.0.0.0/8",
            "::1", "vlan", "encap", "vxlan:1", "gre", "proto", "ip4", ",", "é",
        ]), 0..24)
    ) {
        let text = words.join(" ");
        if let Err(wrong) = parse(&text) {
            proptest::prop_assert!(wrong.at <= text.len());
        }
    }
}
