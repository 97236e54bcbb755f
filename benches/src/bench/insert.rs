//! What it costs to put a flow into the index when it is half full, and when hardly any room is left.
//!
//! **Owns** the loads and their table. **May touch** the index alone. **Order** filled to a load; then flows are put in
//! batch by batch, and taken out again between the timed stretches.

use super::engine::{HEAD, row};
use super::measure::{Calm, Cost, quantile};
use super::visits::mix;
use parshall_engine::memory::ArenaOptions;
use parshall_engine::table::{Index, Slot};

/// Flows that there is room for.
const CAPACITY: u32 = 1_000_000;

/// Flows put in together: their buckets are prefetched, as in a burst.
const BATCH: usize = 64;

/// Batches that are timed together.
const BATCHES: usize = 64;

/// Percent of the room that is taken.
const LOADS: [u32; 4] = [50, 80, 95, 99];

/// Prints what an insertion costs at each load.
///
/// # Errors
/// The kernel's refusal to map the memory.
pub fn insert(chunks: usize) -> std::io::Result<()> {
    println!("{HEAD}");
    for load in LOADS {
        let flows = CAPACITY / 100 * load;
        let mut filled = Filled::new(flows)?;
        let (mut calm, mut times, mut dropped) = (Calm::default(), Vec::new(), 0);
        while times.len() < chunks && dropped < chunks * 5 {
            let (_, nanos, counts) = calm.time(|| filled.put_in());
            filled.take_out();
            if counts {
                times.push(nanos / (BATCH * BATCHES) as f64);
            } else {
                dropped += 1;
            }
        }
        times.sort_by(f64::total_cmp);
        let at = |share| quantile(&times, share);
        let cost = Cost { min: at(0.0), median: at(0.5), p90: at(0.9), chunks: times.len(), dropped };
        row(&format!("insertion, {load} % of the room taken, {} refused", filled.refused), flows, &cost);
    }
    Ok(())
}

/// An index with flows in it.
struct Filled {
    index: Index,
    /// The hash of the flow in each slot.
    hashes: Vec<u64>,
    /// The slots put in since they were taken out last.
    fresh: Vec<Slot>,
    next: u64,
    refused: u64,
}

impl Filled {
    fn new(flows: u32) -> std::io::Result<Filled> {
        let index = Index::new(CAPACITY, ArenaOptions { huge: true, touch: true })?;
        let hashes = vec![0; CAPACITY as usize];
        let fresh = Vec::with_capacity(CAPACITY as usize);
        let mut filled = Filled { index, hashes, fresh, next: 0, refused: 0 };
        while filled.index.len() < flows {
            filled.batch();
        }
        filled.fresh.clear();
        Ok(filled)
    }

    fn put_in(&mut self) {
        for _ in 0..BATCHES {
            self.batch();
        }
    }

    fn batch(&mut self) {
        let first = self.next;
        self.next += BATCH as u64;
        for number in first..self.next {
            self.index.prefetch(self.index.bucket(mix(number)));
        }
        for number in first..self.next {
            let (hash, hashes) = (mix(number), &self.hashes);
            match self.index.insert(hash, |slot| hashes[slot as usize]) {
                Ok(slot) => {
                    self.hashes[slot as usize] = hash;
                    self.fresh.push(slot);
                }
                Err(_) => self.refused += 1,
            }
        }
    }

    /// Takes out what was put in last, so that the load is what it was.
    fn take_out(&mut self) {
        for slot in self.fresh.drain(..) {
            self.index.remove(self.hashes[slot as usize], slot);
        }
    }
}
