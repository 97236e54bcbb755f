//! A pcapng interface: what its description says of all packets captured on it.
//!
//! **Owns** the Interface Description Block (draft-ietf-opsawg-pcapng section 4.2), its options that matter here, and
//! the arithmetic from its clock to UNIX nanoseconds; also the FCS length among a packet's own flags. **May touch**
//! nothing. **Order** made when a description block is met; asked once per packet.

use super::packet::{registered, u16_at, u32_at};
use crate::link::LinkType;
use crate::time::Nanos;

const END_OF_OPTIONS: u16 = 0;
/// epb_flags and pack_flags.
const FLAGS: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_FCSLEN: u16 = 13;
const IF_TSOFFSET: u16 = 14;

/// How ticks become nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// A tick is so many nanoseconds.
    Times(u64),
    /// So many ticks are a nanosecond.
    Per(u64),
    /// A tick is 2^-n seconds.
    Binary(u32),
}

/// What is known of one interface.
#[derive(Clone, Debug)]
pub(super) struct Interface {
    pub(super) link: LinkType,
    /// Longest captured length; `u32::MAX` for "no limit". Unit: bytes.
    pub(super) snap_len: u32,
    /// FCS at the end of each frame. Unit: bytes.
    pub(super) fcs: u32,
    scale: Scale,
    /// Unit: seconds.
    offset: i64,
}

impl Interface {
    /// Reads the body of a description block; `Err` is what is wrong with it.
    pub(super) fn new(body: &[u8], big: bool) -> Result<Interface, String> {
        let (Some(_), Some(options)) = (body.get(..8), body.get(8..)) else {
            return Err("an interface description has less than its 8 fixed bytes".to_owned());
        };
        let snap_len = match u32_at(body, 4, big) {
            0 => u32::MAX,
            limit => limit,
        };
        let link = registered(u16_at(body, 0, big));
        let mut one = Interface { link, snap_len, fcs: 0, scale: Scale::Times(1_000), offset: 0 };
        for option in (Options { rest: options, big }) {
            let (code, value) = option.ok_or("an option of an interface description does not fit its block")?;
            match (code, value) {
                (IF_TSRESOL, [resolution]) => one.scale = scale_of(*resolution),
                (IF_FCSLEN, [length]) => one.fcs = fcs_bytes(*length),
                (IF_TSOFFSET, value) if value.len() == 8 => {
                    let (first, second) = (u64::from(u32_at(value, 0, big)), u64::from(u32_at(value, 4, big)));
                    let bits = if big { first << 32 | second } else { second << 32 | first };
                    one.offset = bits.cast_signed();
                }
                (IF_TSRESOL | IF_FCSLEN | IF_TSOFFSET, _) => {
                    return Err(format!("option {code} of an interface description has {} bytes", value.len()));
                }
                _ => {}
            }
        }
        Ok(one)
    }

    /// A packet's time. Times before 1970 are held there, times after 2554 at the end of the range.
    #[inline]
    pub(super) fn time(&self, ticks: u64) -> Nanos {
        match (self.scale, self.offset) {
            (Scale::Times(nanos), 0) => Nanos(ticks.saturating_mul(nanos)),
            (scale, offset) => shifted(scale, offset, ticks),
        }
    }
}

#[inline(never)]
fn shifted(scale: Scale, offset: i64, ticks: u64) -> Nanos {
    let ticks = i128::from(ticks);
    let nanos = match scale {
        Scale::Times(nanos) => ticks * i128::from(nanos),
        Scale::Per(count) => ticks / i128::from(count),
        Scale::Binary(shift) => (ticks * 1_000_000_000) >> shift,
    };
    let sum = nanos + i128::from(offset) * 1_000_000_000;
    Nanos(u64::try_from(sum.max(0)).unwrap_or(u64::MAX))
}

fn scale_of(resolution: u8) -> Scale {
    match resolution {
        0..=9 => Scale::Times(10_u64.pow(9 - u32::from(resolution))),
        // 10^20 and more ticks are not reached in a nanosecond: every time is the offset itself.
        10..=127 => 10_u64.checked_pow(u32::from(resolution) - 9).map_or(Scale::Times(0), Scale::Per),
        binary => Scale::Binary(u32::from(binary & 0x7f)),
    }
}

/// The option is a number of bits (draft-ietf-opsawg-pcapng section 4.2, option 13); its own example, 4, is what
/// writers put there for an Ethernet FCS of 4 bytes. No FCS is shorter than a byte, so below 8 it is taken as bytes.
fn fcs_bytes(length: u8) -> u32 {
    if length < 8 { u32::from(length) } else { u32::from(length / 8) }
}

