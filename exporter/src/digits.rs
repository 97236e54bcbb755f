//! Numbers and addresses as text, appended to a buffer.
//!
//! **Owns** the digits; which of them a format wants is the format's. **May touch** the buffer it is given; it allocates
//! nothing else. **Order** called by `render` and the sinks, many times a record, and so written to be fast: each value is
//! laid out beside the buffer and appended at once, and nothing goes through `core::fmt` that is not rare.

use std::io::Write;
use std::net::IpAddr;

/// Appends a number. Most are small.
#[inline]
pub(crate) fn integer(number: u64, out: &mut Vec<u8>) {
    match number {
        0..10 => out.push(b'0' + number as u8),
        10..100 => {
            let [.., tens, ones] = four(number as u32);
            out.extend_from_slice(&[tens, ones]);
        }
        100..1000 => {
            let [_, hundreds, tens, ones] = four(number as u32);
            out.extend_from_slice(&[hundreds, tens, ones]);
        }
        _ => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
    }
}

/// Appends nanoseconds as microseconds with three decimals.
pub(crate) fn micros(nanos: u64, out: &mut Vec<u8>) {
    integer(nanos / 1000, out);
    let [_, hundreds, tens, ones] = four((nanos % 1000) as u32);
    out.extend_from_slice(&[b'.', hundreds, tens, ones]);
}

/// Appends a number with six decimals, rounded as `{:.6}` does it: exactly, a tie to the even digit.
pub(crate) fn decimal(number: f64, out: &mut Vec<u8>) {
    let Some(millionths) = millionths(number) else {
        // Writing into a vector cannot fail.
        return drop(write!(out, "{number:.6}"));
    };
    integer(millionths / 1_000_000, out);
    let rest = (millionths % 1_000_000) as u32;
    let ([_, _, a, b], [c, d, e, f]) = (four(rest / 10_000), four(rest % 10_000));
    out.extend_from_slice(&[b'.', a, b, c, d, e, f]);
}

/// A number in millionths, exactly rounded; `None` for one that is negative, no number, or too large.
const fn millionths(number: f64) -> Option<u64> {
    const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
    let bits = number.to_bits();
    let exponent = (bits >> FRACTION_BITS) as u32;
    // Below 2^44, so that millionths have 64 bits; the sign is the highest bit of what was shifted.
    if exponent >= 1023 + 44 {
        return None;
    }
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let (mantissa, exponent) = if exponent == 0 { (fraction, 1) } else { (fraction | 1 << FRACTION_BITS, exponent) };
    // The number is mantissa / 2^shift; its exponent is below 2^44, so that shift is at least 9.
    let (scaled, shift) = (mantissa as u128 * 1_000_000, 1023 + FRACTION_BITS - exponent);
    if shift >= 100 {
        return Some(0);
    }
    let (whole, rest, half) = ((scaled >> shift) as u64, scaled & ((1 << shift) - 1), 1_u128 << (shift - 1));
    Some(whole + (rest > half || rest == half && whole & 1 == 1) as u64)
}

/// The four digits of a number below 10,000.
fn four(number: u32) -> [u8; 4] {
    let digit = |n: u32| b'0' + (n % 10) as u8;
    [digit(number / 1000), digit(number / 100), digit(number / 10), digit(number)]
}

/// Appends 16 hexadecimal digits.
pub(crate) fn hex(number: u64, out: &mut Vec<u8>) {
    let digits: [u8; 16] = std::array::from_fn(|place| nibble((number >> (60 - place * 4)) as u8 & 15));
    out.extend_from_slice(&digits);
}

/// Appends an address in canonical form.
pub(crate) fn address(ip: IpAddr, out: &mut Vec<u8>) {
    let IpAddr::V4(ip) = ip else {
        // Writing into a vector cannot fail.
        return drop(write!(out, "{ip}"));
    };
    let (mut text, mut len) = ([0; 16], 0);
    for octet in ip.octets() {
        let [_, hundreds, tens, ones] = four(u32::from(octet));
        let all = [hundreds, tens, ones, b'.'];
        let skipped = usize::from(octet < 100) + usize::from(octet < 10);
        for (place, byte) in all[skipped..].iter().enumerate() {
            text[(len + place) & 15] = *byte;
        }
        len += all.len() - skipped;
    }
    out.extend_from_slice(&text[..len - 1]);
}

/// Appends six pairs of hexadecimal digits with colons between.
pub(crate) fn mac(mac: [u8; 6], out: &mut Vec<u8>) {
    let text: [u8; 17] = std::array::from_fn(|place| match (mac[place / 3], place % 3) {
        (byte, 0) => nibble(byte >> 4),
        (byte, 1) => nibble(byte & 15),
        _ => b':',
    });
    out.extend_from_slice(&text);
}

const fn nibble(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
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
            prop_assert_eq!(text(|out| decimal(number, out)), format!("{number:.6}"));
        }

        #[test]
        fn integers_addresses_and_hexadecimals_are_those_of_core_fmt(bits: u32, id: u64, shift in 0..64) {
            let number = id >> shift;
            prop_assert_eq!(text(|out| integer(number, out)), number.to_string());
            let ip = IpAddr::V4(bits.into());
            prop_assert_eq!(text(|out| address(ip, out)), ip.to_string());
            prop_assert_eq!(text(|out| hex(id, out)), format!("{id:016x}"));
        }
    }

    #[test]
    fn a_tie_goes_to_the_even_digit() {
        let cases = [(1.0 / 128.0, "0.007812"), (3.0 / 128.0, "0.023438"), (0.0, "0.000000"), (-0.0, "-0.000000")];
        for (number, want) in cases {
            assert_eq!(text(|out| decimal(number, out)), want);
        }
    }

    #[test]
    fn microseconds_have_three_decimals() {
        for (nanos, want) in [(0, "0.000"), (1_234_005, "1234.005"), (99, "0.099")] {
            assert_eq!(text(|out| micros(nanos, out)), want);
        }
    }
}
