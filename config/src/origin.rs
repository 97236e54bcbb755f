//! Where something was said.
//!
//! **Owns** the layers and their order. **May touch** nothing.
//! **Order** made by the three readers (command line, environment, file); carried by everything said, shown by every problem.

use crate::options::Opt;
use std::fmt;
use std::path::PathBuf;

/// The layers, weakest first: a later one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Nobody said anything; the table's default stands.
    Default,
    /// The TOML file of `--config`.
    File,
    /// A variable `PARSHALL_*`.
    Environment,
    /// The command line.
    CommandLine,
}

/// Where something was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: the default.
    Default,
    /// The TOML file: its path and the line, from 1.
    File(PathBuf, usize),
    /// The environment: the variable's name.
    Environment(String),
    /// The command line.
    CommandLine,
}

impl Origin {
    /// The layer it belongs to.
    #[must_use]
    pub fn layer(&self) -> Layer {
        match self {
            Origin::Default => Layer::Default,
            Origin::File(..) => Layer::File,
            Origin::Environment(_) => Layer::Environment,
            Origin::CommandLine => Layer::CommandLine,
        }
    }

    /// How an option is spelled there: `--burst`, `PARSHALL_BURST` or `burst`.
    #[must_use]
    pub fn spell(&self, option: &Opt) -> String {
        match self {
            Origin::Default | Origin::CommandLine => format!("--{}", option.name),
            Origin::Environment(name) => name.clone(),
            Origin::File(..) => option.name.to_owned(),
        }
    }

    /// How an option and its value are written there, to be copied: `--burst 32`, `PARSHALL_BURST=32` or `burst = "32"`.
    #[must_use]
    pub fn write(&self, option: &Opt, text: &str) -> String {
        match self {
            Origin::Default | Origin::CommandLine => format!("--{} {text}", option.name),
            Origin::Environment(name) => format!("{name}={text}"),
            Origin::File(..) => format!("{} = \"{text}\"", option.name),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("by default"),
            Origin::File(path, line) => write!(f, "in {}:{line}", path.display()),
            Origin::Environment(name) => write!(f, "in the environment ({name})"),
            Origin::CommandLine => f.write_str("on the command line"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options;

    #[test]
    fn an_option_is_spelled_as_its_layer_spells_it() {
        let burst = options::find("burst").expect("in the table");
        #[rustfmt::skip]
        let cases = [
            // origin                                          spelled            written                 shown
            (Origin::CommandLine,                              "--burst",         "--burst 32",           "on the command line"),
            (Origin::Environment("PARSHALL_BURST".to_owned()), "PARSHALL_BURST",  "PARSHALL_BURST=32",    "in the environment (PARSHALL_BURST)"),
            (Origin::File("a.toml".into(), 7),                 "burst",           "burst = \"32\"",       "in a.toml:7"),
            (Origin::Default,                                  "--burst",         "--burst 32",           "by default"),
        ];
        for (origin, spelled, written, shown) in cases {
            assert_eq!(origin.spell(burst), spelled);
            assert_eq!(origin.write(burst, "32"), written);
            assert_eq!(origin.to_string(), shown);
        }
    }

    #[test]
    fn the_command_line_outranks_the_environment_the_file_and_the_default() {
        let layers = [Layer::Default, Layer::File, Layer::Environment, Layer::CommandLine];
        assert!(layers.is_sorted());
    }
}
