//! The first packets of a flow: `--first-packets`. Mapped for every slot when that is on, else not at all.
//!
//! **Owns** the layout. **May touch** its own memory only. **Order** written by `shard` for each of the first packets,
//! read when a record is made. How many are noted is told by the flow's own count of packets.

use crate::flow::lapse::Lapse;
use crate::record::FirstPackets;
use crate::time::Nanos;
use bytemuck::{Pod, Zeroable};

/// Packets of a flow that can be noted, at most.
pub const MOST: usize = 16;

/// The notes of one flow.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct First {
    /// From the packet before.
    gaps: [Lapse; MOST],
    /// Payload, held at 65,535. Unit: bytes.
    sizes: [u16; MOST],
    /// Bit n: packet n came from the server.
    from_server: u16,
    unused: u16,
}

impl First {
    /// Notes packet `number` of the flow, counted from 0: its side (0 client, 1 server), its payload, its time, and the
    /// time of the packet `before`. The first packet makes the notes of a flow that had the slot before forgotten.
    pub fn note(&mut self, number: usize, side: usize, payload: u32, before: Nanos, time: Nanos) {
        if number == 0 {
            *self = First::default();
        }
        let Some((gap, size)) = self.gaps.get_mut(number).zip(self.sizes.get_mut(number)) else { return };
        *gap = Lapse::between(before, time);
        *size = u16::try_from(payload).unwrap_or(u16::MAX);
        self.from_server |= u16::from(side == 1) << number;
    }

    /// The first `count` of them.
    #[must_use]
    pub fn told(&self, count: usize) -> FirstPackets {
        let direction = |number: usize| if self.from_server >> number & 1 == 0 { 1 } else { -1 };
        FirstPackets {
            sizes: self.sizes.into_iter().take(count).collect(),
            directions: (0..count.min(MOST)).map(direction).collect(),
            gaps: self.gaps.into_iter().take(count).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_told_as_they_were_made_and_a_new_flow_forgets_those_of_the_old_one() {
        assert_eq!(size_of::<First>(), 100);
        let mut first = First::default();
        let times: Vec<Nanos> = (0..20).map(|n| Nanos(n * n * 1001)).collect();
        for (number, time) in times.iter().enumerate() {
            let before = times[number.saturating_sub(1)];
            first.note(number, number % 2, number as u32 * 9_000, before, *time);
        }
        let told = first.told(20);
        assert_eq!((told.sizes.len(), told.directions.len(), told.gaps.len()), (MOST, MOST, MOST));
        assert_eq!((told.sizes[7], told.sizes[8], told.directions[7], told.directions[8]), (63_000, u16::MAX, -1, 1));
        let gaps: Vec<u64> = told.gaps.iter().filter_map(|gap| gap.nanos()).collect();
        assert_eq!(gaps[..4], [0, 1001, 3003, 5005]);
        first.note(0, 0, 5, Nanos(1), Nanos(1));
        let told = first.told(2);
        assert_eq!((&told.sizes[..], &told.directions[..]), (&[5, 0][..], &[1, 1][..]));
    }

    #[test]
    fn a_packet_that_goes_back_in_time_has_no_gap() {
        let mut first = First::default();
        first.note(0, 0, 5, Nanos(9), Nanos(9));
        first.note(1, 1, 5, Nanos(9), Nanos(3));
        assert_eq!(first.told(2).gaps[1].nanos(), Some(0));
    }
}
