//! Sampling: 1 in N packets, 1 in N flows.
//!
//! **Owns** the place in the current group of packets, and the hash that chooses flows. **May touch** nothing; no clock, no
//! randomness but its own fixed sequence, so a replay chooses the same packets.
//! **Order** asked by `sieve`, once a packet.

use crate::key::{FlowKey, HashSecret, READ_SECRET};
use std::num::NonZeroU32;

/// Chooses one packet of each group of N, at a random place in the group (PSAMP: random 1-out-of-N, RFC 5475 section
/// 5.2.2.1): exactly 1 in N in the long run, and no rhythm of the traffic can hide from it.
#[derive(Clone, Copy, Debug)]
pub struct PacketSampler {
    every: u32,
    /// Packets of the group that were seen.
    place: u32,
    chosen: u32,
    state: u64,
}

impl PacketSampler {
    /// One in `every`.
    #[must_use]
    pub const fn new(every: NonZeroU32) -> PacketSampler {
        let mut sampler = PacketSampler { every: every.get(), place: 0, chosen: 0, state: 0x9e37_79b9_7f4a_7c15 };
        sampler.draw();
        sampler
    }

    /// Whether every packet is chosen.
    #[inline]
    #[must_use]
    pub const fn takes_all(&self) -> bool {
        self.every == 1
    }

    /// Whether the next packet is chosen.
    #[inline]
    pub const fn takes(&mut self) -> bool {
        let chosen = self.place == self.chosen;
        self.place += 1;
        if self.place == self.every {
            self.place = 0;
            self.draw();
        }
        chosen
    }

    /// Draws the place in the next group: xorshift64*, scaled by its upper half.
    const fn draw(&mut self) {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let random = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        self.chosen = ((random * self.every as u64) >> 32) as u32;
    }
}

/// Chooses one flow in N by an unkeyed hash of its key: both directions, all workers, and every probe with the same rate
/// choose alike, and a flow that a rate of 1 in 2N chooses is chosen by 1 in N (hash-based selection, RFC 5475 section 5.3).
#[derive(Clone, Copy, Debug)]
pub struct FlowSampler {
    /// Hashes below this are chosen; `None`: all.
    below: Option<u64>,
}

/// The fixed secret of the choice.
const CHOICE: HashSecret = READ_SECRET;

impl FlowSampler {
    /// One in `every`.
    #[must_use]
    pub const fn new(every: NonZeroU32) -> FlowSampler {
        FlowSampler { below: if every.get() == 1 { None } else { Some(u64::MAX / every.get() as u64) } }
    }

    /// Whether every flow is chosen.
    #[inline]
    #[must_use]
    pub const fn takes_all(&self) -> bool {
        self.below.is_none()
    }

    /// Whether the flow of this key is chosen.
    #[inline]
    #[must_use]
    pub const fn takes(&self, key: &FlowKey) -> bool {
        match self.below {
            None => true,
            // Mixed once more: the table and the spreader use the plain hash, and must not find its bits decided here.
            Some(below) => mix(CHOICE.hash_key(key)) < below,
        }
    }
}

/// The finalizer of MurmurHash3.
const fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(every: u32) -> NonZeroU32 {
        NonZeroU32::new(every).expect("not zero")
    }

    #[test]
    fn each_group_has_one_chosen_packet_and_its_place_varies() {
        let mut sampler = PacketSampler::new(rate(10));
        let mut places = [0; 10];
        for _ in 0..1000 {
            let taken: Vec<usize> = (0..10).filter(|_| sampler.takes()).collect();
            assert_eq!(taken.len(), 1);
            places[taken[0]] += 1;
        }
        assert!(places.iter().all(|times| (60..150).contains(times)), "{places:?}");
        let mut all = PacketSampler::new(rate(1));
        assert!(all.takes_all() && (0..100).all(|_| all.takes()));
    }

    #[test]
    fn a_flow_is_chosen_or_not_whichever_way_its_packets_go() {
        let sampler = FlowSampler::new(rate(7));
        let mut taken = 0;
        for n in 0..70_000_u32 {
            let ends = ((u128::from(n), 1000), (7, 443));
            let (there, back) =
                (FlowKey::canonical(4, 6, ends.0, ends.1).0, FlowKey::canonical(4, 6, ends.1, ends.0).0);
            assert_eq!(sampler.takes(&there), sampler.takes(&back));
            taken += u32::from(sampler.takes(&there));
        }
        assert!((9_500..10_500).contains(&taken), "{taken}");
    }

    #[test]
    fn a_coarser_rate_chooses_among_the_flows_of_a_finer_one_and_all_workers_get_some() {
        let (fine, coarse) = (FlowSampler::new(rate(4)), FlowSampler::new(rate(8)));
        let mut workers = [0; 4];
        for n in 0..40_000 {
            let key = FlowKey::canonical(6, 17, (n, 5), (9, 53)).0;
            assert!(fine.takes(&key) || !coarse.takes(&key));
            if fine.takes(&key) {
                workers[HashSecret::worker_of(READ_SECRET.hash_key(&key), 4)] += 1;
            }
        }
        assert!(workers.iter().all(|flows| (2_200..2_800).contains(flows)), "{workers:?}");
    }
}
