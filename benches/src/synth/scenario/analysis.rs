//! TCP with one event each: every way in which a segment comes to be sent again, seen out of place, or held back.
//!
//! **Owns** these scenarios. **May touch** the session. **Order** rows of `SCENARIOS`.
//!
//! Hosts are plain (MSS 1448 after options, ten segments at first), the path has 50 ms and no chance in it; offsets of
//! bytes count from 1, where data begins.

use crate::synth::session::Session;
use crate::synth::session::talk::Talk;
use crate::synth::tcp::path::{Act, Fault, Part, Which};
use crate::synth::tcp::script::{Step, request_response};
use crate::synth::tcp::segment::Side::{Client, Server};
use crate::synth::tcp::stack::{MS, ProbeStyle, SECOND, Stack};

/// Payload of a full segment between plain hosts.
const FULL: u64 = 1448;
/// A byte of the third segment of a response.
const THIRD: Which = Which::Byte(1 + 2 * FULL);

/// One connection in which the server sends `bytes`.
fn response(session: &mut Session<'_>, bytes: u64) -> Talk {
    Talk::plain(&mut session.dice, request_response(200, bytes, 3 * MS))
}

fn play(session: &mut Session<'_>, talk: &Talk) {
    session.talk(talk);
    session.expect(1);
}

pub(super) fn fast_retransmit_before(session: &mut Session<'_>) {
    let talk = response(session, 20 * FULL);
    play(session, &talk.with(Fault::first(Server, THIRD, Part::BeforeProbe, Act::Lose)));
}

pub(super) fn fast_retransmit_after(session: &mut Session<'_>) {
    let talk = response(session, 20 * FULL);
    play(session, &talk.with(Fault::first(Server, THIRD, Part::AfterProbe, Act::Lose)));
}

pub(super) fn fast_retransmit_without_sack(session: &mut Session<'_>) {
    let talk = response(session, 20 * FULL).stacks(|stack| stack.offer.sack = false);
    let fifth = Which::Byte(1 + 4 * FULL);
    let talk = talk.with(Fault::first(Server, THIRD, Part::AfterProbe, Act::Lose));
    play(session, &talk.with(Fault::first(Server, fifth, Part::AfterProbe, Act::Lose)));
}

/// The last two of five segments are lost.
fn tail(part: Part) -> [Fault; 2] {
    [3, 4].map(|number| Fault::first(Server, Which::Byte(1 + number * FULL), part, Act::Lose))
}

pub(super) fn timeout_before(session: &mut Session<'_>) {
    let [fourth, fifth] = tail(Part::BeforeProbe);
    let talk = response(session, 5 * FULL).with(fourth).with(fifth);
    play(session, &talk);
}

pub(super) fn timeout_after(session: &mut Session<'_>) {
    let [fourth, fifth] = tail(Part::AfterProbe);
    let talk = response(session, 5 * FULL).with(fourth).with(fifth);
    play(session, &talk);
}

pub(super) fn timeout_twice(session: &mut Session<'_>) {
    let talk = response(session, 5 * FULL);
    let last = Which::Byte(1 + 4 * FULL);
    let thrice = Fault { count: 3, ..Fault::first(Server, last, Part::AfterProbe, Act::Lose) };
    play(session, &talk.with(thrice));
}

pub(super) fn tail_loss_probe(session: &mut Session<'_>) {
    let talk = response(session, 6 * FULL).stacks(|stack| stack.tail_loss_probe = true);
    let last = Which::Byte(1 + 5 * FULL);
    play(session, &talk.with(Fault::first(Server, last, Part::AfterProbe, Act::Lose)));
}

/// A response of two segments, whose one ACK is the client's second (the first completes the handshake), and a pause
/// that is longer than the server's timer.
fn one_ack(session: &mut Session<'_>, part: Part, act: Act) -> Talk {
    let mut script = vec![Step::Open, Step::Write(Client, 200), Step::WriteOn(Server, 2 * FULL)];
    script.extend([Step::Pause(2 * SECOND), Step::Close(Client), Step::Close(Server)]);
    let fault = Fault { skip: 1, ..Fault::first(Client, Which::Ack, part, act) };
    Talk::plain(&mut session.dice, script).with(fault)
}

pub(super) fn unneeded_rto_ack_lost_after(session: &mut Session<'_>) {
    let talk = one_ack(session, Part::AfterProbe, Act::Lose);
    play(session, &talk);
}

pub(super) fn unneeded_rto_ack_lost_before(session: &mut Session<'_>) {
    let talk = one_ack(session, Part::BeforeProbe, Act::Lose);
    play(session, &talk);
}

