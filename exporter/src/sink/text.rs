//! The text sinks: JSON Lines and CSV.
//!
//! **Owns** the buffer between rendering and writing. **May touch** its target. **Order** as [`Sink`] says.

use super::file::write_as_far_as_possible;
use super::{Existing, Settled, Sink, Target};
use crate::buffer::Buffer;
use crate::render;
use parshall_config::plan::SinkSpec;
use parshall_engine::record::FlowRecord;
use std::io;

/// Bytes that are gathered before they are written.
const GATHERED: usize = 256 << 10;

/// Room for one record beyond that.
const LONGEST: usize = 16 << 10;

struct Text {
    target: Target,
    buffer: Buffer,
    /// Where each record in the buffer ends, and its packets.
    held: Vec<(usize, u64)>,
    settled: Settled,
    header: fn(&mut Buffer),
    line: fn(&FlowRecord, &mut Buffer),
}

pub(super) fn open_jsonl(spec: &SinkSpec, existing: Existing) -> io::Result<Box<dyn Sink>> {
    open(spec, existing, |_| {}, render::json)
}

pub(super) fn open_csv(spec: &SinkSpec, existing: Existing) -> io::Result<Box<dyn Sink>> {
    open(spec, existing, render::csv_header, render::csv)
}

fn open(
    spec: &SinkSpec,
    existing: Existing,
    header: fn(&mut Buffer),
    line: fn(&FlowRecord, &mut Buffer),
) -> io::Result<Box<dyn Sink>> {
    let mut text = Text {
        target: Target::open(spec, existing)?,
        buffer: Buffer::with_room(GATHERED + LONGEST),
        held: Vec::new(),
        settled: Settled::default(),
        header,
        line,
    };
    text.begin();
    Ok(Box::new(text))
}

impl Text {
    /// What a new file begins with; a file that is continued has it already.
    fn begin(&mut self) {
        if self.target.is_fresh() {
            (self.header)(&mut self.buffer);
        }
    }

    /// Writes what was gathered. Where that fails, the records whose last byte is in the file are written and the others are
    /// lost; a regular file is cut behind the last whole record, so that what comes later is not glued to half a line.
    fn spill(&mut self) -> io::Result<()> {
        let (written, result) = write_as_far_as_possible(&mut self.target, self.buffer.text());
        let whole = self.held.iter().rposition(|(end, _)| *end <= written);
        let cut = whole.map_or(0, |last| self.held[last].0);
        let count = whole.map_or(0, |last| last + 1);
        self.settled.written += count as u64;
        self.settled.lost += (self.held.len() - count) as u64;
        self.settled.lost_packets += self.held[count..].iter().map(|(_, packets)| packets).sum::<u64>();
        if result.is_err() {
            self.target.take_back((written - cut.min(written)) as u64);
        }
        self.held.clear();
        self.buffer.clear();
        result
    }
}

impl Sink for Text {
    fn is_quick(&self) -> bool {
        self.target.is_plain_file()
    }

    /// The file that a record belongs to may be another one than that of the record before.
    fn take(&mut self, record: &FlowRecord) -> io::Result<()> {
        let mut result = Ok(());
        if self.target.is_due(record.end) {
            result = self.spill().and_then(|()| self.target.rotate(record.end));
            if result.is_ok() {
                self.begin();
            }
        }
        (self.line)(record, &mut self.buffer);
        self.held.push((self.buffer.len(), record.packets()));
        if self.buffer.len() >= GATHERED {
            result = result.and(self.spill());
        }
        result
    }

    fn flush(&mut self) -> io::Result<()> {
        self.spill()?;
        self.target.flush()
    }

    fn reopen(&mut self) -> io::Result<()> {
        let spilt = self.spill();
        self.target.reopen()?;
        self.begin();
        spilt
    }

    fn settled(&mut self) -> Option<Settled> {
        Some(std::mem::take(&mut self.settled))
    }

    fn close(&mut self) -> io::Result<()> {
        self.spill()?;
        self.target.close()
    }
}
