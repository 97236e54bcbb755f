//! DPDK queues as a source: one or several queues of a worker, in turn, nothing copied.
//!
//! **Owns** the pollers of a worker, its clock, and the end of file-backed queues. **May touch** what a poll hands over.
//! **Order** polled by a worker (or a spreader) on the lcore that it was made on.
//!
//! A frame's time is the driver's where the queue has times (file-backed net_pcap), else the clock, read once a poll.
//! Between polls [`DpdkSource::now`] goes on: with the clock, or with the packets until all counted ones are in and then
//! with elapsed time. Frames of several segments give the bytes of the first, and the length of all.

use super::rest::Rest;
use super::{BURST, Batch, Frame, Input, Polled, Source};
use crate::dpdk::{Clock, DpdkError, Keeper, Lcore, MAX_BURST, Passage, Poller, RxQueue};
use crate::link::LinkType;
use crate::time::Nanos;

const _: () = assert!(BURST <= MAX_BURST, "one poll fills a batch");

/// Fewer frames than this are not asked for: vector receive functions of some drivers give none then.
const LEAST_ASK: usize = 16;

/// A file-backed queue that gives nothing for so long has no more to give, whatever was counted. Unit: nanoseconds.
const PATIENCE: u64 = 1_000_000_000;

/// Queues of one worker.
#[derive(Debug)]
pub struct DpdkSource<'p, 'l> {
    lanes: Vec<Lane<'p, 'l>>,
    clock: Clock,
    /// The lane that comes first in the next poll.
    turn: usize,
    burst: usize,
    /// Frames bring their own times.
    packet_time: bool,
    end_at_eof: bool,
    /// The clock at the last poll.
    wall: Nanos,
    /// The clock when the last lane fell silent for good.
    silent_since: Option<Nanos>,
    keeper: Keeper,
    rest: Rest,
}

/// One queue and how far it is.
#[derive(Debug)]
struct Lane<'p, 'l> {
    poller: Poller<'p, 'l>,
    link: LinkType,
    input: Input,
    /// Packets that must still come; `None` where there is no end.
    left: Option<u64>,
    /// How often its port had been started when `left` was set.
    starts: u32,
    done: bool,
    /// Latest time of a frame.
    latest: Nanos,
    /// The clock when a frame came last.
    heard: Nanos,
}

impl<'p, 'l> DpdkSource<'p, 'l> {
    /// A source of `queues`, each with the link type of its frames, polled by `lcore` for `burst` (1 to 64) frames at a
    /// time. With `end_at_eof` it ends when every queue has given the packets that were counted beforehand.
    ///
    /// # Errors
    /// No queue at all, or queues with and without times of their own (two time bases) together.
    pub fn new(
        queues: Vec<(RxQueue<'p>, LinkType)>,
        lcore: &'l Lcore<'_>,
        burst: u16,
        end_at_eof: bool,
    ) -> Result<DpdkSource<'p, 'l>, DpdkError> {
        let asked = || format!("{} RX queues on lcore {}", queues.len(), lcore.id());
        let timed = queues.iter().filter(|(queue, _)| queue.has_times()).count();
        if queues.is_empty() {
            return Err(DpdkError::usage(asked(), "a worker needs one", "give fewer --nb-cores or more --rxq"));
        }
        if timed != 0 && timed != queues.len() {
            let back = "files with packet times and live queues with the clock's cannot be mixed";
            return Err(DpdkError::usage(asked(), back, "run them apart"));
        }
        let mut clock = Clock::start(lcore);
        let wall = clock.now();
        let lanes = queues.into_iter().map(|(queue, link)| Lane {
            link,
            input: Input { port: queue.port(), queue: queue.queue() },
            left: queue.packets(),
            starts: 0,
            done: false,
            latest: Nanos::ZERO,
            heard: wall,
            poller: queue.on(lcore),
        });
        Ok(DpdkSource {
            lanes: lanes.collect(),
            clock,
            turn: 0,
            burst: usize::from(burst).clamp(1, BURST),
            packet_time: timed != 0,
            end_at_eof,
            wall,
            silent_since: None,
            keeper: Keeper::default(),
            rest: Rest::default(),
        })
    }

    /// The same source behind a gate, at rest as `rest` has it when there is nothing to poll.
    #[must_use]
    pub fn behind(self, keeper: Keeper, rest: Rest) -> Self {
        DpdkSource { keeper, rest, ..self }
    }

    /// Queues of ports that were started anew while the gate was closed begin from the beginning.
    #[cold]
    fn reopen(&mut self) {
        for lane in &mut self.lanes {
            lane.heard = self.wall;
            let starts = self.keeper.starts(lane.input.port);
            if lane.starts != starts {
                lane.starts = starts;
                lane.left = lane.poller.queue().packets();
                lane.done = false;
                self.silent_since = None;
            }
        }
    }

    /// The time at the last poll, by this source's time base; never goes back while a clock drives it.
    ///
    /// Packet time stands still until every counted packet is in, and goes on with elapsed time from there.
    #[must_use]
    pub fn now(&self) -> Nanos {
        if !self.packet_time {
            return self.wall;
        }
        let latest = self.lanes.iter().map(|lane| lane.latest).max().unwrap_or_default();
        match self.silent_since {
            Some(since) => latest.plus(self.wall.since(since)),
            None => latest,
        }
    }

    /// Whether frames bring their own times.
    #[must_use]
    pub fn has_packet_time(&self) -> bool {
        self.packet_time
    }

    /// Packets that were counted beforehand and did not come before their queues fell silent.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.lanes.iter().filter(|lane| lane.done).filter_map(|lane| lane.left).sum()
    }

