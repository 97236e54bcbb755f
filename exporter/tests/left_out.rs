//! What was not measured is left out of a record, and what is said of a flow from outside is held to its bounds.

#[path = "sessions_support/mod.rs"]
mod sessions_support;

use parshall_config::plan::Timeouts;
use parshall_engine::link::LinkType;
use parshall_engine::packet::tcp_flags::{ACK, PSH, SYN};
use parshall_engine::source::memory::StoredFrame;
use parshall_engine::time::Nanos;
use sessions_support::account;
use std::time::Duration;

const START: u64 = 1_700_000_000_000_000_000;
const CLIENT: [u8; 4] = [10, 0, 0, 2];
const SERVER: [u8; 4] = [10, 0, 0, 1];

/// An IPv4 packet, checksum left 0.
fn ip(protocol: u8, from: [u8; 4], to: [u8; 4], body: &[u8]) -> Vec<u8> {
    let length = (20 + body.len() as u16).to_be_bytes();
    let mut packet = vec![0x45, 0, length[0], length[1], 0, 7, 0x40, 0, 64, protocol, 0, 0];
    packet.extend([from, to].concat());
    packet.extend(body);
    packet
}

fn frame(millis: u64, packet: &[u8]) -> StoredFrame {
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    bytes.extend(packet);
    let wire_len = bytes.len() as u32;
    StoredFrame { bytes, time: Nanos(START + millis * 1_000_000), wire_len, link: LinkType::ETHERNET }
}

/// A segment between port 40000 of the client and port 443, without options.
fn tcp(millis: u64, to_server: bool, flags: u8, (seq, ack): (u32, u32), window: u16, payload: &[u8]) -> StoredFrame {
    let (from, to, ports) =
        if to_server { (CLIENT, SERVER, [40_000_u16, 443]) } else { (SERVER, CLIENT, [443, 40_000]) };
    let mut body: Vec<u8> = ports.iter().flat_map(|port| port.to_be_bytes()).collect();
    body.extend(seq.to_be_bytes());
    body.extend(ack.to_be_bytes());
    body.extend([0x50, flags]);
    body.extend(window.to_be_bytes());
    body.extend([0; 4]);
    body.extend(payload);
    frame(millis, &ip(6, from, to, &body))
}

fn udp(from_port: u16) -> Vec<u8> {
    let mut body: Vec<u8> = [from_port, 33_434, 12, 0].iter().flat_map(|word| word.to_be_bytes()).collect();
    body.extend(*b"ping");
    ip(17, CLIENT, SERVER, &body)
}

/// Port unreachable from the server, about a datagram of the client.
fn unreachable(millis: u64, quoted: &[u8]) -> StoredFrame {
    let body = [&[3, 3, 0, 0, 0, 0, 0, 0], quoted].concat();
    frame(millis, &ip(1, SERVER, CLIENT, &body))
}

#[test]
fn a_continued_record_has_the_windows_of_the_sides_that_spoke_in_it() {
    let frames = [
        tcp(0, true, SYN, (99, 0), 5_000, b""),
        tcp(10, false, SYN | ACK, (499, 100), 6_000, b""),
        tcp(20, true, ACK, (100, 500), 5_100, b""),
        tcp(30, true, ACK | PSH, (100, 500), 5_100, b"one"),
        tcp(40, false, ACK, (500, 103), 6_100, b""),
        // The record behind the cut: the client's window did not change, the server says nothing.
        tcp(30_000, true, ACK | PSH, (103, 500), 5_100, b"two"),
    ];
    let timeouts = Timeouts { active: Some(Duration::from_secs(20)), ..Timeouts::default() };
    let records = account(&frames, timeouts).records;
    let windows: Vec<_> = records
        .iter()
        .map(|record| record.tcp.as_ref().expect("TCP"))
        .map(|tcp| [&tcp.c2s, &tcp.s2c].map(|side| (side.window_min, side.window_max)))
        .collect();
    let whole = [(Some(5_000), Some(5_100)), (Some(6_000), Some(6_100))];
    assert_eq!(windows, [whole, [(Some(5_100), Some(5_100)), (None, None)]]);
}

#[test]
fn icmp_errors_are_counted_for_the_flow_they_quote_and_make_no_flow_of_it() {
    let mut frames = vec![frame(0, &udp(50_000))];
    frames.extend((1..=300).map(|n| unreachable(n, &udp(50_000))));
    // About flows that nobody saw, each another.
    frames.extend((1..=300).map(|n| unreachable(300 + n, &udp(50_000 + n as u16))));
    let records = account(&frames, Timeouts::default()).records;
    let said: Vec<_> =
        records.iter().map(|record| (record.key.protocol, record.packets(), record.icmp_errors)).collect();
    assert_eq!(said, [(17, 1, 300), (1, 600, 0)]);
}

#[test]
fn errors_that_quote_too_little_or_lie_about_lengths_are_counted_for_nobody() {
    let whole = udp(50_000);
    let mut frames = vec![frame(0, &whole)];
    frames.extend((0..24).map(|end| unreachable(1 + end as u64, &whole[..end])));
    let mut beyond = whole.clone();
    beyond[0] = 0x4f; // a header of 60 bytes, ports behind the end
    frames.push(unreachable(100, &beyond));
    let records = account(&frames, Timeouts::default()).records;
    assert_eq!(records.iter().map(|record| record.icmp_errors).sum::<u32>(), 0);
    assert_eq!(records.len(), 2);
}
