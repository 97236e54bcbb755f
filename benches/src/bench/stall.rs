//! How long a burst takes at worst: while nothing special happens, while a million flows end at once, and while the
//! control side asks for tallies and live flows without pause.
//!
//! **Owns** the bursts' times and their table. **May touch** the rig and the thread beside it. **Order** one state after
//! the other, each with a table of its own.
//!
//! A burst during which the thread was switched out against its will does not count. The time that a hypervisor takes
//! away cannot be told from a stall, so the last column of a virtual machine says little; the work of a burst is
//! bounded by constants, which the table names. What interrupts take shows in the control: a loop that does nothing until
//! as much time has passed as the median burst took.

use super::beside::Beside;
use super::measure::{pause_count, quantile};
use super::rig::{Rig, Setting, work};
use super::stream::Kind;
use super::visits::{Access, Visits};
use parshall_engine::shard::{BOUNDS, Bound};
use std::time::Instant;

/// Flows that go on while the others end.
const GOING_ON: u32 = 1000;

/// Bursts that are timed when nothing ends.
const BURSTS: usize = 200_000;

/// Bursts that are timed at most while flows end.
const MOST_BURSTS: usize = 1_000_000;

/// What the control side does meanwhile.
#[derive(Clone, Copy, Debug)]
struct State {
    name: &'static str,
    /// Flows end.
    expire: bool,
    tallies: bool,
    live_flows: bool,
}

const STATES: [State; 4] = [
    State { name: "nothing ends", expire: false, tallies: false, live_flows: false },
    State { name: "all end at once", expire: true, tallies: false, live_flows: false },
    State { name: "all end, tallies asked for without pause", expire: true, tallies: true, live_flows: false },
    State { name: "all end, tallies and live flows asked for", expire: true, tallies: true, live_flows: true },
];

/// Prints the times of bursts while `flows` flows end, and the bounds on their work.
///
/// # Errors
/// The kernel's refusal to map the memory.
pub fn stall(flows: &[u32]) -> std::io::Result<()> {
    println!(
        "| state | flows | us p50 | p90 | p99 | p99.9 | max | bursts | dropped |\n|---|---|---|---|---|---|---|---|---|"
    );
    for flows in flows {
        for state in STATES {
            one(&state, *flows)?;
        }
    }
    println!("\n| bound on the work of one burst | at most |\n|---|---|");
    for Bound { what, most } in BOUNDS {
        println!("| {what} | {most} |");
    }
    Ok(())
}

fn one(state: &State, flows: u32) -> std::io::Result<()> {
    let setting = Setting::new(Kind::Exchange, flows);
    let mut rig = Rig::new(&setting)?;
    let beside = Beside::start(&mut rig);
    let quiet = setting.timeouts.tcp_idle.as_nanos() as u64;
    rig.stream.go_on(Visits::new(Access::Uniform, GOING_ON, 4));
    if state.expire {
        rig.stream.pass(quiet + quiet / 10);
    }
    beside.ask(state.tallies, state.live_flows);
    let (mut times, mut dropped) = (Vec::with_capacity(MOST_BURSTS), 0);
    let (most, left) = if state.expire { (MOST_BURSTS, u64::from(GOING_ON)) } else { (BURSTS, 0) };
    while times.len() < most && rig.worker().shard.tally.live_flows > left {
        let mut nanos = 0;
        let whole = undisturbed(|| {
            rig.turn_by(|worker, batch, now| {
                let began = Instant::now();
                work(worker, batch, now);
                nanos = began.elapsed().as_nanos() as u64;
            });
        });
        if whole {
            times.push(nanos as f64 / 1e3);
        } else {
            dropped += 1;
        }
    }
    let median = tell(state.name, flows, &mut times, dropped);
    if state.expire && !state.tallies {
        control(flows, median, times.len());
    }
    drop(beside);
    rig.check();
    Ok(())
}

/// Whether the thread kept its processor while it did something, as far as it gave it up against its will.
fn undisturbed(what: impl FnOnce()) -> bool {
    let paused = pause_count();
    what();
    pause_count() == paused
}

/// What is left of the times when nothing is done: `bursts` times nothing until so many microseconds have passed.
fn control(flows: u32, micros: f64, bursts: usize) {
    let (mut times, mut dropped) = (Vec::with_capacity(bursts), 0);
    for _ in 0..bursts {
        let mut passed = 0.0;
        let whole = undisturbed(|| {
            let began = Instant::now();
            while passed < micros {
                passed = began.elapsed().as_nanos() as f64 / 1e3;
            }
        });
        if whole {
            times.push(passed);
        } else {
            dropped += 1;
        }
    }
    tell("control: nothing is done for as long as the median above", flows, &mut times, dropped);
}

/// Prints one row of times in microseconds, and says their median.
fn tell(name: &str, flows: u32, times: &mut [f64], dropped: u32) -> f64 {
    times.sort_by(f64::total_cmp);
    let [p50, p90, p99, p999, max] = [0.5, 0.9, 0.99, 0.999, 1.0].map(|share| quantile(times, share));
    let bursts = times.len();
    println!("| {name} | {flows} | {p50:.1} | {p90:.1} | {p99:.1} | {p999:.1} | {max:.1} | {bursts} | {dropped} |");
    p50
}
