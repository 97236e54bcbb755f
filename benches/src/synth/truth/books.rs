//! The books that a probe must show after the whole capture: `X.books.json`.
//!
//! **Owns** the expected counters. **May touch** nothing. **Order** added up by `compose`.

use serde::Serialize;
use std::collections::BTreeMap;

/// Expected counters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Books {
    /// Frames in the capture.
    pub frames: u64,
    /// Their bytes on the wire.
    pub wire_bytes: u64,
    /// Their captured bytes.
    pub captured_bytes: u64,
    /// Frames by outcome, the contract's names.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Frames by flaw, the names of `parshall_malformed_total{reason}`.
    pub flaws: BTreeMap<&'static str, u64>,
    /// Flow records, those cut by the active timeout each for itself.
    pub records: u64,
    /// Packets in flow records.
    pub record_packets: u64,
    /// Flow records by end reason.
    pub end_reasons: BTreeMap<String, u64>,
    /// Flow records by protocol number.
    pub protocols: BTreeMap<u8, u64>,
    /// Anomalous segments by class, visible ones only.
    pub classes: BTreeMap<&'static str, u64>,
    /// Sessions by scenario.
    pub scenarios: BTreeMap<&'static str, u64>,
}
