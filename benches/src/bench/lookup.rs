//! The flow table without analytics: each packet's flow is found, and its hot line counts it.
//!
//! **Owns** an index, a hot line a flow, and a loop in the passes of the worker's. **May touch** the engine's front doors.
//! **Order** filled with the flows of a stream; then takes turns with the steps before and behind it.

use super::measure::Chunk;
use super::rig::{CHUNK, Setting};
use super::stream::Stream;
use super::visits::Visits;
use parshall_config::plan::{DecapPlan, KeyScope};
use parshall_engine::decode::{DecodeOptions, plain};
use parshall_engine::flow::Hot;
use parshall_engine::key::{KeyImage, READ_SECRET};
use parshall_engine::memory::{Arena, prefetch};
use parshall_engine::packet::{Outline, facts};
use parshall_engine::source::BURST;
use parshall_engine::table::Index;
use parshall_engine::time::Nanos;

/// A packet between the passes.
#[derive(Clone, Copy, Default)]
struct Ready {
    image: KeyImage,
    hash: u64,
    outline: Outline,
    time: Nanos,
    /// Its bucket; then the slot that its flow probably has.
    place: u32,
}

struct Lookup {
    stream: Stream,
    options: DecodeOptions,
    index: Index,
    hot: Arena<Hot>,
    burst: [Ready; BURST],
    /// Packets whose flow was not there.
    missed: u64,
}

/// Source, decoding, and the table.
///
/// # Errors
/// The kernel's refusal to map the memory.
///
/// # Panics
/// While it is measured, when a flow is not in the table: then no figure of it is worth anything.
pub fn lookup(setting: &Setting) -> std::io::Result<Chunk<'static>> {
    let capacity = setting.flows / 3 * 4 + setting.room;
    let mut lookup = Lookup {
        stream: Stream::new(setting.kind, Visits::first(setting.flows)),
        options: DecodeOptions::new(&DecapPlan::default(), KeyScope::default()),
        index: Index::new(capacity, setting.memory)?,
        hot: Arena::new(capacity as usize, setting.memory)?,
        burst: [Ready::default(); BURST],
        missed: 0,
    };
    for _ in 0..setting.flows.div_ceil(BURST as u32) {
        lookup.read();
        lookup.begin();
    }
    lookup.stream = setting.stream();
    Ok(Box::new(move || {
        for _ in 0..CHUNK / BURST {
            lookup.read();
            lookup.find();
        }
        assert_eq!(lookup.missed, 0, "every flow is in the table");
        CHUNK
    }))
}

impl Lookup {
    /// Reads a burst, and brings its buckets near.
    fn read(&mut self) {
        self.stream.fill();
        for (n, ready) in self.burst.iter_mut().enumerate() {
            let frame = self.stream.frame(n);
            if let Some(plain) = plain::any(&frame, &self.options, &READ_SECRET, &mut ready.outline) {
                (ready.image, ready.time) = (plain.image, frame.time);
                ready.hash = READ_SECRET.hash(plain.image);
                ready.place = self.index.bucket(ready.hash);
            }
        }
        for ready in &self.burst {
            self.index.prefetch(ready.place);
        }
    }

    /// Puts the flows of a burst in that are not there yet.
    fn begin(&mut self) {
        for ready in &self.burst {
            let hot = &self.hot;
            if self.index.find(ready.hash, ready.image, |slot| hot[slot as usize].image()).is_none()
                && let Ok(slot) = self.index.insert(ready.hash, |slot| READ_SECRET.hash(hot[slot as usize].image()))
            {
                self.hot[slot as usize] = Hot::begin(ready.image, ready.time);
            }
        }
    }

    /// Finds the flows of a burst and counts its packets.
    fn find(&mut self) {
        for ready in &mut self.burst {
            ready.place = self.index.likely(ready.place, ready.hash).unwrap_or(u32::MAX);
            prefetch(&self.hot, ready.place as usize);
        }
        for ready in &self.burst {
            let hot = &self.hot;
            let slot = match hot.get(ready.place as usize) {
                Some(likely) if likely.image() == ready.image => Some(ready.place),
                _ => self.index.find(ready.hash, ready.image, |slot| hot[slot as usize].image()),
            };
            let Some(hot) = slot.and_then(|slot| self.hot.get_mut(slot as usize)) else {
                self.missed += 1;
                continue;
            };
            let (side, outline) = (hot.side(ready.outline.has(facts::FROM_LOW)), &ready.outline);
            hot.count_further(side, ready.time, outline.ip_bytes, outline.wire_bytes, outline.ttl);
        }
    }
}
