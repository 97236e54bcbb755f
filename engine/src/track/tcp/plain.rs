//! The segment that goes on with an open flow.
//!
//! **Owns** the test for such a segment, known as header prediction (Jacobson, 1990). **May touch** what `tcp` may.
//! **Order** asked by `shard` where the segment is not the next one ([`super::next`]). An acknowledgement, with data or without, by
//! which the connection neither begins nor ends is taken by the rules that can apply to it; any other segment of the flow by all
//! rules ([`Flow::segment`]). Both leave the state that [`Flow::packet`] leaves: a property test holds them together.

use super::options::Options;
use super::{Flow, Segment};
use crate::flow::tcp::state;
use crate::packet::{Outline, TcpHeader, tcp_flags};
use crate::source::Frame;

/// The fixed header of a segment, and the bytes behind it; `None` where it was not captured.
#[inline(always)]
pub(super) fn header<'f>(outline: &Outline, frame: &Frame<'f>) -> Option<(TcpHeader, &'f [u8])> {
    let (header, rest) = frame.bytes.get(usize::from(outline.l4_offset)..)?.split_first_chunk::<20>()?;
    Some((TcpHeader::read(header), rest))
}

impl Flow<'_> {
    /// Takes a segment of an open flow in, not older than the latest packet, and says so. One that may begin another flow, or
    /// end this one before its time, it leaves to who knows the flow's limits, with nothing touched. `at_once`: a flow
    /// ends with the segment that closes it.
    #[inline(never)]
    pub fn plain(mut self, side: usize, outline: &Outline, frame: &Frame<'_>, at_once: bool) -> bool {
        let side = side & 1;
        let Some((tcp, behind)) = header(outline, frame) else { return false };
        let ends = tcp.flags & tcp_flags::FIN != 0 || self.core.any(state::FIN);
        if tcp.flags & (tcp_flags::SYN | tcp_flags::RST) != 0 || ends && at_once {
            return false;
        }
        let Outline { payload_bytes: payload, ip_id, .. } = *outline;
        let segment = Segment { time: frame.time, payload, ip_id, header: tcp };
        let new_flags = tcp.flags & !self.core.flags[side] != 0;
        let perhaps_keepalive = tcp.seq.wrapping_add(1) == self.core.next_seq[side];
        let options = behind.get(..usize::from(tcp.header_len).wrapping_sub(20)).and_then(Options::usual);
        let (false, Some(timestamps)) =
            (ends || new_flags || perhaps_keepalive || tcp.flags & tcp_flags::ACK == 0, options)
        else {
            self.hot.set_asks(side);
            self.segment(side, &segment, behind);
            return true;
        };
        self.hot.unset_asks(side);
        if tcp.flags & tcp_flags::PSH != 0 {
            self.push(side);
        }
        if payload > 0 {
            self.core.add_payload(side, payload);
            self.count_data(side, frame.time);
            self.data(side, &segment, tcp.seq.wrapping_add(payload), false);
        }
        self.acknowledge(side, &segment, timestamps, false);
        if let Some((value, _)) = timestamps {
            self.timestamp(side, &segment, value);
        }
        self.core.season(side);
        true
    }
}
