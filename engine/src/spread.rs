//! Software spreading: one thread decodes, several workers account, where a source has fewer queues than there are
//! workers.
//!
//! **Owns** the spreader, its fragment cache, and the parcels that travel to the workers and back.
//! **May touch** frames, the decoder and the rings; no flow.
//! **Order** the spreader runs where the source is polled; each spread worker on a thread of its own.
//!
//! Packets go by the hash of their innermost key, so both directions and all fragments of a flow meet on one worker.
//! Parcels are made once and travel in a circle. When a worker is behind, the spreader waits for one of its parcels to
//! come home: packets then wait in the source, where their loss, if it comes to that, is the driver's `imissed`.

use crate::decode::{self, DecodeOptions, FragmentCache};
use crate::handover::WorkerEnd;
use crate::key::{HashSecret, protocol};
use crate::link::LinkType;
use crate::packet::{Encaps, Flaws, Marks, Packet, Verdict};
use crate::shard::{Desk, Ready, Shard};
use crate::sieve::Sieve;
use crate::source::{BURST, Batch, Frame, Polled, Source};
use crate::stop::Stop;
use crate::tally::{Tally, Volume};
use crate::time::Nanos;
use rtrb::{Consumer, Producer, RingBuffer};
use std::time::Duration;

/// Packets in one parcel, at most.
const PARCEL: usize = 256;

/// Bytes that one packet of a parcel is expected to bring.
const PARCEL_BYTES: usize = 512;

/// Parcels on the way to one worker, at most.
const PARCELS: usize = 16;

/// How long `run` lets packets wait in a parcel that is not full. Unit: nanoseconds.
const FLUSH_AFTER: u64 = 200_000;

/// Bytes behind the start of the transport payload that travel with a packet.
const PAYLOAD_KEPT: usize = 128;

/// What a parcel asks of its worker after its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Go on.
    None,
    /// Reclaim every flow that has ended by this time (`read`).
    Sweep(Nanos),
    /// Input is over at this time: end every flow and the worker.
    Finish(Nanos),
}

#[derive(Clone, Copy, Debug)]
struct Item {
    packet: Packet,
    from: u32,
    len: u32,
    wire_len: u32,
    link: LinkType,
}

/// Memory of the parcels on the way to one worker.
pub const ROAD_BYTES: u64 = (PARCELS * PARCEL * (size_of::<Item>() + PARCEL_BYTES)) as u64;

/// Packets on their way to a worker.
#[derive(Debug)]
struct Parcel {
    items: Vec<Item>,
    bytes: Vec<u8>,
    clock: Nanos,
    errand: Errand,
}

impl Parcel {
    fn empty() -> Box<Parcel> {
        let (items, bytes) = (Vec::with_capacity(PARCEL), Vec::with_capacity(PARCEL * PARCEL_BYTES));
        Box::new(Parcel { items, bytes, clock: Nanos::ZERO, errand: Errand::None })
    }
}

/// The spreader's road to one worker.
#[derive(Debug)]
struct Road {
    open: Box<Parcel>,
    out: Producer<Box<Parcel>>,
    home: Consumer<Box<Parcel>>,
}

/// The worker's end of a road.
#[derive(Debug)]
pub struct Arrivals {
    come: Consumer<Box<Parcel>>,
    home: Producer<Box<Parcel>>,
}

/// What a look down the road shows.
#[derive(Debug)]
enum Arrival {
    /// The next parcel.
    Parcel(Box<Parcel>),
    /// None now, but more may come.
    Nothing,
    /// None, and none will come: the spreader has gone.
    Gone,
}

impl Arrivals {
    /// The next parcel, if one has come.
    #[inline]
    fn next(&mut self) -> Arrival {
        self.next_after(|| ())
    }

