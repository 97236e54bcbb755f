//! Fragments find the flow of their first, and the cache is bounded.

#[path = "decode_support/build.rs"]
mod build;

use build::*;
use parshall_engine::decode::{DecodeOptions, FRAGMENT_CAPACITY, FRAGMENT_TIMEOUT, FragmentCache, decode};
use parshall_engine::key::READ_SECRET;
use parshall_engine::link::LinkType;
use parshall_engine::packet::{Flaw, Marks, Outcome, Packet, Verdict};

const MORE: u16 = 0x2000;
const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];

struct Bench {
    options: DecodeOptions,
    cache: FragmentCache,
}

impl Bench {
    fn new() -> Bench {
        Bench { options: DecodeOptions::default(), cache: FragmentCache::new(READ_SECRET) }
    }

    fn at(&mut self, time: u64, bytes: &[u8]) -> Result<Packet, Verdict> {
        decode(&frame_at(LinkType::RAW, bytes, time), &self.options, &mut self.cache)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<Packet, Verdict> {
        self.at(1_000, bytes)
    }
}

fn fragment6(offset: u16, more: bool, id: u32, data: &[u8]) -> Vec<u8> {
    let field = offset | u16::from(more);
    v6(44, &join(&[&[17, 0], &field.to_be_bytes(), &id.to_be_bytes(), data]))
}

#[test]
fn later_fragments_belong_to_the_flow_of_their_first() {
    let mut bench = Bench::new();
    // From the high endpoint, so that the side is not the default one.
    let first = bench.take(&v4_with(17, B, A, 5, MORE, &udp(53, 4000, &[0; 8]))).expect("first");
    let later = bench.take(&v4_with(17, B, A, 5, 2, &[1; 24])).expect("later");
    assert_eq!(first.key(), later.key());
    assert!(first.marks.has(Marks::FIRST_FRAGMENT) && !first.marks.has(Marks::FROM_LOW));
    assert!(later.marks.has(Marks::LATER_FRAGMENT) && !later.marks.has(Marks::FROM_LOW));
    assert!(!later.marks.has(Marks::FIRST_FRAGMENT));
    assert_eq!((first.payload_bytes, later.payload_bytes, later.ip_bytes), (8, 24, 44));
    assert!(first.flaws.is_empty() && later.flaws.is_empty());
    let six = bench.take(&fragment6(0, true, 77, &udp(53, 4000, &[0; 8]))).expect("first");
    let later = bench.take(&fragment6(16, false, 77, &[1; 5])).expect("later");
    assert_eq!(six.key(), later.key());
    assert_eq!((later.payload_bytes, later.ip_id), (5, 77));
}

#[test]
fn a_part_of_a_datagram_stays_one_whatever_its_data_begins_with() {
    let mut bench = Bench::new();
    // An atomic fragment's header (RFC 6946) inside of a first fragment.
    let atomic = join(&[&[17, 0, 0, 0, 0, 0, 0, 9], &udp(53, 4000, &[0; 8])]);
    let first = v6(44, &join(&[&[44, 0, 0, 1, 0, 0, 0, 77], &atomic]));
    let first = bench.take(&first).expect("first");
    assert!(first.marks.has(Marks::FIRST_FRAGMENT));
    assert_eq!((first.ip_id, first.key().port(true)), (77, Some(53)));
    let later = bench.take(&fragment6(24, false, 77, &[1; 5])).expect("later");
    assert_eq!(later.key(), first.key());
}

#[test]
fn every_protocol_has_fragments() {
    for protocol in [1, 6, 50, 89, 132] {
        let mut bench = Bench::new();
        let first = bench.take(&v4_with(protocol, A, B, 5, MORE, &tcp(1, 2, 2, &[0; 4]))).expect("first");
        let later = bench.take(&v4_with(protocol, A, B, 5, 3, &[1; 24])).expect("later");
        assert_eq!(first.key(), later.key(), "{protocol}");
    }
}

#[test]
fn without_its_first_a_later_fragment_is_an_orphan() {
    let mut bench = Bench::new();
    let orphan = v4_with(17, A, B, 5, 2, &[1; 24]);
    assert_eq!(bench.take(&orphan).expect_err("no first").outcome, Outcome::FragmentOrphan);
    assert_eq!(bench.take(&fragment6(16, false, 1, &[1; 8])).expect_err("no first").outcome, Outcome::FragmentOrphan);
    for other in [
        v4_with(17, A, B, 6, MORE, &udp(1, 2, &[0; 8])),
        v4_with(17, B, A, 5, MORE, &udp(1, 2, &[0; 8])),
        v4_with(6, A, B, 5, MORE, &tcp(1, 2, 2, &[0; 4])),
    ] {
        bench.take(&other).expect("the first of another datagram");
        assert_eq!(bench.take(&orphan).expect_err("not its first").outcome, Outcome::FragmentOrphan);
    }
}

#[test]
fn a_first_fragment_is_forgotten_after_its_time() {
    let mut bench = Bench::new();
    let later = v4_with(17, A, B, 5, 2, &[1; 8]);
    bench.at(1_000, &v4_with(17, A, B, 5, MORE, &udp(1, 2, &[0; 8]))).expect("first");
    assert!(bench.at(1_000 + FRAGMENT_TIMEOUT, &later).is_ok());
    assert!(bench.at(1_001 + FRAGMENT_TIMEOUT, &later).is_err());
    assert!(bench.at(0, &later).is_ok(), "time that goes back is not late");
}

#[test]
fn overlaps_are_flaws_and_holes_are_counted() {
    let overlapping = |packet: &Packet| packet.flaws.has(Flaw::Fragment);
    let mut bench = Bench::new();
    bench.take(&v4_with(17, A, B, 5, MORE, &udp(1, 2, &[0; 8]))).expect("first, to 16");
    let next = bench.take(&v4_with(17, A, B, 5, MORE | 2, &[0; 8])).expect("16 to 24");
    let beyond = bench.take(&v4_with(17, A, B, 5, 4, &[0; 8])).expect("32 to 40");
    let filling = bench.take(&v4_with(17, A, B, 5, MORE | 3, &[0; 8])).expect("24 to 32");
    assert!(!overlapping(&next) && !overlapping(&beyond) && !overlapping(&filling));
    assert_eq!((bench.cache.counts().out_of_order, bench.cache.counts().overlapping), (1, 0));
    let again = bench.take(&v4_with(17, A, B, 5, MORE | 3, &[0; 8])).expect("24 to 32 again");
    assert!(overlapping(&again));
    assert_eq!(bench.cache.counts().overlapping, 1);
    let outside = bench.take(&v4_with(17, A, B, 5, 0x1fff, &[0; 16])).expect("beyond 65,535");
    assert!(overlapping(&outside));
}

#[test]
fn a_full_cache_loses_the_oldest_and_counts_it() {
    let mut bench = Bench::new();
    let datagrams = 2 * FRAGMENT_CAPACITY as u32;
    for n in 0..datagrams {
        let [_, a, b, c] = n.to_be_bytes();
        let first = v4_with(17, [10, a, b, c], B, 1, MORE, &udp(1, 2, &[0; 8]));
        bench.at(u64::from(n), &first).expect("a first fragment");
    }
    let evicted = bench.cache.counts().evictions;
    assert!(evicted >= FRAGMENT_CAPACITY as u64, "{evicted}");
    let known = (0..datagrams)
        .filter(|n| {
            let [_, a, b, c] = n.to_be_bytes();
            bench.at(u64::from(datagrams), &v4_with(17, [10, a, b, c], B, 1, 2, &[0; 8])).is_ok()
        })
        .count() as u64;
    assert_eq!(known, u64::from(datagrams) - evicted);
}

#[test]
fn later_fragments_of_a_tunnel_without_ports_belong_to_the_tunnel() {
    let mut bench = Bench::new();
    let first = bench.take(&v4_with(47, A, B, 5, MORE, &gre(0, IPV4, &inner_v4()))).expect("first");
    assert_eq!(first.key().port(true), Some(1000));
    let later = bench.take(&v4_with(47, A, B, 5, 6, &[0; 8])).expect("later");
    assert_eq!((later.protocol(), later.key().port(true)), (47, None));
    let cut = join(&[&gre(0, IPV4, &[]), &inner_v4()[..10]]);
    assert!(bench.take(&v4_with(47, A, B, 9, MORE, &cut)).is_err(), "the inner header is cut off");
    assert!(bench.take(&v4_with(47, A, B, 9, 6, &[0; 8])).is_ok());
    let vxlan = udp(9, 4789, &join(&[&[8, 0, 0, 0, 0, 0, 1, 0], &ethernet(IPV4, &inner_v4())]));
    bench.take(&v4_with(17, A, B, 6, MORE, &vxlan)).expect("first");
    let later = bench.take(&v4_with(17, A, B, 6, 12, &[0; 8])).expect_err("with ports");
    assert_eq!(later.outcome, Outcome::FragmentOrphan);
}
