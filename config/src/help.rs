//! clap's grammar, and the help texts it prints.
//!
//! **Owns** the translation of the table of options for clap. **May touch** nothing.
//! **Order** called by `command_line`. Every option is known to every sub-command's grammar, so that one in the wrong place is
//! told where it belongs; only its own are shown.

use crate::options::{self, GROUPS, Kind, Opt, Sub};
use clap::builder::OsStringValueParser;
use clap::{Arg, ArgAction, Command};

/// Stands for a value that is missing: no argument of a process can contain it.
pub(crate) const MISSING: &str = "\0";

const RUN_USAGE: &str = "parshall run [EAL options] -- [options]";
const RUN_LAW: &str = "\
Everything before the first -- is for DPDK's EAL, exactly as testpmd has it, and handed on as typed;
without -- all of it is. Without NIC, hugepages and root:

  parshall run --no-huge --no-pci --no-shconf --no-telemetry --file-prefix=p1 -m 512 \\
    --vdev net_pcap0,rx_pcap=a.pcap -- --exit-at-eof --sink jsonl:-

EAL options most used: -l CORES, -n CHANNELS, -a DEVICE, --vdev DEVICE, --file-prefix NAME, --socket-mem MB,...";
const FILES_HELP: &str = "Capture files, merged in time order; - is standard input.";
const URL_HELP: &str = "Where the probe serves HTTP: http://HOST:PORT, or HOST:PORT, or HOST. Without it: the address that --listen \
                        has in file and environment, else 127.0.0.1:9184.";
const LAYERS: &str = "\
Every option is also a key of the file of --config, and a variable: PARSHALL_ and its name in upper case, - as _.
Command line wins over environment, over file, over default.
Exit status: 0 done, 1 failure at run time or damaged input, 2 usage or configuration error.";

/// The grammar of one sub-command, for the words behind it. It takes an option without its value, so that this is reported
/// like every other mistake.
pub(crate) fn grammar(sub: Sub) -> Command {
    command(sub, |option, argument| match option.kind.is_flag() {
        true => argument.num_args(0..=1).require_equals(true).default_missing_value("true"),
        false => argument.num_args(0..=1).default_missing_value(MISSING),
    })
}

/// The grammar with each option's arguments as `arity` has them.
fn command(sub: Sub, arity: fn(&Opt, Arg) -> Arg) -> Command {
    let (usage, about) = match sub {
        Sub::Run => (RUN_USAGE, "Measures what arrives at DPDK ports and vdevs."),
        Sub::Read => ("parshall read [options] FILE...", "Measures what is in capture files (pcap, pcapng, gzip)."),
        Sub::CheckConfig => {
            ("parshall check-config [FILE]", "Checks file and environment, and says all that is wrong.")
        }
        Sub::Reload => (
            "parshall reload [--control SOCKET]",
            "Asks a running probe to read its configuration file anew, and says what came of it.",
        ),
        Sub::Doctor => (
            "parshall doctor [options] | parshall doctor [EAL options] -- [options]",
            "Looks at this host for what such a run needs, and says what to do.",
        ),
        Sub::Top => ("parshall top [options] [URL]", "Shows a running probe in the terminal."),
        Sub::Flows => ("parshall flows [options] [URL]", "Prints live flows of a running probe, once."),
        Sub::Stats => ("parshall stats [options] [URL]", "Prints the numbers and the books of a running probe, once."),
    };
    let mut command = Command::new(sub.name())
        .about(about)
        .override_usage(usage)
        .after_help(LAYERS)
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .max_term_width(110)
        .arg(Arg::new("help").short('h').long("help").help("Prints this.").action(ArgAction::SetTrue));
    if sub == Sub::Run {
        command = command.before_help(RUN_LAW);
    }
    for group in GROUPS {
        command = command
            .next_help_heading(group.title)
            .args(group.options.iter().map(|option| arity(option, argument(option, sub))));
    }
    let words = Arg::new("files").num_args(0..).value_parser(OsStringValueParser::new());
    command.arg(match sub {
        Sub::Top | Sub::Flows | Sub::Stats => words.value_name("URL").help_heading("Probe").help(URL_HELP),
        _ => words.value_name("FILE").help_heading("Files").help(FILES_HELP).hide(sub != Sub::Read),
    })
}

fn argument(option: &'static Opt, sub: Sub) -> Arg {
    let shown = option.scope.has(sub) && option.built;
    let words = match option.kind {
        Kind::Words(words) | Kind::Choice(words) => format!(" [possible: {}]", words.join(", ")),
        _ => String::new(),
    };
    let note = match option.kind.is_flag() {
        true => String::new(),
        false => format!("{words} [default: {}]", option.default_in(sub)),
    };
    let argument = Arg::new(option.name)
        .long(option.name)
        .help(format!("{}{note}", option.help))
        .value_name(option.kind.placeholder())
        .value_parser(OsStringValueParser::new())
        .action(ArgAction::Append)
        .hide(!shown);
    match option.short {
        Some(letter) => argument.short(letter),
        None => argument,
    }
}

