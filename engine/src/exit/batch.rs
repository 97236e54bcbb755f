//! Records that travel together behind the door, each still the state that it is made from.
//!
//! **Owns** the messages, end to end, and the few records that were added up from parts and have no state. **May touch**
//! nothing else.
//! **Order** filled by whoever takes what `merge::collect` hands on, read by any number of threads at once.
//!
//! A state is a third of its record, so that much less crosses to other cores, and waits before them. Each reader makes the
//! records for itself, one after another in the same place, which stays in the cache of its core: that takes less time than
//! fetching them from where they were made.

use super::message::{self, Head, Line, Reading};
use crate::record::FlowRecord;

/// Makes one record after another, each where the one before it was made.
#[derive(Debug, Default)]
pub struct Maker(Reading);

impl Maker {
    /// The record of a state's message.
    #[inline]
    pub fn record(&mut self, lines: &[Line]) -> FlowRecord {
        self.0.take(lines);
        self.0.state().record()
    }
}

/// Records in their order.
#[derive(Debug, Default)]
pub struct Batch {
    lines: Vec<Line>,
    whole: Vec<FlowRecord>,
    count: usize,
}

impl Batch {
    /// One that has room for so many records.
    #[must_use]
    pub fn with_capacity(records: usize) -> Batch {
        Batch { lines: Vec::with_capacity(records * message::MOST), ..Batch::default() }
    }

    /// Takes the message of a flow's state, as it lay in the ring.
    #[inline]
    pub fn push_state(&mut self, lines: &[Line]) {
        self.lines.extend_from_slice(lines);
        self.count += 1;
    }

    /// Takes a record.
    pub fn push(&mut self, record: FlowRecord) {
        self.lines.push(bytemuck::cast(Head::alone(message::WHOLE, [0; 7])));
        self.whole.push(record);
        self.count += 1;
    }

    /// How many records there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.whole.clear();
        self.count = 0;
    }

    /// Makes one record after another and shows it.
    pub fn each(&self, mut take: impl FnMut(&FlowRecord)) {
        let (mut maker, mut whole, mut rest) = (Maker::default(), self.whole.iter(), &self.lines[..]);
        while let Some(first) = rest.first() {
            let (message, behind) = rest.split_at(message::length(first).min(rest.len()));
            rest = behind;
            if message::kind(first) == message::WHOLE {
                whole.by_ref().take(1).for_each(&mut take);
            } else {
                take(&maker.record(message));
            }
        }
    }

    /// All records, made.
    #[must_use]
    pub fn records(&self) -> Vec<FlowRecord> {
        let mut all = Vec::with_capacity(self.count);
        self.each(|record| all.push(record.clone()));
        all
    }

    /// Packets in all records.
    #[must_use]
    pub fn packets(&self) -> u64 {
        let (mut reading, mut rest) = (Reading::default(), &self.lines[..]);
        let mut sum = self.whole.iter().map(FlowRecord::packets).sum();
        while let Some(first) = rest.first() {
            let (message, behind) = rest.split_at(message::length(first).min(rest.len()));
            rest = behind;
            reading.take(message);
            if reading.head().kind != message::WHOLE {
                sum += reading.state().pair.hot.all_packets();
            }
        }
        sum
    }
}

impl FromIterator<FlowRecord> for Batch {
    fn from_iter<I: IntoIterator<Item = FlowRecord>>(records: I) -> Batch {
        let mut batch = Batch::default();
        records.into_iter().for_each(|record| batch.push(record));
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::{Exit, WhenFull, door};
    use crate::flow::{First, Pair, TcpBlock, trail::Trail};
    use crate::record::make::{Facts, FlowState};
    use crate::record::{EndReason, Outer};
    use bytemuck::Zeroable;

    #[test]
    fn records_of_states_and_of_parts_come_out_in_the_order_in_which_they_went_in() {
        let (pair, block, trail, first) = (Pair::zeroed(), TcpBlock::zeroed(), Trail::zeroed(), First::zeroed());
        let (alone, tagged) = (Outer::default(), Outer { vlan_ids: [7].into_iter().collect(), ..Outer::default() });
        let facts = Facts::new(EndReason::Idle);
        let udp = FlowState { facts, pair: &pair, block: None, trail: None, extra: None, first: None, outer: &alone };
        let tcp = FlowState { block: Some(&block), trail: Some(&trail), ..udp };
        let states = [udp, tcp, FlowState { first: Some(&first), outer: &tagged, ..tcp }, udp];
        let (mut door, mut reader) = door(8, WhenFull::Drop);
        let (mut batch, mut want) = (Batch::with_capacity(2), Vec::new());
        for (n, state) in states.iter().cycle().take(40).enumerate() {
            let mut state = *state;
            state.facts.origin.record_seq = n as u32;
            door.send(&Exit::Record(state)).unwrap();
            assert!(reader.load());
            batch.push_state(reader.lines());
            want.push(state.record());
            if n % 7 == 0 {
                let sum = FlowRecord { half_seen: true, record_seq: n as u32, ..FlowRecord::default() };
                batch.push(sum.clone());
                want.push(sum);
            }
        }
        assert_eq!((batch.len(), batch.records()), (want.len(), want));
        batch.clear();
        assert!(batch.is_empty() && batch.records().is_empty());
    }
}
