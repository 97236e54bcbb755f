//! Sequence space: order modulo 2^32.
//!
//! **Owns** the comparison and the span of a segment. **May touch** nothing.
//! **Order** used by every rule of `track::tcp`. Order exists only between numbers less than 2^31 apart (RFC 9293
//! section 3.4); a passive observer must take any number, so nothing here can fail.

/// `a - b` as a signed distance: positive when `a` comes after `b`.
#[inline]
#[must_use]
pub(super) const fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

/// Whether `a` is at or after `b`.
#[inline]
#[must_use]
pub(super) const fn at_or_after(a: u32, b: u32) -> bool {
    distance(a, b) >= 0
}

/// Whether `a` is after `b`.
#[inline]
#[must_use]
pub(super) const fn after(a: u32, b: u32) -> bool {
    distance(a, b) > 0
}

/// The earlier of two.
#[inline]
#[must_use]
pub(super) const fn earlier(a: u32, b: u32) -> u32 {
    if after(a, b) { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_the_wrap() {
        #[rustfmt::skip]
        let cases = [
            // a            b            distance
            (5,             5,           0),
            (9,             5,           4),
            (5,             9,           -4),
            (3,             0xffff_fffe, 5),
            (0xffff_fffe,   3,           -5),
        ];
        for (a, b, want) in cases {
            assert_eq!(distance(a, b), want);
            assert_eq!((at_or_after(a, b), after(a, b)), (want >= 0, want > 0));
        }
        assert_eq!(earlier(3, 0xffff_fffe), 0xffff_fffe);
    }
}
