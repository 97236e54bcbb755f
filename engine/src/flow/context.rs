//! Link contexts: what stands around the keyed header of a flow's first packets, stored once for all flows that share it.
//!
//! **Owns** a bounded, reference-counted store with a lookup by value. **May touch** its own memory only.
//! **Order** called by `shard` when a flow begins, when its server first answers, and when it ends.
//!
//! Most flows of a mirror port share a handful of MAC address pairs and VLANs, so a flow holds a number of 4 bytes
//! instead of the facts themselves, and those contexts that say no more than that are found without a search. When the store is
//! full, the flow's record leaves them out and that is counted.

use crate::memory::ask_for_huge_pages;
use crate::record::Outer;
use std::hash::{BuildHasher, Hash, Hasher};

/// What stood around the keyed header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Context {
    /// Source MAC addresses of each side's first packet.
    pub mac: [Option<[u8; 6]>; 2],
    /// VLANs and tunnels of the flow's first packet.
    pub outer: Outer,
    /// Whether that packet came from the client.
    pub outer_from_client: bool,
    /// The key's scope.
    pub scope: u64,
    /// Port and queue of the first packet.
    pub input: crate::source::Input,
}

impl Context {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mac == [None; 2] && *self == Context::default()
    }

    /// Its numbers: with [`Context::outer`], all of it.
    fn words(&self) -> [u64; 4] {
        let Context { mac, outer: _, outer_from_client, scope, input } = self;
        let word =
            |mac: Option<[u8; 6]>| mac.map_or(0, |[a, b, c, d, e, f]| u64::from_be_bytes([1, 0, a, b, c, d, e, f]));
        let rest = u64::from(input.port) << 32 | u64::from(input.queue) << 16 | u64::from(*outer_from_client);
        [word(mac[0]), word(mac[1]), *scope, rest]
    }
}

/// A context without tunnels and tags that was asked for lately.
#[derive(Clone, Copy, Debug, Default)]
struct Recent {
    words: [u64; 4],
    /// Its number; [`END`] is none.
    number: u32,
}

const RECENT: usize = 8;

/// The place of a recent context.
const fn place(words: [u64; 4]) -> usize {
    let mixed = words[0].wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ words[1].wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 61) as usize % RECENT
}

#[derive(Debug)]
struct Entry {
    context: Context,
    hash: u64,
    users: u32,
    /// Next entry of the chain, or of the free list; `END` none.
    next: u32,
}

/// Ends a chain: the empty context stands in none. Zero, so that the store is memory that nobody has touched yet.
const END: u32 = 0;

/// The store. Number 0 is the empty context, which always fits.
#[derive(Debug)]
pub struct Contexts {
    entries: Vec<Entry>,
    capacity: usize,
    chains: Vec<u32>,
    free: u32,
    state: foldhash::fast::FixedState,
    recent: [Recent; RECENT],
}

/// Room for so many contexts beside `flows` flows.
const fn capacity_for(flows: usize) -> usize {
    let most = 1 << 20;
    if flows < 16 {
        16
    } else if flows > most {
        most
    } else {
        flows
    }
}

impl Contexts {
    /// Bytes of a store beside `flows` flows when it is full.
    #[must_use]
    pub const fn most_bytes(flows: usize) -> usize {
        let capacity = capacity_for(flows);
        capacity * size_of::<Entry>() + capacity.next_power_of_two() * size_of::<u32>()
    }

    /// A store for at most `capacity` different contexts.
    #[must_use]
    pub fn new(capacity: usize) -> Contexts {
        let capacity = capacity_for(capacity);
        let mut store = Contexts {
            entries: Vec::with_capacity(capacity),
            capacity,
            chains: vec![END; capacity.next_power_of_two()],
            free: END,
            state: foldhash::fast::FixedState::default(),
            recent: [Recent::default(); RECENT],
        };
        ask_for_huge_pages(&mut store.chains);
        ask_for_huge_pages(store.entries.spare_capacity_mut());
        store.entries.push(Entry { context: Context::default(), hash: 0, users: 1, next: END });
        store
    }

    /// The facts behind a number.
    #[must_use]
    pub fn get(&self, number: u32) -> &Context {
        let index = (number as usize).min(self.entries.len() - 1);
        &self.entries[index].context
    }

