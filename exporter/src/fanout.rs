//! From one stream of records to every sink.
//!
//! **Owns** the sinks' threads and the bounded queues before them. **May touch** records and sinks.
//! **Order** fed by the fan-out thread, closed when the last record was fed.
//!
//! In `run` each sink has a thread of its own and the feeder never waits: a batch that finds a sink's queue full is
//! dropped for that sink, and its records and packets are counted. In `read` the feeder waits for the slowest sink, and with
//! one worker it writes those that keep nobody waiting itself: a record is then made once for all of them, where its state
//! lies, and crosses to no other core. A sink that fails is noticed by no other (see [`crate::writer`]).

use crate::nap::Nap;
use crate::sink::Sink;
use crate::survey::Watch;
use crate::writer::{SinkState, Writer};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use parshall_engine::exit::{Batch, Line, Maker};
use parshall_engine::record::FlowRecord;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Records that travel together.
pub(crate) const BATCH: usize = 512;

/// Batches that wait before one sink.
const QUEUE: usize = 64;

/// The same where the feeder waits: no more than keeps a sink busy, so that the same few are filled again and again.
const SHORT_QUEUE: usize = 4;

/// Memory of the records before one sink at the most: in its queue, being filled, being written, and what is kept for others.
/// A batch that is used again keeps its room for messages and its room for records.
#[cfg(feature = "dpdk")]
pub(crate) const WAITING_BYTES: u64 = {
    let (message, whole) = (parshall_engine::exit::MESSAGE_BYTES, size_of::<Line>() + size_of::<FlowRecord>());
    ((QUEUE + 2 + SPARE) * BATCH * (message + whole)) as u64
};

/// Empty batches that are kept, so that their memory is touched once.
const SPARE: usize = 8;

/// How often a sink that has nothing to do writes out what it holds.
const IDLE_FLUSH: Duration = Duration::from_secs(1);

enum Order {
    Records(Arc<Batch>),
    Reopen,
}

struct Lane {
    state: Arc<SinkState>,
    queue: Sender<Order>,
    thread: JoinHandle<()>,
}

/// How records are fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// Every sink has a thread, and what finds its queue full is dropped: `run`.
    Drops,
    /// Every sink has a thread, and the feeder waits for them: `read` with several workers, whose records are too many for one
    /// thread.
    Waits,
    /// The feeder writes quick sinks itself, and waits for the threads of the others: `read` with one worker.
    Writes,
}

/// The sinks that the feeder writes itself.
struct Own {
    writers: Vec<Writer>,
    maker: Maker,
    /// Records since the books were made.
    taken: usize,
    /// When the books were last made of any.
    settled: Instant,
}

/// The sinks and the way to them.
pub struct Fanout {
    own: Own,
    lanes: Vec<Lane>,
    /// Sinks that were taken out and write out what they were given.
    leaving: Vec<(Arc<SinkState>, JoinHandle<()>)>,
    started: usize,
    batch: Batch,
    /// Batches on their way, oldest first, at most [`QUEUE`]: one that every sink has let go is filled again.
    sent: VecDeque<Arc<Batch>>,
    /// Empty ones that have come home, at most [`SPARE`].
    home: Vec<Batch>,
    feed: Feed,
    watch: Option<Arc<Watch>>,
}

impl std::fmt::Debug for Fanout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fanout").field("sinks", &self.lanes.len()).finish_non_exhaustive()
    }
}

impl Own {
    fn new() -> Own {
        Own { writers: Vec::new(), maker: Maker::default(), taken: 0, settled: Instant::now() }
    }

    fn take(&mut self, record: &FlowRecord) {
        self.writers.iter_mut().for_each(|writer| writer.take(record));
        self.taken += 1;
        if self.taken >= BATCH {
            self.settle();
        }
    }

    /// Makes and takes the record of a state.
    fn state(&mut self, lines: &[Line]) {
        if !self.writers.is_empty() {
            let record = self.maker.record(lines);
            self.take(&record);
        }
    }

    fn settle(&mut self) {
        self.writers.iter_mut().for_each(|writer| writer.settle(Ok(())));
        self.taken = 0;
        self.settled = Instant::now();
    }

    /// Makes the books of what came, or, where nothing came for long, writes out what is held.
    fn rest(&mut self) {
        if self.taken > 0 {
            self.settle();
        } else if self.settled.elapsed() > IDLE_FLUSH {
            self.writers.iter_mut().for_each(Writer::flush);
            self.settled = Instant::now();
        }
    }

    fn close(self) {
        self.writers.into_iter().for_each(Writer::close);
    }
}

