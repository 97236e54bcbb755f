//! The worker: polls a source and accounts what it gives, until it is told to stop.
//!
//! **Owns** the order of one turn. **May touch** its source, its fragment cache, its shard and the doors; no protocol,
//! no file, no logger.
//! **Order** one worker a core. In `run` it polls DPDK queues; in `read` the same turns are driven by [`crate::replay`].

use crate::decode::{self, DecodeOptions, FragmentCache};
use crate::gate::Gate;
use crate::handover::WorkerEnd;
use crate::key::KeyImage;
use crate::packet::{Marks, Packet, Verdict};
use crate::shard::{Shard, Sighting};
use crate::source::{BURST, Batch, Frame, Polled, Source};
use crate::stop::Stop;
use crate::time::Nanos;
use arrayvec::ArrayVec;

/// One worker with all it owns.
#[derive(Debug)]
pub struct Worker {
    /// The flows.
    pub shard: Shard,
    gate: Gate,
    options: DecodeOptions,
    fragments: FragmentCache,
    handover: WorkerEnd,
    stop: Stop,
}

impl Worker {
    /// A worker over a shard.
    #[must_use]
    pub fn new(shard: Shard, options: DecodeOptions, handover: WorkerEnd, stop: Stop) -> Worker {
        let fragments = FragmentCache::new(shard.secret());
        Worker { shard, gate: Gate::default(), options, fragments, handover, stop }
    }

    /// With a gate; without, everything is let in.
    #[must_use]
    pub fn with_gate(self, gate: Gate) -> Worker {
        Worker { gate, ..self }
    }

    /// Polls until the source ends or stopping is asked, then ends every flow. `slack`: the farthest that the source goes
    /// back in time, in nanoseconds; flows are reclaimed that much later.
    pub fn run(&mut self, source: &mut impl Source, slack: u64) {
        let mut now = Nanos::ZERO;
        loop {
            let mut batch = Batch::new();
            let polled = source.poll(&mut batch);
            self.burst(&batch);
            let frames = batch.len();
            drop(batch);
            now = source.clock().unwrap_or(self.shard.tally.packet_clock).max(now);
            self.count_poll(frames);
            self.shard.tick(now.minus(slack));
            self.handover.turn(&self.shard.tally);
            if polled == Polled::Ended || self.stop.asked() {
                break;
            }
        }
        self.shard.finish(now);
    }

    /// Accounts the frames of one burst: decode and bring buckets near; bring flows near; account.
    #[inline]
    pub fn burst(&mut self, batch: &[Frame<'_>]) {
        if self.gate.turn() { self.burst_through::<true>(batch) } else { self.burst_through::<false>(batch) }
    }

    /// A burst that has to pass the gate, or need not.
    #[inline]
    fn burst_through<const GATE: bool>(&mut self, batch: &[Frame<'_>]) {
        let mut packets = ArrayVec::<(Packet, KeyImage, u8), BURST>::new();
        for (index, frame) in batch.iter().enumerate() {
            self.shard.tally.take(frame.input, u64::from(frame.wire_len));
            if GATE && let Some(outcome) = self.gate.frame(frame) {
                self.shard.tally.outcomes[outcome as usize] += 1;
                continue;
            }
            match decode::decode(frame, &self.options, &mut self.fragments) {
                Ok(mut packet) => {
                    if GATE && let Some(outcome) = self.gate.packet(&packet, frame, &self.options) {
                        self.shard.tally.refuse(Verdict { outcome, flaws: packet.flaws, encaps: packet.encaps });
                        continue;
                    }
                    let image = self.shard.near(&mut packet);
                    packets.push((packet, image, index as u8));
                }
                Err(verdict) => self.refuse(verdict),
            }
        }
        for (packet, ..) in &packets {
            self.shard.nearer(packet);
        }
        for (packet, image, index) in &packets {
            let frame = &batch[usize::from(*index)];
            self.shard.take(*image, Sighting { packet, bytes: frame.bytes, link: frame.link });
            if packet.marks.has(Marks::ICMP_ERROR)
                && let Some(quoted) = decode::quoted(packet, frame.bytes)
            {
                self.shard.quoted(&quoted);
            }
        }
    }

    #[cold]
    fn refuse(&mut self, verdict: Verdict) {
        self.shard.tally.refuse(verdict);
    }

    #[inline]
    fn count_poll(&mut self, frames: usize) {
        let tally = &mut self.shard.tally;
        tally.fragment_cache = self.fragments.counts();
        tally.polls += 1;
        tally.empty_polls += u64::from(frames == 0);
        tally.burst_sizes[frames.next_power_of_two().trailing_zeros() as usize + usize::from(frames > 0)] += 1;
    }

    /// Answers the merger, if it has asked.
    #[inline]
    pub fn turn(&mut self) {
        self.shard.tally.fragment_cache = self.fragments.counts();
        self.handover.turn(&self.shard.tally);
    }
}
