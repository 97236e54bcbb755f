//! The TOML file: a key for every option, all at the top level.
//!
//! **Owns** the reading of the file, line numbers, and unknown keys. **May touch** the one file that `--config` names.
//! **Order** after command line and environment, which may name it.

use crate::asked::{Asked, Said, quote};
use crate::options::{self, Kind, Opt, nearest};
use crate::origin::Origin;
use crate::problem::{Problem, Problems};
use std::io::Read;
use std::path::Path;
use toml::de::{DeArray, DeTable, DeValue};

/// No file is longer. Unit: bytes.
const LONGEST: u64 = 1 << 20;

/// Adds what the file says. `origin` is who named it.
pub(crate) fn read(path: &Path, origin: &Origin, asked: &mut Asked, problems: &mut Problems) {
    match load(path) {
        Ok(text) => parse(path, &text, asked, problems),
        Err(reason) => problems.add(Problem {
            what: format!("cannot read the configuration file {}: {reason}", path.display()),
            asked: format!("asked for {origin}"),
            possible: "a TOML file in UTF-8 of at most 1 MiB that this user may read".to_owned(),
            remedy: format!("check path and permissions: ls -l {}", path.display()),
        }),
    }
}

fn load(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LONGEST {
        return Err("it is longer than 1 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| format!("it is not UTF-8: {}", error.utf8_error()))
}

/// Adds what `text` says; every mistake is reported, those behind a syntax error as far as the parser recovers.
fn parse(path: &Path, text: &str, asked: &mut Asked, problems: &mut Problems) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { path, text, asked, problems };
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        reader.problem(at, error.message(), "TOML: key = value, text in quotes", "correct the line");
    }
    let mut rows: Vec<_> = table.get_ref().iter().collect();
    rows.sort_by_key(|(key, _)| key.span().start);
    // Behind a syntax error the parser takes lines for parts of a table that nobody wrote.
    rows.retain(|(_, value)| errors.is_empty() || !matches!(value.get_ref(), DeValue::Table(_)));
    for (key, value) in rows {
        reader.row(key.get_ref(), key.span().start, value.get_ref());
    }
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    asked: &'a mut Asked,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn origin(&self, at: usize) -> Origin {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        Origin::File(self.path.to_owned(), before.iter().filter(|byte| **byte == b'\n').count() + 1)
    }

    fn problem(&mut self, at: usize, what: &str, possible: &str, remedy: &str) {
        let asked = format!("it stands {}", self.origin(at));
        let problem =
            Problem { what: what.to_owned(), asked, possible: possible.to_owned(), remedy: remedy.to_owned() };
        self.problems.add(problem);
    }

    fn row(&mut self, key: &str, at: usize, value: &DeValue<'_>) {
        if matches!(value, DeValue::Table(_)) {
            let what = format!("{} is a table", quote(key));
            return self.problem(
                at,
                &what,
                "keys at the top level, each an option's name",
                "write key = value without [...]",
            );
        }
        match options::find(key) {
            Some(option) if option.name == "config" => {
                let possible = "--config on the command line, PARSHALL_CONFIG in the environment";
                self.problem(at, "config cannot stand in the file that it names", possible, "remove the line");
            }
            Some(option) => self.value(option, at, value),
            None => {
                let near = nearest(key, options::all().map(|option| option.name));
                let remedy = near.map_or_else(|| "remove the line".to_owned(), |near| format!("did you mean {near}?"));
                self.problem(
                    at,
                    &format!("{} is not a key that parshall knows", quote(key)),
                    "the name of an option",
                    &remedy,
                );
            }
        }
    }

    fn value(&mut self, option: &'static Opt, at: usize, value: &DeValue<'_>) {
        match value {
            DeValue::Array(items) if option.kind.is_list() => self.list(option, at, items),
            _ => match scalar(option, value) {
                Some(text) => self.say(option, at, text),
                None => self.wrong_type(option, at, value),
            },
        }
    }

    fn list(&mut self, option: &'static Opt, at: usize, items: &DeArray<'_>) {
        let mut texts = Vec::new();
        for item in items {
            match scalar(option, item.get_ref()) {
                Some(text) => texts.push((item.span().start, text)),
                None => return self.wrong_type(option, item.span().start, item.get_ref()),
            }
        }
        if option.kind.repeats() && !texts.is_empty() {
            texts.into_iter().for_each(|(at, text)| self.say(option, at, text));
        } else if texts.is_empty() {
            self.say(option, at, option.unset.to_owned());
        } else {
            let all: Vec<_> = texts.into_iter().map(|(_, text)| text).collect();
            self.say(option, at, all.join(","));
        }
    }

    fn say(&mut self, option: &'static Opt, at: usize, text: String) {
        let origin = self.origin(at);
        self.asked.said.push(Said { option, text, origin });
    }

    fn wrong_type(&mut self, option: &Opt, at: usize, value: &DeValue<'_>) {
        let what = format!("{} cannot be a TOML {}", option.name, value.type_str());
        let possible = crate::value::possible(option);
        self.problem(at, &what, &possible, &format!("write it as text: {} = \"{}\"", option.name, option.run));
    }
}

