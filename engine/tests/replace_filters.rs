//! Filters that are replaced while frames go through: each frame is asked by the old ones or by the new ones, and none is lost.

use parshall_config::filter::parse;
use parshall_config::plan::{DecapPlan, Duplicates, EnginePlan, KeyScope, TableSize, Timeouts};
use parshall_engine::launch;
use parshall_engine::link::LinkType;
use parshall_engine::merge::collect::Outlet;
use parshall_engine::packet::Outcome;
use parshall_engine::record::FlowRecord;
use parshall_engine::source::{Batch, Frame, Input, Polled, Source};
use parshall_engine::stop::Stop;
use parshall_engine::time::Nanos;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Gives as many frames as it is allowed to, polls without any meanwhile, and ends after the last.
struct Held {
    frame: Vec<u8>,
    given: usize,
    allowed: Arc<AtomicUsize>,
    all: usize,
}

impl Source for Held {
    fn poll<'s>(&'s mut self, batch: &mut Batch<'s>) -> Polled {
        let until = self.allowed.load(Ordering::Acquire).min(self.given + 32);
        for number in self.given..until {
            let time = Nanos(1_000_000_000 + number as u64 * 1_000);
            let wire_len = self.frame.len() as u32;
            batch.push(Frame { bytes: &self.frame, time, wire_len, link: LinkType::RAW, input: Input::default() });
        }
        self.given = until;
        if self.given == self.all { Polled::Ended } else { Polled::Open }
    }
}

/// Sums up packets.
#[derive(Default)]
struct Sum(u64);

impl Outlet for Sum {
    fn record(&mut self, record: FlowRecord, _floor: Nanos) {
        self.0 += record.packets();
    }

    fn advance(&mut self, _horizon: Nanos) {}
}

fn plan(workers: u16) -> EnginePlan {
    EnginePlan {
        workers: NonZeroU16::new(workers).expect("not zero"),
        table: TableSize::Flows(1_000),
        timeouts: Timeouts::default(),
        local_nets: Vec::new(),
        key: KeyScope::default(),
        decap: DecapPlan::default(),
        record_ring: 64,
        live_flows: 0,
        segment_memory: 1 << 20,
        first_packets: 0,
        duplicates: Duplicates::Off,
        sieve: Default::default(),
    }
}

#[test]
fn a_filter_that_is_replaced_under_way_counts_every_frame_once() {
    const PART: usize = 1_000;
    for workers in [1, 3] {
        let mut udp = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 9, 0, 53, 0, 8, 0, 0];
        udp.resize(28, 0);
        let allowed = Arc::new(AtomicUsize::new(0));
        let source = Held { frame: udp, given: 0, allowed: allowed.clone(), all: 4 * PART };
        let mut replay = launch::read(source, &plan(workers), &Stop::default(), Nanos(0)).expect("threads");
        // Let in, kept out by the flow's key, let in by another, kept out again: of each a part.
        for (part, filter) in [None, Some("tcp"), Some("port 53"), Some("not udp")].into_iter().enumerate() {
            let asked = filter.map(|text| parse(text).expect(text));
            replay.sieves.replace_filters(None, asked.as_ref()).expect("no expression to compile");
            while !replay.sieves.settle() {
                std::thread::yield_now();
            }
            allowed.store((part + 1) * PART, Ordering::Release);
            // The next filter comes only when this part has gone through.
            let through = |tally: &parshall_engine::tally::Tally| tally.outcomes.iter().sum::<u64>();
            if workers == 1 && part < 3 {
                while through(&replay.merger.collect(Nanos(0), std::time::Duration::from_secs(5)).total)
                    < ((part + 1) * PART) as u64
                {
                    std::thread::yield_now();
                }
            }
        }
        let mut sum = Sum::default();
        while !replay.is_finished() || !replay.collector.ended() {
            replay.collector.turn(Nanos(0), &mut sum);
            std::thread::yield_now();
        }
        replay.collector.turn(Nanos(0), &mut sum);
        replay.collector.finish(&mut sum);
        let (_, mut merger) = replay.conclude(Nanos(0)).expect("no panic");
        let total = merger.last(Nanos(0)).total;
        let of = |outcome: Outcome| total.outcomes[outcome as usize];
        assert!(total.books().closed(), "{:?}", total.books());
        assert_eq!(of(Outcome::Flow) + of(Outcome::Filtered), 4 * PART as u64, "{workers} workers");
        assert_eq!(sum.0, of(Outcome::Flow), "{workers} workers");
        if workers == 1 {
            assert_eq!((of(Outcome::Flow), of(Outcome::Filtered)), (2 * PART as u64, 2 * PART as u64));
        } else {
            assert!(of(Outcome::Filtered) > 0 && of(Outcome::Flow) > 0);
        }
    }
}
