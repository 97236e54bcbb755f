//! What the fuzz targets do with their bytes: no panic, no loop, answers that agree with each other. The short run of the tests
//! does the same without libFuzzer.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each user takes a part of it")]

pub mod capture;
pub mod decode;
pub mod filter;
pub mod input;
pub mod outer;
pub mod seeds;
pub mod tzsp;

/// A target: what it is called, and what it does with any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target by name.
pub const TARGETS: [Target; 5] = [
    ("decode", decode::run),
    ("outer", outer::run),
    ("tzsp", tzsp::run),
    ("filter", filter::run),
    ("capture", capture::run),
];
