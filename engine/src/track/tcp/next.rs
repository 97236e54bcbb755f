//! The segment that comes next: new data directly behind all that was seen, or an acknowledgement other than one that asks
//! again for what is outstanding.
//!
//! **Owns** the test for such a segment, and all that it changes. **May touch** the flow's TCP line and its history.
//! **Order** asked by `shard` first of all. Everything is asked before anything is written: a segment that is not the next one
//! is left to [`super::Flow::plain`] with nothing touched; a property test holds what both give to what the long way gives.
//!
//! Data without loss, exchanges and acknowledgements of one way are mostly of this kind. None of it needs the flow's cold
//! block.

use super::NOT_PURE;
use super::ack::{self, Ack};
use super::data::{in_flight, size};
use super::options::Options;
use super::plain::header;
use super::sequence::{after, at_or_after, distance};
use crate::flow::TcpCore;
use crate::flow::tcp::{Low48, state};
use crate::flow::trail::Half;
use crate::packet::{Outline, TcpHeader, tcp_flags};
use crate::source::Frame;
use crate::track::chunks::Chunks;
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
    if !is_usual::<DATA>(core, side, tcp) || !is_next::<DATA>(core, side, tcp, outline.payload_bytes) {
        return false;
    }
    let Some(timestamps) = timestamps(core, side, tcp, options) else { return false };
    let advances = advances(core, side, tcp);
    let Some((trail, chunks)) = history.open(core.trail) else {
        return !DATA && without_history(core, side, tcp);
    };
    let (from, end) = (tcp.seq, tcp.seq.wrapping_add(outline.payload_bytes));
    let sends = !DATA || trail.half[side].ends_at(from, end) && !at_or_after(core.last_ack[data], end);
    if !sends {
        return false;
    }

    core.psh[side] += u8::from(tcp.flags & tcp_flags::PSH != 0);
    if DATA {
        core.add_payload(side, outline.payload_bytes);
        core.data_packets[side] += 1;
        core.last_payload[side] = Low48::of_time(frame.time);
        core.next_seq[side] = end;
        let half = &mut trail.half[side];
        size(half, outline.payload_bytes);
        in_flight(half, end, core.last_ack[data]);
        let kept = chunks.append(half, (from, end), frame.time.0, outline.ip_id);
        core.set(stored(kept, half), side);
    }
    if tcp.window != core.window[side] {
        core.window[side] = tcp.window;
        trail.half[data].take_window(tcp.window);
    }
    if advances {
        core.last_ack[side] = tcp.ack;
    }
    // Of a side that was never seen nothing is outstanding; data that acknowledges nothing new settles nothing.
    if core.has(state::SEEN, data) && (advances || !DATA) {
        let half = &mut trail.half[data];
        settle(Ack { number: tcp.ack, time: frame.time.0, pure: !DATA }, half, chunks);
        if half.len == 0 {
            core.unset(state::LATE | state::CHUNK, data);
        }
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

/// Whether a segment acknowledges something new.
#[inline(always)]
const fn advances(core: &TcpCore, side: usize, tcp: TcpHeader) -> bool {
    distance(tcp.ack, core.last_ack[side]) > 0
}

/// Whether data begins where all that was seen ends, or an acknowledgement neither may be a keep-alive nor asks again for what is
/// outstanding. Not for a side's first acknowledgement of data.
#[inline(always)]
fn is_next<const DATA: bool>(core: &TcpCore, side: usize, tcp: TcpHeader, payload: u32) -> bool {
    let data = side ^ 1;
    let (advances, seen) = (advances(core, side, tcp), core.has(state::SEEN, data));
    let is_next = if DATA {
        // Half of the sequence space or more is not behind anything.
        let goes_on = tcp.seq == core.next_seq[side] && payload >> 31 == 0;
        goes_on && (advances || !core.has(state::LATE, data))
    } else {
        let again = tcp.ack == core.last_ack[side] && tcp.window == core.window[side];
        let asks = again && seen && after(core.next_seq[data], tcp.ack);
        !asks && tcp.seq.wrapping_add(1) != core.next_seq[side]
    };
    is_next && (!advances || !seen || core.has(state::DATA_ACKED, data))
}

/// Takes an acknowledgement of a flow without history, where none can be missed.
#[inline(always)]
fn without_history(core: &mut TcpCore, side: usize, tcp: TcpHeader) -> bool {
    if core.has(state::SEEN, side ^ 1) || tcp.window != core.window[side] {
        return false;
    }
    if advances(core, side, tcp) {
        core.last_ack[side] = tcp.ack;
    }
    core.psh[side] += u8::from(tcp.flags & tcp_flags::PSH != 0);
    true
}

/// Settles what an acknowledgement covers: mostly the one segment that is outstanding.
#[inline(always)]
fn settle(ack: Ack, half: &mut Half, chunks: &mut Chunks) {
    if ack::is_next(ack.number, half) {
        ack::settle_next(ack.time, half);
    } else {
        ack::settle(ack, half, chunks);
    }
}

/// What storing a segment says of its side.
#[inline(always)]
const fn stored(kept: bool, half: &Half) -> u16 {
    (if kept { 0 } else { state::HISTORY_LOST }) | if half.size > 0 { state::CHUNK } else { 0 }
}

/// Whether nothing in a segment's flags and window, nor in what is known of its side, asks for more than the usual.
#[inline(always)]
const fn is_usual<const DATA: bool>(core: &TcpCore, side: usize, tcp: TcpHeader) -> bool {
    let seasoned = if DATA { state::SEASONED_DATA } else { state::SEASONED };
    tcp.flags & (NOT_PURE | tcp_flags::ACK) == tcp_flags::ACK
        && tcp.flags & !core.flags[side] == 0
        && core.has(seasoned, side)
        && tcp.window != 0
        && (tcp.flags & tcp_flags::PSH == 0 || core.psh[side] < u8::MAX)
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
