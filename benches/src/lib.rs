//! What measures and tests parshall: traffic whose truth is known, load without truth, and the benches. Never shipped.
//!
//! [`synth`] makes captures with their ground truth beside them; the binary `parshall-traffic` writes them to files.
//! [`bench`](mod@bench) measures; the binary `parshall-bench` prints the tables.

#![forbid(unsafe_code)]

pub mod bench;
pub mod synth;
