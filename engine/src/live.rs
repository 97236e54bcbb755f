//! `run`: from the plan to lcores that poll, and back.
//!
//! **Owns** the course of a live run: files looked at, EAL, ports, pools, queues to lcores, workers; the end in the reverse
//! order, which is scope order. **May touch** every room's front door; no packet.
//! **Order** called by the exporter on the main lcore, which it lends to the control loop meanwhile.

use crate::decode::DecodeOptions;
use crate::dpdk::{
    DpdkError, Eal, Gate, Keeper, Lcore, LcoreFacts, Monitor, Pool, PoolSize, Port, PortPlan, PortWish, RxQueue,
    Started,
};
use crate::exit::{ExitDoor, WhenFull, door};
use crate::handover::{self, WorkerEnd};
use crate::interface;
use crate::key::HashSecret;
use crate::launch::{HELD_RECORDS, LaunchError, live_shard, shard};
use crate::layout::{self, Layout, PoolSetup, PortSetup, Post, Stream};
use crate::link::LinkType;
use crate::listen::{self, ListenError};
use crate::look::Registry;
use crate::merge::join::Parts;
use crate::record::FlowRecord;
use crate::shard::Shard;
use crate::sieve::Sieve;
use crate::sieve::control::FilterError;
use crate::source::capture::facts::FactsError;
use crate::source::dpdk::DpdkSource;
use crate::source::rest::Rest;
use crate::spread::{Arrivals, SpreadWorker, Spreader};
use crate::statement::{Item, Statement, TooMuch};
use crate::stop::Stop;
use crate::tally::Tally;
use crate::time::Nanos;
use crate::worker::Worker;
use parshall_config::plan::{Idle, InterfaceDriver, RunPlan};
use std::collections::BTreeMap;

mod control;
mod files;
mod listening;

pub use control::Control;

use control::{Begun, Ended, Ports};
use files::{Files, look_at_files};
use std::sync::mpsc::Sender;

/// Why a live run did not start.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// DPDK or a device refused.
    #[error("{0}")]
    Dpdk(#[from] DpdkError),
    /// A capture behind a vdev cannot be read.
    #[error("{0}")]
    Capture(#[from] FactsError),
    /// `--interface-driver auto` chose net_af_xdp for an interface, and it does not work there.
    #[error("{0}; --interface-driver af_packet does without net_af_xdp")]
    Xdp(DpdkError),
    /// Interfaces that cannot be had.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Interfaces(Vec<DpdkError>),
    /// Addresses that cannot be listened on.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Listen(Vec<ListenError>),
    /// More than `--memory`.
    #[error("{0}")]
    Memory(#[from] TooMuch),
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
            LiveError::Interfaces(errors) => errors.iter().any(DpdkError::is_usage),
            LiveError::Capture(_) | LiveError::Filter(_) | LiveError::Memory(_) => true,
            LiveError::Xdp(_) | LiveError::Listen(_) | LiveError::Launch(_) | LiveError::Panic => false,
        }
    }
}

/// Whether a run has ports, and so needs an EAL: always, unless it listens and says nothing for the EAL.
fn has_ports(plan: &RunPlan) -> bool {
    plan.tzsp_listen.is_empty() || !plan.interfaces.is_empty() || !plan.eal.is_empty()
}

/// Why EAL or a port did not start: net_af_xdp, where it was chosen without being asked for.
fn refused(plan: &RunPlan, error: DpdkError) -> LiveError {
    let xdp = plan.eal.iter().any(|word| word.starts_with("net_af_xdp_"));
    let chosen = plan.interface_driver == InterfaceDriver::Auto && !plan.interfaces.is_empty() && xdp;
    if chosen { LiveError::Xdp(error) } else { error.into() }
}

