//! The command line.
//!
//! **Owns** where one program's words end and the other's begin, and every complaint about a word. **May touch** the words it
//! is given. **Order** first of the readers: it knows the sub-command.
//!
//! `run` has testpmd's rule: everything before the first `--` is for the EAL and is handed on as typed; without `--` all of it
//! is. clap reads the rest. It stops at the first word it does not know, so that word is reported, taken out, and clap asked
//! again; a value that is missing is said as [`MISSING`]. So every mistake is found in one go.

use crate::asked::{Asked, Said, quote, usage};
use crate::help::{self, MISSING};
use crate::options::{self, Sub, nearest};
use crate::origin::Origin;
use crate::problem::{Problem, Problems};
use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue};
use std::ffi::OsString;
use std::path::PathBuf;

/// What the command line wants.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// A sub-command, and what was said for it.
    Sub(Asked),
    /// A text to print.
    Text(String),
    /// The version.
    Version,
    /// Nothing that can be done; why is among the problems.
    Nothing,
}

/// Reads the words behind the program's name.
pub(crate) fn read(mut words: Vec<OsString>, problems: &mut Problems) -> Wanted {
    let first = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some(sub) = Sub::ALL.into_iter().find(|sub| sub.name() == first) {
        words.remove(0);
        return read_sub(sub, words, problems);
    }
    match first.as_str() {
        "--help" | "-h" | "help" => Wanted::Text(help::top()),
        "--version" | "-V" => Wanted::Version,
        _ => {
            problems.add(no_such_sub(&first));
            Wanted::Nothing
        }
    }
}

fn no_such_sub(first: &str) -> Problem {
    let names = Sub::ALL.map(Sub::name).join(", ");
    let near = nearest(first, Sub::ALL.into_iter().map(Sub::name));
    match (first, near) {
        ("", _) => usage("there is no sub-command", names, "see parshall --help"),
        (_, Some(near)) => {
            usage(format!("{} is not a sub-command", quote(first)), names, format!("did you mean {near}?"))
        }
        _ if first.starts_with('-') => {
            let possible = format!("{names}, --help, --version");
            usage(
                format!("{} stands where a sub-command must", quote(first)),
                possible,
                "write options behind the sub-command",
            )
        }
        _ => usage(format!("{} is not a sub-command", quote(first)), names, "see parshall --help"),
    }
}

fn read_sub(sub: Sub, mut words: Vec<OsString>, problems: &mut Problems) -> Wanted {
    let mut asked = Asked::new(sub);
    let end = words.iter().position(|word| word == "--");
    if sub == Sub::Run || sub == Sub::Doctor && end.is_some() {
        let mine = end.map_or_else(Vec::new, |end| words.split_off(end).split_off(1));
        if words.iter().any(|word| word == "--help" || word == "-h") {
            return Wanted::Text(help::of(sub));
        }
        asked.eal = eal(words, problems);
        words = mine;
    }
    let Some(matches) = parse(sub, words, problems) else {
        return Wanted::Sub(asked);
    };
    if matches.get_flag("help") {
        return Wanted::Text(help::of(sub));
    }
    say(&matches, sub, &mut asked, problems);
    Wanted::Sub(asked)
}

/// The EAL's words as text.
fn eal(words: Vec<OsString>, problems: &mut Problems) -> Vec<String> {
    let mut texts = Vec::new();
    for word in words {
        match word.into_string() {
            Ok(text) if !text.contains('\0') => texts.push(text),
            Ok(text) => problems.add(not_text(&text)),
            Err(word) => problems.add(not_text(&word.to_string_lossy())),
        }
    }
    texts
}

fn not_text(shown: &str) -> Problem {
    usage(format!("{} is not text", quote(shown)), "UTF-8 without NUL", "name files and devices in UTF-8")
}

