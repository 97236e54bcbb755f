//! The command line of `parshall-bench`.
//!
//! **Owns** the sub-commands and the tables they print. **May touch** the benches beside it. **Order** called by the
//! binary.

use super::bound::bound;
use super::decode;
use super::engine::{Rig, Setting, decoded, source};
use super::measure::{Cost, pin};
use super::stream::{Access, Kind};
use clap::{Parser, Subcommand, ValueEnum};
use parshall_config::plan::Duplicates;
use parshall_engine::memory::ArenaOptions;
use parshall_engine::source::BURST;
use std::process::ExitCode;

/// Measures parshall.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The engine from frames in memory, step by step.
    Engine(EngineArguments),
    /// Decoding alone, by what is around the packet.
    Decode(DecodeArguments),
}

#[derive(Debug, clap::Args)]
struct EngineArguments {
    /// Numbers of flows.
    #[arg(long, value_delimiter = ',', default_value = "1000,100000,1000000")]
    flows: Vec<u32>,
    /// What the packets are.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "exchange")]
    kind: Vec<KindName>,
    /// Visits by Zipf's law too.
    #[arg(long)]
    zipf: bool,
    /// Frames in a burst.
    #[arg(long, value_delimiter = ',', default_value = "64")]
    burst: Vec<usize>,
    /// Pages of the table.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "huge")]
    pages: Vec<PagesName>,
    /// Do not look for mirror duplicates.
    #[arg(long)]
    no_duplicates: bool,
    /// Chunks of 32,768 packets that must count.
    #[arg(long, default_value_t = 100)]
    chunks: usize,
    /// Only the whole worker.
    #[arg(long)]
    whole: bool,
}

#[derive(Debug, clap::Args)]
struct DecodeArguments {
    /// Chunks of 32,768 packets that must count.
    #[arg(long, default_value_t = 100)]
    chunks: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindName {
    Exchange,
    Bulk,
    Acks,
    Lossy,
    Udp,
    NewFlows,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PagesName {
    Huge,
    Thp,
    Small,
}

/// What every table begins with.
const HEAD: &str =
    "| step | flows | ns min | ns median | ns p90 | Mpps median | chunks |\n|---|---|---|---|---|---|---|";

/// Runs what was asked.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    pin();
    let done = match &arguments.what {
        What::Engine(asked) => engine(asked),
        What::Decode(asked) => {
            println!("{HEAD}");
            decode::rows(asked.chunks, |name, cost| row(name, decode::FLOWS, cost));
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("parshall-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn row(name: &str, flows: u32, cost: &Cost) {
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

fn engine(asked: &EngineArguments) -> std::io::Result<()> {
    println!("{HEAD}");
    for flows in asked.flows.iter().copied() {
        for (kind, pages) in asked.kind.iter().flat_map(|kind| asked.pages.iter().map(move |pages| (*kind, *pages))) {
            let memory = ArenaOptions { huge: matches!(pages, PagesName::Huge), touch: true };
            let setting = Setting {
                flows,
                kind: match kind {
                    KindName::Exchange => Kind::Exchange,
                    KindName::Bulk => Kind::Bulk,
                    KindName::Acks => Kind::Acks,
                    KindName::Lossy => Kind::Lossy,
                    KindName::Udp => Kind::Udp,
                    KindName::NewFlows => Kind::NewFlows,
                },
                access: if asked.zipf { Access::Zipf } else { Access::Uniform },
                burst: BURST,
                memory,
                duplicates: if asked.no_duplicates { Duplicates::Off } else { Duplicates::Count },
                chunks: asked.chunks,
            };
            if !asked.whole {
                let lines = (flows as usize * 3 / 2).next_power_of_two();
                row("B: one line", flows, &bound(lines, memory)?);
                row("source", flows, &source(&setting));
                row("+ decode, hash", flows, &decoded(&setting));
            }
            for burst in asked.burst.iter().copied() {
                let setting = Setting { burst, ..setting };
                let mut rig = Rig::new(&setting)?;
                row(&format!("whole worker, {kind:?}, {pages:?}, burst {burst}"), flows, &rig.cost(asked.chunks));
            }
        }
    }
    Ok(())
}