/// Runs the plan: `control` is called once everything polls, and ends the run by returning. `beside`: what the caller
/// takes of memory.
///
/// # Errors
/// [`LiveError`]; what had started was stopped.
pub fn run<T>(
    plan: &RunPlan,
    stop: &Stop,
    now: Nanos,
    beside: &[Item],
    control: impl FnOnce(&mut Control<'_>) -> T,
) -> Result<T, LiveError> {
    let (plan, remarks) = &interface::resolve(plan).map_err(LiveError::Interfaces)?;
    if !has_ports(plan) {
        let ports = Ports::none(stated(plan, Ports::NO_LAYOUT, beside)?);
        return Begun::new(plan, stop, now)?.conduct(plan, stop, ports, control);
    }
    let begun = Begun::new(plan, stop, now)?;
    let files = look_at_files(plan)?;
    let eal = Eal::start(&plan.eal).map_err(|error| refused(plan, error))?;
    let (stopped, mut layout) = lay_out(&eal, plan, &files)?;
    layout.notes.extend_from_slice(remarks);
    let layout = stated(plan, layout, beside)?;
    let pools = make_pools(&eal, plan, &layout)?;
    let mut ports: Vec<Port<'_, Started>> = Vec::new();
    for (port, setup) in stopped.into_iter().zip(&layout.ports) {
        let pool = &pools[&pool_socket(port.facts().socket)];
        ports.push(port.start(&setup.plan, pool).map_err(|error| refused(plan, error))?);
    }
    let result = work(plan, stop, begun, &eal, &mut ports, layout, &files, &pools, control);
    for port in ports {
        port.stop()?;
    }
    result
}

/// What [`run`] would do: the core plan. Nothing is received; the EAL is over afterwards.
///
/// # Errors
/// [`LiveError`], as [`run`] up to the start of the ports.
pub fn layout(plan: &RunPlan, beside: &[Item]) -> Result<Layout, LiveError> {
    let (plan, remarks) = &interface::resolve(plan).map_err(LiveError::Interfaces)?;
    if !has_ports(plan) {
        return stated(plan, Ports::NO_LAYOUT, beside);
    }
    let files = look_at_files(plan)?;
    let eal = Eal::start(&plan.eal)?;
    let mut layout = lay_out(&eal, plan, &files)?.1;
    layout.notes.extend_from_slice(remarks);
    stated(plan, layout, beside)
}

/// A layout with the statement of its memory, held against `--memory`.
fn stated(plan: &RunPlan, layout: Layout, beside: &[Item]) -> Result<Layout, LiveError> {
    let (polling, spread_to) = (layout.posts.len() as u64, layout.spread_to.len() as u64);
    let listening = match (plan.tzsp_listen.is_empty(), has_ports(plan)) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => u64::from(plan.common.engine.workers.get()),
    };
    let spread_listening = if has_ports(plan) || listening <= 1 { 0 } else { listening };
    let workers = if spread_to > 0 { spread_to } else { polling } + listening;
    let mut memory = Statement::of_workers(&plan.common.engine, workers, spread_to + spread_listening);
    let mebibytes: u64 = layout.pools.iter().map(|pool| pool.mebibytes).sum();
    if mebibytes > 0 {
        let option = "--total-num-mbufs, --mbuf-size, --rxd";
        memory = memory.with(Item { what: "mbufs", bytes: mebibytes << 20, option });
    }
    if layout.parts != Parts::Never {
        let bytes = (HELD_RECORDS * size_of::<FlowRecord>()) as u64;
        memory = memory.with(Item { what: "records that wait for parts from other workers", bytes, option: "" });
    }
    let sockets = plan.tzsp_listen.len() as u64;
    if sockets > 0 {
        memory = memory.with(Item { what: "parcels of listeners", bytes: sockets * listen::ROAD_BYTES, option: "" });
    }
    for item in beside {
        memory = memory.with(item.clone());
    }
    memory.check(plan.memory)?;
    Ok(Layout { memory, ..layout })
}