/// The text that a TOML value stands for; `None` if the option takes no such value. A mask is text only, since TOML's `0x10`
/// would come out as decimal 16.
fn scalar(option: &Opt, value: &DeValue<'_>) -> Option<String> {
    match (value, option.kind) {
        (DeValue::String(text), _) => Some(text.to_string()),
        (DeValue::Boolean(said), kind) if kind.is_flag() => Some(said.to_string()),
        (DeValue::Integer(_), Kind::Mask | Kind::Flag | Kind::Always(_) | Kind::Sink | Kind::Path) => None,
        (DeValue::Integer(number), _) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Sub;

    fn said(text: &str) -> (Vec<(&'static str, String, usize)>, Problems) {
        let (mut asked, mut problems) = (Asked::new(Sub::Run), Problems::default());
        parse(Path::new("a.toml"), text, &mut asked, &mut problems);
        let line = |origin| match origin {
            Origin::File(_, line) => line,
            _ => 0,
        };
        (asked.said.into_iter().map(|said| (said.option.name, said.text, line(said.origin))).collect(), problems)
    }

    #[test]
    fn keys_are_said_with_their_lines() {
        let text = "# a comment\nburst = 64\nmax-flows = 1_000_000\nquiet = true\n\nsink = [\n  \"jsonl:a\",\n  \"csv:b\",\n]\n\
                    local-nets = [\"10.0.0.0/8\", \"::1\"]\nvxlan-ports = [4789, 0x2118]\nportmask = \"0x10\"\nkey = []\n";
        let (said, problems) = said(text);
        assert!(problems.is_empty(), "{problems}");
        let want = [
            ("burst", "64", 2),
            ("max-flows", "1000000", 3),
            ("quiet", "true", 4),
            ("sink", "jsonl:a", 7),
            ("sink", "csv:b", 8),
            ("local-nets", "10.0.0.0/8,::1", 10),
            ("vxlan-ports", "4789,8472", 11),
            ("portmask", "0x10", 12),
            ("key", "none", 13),
        ];
        assert_eq!(said, want.map(|(name, text, line)| (name, text.to_owned(), line)));
    }

    #[test]
    fn every_mistake_of_a_file_is_reported_with_its_line() {
        #[rustfmt::skip]
        let cases = [
            ("\nlisten = \n",                    "a.toml:2", ""),
            ("tcp_idle_timeout = \"1m\"",        "a.toml:1", "did you mean tcp-idle-timeout?"),
            ("\n\nzebra = 1",                    "a.toml:3", "remove the line"),
            ("[flows]\nmax-flows = 1",           "a.toml:1", "is a table"),
            ("portmask = 0x10",                  "a.toml:1", "write it as text"),
            ("quiet = 1",                        "a.toml:1", "cannot be a TOML integer"),
            ("burst = 1.5",                      "a.toml:1", "cannot be a TOML float"),
            ("burst = [1]",                      "a.toml:1", "cannot be a TOML array"),
            ("sink = [1]",                       "a.toml:1", "cannot be a TOML integer"),
            ("config = \"b.toml\"",              "a.toml:1", "cannot stand in the file"),
            ("burst = 1\nburst = 2",             "a.toml:2", "duplicate"),
            ("burst = 99999999999999999999999",  "a.toml:1", ""),
        ];
        for (text, line, part) in cases {
            let (_, problems) = said(text);
            let shown = problems.to_string();
            assert!(shown.contains(line) && shown.contains(part), "{text}: {shown}");
        }
        assert_eq!(
            said("burst = 3\n[a\nlisten_on = 3\n").1.len(),
            1,
            "one syntax error, and no table that nobody wrote"
        );
        let (_, problems) = said("zebra = 1\nquiet = 1\nburst = 1.5\nlisten = \n");
        assert_eq!(problems.len(), 4, "{problems}");
    }

    #[test]
    fn a_file_that_cannot_be_read_says_why_and_who_named_it() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("latin1"), b"# caf\xe9\n").expect("written");
        std::fs::write(folder.path().join("long"), vec![b'#'; (LONGEST + 1) as usize]).expect("written");
        for (name, want) in
            [("absent", "No such file"), ("latin1", "not UTF-8"), ("long", "longer than 1 MiB"), (".", "directory")]
        {
            let (mut asked, mut problems) = (Asked::new(Sub::Run), Problems::default());
            read(&folder.path().join(name), &Origin::CommandLine, &mut asked, &mut problems);
            let shown = problems.to_string();
            assert!(shown.contains(want) && shown.contains("on the command line"), "{name}: {shown}");
        }
    }
}
