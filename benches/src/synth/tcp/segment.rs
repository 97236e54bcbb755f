//! A segment as the model knows it: stream offsets instead of sequence numbers, and why it was sent.
//!
//! **Owns** the plain values that hosts, path, probe and truth exchange. **May touch** nothing.

/// One of the two hosts. The client opens the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    pub(crate) fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// Why a segment was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Stream content (SYN, data, FIN) sent for the first time.
    New,
    /// Sent again because the retransmission timer ran out, or while recovering from that.
    Rto,
    /// Sent again because of duplicate or selective acknowledgements.
    FastRetransmit,
    /// Sent again by the probe timer, RFC 8985 section 7.
    TailLossProbe,
    /// SYN+ACK sent again because the SYN came again.
    SynAnswer,
    /// Probes a closed window, RFC 9293 section 3.8.6.1.
    WindowProbe,
    /// Probes an idle connection, RFC 9293 section 3.8.4.
    KeepAlive,
    /// Nothing but an acknowledgement.
    Acknowledgement,
    /// A reset.
    Reset,
    /// A SYN that belongs to no state of the sender (blind, or of an earlier life).
    Stray,
}

impl Cause {
    /// Whether stream content goes out once more than needed in a network without faults.
    pub(crate) fn resends(self) -> bool {
        matches!(self, Cause::Rto | Cause::FastRetransmit | Cause::TailLossProbe | Cause::SynAnswer)
    }
}

/// What a SYN offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) mss: Option<u16>,
    pub(crate) window_scale: Option<u8>,
    pub(crate) sack: bool,
    pub(crate) timestamps: bool,
    pub(crate) ecn: bool,
}

/// A segment on its way.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) side: Side,
    /// Number of the transmission, the same for all copies that the network makes of it.
    pub(crate) id: usize,
    pub(crate) cause: Cause,
    /// Offset of its first position in the sender's stream.
    pub(crate) start: u64,
    /// Payload. Unit: bytes.
    pub(crate) payload: u32,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    pub(crate) psh: bool,
    pub(crate) ece: bool,
    pub(crate) cwr: bool,
    /// Offset in the other side's stream that is expected next.
    pub(crate) ack: Option<u64>,
    /// Window field as on the wire.
    pub(crate) window: u16,
    /// SACK blocks as offsets of the other side's stream.
    pub(crate) sack: Vec<(u64, u64)>,
    /// The first block reports a duplicate, RFC 2883.
    pub(crate) dsack: bool,
    /// Options of a SYN.
    pub(crate) offer: Option<Offer>,
    /// Timestamps: value and echo.
    pub(crate) timestamps: Option<(u32, u32)>,
    /// Sequence number where it is not that of the sender's stream (a reset by a host without a connection).
    pub(crate) foreign_seq: Option<u32>,
    /// IPv4 identification.
    pub(crate) ip_id: u16,
}

impl Segment {
    /// A segment with nothing in it.
    pub(crate) fn blank(side: Side, cause: Cause) -> Segment {
        Segment {
            side,
            id: 0,
            cause,
            start: 0,
            payload: 0,
            syn: false,
            fin: false,
            rst: false,
            psh: false,
            ece: false,
            cwr: false,
            ack: None,
            window: 0,
            sack: Vec::new(),
            dsack: false,
            offer: None,
            timestamps: None,
            foreign_seq: None,
            ip_id: 0,
        }
    }

    /// Positions of the stream that it occupies: SYN and FIN count one each.
    pub(crate) fn span(&self) -> u64 {
        if self.foreign_seq.is_some() { 0 } else { u64::from(self.payload) + u64::from(self.syn) + u64::from(self.fin) }
    }

    /// The offset behind its last position.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.span()
    }

    /// ACK set, no payload, none of SYN, FIN, RST.
    pub(crate) fn pure_ack(&self) -> bool {
        self.ack.is_some() && self.payload == 0 && !self.syn && !self.fin && !self.rst
    }
}
