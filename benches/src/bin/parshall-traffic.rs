//! `parshall-traffic`: writes captures with their ground truth, and load without.

use clap::Parser;
use parshall_benches::synth::command::{Arguments, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(Arguments::parse())
}
