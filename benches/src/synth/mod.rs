//! The traffic synthesizer: captures that are the same on every machine, and what a probe must say of them.
//!
//! **Owns** models of hosts, paths and a probe between them, the frames they make and the truth about them.
//! **May touch** nothing outside its own memory, [`router`] apart: no clock, no random source of the machine, no floating
//! point whose result differs between machines. One seed gives one capture, byte for byte.
//! **Order** [`scenario`] lists what can be played; [`compose`] plays it and merges the sessions; [`pcap`] and
//! [`artefacts`] write it down; [`compare`] holds a probe's records against the truth; [`router`] sends what
//! was played to a probe that runs.
//!
//! ```text
//!             near segment            far segment
//!   client ═══ delay, loss ═══ PROBE ═══ delay, loss ═══ server        tcp/: hosts, path, world
//!                                │
//!                 what passed, and why it was sent                     tcp/world.rs: Sighting, Transmission
//!                    │                        │
//!             bytes of a frame         truth of the flow
//!              wire/                    truth/
//! ```
//!
//! The truth never comes from reading frames back. It is counted from what the model knows: stream offsets of 64 bits
//! that do not wrap, the reason of every transmission, its fate on the path. [`load`] stands apart: frames for benches,
//! without truth.

pub mod dice;
mod wire;
mod tcp;
pub mod truth;
mod session;
pub mod scenario;
pub mod compose;
pub mod pcap;
pub mod artefacts;
pub mod compare;
pub mod load;
pub mod router;
pub mod command;
