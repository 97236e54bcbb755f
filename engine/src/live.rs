//! `run`: from the plan to lcores that poll, and back.
//!
//! **Owns** the course of a live run: files looked at, EAL, ports, pools, queues to lcores, workers; the end in the reverse
//! order, which is scope order. **May touch** every room's front door; no packet.
//! **Order** called by the exporter on the main lcore, which it lends to the control loop meanwhile.

use crate::decode::DecodeOptions;
use crate::dpdk::plan::PcapFiles;
use crate::dpdk::vdev::{self, FileFacts, PcapVdev};
use crate::dpdk::{DpdkError, Eal, Lcore, Monitor, Pool, PoolSize, Port, PortPlan, PortWish, RxQueue, Started};
use crate::exit::{ExitDoor, WhenFull, door};
use crate::gate::Gate;
use crate::gate::control::{FilterError, Gatekeeper};
use crate::handover::{self, WorkerEnd};
use crate::key::HashSecret;
use crate::launch::{LaunchError, collector, live_shard, shard};
use crate::link::LinkType;
use crate::merge::Merger;
use crate::merge::collect::Collector;
use crate::merge::join::Parts;
use crate::shard::ShardPlan;
use crate::source::capture::facts::{FactsError, facts};
use crate::source::dpdk::DpdkSource;
use crate::spread::{Arrivals, SpreadWorker, Spreader};
use crate::stop::Stop;
use crate::tally::Tally;
use crate::time::Nanos;
use crate::worker::Worker;
use parshall_config::plan::{RssFields, RunPlan};
use std::collections::HashMap;

/// Why a live run did not start.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// DPDK or a device refused.
    #[error("{0}")]
    Dpdk(#[from] DpdkError),
    /// A capture behind a vdev cannot be read.
    #[error("{0}")]
    Capture(#[from] FactsError),
    /// Memory or threads.
    #[error("{0}")]
    Launch(#[from] LaunchError),
    /// `--filter` cannot be compiled for the frames of a port.
    #[error("{0}")]
    Filter(#[from] FilterError),
    /// A worker ended by a panic.
    #[error("a worker panicked: please report this with its message above")]
    Panic,
}

impl LiveError {
    /// Whether the command line is at fault, and not the host.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            LiveError::Dpdk(error) => error.is_usage(),
            LiveError::Capture(_) | LiveError::Filter(_) => true,
            LiveError::Launch(_) | LiveError::Panic => false,
        }
    }
}

/// What the control loop works with while lcores poll.
#[derive(Debug)]
pub struct Control<'p> {
    /// Collects the workers' tallies.
    pub merger: Merger,
    /// Collects the workers' records; taken by the thread that feeds the sinks.
    pub collector: Option<Collector>,
    /// One for each port.
    pub monitors: Vec<Monitor<'p>>,
    /// The mbuf pools.
    pub pools: Vec<&'p Pool<'p>>,
    /// Replaces filters.
    pub gates: Gatekeeper,
    /// What is worth saying at the start, in sentences.
    pub notes: Vec<String>,
    /// How many workers have not ended yet.
    pub working: usize,
    ended: std::sync::mpsc::Receiver<Ended>,
    failure: Option<LiveError>,
}

struct Ended {
    number: usize,
    tally: Option<Box<Tally>>,
    failure: Option<LiveError>,
}

impl Control<'_> {
    /// Takes in what workers left that have ended; says whether some still work.
    pub fn still_working(&mut self, now: Nanos) -> bool {
        while let Ok(ended) = self.ended.try_recv() {
            self.working -= 1;
            if let Some(tally) = ended.tally {
                self.merger.conclude(ended.number, &tally, now);
            }
            if let Some(failure) = ended.failure {
                self.failure.get_or_insert(failure);
            }
        }
        self.working > 0 && self.failure.is_none()
    }
}

/// The devices behind the EAL arguments, as far as they are capture files.
struct Files {
    by_name: HashMap<String, PcapFiles>,
    largest_step_back: u64,
    notes: Vec<String>,
}

