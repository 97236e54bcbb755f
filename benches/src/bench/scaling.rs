//! Workers side by side, each on a processor of its own: what one costs while others work.
//!
//! **Owns** the threads and their table. **May touch** a rig for each. **Order** one worker alone, then two, as many as there
//! are processors; all measure during the same time.
//!
//! Workers share nothing, so one costs as much beside others as alone, but for what the processors themselves share:
//! memory, the last level of cache, and the clock that the chip can hold.

use super::engine::{HEAD, row};
use super::measure::{Chunk, Cost, in_turn, processors};
use super::rig::{Rig, Setting};
use super::stream::Kind;
use std::io::{Error, Result};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Prints the dearest worker's cost beside none, one, ... others.
///
/// # Errors
/// The kernel's refusal to map the memory.
pub fn scaling(flows: u32, chunks: usize) -> Result<()> {
    println!("{HEAD}");
    let cores = processors();
    for workers in 1..=cores.len().max(1) {
        let (ready, measuring) = (Barrier::new(workers), AtomicUsize::new(workers));
        let costs: Vec<Result<Cost>> = std::thread::scope(|scope| {
            let start = |core| {
                let (ready, measuring) = (&ready, &measuring);
                scope.spawn(move || {
                    core_affinity::set_for_current(core);
                    worker(flows, chunks, ready, measuring)
                })
            };
            let threads: Vec<_> = cores.iter().rev().take(workers).map(|core| start(*core)).collect();
            let panicked = || Err(Error::other("a worker panicked"));
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| panicked())).collect()
        });
        let costs: Vec<Cost> = costs.into_iter().collect::<Result<_>>()?;
        if let Some(dearest) = costs.iter().max_by(|a, b| a.median.total_cmp(&b.median)) {
            row(&format!("dearest of {workers} workers"), flows, dearest);
        }
    }
    Ok(())
}

/// Measures one worker; goes on working until all others have measured too.
fn worker(flows: u32, chunks: usize, ready: &Barrier, measuring: &AtomicUsize) -> Result<Cost> {
    let rig = Rig::new(&Setting::new(Kind::Exchange, flows));
    ready.wait();
    let mut rig = rig?;
    let cost = {
        let chunk: Chunk<'_> = Box::new(|| rig.chunk());
        in_turn(chunks, &mut [chunk]).cost(0)
    };
    measuring.fetch_sub(1, Ordering::Relaxed);
    while measuring.load(Ordering::Relaxed) > 0 {
        rig.chunk();
    }
    rig.check();
    Ok(cost)
}
