//! `parshall run`: live ports to records, metrics and closed books.
//!
//! **Owns** the course of a live run on the control side: HTTP, sinks, the control loop, the end. **May touch** the front
//! doors of the engine, the sinks and HTTP. **Order** called by `main`; the calling thread becomes DPDK's main lcore.

use crate::affinity::Processors;
use crate::fanout::{Fanout, Feed};
use crate::http::Server;
use crate::metrics::Board;
use crate::pipeline::{Named, Stop, look_at_flows, now, open_sinks, sampling, serve};
use crate::ports::Ports;
use crate::prompt::{Console, Scene, Watch};
use crate::read::told_losses;
use crate::reload::socket::ControlSocket;
use crate::reload::{FeedOrder, Reloader};
use crate::service::{self, Service};
use crate::sink::Existing;
use crate::statistics;
use crate::testpmd::NicStatistics;
use crate::watch::Stuck;
use crate::{Ending, footprint, log, telemetry};
use parshall_config::plan::RunPlan;
use parshall_engine::dpdk::{DPDK_BUILD_VERSION, running_version};
use parshall_engine::exit;
use parshall_engine::live::{self, Control, LiveError};
use parshall_engine::merge::collect::{Collector, Outlet};
use parshall_engine::merge::snapshot::Snapshot;
use parshall_engine::record::FlowRecord;
use parshall_engine::record::make::FlowState;
use parshall_engine::tally::Books;
use parshall_engine::time::Nanos;
use std::os::unix::process::CommandExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long the control loop waits for the workers' counts.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long the end waits for the other workers and for the sinks when a worker is stuck.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// Carries out a plan for `run`.
#[must_use]
pub fn run(plan: &RunPlan) -> Ending {
    log::start(&plan.common.messages);
    log::take_over_dpdk();
    if plan.only_plan {
        return match live::layout(plan, &footprint::items(plan)) {
            Ok(layout) => crate::print(&crate::core_plan::text(plan, &layout)),
            Err(error) => {
                log::flush();
                tracing::error!("{error}");
                if error.is_usage() { Ending::BadConfiguration } else { Ending::Failed }
            }
        };
    }
    let result = running(plan);
    log::flush();
    match result {
        Ok(ending) => ending,
        Err((ending, sentence)) => {
            tracing::error!("{sentence}");
            ending
        }
    }
}

/// Records go straight to the sinks; where there is a prompt, its watch sees them pass.
struct Line<'f>(&'f mut Fanout, Option<&'f Watch>);

impl Outlet for Line<'_> {
    fn record(&mut self, record: FlowRecord, _floor: Nanos) {
        if let Some(watch) = self.1 {
            watch.record(&record);
        }
        self.0.record(record);
    }

    fn state(&mut self, state: &FlowState<'_>, lines: &[exit::Line], _floor: Nanos) {
        if let Some(watch) = self.1 {
            watch.record(&state.record());
        }
        self.0.state(lines);
    }

    fn advance(&mut self, _horizon: Nanos) {}
}

/// Whether somebody or something types at a prompt.
fn prompted(plan: &RunPlan) -> bool {
    plan.interactive || plan.cmdline_file.is_some()
}

/// What the control loop saw last.
#[derive(Debug, Default)]
struct Seen {
    books: Books,
    dropped: u64,
    text: String,
    stuck: Option<Stuck>,
    /// No port was left.
    gone: bool,
    /// A capture file is damaged.
    damaged: bool,
}

/// What the control loop tells the thread that feeds the sinks.
#[derive(Debug, Default)]
struct Course {
    /// The workers have ended, or are given up.
    over: AtomicBool,
    /// A worker is stuck: its records will never end.
    cut: AtomicBool,
}

