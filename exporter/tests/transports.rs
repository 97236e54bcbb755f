//! Transports other than TCP, UDP and ICMP, end to end: what their records say.

mod support;

use parshall_benches::synth::compose::{Choice, Order, compose};
use parshall_benches::synth::pcap;
use parshall_engine::link::LinkType;
use parshall_engine::source::memory::StoredFrame;
use parshall_engine::time::Nanos;
use serde_json::Value;
use support::{assert_same, at, folder, records, run, sum, text};

/// IPv4 on Ethernet, between 10.0.0.1 and 10.0.0.2.
fn v4(back: bool, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let (from, to) = if back { (2, 1) } else { (1, 2) };
    let total = (20 + payload.len() as u16).to_be_bytes();
    let head = [0x45, 0, total[0], total[1], 0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, 0, from, 10, 0, 0, to];
    [&[2; 12][..], &[8, 0], &head, payload].concat()
}

/// IPv6 on Ethernet, between 2001:db8::1 and 2001:db8::2.
fn v6(next: u8, length: u16, payload: &[u8]) -> Vec<u8> {
    let ends: Vec<u8> =
        [1, 2].iter().flat_map(|end| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, *end]).collect();
    let length = length.to_be_bytes();
    [&[2; 12][..], &[0x86, 0xdd, 0x60, 0, 0, 0, length[0], length[1], next, 64], &ends, payload].concat()
}

/// What `read` says of these frames, each with its length on the wire.
fn read(frames: &[(Vec<u8>, u32)]) -> Vec<Value> {
    let stored = |(number, (bytes, wire_len)): (usize, &(Vec<u8>, u32))| StoredFrame {
        bytes: bytes.clone(),
        time: Nanos(1_767_225_600_000_000_000 + number as u64 * 1_000_000),
        wire_len: (*wire_len).max(bytes.len() as u32),
        link: LinkType::ETHERNET,
    };
    let frames: Vec<StoredFrame> = frames.iter().enumerate().map(stored).collect();
    let folder = folder();
    let (file, out) = (at(&folder, "a.pcap"), at(&folder, "out"));
    let mut bytes = Vec::new();
    pcap::write(&mut bytes, &frames, false, None).expect("memory");
    std::fs::write(&file, bytes).expect("a capture");
    run(&["read", text(&file), "--quiet", "--sink", &format!("jsonl:{}", text(&out))]).ended_with(0);
    records(&out)
}

#[test]
fn esp_is_a_flow_with_the_spi_of_each_direction() {
    let esp = |back, spi: u8| (v4(back, 50, &[&[0, 0, 7, spi][..], &[0, 0, 0, 1], &[9; 40]].concat()), 0);
    let read = read(&[esp(false, 1), esp(true, 2), esp(false, 1), esp(false, 3), esp(true, 2)]);
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
    let read = read(&[(v4(false, 51, &ah), 0), (v6(51, ah.len() as u16, &ah), 0)]);
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
    let read = read(&[(v4(false, 136, &lite), 0), (v4(true, 33, &dccp), 0)]);
    let of = |protocol: u64| read.iter().find(|record| record["protocol"] == protocol).expect("a record");
    assert_eq!((&of(136)["client_port"], &of(136)["c2s_payload_bytes"]), (&9.into(), &12.into()));
    assert_eq!((&of(33)["server_port"], &of(33)["c2s_payload_bytes"]), (&53.into(), &21.into()));
}

#[test]
fn a_jumbogram_counts_with_the_length_of_its_option() {
    let options = [17, 0, 0xc2, 4, 0, 1, 0x11, 0x70];
    let udp = [0, 9, 0, 53, 0, 0, 0, 0, 1, 2, 3, 4];
    let payload = [&options[..], &udp].concat();
    let read = read(&[(v6(0, 0, &payload), 70_054)]);
    assert_eq!((&read[0]["c2s_ip_bytes"], &read[0]["c2s_payload_bytes"]), (&70_040.into(), &69_984.into()));
}

#[test]
fn chunks_of_sctp_are_counted_alike_however_many_workers_there_are() {
    let order = Order { seed: 3, sessions: 400, choice: Choice::All, ..Order::default() };
    let capture = compose(&order).expect("the synthesizer");
    let folder = folder();
    let file = at(&folder, "a.pcap");
    let mut bytes = Vec::new();
    pcap::write(&mut bytes, &capture.frames, false, None).expect("memory");
    std::fs::write(&file, bytes).expect("a capture");
    let read = |workers: &str| {
        let out = at(&folder, workers);
        let sink = format!("jsonl:{}", text(&out));
        run(&["read", text(&file), "--quiet", "--workers", workers, "--sink", &sink]).ended_with(0);
        records(&out)
    };
    let one = read("1");
    let sctp: Vec<Value> = one.iter().filter(|record| record["protocol"] == 132).cloned().collect();
    assert!(!sctp.is_empty() && sum(&sctp, "c2s_sctp_data_chunks") > 0, "{sctp:?}");
    let (sent, back) = (sum(&sctp, "c2s_sctp_control_chunks"), sum(&sctp, "s2c_sctp_sack_chunks"));
    assert!(sent > 0 && back > 0 && sum(&sctp, "c2s_sctp_init_chunks") > 0, "{sent} {back}");
    assert_same(&read("3"), &one, &[]);
}
