//! `parshall read`: capture files to records and a summary, without EAL.
//!
//! **Owns** the course of one reading: sinks open, captures open, engine starts, records flow, all ends in order.
//! **May touch** the front doors of the engine, the sinks and the summary. **Order** called by `main`.

use crate::fanout::{Fanout, Feed};
use crate::metrics::Board;
use crate::nap::Nap;
use crate::order::{BUDGET, OrderWindow};
use crate::pipeline::{Stop, look_at_flows, now, open_sinks, sampling, serve};
use crate::progress::Bar;
use crate::sink::Existing;
use crate::summary::{Summary, Talkers};
use crate::writer::SinkState;
use crate::{Ending, descriptors, log};
use parshall_config::plan::ReadPlan;
use parshall_engine::decode;
use parshall_engine::exit;
use parshall_engine::launch::{self, LaunchError, Replay};
use parshall_engine::merge::collect::Outlet;
use parshall_engine::merge::snapshot::Snapshot;
use parshall_engine::packet::Outcome;
use parshall_engine::record::FlowRecord;
use parshall_engine::record::make::FlowState;
use parshall_engine::source::capture::{CaptureFile, Merged};
use parshall_engine::time::Nanos;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Carries out a plan for `read`.
#[must_use]
pub fn read(plan: &ReadPlan) -> Ending {
    log::start(&plan.common.messages);
    match reading(plan) {
        Ok(ending) => ending,
        Err((ending, sentence)) => {
            tracing::error!("{sentence}");
            ending
        }
    }
}

/// Records on their way: in order, then to the sinks and the summary.
struct Line {
    window: OrderWindow,
    fanout: Fanout,
    /// Where a summary is shown.
    talkers: Option<Talkers>,
    failure: Option<io::Error>,
}

impl Outlet for Line {
    /// Frames come from one source, so no flow is in parts (`merge::join`).
    fn record(&mut self, record: FlowRecord, _floor: Nanos) {
        self.fanout.record(record);
    }

    fn state(&mut self, state: &FlowState<'_>, lines: &[exit::Line], floor: Nanos) {
        if let Some(talkers) = &mut self.talkers {
            talkers.take(state);
        }
        if !self.fanout.is_heard() {
            return self.window.pass(state.pair.hot.last(), floor);
        }
        if let Err(error) = self.window.push(state.order(), state.start(), lines, floor) {
            self.failure.get_or_insert(error);
        }
    }

    fn advance(&mut self, horizon: Nanos) {
        let fanout = &mut self.fanout;
        if let Err(error) = self.window.advance(horizon, |lines| fanout.state(lines)) {
            self.failure.get_or_insert(error);
        }
    }
}

