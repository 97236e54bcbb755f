//! Anomalies: segments that passed the probe and are not simply the next piece of their stream.
//!
//! **Owns** the classes and the form of a line of `X.anomalies.jsonl`. **May touch** nothing.
//! **Order** judged by `tcp::judge` as a segment passes; completed by later evidence; written by `artefacts`.

use crate::synth::tcp::path::Part;
use crate::synth::tcp::segment::{Cause, Side};
use serde::Serialize;

/// Tstat's names for why a segment is out of place (Mellia et al. 2005), without `unknown`: the model always knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Sent again after a timeout, or by a tail loss probe, and needed.
    Rto,
    /// Sent again after duplicate or selective acknowledgements, and needed.
    FastRetx,
    /// Sent once, overtaken in the network by what was sent later.
    Reordering,
    /// The network, or the mirror port, made a second copy.
    NetDup,
    /// Probes a closed window, or brings the byte of such a probe again.
    FlowControl,
    /// As `rto`, but everything in it had been received.
    UnneededRto,
    /// As `fast_retx`, but everything in it had been received.
    UnneededFastRetx,
}

impl Class {
    /// All classes with the ending of their record keys.
    pub const ALL: [(Class, &'static str); 7] = [
        (Class::Rto, "class_rto"),
        (Class::FastRetx, "class_fast_retx"),
        (Class::Reordering, "class_reordering"),
        (Class::NetDup, "class_net_dup"),
        (Class::FlowControl, "class_flow_control"),
        (Class::UnneededRto, "class_unneeded_rto"),
        (Class::UnneededFastRetx, "class_unneeded_fast_retx"),
    ];
}

/// Of a segment's positions in the stream, those that had passed the probe before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// None of them.
    None,
    /// Some of them.
    Part,
    /// All of them.
    All,
}

/// One anomalous segment.
#[derive(Clone, Debug, Serialize)]
pub struct Anomaly {
    /// Number of the frame in the capture, from 1.
    pub frame: u64,
    /// When it passed the probe. Unit: UNIX nanoseconds.
    pub time_ns: u64,
    /// Number of the flow's line in `X.truth.jsonl`, from 1.
    pub line: u64,
    /// Whether the flow's client sent it.
    pub from_client: bool,
    /// Why its sender sent it.
    pub cause: Cause,
    /// Its class; `None` for keep-alives, which have a count of their own.
    pub class: Option<Class>,
    /// Length in the stream: payload, SYN and FIN. Unit: positions.
    pub length: u64,
    /// What the probe had seen of it before.
    pub seen: Seen,
    /// Something behind it in the stream had passed the probe before.
    pub behind: bool,
    /// Where the first transmission of its first position was lost, if it was.
    pub lost: Option<Part>,
    /// An acknowledgement that covers it had passed the probe before.
    pub acked: bool,
    /// Duplicate acknowledgements that asked for its first position had passed the probe before: how many.
    pub dup_acks: u32,
    /// Since the same content, or what it was overtaken by, passed the probe. Unit: nanoseconds.
    pub after_ns: Option<u64>,
    /// It counts in the record's classes: the probe can see that it is out of place (`seen` or `behind`).
    pub visible: bool,
    /// What passed the probe is enough to tell the class: see `truth::tcp::judge`.
    pub evident: bool,
    /// A report of the duplicate would make it evident.
    #[serde(skip)]
    pub(crate) provable: bool,
    /// Whose stream it is in.
    #[serde(skip)]
    pub(crate) side: Side,
    #[serde(skip)]
    pub(crate) range: (u64, u64),
}
