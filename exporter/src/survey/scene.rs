//! The flows as they were seen last: the live ones that were told, the ones that ended lately, and lists of them.
//!
//! **Owns** the order of a list, its pages, and what each flow's rate is. **May touch** pictures and records.
//! **Order** a scene is made for each picture; HTTP asks for lists.

use super::filter::{Filter, retransmissions};
use parshall_engine::merge::lookout::{LiveFlow, Picture};
use parshall_engine::record::FlowRecord;
use std::collections::HashMap;
use std::sync::Arc;

/// Rates of a flow between two pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// IP bits a second, both directions.
    pub bits: f64,
    /// Packets a second, both directions.
    pub packets: f64,
    /// Payload bits a second, client to server and server to client.
    pub payload_bits: [f64; 2],
}

/// What a flow had in the picture before.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    record_seq: u32,
    packets: u64,
    bytes: u64,
    payload: [u64; 2],
}

/// A picture with what follows from the one before.
#[derive(Debug, Default)]
pub struct Scene {
    /// The live flows.
    pub picture: Picture,
    /// Each one's rate, in the order of the picture; `None` at first sight of an older flow.
    pub rates: Vec<Option<Rate>>,
    /// When it came. `None` before the first picture.
    pub at: Option<std::time::Instant>,
    counts: HashMap<(u64, u16), Counted>,
}

/// Memory of a scene of so many flows, at the most: each one's record, its rate, and its place among the counts.
pub(super) const fn most_bytes(flows: u64) -> u64 {
    let counted = 3 * (size_of::<((u64, u16), Counted)>() + 1);
    flows * (size_of::<LiveFlow>() + size_of::<Option<Rate>>() + counted) as u64
}

impl Scene {
    /// The scene of a picture that follows another.
    #[must_use]
    pub fn after(last: &Scene, picture: Picture) -> Scene {
        let seconds = picture.taken_at.since(last.picture.taken_at) as f64 / 1e9;
        let mut counts = HashMap::with_capacity(picture.flows.len());
        let mut rates = Vec::with_capacity(picture.flows.len());
        for flow in &picture.flows {
            let record = &flow.record;
            let now = Counted {
                record_seq: record.record_seq,
                packets: record.packets(),
                bytes: record.c2s.ip_bytes + record.s2c.ip_bytes,
                payload: [record.c2s.payload_bytes, record.s2c.payload_bytes],
            };
            let id = (record.flow_id, flow.worker);
            let before = match last.counts.get(&id) {
                Some(before) if before.record_seq == now.record_seq => Some(*before),
                Some(_) => Some(Counted::default()),
                None => {
                    (last.picture.is_complete() && last.picture.number + 1 == picture.number).then(Counted::default)
                }
            };
            let a_second = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
            rates.push(before.filter(|_| seconds > 0.0).map(|before| Rate {
                bits: a_second(now.bytes, before.bytes) * 8.0,
                packets: a_second(now.packets, before.packets),
                payload_bits: std::array::from_fn(|way| a_second(now.payload[way], before.payload[way]) * 8.0),
            }));
            counts.insert(id, now);
        }
        Scene { picture, rates, at: Some(std::time::Instant::now()), counts }
    }
}

/// Records that ended lately, in batches, oldest first.
pub type Ended = Vec<Arc<Vec<FlowRecord>>>;

/// Which flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// Those that live.
    #[default]
    Live,
    /// Those that ended lately.
    Ended,
    /// Both.
    All,
}

/// The words of `state`.
pub const WHICH: [(&str, Which); 3] = [("live", Which::Live), ("ended", Which::Ended), ("all", Which::All)];

/// One flow of a list.
#[derive(Clone, Copy, Debug)]
pub struct Item<'s> {
    /// Its record, or the one that it would give now.
    pub record: &'s FlowRecord,
    /// The worker that holds it; `None` when it has ended.
    pub worker: Option<u16>,
    /// Its rate.
    pub rate: Option<Rate>,
}

impl Item<'_> {
    /// `live` or `ended`.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        if self.worker.is_some() { "live" } else { "ended" }
    }
}

