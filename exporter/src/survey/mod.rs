//! What is watched beside the records: live flows, who, histograms, history.
//!
//! **Owns** the thread that counts, and what HTTP asks of it. **May touch** records and pictures; no worker.
//! **Order** fed by the fan-out thread with records and by the control thread with pictures and snapshots; asked by HTTP.
//!
//! The fan-out thread hands batches over as it does to a sink: in `run` it never waits, and a batch that finds the queue full
//! is counted as not watched; records lose nothing by it.

pub mod compat;
pub mod distribution;
pub mod distributions;
pub mod figures;
pub mod filter;
pub mod growth;
pub mod history;
pub mod scene;
pub mod top_metrics;
pub mod who;

use crate::fanout;
use arc_swap::ArcSwap;
use compat::Compat;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use figures::Figures;
use growth::{DATA_PACKETS, Ledger, RETRANSMITTED};
use history::{Extra, History};
use parking_lot::{FairMutex, FairMutexGuard};
use parshall_config::plan::WatchPlan;
use parshall_engine::exit::Batch;
use parshall_engine::merge::lookout::{LiveFlow, Picture};
use parshall_engine::merge::snapshot::Snapshot;
use parshall_engine::record::FlowRecord;
use parshall_engine::time::Nanos;
use scene::{Ended, Listing, Scene};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use top_metrics::TopMetrics;
use who::Who;

/// Batches that wait for the thread.
const QUEUE: usize = 64;

/// Records that ended lately, kept for lists.
const ENDED: usize = 10_000;

/// Lists whose pages may still be asked for.
const LISTINGS: usize = 4;

/// Records or live flows that are counted before whoever waits for what is counted has its turn.
const AT_ONCE: usize = 64;

/// What the thread has counted.
#[derive(Debug)]
pub struct Observed {
    ledger: Ledger,
    figures: Figures,
    /// Who.
    pub who: Who,
    /// Top lists as metrics.
    tops: TopMetrics,
    /// For the metric names of others.
    pub compat: Compat,
}

/// What HTTP asks.
#[derive(Debug)]
pub struct Watch {
    lane: Mutex<Option<Sender<Feed>>>,
    /// Fair, for the thread that counts would not let go of it under load.
    observed: FairMutex<Observed>,
    figures: ArcSwap<Figures>,
    scene: ArcSwap<Scene>,
    ended: Mutex<VecDeque<Arc<Vec<FlowRecord>>>>,
    listings: Mutex<VecDeque<(u64, Arc<Listing>)>>,
    history: Mutex<History>,
    /// A picture was handed over and is not counted yet.
    looking: AtomicBool,
    not_watched: AtomicU64,
    left_out: AtomicU64,
    plan: ArcSwap<WatchPlan>,
    waits: bool,
}

#[derive(Debug)]
enum Feed {
    Records(Arc<Batch>),
    Picture(Box<Picture>),
}

