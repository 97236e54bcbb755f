//! The reading end of all record doors: one stream of records out of many workers.
//!
//! **Owns** the rings' reading ends, the marks of `read`, and the joiner. **May touch** records.
//! **Order** called without pause by one thread, until every worker has closed its door and the rings are empty.

use super::join::Joiner;
use crate::exit::{Exit, ExitReader, Line};
use crate::record::FlowRecord;
use crate::record::make::FlowState;
use crate::time::Nanos;

/// Messages taken from one ring before the next one's turn.
const AT_ONCE: usize = 1024;

/// Where collected records go.
pub trait Outlet {
    /// Takes a record that was added up from parts. `floor` is the horizon that its worker had announced before: a record that
    /// ends below it is late, because its packets went back in time.
    fn record(&mut self, record: FlowRecord, floor: Nanos);

    /// Takes the state that any other record is made from, and the same as it travels on in a [`Batch`](crate::exit::Batch).
    fn state(&mut self, state: &FlowState<'_>, _lines: &[Line], floor: Nanos) {
        self.record(state.record(), floor);
    }

    /// Every record that ends before `horizon` has come, but for late ones.
    fn advance(&mut self, horizon: Nanos);
}

/// The collector.
#[derive(Debug)]
pub struct Collector {
    rings: Vec<ExitReader>,
    floors: Vec<Nanos>,
    horizon: Nanos,
    joiner: Joiner,
}

impl Collector {
    /// A collector over every worker's ring.
    #[must_use]
    pub fn new(rings: Vec<ExitReader>, joiner: Joiner) -> Collector {
        let floors = vec![Nanos::ZERO; rings.len()];
        Collector { rings, floors, horizon: Nanos::ZERO, joiner }
    }

    /// Takes what has come and hands it on; says how many messages there were.
    pub fn turn(&mut self, now: Nanos, out: &mut impl Outlet) -> usize {
        let mut taken = 0;
        for (worker, (ring, floor)) in self.rings.iter_mut().zip(&mut self.floors).enumerate() {
            for _ in 0..AT_ONCE {
                if !ring.load() {
                    break;
                }
                taken += 1;
                match ring.message() {
                    Exit::Record(state) if self.joiner.waits(&state) => {
                        self.joiner.record(state.record(), worker, now, |record| out.record(record, *floor));
                    }
                    Exit::Record(state) => out.state(&state, ring.lines(), *floor),
                    Exit::Part(key) => self.joiner.announce(key),
                    Exit::Mark { horizon } => *floor = (*floor).max(horizon),
                }
            }
        }
        self.joiner.expire(now, |record| out.record(record, Nanos::ZERO));
        let horizon = self.floors.iter().copied().min().unwrap_or(Nanos::ZERO);
        if horizon > self.horizon {
            self.horizon = horizon;
            out.advance(horizon);
        }
        taken
    }

    /// Lets records that wait for other parts of their flow wait for so many nanoseconds from now on.
    pub fn hold(&mut self, nanos: u64) {
        self.joiner.set_hold(nanos);
    }

    /// Whether every worker has closed its door and nothing is left in the rings.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.rings.iter().all(ExitReader::ended)
    }

    /// Hands on what the joiner still holds: after the end.
    pub fn finish(&mut self, out: &mut impl Outlet) {
        self.joiner.expire(Nanos::MAX, |record| out.record(record, Nanos::ZERO));
        out.advance(Nanos::MAX);
    }

    /// Flows whose parts met on different workers and were added up.
    #[must_use]
    pub const fn half_flows(&self) -> u64 {
        self.joiner.half_flows()
    }
}
