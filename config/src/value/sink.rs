//! Where records go: `scheme:target?rotate=1h&compress=zstd`.
//!
//! **Owns** the list of schemes, built or not yet, and the grammar of a spec. **May touch** nothing.
//! **Order** called by `value::parse`; the reference page reads the list.

use super::{Refusal, quantity};
use crate::options::nearest;
use crate::plan::{SinkKind, SinkSpec};
use std::path::{Path, PathBuf};

/// What a scheme writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    /// Built: what it writes.
    Built(SinkKind),
    /// The name is taken, and refused until it is built.
    NotYet,
}

/// One scheme: what stands before the colon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scheme {
    pub(crate) name: &'static str,
    pub(crate) writes: Writes,
    /// What the target is, for the reference page.
    pub(crate) target: &'static str,
}

/// Every scheme. To turn one on, change its `NotYet`.
#[rustfmt::skip]
pub(crate) const SCHEMES: &[Scheme] = &[
    Scheme { name: "jsonl",           writes: Writes::Built(SinkKind::Jsonl), target: "file or -" },
    Scheme { name: "csv",             writes: Writes::Built(SinkKind::Csv),   target: "file or -" },
    Scheme { name: "tstat",           writes: Writes::Built(SinkKind::Tstat), target: "directory" },
    Scheme { name: "parquet",         writes: Writes::NotYet,                 target: "file" },
    Scheme { name: "pcapng",          writes: Writes::NotYet,                 target: "file" },
    Scheme { name: "ipfix+udp",       writes: Writes::NotYet,                 target: "//host:port" },
    Scheme { name: "ipfix+tcp",       writes: Writes::NotYet,                 target: "//host:port" },
    Scheme { name: "clickhouse+http", writes: Writes::NotYet,                 target: "//host:port/table" },
    Scheme { name: "kafka",           writes: Writes::NotYet,                 target: "//host:port/topic" },
];

/// Options that may follow a `?`.
const OPTIONS: &[&str] = &["rotate", "compress"];

/// Names of the schemes that are built.
pub(crate) fn built() -> impl Iterator<Item = &'static str> {
    SCHEMES.iter().filter(|scheme| scheme.writes != Writes::NotYet).map(|scheme| scheme.name)
}

/// Reads one spec.
pub(super) fn parse(text: &str) -> Result<SinkSpec, Refusal> {
    let Some((scheme, rest)) = text.split_once(':') else { return Err(without_colon(text)) };
    let kind = kind(scheme)?;
    let (target, options) = rest.split_once('?').unwrap_or((rest, ""));
    let mut spec = SinkSpec { kind, target: PathBuf::from(target), rotate: None, zstd: false };
    if target.is_empty() {
        let what = if kind == SinkKind::Tstat { "directory" } else { "file" };
        return Err(Refusal::new(format!("it names no {what}"), format!("{scheme}:PATH")));
    }
    read_options(options, &mut spec)?;
    let standard_output = spec.target == Path::new("-");
    match kind {
        SinkKind::Tstat if standard_output => Err(Refusal::new("its logs are several files", "tstat:DIRECTORY")),
        _ if standard_output && spec.rotate.is_some() => {
            Err(Refusal::new("standard output is never rotated", "rotate= for a file").instead(format!("{scheme}:-")))
        }
        _ => Ok(spec),
    }
}

/// A scheme without its target, or a target without its scheme.
fn without_colon(text: &str) -> Refusal {
    if built().any(|scheme| scheme == text) {
        return Refusal::new("it has no target", format!("{text}:PATH"));
    }
    let target = if text.is_empty() { "-" } else { text };
    Refusal::new("it has no scheme", "").instead(format!("jsonl:{target}"))
}

fn kind(name: &str) -> Result<SinkKind, Refusal> {
    match SCHEMES.iter().find(|scheme| scheme.name == name).map(|scheme| scheme.writes) {
        Some(Writes::Built(kind)) => Ok(kind),
        Some(Writes::NotYet) => Err(Refusal::new(format!("{name}: is not built yet"), "")),
        None => {
            let near = nearest(name, SCHEMES.iter().map(|scheme| scheme.name));
            let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}:?"));
            Err(Refusal::new(format!("{name:?} is not a known scheme{hint}"), ""))
        }
    }
}

