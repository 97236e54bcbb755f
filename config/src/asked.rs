//! What was said, raw, with where it was said. Nothing is read as a value here, and nothing is decided.
//!
//! **Owns** the first of the two stages. **May touch** nothing.
//! **Order** filled by the command line, the environment and the file; read by `settings`.

use crate::options::{Opt, Sub};
use crate::origin::{Layer, Origin};
use crate::problem::Problem;
use std::path::PathBuf;

/// One thing that was said for one option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) option: &'static Opt,
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

/// Everything that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The sub-command.
    pub(crate) sub: Sub,
    /// What every layer said, in the order in which it was met.
    pub(crate) said: Vec<Said>,
    /// `read`: the files, in order.
    pub(crate) files: Vec<PathBuf>,
    /// `top`, `flows`, `stats`: where the probe is.
    pub(crate) urls: Vec<String>,
    /// `run`: everything before the first `--`, as typed.
    pub(crate) eal: Vec<String>,
}

impl Asked {
    pub(crate) fn new(sub: Sub) -> Asked {
        Asked { sub, said: Vec::new(), files: Vec::new(), urls: Vec::new(), eal: Vec::new() }
    }

    /// What the strongest layer that said anything for `option` said: one, but for options that repeat.
    pub(crate) fn strongest(&self, option: &Opt) -> Vec<&Said> {
        let said = || self.said.iter().filter(|said| said.option.name == option.name);
        let top = said().map(|said| said.origin.layer()).max().unwrap_or(Layer::Default);
        said().filter(|said| said.origin.layer() == top).collect()
    }
}

/// A text that is quoted in a message: no longer than a line, no control characters.
pub(crate) fn quote(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    let dots = if short.len() < text.len() { "..." } else { "" };
    format!("{short:?}{dots}")
}

/// A problem with a text that no option's rules cover.
pub(crate) fn usage(what: impl Into<String>, possible: impl Into<String>, remedy: impl Into<String>) -> Problem {
    Problem {
        what: what.into(),
        asked: "asked for on the command line".to_owned(),
        possible: possible.into(),
        remedy: remedy.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options;

    #[test]
    fn the_strongest_layer_speaks_alone_and_an_option_that_repeats_keeps_its_order() {
        let sink = options::find("sink").expect("in the table");
        let mut asked = Asked::new(Sub::Read);
        let origins = [
            (Origin::File("a.toml".into(), 1), "csv:a"),
            (Origin::CommandLine, "jsonl:b"),
            (Origin::Environment("PARSHALL_SINK".to_owned()), "csv:c"),
            (Origin::CommandLine, "jsonl:d"),
        ];
        for (origin, text) in origins {
            asked.said.push(Said { option: sink, text: text.to_owned(), origin });
        }
        let texts: Vec<_> = asked.strongest(sink).iter().map(|said| said.text.as_str()).collect();
        assert_eq!(texts, ["jsonl:b", "jsonl:d"]);
        assert!(asked.strongest(options::find("burst").expect("in the table")).is_empty());
    }

    #[test]
    fn a_quoted_text_is_one_short_line() {
        assert_eq!(quote("600"), "\"600\"");
        assert_eq!(quote("a\nb"), "\"a\\nb\"");
        assert!(quote(&"x".repeat(1000)).len() < 70);
    }
}
