//! The sending half of a host: what is outstanding, how acknowledgements are read, when content is held for lost.
//!
//! **Owns** the list of outstanding pieces, congestion window and timers. **May touch** nothing.
//! **Order** called by `host` for each acknowledgement and when a timer is due; `output` then says what goes out.
//!
//! Loss detection is that of RFC 5681 and 6582 without SACK, RFC 6675 with it, and RFC 8985 where the host sends tail
//! loss probes; after a timeout everything that was not selectively acknowledged counts as lost.

use super::clock::Clock;
use super::segment::{Cause, Segment};
use super::stack::Stack;
use std::collections::VecDeque;

/// One outstanding piece of the stream.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) start: u64,
    pub(crate) payload: u32,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) psh: bool,
    /// When it was last sent.
    pub(crate) at: u64,
    pub(crate) resent: bool,
    pub(crate) sacked: bool,
    /// Held for lost and not sent again since.
    pub(crate) lost: bool,
}

impl Sent {
    pub(crate) fn end(&self) -> u64 {
        self.start + u64::from(self.payload) + u64::from(self.syn) + u64::from(self.fin)
    }
}

/// The sending half.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    /// First offset that was not acknowledged.
    pub(crate) una: u64,
    /// Next offset to be sent.
    pub(crate) nxt: u64,
    /// Bytes that the application has written.
    pub(crate) written: u64,
    /// The application has closed its side.
    pub(crate) closing: bool,
    /// Offset that the peer's window ends at.
    pub(crate) edge: u64,
    /// Payload of a full segment. Unit: bytes.
    pub(crate) mss: u64,
    pub(crate) offload: u64,
    pub(crate) repacketize: bool,
    pub(crate) sack: bool,
    pub(crate) probes_tail: bool,
    pub(crate) congestion_window: u64,
    threshold: u64,
    duplicates: u32,
    /// Why content is being sent again, and the offset whose acknowledgement ends that.
    pub(crate) recovery: Option<(Cause, u64)>,
    pub(crate) sent: VecDeque<Sent>,
    pub(crate) clock: Clock,
    pub(crate) retransmit_at: Option<u64>,
    pub(crate) probe_at: Option<u64>,
    /// A tail loss probe is out.
    pub(crate) probing: bool,
    pub(crate) persist_at: Option<u64>,
    pub(crate) persist_backoff: u32,
    retries: u32,
    last_window: Option<u64>,
    /// Offsets at which a write of the application ends.
    pub(crate) pushes: VecDeque<u64>,
}

impl Sender {
    pub(crate) fn new(stack: &Stack) -> Sender {
        Sender {
            una: 0,
            nxt: 0,
            written: 0,
            closing: false,
            edge: 1,
            mss: 536,
            offload: stack.offload,
            repacketize: stack.repacketize,
            sack: false,
            probes_tail: false,
            congestion_window: u64::MAX / 4,
            threshold: u64::MAX / 4,
            duplicates: 0,
            recovery: None,
            sent: VecDeque::new(),
            clock: Clock::new(stack.shortest_rto),
            retransmit_at: None,
            probe_at: None,
            probing: false,
            persist_at: None,
            persist_backoff: 0,
            retries: stack.retries,
            last_window: None,
            pushes: VecDeque::new(),
        }
    }

    /// Takes in what the handshake settled.
    pub(crate) fn settle(&mut self, mss: u64, sack: bool, initial_window: u64, probes_tail: bool) {
        self.mss = mss;
        self.sack = sack;
        self.probes_tail = probes_tail && sack;
        self.congestion_window = initial_window * mss;
    }

    /// Bytes held to be in the network.
    pub(crate) fn in_flight(&self) -> u64 {
        self.sent.iter().filter(|piece| !piece.sacked && !piece.lost).map(|piece| piece.end() - piece.start).sum()
    }

    /// Everything written, and the FIN if there is one, was acknowledged.
    pub(crate) fn all_acknowledged(&self) -> bool {
        self.una == 1 + self.written + u64::from(self.closing)
    }

    /// Reads an acknowledgement. `window` is in bytes.
    pub(crate) fn acknowledge(&mut self, now: u64, segment: &Segment, window: u64) {
        let Some(ack) = segment.ack else { return };
        if ack < self.una {
            return;
        }
        let same_window = self.last_window == Some(window);
        self.last_window = Some(window);
        self.edge = self.edge.max(ack + window);
        if ack + window > self.nxt {
            self.persist_at = None;
            self.persist_backoff = 0;
        }
        let news = self.mark_sacked(&segment.sack, segment.dsack);
        if ack > self.una {
            self.advance(now, ack);
        } else if segment.pure_ack() && !self.sent.is_empty() && (same_window || news) {
            self.duplicate(news);
        }
        self.find_losses();
    }

