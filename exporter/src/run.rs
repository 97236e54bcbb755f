//! `parshall run`: live ports to records, metrics and closed books.
//!
//! **Owns** the course of a live run on the control side: HTTP, sinks, the control loop, the end. **May touch** the front
//! doors of the engine, the sinks and HTTP. **Order** called by `main`; the calling thread becomes DPDK's main lcore.

use crate::affinity::Processors;
use crate::fanout::Fanout;
use crate::http::Server;
use crate::metrics::Board;
use crate::pipeline::{Named, Stop, look_at_flows, now, open_sinks, sampling, serve};
use crate::prompt::{Console, Scene, Watch};
use crate::read::told_losses;
use crate::sink::Existing;
use crate::statistics;
use crate::testpmd::NicStatistics;
use crate::{Ending, log};
use parshall_config::plan::RunPlan;
use parshall_engine::dpdk::{DPDK_BUILD_VERSION, running_version};
use parshall_engine::live::{self, Control, LiveError};
use parshall_engine::merge::collect::{Collector, Outlet};
use parshall_engine::merge::snapshot::Snapshot;
use parshall_engine::record::FlowRecord;
use parshall_engine::tally::Books;
use parshall_engine::time::Nanos;
use std::os::unix::process::CommandExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long the control loop waits for the workers' counts.
const PATIENCE: Duration = Duration::from_millis(200);

/// Carries out a plan for `run`.
#[must_use]
pub fn run(plan: &RunPlan) -> Ending {
    log::start(&plan.common.messages);
    log::take_over_dpdk();
    if plan.only_plan {
        return match live::layout(plan) {
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

/// Records go straight to the sinks; the prompt's watch sees them pass.
struct Line<'f>(&'f mut Fanout, &'f Watch);

impl Outlet for Line<'_> {
    fn record(&mut self, record: FlowRecord, _floor: Nanos) {
        self.1.record(&record);
        self.0.record(record);
    }

    fn advance(&mut self, _horizon: Nanos) {}
}

/// What the control loop saw last.
#[derive(Debug, Default)]
struct Seen {
    books: Books,
    dropped: u64,
    text: String,
}

fn running(plan: &RunPlan) -> Result<Ending, (Ending, String)> {
    let failed = |sentence: String| (Ending::Failed, sentence);
    let given = Processors::given();
    let stop = Stop::on_signals().map_err(failed)?;
    let (board, server) = serve("run", &plan.common, false).map_err(failed)?;
    let sinks = open_sinks(&plan.common.sinks, Existing::Continue).map_err(failed)?;
    let result =
        live::run(plan, stop.flag(), now(), |control| conduct(plan, control, &stop, &board, &server, sinks, &given));
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
            Ok(if seen.books.closed() && !lost && seen.dropped == 0 { Ending::Done } else { Ending::Failed })
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
    let mut fanout = Fanout::start(sinks, false)
        .map_err(|error| format!("cannot start the sinks: {error}"))?
        .watched_by(board.watch());
    board.introduce(fanout.states(), (DPDK_BUILD_VERSION.to_owned(), running_version()));
    board.sampled(&plan.common.engine.sieve);
    greet(control, server);
    let mut collector = control.collector.take().ok_or("the records have no reader")?;
    let (over, watch, sinks) = (AtomicBool::new(false), Watch::default(), fanout.states());
    let (seen, (states, left)) = std::thread::scope(|scope| {
        let feeder = std::thread::Builder::new().name("parshall-feed".to_owned());
        let feeding = feeder.spawn_scoped(scope, || {
            feed(&mut collector, &mut fanout, &watch, board, stop, &over);
            fanout.close(plan.common.shutdown_timeout)
        });
        let feeding = feeding.map_err(|error| format!("cannot start the thread that feeds the sinks: {error}"))?;
        let rest = given.keep_off(&control.processors);
        tracing::debug!("the control side's threads run on processors {rest:?}");
        let seen = publish(&mut Scene { control, plan, watch: &watch, sinks: &sinks }, stop, board);
        stop.ask();
        over.store(true, Ordering::Release);
        let fed = feeding.join().map_err(|_| "the thread that feeds the sinks panicked".to_owned());
        Ok::<_, String>((seen?, fed?))
    })?;
    let lost = told_losses(&states, &left);
    Ok((seen, lost))
}

/// Moves records to the sinks until the workers are done and the rings are empty.
fn feed(collector: &mut Collector, fanout: &mut Fanout, watch: &Watch, board: &Board, stop: &Stop, over: &AtomicBool) {
    let mut sent = Instant::now();
    loop {
        let last = over.load(Ordering::Acquire) && collector.ended();
        let taken = collector.turn(now(), &mut Line(fanout, watch));
        if sent.elapsed() > Duration::from_millis(200) {
            fanout.send();
            board.half_flows(collector.half_flows());
            sent = Instant::now();
        }
        if stop.take_hangup() {
            fanout.reopen();
        }
        if fanout.broken_pipe() {
            stop.ask();
        }
        if last {
            collector.finish(&mut Line(fanout, watch));
            return board.half_flows(collector.half_flows());
        }
        if taken == 0 {
            std::thread::sleep(Duration::from_micros(500));
        }
    }
}

/// Collects and publishes once a period until stopping is asked or the workers have ended.
fn publish(scene: &mut Scene<'_, '_>, stop: &Stop, board: &Board) -> Result<Seen, String> {
    let plan = scene.plan;
    let mut console = Console::start(scene)?;
    let period = plan.common.publish_interval.max(Duration::from_millis(10));
    let (mut printed, mut blocks) = (Instant::now(), NicStatistics::default());
    let (mut next, mut look) = (Instant::now(), Instant::now());
    while scene.control.still_working(now()) {
        look_at_flows(&mut scene.control.lookout, board, &mut look);
        if !console.turn(scene) {
            stop.ask();
        }
        scene.control.sieves.settle();
        if stop.asked() || next.elapsed() >= period || Instant::now() >= next {
            next = Instant::now() + period;
            let snapshot = collect(scene.control);
            if plan.stats_period.is_some_and(|every| printed.elapsed() >= every) {
                printed = Instant::now();
                statistics::print(plan, &mut blocks, &snapshot);
            }
            board.publish(snapshot);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut snapshot = scene.control.merger.last(now());
    add_devices(scene.control, &mut snapshot);
    let seen = Seen {
        books: snapshot.total.books(),
        dropped: snapshot.total.records_dropped_count,
        text: statistics::ending(&snapshot),
    };
    if plan.stats_period.is_some() {
        statistics::print(plan, &mut blocks, &snapshot);
    }
    board.publish(snapshot);
    board.end();
    Ok(seen)
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
    let ports: Vec<String> =
        control.ports().iter().map(|port| format!("{} ({} {})", port.port, port.driver, port.name)).collect();
    tracing::info!("{} workers on {}; DPDK {DPDK_BUILD_VERSION}", control.working, ports.join(", "));
    if let Some(server) = server {
        tracing::info!("http://{}/", server.local_addr());
    }
}
