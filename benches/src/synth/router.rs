//! Traffic that does not end, sent to a probe as MikroTik routers stream it: each frame when it is due, in TZSP over UDP.
//!
//! **Owns** the pace. **May touch** the clock and one UDP socket. **Order** called by the command line; captures come from
//! [`super::compose`], one after the other, each begun before the one before has quite ended, as traffic is.

use super::compose::{Order, compose};
use parshall_engine::source::memory::StoredFrame;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Seconds within which the sessions of one capture begin.
const ROUND: u64 = 30;

/// The longest datagram that UDP over IPv4 carries.
const LONGEST: usize = 65_507;

/// One capture that is being sent.
struct Round {
    began: Instant,
    first: u64,
    frames: std::iter::Peekable<std::vec::IntoIter<StoredFrame>>,
}

impl Round {
    fn new(began: Instant, frames: Vec<StoredFrame>) -> Round {
        let first = frames.first().map_or(0, |frame| frame.time.0);
        Round { began, first, frames: frames.into_iter().peekable() }
    }

    /// When the next frame is due.
    fn due(&mut self) -> Option<Instant> {
        let time = self.frames.peek()?.time.0;
        Some(self.began + Duration::from_nanos(time - self.first))
    }
}

/// Captures of one seed after the other, made while the one before is sent.
fn captures(order: Order) -> Receiver<Result<Vec<StoredFrame>, String>> {
    let (give, captures) = sync_channel(1);
    std::thread::spawn(move || {
        for seed in order.seed.. {
            let capture = compose(&Order { seed, ..order.clone() }).map(|capture| capture.frames);
            if give.send(capture).is_err() {
                return;
            }
        }
    });
    captures
}

/// Sends until it is ended, so many sessions a second.
///
/// # Errors
/// The socket cannot be had, or more sessions are asked for than there are addresses.
pub fn stream(to: SocketAddr, order: Order, sessions: u64) -> Result<(), String> {
    let own: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0; 16], 0).into() };
    let failed = |error: std::io::Error| format!("{to}: {error}");
    let socket = UdpSocket::bind(own).map_err(failed)?;
    socket.connect(to).map_err(failed)?;
    let order = Order { sessions: sessions * ROUND, span: Some(ROUND * 1_000_000_000), ..order };
    let captures = captures(order);
    let (mut rounds, mut next, mut datagram, mut number) = (Vec::new(), Instant::now(), Vec::new(), 0_u32);
    loop {
        if Instant::now() >= next {
            let frames = captures.recv().map_err(|_| "the generator has ended".to_owned())??;
            rounds.push(Round::new(next, frames));
            next += Duration::from_secs(ROUND);
        }
        rounds.retain_mut(|round| round.due().is_some());
        let due = rounds.iter_mut().filter_map(|round| Some((round.due()?, round))).min_by_key(|(due, _)| *due);
        let Some((due, round)) = due.filter(|(due, _)| *due <= next) else {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            continue;
        };
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let Some(frame) = round.frames.next() else { continue };
        envelope(&frame.bytes, number, &mut datagram);
        number = number.wrapping_add(1);
        // Nobody listening yet, or not any more, is no reason to stop: a router would not.
        let _ = socket.send(&datagram);
    }
}

/// TZSP: version 1, a received packet of Ethernet, its number (tag 0x28), the end of tags.
fn envelope(frame: &[u8], number: u32, datagram: &mut Vec<u8>) {
    datagram.clear();
    datagram.extend([1, 0, 0, 1, 0x28, 4]);
    datagram.extend(number.to_be_bytes());
    datagram.push(1);
    datagram.extend(&frame[..frame.len().min(LONGEST - datagram.len())]);
}
