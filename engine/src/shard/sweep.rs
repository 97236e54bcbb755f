//! Reclaiming: flows that ended without a packet to say so, and flows that must make room.
//!
//! **Owns** the sweep's cursor and the policy of eviction. **May touch** the shard's state.
//! **Order** `tick` once per burst, also when it was empty; `sweep_all` at the marks of `read`; `finish` at the end.
//!
//! The sweep never decides what a record says: whether a flow had ended is decided from its own times, here with the
//! same rule as at lookup.
//!
//! **Eviction.** When a new flow finds no slot, the next [`CANDIDATES`] flows of the sweep are looked at; when it finds
//! slots but no way in its buckets (or none of those may go), the sixteen flows that share these. One that has ended goes; else one that is closed
//! and lingers; else the one of a single packet, or of SYNs only, that has been quiet the longest. A flow with an
//! exchange is never pushed out by a stranger: then the packet's outcome is `table_full`. So a flood of random keys churns
//! through its own kind, and established flows stay. The flow that goes for a slot was chosen when the one before it
//! went, so that its state is near by the time its record is made.

use super::Shard;
use crate::exit::Exit;
use crate::flow::{Hot, Mark, TcpBlock};
use crate::life::{Limits, closed};
use crate::memory::{prefetch, prefetch_value};
use crate::record::EndReason;
use crate::table::{Full, Slot};
use crate::time::Nanos;
use arrayvec::ArrayVec;
use std::ops::Range;

/// Slots looked at in one tick, at most: the bound on the work that expiry adds to a burst.
pub(super) const SLOTS_PER_TICK: u32 = 64;

/// Flows reclaimed in one tick, at most: a record is what costs most of it.
pub(super) const RECORDS_PER_TICK: u32 = 24;

/// Time in which the sweep comes round once, when ticks are frequent enough. Unit: nanoseconds.
const ROUND: u64 = 1_000_000_000;

/// Flows looked at to find one whose slot is free for another.
const CANDIDATES: u32 = 8;

/// Flows looked at for one new flow, at most: two times the next ones of the sweep, and those that share its buckets.
pub(super) const MOST_LOOKED_AT: u32 = 2 * CANDIDATES + 16;

/// Where the sweep stands.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    next: Slot,
    last_tick: Nanos,
    /// Slots due, in units of 1 / `ROUND`.
    due: u64,
    /// The flow that goes next when every slot is taken.
    on_deck: Option<Slot>,
}

impl Shard {
    /// Reclaims a bounded number of flows that have ended by `now`.
    #[inline]
    pub fn tick(&mut self, now: Nanos) {
        self.tally.history_refused = self.history.refused();
        self.tally.history_bytes = self.history.used_bytes();
        let used = self.index.used();
        let passed = now.since(self.sweep.last_tick).min(ROUND);
        self.sweep.last_tick = self.sweep.last_tick.max(now);
        self.sweep.due = (self.sweep.due + passed * u64::from(used)).min(u64::from(SLOTS_PER_TICK) * ROUND);
        let slots = (self.sweep.due / ROUND) as u32;
        if slots > 0 {
            let looked_at = self.sweep_slots(slots.min(used), now);
            self.sweep.due -= u64::from(looked_at) * ROUND;
        }
        self.glance();
    }

    /// Looks at the next slots, up to the last one. Says how many it were: fewer, when enough flows were reclaimed.
    fn sweep_slots(&mut self, slots: u32, now: Nanos) -> u32 {
        let used = self.index.used();
        let from = if self.sweep.next < used { self.sweep.next } else { 0 };
        self.sweep.next = self.reclaim(from..used.min(from + slots), |limits, hot| limits.over(hot, now));
        self.sweep.next - from
    }

    /// Ends those flows in a range of slots for which there is a reason, [`RECORDS_PER_TICK`] at the most, and says which slot
    /// comes next. What their records are made from is brought near for all before the first one is made.
    fn reclaim(&mut self, range: Range<Slot>, reason: impl Fn(&Limits, &Hot) -> Option<EndReason>) -> Slot {
        let mut ended = ArrayVec::<(Slot, EndReason), { RECORDS_PER_TICK as usize }>::new();
        let mut slot = range.start;
        while slot < range.end && !ended.is_full() {
            let hot = &self.pairs[slot as usize].hot;
            if hot.all_packets() > 0
                && let Some(reason) = reason(&self.plan.limits, hot)
            {
                self.bring_near(slot);
                ended.push((slot, reason));
            }
            slot += 1;
        }
        for (slot, reason) in ended {
            self.end(slot, reason);
        }
        slot
    }

