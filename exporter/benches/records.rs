//! What a record costs: made from its flow's state, and written as JSON Lines, CSV and Tstat's logs.
//!
//! **Owns** the records of one capture, in memory. **May touch** the exporter's front doors, and a folder in memory. **Order** run
//! by hand: `cargo bench -p parshall-exporter --bench records -- CAPTURE`.

use parshall_config::plan::{Command, SinkKind, SinkSpec};
use parshall_config::{Outcome, load};
use parshall_engine::exit::{Batch, Line};
use parshall_engine::launch;
use parshall_engine::merge::collect::Outlet;
use parshall_engine::record::FlowRecord;
use parshall_engine::record::make::FlowState;
use parshall_engine::source::capture::{CaptureFile, Merged};
use parshall_engine::stop::Stop;
use parshall_engine::time::Nanos;
use parshall_exporter::buffer::Buffer;
use parshall_exporter::render;
use parshall_exporter::sink::{self, Existing};
use std::ffi::OsString;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

/// Rounds over all records.
const ROUNDS: usize = 30;

/// Takes every state.
#[derive(Default)]
struct All(Batch);

impl Outlet for All {
    fn record(&mut self, record: FlowRecord, _floor: Nanos) {
        self.0.push(record);
    }

    fn state(&mut self, _state: &FlowState<'_>, lines: &[Line], _floor: Nanos) {
        self.0.push_state(lines);
    }

    fn advance(&mut self, _horizon: Nanos) {}
}

/// The states of all records of a capture.
fn states(capture: &str) -> Batch {
    let words = ["parshall", "read", capture].map(OsString::from);
    let Ok(Outcome::Start(command)) = load(words, []) else { panic!("a plan") };
    let Command::Read(plan) = *command else { panic!("a plan to read") };
    let file = CaptureFile::open(Path::new(capture)).expect("a capture");
    let mut replay =
        launch::read(Merged::new(vec![file]), &plan.common.engine, &Stop::default(), Nanos::ZERO).expect("started");
    let mut all = All::default();
    while !(replay.is_finished() && replay.collector.ended()) {
        replay.collector.turn(Nanos::ZERO, &mut all);
    }
    all.0
}

fn row(name: &str, records: usize, mut round: impl FnMut() -> u64) {
    let mut bytes = 0;
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            bytes = black_box(round());
            began.elapsed().as_secs_f64() * 1e9 / records as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("| {name} | {records} | {} | {:.0} | {:.0} |", bytes / records as u64, times[0], times[times.len() / 2]);
}

fn text(batch: &Batch, line: fn(&FlowRecord, &mut Buffer)) -> u64 {
    let (mut out, mut bytes) = (Buffer::default(), 0);
    batch.each(|record| {
        line(record, &mut out);
        bytes += out.text().len() as u64;
        out.clear();
    });
    bytes
}

fn main() {
    let Some(capture) = std::env::args().skip(1).find(|word| !word.starts_with("--")) else {
        println!("name a capture");
        return;
    };
    let (batch, folder) = (states(&capture), tempfile::tempdir_in("/dev/shm").expect("a folder"));
    println!("| step | records | bytes a record | ns a record, min | median |\n|---|---|---|---|---|");
    row("made", batch.len(), || {
        let mut bytes = 0;
        batch.each(|record| bytes += size_of_val(black_box(record)) as u64);
        bytes
    });
    row("made, JSON Lines", batch.len(), || text(&batch, render::json));
    row("made, CSV", batch.len(), || text(&batch, render::csv));
    let mut rounds = 0;
    row("made, Tstat's logs", batch.len(), || {
        rounds += 1;
        let target = folder.path().join(format!("{rounds}"));
        let spec = SinkSpec { kind: SinkKind::Tstat, target, rotate: None, zstd: false };
        let mut sink = sink::open(&spec, Existing::Replace).expect("opened");
        batch.each(|record| sink.take(record).expect("taken"));
        sink.close().expect("closed");
        0
    });
}
