//! A host: one TCP connection block with its two halves, its timers and its answers to whatever arrives.
//!
//! **Owns** the state of one end of one connection. **May touch** nothing: what it sends is left in `out`.
//! **Order** called by `world` for each arrival, each due timer and each act of the application.

use super::output::Order;
use super::receiver::{Receiver, Taken};
use super::segment::{Cause, Offer, Segment, Side};
use super::sender::Sender;
use super::stack::{IpId, MS, ProbeStyle, Stack, Welcome};

/// Persist probes before a host gives up.
const PATIENCE: u32 = 12;

/// RFC 9293 section 3.3.2, as far as an observer can tell the states apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Waits for a SYN (the server) or for the application (the client).
    Idle,
    SynSent,
    SynReceived,
    Open,
    /// The connection is gone; what arrives is reset.
    Dead,
    /// The host is gone; nothing is answered.
    Gone,
}

/// A host.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) side: Side,
    pub(crate) stack: Stack,
    pub(crate) state: State,
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
    /// What the other SYN offered.
    peer: Option<Offer>,
    /// Latest timestamp value of the peer.
    echo: u32,
    packets: u64,
    /// What it has sent and the world has not taken yet.
    pub(crate) out: Vec<Segment>,
}

impl Host {
    pub(crate) fn new(side: Side, stack: Stack) -> Host {
        let state = if stack.welcome == Welcome::Absent { State::Gone } else { State::Idle };
        let (sender, receiver) = (Sender::new(&stack), Receiver::new(&stack));
        Host { side, stack, state, sender, receiver, peer: None, echo: 0, packets: 0, out: Vec::new() }
    }

    /// Whether it still holds the connection.
    pub(crate) fn alive(&self) -> bool {
        !matches!(self.state, State::Dead | State::Gone)
    }

    fn both(&self, wanted: impl Fn(&Offer) -> bool) -> bool {
        wanted(&self.stack.offer) && self.peer.as_ref().is_some_and(wanted)
    }

    /// Shifts of the window it announces and of the window it is told; 0 unless both SYNs offered one.
    fn shifts(&self) -> (u8, u8) {
        let ours = self.stack.offer.window_scale;
        let theirs = self.peer.and_then(|offer| offer.window_scale);
        ours.zip(theirs).unwrap_or((0, 0))
    }

    /// Opens the connection.
    pub(crate) fn open(&mut self, now: u64) {
        if self.state == State::Idle {
            self.state = State::SynSent;
            let order = self.sender.open(now);
            self.emit(now, order);
        }
    }

    /// Takes the peer's SYN in.
    fn learn(&mut self, segment: &Segment) {
        self.peer = segment.offer;
        self.receiver.nxt = 1;
        let (ours, theirs) = (&self.stack.offer, segment.offer.as_ref());
        let limit = theirs.and_then(|offer| offer.mss).unwrap_or(536).min(ours.mss.unwrap_or(536));
        let options = if self.both(|offer| offer.timestamps) { 12 } else { 0 };
        let sack = self.both(|offer| offer.sack);
        let mss = u64::from(limit) - options;
        self.sender.settle(mss, sack, self.stack.initial_window, self.stack.tail_loss_probe);
    }

    /// A segment arrives. Says what became of its content.
    pub(crate) fn input(&mut self, now: u64, segment: &Segment) -> Taken {
        if let Some((value, _)) = segment.timestamps {
            self.echo = value;
        }
        let taken = match self.state {
            State::Gone => Taken::Refused,
            State::Dead => {
                self.reject(segment);
                Taken::Refused
            }
            State::Idle => self.greet(now, segment),
            State::SynSent => self.in_syn_sent(now, segment),
            State::SynReceived => self.in_syn_received(now, segment),
            State::Open => self.in_open(now, segment),
        };
        self.flush(now);
        taken
    }

    fn greet(&mut self, now: u64, segment: &Segment) -> Taken {
        if !segment.syn || segment.ack.is_some() || self.stack.welcome == Welcome::Refuse {
            self.reject(segment);
            return Taken::Refused;
        }
        self.learn(segment);
        self.state = State::SynReceived;
        let order = self.sender.open(now);
        self.emit(now, order);
        Taken::Kept
    }

    fn in_syn_sent(&mut self, now: u64, segment: &Segment) -> Taken {
        if segment.rst {
            self.die();
            return Taken::Kept;
        }
        if !segment.syn {
            self.reject(segment);
            return Taken::Refused;
        }
        self.learn(segment);
        if segment.ack.is_some() {
            self.state = State::Open;
            self.sender.acknowledge(now, segment, u64::from(segment.window));
            self.receiver.ack_now = true;
        } else {
            self.state = State::SynReceived;
            self.answer_syn(now);
        }
        Taken::Kept
    }

