//! A worker with all its analytics, fed from memory.
//!
//! **Owns** a worker, the stream that feeds it, and the reading end of its records. **May touch** the engine's front
//! doors. **Order** made with a table that knows its flows; then burst after burst.

use super::stream::{Kind, Stream};
use super::visits::{Access, Visits};
use parshall_config::plan::{DecapPlan, Duplicates, EnginePlan, KeyScope, TableSize, Timeouts};
use parshall_engine::decode::DecodeOptions;
use parshall_engine::exit::{ExitReader, WhenFull, door};
use parshall_engine::handover::{self, MergerEnd};
use parshall_engine::key::READ_SECRET;
use parshall_engine::launch::live_shard;
use parshall_engine::memory::ArenaOptions;
use parshall_engine::shard::{Shard, ShardPlan};
use parshall_engine::source::{BURST, Batch};
use parshall_engine::stop::Stop;
use parshall_engine::time::Nanos;
use parshall_engine::worker::Worker;

/// Packets in a chunk.
pub const CHUNK: usize = 32_768;

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
    /// Room in the table beside a third more than `flows`.
    pub room: u32,
    /// When flows end.
    pub timeouts: Timeouts,
}

impl Setting {
    /// Everything as it is by default, with the table on huge pages.
    #[must_use]
    pub fn new(kind: Kind, flows: u32) -> Setting {
        Setting {
            flows,
            kind,
            access: Access::Uniform,
            burst: BURST,
            memory: ArenaOptions { huge: true, touch: true },
            duplicates: Duplicates::Count,
            room: 64,
            timeouts: Timeouts { active: None, ..Timeouts::default() },
        }
    }

    /// The stream as it goes on when the table knows its flows.
    #[must_use]
    pub fn stream(&self) -> Stream {
        Stream::new(self.kind, self.visits())
    }

    fn visits(&self) -> Visits {
        Visits::new(self.access, self.flows, self.kind.warm())
    }
}

/// The worker and both ends of what it is fed with and gives.
pub struct Rig {
    worker: Worker,
    merger: Option<MergerEnd>,
    records: Option<ExitReader>,
    /// What it is fed with.
    pub stream: Stream,
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
            table: TableSize::Flows(u64::from(setting.flows) * 4 / 3 + u64::from(setting.room)),
            timeouts: setting.timeouts,
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
        let shard = Shard::new(ShardPlan { memory: setting.memory, ..shard }, door)?;
        let (end, merger) = handover::pair();
        let worker = Worker::new(shard, DecodeOptions::new(&plan.decap, plan.key), end, Stop::default());
        let stream = Stream::new(setting.kind, Visits::first(setting.flows));
        let burst = setting.burst.clamp(1, BURST);
        let mut rig = Rig { worker, merger: Some(merger), records: Some(records), stream, burst, taken: 0 };
        if setting.kind != Kind::NewFlows {
            for _ in 0..(u64::from(setting.flows) * u64::from(setting.kind.warm())).div_ceil(BURST as u64) {
                rig.turn();
            }
        }
        rig.stream.go_on(setting.visits());
        Ok(rig)
    }

    /// The merger's end of its tally's door; can be had once.
    pub const fn merger(&mut self) -> Option<MergerEnd> {
        self.merger.take()
    }

    /// The reading end of its records; whoever has it reads them.
    pub const fn records(&mut self) -> Option<ExitReader> {
        self.records.take()
    }

    /// The worker.
    pub const fn worker(&mut self) -> &mut Worker {
        &mut self.worker
    }

    /// Fills one burst of the stream and gives it to the worker, in as many turns as it takes.
    #[inline]
    pub fn turn(&mut self) {
        self.turn_by(work);
    }

    /// The same, with the worker's part done by `work`.
    #[inline]
    pub fn turn_by(&mut self, mut work: impl FnMut(&mut Worker, &Batch<'_>, Nanos)) {
        self.stream.fill();
        let mut from = 0;
        while from < BURST {
            let to = (from + self.burst).min(BURST);
            let mut batch = Batch::new();
            for n in from..to {
                batch.push(self.stream.frame(n));
            }
            work(&mut self.worker, &batch, self.stream.now());
            from = to;
        }
    }

    /// Turns enough for a chunk; then reads the records that came.
    pub fn chunk(&mut self) -> usize {
        for _ in 0..CHUNK / BURST {
            self.turn();
        }
        self.read_records();
        CHUNK
    }

    /// Reads the records that came, unless somebody else does.
    fn read_records(&mut self) {
        if let Some(records) = &mut self.records {
            self.taken += drain(records);
        }
    }

    /// Asserts that every frame is accounted for.
    ///
    /// # Panics
    /// When the books do not close: then no figure of this rig is worth anything.
    pub fn check(&self) {
        assert!(self.worker.shard.tally.books().closed(), "the books do not close");
    }
}

/// All that a worker does with one burst. Never inlined, so that callgrind and perf find it by its name.
#[inline(never)]
pub fn work(worker: &mut Worker, batch: &Batch<'_>, now: Nanos) {
    worker.burst(batch);
    worker.shard.tick(now);
    worker.turn();
}

/// Reads what waits in a ring of records, and says how many it were.
pub fn drain(records: &mut ExitReader) -> u64 {
    std::iter::from_fn(|| records.take().map(drop)).count() as u64
}
