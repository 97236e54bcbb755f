//! Packets in, flow records out.
//!
//! Modules stand in the order in which a packet meets them; none names one that comes after it.
//! See ARCHITECTURE.md at the root for the map.

pub mod time;
pub mod link;
#[cfg(feature = "dpdk")]
pub mod dpdk;
pub mod source;
pub mod key;
pub mod packet;
pub mod decode;
pub mod record;
pub mod tally;
pub mod merge;