    fn in_syn_received(&mut self, now: u64, segment: &Segment) -> Taken {
        if segment.rst {
            self.die();
            return Taken::Kept;
        }
        if segment.syn && segment.ack.is_none() {
            self.answer_syn(now);
            return Taken::Duplicate;
        }
        if segment.ack.is_some_and(|ack| ack >= 1) {
            self.state = State::Open;
        }
        self.in_open(now, segment)
    }

    fn in_open(&mut self, now: u64, segment: &Segment) -> Taken {
        if segment.rst {
            self.die();
            return Taken::Kept;
        }
        let shift = if segment.syn { 0 } else { self.shifts().1 };
        self.sender.acknowledge(now, segment, u64::from(segment.window) << shift);
        if segment.syn {
            self.receiver.ack_now = true; // RFC 9293 section 3.10.7.4: a challenge ACK
            return Taken::Duplicate;
        }
        self.receiver.take(now, segment, self.sender.mss)
    }

    /// The SYN goes out (again) with an acknowledgement.
    fn answer_syn(&mut self, now: u64) {
        let order = Order { start: 0, payload: 0, syn: true, fin: false, psh: false, cause: Cause::SynAnswer };
        for piece in &mut self.sender.sent {
            piece.resent = true;
        }
        self.emit(now, order);
    }

    /// Resets what belongs to no connection, RFC 9293 section 3.10.7.1.
    fn reject(&mut self, segment: &Segment) {
        if segment.rst || self.state == State::Gone {
            return;
        }
        let mut reset = self.blank(Cause::Reset);
        reset.rst = true;
        match segment.ack {
            Some(ack) => reset.start = ack,
            None => {
                reset.foreign_seq = Some(0);
                reset.ack = Some(segment.end());
            }
        }
        self.out.push(reset);
    }

    /// Forgets the connection.
    fn die(&mut self) {
        self.state = State::Dead;
        self.sender.sent.clear();
        self.sender.retransmit_at = None;
        self.sender.probe_at = None;
        self.sender.persist_at = None;
        self.receiver.ack_at = None;
        self.receiver.ack_now = false;
    }

    /// The host is switched off.
    pub(crate) fn vanish(&mut self) {
        self.die();
        self.state = State::Gone;
    }

    /// The application resets the connection.
    pub(crate) fn abort(&mut self) {
        if self.alive() {
            let mut reset = self.blank(Cause::Reset);
            reset.rst = true;
            reset.start = self.sender.nxt;
            reset.ack = (self.receiver.nxt > 0).then_some(self.receiver.nxt);
            reset.window = self.receiver.window(self.shifts().0);
            self.out.push(reset);
            self.die();
        }
    }

    /// The application writes; `close` ends its side behind that.
    pub(crate) fn write(&mut self, now: u64, bytes: u64, close: bool) {
        if bytes > 0 {
            self.sender.write(bytes);
        }
        self.sender.closing |= close;
        self.flush(now);
    }

    /// The application stops or starts to read.
    pub(crate) fn read(&mut self, now: u64, reading: bool) {
        self.receiver.reading = reading;
        if reading {
            let before = self.receiver.read;
            self.receiver.read_on();
            self.receiver.ack_now |= self.receiver.read > before && self.state == State::Open;
            self.flush(now);
        }
    }

    /// Sends a keep-alive.
    pub(crate) fn keep_alive(&mut self, now: u64) {
        if self.state == State::Open {
            let payload = u32::from(self.stack.probe_style == ProbeStyle::OneByte);
            self.probe(now, Cause::KeepAlive, self.sender.nxt - 1, payload);
        }
    }

    fn probe(&mut self, now: u64, cause: Cause, start: u64, payload: u32) {
        let order = Order { start, payload, syn: false, fin: false, psh: false, cause };
        self.emit(now, order);
    }

