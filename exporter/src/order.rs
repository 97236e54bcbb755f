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

struct Waiting {
    key: Key,
    record: FlowRecord,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Waiting) -> bool {
        self.key == other.key
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Waiting) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Waiting) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

/// A sorted run in the file, and its first record not yet given out.
struct Run {
    from: BufReader<File>,
    head: Option<Waiting>,
}

/// The records that wait.
pub struct OrderWindow {
    heap: BinaryHeap<Reverse<Waiting>>,
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
        OrderWindow { heap: BinaryHeap::new(), runs: Vec::new(), budget, late: 0, spilled: 0 }
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
        self.heap.push(Reverse(Waiting { key, record }));
        if self.heap.len() * size_of::<Waiting>() > self.budget && self.heap.len() > 1 {
            self.spill()?;
        }
        Ok(())
    }

    /// Gives out, in order, every record that ends before `horizon`.
    ///
    /// # Errors
    /// The temporary file could not be read.
    pub fn advance(&mut self, horizon: Nanos, mut out: impl FnMut(FlowRecord)) -> io::Result<()> {
        loop {
            let run = self.runs.iter().enumerate().filter_map(|(n, run)| Some((run.head.as_ref()?.key, n))).min();
            let top = self.heap.peek().map(|waiting| waiting.0.key);
            let from_run = match (run, top) {
                (Some((key, n)), Some(top)) if key < top => Some(n),
                (Some((_, n)), None) => Some(n),
                _ => None,
            };
            let Some(key) = from_run.map_or(top, |_| run.map(|(key, _)| key)) else { return Ok(()) };
            if key.0 >= horizon && horizon != Nanos::MAX {
                return Ok(());
            }
            let waiting = match from_run {
                Some(n) => self.runs[n].next()?,
                None => self.heap.pop().map(|waiting| waiting.0),
            };
            if let Some(waiting) = waiting {
                out(waiting.record);
            }
            self.runs.retain(|run| run.head.is_some());
        }
    }

    fn spill(&mut self) -> io::Result<()> {
        let mut to = BufWriter::with_capacity(1 << 20, tempfile::tempfile()?);
        self.spilled += self.heap.len() as u64;
        let heap = std::mem::take(&mut self.heap);
        for Reverse(waiting) in heap.into_sorted_vec().into_iter().rev() {
            let bytes = postcard::to_stdvec(&(waiting.key, &waiting.record)).map_err(io::Error::other)?;
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
