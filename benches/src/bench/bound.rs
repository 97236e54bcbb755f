//! B: what one independent random read-modify-write of a line costs, with the whole batch prefetched. No table can be
//! cheaper than its lines.
//!
//! **Owns** the bound's loop. **May touch** memory of its own. **Order** run before the steps that are compared with it.

use super::measure::{Cost, cost};
use parshall_engine::memory::{Arena, ArenaOptions, prefetch};

const BATCH: usize = 64;

/// The cost of touching one line of 64 bytes at random in `lines` of them.
///
/// # Errors
/// The kernel's refusal to map the memory.
pub fn bound(lines: usize, options: ArenaOptions) -> std::io::Result<Cost> {
    let mut memory = Arena::<[u64; 8]>::new(lines, options)?;
    let mut state = 0x1234_5678_9abc_def0_u64;
    Ok(cost(100, || {
        for _ in 0..512 {
            let mut places = [0_usize; BATCH];
            for place in &mut places {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *place = ((u128::from(state) * lines as u128) >> 64) as usize;
                prefetch(&memory, *place);
            }
            for place in places {
                memory[place][0] += 1;
            }
        }
        512 * BATCH
    }))
}
