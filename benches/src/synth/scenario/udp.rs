//! UDP.
//!
//! **Owns** these scenarios. **May touch** the session. **Order** rows of `SCENARIOS`.

use crate::synth::session::ends::{Ends, Version};
use crate::synth::session::{Passing, Session};
use crate::synth::tcp::segment::Side::{self, Client, Server};
use crate::synth::tcp::stack::{MS, SECOND};
use crate::synth::wire::udp::{datagram, dns as dns_message};
use parshall_engine::key::protocol::UDP;
use parshall_engine::time::nanos_of;

/// A port that no dissector claims.
const PORT: u16 = 47_111;

/// A datagram of a flow passes.
pub(super) fn send(session: &mut Session<'_>, ledger: usize, ends: &Ends, at: u64, side: Side, payload: &[u8]) {
    let (from, to) = ends.pair(side);
    let mut ip = ends.ip(side, UDP);
    ip.id = session.dice.bits() as u16;
    ip.ttl = if side == Client { 64 } else { 58 };
    let message = datagram(from, to, payload);
    let passing = Passing::of(at, side, ends, &ip, &message, payload.len() as u64);
    session.pass(ledger, passing, None);
}

fn letters(session: &mut Session<'_>, low: u64, high: u64) -> Vec<u8> {
    vec![b'u'; session.dice.between(low, high) as usize]
}

fn begin(session: &mut Session<'_>) -> (Ends, usize) {
    let ends = session.ends(Version::Either, PORT);
    let ledger = session.flow_between(&ends, UDP, None);
    (ends, ledger)
}

pub(super) fn dns(session: &mut Session<'_>) {
    let ends = session.ends(Version::Either, 53);
    let ledger = session.flow_between(&ends, UDP, None);
    let (id, host) = (session.dice.bits() as u16, format!("host{}", session.number));
    let answers = session.dice.between(1, 4) as u8;
    send(session, ledger, &ends, 0, Client, &dns_message(id, &host, None));
    let after = session.dice.between(MS / 2, 120 * MS);
    send(session, ledger, &ends, after, Server, &dns_message(id, &host, Some(answers)));
    session.expect(1);
}

pub(super) fn udp_exchange(session: &mut Session<'_>) {
    let (ends, ledger) = begin(session);
    let mut at = 0;
    for turn in 0..session.dice.between(4, 40) {
        let side = if turn > 0 && session.dice.coin() { Server } else { Client };
        let payload = letters(session, 1, 1_400);
        send(session, ledger, &ends, at, side, &payload);
        at += session.dice.between(100_000, 200 * MS);
    }
    session.expect(1);
}

pub(super) fn udp_one_way(session: &mut Session<'_>) {
    let (ends, ledger) = begin(session);
    for turn in 0..session.dice.between(2, 60) {
        let payload = letters(session, 200, 200);
        send(session, ledger, &ends, turn * 20 * MS, Client, &payload);
    }
    session.expect(1);
}

pub(super) fn udp_single(session: &mut Session<'_>) {
    let (ends, ledger) = begin(session);
    let payload = letters(session, 1, 1_400);
    send(session, ledger, &ends, 0, Client, &payload);
    session.expect(1);
}

pub(super) fn udp_empty(session: &mut Session<'_>) {
    let (ends, ledger) = begin(session);
    send(session, ledger, &ends, 0, Client, &[]);
    send(session, ledger, &ends, 30 * MS, Server, &[]);
    session.expect(1);
}

pub(super) fn udp_gap(session: &mut Session<'_>) {
    let (ends, ledger) = begin(session);
    let gap = nanos_of(session.setting.timeouts.udp_idle) / 10 * 11 + SECOND;
    let payload = letters(session, 10, 900);
    for at in [0, SECOND, SECOND + gap, 2 * SECOND + gap] {
        send(session, ledger, &ends, at, Client, &payload);
    }
    // The first packet of the third flow comes from the other side, which is the client there.
    send(session, ledger, &ends, 2 * (SECOND + gap), Server, &payload);
    send(session, ledger, &ends, 2 * (SECOND + gap) + MS, Client, &payload);
    session.expect(3);
}

pub(super) fn udp_long(session: &mut Session<'_>) {
    let (ends, ledger) = begin(session);
    // Every ten seconds to the nanosecond: an active timeout of whole tens of seconds ends exactly at a packet.
    for turn in 0..session.dice.between(70, 130) {
        let side = if turn % 3 == 2 { Server } else { Client };
        send(session, ledger, &ends, turn * 10 * SECOND, side, &[b'l'; 300]);
    }
    session.expect(1);
}
