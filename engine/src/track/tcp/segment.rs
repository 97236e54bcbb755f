//! Data: where a segment stands among those seen before, and what that means.
//!
//! **Owns** the rule by which bytes are new, seen before, or out of order (Tstat's, its section 3.1), and the history of
//! one direction. **May touch** the flow's TCP state and the pool. **Order** called for every segment that takes
//! sequence space: payload, SYN, FIN.
//!
//! What was seen is an ordered list: the settled range (the lowest run of bytes that was seen and acknowledged), then
//! the nodes. A segment behind all of it is in order; a jump forward is a gap. A segment before or inside is taken
//! apart: pieces inside a stored one are retransmitted, pieces between are new, and out of order when the segment ends
//! before the stored one does.

use super::class::{Age, Anomaly};
use super::rtt;
use super::sequence::{after, at_or_after, distance, earlier};
use crate::flow::tcp::{Class, TcpCore, TcpRest, state};
use crate::flow::trail::{Half, Node, fact};
use crate::track::chunks::Chunks;

/// One segment that takes sequence space.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from: u32,
    pub(super) to: u32,
    /// Unit: UNIX nanoseconds.
    pub(super) time: u64,
    /// Informative IP-ID, else 0.
    pub(super) ip_id: u16,
    pub(super) side: usize,
    /// It is a keep-alive: no anomaly.
    pub(super) keepalive: bool,
}

/// What a segment turned out to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Bytes, SYN or FIN that were seen before.
    pub(super) repeated: u32,
    /// The first sequence number was seen before: a SYN, if there is one.
    pub(super) head_repeated: bool,
    /// The last sequence number was seen before: a FIN, if there is one.
    pub(super) tail_repeated: bool,
    /// It begins and ends before some stored segment's end, with bytes not seen before.
    pub(super) out_of_order: bool,
    /// Class of its first anomalous piece.
    pub(super) class: Option<Class>,
}

impl Findings {
    fn repeat(&mut self, span: Span, from: u32, to: u32) {
        self.repeated = self.repeated.saturating_add(to.wrapping_sub(from));
        self.head_repeated |= from == span.from;
        self.tail_repeated |= to == span.to;
    }
}

impl Span {
    pub(super) fn node(&self, from: u32, to: u32) -> Node {
        Node::new(from, to, self.time, self.ip_id)
    }
}

/// Everything the rules need beside the segment.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) core: &'a mut TcpCore,
    pub(super) rest: &'a mut TcpRest,
    pub(super) half: &'a mut Half,
    /// The other direction's half.
    pub(super) peer: &'a Half,
    pub(super) chunks: &'a mut Chunks,
}

