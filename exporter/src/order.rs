//! The order of records in `read`: by end, flow id and record number, whatever the workers did.
//!
//! **Owns** what waits until no earlier record can come: the states that the records are made from. **May touch** one
//! temporary file.
//! **Order** between the collector and the sinks.
//!
//! A record waits until the horizon has passed its end. One whose worker had announced a later horizon before (its packets
//! went back in time) is late: it is sorted in at that horizon and counted. Past a budget of memory, what waits is sorted and
//! written to a file that has no name, one run after another, and merged back from there: the order is the same.

use crate::shelf::{Place, Shelf};
use parshall_engine::exit::Line;
use parshall_engine::time::Nanos;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

/// Memory for waiting records by default. Unit: bytes.
pub const BUDGET: usize = 256 << 20;

/// What a record is sorted by: its end or the horizon it missed, its order as the contract has it, and its start, which tells
/// two flows of one key apart that began within a microsecond.
type Key = (Nanos, (Nanos, u64, u32), Nanos);

/// How many records ahead states are brought near.
const AHEAD: usize = 4;

/// What a record that waits in memory takes beside its state. Unit: bytes.
const WAITING_BYTES: usize = size_of::<(Key, Place)>();

/// A record of a run, with its key.
struct Waiting {
    key: Key,
    lines: Vec<Line>,
}

/// A sorted run in the file, and its first record not yet given out.
struct Run {
    from: BufReader<File>,
    head: Option<Waiting>,
}

/// The records that wait.
pub struct OrderWindow {
    /// Keys of the records in memory, each with its state's place: what is sorted is small, and states stay where they are.
    /// Horizons move rarely and far, so those that are due are sorted then, by a sort that takes what came in order as it is.
    waiting: Vec<(Key, Place)>,
    /// Those that are due while they are given out.
    due: Vec<(Key, Place)>,
    shelf: Shelf,
    runs: Vec<Run>,
    budget: usize,
    late: u64,
    spilled: u64,
}

impl std::fmt::Debug for OrderWindow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrderWindow").field("waiting", &self.waiting.len()).field("runs", &self.runs.len()).finish()
    }
}

