//! The loop of a listener's thread: from the socket into parcels.
//!
//! **Owns** its socket and its end of the road. **May touch** the counts of its listener, as their only writer.
//! **Order** run on a thread of its own until stopping is asked; then it takes what the socket still holds, and goes.

use super::counts::Listener;
use super::envelope;
use super::road::{Departures, Item, PLACE, Parcel};
use super::sequence::{Senders, packet_count};
use super::socket::{Arrived, Bound};
use crate::stop::Stop;
use std::sync::Arc;
use std::time::Duration;

/// Calls of `recvmmsg` after stopping was asked, at most: enough for a full buffer, and an end under a flood.
const LAST_CALLS: usize = 1_024;

/// Pause after an error of the socket, and while no parcel is at home.
const PAUSE: Duration = Duration::from_micros(100);

/// One listener's thread.
#[derive(Debug)]
pub struct Receiver {
    socket: Bound,
    road: Departures,
    counts: Arc<Listener>,
    senders: Senders,
    dropped: u32,
}

impl Receiver {
    pub(super) fn new(socket: Bound, road: Departures, counts: Arc<Listener>) -> Receiver {
        Receiver { socket, road, counts, senders: Senders::default(), dropped: 0 }
    }

    /// Receives until stopping is asked or the worker has gone.
    pub fn run(mut self, stop: &Stop) {
        let (mut arrived, mut last_calls) = (Vec::new(), 0);
        while let Some(mut parcel) = self.fetch() {
            arrived.clear();
            while arrived.is_empty() {
                let stopping = stop.asked();
                last_calls += usize::from(stopping);
                if let Err(_refused) = self.socket.receive(&mut parcel.bytes, !stopping, &mut arrived) {
                    self.counts.errors.add(1);
                    std::thread::sleep(PAUSE);
                }
                if last_calls > LAST_CALLS || stopping && arrived.is_empty() {
                    break;
                }
            }
            let over = arrived.is_empty() || last_calls > LAST_CALLS;
            self.pack(&mut parcel, &arrived);
            // There are no more parcels than places, so the push always finds one.
            let _ = self.road.out.push(parcel);
            if over {
                return;
            }
        }
    }

    /// A parcel that is at home, waiting for it if need be; `None` when the worker has gone.
    fn fetch(&mut self) -> Option<Box<Parcel>> {
        if let Ok(parcel) = self.road.home.pop() {
            return Some(parcel);
        }
        self.counts.ring_full.add(1);
        loop {
            std::thread::sleep(PAUSE);
            match self.road.home.pop() {
                Ok(parcel) => return Some(parcel),
                Err(_) if self.road.home.is_abandoned() => return None,
                Err(_) => {}
            }
        }
    }

    /// Makes frames of what has arrived in the parcel's places.
    fn pack(&mut self, parcel: &mut Parcel, arrived: &[Arrived]) {
        parcel.items.clear();
        for (number, (facts, place)) in arrived.iter().zip(parcel.bytes.chunks_exact_mut(PLACE)).enumerate() {
            let Some((room, datagram)) = place.split_first_chunk_mut() else { continue };
            let headers = envelope::write(room, facts.from, facts.to, facts.length);
            let there = facts.length.min(datagram.len());
            if let Some(count) = packet_count(&datagram[..there]) {
                self.senders.take(facts.from, count, &self.counts);
            }
            let begin = number * PLACE + envelope::ROOM;
            let wire_len = u32::try_from(headers + facts.length).unwrap_or(u32::MAX);
            parcel.items.push(Item { from: begin - headers, to: begin + there, wire_len, time: facts.time });
            self.count(facts, there);
        }
        self.counts.datagrams.add(arrived.len() as u64);
    }

    fn count(&mut self, facts: &Arrived, there: usize) {
        self.counts.bytes.add(facts.length as u64);
        self.counts.truncated.add(u64::from(there < facts.length));
        if let Some(dropped) = facts.dropped {
            self.counts.kernel_dropped.add(u64::from(dropped.wrapping_sub(self.dropped)));
            self.dropped = dropped;
        }
    }
}
