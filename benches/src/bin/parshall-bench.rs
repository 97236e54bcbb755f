//! `parshall-bench`: what parshall costs, step by step.

use clap::Parser;
use parshall_benches::bench::command::{Arguments, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(&Arguments::parse())
}