    /// When the next timer is due.
    pub(crate) fn deadline(&self) -> Option<u64> {
        let sender = &self.sender;
        [sender.retransmit_at, sender.probe_at, sender.persist_at, self.receiver.ack_at].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(crate) fn wake(&mut self, now: u64) {
        let due = |at: Option<u64>| at.is_some_and(|at| at <= now);
        if due(self.receiver.ack_at) {
            self.receiver.ack_now = true;
        }
        if due(self.sender.probe_at) {
            if let Some(order) = self.sender.probe_tail(now) {
                self.emit(now, order);
            }
        } else if due(self.sender.retransmit_at) {
            if self.sender.time_out() {
                self.sender.rearm(now);
            } else {
                self.die();
            }
        }
        if due(self.sender.persist_at) {
            self.persist(now);
        }
        self.flush(now);
    }

    fn persist(&mut self, now: u64) {
        self.sender.persist_at = None;
        self.sender.persist_backoff += 1;
        if self.sender.persist_backoff > PATIENCE {
            self.die();
            return;
        }
        match self.stack.probe_style {
            ProbeStyle::Empty => self.probe(now, Cause::WindowProbe, self.sender.una - 1, 0),
            ProbeStyle::OneByte => self.probe(now, Cause::WindowProbe, self.sender.nxt, 1),
        }
    }

    /// Sends what may go.
    fn flush(&mut self, now: u64) {
        if matches!(self.state, State::Idle | State::Dead | State::Gone) {
            return;
        }
        let orders = self.sender.output(now);
        if self.receiver.ack_now {
            let mut segment = self.blank(Cause::Acknowledgement);
            // It goes out before the new data, so its sequence number is the one that the data begins at.
            let new = orders.iter().find(|order| order.cause == Cause::New);
            segment.start = new.map_or(self.sender.nxt, |order| order.start);
            self.dress(now, &mut segment);
            self.out.push(segment);
        }
        for order in orders {
            self.emit(now, order);
        }
    }

    fn emit(&mut self, now: u64, order: Order) {
        let mut segment = self.blank(order.cause);
        segment.start = order.start;
        segment.payload = order.payload;
        segment.syn = order.syn;
        segment.fin = order.fin;
        segment.psh = order.psh;
        if order.syn {
            let answered = self.peer.is_some();
            let offer = self.offer_now();
            segment.ece = offer.ecn;
            segment.cwr = offer.ecn && !answered;
            segment.offer = Some(offer);
        }
        self.dress(now, &mut segment);
        self.out.push(segment);
    }

    /// What its SYN offers: all that it can, or in an answer what the other side offered too.
    fn offer_now(&self) -> Offer {
        let mine = self.stack.offer;
        let Some(theirs) = self.peer else { return mine };
        Offer {
            mss: mine.mss,
            window_scale: mine.window_scale.filter(|_| theirs.window_scale.is_some()),
            sack: mine.sack && theirs.sack,
            timestamps: mine.timestamps && theirs.timestamps,
            ecn: mine.ecn && theirs.ecn,
        }
    }

    /// Acknowledgement, window and SACK blocks.
    fn dress(&mut self, now: u64, segment: &mut Segment) {
        let shift = if segment.syn { 0 } else { self.shifts().0 };
        segment.window = self.receiver.window(shift);
        segment.timestamps = segment.timestamps.or_else(|| self.timestamps(now, segment.syn));
        if self.peer.is_none() {
            return;
        }
        segment.ack = Some(self.receiver.nxt);
        if segment.payload == 0 && !segment.syn && self.both(|offer| offer.sack) {
            let most = if segment.timestamps.is_some() { 3 } else { 4 };
            (segment.sack, segment.dsack) = self.receiver.blocks(most, self.stack.dsack);
        }
        self.receiver.acknowledged();
    }

    fn timestamps(&self, now: u64, syn: bool) -> Option<(u32, u32)> {
        let offered = syn && self.offer_now().timestamps;
        let value = self.stack.timestamp_base.wrapping_add((now / MS) as u32);
        (offered || self.both(|offer| offer.timestamps)).then_some((value, self.echo))
    }

    /// A segment with nothing in it but the sender's number of the packet.
    fn blank(&mut self, cause: Cause) -> Segment {
        let count = self.packets as u16;
        self.packets += 1;
        let ip_id = match self.stack.ip_id {
            IpId::Counter => self.stack.first_id.wrapping_add(count),
            IpId::Zero => 0,
            IpId::Scattered => self.stack.first_id.wrapping_add(count.wrapping_mul(0x9e37)),
        };
        Segment { ip_id, ..Segment::blank(self.side, cause) }
    }

    /// A SYN of no connection that this host knows, with another initial sequence number.
    pub(crate) fn stray_syn(&mut self, seq: u32) {
        let mut segment = self.blank(Cause::Stray);
        segment.syn = true;
        segment.foreign_seq = Some(seq);
        segment.offer = Some(self.stack.offer);
        segment.window = 64_240;
        segment.timestamps = self.stack.offer.timestamps.then_some((self.stack.timestamp_base, 0));
        self.out.push(segment);
    }
}