fn lay_out<'e>(eal: &'e Eal, plan: &RunPlan, files: &Files) -> Result<Planned<'e>, LiveError> {
    let (stopped, plans) = plan_ports(eal, plan, files)?;
    let lcores = choose_lcores(eal, plan)?;
    let setups = stopped.iter().zip(plans).map(|(port, plan)| PortSetup { facts: port.facts().clone(), plan });
    let ports: Vec<PortSetup> = setups.collect();
    let queues: Vec<_> = ports.iter().map(|setup| (setup.facts.id, setup.plan.queues)).collect();
    let hands = layout::deal(&queues, lcores.pollers.len(), plan.spread);
    let asked = lcores.pollers.len();
    let mut layout = Layout {
        main: eal.main_facts(),
        parts: layout::parts(&hands, &ports, plan.rss),
        asked,
        spare: lcores.pollers.iter().skip(hands.len()).chain(&lcores.others).copied().collect(),
        posts: lcores.pollers.into_iter().zip(hands).map(|(lcore, streams)| Post { lcore, streams }).collect(),
        spread_to: lcores.spread,
        pools: pool_sizes(plan, &ports)?.into_iter().map(|(socket, size)| setup_of(socket, size)).collect(),
        ports,
        memory: Statement::default(),
        notes: Vec::new(),
        damage: files.damage.clone(),
    };
    let of_ports = layout.ports.iter().flat_map(|setup| setup.plan.notes.iter().cloned());
    layout.notes.extend(of_ports.collect::<Vec<_>>());
    layout.notes.extend(layout::remarks(&layout));
    Ok((stopped, layout))
}

type Stopped<'e> = Vec<Port<'e, crate::dpdk::Stopped>>;
type Planned<'e> = (Stopped<'e>, Layout);

fn plan_ports<'e>(eal: &'e Eal, plan: &RunPlan, files: &Files) -> Result<(Stopped<'e>, Vec<PortPlan>), LiveError> {
    let ids = match &plan.ports {
        Some(ids) => ids.clone(),
        None => eal.port_facts()?.iter().map(|facts| facts.id).collect(),
    };
    if ids.is_empty() && plan.tzsp_listen.is_empty() {
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
            transmit_queue: plan.transmit_queue,
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

/// The lcores that poll, those that only account what software spreads to them, and the rest.
struct Lcores {
    pollers: Vec<LcoreFacts>,
    spread: Vec<LcoreFacts>,
    others: Vec<LcoreFacts>,
}

fn choose_lcores(eal: &Eal, plan: &RunPlan) -> Result<Lcores, DpdkError> {
    let mut lcores = eal.worker_lcores();
    if let Some(mask) = &plan.cores {
        layout::check_mask(mask, eal.main_facts().id, &lcores)?;
        lcores.retain(|facts| mask.iter().any(|core| u32::from(*core) == facts.id));
    }
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
    if lcores.len() < pollers + spread {
        let back = format!("-l and --coremask leave {} beside the main lcore", lcores.len());
        let remedy = format!(
            "name {} lcores with -l (one is the main one), e.g. -l 0-{}",
            pollers + spread + 1,
            pollers + spread
        );
        return Err(DpdkError::usage(asked, back, remedy));
    }
    let others = lcores.split_off(pollers + spread);
    let spread = lcores.split_off(pollers);
    Ok(Lcores { pollers: lcores, spread, others })
}

/// The socket whose pool a port on `socket` takes its mbufs from.
const fn pool_socket(socket: i32) -> i32 {
    if socket < 0 { -1 } else { socket }
}

/// The size of each socket's pool.
fn pool_sizes(plan: &RunPlan, ports: &[PortSetup]) -> Result<BTreeMap<i32, PoolSize>, DpdkError> {
    let mut by_socket: BTreeMap<i32, Vec<&PortPlan>> = BTreeMap::new();
    for setup in ports {
        by_socket.entry(pool_socket(setup.facts.socket)).or_default().push(&setup.plan);
    }
    let lcores = usize::from(plan.nb_cores.get()) + usize::from(plan.common.engine.workers.get());
    let size = |ports: &[&PortPlan]| PoolSize::for_ports(ports, lcores, plan.mbcache, plan.total_mbufs);
    by_socket.into_iter().map(|(socket, ports)| Ok((socket, size(&ports)?))).collect()
}

fn setup_of(socket: i32, size: PoolSize) -> PoolSetup {
    PoolSetup { socket, mbufs: size.mbufs, mebibytes: size.mebibytes() }
}

fn make_pools<'e>(eal: &'e Eal, plan: &RunPlan, layout: &Layout) -> Result<BTreeMap<i32, Pool<'e>>, DpdkError> {
    let name = |socket: i32| if socket < 0 { "parshall_any".to_owned() } else { format!("parshall_{socket}") };
    let sizes = pool_sizes(plan, &layout.ports)?.into_iter();
    sizes.map(|(socket, size)| Ok((socket, Pool::create(eal, &name(socket), size, socket)?))).collect()
}

