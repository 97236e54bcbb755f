//! Reading the configuration anew while the probe runs.
//!
//! **Owns** what the options stand at, and the order of a reload: everything is read, checked, opened and compiled first; only
//! then something changes. **May touch** the command line, environment and file through `config`; filters, timeouts, what is
//! watched, and the thread that feeds the sinks. **Order** asked by SIGHUP, by the prompt, over the control socket and over HTTP; done by the control loop.
//!
//! No packet, flow or record is lost: workers take filters between two bursts and timeouts when they hand their tally over; the
//! feeder exchanges sinks between two batches, and a sink that leaves writes out what it was given. What needs a restart is named
//! and left. A mistake anywhere changes nothing.

pub mod socket;

pub use crate::reload_report::{Asker, Report};

use crate::metrics::Board;
use crate::pipeline::{Named, open_sinks};
use crate::sink::{self, Existing};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use parshall_config::plan::{RunPlan, SinkSpec};
use parshall_config::standing::{self, Standing};
use parshall_engine::launch::{longest_timeout, tuning};
use parshall_engine::live::Control;
use std::time::Duration;

/// Requests that wait, at most.
const WAITING: usize = 4;

/// What the thread that feeds the sinks is to do, between two batches.
pub enum FeedOrder {
    /// Open files again.
    Reopen,
    /// Let these leave, by name, and these join.
    Sinks {
        /// Names of sinks that leave.
        leave: Vec<String>,
        /// Sinks that join, open.
        join: Vec<Named>,
    },
    /// Records that may have other parts wait so long. Unit: nanoseconds.
    Hold(u64),
    /// The end waits so long for the sinks.
    Patience(Duration),
}

/// Does reloads.
#[derive(Debug)]
pub struct Reloader {
    standing: Option<Standing>,
    requests: Receiver<Sender<Report>>,
    asker: Asker,
    feed: Sender<FeedOrder>,
}

impl Reloader {
    /// For the process's own command line and environment; and what the feeder is to do will come out there.
    #[must_use]
    pub fn new() -> (Reloader, Receiver<FeedOrder>) {
        let (ask, requests) = bounded(WAITING);
        let (feed, orders) = unbounded();
        let standing = standing::read(std::env::args_os(), std::env::vars_os()).ok().flatten();
        (Reloader { standing, requests, asker: Asker::new(ask), feed }, orders)
    }

    /// Who asks from other threads.
    #[must_use]
    pub fn asker(&self) -> Asker {
        self.asker.clone()
    }

    /// The plan as it stands now.
    #[must_use]
    pub fn plan(&self) -> Option<&RunPlan> {
        self.standing.as_ref().map(|standing| &standing.plan)
    }

    /// Answers who has asked meanwhile.
    pub fn turn(&mut self, control: &mut Control<'_>, board: &Board) {
        while let Ok(reply) = self.requests.try_recv() {
            let report = self.reload(control, board);
            // Who asked may have gone.
            let _ = reply.send(report);
        }
    }

    /// Opens files again and reads the configuration anew; says what came of it, in the log and on the board too.
    pub fn reload(&mut self, control: &mut Control<'_>, board: &Board) -> Report {
        let _ = self.feed.send(FeedOrder::Reopen);
        let report = self.attempt(control, board).unwrap_or_else(Report::refused);
        board.reloaded(report.good());
        let text = report.text();
        match (report.good(), report.left.is_empty()) {
            (false, _) => tracing::error!("{}", text.trim_end()),
            (true, false) => tracing::warn!("{}", text.trim_end()),
            (true, true) => tracing::info!("{}", text.trim_end()),
        }
        report
    }

