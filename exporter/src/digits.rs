//! Numbers and addresses as text.
//!
//! **Owns** the digits; which of them a format wants is the format's. **May touch** the room behind the pen it is given; it
//! allocates nothing. **Order** called by `render` and the sinks, many times a record, and so written to be fast; nothing goes through
//! `core::fmt` that is not rare.
//!
//! Numbers of four digits and more are left to itoa. Smaller ones, nearly all of a record, are looked up: 1.6 ns beside itoa's 4.3
//! where sizes are mixed as they are in records. For a fixed number of decimals, rounded exactly, there is no crate that is well kept.

use crate::buffer::Pen;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Appends a number.
#[inline(always)]
pub(crate) fn integer(number: u64, pen: Pen<'_>) -> Pen<'_> {
    match small(number) {
        Some((text, len)) => pen.put(text.to_le_bytes(), len),
        None => large(number, pen),
    }
}

/// A number below 1,000 as text, and how many digits that is; `None` for any other. Most numbers of a record are so small, and
/// how many digits they have cannot be foreseen: it is looked up, so that nothing branches on it.
#[inline(always)]
pub(crate) fn small(number: u64) -> Option<(u32, usize)> {
    let word = SMALL.get(usize::try_from(number).unwrap_or(usize::MAX))?;
    Some((word & 0xff_ffff, (word >> 24) as usize & 3))
}

/// The digits of every number below 1,000, the first in the lowest byte, and how many there are in the highest.
const SMALL: [u32; 1000] = {
    let (mut all, mut number) = ([0; 1000], 0);
    while number < all.len() {
        let [_, hundreds, tens, ones] = four(number as u32);
        all[number] = u32::from_le_bytes(match number {
            0..10 => [ones, 0, 0, 1],
            10..100 => [tens, ones, 0, 2],
            _ => [hundreds, tens, ones, 3],
        });
        number += 1;
    }
    all
};

/// Appends a number that is not [`small`].
#[inline(never)]
pub(crate) fn large(number: u64, pen: Pen<'_>) -> Pen<'_> {
    pen.text(itoa::Buffer::new().format(number).as_bytes())
}

/// The eight digits of a number below 100,000,000 in the bytes of a word, the first in the lowest. Halves of four digits, then
/// quarters of two, then the digits: each step divides all parts at once, by a multiplication and a shift that are exact for
/// parts so small.
#[inline(always)]
const fn eight(number: u32) -> u64 {
    let number = number as u64;
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((twos - 10 * tens) << 8)
}

/// Digits as characters.
const fn text_of(digits: u64) -> u64 {
    digits | 0x3030_3030_3030_3030
}

/// Appends nanoseconds as microseconds with three decimals.
#[inline(never)]
pub(crate) fn micros(nanos: u64, pen: Pen<'_>) -> Pen<'_> {
    // A point and three digits are the last four of eight, with the point where a zero was.
    let digits = eight((nanos % 1000) as u32) >> 32;
    let text = text_of(digits) as u32 & !0xff | u32::from(b'.');
    integer(nanos / 1000, pen).put(text.to_le_bytes(), 4)
}

/// Appends nanoseconds as milliseconds with six decimals, as [`decimal`] writes the quotient: where that has a rounding error, with
/// it, as Tstat does.
#[inline(never)]
pub(crate) fn millis(nanos: u64, pen: Pen<'_>) -> Pen<'_> {
    // The quotient of a smaller number is off by less than half of the last decimal.
    const EXACT: u64 = 1 << 52;
    if nanos < EXACT {
        put_millionths(nanos / MILLION, (nanos % MILLION) as u32, pen)
    } else {
        decimal(nanos as f64 / 1e6, pen)
    }
}

/// Appends a number with six decimals, rounded as `{:.6}` does it: exactly, a tie to the even digit.
#[inline(never)]
pub(crate) fn decimal(number: f64, mut pen: Pen<'_>) -> Pen<'_> {
    if let Some((whole, millionths)) = millionths(number) {
        return put_millionths(whole, millionths, pen);
    }
    // Writing with a pen cannot fail.
    let _ = write!(pen, "{number:.6}");
    pen
}

const MILLION: u64 = 1_000_000;

#[inline(always)]
fn put_millionths(whole: u64, millionths: u32, pen: Pen<'_>) -> Pen<'_> {
    // A point and six digits are the last seven of eight, with the point where the first zero was.
    let digits = eight(millionths) >> 8;
    integer(whole, pen).put((text_of(digits) & !0xff | b'.' as u64).to_le_bytes(), 7)
}

/// The whole part of a number and the millionths beyond it, exactly rounded; `None` for one that is negative, no number, or too
/// large.
#[inline(always)]
fn millionths(number: f64) -> Option<(u64, u32)> {
    const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
    const HALF: u128 = 1 << 127;
    let bits = number.to_bits();
    let exponent = (bits >> FRACTION_BITS) as u32;
    // Below 2^44, so that the shift is at least 9; the sign is the highest bit of what was shifted.
    if exponent >= 1023 + 44 {
        return None;
    }
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let (mantissa, exponent) = if exponent == 0 { (fraction, 1) } else { (fraction | 1 << FRACTION_BITS, exponent) };
    // The number is mantissa / 2^shift. What lies behind the point is brought to the top of a word, where there is a whole part.
    let shift = 1023 + FRACTION_BITS - exponent;
    let (whole, behind, shift) =
        if shift < 64 { (mantissa >> shift, mantissa << (64 - shift), 64) } else { (0, mantissa, shift.min(127)) };
    let scaled = u128::from(behind) * u128::from(MILLION);
    let (millionths, rest) = ((scaled >> shift) as u32, scaled << (128 - shift));
    let rounded = millionths + u32::from(rest > HALF || rest == HALF && millionths & 1 == 1);
    Some(if u64::from(rounded) == MILLION { (whole + 1, 0) } else { (whole, rounded) })
}

/// The four digits of a number below 10,000.
const fn four(number: u32) -> [u8; 4] {
    [digit(number / 1000), digit(number / 100), digit(number / 10), digit(number)]
}

/// The last digit of a number.
const fn digit(number: u32) -> u8 {
    b'0' + (number % 10) as u8
}

/// Two hexadecimal digits of every byte.
const HEX: [[u8; 2]; 256] = {
    let (mut all, mut byte) = ([[0; 2]; 256], 0);
    while byte < all.len() {
        let digits = b"0123456789abcdef";
        all[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    all
};

/// Appends 16 hexadecimal digits.
#[inline(never)]
pub(crate) fn hex(number: u64, pen: Pen<'_>) -> Pen<'_> {
    let mut text = [0; 16];
    for (pair, byte) in text.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        pair.copy_from_slice(&HEX[usize::from(byte)]);
    }
    pen.put(text, 16)
}

/// Appends an address in canonical form.
#[inline(never)]
pub(crate) fn address(ip: IpAddr, pen: Pen<'_>) -> Pen<'_> {
    match ip {
        IpAddr::V4(ip) => ipv4(ip, pen),
        IpAddr::V6(ip) => ipv6(ip, pen),
    }
}

/// Every octet with a point behind it, in the lowest bytes, and how many digits it has in the highest.
const OCTETS: [u64; 256] = {
    let (mut all, mut octet) = ([0; 256], 0);
    while octet < all.len() {
        let (digits, len) = (SMALL[octet] & 0xff_ffff, SMALL[octet] >> 24);
        all[octet] = digits as u64 | (b'.' as u64) << (8 * len) | (len as u64) << 56;
        octet += 1;
    }
    all
};

#[inline(always)]
fn ipv4(ip: Ipv4Addr, pen: Pen<'_>) -> Pen<'_> {
    pen.place(|room: &mut [u8; 16]| {
        let mut at = 0;
        for octet in ip.octets() {
            let word = OCTETS[usize::from(octet)];
            room[at..at + 4].copy_from_slice(&(word as u32).to_le_bytes());
            at += (word >> 56) as usize % 4 + 1;
        }
        at - 1
    })
}

/// RFC 5952: the first of the longest runs of two or more zeros is left out; a mapped IPv4 address is written as one.
fn ipv6(ip: Ipv6Addr, pen: Pen<'_>) -> Pen<'_> {
    if let Some(mapped) = ip.to_ipv4_mapped() {
        return ipv4(mapped, pen.put(*b"::ffff:", 7));
    }
    let (all, (from, len)) = (ip.segments(), longest_zeros(ip.segments()));
    if len < 2 {
        return segments(&all, pen);
    }
    segments(&all[from + len..], segments(&all[..from], pen).put(*b"::", 2))
}

/// Begin and length of the first of the longest runs of zeros.
fn longest_zeros(segments: [u16; 8]) -> (usize, usize) {
    let (mut longest, mut from) = ((0, 0), 0);
    for (place, segment) in segments.iter().enumerate() {
        from = if *segment == 0 { from } else { place + 1 };
        longest = if place + 1 - from > longest.1 { (from, place + 1 - from) } else { longest };
    }
    longest
}

fn segments<'p>(segments: &[u16], mut pen: Pen<'p>) -> Pen<'p> {
    for (place, segment) in segments.iter().enumerate() {
        if place > 0 {
            pen = pen.byte(b':');
        }
        let [high, low] = segment.to_be_bytes().map(|byte| HEX[usize::from(byte)]);
        let digits = u32::from_le_bytes([high[0], high[1], low[0], low[1]]);
        let zeros = (segment | 1).leading_zeros() / 4;
        pen = pen.put((digits >> (zeros * 8)).to_le_bytes(), 4 - zeros as usize);
    }
    pen
}

/// Appends six pairs of hexadecimal digits with colons between.
#[inline(never)]
pub(crate) fn mac(mac: [u8; 6], pen: Pen<'_>) -> Pen<'_> {
    let mut text = [b':'; 18];
    for (place, byte) in text.chunks_exact_mut(3).zip(mac) {
        place[..2].copy_from_slice(&HEX[usize::from(byte)]);
    }
    pen.put(text, 17)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Buffer;
    use proptest::prelude::*;

    fn text(write: impl for<'p> Fn(Pen<'p>) -> Pen<'p>) -> String {
        let mut out = Buffer::default();
        out.append(write);
        String::from_utf8(out.text().to_vec()).unwrap()
    }

    /// Numbers of every size, among them those in the middle between two millionths.
    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            (any::<u64>(), 0_u32..64).prop_map(|(nanos, shift)| (nanos >> shift) as f64 / 1e6),
            (any::<u64>(), 0_u32..64, 0_i32..12)
                .prop_map(|(n, shift, twos)| (n >> shift) as f64 / f64::from(1 << twos)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn six_decimals_are_those_of_core_fmt(number in number()) {
            prop_assert_eq!(text(|pen| decimal(number, pen)), format!("{number:.6}"));
        }

        #[test]
        fn addresses_are_those_of_core_fmt(segments: [u16; 8], zeros: u8, cut: u32, mac_bytes: [u8; 6]) {
            let some = std::array::from_fn(|n| if zeros >> n & 1 == 1 { 0 } else { segments[n] >> (cut >> (2 * n) & 15) });
            for segments in [segments, some, [0, 0, 0, 0, 0, 0xffff, segments[6], segments[7]]] {
                let ip = IpAddr::from(segments);
                prop_assert_eq!(text(|pen| address(ip, pen)), ip.to_string());
            }
            let pairs = mac_bytes.map(|byte| format!("{byte:02x}"));
            prop_assert_eq!(text(|pen| mac(mac_bytes, pen)), pairs.join(":"));
        }

        #[test]
        fn milliseconds_are_those_of_the_quotient(nanos: u64, shift in 0..64) {
            let nanos = nanos >> shift;
            prop_assert_eq!(text(|pen| millis(nanos, pen)), format!("{:.6}", nanos as f64 / 1e6));
        }

        #[test]
        fn integers_addresses_and_hexadecimals_are_those_of_core_fmt(bits: u32, id: u64, shift in 0..64) {
            let number = id >> shift;
            prop_assert_eq!(text(|pen| integer(number, pen)), number.to_string());
            let ip = IpAddr::V4(bits.into());
            prop_assert_eq!(text(|pen| address(ip, pen)), ip.to_string());
            prop_assert_eq!(text(|pen| hex(id, pen)), format!("{id:016x}"));
        }
    }

    #[test]
    fn numbers_at_the_edges_of_their_lengths_have_all_their_digits() {
        let edges = (0..20).map(|n| 10_u64.pow(n)).chain([u64::MAX]);
        for number in edges.flat_map(|edge| [edge - 1, edge, edge.saturating_add(1)]) {
            assert_eq!(text(|pen| integer(number, pen)), number.to_string());
        }
    }

    #[test]
    fn a_tie_goes_to_the_even_digit() {
        let cases = [(1.0 / 128.0, "0.007812"), (3.0 / 128.0, "0.023438"), (0.0, "0.000000"), (-0.0, "-0.000000")];
        for (number, want) in cases {
            assert_eq!(text(|pen| decimal(number, pen)), want);
        }
    }

    #[test]
    fn what_rounds_up_to_a_whole_is_one_more() {
        for (number, want) in [(0.999_999_6, "1.000000"), (9.999_999_4, "9.999999"), (999.999_999_7, "1000.000000")] {
            assert_eq!(text(|pen| decimal(number, pen)), want);
        }
    }

    #[test]
    fn microseconds_have_three_decimals() {
        for (nanos, want) in [(0, "0.000"), (1_234_005, "1234.005"), (99, "0.099")] {
            assert_eq!(text(|pen| micros(nanos, pen)), want);
        }
    }
}
