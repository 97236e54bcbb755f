//! A load for callgrind: packets handled by a worker inside one function, [`counted`], that nothing else calls.
//!
//! **Owns** that function. **May touch** the rig. **Order** run under `valgrind --tool=callgrind
//! --toggle-collect='*bench::count::counted*'`, so that neither source nor warm-up is counted. Without valgrind it does
//! the same and says nothing of instructions.

use super::rig::{Rig, Setting, work};
use parshall_engine::source::{BURST, Batch};
use parshall_engine::time::Nanos;
use parshall_engine::worker::Worker;

/// Handles about `packets` packets and returns how many it were.
///
/// # Errors
/// The kernel's refusal to map the memory.
pub fn count(setting: &Setting, packets: usize) -> std::io::Result<usize> {
    let mut rig = Rig::new(setting)?;
    let bursts = packets.div_ceil(BURST);
    for _ in 0..bursts {
        rig.turn_by(counted);
    }
    rig.check();
    Ok(bursts * BURST)
}

#[inline(never)]
fn counted(worker: &mut Worker, batch: &Batch<'_>, now: Nanos) {
    work(worker, batch, now);
}
