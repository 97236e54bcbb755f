//! What decoding costs by what is around the packet: the same TCP segment plain, tagged, and in every tunnel.
//!
//! **Owns** the table of frames. **May touch** the decoder's front door. **Order** one row after the other; frames are made before
//! the clock runs, and lie in the first-level cache.

use super::measure::{Cost, cost};
use parshall_config::plan::{DecapPlan, KeyScope};
use parshall_engine::decode::{self, DecodeOptions, FragmentCache};
use parshall_engine::key::READ_SECRET;
use parshall_engine::link::LinkType;
use parshall_engine::packet::Packet;
use parshall_engine::source::{Frame, Input};
use parshall_engine::time::Nanos;
use std::hint::black_box;

/// Frames that are decoded in turn, each of a flow of its own.
pub const FLOWS: u32 = 64;

const CHUNK: usize = 32_768;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// A row: its name, and the frame around a packet of IPv4 (or of IPv6, for the row of that name).
type Row = (&'static str, fn(&[u8]) -> Vec<u8>);

/// Every row; the packet inside is the same, so that differences are the encapsulation's.
#[rustfmt::skip]
const ROWS: [Row; 19] = [
    ("IPv4",                       |packet| ethernet(IPV4, packet)),
    ("IPv6",                       |packet| ethernet(IPV6, &v6(6, &packet[20..]))),
    ("802.1Q",                     |packet| ethernet(0x8100, &join(&[&[0, 5], &IPV4.to_be_bytes(), packet]))),
    ("QinQ",                       |packet| ethernet(0x88a8, &join(&[&[0, 5, 0x81, 0, 0, 6], &IPV4.to_be_bytes(), packet]))),
    ("MPLS, two labels",           |packet| ethernet(0x8847, &join(&[&[0, 1, 0, 64, 0, 1, 0x11, 64], packet]))),
    ("MPLS, pseudowire",           |packet| ethernet(0x8847, &join(&[&[0, 1, 0x11, 64, 0, 0, 0, 0], &ethernet(IPV4, packet)]))),
    ("PPPoE",                      |packet| ethernet(0x8864, &join(&[&[0x11, 0, 0, 7], &(packet.len() as u16 + 2).to_be_bytes(), &[0, 0x21], packet]))),
    ("GRE",                        |packet| over_ip(47, &join(&[&[0, 0], &IPV4.to_be_bytes(), packet]))),
    ("GRE, key, Ethernet (NVGRE)", |packet| over_ip(47, &join(&[&[0x20, 0, 0x65, 0x58, 0, 0, 42, 1], &ethernet(IPV4, packet)]))),
    ("ERSPAN I",                   |packet| over_ip(47, &join(&[&[0, 0, 0x88, 0xbe], &ethernet(IPV4, packet)]))),
    ("ERSPAN II",                  |packet| over_ip(47, &join(&[&[0x10, 0, 0x88, 0xbe], &[0; 4], &[0x10, 1, 0, 100], &[0; 4], &ethernet(IPV4, packet)]))),
    ("ERSPAN III",                 |packet| over_ip(47, &join(&[&[0x10, 0, 0x22, 0xeb], &[0; 4], &[0x20, 1, 0, 100], &[0; 8], &ethernet(IPV4, packet)]))),
    ("IP in IP",                   |packet| over_ip(4, packet)),
    ("6in4",                       |packet| over_ip(41, &v6(6, &packet[20..]))),
    ("VXLAN",                      |packet| over_udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 42, 0], &ethernet(IPV4, packet)]))),
    ("Geneve, one option",         |packet| over_udp(6081, &join(&[&[2, 0, 0x65, 0x58, 0, 0, 42, 0], &[0, 0, 0, 1, 0, 0, 0, 0], &ethernet(IPV4, packet)]))),
    ("GTP-U, extension header",    |packet| over_udp(2152, &join(&[&[0x34, 255], &(packet.len() as u16 + 8).to_be_bytes(), &[0, 0, 0, 31, 0, 0, 0, 0x85], &[1, 0, 9, 0], packet]))),
    ("TZSP",                       |packet| over_udp(37_008, &join(&[&[1, 0, 0, 1, 1], &ethernet(IPV4, packet)]))),
    ("VXLAN in GRE",               |packet| over_ip(47, &join(&[&[0, 0], &IPV4.to_be_bytes(), &over_udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 42, 0], &ethernet(IPV4, packet)]))[14..]]))),
];

