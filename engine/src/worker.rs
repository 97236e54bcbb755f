//! The worker: polls a source and accounts what it gives, until it is told to stop.
//!
//! **Owns** the order of one turn. **May touch** its source, its fragment cache, its shard and the doors; no protocol,
//! no file, no logger.
//! **Order** one worker a core. In `run` it polls DPDK queues; in `read` the same turns are driven by [`crate::replay`].

use crate::decode::{self, DecodeOptions, FragmentCache};
use crate::handover::WorkerEnd;
use crate::packet::{Marks, Packet, Verdict};
use crate::shard::{Desk, Shard};
use crate::sieve::Sieve;
use crate::source::{BURST, Batch, Frame, Polled, Source};
use crate::stop::Stop;
use crate::tally;
use crate::time::Nanos;

/// One worker with all it owns.
#[derive(Debug)]
pub struct Worker {
    /// The flows.
    pub shard: Shard,
    sieve: Sieve,
    desk: Desk,
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
        Worker { shard, sieve: Sieve::default(), desk: Desk::default(), options, fragments, handover, stop }
    }

    /// With a sieve; without, everything is let in.
    #[must_use]
    pub fn with_sieve(self, sieve: Sieve) -> Worker {
        Worker { sieve, ..self }
    }

    /// Polls until the source ends or stopping is asked, then ends every flow. `slack`: the farthest that the source goes
    /// back in time, in nanoseconds; flows are reclaimed that much later.
    pub fn run(&mut self, source: &mut impl Source, slack: u64) {
        self.shard.tally.expect(&source.inputs());
        let (mut now, mut frames, mut polled_at) = (Nanos::ZERO, 0, None);
        loop {
            let mut batch = Batch::new();
            let polled = source.poll(&mut batch);
            self.burst(&batch);
            let last = std::mem::replace(&mut frames, batch.len());
            drop(batch);
            let before = std::mem::replace(&mut polled_at, source.wall());
            self.count_work(last, before, polled_at);
            now = source.clock().unwrap_or(self.shard.tally.packet_clock).max(now);
            self.count_poll(frames);
            self.shard.tick(now.minus(slack));
            if self.handover.turn(&self.shard.tally) {
                self.handover.tune(self.shard.tunable());
            }
            if polled == Polled::Ended || self.stop.asked() {
                break;
            }
        }
        self.shard.finish(now);
    }

    /// Accounts the frames of one burst, [`BURST`] at the most: decode; then, pass by pass, bring near the buckets, the flows,
    /// their histories, and what these lead to; account.
    #[inline]
    pub fn burst(&mut self, batch: &[Frame<'_>]) {
        if self.sieve.turn() { self.burst_through::<true>(batch) } else { self.burst_through::<false>(batch) }
    }

    /// A burst that has to pass the sieve, or need not. Of what passes it, whole packets are made.
    #[inline]
    fn burst_through<const SIEVE: bool>(&mut self, batch: &[Frame<'_>]) {
        debug_assert!(batch.len() <= BURST, "one place a frame");
        self.read::<SIEVE>(batch);
        let Worker { shard, desk, .. } = self;
        desk.walk(shard, |shard, ready, packet| {
            let Some(frame) = batch.get(usize::from(ready.frame)) else { return };
            shard.take(ready, packet, frame);
            if !ready.is_plain() {
                quoted(shard, packet, frame.bytes);
            }
        });
    }

    /// The first pass. Apart from the later ones, whose registers it would take.
    #[inline(never)]
    fn read<const SIEVE: bool>(&mut self, batch: &[Frame<'_>]) {
        self.desk.clear();
        self.shard.tally.take_all(batch);
        for (index, frame) in batch.iter().enumerate() {
            let place = self.desk.place(index);
            if !SIEVE && self.shard.read_plain(place, frame) {
                self.desk.keep();
            } else {
                self.decode::<SIEVE>(frame);
            }
        }
        self.shard.all_read();
    }

    /// The first pass for a frame of which the whole packet is made.
    #[inline(never)]
    fn decode<const SIEVE: bool>(&mut self, frame: &Frame<'_>) {
        let Worker { shard, sieve, options, fragments, desk, .. } = self;
        if SIEVE && let Some(outcome) = sieve.frame(frame) {
            shard.tally.outcomes[outcome as usize] += 1;
            return;
        }
        let (ready, packet) = desk.place_and_packet();
        let decoded = if SIEVE {
            decode::decode_into(frame, options, fragments, packet)
        } else {
            decode::walk_into(frame, options, fragments, packet)
        };
        if let Err(verdict) = decoded {
            return shard.tally.refuse(verdict);
        }
        if SIEVE && let Some(outcome) = sieve.packet(packet, frame, options) {
            let Packet { flaws, encaps, .. } = *packet;
            return shard.tally.refuse(Verdict { outcome, flaws, encaps });
        }
        shard.read(ready, packet, frame.bytes);
        desk.keep();
    }

    /// From one poll to the next is time at work, if the first one brought frames.
    #[inline]
    fn count_work(&mut self, frames: usize, from: Option<Nanos>, to: Option<Nanos>) {
        if frames > 0
            && let (Some(from), Some(to)) = (from, to)
        {
            let nanos = to.since(from);
            self.shard.tally.busy_nanos += nanos;
            self.shard.tally.burst_times[tally::burst_time(nanos)] += 1;
        }
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
        self.shard.glance();
        self.shard.tally.fragment_cache = self.fragments.counts();
        self.handover.turn(&self.shard.tally);
    }
}

/// Counts an ICMP error for the flow that it quotes.
#[inline(never)]
fn quoted(shard: &mut Shard, packet: &Packet, bytes: &[u8]) {
    if packet.marks.has(Marks::ICMP_ERROR)
        && let Some(quoted) = decode::quoted(packet, bytes, &shard.secret())
    {
        shard.quoted(&quoted);
    }
}
