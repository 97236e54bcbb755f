//! A sink with its books.
//!
//! **Owns** one sink, what is known of it, and what became of the records it was given. **May touch** records.
//! **Order** owned by `fanout`: on a thread of the sink's own, or on the feeder's.
//!
//! A sink that fails loses what it was writing, is counted and told once until it writes again, and is tried again with the
//! next record.

use crate::sink::{Settled, Sink};
use parshall_engine::exit::Batch;
use parshall_engine::record::FlowRecord;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What is known of one sink; written by whoever writes and feeds it, read by anyone.
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

impl SinkState {
    /// Counts records that never reached the sink.
    pub(crate) fn lose(&self, records: &Batch) {
        self.add(Settled { written: 0, lost: records.len() as u64, lost_packets: records.packets() });
    }

    fn add(&self, settled: Settled) {
        self.records.fetch_add(settled.written, Ordering::Relaxed);
        self.dropped_records.fetch_add(settled.lost, Ordering::Relaxed);
        self.dropped_packets.fetch_add(settled.lost_packets, Ordering::Relaxed);
    }
}

/// A sink that is being written.
pub(crate) struct Writer {
    sink: Box<dyn Sink>,
    state: Arc<SinkState>,
    /// Records since the books were made, for a sink that does not say itself what became of them.
    taken: Settled,
    /// The first failure since then.
    failure: Option<io::Error>,
    /// The failure was told.
    told: bool,
}

impl Writer {
    /// A sink under its name.
    pub(crate) fn new(name: String, sink: Box<dyn Sink>) -> Writer {
        let state = Arc::new(SinkState { name, ..SinkState::default() });
        Writer { sink, state, taken: Settled::default(), failure: None, told: false }
    }

    /// What is known of it.
    pub(crate) fn state(&self) -> Arc<SinkState> {
        self.state.clone()
    }

    /// See [`Sink::is_quick`].
    pub(crate) fn is_quick(&self) -> bool {
        self.sink.is_quick()
    }

    /// Whether nobody reads it any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.state.broken_pipe.load(Ordering::Relaxed)
    }

    /// Gives it a record.
    #[inline]
    pub(crate) fn take(&mut self, record: &FlowRecord) {
        match self.sink.take(record) {
            Ok(()) => self.taken.written += 1,
            Err(error) => {
                self.taken.lost += 1;
                self.taken.lost_packets += record.packets();
                self.failure.get_or_insert(error);
            }
        }
    }

    /// Makes what was taken visible to others, and the books.
    pub(crate) fn flush(&mut self) {
        let done = self.sink.flush();
        self.settle(done);
    }

    /// Opens the sink's files again, and makes the books.
    pub(crate) fn reopen(&mut self) {
        let done = self.sink.reopen();
        self.settle(done);
    }

    /// Ends the sink, and makes the books.
    pub(crate) fn close(mut self) {
        let done = self.sink.close();
        self.settle(done);
    }

    /// Counts what became of the records since this was asked last, and tells what failed, with `done` of what was asked for
    /// beside them.
    pub(crate) fn settle(&mut self, done: io::Result<()>) {
        let taken = std::mem::take(&mut self.taken);
        let settled = self.sink.settled().unwrap_or(taken);
        self.state.add(settled);
        match self.failure.take().or(done.err()) {
            Some(error) => self.fail(&error),
            None if settled.written > 0 && std::mem::take(&mut self.told) => {
                tracing::info!("sink {} writes again", self.state.name);
            }
            None => {}
        }
    }

    fn fail(&mut self, error: &io::Error) {
        self.state.errors.fetch_add(1, Ordering::Relaxed);
        if error.kind() == io::ErrorKind::BrokenPipe {
            self.state.broken_pipe.store(true, Ordering::Relaxed);
        } else if !std::mem::replace(&mut self.told, true) {
            tracing::error!("sink {} cannot write: {error}", self.state.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::record;

    /// Refuses records of an odd number of packets; what it took has failed when it is flushed.
    struct Picky;

    impl Sink for Picky {
        fn is_quick(&self) -> bool {
            true
        }

        fn take(&mut self, record: &FlowRecord) -> io::Result<()> {
            if record.packets() % 2 == 1 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn reopen(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn close(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_record_that_a_sink_refuses_is_lost_with_its_packets_and_the_others_are_written() {
        let mut writer = Writer::new("picky".to_owned(), Box::new(Picky));
        let state = writer.state();
        (1..=5).for_each(|packets| writer.take(&record(1, packets)));
        writer.settle(Ok(()));
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let books = [&state.records, &state.dropped_records, &state.dropped_packets, &state.errors].map(count);
        assert_eq!((books, writer.is_broken()), ([2, 3, 9, 1], false));
        writer.flush();
        assert_eq!((count(&state.errors), writer.is_broken()), (2, true));
    }
}
