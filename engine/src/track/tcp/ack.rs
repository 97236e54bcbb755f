//! Acknowledgements: what they settle, the round-trip times they give, and the losses they tell of.
//!
//! **Owns** the rules for an ACK against the history of the other direction. **May touch** that history and the flow's
//! TCP state. **Order** called for every segment with ACK, after its own data was taken in.
//!
//! A sample is taken when an ACK covers a segment for the first time and ends exactly with it, unless the segment was
//! ever sent again (Karn; RFC 6298 section 3), or anything before it was sent later than it was (Tstat, its section
//! 3.2: then the ACK may have waited for that).

use super::options::Options;
use super::rtt;
use super::segment::class_of;
use super::sequence::{after, at_or_after};
use crate::flow::tcp::{Class, RttState, TcpSide};
use crate::flow::trail::{Half, Node, fact};
use crate::track::chunks::Chunks;
use std::hint::select_unpredictable;

/// An acknowledgement by `side ^ 1` of data of `side`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ack {
    pub(super) number: u32,
    /// Unit: UNIX nanoseconds.
    pub(super) time: u64,
    /// The segment has neither payload nor SYN nor FIN.
    pub(super) pure: bool,
}

/// Whether an acknowledgement covers just the one segment that is outstanding, sent once and directly behind what is settled,
/// with nothing before it sent later: the first and unambiguous one.
#[inline(always)]
pub(super) const fn is_next(number: u32, half: &Half) -> bool {
    let node = &half.single;
    half.size == 0
        && half.len == 1
        && node.to == number
        && node.from == half.settled_to
        && u32::from_le_bytes([node.sent, node.acks, node.class, node.sacked]) == 1
        && half.facts & fact::SETTLED != 0
        && node.time >= half.settled_time
}

/// Settles that segment.
#[inline(always)]
pub(super) fn settle_next(time: u64, half: &mut Half) {
    let node = half.single;
    rtt::sample(&mut half.rtt, time.saturating_sub(node.time));
    half.settled_to = node.to;
    half.settled_time = node.time;
    half.facts |= fact::SETTLED_AT_END;
    half.settled_acks = 1;
    half.set_settled_class(0);
    half.settled_ip_id = node.last_ip_id;
    half.len = 0;
}

/// Settles what the acknowledgement covers of the data of `half`.
#[inline]
pub(super) fn settle(ack: Ack, half: &mut Half, chunks: &mut Chunks) {
    let covered = if half.size == 0 { settle_single(ack, half) } else { settle_chunk(ack, half, chunks) };
    if !covered && half.facts & fact::SETTLED != 0 && ack.number == half.settled_to && ack.pure {
        half.settled_acks = half.settled_acks.saturating_add(1);
    }
}

/// At most one segment is outstanding. Whether it was covered.
#[inline]
fn settle_single(ack: Ack, half: &mut Half) -> bool {
    if half.len == 0 || !at_or_after(ack.number, half.single.to) {
        return false;
    }
    let latest = half.settled_time;
    let node = &mut half.single;
    cover(ack, node, latest, &mut half.rtt);
    let node = *node;
    if half.facts & fact::SETTLED == 0 || node.from == half.settled_to {
        absorb(half, &node);
        half.len = 0;
    }
    true
}

