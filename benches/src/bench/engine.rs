//! The engine from frames in memory: what each step adds.
//!
//! **Owns** the steps. **May touch** the engine's front doors. **Order** `source` alone, then one step more each time.

use super::measure::{Cost, cost};
use super::stream::{Access, Kind, Stream};
use parshall_config::plan::{DecapPlan, Duplicates, EnginePlan, KeyScope, TableSize, Timeouts};
use parshall_engine::decode::{self, DecodeOptions, FragmentCache};
use parshall_engine::exit::{Exit, WhenFull, door};
use parshall_engine::handover;
use parshall_engine::key::READ_SECRET;
use parshall_engine::launch::live_shard;
use parshall_engine::memory::ArenaOptions;
use parshall_engine::packet::Packet;
use parshall_engine::shard::Shard;
use parshall_engine::source::{BURST, Batch};
use parshall_engine::stop::Stop;
use parshall_engine::worker::Worker;
use rtrb::Consumer;
use std::hint::black_box;

/// Packets in a chunk.
const CHUNK: usize = 32_768;

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Flows.
    pub flows: u32,
    /// Packets.
    pub kind: Kind,
    /// Order of visits.
    pub access: Access,
    /// Frames in a burst, at most [`BURST`].
    pub burst: usize,
    /// Pages of the flow table.
    pub memory: ArenaOptions,
    /// Whether mirror duplicates are looked for.
    pub duplicates: Duplicates,
    /// Chunks that must count.
    pub chunks: usize,
}

/// Frames made and looked at, nothing more.
#[must_use]
pub fn source(setting: &Setting) -> Cost {
    let mut stream = Stream::new(setting.kind, setting.access, setting.flows);
    cost(setting.chunks, || {
        for _ in 0..CHUNK / BURST {
            stream.fill();
            for n in 0..BURST {
                black_box(stream.frame(n));
            }
        }
        CHUNK
    })
}

/// Source, decoding, key image and hash.
#[must_use]
pub fn decoded(setting: &Setting) -> Cost {
    let mut stream = Stream::new(setting.kind, setting.access, setting.flows);
    let options = DecodeOptions::new(&DecapPlan::default(), KeyScope::default());
    let mut fragments = FragmentCache::new(READ_SECRET);
    let mut packets = vec![Packet::default(); BURST];
    cost(setting.chunks, || {
        for _ in 0..CHUNK / BURST {
            stream.fill();
            for (n, packet) in packets.iter_mut().enumerate() {
                let frame = stream.frame(n);
                if let Ok(image) = decode::decode_into(&frame, &options, &mut fragments, packet) {
                    let image = image.unwrap_or_else(|| READ_SECRET.image(&packet.key));
                    packet.hash = READ_SECRET.hash(image);
                }
            }
            black_box(&mut packets);
        }
        CHUNK
    })
}

/// A worker with all its analytics, and the reading end of its records.
pub struct Rig {
    worker: Worker,
    records: Consumer<Exit>,
    stream: Stream,
    burst: usize,
    /// Records read so far.
    pub taken: u64,
}

impl std::fmt::Debug for Rig {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Rig").field("taken", &self.taken).finish_non_exhaustive()
    }
}

impl Rig {
    /// A worker whose table has room for a third more flows than come, and knows them all.
    ///
    /// # Errors
    /// The kernel's refusal to map the table.
    pub fn new(setting: &Setting) -> std::io::Result<Rig> {
        let plan = EnginePlan {
            workers: std::num::NonZero::<u16>::MIN,
            table: TableSize::Flows(u64::from(setting.flows) * 4 / 3 + 64),
            timeouts: Timeouts { active: None, ..Timeouts::default() },
            local_nets: Vec::new(),
            key: KeyScope::default(),
            decap: DecapPlan::default(),
            record_ring: 1 << 16,
            segment_memory: (u64::from(setting.flows) * 512).max(64 << 20),
            first_packets: 0,
            sieve: Default::default(),
            duplicates: setting.duplicates,
            live_flows: 1000,
        };
        let (door, records) = door(plan.record_ring, WhenFull::Drop);
        let shard = live_shard(&plan, READ_SECRET);
        let shard = Shard::new(parshall_engine::shard::ShardPlan { memory: setting.memory, ..shard }, door)?;
        let (end, _merger) = handover::pair();
        let worker = Worker::new(shard, DecodeOptions::new(&plan.decap, plan.key), end, Stop::default());
        let stream = Stream::new(setting.kind, setting.access, setting.flows);
        let mut rig = Rig { worker, records, stream, burst: setting.burst.clamp(1, BURST), taken: 0 };
        if setting.kind != Kind::NewFlows {
            for _ in 0..(u64::from(setting.flows) * 4).div_ceil(BURST as u64) {
                rig.turn();
            }
        }
        Ok(rig)
    }

    /// One burst of the stream, in as many turns of the worker as it takes.
    #[inline]
    fn turn(&mut self) {
        self.stream.fill();
        let mut from = 0;
        while from < BURST {
            let to = (from + self.burst).min(BURST);
            let mut batch = Batch::new();
            for n in from..to {
                batch.push(self.stream.frame(n));
            }
            self.worker.burst(&batch);
            drop(batch);
            self.worker.shard.tick(self.stream.now());
            self.worker.turn();
            from = to;
        }
    }

    /// The cost of the worker with everything on, source included.
    ///
    /// # Panics
    /// When the books do not close: then the figure is worth nothing.
    pub fn cost(&mut self, chunks: usize) -> Cost {
        let cost = cost(chunks, || {
            for _ in 0..CHUNK / BURST {
                self.turn();
            }
            let waiting = self.records.slots();
            if let Ok(chunk) = self.records.read_chunk(waiting) {
                chunk.commit_all();
                self.taken += waiting as u64;
            }
            CHUNK
        });
        assert!(self.worker.shard.tally.books().closed(), "the books do not close");
        cost
    }
}
