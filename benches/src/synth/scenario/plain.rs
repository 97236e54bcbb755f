//! Ordinary TCP: random hosts, random paths, random applications.
//!
//! **Owns** these scenarios. **May touch** the session. **Order** rows of `SCENARIOS`.

use crate::synth::dice::{Dice, MILLION};
use crate::synth::session::Session;
use crate::synth::session::talk::{Talk, View};
use crate::synth::tcp::script::{Step, request_response};
use crate::synth::tcp::segment::Side::{Client, Server};
use crate::synth::tcp::stack::MS;

/// Response sizes: mostly small, some large. Unit: bytes.
fn size(dice: &mut Dice) -> u64 {
    match dice.below(20) {
        0..10 => dice.between(1, 1_500),
        10..17 => dice.between(1_500, 20_000),
        17..19 => dice.between(20_000, 80_000),
        _ => dice.between(80_000, 250_000),
    }
}

/// An application: one to four exchanges, then a close by either side, or a reset.
fn application(dice: &mut Dice) -> Vec<Step> {
    let mut script = vec![Step::Open];
    for _ in 0..dice.between(1, 4) {
        let (asks, answers) = if dice.chance(900_000) { (Client, Server) } else { (Server, Client) };
        script.push(Step::Pause(dice.below(30 * MS)));
        script.push(Step::Write(asks, dice.between(1, 2_000)));
        script.push(Step::Pause(dice.below(80 * MS)));
        script.push(Step::Write(answers, size(dice)));
    }
    script.push(Step::Pause(dice.below(50 * MS)));
    let (first, second) = if dice.coin() { (Client, Server) } else { (Server, Client) };
    match dice.below(10) {
        0 => script.push(Step::Abort(first)),
        1 => script.extend([Step::CloseOn(first), Step::CloseOn(second)]),
        _ => script.extend([Step::Close(first), Step::Close(second)]),
    }
    script
}

fn with_faults(session: &mut Session<'_>, script: Vec<Step>, factor: u32) -> Talk {
    let faults = session.setting.faults;
    let times = |ppm: u32| ppm.saturating_mul(factor).min(MILLION / 4);
    let mut talk = Talk::random(&mut session.dice, script).links(|link| {
        link.loss = times(faults.loss);
        link.reorder = times(faults.reorder);
        link.duplicate = times(faults.duplicate);
    });
    talk.blind = faults.capture_loss.min(MILLION / 4);
    talk
}

pub(super) fn tcp_plain(session: &mut Session<'_>) {
    let (request, think) = (session.dice.between(50, 1_200), session.dice.between(MS, 60 * MS));
    let script = request_response(request, size(&mut session.dice), think);
    let talk = Talk::random(&mut session.dice, script);
    session.talk(&talk);
    session.expect(1);
}

pub(super) fn tcp_random(session: &mut Session<'_>) {
    let script = application(&mut session.dice);
    let talk = with_faults(session, script, 1);
    session.talk(&talk);
}

pub(super) fn tcp_bulk(session: &mut Session<'_>) {
    let bytes = session.dice.between(250_000, 600_000);
    let talk = with_faults(session, request_response(400, bytes, 2 * MS), 1);
    session.talk(&talk);
}

pub(super) fn tcp_lossy(session: &mut Session<'_>) {
    let script = application(&mut session.dice);
    let talk = with_faults(session, script, 10);
    session.talk(&talk);
}

pub(super) fn tcp_both_ways(session: &mut Session<'_>) {
    let (up, down) = (session.dice.between(5_000, 60_000), session.dice.between(5_000, 60_000));
    let script = vec![
        Step::Open,
        Step::WriteOn(Client, up),
        Step::Write(Server, down),
        Step::Close(Client),
        Step::Close(Server),
    ];
    let talk = Talk::random(&mut session.dice, script);
    session.talk(&talk);
    session.expect(1);
}

pub(super) fn tcp_options(session: &mut Session<'_>) {
    let script = application(&mut session.dice);
    let mut talk = with_faults(session, script, 2);
    for stack in &mut talk.stacks {
        let offer = &mut stack.offer;
        if session.dice.coin() {
            offer.window_scale = None;
        }
        offer.sack &= session.dice.coin();
        offer.timestamps &= session.dice.coin();
        if session.dice.chance(250_000) {
            offer.mss = None;
        }
    }
    session.talk(&talk);
}

pub(super) fn sequence_wrap(session: &mut Session<'_>) {
    let script = application(&mut session.dice);
    let mut talk = with_faults(session, script, 2);
    for stack in &mut talk.stacks {
        // From the SYN itself being the last number, to the wrap some ten segments into the data.
        let before = *session.dice.pick(&[0, 1, 2, 700, 1_448, 5_000, 15_000]);
        stack.isn = 0_u32.wrapping_sub(1 + before);
    }
    session.talk(&talk);
}

pub(super) fn offload(session: &mut Session<'_>) {
    let bytes = session.dice.between(50_000, 300_000);
    let mut talk = Talk::random(&mut session.dice, request_response(600, bytes, MS));
    for stack in &mut talk.stacks {
        stack.offload = session.dice.between(4, 40);
        stack.initial_window = 44;
    }
    session.talk(&talk);
    session.expect(1);
}

pub(super) fn ecn(session: &mut Session<'_>) {
    let talk = Talk::random(&mut session.dice, request_response(300, 9_000, MS)).stacks(|stack| stack.offer.ecn = true);
    session.talk(&talk);
    session.expect(1);
}

pub(super) fn capture_loss(session: &mut Session<'_>) {
    let mut talk = Talk::random(&mut session.dice, request_response(3_000, 80_000, MS));
    talk.blind = 20_000;
    session.talk(&talk);
}

pub(super) fn mirror_duplicates(session: &mut Session<'_>) {
    let talk = Talk::random(&mut session.dice, request_response(2_000, 30_000, MS));
    let ends = session.tcp_ends();
    let view = View { mirror: 100_000, ..View::default() };
    session.talk_between(&ends, &[(0, talk)], view);
    session.expect(1);
}

pub(super) fn snapped(session: &mut Session<'_>) {
    let talk = Talk::random(&mut session.dice, request_response(2_000, 30_000, MS));
    let mut ends = session.tcp_ends();
    // 96 bytes hold Ethernet, IPv4 and TCP with 42 bytes of options and payload; IPv6 would lose SACK blocks.
    while !ends.v4() {
        ends = session.tcp_ends();
    }
    let view = View { captured: 96, ..View::default() };
    session.talk_between(&ends, &[(0, talk)], view);
    session.expect(1);
}
