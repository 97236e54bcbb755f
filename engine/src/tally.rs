//! What one worker counted since it started. Plain numbers, written by one core, copied out when asked.
//!
//! **Owns** the counters and their closed label sets. **May touch** nothing: no clock, no table.
//! **Order** written by `shard` and `worker`, copied by `handover`, added up by `merge`.
//!
//! A tally is cumulative: the one that travels is a copy, so a lost or late hand-over loses no count.

use crate::decode::FragmentCounts;
use crate::key::protocol;
use crate::packet::{Encap, Flaw, Marks, Outcome, Packet, Verdict};
use crate::record::EndReason;
use crate::source::{Frame, Input};
use crate::time::Nanos;
use arrayvec::ArrayVec;

/// Inputs (port and queue) that one worker can poll.
pub const MAX_INPUTS: usize = 64;

/// Transport protocols with a label of their own (`l4`).
pub const L4_LABELS: [(u8, &str); 12] = [
    (6, "tcp"),
    (17, "udp"),
    (1, "icmp"),
    (58, "icmpv6"),
    (132, "sctp"),
    (47, "gre"),
    (50, "esp"),
    (2, "igmp"),
    (136, "udplite"),
    (33, "dccp"),
    (89, "ospf"),
    (255, "other"),
];

/// Index of the `other` label in [`L4_LABELS`].
pub const L4_OTHER: usize = L4_LABELS.len() - 1;

/// Index of a protocol's label in [`L4_LABELS`].
#[inline]
#[must_use]
pub const fn l4_label(protocol: u8) -> usize {
    LABEL_OF[protocol as usize] as usize
}

/// Lengths of time that bursts are counted by.
pub const BURST_TIMES: usize = 32;

/// Which length a burst of so many nanoseconds has: below 1,024 ns; below 1 1/2 and 2 times a power of two up to 2^25 ns; longer.
#[inline]
#[must_use]
pub const fn burst_time(nanos: u64) -> usize {
    if nanos < 1 << 10 {
        return 0;
    }
    let power = nanos.ilog2();
    let place = 1 + (power - 10) as usize * 2 + (nanos >> (power - 1) & 1) as usize;
    if place < BURST_TIMES { place } else { BURST_TIMES - 1 }
}

/// [`l4_label`] of every protocol.
const LABEL_OF: [u8; 256] = {
    let mut labels = [L4_OTHER as u8; 256];
    let mut label = 0;
    while label < L4_OTHER {
        labels[L4_LABELS[label].0 as usize] = label as u8;
        label += 1;
    }
    labels
};

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Packets.
    pub packets: u64,
    /// Bytes; which ones is said where it is used.
    pub bytes: u64,
}

impl Volume {
    fn fold(&mut self, other: Volume) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

/// What was taken from one queue of one port. Bytes are wire bytes without FCS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Port and queue.
    pub input: Input,
    /// Frames.
    pub volume: Volume,
}