/// Packets of other transports, which no fast path is for.
#[rustfmt::skip]
const OTHERS: [Row; 2] = [
    ("ICMP",                       |packet| over_ip(1, &join(&[&[8, 0, 0, 0, 0, 1], packet]))),
    ("ESP",                        |packet| over_ip(50, packet)),
];

/// Measures every row whose name holds `only` with everything taken off, then those that are flows of IPv4 with nothing
/// taken off.
pub fn rows(only: &str, chunks: usize, mut tell: impl FnMut(&str, &Cost)) {
    let everything = DecodeOptions::new(&DecapPlan::default(), KeyScope::default());
    let nothing = DecodeOptions::new(&DecapPlan { enabled: Vec::new(), ..DecapPlan::default() }, KeyScope::default());
    let off = ROWS.iter().chain(&OTHERS).map(|(name, around)| ((*name).to_owned(), *around, &everything));
    let ipv4 = ROWS.iter().filter(|(_, around)| is_ipv4(&around(&packet(0))));
    let on = ipv4.map(|(name, around)| (format!("{name}, left on"), *around, &nothing));
    for (name, around, options) in off.chain(on).filter(|(name, ..)| name.contains(only)) {
        tell(&name, &decoding(around, options, chunks));
    }
}

fn is_ipv4(frame: &[u8]) -> bool {
    frame.get(12..14).is_some_and(|kind| kind == IPV4.to_be_bytes())
}

/// Decoding, key image and hash of the frames of one row.
fn decoding(around: fn(&[u8]) -> Vec<u8>, options: &DecodeOptions, chunks: usize) -> Cost {
    let frames: Vec<Vec<u8>> = (0..FLOWS).map(|flow| around(&packet(flow as u16))).collect();
    let mut fragments = FragmentCache::new(READ_SECRET);
    let mut packets = vec![Packet::default(); FLOWS as usize];
    cost(chunks, || {
        for _ in 0..CHUNK / FLOWS as usize {
            for (bytes, packet) in frames.iter().zip(&mut packets) {
                let wire_len = bytes.len() as u32;
                let frame =
                    Frame { bytes, time: Nanos(1), wire_len, link: LinkType::ETHERNET, input: Input::default() };
                if let Ok(()) = decode::decode_into(&frame, options, &mut fragments, packet) {
                    packet.hash = READ_SECRET.hash(packet.image);
                }
            }
            black_box(&mut packets);
        }
        CHUNK
    })
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A TCP segment of six bytes in IPv4, without checksums.
fn packet(flow: u16) -> Vec<u8> {
    let tcp = join(&[&(1024 + flow).to_be_bytes(), &[1, 0xbb], &[0; 8], &[0x50, 0x10, 0x20, 0], &[0; 4], &[7; 6]]);
    v4([10, 0, 0, 1], 6, &tcp)
}

fn v4(from: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let total = (20 + payload.len() as u16).to_be_bytes();
    join(&[&[0x45, 0], &total, &[0, 1, 0, 0, 64, protocol, 0, 0], &from, &[198, 51, 100, 1], payload])
}

fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
    let end = |last| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    join(&[&[0x60, 0, 0, 0], &(payload.len() as u16).to_be_bytes(), &[next, 64], &end(1), &end(2), payload])
}

fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], &kind.to_be_bytes(), payload])
}

fn over_ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(IPV4, &v4([192, 0, 2, 1], protocol, payload))
}

fn over_udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len() as u16).to_be_bytes();
    over_ip(17, &join(&[&[0xc0, 0], &port.to_be_bytes(), &length, &[0, 0], payload]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_leads_to_the_same_segment() {
        for (name, around) in ROWS {
            let bytes = around(&packet(7));
            let wire_len = bytes.len() as u32;
            let frame =
                Frame { bytes: &bytes, time: Nanos(1), wire_len, link: LinkType::ETHERNET, input: Input::default() };
            let options = DecodeOptions::new(&DecapPlan::default(), KeyScope::default());
            let packet = decode::decode(&frame, &options, &mut FragmentCache::new(READ_SECRET)).expect(name);
            assert_eq!((packet.protocol(), packet.payload_bytes, packet.flaws.is_empty()), (6, 6, true), "{name}");
            assert!([packet.key().low_port, packet.key().high_port].contains(&1031), "{name}");
        }
    }
}
