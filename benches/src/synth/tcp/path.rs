//! The network: four one-way links, each with delay, jitter, loss, reordering and duplication; and faults on demand.
//!
//! ```text
//!   client ──near──▶ probe ──far──▶ server        links of Side::Client: Before, After
//!   client ◀──far─── probe ◀─near── server        links of Side::Server: Before, After
//! ```
//!
//! **Owns** what happens to a segment between hosts and probe. **May touch** the dice. **Order** asked by `world`.

use super::segment::{Segment, Side};
use crate::synth::dice::Dice;

/// Where on its way a segment was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Between its sender and the probe.
    BeforeProbe,
    /// Between the probe and its receiver.
    AfterProbe,
}

/// How one link treats what it carries. Probabilities in parts of a million, times in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quality {
    pub(crate) delay: u64,
    pub(crate) jitter: u64,
    /// Time on the wire of one byte; 8 is 1 Gbit/s.
    pub(crate) per_byte: u64,
    pub(crate) loss: u32,
    pub(crate) reorder: u32,
    /// How much later a reordered segment comes, at most.
    pub(crate) reorder_by: u64,
    pub(crate) duplicate: u32,
}

/// One link.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    pub(crate) quality: Quality,
    /// Arrival of the last segment that kept its place.
    last: u64,
}

/// When a segment comes out of a link: not at all, once, or twice.
pub(crate) type Arrivals = Vec<u64>;

impl Link {
    pub(crate) fn new(quality: Quality) -> Link {
        Link { quality, last: 0 }
    }

    fn carry(&mut self, now: u64, bytes: u64, act: Option<Act>, dice: &mut Dice) -> Arrivals {
        let quality = self.quality;
        let lost = dice.chance(quality.loss);
        let late = dice.chance(quality.reorder);
        let twice = dice.chance(quality.duplicate);
        let jitter = dice.below(quality.jitter + 1);
        let extra = dice.between(quality.reorder_by / 4, quality.reorder_by);
        let gap = dice.between(2_000, 400_000);
        if lost || act == Some(Act::Lose) {
            return Vec::new();
        }
        let base = (now + quality.delay + jitter).max(self.last) + bytes * quality.per_byte;
        let at = match act {
            Some(Act::Delay(by)) => base + by,
            _ if late => base + extra,
            _ => {
                self.last = base;
                base
            }
        };
        match act {
            Some(Act::Double(gap)) => vec![at, at + gap],
            _ if twice => vec![at, at + gap],
            _ => vec![at],
        }
    }
}

/// What a fault does to a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Lose,
    /// Comes later by so much, and what follows overtakes it.
    Delay(u64),
    /// Comes twice, so much apart.
    Double(u64),
    /// Passes the probe without being captured.
    Miss,
}

/// Which segments a fault means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Syn,
    /// Without content: acknowledgements of every kind.
    Ack,
    /// Those that carry the byte at this stream offset.
    Byte(u64),
}

impl Which {
    fn matches(self, segment: &Segment) -> bool {
        let data = segment.payload > 0;
        match self {
            Which::Syn => segment.syn,
            Which::Ack => segment.pure_ack(),
            Which::Byte(at) => data && segment.start <= at && at < segment.start + u64::from(segment.payload),
        }
    }
}

/// Something that happens to chosen segments of one side: the `skip`-th to the `skip + count - 1`-th that match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) side: Side,
    pub(crate) which: Which,
    pub(crate) skip: u32,
    pub(crate) count: u32,
    pub(crate) part: Part,
    pub(crate) act: Act,
}

impl Fault {
    /// A fault that strikes the first match.
    pub(crate) fn first(side: Side, which: Which, part: Part, act: Act) -> Fault {
        Fault { side, which, skip: 0, count: 1, part, act }
    }
}

/// The way between two hosts.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    /// By side of the sender, then part.
    links: [[Link; 2]; 2],
    /// Each with the number of matches seen.
    faults: Vec<(Fault, u32)>,
    /// Segments that the probe misses. Parts of a million.
    pub(crate) blind: u32,
}

impl Path {
    pub(crate) fn new(links: [[Quality; 2]; 2], faults: &[Fault]) -> Path {
        let faults = faults.iter().map(|fault| (*fault, 0)).collect();
        Path { links: links.map(|parts| parts.map(Link::new)), faults, blind: 0 }
    }

    /// The shortest time from the probe to both hosts and back. Unit: nanoseconds.
    pub(crate) fn round_trip(&self) -> u64 {
        self.links.iter().flatten().map(|link| link.quality.delay).sum()
    }

    /// The acts that strike this transmission, before and after the probe. Asked once for each transmission.
    pub(crate) fn strike(&mut self, segment: &Segment) -> [Option<Act>; 2] {
        let mut acts = [None, None];
        for (fault, seen) in &mut self.faults {
            if fault.side != segment.side || !fault.which.matches(segment) {
                continue;
            }
            if (fault.skip..fault.skip + fault.count).contains(seen) {
                acts[fault.part as usize] = Some(fault.act);
            }
            *seen += 1;
        }
        acts
    }

    /// Sends `bytes` over one link.
    pub(crate) fn carry(
        &mut self,
        side: Side,
        part: Part,
        now: u64,
        bytes: u64,
        act: Option<Act>,
        dice: &mut Dice,
    ) -> Arrivals {
        self.links[side as usize][part as usize].carry(now, bytes, act, dice)
    }
}
