//! Frames that lie. Which of them have no flow, and which stay in theirs, is the contract's section "The books".
//!
//! **Owns** these scenarios. **May touch** the session. **Order** rows of `SCENARIOS`.

use crate::synth::session::ends::{Ends, Version};
use crate::synth::session::{Passing, Session};
use crate::synth::tcp::segment::Side::Client;
use crate::synth::wire::checksum::internet;
use crate::synth::wire::ip::ETHERTYPE_V4;
use crate::synth::wire::tcp::{ACK, Header, Options, segment};
use crate::synth::wire::udp::datagram;
use parshall_engine::key::protocol::{TCP, UDP};
use parshall_engine::packet::{Flaw, Outcome};

/// Where the IPv4 header begins in a frame without tags.
const IP: usize = 14;
/// Where the transport header begins.
const L4: usize = IP + 20;

/// A UDP packet of 100 bytes of payload in a frame.
fn udp_frame(session: &mut Session<'_>) -> (Ends, Vec<u8>) {
    let ends = session.ends(Version::V4, 47_113);
    let (from, to) = ends.pair(Client);
    let packet = ends.ip(Client, UDP).packet(&datagram(from, to, &[b'm'; 100]));
    let frame = ends.link(Client).frame(ETHERTYPE_V4, &packet);
    (ends, frame)
}

/// Writes the IPv4 header checksum again, so that only what is meant to be wrong is.
fn resum(frame: &mut [u8]) {
    frame[IP + 10..IP + 12].fill(0);
    let sum = internet(&frame[IP..L4]);
    frame[IP + 10..IP + 12].copy_from_slice(&sum.to_be_bytes());
}

/// A frame without a usable IP header, or without ports.
fn refused(session: &mut Session<'_>, captured: usize, flaw: Flaw, change: impl Fn(&mut Vec<u8>)) {
    let (_, mut frame) = udp_frame(session);
    change(&mut frame);
    session.refuse(0, frame, captured, Outcome::Malformed, Some(flaw));
}

pub(super) fn bad_ihl(session: &mut Session<'_>) {
    refused(session, usize::MAX, Flaw::IpHeaderLength, |frame| {
        frame[IP] = 0x43;
        resum(frame);
    });
}

pub(super) fn bad_total_length(session: &mut Session<'_>) {
    refused(session, usize::MAX, Flaw::IpTotalLength, |frame| {
        frame[IP + 2..IP + 4].copy_from_slice(&[0, 12]);
        resum(frame);
    });
}

pub(super) fn wrong_version(session: &mut Session<'_>) {
    refused(session, usize::MAX, Flaw::IpVersion, |frame| {
        frame[IP] = 0x75;
        resum(frame);
    });
}

pub(super) fn truncated_ip(session: &mut Session<'_>) {
    refused(session, IP + 12, Flaw::IpTruncated, |_| {});
}

pub(super) fn truncated_transport(session: &mut Session<'_>) {
    refused(session, L4 + 2, Flaw::TransportTruncated, |_| {});
}

/// A packet that stays in its flow with a flaw: three of them, the middle one flawed.
fn kept(
    session: &mut Session<'_>,
    protocol: u8,
    frame_of: impl Fn(&Ends) -> Vec<u8>,
    flaw: Option<Flaw>,
    change: impl Fn(&mut Passing),
) {
    let ends = session.ends(Version::V4, 47_114);
    let ledger = session.flow_between(&ends, protocol, None);
    for turn in 0..3_u64 {
        let frame = frame_of(&ends);
        let mut passing = Passing {
            at: turn * 1_000_000,
            side: Client,
            ip: (frame.len() - IP) as u64,
            payload: Some((frame.len() - L4 - 8) as u64),
            frame,
            ttl: 64,
            dscp: 0,
            flaw: None,
            captured: usize::MAX,
        };
        if turn == 1 {
            change(&mut passing);
            passing.flaw = flaw;
        }
        session.pass(ledger, passing, None);
    }
    session.expect(1);
}

fn udp_of(ends: &Ends) -> Vec<u8> {
    let (from, to) = ends.pair(Client);
    ends.link(Client).frame(ETHERTYPE_V4, &ends.ip(Client, UDP).packet(&datagram(from, to, &[b'k'; 100])))
}

pub(super) fn beyond_wire(session: &mut Session<'_>) {
    kept(session, UDP, udp_of, Some(Flaw::IpBeyondWire), |passing| {
        // IP claims 500 bytes of which 128 are there; UDP's own length still says 108.
        passing.frame[IP + 2..IP + 4].copy_from_slice(&500_u16.to_be_bytes());
        resum(&mut passing.frame);
        passing.ip = 500;
    });
}

pub(super) fn zero_total_length(session: &mut Session<'_>) {
    kept(session, UDP, udp_of, None, |passing| {
        passing.frame[IP + 2..IP + 4].fill(0);
        resum(&mut passing.frame);
    });
}

pub(super) fn bad_udp_length(session: &mut Session<'_>) {
    kept(session, UDP, udp_of, Some(Flaw::UdpLength), |passing| {
        // UDP claims 1,000 bytes of which IP holds 108: the payload is the smaller, which is what it was.
        passing.frame[L4 + 4..L4 + 6].copy_from_slice(&1000_u16.to_be_bytes());
    });
}

pub(super) fn short_udp_length(session: &mut Session<'_>) {
    kept(session, UDP, udp_of, Some(Flaw::UdpLength), |passing| {
        passing.frame[L4 + 4..L4 + 6].copy_from_slice(&3_u16.to_be_bytes());
        passing.payload = None;
    });
}

pub(super) fn bad_data_offset(session: &mut Session<'_>) {
    let ends = session.ends(Version::V4, 47_114);
    let ledger = session.flow_between(&ends, TCP, None);
    let (from, to) = ends.pair(Client);
    let header = Header { seq: session.dice.bits() as u32, ack: 1, flags: ACK, window: 1000 };
    let message = segment(from, to, header, &Options::default(), &[b'o'; 50]);
    let mut passing = Passing::of(0, Client, &ends, &ends.ip(Client, TCP), &message, 50);
    passing.frame[L4 + 12] = 0x30;
    passing.payload = None;
    passing.flaw = Some(Flaw::TcpDataOffset);
    session.pass(ledger, passing, None);
    session.expect(1);
    session.unreadable();
}