/// What is worth saying at the start, each once.
fn notes(layout: &Layout, ports: &[Port<'_, Started>]) -> Vec<String> {
    let mut notes = layout.notes.clone();
    for note in ports.iter().flat_map(Port::notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    notes
}

/// Launches the workers, lends the main lcore to `control`, and waits for the workers.
#[allow(clippy::too_many_arguments, reason = "each is one layer of the scope that ends in reverse order")]
fn work<'e, T>(
    plan: &RunPlan,
    stop: &Stop,
    mut begun: Begun,
    eal: &'e Eal,
    ports: &mut [Port<'e, Started>],
    layout: Layout,
    files: &Files,
    pools: &BTreeMap<i32, Pool<'e>>,
    control: impl FnOnce(&mut Control<'_>) -> T,
) -> Result<T, LiveError> {
    let parts = layout.parts;
    let notes = notes(&layout, ports);
    let (hands, monitors) = lend(ports, files, &layout);
    let (report, looks) = (begun.report.clone(), begun.looks.clone());
    let crew =
        Crew { plan, stop, secret: HashSecret::from_system(), slack: files.largest_step_back, parts, report, looks };
    let mut gate = Gate::new(!plan.interactive || plan.auto_start);
    eal.scope(|scope| {
        let mut working = 0;
        for (lcore, hand) in hands {
            let (end, merger_end) = handover::pair();
            let number = begun.merger.add(merger_end, lcore);
            let keeper = gate.keeper();
            let sieve = begun.sieves.of_queues(hand.iter().map(|(_, link)| *link))?;
            working += 1;
            if layout.spread_to.is_empty() {
                let (door, ring) = door(plan.common.engine.record_ring, WhenFull::Drop);
                begun.rings.push(ring);
                let crew = crew.clone();
                scope.launch(lcore, move |here| crew.poll(number, here, hand, keeper, Doors { sieve, end, door }))?;
                continue;
            }
            let options = DecodeOptions::new(&plan.common.engine.decap, plan.common.engine.key);
            let (spreader, arrivals) = Spreader::new(layout.spread_to.len(), options, crew.secret, end);
            let spreader = spreader.with_sieve(sieve);
            for (lcore, arrivals) in layout.spread_to.iter().zip(arrivals) {
                let (end, merger_end) = handover::pair();
                let number = begun.merger.add(merger_end, lcore.id);
                let (door, ring) = door(plan.common.engine.record_ring, WhenFull::Drop);
                begun.rings.push(ring);
                let crew = crew.clone();
                scope.launch(lcore.id, move |_| crew.account(number, arrivals, end, door))?;
                working += 1;
            }
            let crew = crew.clone();
            scope.launch(lcore, move |here| crew.spread(number, here, hand, keeper, spreader))?;
        }
        let (pools, processors) = (pools.values().collect(), eal.processors(&layout.lcores()));
        let ports = Ports { monitors, pools, notes, processors, layout, gate, working };
        begun.conduct(plan, stop, ports, control)
    })
}

type Hand<'p> = Vec<(RxQueue<'p>, LinkType)>;

/// Lends out every queue to its lcore, and the monitors to the control side.
fn lend<'p>(
    ports: &'p mut [Port<'_, Started>],
    files: &Files,
    layout: &Layout,
) -> (Vec<(u32, Hand<'p>)>, Vec<Monitor<'p>>) {
    let (mut queues, mut monitors) = (Vec::new(), Vec::new());
    for port in ports {
        let links = files.by_name.get(&port.facts().name).map(|pcap| pcap.files.clone()).unwrap_or_default();
        let (lent, monitor) = port.split();
        let link = |queue: u16| links.get(usize::from(queue)).map_or(LinkType::ETHERNET, |file| file.link);
        queues.extend(lent.into_iter().map(|queue| (link(queue.queue()), queue)));
        monitors.push(monitor);
    }
    (hand_out(queues, layout), monitors)
}

/// Gives each lcore the queues that the layout has for it, in its order.
fn hand_out<'p>(queues: Vec<(LinkType, RxQueue<'p>)>, layout: &Layout) -> Vec<(u32, Hand<'p>)> {
    let mut hands: Vec<(u32, Hand<'p>)> = layout.posts.iter().map(|post| (post.lcore.id, Vec::new())).collect();
    for (link, queue) in queues {
        let stream = Stream { port: queue.port(), queue: queue.queue() };
        if let Some(at) = layout.posts.iter().position(|post| post.streams.contains(&stream)) {
            hands[at].1.push((queue, link));
        }
    }
    for ((_, hand), post) in hands.iter_mut().zip(&layout.posts) {
        let place = |queue: &RxQueue<'_>| {
            let stream = Stream { port: queue.port(), queue: queue.queue() };
            post.streams.iter().position(|other| *other == stream)
        };
        hand.sort_by_key(|(queue, _)| place(queue));
    }
    hands
}

