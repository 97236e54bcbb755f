//! What a capture file holds, found by one pass before a live vdev replays it.
//!
//! **Owns** the counting. **May touch** the file. **Order** called by `run` before EAL opens a net_pcap vdev: the driver
//! cannot tell how many packets a file has, what its link type is, how long its longest frame is, or when it has ended.

use super::{CaptureError, Captures};
use crate::link::LinkType;
use crate::source::{Batch, Polled, Source};
use crate::time::Nanos;
use std::path::Path;

/// What one pass over a capture finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Packets before the end, or before the damage.
    pub packets: u64,
    /// Most bytes captured of one packet.
    pub longest_captured: u32,
    /// Link type of the first packet; `None` without packets.
    pub link: Option<LinkType>,
    /// Not all packets have the link type of the first.
    pub mixed_links: bool,
    /// Earliest and latest time.
    pub first: Nanos,
    /// Latest time.
    pub last: Nanos,
    /// The farthest that a packet's time lies before that of an earlier packet. Unit: nanoseconds.
    pub largest_step_back: u64,
    /// The file broke before its end.
    pub damaged: bool,
}

/// Counts a file.
///
/// # Errors
/// As [`Captures::open`].
pub fn facts(path: &Path) -> Result<FileFacts, CaptureError> {
    let mut captures = Captures::open(&[path])?;
    let mut facts = FileFacts {
        packets: 0,
        longest_captured: 0,
        link: None,
        mixed_links: false,
        first: Nanos::MAX,
        last: Nanos::ZERO,
        largest_step_back: 0,
        damaged: false,
    };
    loop {
        let mut batch = Batch::new();
        let polled = captures.poll(&mut batch);
        for frame in &batch {
            facts.packets += 1;
            facts.longest_captured = facts.longest_captured.max(u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX));
            facts.mixed_links |= *facts.link.get_or_insert(frame.link) != frame.link;
            facts.largest_step_back = facts.largest_step_back.max(facts.last.since(frame.time));
            facts.first = facts.first.min(frame.time);
            facts.last = facts.last.max(frame.time);
        }
        drop(batch);
        if polled == Polled::Ended {
            facts.damaged = !captures.damage().is_empty();
            return Ok(facts);
        }
    }
}