impl OrderWindow {
    /// A window that holds `budget` bytes of records in memory.
    #[must_use]
    pub fn new(budget: usize) -> OrderWindow {
        let (waiting, due, shelf, runs) = (Vec::new(), Vec::new(), Shelf::default(), Vec::new());
        OrderWindow { waiting, due, shelf, runs, budget, late: 0, spilled: 0 }
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

    /// Notes whether a record that ends at `end` comes late, and does not keep it.
    pub fn pass(&mut self, end: Nanos, floor: Nanos) {
        self.late += u64::from(end < floor);
    }

    /// Takes a record's state by the order and the start of the record; `floor` is the horizon its worker had announced before.
    ///
    /// # Errors
    /// There is no memory for it, or the temporary file could not be written.
    pub fn push(&mut self, order: (Nanos, u64, u32), start: Nanos, lines: &[Line], floor: Nanos) -> io::Result<()> {
        self.pass(order.0, floor);
        let place = self.shelf.put(lines)?;
        self.waiting.push(((order.0.max(floor), order, start), place));
        let bytes = self.waiting.len() * WAITING_BYTES + self.shelf.used_bytes();
        if bytes > self.budget && self.waiting.len() > 1 {
            self.spill()?;
        }
        Ok(())
    }

    /// Gives out, in order, the state of every record that ends before `horizon`.
    ///
    /// # Errors
    /// The temporary file could not be read.
    pub fn advance(&mut self, horizon: Nanos, mut out: impl FnMut(&[Line])) -> io::Result<()> {
        let is_due = |key: &Key| key.0 < horizon || horizon == Nanos::MAX;
        let OrderWindow { waiting, due, shelf, runs, .. } = self;
        due.clear();
        due.extend(waiting.extract_if(.., |(key, _)| is_due(key)));
        due.sort_by_key(|(key, _)| *key);
        for (at, (key, place)) in due.iter().enumerate() {
            while let Some(waiting) = next_of(runs, |first| first < key)? {
                out(&waiting.lines);
            }
            if let Some((_, later)) = due.get(at + AHEAD) {
                shelf.near(*later);
            }
            out(shelf.look(*place));
            shelf.free(*place);
        }
        while let Some(waiting) = next_of(runs, is_due)? {
            out(&waiting.lines);
        }
        Ok(())
    }

    /// Writes what waits to a file of its own, in order.
    fn write(&self, mut waiting: Vec<(Key, Place)>) -> io::Result<File> {
        let mut to = BufWriter::with_capacity(1 << 20, tempfile::tempfile()?);
        waiting.sort_by_key(|(key, _)| *key);
        for (key, place) in waiting {
            let lines = self.shelf.look(place);
            to.write_all(&header(&key, lines.len()))?;
            to.write_all(Line::bytes(lines))?;
        }
        to.into_inner().map_err(io::IntoInnerError::into_error)
    }

    fn spill(&mut self) -> io::Result<()> {
        self.spilled += self.waiting.len() as u64;
        let waiting = std::mem::take(&mut self.waiting);
        let written = self.write(waiting);
        // Also where it could not be written: what cannot be kept must not stay.
        self.shelf.clear();
        let mut file = written?;
        file.seek(SeekFrom::Start(0))?;
        let mut run = Run { from: BufReader::with_capacity(256 << 10, file), head: None };
        run.next()?;
        self.runs.push(run);
        Ok(())
    }
}

/// Takes the first record of all runs, if it is one that is asked for.
fn next_of(runs: &mut Vec<Run>, wanted: impl Fn(&Key) -> bool) -> io::Result<Option<Waiting>> {
    let first = runs.iter().enumerate().filter_map(|(n, run)| Some((run.head.as_ref()?.key, n))).min();
    let Some((_, n)) = first.filter(|(key, _)| wanted(key)) else { return Ok(None) };
    let taken = runs[n].next()?;
    runs.retain(|run| run.head.is_some());
    Ok(taken)
}

/// Words of a key and a number of lines in the file.
const HEADER: usize = 6;

fn header((at, (end, id, seq), start): &Key, lines: usize) -> [u8; HEADER * 8] {
    let words = [at.0, end.0, *id, u64::from(*seq), start.0, lines as u64];
    let mut bytes = [0; HEADER * 8];
    bytes.chunks_exact_mut(8).zip(words).for_each(|(to, word)| to.copy_from_slice(&word.to_le_bytes()));
    bytes
}

/// See [`header`].
fn key_and_lines(bytes: &[u8; HEADER * 8]) -> (Key, usize) {
    let (words, _) = bytes.as_chunks();
    let word = |n: usize| words.get(n).map_or(0, |word| u64::from_le_bytes(*word));
    ((Nanos(word(0)), (Nanos(word(1)), word(2), word(3) as u32), Nanos(word(4))), word(5) as usize)
}

impl Run {
    /// Takes the first record and reads the one behind it.
    fn next(&mut self) -> io::Result<Option<Waiting>> {
        let mut bytes = [0; HEADER * 8];
        let behind = match self.from.read_exact(&mut bytes) {
            Ok(()) => {
                let (key, count) = key_and_lines(&bytes);
                let mut lines = vec![Line::default(); count];
                self.from.read_exact(Line::bytes_mut(&mut lines))?;
                Some(Waiting { key, lines })
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
    use proptest::prelude::*;

    /// A state that is told apart by a number, of as many lines as it says.
    fn state(n: u64) -> Vec<Line> {
        vec![Line::from([n; 8]); 1 + (n % 5) as usize]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn spilled_or_not_the_order_is_that_of_a_sort(
            steps in prop::collection::vec((0_u64..1000, 1_u64..50, any::<bool>()), 0..200),
            budget in prop::sample::select(vec![1_usize, 2_000, usize::MAX]),
        ) {
            let mut window = OrderWindow::new(budget);
            let (mut got, mut horizon) = (Vec::new(), Nanos(0));
            let mut model: Vec<(Key, Vec<Line>)> = Vec::new();
            let mut want = Vec::new();
            for (end, n, advance) in steps {
                let (order, start) = ((Nanos(end), n, (n % 3) as u32), Nanos(n / 2));
                model.push(((Nanos(end).max(horizon), order, start), state(n)));
                window.push(order, start, &state(n), horizon).unwrap();
                if advance {
                    horizon = Nanos(horizon.0 + 40);
                    window.advance(horizon, |lines| got.push(lines.to_vec())).unwrap();
                    let mut due: Vec<_> = model.extract_if(.., |(key, _)| key.0 < horizon).collect();
                    due.sort_by_key(|(key, _)| *key);
                    want.extend(due.into_iter().map(|(_, lines)| lines));
                }
            }
            window.advance(Nanos::MAX, |lines| got.push(lines.to_vec())).unwrap();
            model.sort_by_key(|(key, _)| *key);
            want.extend(model.into_iter().map(|(_, lines)| lines));
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn a_record_behind_its_worker_s_horizon_is_late_and_still_comes_out() {
        let mut window = OrderWindow::new(BUDGET);
        window.push((Nanos(5), 1, 0), Nanos(1), &state(1), Nanos(10)).unwrap();
        let mut got = 0;
        window.advance(Nanos(11), |_| got += 1).unwrap();
        assert_eq!((got, window.late()), (1, 1));
    }
}
