//! The text sinks: JSON Lines and CSV.
//!
//! **Owns** the buffer between rendering and writing. **May touch** its target. **Order** as [`Sink`] says.

use super::{Existing, Sink, Target};
use crate::render;
use parshall_config::plan::SinkSpec;
use parshall_engine::record::FlowRecord;
use std::io::{self, Write};

/// Bytes that are gathered before they are written.
const GATHERED: usize = 256 << 10;

struct Text {
    target: Target,
    buffer: Vec<u8>,
    header: fn(&mut Vec<u8>),
    line: fn(&FlowRecord, &mut Vec<u8>),
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
    header: fn(&mut Vec<u8>),
    line: fn(&FlowRecord, &mut Vec<u8>),
) -> io::Result<Box<dyn Sink>> {
    let mut text = Text { target: Target::open(spec, existing)?, buffer: Vec::with_capacity(GATHERED), header, line };
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

    fn spill(&mut self) -> io::Result<()> {
        let written = self.target.write_all(&self.buffer);
        self.buffer.clear();
        written
    }
}

impl Sink for Text {
    fn write(&mut self, records: &[FlowRecord]) -> io::Result<()> {
        for record in records {
            if self.target.is_due(record.end) {
                self.spill()?;
                self.target.rotate(record.end)?;
                self.begin();
            }
            (self.line)(record, &mut self.buffer);
            if self.buffer.len() >= GATHERED {
                self.spill()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.spill()?;
        self.target.flush()
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.spill()?;
        self.target.reopen()?;
        self.begin();
        Ok(())
    }

    fn close(mut self: Box<Self>) -> io::Result<()> {
        self.spill()?;
        self.target.close()
    }
}
