//! From the plan to running threads.
//!
//! **Owns** the assembly: who is made from what, on which thread, and how large. **May touch** every room's front door.
//! **Order** called once by the exporter; what it returns is the control side's end of everything.

use crate::decode::DecodeOptions;
use crate::exit::{ExitReader, WhenFull, door};
use crate::handover;
use crate::key::{HashSecret, READ_SECRET};
use crate::life::Limits;
use crate::locality::Locality;
use crate::look::Registry;
use crate::memory::ArenaOptions;
use crate::merge::Merger;
use crate::merge::collect::Collector;
use crate::merge::join::{Joiner, Parts};
use crate::merge::lookout::Lookout;
use crate::replay;
use crate::shard::{Shard, ShardPlan, bytes_per_flow};
use crate::sieve::control::{FilterError, Sieves};
use crate::source::Source;
use crate::spread::{SpreadWorker, Spreader};
use crate::stop::Stop;
use crate::tally::Tally;
use crate::time::{Nanos, nanos_of};
use crate::tuning::Tuning;
use crate::worker::Worker;
use parshall_config::plan::{EnginePlan, TableSize};
use std::thread::JoinHandle;

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The kernel refused the memory of the flow tables.
    #[error("no memory for {flows} flows of {bytes} bytes each: {cause}; use a smaller --max-flows or --flow-memory")]
    Memory {
        /// Flows asked for.
        flows: u32,
        /// Bytes of one flow.
        bytes: u64,
        /// What the kernel said.
        cause: std::io::Error,
    },
    /// A filter cannot be compiled.
    #[error("{0}")]
    Filter(#[from] FilterError),
    /// A thread could not be started.
    #[error("cannot start a worker thread: {0}")]
    Thread(std::io::Error),
}

/// A replay that runs: the control side's ends, and the threads to wait for.
#[derive(Debug)]
pub struct Replay<S> {
    /// Collects the workers' tallies.
    pub merger: Merger,
    /// Collects the workers' records.
    pub collector: Collector,
    /// Looks at the workers' live flows.
    pub lookout: Lookout,
    /// Replaces filters.
    pub sieves: Sieves,
    reader: JoinHandle<(S, usize, Tally)>,
    workers: Vec<JoinHandle<(usize, Tally)>>,
}

/// Starts to read `source` to its end.
///
/// # Errors
/// [`LaunchError`]; nothing runs then.
pub fn read<S: Source + Send + 'static>(
    source: S,
    plan: &EnginePlan,
    stop: &Stop,
    now: Nanos,
) -> Result<Replay<S>, LaunchError> {
    let workers = usize::from(plan.workers.get());
    if workers == 1 { read_alone(source, plan, stop, now) } else { read_spread(source, plan, stop, now, workers) }
}

fn read_alone<S: Source + Send + 'static>(
    mut source: S,
    plan: &EnginePlan,
    stop: &Stop,
    now: Nanos,
) -> Result<Replay<S>, LaunchError> {
    let mut merger = Merger::new(now);
    let (end, merger_end) = handover::pair();
    let number = merger.add(merger_end, 0);
    let (door, ring) = door(plan.record_ring, WhenFull::Wait);
    let registry = Registry::default();
    let mut shard = shard(read_shard(plan, 1), door)?;
    shard.look = registry.door(number as u16);
    let lookout = Lookout::new(registry, plan.live_flows);
    let mut sieves = Sieves::new(&plan.sieve);
    let options = DecodeOptions::new(&plan.decap, plan.key);
    let mut worker = Worker::new(shard, options, end, stop.clone()).with_sieve(sieves.of_any_link()?);
    let stop = stop.clone();
    let reader = thread("parshall-read", move || {
        replay::alone(&mut source, &mut worker, &stop);
        (source, number, worker.shard.tally)
    })?;
    let collector = collector(vec![ring], plan, Parts::Never);
    Ok(Replay { merger, collector, lookout, sieves, reader, workers: Vec::new() })
}

fn read_spread<S: Source + Send + 'static>(
    mut source: S,
    plan: &EnginePlan,
    stop: &Stop,
    now: Nanos,
    workers: usize,
) -> Result<Replay<S>, LaunchError> {
    let mut merger = Merger::new(now);
    let (end, merger_end) = handover::pair();
    let number = merger.add(merger_end, 0);
    let options = DecodeOptions::new(&plan.decap, plan.key);
    let mut sieves = Sieves::new(&plan.sieve);
    let (spreader, arrivals) = Spreader::new(workers, options, READ_SECRET, end);
    let mut spreader = spreader.with_sieve(sieves.of_any_link()?);
    let (mut rings, mut threads, registry) = (Vec::new(), Vec::new(), Registry::default());
    for arrivals in arrivals {
        let (end, merger_end) = handover::pair();
        let number = merger.add(merger_end, 0);
        let (door, ring) = door(plan.record_ring, WhenFull::Wait);
        rings.push(ring);
        let mut shard = shard(read_shard(plan, workers), door)?;
        shard.look = registry.door(number as u16);
        let mut worker = SpreadWorker::new(shard, arrivals, end, true);
        threads.push(thread(&format!("parshall-work{number}"), move || {
            worker.run();
            (number, worker.shard.tally)
        })?);
    }
    let (stop, lookout) = (stop.clone(), Lookout::new(registry, plan.live_flows));
    let reader = thread("parshall-read", move || {
        replay::spread(&mut source, &mut spreader, &stop);
        (source, number, spreader.tally)
    })?;
    let collector = collector(rings, plan, Parts::Never);
    Ok(Replay { merger, collector, lookout, sieves, reader, workers: threads })
}

