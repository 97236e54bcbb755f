//! Command line over environment over file over default, for every option of the table.
//!
//! **Owns** the tests of layering. **May touch** a temporary folder. **Order** one layer is taken away after the other.

mod ask;

use ask::ask;
use parshall_config::options::{self, Kind, Opt, Scope};
use parshall_config::{Outcome, Problems};
use std::path::Path;

/// Three values of an option that differ from its default and from each other; flags have but two.
fn three(option: &Opt) -> [&'static str; 3] {
    match (option.name, option.kind) {
        ("tcp-linger", _) => ["1s", "2s", "3s"],
        ("key", _) => ["vlan", "tunnel", "vlan,tunnel"],
        ("compat-metrics", _) => ["tcp-stream", "kdump", "packet,tzsp"],
        ("txq", _) => ["0", "1", "0"],
        ("log-format", _) => ["json", "text", "json"],
        ("log-level", _) => ["warn", "error", "debug"],
        (_, Kind::Count(low, _)) if low <= 3 => ["3", "4", "5"],
        (_, Kind::Count(..)) => ["2000", "3000", "4000"],
        (_, Kind::Size(..)) => ["101MiB", "102MiB", "103MiB"],
        (_, Kind::Duration(..) | Kind::Seconds(..)) => ["71s", "72s", "73s"],
        (_, Kind::Mask) => ["0x2", "4", "0xc"],
        (_, Kind::Numbers) => ["1", "2", "3-4"],
        (_, Kind::UdpPorts) => ["1111", "2222", "3333"],
        ("http-token", _) => ["0123456789abcdef", "123456789abcdef0", "23456789abcdef01"],
        (_, Kind::Networks) => ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"],
        (_, Kind::Words(_)) => ["gre", "vxlan", "teredo"],
        (_, Kind::Address) => ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"],
        (_, Kind::Interfaces) => ["eth0", "eth1,eth2", "any"],
        ("interface-driver", _) => ["af_packet", "af_xdp", "af_packet"],
        (_, Kind::PcapFilter | Kind::FlowFilter) => ["tcp", "udp", "icmp"],
        (_, Kind::Addresses) => ["0.0.0.0:1111", "[::]:2222", "0.0.0.0:3333,[::]:3333"],
        (_, Kind::Sink) => ["csv:a", "csv:b", "jsonl:c"],
        ("duplicates", _) => ["off", "drop", "off"],
        (name, Kind::Path) if name != "config" => ["a", "b", "c"],
        ("spread", _) => ["testpmd", "paired", "testpmd"],
        ("idle", _) => ["pause", "sleep", "pause"],
        (_, Kind::Flag) => ["true", "false", "true"],
        (_, Kind::Always(_)) => ["true", "true", "true"],
        (_, Kind::Only(value, _)) => [value, value, value],
        ("by", _) => ["packets", "start", "rtt"],
        ("format", _) => ["json", "csv", "ndjson"],
        ("state", _) => ["ended", "all", "live"],
        ("where", _) => ["tcp", "udp", "443"],
        ("live", _) => ["one", "two", "three"],
        other => panic!("no samples for {other:?}"),
    }
}

/// Asks with some of the layers.
fn layered(
    option: &Opt,
    file: Option<&str>,
    env: Option<&str>,
    line: Option<&str>,
    folder: &Path,
) -> Result<Outcome, Problems> {
    let path = folder.join("parshall.toml");
    let text = file.map_or_else(String::new, |value| match option.kind.is_flag() {
        true => format!("{} = {value}\n", option.name),
        false => format!("{} = \"{value}\"\n", option.name),
    });
    std::fs::write(&path, text).expect("a file of configuration");
    let variable = option.variable();
    let config = path.to_str().expect("a path of text").to_owned();
    let mut pairs = vec![("PARSHALL_CONFIG", config.as_str())];
    pairs.extend(env.map(|value| (variable.as_str(), value)));
    let word = line.map_or_else(String::new, |value| format!("--{}={value}", option.name));
    match option.scope {
        Scope::Doctor => ask(&format!("doctor {word}"), &pairs),
        Scope::Run if matches!(option.kind, Kind::Addresses | Kind::Interfaces) => {
            ask(&format!("run -- {word}"), &pairs)
        }
        Scope::Run | Scope::Control => ask(&format!("run --vdev=net_pcap0,rx_pcap=a -- {word}"), &pairs),
        Scope::Lists | Scope::Top => ask(&format!("top {word}"), &pairs),
        Scope::Prints | Scope::Flows => ask(&format!("flows {word}"), &pairs),
        _ => ask(&format!("read a.pcap {word}"), &pairs),
    }
}

