//! The first packets of each flow, where they are asked for.
//!
//! **Owns** which packets are noted. **May touch** the shard's state; writes only the notes.
//! **Order** `note_first` for each packet before it is counted, `first_packets` when a record is made.

use super::Shard;
use crate::flow::Mark;
use crate::packet::Packet;
use crate::record::FirstPackets;
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

    /// What was noted of a flow: in its first record only.
    pub(super) fn first_packets(&self, slot: Slot) -> FirstPackets {
        let hot = &self.pairs[slot as usize].hot;
        let count = hot.all_packets().min(u64::from(self.plan.first_packets));
        if count == 0 || hot.has(Mark::Cut) {
            return FirstPackets::default();
        }
        self.firsts[slot as usize].told(count as usize)
    }
}
