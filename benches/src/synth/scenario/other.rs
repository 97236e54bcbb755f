//! Other protocols over IP, and IP headers that are not the shortest.
//!
//! **Owns** these scenarios. **May touch** the session. **Order** rows of `SCENARIOS`.

use crate::synth::session::ends::{Ends, Version};
use crate::synth::session::talk::{Talk, View};
use crate::synth::session::{Passing, Session};
use crate::synth::tcp::script::request_response;
use crate::synth::tcp::segment::Side::{self, Client, Server};
use crate::synth::tcp::stack::{MS, SECOND};
use crate::synth::truth::ledger::Identity;
use crate::synth::wire::ip::{DESTINATION_OPTIONS, HOP_BY_HOP, Ip, ROUTER_ALERT};
use crate::synth::wire::{icmp, sctp as wire};
use parshall_engine::key::protocol::{IGMP, SCTP};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// IANA number of OSPF.
const OSPF: u8 = 89;

pub(super) fn sctp(session: &mut Session<'_>) {
    let ends = session.ends(Version::Either, 3868);
    let ledger = session.flow_between(&ends, SCTP, None);
    let tags = [session.dice.bits() as u32 | 1, session.dice.bits() as u32 | 1];
    let (tsn, peer_tsn) = (session.dice.bits() as u32, session.dice.bits() as u32);
    let cookie = [0, 7, 0, 8, 1, 2, 3, 4]; // state cookie parameter
    let data = [&tsn.to_be_bytes()[..], &[0, 0, 0, 0, 0, 0, 0, 0], &[b's'; 100]].concat();
    let received = |tsn: u32| [&tsn.to_be_bytes()[..], &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
    let steps: [(Side, u32, Vec<u8>); 9] = [
        (Client, 0, wire::chunk(wire::INIT, 0, &wire::init_value(tags[0], tsn, &[]))),
        (Server, tags[0], wire::chunk(wire::INIT_ACK, 0, &wire::init_value(tags[1], peer_tsn, &cookie))),
        (Client, tags[1], wire::chunk(wire::COOKIE_ECHO, 0, &[1, 2, 3, 4])),
        (Server, tags[0], wire::chunk(wire::COOKIE_ACK, 0, &[])),
        (Client, tags[1], wire::chunk(wire::DATA, 3, &data)),
        (Server, tags[0], wire::chunk(wire::SACK, 0, &received(tsn))),
        (Client, tags[1], wire::chunk(wire::SHUTDOWN, 0, &peer_tsn.wrapping_sub(1).to_be_bytes())),
        (Server, tags[0], wire::chunk(wire::SHUTDOWN_ACK, 0, &[])),
        (Client, tags[1], wire::chunk(wire::SHUTDOWN_COMPLETE, 0, &[])),
    ];
    for (turn, (side, tag, chunk)) in steps.into_iter().enumerate() {
        let (from, to) = ends.pair(side);
        let message = wire::packet((from.port(), to.port()), tag, &chunk);
        let ip = ends.ip(side, SCTP);
        let passing = Passing::of(turn as u64 * 11 * MS, side, &ends, &ip, &message, message.len() as u64);
        session.pass(ledger, passing, None);
    }
    session.expect(1);
}

/// Packets of a protocol without ports to a group address, some seconds apart.
fn multicast(session: &mut Session<'_>, ends: &Ends, protocol: u8, group: Ipv4Addr, options: &[u8], message: &[u8]) {
    let (from, to) = (ends.client.ip(), IpAddr::V4(group));
    let ends_of = |ip| SocketAddr::new(ip, 0);
    let ledger = session.flow(Identity { client: ends_of(from), server: ends_of(to), protocol, icmp: None });
    for turn in 0..session.dice.between(2, 6) {
        let mut ip = Ip::new(from, to, protocol);
        ip.ttl = 1;
        ip.tos = 0xc0;
        ip.id = turn as u16;
        ip.options = options.to_vec();
        session.pass(ledger, Passing::of(turn * 5 * SECOND, Client, ends, &ip, message, message.len() as u64), None);
    }
    session.expect(1);
}

pub(super) fn igmp(session: &mut Session<'_>) {
    let ends = session.lone_ends(Version::V4);
    let group = Ipv4Addr::new(239, 1, 2, session.dice.below(200) as u8);
    multicast(session, &ends, IGMP, group, &ROUTER_ALERT, &icmp::igmp_report(group));
}

pub(super) fn ospf(session: &mut Session<'_>) {
    let ends = session.lone_ends(Version::V4);
    let IpAddr::V4(router) = ends.client.ip() else { return };
    multicast(session, &ends, OSPF, Ipv4Addr::new(224, 0, 0, 5), &[], &icmp::ospf_hello(router));
}

pub(super) fn ipv4_options(session: &mut Session<'_>) {
    let mut ends = session.ends(Version::V4, 5201);
    // Router alert, then NOPs up to 12 bytes of options.
    ends.options = [&ROUTER_ALERT[..], &[1; 8]].concat();
    let talk = Talk::random(&mut session.dice, request_response(400, 4_000, MS));
    session.talk_between(&ends, &[(0, talk)], View::default());
    session.expect(1);
}

pub(super) fn ipv6_extensions(session: &mut Session<'_>) {
    let mut ends = session.ends(Version::V6, 5201);
    ends.extensions = [HOP_BY_HOP, DESTINATION_OPTIONS].map(|(kind, body)| (kind, body.to_vec())).to_vec();
    let talk = Talk::random(&mut session.dice, request_response(400, 4_000, MS));
    session.talk_between(&ends, &[(0, talk)], View::default());
    session.expect(1);
}
