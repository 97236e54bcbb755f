//! The same five-tuple again: port reuse after every kind of end, and SYNs that open nothing.
//!
//! **Owns** these scenarios. **May touch** the session. **Order** rows of `SCENARIOS`.

use crate::synth::session::Session;
use crate::synth::session::talk::{Talk, View};
use crate::synth::tcp::script::{Step, request_response};
use crate::synth::tcp::segment::Side::{Client, Server};
use crate::synth::tcp::stack::{MS, SECOND};
use parshall_engine::time::nanos_of;

fn closed(session: &mut Session<'_>) -> Talk {
    Talk::plain(&mut session.dice, request_response(300, 6_000, 2 * MS))
}

fn twice(session: &mut Session<'_>, first: Talk, gap: u64, view: View) {
    let second = closed(session);
    let ends = session.tcp_ends();
    session.talk_between(&ends, &[(0, first), (gap, second)], view);
    session.expect(2);
}

pub(super) fn reuse_after_close(session: &mut Session<'_>) {
    let first = closed(session);
    let gap = nanos_of(session.setting.timeouts.tcp_linger) * 2 + 2 * SECOND;
    twice(session, first, gap, View::default());
}

pub(super) fn reuse_while_lingering(session: &mut Session<'_>) {
    let first = closed(session);
    twice(session, first, 400 * MS, View::default());
}

pub(super) fn reuse_after_reset(session: &mut Session<'_>) {
    let script = vec![Step::Open, Step::Write(Client, 500), Step::Write(Server, 900), Step::Abort(Client)];
    let first = Talk::plain(&mut session.dice, script);
    twice(session, first, 100 * MS, View::default());
}

pub(super) fn reuse_after_idle(session: &mut Session<'_>) {
    let first = Talk::plain(&mut session.dice, vec![Step::Open, Step::Write(Client, 500), Step::Write(Server, 900)]);
    let gap = nanos_of(session.setting.timeouts.tcp_idle) / 10 * 11 + SECOND;
    twice(session, first, gap, View::default());
}

pub(super) fn reuse_midstream(session: &mut Session<'_>) {
    // The first connection's opening is not captured, and nobody closes it.
    let script = vec![Step::Open, Step::Write(Client, 500), Step::Pause(2 * SECOND), Step::Write(Server, 900)];
    let first = Talk::plain(&mut session.dice, script);
    twice(session, first, SECOND, View { from: SECOND / 10, ..View::default() });
}

pub(super) fn challenge_ack(session: &mut Session<'_>) {
    let isn = session.dice.bits() as u32;
    let mut script = vec![Step::Open, Step::Write(Client, 500), Step::Write(Server, 900), Step::Pause(SECOND)];
    script.extend([Step::StraySyn(Client, isn), Step::Pause(SECOND), Step::Close(Client), Step::Close(Server)]);
    let mut talk = Talk::plain(&mut session.dice, script);
    talk.stacks[0].isn = isn ^ 0x4000_0000;
    session.talk(&talk);
    session.expect(1);
}
