//! The world of one connection: hosts, path, and the queue of what happens next.
//!
//! **Owns** the order of events and the record of what was sent and what passed the probe. **May touch** the dice.
//! **Order** `World::play` runs a script to its end and returns the [`Run`]; time starts at 0 and is in nanoseconds.

use super::host::{Host, State};
use super::path::{Act, Part, Path};
use super::receiver::Taken;
use super::script::Step;
use super::segment::{Cause, Segment, Side};
use super::stack::Stack;
use crate::synth::dice::Dice;
use std::collections::{BTreeMap, VecDeque};

/// Bytes of headers that a segment has on the way, roughly: only its time on the wire depends on it.
const OVERHEAD: u64 = 66;

/// One transmission of a segment by a host, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Transmission {
    pub(crate) side: Side,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) cause: Cause,
    /// Where it was lost, if no copy of it arrived.
    pub(crate) lost: Option<Part>,
    /// A copy arrived and its content was kept, or had been kept before.
    pub(crate) delivered: bool,
    /// It was sent again without need: every position of it had been sent before in a transmission that arrived.
    pub(crate) unneeded: bool,
}

/// A segment that passed the probe.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pub(crate) at: u64,
    pub(crate) segment: Segment,
    /// Not the first copy of this transmission.
    pub(crate) copy: bool,
}

/// All that happened in one connection.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) sightings: Vec<Sighting>,
    pub(crate) transmissions: Vec<Transmission>,
    pub(crate) stacks: [Stack; 2],
    /// Shortest round-trip time of the whole path. Unit: nanoseconds.
    pub(crate) round_trip: u64,
}

#[derive(Debug)]
enum Event {
    Probe(Segment, Option<Act>, bool),
    Arrive(Segment),
    Wake(Side),
    Tick,
}

#[derive(Debug)]
enum Until {
    Open,
    Delivered(Side),
    Closed(Side),
    Time(u64),
}

/// A connection being played.
#[derive(Debug)]
pub(crate) struct World<'d> {
    now: u64,
    serial: u64,
    queue: BTreeMap<(u64, u64), Event>,
    hosts: [Host; 2],
    path: Path,
    script: VecDeque<Step>,
    waiting: Option<Until>,
    dice: &'d mut Dice,
    run: Run,
    /// By transmission: copies on their way.
    travelling: Vec<u32>,
}

impl<'d> World<'d> {
    /// Plays `script` between two hosts.
    pub(crate) fn play(stacks: [Stack; 2], path: Path, script: &[Step], dice: &'d mut Dice) -> Run {
        let [client, server] = stacks.clone();
        let run = Run { sightings: Vec::new(), transmissions: Vec::new(), stacks, round_trip: path.round_trip() };
        let mut world = World {
            now: 0,
            serial: 0,
            queue: BTreeMap::new(),
            hosts: [Host::new(Side::Client, client), Host::new(Side::Server, server)],
            path,
            script: script.iter().copied().collect(),
            waiting: None,
            dice,
            run,
            travelling: Vec::new(),
        };
        world.step();
        while let Some(((at, _), event)) = world.queue.pop_first() {
            world.now = at;
            world.happen(event);
            world.step();
        }
        world.judge_need();
        world.run
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.serial += 1;
        self.queue.insert((at.max(self.now), self.serial), event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Probe(segment, act, copy) => self.pass(&segment, act, copy),
            Event::Arrive(segment) => self.arrive(&segment),
            Event::Wake(side) => {
                if self.hosts[side as usize].deadline().is_some_and(|at| at <= self.now) {
                    self.hosts[side as usize].wake(self.now);
                    self.collect(side);
                }
            }
            Event::Tick => {}
        }
    }

    /// Takes what a host has sent, and sets its alarm.
    fn collect(&mut self, side: Side) {
        for mut segment in std::mem::take(&mut self.hosts[side as usize].out) {
            segment.id = self.run.transmissions.len();
            self.run.transmissions.push(Transmission {
                side,
                start: segment.start,
                end: segment.end(),
                cause: segment.cause,
                lost: None,
                delivered: false,
                unneeded: false,
            });
            let [before, after] = self.path.strike(&segment);
            let bytes = OVERHEAD + u64::from(segment.payload);
            let arrivals = self.path.carry(side, Part::BeforeProbe, self.now, bytes, before, self.dice);
            self.travelling.push(arrivals.len() as u32);
            if arrivals.is_empty() {
                self.run.transmissions[segment.id].lost = Some(Part::BeforeProbe);
            }
            for (copy, at) in arrivals.into_iter().enumerate() {
                self.schedule(at, Event::Probe(segment.clone(), after, copy > 0));
            }
        }
        if let Some(at) = self.hosts[side as usize].deadline() {
            self.schedule(at, Event::Wake(side));
        }
    }