impl Scene<'_> {
    /// Takes a segment into the history of its direction.
    #[inline(always)]
    pub(super) fn take(&mut self, span: Span) -> Findings {
        let gap = self.half.end().map_or(0, |end| distance(span.from, end));
        if gap < 0 {
            return self.take_apart(span);
        }
        if gap > 0 {
            let side = &mut self.rest.side[span.side & 1];
            side.gap_bytes = side.gap_bytes.saturating_add(gap.unsigned_abs());
        }
        let at = usize::from(self.half.len);
        let node = self.first_sent(span);
        self.insert(at, node, span.side);
        Findings::default()
    }

    fn insert(&mut self, at: usize, node: Node, side: usize) {
        if !self.chunks.insert(self.half, at, node) {
            self.core.set(state::HISTORY_LOST, side);
        }
        if self.half.size > 0 {
            self.core.set(state::CHUNK, side);
        }
    }

    #[inline(never)]
    fn take_apart(&mut self, span: Span) -> Findings {
        let mut findings = Findings::default();
        let mut at = span.from;
        if self.half.facts & fact::SETTLED != 0 && after(self.half.settled_to, at) {
            at = self.against_settled(span, at, &mut findings);
        }
        let mut index = 0;
        while after(span.to, at) {
            let Some(node) = self.chunks.nodes(self.half).get(index).copied() else {
                self.insert(index, span.node(at, span.to), span.side);
                break;
            };
            if at_or_after(at, node.to) {
                index += 1;
                continue;
            }
            if after(node.from, at) {
                let to = earlier(span.to, node.from);
                if after(node.to, span.to) {
                    findings.out_of_order = true;
                }
                self.fill(span, (at, to), index, &mut findings);
                at = to;
                index += 1;
            } else {
                let to = earlier(span.to, node.to);
                findings.repeat(span, at, to);
                index = self.repeat(span, (at, to), index, &mut findings);
                at = to;
            }
        }
        findings
    }

    /// The part of a segment that meets the settled range. Returns where the rest begins.
    fn against_settled(&mut self, span: Span, from: u32, findings: &mut Findings) -> u32 {
        let mut at = from;
        if after(self.half.settled_from, at) {
            let to = earlier(span.to, self.half.settled_from);
            findings.out_of_order |= after(self.half.settled_to, span.to);
            let behind = Node::new(self.half.settled_from, self.half.settled_to, self.half.settled_time, 0);
            self.judge(span, (at, to), None, Some(behind), findings);
            // Bytes from before the first one seen: the range grows down to them.
            self.half.settled_from = at;
            at = to;
        }
        if after(span.to, at) {
            let to = earlier(span.to, self.half.settled_to);
            findings.repeat(span, at, to);
            let at_end = to == self.half.settled_to;
            let copy = Before {
                time: self.half.settled_time,
                acks: self.half.settled_acks,
                class: class_of(self.half.settled_class()),
                ip_ids: (0, self.half.settled_ip_id),
                is_copy: true,
                probed: at_end && self.half.settled_class() == Class::FlowControl as u8 + 1,
                own_time: at_end && self.half.facts & fact::SETTLED_AT_END != 0,
            };
            let class = self.judge(span, (at, to), Some(copy), None, findings);
            self.half.facts &= !fact::SETTLED_AT_END;
            if at_end {
                self.half.facts |= fact::SETTLED_AT_END;
                self.half.set_settled_class(class);
            }
            self.half.settled_time = self.half.settled_time.max(span.time);
            self.half.facts |= fact::SETTLED_RESENT;
            at = to;
        }
        at
    }

    /// A new piece before the node at `index`.
    fn fill(&mut self, span: Span, (from, to): (u32, u32), index: usize, findings: &mut Findings) {
        let before = self.before(index);
        let behind = self.chunks.nodes(self.half).get(index).copied();
        let class = self.judge(span, (from, to), before, behind, findings);
        let side = &mut self.rest.side[span.side & 1];
        side.gap_bytes = side.gap_bytes.saturating_sub(to.wrapping_sub(from));
        let mut node = span.node(from, to);
        node.class = class;
        self.insert(index, node, span.side);
    }

    /// A piece of the node at `index` that was sent again; the node is split around it. Returns where to go on.
    fn repeat(&mut self, span: Span, (from, to): (u32, u32), index: usize, findings: &mut Findings) -> usize {
        let Some(node) = self.chunks.nodes(self.half).get(index).copied() else { return index + 1 };
        let copy = Before {
            time: node.time,
            acks: self.before(index).map_or(0, |before| before.acks),
            class: self.before(index).and_then(|before| before.class),
            ip_ids: (node.ip_id, node.last_ip_id),
            is_copy: true,
            probed: node.class == Class::FlowControl as u8 + 1,
            own_time: true,
        };
        let class = self.judge(span, (from, to), Some(copy), None, findings);
        let mut index = index;
        if after(from, node.from) {
            self.insert(index, Node { to: from, ..node }, span.side);
            index += 1;
        }
        if after(node.to, to) {
            self.insert(index + 1, Node { from: to, ..node }, span.side);
        }
        if let Some(resent) = self.chunks.nodes(self.half).get_mut(index) {
            let sent = node.sent.saturating_add(1);
            let time = span.time.max(node.time);
            *resent = Node { from, to, time, sent, class, last_ip_id: span.ip_id, ..node };
        }
        index + 1
    }

    /// What stands before the node at `index`.
    fn before(&mut self, index: usize) -> Option<Before> {
        if let Some(node) = index.checked_sub(1).and_then(|before| self.chunks.nodes(self.half).get(before)) {
            let class = class_of(node.class);
            return Some(Before { time: node.time, acks: node.acks, class, ..Before::default() });
        }
        if self.half.facts & fact::SETTLED == 0 {
            return None;
        }
        let class = class_of(self.half.settled_class());
        Some(Before { time: self.half.settled_time, acks: self.half.settled_acks, class, ..Before::default() })
    }

    /// Segments behind `to`, up to the last one that the peer said it has.
    fn sacked_beyond(&mut self, to: u32) -> u8 {
        let nodes = self.chunks.nodes(self.half);
        let first = nodes.partition_point(|node| !after(node.to, to));
        let last = nodes.iter().rposition(|node| node.sacked != 0).map_or(0, |at| at + 1);
        u8::try_from(last.saturating_sub(first)).unwrap_or(u8::MAX)
    }

    /// The node of a segment behind everything. A byte into a closed window is known as a probe when it comes again.
    fn first_sent(&self, span: Span) -> Node {
        let mut node = span.node(span.from, span.to);
        if span.to.wrapping_sub(span.from) == 1 && self.window_closed(span.side) {
            node.class = Class::FlowControl as u8 + 1;
        }
        node
    }

    /// The peer's window is closed, and both SYNs were seen.
    fn window_closed(&self, side: usize) -> bool {
        let peer = side & 1 ^ 1;
        self.core.window[peer] == 0 && self.core.has(state::ACKED, peer) && self.core.both(state::SYN)
    }

    /// The class of the recovery that goes on: what was sent again last, if that was after `time`.
    fn recovery_since(&self, time: Option<u64>) -> Option<Class> {
        (time? < self.half.settled_time).then(|| class_of(self.half.resent_class())).flatten()
    }

    /// The class of what was sent again last, when something settled comes again within a round-trip time of that.
    fn burst(&self, before: Option<Before>, recovery: Option<u64>, mean: f64) -> Option<Class> {
        let settled = before.is_some_and(|before| before.is_copy && before.time == self.half.settled_time);
        (settled && recovery.is_some_and(|nanos| (nanos as f64) < mean))
            .then(|| class_of(self.half.resent_class()))
            .flatten()
    }

    /// Classes one piece. A segment counts once, with the class of its first anomalous piece; a keep-alive never.
    fn judge(
        &mut self,
        span: Span,
        piece: (u32, u32),
        before: Option<Before>,
        behind: Option<Node>,
        findings: &mut Findings,
    ) -> u8 {
        if span.keepalive {
            return 0;
        }
        let (from, to) = piece;
        let length = to.wrapping_sub(from);
        let copy = before.filter(|before| before.is_copy);
        // Mirrored twice, every packet comes again with its own IP-ID: that takes no weighing. One byte may be a probe.
        let class = match Age::of(span.ip_id, copy, behind).tells(copy.is_some()) {
            Some(class) if length > 1 => class,
            _ => self.weigh(span, piece, before, behind).class(),
        };
        let side = span.side & 1;
        if findings.class.is_none() {
            findings.class = Some(class);
            let count = &mut self.rest.side[side].classes[class as usize];
            *count = count.saturating_add(1);
        }
        self.rest.side[side].resent_from = from;
        self.rest.side[side].resent_length = u16::try_from(length).unwrap_or(u16::MAX);
        self.half.set_resent_class(class as u8 + 1);
        class as u8 + 1
    }

    /// All that there is to know of one piece. Inlined: the few facts that the class turns on are not written down first.
    #[inline(always)]
    fn weigh(&mut self, span: Span, piece: (u32, u32), before: Option<Before>, behind: Option<Node>) -> Anomaly {
        let (from, to) = piece;
        let (side, peer) = (span.side & 1, span.side & 1 ^ 1);
        let repeats = before.is_some_and(|before| before.is_copy);
        let path = rtt::path(&self.half.rtt, &self.peer.rtt);
        let since = |time: u64| span.time.saturating_sub(time);
        let since_behind = behind.map(|node| since(node.time));
        let recovery = match before {
            Some(before) => Some(since(before.time)),
            None if !path.known => since_behind,
            None => None,
        };
        let sent_before = if repeats { before.map(|before| before.time) } else { behind.map(|node| node.time) };
        let known_acks = self.core.has(state::ACKED, peer);
        Anomaly {
            length: to.wrapping_sub(from),
            window_closed: self.window_closed(side),
            repeats,
            acked: known_acks && at_or_after(self.core.last_ack[peer], to),
            age: Age::of(span.ip_id, before.filter(|_| repeats), behind),
            at_tail: distance(self.core.next_seq[side], to) <= 0,
            asked_for: known_acks && self.core.last_ack[peer] == from,
            dup_acks: before.map_or(0, |before| before.acks.saturating_sub(1)),
            sacked_beyond: self.sacked_beyond(to),
            probed: before.is_some_and(|before| before.probed),
            own_time: before.is_some_and(|before| before.own_time),
            behind_is_new: behind.is_some_and(|node| node.sent == 1),
            class_before: before.and_then(|before| before.class),
            recovering: self.recovery_since(sent_before).or_else(|| self.burst(before, recovery, path.mean)),
            recovery,
            since_behind,
            smoothed: self.half.rtt.smoothed,
            path,
        }
    }
}

/// What is known of the copy of a piece, or of the segment before a hole.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before {
    time: u64,
    acks: u8,
    class: Option<Class>,
    /// IP-IDs of the first and the latest transmission; of what was settled: 0, and that of its end.
    pub(super) ip_ids: (u16, u16),
    pub(super) is_copy: bool,
    /// It is a byte that probed a closed window.
    probed: bool,
    /// `time` is its own, not that of the settled range.
    own_time: bool,
}

/// The class that a stored number stands for; 0 none.
pub(super) fn class_of(stored: u8) -> Option<Class> {
    const ALL: [Class; 8] = [
        Class::Rto,
        Class::FastRetx,
        Class::Reordering,
        Class::NetDup,
        Class::FlowControl,
        Class::UnneededRto,
        Class::UnneededFastRetx,
        Class::Unknown,
    ];
    ALL.get(usize::from(stored).wrapping_sub(1)).copied()
}