    fn mark_sacked(&mut self, blocks: &[(u64, u64)], dsack: bool) -> bool {
        let mut news = false;
        for (left, right) in blocks.iter().skip(usize::from(dsack)) {
            for piece in self.sent.iter_mut().filter(|p| !p.sacked && p.start >= *left && p.end() <= *right) {
                piece.sacked = true;
                news = true;
            }
        }
        news
    }

    fn advance(&mut self, now: u64, ack: u64) {
        let gained = ack - self.una;
        self.una = ack;
        self.nxt = self.nxt.max(ack); // a window probe's byte can be taken after all
        self.duplicates = 0;
        self.clock.backoff = 0;
        self.probing = false;
        let mut sample = None;
        while let Some(first) = self.sent.front_mut() {
            if first.end() > ack {
                if first.start < ack {
                    first.payload -= (ack - first.start) as u32;
                    first.start = ack;
                }
                break;
            }
            sample = (!first.resent).then(|| now - first.at);
            self.sent.pop_front();
        }
        if let Some(round_trip) = sample {
            self.clock.sample(round_trip);
        }
        match self.recovery {
            Some((_, until)) if ack >= until => {
                self.recovery = None;
                self.congestion_window = self.congestion_window.min(self.threshold).max(self.mss);
            }
            Some((Cause::FastRetransmit, _)) if !self.sack => {
                // RFC 6582: a partial acknowledgement points at the next lost piece.
                if let Some(first) = self.sent.front_mut() {
                    first.lost = true;
                }
            }
            Some((Cause::FastRetransmit, _)) => {}
            _ => self.grow(gained),
        }
        self.rearm(now);
    }

    fn grow(&mut self, gained: u64) {
        self.congestion_window += if self.congestion_window < self.threshold {
            gained.min(2 * self.mss)
        } else {
            (self.mss * gained / self.congestion_window).max(1)
        };
    }

    fn duplicate(&mut self, news: bool) {
        self.duplicates += 1;
        if self.recovery.is_some() && !self.sack {
            self.congestion_window += self.mss;
        }
        if self.duplicates == 3 && self.recovery.is_none() && (!self.sack || news) {
            self.enter_fast_recovery();
        }
    }

    fn enter_fast_recovery(&mut self) {
        self.threshold = (self.in_flight() / 2).max(2 * self.mss);
        self.congestion_window = self.threshold + if self.sack { 0 } else { 3 * self.mss };
        self.recovery = Some((Cause::FastRetransmit, self.nxt));
        self.probe_at = None;
        if let Some(first) = self.sent.iter_mut().find(|piece| !piece.sacked) {
            first.lost = true;
        }
    }

    /// Marks pieces that selective acknowledgements prove lost: three later ones arrived (RFC 6675), or a tail loss
    /// probe sent well after them did (RFC 8985).
    fn find_losses(&mut self) {
        if !self.sack || matches!(self.recovery, Some((Cause::Rto, _))) {
            return;
        }
        let reorder = self.clock.smoothed() / 4;
        let latest = self.sent.iter().filter(|piece| piece.sacked).map(|piece| piece.at).max().unwrap_or(0);
        let probing = self.probing;
        let (mut above, mut found) = (0, false);
        for piece in self.sent.iter_mut().rev() {
            if piece.sacked {
                above += 1;
            } else if !piece.resent && (above >= 3 || probing && above > 0 && piece.at + reorder < latest) {
                found |= !piece.lost;
                piece.lost = true;
            }
        }
        if found && self.recovery.is_none() {
            self.enter_fast_recovery();
        }
    }

    /// Starts the timers again, or stops them when nothing is outstanding.
    pub(crate) fn rearm(&mut self, now: u64) {
        let outstanding = self.sent.iter().any(|piece| !piece.sacked);
        self.retransmit_at = (!self.sent.is_empty()).then(|| now + self.clock.timeout());
        let may_probe = self.probes_tail && outstanding && self.recovery.is_none() && !self.probing;
        let after = self.clock.probe_timeout(self.sent.len() == 1).filter(|_| may_probe);
        // RFC 8985 section 7.2: where the retransmission timer would run out first, the probe goes at its time.
        self.probe_at = after.zip(self.retransmit_at).map(|(after, rto)| (now + after).min(rto));
    }

    /// The retransmission timer ran out. False: the host gives up.
    pub(crate) fn time_out(&mut self) -> bool {
        if self.clock.backoff >= self.retries {
            return false;
        }
        self.threshold = (self.in_flight() / 2).max(2 * self.mss);
        self.congestion_window = self.mss;
        self.clock.backoff += 1;
        self.duplicates = 0;
        self.recovery = Some((Cause::Rto, self.nxt));
        self.probing = false;
        for piece in &mut self.sent {
            piece.lost = !piece.sacked;
        }
        true
    }
}
