//! TCP options: what a segment says beside its header.
//!
//! **Owns** the reading of options. **May touch** the bytes of one header. Total: any bytes give an answer.
//! **Order** first thing done with a segment that is longer than 20 bytes of header.

use arrayvec::ArrayVec;
use std::hint::select_unpredictable;

/// Kinds of options: RFC 9293 section 3.1, RFC 7323, RFC 2018.
const END: u8 = 0;
const NOP: u8 = 1;
const MSS: u8 = 2;
const SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

/// Kinds that may be of use are below this.
const KINDS: usize = 16;

/// The length of an option of each kind that has but one, and is of use.
const LENGTHS: [u8; KINDS] = {
    let mut lengths = [0; KINDS];
    lengths[MSS as usize] = 4;
    lengths[SCALE as usize] = 3;
    lengths[SACK_PERMITTED as usize] = 2;
    lengths[TIMESTAMPS as usize] = 10;
    lengths
};

/// The options that are of use, as far as they were captured and well formed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Maximum segment size, RFC 9293 section 3.7.1.
    pub(super) mss: Option<u16>,
    /// Window scale, RFC 7323 section 2.2; values over 14 count as 14 (section 2.3).
    pub(super) scale: Option<u8>,
    /// SACK permitted, RFC 2018 section 2.
    pub(super) sack_permitted: bool,
    /// Timestamp value and echo reply, RFC 7323 section 3.2.
    pub(super) timestamps: Option<(u32, u32)>,
    /// SACK blocks, RFC 2018 section 3: first sequence number, sequence number after the last.
    pub(super) sack: ArrayVec<(u32, u32), 4>,
}

/// NOP NOP timestamps: how nearly every segment of a connection with timestamps begins its options.
const ALIGNED_TIMESTAMPS: [u8; 4] = [1, 1, 8, 10];

impl Options {
    /// Reads the option bytes of a header. What is malformed or cut off ends the reading.
    #[inline]
    #[must_use]
    pub(super) fn read(bytes: &[u8]) -> Options {
        if let Some((head, rest)) = bytes.split_first_chunk::<12>()
            && head[..4] == ALIGNED_TIMESTAMPS
            && rest.is_empty()
        {
            return Options { timestamps: Some((word(&head[4..]), word(&head[8..]))), ..Options::default() };
        }
        Options::read_all(bytes)
    }

    /// The timestamps of a header without other options, where nearly everybody puts them; `None` where it takes
    /// [`Options::read`] to tell.
    #[inline]
    pub(super) fn usual(bytes: &[u8]) -> Option<Option<(u32, u32)>> {
        if bytes.is_empty() {
            return Some(None);
        }
        let head: &[u8; 12] = bytes.try_into().ok()?;
        (head[..4] == ALIGNED_TIMESTAMPS).then(|| Some((word(&head[4..]), word(&head[8..]))))
    }

    /// Which option comes next cannot be foreseen: all take the same steps, and what they say is read when all places are known.
    #[inline(never)]
    fn read_all(bytes: &[u8]) -> Options {
        let mut options = Options::default();
        // Where the last option of each kind stands, plus 1; 0 is the place of those that are of no use.
        let mut places = [0_u16; KINDS];
        let mut at = 0;
        while let Some(kind) = bytes.get(at).copied() {
            let alone = kind <= NOP;
            let announced = usize::from(bytes.get(at + 1).copied().unwrap_or(0));
            let length = select_unpredictable(alone, 1, announced);
            if kind == END || length < 2 - usize::from(alone) || at + length > bytes.len() {
                break;
            }
            let known = usize::from(kind) < KINDS && usize::from(LENGTHS[usize::from(kind) % KINDS]) == length;
            places[select_unpredictable(known, usize::from(kind) % KINDS, 0)] = at as u16 + 1;
            if kind == SACK {
                for block in bytes[at + 2..at + length].chunks_exact(8) {
                    let _ = options.sack.try_push((word(block), word(&block[4..])));
                }
            }
            at += length;
        }
        let value = |kind: u8| Some(&bytes[usize::from(places[usize::from(kind)].checked_sub(1)?) + 2..]);
        options.mss = value(MSS).and_then(<[u8]>::first_chunk).map(|mss| u16::from_be_bytes(*mss));
        options.scale = value(SCALE).and_then(<[u8]>::first).map(|scale| (*scale).min(14));
        options.sack_permitted = value(SACK_PERMITTED).is_some();
        options.timestamps = value(TIMESTAMPS).map(|value| (word(value), word(&value[4..])));
        options
    }
}

