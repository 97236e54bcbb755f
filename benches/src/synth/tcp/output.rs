//! What a sender may send now: lost pieces first, then new data, within congestion and peer window.
//!
//! **Owns** the decision. **May touch** the sender's list and timers. **Order** called by `host` after every event.

use super::segment::Cause;
use super::sender::{Sender, Sent};

/// A piece of the stream that is to go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) start: u64,
    pub(crate) payload: u32,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) psh: bool,
    pub(crate) cause: Cause,
}

impl Order {
    fn of(piece: &Sent, cause: Cause) -> Order {
        Order { start: piece.start, payload: piece.payload, syn: piece.syn, fin: piece.fin, psh: piece.psh, cause }
    }
}

impl Sender {
    /// Puts the SYN out.
    pub(crate) fn open(&mut self, now: u64) -> Order {
        let syn = Sent {
            start: 0,
            payload: 0,
            syn: true,
            fin: false,
            psh: false,
            at: now,
            resent: false,
            sacked: false,
            lost: false,
        };
        let order = Order::of(&syn, Cause::New);
        self.sent.push_back(syn);
        self.nxt = 1;
        self.rearm(now);
        order
    }

    /// The application writes.
    pub(crate) fn write(&mut self, bytes: u64) {
        self.written += bytes;
        self.pushes.push_back(1 + self.written);
    }

    /// Everything that may go out now.
    pub(crate) fn output(&mut self, now: u64) -> Vec<Order> {
        let mut orders = Vec::new();
        while let Some(order) = self.resend(now).or_else(|| self.send_new(now)) {
            orders.push(order);
        }
        self.arm_persist(now);
        orders
    }

    fn resend(&mut self, now: u64) -> Option<Order> {
        let index = self.sent.iter().position(|piece| piece.lost && !piece.sacked)?;
        let in_flight = self.in_flight();
        let len = self.sent[index].end() - self.sent[index].start;
        // The first outstanding piece always goes: it is what recovery waits for.
        if index > 0 && in_flight > 0 && in_flight + len > self.congestion_window {
            return None;
        }
        if self.repacketize {
            self.merge_with_next(index);
        }
        let cause = self.recovery.map_or(Cause::Rto, |(cause, _)| cause);
        let piece = &mut self.sent[index];
        piece.lost = false;
        piece.resent = true;
        piece.at = now;
        let order = Order::of(piece, cause);
        if index == 0 || self.retransmit_at.is_none() {
            self.rearm(now);
        }
        Some(order)
    }

    /// Joins a lost piece and the lost one behind it if one segment can hold both.
    fn merge_with_next(&mut self, index: usize) {
        let Some(next) = self.sent.get(index + 1).filter(|next| next.lost && !next.sacked).cloned() else { return };
        let piece = &mut self.sent[index];
        if !piece.syn && u64::from(piece.payload + next.payload) <= self.mss {
            piece.payload += next.payload;
            piece.fin |= next.fin;
            piece.psh |= next.psh;
            self.sent.remove(index + 1);
        }
    }

    fn send_new(&mut self, now: u64) -> Option<Order> {
        if self.nxt == 0 || self.una == 0 {
            return None; // the handshake comes first
        }
        let unsent = (1 + self.written).saturating_sub(self.nxt);
        let fin_waits = self.closing && self.nxt <= 1 + self.written;
        let room = self.edge.saturating_sub(self.nxt);
        let payload = unsent.min(room).min(self.mss * self.offload);
        let fin = fin_waits && payload == unsent;
        if payload == 0 && !fin {
            return None;
        }
        let in_flight = self.in_flight();
        if in_flight > 0 && in_flight + payload > self.congestion_window {
            return None;
        }
        // Silly window avoidance, RFC 9293 section 3.8.6.2.1: no small piece while the window holds back the rest.
        if payload < unsent && payload < self.mss && !self.sent.is_empty() {
            return None;
        }
        let end = self.nxt + payload;
        let pushed = self.pushes.iter().take_while(|at| **at <= end).count();
        self.pushes.drain(..pushed);
        let psh = pushed > 0 && payload > 0;
        let piece = Sent {
            start: self.nxt,
            payload: payload as u32,
            syn: false,
            fin,
            psh,
            at: now,
            resent: false,
            sacked: false,
            lost: false,
        };
        let order = Order::of(&piece, Cause::New);
        self.nxt = piece.end();
        self.sent.push_back(piece);
        // RFC 6298 section 5.1: sending starts the timer only when it does not run; the probe timer starts again.
        let running = self.retransmit_at;
        self.rearm(now);
        self.retransmit_at = running.or(self.retransmit_at);
        Some(order)
    }

    /// Nothing outstanding, something to send and no window for it: the persist timer must ask.
    fn arm_persist(&mut self, now: u64) {
        let waiting = self.una > 0 && self.sent.is_empty() && self.nxt < 1 + self.written && self.edge <= self.nxt;
        if !waiting {
            self.persist_at = None;
        } else if self.persist_at.is_none() {
            self.persist_at = Some(now + (self.clock.timeout() << self.persist_backoff.min(4)));
        }
    }

    /// The probe timer ran out: the last piece goes out once more, RFC 8985 section 7.3.
    pub(crate) fn probe_tail(&mut self, now: u64) -> Option<Order> {
        self.probe_at = None;
        self.probing = true;
        let piece = self.sent.iter_mut().rev().find(|piece| !piece.sacked)?;
        piece.resent = true;
        piece.at = now;
        let order = Order::of(piece, Cause::TailLossProbe);
        self.retransmit_at = Some(now + self.clock.timeout());
        Some(order)
    }
}
