//! The benches: what each step costs, beside a bound measured in the same run.
//!
//! **Owns** the measuring, the traffic from memory, and the tables printed. **May touch** the engine's front doors.
//! **Order** the binary `parshall-bench` runs one of them; `scripts/bench` runs all and writes `benches/RESULTS.md`.

pub mod bound;
pub mod command;
pub mod count;
pub mod decode;
pub mod engine;
pub mod measure;
pub mod rig;
pub mod stream;
pub mod visits;
