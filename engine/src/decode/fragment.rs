//! The fragment cache: the flow of a datagram's first fragment, for those that follow.
//!
//! **Owns** a fixed number of entries, its timeout, and its counts. **May touch** nothing else.
//! **Order** written and read by `decode`, once per fragment; one cache belongs to one worker (or to the spreader).
//!
//! Set-associative: a datagram can stand in one of [`WAYS`] places, found by a keyed hash, so that nobody can aim at
//! a place. What it takes to choose one stands in the set's first line: a mirror's fragments find no set near. Time is the
//! packets' own. A full set loses its oldest entry, and that is counted; the fragments of a pushed-out datagram become orphans.

use super::ip::{Fragment, Keyed, Part};
use crate::key::{FlowKey, HashSecret};
use crate::time::Nanos;
use bytemuck::Zeroable;

/// Datagrams that are known at the same time, at most.
pub const CAPACITY: usize = SETS * WAYS;

const SETS: usize = 4096;
const WAYS: usize = 4;

/// How long the fragments of a datagram may lie apart: RFC 8200 section 4.5, and RFC 1122 section 3.3.2's least.
/// Unit: nanoseconds of packet time.
pub const TIMEOUT: u64 = 60_000_000_000;

/// What the cache counted. Cumulative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentCounts {
    /// Entries pushed out before their time.
    pub evictions: u64,
    /// Later fragments that left a hole before them.
    pub out_of_order: u64,
    /// Later fragments that overlap what had come before.
    pub overlapping: u64,
}

/// What identifies a datagram: RFC 791 section 3.2, RFC 8200 section 4.5. The protocol is 0 for IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Zeroable)]
struct Datagram {
    source: [u64; 2],
    destination: [u64; 2],
    scope: u64,
    id: u32,
    protocol: u8,
    version: u8,
}

impl Datagram {
    fn of(keyed: &Keyed) -> Datagram {
        let split = |address: u128| [(address >> 64) as u64, address as u64];
        Datagram {
            source: split(keyed.source),
            destination: split(keyed.destination),
            scope: keyed.found.scope,
            id: keyed.fragment.id,
            protocol: if keyed.version == 4 { keyed.protocol } else { 0 },
            version: keyed.version,
        }
    }
}

/// What a first fragment tells those that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Zeroable)]
pub(super) struct Flow {
    /// The key's ports, low endpoint first.
    pub(super) ports: (u16, u16),
    pub(super) protocol: u8,
    /// The sender is the key's low endpoint.
    pub(super) from_low: bool,
}

impl Flow {
    pub(super) const fn of(key: &FlowKey, from_low: bool) -> Flow {
        Flow { ports: (key.low_port, key.high_port), protocol: key.protocol, from_low }
    }

    /// The key of a later fragment with this header.
    pub(super) const fn key(&self, keyed: &Keyed) -> FlowKey {
        let (low, high) =
            if self.from_low { (keyed.source, keyed.destination) } else { (keyed.destination, keyed.source) };
        FlowKey {
            low,
            high,
            low_port: self.ports.0,
            high_port: self.ports.1,
            protocol: self.protocol,
            version: keyed.version,
            scope: keyed.found.scope,
        }
    }
}

#[derive(Clone, Copy, Debug, Zeroable)]
struct Entry {
    datagram: Datagram,
    flow: Flow,
    /// Data without a hole from the beginning ends here. Unit: bytes.
    joined: u32,
    /// Data beyond a hole, as one span; empty when there is no hole.
    beyond: (u32, u32),
}

impl Entry {
    /// Takes in the span of a later fragment: whether it leaves a hole, and whether it overlaps.
    fn take(&mut self, from: u32, to: u32) -> (bool, bool) {
        let island = self.beyond.0 < self.beyond.1;
        let overlaps = from < self.joined || (island && from < self.beyond.1 && to > self.beyond.0);
        if from > self.joined {
            self.beyond = if island { (self.beyond.0.min(from), self.beyond.1.max(to)) } else { (from, to) };
            return (true, overlaps);
        }
        self.joined = self.joined.max(to);
        if island && self.joined >= self.beyond.0 {
            self.joined = self.joined.max(self.beyond.1);
            self.beyond = (0, 0);
        }
        (false, overlaps)
    }
}

