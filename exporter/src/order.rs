//! The order of records in `read`: by end, flow id and record number, whatever the workers did.
//!
//! **Owns** the records that wait until no earlier one can come. **May touch** records and one temporary file.
//! **Order** between the collector and the sinks.
//!
//! A record waits until the horizon has passed its end. One whose worker had announced a later horizon before (its packets
//! went back in time) is late: it is sorted in at that horizon and counted. Past a budget of memory, what waits is sorted and
//! written to a file that has no name, one run after another, and merged back from there: the order is the same.

use parshall_engine::record::FlowRecord;
use parshall_engine::time::Nanos;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

/// Memory for waiting records by default. Unit: bytes.
pub const BUDGET: usize = 256 << 20;

type Key = (Nanos, Nanos, u64, u32, u64);

/// A record of a run, with its key.
struct Waiting {
    key: Key,
    record: FlowRecord,
}

/// What a record that waits in memory takes. Unit: bytes.
const WAITING_BYTES: usize = size_of::<(Key, u32)>() + size_of::<Option<FlowRecord>>();

/// A sorted run in the file, and its first record not yet given out.
struct Run {
    from: BufReader<File>,
    head: Option<Waiting>,
}

/// The records that wait.
pub struct OrderWindow {
    /// Keys of the records in memory, each with its record's place: what is sorted is small, and records stay where they are.
    heap: BinaryHeap<Reverse<(Key, u32)>>,
    places: Vec<Option<FlowRecord>>,
    free: Vec<u32>,
    runs: Vec<Run>,
    budget: usize,
    late: u64,
    spilled: u64,
}

impl std::fmt::Debug for OrderWindow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrderWindow").field("waiting", &self.heap.len()).field("runs", &self.runs.len()).finish()
    }
}

impl OrderWindow {
    /// A window that holds `budget` bytes of records in memory.
    #[must_use]
    pub fn new(budget: usize) -> OrderWindow {
        let (heap, places, free, runs) = (BinaryHeap::new(), Vec::new(), Vec::new(), Vec::new());
        OrderWindow { heap, places, free, runs, budget, late: 0, spilled: 0 }
    }

    /// Records that came late.
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.late
    }

    /// Records that went through the temporary file.
    #[must_use]
    pub const fn spilled(&self) -> u64 {
        self.spilled
    }

    /// Takes a record; `floor` is the horizon its worker had announced before.
    ///
    /// # Errors
    /// The temporary file could not be written.
    pub fn push(&mut self, record: FlowRecord, floor: Nanos) -> io::Result<()> {
        self.late += u64::from(record.end < floor);
        let (end, id, seq) = record.order();
        // Equal ends, flow ids and numbers are told apart by their start: port reuse within a microsecond.
        let key = (end.max(floor), end, id, seq, record.start.0);
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            (self.places.len() - 1) as u32
        });
        self.places[place as usize] = Some(record);
        self.heap.push(Reverse((key, place)));
        if self.heap.len() * WAITING_BYTES > self.budget && self.heap.len() > 1 {
            self.spill()?;
        }
        Ok(())
    }

    /// Gives out, in order, every record that ends before `horizon`.
    ///
    /// # Errors
    /// The temporary file could not be read.
    pub fn advance(&mut self, horizon: Nanos, mut out: impl FnMut(FlowRecord)) -> io::Result<()> {
        let due = |key: &Key| key.0 < horizon || horizon == Nanos::MAX;
        loop {
            let run = self.runs.iter().enumerate().filter_map(|(n, run)| Some((run.head.as_ref()?.key, n))).min();
            let top = self.heap.peek().map(|Reverse((key, _))| *key);
            match (run, top) {
                (Some((key, n)), top) if top.is_none_or(|top| key < top) => {
                    if !due(&key) {
                        return Ok(());
                    }
                    if let Some(waiting) = self.runs[n].next()? {
                        out(waiting.record);
                    }
                    self.runs.retain(|run| run.head.is_some());
                }
                (_, Some(key)) if due(&key) => {
                    if let Some(record) = self.take_first() {
                        out(record);
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// The first record in memory; its place is free.
    fn take_first(&mut self) -> Option<FlowRecord> {
        let Reverse((_, place)) = self.heap.pop()?;
        self.free.push(place);
        self.places[place as usize].take()
    }

    fn spill(&mut self) -> io::Result<()> {
        let mut to = BufWriter::with_capacity(1 << 20, tempfile::tempfile()?);
        self.spilled += self.heap.len() as u64;
        let heap = std::mem::take(&mut self.heap);
        self.free.clear();
        let places = std::mem::take(&mut self.places);
        for Reverse((key, place)) in heap.into_sorted_vec().into_iter().rev() {
            let Some(record) = &places[place as usize] else { continue };
            let bytes = postcard::to_stdvec(&(key, record)).map_err(io::Error::other)?;
            to.write_all(&(bytes.len() as u32).to_le_bytes())?;
            to.write_all(&bytes)?;
        }
        let mut file = to.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        let mut run = Run { from: BufReader::with_capacity(256 << 10, file), head: None };
        run.next()?;
        self.runs.push(run);
        Ok(())
    }
}

impl Run {
    /// Takes the first record and reads the one behind it.
    fn next(&mut self) -> io::Result<Option<Waiting>> {
        let mut length = [0; 4];
        let behind = match self.from.read_exact(&mut length) {
            Ok(()) => {
                let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
                self.from.read_exact(&mut bytes)?;
                let (key, record) = postcard::from_bytes(&bytes).map_err(io::Error::other)?;
                Some(Waiting { key, record })
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(error),
        };
        Ok(std::mem::replace(&mut self.head, behind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::record;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn spilled_or_not_the_order_is_that_of_a_sort(
            steps in prop::collection::vec((0_u64..1000, 1_u64..50, any::<bool>()), 0..200),
            budget in prop::sample::select(vec![1_usize, 20_000, usize::MAX]),
        ) {
            let mut window = OrderWindow::new(budget);
            let (mut got, mut horizon) = (Vec::new(), Nanos(0));
            let mut model: Vec<(Nanos, FlowRecord)> = Vec::new();
            let mut want = Vec::new();
            for (end, n, advance) in steps {
                let one = record(end, n);
                model.push((one.end.max(horizon), one.clone()));
                window.push(one, horizon).unwrap();
                if advance {
                    horizon = Nanos(horizon.0 + 40);
                    window.advance(horizon, |record| got.push(record)).unwrap();
                    let mut due: Vec<_> = model.extract_if(.., |(key, _)| *key < horizon).collect();
                    due.sort_by_key(|(key, one)| (*key, one.order()));
                    want.extend(due.into_iter().map(|(_, one)| one));
                }
            }
            window.advance(Nanos::MAX, |record| got.push(record)).unwrap();
            model.sort_by_key(|(key, one)| (*key, one.order()));
            want.extend(model.into_iter().map(|(_, one)| one));
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn a_record_behind_its_worker_s_horizon_is_late_and_still_comes_out() {
        let mut window = OrderWindow::new(BUDGET);
        window.push(record(5, 1), Nanos(10)).unwrap();
        let mut got = Vec::new();
        window.advance(Nanos(11), |record| got.push(record)).unwrap();
        assert_eq!((got.len(), window.late()), (1, 1));
    }
}
