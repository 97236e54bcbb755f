//! Packets in, flow records out.
//!
//! Modules stand in the order in which a packet meets them; none names one that comes after it.
//! See ARCHITECTURE.md at the root for the map.

pub mod time;
pub mod link;
#[cfg(feature = "libpcap")]
pub mod libpcap;
#[cfg(feature = "dpdk")]
pub mod dpdk;
pub mod memory;
pub mod source;
pub mod key;
pub mod packet;
pub mod decode;
pub mod sieve;
pub mod dedup;
pub mod table;
pub mod flow;
pub mod life;
pub mod track;
pub mod locality;
pub mod record;
pub mod tally;
pub mod exit;
pub mod tuning;
pub mod look;
pub mod shard;
pub mod handover;
pub mod stop;
pub mod worker;
pub mod replay;
pub mod spread;
pub mod merge;
pub mod listen;
#[cfg(feature = "dpdk")]
pub mod interface;
pub mod launch;
pub mod statement;
#[cfg(feature = "dpdk")]
pub mod layout;
#[cfg(feature = "dpdk")]
pub mod live;
