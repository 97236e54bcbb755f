//! ICMP and ICMPv6: queries by identifier, errors that quote, neighbor discovery.
//!
//! **Owns** these scenarios. **May touch** the session. **Order** rows of `SCENARIOS`.

use super::udp;
use crate::synth::session::ends::{Ends, Version};
use crate::synth::session::{Passing, Session};
use crate::synth::tcp::segment::Side::{self, Client, Server};
use crate::synth::tcp::stack::{MS, SECOND};
use crate::synth::truth::ledger::{Icmp, Identity};
use crate::synth::wire::icmp;
use crate::synth::wire::ip::Ip;
use parshall_engine::key::protocol::{ICMP, ICMPV6, UDP};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// A message of an ICMP flow passes; its payload is the whole message.
fn send(session: &mut Session<'_>, ledger: usize, ends: &Ends, at: u64, side: Side, message: &[u8]) {
    let mut ip = ends.ip(side, if ends.v4() { ICMP } else { ICMPV6 });
    ip.id = session.dice.bits() as u16;
    session.pass(ledger, Passing::of(at, side, ends, &ip, message, message.len() as u64), None);
}

fn echo(ends: &Ends, side: Side, id: u16, sequence: u16, body: &[u8]) -> Vec<u8> {
    let word = icmp::query_word(id, sequence);
    if ends.v4() {
        icmp::v4(if side == Client { 8 } else { 0 }, 0, word, body)
    } else {
        let (from, to) = ends.pair(side);
        icmp::v6(from.ip(), to.ip(), if side == Client { 128 } else { 129 }, 0, word, body)
    }
}

fn echo_flow(session: &mut Session<'_>, ends: &Ends, id: u16) -> usize {
    let kind = if ends.v4() { 8 } else { 128 };
    session.flow_between(ends, if ends.v4() { ICMP } else { ICMPV6 }, Some(Icmp { kind, code: 0, id: Some(id) }))
}

/// Pings with one to three identifiers at the same time.
fn pings(session: &mut Session<'_>, version: Version) {
    let ends = session.lone_ends(version);
    let first = session.dice.bits() as u16;
    let rounds = session.dice.between(1, 8) as u16;
    for number in 0..session.dice.between(1, 3) as u16 {
        let id = first.wrapping_add(number);
        let ledger = echo_flow(session, &ends, id);
        for sequence in 0..rounds {
            let at = u64::from(sequence) * SECOND + u64::from(number) * 10 * MS;
            send(session, ledger, &ends, at, Client, &echo(&ends, Client, id, sequence, &[b'p'; 48]));
            let after = session.dice.between(MS, 90 * MS);
            send(session, ledger, &ends, at + after, Server, &echo(&ends, Server, id, sequence, &[b'p'; 48]));
        }
        session.expect(1);
    }
}

pub(super) fn ping(session: &mut Session<'_>) {
    pings(session, Version::V4);
}

pub(super) fn ping6(session: &mut Session<'_>) {
    pings(session, Version::V6);
}

pub(super) fn ping_unanswered(session: &mut Session<'_>) {
    let ends = session.lone_ends(Version::Either);
    let id = session.dice.bits() as u16;
    let ledger = echo_flow(session, &ends, id);
    for sequence in 0..session.dice.between(1, 5) as u16 {
        let message = echo(&ends, Client, id, sequence, &[b'q'; 20]);
        send(session, ledger, &ends, u64::from(sequence) * SECOND, Client, &message);
    }
    session.expect(1);
}

pub(super) fn icmp_timestamp(session: &mut Session<'_>) {
    let ends = session.lone_ends(Version::V4);
    let id = session.dice.bits() as u16;
    let ledger = session.flow_between(&ends, ICMP, Some(Icmp { kind: 13, code: 0, id: Some(id) }));
    let times = [0; 12];
    send(session, ledger, &ends, 0, Client, &icmp::v4(13, 0, icmp::query_word(id, 1), &times));
    send(session, ledger, &ends, 9 * MS, Server, &icmp::v4(14, 0, icmp::query_word(id, 1), &times));
    session.expect(1);
}

pub(super) fn unreachable(session: &mut Session<'_>) {
    let lone = session.lone_ends(Version::Either);
    let ends = lone.with_ports(session.dice.between(30_000, 60_000) as u16, 33_434);
    let quoted = session.flow_between(&ends, UDP, None);
    session.expect(1);
    let payload = [b'x'; 24];
    udp::send(session, quoted, &ends, 0, Client, &payload);
    let (from, to) = ends.pair(Client);
    let packet = ends.ip(Client, UDP).packet(&crate::synth::wire::udp::datagram(from, to, &payload));
    // The server says that nobody listens there: the error is a flow of its own, from the server.
    let turned = ends.turned();
    let (kind, code) = if ends.v4() { (3, 3) } else { (1, 4) };
    let message = if ends.v4() {
        icmp::v4(kind, code, [0; 4], &packet)
    } else {
        icmp::v6(to.ip(), from.ip(), kind, code, [0; 4], &packet)
    };
    let protocol = if ends.v4() { ICMP } else { ICMPV6 };
    let ledger = session.flow_between(&turned, protocol, Some(Icmp { kind, code, id: None }));
    send(session, ledger, &turned, 12 * MS, Client, &message);
    session.ledgers[quoted].quoted();
    session.expect(1);
}

pub(super) fn neighbor_discovery(session: &mut Session<'_>) {
    let ends = session.lone_ends(Version::V6);
    let (IpAddr::V6(asks), IpAddr::V6(target)) = (ends.client.ip(), ends.server.ip()) else { return };
    let [.., a, b, c] = target.octets();
    let group = Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c]);
    let link = ends.link(Client);
    // To the solicited-node group and back: two flows of one packet.
    let steps = [(asks, group, 135, [0; 4], 1, link.source), (target, asks, 136, [0x60, 0, 0, 0], 2, link.destination)];
    for (turn, (from, to, kind, word, option, mac)) in steps.into_iter().enumerate() {
        let side = if turn == 0 { Client } else { Server };
        let body = icmp::neighbor_body(target, option, mac);
        let message = icmp::v6(IpAddr::V6(from), IpAddr::V6(to), kind, 0, word, &body);
        let mut ip = Ip::new(IpAddr::V6(from), IpAddr::V6(to), ICMPV6);
        ip.ttl = 255;
        let identity = Identity {
            client: SocketAddr::new(from.into(), 0),
            server: SocketAddr::new(to.into(), 0),
            protocol: ICMPV6,
            icmp: Some(Icmp { kind, code: 0, id: None }),
        };
        let ledger = session.flow(identity);
        let mut passing = Passing::of(turn as u64 * MS, side, &ends, &ip, &message, message.len() as u64);
        passing.side = Client; // each is its own flow, sent by its client
        session.pass(ledger, passing, None);
        session.expect(1);
    }
}