/// Memory of all that is watched, at the most: the scene that is shown and the one in the making, lists that are still asked
/// for with theirs, what ended lately, what has been counted of each flow, what is served under the names of others, sketches,
/// and a quarter of an hour.
#[must_use]
pub fn most_bytes(plan: &WatchPlan, live_flows: u64) -> u64 {
    let lists = LISTINGS as u64;
    let scenes = (2 + lists) * scene::most_bytes(live_flows);
    let ended = (1 + lists) * (ENDED + fanout::BATCH) as u64 * size_of::<FlowRecord>() as u64;
    let counted = growth::most_bytes(live_flows) + compat::most_bytes(plan, live_flows);
    scenes + ended + counted + who::MOST_BYTES + (history::MOST * size_of::<history::Sample>()) as u64
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    /// Starts the thread. `waits`: the feeder waits for it (`read`).
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn start(plan: &WatchPlan, now: Nanos, waits: bool) -> std::io::Result<Arc<Watch>> {
        let (lane, feeds) = bounded(QUEUE);
        let watch = Arc::new(Watch { lane: Mutex::new(Some(lane)), ..Watch::still(plan, now, waits) });
        let mine = watch.clone();
        std::thread::Builder::new().name("parshall-watch".to_owned()).spawn(move || mine.serve(&feeds))?;
        Ok(watch)
    }

    fn still(plan: &WatchPlan, now: Nanos, waits: bool) -> Watch {
        let observed = Observed {
            ledger: Ledger::default(),
            figures: Figures::default(),
            who: Who::new(now, &plan.prefixes),
            tops: TopMetrics::new(plan),
            compat: Compat::new(plan),
        };
        Watch {
            lane: Mutex::new(None),
            observed: FairMutex::new(observed),
            figures: ArcSwap::default(),
            scene: ArcSwap::default(),
            ended: Mutex::default(),
            listings: Mutex::default(),
            history: Mutex::default(),
            looking: AtomicBool::new(false),
            not_watched: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            plan: ArcSwap::from_pointee(plan.clone()),
            waits,
        }
    }

    /// Hands finished records over.
    pub fn records(&self, records: &Arc<Batch>) {
        let Some(lane) = lock(&self.lane).clone() else { return };
        let refused = if self.waits {
            lane.send(Feed::Records(records.clone())).is_err()
        } else {
            matches!(
                lane.try_send(Feed::Records(records.clone())),
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_))
            )
        };
        if refused {
            self.not_watched.fetch_add(records.len() as u64, Ordering::Relaxed);
        }
    }

    /// Whether a picture is wanted: the last one is counted.
    #[must_use]
    pub fn wants_picture(&self) -> bool {
        !self.looking.load(Ordering::Acquire)
    }

    /// Hands a picture over; one that finds the queue full is left out, the next one brings what it had.
    pub fn picture(&self, picture: Picture) {
        let Some(lane) = lock(&self.lane).clone() else { return };
        self.looking.store(true, Ordering::Release);
        if lane.try_send(Feed::Picture(Box::new(picture))).is_err() {
            self.looking.store(false, Ordering::Release);
        }
    }

    /// Takes a snapshot into the history.
    pub fn snapshot(&self, snapshot: &Snapshot) {
        let figures = self.figures.load();
        let extra = Extra { segments: [DATA_PACKETS, RETRANSMITTED].map(|row| figures.both(row)), rtt: figures.rtt };
        lock(&self.history).take(snapshot, extra);
    }

    /// Ends the thread when it has counted what was handed over.
    pub fn close(&self) {
        drop(lock(&self.lane).take());
    }

    fn serve(&self, feeds: &Receiver<Feed>) {
        let mut published = Instant::now();
        for feed in feeds {
            match feed {
                Feed::Records(records) => self.count(records.records()),
                Feed::Picture(picture) => self.see(*picture),
            }
            if feeds.is_empty() || published.elapsed() >= figures::AGE {
                let figures = self.observed.lock().figures();
                self.figures.store(Arc::new(figures));
                published = Instant::now();
            }
        }
    }

    fn count(&self, records: Vec<FlowRecord>) {
        let mut observed = self.observed.lock();
        for some in records.chunks(AT_ONCE) {
            some.iter().for_each(|record| observed.record(record));
            FairMutexGuard::bump(&mut observed);
        }
        drop(observed);
        let mut ended = lock(&self.ended);
        ended.push_back(Arc::new(records));
        let mut kept: usize = ended.iter().map(|batch| batch.len()).sum();
        while let Some(first) = ended.front()
            && kept - first.len() >= ENDED
        {
            kept -= first.len();
            ended.pop_front();
        }
    }

    fn see(&self, picture: Picture) {
        let scene = Scene::after(&self.scene.load(), picture);
        let mut observed = self.observed.lock();
        observed.who.turn(scene.picture.taken_at);
        for some in scene.picture.flows.chunks(AT_ONCE) {
            observed.live(some, scene.picture.number);
            FairMutexGuard::bump(&mut observed);
        }
        observed.scene(&scene);
        drop(observed);
        self.scene.store(Arc::new(scene));
        self.looking.store(false, Ordering::Release);
    }

    /// The live flows as they were seen last.
    #[must_use]
    pub fn scene(&self) -> Arc<Scene> {
        self.scene.load_full()
    }

    /// Records that ended lately, oldest first.
    #[must_use]
    pub fn ended(&self) -> Ended {
        lock(&self.ended).iter().cloned().collect()
    }

    /// Keeps a list for its next pages; gives its number.
    pub fn keep(&self, listing: Arc<Listing>) -> u64 {
        let mut listings = lock(&self.listings);
        let number = listings.back().map_or(1, |(number, _)| number + 1);
        listings.push_back((number, listing));
        if listings.len() > LISTINGS {
            listings.pop_front();
        }
        number
    }

    /// A list that was kept.
    #[must_use]
    pub fn kept(&self, number: u64) -> Option<Arc<Listing>> {
        lock(&self.listings).iter().find(|(kept, _)| *kept == number).map(|(_, listing)| listing.clone())
    }

    /// What the thread has counted, in numbers; waits for nobody.
    #[must_use]
    pub fn figures(&self) -> Arc<Figures> {
        self.figures.load_full()
    }

    /// What the thread has counted; while this is held it does not go on, so hold it shortly.
    pub fn observed(&self) -> FairMutexGuard<'_, Observed> {
        self.observed.lock()
    }

    /// The history.
    pub fn history(&self) -> MutexGuard<'_, History> {
        lock(&self.history)
    }

    /// Records that the thread was too slow for.
    #[must_use]
    pub fn not_watched(&self) -> u64 {
        self.not_watched.load(Ordering::Relaxed)
    }

    /// Says how many series the last scrape left out.
    pub fn capped(&self, series: u64) {
        self.left_out.store(series, Ordering::Relaxed);
    }

    /// Series that the last scrape left out.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    /// What was asked for.
    #[must_use]
    pub fn plan(&self) -> Arc<WatchPlan> {
        self.plan.load_full()
    }

    /// Does what `plan` asks from now on; what is counted already stays, but for prefixes when they are others.
    pub fn replan(&self, plan: &WatchPlan) {
        let mut observed = self.observed.lock();
        let others = observed.who.count_prefixes(&plan.prefixes);
        observed.tops.replan(plan, others);
        observed.compat.replan(plan);
        self.figures.store(Arc::new(observed.figures()));
        self.plan.store(Arc::new(plan.clone()));
    }
}

impl Observed {
    /// The numbers, for whoever reads a copy.
    fn figures(&self) -> Figures {
        Figures { distinct: self.who.distinct(), tops: self.tops.families(), ..self.figures.clone() }
    }

    fn record(&mut self, record: &FlowRecord) {
        let Observed { ledger, figures, who, compat, .. } = self;
        ledger.record(record, |growth| {
            who.count(growth);
            figures.grow(growth);
            compat.grow(growth);
        });
        self.figures.record(record);
        self.compat.record(record);
    }

    fn live(&mut self, flows: &[LiveFlow], picture: u64) {
        let Observed { ledger, figures, who, compat, .. } = self;
        ledger.live(flows, picture, |growth| {
            who.count(growth);
            figures.grow(growth);
            compat.grow(growth);
        });
    }

    fn scene(&mut self, scene: &Scene) {
        let picture = &scene.picture;
        self.ledger.turn(picture.number, picture.flows.len());
        self.compat.scene(scene);
        self.figures.look(picture);
        self.tops.turn(&self.who);
    }
}
