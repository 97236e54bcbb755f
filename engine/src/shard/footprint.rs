//! What a shard takes of memory.
//!
//! **Owns** the sums. **May touch** nothing. **Order** asked before a shard is made, by the statement of memory.
//! `engine/tests/statement.rs` holds them against what the kernel gave.

use super::bytes_per_flow;
use crate::decode::FragmentCache;
use crate::dedup::Dedup;
use crate::flow::{Contexts, Extra, Hot, Origin, Pair, TcpBlock};
use crate::shard::Desk;
use crate::tally::Tally;

const _: () = {
    assert!(size_of::<Hot>() == 64, "what every packet touches is one line");
    assert!(size_of::<Pair>() <= 128 && align_of::<Pair>() == 128, "a flow other than TCP has one pair of lines");
    assert!(size_of::<Pair>() + size_of::<TcpBlock>() <= 512, "the fixed state of a TCP flow");
};

/// Bytes of state for one flow of capacity, with what is mapped for every flow and touched by few.
#[must_use]
pub const fn all_bytes_per_flow(first_packets: u8) -> u64 {
    bytes_per_flow(first_packets) + (size_of::<Origin>() + size_of::<Extra>()) as u64
}

/// Bytes of a worker with room for `flows` that do not stand beside each flow: link contexts, recent packets, fragments,
/// a burst, and the tally with the copy that travels.
#[must_use]
pub fn bytes_beside_flows(flows: u64) -> u64 {
    let fixed = Dedup::BYTES + FragmentCache::BYTES + Desk::BYTES + 3 * size_of::<Tally>();
    Contexts::most_bytes(usize::try_from(flows).unwrap_or(usize::MAX)) as u64 + fixed as u64
}
