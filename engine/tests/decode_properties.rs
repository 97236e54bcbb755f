//! What holds for every frame.

#[path = "decode_support/arbitrary.rs"]
mod arbitrary;
#[path = "decode_support/build.rs"]
mod build;

use arbitrary::{any_options, check_sane, damage, damaged, links, nested, plain};
use build::frame;
use parshall_engine::decode::{DecodeOptions, FragmentCache, decode, decode_any};
use parshall_engine::key::READ_SECRET;
use parshall_engine::link::LinkType;
use parshall_engine::packet::Outcome;
use parshall_engine::source::Frame;
use proptest::prelude::*;
use std::cell::RefCell;

thread_local! {
    /// Two caches that see the same fragments.
    static CACHES: RefCell<[FragmentCache; 2]> =
        RefCell::new([FragmentCache::new(READ_SECRET), FragmentCache::new(READ_SECRET)]);
}

fn check(frame: &Frame<'_>, options: &DecodeOptions) {
    CACHES.with_borrow_mut(|[one, other]| {
        let fast = decode(frame, options, one);
        let general = decode_any(frame, options, other);
        assert_eq!(fast, general);
        match fast {
            Ok(packet) => check_sane(frame, &packet, options),
            Err(verdict) => {
                assert_ne!(verdict.outcome, Outcome::Flow);
                assert!(verdict.outcome != Outcome::Malformed || !verdict.flaws.is_empty(), "{verdict:?}");
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn fast_and_general_agree(
        bytes in plain(),
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