#[test]
fn for_every_option_the_command_line_wins_over_the_environment_over_the_file_over_the_default() -> Result<(), Problems>
{
    let folder = tempfile::tempdir().expect("a folder");
    for option in options::all().filter(|option| option.built && option.name != "config") {
        let [a, b, c] = three(option);
        let ask = |file, env, line| layered(option, file, env, line, folder.path());
        let alone = |value| ask(None, None, Some(value));
        assert_eq!(ask(Some(a), Some(b), Some(c))?, alone(c)?, "{}: command line", option.name);
        assert_eq!(ask(Some(a), Some(b), None)?, alone(b)?, "{}: environment", option.name);
        assert_eq!(ask(Some(a), None, None)?, alone(a)?, "{}: file", option.name);
        let default = if option.scope == Scope::Run { option.run } else { option.read };
        assert_eq!(ask(None, None, None)?, alone(default)?, "{}: default", option.name);
    }
    Ok(())
}

#[test]
fn the_file_is_named_by_the_command_line_before_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = folder.path().join("good.toml");
    std::fs::write(&good, "burst = 64\n").expect("written");
    let line = format!("run -- --config {}", good.display());
    let Ok(Outcome::Start(command)) = ask(&line, &[("PARSHALL_CONFIG", "/absent.toml")]) else { panic!("refused") };
    assert!(matches!(*command, parshall_config::plan::Command::Run(plan) if plan.burst == 64));
    assert!(ask("run -- --config none", &[("PARSHALL_CONFIG", "/absent.toml")]).is_ok());
}

#[test]
fn the_three_idle_timeouts_at_once_lose_to_one_of_the_same_layer_and_win_over_one_of_a_weaker() {
    let idle = |env: &[(&str, &str)], line: &str| match ask(&format!("read a.pcap {line}"), env) {
        Ok(Outcome::Start(command)) => match *command {
            parshall_config::plan::Command::Read(plan) => plan.common.engine.timeouts.udp_idle.as_secs(),
            _ => 0,
        },
        _ => 0,
    };
    assert_eq!(idle(&[("PARSHALL_UDP_IDLE_TIMEOUT", "20s")], "--idle-timeout 30s"), 30);
    assert_eq!(idle(&[("PARSHALL_IDLE_TIMEOUT", "20s")], "--udp-idle-timeout 30s"), 30);
    assert_eq!(idle(&[("PARSHALL_IDLE_TIMEOUT", "20s"), ("PARSHALL_UDP_IDLE_TIMEOUT", "30s")], ""), 30);
    assert_eq!(idle(&[("PARSHALL_IDLE_TIMEOUT", "20s")], ""), 20);
}

#[test]
fn what_excludes_each_other_is_a_mistake_in_one_layer_and_precedence_across_two() {
    #[rustfmt::skip]
    let cases = [
        // environment                       command line            accepted
        (("PARSHALL_MAX_FLOWS", "1k"),       "--flow-memory=1GiB",   true),
        (("PARSHALL_FLOW_MEMORY", "1GiB"),   "--max-flows=1k",       true),
        (("PARSHALL_PORTMASK", "1"),         "--portlist=2",         true),
        (("PARSHALL_RSS_IP", "true"),        "--disable-rss",        true),
        (("PARSHALL_BURST", "1"),            "--rss-ip --rss-udp",   false),
        (("PARSHALL_WORKERS", "2"),          "--nb-cores=4",         true),
        (("PARSHALL_NB_CORES", "4"),         "--workers=2",          false),
    ];
    for (pair, line, accepted) in cases {
        assert_eq!(ask(&format!("run -- {line}"), &[pair]).is_ok(), accepted, "{pair:?} {line}");
    }
}

#[test]
fn a_key_that_only_run_knows_is_left_at_that_by_read_and_still_checked() {
    let env = |value| [("PARSHALL_BURST", value)];
    assert_eq!(ask("read a.pcap", &env("64")).ok(), ask("read a.pcap", &[]).ok());
    assert!(ask("read a.pcap", &env("many")).is_err());
}

#[test]
fn a_flag_can_be_undone_by_a_stronger_layer() {
    let quiet = |line| match ask(line, &[("PARSHALL_QUIET", "true")]) {
        Ok(Outcome::Start(command)) => match *command {
            parshall_config::plan::Command::Read(plan) => plan.common.messages.quiet,
            _ => panic!("{line}"),
        },
        other => panic!("{line}: {other:?}"),
    };
    assert!(quiet("read a.pcap"));
    assert!(!quiet("read a.pcap --quiet=false"));
}
