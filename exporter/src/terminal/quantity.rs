//! Numbers as people read them: three digits that count, a decimal prefix, a unit.
//!
//! **Owns** how a terminal writes quantities. **May touch** nothing. **Order** called by the screen and by what is printed once.

/// What stands for a quantity that is not known.
pub(crate) const UNKNOWN: &str = "-";

const PREFIXES: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];

/// Three significant digits: `0.123`, `1.23`, `12.3`, `123`.
fn digits(n: f64) -> String {
    let size = n.abs();
    if !n.is_finite() {
        UNKNOWN.to_owned()
    } else if size == 0.0 || size >= 99.95 {
        format!("{n:.0}")
    } else if size < 0.001 {
        "<0.001".to_owned()
    } else if size >= 9.995 {
        format!("{n:.1}")
    } else if size >= 0.9995 {
        format!("{n:.2}")
    } else {
        format!("{n:.3}")
    }
}

/// With a decimal prefix and a unit; a whole number below 1000 stays whole.
fn scaled(n: f64, unit: &str) -> String {
    if !n.is_finite() {
        return UNKNOWN.to_owned();
    }
    let (mut value, mut power) = (n, 0);
    while value.abs() >= 999.5 && power + 1 < PREFIXES.len() {
        value /= 1000.0;
        power += 1;
    }
    let text = if power == 0 && value.fract() == 0.0 { format!("{value:.0}") } else { digits(value) };
    format!("{text} {}{unit}", PREFIXES[power]).trim_end().to_owned()
}

/// Bytes, decimal.
pub(crate) fn bytes(n: f64) -> String {
    scaled(n, "B")
}

/// Bits each second.
pub(crate) fn bit_rate(n: f64) -> String {
    scaled(n, "bit/s")
}

/// A count.
pub(crate) fn count(n: f64) -> String {
    scaled(n, "")
}

/// A count each second.
pub(crate) fn rate(n: f64) -> String {
    scaled(n, "/s")
}

/// A ratio as a percentage.
pub(crate) fn share(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if !percent.is_finite() {
        UNKNOWN.to_owned()
    } else if percent == 0.0 || percent == 100.0 {
        format!("{percent:.0} %")
    } else if percent < 0.001 {
        "<0.001 %".to_owned()
    } else if percent < 0.1 {
        format!("{percent:.3} %")
    } else if percent < 10.0 {
        format!("{percent:.2} %")
    } else {
        // What is not all of it never reads as all of it.
        format!("{:.1} %", percent.min(if percent < 100.0 { 99.9 } else { percent }))
    }
}

/// A span of time. Unit: seconds.
pub(crate) fn span(seconds: f64) -> String {
    if !seconds.is_finite() {
        return UNKNOWN.to_owned();
    }
    if seconds == 0.0 {
        "0 s".to_owned()
    } else if seconds < 1e-3 {
        format!("{} us", digits(seconds * 1e6))
    } else if seconds < 0.9995 {
        format!("{} ms", digits(seconds * 1e3))
    } else if seconds < 59.95 {
        format!("{} s", digits(seconds))
    } else {
        let all = seconds.round() as u64;
        match (all / 86_400, all / 3600 % 24, all / 60 % 60, all % 60) {
            (0, 0, minutes, rest) => format!("{minutes}m{rest:02}s"),
            (0, hours, minutes, _) => format!("{hours}h{minutes:02}m"),
            (days, hours, _, _) => format!("{days}d{hours:02}h"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_three_digits_that_count_and_a_unit() {
        let rows = [
            (0.0, "0 B"),
            (7.0, "7 B"),
            (999.0, "999 B"),
            (1000.0, "1.00 kB"),
            (123_456.0, "123 kB"),
            (4.2e9, "4.20 GB"),
        ];
        for (n, want) in rows {
            assert_eq!(bytes(n), want);
        }
        assert_eq!(bit_rate(15.3e9), "15.3 Gbit/s");
        assert_eq!(rate(0.25), "0.250 /s");
        assert_eq!(rate(999.7), "1.00 k/s");
        assert_eq!((count(f64::NAN), count(12.0)), ("-".to_owned(), "12".to_owned()));
    }

    #[test]
    fn a_share_that_is_not_all_never_reads_as_all_and_one_that_is_something_never_as_nothing() {
        let rows = [
            (0.0, "0 %"),
            (1.0, "100 %"),
            (0.999_99, "99.9 %"),
            (0.000_001, "<0.001 %"),
            (0.1234, "12.3 %"),
            (0.0123, "1.23 %"),
        ];
        for (n, want) in rows {
            assert_eq!(share(n), want, "{n}");
        }
    }

    #[test]
    fn spans_go_from_microseconds_to_days() {
        let rows = [
            (0.000_042, "42.0 us"),
            (0.0213, "21.3 ms"),
            (1.5, "1.50 s"),
            (75.0, "1m15s"),
            (7260.0, "2h01m"),
            (90_000.0, "1d01h"),
        ];
        for (n, want) in rows {
            assert_eq!(span(n), want, "{n}");
        }
    }
}
