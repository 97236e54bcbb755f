//! A model of TCP: two hosts, a network path, and a probe in the middle that sees what passes.
//!
//! **Owns** hosts (RFC 9293, 5681, 6298, 2018, 2883, 8985 as far as an observer can tell them apart), the path and the
//! event queue between them. **May touch** the session's dice. **Order** driven by a script; what passed the probe and
//! what was sent and why go to `truth` and `wire`.
//!
//! Positions in a stream are 64-bit offsets: 0 is the SYN, data begins at 1, the FIN stands behind the data. They never
//! wrap; sequence numbers are made from them only when bytes are written.

pub(crate) mod segment;
pub(crate) mod stack;
pub(crate) mod clock;
pub(crate) mod sender;
pub(crate) mod output;
pub(crate) mod receiver;
pub(crate) mod host;
pub(crate) mod path;
pub(crate) mod script;
pub(crate) mod world;
#[cfg(test)]
mod invariants;
