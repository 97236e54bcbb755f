//! Mirrors that arrive on a DPDK port as a switch, a cloud or a router sends them: no option is needed, and the metrics say what
//! came in which encapsulation.

#![cfg(feature = "dpdk")]

mod support;

use serde_json::{Value, json};
use support::frames::build::{IPV4, ethernet, gre, join, outer_v4, tag, tcp, udp, v4_with};
use support::frames::{capture, whole};
use support::{Running, at, closed_scrape, eal, folder, get, metric, parshall, records, text, until};

/// A mirror: the record's `encap`, and a mirrored Ethernet frame (or its packet) in it.
type Mirror = (&'static [&'static str], fn(&[u8]) -> Vec<u8>);

fn over_gre(flags: u16, kind: u16, parts: &[&[u8]]) -> Vec<u8> {
    ethernet(IPV4, &outer_v4(47, &gre(flags, kind, &join(parts))))
}

fn over_udp(port: u16, parts: &[&[u8]]) -> Vec<u8> {
    ethernet(IPV4, &outer_v4(17, &udp(49_152, port, &join(parts))))
}

/// Without its Ethernet header.
fn packet(frame: &[u8]) -> &[u8] {
    &frame[14..]
}

#[rustfmt::skip]
const MIRRORS: [Mirror; 9] = [
    (&["gre", "erspan"],     |frame| over_gre(0, 0x88be, &[frame])),
    (&["gre", "erspan:100"], |frame| over_gre(0x1000, 0x88be, &[&[0, 0, 0, 7], &[0x10, 5, 0x08, 0x64, 0, 0, 0, 3], frame])),
    (&["gre", "erspan:7"],   |frame| over_gre(0x1000, 0x22eb, &[&[0, 0, 0, 7], &[0x20, 5, 0, 7, 1, 2, 3, 4, 0, 0, 0, 0], frame])),
    (&["vxlan:4660"],        |frame| over_udp(4789, &[&[8, 0, 0, 0, 0, 0x12, 0x34, 0], frame])),
    (&["gre:9"],             |frame| over_gre(0x2000, 0x6558, &[&[0, 0, 0, 9], frame])),
    (&["gre"],               |frame| over_gre(0, IPV4, &[packet(frame)])),
    (&["geneve:42"],         |frame| over_udp(6081, &[&[0, 0, 0x65, 0x58, 0, 0, 42, 0], frame])),
    (&["gtpu:0x1f"],         |frame| over_udp(2152, &[&[0x30, 255], &(packet(frame).len() as u16).to_be_bytes(), &[0, 0, 0, 31], packet(frame)])),
    (&["tzsp"],              |frame| over_udp(37_008, &[&[1, 0, 0, 1, 1], frame])),
];

/// A handshake of the host with this number, as the mirror's three frames; the mirrored port tags them.
fn handshake(host: u8, mirror: fn(&[u8]) -> Vec<u8>) -> [Vec<u8>; 3] {
    let (client, server) = ([10, 0, 0, host], [198, 51, 100, 1]);
    let to_server = |flags| v4_with(6, client, server, 1, 0, &tcp(40_000, 443, flags, b""));
    let to_client = v4_with(6, server, client, 2, 0, &tcp(443, 40_000, 0x12, b""));
    [to_server(0x02), to_client, to_server(0x10)].map(|packet| mirror(&ethernet(IPV4, &packet)))
}

/// Frames that carried an encapsulation, by the metrics.
fn taken_off(scrape: &str, kind: &str) -> f64 {
    metric(scrape, &format!("parshall_decap_packets_total{{encap=\"{kind}\"}}")).0
}

#[test]
fn mirrors_that_arrive_on_a_port_need_no_option_and_are_counted_by_encapsulation() {
    let folder = folder();
    let frames: Vec<Vec<u8>> =
        MIRRORS.iter().zip(1..).flat_map(|((_, mirror), host)| handshake(host, *mirror)).collect();
    let tagged = handshake(99, |frame| ethernet(0x8100, &tag(5, IPV4, packet(&MIRRORS[3].1(frame)))));
    let frames = [frames, tagged.to_vec()].concat();
    let file = capture(&at(&folder, "a.pcap"), &whole(&frames));
    let sink = format!("jsonl:{}", text(&at(&folder, "out")));
    let vdev = format!("net_pcap0,rx_pcap={}", text(&file));
    let mut words = eal(&["-l", "0-1", "--vdev", &vdev, "--", "--max-flows", "5000", "--publish-interval", "20ms"]);
    words.extend(["--listen", "127.0.0.1:0", "--sink", &sink].map(str::to_owned));
    let mut child = Running::start(&mut parshall(&words));
    let address = child.address();
    let scrape = until("every frame", || {
        let scrape = get(&address, "/metrics");
        (metric(&scrape, "parshall_packets_total").0 >= frames.len() as f64).then_some(scrape)
    });
    assert_eq!(closed_scrape(&scrape), frames.len() as u64);
    let kinds = ["gre", "erspan", "vxlan", "geneve", "gtpu", "tzsp", "vlan", "pppoe"];
    assert_eq!(kinds.map(|kind| taken_off(&scrape, kind)), [15.0, 9.0, 6.0, 3.0, 3.0, 3.0, 3.0, 0.0], "{scrape}");
    child.signal("INT");
    child.end().ended_with(0);
    let records = records(&at(&folder, "out"));
    assert_eq!(records.len(), MIRRORS.len() + 1);
    for (number, (encap, _)) in MIRRORS.iter().enumerate() {
        let client = format!("10.0.0.{}", number + 1);
        let record = records.iter().find(|record| record["client_ip"] == client.as_str()).expect("a record");
        let keys = ["encap", "server_port", "c2s_packets", "s2c_packets", "outer_client_ip", "outer_server_ip"];
        let want: [Value; 6] = [json!(encap), 443.into(), 2.into(), 1.into(), "192.0.2.1".into(), "192.0.2.2".into()];
        assert_eq!(keys.map(|key| record[key].clone()), want, "{record}");
    }
    let tagged = records.iter().find(|record| record["client_ip"] == "10.0.0.99").expect("a record");
    assert_eq!((&tagged["vlan_ids"], &tagged["encap"]), (&json!([5]), &json!(["vxlan:4660"])));
}