fn read_options(text: &str, spec: &mut SinkSpec) -> Result<(), Refusal> {
    let mut seen = Vec::new();
    for item in text.split('&').filter(|item| !item.is_empty()) {
        let (name, value) = item.split_once('=').unwrap_or((item, ""));
        if seen.contains(&name) {
            return Err(Refusal::new(format!("{name}= is there twice"), ""));
        }
        seen.push(name);
        match (name, value) {
            ("rotate", _) => spec.rotate = Some(rotation(value)?),
            ("compress", "zstd") => spec.zstd = true,
            ("compress", _) => return Err(Refusal::new(format!("compress={value} is not known"), "compress=zstd")),
            _ => return Err(unknown_option(name)),
        }
    }
    Ok(())
}

fn rotation(value: &str) -> Result<std::time::Duration, Refusal> {
    quantity::span(value, 1000, 366 * 24 * 3600 * 1000).map_err(|refusal| {
        let possible = "rotate=1s to rotate=366d";
        Refusal::new(format!("rotate={value}: {}", refusal.why), possible)
    })
}

fn unknown_option(name: &str) -> Refusal {
    let hint =
        nearest(name, OPTIONS.iter().copied()).map_or_else(String::new, |near| format!("; did you mean {near}=?"));
    Refusal::new(format!("{name:?} is not an option of a sink{hint}"), "rotate=DURATION, compress=zstd")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn spec(kind: SinkKind, target: &str, rotate: Option<u64>, zstd: bool) -> SinkSpec {
        SinkSpec { kind, target: target.into(), rotate: rotate.map(Duration::from_secs), zstd }
    }

    #[test]
    fn a_spec_is_a_scheme_a_target_and_options() {
        let cases = [
            ("jsonl:-", spec(SinkKind::Jsonl, "-", None, false)),
            ("jsonl:/var/log/f.jsonl", spec(SinkKind::Jsonl, "/var/log/f.jsonl", None, false)),
            ("csv:a b.csv?rotate=1h", spec(SinkKind::Csv, "a b.csv", Some(3600), false)),
            ("jsonl:x?rotate=5m&compress=zstd", spec(SinkKind::Jsonl, "x", Some(300), true)),
            ("jsonl:-?compress=zstd", spec(SinkKind::Jsonl, "-", None, true)),
            ("jsonl:c:d", spec(SinkKind::Jsonl, "c:d", None, false)),
            ("jsonl:x?", spec(SinkKind::Jsonl, "x", None, false)),
        ];
        for (text, want) in cases {
            assert_eq!(parse(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn a_bad_spec_is_told_what_is_wrong_with_it() {
        #[rustfmt::skip]
        let cases = [
            ("",                          "no scheme"),
            ("flows.jsonl",               "no scheme"),
            ("jsonl",                     "no target"),
            ("jsonl:",                    "names no file"),
            ("json:x",                    "did you mean jsonl:?"),
            ("zebra:x",                   "not a known scheme"),
            ("jsonl:x?rotat=1h",          "did you mean rotate=?"),
            ("jsonl:x?rotate=1",          "not a span of time"),
            ("jsonl:x?rotate=0s",         "too short"),
            ("jsonl:x?rotate=1h&rotate=2h", "twice"),
            ("jsonl:x?compress=gzip",     "compress=gzip is not known"),
            ("jsonl:-?rotate=1h",         "never rotated"),
        ];
        for (text, want) in cases {
            let refusal = parse(text).expect_err(text);
            assert!(refusal.why.contains(want), "{text}: {refusal:?}");
        }
    }

    #[test]
    fn a_scheme_that_is_not_built_yet_says_so() {
        for scheme in SCHEMES.iter().filter(|scheme| scheme.writes == Writes::NotYet) {
            let refusal = parse(&format!("{}:x", scheme.name)).expect_err(scheme.name);
            assert!(refusal.why.contains("not built yet"), "{refusal:?}");
        }
        assert!(built().eq(["jsonl", "csv"]) || built().count() > 2);
    }
}
