//! The opening of TCP connections, and what goes wrong with it.
//!
//! **Owns** these scenarios. **May touch** the session. **Order** rows of `SCENARIOS`.

use crate::synth::session::Session;
use crate::synth::session::talk::{Talk, View};
use crate::synth::tcp::path::{Act, Fault, Part, Which};
use crate::synth::tcp::script::{Step, request_response};
use crate::synth::tcp::segment::Side::{Client, Server};
use crate::synth::tcp::stack::{SECOND, Welcome};

/// What the contract leaves open where a reset answers a SYN: whether it acknowledges it for a round-trip time, and
/// whether its window counts.
const RESET_OPEN: &[&str] = &[
    "c2s_rtt_samples",
    "c2s_rtt_min_us",
    "c2s_rtt_avg_us",
    "c2s_rtt_max_us",
    "c2s_rtt_std_us",
    "s2c_zero_windows",
    "s2c_first_ack_ns",
];

/// One SYN, sent again `retries` times after 1, 2, 4, ... seconds.
fn unanswered(session: &mut Session<'_>, retries: u32) -> Talk {
    let mut talk = Talk::random(&mut session.dice, vec![Step::Open]);
    talk.stacks[0].retries = retries;
    talk.stacks[1].welcome = Welcome::Absent;
    talk
}

pub(super) fn half_open(session: &mut Session<'_>) {
    let retries = session.dice.between(0, 3) as u32;
    let talk = unanswered(session, retries);
    session.talk(&talk);
    session.expect(1);
}

pub(super) fn half_open_long(session: &mut Session<'_>) {
    // The fifth pause is 16 s: longer than a flow of nothing but SYNs waits.
    let talk = unanswered(session, 5);
    session.talk(&talk);
    session.expect(2);
}

pub(super) fn syn_scan(session: &mut Session<'_>) {
    let base = session.tcp_ends();
    let ports = session.dice.between(8, 30) as u16;
    let source = base.client.port();
    for port in 0..ports {
        let mut talk = unanswered(session, 0);
        let refused = session.dice.chance(300_000);
        if refused {
            talk.stacks[1].welcome = Welcome::Refuse;
        }
        let gap = u64::from(port) * session.dice.between(1_000_000, 3_000_000);
        session.talk_between(&base.with_ports(source, 1 + port), &[(gap, talk)], View::default());
        session.expect(1);
        if refused {
            session.open(RESET_OPEN);
        }
    }
}

pub(super) fn refused(session: &mut Session<'_>) {
    let mut talk = Talk::random(&mut session.dice, vec![Step::Open]);
    talk.stacks[1].welcome = Welcome::Refuse;
    session.talk(&talk);
    session.expect(1);
    session.open(RESET_OPEN);
}

/// A plain exchange in which the `which` of one side is lost once.
fn lost(session: &mut Session<'_>, fault: Fault) {
    let talk = Talk::plain(&mut session.dice, request_response(300, 5_000, 2_000_000)).with(fault);
    session.talk(&talk);
    session.expect(1);
}

pub(super) fn syn_lost_before(session: &mut Session<'_>) {
    lost(session, Fault::first(Client, Which::Syn, Part::BeforeProbe, Act::Lose));
}

pub(super) fn syn_lost_after(session: &mut Session<'_>) {
    lost(session, Fault::first(Client, Which::Syn, Part::AfterProbe, Act::Lose));
}

pub(super) fn syn_ack_lost(session: &mut Session<'_>) {
    lost(session, Fault::first(Server, Which::Syn, Part::AfterProbe, Act::Lose));
}

pub(super) fn syn_other_isn(session: &mut Session<'_>) {
    let other = session.dice.bits() as u32;
    let mut talk = unanswered(session, 0);
    talk.script.extend([Step::Pause(SECOND / 2), Step::StraySyn(Client, other)]);
    talk.stacks[0].isn = other ^ 0x4000_0000;
    session.talk(&talk);
    session.expect(1);
}

pub(super) fn simultaneous_open(session: &mut Session<'_>) {
    let script = vec![
        Step::OpenBoth,
        Step::Write(Client, 900),
        Step::Write(Server, 900),
        Step::Close(Client),
        Step::Close(Server),
    ];
    let talk = Talk::plain(&mut session.dice, script);
    session.talk(&talk);
    session.expect(1);
    // The SYN comes again with an ACK: whether that is a retransmission, and of which class, nobody says.
    for key in SIMULTANEOUS_OPEN {
        session.open(&[key]);
    }
}

const SIMULTANEOUS_OPEN: &[&str] = &[
    "c2s_retx_packets",
    "s2c_retx_packets",
    "c2s_class_rto",
    "s2c_class_rto",
    "c2s_class_unneeded_rto",
    "s2c_class_unneeded_rto",
    "c2s_class_unknown",
    "s2c_class_unknown",
    "c2s_rtt_samples",
    "s2c_rtt_samples",
    "c2s_rtt_min_us",
    "s2c_rtt_min_us",
    "c2s_rtt_avg_us",
    "s2c_rtt_avg_us",
    "c2s_rtt_max_us",
    "s2c_rtt_max_us",
    "c2s_rtt_std_us",
    "s2c_rtt_std_us",
];

pub(super) fn client_gone(session: &mut Session<'_>) {
    let script = vec![Step::Open];
    let mut talk = Talk::plain(&mut session.dice, script)
        .with(Fault { count: 100, ..Fault::first(Server, Which::Syn, Part::AfterProbe, Act::Lose) });
    // The client gives up at once, the server sends its SYN+ACK twice more.
    talk.stacks[0].retries = 0;
    talk.stacks[1].retries = 2;
    session.talk(&talk);
    session.expect(1);
}
