//! Frames from parts, byte by byte.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each user takes a part of it")]

use parshall_engine::link::LinkType;
use parshall_engine::source::{Frame, Input};
use parshall_engine::time::Nanos;

pub const IPV4: u16 = 0x0800;
pub const IPV6: u16 = 0x86dd;

/// The frame of these bytes, whole on the wire, at a fixed time.
pub fn frame(link: LinkType, bytes: &[u8]) -> Frame<'_> {
    frame_at(link, bytes, 1_000_000_000)
}

pub fn frame_at(link: LinkType, bytes: &[u8], time: u64) -> Frame<'_> {
    Frame { bytes, time: Nanos(time), wire_len: bytes.len() as u32, link, input: Input::default() }
}

pub fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

pub fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], &kind.to_be_bytes(), payload])
}

/// A tag or anything else that is two bytes, then a type.
pub fn tag(control: u16, kind: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&control.to_be_bytes(), &kind.to_be_bytes(), payload])
}

pub fn snap(kind: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&[0xaa, 0xaa, 0x03, 0, 0, 0], &kind.to_be_bytes(), payload])
}

/// 10.0.0.1 to 10.0.0.2.
pub fn v4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    v4_with(protocol, [10, 0, 0, 1], [10, 0, 0, 2], 7, 0, payload)
}

pub fn v4_with(protocol: u8, source: [u8; 4], to: [u8; 4], id: u16, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let total = (20 + payload.len()) as u16;
    let head = [0x45, 0xb8];
    join(&[
        &head,
        &total.to_be_bytes(),
        &id.to_be_bytes(),
        &fragment.to_be_bytes(),
        &[64, protocol, 0, 0],
        &source,
        &to,
        payload,
    ])
}

/// 2001:db8::1 to 2001:db8::2.
pub fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut source = [0; 16];
    source[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    let mut to = source;
    (source[15], to[15]) = (1, 2);
    join(&[&[0x6b, 0x80, 0, 0], &(payload.len() as u16).to_be_bytes(), &[next, 64], &source, &to, payload])
}

pub fn udp(source: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    join(&[&source.to_be_bytes(), &to.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload])
}

pub fn tcp(source: u16, to: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    join(&[
        &source.to_be_bytes(),
        &to.to_be_bytes(),
        &[0, 0, 0, 1, 0, 0, 0, 2, 0x50, flags, 0x10, 0, 0, 0, 0, 0],
        payload,
    ])
}

/// The packet that tunnels carry in the tables: UDP, 1000 to 2000, three bytes.
pub fn inner_v4() -> Vec<u8> {
    v4(17, &udp(1000, 2000, b"abc"))
}

pub fn inner_v6() -> Vec<u8> {
    v6(17, &udp(1000, 2000, b"abc"))
}

/// An outer IPv4 header, 192.0.2.1 to 192.0.2.2.
pub fn outer_v4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    v4_with(protocol, [192, 0, 2, 1], [192, 0, 2, 2], 9, 0, payload)
}

pub fn gre(flags: u16, kind: u16, rest: &[u8]) -> Vec<u8> {
    join(&[&flags.to_be_bytes(), &kind.to_be_bytes(), rest])
}

/// One label stack entry.
pub fn label(number: u32, bottom: bool) -> [u8; 4] {
    (number << 12 | u32::from(bottom) << 8 | 64).to_be_bytes()
}

/// An 802.11 data frame's header with LLC and SNAP; `control` are its first two bytes.
pub fn wlan(control: [u8; 2], between: &[u8], kind: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&control, &[0; 20], &[0, 0], between, &snap(kind, payload)])
}