    fn pass(&mut self, segment: &Segment, act: Option<Act>, copy: bool) {
        let missed = act == Some(Act::Miss) || self.dice.chance(self.path.blind);
        if !missed {
            self.run.sightings.push(Sighting { at: self.now, segment: segment.clone(), copy });
        }
        let bytes = OVERHEAD + u64::from(segment.payload);
        let arrivals = self.path.carry(segment.side, Part::AfterProbe, self.now, bytes, act, self.dice);
        let left = &mut self.travelling[segment.id];
        *left = *left - 1 + arrivals.len() as u32;
        if *left == 0 && !self.run.transmissions[segment.id].delivered {
            self.run.transmissions[segment.id].lost = Some(Part::AfterProbe);
        }
        for at in arrivals {
            self.schedule(at, Event::Arrive(segment.clone()));
        }
    }

    fn arrive(&mut self, segment: &Segment) {
        let receiver = segment.side.other();
        let taken = self.hosts[receiver as usize].input(self.now, segment);
        self.travelling[segment.id] -= 1;
        self.run.transmissions[segment.id].delivered |= taken != Taken::Refused;
        self.collect(receiver);
    }

    /// Goes on with the script as far as it can.
    fn step(&mut self) {
        while self.waiting.as_ref().is_none_or(|until| self.holds(until)) {
            self.waiting = None;
            let Some(step) = self.script.pop_front() else { return };
            self.perform(step);
        }
    }

    fn holds(&self, until: &Until) -> bool {
        let [client, server] = &self.hosts;
        if let Until::Time(at) = until {
            return *at <= self.now;
        }
        if !client.alive() || !server.alive() {
            return self.queue.is_empty() || !client.alive() && !server.alive();
        }
        match until {
            Until::Open => client.state == State::Open && server.state == State::Open,
            Until::Delivered(side) => {
                self.hosts[side.other() as usize].receiver.delivered() >= self.hosts[*side as usize].sender.written
            }
            Until::Closed(side) => {
                let (from, to) = (&self.hosts[*side as usize], &self.hosts[side.other() as usize]);
                from.sender.all_acknowledged() && to.receiver.finished()
            }
            Until::Time(_) => true,
        }
    }

    fn host(&mut self, side: Side) -> &mut Host {
        &mut self.hosts[side as usize]
    }

    fn perform(&mut self, step: Step) {
        let now = self.now;
        let until = match step {
            Step::Open | Step::OpenBoth => {
                self.host(Side::Client).open(now);
                if step == Step::OpenBoth {
                    self.host(Side::Server).open(now);
                }
                Some(Until::Open)
            }
            Step::Write(side, bytes) | Step::WriteOn(side, bytes) => {
                self.host(side).write(now, bytes, false);
                matches!(step, Step::Write(..)).then_some(Until::Delivered(side))
            }
            Step::Pause(span) => {
                self.schedule(now + span, Event::Tick);
                Some(Until::Time(now + span))
            }
            Step::Read(side, reading) => {
                self.host(side).read(now, reading);
                None
            }
            Step::KeepAlive(side) => {
                self.host(side).keep_alive(now);
                None
            }
            Step::Close(side) | Step::CloseOn(side) => {
                self.host(side).write(now, 0, true);
                matches!(step, Step::Close(_)).then_some(Until::Closed(side))
            }
            Step::Abort(side) => {
                self.host(side).abort();
                None
            }
            Step::Vanish(side) => {
                self.host(side).vanish();
                None
            }
            Step::StraySyn(side, seq) => {
                self.host(side).stray_syn(seq);
                None
            }
        };
        self.waiting = until;
        self.collect(Side::Client);
        self.collect(Side::Server);
    }

    /// Finds the transmissions that the receiver did not need, once the fate of all is known.
    fn judge_need(&mut self) {
        let all = &self.run.transmissions;
        let needless: Vec<usize> = (0..all.len())
            .filter(|index| all[*index].cause.resends() && all[*index].end > all[*index].start)
            .filter(|index| {
                let one = &all[*index];
                let earlier: Vec<&Transmission> =
                    all[..*index].iter().filter(|other| other.side == one.side && other.delivered).collect();
                let mut at = one.start;
                while at < one.end {
                    let Some(next) =
                        earlier.iter().filter(|other| other.start <= at && at < other.end).map(|other| other.end).max()
                    else {
                        return false;
                    };
                    at = next;
                }
                true
            })
            .collect();
        for index in needless {
            self.run.transmissions[index].unneeded = true;
        }
    }
}
