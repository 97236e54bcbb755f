//! The program: what was asked becomes a plan, and the plan is carried out.
#![forbid(unsafe_code)]

use parshall_config::{Outcome, plan::Command};
use parshall_exporter::{Ending, read, terminal};
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match parshall_config::load(std::env::args_os(), std::env::vars_os()) {
        Ok(outcome) => outcome,
        Err(problems) => {
            eprint!("{problems}");
            return ExitCode::from(2);
        }
    };
    let ending = match outcome {
        Outcome::Print(text) => parshall_exporter::print(&text),
        Outcome::Start(command) => match *command {
            Command::Read(plan) => read::read(&plan),
            #[cfg(feature = "dpdk")]
            Command::Run(plan) => parshall_exporter::run::run(&plan),
            #[cfg(not(feature = "dpdk"))]
            Command::Run(_) | Command::Reload(_) | Command::Doctor(_) => {
                eprintln!(
                    "parshall: this parshall was built without DPDK and can only read; build it with its default features"
                );
                Ending::BadConfiguration
            }
            Command::Top(plan) => terminal::top(&plan),
            Command::Flows(plan) => terminal::flows(&plan),
            Command::Stats(plan) => terminal::stats(&plan),
            #[cfg(feature = "dpdk")]
            Command::Reload(socket) => parshall_exporter::reload::socket::ask(socket.as_deref()),
            #[cfg(feature = "dpdk")]
            Command::Doctor(plan) => parshall_exporter::doctor::doctor(&plan),
            Command::CheckConfig => parshall_exporter::print("the configuration is good\n"),
            Command::Version => parshall_exporter::print(&parshall_exporter::version()),
        },
    };
    match ending {
        Ending::Done => ExitCode::SUCCESS,
        Ending::Failed => ExitCode::from(1),
        Ending::BadConfiguration => ExitCode::from(2),
    }
}
