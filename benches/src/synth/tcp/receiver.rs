//! The receiving half of a host: what arrived, what the application took, what is to be acknowledged.
//!
//! **Owns** the receive window and the pieces behind holes. **May touch** nothing.
//! **Order** called by `host` for each segment with content.

use super::segment::Segment;
use super::stack::Stack;
use std::collections::BTreeMap;

/// What a receiver did with a segment's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Some of it was new and is kept.
    Kept,
    /// All of it was there already.
    Duplicate,
    /// It lies outside the window.
    Refused,
}

/// The receiving half.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    /// Next offset expected.
    pub(crate) nxt: u64,
    /// Pieces behind a hole, start to end.
    beyond: BTreeMap<u64, u64>,
    /// Offsets in `beyond` in the order of arrival, latest last.
    recent: Vec<u64>,
    /// The duplicate to report with the next acknowledgement.
    duplicate: Option<(u64, u64)>,
    /// The application reads.
    pub(crate) reading: bool,
    /// Offset up to which the application has read.
    pub(crate) read: u64,
    buffer: u64,
    /// Offset that the window last sent ends at.
    edge: u64,
    pub(crate) ack_delay: u64,
    /// When the waiting acknowledgement must go.
    pub(crate) ack_at: Option<u64>,
    /// An acknowledgement must go now.
    pub(crate) ack_now: bool,
    waiting: u64,
    /// Where the FIN stands, once it came.
    fin: Option<u64>,
}

impl Receiver {
    pub(crate) fn new(stack: &Stack) -> Receiver {
        Receiver {
            nxt: 0,
            beyond: BTreeMap::new(),
            recent: Vec::new(),
            duplicate: None,
            reading: true,
            read: 1,
            buffer: stack.buffer,
            edge: 0,
            ack_delay: stack.ack_delay,
            ack_at: None,
            ack_now: false,
            waiting: 0,
            fin: None,
        }
    }

    /// Bytes that the application has taken.
    pub(crate) fn delivered(&self) -> u64 {
        self.read.saturating_sub(1)
    }

    /// The other side's FIN has arrived with all before it.
    pub(crate) fn finished(&self) -> bool {
        self.fin.is_some_and(|at| self.nxt > at)
    }

    /// Takes a segment's content in.
    pub(crate) fn take(&mut self, now: u64, segment: &Segment, mss: u64) -> Taken {
        let (start, end) = (segment.start, segment.end());
        if segment.span() == 0 {
            // Below the window and empty: a keep-alive or window probe, which wants an answer.
            self.ack_now |= start < self.nxt;
            return Taken::Kept;
        }
        if end <= self.nxt || self.holds(start, end) {
            self.duplicate = Some((start, end));
            self.ack_now = true;
            return Taken::Duplicate;
        }
        if start + u64::from(segment.payload) > self.edge.max(self.nxt) && segment.payload > 0 {
            self.ack_now = true;
            return Taken::Refused;
        }
        if start < self.nxt {
            self.duplicate = Some((start, self.nxt));
        }
        if segment.fin {
            self.fin = Some(end - 1);
        }
        let hole = start > self.nxt || !self.beyond.is_empty();
        self.insert(start.max(self.nxt), end);
        self.advance();
        self.read_on();
        self.waiting += u64::from(segment.payload);
        if hole || segment.fin || self.ack_delay == 0 || self.waiting >= 2 * mss || self.duplicate.is_some() {
            self.ack_now = true;
        } else if self.ack_at.is_none() {
            self.ack_at = Some(now + self.ack_delay);
        }
        Taken::Kept
    }

    fn holds(&self, start: u64, end: u64) -> bool {
        self.beyond.range(..=start).next_back().is_some_and(|(_, until)| *until >= end)
    }

    fn insert(&mut self, start: u64, end: u64) {
        if start > self.nxt {
            self.recent.push(start);
        }
        let (mut from, mut to) = (start, end);
        let touching: Vec<u64> =
            self.beyond.range(..=end).filter(|(_, until)| **until >= start).map(|(first, _)| *first).collect();
        for first in touching {
            if let Some(until) = self.beyond.remove(&first) {
                from = from.min(first);
                to = to.max(until);
            }
        }
        self.beyond.insert(from, to);
    }

    fn advance(&mut self) {
        while let Some((first, until)) = self.beyond.first_key_value().map(|(a, b)| (*a, *b)) {
            if first > self.nxt {
                break;
            }
            self.beyond.pop_first();
            self.nxt = self.nxt.max(until);
        }
        let nxt = self.nxt;
        self.recent.retain(|start| *start > nxt);
    }

    /// The application takes what is there, if it reads.
    pub(crate) fn read_on(&mut self) {
        if self.reading {
            self.read = self.fin.filter(|at| self.nxt > *at).unwrap_or(self.nxt).max(1);
        }
    }

    /// The window to announce, in units of `1 << shift`. The right edge never moves back (RFC 9293 section 3.8.6).
    pub(crate) fn window(&mut self, shift: u8) -> u16 {
        let held = self.nxt.saturating_sub(self.read);
        let free = self.buffer.saturating_sub(held);
        let promised = self.edge.saturating_sub(self.nxt);
        let units = (free >> shift).max(promised.div_ceil(1 << shift)).min(65_535);
        self.edge = self.edge.max(self.nxt + (units << shift));
        units as u16
    }

    /// SACK blocks to send, at most `most`, and whether the first of them reports a duplicate.
    pub(crate) fn blocks(&mut self, most: usize, dsack: bool) -> (Vec<(u64, u64)>, bool) {
        let report = self.duplicate.take().filter(|_| dsack);
        let mut blocks: Vec<(u64, u64)> = report.into_iter().collect();
        for start in self.recent.iter().rev() {
            let Some((first, until)) = self.beyond.range(..=*start).next_back().map(|(a, b)| (*a, *b)) else {
                continue;
            };
            let known = blocks.iter().skip(usize::from(report.is_some())).any(|block| *block == (first, until));
            if !known && blocks.len() < most {
                blocks.push((first, until));
            }
        }
        (blocks, report.is_some())
    }

    /// An acknowledgement has gone out.
    pub(crate) fn acknowledged(&mut self) {
        self.ack_at = None;
        self.ack_now = false;
        self.waiting = 0;
    }
}
