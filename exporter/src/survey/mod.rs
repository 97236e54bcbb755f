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
pub mod filter;
pub mod growth;
pub mod history;
pub mod scene;
pub mod top_metrics;
pub mod who;

use crate::exposition::Family;
use arc_swap::ArcSwap;
use compat::Continued;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use distribution::Distribution;
use distributions::Distributions;
use growth::{COUNTED, Counts, DATA_PACKETS, Growth, Ledger, RETRANSMITTED};
use history::{Extra, History, Quantiles};
use parshall_config::plan::WatchPlan;
use parshall_engine::merge::lookout::Picture;
use parshall_engine::merge::snapshot::Snapshot;
use parshall_engine::record::FlowRecord;
use parshall_engine::time::Nanos;
use scene::{Ended, Listing, Scene};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use top_metrics::TopMetrics;
use who::Who;

/// Batches that wait for the thread.
const QUEUE: usize = 64;

/// Records that ended lately, kept for lists.
const ENDED: usize = 10_000;

/// Lists whose pages may still be asked for.
const LISTINGS: usize = 8;

/// What the thread has counted.
#[derive(Debug)]
pub struct Observed {
    ledger: Ledger,
    /// Who.
    pub who: Who,
    /// Histograms.
    pub distributions: Distributions,
    /// Sums over TCP flows, by side and row of [`COUNTED`].
    pub tcp: Counts,
    /// TCP records: all, complete, midstream.
    pub tcp_records: [u64; 3],
    /// Records that were counted.
    pub records: u64,
    /// Top lists as metrics.
    pub(crate) tops: TopMetrics,
    /// For the metric names of others.
    pub continued: Continued,
    /// Round-trip times of the live flows, client's and server's side.
    pub rtt: [Quantiles; 2],
}

/// What HTTP asks.
#[derive(Debug)]
pub struct Watch {
    lane: Mutex<Option<Sender<Feed>>>,
    observed: Mutex<Observed>,
    scene: ArcSwap<Scene>,
    ended: Mutex<VecDeque<Arc<Vec<FlowRecord>>>>,
    listings: Mutex<VecDeque<(u64, Arc<Listing>)>>,
    history: Mutex<History>,
    not_watched: AtomicU64,
    left_out: AtomicU64,
    plan: ArcSwap<WatchPlan>,
    waits: bool,
}

#[derive(Debug)]
enum Feed {
    Records(Arc<Vec<FlowRecord>>),
    Picture(Box<Picture>),
}

