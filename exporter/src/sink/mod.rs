//! Where records go.
//!
//! **Owns** what a sink promises, and the table of kinds. **May touch** records and files.
//! **Order** opened before the engine starts, written by one thread at a time (see `fanout`), closed at the end.

mod ahead;
mod file;
mod gather;
mod text;
mod tstat;

pub use file::Target;

use parshall_config::plan::{SinkKind, SinkSpec};
use parshall_engine::record::FlowRecord;
use std::io;

/// A place for records. One thread owns it.
pub trait Sink: Send {
    /// Whether taking a record keeps nobody waiting: it becomes text, and now and then that goes into a regular file as it is.
    fn is_quick(&self) -> bool;

    /// Takes a record; the next one comes in order.
    ///
    /// # Errors
    /// What the system said. The record may be lost; the caller counts it.
    fn take(&mut self, record: &FlowRecord) -> io::Result<()>;

    /// Makes what was taken visible to others.
    ///
    /// # Errors
    /// What the system said.
    fn flush(&mut self) -> io::Result<()>;

    /// Opens its files again under their names: after logrotate moved them, by SIGHUP.
    ///
    /// # Errors
    /// What the system said; the old file stays open then.
    fn reopen(&mut self) -> io::Result<()>;

    /// What became of records since this was asked last, from a sink that gathers them before it writes. `None`: what
    /// `take` took was written, and what it refused was lost.
    fn settled(&mut self) -> Option<Settled> {
        None
    }

    /// Writes out everything and ends; nothing but `settled` is called after it.
    ///
    /// # Errors
    /// What the system said.
    fn close(&mut self) -> io::Result<()>;
}

/// What became of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Records whose last byte the system has taken.
    pub written: u64,
    /// Records of which it has not.
    pub lost: u64,
    /// Packets in them.
    pub lost_packets: u64,
}

/// What becomes of a file that exists when its sink opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is continued: `run`.
    Continue,
    /// It is replaced: `read`.
    Replace,
}

type Open = fn(&SinkSpec, Existing) -> io::Result<Box<dyn Sink>>;

/// The kinds of sinks that can be opened: one row each.
const SINKS: &[(SinkKind, &str, Open)] = &[
    (SinkKind::Jsonl, "jsonl", text::open_jsonl),
    (SinkKind::Csv, "csv", text::open_csv),
    (SinkKind::Tstat, "tstat", tstat::open),
];

/// The name of a sink in metrics and messages: `scheme:target`.
#[must_use]
pub fn name(spec: &SinkSpec) -> String {
    let scheme = SINKS.iter().find(|(kind, ..)| *kind == spec.kind).map_or("?", |(_, scheme, _)| scheme);
    format!("{scheme}:{}", spec.target.display())
}

/// Opens a sink.
///
/// # Errors
/// What the system said, or that this kind is not built yet.
pub fn open(spec: &SinkSpec, existing: Existing) -> io::Result<Box<dyn Sink>> {
    match SINKS.iter().find(|(kind, ..)| *kind == spec.kind) {
        Some((_, _, open)) => open(spec, existing),
        None => Err(io::Error::new(io::ErrorKind::Unsupported, "this kind of sink is not built yet")),
    }
}
