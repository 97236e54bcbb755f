//! `read`: capture files through the same workers, in packet time, reproducibly.
//!
//! **Owns** the marks of time and the order of one replay. **May touch** a source, a worker or a spreader.
//! **Order** called by the exporter, on the thread that reads the files.
//!
//! Time is what the packets say. Every [`MARK_FRAMES`] frames, if a second of it has passed, all workers reclaim what
//! has ended and tell the collector so; the marks depend on the frames alone, not on bursts, workers or speed. A capture
//! that went back in time by some span is reclaimed that much later, so that no flow is cut by a sweep that ran ahead.

use crate::source::{Batch, Frame, Polled, Source};
use crate::spread::{Errand, Spreader};
use crate::stop::Stop;
use crate::time::Nanos;
use crate::worker::Worker;

/// Frames between two marks, at least.
pub const MARK_FRAMES: u64 = 65_536;

/// Packet time between two marks, at least. Unit: nanoseconds.
const MARK_TIME: u64 = 1_000_000_000;

/// Packet time as the frames tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct PacketTime {
    latest: Nanos,
    largest_step_back: u64,
    frames: u64,
    marked: Nanos,
}

impl PacketTime {
    /// Takes a frame's time; says when a mark is due behind this frame.
    fn frame(&mut self, time: Nanos) -> Option<Nanos> {
        self.frames += 1;
        if time >= self.latest {
            self.latest = time;
        } else {
            self.largest_step_back = self.largest_step_back.max(self.latest.since(time));
        }
        if !self.frames.is_multiple_of(MARK_FRAMES) {
            return None;
        }
        let now = self.latest.minus(self.largest_step_back);
        if now.since(self.marked) < MARK_TIME {
            return None;
        }
        self.marked = now;
        Some(now)
    }
}

/// Where frames go: to one worker on this thread, or through a spreader to several.
trait Lane {
    fn frames(&mut self, frames: &[Frame<'_>]);
    fn mark(&mut self, now: Nanos);
    fn finish(&mut self, now: Nanos);
    fn turn(&mut self);
}

impl Lane for Worker {
    fn frames(&mut self, frames: &[Frame<'_>]) {
        self.burst(frames);
    }

    fn mark(&mut self, now: Nanos) {
        self.shard.sweep_all(now);
    }

    fn finish(&mut self, now: Nanos) {
        self.shard.finish(now);
    }

    fn turn(&mut self) {
        self.shard.tally.polls += 1;
        Worker::turn(self);
    }
}

impl Lane for Spreader {
    fn frames(&mut self, frames: &[Frame<'_>]) {
        Spreader::frames(self, frames);
    }

    fn mark(&mut self, now: Nanos) {
        self.errand(Errand::Sweep(now));
    }

    fn finish(&mut self, now: Nanos) {
        self.errand(Errand::Finish(now));
    }

    fn turn(&mut self) {
        self.tally.polls += 1;
        Spreader::turn(self);
    }
}

/// Gives every frame of `source` to one worker, on this thread, and ends its flows.
pub fn alone(source: &mut impl Source, worker: &mut Worker, stop: &Stop) {
    drive(source, worker, stop);
}

/// Gives every frame of `source` to a spreader's workers, and tells them when it is over.
pub fn spread(source: &mut impl Source, spreader: &mut Spreader, stop: &Stop) {
    drive(source, spreader, stop);
}

fn drive(source: &mut impl Source, lane: &mut impl Lane, stop: &Stop) {
    let mut time = PacketTime::default();
    loop {
        let mut batch = Batch::new();
        let polled = source.poll(&mut batch);
        let mut from = 0;
        for (index, frame) in batch.iter().enumerate() {
            if let Some(now) = time.frame(frame.time) {
                lane.frames(&batch[from..=index]);
                lane.mark(now);
                from = index + 1;
            }
        }
        lane.frames(&batch[from..]);
        lane.turn();
        if polled == Polled::Ended || stop.asked() {
            return lane.finish(time.latest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_from_frames_and_their_time_alone() {
        let mut time = PacketTime::default();
        let marks: Vec<(u64, Nanos)> =
            (1..=4 * MARK_FRAMES).filter_map(|n| time.frame(Nanos(n * 10_000)).map(|now| (n, now))).collect();
        let second = 2 * MARK_FRAMES;
        assert_eq!(marks, [(second, Nanos(second * 10_000)), (2 * second, Nanos(2 * second * 10_000))]);
    }

    #[test]
    fn a_capture_that_went_back_in_time_is_swept_that_much_later() {
        let mut time = PacketTime::default();
        time.frame(Nanos(50_000_000_000));
        time.frame(Nanos(20_000_000_000));
        let mark = (3..=MARK_FRAMES).filter_map(|_| time.frame(Nanos(60_000_000_000))).last();
        assert_eq!(mark, Some(Nanos(30_000_000_000)));
    }
}