/// The help of one sub-command.
pub(crate) fn of(sub: Sub) -> String {
    let shown = |option: &Opt, argument: Arg| if option.kind.is_flag() { argument.num_args(0) } else { argument };
    command(sub, shown).render_help().to_string()
}

/// The whole command line, with nothing in it that a user is not shown: for completions and man pages.
pub(crate) fn whole() -> Command {
    let mut whole =
        Command::new("parshall").about("A passive traffic probe: packets in, flow records and metrics out.");
    for sub in Sub::ALL {
        let mut shown = Command::new(sub.name()).after_help(LAYERS).disable_help_flag(true).max_term_width(110);
        let like = command(sub, |option, argument| match option.kind.is_flag() {
            true => argument.num_args(0),
            false => argument,
        });
        if let Some(about) = like.get_about() {
            shown = shown.about(about.clone());
        }
        if sub == Sub::Run {
            shown = shown.before_help(RUN_LAW);
        }
        whole = whole.subcommand(shown.args(like.get_arguments().filter(|argument| !argument.is_hide_set()).cloned()));
    }
    whole
}

/// The help of the program.
pub(crate) fn top() -> String {
    let mut text = String::from(
        "parshall: a passive traffic probe. Packets in, flow records and metrics out.\n\nUsage:\n  \
         parshall run [EAL options] -- [options]   live: DPDK ports and vdevs\n  \
         parshall read [options] FILE...           capture files, without root or hugepages\n  \
         parshall check-config [FILE]              says all that is wrong with file and environment\n  \
         parshall reload [--control SOCKET]        lets a running probe read its file anew\n  \
         parshall doctor [options]                 looks at this host for what a run needs\n  \
         parshall top [options] [URL]              a running probe in the terminal\n  \
         parshall flows [options] [URL]            its live flows, printed once\n  \
         parshall stats [options] [URL]            its numbers and books, printed once\n  \
         parshall --version\n\n`parshall SUB-COMMAND --help` has the options of each.\n",
    );
    let waiting: Vec<_> =
        options::all().filter(|option| !option.built).map(|option| format!("--{}", option.name)).collect();
    if !waiting.is_empty() {
        text.push_str(&format!("Not built yet, and refused: {}.\n", waiting.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_no_fault_in_the_grammars() {
        for sub in Sub::ALL {
            grammar(sub).debug_assert();
        }
    }

    /// The options that a help text lists, not those that its prose names: their lines are indented by less than ten.
    fn listed(help: &str) -> Vec<&str> {
        let lines = help.lines().filter(|line| line.starts_with("  ") && !line.starts_with("          "));
        let words = lines.filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")));
        words.map(|word| word.trim_start_matches('-').split(['[', '=']).next().unwrap_or_default()).collect()
    }

    #[test]
    fn help_shows_the_options_of_its_sub_command_that_are_built_and_no_other() {
        for sub in Sub::ALL {
            let help = of(sub);
            let tables = &help[help.find("Options:").expect("a list")..];
            let listed = listed(tables);
            for option in options::all() {
                let wanted = option.scope.has(sub) && option.built;
                assert_eq!(listed.contains(&option.name), wanted, "{} {}: {help}", sub.name(), option.name);
            }
        }
    }

    #[test]
    fn help_names_every_word_that_an_option_takes() {
        let whole: String = Sub::ALL.map(of).concat().split_whitespace().collect::<Vec<_>>().join(" ");
        for option in options::all().filter(|option| option.built) {
            if let Kind::Words(words) | Kind::Choice(words) = option.kind {
                let wanted = format!("[possible: {}]", words.join(", "));
                assert!(whole.contains(&wanted), "{}: {wanted}", option.name);
            }
        }
    }

    #[test]
    fn the_help_of_run_has_the_rule_of_the_two_dashes_and_a_line_that_works() {
        let help = of(Sub::Run);
        assert!(help.contains("before the first --") && help.contains("--no-shconf"), "{help}");
    }

    #[test]
    fn the_help_of_the_program_names_every_sub_command_and_what_is_not_built() {
        let help = top();
        for sub in Sub::ALL {
            assert!(help.contains(&format!("parshall {} ", sub.name())), "{help}");
        }
        for option in options::all().filter(|option| !option.built) {
            assert!(help.contains(&format!("--{}", option.name)), "{help}");
        }
    }
}