/// Lets clap read, as often as it takes to meet every word that it does not know.
fn parse(sub: Sub, mut words: Vec<OsString>, problems: &mut Problems) -> Option<ArgMatches> {
    let mut grammar = help::grammar(sub);
    loop {
        let error = match grammar.try_get_matches_from_mut(words.clone()) {
            Ok(matches) => return Some(matches),
            Err(error) => error,
        };
        let unknown = match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(word)) => word.clone(),
            _ => String::new(),
        };
        let Some(place) = words.iter().position(|word| is_spelling(&word.to_string_lossy(), &unknown)) else {
            problems.add(incomprehensible(sub, &error));
            return None;
        };
        let word = words.remove(place);
        problems.add(unknown_word(sub, &word.to_string_lossy()));
        let its_value = words.get(place).is_some_and(|next| !next.to_string_lossy().starts_with('-'));
        if sub != Sub::Read && its_value && !word.to_string_lossy().contains('=') {
            words.remove(place);
        }
    }
}

/// True if `word` is how the option that clap calls `unknown` was typed.
fn is_spelling(word: &str, unknown: &str) -> bool {
    let long = unknown.starts_with("--")
        && word.strip_prefix(unknown).is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
    let letter = unknown.strip_prefix('-').filter(|letters| !letters.is_empty() && !letters.starts_with('-'));
    long || letter.is_some_and(|letter| word.starts_with('-') && !word.starts_with("--") && word.contains(letter))
}

fn incomprehensible(sub: Sub, error: &clap::Error) -> Problem {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    usage(
        format!("the command line cannot be read: {line}"),
        "see below",
        format!("see parshall {} --help", sub.name()),
    )
}

fn unknown_word(sub: Sub, word: &str) -> Problem {
    let name = word.trim_start_matches('-').split('=').next().unwrap_or_default();
    let known = options::all().filter(|option| option.scope.has(sub)).map(|option| option.name);
    let remedy = match nearest(name, known) {
        Some(near) => format!("did you mean --{near}?"),
        None => format!("see parshall {} --help", sub.name()),
    };
    let what = format!("{} is not an option of parshall {}", quote(word), sub.name());
    usage(what, format!("the options of parshall {} --help", sub.name()), remedy)
}

/// Takes over what clap has read.
fn say(matches: &ArgMatches, sub: Sub, asked: &mut Asked, problems: &mut Problems) {
    for option in options::all() {
        for text in matches.get_many::<OsString>(option.name).into_iter().flatten() {
            match text.to_str() {
                Some(MISSING) => problems.add(no_value(option)),
                Some(text) => asked.said.push(Said { option, text: text.to_owned(), origin: Origin::CommandLine }),
                None => problems.add(not_text(&text.to_string_lossy())),
            }
        }
    }
    let mut files = matches.get_many::<OsString>("files").into_iter().flatten();
    match sub {
        Sub::Read => asked.files = files.map(PathBuf::from).collect(),
        Sub::CheckConfig => {
            // The file may be named without --config.
            if let Some((option, text)) = options::find("config").zip(files.next().and_then(|file| file.to_str())) {
                asked.said.push(Said { option, text: text.to_owned(), origin: Origin::CommandLine });
            }
            files.for_each(|word| problems.add(stray(sub, &word.to_string_lossy())));
        }
        Sub::Top | Sub::Flows | Sub::Stats => {
            asked.urls = files.map(|word| word.to_string_lossy().into_owned()).collect();
        }
        _ => files.for_each(|word| problems.add(stray(sub, &word.to_string_lossy()))),
    }
}

fn no_value(option: &options::Opt) -> Problem {
    let what = format!("--{} has no value", option.name);
    usage(what, crate::value::possible(option), format!("write --{} {}", option.name, option.kind.placeholder()))
}

fn stray(sub: Sub, word: &str) -> Problem {
    let what = format!("{} is not an option", quote(word));
    let remedy = match sub {
        Sub::Run => "for a capture: parshall read FILE, or --vdev net_pcap0,rx_pcap=FILE before the --".to_owned(),
        _ => format!("see parshall {} --help", sub.name()),
    };
    usage(what, "options that begin with --", remedy)
}
