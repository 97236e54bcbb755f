//! The outline of a packet: the little of it that accounting needs where the packet plainly continues its flow.
//!
//! **Owns** the outline and its facts. **May touch** the packet it is taken from. **Order** written by `decode` (straight from a
//! plain frame) or taken from a packet; read by `shard` and `track`.

use super::{Marks, Packet};
use crate::key::protocol;

/// What accounting needs of a packet that plainly continues its flow. TCP's header is read from the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// As in [`Packet`].
    pub ip_bytes: u32,
    /// As in [`Packet`].
    pub wire_bytes: u32,
    /// As in [`Packet`].
    pub payload_bytes: u32,
    /// As in [`Packet`].
    pub l4_offset: u16,
    /// The identification of IPv4, which tells packets apart; 0 where there is none.
    pub ip_id: u16,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Bits of [`facts`].
    pub facts: u8,
}

/// Bits of [`Outline::facts`].
pub mod facts {
    /// The sender is the key's low endpoint.
    pub const FROM_LOW: u8 = 1 << 0;
    /// TCP, whatever was captured of its header.
    pub const TCP: u8 = 1 << 1;
    /// A whole fixed TCP header stands at [`super::Outline::l4_offset`].
    pub const SEGMENT: u8 = 1 << 2;
    /// Plain: nothing was taken off but one VLAN tag, and decoding it again gives the same.
    pub const PLAIN: u8 = 1 << 3;
}

impl Outline {
    /// Whether all bits of `fact` are set.
    #[inline]
    #[must_use]
    pub const fn has(&self, fact: u8) -> bool {
        self.facts & fact == fact
    }

    /// Of a packet that was decoded.
    #[inline]
    #[must_use]
    pub const fn of(packet: &Packet) -> Outline {
        let mut known = 0;
        if packet.marks.has(Marks::FROM_LOW) {
            known |= facts::FROM_LOW;
        }
        if packet.protocol() == protocol::TCP {
            known |= facts::TCP;
        }
        if packet.marks.has(Marks::TCP) {
            known |= facts::SEGMENT;
        }
        Outline {
            ip_bytes: packet.ip_bytes,
            wire_bytes: packet.wire_bytes,
            payload_bytes: packet.payload_bytes,
            l4_offset: packet.l4_offset,
            ip_id: packet.informative_id(),
            ttl: packet.ttl,
            facts: known,
        }
    }
}