/// Runs the plan: `control` is called once everything polls, and ends the run by returning.
///
/// # Errors
/// [`LiveError`]; what had started was stopped.
pub fn run<T>(
    plan: &RunPlan,
    stop: &Stop,
    now: Nanos,
    control: impl FnOnce(&mut Control<'_>) -> T,
) -> Result<T, LiveError> {
    let files = look_at_files(plan)?;
    let eal = Eal::start(&plan.eal)?;
    let (stopped, plans) = plan_ports(&eal, plan, &files)?;
    let lcores = choose_lcores(&eal, plan)?;
    let pools = make_pools(&eal, plan, &plans)?;
    let mut ports: Vec<Port<'_, Started>> = Vec::new();
    for (port, port_plan) in stopped.into_iter().zip(&plans) {
        let pool = &pools[&pool_socket(port.facts().socket)];
        ports.push(port.start(port_plan, pool)?);
    }
    let result = work(plan, stop, now, &eal, &mut ports, &lcores, &files, &pools, control);
    for port in ports {
        port.stop()?;
    }
    result
}

/// Counts the packets of the files that net_pcap vdevs read, which the driver cannot tell.
fn look_at_files(plan: &RunPlan) -> Result<Files, LiveError> {
    let mut files = Files { by_name: HashMap::new(), largest_step_back: 0, notes: Vec::new() };
    for device in vdev::parse(&plan.eal).iter().filter_map(vdev::Vdev::pcap) {
        device.check_inputs()?;
        let Some(paths) = device.files() else { continue };
        let mut found = Vec::new();
        for path in paths {
            let about = facts(path)?;
            if about.mixed_links {
                return Err(mixed(&device, path).into());
            }
            files.largest_step_back = files.largest_step_back.max(about.largest_step_back);
            if let Some(why) = &about.stopped {
                let (path, packets) = (path.display(), about.packets);
                files.notes.push(format!("{path}: net_pcap will end behind packet {packets}: {why}"));
            }
            let link = about.link.unwrap_or(LinkType::ETHERNET);
            found.push(FileFacts { packets: about.packets, longest_captured: about.longest_captured, link });
        }
        files.by_name.insert(device.name.clone(), PcapFiles { infinite: device.infinite, files: found });
    }
    Ok(files)
}

fn mixed(device: &PcapVdev, path: &std::path::Path) -> DpdkError {
    let asked = format!("--vdev {}: rx_pcap={}", device.name, path.display());
    DpdkError::usage(
        asked,
        "it has interfaces of several link types, which libpcap refuses",
        "use `parshall read` for this file",
    )
}

type Planned<'e> = (Vec<Port<'e, crate::dpdk::Stopped>>, Vec<PortPlan>);

fn plan_ports<'e>(eal: &'e Eal, plan: &RunPlan, files: &Files) -> Result<Planned<'e>, LiveError> {
    let ids = match &plan.ports {
        Some(ids) => ids.clone(),
        None => eal.port_facts()?.iter().map(|facts| facts.id).collect(),
    };
    if ids.is_empty() {
        // The same answer as for a port that is not there, which names the remedy.
        eal.port(0)?;
    }
    let (mut ports, mut plans) = (Vec::new(), Vec::new());
    for id in ids {
        let port = eal.port(id)?;
        let wish = PortWish {
            queues: plan.rxq.map(std::num::NonZero::get),
            pollers: plan.nb_cores.get(),
            descriptors: plan.rxd.map(std::num::NonZero::get),
            rss: plan.rss,
            max_packet_len: plan.max_packet_len,
            mbuf_size: plan.mbuf_size,
            rx_timestamp: plan.rx_timestamp,
            pcap: files.by_name.get(&port.facts().name).cloned(),
        };
        plans.push(port.plan(&wish)?);
        ports.push(port);
    }
    Ok((ports, plans))
}

/// The lcores that poll, then those that only account what software spreads to them.
struct Lcores {
    pollers: Vec<u32>,
    spread: Vec<u32>,
}

fn choose_lcores(eal: &Eal, plan: &RunPlan) -> Result<Lcores, DpdkError> {
    let allowed = |id: u32| plan.cores.as_ref().is_none_or(|cores| cores.iter().any(|core| u32::from(*core) == id));
    let mut ids: Vec<u32> = eal.worker_lcores().iter().map(|facts| facts.id).filter(|id| allowed(*id)).collect();
    let pollers = usize::from(plan.nb_cores.get());
    let workers = usize::from(plan.common.engine.workers.get());
    let spread = if workers > pollers { workers } else { 0 };
    let asked = if spread == 0 {
        format!("{pollers} polling lcores (--nb-cores {pollers})")
    } else {
        format!("{pollers} polling lcores and {spread} that software spreads to (--workers {workers})")
    };
    if spread > 0 && pollers > 1 {
        let back = "software spreads from one polling lcore only";
        return Err(DpdkError::usage(asked, back, "give --nb-cores 1, or as many --workers as --nb-cores"));
    }
    if ids.len() < pollers + spread {
        let back = format!("-l and --coremask leave {} beside the main lcore", ids.len());
        let remedy = format!(
            "name {} lcores with -l (one is the main one), e.g. -l 0-{}",
            pollers + spread + 1,
            pollers + spread
        );
        return Err(DpdkError::usage(asked, back, remedy));
    }
    ids.truncate(pollers + spread);
    let spread = ids.split_off(pollers);
    Ok(Lcores { pollers: ids, spread })
}