/// The FCS length that a packet's flags option gives (bits 5 to 8, in bytes), when it gives one.
pub(super) fn fcs_of(options: &[u8], big: bool) -> Option<u32> {
    let flags = Options { rest: options, big }.map_while(|option| option).find(|(code, _)| *code == FLAGS)?.1;
    let length = u32_at(flags, 0, big) >> 5 & 0xf;
    (length != 0).then_some(length)
}

/// The options of a block; `None` once where one does not fit, and nothing behind it.
struct Options<'a> {
    rest: &'a [u8],
    big: bool,
}

impl<'a> Iterator for Options<'a> {
    type Item = Option<(u16, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let (code, length) = (u16_at(self.rest, 0, self.big), usize::from(u16_at(self.rest, 2, self.big)));
        if code == END_OF_OPTIONS && self.rest.len() >= 4 {
            self.rest = &[];
            return None;
        }
        let option = self.rest.get(4..4 + length).map(|value| (code, value));
        self.rest = match option {
            Some(_) => self.rest.get(4 + length.next_multiple_of(4)..).unwrap_or_default(),
            None => &[],
        };
        Some(option)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A description block's body for Ethernet with these options.
    fn described(options: &[(u16, &[u8])]) -> Result<Interface, String> {
        let mut body = vec![1, 0, 0, 0, 0, 0, 0, 0];
        for (code, value) in options {
            body.extend(code.to_le_bytes());
            body.extend((value.len() as u16).to_le_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        Interface::new(&body, false)
    }

    #[test]
    fn every_resolution_gives_exact_nanoseconds() {
        const NOW: u64 = 1_700_000_000;
        for (resolution, ticks, nanos) in [
            (0, NOW, NOW * 1_000_000_000),
            (3, NOW * 1_000 + 7, NOW * 1_000_000_000 + 7_000_000),
            (6, NOW * 1_000_000 + 7, NOW * 1_000_000_000 + 7_000),
            (9, NOW * 1_000_000_000 + 7, NOW * 1_000_000_000 + 7),
            (12, 1_700_000_000_123_456, 1_700_000_000_123),
            (28, u64::MAX, 1),
            (29, u64::MAX, 0),
            (127, u64::MAX, 0),
            (0x80, NOW, NOW * 1_000_000_000),
            (0x9e, (NOW << 30) + (1 << 29) + 7, NOW * 1_000_000_000 + 500_000_006),
            (0x94, (NOW << 20) + (1 << 19) + 7, NOW * 1_000_000_000 + 500_006_675),
            (0x80 + 70, u64::MAX, 15_624_999),
            (0xff, u64::MAX, 0),
            (0, u64::MAX, u64::MAX),
        ] {
            let interface = described(&[(IF_TSRESOL, &[resolution])]).unwrap();
            assert_eq!(interface.time(ticks), Nanos(nanos), "resolution {resolution}");
        }
    }

    #[test]
    fn an_offset_moves_the_clock_and_is_held_at_the_ends() {
        for (offset, ticks, nanos) in [
            (1_000, 1_000_000, 1_001_000_000_000),
            (-2, 1_000_000, 0),
            (i64::MAX, 0, u64::MAX),
            (i64::MIN, u64::MAX, 0),
        ] {
            let interface = described(&[(IF_TSOFFSET, &i64::to_le_bytes(offset))]).unwrap();
            assert_eq!(interface.time(ticks), Nanos(nanos), "offset {offset}");
        }
    }

    #[test]
    fn an_fcs_length_is_in_bits_unless_no_fcs_is_so_short() {
        for (option, bytes) in [(0, 0), (4, 4), (16, 2), (32, 4)] {
            assert_eq!(described(&[(IF_FCSLEN, &[option])]).unwrap().fcs, bytes);
        }
        assert_eq!(fcs_of(&[2, 0, 4, 0, 0x80, 0, 0, 0], false), Some(4));
        assert_eq!(fcs_of(&[1, 0, 1, 0, b'x', 0, 0, 0, 2, 0, 4, 0, 0x40, 0, 0, 0], false), Some(2));
        assert_eq!(fcs_of(&[2, 0, 4, 0, 0x1f, 0, 0, 0], false), None);
        assert_eq!(fcs_of(&[2, 0, 200, 0, 0x80, 0, 0, 0], false), None);
    }

    #[test]
    fn options_behind_the_end_do_not_count_and_those_that_do_not_fit_are_told() {
        let after_end = described(&[(END_OF_OPTIONS, &[]), (IF_TSRESOL, &[9])]).unwrap();
        assert_eq!(after_end.scale, Scale::Times(1_000));
        assert!(described(&[(IF_TSRESOL, &[9, 9])]).is_err());
        assert!(Interface::new(&[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 200, 0], false).is_err());
        assert!(Interface::new(&[1, 0, 0, 0, 0, 0, 0], false).is_err());
        assert!(Interface::new(&[1, 0, 0, 0, 0, 0, 0, 0, 9], false).is_err());
    }
}
