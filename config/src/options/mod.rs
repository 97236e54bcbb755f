//! What an option is.
//!
//! **Owns** the shape of a row, and looking one up by name. **May touch** nothing; the rows are in `table`.
//! **Order** read by the command line, the environment, the file, the checks, `--help` and the reference page alike: an
//! option is one row, and nothing else in this crate lists options.

mod table;

pub use table::GROUPS;

/// What kind of value an option takes. Ranges are inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Said or not said; `true` or `false` in file and environment.
    Flag,
    /// A flag that may be said and changes nothing, with the reason; `false` is refused.
    Always(&'static str),
    /// The one value that is accepted, and why no other is.
    Only(&'static str, &'static str),
    /// A number; `k`, `M`, `G` multiply by powers of 1000.
    Count(u64, u64),
    /// Memory. Unit: bytes; `kB`, `MB` are decimal, `KiB`, `MiB` binary.
    Size(u64, u64),
    /// A span of time with units. Unit of the bounds: milliseconds.
    Duration(u64, u64),
    /// The same, and a plain number means seconds, as testpmd has it.
    Seconds(u64, u64),
    /// A hexadecimal mask with or without `0x`: bit n stands for number n.
    Mask,
    /// Numbers and ranges of numbers: `0,2-3`.
    Numbers,
    /// UDP ports, 1 to 65535, separated by commas.
    UdpPorts,
    /// Networks in CIDR form, separated by commas.
    Networks,
    /// Any of these words, separated by commas.
    Words(&'static [&'static str]),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `ADDR:PORT`.
    Address,
    /// One or several `ADDR:PORT`, separated by commas; may be said several times.
    Addresses,
    /// One or several network interfaces, separated by commas; may be said several times.
    Interfaces,
    /// A file.
    Path,
    /// Any text.
    Text,
    /// An expression in the pcap-filter language.
    PcapFilter,
    /// An expression of `filter`.
    FlowFilter,
    /// `scheme:target?options`; may be said several times.
    Sink,
}

impl Kind {
    /// What stands for the value in `--help`.
    #[must_use]
    pub fn placeholder(self) -> &'static str {
        match self {
            Kind::Flag | Kind::Always(_) => "true|false",
            Kind::Only(value, _) => value,
            Kind::Count(..) => "N",
            Kind::Size(..) => "SIZE",
            Kind::Duration(..) | Kind::Seconds(..) => "DURATION",
            Kind::Mask => "HEX",
            Kind::Numbers => "LIST",
            Kind::UdpPorts => "PORTS",
            Kind::Networks => "CIDR,...",
            Kind::Words(_) => "LIST",
            Kind::Choice(_) => "WORD",
            Kind::Address => "ADDR:PORT",
            Kind::Addresses => "ADDR:PORT,...",
            Kind::Interfaces => "NAME,...",
            Kind::Path => "FILE",
            Kind::Text => "TEXT",
            Kind::PcapFilter | Kind::FlowFilter => "EXPR",
            Kind::Sink => "SPEC",
        }
    }

    /// True for an option that needs no value on the command line.
    #[must_use]
    pub fn is_flag(self) -> bool {
        matches!(self, Kind::Flag | Kind::Always(_))
    }

    /// True when a TOML array may stand for it.
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(
            self,
            Kind::Numbers
                | Kind::UdpPorts
                | Kind::Networks
                | Kind::Words(_)
                | Kind::Sink
                | Kind::Addresses
                | Kind::Interfaces
        )
    }

    /// True when it may be said several times.
    #[must_use]
    pub fn repeats(self) -> bool {
        matches!(self, Kind::Sink | Kind::Addresses | Kind::Interfaces)
    }
}

/// The sub-commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sub {
    /// `parshall run`.
    Run,
    /// `parshall read`.
    Read,
    /// `parshall check-config`.
    CheckConfig,
    /// `parshall reload`.
    Reload,
    /// `parshall doctor`.
    Doctor,
    /// `parshall top`: a running probe in a terminal.
    Top,
    /// `parshall flows`: its live flows, printed once.
    Flows,
    /// `parshall stats`: its numbers, printed once.
    Stats,
}

impl Sub {
    /// Every sub-command.
    pub const ALL: [Sub; 8] =
        [Sub::Run, Sub::Read, Sub::CheckConfig, Sub::Reload, Sub::Doctor, Sub::Top, Sub::Flows, Sub::Stats];

    /// Its word on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Sub::Run => "run",
            Sub::Read => "read",
            Sub::CheckConfig => "check-config",
            Sub::Reload => "reload",
            Sub::Doctor => "doctor",
            Sub::Top => "top",
            Sub::Flows => "flows",
            Sub::Stats => "stats",
        }
    }
}

/// Which sub-commands know an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `run` and `read`.
    Both,
    /// `run` only.
    Run,
    /// `run`, and `reload`, which asks it.
    Control,
    /// `doctor` only.
    Doctor,
    /// Every sub-command.
    All,
    /// Every sub-command that serves or asks over HTTP.
    Http,
    /// `top` and `flows`, which list flows.
    Lists,
    /// `flows` and `stats`, which print once.
    Prints,
    /// `top` only.
    Top,
    /// `flows` only.
    Flows,
}

