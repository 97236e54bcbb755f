//! A TCP connection of a session: what it is played with, what of it the probe sees, and its frames.
//!
//! **Owns** the way from a model's run to frames and ledger. **May touch** the session. **Order** called by scenarios.

use super::ends::{Ends, Version};
use super::{Passing, Session};
use crate::synth::dice::Dice;
use crate::synth::tcp::path::{Fault, Part, Path, Quality};
use crate::synth::tcp::script::Step;
use crate::synth::tcp::segment::{Cause, Segment, Side};
use crate::synth::tcp::stack::{IpId, MS, Stack};
use crate::synth::tcp::world::{Run, Sighting, World};
use crate::synth::truth::tcp::TcpSight;
use crate::synth::truth::tcp::counts::flags_of;
use crate::synth::wire::tcp::{Header, Options, segment as tcp_segment};
use parshall_engine::key::protocol;

/// What of a connection reaches the capture.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct View {
    /// The capture begins so late in the session. Unit: nanoseconds.
    pub(crate) from: u64,
    /// Only this side's packets take this way.
    pub(crate) only: Option<Side>,
    /// Frames that a mirror port copies twice. Parts of a million.
    pub(crate) mirror: u32,
    /// Frames are captured up to so many bytes; 0 means whole.
    pub(crate) captured: usize,
}

/// What a connection is played with.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    pub(crate) stacks: [Stack; 2],
    /// By side of the sender, then before and after the probe.
    pub(crate) links: [[Quality; 2]; 2],
    pub(crate) faults: Vec<Fault>,
    pub(crate) script: Vec<Step>,
    /// Segments that the probe misses. Parts of a million.
    pub(crate) blind: u32,
}

fn quality(dice: &mut Dice) -> Quality {
    Quality {
        delay: dice.between(100_000, 30 * MS),
        jitter: dice.below(200_000),
        per_byte: *dice.pick(&[8, 8, 8, 80]),
        reorder_by: 3 * MS,
        ..Quality::default()
    }
}

impl Talk {
    /// Ordinary hosts and a path without faults.
    pub(crate) fn random(dice: &mut Dice, script: Vec<Step>) -> Talk {
        let stacks = [Stack::random(dice), Stack::random(dice)];
        let links = [[quality(dice), quality(dice)], [quality(dice), quality(dice)]];
        Talk { stacks, links, faults: Vec::new(), script, blind: 0 }
    }

    /// Plain hosts 5 ms and 20 ms from the probe, without jitter: what happens depends on the faults alone.
    pub(crate) fn plain(dice: &mut Dice, script: Vec<Step>) -> Talk {
        let stacks = [Stack::plain(dice), Stack::plain(dice)];
        let link = |delay| Quality { delay, per_byte: 8, ..Quality::default() };
        let links = [[link(5 * MS), link(20 * MS)], [link(20 * MS), link(5 * MS)]];
        Talk { stacks, links, faults: Vec::new(), script, blind: 0 }
    }

    /// With a fault more.
    pub(crate) fn with(mut self, fault: Fault) -> Talk {
        self.faults.push(fault);
        self
    }

    /// With other settings of both hosts.
    pub(crate) fn stacks(mut self, change: impl Fn(&mut Stack)) -> Talk {
        self.stacks.iter_mut().for_each(change);
        self
    }

    /// With other settings of all links.
    pub(crate) fn links(mut self, change: impl Fn(&mut Quality)) -> Talk {
        self.links.iter_mut().flatten().for_each(change);
        self
    }
}

