//! What is taken off and what is in the key, end to end: `--decap`, `--no-decap`, `--decap-depth`, `--key`, ports of tunnels.

mod support;

use serde_json::{Value, json};
use support::frames::build::{IPV4, ethernet, gre, tag, udp, v4_with};
use support::frames::{self, whole};

fn v4(from: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    v4_with(protocol, from, [192, 0, 2, 200], 1, 0, payload)
}

/// DNS of the host at the innermost end.
fn inner() -> Vec<u8> {
    v4([10, 0, 0, 1], 17, &udp(40_000, 53, b"question"))
}

/// In VXLAN on this port with this identifier, in these tags.
fn vxlan(port: u16, vni: u8, tags: &[u16]) -> Vec<u8> {
    let frame = [&[8, 0, 0, 0, 0, 0, vni, 0][..], &ethernet(IPV4, &inner())].concat();
    let packet = v4([192, 0, 2, 1], 17, &udp(40_000, port, &frame));
    let (kind, packet) = tags.iter().rfold((IPV4, packet), |(kind, packet), id| (0x8100, tag(*id, kind, &packet)));
    ethernet(kind, &packet)
}

/// In this many GRE tunnels, one in the other.
fn in_gre(layers: usize) -> Vec<u8> {
    let wrap = |packet: Vec<u8>, _| v4([192, 0, 2, 7], 47, &gre(0, IPV4, &packet));
    ethernet(IPV4, &(0..layers).fold(inner(), wrap))
}

fn read(frames: &[Vec<u8>], options: &[&str]) -> (Vec<Value>, String) {
    frames::read(&whole(frames), options)
}

/// Clients of the records.
fn clients(records: &[Value]) -> Vec<&str> {
    records.iter().filter_map(|record| record["client_ip"].as_str()).collect()
}

#[test]
fn a_tunnel_comes_off_by_default_and_its_facts_are_in_the_record() {
    let (records, _) = read(&[vxlan(4789, 42, &[7, 8])], &[]);
    let record = &records[0];
    assert_eq!((&record["client_ip"], &record["server_port"]), (&"10.0.0.1".into(), &53.into()));
    assert_eq!((&record["encap"], &record["vlan_ids"]), (&json!(["vxlan:42"]), &json!([7, 8])));
    assert_eq!((&record["outer_client_ip"], &record["outer_server_ip"]), (&"192.0.2.1".into(), &"192.0.2.200".into()));
}

#[test]
fn what_no_decap_names_stays_on_and_the_outer_flow_is_the_flow() {
    for words in [&["--no-decap", "vxlan"][..], &["--no-decap", "all", "--decap", "gre"], &["--vxlan-ports", "5555"]] {
        let (records, _) = read(&[vxlan(4789, 42, &[]), in_gre(1)], words);
        assert_eq!(clients(&records), ["192.0.2.1", "10.0.0.1"], "{words:?}");
        assert!(records[0].get("encap").is_none() && records[0]["server_port"] == 4789, "{words:?}");
        assert_eq!(records[1]["encap"], json!(["gre"]));
    }
    let (records, _) = read(&[ethernet(0x8100, &tag(5, IPV4, &inner()))], &["--no-decap", "vlan"]);
    assert!(records.is_empty(), "behind a tag that is left on there is no IP: {records:?}");
}

#[test]
fn ports_of_tunnels_are_those_that_were_asked_for() {
    let (records, _) = read(&[vxlan(5555, 42, &[])], &["--vxlan-ports", "4789,5555"]);
    assert_eq!((clients(&records), &records[0]["encap"]), (vec!["10.0.0.1"], &json!(["vxlan:42"])));
}

#[test]
fn teredo_comes_off_only_when_asked_for() {
    let v6: Vec<u8> = {
        let ends: Vec<u8> =
            [1, 2].iter().flat_map(|end| [[0x20, 1, 0, 0], [0; 4], [0; 4], [0, 0, 0, *end]].concat()).collect();
        let payload = udp(40_000, 53, b"question");
        [&[0x60, 0, 0, 0, 0, payload.len() as u8, 17, 64][..], &ends, &payload].concat()
    };
    let frame = ethernet(IPV4, &v4([192, 0, 2, 1], 17, &udp(40_000, 3544, &v6)));
    assert_eq!(clients(&read(std::slice::from_ref(&frame), &[]).0), ["192.0.2.1"]);
    let (records, _) = read(&[frame], &["--decap", "teredo"]);
    assert_eq!((clients(&records), &records[0]["encap"]), (vec!["2001::1"], &json!(["teredo"])));
}

#[test]
fn the_depth_limit_is_eight_unless_said_and_counted_when_reached() {
    assert_eq!(clients(&read(&[in_gre(8)], &[]).0), ["10.0.0.1"]);
    let (records, summary) = read(&[in_gre(9)], &[]);
    assert_eq!((clients(&records), &records[0]["protocol"]), (vec!["192.0.2.7"], &47.into()));
    assert!(summary.contains("depth_limit"), "{summary}");
    assert_eq!(clients(&read(&[in_gre(9)], &["--decap-depth", "9"]).0), ["10.0.0.1"]);
    let (records, summary) = read(&[in_gre(1)], &["--decap-depth", "0"]);
    assert!(clients(&records) == ["192.0.2.7"] && summary.contains("depth_limit"), "{summary}");
}

#[test]
fn identifiers_tell_flows_apart_only_by_option() {
    let frames = [vxlan(4789, 1, &[5]), vxlan(4789, 2, &[5]), vxlan(4789, 1, &[6])];
    for (key, flows) in [("none", 1), ("vlan", 2), ("tunnel", 2), ("vlan,tunnel", 3)] {
        assert_eq!(read(&frames, &["--key", key]).0.len(), flows, "{key}");
    }
}
