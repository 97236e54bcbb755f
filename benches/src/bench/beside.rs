//! The control side in a thread of its own, on another core: reads records, and asks for tallies and live flows without
//! pause when it is told to.
//!
//! **Owns** that thread. **May touch** the reading ends of a rig's doors. **Order** started beside a rig; ended when it
//! is dropped.

use super::measure::processors;
use super::rig::{Rig, drain};
use parshall_engine::look::Registry;
use parshall_engine::merge::lookout::Lookout;
use parshall_engine::tally::Tally;
use parshall_engine::time::Nanos;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks at the doors, as the control side has it. Asking without pause is asking when the answer is in.
const REST: Duration = Duration::from_micros(20);

/// Live flows in one picture.
const PICTURE: u64 = 1000;

/// What the thread and the bench share.
#[derive(Debug, Default)]
struct Shared {
    over: AtomicBool,
    /// Ask for tallies.
    publish: AtomicBool,
    /// Ask for live flows.
    look: AtomicBool,
    tallies: AtomicU64,
    pictures: AtomicU64,
    records: AtomicU64,
}

/// The thread.
#[derive(Debug)]
pub struct Beside {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    /// Tallies handed over.
    pub tallies: u64,
    /// Pictures of live flows made.
    pub pictures: u64,
    /// Records read.
    pub records: u64,
}

impl Beside {
    /// Starts the thread on the first processor, where the bench is not. It reads records, and asks for nothing yet.
    pub fn start(rig: &mut Rig) -> Beside {
        let shared = Arc::new(Shared::default());
        let (merger, records, registry) = (rig.merger(), rig.records(), Registry::default());
        rig.worker().shard.look = registry.door(0);
        let mine = shared.clone();
        let work = move || {
            if let Some(core) = processors().first() {
                core_affinity::set_for_current(*core);
            }
            let (Some(mut merger), Some(mut records)) = (merger, records) else { return };
            let mut lookout = Lookout::new(registry, PICTURE);
            let (mut tally, began) = (Tally::default(), Instant::now());
            while !mine.over.load(Ordering::Relaxed) {
                mine.records.fetch_add(drain(&mut records), Ordering::Relaxed);
                if mine.publish.load(Ordering::Relaxed) {
                    merger.ask();
                    mine.tallies.fetch_add(u64::from(merger.take(&mut tally)), Ordering::Relaxed);
                }
                let now = Nanos(began.elapsed().as_nanos() as u64);
                if mine.look.load(Ordering::Relaxed) {
                    lookout.ask(now);
                }
                mine.pictures.fetch_add(u64::from(lookout.turn(now).is_some()), Ordering::Relaxed);
                std::thread::sleep(REST);
            }
        };
        Beside { shared, thread: Some(std::thread::spawn(work)) }
    }

    /// Whether to ask for tallies and for live flows, without pause.
    pub fn ask(&self, tallies: bool, live_flows: bool) {
        self.shared.publish.store(tallies, Ordering::Relaxed);
        self.shared.look.store(live_flows, Ordering::Relaxed);
    }

    /// What it did so far.
    #[must_use]
    pub fn done(&self) -> Done {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Shared { tallies, pictures, records, .. } = &*self.shared;
        Done { tallies: read(tallies), pictures: read(pictures), records: read(records) }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed.
            let _ = thread.join();
        }
    }
}