pub(super) fn unneeded_rto_ack_late(session: &mut Session<'_>) {
    let talk = one_ack(session, Part::AfterProbe, Act::Delay(600 * MS));
    play(session, &talk);
}

pub(super) fn unneeded_rto_data_late(session: &mut Session<'_>) {
    let talk = response(session, FULL);
    let late = Fault::first(Server, Which::Byte(1), Part::AfterProbe, Act::Delay(500 * MS));
    play(session, &talk.with(late));
}

pub(super) fn unneeded_fast_retransmit(session: &mut Session<'_>) {
    let talk = response(session, 10 * FULL);
    // Late enough for three duplicate ACKs, early enough to arrive before the retransmission does.
    let late = Fault::first(Server, THIRD, Part::AfterProbe, Act::Delay(2 * MS));
    play(session, &talk.with(late));
}

pub(super) fn reordering_before(session: &mut Session<'_>) {
    let talk = response(session, 10 * FULL);
    // Two segments overtake it: too few for duplicate ACKs to make the sender act.
    let late = Fault::first(Server, THIRD, Part::BeforeProbe, Act::Delay(20_000));
    play(session, &talk.with(late));
}

pub(super) fn overtaken_by_retransmission(session: &mut Session<'_>) {
    let talk = response(session, 2 * FULL);
    let late = Fault::first(Server, Which::Byte(1 + FULL), Part::BeforeProbe, Act::Delay(700 * MS));
    play(session, &talk.with(late));
}

pub(super) fn network_duplicate_before(session: &mut Session<'_>) {
    let talk = response(session, 6 * FULL);
    play(session, &talk.with(Fault::first(Server, THIRD, Part::BeforeProbe, Act::Double(90_000))));
}

pub(super) fn network_duplicate_after(session: &mut Session<'_>) {
    let talk = response(session, 6 * FULL);
    play(session, &talk.with(Fault::first(Server, THIRD, Part::AfterProbe, Act::Double(90_000))));
}

/// The client's application stops reading for three seconds.
fn stalled(session: &mut Session<'_>, style: ProbeStyle) {
    let mut script = vec![Step::Open, Step::Write(Client, 300), Step::Read(Client, false)];
    script.extend([Step::WriteOn(Server, 50_000), Step::Pause(3 * SECOND), Step::Read(Client, true)]);
    script.extend([Step::Write(Server, 1_000), Step::Close(Client), Step::Close(Server)]);
    let mut talk = Talk::plain(&mut session.dice, script).stacks(|stack| stack.probe_style = style);
    talk.stacks[0].buffer = 16_384;
    play(session, &talk);
}

pub(super) fn zero_window(session: &mut Session<'_>) {
    stalled(session, ProbeStyle::Empty);
}

pub(super) fn zero_window_bytes(session: &mut Session<'_>) {
    stalled(session, ProbeStyle::OneByte);
}

/// An exchange, then minutes of nothing but keep-alives by the server.
fn kept_alive(session: &mut Session<'_>, style: ProbeStyle) {
    let mut script = vec![Step::Open, Step::Write(Client, 300), Step::Write(Server, 700)];
    for _ in 0..session.dice.between(2, 5) {
        script.extend([Step::Pause(75 * SECOND), Step::KeepAlive(Server)]);
    }
    script.extend([Step::Pause(SECOND), Step::Write(Client, 100), Step::Close(Client), Step::Close(Server)]);
    let talk = Talk::plain(&mut session.dice, script).stacks(|stack| stack.probe_style = style);
    play(session, &talk);
}

pub(super) fn keep_alive(session: &mut Session<'_>) {
    kept_alive(session, ProbeStyle::Empty);
}

pub(super) fn keep_alive_byte(session: &mut Session<'_>) {
    kept_alive(session, ProbeStyle::OneByte);
}

pub(super) fn repacketized(session: &mut Session<'_>) {
    let writes = (0..6).map(|_| Step::WriteOn(Server, 200));
    let script = [Step::Open, Step::Write(Client, 100)].into_iter().chain(writes);
    let script = script.chain([Step::Write(Server, 100), Step::Close(Client), Step::Close(Server)]).collect();
    let mut talk = Talk::plain(&mut session.dice, script).stacks(|stack: &mut Stack| stack.repacketize = true);
    for number in 3..7 {
        talk = talk.with(Fault::first(Server, Which::Byte(1 + number * 200), Part::AfterProbe, Act::Lose));
    }
    play(session, &talk);
}
