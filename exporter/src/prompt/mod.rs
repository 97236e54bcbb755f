//! The prompt: testpmd's, for whoever knows testpmd; with `help` for whoever does not.
//!
//! **Owns** the line reader's thread, the table of commands, and what the prompt alone changes: its baselines of counters
//! (`clear` never touches a metric), the verbosity, which ports it has stopped. **May touch** the control side of the engine:
//! monitors, merger, gate. **Order** the control loop gives it a turn every few milliseconds; a command runs there, on the
//! main lcore, and costs workers nothing but what `stop` asks of them.
//!
//! Lines come from a terminal with editing, history and completion, or from a pipe, where each is echoed behind the prompt so
//! that what was said reads like a session. What is shown is laid out as testpmd 22.11 lays it out, blanks included:
//! `exporter/tests/prompt.rs` holds the two side by side. Answers go to standard output, refusals to standard error.

mod commands;
mod console;
mod flows;
mod forwarding;
mod grammar;
mod help;
mod input;
mod port_info;
mod probe;
mod session;
mod show_port;
pub mod watch;

pub use console::Console;
pub use help::reference;
pub use session::Scene;
pub use watch::Watch;