fn reading(plan: &ReadPlan) -> Result<Ending, (Ending, String)> {
    let failed = |sentence: String| (Ending::Failed, sentence);
    descriptors::allow(plan.files.len()).map_err(failed)?;
    // Waits for the header of what comes through a pipe; until then a signal ends the process at once.
    let files = plan.files.iter().map(|path| CaptureFile::open(path)).collect::<Result<Vec<_>, _>>();
    let captures = Merged::new(files.map_err(|error| failed(error.to_string()))?);
    let stop = Stop::on_signals().map_err(failed)?;
    let (board, _server) = serve("read", &plan.common, true, false).map_err(failed)?;
    let bar = Bar::new(&captures.progress(), plan.common.messages.quiet);
    let sinks = open_sinks(&plan.common.sinks, Existing::Replace).map_err(failed)?;
    let feed = if plan.common.engine.workers.get() == 1 { Feed::Writes } else { Feed::Waits };
    let fanout = Fanout::start(sinks, feed)
        .map_err(|error| failed(format!("cannot start the sinks: {error}")))?
        .watched_by(board.watch());
    board.introduce(fanout.states(), (String::new(), String::new()));
    board.sampled(&plan.common.engine.sieve);
    let started = Instant::now();
    let mut replay = launch::read(captures, &plan.common.engine, stop.flag(), now()).map_err(|error| match error {
        LaunchError::Filter(_) => (Ending::BadConfiguration, error.to_string()),
        _ => failed(error.to_string()),
    })?;
    let talkers = (plan.common.sinks.is_empty() || log::shows_plain()).then(Talkers::default);
    let mut line = Line { window: OrderWindow::new(BUDGET), fanout, talkers, failure: None };
    let period = plan.common.publish_interval.max(Duration::from_millis(10));
    pump(&mut replay, &mut line, &stop, &bar, &board, period);
    let (captures, mut merger) = replay.conclude(now()).map_err(failed)?;
    bar.finish();
    let (states, left) = line.fanout.close(plan.common.shutdown_timeout);
    let snapshot = merger.last(now());
    board.publish(snapshot.clone());
    board.end();
    if let Some(talkers) = &line.talkers {
        let (elapsed, late) = (started.elapsed(), line.window.late());
        let text = Summary { snapshot: &snapshot, talkers, elapsed, late }.text();
        if plan.common.sinks.is_empty() {
            let _ = crate::print(&text);
        } else {
            log::plain(&text);
        }
    }
    if let Some(sentence) = sampling(&plan.common.engine.sieve) {
        tracing::info!("{sentence}");
    }
    tell_undecodable(&captures, &snapshot);
    for damage in captures.damage() {
        tracing::error!("{damage}");
    }
    if let Some(error) = &line.failure {
        tracing::error!(
            "the order of records could not be kept: {error}; free space in the folder for temporary files"
        );
    }
    let lost = told_losses(&states, &left);
    let good = captures.damage().is_empty() && line.failure.is_none() && !lost && snapshot.total.books().closed();
    Ok(if good { Ending::Done } else { Ending::Failed })
}

/// One sentence for each file and link type whose frames nobody can decode.
fn tell_undecodable(captures: &Merged, snapshot: &Snapshot) {
    if snapshot.total.outcomes[Outcome::UnsupportedLink as usize] > 0 {
        for (file, link) in captures.links().filter(|(_, link)| !decode::knows(*link)) {
            tracing::warn!("{file}: frames of {link} cannot be decoded; outcome unsupported_link counts them");
        }
    }
}

/// Moves records from the workers to the sinks until all is read.
fn pump(replay: &mut Replay<Merged>, line: &mut Line, stop: &Stop, bar: &Bar, board: &Board, period: Duration) {
    let (mut shown, mut published, mut look) = (Instant::now(), Instant::now(), Instant::now());
    let mut nap = Nap::default();
    loop {
        look_at_flows(&mut replay.lookout, board, &mut look);
        let ended = replay.is_finished() && replay.collector.ended();
        let taken = replay.collector.turn(now(), line);
        if line.fanout.broken_pipe() {
            stop.ask();
        }
        if shown.elapsed() > Duration::from_millis(100) {
            bar.show();
            line.fanout.send();
            shown = Instant::now();
        }
        if published.elapsed() > period {
            board.publish(replay.merger.collect(now(), Duration::from_millis(20)));
            published = Instant::now();
        }
        if ended {
            return replay.collector.finish(line);
        }
        match taken {
            0 => nap.take(),
            _ => nap.end(),
        }
    }
}

/// Says which sinks lost records. True when any did; a closed standard output is no loss.
pub(crate) fn told_losses(states: &[Arc<SinkState>], left: &[(String, usize)]) -> bool {
    let mut lost = false;
    for state in states.iter().filter(|state| !state.broken_pipe.load(Ordering::Relaxed)) {
        let records = state.dropped_records.load(Ordering::Relaxed);
        let errors = state.errors.load(Ordering::Relaxed);
        if records > 0 || errors > 0 {
            let packets = state.dropped_packets.load(Ordering::Relaxed);
            tracing::error!("sink {} lost {records} records with {packets} packets ({errors} errors)", state.name);
            lost = true;
        }
    }
    for (name, batches) in left {
        tracing::error!(
            "sink {name} did not finish in time; {batches} batches of records are lost; raise --shutdown-timeout"
        );
        lost = true;
    }
    lost
}
