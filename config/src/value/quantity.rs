//! Counts, sizes and spans of time.
//!
//! **Owns** units and ranges. **May touch** nothing. **Order** called by `value::parse`.

use super::Refusal;
use parse_size::parse_size;
use std::time::Duration;

/// A number with `k`, `M` or `G` for powers of 1000.
pub(super) fn count(text: &str, low: u64, high: u64) -> Result<u64, Refusal> {
    let digits = text.strip_suffix(['k', 'K', 'M', 'G']).unwrap_or(text);
    let plain =
        digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(|c| c.is_ascii_digit() || c == '_');
    match parse_size(text) {
        Ok(number) if plain => within(number, low, high),
        _ => Err(Refusal::new("it is not a number (k, M and G multiply by powers of 1000)", "")),
    }
}

/// Bytes with `kB`, `MB`, `GB` (decimal) or `KiB`, `MiB`, `GiB` (binary).
pub(super) fn size(text: &str, low: u64, high: u64) -> Result<u64, Refusal> {
    match parse_size(text) {
        Ok(bytes) => within(bytes, low, high),
        Err(_) => Err(Refusal::new("it is not a size such as 64MiB or 2GB", "")),
    }
}

fn within(number: u64, low: u64, high: u64) -> Result<u64, Refusal> {
    match number {
        _ if number < low => Err(Refusal::new("it is too small", "")),
        _ if number > high => Err(Refusal::new("it is too large", "")),
        _ => Ok(number),
    }
}

/// A span with units; bounds in milliseconds. A plain 0 needs no unit.
pub(super) fn span(text: &str, low: u64, high: u64) -> Result<Duration, Refusal> {
    let Ok(span) = humantime::parse_duration(text.trim()) else {
        let refusal = Refusal::new("it is not a span of time with units such as 500ms, 30s, 5m or 1h30m", "");
        let seconds = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        return Err(if seconds { refusal.instead(format!("{text}s")) } else { refusal });
    };
    match span {
        _ if span < Duration::from_millis(low) => Err(Refusal::new("it is too short", "")),
        _ if span > Duration::from_millis(high) => Err(Refusal::new("it is too long", "")),
        _ => Ok(span),
    }
}

/// The same, and a plain number means seconds.
pub(super) fn seconds(text: &str, low: u64, high: u64) -> Result<Duration, Refusal> {
    match text.parse::<u32>() {
        Ok(_) => span(&format!("{text}s"), low, high),
        Err(_) => span(text, low, high),
    }
}

/// Bytes in the largest binary unit that leaves no rest.
pub(super) fn show_size(bytes: u64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let fitting = units.iter().find(|(_, shift)| bytes >> shift > 0 && bytes.trailing_zeros() >= *shift);
    fitting.map_or_else(|| format!("{bytes}B"), |(unit, shift)| format!("{}{unit}", bytes >> shift))
}

/// Milliseconds as one would type them.
pub(super) fn show_span(millis: u64) -> String {
    const DAY: u64 = 24 * 3600 * 1000;
    match millis {
        0 => "0s".to_owned(),
        _ if millis.is_multiple_of(DAY) => format!("{}d", millis / DAY),
        _ => humantime::format_duration(Duration::from_millis(millis)).to_string().replace(' ', ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_decimal_suffixes_and_nothing_else() {
        #[rustfmt::skip]
        let cases = [
            ("0", Some(0)), ("32", Some(32)), ("1k", Some(1000)), ("1K", Some(1000)), ("1M", Some(1_000_000)), ("2G", Some(2_000_000_000)),
            ("1_000", Some(1000)), ("", None), ("k", None), ("-1", None), ("1.5M", None), ("1MiB", None), ("1MB", None), ("1e3", None),
            ("_", None), ("1 M", None), ("99999999999999999999999", None), ("0x10", None), ("\u{663}", None),
        ];
        for (text, want) in cases {
            assert_eq!(count(text, 0, u64::MAX).ok(), want, "{text}");
        }
    }

    #[test]
    fn sizes_have_decimal_and_binary_units() {
        #[rustfmt::skip]
        let cases = [
            ("64MiB", Some(64 << 20)), ("2GB", Some(2_000_000_000)), ("1024", Some(1024)), ("1.5GiB", Some(3 << 29)), ("1k", Some(1000)),
            ("", None), ("MiB", None), ("-1MiB", None), ("64 parsecs", None), ("99999999EiB", None),
        ];
        for (text, want) in cases {
            assert_eq!(size(text, 0, u64::MAX).ok(), want, "{text}");
        }
    }

    #[test]
    fn spans_have_units_and_a_bare_number_is_told_which() {
        let millis = |text| span(text, 0, u64::MAX).ok().map(|span| span.as_millis());
        #[rustfmt::skip]
        let cases = [
            ("30s", Some(30_000)), ("5m", Some(300_000)), ("1h30m", Some(5_400_000)), ("500ms", Some(500)), ("0s", Some(0)), ("0", Some(0)),
            ("1h 30m", Some(5_400_000)), ("", None), ("s", None), ("-3s", None), ("5 parsecs", None), ("99999999999999999999y", None),
        ];
        for (text, want) in cases {
            assert_eq!(millis(text), want, "{text}");
        }
        assert_eq!(span("30", 0, u64::MAX).expect_err("no unit").instead.as_deref(), Some("30s"));
    }

    #[test]
    fn a_plain_number_is_seconds_where_testpmd_has_it_so() {
        assert_eq!(seconds("5", 0, u64::MAX), Ok(Duration::from_secs(5)));
        assert_eq!(seconds("0", 0, u64::MAX), Ok(Duration::ZERO));
        assert_eq!(seconds("1500ms", 0, u64::MAX), Ok(Duration::from_millis(1500)));
        assert!(seconds("x", 0, u64::MAX).is_err());
    }

    #[test]
    fn bounds_are_inclusive_on_both_ends() {
        for (number, good) in [("0", false), ("1", true), ("512", true), ("513", false)] {
            assert_eq!(count(number, 1, 512).is_ok(), good, "{number}");
        }
        for (text, good) in [("999ms", false), ("1s", true), ("2s", true), ("2001ms", false)] {
            assert_eq!(span(text, 1000, 2000).is_ok(), good, "{text}");
        }
        for (text, good) in [("1023KiB", false), ("1MiB", true), ("2MiB", true), ("2097153", false)] {
            assert_eq!(size(text, 1 << 20, 2 << 20).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn what_is_shown_can_be_typed_again() {
        for bytes in [0, 1, 1023, 1024, 1 << 20, (1 << 20) + 1, 64 << 30] {
            assert_eq!(size(&show_size(bytes), 0, u64::MAX), Ok(bytes));
        }
        for millis in [0, 1, 999, 1000, 90_000, 100 * 24 * 3600 * 1000] {
            assert_eq!(span(&show_span(millis), 0, u64::MAX), Ok(Duration::from_millis(millis)));
        }
    }
}
