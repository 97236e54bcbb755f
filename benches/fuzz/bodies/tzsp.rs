//! Any bytes as a TZSP datagram: behind the headers that the listener puts back, on an Ethernet of its own, and as a frame of a
//! capture of TZSP. What is inside is the same in all three.

use parshall_engine::decode::{DecodeOptions, FragmentCache, decode};
use parshall_engine::key::READ_SECRET;
use parshall_engine::link::LinkType;
use parshall_engine::listen;
use parshall_engine::packet::{Encap, Packet};
use parshall_engine::source::{Frame, Input};
use parshall_engine::time::Nanos;
use std::cell::RefCell;

thread_local! {
    static CACHE: RefCell<FragmentCache> = RefCell::new(FragmentCache::new(READ_SECRET));
}

fn decoded(bytes: &[u8], link: LinkType) -> Option<Packet> {
    let wire_len = bytes.len() as u32;
    let frame = Frame { bytes, time: Nanos(1), wire_len, link, input: Input::default() };
    CACHE.with_borrow_mut(|cache| decode(&frame, &DecodeOptions::default(), cache)).ok()
}

/// Reads any datagram in all ways.
pub fn run(data: &[u8]) {
    let data = data.get(..listen::LONGEST).unwrap_or(data);
    let _ = listen::packet_count(data);
    let udp = (8 + data.len() as u16).to_be_bytes();
    let total = (28 + data.len() as u16).to_be_bytes();
    let envelope = [
        &[0x45, 0, total[0], total[1], 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2][..],
        &[0x9c, 0x40, 0x90, 0x90, udp[0], udp[1], 0, 0],
        data,
    ]
    .concat();
    let ethernet = [&[2; 12][..], &[8, 0], &envelope].concat();
    let plain = decoded(data, LinkType::TZSP);
    let raw = decoded(&envelope, LinkType::RAW);
    let framed = decoded(&ethernet, LinkType::ETHERNET);
    let of =
        |packet: &Option<Packet>| packet.as_ref().map(|packet| (packet.key(), packet.ip_bytes, packet.payload_bytes));
    assert_eq!(of(&raw), of(&framed));
    let inside = raw.filter(|packet| packet.encaps.has(Encap::Tzsp) && packet.ip_offset > 0);
    if let (Some(inside), Some(plain)) = (inside, plain) {
        assert_eq!(inside.key(), plain.key());
    }
}
