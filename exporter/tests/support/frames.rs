//! Captures of frames that a test makes byte by byte, and what `read` says of them.
//!
//! **Owns** nothing. **May touch** the test's folder and the binary. **Order** frames from `build`, a capture of them, `read`.

use super::{at, folder, records, run, text};
use parshall_benches::synth::pcap;
use parshall_engine::link::LinkType;
use parshall_engine::source::memory::StoredFrame;
use parshall_engine::time::Nanos;
use serde_json::Value;
use std::path::{Path, PathBuf};

#[path = "../../../engine/tests/decode_support/build.rs"]
pub mod build;

/// The first frame's time. Unit: UNIX nanoseconds.
const START: u64 = 1_767_225_600_000_000_000;

/// Ethernet frames a millisecond apart, whole.
pub fn whole(frames: &[Vec<u8>]) -> Vec<StoredFrame> {
    let stored = |(number, bytes): (usize, &Vec<u8>)| StoredFrame {
        bytes: bytes.clone(),
        time: Nanos(START + number as u64 * 1_000_000),
        wire_len: bytes.len() as u32,
        link: LinkType::ETHERNET,
    };
    frames.iter().enumerate().map(stored).collect()
}

/// Writes a capture with microseconds.
pub fn capture(path: &Path, frames: &[StoredFrame]) -> PathBuf {
    let mut bytes = Vec::new();
    pcap::write(&mut bytes, frames, false, None).expect("memory");
    std::fs::write(path, bytes).expect("a capture");
    path.to_owned()
}

/// The records of a capture, and the summary.
pub fn read_file(file: &Path, options: &[&str]) -> (Vec<Value>, String) {
    let folder = folder();
    let out = at(&folder, "out");
    let sink = format!("jsonl:{}", text(&out));
    let words: Vec<&str> = ["read", text(file), "--sink", &sink].into_iter().chain(options.iter().copied()).collect();
    let said = run(&words).ended_with(0);
    (records(&out), said.err)
}

/// The records of these frames, and the summary.
pub fn read(frames: &[StoredFrame], options: &[&str]) -> (Vec<Value>, String) {
    let folder = folder();
    read_file(&capture(&at(&folder, "a.pcap"), frames), options)
}
