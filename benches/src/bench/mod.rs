//! The benches: what each step costs, beside a bound measured in the same run.
//!
//! **Owns** the measuring, the traffic from memory, and the tables printed. **May touch** the engine's front doors.
//! **Order** the binary `parshall-bench` runs one of them; `scripts/bench` runs all and writes `benches/RESULTS.md`.

pub mod beside;
pub mod bound;
pub mod churn;
pub mod command;
pub mod count;
pub mod decode;
pub mod engine;
pub mod insert;
pub mod lookup;
pub mod measure;
pub mod publish;
#[cfg(feature = "dpdk")]
pub mod receive;
pub mod rig;
pub mod scaling;
pub mod stall;
pub mod stream;
pub mod visits;