    fn attempt(&mut self, control: &mut Control<'_>, board: &Board) -> Result<Report, Vec<String>> {
        let now =
            self.standing.as_ref().ok_or_else(|| vec!["this run was not started from a command line".to_owned()])?;
        let read = standing::read(std::env::args_os(), std::env::vars_os());
        let next = read.map_err(|problems| problems.to_string().lines().map(str::to_owned).collect::<Vec<_>>())?;
        let next = next.ok_or_else(|| vec!["the command line is not that of a run any more".to_owned()])?;
        let (sinks, mut left) = exchange(&now.plan.common.sinks, &next.plan.common.sinks);
        let join = open_sinks(&sinks.join, Existing::Continue).map_err(|sentence| vec![sentence])?;
        let (engine, old) = (&next.plan.common.engine, &now.plan.common.engine);
        let mut after = now.after(&next);
        let changes = now.changes(&next);
        let touched = |name: &str| changes.iter().any(|change| change.name == name);
        if touched("filter") || touched("flow-filter") {
            let replaced = control.sieves.replace_filters(engine.sieve.frames.as_deref(), engine.sieve.flows.as_ref());
            replaced.map_err(|error| vec![error.to_string()])?;
        }
        // From here on nothing can fail.
        if engine.timeouts != old.timeouts || engine.local_nets != old.local_nets {
            control.merger.tune(&tuning(engine));
            let _ = self.feed.send(FeedOrder::Hold(longest_timeout(engine)));
        }
        control.lookout.resize(engine.live_flows);
        if let Some(watch) = board.watch() {
            watch.replan(&next.plan.common.watch);
        }
        let _ = self.feed.send(FeedOrder::Patience(next.plan.common.shutdown_timeout));
        if !sinks.leave.is_empty() || !join.is_empty() {
            let leave = sinks.leave.iter().map(sink::name).collect();
            let _ = self.feed.send(FeedOrder::Sinks { leave, join });
        }
        after.plan.common.sinks = sinks.after;
        board.in_force(&after.plan.common.effective);
        let say = |name: &str, from: &str, to: &str| format!("{name}: {from} -> {to}");
        let mut changed = Vec::new();
        for change in &changes {
            let to = if change.live { &mut changed } else { &mut left };
            to.push(say(change.name, &change.from, &change.to));
        }
        self.standing = Some(after);
        Ok(Report { changed, left, problems: Vec::new() })
    }
}

/// Sinks that leave, that join, and what there is then.
struct Exchange {
    leave: Vec<SinkSpec>,
    join: Vec<SinkSpec>,
    after: Vec<SinkSpec>,
}

/// From some sinks to others. One that stays the same stays; another form of the same target would be two writers on one
/// file, so it needs a restart.
fn exchange(now: &[SinkSpec], next: &[SinkSpec]) -> (Exchange, Vec<String>) {
    let mut left = Vec::new();
    let mut after = Vec::new();
    for spec in next {
        let same_target = now.iter().find(|other| other.target == spec.target);
        match same_target {
            Some(other) if other != spec => {
                left.push(format!("sink {}: another form of a target in use", sink::name(spec)));
                after.push(other.clone());
            }
            _ => after.push(spec.clone()),
        }
    }
    let leave = now.iter().filter(|spec| !after.contains(spec)).cloned().collect();
    let join = after.iter().filter(|spec| !now.contains(spec)).cloned().collect();
    (Exchange { leave, join, after }, left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parshall_config::plan::SinkKind;

    fn spec(target: &str, zstd: bool) -> SinkSpec {
        SinkSpec { kind: SinkKind::Jsonl, target: target.into(), rotate: None, zstd }
    }

    #[test]
    fn sinks_that_stay_are_left_alone_and_another_form_of_a_target_waits_for_a_restart() {
        let now = [spec("a", false), spec("b", false), spec("c", false)];
        let next = [spec("b", false), spec("c", true), spec("d", false)];
        let (exchange, left) = exchange(&now, &next);
        assert_eq!(exchange.leave, [spec("a", false)]);
        assert_eq!(exchange.join, [spec("d", false)]);
        assert_eq!(exchange.after, [spec("b", false), spec("c", false), spec("d", false)]);
        assert_eq!(left, ["sink jsonl:c: another form of a target in use"]);
    }
}
