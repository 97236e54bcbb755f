//! Counters by a key that does not come from a closed set: bounded, and never going back while a key is known.
//!
//! **Owns** the sums and which keys are forgotten. **May touch** nothing. **Order** fed with what flows have grown by; asked
//! by a scrape.
//!
//! A key that is forgotten and comes again begins at 0, which is how Prometheus knows a counter that was reset. Summing up
//! the flows that happen to be known would let a counter sink whenever a flow leaves, and be taken for a reset that was none.

use std::collections::HashMap;
use std::hash::Hash;

/// Keys known at the least, for each one that is served.
const KNOWN: usize = 4;

/// Memory of the sums of which so many are served, at the most: keys and counts of 192 bytes, and as much room beside them.
pub(super) const fn most_bytes(most: u64) -> u64 {
    most * 2 * KNOWN as u64 * 2 * 192
}

/// Sums of `N` counts by key; the first of them orders.
#[derive(Debug)]
pub(super) struct Sums<K, const N: usize> {
    rows: HashMap<K, Row<N>>,
    most: usize,
    turn: u64,
}

#[derive(Debug)]
struct Row<const N: usize> {
    counts: [u64; N],
    grown: u64,
}

impl<K: Copy + Eq + Hash + Ord, const N: usize> Sums<K, N> {
    /// Sums of which `most` are served.
    pub(super) fn new(most: usize) -> Sums<K, N> {
        Sums { rows: HashMap::new(), most, turn: 0 }
    }

    /// Serves so many from now on.
    pub(super) const fn serve(&mut self, most: usize) {
        self.most = most;
    }

    /// Adds to a key.
    pub(super) fn add(&mut self, key: K, counts: [u64; N]) {
        if counts == [0; N] {
            return;
        }
        self.turn += 1;
        let row = self.rows.entry(key).or_insert(Row { counts: [0; N], grown: 0 });
        row.counts.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        row.grown = self.turn;
        if self.rows.len() > self.most.saturating_mul(2 * KNOWN) {
            self.forget();
        }
    }

    /// Forgets those that have not grown for longest.
    fn forget(&mut self) {
        let mut turns: Vec<u64> = self.rows.values().map(|row| row.grown).collect();
        let from = turns.len() - self.most * KNOWN;
        let (_, oldest_kept, _) = turns.select_nth_unstable(from);
        let oldest_kept = *oldest_kept;
        self.rows.retain(|_, row| row.grown >= oldest_kept);
    }

    /// The largest, as many as are served.
    pub(super) fn largest(&self) -> Vec<(K, [u64; N])> {
        let mut all: Vec<(K, [u64; N])> = self.rows.iter().map(|(key, row)| (*key, row.counts)).collect();
        all.sort_unstable_by(|(one, a), (other, b)| b[0].cmp(&a[0]).then(one.cmp(other)));
        all.truncate(self.most);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_served_and_those_that_grew_lately_are_known() {
        let mut sums: Sums<u32, 2> = Sums::new(2);
        sums.add(7, [1000, 1]);
        for key in 100..116 {
            sums.add(key, [u64::from(key), 1]);
            sums.add(8, [10, 1]);
        }
        sums.add(9, [0, 0]);
        assert_eq!(sums.largest(), [(8, [160, 16]), (115, [115, 1])], "7 has not grown for longest");
        assert!(sums.rows.len() <= 2 * 2 * KNOWN);
    }
}