#[inline]
fn word(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |word| u32::from_be_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_options_of_a_syn_are_read_in_any_order() {
        let syn = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];
        let options = Options::read(&syn);
        assert_eq!((options.mss, options.scale, options.sack_permitted), (Some(1460), Some(7), true));
        assert_eq!(options.timestamps, Some((1, 0)));
    }

    #[test]
    fn aligned_timestamps_take_the_short_way_to_the_same_answer() {
        let bytes = [1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0];
        assert_eq!(Options::read(&bytes), Options::read_all(&bytes));
        assert_eq!(Options::read(&bytes).timestamps, Some((256, 512)));
    }

    #[test]
    fn sack_blocks_are_read_up_to_four() {
        let mut bytes = vec![1, 1, 5, 34];
        for n in 0..8_u32 {
            bytes.extend_from_slice(&n.to_be_bytes());
        }
        assert_eq!(Options::read(&bytes).sack.as_slice(), [(0, 1), (2, 3), (4, 5), (6, 7)]);
    }

    #[test]
    fn lengths_that_lie_end_the_reading_and_keep_what_came_before() {
        for tail in [&[8, 0][..], &[8, 1], &[8, 11, 0, 0, 0, 1, 0, 0, 0, 1], &[5], &[254, 255]] {
            let bytes = [&[2, 4, 2, 0][..], tail].concat();
            assert_eq!(Options::read(&bytes), Options { mss: Some(512), ..Options::default() }, "{tail:?}");
        }
    }

    /// The same, one option after another.
    fn one_by_one(mut bytes: &[u8]) -> Options {
        let mut options = Options::default();
        while let [kind, rest @ ..] = bytes {
            let length = match kind {
                0 => break,
                1 => 1,
                _ => rest.first().map_or(0, |length| usize::from(*length)),
            };
            if *kind > 1 && length < 2 || length > bytes.len() {
                break;
            }
            match (kind, &bytes[length.min(2)..length]) {
                (2, [a, b]) => options.mss = Some(u16::from_be_bytes([*a, *b])),
                (3, [scale]) => options.scale = Some((*scale).min(14)),
                (4, []) => options.sack_permitted = true,
                (5, blocks) => options.sack.extend(
                    blocks
                        .chunks_exact(8)
                        .map(|block| (word(block), word(&block[4..])))
                        .take(options.sack.remaining_capacity()),
                ),
                (8, value) if value.len() == 8 => options.timestamps = Some((word(value), word(&value[4..]))),
                _ => {}
            }
            bytes = &bytes[length..];
        }
        options
    }

    /// An option of any kind, mostly one of use with its own length.
    fn option() -> impl Strategy<Value = Vec<u8>> {
        let whole = |kind: u8, length: usize| {
            prop::collection::vec(any::<u8>(), length)
                .prop_map(move |value| [&[kind, value.len() as u8 + 2], &value[..]].concat())
        };
        prop_oneof![
            4 => Just(vec![1]),
            2 => whole(2, 2),
            2 => whole(3, 1),
            2 => whole(4, 0),
            2 => (0_usize..35).prop_flat_map(move |length| whole(5, length)),
            2 => whole(8, 8),
            1 => prop::collection::vec(any::<u8>(), 1..8),
        ]
    }

    proptest! {
        #[test]
        fn any_options_are_read_as_one_after_another(options in prop::collection::vec(option(), 0..8), cut in 0_usize..60) {
            let bytes = options.concat();
            let bytes = &bytes[..bytes.len().min(cut)];
            prop_assert_eq!(Options::read(bytes), one_by_one(bytes));
        }
    }
}