impl Scope {
    /// True when `sub` knows the option.
    #[must_use]
    pub fn has(self, sub: Sub) -> bool {
        match self {
            Scope::All => true,
            Scope::Both => matches!(sub, Sub::Run | Sub::Read | Sub::Doctor),
            Scope::Run => matches!(sub, Sub::Run | Sub::Doctor),
            Scope::Control => matches!(sub, Sub::Run | Sub::Reload | Sub::Doctor),
            Scope::Doctor => sub == Sub::Doctor,
            Scope::Http => !matches!(sub, Sub::CheckConfig | Sub::Reload),
            Scope::Lists => matches!(sub, Sub::Top | Sub::Flows),
            Scope::Prints => matches!(sub, Sub::Flows | Sub::Stats),
            Scope::Top => sub == Sub::Top,
            Scope::Flows => sub == Sub::Flows,
        }
    }
}

/// One option: a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opt {
    /// Its name: `--name` on the command line, the key `name` in the file, `PARSHALL_NAME` in the environment.
    pub name: &'static str,
    /// Its letter, if it has one.
    pub short: Option<char>,
    /// What it takes.
    pub kind: Kind,
    /// The word that stands for "no value": `off`, `auto`, `all`, `none`; empty if there must be a value.
    pub unset: &'static str,
    /// Its default in `run`, as one would type it.
    pub run: &'static str,
    /// Its default in `read`, as one would type it.
    pub read: &'static str,
    /// Which sub-commands know it.
    pub scope: Scope,
    /// False: the name is taken, the feature is not built yet, and the option is refused.
    pub built: bool,
    /// True: a reload changes it while the probe runs; else it needs a restart.
    pub live: bool,
    /// What it does, in sentences.
    pub help: &'static str,
}

impl Opt {
    /// A row with one default for all.
    pub(crate) const fn new(name: &'static str, kind: Kind, scope: Scope, default: &'static str) -> Opt {
        Opt {
            name,
            short: None,
            kind,
            unset: "",
            run: default,
            read: default,
            scope,
            built: true,
            live: false,
            help: "",
        }
    }

    /// A flag, off by default.
    pub(crate) const fn flag(name: &'static str, scope: Scope) -> Opt {
        Opt::new(name, Kind::Flag, scope, "false")
    }

    /// With the word that stands for "no value".
    pub(crate) const fn unset(self, word: &'static str) -> Opt {
        Opt { unset: word, ..self }
    }

    /// One that a reload changes while the probe runs.
    pub(crate) const fn live(self) -> Opt {
        Opt { live: true, ..self }
    }

    /// With a letter.
    pub(crate) const fn letter(self, short: char) -> Opt {
        Opt { short: Some(short), ..self }
    }

    /// With another default in `read`.
    pub(crate) const fn in_read(self, default: &'static str) -> Opt {
        Opt { read: default, ..self }
    }

    /// With what it does.
    pub(crate) const fn help(self, help: &'static str) -> Opt {
        Opt { help, ..self }
    }

    /// Its default for a sub-command, as one would type it.
    #[must_use]
    pub fn default_in(&self, sub: Sub) -> &'static str {
        if sub == Sub::Read { self.read } else { self.run }
    }

    /// Its variable in the environment.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("PARSHALL_{}", self.name.to_uppercase().replace('-', "_"))
    }
}

/// Options that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// What they are about.
    pub title: &'static str,
    /// The rows.
    pub options: &'static [Opt],
}

/// Every option, in the order of the table.
pub fn all() -> impl Iterator<Item = &'static Opt> {
    GROUPS.iter().flat_map(|group| group.options)
}

/// The option of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Opt> {
    all().find(|option| option.name == name)
}

/// The word among `known` that `given` was most likely meant to be: no more letters wrong than a third of it.
pub(crate) fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if given.len() > 64 {
        return None;
    }
    let wrong = |word: &str| strsim::osa_distance(given, word);
    let best = known.map(|word| (wrong(word), word)).min_by_key(|(wrong, _)| *wrong)?;
    (best.0 <= given.chars().count().max(3) / 3).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_letters_are_unique_and_lower_case() {
        let mut names: Vec<_> = all().map(|option| option.name).collect();
        let count = names.len();
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        let mut letters: Vec<_> = all().filter_map(|option| option.short).collect();
        let count = letters.len();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), count);
        assert!(!letters.contains(&'h'), "help has it");
    }

    #[test]
    fn every_help_is_a_sentence_without_what_markdown_tables_break_on() {
        for option in all() {
            assert!(option.help.len() > 10 && option.help.ends_with('.'), "{}: {:?}", option.name, option.help);
            assert!(!option.help.contains(['|', '\n']), "{}", option.name);
        }
    }

    #[test]
    fn the_nearest_name_is_found_for_a_slip_and_not_for_another_word() {
        let cases = [
            ("brust", Some("burst")),
            ("tcp_idle_timeout", Some("tcp-idle-timeout")),
            ("lisen", Some("listen")),
            ("zebra", None),
            ("", None),
            ("x", None),
        ];
        for (given, want) in cases {
            assert_eq!(nearest(given, all().map(|option| option.name)), want, "{given}");
        }
        assert_eq!(nearest(&"x".repeat(100_000), all().map(|option| option.name)), None);
    }

    #[test]
    fn a_variable_is_the_name_in_upper_case() {
        let option = find("tcp-idle-timeout").expect("in the table");
        assert_eq!(option.variable(), "PARSHALL_TCP_IDLE_TIMEOUT");
    }
}