/// What one worker counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames taken, by queue: the left side of the books.
    pub taken: ArrayVec<Taken, MAX_INPUTS>,
    /// Frames by outcome: the right side of the books, indexed by [`Outcome`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Flaws seen, indexed by [`Flaw`].
    pub flaws: [u64; Flaw::ALL.len()],
    /// Frames from which an encapsulation was taken off, indexed by [`Encap`].
    pub encaps: [u64; Encap::ALL.len()],
    /// Packets with a usable IP header, and their IP bytes, by IP version (0: IPv4, 1: IPv6) and [`L4_LABELS`].
    /// Counted before the flow table, so a full table loses none.
    pub protocols: [[Volume; L4_LABELS.len()]; 2],
    /// Fragments by IP version: first ones, later ones that found their flow.
    pub fragments: [[u64; 2]; 2],
    /// Flows created, by [`L4_LABELS`].
    pub flows_created: [u64; L4_LABELS.len()],
    /// Records made, indexed by [`EndReason`]; a flow cut by the active timeout makes several.
    pub records: [u64; EndReason::ALL.len()],
    /// Packets in the records made.
    pub finished_packets: u64,
    /// Records that found their ring full.
    pub records_dropped_count: u64,
    /// Packets and IP bytes in those records.
    pub records_dropped: Volume,
    /// Flows in the table now.
    pub live_flows: u64,
    /// Packets in the table's flows, not yet in a record.
    pub live_packets: u64,
    /// Flows the table has room for.
    pub table_capacity: u64,
    /// Packets of flows that found no room in the table.
    pub table_full: u64,
    /// Packets whose time lies before that of an earlier packet of the same input.
    pub time_backwards: u64,
    /// What the fragment cache saw: evictions, fragments out of order, overlapping ones.
    pub fragment_cache: FragmentCounts,
    /// Mirror duplicates seen.
    pub duplicates: u64,
    /// Requests for segment history that found the pool empty.
    pub history_refused: u64,
    /// Memory of segment histories in use. Unit: bytes.
    pub history_bytes: u64,
    /// Link contexts (VLANs, tunnels, MAC addresses) that found no room; their flows' records leave them out.
    pub contexts_full: u64,
    /// Polls of the source.
    pub polls: u64,
    /// Polls that brought no frame.
    pub empty_polls: u64,
    /// From each poll of a live source that brought frames to the next poll: time at work. Unit: nanoseconds.
    pub busy_nanos: u64,
    /// The same by length, as [`burst_time`] has it.
    pub burst_times: [u64; BURST_TIMES],
    /// Latest packet time seen.
    pub packet_clock: Nanos,
    /// Bursts by size: 0, 1, 2, 3-4, 5-8, 9-16, 17-32, 33-64 frames.
    pub burst_sizes: [u64; 8],
}

/// Packets and IP bytes of the plain packets of one burst, by IP version and TCP or UDP. Both in one word: a burst has few
/// packets, and each of them few bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlainSums([u64; 4]);

impl PlainSums {
    /// Where the packets stand, above the bytes.
    const PACKETS: u32 = 40;

    /// Counts a packet.
    #[inline(always)]
    pub const fn count(&mut self, is_v6: bool, is_udp: bool, ip_bytes: u32) {
        self.0[(is_v6 as usize) << 1 | is_udp as usize] += 1 << Self::PACKETS | ip_bytes as u64;
    }
}

impl Tally {
    /// Counts frames taken from `input`.
    #[inline]
    pub fn take(&mut self, input: Input, volume: Volume) {
        match self.taken.iter_mut().find(|taken| taken.input == input) {
            Some(taken) => taken.volume.fold(volume),
            None => self.take_first(input, volume),
        }
    }

    /// Gives inputs their rows before a frame has come from them.
    pub fn expect(&mut self, inputs: &[Input]) {
        for input in inputs {
            self.take(*input, Volume::default());
        }
    }

