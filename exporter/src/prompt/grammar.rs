//! Lines against the table of commands: which row is meant, what stood for its placeholders, and how a line may go on.
//!
//! **Owns** the language of patterns. **May touch** nothing. **Order** asked for every line, and for every Tab.
//!
//! A pattern is what `help` shows: words, alternatives divided by `|`, placeholders in capitals. What stood for a placeholder or
//! for one of several alternatives is captured, in order. `EXPR` and `FILE` take the rest of the line.

use super::session::Run;

/// Sections of `help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Control,
    Display,
    Ports,
    Probe,
}

/// One command.
pub(super) struct Row {
    pub(super) pattern: &'static str,
    pub(super) topic: Topic,
    pub(super) help: &'static str,
    pub(super) run: Run,
}

/// Why a line is no command, in testpmd's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NotFound,
    BadArguments,
}

impl Refusal {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Refusal::NotFound => "Command not found\n",
            Refusal::BadArguments => "Bad arguments\n",
        }
    }
}

/// A placeholder that takes the rest of the line.
fn takes_rest(word: &str) -> bool {
    matches!(word, "EXPR" | "FILE")
}

fn is_placeholder(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Whether `text` can stand for one alternative of a pattern's word.
fn fits(alternative: &str, text: &str) -> bool {
    match alternative {
        "PORT" | "SIZE" => text.parse::<u16>().is_ok(),
        "N" => text.parse::<u32>().is_ok(),
        "MASKS" => masks(text).is_some(),
        literal => literal == text,
    }
}

/// The masks of `(0xff,0x1)`.
pub(super) fn masks(text: &str) -> Option<Vec<u64>> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    inner.split(',').map(|mask| u64::from_str_radix(mask.strip_prefix("0x")?, 16).ok()).collect()
}

/// What stood for placeholders and alternatives, if the line is this row's.
fn matched<'l>(row: &Row, line: &'l str) -> Option<Vec<&'l str>> {
    let mut captured = Vec::new();
    let mut rest = line.trim();
    for word in row.pattern.split(' ') {
        if rest.is_empty() {
            return None;
        }
        if takes_rest(word) {
            captured.push(rest);
            return Some(captured);
        }
        let (text, behind) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if !word.split('|').any(|alternative| fits(alternative, text)) {
            return None;
        }
        if word.contains('|') || is_placeholder(word) {
            captured.push(text);
        }
        rest = behind.trim_start();
    }
    rest.is_empty().then_some(captured)
}

/// The row that a line means, and what it captured.
pub(super) fn find<'r, 'l>(rows: &'r [Row], line: &'l str) -> Result<(&'r Row, Vec<&'l str>), Refusal> {
    if let Some(found) = rows.iter().find_map(|row| matched(row, line).map(|captured| (row, captured))) {
        return Ok(found);
    }
    let first = line.split_whitespace().next().unwrap_or_default();
    let known = rows.iter().any(|row| row.pattern.split(' ').next() == Some(first));
    Err(if known { Refusal::BadArguments } else { Refusal::NotFound })
}

/// How a line may go on: where the last word begins, and what it may become. `ports`: the ids that there are.
pub(super) fn completions(rows: &[Row], line: &str, ports: &[u16]) -> (usize, Vec<String>) {
    let start = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let before: Vec<&str> = line[..start].split_whitespace().collect();
    let begun = &line[start..];
    let mut found: Vec<String> = Vec::new();
    for row in rows {
        let words: Vec<&str> = row.pattern.split(' ').collect();
        let so_far = before.iter().zip(&words);
        if before.len() >= words.len()
            || !so_far.into_iter().all(|(text, word)| word.split('|').any(|one| fits(one, text)))
        {
            continue;
        }
        for alternative in words[before.len()].split('|') {
            match alternative {
                "PORT" => found.extend(ports.iter().map(u16::to_string)),
                other if is_placeholder(other) => {}
                literal => found.push(literal.to_owned()),
            }
        }
    }
    found.retain(|word| word.starts_with(begun));
    found.sort();
    found.dedup();
    (start, found)
}

#[cfg(test)]
mod tests {
    use super::super::commands::ROWS;
    use super::*;

    fn meant(line: &str) -> Result<(&'static str, Vec<String>), Refusal> {
        find(ROWS, line)
            .map(|(row, captured)| (row.pattern, captured.into_iter().map(str::to_owned).collect::<Vec<_>>()))
    }

    #[test]
    fn lines_are_known_by_their_words_and_give_what_stood_for_the_placeholders() {
        #[rustfmt::skip]
        let cases = [
            ("start",                                "start",                                           vec![]),
            ("  show   port  stats 12 ",             "show port info|stats|summary|xstats PORT|all",    vec!["stats", "12"]),
            ("show port xstats all",                 "show port info|stats|summary|xstats PORT|all",    vec!["xstats", "all"]),
            ("show port 0 rss-hash key",             "show port PORT rss-hash key",                     vec!["0"]),
            ("show port 0 rss reta 128 (0xff,0x1)",  "show port PORT rss reta SIZE MASKS",              vec!["0", "128", "(0xff,0x1)"]),
            ("load /tmp/a b.txt",                    "load FILE",                                       vec!["/tmp/a b.txt"]),
            ("set verbose 1",                        "set verbose N",                                   vec!["1"]),
        ];
        for (line, pattern, captured) in cases {
            let want: Vec<String> = captured.into_iter().map(str::to_owned).collect();
            assert_eq!(meant(line), Ok((pattern, want)), "{line}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused_in_testpmds_words() {
        for line in
            ["show", "show foo", "show port", "show port stats", "show port stats x", "set verbose x", "start now"]
        {
            assert_eq!(meant(line), Err(Refusal::BadArguments), "{line}");
        }
        for line in ["sho", "bogus", "STOP", "\u{1b}[A"] {
            assert_eq!(meant(line), Err(Refusal::NotFound), "{line}");
        }
    }

    #[test]
    fn a_tab_offers_what_may_stand_there() {
        let offer = |line: &str| completions(ROWS, line, &[0, 3]).1;
        assert_eq!(offer("sto"), ["stop"]);
        assert_eq!(offer("port "), ["start", "stop"]);
        assert_eq!(offer("show port stats "), ["0", "3", "all"]);
        assert_eq!(offer("show port 3 rss"), ["rss", "rss-hash"]);
        assert!(offer("zebra ").is_empty());
        assert!(offer("show conf").contains(&"config".to_owned()));
        assert_eq!(completions(ROWS, "set pro", &[]), (4, vec!["promisc".to_owned()]));
    }

    #[test]
    fn masks_are_hexadecimal_numbers_in_brackets() {
        assert_eq!(masks("(0xff,0x1)"), Some(vec![255, 1]));
        for wrong in ["0xff", "(255)", "()", "(0xfffffffffffffffff)", "(0x1,)"] {
            assert_eq!(masks(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_command_has_a_help_in_a_sentence() {
        for row in ROWS {
            assert!(row.help.ends_with('.') && row.help.len() > 10, "{}", row.pattern);
        }
    }
}
