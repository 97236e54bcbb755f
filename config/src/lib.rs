//! What was asked of parshall, and what will be done.
//!
//! **Owns** the command line, the environment, the TOML file, their layering, and every check that needs no hardware.
//! **May touch** argv, the environment and one file; it knows no DPDK, no packet, no socket.
#![forbid(unsafe_code)]

pub mod plan;
