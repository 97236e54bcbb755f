//! What it costs a worker that the control side asks: the same packets with and without, chunk by chunk in turn.
//!
//! **Owns** the pairs and their table. **May touch** the rig and the thread beside it. **Order** one kind of question
//! after the other.

use super::beside::Beside;
use super::measure::{Chunk, in_turn};
use super::rig::{Rig, Setting};
use super::stream::Kind;
use std::cell::RefCell;

/// Tallies, live flows: what is asked for without pause.
const QUESTIONS: [(&str, bool, bool); 3] = [
    ("nothing: the noise of the measuring", false, false),
    ("tallies without pause", true, false),
    ("tallies and live flows without pause", true, true),
];

/// Prints what being asked costs, as a share of the time without.
///
/// # Errors
/// The kernel's refusal to map the memory.
pub fn publish(flows: &[u32], chunks: usize) -> std::io::Result<()> {
    println!("| asked for | flows | ns median without | above it, median | middle half | asked a second |");
    println!("|---|---|---|---|---|---|");
    for flows in flows.iter().copied() {
        let mut rig = Rig::new(&Setting::new(Kind::Exchange, flows))?;
        let beside = Beside::start(&mut rig);
        let rig = RefCell::new(rig);
        for (name, tallies, live_flows) in QUESTIONS {
            let chunk = |asks: bool| -> Chunk<'_> {
                let (rig, beside) = (&rig, &beside);
                Box::new(move || {
                    beside.ask(asks && tallies, asks && live_flows);
                    rig.borrow_mut().chunk()
                })
            };
            let (before, began) = (beside.done(), std::time::Instant::now());
            let turns = in_turn(chunks, &mut [chunk(false), chunk(true)]);
            let (done, seconds) = (beside.done(), began.elapsed().as_secs_f64() / 2.0);
            let [median, low, high] = turns.above(0, 1).map(|share| share * 100.0);
            println!(
                "| {name} | {flows} | {:.1} | {median:+.2} % | {low:+.1} to {high:+.1} % | {:.0} tallies, {:.1} pictures |",
                turns.cost(0).median,
                (done.tallies - before.tallies) as f64 / seconds,
                (done.pictures - before.pictures) as f64 / seconds
            );
        }
        drop(beside);
        rig.borrow().check();
    }
    Ok(())
}
