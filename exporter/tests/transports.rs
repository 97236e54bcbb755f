//! Transports other than TCP, UDP and ICMP, end to end: what their records say.

mod support;

use parshall_benches::synth::compose::{Choice, Order, compose};
use parshall_engine::source::memory::StoredFrame;
use serde_json::Value;
use support::frames::build::{IPV4, IPV6, ethernet, v4_with, v6 as ipv6};
use support::frames::{capture, read_file, whole};
use support::{assert_same, at, folder, sum};

/// IPv4 on Ethernet, between 10.0.0.1 and 10.0.0.2.
fn v4(back: bool, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let (one, other) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let (from, to) = if back { (other, one) } else { (one, other) };
    ethernet(IPV4, &v4_with(protocol, from, to, 1, 0, payload))
}

/// IPv6 on Ethernet.
fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(IPV6, &ipv6(next, payload))
}

fn read(frames: &[StoredFrame]) -> Vec<Value> {
    support::frames::read(frames, &[]).0
}

#[test]
fn esp_is_a_flow_with_the_spi_of_each_direction() {
    let esp = |back, spi: u8| v4(back, 50, &[&[0, 0, 7, spi][..], &[0, 0, 0, 1], &[9; 40]].concat());
    let read = read(&whole(&[esp(false, 1), esp(true, 2), esp(false, 1), esp(false, 3), esp(true, 2)]));
    assert_eq!(read.len(), 1);
    let record = &read[0];
    assert_eq!((&record["protocol"], &record["c2s_packets"]), (&50.into(), &3.into()));
    assert_eq!((&record["c2s_esp_spi"], &record["s2c_esp_spi"]), (&0x701.into(), &0x702.into()));
    assert_eq!((&record["c2s_esp_spi_changes"], &record["s2c_esp_spi_changes"]), (&1.into(), &0.into()));
    assert!(record.get("client_port").is_none() && record.get("c2s_sctp_data_chunks").is_none());
}

#[test]
fn ah_is_transparent_in_both_families() {
    let udp = [0, 9, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4];
    let ah = [&[17, 4][..], &[0; 22], &udp].concat();
    let read = read(&whole(&[v4(false, 51, &ah), v6(51, &ah)]));
    assert_eq!(read.len(), 2);
    for record in &read {
        assert_eq!((&record["protocol"], &record["server_port"]), (&17.into(), &53.into()));
        assert_eq!(record["c2s_payload_bytes"], 4);
    }
}

#[test]
fn udp_lite_and_dccp_have_ports_and_payload() {
    // A UDP-Lite coverage of 8 says nothing of the length; DCCP's data offset counts words.
    let lite = [0, 9, 0, 53, 0, 8, 0, 0, 1, 2, 3, 4];
    let dccp = [&[0, 9, 0, 53, 4][..], &[0; 11], &[7; 5]].concat();
    let read = read(&whole(&[v4(false, 136, &lite), v4(true, 33, &dccp)]));
    let of = |protocol: u64| read.iter().find(|record| record["protocol"] == protocol).expect("a record");
    assert_eq!((&of(136)["client_port"], &of(136)["c2s_payload_bytes"]), (&9.into(), &12.into()));
    assert_eq!((&of(33)["server_port"], &of(33)["c2s_payload_bytes"]), (&53.into(), &21.into()));
}

#[test]
fn a_jumbogram_counts_with_the_length_of_its_option() {
    let options = [17, 0, 0xc2, 4, 0, 1, 0x11, 0x70];
    let udp = [0, 9, 0, 53, 0, 0, 0, 0, 1, 2, 3, 4];
    let payload = [&options[..], &udp].concat();
    let mut bytes = v6(0, &payload);
    bytes[18..20].fill(0);
    let mut frames = whole(&[bytes]);
    frames[0].wire_len = 70_054;
    let read = read(&frames);
    assert_eq!((&read[0]["c2s_ip_bytes"], &read[0]["c2s_payload_bytes"]), (&70_040.into(), &69_984.into()));
}

#[test]
fn chunks_of_sctp_are_counted_alike_however_many_workers_there_are() {
    let order = Order { seed: 3, sessions: 400, choice: Choice::All, ..Order::default() };
    let folder = folder();
    let file = capture(&at(&folder, "a.pcap"), &compose(&order).expect("the synthesizer").frames);
    let read = |workers: &str| read_file(&file, &["--workers", workers]).0;
    let one = read("1");
    let sctp: Vec<Value> = one.iter().filter(|record| record["protocol"] == 132).cloned().collect();
    assert!(!sctp.is_empty() && sum(&sctp, "c2s_sctp_data_chunks") > 0, "{sctp:?}");
    let (sent, back) = (sum(&sctp, "c2s_sctp_control_chunks"), sum(&sctp, "s2c_sctp_sack_chunks"));
    assert!(sent > 0 && back > 0 && sum(&sctp, "c2s_sctp_init_chunks") > 0, "{sent} {back}");
    assert_same(&read("3"), &one, &[]);
}
