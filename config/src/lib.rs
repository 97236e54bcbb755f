//! What was asked of parshall, and what will be done.
//!
//! **Owns** the command line, the environment, the TOML file, their layering, and every check that needs no hardware.
//! **May touch** argv, the environment and one file; it knows no DPDK, no packet, no socket.
//!
//! ```text
//!   argv ──▶ command_line ─┐
//!   env  ──▶ environment ──┼─▶ Asked ──▶ settings ──▶ check ──▶ plan::Command
//!   file ──▶ file ─────────┘   raw text,  values,      what does not go together
//!                              origins    one layer wins
//! ```
//!
//! Every stage adds to one list of problems, and none stops at the first: a configuration with three mistakes reports three.
#![forbid(unsafe_code)]

pub mod plan;
pub mod filter;
#[cfg(feature = "libpcap")]
mod pcap_filter;
pub mod options;
mod origin;
mod problem;
mod asked;
mod value;
mod help;
mod command_line;
mod environment;
mod file;
mod settings;
mod eal;
mod check;
pub mod reference;

pub use origin::{Layer, Origin};
pub use problem::{Problem, Problems};

use asked::Asked;
use command_line::Wanted;
use std::ffi::OsString;

/// The command line as clap has it, for completions and man pages.
#[must_use]
pub fn grammar() -> clap::Command {
    help::whole()
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// This, as planned.
    Start(Box<plan::Command>),
    /// Nothing but printing this text, which ends with a newline, to standard output.
    Print(String),
}

/// Reads command line, environment and file, and makes the plan out of them. `argv` begins with the program's name, as
/// `std::env::args_os` has it; `env` is all of the environment, as `std::env::vars_os` has it.
///
/// # Errors
/// Every mistake there is, at once. Nothing was changed or started; the exit status that belongs to it is 2.
pub fn load(
    argv: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Outcome, Problems> {
    let mut problems = Problems::default();
    let asked = match command_line::read(argv.into_iter().skip(1).collect(), &mut problems) {
        Wanted::Text(text) => return Ok(Outcome::Print(text)),
        Wanted::Version => return Ok(Outcome::Start(Box::new(plan::Command::Version))),
        Wanted::Nothing => return Err(problems),
        Wanted::Sub(asked) => layers(asked, env, &mut problems),
    };
    let command = check::check(&asked, &mut problems);
    problems.or(Outcome::Start(Box::new(command)))
}

/// Adds environment and file below what the command line says.
fn layers(mut asked: Asked, env: impl IntoIterator<Item = (OsString, OsString)>, problems: &mut Problems) -> Asked {
    environment::read(env, &mut asked, problems);
    let named = options::find("config").and_then(|option| asked.strongest(option).first().map(|said| (*said).clone()));
    if let Some(said) = named.filter(|said| said.text != said.option.unset && !said.text.is_empty()) {
        file::read(said.text.as_ref(), &said.origin, &mut asked, problems);
    }
    asked
}
