//! Measuring on a noisy machine: chunks, of which those that were disturbed do not count.
//!
//! **Owns** the rule by which a chunk counts, and minimum, median and spread. **May touch** the clock and the thread's
//! resource usage. **Order** wraps every timed loop of the benches.
//!
//! A chunk is dropped when the thread was switched out meanwhile against its will (`getrusage(2)`, `ru_nivcsw`), or
//! when a calibration loop before or after it ran a fifth slower than its best: somebody else had the core's other
//! half. Steps that are compared with each other take turns, chunk by chunk, so that a change of the machine's pace
//! meets them all.

use core_affinity::CoreId;
use nix::sys::resource::{UsageWho, getrusage};
use std::sync::OnceLock;
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

/// Handles some packets and returns how many.
pub type Chunk<'a> = Box<dyn FnMut() -> usize + 'a>;

/// Chunks that must count before a figure is given.
const WANTED: usize = 40;

/// How often the thread was switched out against its will.
#[must_use]
pub fn pause_count() -> i64 {
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

/// Tells disturbed stretches of time from others.
#[derive(Debug)]
pub struct Calm {
    best: f64,
}

impl Default for Calm {
    fn default() -> Calm {
        Calm { best: (0..50).map(|_| calibrate()).fold(f64::MAX, f64::min) }
    }
}

impl Calm {
    /// What `work` returns, the time it took in nanoseconds, and whether nobody disturbed it.
    pub fn time<T>(&mut self, work: impl FnOnce() -> T) -> (T, f64, bool) {
        let (before, switched) = (calibrate(), pause_count());
        let began = Instant::now();
        let got = work();
        let nanos = began.elapsed().as_nanos() as f64;
        let calm = pause_count() == switched;
        let after = calibrate();
        self.best = self.best.min(before).min(after);
        (got, nanos, calm && before.max(after) <= self.best * 1.2)
    }
}

/// The chunks of several steps that took turns.
#[derive(Debug)]
pub struct Turns {
    /// For each step, one chunk after the other: nanoseconds a packet, and whether it counts.
    steps: Vec<Vec<(f64, bool)>>,
}

/// Lets the steps take turns until `chunks` of each count, or five times as many were tried.
pub fn in_turn(chunks: usize, steps: &mut [Chunk<'_>]) -> Turns {
    let mut calm = Calm::default();
    let wanted = chunks.max(WANTED);
    let mut turns = Turns { steps: vec![Vec::new(); steps.len()] };
    for _ in 0..wanted * 5 {
        for (step, done) in steps.iter_mut().zip(&mut turns.steps) {
            let (packets, nanos, counts) = calm.time(step);
            done.push((nanos / packets as f64, counts));
        }
        if turns.steps.iter().all(|done| done.iter().filter(|(_, counts)| *counts).count() >= wanted) {
            break;
        }
    }
    turns
}

/// Value at a share of a sorted list.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted.get((sorted.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or(f64::NAN)
}

impl Turns {
    /// The costs of one step. Where next to no chunk counts, all do: a bad figure is better than none.
    #[must_use]
    pub fn cost(&self, step: usize) -> Cost {
        let all = &self.steps[step];
        let mut counted: Vec<f64> = all.iter().filter(|(_, counts)| *counts).map(|(nanos, _)| *nanos).collect();
        let dropped = all.len() - counted.len();
        if counted.len() < WANTED / 4 {
            counted = all.iter().map(|(nanos, _)| *nanos).collect();
        }
        counted.sort_by(f64::total_cmp);
        let at = |share| quantile(&counted, share);
        Cost { min: at(0.0), median: at(0.5), p90: at(0.9), chunks: counted.len(), dropped }
    }

    /// Median, and the middle half, of what `dearer` costs above `base` in the same turn, as a share of the latter.
    #[must_use]
    pub fn above(&self, base: usize, dearer: usize) -> [f64; 3] {
        let pairs = || self.steps[base].iter().zip(&self.steps[dearer]);
        let share = |((a, _), (b, _)): (&(f64, bool), &(f64, bool))| b / a - 1.0;
        let mut shares: Vec<f64> = pairs().filter(|((_, a), (_, b))| *a && *b).map(share).collect();
        if shares.len() < WANTED / 4 {
            shares = pairs().map(share).collect();
        }
        shares.sort_by(f64::total_cmp);
        [0.5, 0.25, 0.75].map(|share| quantile(&shares, share))
    }
}

/// The costs of one step alone.
pub fn cost(chunks: usize, step: impl FnMut() -> usize) -> Cost {
    in_turn(chunks, &mut [Box::new(step)]).cost(0)
}

/// The processors that this process was given. Asked once, before any thread is put on one of them: a thread inherits
/// where it may run, and sees no more than that.
pub fn processors() -> &'static [CoreId] {
    static GIVEN: OnceLock<Vec<CoreId>> = OnceLock::new();
    GIVEN.get_or_init(|| core_affinity::get_core_ids().unwrap_or_default())
}

/// Puts the thread on the last processor, so that the first is left to the kernel and to what runs beside.
pub fn pin() {
    if let Some(core) = processors().last() {
        core_affinity::set_for_current(*core);
    }
}
