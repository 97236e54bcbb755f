//! The first packets of each flow, where they are asked for.
//!
//! **Owns** which packets are noted. **May touch** the shard's state; writes only the notes.
//! **Order** called for each packet before it is counted; read when a record is made.

use super::Shard;
use crate::flow::Mark;
use crate::packet::Packet;
use crate::table::Slot;

impl Shard {
    /// Notes a packet that is among the first of its flow.
    #[inline(never)]
    pub(super) fn note_first(&mut self, slot: Slot, side: usize, packet: &Packet) {
        let hot = &self.pairs[slot as usize].hot;
        let number = hot.all_packets();
        if number < u64::from(self.plan.first_packets) && !hot.has(Mark::Cut) {
            self.firsts[slot as usize].note(number as usize, side, packet.payload_bytes, hot.last(), packet.time);
        }
    }
}