    /// Counts the frames of a burst; in most bursts all are of one input.
    #[inline]
    pub fn take_all(&mut self, batch: &[Frame<'_>]) {
        let mut rest = batch;
        while let Some(first) = rest.first() {
            let input = first.input.word();
            let same = rest.iter().take_while(|frame| frame.input.word() == input).count();
            let (run, others) = rest.split_at(same);
            let bytes = run.iter().map(|frame| u64::from(frame.wire_len)).sum();
            self.take(first.input, Volume { packets: same as u64, bytes });
            rest = others;
        }
    }

    #[cold]
    fn take_first(&mut self, input: Input, volume: Volume) {
        if self.taken.try_push(Taken { input, volume }).is_err() {
            // More inputs than a plan can name: the last row takes them, so that the books still close.
            if let Some(last) = self.taken.last_mut() {
                last.volume.fold(volume);
            }
        }
    }

    /// Counts a frame that is not accounted to a flow.
    #[cold]
    pub fn refuse(&mut self, verdict: Verdict) {
        self.outcomes[verdict.outcome as usize] += 1;
        for flaw in verdict.flaws.iter() {
            self.flaws[flaw as usize] += 1;
        }
        for encap in verdict.encaps.iter() {
            self.encaps[encap as usize] += 1;
        }
    }

    /// Counts what decoding found in a packet with a usable IP header, whatever becomes of it.
    #[inline]
    pub fn decoded(&mut self, packet: &Packet) {
        self.clock(packet.time);
        let version = usize::from(packet.version() == 6);
        let volume = &mut self.protocols[version][l4_label(packet.protocol())];
        volume.packets += 1;
        volume.bytes += u64::from(packet.ip_bytes);
        let fragment = packet.marks.0 & (Marks::FIRST_FRAGMENT | Marks::LATER_FRAGMENT) != 0;
        if !packet.flaws.is_empty() || !packet.encaps.is_empty() || fragment {
            self.decoded_rare(packet);
        }
    }

    /// The same of the plain packets of a burst.
    pub fn plain(&mut self, sums: &PlainSums) {
        const { assert!(l4_label(protocol::TCP) == 0 && l4_label(protocol::UDP) == 1) };
        for (kind, sum) in sums.0.iter().enumerate() {
            let volume = Volume { packets: sum >> PlainSums::PACKETS, bytes: sum & ((1 << PlainSums::PACKETS) - 1) };
            self.protocols[kind >> 1][kind & 1].fold(volume);
        }
    }

    /// Notes the time of a packet.
    #[inline(always)]
    pub const fn clock(&mut self, time: Nanos) {
        if time.0 < self.packet_clock.0 {
            self.time_backwards += 1;
        } else {
            self.packet_clock = time;
        }
    }

    #[inline(never)]
    fn decoded_rare(&mut self, packet: &Packet) {
        let fragments = &mut self.fragments[usize::from(packet.version() == 6)];
        fragments[0] += u64::from(packet.marks.has(Marks::FIRST_FRAGMENT));
        fragments[1] += u64::from(packet.marks.has(Marks::LATER_FRAGMENT));
        for flaw in packet.flaws.iter() {
            self.flaws[flaw as usize] += 1;
        }
        for encap in packet.encaps.iter() {
            self.encaps[encap as usize] += 1;
        }
    }

    /// Adds another worker's tally to this one.
    pub fn fold(&mut self, other: &Tally) {
        for taken in &other.taken {
            match self.taken.iter_mut().find(|mine| mine.input == taken.input) {
                Some(mine) => mine.volume.fold(taken.volume),
                None => {
                    if self.taken.try_push(*taken).is_err()
                        && let Some(last) = self.taken.last_mut()
                    {
                        last.volume.fold(taken.volume);
                    }
                }
            }
        }
        add(&mut self.outcomes, &other.outcomes);
        add(&mut self.flaws, &other.flaws);
        add(&mut self.encaps, &other.encaps);
        for (mine, theirs) in self.protocols.iter_mut().flatten().zip(other.protocols.iter().flatten()) {
            mine.fold(*theirs);
        }
        for (mine, theirs) in self.fragments.iter_mut().zip(&other.fragments) {
            add(mine, theirs);
        }
        add(&mut self.flows_created, &other.flows_created);
        add(&mut self.records, &other.records);
        add(&mut self.burst_sizes, &other.burst_sizes);
        add(&mut self.burst_times, &other.burst_times);
        self.records_dropped.fold(other.records_dropped);
        self.packet_clock = self.packet_clock.max(other.packet_clock);
        for (mine, theirs) in self.scalars().into_iter().zip(other.clone().scalars()) {
            *mine += *theirs;
        }
    }

    /// The counters that are one plain number and add up over workers.
    fn scalars(&mut self) -> [&mut u64; 17] {
        [
            &mut self.finished_packets,
            &mut self.live_flows,
            &mut self.live_packets,
            &mut self.table_capacity,
            &mut self.table_full,
            &mut self.time_backwards,
            &mut self.fragment_cache.evictions,
            &mut self.fragment_cache.out_of_order,
            &mut self.fragment_cache.overlapping,
            &mut self.duplicates,
            &mut self.history_refused,
            &mut self.history_bytes,
            &mut self.contexts_full,
            &mut self.polls,
            &mut self.empty_polls,
            &mut self.busy_nanos,
            &mut self.records_dropped_count,
        ]
    }

    /// Frames taken from all inputs.
    #[must_use]
    pub fn taken_packets(&self) -> u64 {
        self.taken.iter().map(|taken| taken.volume.packets).sum()
    }

    /// Wire bytes taken from all inputs.
    #[must_use]
    pub fn taken_bytes(&self) -> u64 {
        self.taken.iter().map(|taken| taken.volume.bytes).sum()
    }

    /// The books of this tally.
    #[must_use]
    pub fn books(&self) -> Books {
        Books {
            taken: self.taken_packets(),
            outcomes: self.outcomes.iter().sum(),
            flow: self.outcomes[Outcome::Flow as usize],
            finished: self.finished_packets,
            live: self.live_packets,
        }
    }
}

fn add(mine: &mut [u64], theirs: &[u64]) {
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        *mine += theirs;
    }
}