    /// [`Arrivals::next`] with something that happens in the midst of it: whatever the spreader does there, no parcel
    /// stays behind.
    #[inline]
    fn next_after(&mut self, meanwhile: impl FnOnce()) -> Arrival {
        // In this order: whoever had gone by the first look has sent all that the second can see. The other way round,
        // what is sent between the looks, by one who goes at once, is taken by nobody.
        let gone = self.come.is_abandoned();
        meanwhile();
        match self.come.pop() {
            Ok(parcel) => Arrival::Parcel(parcel),
            Err(_) if gone => Arrival::Gone,
            Err(_) => Arrival::Nothing,
        }
    }
}

/// Decodes frames and sends their packets to the workers.
#[derive(Debug)]
pub struct Spreader {
    roads: Vec<Road>,
    sieve: Sieve,
    options: DecodeOptions,
    fragments: FragmentCache,
    secret: HashSecret,
    handover: WorkerEnd,
    /// Frames that the spreader itself found an outcome for; those that travel are counted where they arrive.
    pub tally: Tally,
}

impl Spreader {
    /// A spreader to `workers` workers, and their ends of the roads.
    #[must_use]
    pub fn new(
        workers: usize,
        options: DecodeOptions,
        secret: HashSecret,
        handover: WorkerEnd,
    ) -> (Spreader, Vec<Arrivals>) {
        let (mut roads, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..workers.max(1) {
            let (out, come) = RingBuffer::new(PARCELS);
            let (mut send_home, home) = RingBuffer::new(PARCELS);
            for _ in 1..PARCELS {
                let _ = send_home.push(Parcel::empty());
            }
            roads.push(Road { open: Parcel::empty(), out, home });
            ends.push(Arrivals { come, home: send_home });
        }
        let fragments = FragmentCache::new(secret);
        (
            Spreader { roads, sieve: Sieve::default(), options, fragments, secret, handover, tally: Tally::default() },
            ends,
        )
    }

    /// With a sieve; without, everything is let in.
    #[must_use]
    pub fn with_sieve(self, sieve: Sieve) -> Spreader {
        Spreader { sieve, ..self }
    }

    /// Decodes frames and puts their packets into parcels; full parcels leave.
    pub fn frames(&mut self, batch: &[Frame<'_>]) {
        if self.sieve.turn() { self.frames_through::<true>(batch) } else { self.frames_through::<false>(batch) }
    }

    /// Frames that have to pass the sieve, or need not.
    fn frames_through<const SIEVE: bool>(&mut self, batch: &[Frame<'_>]) {
        for frame in batch {
            if SIEVE && let Some(outcome) = self.sieve.frame(frame) {
                self.refuse(frame, Verdict { outcome, flaws: Flaws::NONE, encaps: Encaps::NONE });
                continue;
            }
            match decode::decode(frame, &self.options, &mut self.fragments) {
                Ok(packet) => match if SIEVE { self.sieve.packet(&packet, frame, &self.options) } else { None } {
                    None => self.put(frame, packet),
                    Some(outcome) => {
                        self.refuse(frame, Verdict { outcome, flaws: packet.flaws, encaps: packet.encaps });
                    }
                },
                Err(verdict) => self.refuse(frame, verdict),
            }
        }
    }

    #[cold]
    fn refuse(&mut self, frame: &Frame<'_>, verdict: Verdict) {
        self.tally.take(frame.input, Volume { packets: 1, bytes: u64::from(frame.wire_len) });
        self.tally.refuse(verdict);
    }

    fn put(&mut self, frame: &Frame<'_>, packet: Packet) {
        let quoted = decode::quoted(&packet, frame.bytes, &self.secret);
        self.put_one(frame, packet);
        if let Some(quoted) = quoted {
            self.put_one(frame, quoted);
        }
    }

    fn put_one(&mut self, frame: &Frame<'_>, packet: Packet) {
        let hash = self.secret.hash(packet.image);
        let to = HashSecret::worker_of(hash, self.roads.len());
        let road = &mut self.roads[to];
        // Chunks of SCTP stand anywhere in the packet.
        let payload = if packet.protocol() == protocol::SCTP { usize::from(u16::MAX) } else { PAYLOAD_KEPT };
        let kept = &frame.bytes[..frame.bytes.len().min(usize::from(packet.payload_offset) + payload)];
        let (from, len) = (road.open.bytes.len() as u32, kept.len() as u32);
        road.open.bytes.extend_from_slice(kept);
        road.open.items.push(Item { packet, from, len, wire_len: frame.wire_len, link: frame.link });
        if road.open.items.len() >= PARCEL {
            road.leave(Errand::None);
        }
    }

    /// Sends what is in the open parcels on its way, with the time that workers expire by.
    pub fn flush(&mut self, clock: Nanos) {
        for road in &mut self.roads {
            road.open.clock = clock;
            road.leave(Errand::None);
        }
    }

    /// Sends an errand to every worker, behind all packets so far.
    pub fn errand(&mut self, errand: Errand) {
        for road in &mut self.roads {
            road.leave(errand);
        }
    }

    /// Answers the merger, if it has asked.
    pub fn turn(&mut self) {
        self.tally.fragment_cache = self.fragments.counts();
        self.handover.turn(&self.tally);
    }

    /// `run`: polls until the source ends or stopping is asked, then tells every worker that input is over. `slack`: the
    /// farthest that the source goes back in time, in nanoseconds.
    pub fn run(&mut self, source: &mut impl Source, stop: &Stop, slack: u64) {
        self.tally.expect(&source.inputs());
        let (mut now, mut flushed) = (Nanos::ZERO, Nanos::ZERO);
        loop {
            let mut batch = Batch::new();
            let polled = source.poll(&mut batch);
            self.frames(&batch);
            self.tally.polls += 1;
            self.tally.empty_polls += u64::from(batch.is_empty());
            let latest = batch.last().map_or(now, |frame| frame.time);
            drop(batch);
            now = source.clock().unwrap_or(latest).max(now);
            if now.since(flushed) >= FLUSH_AFTER {
                self.flush(now.minus(slack));
                flushed = now;
            }
            self.turn();
            if polled == Polled::Ended || stop.asked() {
                return self.errand(Errand::Finish(now));
            }
        }
    }
}

impl Road {
    /// Sends the open parcel and takes an empty one that has come home, waiting for it if need be.
    fn leave(&mut self, errand: Errand) {
        let mut empty = loop {
            match self.home.pop() {
                Ok(empty) => break empty,
                Err(_) if self.home.is_abandoned() => return self.lose(),
                Err(_) => std::thread::sleep(Duration::from_micros(20)),
            }
        };
        empty.items.clear();
        empty.bytes.clear();
        empty.errand = Errand::None;
        empty.clock = self.open.clock;
        let mut parcel = std::mem::replace(&mut self.open, empty);
        parcel.errand = errand;
        // There are no more parcels than places on the road, so the push always finds one.
        let _ = self.out.push(parcel);
    }

    /// The worker is gone (it panicked): nothing can arrive any more; the run ends with its error.
    #[cold]
    fn lose(&mut self) {
        self.open.items.clear();
        self.open.bytes.clear();
    }
}

/// A worker that takes parcels.
#[derive(Debug)]
pub struct SpreadWorker {
    /// The flows.
    pub shard: Shard,
    desk: Desk,
    arrivals: Arrivals,
    handover: WorkerEnd,
    waits: bool,
}

impl SpreadWorker {
    /// A worker at the end of a road. `waits`: sleep briefly when nothing has come (`read`) instead of polling (`run`).
    #[must_use]
    pub fn new(shard: Shard, arrivals: Arrivals, handover: WorkerEnd, waits: bool) -> SpreadWorker {
        SpreadWorker { shard, desk: Desk::default(), arrivals, handover, waits }
    }

    /// Takes parcels until one says that input is over.
    pub fn run(&mut self) {
        loop {
            if self.handover.turn(&self.shard.tally) {
                self.handover.tune(self.shard.tunable());
            }
            let parcel = match self.arrivals.next() {
                Arrival::Parcel(parcel) => parcel,
                Arrival::Gone => return self.shard.finish(self.shard.tally.packet_clock),
                Arrival::Nothing => {
                    self.rest();
                    continue;
                }
            };
            self.shard.tally.polls += 1;
            for items in parcel.items.chunks(BURST) {
                self.burst(items, &parcel.bytes);
            }
            let (clock, errand) = (parcel.clock, parcel.errand);
            let _ = self.arrivals.home.push(parcel);
            match errand {
                Errand::None => self.shard.tick(clock),
                Errand::Sweep(now) => self.shard.sweep_all(now),
                Errand::Finish(now) => return self.shard.finish(now),
            }
        }
    }

    #[inline]
    fn rest(&mut self) {
        self.shard.tally.empty_polls += 1;
        if self.waits {
            std::thread::sleep(Duration::from_micros(20));
        } else {
            std::hint::spin_loop();
        }
    }

    fn burst(&mut self, items: &[Item], bytes: &[u8]) {
        let SpreadWorker { shard, desk, .. } = self;
        let kept = |item: &Item| bytes.get(item.from as usize..(item.from + item.len) as usize).unwrap_or_default();
        desk.clear();
        for (index, item) in items.iter().enumerate() {
            desk.place(index);
            let (ready, packet) = desk.place_and_packet();
            *packet = item.packet;
            if packet.marks.has(Marks::QUOTED) {
                // Not a packet of its own: nothing of the one that had this place before may be taken for it.
                *ready = Ready::default();
            } else {
                shard.read(ready, packet, kept(item));
            }
            desk.keep();
        }
        desk.walk(shard, |shard, ready, packet| {
            if packet.marks.has(Marks::QUOTED) {
                return shard.quoted(packet);
            }
            let Some(item) = items.get(usize::from(ready.frame)) else { return };
            let volume = Volume { packets: 1, bytes: u64::from(item.wire_len) };
            shard.tally.take(packet.input, volume);
            let Packet { time, input, .. } = *packet;
            shard.take(
                ready,
                packet,
                &Frame { bytes: kept(item), time, wire_len: item.wire_len, link: item.link, input },
            );
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handover;
    use crate::key::READ_SECRET;
    use crate::source::Input;
    use parshall_config::plan::{DecapPlan, KeyScope};

    fn road() -> (Spreader, Arrivals) {
        let options = DecodeOptions::new(&DecapPlan::default(), KeyScope::default());
        let (spreader, mut ends) = Spreader::new(1, options, READ_SECRET, handover::pair().0);
        (spreader, ends.remove(0))
    }

    /// An IPv4 header with eight bytes of UDP behind it.
    const UDP: [u8; 28] =
        [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x9c, 0x40, 0, 53, 0, 8, 0, 0];

    fn frame(time: u64) -> Frame<'static> {
        Frame { bytes: &UDP, time: Nanos(time), wire_len: 28, link: LinkType::RAW, input: Input::default() }
    }

    #[test]
    fn what_a_spreader_sends_before_it_goes_arrives_even_where_the_worker_was_just_looking() {
        let (mut spreader, mut arrivals) = road();
        let seen = arrivals.next_after(move || {
            spreader.frames(&[frame(1), frame(2)]);
            spreader.flush(Nanos(2));
            spreader.frames(&[frame(3)]);
            spreader.errand(Errand::Finish(Nanos(3)));
        });
        let Arrival::Parcel(first) = seen else { panic!("{seen:?}") };
        assert_eq!((first.items.len(), first.errand), (2, Errand::None));
        let Arrival::Parcel(last) = arrivals.next() else { panic!("the last parcel was left on the road") };
        assert_eq!((last.items.len(), last.errand), (1, Errand::Finish(Nanos(3))));
        assert!(matches!(arrivals.next(), Arrival::Gone));
    }

    #[test]
    fn an_empty_road_is_no_end_while_the_spreader_lives() {
        let (spreader, mut arrivals) = road();
        assert!(matches!(arrivals.next(), Arrival::Nothing));
        drop(spreader);
        assert!(matches!(arrivals.next(), Arrival::Gone));
    }
}
