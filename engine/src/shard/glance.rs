//! Looking at live flows while packets go on: a bounded step of a walk over the slots, once per burst.
//!
//! **Owns** the bound on one step. **May touch** the shard's state, read only, and the door of [`crate::look`].
//! **Order** `glance` once per burst, behind the sweep's tick. The walk reads; no flow, record or count changes by it.

use super::Shard;
use crate::look::SIZES;
use crate::record::EndReason;

/// Slots walked past in one step, at most; a step ends at the first flow it tells of.
pub(super) const SLOTS: u32 = 16;

impl Shard {
    /// A step of the walk, if the control side looks at the flows.
    #[inline]
    pub fn glance(&mut self) {
        if self.look.wanted() {
            self.walk();
        }
    }

    #[inline(never)]
    fn walk(&mut self) {
        self.look.begin();
        let Some(mut walk) = self.look.walk else { return };
        if !self.look.has_room() {
            return;
        }
        let used = self.index.used();
        for _ in 0..SLOTS {
            if walk.next >= used {
                self.look.walk = None;
                return self.look.end(walk.done);
            }
            let slot = walk.next;
            walk.next += 1;
            let hot = &self.pairs[slot as usize].hot;
            if hot.all_packets() == 0 {
                continue;
            }
            let bytes = hot.ip_bytes(0) + hot.ip_bytes(1);
            walk.done.live += 1;
            walk.done.live_bytes += bytes;
            walk.done.sizes[((u64::BITS - bytes.leading_zeros()) as usize).min(SIZES - 1)] += 1;
            let smaller = walk.question.fill > 0 && bytes >= walk.question.least / 2;
            if bytes < walk.question.least && !smaller {
                continue;
            }
            if walk.question.most == 0 {
                walk.done.cut = walk.done.cut.max(bytes);
            } else {
                walk.question.most -= 1;
                walk.question.fill -= u64::from(bytes < walk.question.least);
                walk.done.told_bytes += bytes;
                let (stores, _, look) = self.stores_and_doors();
                look.walk = Some(walk);
                return look.tell(stores.state(slot, EndReason::Shutdown));
            }
        }
        self.look.walk = Some(walk);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Bench, bench, udp};
    use crate::look::{self, Question, Told};
    use parshall_config::plan::Timeouts;

    /// Forty flows, of 1 to 40 packets of 100 bytes.
    fn forty_flows(bench: &mut Bench) {
        for n in 0..40_u16 {
            for _ in 0..=n {
                bench.see(&udp(0, (0x0a00_0002, 1000 + n), (0x0a00_0001, 53)));
            }
        }
    }

    #[test]
    fn a_walk_tells_every_flow_that_is_large_enough_and_changes_none() {
        let mut bench = bench(100, Timeouts::default());
        let (end, mut reader) = look::pair(8);
        bench.shard.look = end;
        forty_flows(&mut bench);
        let before = bench.shard.tally.clone();
        assert!(reader.ask(Question { number: 7, least: 100 * 31, fill: 0, most: 100 }));
        assert!(!reader.ask(Question::default()), "one question at a time");
        let (mut told, mut done) = (Vec::new(), None);
        for _ in 0..1000 {
            bench.shard.glance();
            // The reader is slow: the ring fills and the walk waits for it.
            if told.len() < 8 || bench.shard.look.has_room() {
                match reader.take() {
                    Some(Told::Flow(record)) => told.push(record.packets()),
                    Some(Told::Done(end)) => done = Some(end),
                    None => {}
                }
            }
        }
        let done = done.expect("the walk ends");
        assert_eq!(told, (31..=40).collect::<Vec<u64>>());
        assert_eq!((done.number, done.live, done.sizes.iter().sum::<u32>()), (7, 40, 40));
        assert_eq!(done.live_bytes, (1..=40).map(|n| n * 100).sum::<u64>());
        assert_eq!(done.told_bytes, (31..=40).map(|n| n * 100).sum::<u64>());
        assert_eq!(bench.shard.tally, before);
    }

    #[test]
    fn where_all_flows_are_of_one_size_some_of_them_are_told() {
        let mut bench = bench(100, Timeouts::default());
        let (end, mut reader) = look::pair(8);
        bench.shard.look = end;
        for n in 0..40_u16 {
            bench.see(&udp(0, (0x0a00_0002, 1000 + n), (0x0a00_0001, 53)));
        }
        reader.ask(Question { number: 1, least: 128, fill: 3, most: 100 });
        for _ in 0..40 {
            bench.shard.glance();
        }
        let told = std::iter::from_fn(|| reader.take()).filter(|told| matches!(told, Told::Flow(_))).count();
        assert_eq!(told, 3);
    }

    #[test]
    fn of_more_flows_than_were_asked_for_the_rest_is_left_out_and_the_largest_of_them_named() {
        let mut bench = bench(100, Timeouts::default());
        let (end, mut reader) = look::pair(64);
        bench.shard.look = end;
        forty_flows(&mut bench);
        reader.ask(Question { number: 1, least: 0, fill: 0, most: 10 });
        for _ in 0..40 {
            bench.shard.glance();
        }
        let told: Vec<Told> = std::iter::from_fn(|| reader.take()).collect();
        let [flows @ .., Told::Done(done)] = &told[..] else { panic!("{told:?}") };
        assert_eq!((flows.len(), done.live, done.cut), (10, 40, 40 * 100));
    }

    #[test]
    fn an_empty_table_answers_at_once_and_nobody_asking_is_nothing() {
        let mut bench = bench(100, Timeouts::default());
        bench.shard.glance();
        let (end, mut reader) = look::pair(2);
        bench.shard.look = end;
        reader.ask(Question::default());
        bench.shard.glance();
        assert!(matches!(reader.take(), Some(Told::Done(done)) if done.live == 0));
    }
}
