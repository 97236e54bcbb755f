//! The plans of the sub-commands that ask a running probe: `top`, `flows`, `stats`.
//!
//! **Owns** the values. **May touch** nothing. **Order** made by `check`, carried out by the exporter.

use super::*;

/// Which running probe is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// Where it serves HTTP: `http://host:port`, without a slash at the end.
    pub url: String,
    /// `--http-token`: what it asks for.
    pub token: Option<String>,
}

/// Which live flows are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// `--by`: a name of the API.
    pub by: String,
    /// `--where`; `None` is all.
    pub filter: Option<String>,
    /// `--state`: `live`, `ended` or `all`.
    pub state: String,
}

/// How an answer is printed (`--format`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Lines for people.
    #[default]
    Table,
    /// One JSON value, as the API gave it.
    Json,
    /// A JSON object a line.
    Ndjson,
    /// Comma-separated values, RFC 4180.
    Csv,
}

/// `parshall top`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopPlan {
    /// Which probe.
    pub probe: Probe,
    /// Which flows at first.
    pub wish: Wish,
    /// `--refresh`: how often the probe is asked.
    pub refresh: Duration,
}

/// `parshall flows`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowsPlan {
    /// Which probe.
    pub probe: Probe,
    /// Which flows.
    pub wish: Wish,
    /// `--top`: how many.
    pub limit: u32,
    /// How they are printed.
    pub format: Format,
}

/// `parshall stats`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsPlan {
    /// Which probe.
    pub probe: Probe,
    /// How it is printed: `Table` or `Json`.
    pub format: Format,
}