impl<S> Replay<S> {
    /// Whether every thread has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.reader.is_finished() && self.workers.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the threads, takes their last tallies into the merger, and gives the source back.
    ///
    /// # Errors
    /// The name of a thread that panicked, after all others were waited for.
    pub fn conclude(self, now: Nanos) -> Result<(S, Merger), String> {
        let Replay { mut merger, reader, workers, .. } = self;
        conclude(&mut merger, reader, workers, now).map(|source| (source, merger))
    }
}

/// Waits for a reader and its workers.
fn conclude<S>(
    merger: &mut Merger,
    reader: JoinHandle<(S, usize, Tally)>,
    workers: Vec<JoinHandle<(usize, Tally)>>,
    now: Nanos,
) -> Result<S, String> {
    let (mut failed, mut source) = (None, None);
    match reader.join() {
        Ok((back, number, tally)) => {
            merger.conclude(number, &tally, now);
            source = Some(back);
        }
        Err(_) => failed = Some("the reading thread panicked".to_owned()),
    }
    for worker in workers {
        match worker.join() {
            Ok((number, tally)) => merger.conclude(number, &tally, now),
            Err(_) => failed = Some("a worker thread panicked".to_owned()),
        }
    }
    source.filter(|_| failed.is_none()).ok_or_else(|| failed.unwrap_or_default())
}

fn thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, LaunchError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(LaunchError::Thread)
}

pub(crate) fn collector(rings: Vec<ExitReader>, plan: &EnginePlan, parts: Parts) -> Collector {
    let hold = Limits::new(&plan.timeouts).longest();
    Collector::new(rings, Joiner::new(parts, hold, HELD_RECORDS))
}

/// Records that wait for another part of their flow, at most.
pub(crate) const HELD_RECORDS: usize = 100_000;

/// Makes a shard on this thread.
pub(crate) fn shard(plan: ShardPlan, door: crate::exit::ExitDoor) -> Result<Shard, LaunchError> {
    let (flows, bytes) = (plan.capacity, bytes_per_flow(plan.first_packets));
    Shard::new(plan, door).map_err(|cause| LaunchError::Memory { flows, bytes, cause })
}

/// A shard of `read`: mapped only, fixed secret. A share of the flows that is a quarter larger than even, because
/// hashing is not.
fn read_shard(plan: &EnginePlan, workers: usize) -> ShardPlan {
    let flows = flows(plan);
    let share = if workers == 1 { flows } else { flows / workers as u64 * 5 / 4 + 1024 };
    shard_plan(plan, share, ArenaOptions { huge: false, touch: false }, READ_SECRET)
}

fn shard_plan(plan: &EnginePlan, flows: u64, memory: ArenaOptions, secret: HashSecret) -> ShardPlan {
    ShardPlan {
        capacity: u32::try_from(flows).unwrap_or(u32::MAX).clamp(1, u32::MAX - 1),
        segment_memory: plan.segment_memory,
        duplicates: plan.duplicates,
        memory,
        limits: Limits::new(&plan.timeouts),
        secret,
        locality: Locality::new(&plan.local_nets),
        decode: DecodeOptions::new(&plan.decap, plan.key),
        sampling: [plan.sieve.sample_packets.get(), plan.sieve.sample_flows.get()],
        first_packets: plan.first_packets,
        tell_input: false,
        tell_parts: false,
    }
}

/// Flows that fit the size asked for.
pub(crate) const fn flows(plan: &EnginePlan) -> u64 {
    match plan.table {
        TableSize::Flows(flows) => flows,
        TableSize::Bytes(bytes) => bytes / bytes_per_flow(plan.first_packets),
    }
}

/// What workers can be given anew, from a plan.
#[must_use]
pub fn tuning(plan: &EnginePlan) -> Tuning {
    Tuning { limits: Limits::new(&plan.timeouts), locality: Locality::new(&plan.local_nets) }
}

/// The longest idle timeout of a plan. Unit: nanoseconds.
#[must_use]
pub fn longest_timeout(plan: &EnginePlan) -> u64 {
    Limits::new(&plan.timeouts).longest().max(nanos_of(plan.timeouts.single_packet))
}

/// A shard of `run`: memory on huge pages where there are any, touched before it starts.
#[must_use]
pub fn live_shard(plan: &EnginePlan, secret: HashSecret) -> ShardPlan {
    let memory = ArenaOptions { huge: true, touch: true };
    ShardPlan { tell_input: true, ..shard_plan(plan, flows(plan), memory, secret) }
}
