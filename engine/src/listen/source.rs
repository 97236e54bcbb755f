//! What listeners received as a source.
//!
//! **Owns** the worker's ends of the roads, and the time of this input. **May touch** the host's clocks, each once a poll.
//! **Order** polled by a worker or a spreader, which sleeps in here for a moment when nothing has come: this input has no
//! processor of its own.

use super::road::{Arrivals, Parcel};
use super::steady::Steady;
use crate::link::LinkType;
use crate::source::{BURST, Batch, Frame, Input, Polled, Source};
use crate::time::{Nanos, nanos_of};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Empty polls after which it is polled at its slowest.
const QUIET: u32 = 20;

/// The first sleep; each further one is as much longer.
const NAP: Duration = Duration::from_micros(50);

/// The listeners of one worker.
#[derive(Debug)]
pub struct ListenSource {
    lanes: Vec<Lane>,
    /// Parcels whose frames are out, with their lane.
    held: Vec<(usize, Box<Parcel>)>,
    /// The lane that comes first in the next poll.
    turn: usize,
    empty_polls: u32,
    steady: Steady,
    now: Nanos,
    made: Instant,
    /// When the last poll began, since this was made.
    polled: Nanos,
}

#[derive(Debug)]
struct Lane {
    arrivals: Arrivals,
    input: Input,
}

impl ListenSource {
    /// How far frames may lie before [`Source::clock`]. Unit: nanoseconds.
    pub const SLACK: u64 = super::steady::STEP;

    pub(super) fn new(lanes: Vec<(u16, Arrivals)>) -> ListenSource {
        let lane = |(port, arrivals)| Lane { arrivals, input: Input { port, queue: 0 } };
        ListenSource {
            lanes: lanes.into_iter().map(lane).collect(),
            held: Vec::with_capacity(BURST),
            turn: 0,
            empty_polls: 0,
            steady: Steady::default(),
            now: Nanos::ZERO,
            made: Instant::now(),
            polled: Nanos::ZERO,
        }
    }

    /// Takes as many parcels as fit a batch, each lane in its turn.
    fn take(&mut self) {
        let (lanes, mut room) = (self.lanes.len(), BURST);
        for step in 0..lanes {
            let number = (self.turn + step) % lanes;
            let come = &mut self.lanes[number].arrivals.come;
            while come.peek().is_ok_and(|parcel| parcel.items.len() <= room) {
                let Ok(parcel) = come.pop() else { break };
                room -= parcel.items.len();
                self.held.push((number, parcel));
            }
        }
        self.turn = (self.turn + 1) % lanes.max(1);
    }

    fn send_home(&mut self) {
        for (lane, parcel) in self.held.drain(..) {
            // There are no more parcels than places; a receiver that has gone needs none.
            let _ = self.lanes[lane].arrivals.home.push(parcel);
        }
    }

    fn rest(&mut self) {
        self.empty_polls = self.empty_polls.saturating_add(1);
        std::thread::sleep(NAP * self.empty_polls.min(QUIET));
    }
}

impl Source for ListenSource {
    fn inputs(&self) -> Vec<Input> {
        self.lanes.iter().map(|lane| lane.input).collect()
    }

    fn poll<'s>(&'s mut self, batch: &mut Batch<'s>) -> Polled {
        self.polled = Nanos(nanos_of(self.made.elapsed()));
        self.send_home();
        let over = self.lanes.iter().all(|lane| lane.arrivals.over());
        self.take();
        if self.held.is_empty() {
            if over {
                return Polled::Ended;
            }
            self.rest();
        } else {
            self.empty_polls = 0;
        }
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        for (lane, parcel) in &self.held {
            let input = self.lanes[*lane].input;
            for item in &parcel.items {
                let (bytes, time) = (parcel.bytes.get(item.from..item.to), self.steady.at(item.time));
                let bytes = bytes.unwrap_or_default();
                batch.push(Frame { bytes, time, wire_len: item.wire_len, link: LinkType::RAW, input });
            }
        }
        self.now = self.steady.at(Nanos(nanos_of(clock))).max(self.now);
        Polled::Open
    }

    fn clock(&self) -> Option<Nanos> {
        Some(self.now)
    }

    fn wall(&self) -> Option<Nanos> {
        Some(self.polled)
    }
}

#[cfg(test)]
mod tests {
    use super::super::road::{Departures, Item, road};
    use super::*;

    fn parcel(departures: &mut Departures, frames: usize) -> Box<Parcel> {
        let mut parcel = departures.home.pop().expect("one at home");
        parcel.items.clear();
        for n in 0..frames {
            parcel.items.push(Item { from: 0, to: 4, wire_len: 4, time: Nanos(n as u64 + 5) });
        }
        parcel
    }

    #[test]
    fn parcels_of_all_lanes_fill_a_batch_and_come_home_and_the_end_comes_behind_the_last() {
        let ((mut a, from_a), (mut b, from_b)) = (road(), road());
        let mut source = ListenSource::new(vec![(7, from_a), (8, from_b)]);
        assert_eq!(source.inputs(), [Input { port: 7, queue: 0 }, Input { port: 8, queue: 0 }]);
        let send = |road: &mut Departures, frames| {
            let parcel = parcel(road, frames);
            road.out.push(parcel).expect("a place");
        };
        send(&mut a, 60);
        send(&mut a, 3);
        send(&mut b, 2);
        send(&mut b, 1);
        let at_home = a.home.slots();
        drop(b);
        let mut seen = Vec::new();
        for _ in 0..2 {
            let mut batch = Batch::new();
            assert_eq!(source.poll(&mut batch), Polled::Open);
            seen.push(batch.iter().map(|frame| frame.input.port).fold((0, 0), |(a, b), port| match port {
                7 => (a + 1, b),
                _ => (a, b + 1),
            }));
        }
        // 60 and 3, then the 1 that still fits is behind a 2 that does not.
        assert_eq!(seen, [(63, 0), (0, 3)]);
        drop(a.out);
        assert_eq!(source.poll(&mut Batch::new()), Polled::Ended);
        assert_eq!(a.home.slots(), at_home + 2);
    }
}