/// The places that one datagram may stand in. Zeroed is empty, so that memory of it is touched when it is used.
#[derive(Clone, Copy, Debug, Zeroable)]
#[repr(C, align(64))]
struct Set {
    /// Arrival of each first fragment.
    times: [Nanos; WAYS],
    /// Of each datagram some bits of its hash, never 0; 0 is a free place.
    prints: [u32; WAYS],
    entries: [Entry; WAYS],
}

impl Set {
    /// Where a datagram stands.
    fn way_of(&self, print: u32, datagram: &Datagram) -> Option<usize> {
        (0..WAYS).find(|way| self.prints[*way] == print && self.entries[*way].datagram == *datagram)
    }

    fn is_live(&self, way: usize, now: Nanos) -> bool {
        self.prints[way] != 0 && now.since(self.times[way]) <= TIMEOUT
    }
}

/// A later fragment that found its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) flow: Flow,
    /// Its data overlaps what had come before.
    pub(super) overlaps: bool,
}

/// The flows of datagrams that are on their way in fragments. Memory is fixed: [`CAPACITY`] entries.
#[derive(Clone, Debug)]
pub struct FragmentCache {
    sets: Box<[Set]>,
    secret: HashSecret,
    counts: FragmentCounts,
}

impl FragmentCache {
    /// Its memory.
    pub const BYTES: usize = SETS * size_of::<Set>();

    /// An empty cache. `secret` keys the choice of places; in `read` it is the fixed one.
    #[must_use]
    pub fn new(secret: HashSecret) -> FragmentCache {
        let sets = bytemuck::zeroed_slice_box(SETS);
        FragmentCache { sets, secret, counts: FragmentCounts::default() }
    }

    /// The secret that it was made with.
    #[inline]
    #[must_use]
    pub const fn secret(&self) -> &HashSecret {
        &self.secret
    }

    /// What it counted since it was made.
    #[must_use]
    pub const fn counts(&self) -> FragmentCounts {
        self.counts
    }

    /// The set of a datagram, and what tells it there.
    fn set(&mut self, keyed: &Keyed, datagram: &Datagram) -> Option<(&mut Set, u32)> {
        let key = FlowKey {
            low: keyed.source,
            high: keyed.destination,
            low_port: (datagram.id >> 16) as u16,
            high_port: datagram.id as u16,
            protocol: datagram.protocol,
            version: datagram.version,
            scope: datagram.scope,
        };
        let hash = self.secret.hash_key(&key);
        Some((self.sets.get_mut(hash as usize % SETS)?, (hash >> 32) as u32 | 1))
    }

    /// Remembers the flow of a first fragment.
    pub(super) fn first(&mut self, keyed: &Keyed, flow: Flow, now: Nanos) {
        let datagram = Datagram::of(keyed);
        let Some((set, print)) = self.set(keyed, &datagram) else { return };
        let place = set.way_of(print, &datagram).or_else(|| (0..WAYS).find(|way| !set.is_live(*way, now)));
        let oldest = || (0..WAYS).min_by_key(|way| set.times[*way]).unwrap_or(0);
        let way = place.unwrap_or_else(oldest);
        (set.times[way], set.prints[way]) = (now, print);
        set.entries[way] = Entry { datagram, flow, joined: keyed.payload(), beyond: (0, 0) };
        self.counts.evictions += u64::from(place.is_none());
    }

    /// The flow of a later fragment; `None` when its first was not seen, is too long ago, or was pushed out.
    pub(super) fn later(&mut self, keyed: &Keyed, now: Nanos) -> Option<Joined> {
        let datagram = Datagram::of(keyed);
        let Fragment { part, offset, .. } = keyed.fragment;
        debug_assert_eq!(part, Part::Later);
        let (set, print) = self.set(keyed, &datagram)?;
        let way = set.way_of(print, &datagram).filter(|way| set.is_live(*way, now))?;
        let entry = &mut set.entries[way];
        let flow = entry.flow;
        let (hole, overlaps) = entry.take(offset, offset.saturating_add(keyed.payload()));
        self.counts.out_of_order += u64::from(hole);
        self.counts.overlapping += u64::from(overlaps);
        Some(Joined { flow, overlaps })
    }
}
