//! The segment as most are: an acknowledgement, with data or without, by which the connection itself neither begins nor
//! ends.
//!
//! **Owns** the test for such a segment, known as header prediction (Jacobson, 1990). **May touch** what `tcp` may.
//! **Order** asked by `shard` first. It applies the same rules as [`Flow::packet`], less those that cannot apply, and so
//! leaves the same state: a property test holds the two together.

use super::Flow;
use super::options::Options;
use crate::flow::tcp::state;
use crate::packet::{Marks, Packet, tcp_flags};

/// The flags that tell what kind of segment it is.
const KIND: u8 = tcp_flags::SYN | tcp_flags::FIN | tcp_flags::RST | tcp_flags::ACK;

impl Flow<'_> {
    /// Takes a plain segment of an open flow in, not older than the latest packet, and says so; any other it leaves to
    /// [`Flow::packet`], with nothing touched.
    #[inline(always)]
    pub fn plain(&mut self, side: usize, packet: &Packet, bytes: &[u8]) -> bool {
        let side = side & 1;
        let tcp = &packet.tcp;
        let begins_or_ends = tcp.flags & KIND != tcp_flags::ACK || self.core.any(state::FIN);
        let new_flags = tcp.flags & !self.core.flags[side] != 0;
        let perhaps_keepalive = tcp.seq.wrapping_add(1) == self.core.next_seq[side];
        if !packet.marks.has(Marks::TCP) || begins_or_ends || new_flags || perhaps_keepalive {
            return false;
        }
        let timestamps = if tcp.header_len == 20 {
            None
        } else {
            let from = usize::from(packet.l4_offset) + 20;
            let options = bytes.get(from..from + usize::from(tcp.header_len) - 20);
            let Some(usual) = options.and_then(Options::usual) else { return false };
            usual
        };
        self.core.add_payload(side, packet.payload_bytes);
        if tcp.flags & tcp_flags::PSH != 0 {
            self.push(side);
        }
        if packet.payload_bytes > 0 {
            self.count_data(side, packet);
            self.data(side, packet, tcp.seq.wrapping_add(packet.payload_bytes), false);
        }
        self.acknowledge(side, packet, timestamps, false);
        if let Some((value, _)) = timestamps {
            self.timestamp(side, packet, value);
        }
        true
    }
}
