//! The engine from frames in memory: what each step adds, in nanoseconds and in multiples of B.
//!
//! **Owns** the steps and their table. **May touch** the engine's front doors. **Order** the steps take turns.

use super::bound::Bound;
use super::lookup::lookup;
use super::measure::{Chunk, Cost, in_turn};
use super::rig::{CHUNK, Rig, Setting};
use parshall_config::plan::{DecapPlan, KeyScope};
use parshall_engine::decode::{DecodeOptions, plain};
use parshall_engine::key::READ_SECRET;
use parshall_engine::packet::Outline;
use parshall_engine::source::BURST;
use std::hint::black_box;

/// The head of every table of costs.
pub const HEAD: &str =
    "| step | flows | ns min | ns median | ns p90 | Mpps median | chunks |\n|---|---|---|---|---|---|---|";

/// Prints one row of such a table.
pub fn row(name: &str, flows: u32, cost: &Cost) {
    println!(
        "| {name} | {flows} | {:.1} | {:.1} | {:.1} | {:.1} | {}/{} |",
        cost.min,
        cost.median,
        cost.p90,
        1e3 / cost.median,
        cost.chunks,
        cost.chunks + cost.dropped
    );
}

/// Frames made and looked at, nothing more.
fn source(setting: &Setting) -> Chunk<'static> {
    let mut stream = setting.stream();
    Box::new(move || {
        for _ in 0..CHUNK / BURST {
            stream.fill();
            for n in 0..BURST {
                black_box(stream.frame(n));
            }
        }
        CHUNK
    })
}

/// Source, and what the worker's first pass makes of plain frames: key image, hash and outline.
fn decoded(setting: &Setting) -> Chunk<'static> {
    let mut stream = setting.stream();
    let options = DecodeOptions::new(&DecapPlan::default(), KeyScope::default());
    let mut found = vec![(Outline::default(), 0_u64); BURST];
    Box::new(move || {
        for _ in 0..CHUNK / BURST {
            stream.fill();
            for (n, (outline, hash)) in found.iter_mut().enumerate() {
                if let Some(plain) = plain::any(&stream.frame(n), &options, &READ_SECRET, outline) {
                    *hash = READ_SECRET.hash(plain.image);
                }
            }
            black_box(&mut found);
        }
        CHUNK
    })
}

/// Measures B, the source, decoding, the table and the whole worker in turns, and prints what they cost.
///
/// # Errors
/// The kernel's refusal to map the memory.
pub fn steps(name: &str, setting: &Setting, chunks: usize) -> std::io::Result<()> {
    let (mut bound, mut rig) = (Bound::new(setting.flows, setting.memory)?, Rig::new(setting)?);
    let mut taking_turns: [Chunk<'_>; 5] =
        [Box::new(|| bound.chunk()), source(setting), decoded(setting), lookup(setting)?, Box::new(|| rig.chunk())];
    let turns = in_turn(chunks, &mut taking_turns);
    drop(taking_turns);
    let [line, source, decoded, table, whole] = [0, 1, 2, 3, 4].map(|step| turns.cost(step));
    row("B: one line", setting.flows, &line);
    row("source", setting.flows, &source);
    row("+ decode, hash", setting.flows, &decoded);
    row("+ table: the flow is found, its line counts", setting.flows, &table);
    row(name, setting.flows, &whole);
    println!(
        "| above source, decode, hash | {} | {:.2} B | {:.2} B | | | |",
        setting.flows,
        (whole.min - decoded.min) / line.min,
        (whole.median - decoded.median) / line.median
    );
    rig.check();
    Ok(())
}

/// Measures the whole worker alone.
///
/// # Errors
/// The kernel's refusal to map the memory.
pub fn whole(name: &str, setting: &Setting, chunks: usize) -> std::io::Result<()> {
    let mut rig = Rig::new(setting)?;
    let turns = in_turn(chunks, &mut [Box::new(|| rig.chunk())]);
    row(name, setting.flows, &turns.cost(0));
    rig.check();
    Ok(())
}