/// The two equations of the contract, with their closure errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Frames taken from the ports.
    pub taken: u64,
    /// Sum over all outcomes.
    pub outcomes: u64,
    /// Frames with outcome `flow`.
    pub flow: u64,
    /// Packets in finished records.
    pub finished: u64,
    /// Packets in live flows.
    pub live: u64,
}

impl Books {
    /// Frames taken less the sum of outcomes; 0 when the first equation closes.
    #[must_use]
    pub const fn frame_error(&self) -> i64 {
        self.taken.wrapping_sub(self.outcomes).cast_signed()
    }

    /// Packets of outcome `flow` less those in records and live flows; 0 when the second equation closes.
    #[must_use]
    pub const fn flow_error(&self) -> i64 {
        self.flow.wrapping_sub(self.finished.wrapping_add(self.live)).cast_signed()
    }

    /// Whether both equations close.
    #[must_use]
    pub const fn closed(&self) -> bool {
        self.frame_error() == 0 && self.flow_error() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_stands_at_the_index_that_its_protocol_maps_to() {
        for (index, (protocol, _)) in L4_LABELS.iter().enumerate() {
            assert_eq!(l4_label(*protocol), index);
        }
    }

    #[test]
    fn bursts_are_told_apart_by_half_octaves() {
        #[rustfmt::skip]
        let cases = [
            (0, 0), (1_023, 0), (1_024, 1), (1_535, 1), (1_536, 2), (2_047, 2), (2_048, 3), (3_072, 4),
            (1 << 24, 29), ((1 << 25) - 1, 30), (1 << 25, 31), (u64::MAX, 31),
        ];
        for (nanos, place) in cases {
            assert_eq!(burst_time(nanos), place, "{nanos}");
        }
    }

    #[test]
    fn folding_adds_every_counter_once() {
        let mut one = Tally::default();
        one.take(Input { port: 0, queue: 1 }, Volume { packets: 1, bytes: 60 });
        one.outcomes[0] = 3;
        one.records_dropped = Volume { packets: 2, bytes: 7 };
        for scalar in one.scalars() {
            *scalar = 5;
        }
        let mut sum = Tally::default();
        sum.fold(&one);
        sum.fold(&one);
        assert_eq!(sum.taken_packets(), 2);
        assert_eq!(sum.outcomes[0], 6);
        assert_eq!(sum.live_flows, 10);
        assert_eq!(sum.records_dropped, Volume { packets: 4, bytes: 14 });
    }

    #[test]
    fn an_input_has_its_row_before_its_first_frame() {
        let mut tally = Tally::default();
        tally.expect(&[Input { port: 3, queue: 0 }, Input { port: 3, queue: 1 }]);
        tally.take(Input { port: 3, queue: 1 }, Volume { packets: 1, bytes: 60 });
        let rows: Vec<_> = tally.taken.iter().map(|taken| (taken.input.queue, taken.volume.packets)).collect();
        assert_eq!(rows, [(0, 0), (1, 1)]);
    }

    #[test]
    fn more_inputs_than_rows_lose_no_frame() {
        let mut tally = Tally::default();
        for queue in 0..MAX_INPUTS as u16 + 5 {
            tally.take(Input { port: 0, queue }, Volume { packets: 1, bytes: 1 });
        }
        assert_eq!(tally.taken_packets(), MAX_INPUTS as u64 + 5);
    }
}