#[inline(never)]
fn settle_chunk(ack: Ack, half: &mut Half, chunks: &mut Chunks) -> bool {
    let nodes = chunks.beyond(half);
    // Behind holes many may stand that were acknowledged before: `fresh` is the first one that was not, `touching` the first
    // one that begins where the one before it, or what is settled, ends.
    let (mut covered, mut fresh, mut touching) = (0, usize::MAX, usize::MAX);
    let (mut before, mut latest, mut end) = (0, half.settled_time, half.settled_to);
    for node in nodes.iter() {
        if !at_or_after(ack.number, node.to) {
            break;
        }
        fresh = fresh.min(select_unpredictable(node.acks == 0, covered, usize::MAX));
        touching = touching.min(select_unpredictable(node.from == end, covered, usize::MAX));
        covered += 1;
        (before, latest, end) = (latest, latest.max(node.time), node.to);
    }
    // An acknowledgement ends with the last one that it covers, if with any.
    let Some((last, others)) = nodes[..covered].split_last_mut() else { return false };
    for node in others.iter_mut().skip(fresh) {
        node.acks = node.acks.max(1);
    }
    cover(ack, last, before, &mut half.rtt);
    if touching == 0 || half.facts & fact::SETTLED == 0 {
        fold(covered, half, chunks);
    } else if touching < covered {
        join(touching - 1, covered, half, chunks);
    }
    forget_a_hole(half, chunks);
    true
}

/// Counts the acknowledgement for a segment that it covers, and takes a sample where it is the first and unambiguous.
/// `latest`: when anything before the segment was sent last.
#[inline]
fn cover(ack: Ack, node: &mut Node, latest: u64, rtt: &mut RttState) {
    if node.acks > 0 {
        if ack.number == node.to && ack.pure {
            node.acks = node.acks.saturating_add(1);
        }
        return;
    }
    node.acks = 1;
    let ambiguous = node.sent > 1 || latest > node.time;
    if ack.number == node.to && !ambiguous {
        rtt::sample(rtt, ack.time.saturating_sub(node.time));
    }
}

/// Takes an acknowledged segment that touches the settled range, or begins it, into it.
#[inline]
fn absorb(half: &mut Half, node: &Node) {
    if half.facts & fact::SETTLED == 0 {
        half.settled_from = node.from;
    }
    half.settled_to = node.to;
    let at_end = fact::SETTLED_AT_END * u8::from(node.time >= half.settled_time);
    let resent = fact::SETTLED_RESENT * u8::from(node.sent > 1);
    half.facts = half.facts & !fact::SETTLED_AT_END | fact::SETTLED | at_end | resent;
    half.settled_time = half.settled_time.max(node.time);
    half.settled_acks = node.acks;
    half.set_settled_class(node.class);
    half.settled_ip_id = node.last_ip_id;
}

/// Takes acknowledged nodes into the settled range as far as they touch it; behind a hole they stay as nodes and are
/// joined with each other.
fn fold(covered: usize, half: &mut Half, chunks: &mut Chunks) {
    let mut taken = 0;
    for node in &chunks.beyond(half)[..covered] {
        if half.facts & fact::SETTLED != 0 && node.from != half.settled_to {
            break;
        }
        absorb(half, node);
        taken += 1;
    }
    chunks.drop_front(half, taken);
    let left = covered - taken;
    let touching = |pair: &[Node]| pair[0].to == pair[1].from;
    if let Some(first) = chunks.beyond(half)[..left].windows(2).position(touching) {
        join(first, left, half, chunks);
    }
}

/// Joins those of the first `count` nodes that touch, of which the one at `first` is the first.
fn join(first: usize, count: usize, half: &mut Half, chunks: &mut Chunks) {
    let nodes = chunks.beyond(half);
    let mut kept = first;
    for index in first + 1..count {
        let (one, next) = (nodes[kept], nodes[index]);
        if one.to == next.from {
            nodes[kept] = Node { from: one.from, time: one.time.max(next.time), ..next };
        } else {
            kept += 1;
            nodes[kept] = next;
        }
    }
    nodes.copy_within(count.., kept + 1);
    half.len -= (count - (kept + 1)) as u16;
}

/// Forgets the lowest hole when there are too many.
fn forget_a_hole(half: &mut Half, chunks: &mut Chunks) {
    if usize::from(half.len) <= MAX_ISLANDS {
        return;
    }
    let nodes = chunks.beyond(half);
    if nodes[..=MAX_ISLANDS].iter().all(|node| node.acks > 0) {
        let lowest = nodes[0];
        half.settled_to = lowest.to;
        half.settled_time = half.settled_time.max(lowest.time);
        chunks.drop_front(half, 1);
    }
}