fn running(plan: &RunPlan) -> Result<Ending, (Ending, String)> {
    let failed = |sentence: String| (Ending::Failed, sentence);
    let given = Processors::given();
    let stop = Stop::on_signals().map_err(failed)?;
    let (board, server) = serve("run", &plan.common, false, prompted(plan)).map_err(failed)?;
    telemetry::offer(&board);
    let sinks = open_sinks(&plan.common.sinks, Existing::Continue).map_err(failed)?;
    let beside = footprint::items(plan);
    let result = live::run(plan, stop.flag(), now(), &beside, |control| {
        conduct(plan, control, &stop, &board, &server, sinks, &given)
    });
    match result {
        Ok(Ok((seen, lost))) => {
            log::flush();
            log::plain(&seen.text);
            if let Some(sentence) = sampling(&plan.common.engine.sieve) {
                tracing::info!("{sentence}");
            }
            if seen.dropped > 0 {
                tracing::error!("{} records were dropped at a full ring; raise --record-ring", seen.dropped);
            }
            let good = seen.books.closed() && !lost && seen.dropped == 0 && !seen.gone && !seen.damaged;
            Ok(if good { Ending::Done } else { Ending::Failed })
        }
        Ok(Err(sentence)) => Err(failed(sentence)),
        Err(error @ LiveError::Xdp(_)) => Err(failed(again_without_xdp(&error))),
        Err(error) if error.is_usage() => Err((Ending::BadConfiguration, error.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Becomes this program anew, with the same words and net_af_packet, since an EAL starts only once in a process. Comes back,
/// with a sentence, where that was tried before or cannot be done.
fn again_without_xdp(error: &LiveError) -> String {
    let driver = "PARSHALL_INTERFACE_DRIVER";
    if std::env::var_os(driver).is_some() {
        return error.to_string();
    }
    tracing::warn!("{error}: starting anew so");
    log::flush();
    let program = std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
    let mut command = std::process::Command::new(program);
    let refused = command.args(std::env::args_os().skip(1)).env(driver, "af_packet").exec();
    format!("{error}; starting anew failed: {refused}")
}

/// The control loop, with the fan-out thread beside it. Returns when the run is over and every record is out.
fn conduct(
    plan: &RunPlan,
    control: &mut Control<'_>,
    stop: &Stop,
    board: &Board,
    server: &Option<Server>,
    sinks: Vec<Named>,
    given: &Processors,
) -> Result<(Seen, bool), String> {
    let mut fanout = Fanout::start(sinks, Feed::Drops)
        .map_err(|error| format!("cannot start the sinks: {error}"))?
        .watched_by(board.watch());
    board.introduce(fanout.states(), (DPDK_BUILD_VERSION.to_owned(), running_version()));
    board.sampled(&plan.common.engine.sieve);
    greet(control, server);
    let mut collector = control.collector.take().ok_or("the records have no reader")?;
    let (course, watch) = (Course::default(), Watch::default());
    let (mut reloader, orders) = Reloader::new();
    board.reloaded_by(reloader.asker());
    let control_socket = plan.control.as_ref().map(|path| ControlSocket::open(path, reloader.asker())).transpose();
    let _socket = control_socket?.flatten();
    let (seen, (states, left)) = std::thread::scope(|scope| {
        let feeder = std::thread::Builder::new().name("parshall-feed".to_owned());
        let feeding = feeder.spawn_scoped(scope, || {
            let mut patience = plan.common.shutdown_timeout;
            feed(&mut collector, Line(&mut fanout, prompted(plan).then_some(&watch)), board, stop, &course, || {
                orders.try_recv().ok().inspect(|order| {
                    if let FeedOrder::Patience(new) = order {
                        patience = *new;
                    }
                })
            });
            let cut = course.cut.load(Ordering::Acquire);
            fanout.close(if cut { patience.min(LAST_PATIENCE) } else { patience })
        });
        let feeding = feeding.map_err(|error| format!("cannot start the thread that feeds the sinks: {error}"))?;
        let rest = given.keep_off(&control.processors);
        tracing::debug!("the control side's threads run on processors {rest:?}");
        let mut scene = Scene { control, plan, watch: &watch, board, reloader: &mut reloader };
        let seen = publish(&mut scene, stop, board);
        stop.ask();
        let stuck = seen.as_ref().is_ok_and(|seen| seen.stuck.is_some());
        course.cut.store(stuck, Ordering::Release);
        course.over.store(true, Ordering::Release);
        if !stuck {
            service::stopping(plan.common.shutdown_timeout, || feeding.is_finished());
        }
        let fed = feeding.join().map_err(|_| "the thread that feeds the sinks panicked".to_owned());
        Ok::<_, String>((seen?, fed?))
    })?;
    let lost = told_losses(&states, &left);
    if seen.stuck.is_some() {
        give_up(&seen);
    }
    Ok((seen, lost))
}

/// Ends the process: a stuck lcore can be neither stopped nor waited for, and destructors would pull memory from under it.
fn give_up(seen: &Seen) -> ! {
    log::plain(&seen.text);
    log::flush();
    signal_hook::low_level::exit(1)
}

/// Moves records to the sinks until the workers are done and the rings are empty.
fn feed(
    collector: &mut Collector,
    mut line: Line<'_>,
    board: &Board,
    stop: &Stop,
    course: &Course,
    mut next_order: impl FnMut() -> Option<FeedOrder>,
) {
    let mut sent = Instant::now();
    loop {
        let last = course.over.load(Ordering::Acquire) && (course.cut.load(Ordering::Acquire) || collector.ended());
        let taken = collector.turn(now(), &mut line);
        if sent.elapsed() > Duration::from_millis(200) {
            line.0.send();
            board.half_flows(collector.half_flows());
            sent = Instant::now();
        }
        while let Some(order) = next_order() {
            obey(order, collector, line.0, board);
        }
        if line.0.broken_pipe() {
            stop.ask();
        }
        if last {
            collector.finish(&mut line);
            return board.half_flows(collector.half_flows());
        }
        if taken == 0 {
            std::thread::sleep(Duration::from_micros(500));
        }
    }
}

/// Does what a reload or SIGHUP asks of the feeder.
fn obey(order: FeedOrder, collector: &mut Collector, fanout: &mut Fanout, board: &Board) {
    match order {
        FeedOrder::Reopen => fanout.reopen(),
        FeedOrder::Hold(nanos) => collector.hold(nanos),
        FeedOrder::Patience(_) => {}
        FeedOrder::Sinks { leave, join } => {
            if let Err(error) = fanout.exchange(&leave, join) {
                tracing::error!("a sink was left out: its thread cannot be started: {error}");
            }
            board.introduce(fanout.states(), (DPDK_BUILD_VERSION.to_owned(), running_version()));
        }
    }
}

/// Collects and publishes once a period until stopping is asked or the workers have ended.
fn publish(scene: &mut Scene<'_, '_>, stop: &Stop, board: &Board) -> Result<Seen, String> {
    let mut console = Console::start(scene)?;
    let (mut printed, mut blocks) = (Instant::now(), NicStatistics::default());
    let (mut next, mut look) = (Instant::now(), Instant::now());
    let (mut service, mut ports, mut stuck) = (Service::new(scene.plan), Ports::default(), None);
    while scene.control.still_working(now()) && stuck.is_none() {
        look_at_flows(&mut scene.control.lookout, board, &mut look);
        if !console.turn(scene) {
            stop.ask();
        }
        scene.control.sieves.settle();
        scene.reloader.turn(scene.control, board);
        if stop.take_hangup() {
            service::reloading();
            let _ = scene.reloader.reload(scene.control, board);
            service::reloaded();
        }
        let plan = scene.reloader.plan().unwrap_or(scene.plan);
        let period = plan.common.publish_interval.max(Duration::from_millis(10));
        let publishing = stop.asked() || Instant::now() >= next;
        if publishing || service.is_due() {
            let snapshot = collect(scene.control);
            stuck = service.heard(&snapshot);
            if ports.follow(&snapshot.ports) {
                stop.ask();
            }
            if !publishing {
                continue;
            }
            next = Instant::now() + period;
            if plan.stats_period.is_some_and(|every| printed.elapsed() >= every) {
                printed = Instant::now();
                statistics::print(plan, &mut blocks, &snapshot);
            }
            board.publish(snapshot);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    if let Some(stuck) = stuck {
        mourn(stuck, scene.control, stop);
    }
    let mut snapshot = scene.control.merger.last(now());
    add_devices(scene.control, &mut snapshot);
    let seen = Seen {
        stuck,
        gone: ports.are_all_gone(),
        damaged: !scene.control.layout.damage.is_empty(),
        books: snapshot.total.books(),
        dropped: snapshot.total.records_dropped_count,
        text: statistics::ending(&snapshot),
    };
    let plan = scene.reloader.plan().unwrap_or(scene.plan);
    if plan.stats_period.is_some() {
        statistics::print(plan, &mut blocks, &snapshot);
    }
    board.publish(snapshot);
    board.end();
    Ok(seen)
}

/// Names the worker that is stuck, and lets the others end.
fn mourn(stuck: Stuck, control: &mut Control<'_>, stop: &Stop) {
    let Stuck { worker, lcore, silent, flows, packets } = stuck;
    let sentence = format!("worker {worker} on lcore {lcore} is stuck: no answer for {silent:.1?} (--worker-timeout)");
    service::failing(&sentence);
    tracing::error!("{sentence}; its {flows} live flows with {packets} packets are lost");
    stop.ask();
    let begun = Instant::now();
    while begun.elapsed() < LAST_PATIENCE && control.working > 1 && control.still_working(now()) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What workers, ports and pools have counted by now.
pub(crate) fn collect(control: &mut Control<'_>) -> Snapshot {
    let mut snapshot = control.merger.collect(now(), PATIENCE);
    add_devices(control, &mut snapshot);
    snapshot
}

fn add_devices(control: &Control<'_>, snapshot: &mut Snapshot) {
    control.add_devices(snapshot);
}

/// Says what was started.
fn greet(control: &Control<'_>, server: &Option<Server>) {
    for note in &control.notes {
        tracing::warn!("{note}");
    }
    for damage in &control.layout.damage {
        tracing::error!("{damage}");
    }
    let ports: Vec<String> =
        control.ports().iter().map(|port| format!("port {} ({} {})", port.port, port.driver, port.name)).collect();
    let workers = if control.working == 1 { "worker" } else { "workers" };
    tracing::info!("{} {workers} on {}; DPDK {DPDK_BUILD_VERSION}", control.working, ports.join(", "));
    let memory = &control.layout.memory;
    tracing::info!("memory: at most {} MiB: {memory}", memory.total().div_ceil(1 << 20));
    if let Some(server) = server {
        tracing::info!("http://{}/", server.local_addr());
    }
}