/// Memory of all that is watched, at the most: two pictures with the one in the making, lists that are still asked for,
/// what ended lately, what is served under the names of others, sketches, and a quarter of an hour.
#[must_use]
pub fn most_bytes(plan: &WatchPlan, live_flows: u64) -> u64 {
    let record = size_of::<FlowRecord>() as u64;
    let known = live_flows * (size_of::<Counts>() + 256) as u64;
    let others = if plan.compat.is_empty() { 0 } else { 2 * plan.compat_flows + compat::CONTINUED as u64 };
    let records = 3 * live_flows + ENDED as u64 + others;
    records * record + known + who::MOST_BYTES + (history::MOST * size_of::<history::Sample>()) as u64
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
            who: Who::new(now, &plan.prefixes),
            distributions: Distributions::default(),
            tcp: Default::default(),
            tcp_records: [0; 3],
            records: 0,
            tops: TopMetrics::new(plan),
            continued: Continued::new(plan),
            rtt: Default::default(),
        };
        Watch {
            lane: Mutex::new(None),
            observed: Mutex::new(observed),
            scene: ArcSwap::default(),
            ended: Mutex::default(),
            listings: Mutex::default(),
            history: Mutex::default(),
            not_watched: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            plan: ArcSwap::from_pointee(plan.clone()),
            waits,
        }
    }

    /// Hands finished records over.
    pub fn records(&self, records: &Arc<Vec<FlowRecord>>) {
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

    /// Hands a picture over; one that finds the queue full is left out, the next one brings what it had.
    pub fn picture(&self, picture: Picture) {
        let Some(lane) = lock(&self.lane).clone() else { return };
        let _ = lane.try_send(Feed::Picture(Box::new(picture)));
    }

    /// Takes a snapshot into the history.
    pub fn snapshot(&self, snapshot: &Snapshot) {
        let extra = {
            let observed = lock(&self.observed);
            let both = |row: usize| observed.tcp[0][row] + observed.tcp[1][row];
            Extra { segments: [both(DATA_PACKETS), both(RETRANSMITTED)], rtt: observed.rtt }
        };
        lock(&self.history).take(snapshot, extra);
    }

    /// Ends the thread when it has counted what was handed over.
    pub fn close(&self) {
        drop(lock(&self.lane).take());
    }

    fn serve(&self, feeds: &Receiver<Feed>) {
        for feed in feeds {
            match feed {
                Feed::Records(records) => self.count(&records),
                Feed::Picture(picture) => self.see(*picture),
            }
        }
    }

    fn count(&self, records: &Arc<Vec<FlowRecord>>) {
        let mut observed = lock(&self.observed);
        for record in records.iter() {
            observed.record(record);
        }
        drop(observed);
        let mut ended = lock(&self.ended);
        ended.push_back(records.clone());
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
        lock(&self.observed).picture(&scene.picture);
        self.scene.store(Arc::new(scene));
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

    /// What the thread has counted; while this is held it does not go on, so hold it shortly.
    pub fn observed(&self) -> MutexGuard<'_, Observed> {
        lock(&self.observed)
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

    /// The top lists as metrics, if they were asked for.
    #[must_use]
    pub fn top_families(&self) -> Vec<Family> {
        lock(&self.observed).tops.families()
    }

    /// What was asked for.
    #[must_use]
    pub fn plan(&self) -> Arc<WatchPlan> {
        self.plan.load_full()
    }

    /// Does what `plan` asks from now on; what is counted already stays, but for prefixes when they are others.
    pub fn replan(&self, plan: &WatchPlan) {
        let mut observed = lock(&self.observed);
        let others = observed.who.count_prefixes(&plan.prefixes);
        observed.tops.replan(plan, others);
        observed.continued.replan(plan);
        self.plan.store(Arc::new(plan.clone()));
    }
}

fn add(tcp: &mut Counts, growth: &Growth<'_>) {
    if growth.record.tcp.is_some() {
        for (sums, counts) in tcp.iter_mut().zip(&growth.counts) {
            for row in 0..COUNTED.len() {
                sums[row] += counts[row];
            }
        }
    }
}

impl Observed {
    fn record(&mut self, record: &FlowRecord) {
        let Observed { ledger, who, tcp, .. } = self;
        ledger.record(record, |growth| {
            who.count(growth);
            add(tcp, growth);
        });
        self.records += 1;
        if let Some(tcp) = &record.tcp {
            self.tcp_records[0] += 1;
            self.tcp_records[1] += u64::from(tcp.complete);
            self.tcp_records[2] += u64::from(tcp.midstream);
        }
        self.distributions.record(record);
        self.continued.record(record);
    }

    fn picture(&mut self, picture: &Picture) {
        self.who.turn(picture.taken_at);
        let Observed { ledger, who, tcp, .. } = self;
        ledger.picture(picture, |growth| {
            who.count(growth);
            add(tcp, growth);
        });
        let mut rtt = [Distribution::new(-17, 7), Distribution::new(-17, 7)];
        for tcp in picture.flows.iter().filter_map(|flow| flow.record.tcp.as_ref()) {
            for (side, direction) in [&tcp.s2c, &tcp.c2s].into_iter().enumerate() {
                if let Some(nanos) = direction.rtt_smoothed {
                    rtt[side].add(f64::from(nanos) / 1e9, 1);
                }
            }
        }
        self.tops.turn(&self.who);
        self.rtt = [Quantiles::of(&rtt[0]), Quantiles::of(&rtt[1])];
    }
}