    /// The same of all slots, for `read`, where nobody is kept waiting.
    fn reclaim_all(&mut self, reason: impl Fn(&Limits, &Hot) -> Option<EndReason>) {
        let (mut slot, used) = (0, self.index.used());
        while slot < used {
            slot = self.reclaim(slot..used, &reason);
        }
    }

    /// Reclaims every flow that has ended by `now`, then tells the collector that the rest lives on.
    pub fn sweep_all(&mut self, now: Nanos) {
        self.reclaim_all(|limits, hot| limits.over(hot, now));
        // A live flow had its last packet at most the longest timeout ago; one second more is the contract's.
        let horizon = now.minus(self.plan.limits.longest().saturating_add(1_000_000_000));
        let _ = self.door.send(&Exit::Mark { horizon });
    }

    /// Ends every flow: input is over at `now`.
    pub fn finish(&mut self, now: Nanos) {
        self.reclaim_all(|limits, hot| Some(limits.last_word(hot, now)));
        self.tally.history_refused = self.history.refused();
        self.tally.history_bytes = self.history.used_bytes();
        let _ = self.door.send(&Exit::Mark { horizon: Nanos::MAX });
    }

    /// Frees one slot, or one way of the buckets of `hash`, for a new flow. False when nothing may go.
    #[cold]
    pub(super) fn evict(&mut self, hash: u64, full: Full, now: Nanos) -> bool {
        let victim = match full {
            Full::Buckets => self.worst(self.index.neighbours(hash), now),
            Full::Slots => {
                let ready = self.sweep.on_deck.take().filter(|slot| self.rank(*slot, now).is_some());
                ready.or_else(|| self.choose(now)).or_else(|| self.worst(self.index.neighbours(hash), now))
            }
        };
        let Some(slot) = victim else { return false };
        let hot = &self.pairs[slot as usize].hot;
        let reason = self.plan.limits.over(hot, now).or_else(|| closed(hot)).unwrap_or(EndReason::Evicted);
        self.end(slot, reason);
        if full == Full::Slots {
            self.sweep.on_deck = self.choose(now);
            if let Some(next) = self.sweep.on_deck {
                self.bring_near(next);
            }
        }
        true
    }

    /// The worst of the next few flows of the sweep, if any of them may go. The few behind them are brought near for the next
    /// time.
    fn choose(&mut self, now: Nanos) -> Option<Slot> {
        let used = self.index.used().max(1);
        let wrapped = |slot: Slot| if slot < used { slot } else { slot - used };
        let (from, looked_at) = (self.sweep.next % used, CANDIDATES.min(used));
        self.sweep.next = wrapped(from + looked_at);
        for later in self.sweep.next..self.sweep.next + CANDIDATES {
            prefetch(&self.pairs, later as usize);
        }
        self.worst((from..from + looked_at).map(wrapped), now)
    }

    /// The flow that may go first: by rank, then by how long it has been quiet.
    fn worst(&self, slots: impl Iterator<Item = Slot>, now: Nanos) -> Option<Slot> {
        let (mut worst, mut first) = (None, u128::MAX);
        for slot in slots {
            let Some(rank) = self.rank(slot, now) else { continue };
            let order = u128::from(rank) << 64 | u128::from(self.pairs[slot as usize].hot.last().0);
            if order < first {
                (worst, first) = (Some(slot), order);
            }
        }
        worst
    }

    /// How readily a flow is given up, readiest first; `None` for one that stays.
    #[inline]
    fn rank(&self, slot: Slot, now: Nanos) -> Option<u8> {
        let hot = &self.pairs[slot as usize].hot;
        if hot.all_packets() == 0 {
            None
        } else if self.plan.limits.over(hot, now).is_some() {
            Some(0)
        } else if closed(hot).is_some() {
            Some(1)
        } else {
            (hot.all_packets() == 1 || hot.has(Mark::OnlySyn)).then_some(2)
        }
    }

    /// Asks for all lines that a record of this flow will be made from.
    fn bring_near(&self, slot: Slot) {
        let pair = &self.pairs[slot as usize];
        prefetch_value(pair, 64);
        let hash = self.plan.secret.hash(pair.hot.image());
        self.index.prefetch(self.index.bucket(hash));
        self.index.prefetch_second(hash);
        if pair.hot.has(Mark::Tcp) {
            for line in 0..size_of::<TcpBlock>() / 64 {
                prefetch_value(&self.blocks[slot as usize], line * 64);
            }
            for side in [0, 1] {
                self.history.prefetch_half(pair.tcp_ref().trail, side);
            }
        }
    }
}