    /// The hash of a context: of its numbers, and of the rest only where there is any, which mirrored traffic seldom has.
    fn hash(&self, context: &Context) -> u64 {
        let mut hasher = self.state.build_hasher();
        for word in context.words() {
            hasher.write_u64(word);
        }
        if !context.outer.is_empty() {
            context.outer.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The number of a context, with one more user; `None` when the store is full.
    pub fn intern(&mut self, context: &Context) -> Option<u32> {
        if !context.outer.is_empty() {
            return self.search(context);
        }
        let words = context.words();
        let recent = self.recent[place(words)];
        if recent.number != END && recent.words == words {
            self.entries[recent.number as usize].users += 1;
            return Some(recent.number);
        }
        let number = self.search(context)?;
        self.recent[place(words)] = Recent { words, number };
        Some(number)
    }

    #[inline(never)]
    fn search(&mut self, context: &Context) -> Option<u32> {
        let hash = self.hash(context);
        let chain = hash as usize & (self.chains.len() - 1);
        let mut at = self.chains[chain];
        while at != END {
            let entry = &mut self.entries[at as usize];
            if entry.hash == hash && entry.context == *context {
                entry.users += 1;
                return Some(at);
            }
            at = entry.next;
        }
        let entry = Entry { context: context.clone(), hash, users: 1, next: self.chains[chain] };
        let number = if self.free != END {
            let number = self.free;
            self.free = self.entries[number as usize].next;
            self.entries[number as usize] = entry;
            number
        } else if self.entries.len() < self.capacity {
            self.entries.push(entry);
            (self.entries.len() - 1) as u32
        } else {
            return None;
        };
        self.chains[chain] = number;
        Some(number)
    }

    /// Gives back one use of a number.
    pub fn release(&mut self, number: u32) {
        if number == 0 || number as usize >= self.entries.len() {
            return;
        }
        let entry = &mut self.entries[number as usize];
        entry.users -= 1;
        if entry.users > 0 {
            return;
        }
        let (chain, next) = (entry.hash as usize & (self.chains.len() - 1), entry.next);
        if self.chains[chain] == number {
            self.chains[chain] = next;
        } else {
            let mut at = self.chains[chain];
            while self.entries[at as usize].next != number {
                at = self.entries[at as usize].next;
            }
            self.entries[at as usize].next = next;
        }
        let recent = &mut self.recent[place(self.entries[number as usize].context.words())];
        if recent.number == number {
            *recent = Recent::default();
        }
        self.entries[number as usize].next = self.free;
        self.free = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn context(n: u8) -> Context {
        Context { mac: [Some([n; 6]), None], ..Context::default() }
    }

    #[test]
    fn equal_contexts_share_a_number_and_different_ones_do_not() {
        let mut store = Contexts::new(100);
        let (a, b) = (store.intern(&context(1)).unwrap(), store.intern(&context(2)).unwrap());
        assert_eq!(store.intern(&context(1)), Some(a));
        assert_ne!(a, b);
        assert_eq!((store.get(a), store.get(b)), (&context(1), &context(2)));
    }

    #[test]
    fn a_full_store_refuses_new_contexts_until_one_is_given_back() {
        let mut store = Contexts::new(16);
        let numbers: Vec<u32> = (1..16).map(|n| store.intern(&context(n)).unwrap()).collect();
        assert_eq!(store.intern(&context(99)), None);
        assert_eq!(store.intern(&context(3)), Some(numbers[2]));
        store.release(numbers[2]);
        assert_eq!(store.intern(&context(99)), None, "one user is left");
        store.release(numbers[2]);
        let number = store.intern(&context(99)).unwrap();
        assert_eq!(store.get(number), &context(99));
        for n in 1..16 {
            assert_eq!(store.intern(&context(n)).is_some(), n != 3);
        }
    }

    proptest! {
        #[test]
        fn a_number_stands_for_its_context_as_long_as_it_has_users(
            steps in prop::collection::vec((any::<bool>(), 0_u8..12, any::<bool>()), 0..300),
        ) {
            let (mut store, mut held) = (Contexts::new(16), Vec::<(u32, Context)>::new());
            for (gives_back, n, tagged) in steps {
                if gives_back && !held.is_empty() {
                    let (number, _) = held.swap_remove(usize::from(n) % held.len());
                    store.release(number);
                } else {
                    let outer = Outer { vlan_ids: (0..u16::from(tagged)).collect(), ..Outer::default() };
                    let wanted = Context { outer, ..context(n) };
                    let known = held.iter().find(|(_, context)| *context == wanted).map(|(number, _)| *number);
                    let number = store.intern(&wanted);
                    prop_assert!(known.is_none() || number == known);
                    held.extend(number.map(|number| (number, wanted)));
                }
                for (number, context) in &held {
                    prop_assert_eq!(store.get(*number), context);
                }
            }
        }
    }

    #[test]
    fn the_empty_context_is_never_freed() {
        let mut store = Contexts::new(16);
        store.release(0);
        assert_eq!(store.get(0), &Context::default());
    }
}
