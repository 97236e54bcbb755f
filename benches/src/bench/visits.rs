//! In which order flows are visited: drawn beforehand, so that a visit costs the source one read of the next entry.
//!
//! **Owns** the drawn order. **May touch** nothing else. **Order** drawn when a stream is made, read packet by packet.
//!
//! The order in which flows begin is drawn apart from the order in which they are visited later. Were they the same,
//! each visit would find its flow beside the one before it, and tables would look twice as fast as they are.

/// In which order flows are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Each as often as every other, in random order.
    Uniform,
    /// By Zipf's law with exponent 1.1.
    Zipf,
}

/// Visits drawn for [`Access::Zipf`], and at least for [`Access::Uniform`].
const ZIPF_DRAWN: usize = 1 << 22;
const UNIFORM_DRAWN: u32 = 1 << 16;

/// One visit.
#[derive(Clone, Copy, Debug)]
struct Drawn {
    flow: u32,
    /// Visits of the flow that stand before this one.
    before: u32,
    /// Visits of the flow in all.
    all: u32,
}

/// An endless sequence of visits.
#[derive(Debug)]
pub struct Visits {
    drawn: Vec<Drawn>,
    at: usize,
    round: u32,
    /// Visits of every flow before the first of these.
    earlier: u32,
}

/// A number that looks random and follows from `n`.
pub(super) const fn mix(n: u64) -> u64 {
    let n = (n ^ n >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

/// `0..flows` in an order that follows from `seed`, by Fisher and Yates.
fn shuffled(flows: u32, seed: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..flows).collect();
    for at in (1..order.len()).rev() {
        let with = (u128::from(mix(seed ^ (at as u64) << 20)) * (at as u128 + 1)) >> 64;
        order.swap(at, with as usize);
    }
    order
}

/// So many flows, each drawn by itself.
fn drawn(flows: u32, count: u32) -> Vec<u32> {
    (0..count).map(|n| ((u128::from(mix(u64::from(n) ^ 2 << 40)) * u128::from(flows)) >> 64) as u32).collect()
}

/// Zipf-distributed ranks up to `flows` by rejection-inversion (Hörmann and Derflinger 1996), as flow numbers.
fn zipf(flows: u32, count: usize) -> Vec<u32> {
    let s = 1.1_f64;
    let h = |x: f64| (x.powf(1.0 - s) - 1.0) / (1.0 - s);
    let inverse = |y: f64| (1.0 + y * (1.0 - s)).powf(1.0 / (1.0 - s));
    let (low, high) = (h(1.5) - 1.0, h(f64::from(flows) + 0.5));
    let mut seed = 7_u64;
    let mut out = Vec::with_capacity(count);
    while out.len() < count {
        seed += 1;
        let unit = (mix(seed) >> 11) as f64 / (1_u64 << 53) as f64;
        let y = low + unit * (high - low);
        let rank = inverse(y).round().clamp(1.0, f64::from(flows));
        if y >= h(rank + 0.5) - rank.powf(-s) {
            out.push((mix(rank as u64) % u64::from(flows)) as u32);
        }
    }
    out
}

impl Visits {
    /// Every flow once, in the order in which they begin; again and again.
    #[must_use]
    pub fn first(flows: u32) -> Visits {
        Visits::of(flows, &shuffled(flows, 1), 0)
    }

    /// Visits of flows that had `earlier` visits each.
    #[must_use]
    pub fn new(access: Access, flows: u32, earlier: u32) -> Visits {
        let order = match access {
            Access::Uniform => drawn(flows, flows.max(UNIFORM_DRAWN)),
            Access::Zipf => zipf(flows, ZIPF_DRAWN),
        };
        Visits::of(flows, &order, earlier)
    }

    fn of(flows: u32, order: &[u32], earlier: u32) -> Visits {
        let mut counts = vec![0_u32; flows as usize];
        let mut drawn = Vec::with_capacity(order.len());
        for flow in order.iter().copied() {
            drawn.push(Drawn { flow, before: counts[flow as usize], all: 0 });
            counts[flow as usize] += 1;
        }
        for visit in &mut drawn {
            visit.all = counts[visit.flow as usize];
        }
        Visits { drawn, at: 0, round: 0, earlier }
    }

    /// The next flow, and how often it was visited before.
    #[inline]
    pub fn take(&mut self) -> (u32, u32) {
        if self.at == self.drawn.len() {
            self.at = 0;
            self.round += 1;
        }
        let Drawn { flow, before, all } = self.drawn[self.at];
        self.at += 1;
        (flow, self.earlier + self.round * all + before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flow_is_visited_in_its_turn_and_no_visit_is_left_out() {
        for access in [Access::Uniform, Access::Zipf] {
            let mut visits = Visits::new(access, 100, 4);
            let mut next = [4_u32; 100];
            for _ in 0..ZIPF_DRAWN * 2 + 17 {
                let (flow, visit) = visits.take();
                assert_eq!(visit, next[flow as usize]);
                next[flow as usize] += 1;
            }
        }
    }

    #[test]
    fn flows_are_not_visited_in_the_order_in_which_they_begin() {
        let (mut first, mut later) = (Visits::first(1000), Visits::new(Access::Uniform, 1000, 1));
        let mut places = [0_i64; 1000];
        for place in 0..1000 {
            places[first.take().0 as usize] = place;
        }
        let visited: Vec<i64> = (0..1000).map(|_| places[later.take().0 as usize]).collect();
        let neighbours = visited.windows(2).filter(|pair| (pair[0] - pair[1]).abs() <= 2).count();
        assert!(neighbours < 20, "{neighbours} of 1000 visits find their flow beside the one before");
    }
}
