//! From one stream of records to every sink, each on a thread of its own.
//!
//! **Owns** the sinks' threads and the bounded queues before them. **May touch** records and sinks.
//! **Order** fed by the fan-out thread, closed when the last record was fed.
//!
//! In `read` the feeder waits for the slowest sink. In `run` it never waits: a batch that finds a sink's queue full is
//! dropped for that sink, and its records and packets are counted. A sink that fails loses what it was writing, is
//! counted and told once until it writes again, and is tried again with the next batch; the others never notice.

use crate::nap::Nap;
use crate::sink::{Settled, Sink};
use crate::survey::Watch;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use parshall_engine::exit::{Batch, Line};
use parshall_engine::record::FlowRecord;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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

/// What is known of one sink; written by its thread and the feeder, read by anyone.
#[derive(Debug, Default)]
pub struct SinkState {
    /// `scheme:target`.
    pub name: String,
    /// Records written.
    pub records: AtomicU64,
    /// Records lost: queue full, or the sink failed.
    pub dropped_records: AtomicU64,
    /// Packets in them.
    pub dropped_packets: AtomicU64,
    /// Writes that failed.
    pub errors: AtomicU64,
    /// Nobody reads standard output any more.
    pub broken_pipe: AtomicBool,
}

enum Order {
    Records(Arc<Batch>),
    Reopen,
}

struct Lane {
    state: Arc<SinkState>,
    queue: Sender<Order>,
    thread: JoinHandle<()>,
}

/// The sinks and the way to them.
pub struct Fanout {
    lanes: Vec<Lane>,
    /// Sinks that were taken out and write out what they were given.
    leaving: Vec<(Arc<SinkState>, JoinHandle<()>)>,
    started: usize,
    batch: Batch,
    /// Batches on their way, oldest first, at most [`QUEUE`]: one that every sink has let go is filled again.
    sent: VecDeque<Arc<Batch>>,
    /// Empty ones that have come home, at most [`SPARE`].
    home: Vec<Batch>,
    waits: bool,
    watch: Option<Arc<Watch>>,
}

impl std::fmt::Debug for Fanout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fanout").field("sinks", &self.lanes.len()).finish_non_exhaustive()
    }
}

impl Fanout {
    /// Starts a thread for each sink. `waits`: the feeder waits for slow sinks (`read`).
    ///
    /// # Errors
    /// A thread could not be started.
    pub fn start(sinks: Vec<(String, Box<dyn Sink>)>, waits: bool) -> io::Result<Fanout> {
        let (lanes, leaving, sent, home) = (Vec::new(), Vec::new(), VecDeque::new(), Vec::new());
        let batch = Batch::with_capacity(BATCH);
        let mut fanout = Fanout { lanes, leaving, started: 0, batch, sent, home, waits, watch: None };
        sinks.into_iter().try_for_each(|(name, sink)| fanout.join(name, sink))?;
        Ok(fanout)
    }

    /// Starts the thread of one more sink, which gets every record from now on.
    fn join(&mut self, name: String, sink: Box<dyn Sink>) -> io::Result<()> {
        let (queue, orders) = bounded(if self.waits { SHORT_QUEUE } else { QUEUE });
        let state = Arc::new(SinkState { name, ..SinkState::default() });
        let mine = state.clone();
        let thread = std::thread::Builder::new()
            .name(format!("parshall-sink{}", self.started))
            .spawn(move || serve(sink, &orders, &mine))?;
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
        self.lanes.iter().map(|lane| lane.state.clone()).collect()
    }

    /// Takes a record that has no state any more; it leaves with its batch.
    pub fn record(&mut self, record: FlowRecord) {
        self.take(|batch| batch.push(record));
    }

    /// Takes the state that a record is made from, as it lay in its ring.
    pub fn state(&mut self, lines: &[Line]) {
        self.take(|batch| batch.push_state(lines));
    }

    fn take(&mut self, push: impl FnOnce(&mut Batch)) {
        if self.lanes.is_empty() && self.watch.is_none() {
            return;
        }
        push(&mut self.batch);
        if self.batch.len() >= BATCH {
            self.send();
        }
    }

    /// Sends on what was taken so far.
    pub fn send(&mut self) {
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
            let refused = if self.waits {
                lane.queue.send(order).is_err()
            } else {
                matches!(lane.queue.try_send(order), Err(TrySendError::Full(_) | TrySendError::Disconnected(_)))
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
        self.waits = self.waits || patience > Duration::ZERO;
        self.send_until(deadline);
        let (mut states, mut left) = (Vec::new(), Vec::new());
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

impl SinkState {
    fn lose(&self, records: &Batch) {
        self.dropped_records.fetch_add(records.len() as u64, Ordering::Relaxed);
        self.dropped_packets.fetch_add(records.packets(), Ordering::Relaxed);
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
fn serve(mut sink: Box<dyn Sink>, orders: &Receiver<Order>, state: &SinkState) {
    let mut told = false;
    loop {
        let mut batch = None;
        let done = match orders.recv_timeout(IDLE_FLUSH) {
            Ok(Order::Records(records)) => sink.write(batch.insert(records)),
            Ok(Order::Reopen) => sink.reopen(),
            Err(RecvTimeoutError::Timeout) => sink.flush(),
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let wrote = match (settle(sink.as_mut(), state), batch) {
            (Some(settled), _) => settled.written > 0,
            (None, Some(records)) if done.is_ok() => {
                state.records.fetch_add(records.len() as u64, Ordering::Relaxed);
                true
            }
            (None, records) => {
                records.iter().for_each(|records| state.lose(records));
                false
            }
        };
        if wrote && done.is_ok() && std::mem::take(&mut told) {
            tracing::info!("sink {} writes again", state.name);
        }
        if let Err(error) = done {
            fail(state, &error, &mut told);
            if error.kind() == io::ErrorKind::BrokenPipe {
                return;
            }
        }
    }
    let closed = sink.close();
    settle(sink.as_mut(), state);
    if let Err(error) = closed {
        fail(state, &error, &mut told);
    }
}

/// Counts what became of records; `None` for a sink that does not say.
fn settle(sink: &mut dyn Sink, state: &SinkState) -> Option<Settled> {
    let settled = sink.settled()?;
    state.records.fetch_add(settled.written, Ordering::Relaxed);
    state.dropped_records.fetch_add(settled.lost, Ordering::Relaxed);
    state.dropped_packets.fetch_add(settled.lost_packets, Ordering::Relaxed);
    Some(settled)
}

fn fail(state: &SinkState, error: &io::Error, told: &mut bool) {
    state.errors.fetch_add(1, Ordering::Relaxed);
    if error.kind() == io::ErrorKind::BrokenPipe {
        state.broken_pipe.store(true, Ordering::Relaxed);
    } else if !*told {
        *told = true;
        tracing::error!("sink {} cannot write: {error}", state.name);
    }
}
