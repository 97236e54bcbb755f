//! The state of one flow, and where it lies: one hot line for every flow, one more line beside it, and for TCP a cold
//! block.
//!
//! **Owns** the layouts. **May touch** its own memory only. **Order** read and written by `shard` and `track`.
//!
//! ```text
//!            line 0 (hot)             line 1                        cold block (TCP only)
//!   UDP ...  image last packets ...   Identity + payload bytes      -
//!   TCP      image last packets ...   TcpCore: both directions      Identity + TcpRest
//! ```
//!
//! The two lines are neighbours (128 bytes, aligned), so a packet of an established flow touches one pair of lines. A
//! flow other than TCP costs 128 bytes, a TCP flow 448, and 256 of the pool with its first data. Side 0 is client to server, side 1 server to client.

pub mod context;
pub mod extra;
pub mod first;
pub mod hot;
pub mod lapse;
pub mod tcp;
pub mod trail;

use bytemuck::{Pod, Zeroable};
pub use context::{Context, Contexts};
pub use extra::Extra;
pub use first::First;
pub use hot::{Hot, Mark};
use lapse::Lapse;
pub use tcp::{TcpCore, TcpRest};

/// The pair of lines that every flow has. Zeroed is a free slot.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(128))]
pub struct Pair {
    /// Line 0.
    pub hot: Hot,
    line: [u64; 8],
}

impl Pair {
    /// Line 1 of a TCP flow.
    #[inline]
    pub fn tcp(&mut self) -> &mut TcpCore {
        bytemuck::cast_mut(&mut self.line)
    }

    /// Both lines of a TCP flow.
    #[inline]
    pub fn hot_and_tcp(&mut self) -> (&mut Hot, &mut TcpCore) {
        (&mut self.hot, bytemuck::cast_mut(&mut self.line))
    }

    /// Both lines of any other flow.
    #[inline]
    pub fn hot_and_identity(&mut self) -> (&mut Hot, &mut Identity) {
        (&mut self.hot, bytemuck::cast_mut(&mut self.line))
    }

    /// Line 1 of a TCP flow, to read.
    #[inline]
    #[must_use]
    pub fn tcp_ref(&self) -> &TcpCore {
        bytemuck::cast_ref(&self.line)
    }

    /// Line 1 of any other flow.
    #[inline]
    pub fn identity(&mut self) -> &mut Identity {
        bytemuck::cast_mut(&mut self.line)
    }

    /// Line 1 of any other flow, to read.
    #[inline]
    #[must_use]
    pub fn identity_ref(&self) -> &Identity {
        bytemuck::cast_ref(&self.line)
    }
}

/// What a flow is, beside its image; and, for protocols other than TCP, the little that is measured of it.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct Identity {
    /// The key's addresses: low (high half, low half), high (high half, low half).
    pub addresses: [u64; 4],
    /// First packet of this record. Unit: UNIX nanoseconds.
    pub start: u64,
    payload_low: [u32; 2],
    payload_high: [u16; 2],
    /// Link context, see [`Contexts`].
    pub context: u32,
    /// From `start` to the first packet of the side that did not send the record's earliest.
    pub other_first: Lapse,
    /// From `start` to the last packet of the side that did not send the flow's latest.
    pub other_last: Lapse,
}

impl Identity {
    /// Payload bytes of one side, below 2^48.
    #[inline]
    #[must_use]
    pub const fn payload(&self, side: usize) -> u64 {
        (self.payload_high[side & 1] as u64) << 32 | self.payload_low[side & 1] as u64
    }

    /// Adds payload bytes to one side.
    #[inline]
    pub const fn add_payload(&mut self, side: usize, bytes: u32) {
        let sum = self.payload(side) + bytes as u64;
        self.payload_low[side & 1] = sum as u32;
        self.payload_high[side & 1] = (sum >> 32) as u16;
    }

    /// Forgets the payload of both sides.
    pub const fn clear_payload(&mut self) {
        self.payload_low = [0; 2];
        self.payload_high = [0; 2];
    }

    /// Stores the key's addresses.
    pub const fn set_addresses(&mut self, low: u128, high: u128) {
        self.addresses = [(low >> 64) as u64, low as u64, (high >> 64) as u64, high as u64];
    }

    /// The key's addresses, low and high.
    #[must_use]
    pub const fn endpoints(&self) -> (u128, u128) {
        let [a, b, c, d] = self.addresses;
        ((a as u128) << 64 | b as u128, (c as u128) << 64 | d as u128)
    }
}

/// The cold block of a TCP flow.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct TcpBlock {
    /// What the flow is.
    pub identity: Identity,
    /// What happens less often than once a packet.
    pub rest: TcpRest,
}

/// What few flows have: where one that was cut by the active timeout began, and the ICMP errors about it. Mapped for
/// every slot, touched only by such flows.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct Origin {
    /// First packet of the flow. Unit: UNIX nanoseconds.
    pub start: u64,
    /// Number of the next record.
    pub record_seq: u32,
    /// ICMP errors that quoted a packet of the flow.
    pub icmp_errors: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_costs_128_bytes_and_a_tcp_flow_448() {
        assert_eq!((size_of::<Hot>(), size_of::<Identity>(), size_of::<TcpCore>()), (64, 64, 64));
        assert_eq!(size_of::<Pair>(), 128);
        assert_eq!(size_of::<Pair>() + size_of::<TcpBlock>(), 448);
    }

    #[test]
    fn payload_counts_beyond_32_bits() {
        let mut identity = Identity::default();
        for _ in 0..3 {
            identity.add_payload(1, u32::MAX);
        }
        assert_eq!((identity.payload(0), identity.payload(1)), (0, 3 * u64::from(u32::MAX)));
    }
}
