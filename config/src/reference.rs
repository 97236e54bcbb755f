//! The reference page and the sample file, rendered from the table of options.
//!
//! **Owns** their layout. **May touch** nothing; tests hold `config/etc/REFERENCE.md` and `config/etc/parshall.toml` to it.
//! **Order** called by tests, and by whoever prints documentation.

use crate::options::{GROUPS, Kind, Opt, Scope, Sub};
use crate::value::{self, sink};
use std::fmt::Write;

const INTRODUCTION: &str = "\
# Options of parshall

Generated from `config/src/options/table.rs` and diffed by a test; `BLESS=1 cargo test -p parshall-config --test etc` writes it.

    parshall run [EAL options] -- [options]   live: DPDK ports and vdevs
    parshall read [options] FILE...           capture files (- is standard input), without root or hugepages
    parshall check-config [FILE]              says all that is wrong with file and environment
    parshall reload [--control SOCKET]        lets a running probe read its file anew
    parshall doctor [options]                 looks at this host for what a run needs
    parshall top [options] [URL]              a running probe in the terminal
    parshall flows [options] [URL]            its live flows, printed once
    parshall stats [options] [URL]            its numbers and books, printed once
    parshall --version

- `run`: everything before the first `--` is for DPDK's EAL, exactly as testpmd has it, and handed on as typed; without `--` all
  of it is.
- Every option `--name VALUE` is also the key `name` of the TOML file that `--config` names, and the variable `PARSHALL_NAME`
  (upper case, `-` as `_`; an empty variable says nothing; several sinks are separated by `;`).
- Command line wins over environment, environment over file, file over default. One file serves `run` and `read`: a key that
  only `run` knows is read and checked by `read`, and changes nothing there.
- A list option that is said replaces the weaker layers' list. Only `--sink` may be said several times.
- Spans of time have units (`500ms`, `30s`, `5m`, `1h30m`). Sizes: `kB MB GB` are powers of 1000, `KiB MiB GiB` of 1024. Numbers:
  `k M G` are powers of 1000. Masks are hexadecimal, with or without `0x`, and in the file they are text.
- A flag needs no value; `--flag=false` undoes what environment or file say.
- SIGHUP, `config reload` at the prompt and `parshall reload` read the file anew: options with yes under reload change while the
  probe runs, without losing a packet or a flow; the others are named and wait for a restart. A file with a mistake changes nothing.
- Every mistake is reported at once, and the exit status is then 2.
";

/// The reference page, Markdown.
#[must_use]
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for group in GROUPS {
        let _ = write!(
            page,
            "\n## {}\n\n| option | default | possible | known to | reload |\n|---|---|---|---|---|\n",
            group.title
        );
        for option in group.options {
            let letter = option.short.map_or_else(String::new, |letter| format!("`-{letter}`, "));
            let reload = if option.live { "yes" } else { "" };
            let (default, possible) = (default(option), value::possible(option));
            let _ = writeln!(
                page,
                "| {letter}`--{}` | {default} | {possible} | {} | {reload} |",
                option.name,
                known(option)
            );
        }
        page.push('\n');
        for option in group.options {
            let waiting = if option.built { "" } else { " **Not built yet: refused.**" };
            let _ = writeln!(page, "- `--{}`: {}{waiting}", option.name, option.help);
        }
    }
    page.push_str(&sinks());
    page
}

fn default(option: &Opt) -> String {
    match option.kind {
        Kind::Flag => "not said".to_owned(),
        _ if option.run == option.read => format!("`{}`", option.run),
        _ => format!("`{}` in `run`, `{}` in `read`", option.run, option.read),
    }
}

fn known(option: &Opt) -> String {
    Sub::ALL
        .into_iter()
        .filter(|sub| option.scope.has(*sub))
        .map(|sub| format!("`{}`", sub.name()))
        .collect::<Vec<_>>()
        .join(" ")
}

fn sinks() -> String {
    let mut text = String::from(
        "\n## Sinks\n\n`scheme:target?rotate=1h&compress=zstd`: `rotate` begins a new file after so much record time, named by its beginning \
         (`flows-20231114T220000Z.jsonl` for `flows.jsonl`); `compress=zstd` compresses it and adds `.zst`. `run` continues a file that is there, `read` replaces it. \
         `-` is standard output, for one sink at the most.\n\n| scheme | target | state |\n|---|---|---|\n",
    );
    for scheme in sink::SCHEMES {
        let state = if scheme.writes == sink::Writes::NotYet { "not built yet: refused" } else { "built" };
        let _ = writeln!(text, "| `{}:` | {} | {state} |", scheme.name, scheme.target);
    }
    text
}

const SAMPLE: &str = "\
# Every option of parshall with its default. Take the # off what you change.
# Generated from the table of options; config/etc/REFERENCE.md says what is possible.
# Use:   parshall run [EAL options] -- --config parshall.toml
# Check: parshall check-config --config parshall.toml
";

/// The sample file: every option that is built, commented, with its default.
#[must_use]
pub fn sample() -> String {
    let mut sample = SAMPLE.to_owned();
    for group in GROUPS {
        let _ = write!(sample, "\n# ---- {} ----\n", group.title);
        for option in group.options.iter().filter(|option| option.built && option.name != "config") {
            let note = match option.scope {
                Scope::Run => " Only in run.".to_owned(),
                Scope::Lists => " Only in top and flows.".to_owned(),
                Scope::Prints => " Only in flows and stats.".to_owned(),
                Scope::Top => " Only in top.".to_owned(),
                Scope::Flows => " Only in flows.".to_owned(),
                _ if option.run != option.read => format!(" In read the default is {}.", option.read),
                _ => String::new(),
            };
            let _ = write!(sample, "\n## {}{note}\n# {} = {}\n", option.help, option.name, toml(option));
        }
    }
    sample
}

/// The default as a TOML value.
fn toml(option: &Opt) -> String {
    match option.kind {
        Kind::Flag | Kind::Always(_) => option.run.to_owned(),
        Kind::Count(..) if option.run.bytes().all(|byte| byte.is_ascii_digit()) => option.run.to_owned(),
        _ => format!("\"{}\"", option.run),
    }
}
