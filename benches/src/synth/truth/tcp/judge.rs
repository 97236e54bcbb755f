//! The class of a segment: from why it was sent and what became of the transmissions before it.
//!
//! **Owns** the mapping from causes to Tstat's classes. **May touch** the stream as it was before the segment.
//! **Order** called for each segment with content, before the stream takes it in.
//!
//! | sent because of | class |
//! |---|---|
//! | timeout, tail loss probe, answer to a repeated SYN | `rto`; `unneeded_rto` when no position of it was lost in all earlier transmissions |
//! | duplicate or selective acknowledgements | `fast_retx`; `unneeded_fast_retx` in the same case |
//! | the network made a copy | `net_dup` |
//! | a closed window is probed again, or a probe's byte comes with the data | `flow_control` |
//! | first transmission, but something behind it passed before, or it was overtaken by its own retransmission | `reordering` |
//! | an idle peer is probed | none; counted in `keepalives` |
//!
//! An anomaly counts in a record when it is **visible**: some of it, or something behind it in the stream, had passed.
//! (What was lost before the probe with everything behind it looks new when it is sent again.) It is **evident** when
//! what passed is enough to tell the class:
//! - `fast_retx`: three duplicate acknowledgements ask for it, or something behind it was selectively acknowledged;
//! - `unneeded_rto`: an acknowledgement had covered it, or a duplicate report (DSACK) proves it later;
//! - `unneeded_fast_retx`: both of the former;
//! - `net_dup`: the sender numbers its packets, or the copy came within half the path's round-trip time;
//! - `reordering`: nothing of it had passed, and it came within the path's round-trip time;
//! - `rto` and `flow_control`: always when visible.

use super::positions::Overlap;
use super::{Stream, TcpSight};
use crate::synth::tcp::segment::{Cause, Side};
use crate::synth::truth::anomaly::{Anomaly, Class, Seen};

/// Whether a class says that the receiver did not need the segment.
fn unneeded(class: Class) -> bool {
    matches!(class, Class::UnneededRto | Class::UnneededFastRetx)
}

/// The anomaly that a segment is, if it is one.
pub(crate) fn judge(
    at: u64,
    side: Side,
    from_client: bool,
    seen: &TcpSight<'_>,
    stream: &Stream,
    overlap: Overlap,
) -> Option<Anomaly> {
    let segment = seen.segment;
    let (start, end) = (segment.start, segment.end());
    let class = class_of(seen, stream, overlap);
    if class.is_none() && segment.cause != Cause::KeepAlive {
        return None;
    }
    let visible = overlap.positions > 0 || overlap.behind;
    let after_ns = overlap.last.map(|last| at - last);
    let acked = stream.acks.covers(start, end);
    let dup_acks = stream.acks.asked_for(start);
    let asked_for = dup_acks >= 3 || stream.acks.selective_beyond(end);
    let within = |limit: u64| after_ns.is_some_and(|after| after < limit);
    let evident = visible
        && match class {
            Some(Class::UnneededRto) => acked,
            Some(Class::UnneededFastRetx) => acked && asked_for,
            Some(Class::FastRetx) => asked_for,
            Some(Class::NetDup) => seen.telling_id || within(seen.round_trip / 2),
            Some(Class::Reordering) => overlap.positions == 0 && within(seen.round_trip),
            Some(Class::Rto | Class::FlowControl) | None => true,
        };
    let content = match overlap.positions {
        0 => Seen::None,
        n if n < segment.span() => Seen::Part,
        _ => Seen::All,
    };
    Some(Anomaly {
        frame: 0,
        time_ns: at,
        line: 0,
        from_client,
        cause: segment.cause,
        class,
        length: segment.span(),
        seen: content,
        behind: overlap.behind,
        lost: seen.lost,
        acked,
        dup_acks,
        after_ns,
        visible,
        evident,
        provable: visible && class.is_some_and(|class| unneeded(class) && (class == Class::UnneededRto || asked_for)),
        side,
        range: (start, end),
    })
}

fn class_of(seen: &TcpSight<'_>, stream: &Stream, overlap: Overlap) -> Option<Class> {
    if seen.copy {
        return Some(Class::NetDup);
    }
    match seen.segment.cause {
        Cause::Rto | Cause::TailLossProbe | Cause::SynAnswer if seen.unneeded => Some(Class::UnneededRto),
        Cause::Rto | Cause::TailLossProbe | Cause::SynAnswer => Some(Class::Rto),
        Cause::FastRetransmit if seen.unneeded => Some(Class::UnneededFastRetx),
        Cause::FastRetransmit => Some(Class::FastRetx),
        Cause::WindowProbe => (overlap.positions > 0).then_some(Class::FlowControl),
        Cause::New if stream.positions.brings_probe(seen.segment, overlap) => Some(Class::FlowControl),
        Cause::New => (overlap.positions > 0 || overlap.behind).then_some(Class::Reordering),
        Cause::KeepAlive | Cause::Acknowledgement | Cause::Reset | Cause::Stray => None,
    }
}
