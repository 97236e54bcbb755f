//! The fragment cache: the flow of a datagram's first fragment, for those that follow.
//!
//! **Owns** a fixed number of entries, its timeout, and its counts. **May touch** nothing else.
//! **Order** written and read by `decode`, once per fragment; one cache belongs to one worker (or to the spreader).
//!
//! Set-associative: a datagram can stand in one of [`WAYS`] places, found by a keyed hash, so that nobody can aim at
//! a place. Time is the packets' own. A full set loses its oldest entry, and that is counted; the fragments of a
//! pushed-out datagram become orphans.

use super::ip::{Fragment, Keyed, Part};
use crate::key::{FlowKey, HashSecret};
use crate::time::Nanos;

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    datagram: Datagram,
    /// Arrival of the first fragment.
    time: Nanos,
    flow: Flow,
    used: bool,
    /// Data without a hole from the beginning ends here. Unit: bytes.
    joined: u32,
    /// Data beyond a hole, as one span; empty when there is no hole.
    beyond: (u32, u32),
}

impl Entry {
    const fn is_live(&self, now: Nanos) -> bool {
        self.used && now.since(self.time) <= TIMEOUT
    }

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
    sets: Box<[[Entry; WAYS]]>,
    secret: HashSecret,
    counts: FragmentCounts,
}

impl FragmentCache {
    /// Its memory.
    pub const BYTES: usize = SETS * WAYS * size_of::<Entry>();

    /// An empty cache. `secret` keys the choice of places; in `read` it is the fixed one.
    #[must_use]
    pub fn new(secret: HashSecret) -> FragmentCache {
        let sets = vec![[Entry::default(); WAYS]; SETS].into_boxed_slice();
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

    fn set(&mut self, keyed: &Keyed, datagram: &Datagram) -> Option<&mut [Entry; WAYS]> {
        let key = FlowKey {
            low: keyed.source,
            high: keyed.destination,
            low_port: (datagram.id >> 16) as u16,
            high_port: datagram.id as u16,
            protocol: datagram.protocol,
            version: datagram.version,
            scope: datagram.scope,
        };
        self.sets.get_mut(self.secret.hash_key(&key) as usize % SETS)
    }

    /// Remembers the flow of a first fragment.
    pub(super) fn first(&mut self, keyed: &Keyed, flow: Flow, now: Nanos) {
        let datagram = Datagram::of(keyed);
        let Some(set) = self.set(keyed, &datagram) else { return };
        let same = set.iter().position(|entry| entry.used && entry.datagram == datagram);
        let place = same.or_else(|| set.iter().position(|entry| !entry.is_live(now)));
        let evicts = place.is_none();
        let entry = match place {
            Some(place) => set.get_mut(place),
            None => set.iter_mut().min_by_key(|entry| entry.time),
        };
        if let Some(entry) = entry {
            *entry = Entry { datagram, time: now, flow, used: true, joined: keyed.payload(), beyond: (0, 0) };
        }
        self.counts.evictions += u64::from(evicts);
    }

    /// The flow of a later fragment; `None` when its first was not seen, is too long ago, or was pushed out.
    pub(super) fn later(&mut self, keyed: &Keyed, now: Nanos) -> Option<Joined> {
        let datagram = Datagram::of(keyed);
        let Fragment { part, offset, .. } = keyed.fragment;
        debug_assert_eq!(part, Part::Later);
        let entry = self.set(keyed, &datagram)?.iter_mut().find(|entry| entry.datagram == datagram)?;
        if !entry.is_live(now) {
            return None;
        }
        let flow = entry.flow;
        let (hole, overlaps) = entry.take(offset, offset.saturating_add(keyed.payload()));
        self.counts.out_of_order += u64::from(hole);
        self.counts.overlapping += u64::from(overlaps);
        Some(Joined { flow, overlaps })
    }
}