    /// Gives the queues back.
    #[must_use]
    pub fn into_queues(self) -> Vec<RxQueue<'p>> {
        self.lanes.into_iter().map(|lane| lane.poller.off()).collect()
    }
}

impl Source for DpdkSource<'_, '_> {
    fn inputs(&self) -> Vec<Input> {
        self.lanes.iter().map(|lane| lane.input).collect()
    }

    #[inline]
    fn poll<'s>(&'s mut self, batch: &mut Batch<'s>) -> Polled {
        let wall = self.clock.now();
        self.wall = wall;
        match self.keeper.passage() {
            Passage::Open => {}
            Passage::Reopened => self.reopen(),
            Passage::Closed => {
                std::thread::sleep(std::time::Duration::from_micros(500));
                return Polled::Open;
            }
        }
        let turn = self.turn;
        self.turn = if turn + 1 == self.lanes.len() { 0 } else { turn + 1 };
        let (late, early) = self.lanes.split_at_mut(turn);
        let mut all_done = true;
        for lane in early.iter_mut().chain(late) {
            let room = BURST - batch.len();
            let reached = batch.is_empty() || room >= LEAST_ASK;
            all_done &= reached && lane.poll(room.min(self.burst), wall, batch);
        }
        // Only what this poll gave is in the batch.
        if batch.is_empty() {
            self.rest.silent();
        } else {
            self.rest.heard();
        }
        if !all_done {
            return Polled::Open;
        }
        self.silent_since.get_or_insert(wall);
        if self.end_at_eof { Polled::Ended } else { Polled::Open }
    }

    #[inline]
    fn clock(&self) -> Option<Nanos> {
        Some(self.now())
    }

    #[inline]
    fn wall(&self) -> Option<Nanos> {
        Some(self.wall)
    }
}

impl Lane<'_, '_> {
    /// Adds up to `most` frames to `batch`; whether the queue has given all it will ever give.
    #[inline]
    fn poll<'s>(&'s mut self, most: usize, wall: Nanos, batch: &mut Batch<'s>) -> bool {
        if self.done {
            return true;
        }
        let Lane { poller, link, input, latest, .. } = self;
        let count = poller.poll(most, |arrival| {
            let time = arrival.time.unwrap_or(wall);
            *latest = time.max(*latest);
            let wire_len = arrival.len.max(u32::try_from(arrival.bytes.len()).unwrap_or(u32::MAX));
            batch.push(Frame { bytes: arrival.bytes, time, wire_len, link: *link, input: *input });
        });
        if count != 0 {
            self.heard = wall;
        }
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(count as u64);
            self.done = count == 0 && (*left == 0 || wall.since(self.heard) >= PATIENCE);
        }
        self.done
    }
}
