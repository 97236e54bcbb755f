//! Measuring on a noisy machine: chunks, of which those that were disturbed do not count.
//!
//! **Owns** the rule by which a chunk counts, and minimum, median and spread. **May touch** the clock and the thread's
//! resource usage. **Order** wraps every timed loop of the benches.
//!
//! A chunk is dropped when the thread was switched out meanwhile against its will (`getrusage(2)`, `ru_nivcsw`), or
//! when a calibration loop before or after it ran a fifth slower than its best: somebody else had the core's other
//! half.

use nix::sys::resource::{UsageWho, getrusage};
use std::time::Instant;

/// Costs of one step. Unit: nanoseconds a packet.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Cheapest chunk that counted.
    pub min: f64,
    /// Median of the chunks that counted.
    pub median: f64,
    /// Nine of ten chunks were not dearer.
    pub p90: f64,
    /// Chunks that counted.
    pub chunks: usize,
    /// Chunks dropped.
    pub dropped: usize,
}

/// Chunks that must count before a figure is given.
const WANTED: usize = 40;

fn switches() -> i64 {
    getrusage(UsageWho::RUSAGE_THREAD).map_or(0, |usage| usage.involuntary_context_switches())
}

/// Time of a loop that only computes. Unit: nanoseconds.
fn calibrate() -> f64 {
    let began = Instant::now();
    let mut sum = [1_u64, 2, 3, 4];
    for n in 0..2_000_u64 {
        for word in &mut sum {
            *word = word.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ n;
        }
    }
    std::hint::black_box(sum);
    began.elapsed().as_nanos() as f64
}

/// Measures `chunk`, which handles the number of packets it returns, until `chunks` of them count or five times as many
/// were tried.
pub fn cost(chunks: usize, mut chunk: impl FnMut() -> usize) -> Cost {
    let mut best = (0..50).map(|_| calibrate()).fold(f64::MAX, f64::min);
    let (mut costs, mut dropped, mut all) = (Vec::new(), 0, Vec::new());
    let wanted = chunks.max(WANTED);
    while costs.len() < wanted && costs.len() + dropped < wanted * 5 {
        let (before, switched) = (calibrate(), switches());
        let began = Instant::now();
        let packets = chunk();
        let nanos = began.elapsed().as_nanos() as f64 / packets as f64;
        let after = calibrate();
        best = best.min(before).min(after);
        all.push(nanos);
        if switches() != switched || before.max(after) > best * 1.2 {
            dropped += 1;
        } else {
            costs.push(nanos);
        }
    }
    let counted = if costs.len() < wanted / 4 { &mut all } else { &mut costs };
    counted.sort_by(f64::total_cmp);
    let at = |part: f64| counted[((counted.len() - 1) as f64 * part) as usize];
    Cost { min: counted[0], median: at(0.5), p90: at(0.9), chunks: counted.len(), dropped }
}

/// Puts the thread on one CPU; 1 where there are several, so that CPU 0 is left to the kernel.
pub fn pin() {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    if let Some(core) = cores.last() {
        core_affinity::set_for_current(*core);
    }
}
