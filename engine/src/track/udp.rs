//! Flows without connections: payload and the times of both sides.
//!
//! **Owns** the rules for UDP, ICMP and every other protocol but TCP. **May touch** the flow's two lines.
//! **Order** called by `shard` before the packet is counted, so that the hot line still tells the packet before it.
//!
//! A record stores the times of its first and of its latest packet. The side that did not send the first has its own
//! first packet stored as a [`Lapse`] from the record's start, and the side that did not send the latest its own last.

use crate::flow::lapse::Lapse;
use crate::flow::{Hot, Identity, Mark};
use crate::packet::Packet;
use crate::time::Nanos;
use std::hint::select_unpredictable;

/// Takes one packet of `side` (0 client, 1 server) into the flow.
#[inline]
pub fn packet(hot: &mut Hot, identity: &mut Identity, side: usize, packet: &Packet) {
    if hot.all_packets() == 0 {
        identity.add_payload(side, packet.payload_bytes);
        return begin(hot, side);
    }
    if packet.time < hot.last() {
        identity.add_payload(side, packet.payload_bytes);
        return went_back(hot, identity, side, packet.time);
    }
    if hot.packets(side) == 0 {
        identity.other_first = Lapse::between(Nanos(identity.start), packet.time);
    }
    further(hot, identity, side, packet.payload_bytes);
}

/// Takes in a packet that is not older than the latest, of a side that has sent one before.
#[inline]
pub fn further(hot: &mut Hot, identity: &mut Identity, side: usize, payload: u32) {
    identity.add_payload(side, payload);
    let turns = hot.has(Mark::ServerLast) != (side == 1);
    let last = Lapse::between(Nanos(identity.start), hot.last());
    // Who sends next cannot be foreseen: no branch.
    identity.other_last = select_unpredictable(turns, last, identity.other_last);
    hot.put(Mark::ServerLast, side == 1);
}

/// The first packet of a record.
fn begin(hot: &mut Hot, side: usize) {
    hot.put(Mark::ServerFirst, side == 1);
    hot.put(Mark::ServerLast, side == 1);
}

/// A packet from before the latest one.
#[cold]
fn went_back(hot: &Hot, identity: &mut Identity, side: usize, time: Nanos) {
    let start = Nanos(identity.start);
    let starts = hot.has(Mark::ServerFirst) == (side == 1);
    if !starts && (hot.packets(side) == 0 || identity.other_first.after(start).is_some_and(|first| time < first)) {
        identity.other_first = Lapse::between(start, time);
    }
    let ends = hot.has(Mark::ServerLast) == (side == 1);
    if !ends && (hot.packets(side) == 0 || identity.other_last.after(start).is_some_and(|last| time > last)) {
        identity.other_last = Lapse::between(start, time);
    }
}

/// A packet of `side` from before the record's start makes its time the start; called before [`packet`].
#[cold]
pub fn begins_earlier(hot: &mut Hot, identity: &mut Identity, side: usize, time: Nanos) {
    let old = Nanos(identity.start);
    identity.start = time.0;
    identity.other_last = identity.other_last.from_start(old, time);
    if hot.has(Mark::ServerFirst) == (side == 1) {
        identity.other_first = identity.other_first.from_start(old, time);
    } else {
        identity.other_first = Lapse::between(time, old);
        hot.put(Mark::ServerFirst, side == 1);
    }
}

/// First and last packet of one side; `None` without packets, or where it came too late to tell.
#[must_use]
pub fn span(hot: &Hot, identity: &Identity, side: usize) -> Option<(Nanos, Nanos)> {
    if hot.packets(side) == 0 {
        return None;
    }
    let start = Nanos(identity.start);
    let was_first = hot.has(Mark::ServerFirst) == (side == 1);
    let first = if was_first { start } else { identity.other_first.after(start)? };
    let was_last = hot.has(Mark::ServerLast) == (side == 1);
    let last = if was_last { hot.last() } else { identity.other_last.after(start)? };
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyImage;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    /// Does what `shard` does with packets of these times and sides.
    fn flow(sides: &[(u64, usize)]) -> (Hot, Identity) {
        let mut hot = Hot::begin(KeyImage::default(), Nanos(sides[0].0));
        let mut identity = Identity::default();
        identity.start = sides[0].0;
        for (nanos, side) in sides {
            let now = Packet { time: Nanos(*nanos), payload_bytes: 1, ..Packet::default() };
            if *nanos < identity.start {
                begins_earlier(&mut hot, &mut identity, *side, now.time);
            }
            packet(&mut hot, &mut identity, *side, &now);
            hot.count(*side, now.time, 20, 34, 64, 0);
        }
        (hot, identity)
    }

    #[test]
    fn the_times_of_both_sides_come_out_of_any_interleaving() {
        let sides = [(0, 0), (5, 1), (6, 1), (9, 0), (12, 0), (14, 1), (15, 0)].map(|(ms, side)| (ms * MS + 1, side));
        let (hot, identity) = flow(&sides);
        assert_eq!(span(&hot, &identity, 0), Some((Nanos(1), Nanos(15 * MS + 1))));
        assert_eq!(span(&hot, &identity, 1), Some((Nanos(5 * MS + 1), Nanos(14 * MS + 1))));
        assert_eq!((identity.payload(0), identity.payload(1)), (4, 3));
    }

    #[test]
    fn a_side_that_never_spoke_has_no_time() {
        let (hot, identity) = flow(&[(7, 0), (9, 0)]);
        assert_eq!((span(&hot, &identity, 0), span(&hot, &identity, 1)), (Some((Nanos(7), Nanos(9))), None));
    }

    proptest! {
        #[test]
        fn first_and_last_are_the_earliest_and_the_latest_in_whatever_order_packets_come(
            sides in prop::collection::vec((0_u64..1000, 0_usize..2), 1..12),
        ) {
            let (hot, identity) = flow(&sides);
            for side in 0..2 {
                let times = || sides.iter().filter(|one| one.1 == side).map(|one| Nanos(one.0));
                prop_assert_eq!(span(&hot, &identity, side), times().min().zip(times().max()), "side {}", side);
            }
        }
    }
}