impl Fanout {
    /// Starts a thread for each sink that needs one.
    ///
    /// # Errors
    /// A thread could not be started.
    pub fn start(sinks: Vec<(String, Box<dyn Sink>)>, feed: Feed) -> io::Result<Fanout> {
        let (lanes, leaving, sent, home) = (Vec::new(), Vec::new(), VecDeque::new(), Vec::new());
        let batch = Batch::with_capacity(BATCH);
        let mut fanout = Fanout { own: Own::new(), lanes, leaving, started: 0, batch, sent, home, feed, watch: None };
        sinks.into_iter().try_for_each(|(name, sink)| fanout.join(name, sink))?;
        Ok(fanout)
    }

    /// Adds a sink, which gets every record from now on.
    fn join(&mut self, name: String, sink: Box<dyn Sink>) -> io::Result<()> {
        let writer = Writer::new(name, sink);
        if self.feed == Feed::Writes && writer.is_quick() {
            self.own.writers.push(writer);
            return Ok(());
        }
        let (queue, orders) = bounded(if self.feed == Feed::Drops { QUEUE } else { SHORT_QUEUE });
        let state = writer.state();
        let thread = std::thread::Builder::new()
            .name(format!("parshall-sink{}", self.started))
            .spawn(move || serve(writer, &orders))?;
        self.started += 1;
        self.lanes.push(Lane { state, queue, thread });
        Ok(())
    }

    /// Takes the sinks of these names out, which write out what they were given, and adds others, which get every record
    /// from now on.
    ///
    /// # Errors
    /// A thread could not be started; those before it were added.
    pub fn exchange(&mut self, leave: &[String], join: Vec<(String, Box<dyn Sink>)>) -> io::Result<()> {
        self.send();
        let (gone, kept) =
            std::mem::take(&mut self.lanes).into_iter().partition(|lane| leave.contains(&lane.state.name));
        self.lanes = kept;
        let gone: Vec<Lane> = gone;
        self.leaving.extend(gone.into_iter().map(|lane| (lane.state, lane.thread)));
        join.into_iter().try_for_each(|(name, sink)| self.join(name, sink))
    }

    /// The same, with a watch that gets every batch too.
    #[must_use]
    pub fn watched_by(self, watch: Option<Arc<Watch>>) -> Fanout {
        Fanout { watch, ..self }
    }

    /// What is known of each sink.
    #[must_use]
    pub fn states(&self) -> Vec<Arc<SinkState>> {
        let own = self.own.writers.iter().map(Writer::state);
        own.chain(self.lanes.iter().map(|lane| lane.state.clone())).collect()
    }

    /// Takes a record that has no state any more; it leaves with its batch.
    pub fn record(&mut self, record: FlowRecord) {
        self.own.take(&record);
        self.take(|batch| batch.push(record));
    }

    /// Takes the state that a record is made from, as it lay in its ring.
    pub fn state(&mut self, lines: &[Line]) {
        self.own.state(lines);
        self.take(|batch| batch.push_state(lines));
    }

