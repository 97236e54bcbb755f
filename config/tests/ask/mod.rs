//! Asks for a plan as a shell would.
//!
//! **Owns** the short forms that the tests share. **May touch** a temporary folder. **Order** called by every test file.
#![allow(dead_code, unreachable_pub, reason = "each test file includes it, and uses its part")]

use parshall_config::plan::{Command, ReadPlan, RunPlan};
use parshall_config::{Outcome, Problems, load};
use std::ffi::OsString;

/// Loads a line of words; two spaces and more are one, and `~` stands for a space within a word.
pub fn ask(line: &str, env: &[(&str, &str)]) -> Result<Outcome, Problems> {
    let words =
        std::iter::once("parshall".to_owned()).chain(line.split_whitespace().map(|word| word.replace('~', " ")));
    load(words.map(OsString::from), env.iter().map(|(name, text)| (OsString::from(name), OsString::from(text))))
}

/// The plan of a line that is right.
pub fn command(line: &str) -> Command {
    match ask(line, &[]) {
        Ok(Outcome::Start(command)) => *command,
        Ok(Outcome::Print(text)) => panic!("{line}: printed {text}"),
        Err(problems) => panic!("{line}:\n{problems}"),
    }
}

/// The same, for `run`.
pub fn run(line: &str) -> RunPlan {
    match command(line) {
        Command::Run(plan) => plan,
        other => panic!("{line}: {other:?}"),
    }
}

/// The same, for `read`.
pub fn read(line: &str) -> ReadPlan {
    match command(line) {
        Command::Read(plan) => plan,
        other => panic!("{line}: {other:?}"),
    }
}

/// The complaint about a line that is wrong.
pub fn complaint(line: &str, env: &[(&str, &str)]) -> Problems {
    match ask(line, env) {
        Err(problems) => problems,
        Ok(outcome) => panic!("{line}: accepted as {outcome:?}"),
    }
}