/// Runs of acknowledged bytes behind holes that are remembered apart, at most; then the lowest hole is forgotten.
const MAX_ISLANDS: usize = 32;

/// Takes SACK blocks as evidence: a DSACK (RFC 2883) proves that a segment was sent again without need; another block
/// (RFC 2018) marks the segment up to which the receiver has something.
pub(super) fn selective(ack: u32, options: &Options, data: &mut TcpSide, half: &mut Half, chunks: &mut Chunks) {
    let Some((from, to)) = options.sack.first().copied() else { return };
    let below = at_or_after(ack, to);
    let inside = options.sack.get(1).is_some_and(|second| at_or_after(from, second.0) && at_or_after(second.1, to));
    let duplicate = below || inside;
    for (_, end) in options.sack.iter().skip(usize::from(duplicate)) {
        let nodes = chunks.nodes(half);
        let count = nodes.partition_point(|node| at_or_after(*end, node.to));
        if let Some(node) = count.checked_sub(1).and_then(|last| nodes.get_mut(last)) {
            node.sacked = 1;
        }
    }
    if duplicate {
        report(from, to, data, half, chunks);
    }
}

/// Turns the class of what a DSACK names into the unneeded one.
#[cold]
fn report(from: u32, to: u32, data: &mut TcpSide, half: &mut Half, chunks: &mut Chunks) {
    let nodes = chunks.nodes(half);
    let first = nodes.partition_point(|node| at_or_after(from, node.to));
    let named = nodes.iter_mut().skip(first).take_while(|node| after(to, node.from)).find(|node| node.sent > 1);
    if let Some(node) = named {
        node.class = turn(node.class, data);
        let (from, class) = (node.from, node.class);
        if from == data.resent_from {
            half.set_resent_class(class);
        }
        return;
    }
    if at_or_after(from, data.resent_from) && after(data.resent_to(), from) {
        half.set_resent_class(turn(half.resent_class(), data));
    }
}

/// The unneeded class in place of a needed or an unknown one, counted so.
fn turn(stored: u8, data: &mut TcpSide) -> u8 {
    let turned = match class_of(stored) {
        Some(Class::Rto) => Class::UnneededRto,
        Some(Class::FastRetx | Class::Unknown) => Class::UnneededFastRetx,
        _ => return stored,
    };
    let was = usize::from(stored - 1);
    data.classes[was] = data.classes[was].saturating_sub(1);
    data.classes[turned as usize] = data.classes[turned as usize].saturating_add(1);
    turned as u8 + 1
}

/// Remembers when a timestamp was sent first, if none is awaited.
#[inline]
pub(super) fn await_echo(value: u32, time: u64, half: &mut Half) {
    if half.facts & fact::TS_AWAITED == 0 && half.ts_value != value {
        half.ts_value = value;
        half.ts_time = time;
        half.facts |= fact::TS_AWAITED;
    }
}

/// The echo of a timestamp: the second way to a round-trip time (RFC 7323 section 4.1), for segments that the first
/// way cannot use. `echoed` is the reply field of an ACK that acknowledges new data.
pub(super) fn echo(echoed: u32, time: u64, half: &mut Half) {
    if half.facts & fact::TS_AWAITED == 0 || !at_or_after(echoed, half.ts_value) {
        return;
    }
    half.facts &= !fact::TS_AWAITED;
    if echoed != half.ts_value {
        return;
    }
    let micros = u32::try_from(time.saturating_sub(half.ts_time) / 1000).unwrap_or(u32::MAX);
    half.ts_min = if half.ts_samples == 0 { micros } else { half.ts_min.min(micros) };
    half.ts_samples = half.ts_samples.saturating_add(1);
}
