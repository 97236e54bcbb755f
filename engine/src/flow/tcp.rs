//! The state of a TCP flow: the line that every segment touches, and the rest.
//!
//! **Owns** the layouts. **May touch** nothing. **Order** written by `track::tcp`.
//!
//! Side 0 is client to server. What is rare is counted, what is common is what remains: acknowledgements are all
//! packets less those without ACK, pure ones are all packets less those with data and those that are bare.

use bytemuck::{Pod, Zeroable};

/// Line 1 of a TCP flow.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct TcpCore {
    /// Payload bytes of each side, retransmissions included.
    pub payload: [u64; 2],
    /// Sequence number after the highest one seen from each side; valid when the side has [`TcpState::seen`].
    pub next_seq: [u32; 2],
    /// Highest acknowledgement number each side sent.
    pub last_ack: [u32; 2],
    /// Segments with payload of each side.
    pub data_packets: [u32; 2],
    /// Segments of each side that are neither data nor pure acknowledgements.
    pub bare_packets: [u32; 2],
    /// Segments of each side without ACK.
    pub no_ack_packets: [u32; 2],
    /// What was seen so far.
    pub state: u32,
    spare: u32,
}

/// Bits of [`TcpCore::state`]; each is shifted left by the side, so every constant takes two bits.
#[derive(Clone, Copy, Debug)]
pub struct TcpState;

impl TcpState {
    /// A SYN of this side was seen.
    pub const SYN: u32 = 1 << 0;
    /// A FIN of this side was seen.
    pub const FIN: u32 = 1 << 2;
    /// This side's FIN was acknowledged.
    pub const FIN_ACKED: u32 = 1 << 4;
    /// [`TcpCore::next_seq`] of this side is known.
    pub const SEEN: u32 = 1 << 6;
    /// [`TcpCore::last_ack`] of this side is known.
    pub const ACKED: u32 = 1 << 8;
    /// A SYN with ACK of this side was seen.
    pub const SYN_ACK: u32 = 1 << 10;
}

impl TcpCore {
    /// Whether a bit of one side is set.
    #[inline]
    #[must_use]
    pub const fn has(&self, bit: u32, side: usize) -> bool {
        self.state & bit << (side & 1) != 0
    }

    /// Sets a bit of one side.
    #[inline]
    pub const fn set(&mut self, bit: u32, side: usize) {
        self.state |= bit << (side & 1);
    }

    /// Forgets the counts, keeps the sequence state: the next record of a flow that goes on.
    pub const fn restart(&mut self) {
        self.payload = [0; 2];
        self.data_packets = [0; 2];
        self.bare_packets = [0; 2];
        self.no_ack_packets = [0; 2];
    }
}

/// What of a TCP flow is touched less often than once a packet.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct TcpRest {
    /// When the flow closed. Unit: UNIX nanoseconds; meaningless before.
    pub closed_at: u64,
    /// Initial sequence number of each side whose SYN was seen.
    pub isn: [u32; 2],
    /// Sequence number after each side's FIN.
    pub fin_end: [u32; 2],
    /// SYNs of each side.
    pub syn_count: [u32; 2],
    /// FINs of each side.
    pub fin_count: [u32; 2],
    /// RSTs of each side.
    pub rst_count: [u32; 2],
    /// Segments with PSH of each side.
    pub psh_count: [u32; 2],
    /// All flags each side ever sent.
    pub flags: [u8; 2],
    /// SYNs of each side with another initial sequence number on an open flow (RFC 9293 challenge ACK), held at 255.
    pub other_isn: [u8; 2],
    spare: u32,
}

impl TcpRest {
    /// Forgets the counts, keeps the state: the next record of a flow that goes on.
    pub const fn restart(&mut self) {
        self.syn_count = [0; 2];
        self.fin_count = [0; 2];
        self.rst_count = [0; 2];
        self.psh_count = [0; 2];
        self.flags = [0; 2];
        self.other_isn = [0; 2];
    }
}
