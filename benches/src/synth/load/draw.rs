//! Which flow is next: in turns, at random, or a few of them most of the time.
//!
//! **Owns** the distribution over flows. **May touch** the dice of the load. **Order** asked for every frame.

use crate::synth::dice::Dice;

/// How flows take turns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Access {
    /// One after the other, in an order of their own.
    Turns,
    /// Each as likely as the next.
    Uniform,
    /// The k-th most frequent flow with weight 1/k^s.
    Zipf(f64),
}

/// Draws flows.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    /// By rank: the flow. Ranks say nothing of where a flow stands in memory.
    flow_of: Vec<u32>,
    /// By rank: the weights up to and with it; empty when all are alike.
    cumulative: Vec<f64>,
    turn: Option<usize>,
}

impl Draw {
    pub(super) fn new(seed: u64, flows: u32, access: Access) -> Result<Draw, String> {
        let mut flow_of: Vec<u32> = (0..flows).collect();
        Dice::new(seed, 4).shuffle(&mut flow_of);
        let mut cumulative = Vec::new();
        if let Access::Zipf(exponent) = access {
            if !(exponent.is_finite() && exponent >= 0.0) {
                return Err(format!("a Zipf exponent of {exponent} is no distribution"));
            }
            let mut sum = 0.0;
            // libm's power is the same on every machine; that of the C library is not.
            cumulative.extend((1..=flows).map(|rank| {
                sum += libm::pow(f64::from(rank), -exponent);
                sum
            }));
        }
        Ok(Draw { flow_of, cumulative, turn: (access == Access::Turns).then_some(0) })
    }

    pub(super) fn next(&mut self, dice: &mut Dice) -> u32 {
        let flows = self.flow_of.len();
        let rank = if let Some(turn) = &mut self.turn {
            *turn += 1;
            (*turn - 1) % flows
        } else if let Some(total) = self.cumulative.last() {
            let drawn = (dice.bits() >> 11) as f64 / (1_u64 << 53) as f64 * total;
            self.cumulative.partition_point(|sum| *sum <= drawn).min(flows - 1)
        } else {
            dice.below(flows as u64) as usize
        };
        self.flow_of[rank]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zipf_gives_the_first_rank_its_share() {
        let mut draw = Draw::new(1, 100, Access::Zipf(1.0)).unwrap();
        let first = draw.flow_of[0];
        let mut dice = Dice::new(9, 9);
        let hits = (0..100_000).filter(|_| draw.next(&mut dice) == first).count();
        // 1 / H(100) = 0.1928
        assert!((18_700..19_900).contains(&hits), "{hits}");
        assert!(Draw::new(1, 10, Access::Zipf(f64::NAN)).is_err());
    }
}
