//! The ring from a receiver to the worker: parcels of datagrams that travel in a circle.
//!
//! **Owns** the parcel and both ends of the road. **May touch** nothing else.
//! **Order** receiver: fills and sends; source: empties and sends home. Parcels are made once. The receiver waits when none
//! has come home, and counts it.

use super::envelope;
use crate::time::Nanos;
use rtrb::{Consumer, Producer, RingBuffer};

/// Datagrams in one parcel, at most: those of one `recvmmsg`.
pub(super) const BATCH: usize = crate::source::BURST;

/// Bytes of one datagram's place: its headers and itself.
pub(super) const PLACE: usize = envelope::ROOM + super::LONGEST;

/// Parcels on one road.
const PARCELS: usize = 32;

/// One datagram in a parcel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// Where its headers begin.
    pub(super) from: usize,
    /// Where what was received of it ends.
    pub(super) to: usize,
    /// Length with headers as it was sent.
    pub(super) wire_len: u32,
    /// When the kernel received it.
    pub(super) time: Nanos,
}

/// Datagrams on their way. The memory is mapped as datagrams come to lie in it.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) items: Vec<Item>,
    pub(super) bytes: Vec<u8>,
}

impl Parcel {
    fn empty() -> Box<Parcel> {
        Box::new(Parcel { items: Vec::with_capacity(BATCH), bytes: vec![0; BATCH * PLACE] })
    }
}

/// Memory of the parcels on one road.
pub const ROAD_BYTES: u64 = (PARCELS * BATCH * (PLACE + size_of::<Item>())) as u64;

/// The receiver's end.
#[derive(Debug)]
pub(super) struct Departures {
    pub(super) out: Producer<Box<Parcel>>,
    pub(super) home: Consumer<Box<Parcel>>,
}

/// The source's end.
#[derive(Debug)]
pub(super) struct Arrivals {
    pub(super) come: Consumer<Box<Parcel>>,
    pub(super) home: Producer<Box<Parcel>>,
}

impl Arrivals {
    /// Whether the receiver has gone and nothing is left on the way.
    pub(super) fn over(&self) -> bool {
        // In this order: what was sent before it went is there to be seen.
        self.come.is_abandoned() && self.come.is_empty()
    }
}

/// A road with its parcels at home.
pub(super) fn road() -> (Departures, Arrivals) {
    let (out, come) = RingBuffer::new(PARCELS);
    let (mut send_home, home) = RingBuffer::new(PARCELS);
    for _ in 0..PARCELS {
        let _ = send_home.push(Parcel::empty());
    }
    (Departures { out, home }, Arrivals { come, home: send_home })
}