    /// Whether somebody takes records.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        !self.own.writers.is_empty() || self.has_batches()
    }

    fn has_batches(&self) -> bool {
        !self.lanes.is_empty() || self.watch.is_some()
    }

    fn take(&mut self, push: impl FnOnce(&mut Batch)) {
        if !self.has_batches() {
            return;
        }
        push(&mut self.batch);
        if self.batch.len() >= BATCH {
            self.send_batch();
        }
    }

    /// Sends on what was taken so far.
    pub fn send(&mut self) {
        self.own.rest();
        self.send_batch();
    }

    fn send_batch(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let empty = self.empty_batch();
        let batch = Arc::new(std::mem::replace(&mut self.batch, empty));
        if let Some(watch) = &self.watch {
            watch.records(&batch);
        }
        for lane in &self.lanes {
            let order = Order::Records(batch.clone());
            let refused = match self.feed {
                Feed::Drops => {
                    matches!(lane.queue.try_send(order), Err(TrySendError::Full(_) | TrySendError::Disconnected(_)))
                }
                Feed::Waits | Feed::Writes => lane.queue.send(order).is_err(),
            };
            if refused {
                lane.state.lose(&batch);
            }
        }
        if self.sent.len() < QUEUE {
            self.sent.push_back(batch);
        }
    }

    /// A batch that has come home, or a new one while none has.
    fn empty_batch(&mut self) -> Batch {
        while let Some(batch) = self.sent.front_mut().and_then(Arc::get_mut) {
            let mut batch = std::mem::take(batch);
            self.sent.pop_front();
            if self.home.len() < SPARE {
                batch.clear();
                self.home.push(batch);
            }
        }
        self.home.pop().unwrap_or_else(|| Batch::with_capacity(BATCH))
    }

    /// Asks every sink to open its files again.
    pub fn reopen(&self) {
        for lane in &self.lanes {
            let _ = lane.queue.try_send(Order::Reopen);
        }
    }

    /// Whether a sink lost its reader: nothing more need be produced.
    #[must_use]
    pub fn broken_pipe(&self) -> bool {
        self.lanes.iter().any(|lane| lane.state.broken_pipe.load(Ordering::Relaxed))
    }

    /// Sends the rest, waits at most `patience` for the sinks to close, and says what each had to leave behind: its name and
    /// how many batches were still waiting.
    pub fn close(mut self, patience: Duration) -> (Vec<Arc<SinkState>>, Vec<(String, usize)>) {
        let deadline = Instant::now() + patience;
        self.send_until(deadline);
        let mut states: Vec<Arc<SinkState>> = self.own.writers.iter().map(Writer::state).collect();
        self.own.close();
        let mut left = Vec::new();
        for Lane { state, queue, thread } in self.lanes {
            let waiting = queue.clone();
            drop(queue);
            // The thread ends when every sender is gone; this one only looks at the length.
            wait_until(deadline, || thread.is_finished() || waiting.is_empty());
            let behind = waiting.len();
            drop(waiting);
            wait_until(deadline, || thread.is_finished() || behind > 0);
            if thread.is_finished() {
                drop(thread.join());
            } else {
                left.push((state.name.clone(), behind.max(1)));
            }
            states.push(state);
        }
        for (state, thread) in self.leaving {
            wait_until(deadline, || thread.is_finished());
            if thread.is_finished() {
                drop(thread.join());
            } else {
                left.push((state.name.clone(), 1));
            }
            states.push(state);
        }
        (states, left)
    }

    fn send_until(&mut self, deadline: Instant) {
        if self.batch.is_empty() {
            return;
        }
        let batch = Arc::new(std::mem::take(&mut self.batch));
        if let Some(watch) = &self.watch {
            watch.records(&batch);
        }
        for lane in &self.lanes {
            if lane.queue.send_deadline(Order::Records(batch.clone()), deadline).is_err() {
                lane.state.lose(&batch);
            }
        }
    }
}

/// Waits until something is so or the deadline has come, looking at first often, then now and then.
fn wait_until(deadline: Instant, so: impl Fn() -> bool) {
    let mut nap = Nap::default();
    while !so() && Instant::now() < deadline {
        nap.take();
    }
}

/// The thread of one sink.
fn serve(mut writer: Writer, orders: &Receiver<Order>) {
    while !writer.is_broken() {
        match orders.recv_timeout(IDLE_FLUSH) {
            Ok(Order::Records(records)) => {
                records.each(|record| writer.take(record));
                drop(records);
                writer.settle(Ok(()));
            }
            Ok(Order::Reopen) => writer.reopen(),
            Err(RecvTimeoutError::Timeout) => writer.flush(),
            Err(RecvTimeoutError::Disconnected) => return writer.close(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::record;
    use crate::sink::{Existing, open};
    use parshall_config::plan::{SinkKind, SinkSpec};

    #[test]
    fn sinks_get_every_record_in_order_whoever_writes_them() {
        let folder = tempfile::tempdir().unwrap();
        let written = [Feed::Drops, Feed::Waits, Feed::Writes].map(|feed| {
            let sink = |zstd: bool| {
                let target = folder.path().join(format!("{feed:?}{zstd}"));
                let spec = SinkSpec { kind: SinkKind::Jsonl, target, rotate: None, zstd };
                (format!("{zstd}"), open(&spec, Existing::Replace).unwrap())
            };
            let mut fanout = Fanout::start(vec![sink(false), sink(true)], feed).unwrap();
            (1..=1300).for_each(|n| fanout.record(record(n, n)));
            fanout.send();
            let (states, left) = fanout.close(Duration::from_secs(60));
            assert!(left.is_empty());
            assert!(states.iter().all(|state| state.records.load(Ordering::Relaxed) == 1300), "{feed:?}");
            let plain = std::fs::read(folder.path().join(format!("{feed:?}false"))).unwrap();
            let packed = std::fs::read(folder.path().join(format!("{feed:?}true.zst"))).unwrap();
            assert_eq!(zstd::decode_all(&packed[..]).unwrap(), plain, "{feed:?}");
            plain
        });
        assert!(written.iter().all(|text| *text == written[0]) && !written[0].is_empty());
    }
}