impl Session<'_> {
    /// Plays one connection that the probe sees whole.
    pub(crate) fn talk(&mut self, talk: &Talk) -> usize {
        let ends = self.tcp_ends();
        self.talk_between(&ends, &[(0, talk.clone())], View::default())
    }

    /// Ends of a TCP session.
    pub(crate) fn tcp_ends(&mut self) -> Ends {
        let port = *self.dice.pick(&[80, 443, 443, 443, 22, 25, 5201, 8080, 9000]);
        self.ends(Version::Either, port)
    }

    /// Plays connections between the same ends, each so many nanoseconds after the last packet of the one before, and
    /// opens the books of their key.
    pub(crate) fn talk_between(&mut self, ends: &Ends, talks: &[(u64, Talk)], view: View) -> usize {
        let ledger = self.flow_between(ends, protocol::TCP, None);
        let mut from = 0;
        for (connection, (gap, talk)) in talks.iter().enumerate() {
            from += gap;
            let mut path = Path::new(talk.links, &talk.faults);
            path.blind = talk.blind;
            let run = World::play(talk.stacks.clone(), path, &talk.script, &mut self.dice);
            self.show(ledger, ends, connection as u32, from, &run, view);
            from += run.sightings.last().map_or(0, |sighting| sighting.at);
        }
        ledger
    }

    /// Puts what passed the probe into the capture.
    fn show(&mut self, ledger: usize, ends: &Ends, connection: u32, offset: u64, run: &Run, view: View) {
        let mut seen: Vec<Sighting> = run
            .sightings
            .iter()
            .filter(|sighting| offset + sighting.at >= view.from)
            .filter(|sighting| view.only.is_none_or(|side| side == sighting.segment.side))
            .cloned()
            .collect();
        let mut mirrored = Vec::new();
        for sighting in &seen {
            if self.dice.chance(view.mirror) {
                let at = sighting.at + self.dice.between(2_000, 60_000);
                mirrored.push(Sighting { at, copy: true, segment: sighting.segment.clone() });
            }
        }
        seen.extend(mirrored);
        seen.sort_by_key(|sighting| sighting.at);
        for sighting in &seen {
            let (segment, stack) = (&sighting.segment, &run.stacks[sighting.segment.side as usize]);
            let mut passing = self.frame(ends, run, segment, stack);
            passing.at = offset + sighting.at;
            if view.captured > 0 {
                passing.captured = view.captured;
            }
            let tcp = TcpSight {
                segment,
                connection,
                copy: sighting.copy,
                unneeded: run.transmissions[segment.id].unneeded,
                lost: lost_before(run, segment),
                round_trip: run.round_trip,
                telling_id: ends.v4() && stack.ip_id != IpId::Zero,
                shift: shift_of(run, segment.side),
            };
            self.pass(ledger, passing, Some(tcp));
        }
    }

    /// The frame of a segment.
    fn frame(&self, ends: &Ends, run: &Run, segment: &Segment, stack: &Stack) -> Passing {
        let isn = |side: Side| run.stacks[side as usize].isn;
        let at = |side: Side, offset: u64| isn(side).wrapping_add(offset as u32);
        let peer = segment.side.other();
        let header = Header {
            seq: segment.foreign_seq.unwrap_or_else(|| at(segment.side, segment.start)),
            ack: segment.ack.map_or(0, |ack| at(peer, ack)),
            flags: flags_of(segment),
            window: segment.window,
        };
        let offer = segment.offer;
        let options = Options {
            mss: offer.and_then(|offer| offer.mss),
            window_scale: offer.and_then(|offer| offer.window_scale),
            sack_permitted: offer.is_some_and(|offer| offer.sack),
            timestamps: segment.timestamps,
            sack: segment.sack.iter().map(|(left, right)| (at(peer, *left), at(peer, *right))).collect(),
        };
        let (from, to) = ends.pair(segment.side);
        let message = tcp_segment(from, to, header, &options, &content(segment));
        let mut ip = ends.ip(segment.side, protocol::TCP);
        ip.ttl = stack.ttl;
        ip.tos = stack.dscp << 2;
        ip.id = segment.ip_id;
        ip.dont_fragment = true;
        Passing::of(0, segment.side, ends, &ip, &message, u64::from(segment.payload))
    }
}

/// Payload: letters that depend on the offset, so that the same content is the same whenever it is sent. The byte of a
/// keep-alive is garbage, as hosts send it.
fn content(segment: &Segment) -> Vec<u8> {
    if segment.cause == Cause::KeepAlive {
        return vec![0; segment.payload as usize];
    }
    let first = segment.start + u64::from(segment.syn);
    (first..first + u64::from(segment.payload)).map(|at| b'a' + ((at * 7 + (at >> 7) * 3) % 26) as u8).collect()
}

/// Where the first transmission of a segment's first position was lost, if this is another one.
fn lost_before(run: &Run, segment: &Segment) -> Option<Part> {
    if !segment.cause.resends() {
        return None;
    }
    let covers = |start: u64, end: u64| start <= segment.start && segment.start < end;
    let first = run.transmissions.iter().find(|one| one.side == segment.side && covers(one.start, one.end));
    first.and_then(|one| one.lost)
}

/// The shift of a side's window field: its own offer if both made one.
fn shift_of(run: &Run, side: Side) -> u8 {
    let offer = |side: Side| run.stacks[side as usize].offer.window_scale;
    offer(side).filter(|_| offer(side.other()).is_some()).unwrap_or(0)
}
