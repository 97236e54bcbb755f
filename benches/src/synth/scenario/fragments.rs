//! IP fragments: a later one belongs to the flow of its first, if that came before it.
//!
//! **Owns** these scenarios. **May touch** the session. **Order** rows of `SCENARIOS`.

use crate::synth::session::ends::{Ends, Version};
use crate::synth::session::{Passing, Session};
use crate::synth::tcp::segment::Side::Client;
use crate::synth::tcp::stack::MS;
use crate::synth::truth::ledger::Icmp;
use crate::synth::wire::icmp;
use crate::synth::wire::ip::{Fragment, Ip};
use crate::synth::wire::udp::datagram;
use parshall_engine::key::protocol::{ICMP, UDP};
use parshall_engine::packet::Outcome;

/// Bytes of a datagram in each fragment but the last.
const PIECE: usize = 1_480;

/// A datagram cut in pieces: IP header and bytes of each.
fn cut(ip: &Ip, message: &[u8], id: u16) -> Vec<(Ip, Vec<u8>)> {
    let last = message.len().div_ceil(PIECE) - 1;
    let pieces = message.chunks(PIECE).enumerate().map(|(number, bytes)| {
        let fragment = Some(Fragment { offset: (number * PIECE) as u16, more: number < last });
        (Ip { id, fragment, ..ip.clone() }, bytes.to_vec())
    });
    pieces.collect()
}

/// A UDP datagram of 4,000 bytes of payload in three pieces. The first one's payload is what its header leaves.
fn udp_pieces(session: &mut Session<'_>, ends: &Ends) -> Vec<(Ip, Vec<u8>)> {
    let (from, to) = ends.pair(Client);
    let id = session.dice.bits() as u16;
    cut(&ends.ip(Client, UDP), &datagram(from, to, &[b'f'; 4_000]), id)
}

fn pass(session: &mut Session<'_>, ledger: usize, ends: &Ends, at: u64, piece: &(Ip, Vec<u8>), header: usize) {
    let (ip, bytes) = piece;
    let first = ip.fragment.is_none_or(|fragment| fragment.offset == 0);
    let payload = bytes.len() - if first { header } else { 0 };
    session.pass(ledger, Passing::of(at, Client, ends, ip, bytes, payload as u64), None);
}

fn orphan(session: &mut Session<'_>, ends: &Ends, at: u64, (ip, bytes): &(Ip, Vec<u8>)) {
    let frame = ends.link(Client).frame(ip.ethertype(), &ip.packet(bytes));
    session.refuse(at, frame, usize::MAX, Outcome::FragmentOrphan, None);
}

fn in_order(session: &mut Session<'_>, version: Version) {
    let ends = session.ends(version, 47_112);
    let ledger = session.flow_between(&ends, UDP, None);
    for turn in 0..session.dice.between(1, 4) {
        for (number, piece) in udp_pieces(session, &ends).iter().enumerate() {
            pass(session, ledger, &ends, turn * 50 * MS + number as u64 * 20_000, piece, 8);
        }
    }
    session.expect(1);
}

pub(super) fn fragments_v4(session: &mut Session<'_>) {
    in_order(session, Version::V4);
}

pub(super) fn fragments_v6(session: &mut Session<'_>) {
    in_order(session, Version::V6);
}

pub(super) fn fragments_late_first(session: &mut Session<'_>) {
    let ends = session.ends(Version::Either, 47_112);
    let ledger = session.flow_between(&ends, UDP, None);
    let pieces = udp_pieces(session, &ends);
    // The last piece comes before the first one: nothing is held back, so it is an orphan.
    orphan(session, &ends, 0, &pieces[2]);
    pass(session, ledger, &ends, 30_000, &pieces[0], 8);
    pass(session, ledger, &ends, 60_000, &pieces[1], 8);
    session.expect(1);
}

pub(super) fn fragment_orphans(session: &mut Session<'_>) {
    let ends = session.ends(Version::Either, 47_112);
    for (number, piece) in udp_pieces(session, &ends).iter().enumerate().skip(1) {
        orphan(session, &ends, number as u64 * 20_000, piece);
    }
}

pub(super) fn fragments_icmp(session: &mut Session<'_>) {
    let ends = session.lone_ends(Version::V4);
    let id = session.dice.bits() as u16;
    let ledger = session.flow_between(&ends, ICMP, Some(Icmp { kind: 8, code: 0, id: Some(id) }));
    let message = icmp::v4(8, 0, icmp::query_word(id, 1), &[b'i'; 3_000]);
    for (number, piece) in cut(&ends.ip(Client, ICMP), &message, id).iter().enumerate() {
        pass(session, ledger, &ends, number as u64 * 25_000, piece, 0);
    }
    session.expect(1);
}
