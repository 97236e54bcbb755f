//! The life of TCP connections: how they end, and what a probe sees that does not see all of them.
//!
//! **Owns** these scenarios. **May touch** the session. **Order** rows of `SCENARIOS`.

use crate::synth::session::Session;
use crate::synth::session::talk::{Talk, View};
use crate::synth::tcp::path::{Act, Fault, Part, Which};
use crate::synth::tcp::script::{Step, request_response};
use crate::synth::tcp::segment::Side::{self, Client, Server};
use crate::synth::tcp::stack::{MS, SECOND};
use parshall_engine::time::nanos_of;

fn exchange(then: &[Step]) -> Vec<Step> {
    let mut script = vec![Step::Open, Step::Write(Client, 500), Step::Write(Server, 4_000)];
    script.extend(then);
    script
}

pub(super) fn reset_by_client(session: &mut Session<'_>) {
    let talk = Talk::random(&mut session.dice, exchange(&[Step::Pause(5 * MS), Step::Abort(Client)]));
    session.talk(&talk);
    session.expect(1);
}

pub(super) fn reset_by_server(session: &mut Session<'_>) {
    let talk = Talk::random(&mut session.dice, exchange(&[Step::Pause(5 * MS), Step::Abort(Server)]));
    session.talk(&talk);
    session.expect(1);
}

pub(super) fn reset_mid_transfer(session: &mut Session<'_>) {
    let then = [Step::WriteOn(Server, 200_000), Step::Pause(120 * MS), Step::Abort(Client)];
    let talk = Talk::plain(&mut session.dice, exchange(&then));
    session.talk(&talk);
    session.expect(1);
}

pub(super) fn half_close(session: &mut Session<'_>) {
    let script = vec![
        Step::Open,
        Step::Write(Client, 3_000),
        Step::Close(Client),
        Step::Pause(50 * MS),
        Step::Write(Server, 20_000),
        Step::Close(Server),
    ];
    let talk = Talk::random(&mut session.dice, script);
    session.talk(&talk);
    session.expect(1);
}

pub(super) fn trailing_after_close(session: &mut Session<'_>) {
    // The last ACK is lost behind the probe: the flow is closed, and the FIN comes again soon after, within the linger.
    // (The client's ACKs before it: of the SYN+ACK, of the first two segments; its FIN acknowledges the third.)
    // A keep-alive twice the linger later finds no flow.
    let linger = nanos_of(session.setting.timeouts.tcp_linger);
    let then = [
        Step::CloseOn(Client),
        Step::Pause(200 * MS),
        Step::CloseOn(Server),
        Step::Pause(2 * linger + 3 * SECOND),
        Step::KeepAlive(Client),
        Step::Pause(SECOND),
    ];
    let talk = Talk::plain(&mut session.dice, exchange(&then));
    let talk = talk.with(Fault { skip: 2, ..Fault::first(Client, Which::Ack, Part::AfterProbe, Act::Lose) });
    session.talk(&talk);
    session.expect(2);
}

/// Shows an exchange from a time on.
fn late(session: &mut Session<'_>, script: Vec<Step>, from: u64) {
    let talk = Talk::plain(&mut session.dice, script);
    let ends = session.tcp_ends();
    session.talk_between(&ends, &[(0, talk)], View { from, ..View::default() });
    session.expect(1);
}

pub(super) fn midstream(session: &mut Session<'_>) {
    // The handshake takes 45 ms at the probe, the request 50 ms more; then 40 kB come in several turns.
    let from = session.dice.between(60 * MS, 200 * MS);
    late(session, request_response(400, 80_000, 5 * MS), from);
}

fn one_way(session: &mut Session<'_>, side: Side) {
    let talk = Talk::random(&mut session.dice, request_response(2_000, 12_000, 5 * MS));
    let ends = session.tcp_ends();
    session.talk_between(&ends, &[(0, talk)], View { only: Some(side), ..View::default() });
    session.expect(1);
}

pub(super) fn one_way_client(session: &mut Session<'_>) {
    one_way(session, Client);
}

pub(super) fn one_way_server(session: &mut Session<'_>) {
    one_way(session, Server);
}

pub(super) fn idle_gap(session: &mut Session<'_>) {
    let gap = nanos_of(session.setting.timeouts.tcp_idle) / 10 * 11 + SECOND;
    let then = [Step::Pause(gap), Step::Write(Server, 3_000), Step::Close(Client), Step::Close(Server)];
    let talk = Talk::plain(&mut session.dice, exchange(&then));
    session.talk(&talk);
    session.expect(2);
}

pub(super) fn long_lived(session: &mut Session<'_>) {
    let mut script = vec![Step::Open];
    for _ in 0..session.dice.between(60, 120) {
        script.extend([Step::Write(Client, 100), Step::Write(Server, 900), Step::Pause(10 * SECOND)]);
    }
    script.extend([Step::Close(Client), Step::Close(Server)]);
    let talk = Talk::plain(&mut session.dice, script);
    session.talk(&talk);
    session.expect(1);
}

pub(super) fn left_open(session: &mut Session<'_>) {
    let talk = Talk::random(&mut session.dice, exchange(&[]));
    session.talk(&talk);
    session.expect(1);
}

pub(super) fn peer_vanishes(session: &mut Session<'_>) {
    let then = [Step::WriteOn(Client, 60_000), Step::Pause(80 * MS), Step::Vanish(Server)];
    let talk = Talk::plain(&mut session.dice, exchange(&then));
    session.talk(&talk);
    session.expect(1);
}
