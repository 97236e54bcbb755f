//! The index against a naive model: a map from image to slot.

use super::*;
use crate::key::READ_SECRET;
use proptest::prelude::*;
use std::collections::HashMap;

const SMALL: ArenaOptions = ArenaOptions { huge: false, touch: false };

struct Model {
    index: Index,
    images: Vec<KeyImage>,
    truth: HashMap<u64, Slot>,
}

fn image(n: u64) -> KeyImage {
    KeyImage([n, 4])
}

fn hash(n: u64) -> u64 {
    READ_SECRET.hash(image(n))
}

impl Model {
    fn new(capacity: u32) -> Model {
        let index = Index::new(capacity, SMALL).unwrap();
        Model { index, images: vec![KeyImage::default(); capacity as usize], truth: HashMap::new() }
    }

    fn find(&self, n: u64) -> Option<Slot> {
        self.index.find(hash(n), image(n), |slot| self.images[slot as usize])
    }

    fn insert(&mut self, n: u64) -> Result<(), Full> {
        let images = &self.images;
        let slot = self.index.insert(hash(n), |slot| READ_SECRET.hash(images[slot as usize]))?;
        assert!(!self.truth.values().any(|taken| *taken == slot), "slot {slot} given twice");
        self.images[slot as usize] = image(n);
        self.truth.insert(n, slot);
        Ok(())
    }

    fn remove(&mut self, n: u64) {
        let slot = self.truth.remove(&n).unwrap();
        self.index.remove(hash(n), slot);
    }

    fn agrees(&self) {
        assert_eq!(self.index.len() as usize, self.truth.len());
        for (n, slot) in &self.truth {
            assert_eq!(self.find(*n), Some(*slot), "flow {n}");
        }
    }
}

proptest! {
    #[test]
    fn any_order_of_insertions_and_removals_agrees_with_a_map(
        capacity in 1_u32..200,
        steps in prop::collection::vec((any::<bool>(), 0_u64..300), 0..600),
    ) {
        let mut model = Model::new(capacity);
        for (insert, n) in steps {
            match (insert, model.truth.contains_key(&n)) {
                (true, false) => {
                    prop_assert_eq!(model.find(n), None);
                    let _ = model.insert(n);
                }
                (false, true) => model.remove(n),
                _ => {}
            }
        }
        model.agrees();
    }
}

#[test]
fn a_table_takes_nearly_all_the_flows_it_has_slots_for_and_then_says_full() {
    let mut model = Model::new(20_000);
    let mut refused = 0;
    for n in 0..20_000 {
        refused += u32::from(model.insert(n).is_err());
    }
    assert!(refused < 20, "{refused} of 20,000 refused below capacity");
    for n in 20_000..20_100 {
        let _ = model.insert(n);
    }
    model.agrees();
    for n in 20_100..40_000 {
        if model.index.len() == 20_000 {
            assert_eq!(model.insert(n), Err(Full::Slots));
        }
    }
}

#[test]
fn the_other_bucket_of_the_other_bucket_is_the_first() {
    for capacity in [1, 2, 3, 17, 1000, 99_999] {
        let index = Index::new(capacity, SMALL).unwrap();
        for tag in (0..=u16::MAX).step_by(97) {
            for bucket in (0..index.buckets.len()).step_by(13) {
                let other = index.other(bucket, tag);
                assert!(other < index.buckets.len());
                assert_eq!(index.other(other, tag), bucket);
            }
        }
    }
}

#[test]
fn slots_are_reused_before_fresh_ones_are_touched() {
    let mut model = Model::new(100);
    for n in 0..10 {
        model.insert(n).unwrap();
    }
    for n in 0..10 {
        model.remove(n);
    }
    for n in 100..110 {
        model.insert(n).unwrap();
    }
    assert_eq!(model.index.used(), 10);
    model.agrees();
}
