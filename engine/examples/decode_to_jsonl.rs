//! Decodes captures and writes one record a flow, for `flow_oracle.py compare`.
//!
//! `cargo run --example decode_to_jsonl -- FOLDER CAPTURE...` writes FOLDER/NAME.jsonl for each.

#[path = "../tests/decode_support/mod.rs"]
mod decode_support;

use parshall_engine::packet::Outcome;
use std::io::Write;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let Some(folder) = arguments.next() else {
        eprintln!("usage: decode_to_jsonl FOLDER CAPTURE...");
        std::process::exit(2);
    };
    std::fs::create_dir_all(&folder)?;
    for capture in arguments {
        write(&folder, &capture)?;
    }
    Ok(())
}

fn write(folder: &Path, capture: &Path) -> std::io::Result<()> {
    let summary = decode_support::flows(&decode_support::read(capture));
    let name = capture.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut lines = std::fs::File::create(folder.join(format!("{name}.jsonl")))?;
    for flow in &summary.flows {
        writeln!(lines, "{}", flow.line())?;
    }
    let outcomes: Vec<String> = Outcome::ALL
        .iter()
        .zip(summary.outcomes)
        .filter(|(_, count)| *count > 0)
        .map(|((_, name), count)| format!("{name} {count}"))
        .collect();
    println!("{name}: {} flows, {}", summary.flows.len(), outcomes.join(", "));
    Ok(())
}
