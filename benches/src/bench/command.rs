//! The command line of `parshall-bench`.
//!
//! **Owns** the sub-commands. **May touch** the benches beside it. **Order** called by the binary.

use super::engine::{HEAD, row, steps, whole};
use super::measure::pin;
use super::rig::Setting;
use super::stream::Kind;
use super::visits::Access;
use super::{churn, count, decode, insert, publish, scaling, stall};
use clap::{Parser, Subcommand, ValueEnum};
use nix::sys::prctl::set_thp_disable;
use parshall_config::plan::Duplicates;
use parshall_engine::memory::ArenaOptions;
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
    /// The receive loop with counters alone, beside `dpdk-testpmd` in rxonly mode.
    #[cfg(feature = "dpdk")]
    Receive(ReceiveArguments),
    #[command(flatten)]
    InMemory(InMemory),
}

/// What needs no DPDK.
#[derive(Debug, Subcommand)]
enum InMemory {
    /// The engine from frames in memory, step by step.
    Engine(EngineArguments),
    /// Decoding alone, by what is around the packet.
    Decode(DecodeArguments),
    /// New flows mixed into known traffic, and nothing but new flows.
    Churn(ChunkArguments),
    /// Putting flows into the index at several loads.
    Insert(ChunkArguments),
    /// Workers side by side.
    Scaling(ScalingArguments),
    /// The times of bursts while flows end at once and the control side asks.
    Stall(StallArguments),
    /// What it costs a worker to be asked, with and without in turn.
    Publish(PublishArguments),
    /// Packets handled inside one function, for callgrind.
    Count(CountArguments),
}

#[derive(Debug, clap::Args)]
struct EngineArguments {
    /// Numbers of flows.
    #[arg(long, value_delimiter = ',', default_value = "1000,100000,1000000")]
    flows: Vec<u32>,
    /// What the packets are.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "exchange")]
    kind: Vec<Kind>,
    /// Visits by Zipf's law.
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
    /// Only the frames whose name holds this.
    #[arg(long, default_value = "")]
    only: String,
    /// Chunks of 32,768 packets that must count.
    #[arg(long, default_value_t = 100)]
    chunks: usize,
}

#[derive(Debug, clap::Args)]
struct ChunkArguments {
    /// Chunks of 32,768 packets that must count.
    #[arg(long, default_value_t = 100)]
    chunks: usize,
}

#[derive(Debug, clap::Args)]
struct StallArguments {
    /// Numbers of flows that end.
    #[arg(long, value_delimiter = ',', default_value = "1000000")]
    flows: Vec<u32>,
}

#[derive(Debug, clap::Args)]
struct ScalingArguments {
    /// Flows of each worker.
    #[arg(long, default_value_t = 1_000_000)]
    flows: u32,
    /// Chunks of 32,768 packets that must count.
    #[arg(long, default_value_t = 100)]
    chunks: usize,
}

#[derive(Debug, clap::Args)]
struct PublishArguments {
    /// Numbers of flows.
    #[arg(long, value_delimiter = ',', default_value = "1000,1000000")]
    flows: Vec<u32>,
    /// Pairs of chunks of 32,768 packets that must count.
    #[arg(long, default_value_t = 400)]
    chunks: usize,
}

#[cfg(feature = "dpdk")]
#[derive(Debug, clap::Args)]
struct ReceiveArguments {
    /// How long.
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// Packets asked for in one poll.
    #[arg(long, default_value_t = 32)]
    burst: usize,
    /// Words for the EAL.
    #[arg(last = true)]
    eal: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct CountArguments {
    /// Number of flows.
    #[arg(long, default_value_t = 1000)]
    flows: u32,
    /// What the packets are.
    #[arg(long, value_enum, default_value = "exchange")]
    kind: Kind,
    /// Packets to count.
    #[arg(long, default_value_t = 65_536)]
    packets: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PagesName {
    /// 2 MB pages of the pool.
    Huge,
    /// Transparent huge pages, asked for.
    Thp,
    /// Pages of 4 KB: this process is denied transparent huge pages.
    Small,
}

/// Runs what was asked.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let done = match &arguments.what {
        #[cfg(feature = "dpdk")]
        What::Receive(asked) => super::receive::receive(&asked.eal, asked.seconds, asked.burst),
        What::InMemory(asked) => {
            pin();
            in_memory(asked).map_err(Box::<dyn std::error::Error>::from)
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

fn in_memory(asked: &InMemory) -> std::io::Result<()> {
    match asked {
        InMemory::Engine(asked) => from_memory(asked),
        InMemory::Decode(asked) => {
            println!("{HEAD}");
            decode::rows(&asked.only, asked.chunks, |name, cost| row(name, decode::FLOWS, cost));
            Ok(())
        }
        InMemory::Churn(asked) => churn::churn(asked.chunks),
        InMemory::Insert(asked) => insert::insert(asked.chunks),
        InMemory::Scaling(asked) => scaling::scaling(asked.flows, asked.chunks),
        InMemory::Stall(asked) => stall::stall(&asked.flows),
        InMemory::Publish(asked) => publish::publish(&asked.flows, asked.chunks),
        InMemory::Count(asked) => counted(asked),
    }
}

fn from_memory(asked: &EngineArguments) -> std::io::Result<()> {
    println!("{HEAD}");
    for flows in asked.flows.iter().copied() {
        for (kind, pages) in asked.kind.iter().flat_map(|kind| asked.pages.iter().map(move |pages| (*kind, *pages))) {
            set_thp_disable(matches!(pages, PagesName::Small))?;
            for burst in asked.burst.iter().copied() {
                let setting = Setting {
                    access: if asked.zipf { Access::Zipf } else { Access::Uniform },
                    burst,
                    memory: ArenaOptions { huge: matches!(pages, PagesName::Huge), touch: true },
                    duplicates: if asked.no_duplicates { Duplicates::Off } else { Duplicates::Count },
                    ..Setting::new(kind, flows)
                };
                let name = format!("whole worker, {kind:?}, {pages:?}, burst {burst}");
                let measure = if asked.whole { whole } else { steps };
                measure(&name, &setting, asked.chunks)?;
            }
        }
    }
    Ok(())
}

fn counted(asked: &CountArguments) -> std::io::Result<()> {
    let memory = ArenaOptions { huge: false, touch: true };
    let setting = Setting { memory, ..Setting::new(asked.kind, asked.flows) };
    println!("{}", count::count(&setting, asked.packets)?);
    Ok(())
}
