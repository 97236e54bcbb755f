//! What measures and tests parshall: traffic whose truth is known, and load without truth. Never shipped.
//!
//! [`synth`] makes captures with their ground truth beside them; the binary `parshall-traffic` writes them to files.

#![forbid(unsafe_code)]

pub mod synth;
