//! TCP options: what a segment says beside its header.
//!
//! **Owns** the reading of options. **May touch** the bytes of one header. Total: any bytes give an answer.
//! **Order** first thing done with a segment that is longer than 20 bytes of header.

use arrayvec::ArrayVec;

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

    #[inline(never)]
    fn read_all(mut bytes: &[u8]) -> Options {
        let mut options = Options::default();
        while let [kind, rest @ ..] = bytes {
            match kind {
                0 => break,
                1 => bytes = rest,
                _ => {
                    let Some(length) = rest.first().map(|length| usize::from(*length)) else { break };
                    let Some(value) = bytes.get(2..length.max(2)).filter(|_| length >= 2) else { break };
                    options.one(*kind, value);
                    bytes = &bytes[length..];
                }
            }
        }
        options
    }

    fn one(&mut self, kind: u8, value: &[u8]) {
        match (kind, value.len()) {
            (2, 2) => self.mss = Some(u16::from_be_bytes([value[0], value[1]])),
            (3, 1) => self.scale = Some(value[0].min(14)),
            (4, 0) => self.sack_permitted = true,
            (5, _) => {
                for block in value.chunks_exact(8) {
                    let _ = self.sack.try_push((word(block), word(&block[4..])));
                }
            }
            (8, 8) => self.timestamps = Some((word(value), word(&value[4..]))),
            _ => {}
        }
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

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Options::read(&bytes);
        }
    }
}
