//! Records and snapshots out: sinks, metrics, HTTP, summary; and the program that starts it all.
//!
//! Modules: `render` records as text, `sink` where they go, `fanout` how they get there, `order` in which order in `read`,
//! `metrics` and `http` for who asks, `summary` for who reads, `read` and `run` for who starts.
#![forbid(unsafe_code)]

pub mod render;
pub mod sink;
pub mod fanout;
pub mod order;
