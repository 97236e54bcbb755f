//! A short run of every fuzz target without libFuzzer: seeds, and what becomes of them by the usual mutations. `scripts/fuzz` is
//! the long one.

#[path = "../fuzz/bodies/mod.rs"]
mod bodies;

/// A fixed sequence, so that what failed once fails again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }

    /// One to four of libFuzzer's mutations.
    fn mutated(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(8) {
                _ if bytes.is_empty() => bytes.push(self.below(256) as u8),
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = self.below(256) as u8,
                2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b'(', b' ', b'!'][self.below(8)],
                3 => bytes.truncate(at),
                4 => bytes.insert(at, self.below(256) as u8),
                5 => {
                    let part = bytes[at..(at + 1 + self.below(24)).min(bytes.len())].to_vec();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, part);
                }
                6 => {
                    let other = &seeds[self.below(seeds.len())];
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[self.below(other.len())..]);
                }
                _ => _ = bytes.drain(at..(at + 1 + self.below(24)).min(bytes.len())),
            }
        }
        bytes
    }
}

#[test]
fn every_target_bears_its_seeds_and_many_mutations_of_them() {
    for (name, run) in bodies::TARGETS {
        let seeds = bodies::seeds::of(name);
        assert!(seeds.len() >= 4, "{name}");
        seeds.iter().for_each(|seed| run(seed));
        let mut dice = Dice(0x5eed);
        for _ in 0..20_000 {
            run(&dice.mutated(&seeds));
        }
    }
}
