//! B: what one independent random read-modify-write of a line costs, with the whole batch prefetched. No table can be
//! cheaper than its lines.
//!
//! **Owns** the bound's memory and loop. **May touch** nothing else. **Order** takes turns with the steps that are
//! compared with it.

use parshall_engine::memory::{Arena, ArenaOptions, prefetch};

const BATCH: usize = 64;

/// Memory of which lines are touched at random.
#[derive(Debug)]
pub struct Bound {
    lines: Arena<[u64; 8]>,
    state: u64,
}

impl Bound {
    /// As many lines as a table for `flows` flows has that is two thirds full, rounded up to a power of two.
    ///
    /// # Errors
    /// The kernel's refusal to map the memory.
    pub fn new(flows: u32, options: ArenaOptions) -> std::io::Result<Bound> {
        let lines = (flows as usize * 3 / 2).next_power_of_two();
        Ok(Bound { lines: Arena::new(lines, options)?, state: 0x1234_5678_9abc_def0 })
    }

    /// Touches 32,768 lines.
    pub fn chunk(&mut self) -> usize {
        for _ in 0..512 {
            let mut places = [0_usize; BATCH];
            for place in &mut places {
                self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *place = ((u128::from(self.state) * self.lines.len() as u128) >> 64) as usize;
                prefetch(&self.lines, *place);
            }
            for place in places {
                self.lines[place][0] += 1;
            }
        }
        512 * BATCH
    }
}
