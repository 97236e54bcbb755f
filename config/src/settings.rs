//! Every option with its value: what the strongest layer said, or the default.
//!
//! **Owns** reading texts as values, precedence, and what one option alone can get wrong. **May touch** nothing.
//! **Order** after the readers; `check` makes the plan out of it. Where a text is refused the default stands in its place, so
//! that the checks behind find what else is wrong.

use crate::asked::{Asked, Said, quote};
use crate::filter::FlowFilter;
use crate::options::{self, Opt, Scope, Sub};
use crate::origin::{Layer, Origin};
use crate::plan::{Effective, InForce, SinkSpec};
use crate::problem::{Problem, Problems};
use crate::value::{self, Refusal, Value};
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// One option with its values: one, but for those that repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) option: &'static Opt,
    pub(crate) values: Vec<Value>,
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

impl Setting {
    /// How it was said, to be shown: `--burst 64 on the command line`.
    pub(crate) fn show(&self) -> String {
        format!("{} {}", self.origin.write(self.option, &self.text), self.origin)
    }

    /// True if there is a value, and somebody said it.
    pub(crate) fn is_said(&self) -> bool {
        let empty = matches!(self.values.first(), None | Some(Value::Unset | Value::Flag(false)));
        !empty && self.origin != Origin::Default
    }
}

/// Every option of the table with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    sub: Sub,
    rows: Vec<Setting>,
}

/// Reads everything that was said as `sub` would. Options of other sub-commands are read too, and left at that, but on the
/// command line they are a mistake.
pub(crate) fn resolve(asked: &Asked, sub: Sub, problems: &mut Problems) -> Settings {
    let rows = options::all().map(|option| setting(asked, sub, option, problems)).collect();
    Settings { sub, rows }
}

fn setting(asked: &Asked, sub: Sub, option: &'static Opt, problems: &mut Problems) -> Setting {
    let strongest = asked.strongest(option);
    complain(asked, option, &strongest, problems);
    let mut good = Vec::new();
    for said in asked.said.iter().filter(|said| said.option.name == option.name) {
        match value::parse(option, &said.text) {
            Ok(value) if option.built => good.push((said, value)),
            Ok(value) if Ok(&value) == value::parse(option, option.default_in(sub)).as_ref() => {}
            Err(refusal) if option.built => problems.add(refused(said, sub, refusal)),
            _ => problems.add(not_built(said)),
        }
    }
    good.retain(|(said, _)| strongest.iter().any(|top| std::ptr::eq(*top, *said)));
    match good.first() {
        Some((said, _)) => {
            let text = good.iter().map(|(said, _)| said.text.as_str()).collect::<Vec<_>>().join(";");
            let origin = said.origin.clone();
            Setting { option, values: good.into_iter().map(|(_, value)| value).collect(), text, origin }
        }
        None => {
            let text = option.default_in(sub);
            let values = value::parse(option, text).into_iter().collect();
            Setting { option, values, text: text.to_owned(), origin: Origin::Default }
        }
    }
}

/// Said on the command line where it does not belong, or said twice.
fn complain(asked: &Asked, option: &Opt, strongest: &[&Said], problems: &mut Problems) {
    let typed = strongest.iter().filter(|said| said.origin == Origin::CommandLine).count();
    if typed > 0 && !option.scope.has(asked.sub) {
        problems.add(misplaced(asked.sub, option));
    }
    let same = option.kind.is_flag() && strongest.iter().all(|said| said.text == strongest[0].text);
    if typed > 1 && !option.kind.repeats() && !same {
        let texts: Vec<_> = strongest.iter().map(|said| quote(&said.text)).collect();
        problems.add(Problem {
            what: format!("--{} is said {typed} times", option.name),
            asked: format!("asked for on the command line: {}", texts.join(", ")),
            possible: "one value".to_owned(),
            remedy: if option.kind.is_list() {
                format!("write one list with commas: --{} {}", option.name, option.kind.placeholder())
            } else {
                format!("keep one --{}", option.name)
            },
        });
    }
}

