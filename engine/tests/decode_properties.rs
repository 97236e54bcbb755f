//! What holds for every frame.

#[path = "decode_support/arbitrary.rs"]
mod arbitrary;
#[path = "decode_support/build.rs"]
mod build;

use arbitrary::{any_options, check_sane, damage, damaged, links, nested};
use build::{ethernet, frame, tag, tcp, udp, v4, v4_with, v6};
use parshall_engine::decode::plain::{self, Plain};
use parshall_engine::decode::{DecodeOptions, FragmentCache, decode, decode_any, walk_into};
use parshall_engine::dedup;
use parshall_engine::key::READ_SECRET;
use parshall_engine::link::LinkType;
use parshall_engine::packet::{Encap, Outcome, Outline, Packet, facts};
use parshall_engine::source::Frame;
use proptest::prelude::*;
use std::cell::RefCell;

thread_local! {
    /// Caches that see the same fragments.
    static CACHES: RefCell<[FragmentCache; 3]> = RefCell::new([(); 3].map(|()| FragmentCache::new(READ_SECRET)));
}

fn check(frame: &Frame<'_>, options: &DecodeOptions) {
    CACHES.with_borrow_mut(|[one, other, third]| {
        let fast = decode(frame, options, one);
        let general = decode_any(frame, options, other);
        assert_eq!(fast, general);
        let is_plain = plain::any(frame, options, &READ_SECRET, &mut Outline::default()).is_some();
        assert!(!is_plain || fast.is_ok(), "{fast:?}");
        if !is_plain {
            // The way of a worker; a cache of its own, as the others have seen this fragment by now.
            let mut packet = Packet::default();
            let walked = walk_into(frame, options, third, &mut packet).map(|()| packet);
            assert_eq!(walked, fast);
        }
        match fast {
            Ok(packet) => {
                check_sane(frame, &packet, options);
                check_plain(frame, &packet, options);
            }
            Err(verdict) => {
                assert_ne!(verdict.outcome, Outcome::Flow);
                assert!(verdict.outcome != Outcome::Malformed || !verdict.flaws.is_empty(), "{verdict:?}");
            }
        }
    });
}