/// The socket whose pool a port on `socket` takes its mbufs from.
const fn pool_socket(socket: i32) -> i32 {
    if socket < 0 { -1 } else { socket }
}

fn make_pools<'e>(eal: &'e Eal, plan: &RunPlan, plans: &[PortPlan]) -> Result<HashMap<i32, Pool<'e>>, DpdkError> {
    let facts = eal.port_facts()?;
    let wanted: Vec<u16> = plan.ports.clone().unwrap_or_else(|| facts.iter().map(|facts| facts.id).collect());
    let mut by_socket: HashMap<i32, Vec<&PortPlan>> = HashMap::new();
    for (id, port_plan) in wanted.iter().zip(plans) {
        let socket = facts.iter().find(|facts| facts.id == *id).map_or(-1, |facts| facts.socket);
        by_socket.entry(pool_socket(socket)).or_default().push(port_plan);
    }
    let lcores = usize::from(plan.nb_cores.get()) + usize::from(plan.common.engine.workers.get());
    let mut pools = HashMap::new();
    for (socket, ports) in by_socket {
        let size = PoolSize::for_ports(&ports, lcores, plan.mbcache, plan.total_mbufs)?;
        let name = if socket < 0 { "parshall_any".to_owned() } else { format!("parshall_{socket}") };
        pools.insert(socket, Pool::create(eal, &name, size, socket)?);
    }
    Ok(pools)
}