fn misplaced(sub: Sub, option: &Opt) -> Problem {
    let (owner, reason) = match option.scope {
        Scope::Run => ("parshall run", "it is about live ports and vdevs"),
        Scope::Control => ("parshall run and parshall reload", "it is about a probe that runs"),
        Scope::Doctor => ("parshall doctor", "it is about the host"),
        Scope::Lists => ("parshall top and parshall flows", "it is about lists of live flows"),
        Scope::Prints => ("parshall flows and parshall stats", "it is about what is printed once"),
        Scope::Top => ("parshall top", "it is about what is shown again and again"),
        Scope::Flows => ("parshall flows", "it is about what is printed once"),
        Scope::Both | Scope::Http | Scope::All => {
            ("parshall run and parshall read", "it is about a run, not about a file")
        }
    };
    Problem {
        what: format!("--{} is an option of {owner}: {reason}", option.name),
        asked: format!("asked for on the command line of parshall {}", sub.name()),
        possible: format!("the options of parshall {} --help", sub.name()),
        remedy: format!("leave out --{}", option.name),
    }
}

fn not_built(said: &Said) -> Problem {
    let built = "the options of --help";
    Problem {
        what: format!("{} is not built yet", said.origin.spell(said.option)),
        asked: format!("asked for {}", said.origin),
        possible: built.to_owned(),
        remedy: format!("leave out {}", said.origin.spell(said.option)),
    }
}

fn refused(said: &Said, sub: Sub, refusal: Refusal) -> Problem {
    let (option, origin) = (said.option, &said.origin);
    let why = if refusal.why.is_empty() { String::new() } else { format!(": {}", refusal.why) };
    let default = option.default_in(sub);
    let remedy = match refusal.instead {
        Some(text) => format!("write {}", origin.write(option, &text)),
        None => format!("give what is possible, or leave it out for its default, {default}"),
    };
    Problem {
        what: format!("{} cannot be {}{why}", origin.spell(option), quote(&said.text)),
        asked: format!("asked for {origin}"),
        possible: refusal.possible,
        remedy,
    }
}

/// What stands for a secret.
const HIDDEN: &str = "***";

/// The value with what nobody should read hidden: tokens, and passwords in addresses.
pub(crate) fn shown(setting: &Setting) -> String {
    if setting.option.name == "http-token" && setting.is_said() {
        return HIDDEN.to_owned();
    }
    let Some((scheme, rest)) = setting.text.split_once("://") else { return setting.text.clone() };
    match rest.split_once('@') {
        Some((user, host)) if !user.contains('/') => format!("{scheme}://{HIDDEN}@{host}"),
        _ => setting.text.clone(),
    }
}

impl Settings {
    /// Every option.
    pub(crate) fn rows(&self) -> &[Setting] {
        &self.rows
    }

    /// Every option that the sub-command knows, as it is in force.
    pub(crate) fn effective(&self) -> Effective {
        let known = self.rows.iter().filter(|row| row.option.scope.has(self.sub) && row.option.built);
        let in_force = |row: &Setting| InForce {
            name: row.option.name,
            value: shown(row),
            origin: match row.origin.layer() {
                Layer::Default => "default",
                Layer::File => "file",
                Layer::Environment => "environment",
                Layer::CommandLine => "command line",
            },
            help: row.option.help,
        };
        Effective(known.map(in_force).collect())
    }

    /// The option's setting. The names are those of the table: a test asks for every one that `check` asks for.
    pub(crate) fn get(&self, name: &str) -> &Setting {
        let found = self.rows.iter().find(|row| row.option.name == name);
        debug_assert!(found.is_some(), "{name} is not in the table");
        found.unwrap_or(&self.rows[0])
    }

    fn value(&self, name: &str) -> &Value {
        self.get(name).values.first().unwrap_or(&Value::Unset)
    }

    /// The layer that speaks for an option.
    pub(crate) fn layer(&self, name: &str) -> Layer {
        self.get(name).origin.layer()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.value(name) == &Value::Flag(true)
    }

    /// A count or bytes; `None` for the word that stands for no value.
    pub(crate) fn maybe_number(&self, name: &str) -> Option<u64> {
        if let Value::Number(number) = self.value(name) { Some(*number) } else { None }
    }

