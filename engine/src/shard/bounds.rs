//! The bounds on what a burst can cost beside its packets.
//!
//! **Owns** the list of them. **May touch** nothing. **Order** read by whoever states them; each is enforced where it is
//! named.

use super::{glance, sweep};

/// A bound that the code enforces.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// What is bounded.
    pub what: &'static str,
    /// How much of it one burst can cost at most.
    pub most: u32,
}

/// The bounds.
pub const BOUNDS: [Bound; 6] = [
    Bound { what: "slots that the sweep looks at", most: sweep::SLOTS_PER_TICK },
    Bound { what: "flows that the sweep ends and sends", most: sweep::RECORDS_PER_TICK },
    Bound { what: "slots that a look at live flows walks past, twice a burst", most: 2 * glance::SLOTS },
    Bound { what: "live flows that a look tells of, twice a burst", most: 2 },
    Bound { what: "tallies copied out", most: 1 },
    Bound { what: "flows looked at for each new flow that finds the table full", most: sweep::MOST_LOOKED_AT },
];
