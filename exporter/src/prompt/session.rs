//! What a session at the prompt remembers, and the commands that are about the session itself.
//!
//! **Owns** the prompt's baselines, the ports that it stopped, and whether it is over. **May touch** what the scene holds.
//! **Order** each command is called with the session, the scene and what stood for its placeholders.

use super::commands::ROWS;
use super::forwarding;
use super::grammar::find;
use super::watch::Watch;
use crate::fanout::SinkState;
use crate::testpmd::NicStatistics;
use parshall_config::plan::RunPlan;
use parshall_engine::dpdk::{Monitor, PortStats};
use parshall_engine::live::Control;
use parshall_engine::merge::snapshot::Snapshot;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Files that load files, at most.
const DEPTH: usize = 8;

/// What a command works on.
#[derive(Debug)]
pub struct Scene<'a, 'p> {
    /// The control side of the engine.
    pub control: &'a mut Control<'p>,
    /// What was asked.
    pub plan: &'a RunPlan,
    /// Totals over records, and the verbosity.
    pub watch: &'a Watch,
    /// The sinks.
    pub sinks: &'a [Arc<SinkState>],
}

impl Scene<'_, '_> {
    /// The ports in use, ascending.
    pub(super) fn ports(&self) -> Vec<u16> {
        self.control.monitors.iter().map(|monitor| monitor.facts().id).collect()
    }

    /// The monitor of a port in use.
    pub(super) fn monitor(&self, port: u16) -> Option<&Monitor<'_>> {
        self.control.monitors.iter().find(|monitor| monitor.facts().id == port)
    }

    /// What the workers have counted by now.
    pub(super) fn snapshot(&mut self) -> Snapshot {
        crate::run::collect(self.control)
    }
}

/// What a command answers, piece by piece in the order in which it is shown.
#[derive(Debug, Default)]
pub(super) struct Reply(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    /// For standard output.
    Out(String),
    /// For standard error.
    Err(String),
}

impl Reply {
    pub(super) fn out(out: impl Into<String>) -> Reply {
        Reply(vec![Piece::Out(out.into())])
    }

    pub(super) fn err(err: impl Into<String>) -> Reply {
        Reply(vec![Piece::Err(err.into())])
    }

    pub(super) fn and(mut self, other: Reply) -> Reply {
        self.0.extend(other.0);
        self
    }

    /// Shows it.
    pub(super) fn say(&self) {
        for piece in &self.0 {
            match piece {
                Piece::Out(text) => drop(crate::print(text)),
                Piece::Err(text) => eprint!("{text}"),
            }
        }
    }
}

/// A command: what stood for its placeholders, in order.
pub(super) type Run = fn(&mut Session, &mut Scene<'_, '_>, &[&str]) -> Reply;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// Counters of each port when they were cleared.
    pub(super) cleared: HashMap<u16, PortStats>,
    /// The driver's own counters when they were cleared.
    pub(super) cleared_x: HashMap<u16, HashMap<String, u64>>,
    /// Counters of each port when receiving was started, or cleared.
    pub(super) at_start: HashMap<u16, PortStats>,
    /// Frames taken from each port and queue then.
    pub(super) taken_at_start: HashMap<(u16, u16), u64>,
    /// Receiving was started at least once.
    pub(super) began: bool,
    /// Rates since the last show.
    pub(super) rates: NicStatistics,
    /// Ports that are stopped.
    pub(super) halted: BTreeSet<u16>,
    /// No more lines are wanted.
    pub(super) over: bool,
    depth: usize,
}

impl Session {
    /// Runs one line.
    pub(super) fn line(&mut self, scene: &mut Scene<'_, '_>, line: &str) -> Reply {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Reply::default();
        }
        match find(ROWS, line) {
            Ok((row, captured)) => (row.run)(self, scene, &captured),
            Err(refusal) => Reply::out(refusal.text()),
        }
    }

    /// Runs a file's lines.
    pub(super) fn file(&mut self, scene: &mut Scene<'_, '_>, path: &str) -> Reply {
        let text = match std::fs::read_to_string(path) {
            Ok(text) if self.depth < DEPTH => text,
            Ok(_) => return Reply::err(format!("{path}: files that load files are nested more than {DEPTH} deep\n")),
            Err(error) => return Reply::err(format!("Failed to create file based cmdline context: {path}: {error}\n")),
        };
        self.depth += 1;
        let mut reply = Reply::default();
        for line in text.lines() {
            reply = reply.and(self.line(scene, line));
            if self.over {
                break;
            }
        }
        self.depth -= 1;
        reply = reply.and(Reply::out(format!("Read CLI commands from {path}\n")));
        reply
    }
}

pub(super) fn load(session: &mut Session, scene: &mut Scene<'_, '_>, words: &[&str]) -> Reply {
    session.file(scene, words.first().copied().unwrap_or_default())
}

pub(super) fn quit(session: &mut Session, scene: &mut Scene<'_, '_>, _: &[&str]) -> Reply {
    let mut reply = Reply::default();
    if scene.control.gate.is_open() {
        reply = reply.and(forwarding::stop(session, scene, &[]));
    }
    session.over = true;
    scene.watch.set_verbose(0);
    reply = reply.and(Reply::out("\nBye...\n"));
    reply
}

pub(super) fn verbose(_: &mut Session, scene: &mut Scene<'_, '_>, words: &[&str]) -> Reply {
    let level = words.first().and_then(|word| word.parse().ok()).unwrap_or(0);
    let before = scene.watch.set_verbose(level);
    Reply::out(format!("Change verbose level from {before} to {level}\n"))
}
