//! Which positions of a stream passed the probe: one entry a position, the plainest bookkeeping there is.
//!
//! **Owns** the positions. **May touch** nothing. **Order** asked before a segment is taken in, then told of it.

use crate::synth::tcp::segment::{Cause, Segment};

/// What a segment shares with what passed before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overlap {
    /// Positions (payload, SYN, FIN) that had passed.
    pub(crate) positions: u64,
    /// Of these, payload.
    pub(crate) payload: u64,
    /// A position behind the segment had passed.
    pub(crate) behind: bool,
    /// Since the latest pass of a shared position, or else since the first pass of anything behind it.
    pub(crate) last: Option<u64>,
}

/// The positions of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Positions {
    /// When each position passed last, 0 for never; indexed by offset.
    passed: Vec<u64>,
    /// Lowest and highest (exclusive) position that passed.
    range: Option<(u64, u64)>,
    fin: Option<u64>,
    /// The byte that the last window probe brought.
    probed: Option<u64>,
}

impl Positions {
    /// Compares a segment with what passed before it.
    pub(crate) fn overlap(&self, segment: &Segment) -> Overlap {
        let (start, end) = (segment.start as usize, segment.end() as usize);
        let payload_from = start + usize::from(segment.syn);
        let payload = payload_from..payload_from + segment.payload as usize;
        let mut overlap = Overlap::default();
        for (offset, at) in self.passed.iter().enumerate().take(end).skip(start).filter(|(_, at)| **at > 0) {
            overlap.positions += 1;
            overlap.payload += u64::from(payload.contains(&offset));
            overlap.last = overlap.last.max(Some(*at));
        }
        let behind = self.passed.iter().skip(end).copied().filter(|at| *at > 0).min();
        overlap.behind = behind.is_some();
        overlap.last = overlap.last.or(behind);
        overlap
    }

    /// Takes a segment in.
    pub(crate) fn pass(&mut self, at: u64, segment: &Segment) {
        let (start, end) = (segment.start, segment.end());
        if self.passed.len() < end as usize {
            self.passed.resize(end as usize, 0);
        }
        self.passed[start as usize..end as usize].fill(at);
        let (low, high) = self.range.unwrap_or((start, end));
        self.range = Some((low.min(start), high.max(end)));
        if segment.cause == Cause::WindowProbe {
            self.probed = Some(start);
        }
        if segment.fin {
            self.fin = Some(end - 1);
        }
    }

    /// Where the FIN stands, if it passed.
    pub(crate) fn fin_at(&self) -> Option<u64> {
        self.fin
    }

    /// Whether all that a segment shares with what passed before is the byte of a window probe.
    pub(crate) fn brings_probe(&self, segment: &Segment, overlap: Overlap) -> bool {
        overlap.positions == 1 && self.probed == Some(segment.start)
    }

    /// Whether the position before `offset` passed, so that a segment that begins there is known to repeat it.
    pub(crate) fn known_up_to(&self, offset: u64) -> bool {
        self.range.is_some_and(|(low, high)| low < offset && offset <= high)
    }

    /// Whether something at or behind `offset` passed: with the FIN, and of data alone.
    pub(crate) fn beyond(&self, offset: u64) -> (bool, bool) {
        let high = self.range.map_or(0, |(_, high)| high);
        (high > offset, high - u64::from(self.fin.is_some_and(|fin| fin + 1 == high)) > offset)
    }

    /// Positions between the first and the last that never passed.
    pub(crate) fn gap(&self) -> u64 {
        let (low, high) = self.range.unwrap_or((0, 0));
        self.passed[low as usize..high as usize].iter().filter(|at| **at == 0).count() as u64
    }
}
