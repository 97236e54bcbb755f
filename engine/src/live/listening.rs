//! The part of a live run that needs no EAL: listeners, their threads, and workers of their own.
//!
//! **Owns** those threads; all have ended when it is dropped. **May touch** what it is given of the run under way.
//! **Order** started before an EAL, whose main lcore's processor later threads would inherit; ended after the lcores.
//!
//! Listeners have a worker of their own, also beside ports: a router's stream is a place of observation of its own. Without
//! ports, `--workers` above 1 spreads its packets in software.

use super::{Ended, LiveError};
use crate::decode::DecodeOptions;
use crate::exit::{ExitDoor, ExitReader, WhenFull, door};
use crate::handover::{self, WorkerEnd};
use crate::key::HashSecret;
use crate::launch::{LaunchError, live_shard, shard};
use crate::listen::{self, ListenSource, Listener, Receiver};
use crate::look::Registry;
use crate::merge::Merger;
use crate::shard::Shard;
use crate::sieve::Sieve;
use crate::sieve::control::Sieves;
use crate::spread::{Arrivals, SpreadWorker, Spreader};
use crate::stop::Stop;
use crate::tally::Tally;
use crate::worker::Worker;
use parshall_config::plan::RunPlan;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

/// Listeners and workers that run.
#[derive(Debug)]
pub(super) struct Listening {
    /// What each listener counts.
    pub(super) listeners: Vec<Arc<Listener>>,
    /// Threads that will report their end.
    pub(super) working: usize,
    threads: Vec<JoinHandle<()>>,
    stop: Stop,
}

/// Where workers are announced.
#[derive(Debug)]
pub(super) struct Office<'a> {
    pub(super) merger: &'a mut Merger,
    pub(super) rings: &'a mut Vec<ExitReader>,
    pub(super) report: &'a Sender<Ended>,
    pub(super) looks: &'a Registry,
    pub(super) sieves: &'a mut Sieves,
}

/// What the threads of the workers are made from.
#[derive(Clone)]
struct Desk {
    plan: Arc<RunPlan>,
    secret: HashSecret,
    report: Sender<Ended>,
    looks: Registry,
    /// Number of the worker.
    number: usize,
}

impl Listening {
    /// Binds what the plan listens on, and starts its threads; nothing where it listens on nothing. `alone`: there are no
    /// ports, so that all workers are for listeners.
    pub(super) fn start(
        plan: &RunPlan,
        stop: &Stop,
        alone: bool,
        office: &mut Office<'_>,
    ) -> Result<Listening, LiveError> {
        let sockets = listen::bind(&plan.tzsp_listen).map_err(LiveError::Listen)?;
        let mut listening = Listening { listeners: Vec::new(), working: 0, threads: Vec::new(), stop: stop.clone() };
        if sockets.is_empty() {
            return Ok(listening);
        }
        let (receivers, source, listeners) = listen::connect(sockets);
        listening.listeners = listeners;
        let secret = HashSecret::from_system();
        let desk = Desk {
            plan: Arc::new(plan.clone()),
            secret,
            report: office.report.clone(),
            looks: office.looks.clone(),
            number: 0,
        };
        let workers = if alone { usize::from(plan.common.engine.workers.get()) } else { 1 };
        listening.workers(&desk, source, workers, office)?;
        for receiver in receivers {
            listening.receive(receiver)?;
        }
        Ok(listening)
    }

    fn workers(
        &mut self,
        desk: &Desk,
        source: ListenSource,
        workers: usize,
        office: &mut Office<'_>,
    ) -> Result<(), LiveError> {
        let (end, merger_end) = handover::pair();
        let number = office.merger.add(merger_end, 0);
        let sieve = office.sieves.of_any_link()?;
        let mut ring = || {
            let (door, ring) = door(desk.plan.common.engine.record_ring, WhenFull::Drop);
            office.rings.push(ring);
            door
        };
        if workers == 1 {
            let door = ring();
            return self.thread("parshall-tzsp", desk, number, move |desk| desk.account_all(source, sieve, end, door));
        }
        let engine = &desk.plan.common.engine;
        let options = DecodeOptions::new(&engine.decap, engine.key);
        let (spreader, arrivals) = Spreader::new(workers, options, desk.secret, end);
        let spreader = spreader.with_sieve(sieve);
        for arrivals in arrivals {
            let (end, merger_end) = handover::pair();
            let number = office.merger.add(merger_end, 0);
            let door = ring();
            let name = format!("parshall-work{number}");
            self.thread(&name, desk, number, move |desk| desk.account(arrivals, end, door))?;
        }
        self.thread("parshall-tzsp", desk, number, move |_| Ok(spread(source, spreader)))
    }

    /// Runs `work` on a thread that reports how it ended.
    fn thread(
        &mut self,
        name: &str,
        desk: &Desk,
        number: usize,
        work: impl FnOnce(&Desk) -> Result<Tally, LiveError> + Send + 'static,
    ) -> Result<(), LiveError> {
        let desk = Desk { number, ..desk.clone() };
        self.spawn(name, move || {
            let result = catch_unwind(AssertUnwindSafe(|| work(&desk))).unwrap_or(Err(LiveError::Panic));
            let (tally, failure) = match result {
                Ok(tally) => (Some(Box::new(tally)), None),
                Err(failure) => (None, Some(failure)),
            };
            // The control side may have gone after a failure of its own.
            let _ = desk.report.send(Ended { number, tally, failure });
        })?;
        self.working += 1;
        Ok(())
    }

    fn receive(&mut self, receiver: Receiver) -> Result<(), LiveError> {
        let stop = self.stop.clone();
        self.spawn("parshall-listen", move || receiver.run(&stop))
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), LiveError> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(LaunchError::Thread)?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.stop.ask();
        }
        for thread in self.threads.drain(..) {
            // What a worker's panic meant was reported; a receiver has nothing to say.
            let _ = thread.join();
        }
    }
}

/// A stop that nobody asks for: workers end when their receivers have, so that what was received is accounted.
fn never() -> Stop {
    Stop::default()
}

/// Spreads what listeners receive.
fn spread(mut source: ListenSource, mut spreader: Spreader) -> Tally {
    spreader.run(&mut source, &never(), ListenSource::SLACK);
    spreader.tally
}

impl Desk {
    /// The worker's shard on this thread.
    fn shard(&self, door: ExitDoor) -> Result<Shard, LaunchError> {
        let mut shard = shard(live_shard(&self.plan.common.engine, self.secret), door)?;
        shard.look = self.looks.door(self.number as u16);
        Ok(shard)
    }

    /// Accounts all that listeners receive.
    fn account_all(
        &self,
        mut source: ListenSource,
        sieve: Sieve,
        end: WorkerEnd,
        door: ExitDoor,
    ) -> Result<Tally, LiveError> {
        let engine = &self.plan.common.engine;
        let shard = self.shard(door)?;
        let options = DecodeOptions::new(&engine.decap, engine.key);
        let mut worker = Worker::new(shard, options, end, never()).with_sieve(sieve);
        worker.run(&mut source, ListenSource::SLACK);
        Ok(worker.shard.tally)
    }

    /// Accounts what a spreader sends.
    fn account(&self, arrivals: Arrivals, end: WorkerEnd, door: ExitDoor) -> Result<Tally, LiveError> {
        let shard = self.shard(door)?;
        let mut worker = SpreadWorker::new(shard, arrivals, end, true);
        worker.run();
        Ok(worker.shard.tally)
    }
}