/// What leads into and out of a worker that polls, beside its queues.
struct Doors {
    sieve: Sieve,
    end: WorkerEnd,
    door: ExitDoor,
}

/// What every worker is made from.
#[derive(Clone)]
struct Crew<'a> {
    plan: &'a RunPlan,
    stop: &'a Stop,
    secret: HashSecret,
    slack: u64,
    parts: Parts,
    report: Sender<Ended>,
    looks: Registry,
}

impl Crew<'_> {
    /// A worker's shard on this thread.
    fn shard(&self, number: usize, door: ExitDoor) -> Result<Shard, LaunchError> {
        let mut plan = live_shard(&self.plan.common.engine, self.secret);
        plan.tell_parts = self.parts == Parts::Fragments;
        let mut shard = shard(plan, door)?;
        shard.look = self.looks.door(number as u16);
        Ok(shard)
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
    fn poll(&self, number: usize, here: &Lcore<'_>, hand: Hand<'_>, keeper: Keeper, doors: Doors) {
        let Doors { sieve, end, door } = doors;
        let result = self.source(here, hand, keeper).and_then(|mut source| {
            let engine = &self.plan.common.engine;
            let shard = self.shard(number, door)?;
            let options = DecodeOptions::new(&engine.decap, engine.key);
            let mut worker = Worker::new(shard, options, end, self.stop.clone()).with_sieve(sieve);
            worker.run(&mut source, self.slack);
            Ok(worker.shard.tally)
        });
        self.tell(number, result);
    }

    /// Polls queues and spreads what they give.
    fn spread(&self, number: usize, here: &Lcore<'_>, hand: Hand<'_>, keeper: Keeper, mut spreader: Spreader) {
        let result = self.source(here, hand, keeper).map(|mut source| {
            spreader.run(&mut source, self.stop, self.slack);
            spreader.tally
        });
        self.tell(number, result);
    }

    /// Accounts what a spreader sends.
    fn account(&self, number: usize, arrivals: Arrivals, end: WorkerEnd, door: ExitDoor) {
        let result = self.shard(number, door).map_err(LiveError::from).map(|shard| {
            let mut worker = SpreadWorker::new(shard, arrivals, end, self.plan.idle != Idle::Busy);
            worker.run();
            worker.shard.tally
        });
        self.tell(number, result);
    }

    fn source<'p, 'l>(
        &self,
        here: &'l Lcore<'_>,
        hand: Hand<'p>,
        keeper: Keeper,
    ) -> Result<DpdkSource<'p, 'l>, LiveError> {
        let source = DpdkSource::new(hand, here, self.plan.burst, self.plan.exit_at_eof)?;
        Ok(source.behind(keeper, Rest::new(self.plan.idle)))
    }
}
