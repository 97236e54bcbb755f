//! The segment that comes next: new data directly behind what is settled, an acknowledgement of just what is outstanding, or
//! both.
//!
//! **Owns** the test for such a segment, and all that it changes. **May touch** the flow's TCP line and its trail; of the hot
//! line it reads the time only. **Order** asked by `shard` first of all. Everything is asked before anything is written: a
//! segment that is not the next one is left to [`super::Flow::plain`] with nothing touched, and both give the same state; a
//! property test holds them together.
//!
//! Segments of an exchange, and acknowledgements of one way, are mostly of this kind. It needs neither the flow's cold
//! block nor the chunks.

use super::ack;
use super::data::{in_flight, size};
use super::options::Options;
use super::plain::{KIND, header};
use super::segment;
use super::sequence::{at_or_after, distance};
use crate::flow::TcpCore;
use crate::flow::tcp::{Low48, state};
use crate::flow::trail::{Half, Node};
use crate::packet::{Outline, TcpHeader, tcp_flags};
use crate::source::Frame;
use crate::track::history::History;

/// Takes the next segment of `side` of an open flow in, not older than the latest packet, and says so. `DATA`: it has payload.
///
/// Not inlined: it needs all registers for itself, and so does the loop around it.
#[inline(never)]
pub fn next<const DATA: bool>(
    core: &mut TcpCore,
    history: &mut History,
    side: usize,
    outline: &Outline,
    frame: &Frame<'_>,
) -> bool {
    let (side, data) = (side & 1, side & 1 ^ 1);
    let Some((tcp, options)) = header(outline, frame) else { return false };
    let is_pushed = tcp.flags & tcp_flags::PSH != 0;
    let once = if DATA { state::SEASONED_DATA } else { state::SEASONED };
    if tcp.flags & KIND != tcp_flags::ACK
        || tcp.flags & !core.flags[side] != 0
        || !core.has(once, side)
        || core.has(state::LATE, data)
        || tcp.window != core.window[side]
        || tcp.window == 0
        || is_pushed && core.psh[side] == u8::MAX
    {
        return false;
    }
    let Some(timestamps) = timestamps(core, side, tcp, options) else { return false };
    let advances = distance(tcp.ack, core.last_ack[side]) > 0;
    // Of a side that was never seen nothing is outstanding.
    let settles = advances && core.has(state::SEEN, data);
    let is_next =
        if DATA { tcp.seq == core.next_seq[side] } else { advances && tcp.seq.wrapping_add(1) != core.next_seq[side] };
    if !is_next || settles && !core.has(state::DATA_ACKED, data) {
        return false;
    }
    let Some(trail) = history.trail(core.trail) else {
        if DATA || settles {
            return false;
        }
        core.last_ack[side] = tcp.ack;
        core.psh[side] += u8::from(is_pushed);
        return true;
    };
    let end = tcp.seq.wrapping_add(outline.payload_bytes);
    let sends = !DATA || segment::continues(&trail.half[side], tcp.seq, end) && !at_or_after(core.last_ack[data], end);
    if !sends || settles && !ack::is_next(tcp.ack, &trail.half[data]) {
        return false;
    }

    core.psh[side] += u8::from(is_pushed);
    if DATA {
        core.add_payload(side, outline.payload_bytes);
        core.data_packets[side] += 1;
        core.last_payload[side] = Low48::of_time(frame.time);
        core.next_seq[side] = end;
        let node = Node::new(tcp.seq, end, frame.time.0, outline.ip_id);
        sent(&mut trail.half[side], node, outline.payload_bytes, core.last_ack[data]);
    }
    if advances {
        core.last_ack[side] = tcp.ack;
    }
    if settles {
        ack::settle_next(frame.time.0, &mut trail.half[data]);
    }
    if let Some((value, echoed)) = timestamps {
        if advances {
            ack::echo(echoed, frame.time.0, &mut trail.half[data]);
        }
        if DATA {
            ack::await_echo(value, frame.time.0, &mut trail.half[side]);
        }
    }
    true
}

/// The timestamps of a segment without other options; `None` where it has others, or is the first of its side with some.
#[inline(always)]
fn timestamps(core: &TcpCore, side: usize, tcp: TcpHeader, options: &[u8]) -> Option<Option<(u32, u32)>> {
    if tcp.header_len == 20 {
        return Some(None);
    }
    let options = options.get(..usize::from(tcp.header_len).wrapping_sub(20))?;
    Options::usual(options).filter(|_| core.has(state::TIMESTAMPS, side))
}

/// New data, directly behind what is settled.
#[inline(always)]
fn sent(half: &mut Half, node: Node, payload: u32, acked: u32) {
    size(half, payload);
    in_flight(half, node.to, acked);
    half.single = node;
    half.len = 1;
}
