//! Link layer: tags around IP, and frames without IP.
//!
//! **Owns** these scenarios. **May touch** the session. **Order** rows of `SCENARIOS`.

use crate::synth::session::Session;
use crate::synth::session::ends::{Ends, Version};
use crate::synth::session::talk::{Talk, View};
use crate::synth::tcp::script::request_response;
use crate::synth::tcp::segment::Side::{Client, Server};
use crate::synth::tcp::stack::MS;
use parshall_engine::packet::Outcome;
use std::net::IpAddr;

fn tagged(session: &mut Session<'_>, tags: usize) {
    let mut ends = session.tcp_ends();
    ends.vlans = (0..tags).map(|_| session.dice.between(1, 4_094) as u16).collect();
    let talk = Talk::random(&mut session.dice, request_response(300, 3_000, MS));
    session.talk_between(&ends, &[(0, talk)], View::default());
    session.expect(1);
}

pub(super) fn vlan(session: &mut Session<'_>) {
    tagged(session, 1);
}

pub(super) fn qinq(session: &mut Session<'_>) {
    tagged(session, 2);
}

fn non_ip(session: &mut Session<'_>, at: u64, frame: Vec<u8>) {
    session.refuse(at, frame, usize::MAX, Outcome::NonIp, None);
}

fn addresses(ends: &Ends) -> ([u8; 4], [u8; 4]) {
    let octets = |ip| if let IpAddr::V4(v4) = ip { v4.octets() } else { [0; 4] };
    (octets(ends.client.ip()), octets(ends.server.ip()))
}

pub(super) fn arp(session: &mut Session<'_>) {
    let ends = session.lone_ends(Version::V4);
    let (ours, theirs) = addresses(&ends);
    let (there, back) = (ends.link(Client), ends.link(Server));
    let head = [0, 1, 8, 0, 6, 4, 0];
    let ask = [&head[..], &[1], &there.source, &ours, &[0; 6], &theirs].concat();
    let answer = [&head[..], &[2], &back.source, &theirs, &back.destination, &ours].concat();
    let mut broadcast = there;
    broadcast.destination = [0xff; 6];
    non_ip(session, 0, broadcast.frame(0x0806, &ask));
    non_ip(session, MS, back.frame(0x0806, &answer));
}

pub(super) fn lldp(session: &mut Session<'_>) {
    let mut link = session.lone_ends(Version::V4).link(Client);
    link.destination = [0x01, 0x80, 0xc2, 0, 0, 0x0e];
    // Chassis by MAC address, port by name, 120 s to live, end (IEEE 802.1AB).
    let body = [&[2, 7, 4][..], &link.source, &[4, 5, 5, b'e', b't', b'h', b'0', 6, 2, 0, 120, 0, 0]].concat();
    non_ip(session, 0, link.frame(0x88cc, &body));
}

pub(super) fn spanning_tree(session: &mut Session<'_>) {
    let mut link = session.lone_ends(Version::V4).link(Client);
    link.destination = [0x01, 0x80, 0xc2, 0, 0, 0];
    // LLC 42 42 03, then a configuration BPDU of 35 bytes (IEEE 802.1D); the type field is their length.
    let bridge = [&[0x80, 0][..], &link.source].concat();
    let times = [0, 0, 20, 0, 2, 0, 15, 0];
    let bpdu = [&[0x42, 0x42, 3, 0, 0, 0, 0, 0][..], &bridge, &[0; 4], &bridge, &[0x80, 1, 0], &times[..7]].concat();
    non_ip(session, 0, link.frame(bpdu.len() as u16, &bpdu));
}

pub(super) fn unknown_ethertype(session: &mut Session<'_>) {
    let link = session.lone_ends(Version::V4).link(Client);
    non_ip(session, 0, link.frame(0x88b5, &[0xee; 80]));
}
