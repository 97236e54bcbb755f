//! Flows without connections: payload and the times of both sides.
//!
//! **Owns** the rules for UDP, ICMP and every other protocol but TCP. **May touch** the flow's two lines.
//! **Order** called by `shard` before the packet is counted, so that the hot line still tells the packet before it.

use crate::flow::{Hot, Identity, Mark};
use crate::packet::Packet;
use crate::time::Nanos;

/// Takes one packet of `side` (0 client, 1 server) into the flow.
#[inline]
pub fn packet(hot: &mut Hot, identity: &mut Identity, side: usize, packet: &Packet) {
    identity.add_payload(side, packet.payload_bytes);
    if side == 1 && identity.server_first == 0 {
        identity.server_first = offset(identity.start, packet.time);
    }
    let server_was_last = hot.has(Mark::ServerLast);
    if hot.all_packets() > 0 && server_was_last != (side == 1) {
        identity.other_last = offset(identity.start, hot.last());
        if server_was_last {
            hot.clear(Mark::ServerLast);
        } else {
            hot.set(Mark::ServerLast);
        }
    } else if side == 1 && !server_was_last {
        hot.set(Mark::ServerLast);
    }
}

/// Microseconds from `start` to `time`, plus 1, held at `u32::MAX`.
fn offset(start: u64, time: Nanos) -> u32 {
    u32::try_from(time.since(Nanos(start)) / 1000).unwrap_or(u32::MAX).saturating_add(1)
}

/// The inverse of an offset; `None` where there was no such packet, or it came too late to tell.
#[must_use]
pub const fn time_of(start: Nanos, offset: u32) -> Option<Nanos> {
    match offset {
        0 | u32::MAX => None,
        micros => Some(start.plus((micros as u64 - 1) * 1000)),
    }
}

/// First and last packet of one side; `None` without packets, or where it came too late to tell.
#[must_use]
pub fn span(hot: &Hot, identity: &Identity, side: usize) -> Option<(Nanos, Nanos)> {
    if hot.packets(side) == 0 {
        return None;
    }
    let start = Nanos(identity.start);
    let first = if side == 0 { start } else { time_of(start, identity.server_first)? };
    let was_last = hot.has(Mark::ServerLast) == (side == 1);
    let last = if was_last { hot.last() } else { time_of(start, identity.other_last)? };
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyImage;

    #[test]
    fn the_times_of_both_sides_come_out_of_any_interleaving() {
        let sides = [(0, 0), (5, 1), (6, 1), (9, 0), (12, 0), (14, 1), (15, 0)];
        let mut hot = Hot::begin(KeyImage::default(), Nanos(0));
        let mut identity = Identity::default();
        for (millis, side) in sides {
            let now = Packet { time: Nanos(millis * 1_000_000), payload_bytes: 1, ..Packet::default() };
            packet(&mut hot, &mut identity, side, &now);
            hot.count(side, now.time, 20, 34, 64, 0);
        }
        assert_eq!(time_of(Nanos(0), identity.server_first), Some(Nanos(5_000_000)));
        assert_eq!(time_of(Nanos(0), identity.other_last), Some(Nanos(14_000_000)));
        assert!(!hot.has(Mark::ServerLast));
        assert_eq!((identity.payload(0), identity.payload(1)), (4, 3));
    }

    #[test]
    fn a_side_that_never_spoke_has_no_time() {
        assert_eq!(time_of(Nanos(7), 0), None);
        assert_eq!(time_of(Nanos(7), u32::MAX), None);
    }
}