    /// A count or bytes of an option that always has one.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.maybe_number(name).unwrap_or_default()
    }

    /// The same for an option whose range in the table ends within 16 bits.
    pub(crate) fn short(&self, name: &str) -> u16 {
        u16::try_from(self.number(name)).unwrap_or(u16::MAX)
    }

    pub(crate) fn maybe_duration(&self, name: &str) -> Option<Duration> {
        if let Value::Duration(span) = self.value(name) { Some(*span) } else { None }
    }

    pub(crate) fn duration(&self, name: &str) -> Duration {
        self.maybe_duration(name).unwrap_or_default()
    }

    pub(crate) fn maybe_numbers(&self, name: &str) -> Option<Vec<u16>> {
        if let Value::Numbers(all) = self.value(name) { Some(all.clone()) } else { None }
    }

    pub(crate) fn numbers(&self, name: &str) -> Vec<u16> {
        self.maybe_numbers(name).unwrap_or_default()
    }

    pub(crate) fn networks(&self, name: &str) -> Vec<IpNet> {
        if let Value::Networks(all) = self.value(name) { all.clone() } else { Vec::new() }
    }

    pub(crate) fn words(&self, name: &str) -> &[String] {
        if let Value::Words(all) = self.value(name) { all } else { &[] }
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        if let Value::Text(text) = self.value(name) { text } else { "" }
    }

    /// A text; `None` for the word that stands for no value.
    pub(crate) fn maybe_text(&self, name: &str) -> Option<String> {
        if let Value::Text(text) = self.value(name) { Some(text.clone()) } else { None }
    }

    pub(crate) fn flow_filter(&self, name: &str) -> Option<FlowFilter> {
        if let Value::FlowFilter(filter) = self.value(name) { Some(filter.clone()) } else { None }
    }

    pub(crate) fn address(&self, name: &str) -> Option<SocketAddr> {
        if let Value::Address(address) = self.value(name) { Some(*address) } else { None }
    }

    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        if let Value::Path(path) = self.value(name) { Some(path.clone()) } else { None }
    }

    pub(crate) fn sinks(&self, name: &str) -> Vec<SinkSpec> {
        let sink = |value: &Value| if let Value::Sink(spec) = value { Some(spec.clone()) } else { None };
        self.get(name).values.iter().filter_map(sink).collect()
    }

    /// Every word that was said of an option that repeats, none twice.
    pub(crate) fn all_words(&self, name: &str) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for value in &self.get(name).values {
            if let Value::Words(some) = value {
                all.extend(some.iter().filter(|word| !all.contains(word)).cloned().collect::<Vec<_>>());
            }
        }
        all
    }

    /// Every address that was said, none twice.
    pub(crate) fn addresses(&self, name: &str) -> Vec<SocketAddr> {
        let mut all = Vec::new();
        for value in &self.get(name).values {
            if let Value::Addresses(some) = value {
                all.extend(some.iter().copied());
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        all.retain(|address| seen.insert(*address));
        all
    }

    /// Which of these, that exclude each other, is said by the strongest layer; a problem if that layer says several.
    pub(crate) fn one_of(&self, names: &[&'static str], problems: &mut Problems) -> Option<&'static str> {
        let said: Vec<_> = names.iter().filter(|name| self.get(name).is_said()).copied().collect();
        let top = said.iter().map(|name| self.layer(name)).max()?;
        let best: Vec<_> = said.into_iter().filter(|name| self.layer(name) == top).collect();
        if best.len() > 1 {
            let shown: Vec<_> = best.iter().map(|name| self.get(name).show()).collect();
            let spelled: Vec<_> = names.iter().map(|name| format!("--{name}")).collect();
            problems.add(Problem {
                what: format!("{} exclude each other", shown_names(&best)),
                asked: format!("asked for: {}", shown.join(", ")),
                possible: format!("one of {}", spelled.join(", ")),
                remedy: format!("keep one of {}", shown_names(&best)),
            });
        }
        best.first().copied()
    }
}

fn shown_names(names: &[&str]) -> String {
    names.iter().map(|name| format!("--{name}")).collect::<Vec<_>>().join(" and ")
}
