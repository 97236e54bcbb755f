//! Chance that is the same everywhere: ChaCha8 as a stream of bits, and the few draws that the models need.
//!
//! **Owns** one stream of random numbers. **May touch** nothing. **Order** every session has dice of its own, so that
//! one more draw in one session moves no other.
//!
//! The draws are made here and not by `rand`, whose distributions may give other values in another version; the ChaCha
//! stream itself is fixed by its definition.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Parts of a million: how probabilities are written here, so that none is a floating-point number.
pub const MILLION: u32 = 1_000_000;

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream numbered `stream` of a seed; streams of one seed are independent of each other.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Dice {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..24].copy_from_slice(b"parshall traffic");
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream);
        Dice(rng)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number of `0..bound`; 0 when `bound` is 0. Uniform but for a bias of at most `bound / 2^64`.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// A number of `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// True in `ppm` of a million cases.
    pub fn chance(&mut self, ppm: u32) -> bool {
        self.below(u64::from(MILLION)) < u64::from(ppm)
    }

    /// True in half the cases.
    pub fn coin(&mut self) -> bool {
        self.bits() & 1 == 1
    }

    /// One of `choices`.
    ///
    /// # Panics
    /// If there is nothing to choose from.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u64) as usize]
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_fixed_for_ever() {
        let mut dice = Dice::new(1, 0);
        assert_eq!([dice.bits(), dice.bits()], FIRST_TWO);
        assert_ne!(Dice::new(1, 1).bits(), FIRST_TWO[0]);
        assert_ne!(Dice::new(2, 0).bits(), FIRST_TWO[0]);
    }

    /// Written down once: if these change, every capture changes with them.
    const FIRST_TWO: [u64; 2] = [2_730_847_523_366_167_393, 16_434_411_550_844_881_198];

    #[test]
    fn draws_stay_inside_their_bounds_and_reach_both_ends() {
        let mut dice = Dice::new(7, 0);
        let drawn: Vec<u64> = (0..1000).map(|_| dice.between(3, 6)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&6)));
        assert_eq!(dice.below(0), 0);
        assert_eq!((0..1000).filter(|_| dice.chance(0)).count(), 0);
        assert_eq!((0..1000).filter(|_| dice.chance(MILLION)).count(), 1000);
        let quarter = (0..10_000).filter(|_| dice.chance(250_000)).count();
        assert!((2300..2700).contains(&quarter), "{quarter}");
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Dice::new(3, 3).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
