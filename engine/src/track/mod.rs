//! What is measured of a flow beyond counting: TCP's life and numbers, UDP's exchanges, SCTP's chunks.
//!
//! **Owns** the rules. **May touch** the state of the one flow it is given, the packet, and its bytes.
//! **Order** called by `shard` after the packet was counted in the flow's hot line.

pub mod chunks;
pub mod extra;
pub mod history;
pub mod tcp;
pub mod udp;
