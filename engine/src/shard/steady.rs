//! The packet that plainly continues its flow: nearly all are.
//!
//! **Owns** the test for such a packet, and the short way to account it. **May touch** the flow's own state.
//! **Order** tried first by `take`. Whatever needs a decision (a flow that may have ended or come of age, a side's first
//! packet, a time that goes back, a mark that asks for more) is left to the long way with nothing touched; both ways give
//! the same records.

use super::{Ready, Shard};
use crate::flow::Mark;
use crate::packet::Marks;
use crate::track;

impl Shard {
    /// Accounts the packet to the flow that the second pass found, if that is its flow and plainly goes on.
    #[inline(always)]
    pub(super) fn steady(&mut self, ready: &Ready, bytes: &[u8]) -> bool {
        let packet = &ready.packet;
        let slot = ready.likely.wrapping_sub(1) as usize;
        let (Some(pair), Some(block)) = (self.pairs.get_mut(slot), self.blocks.get_mut(slot)) else { return false };
        let side = pair.hot.side(packet.marks.has(Marks::FROM_LOW));
        if pair.hot.image() != ready.image
            || pair.hot.packets(side) == 0
            || pair.hot.all_packets() < u64::from(self.plan.first_packets)
            || pair.hot.is_peculiar()
            || !self.plan.limits.goes_on(&pair.hot, packet.time)
        {
            return false;
        }
        if pair.hot.has(Mark::Tcp) {
            let (hot, core) = pair.hot_and_tcp();
            let rest = &mut block.rest;
            let mut flow = track::tcp::Flow { hot, core, rest, pool: &mut self.history };
            if !flow.plain(side, packet, bytes) {
                return false;
            }
        } else {
            let (hot, identity) = pair.hot_and_identity();
            track::udp::further(hot, identity, side, packet);
        }
        pair.hot.count_further(side, packet.time, packet.ip_bytes, packet.wire_bytes, packet.ttl);
        true
    }
}