/// What is said of a plain frame is what its packet says, and the packet made from that is the same.
fn check_plain(frame: &Frame<'_>, packet: &Packet, options: &DecodeOptions) {
    let mut outline = Outline::default();
    let Some(plain) = plain::any(frame, options, &READ_SECRET, &mut outline) else { return };
    let Plain { image, l4, is_v6, is_tagged } = plain;
    let of_packet = Outline::of(packet);
    assert_eq!(outline, Outline { facts: of_packet.facts | facts::PLAIN, ..of_packet });
    assert_eq!(image, packet.image);
    assert_eq!(l4[..], frame.bytes[usize::from(packet.l4_offset)..][..20]);
    assert_eq!(is_v6, packet.version() == 6);
    assert_eq!(packet.encaps.iter().collect::<Vec<_>>(), if is_tagged { vec![Encap::Vlan] } else { vec![] });
    assert!(packet.flaws.is_empty() && packet.time == frame.time);
    assert_eq!(Some(dedup::words(l4, &outline)), dedup::words_of(packet, frame.bytes));
    assert_eq!(plain::packet(frame, image, &outline), *packet);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn fast_and_general_agree(
        bytes in arbitrary::plain(),
        damage in damage(),
        cut in proptest::option::weighted(0.2, any::<prop::sample::Index>()),
        more in 0..2_000_u32,
        options in prop_oneof![3 => Just(DecodeOptions::default()), 1 => any_options()],
    ) {
        let bytes = damaged(bytes, &damage);
        let wire_len = bytes.len() as u32 + more / 1_000;
        let captured = cut.map_or(bytes.len(), |cut| cut.index(bytes.len() + 1));
        check(&Frame { wire_len, ..frame(LinkType::ETHERNET, &bytes[..captured]) }, &options);
    }

    #[test]
    fn outer_knows_what_the_packet_had_taken_off(
        bytes in nested(),
        damage in damage(),
        beyond in prop_oneof![Just(0_u32), 0..100_000_u32],
        options in prop_oneof![3 => Just(DecodeOptions::default()), 1 => any_options()],
    ) {
        let bytes = damaged(bytes, &damage);
        let wire_len = bytes.len() as u32 + beyond;
        check(&Frame { wire_len, ..frame(LinkType::ETHERNET, &bytes) }, &options);
    }

    #[test]
    fn a_walk_ends_for_any_bytes(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        link in proptest::sample::select(links()),
        wire_len in any::<u32>(),
        options in any_options(),
    ) {
        check(&Frame { wire_len, ..frame(link, &bytes) }, &options);
    }

    #[test]
    fn a_walk_ends_for_any_link_type_before_a_real_frame(
        head in proptest::collection::vec(any::<u8>(), 0..40),
        bytes in nested(),
        link in proptest::sample::select(links()),
        skip in 0..20_usize,
    ) {
        let bytes = [&head[..], &bytes[skip.min(bytes.len())..]].concat();
        check(&frame(link, &bytes), &DecodeOptions::default());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_frame_cut_at_any_length_keeps_its_key_or_has_none(bytes in nested()) {
        let options = DecodeOptions::default();
        let mut cache = FragmentCache::new(READ_SECRET);
        let whole = decode(&frame(LinkType::ETHERNET, &bytes), &options, &mut cache);
        for length in 0..=bytes.len() {
            let cut = Frame { wire_len: bytes.len() as u32, ..frame(LinkType::ETHERNET, &bytes[..length]) };
            check(&cut, &options);
            let cut = decode(&cut, &options, &mut cache);
            if let (Ok(whole), Ok(cut)) = (&whole, &cut)
                && (cut.ip_offset, cut.protocol()) == (whole.ip_offset, whole.protocol())
                && !whole.key().is_icmp()
            {
                prop_assert_eq!(cut.key(), whole.key());
                prop_assert_eq!(cut.ip_bytes, whole.ip_bytes);
            }
        }
    }
}

#[test]
fn a_frame_of_nothing_but_tags_is_walked_in_linear_time() {
    let tags = [0x81, 0, 0, 5].repeat(100_000);
    let bytes = [&[0; 12][..], &tags].concat();
    check(&frame(LinkType::ETHERNET, &bytes), &DecodeOptions::default());
    let labels = [0, 1, 0, 64].repeat(100_000);
    let bytes = [&[0; 12][..], &[0x88, 0x47], &labels].concat();
    check(&frame(LinkType::ETHERNET, &bytes), &DecodeOptions::default());
}

#[test]
fn what_is_plain_and_what_is_not() {
    let (options, four, six) = (DecodeOptions::default(), 0x800, 0x86dd);
    let (segment, datagram) = (tcp(40_000, 443, 0x10, &[7; 30]), udp(40_000, 53, &[7; 30]));
    let rows = [
        // frame, whether it is plain
        (ethernet(four, &v4(6, &segment)), true),
        (ethernet(four, &v4(17, &datagram)), true),
        (ethernet(six, &v6(6, &segment)), true),
        (ethernet(six, &v6(17, &datagram)), true),
        (ethernet(0x8100, &tag(7, four, &v4(6, &segment))), true),
        (ethernet(0x8100, &tag(7, six, &v6(17, &datagram))), true),
        (ethernet(0x88a8, &tag(7, four, &v4(6, &segment))), false),
        (ethernet(four, &v4(1, &segment)), false),
        (ethernet(four, &v4(17, &udp(40_000, 4789, &[7; 30]))), false),
        (ethernet(four, &v4_with(6, [10, 0, 0, 1], [10, 0, 0, 2], 1, 0x2000, &segment)), false),
        (ethernet(four, &v4(6, &segment))[..50].to_vec(), false),
    ];
    for (bytes, is_plain) in rows {
        let frame = frame(LinkType::ETHERNET, &bytes);
        assert_eq!(
            plain::any(&frame, &options, &READ_SECRET, &mut Outline::default()).is_some(),
            is_plain,
            "{bytes:02x?}"
        );
        check(&frame, &options);
    }
}
