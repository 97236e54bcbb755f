//! What is counted of one TCP direction in one record.
//!
//! **Owns** the counts. **May touch** nothing. **Order** `see` for each segment of the direction.

use super::TcpSight;
use super::positions::Overlap;
use crate::synth::tcp::segment::{Cause, Segment};
use crate::synth::truth::anomaly::Class;
use crate::synth::truth::flow::Keys;
use crate::synth::wire::tcp::{ACK, CWR, ECE, FIN, PSH, RST, SYN};

/// Smallest other than 0, and largest window. Unit: bytes.
type Windows = (Option<u64>, Option<u64>);

/// Counts of one direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) packets: u64,
    flags: u8,
    syn: u64,
    fin: u64,
    rst: u64,
    psh: u64,
    ack: u64,
    pure_ack: u64,
    data: u64,
    unique: u64,
    retx_packets: u64,
    retx_bytes: u64,
    ooo: u64,
    /// Segments with ACK and window 0: resets included, and without them.
    zero_windows: [u64; 2],
    keepalives: u64,
    /// A keep-alive passed before anything else of its stream: it cannot be told from an ACK or from data.
    pub(crate) keepalives_open: bool,
    sack: u64,
    timestamps: bool,
    /// Smallest and largest payload that is not empty.
    payloads: Option<(u32, u32)>,
    /// Of all segments, SYNs with their unscaled window included (so do Tstat's logs); by reading: with and without RST.
    windows: [Windows; 2],
    first_payload: Option<u64>,
    last_payload: Option<u64>,
    /// First ACK without SYN: resets included, and without them.
    first_ack: [Option<u64>; 2],
    pub(crate) classes: [u64; Class::ALL.len()],
    /// An anomalous segment shares content with several others: whether it counts once in its class, as here, or once
    /// for each piece, as Tstat has it, is open.
    pub(crate) pieced: bool,
    /// A SYN of another life passed: what sequence numbers and windows say is open.
    stray: bool,
}

/// The flags of a segment as in byte 13 of the header.
pub(crate) fn flags_of(segment: &Segment) -> u8 {
    let bit = |set: bool, flag: u8| if set { flag } else { 0 };
    bit(segment.fin, FIN)
        | bit(segment.syn, SYN)
        | bit(segment.rst, RST)
        | bit(segment.psh, PSH)
        | bit(segment.ack.is_some(), ACK)
        | bit(segment.ece, ECE)
        | bit(segment.cwr, CWR)
}

impl Counts {
    /// Counts a segment; `overlap` is empty for one without content.
    pub(crate) fn see(&mut self, at: u64, seen: &TcpSight<'_>, overlap: Overlap) {
        let segment = seen.segment;
        self.packets += 1;
        self.flags |= flags_of(segment);
        self.syn += u64::from(segment.syn);
        self.fin += u64::from(segment.fin);
        self.rst += u64::from(segment.rst);
        self.psh += u64::from(segment.psh);
        self.ack += u64::from(segment.ack.is_some());
        self.pure_ack += u64::from(segment.pure_ack());
        self.data += u64::from(segment.payload > 0);
        self.keepalives += u64::from(segment.cause == Cause::KeepAlive);
        self.sack += u64::from(!segment.sack.is_empty());
        self.timestamps |= segment.timestamps.is_some();
        self.stray |= segment.cause == Cause::Stray;
        if segment.payload > 0 {
            let (low, high) = self.payloads.unwrap_or((segment.payload, segment.payload));
            self.payloads = Some((low.min(segment.payload), high.max(segment.payload)));
            self.first_payload = self.first_payload.or(Some(at));
            self.last_payload = Some(at);
        }
        self.unique += u64::from(segment.payload) - overlap.payload;
        self.retx_packets += u64::from(overlap.positions > 0);
        self.retx_bytes += overlap.payload;
        self.ooo += u64::from(segment.span() > 0 && overlap.positions == 0 && overlap.behind);
        if segment.ack.is_some() && !segment.syn {
            self.first_ack[0] = self.first_ack[0].or(Some(at));
            self.first_ack[1] = self.first_ack[1].or((!segment.rst).then_some(at));
        }
        self.see_window(segment, seen.shift);
    }

    fn see_window(&mut self, segment: &Segment, shift: u8) {
        let window = u64::from(segment.window) << if segment.syn { 0 } else { shift };
        let with_ack = segment.ack.is_some();
        for ((min, max), _) in self.windows.iter_mut().zip([true, !segment.rst]).filter(|(_, counts)| *counts) {
            *min = (*min).into_iter().chain((window > 0).then_some(window)).min();
            *max = (*max).max(Some(window));
        }
        if with_ack && window == 0 {
            self.zero_windows[0] += 1;
            self.zero_windows[1] += u64::from(!segment.rst);
        }
    }

    /// Writes the keys; windows only when `both` SYNs passed.
    pub(crate) fn write(&self, prefix: &str, both: bool, keys: &mut Keys) {
        let plain = [
            ("tcp_flags", u64::from(self.flags)),
            ("syn_count", self.syn),
            ("fin_count", self.fin),
            ("rst_count", self.rst),
            ("psh_count", self.psh),
            ("ack_packets", self.ack),
            ("pure_ack_packets", self.pure_ack),
            ("data_packets", self.data),
            ("unique_bytes", self.unique),
            ("retx_packets", self.retx_packets),
            ("retx_bytes", self.retx_bytes),
            ("ooo_packets", self.ooo),
            ("keepalives", self.keepalives),
            ("sack_packets", self.sack),
        ];
        for (name, value) in plain {
            keys.set(prefix, name, value);
        }
        if self.keepalives_open {
            keys.open(prefix, "keepalives");
        }
        for ((_, name), count) in Class::ALL.iter().zip(self.classes) {
            keys.set(prefix, name, count);
        }
        keys.set(prefix, "class_unknown", 0);
        keys.agreed(prefix, "zero_windows", &self.zero_windows.map(Some));
        keys.maybe(prefix, "mss_min", self.payloads.map(|(low, _)| low));
        keys.maybe(prefix, "mss_max", self.payloads.map(|(_, high)| high));
        keys.maybe(prefix, "first_payload_ns", self.first_payload);
        keys.maybe(prefix, "last_payload_ns", self.last_payload);
        keys.agreed(prefix, "first_ack_ns", &self.first_ack);
        // Without the option, only a SYN says that it is not wanted.
        if self.timestamps || self.syn > 0 {
            keys.set(prefix, "ts_option", self.timestamps);
        } else {
            keys.open(prefix, "ts_option");
        }
        if both {
            keys.agreed(prefix, "window_min", &self.windows.map(|(min, _)| min));
            keys.agreed(prefix, "window_max", &self.windows.map(|(_, max)| max));
        } else {
            keys.maybe::<u64>(prefix, "window_min", None);
            keys.maybe::<u64>(prefix, "window_max", None);
        }
        if self.stray || self.pieced {
            Class::ALL.iter().for_each(|(_, name)| keys.open(prefix, name));
            keys.open(prefix, "class_unknown");
        }
        if self.stray {
            for name in ["retx_packets", "retx_bytes", "ooo_packets", "unique_bytes", "window_min", "window_max"] {
                keys.open(prefix, name);
            }
        }
    }
}
