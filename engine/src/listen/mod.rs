//! TZSP as an input of its own: UDP sockets that routers stream to, without an EAL, root or hugepages.
//!
//! **Owns** the sockets, a thread for each, the rings to the worker, and what is counted on the way. **May touch** the host's
//! clock: the threads belong to the control side, above the worker. It reads of TZSP the packet count only; what is
//! in a datagram is `decode`'s to say.
//! **Order** bound and started by `live`, before an EAL binds this thread to a processor; [`source`] is polled by a worker.
//!
//! ```text
//! router ─▶ socket ─ recvmmsg ─▶ parcel of up to 64 ─ ring ─▶ ListenSource ─▶ worker (or spreader)
//!                                   ▲                                │
//!                                   └───────────── ring ◀────────────┘   parcels travel in a circle
//! ```
//!
//! Before each datagram its IP and UDP headers are put back (`envelope`), from router to listener, so that it is a frame
//! like one from a wire: decapsulation can be switched off, and records have the outer endpoints. When a worker is
//! behind, the thread waits for a parcel and datagrams wait in the socket's buffer; what that has no room for, the
//! kernel drops and counts. So datagrams received are frames taken, each with its outcome.

mod counts;
mod envelope;
mod receiver;
mod road;
mod sequence;
mod socket;
mod source;
mod steady;

pub use counts::Listener;
pub use receiver::Receiver;
pub use road::ROAD_BYTES;
pub use sequence::packet_count;
pub use socket::{ListenError, bind};
pub use source::ListenSource;

use std::sync::Arc;

/// Port id of the first listener in metrics and records; DPDK's own begin at 0 and end far below.
pub const FIRST_PORT: u16 = 1_000;

/// Longest TZSP datagram that is received whole; longer ones are used as far as this. Unit: bytes.
pub const LONGEST: usize = 16_384;

/// Connects bound sockets with one source: a receiver to run on a thread for each, and what the source polls.
#[must_use]
pub fn connect(sockets: Vec<socket::Bound>) -> (Vec<Receiver>, ListenSource, Vec<Arc<Listener>>) {
    let (mut receivers, mut lanes, mut listeners) = (Vec::new(), Vec::new(), Vec::new());
    for (number, socket) in sockets.into_iter().enumerate() {
        let port = FIRST_PORT.saturating_add(u16::try_from(number).unwrap_or(u16::MAX));
        let listener = Arc::new(Listener::new(socket.asked(), port));
        let (departures, arrivals) = road::road();
        receivers.push(Receiver::new(socket, departures, listener.clone()));
        lanes.push((port, arrivals));
        listeners.push(listener);
    }
    (receivers, ListenSource::new(lanes), listeners)
}