type Measure = fn(&Item<'_>) -> f64;

/// The words of `by`.
pub const ORDERS: [(&str, Measure); 10] = [
    ("bytes", |item| (item.record.c2s.ip_bytes + item.record.s2c.ip_bytes) as f64),
    ("packets", |item| item.record.packets() as f64),
    ("payload", |item| (item.record.c2s.payload_bytes + item.record.s2c.payload_bytes) as f64),
    ("retransmissions", |item| retransmissions(item.record) as f64),
    ("bits_per_second", |item| item.rate.map_or(-1.0, |rate| rate.bits)),
    ("packets_per_second", |item| item.rate.map_or(-1.0, |rate| rate.packets)),
    ("rtt", |item| round_trip(item.record).unwrap_or(-1.0)),
    ("duration", |item| item.record.end.since(item.record.start) as f64),
    ("start", |item| item.record.start.0 as f64),
    ("end", |item| item.record.end.0 as f64),
];

/// Both sides' mean round-trip times together. Unit: nanoseconds.
#[must_use]
pub fn round_trip(record: &FlowRecord) -> Option<f64> {
    let tcp = record.tcp.as_ref()?;
    let sides = [&tcp.c2s, &tcp.s2c].into_iter().filter_map(|side| side.rtt.as_ref());
    sides.map(|rtt| rtt.avg).reduce(|one, other| one + other)
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Live(usize),
    Ended(usize, usize),
}

/// A list in order, kept whole so that its pages fit together.
#[derive(Debug)]
pub struct Listing {
    /// The live flows that it was made from.
    pub scene: Arc<Scene>,
    ended: Ended,
    places: Vec<Place>,
}

impl Listing {
    /// Makes a list.
    #[must_use]
    pub fn new(scene: Arc<Scene>, ended: Ended, which: Which, filter: &Filter, by: usize, ascending: bool) -> Listing {
        let mut listing = Listing { scene, ended, places: Vec::new() };
        let mut all = Vec::new();
        if which != Which::Ended {
            all.extend((0..listing.scene.picture.flows.len()).map(Place::Live));
        }
        if which != Which::Live {
            let batches = listing.ended.iter().enumerate();
            all.extend(batches.flat_map(|(batch, records)| (0..records.len()).map(move |n| Place::Ended(batch, n))));
        }
        let mut keyed: Vec<(f64, u64, Place)> = Vec::with_capacity(all.len());
        for place in all {
            let item = listing.item(place);
            if filter.passes(item.record, item.state()) {
                keyed.push(((ORDERS[by].1)(&item), item.record.flow_id, place));
            }
        }
        keyed.sort_by(|one, other| {
            let order = one.0.total_cmp(&other.0);
            (if ascending { order } else { order.reverse() }).then(one.1.cmp(&other.1))
        });
        listing.places = keyed.into_iter().map(|(.., place)| place).collect();
        listing
    }

    fn item(&self, place: Place) -> Item<'_> {
        match place {
            Place::Live(n) => {
                let flow = &self.scene.picture.flows[n];
                Item {
                    record: &flow.record,
                    worker: Some(flow.worker),
                    rate: self.scene.rates.get(n).copied().flatten(),
                }
            }
            Place::Ended(batch, n) => Item { record: &self.ended[batch][n], worker: None, rate: None },
        }
    }

    /// How many flows there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// So many flows from a place on.
    pub fn page(&self, from: usize, most: usize) -> impl Iterator<Item = Item<'_>> {
        self.places.iter().skip(from).take(most).map(|place| self.item(*place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::record;
    use parshall_engine::time::Nanos;

    fn picture(number: u64, packets: &[u64]) -> Picture {
        let flow = |(n, packets): (usize, &u64)| {
            let mut record = record(1, *packets);
            record.flow_id = n as u64;
            LiveFlow { worker: 0, record }
        };
        let flows: Vec<LiveFlow> = packets.iter().enumerate().map(flow).collect();
        let live = flows.len() as u64;
        Picture { number, taken_at: Nanos(number * 2_000_000_000), flows, live, ..Picture::default() }
    }

    #[test]
    fn rates_are_what_came_between_two_pictures() {
        let first = Scene::after(&Scene::default(), picture(1, &[10, 20]));
        assert_eq!(first.rates, [None, None], "older flows at first sight");
        let second = Scene::after(&first, picture(2, &[14, 20, 2]));
        let packets: Vec<f64> = second.rates.iter().map(|rate| rate.unwrap().packets).collect();
        assert_eq!(packets, [2.0, 0.0, 1.0]);
    }

    #[test]
    fn a_list_is_ordered_and_its_pages_fit_together() {
        let scene = Arc::new(Scene::after(&Scene::default(), picture(1, &[5, 9, 7])));
        let ended: Ended = vec![Arc::new(vec![record(1, 8)])];
        let list = Listing::new(scene, ended, Which::All, &Filter::default(), 1, false);
        let packets = |from| list.page(from, 2).map(|item| item.record.packets()).collect::<Vec<_>>();
        assert_eq!((list.len(), packets(0), packets(2)), (4, vec![9, 8], vec![7, 5]));
    }
}