/// Launches the workers, lends the main lcore to `control`, and waits for the workers.
#[allow(clippy::too_many_arguments, reason = "each is one layer of the scope that ends in reverse order")]
fn work<'e, T>(
    plan: &RunPlan,
    stop: &Stop,
    now: Nanos,
    eal: &'e Eal,
    ports: &mut [Port<'e, Started>],
    lcores: &Lcores,
    files: &Files,
    pools: &HashMap<i32, Pool<'e>>,
    control: impl FnOnce(&mut Control<'_>) -> T,
) -> Result<T, LiveError> {
    let parts = parts(plan, ports, lcores);
    let mut notes: Vec<String> = files.notes.clone();
    notes.extend(ports.iter().flat_map(|port| port.notes().iter().cloned()));
    let (mut queues, mut monitors) = (Vec::new(), Vec::new());
    for port in ports {
        let links = files.by_name.get(&port.facts().name).map(|pcap| pcap.files.clone()).unwrap_or_default();
        let (lent, monitor) = port.split();
        let link = |queue: u16| links.get(usize::from(queue)).map_or(LinkType::ETHERNET, |file| file.link);
        queues.extend(lent.into_iter().map(|queue| (queue.queue(), link(queue.queue()), queue)));
        monitors.push(monitor);
    }
    let mut gates = Gatekeeper::live(&plan.common.engine.gate, queues.iter().map(|(_, link, _)| *link).collect());
    notes.extend(gates.notes()?);
    let hands = deal(queues, lcores.pollers.len());
    let (report, ended) = std::sync::mpsc::channel();
    let crew = Crew { plan, stop, secret: secret(), slack: files.largest_step_back, parts, report };
    let mut merger = Merger::new(now);
    let mut rings = Vec::new();
    eal.scope(|scope| {
        let mut working = 0;
        for (lcore, hand) in lcores.pollers.iter().zip(hands) {
            if hand.is_empty() {
                notes.push(format!("lcore {lcore} has no queue to poll; lower --nb-cores or raise --rxq"));
                continue;
            }
            let (end, merger_end) = handover::pair();
            let number = merger.add(merger_end, *lcore);
            if lcores.spread.is_empty() {
                let (door, ring) = door(plan.common.engine.record_ring, WhenFull::Drop);
                rings.push(ring);
                let (crew, gate) = (crew.clone(), gates.gate()?);
                scope.launch(*lcore, move |here| crew.poll(number, here, hand, gate, end, door))?;
                working += 1;
                continue;
            }
            let options = DecodeOptions::new(&plan.common.engine.decap, plan.common.engine.key);
            let (spreader, arrivals) = Spreader::new(lcores.spread.len(), options, crew.secret, end);
            let spreader = spreader.with_gate(gates.gate()?);
            for (lcore, arrivals) in lcores.spread.iter().zip(arrivals) {
                let (end, merger_end) = handover::pair();
                let number = merger.add(merger_end, *lcore);
                let (door, ring) = door(plan.common.engine.record_ring, WhenFull::Drop);
                rings.push(ring);
                let crew = crew.clone();
                scope.launch(*lcore, move |_| crew.account(number, arrivals, end, door))?;
                working += 1;
            }
            let crew = crew.clone();
            scope.launch(*lcore, move |here| crew.spread(number, here, hand, spreader))?;
            working += 1;
        }
        let collector = Some(collector(std::mem::take(&mut rings), &plan.common.engine, parts));
        let pools = pools.values().collect();
        let mut live = Control { merger, collector, monitors, pools, gates, notes, working, ended, failure: None };
        let value = control(&mut live);
        stop.ask();
        match live.failure {
            Some(failure) => Err(failure),
            None => Ok(value),
        }
    })
}

/// Which flows can have parts on several workers.
fn parts(plan: &RunPlan, ports: &[Port<'_, Started>], lcores: &Lcores) -> Parts {
    if lcores.pollers.len() == 1 {
        return Parts::Never;
    }
    let symmetric = plan.rss == RssFields::IpAndPorts && ports.iter().all(|port| port.plan().rss.is_some());
    if symmetric { Parts::Fragments } else { Parts::Anywhere }
}

type Hand<'p> = Vec<(RxQueue<'p>, LinkType)>;

/// Queue i of every port to poller i, over and over, as testpmd deals them.
fn deal(queues: Vec<(u16, LinkType, RxQueue<'_>)>, pollers: usize) -> Vec<Hand<'_>> {
    let mut hands: Vec<Hand<'_>> = (0..pollers).map(|_| Vec::new()).collect();
    for (number, link, queue) in queues {
        hands[usize::from(number) % pollers].push((queue, link));
    }
    hands
}

/// A secret for the table's hash that nobody outside knows.
fn secret() -> HashSecret {
    use std::hash::{BuildHasher, RandomState};
    // RandomState is keyed from the system's randomness once a thread; hashing numbers with it stretches that.
    let state = RandomState::new();
    let mut bytes = [0; 48];
    for (n, chunk) in bytes.chunks_exact_mut(8).enumerate() {
        chunk.copy_from_slice(&state.hash_one(n).to_le_bytes());
    }
    HashSecret::from_random(bytes)
}

/// What every worker is made from.
#[derive(Clone)]
struct Crew<'a> {
    plan: &'a RunPlan,
    stop: &'a Stop,
    secret: HashSecret,
    slack: u64,
    parts: Parts,
    report: std::sync::mpsc::Sender<Ended>,
}

impl Crew<'_> {
    fn shard_plan(&self) -> ShardPlan {
        let mut plan = live_shard(&self.plan.common.engine, self.secret);
        plan.tell_parts = self.parts == Parts::Fragments;
        plan
    }

    fn tell(&self, number: usize, result: Result<Tally, LiveError>) {
        let (tally, failure) = match result {
            Ok(tally) => (Some(Box::new(tally)), None),
            Err(failure) => (None, Some(failure)),
        };
        // The control side may have gone after a failure of its own.
        let _ = self.report.send(Ended { number, tally, failure });
    }

    /// Polls queues and accounts what they give.
    fn poll(&self, number: usize, here: &Lcore<'_>, hand: Hand<'_>, gate: Gate, end: WorkerEnd, door: ExitDoor) {
        let result = self.source(here, hand).and_then(|mut source| {
            let engine = &self.plan.common.engine;
            let shard = shard(self.shard_plan(), door)?;
            let options = DecodeOptions::new(&engine.decap, engine.key);
            let mut worker = Worker::new(shard, options, end, self.stop.clone()).with_gate(gate);
            worker.run(&mut source, self.slack);
            Ok(worker.shard.tally)
        });
        self.tell(number, result);
    }

    /// Polls queues and spreads what they give.
    fn spread(&self, number: usize, here: &Lcore<'_>, hand: Hand<'_>, mut spreader: Spreader) {
        let result = self.source(here, hand).map(|mut source| {
            spreader.run(&mut source, self.stop, self.slack);
            spreader.tally
        });
        self.tell(number, result);
    }

    /// Accounts what a spreader sends.
    fn account(&self, number: usize, arrivals: Arrivals, end: WorkerEnd, door: ExitDoor) {
        let result = shard(self.shard_plan(), door).map_err(LiveError::from).map(|shard| {
            let mut worker = SpreadWorker::new(shard, arrivals, end, false);
            worker.run();
            worker.shard.tally
        });
        self.tell(number, result);
    }

    fn source<'p, 'l>(&self, here: &'l Lcore<'_>, hand: Hand<'p>) -> Result<DpdkSource<'p, 'l>, LiveError> {
        Ok(DpdkSource::new(hand, here, self.plan.burst, self.plan.exit_at_eof)?)
    }
}
