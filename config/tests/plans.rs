//! What a right command line becomes.
//!
//! **Owns** the tests of defaults and of each option's place in the plan. **May touch** nothing. **Order** by sub-command.

mod ask;

use ask::{ask, command, read, run};
use parshall_config::options::{self, Kind, Scope};
use parshall_config::plan::{
    Command, DecapPlan, Idle, InterfaceDriver, LogFormat, RssFields, SinkKind, TableSize, Timeouts,
};
use parshall_config::{Outcome, Problems};
use std::num::NonZeroU16;
use std::time::Duration;

#[test]
fn the_defaults_of_read_are_those_of_the_contract() {
    let plan = read("read a.pcap b.pcap -");
    assert_eq!(plan.files, ["a.pcap", "b.pcap", "-"].map(std::path::PathBuf::from));
    let common = plan.common;
    assert_eq!((common.listen, common.sinks.len()), (None, 0));
    assert_eq!(common.publish_interval, Duration::from_secs(1));
    assert_eq!(common.shutdown_timeout, Duration::from_secs(30));
    assert_eq!((common.messages.format, common.messages.quiet), (LogFormat::Text, false));
    let engine = common.engine;
    assert_eq!(engine.workers, NonZeroU16::MIN);
    assert_eq!(engine.table, TableSize::Flows(1_000_000));
    assert_eq!(engine.timeouts, Timeouts::default());
    assert_eq!(engine.decap, DecapPlan::default());
    assert!(engine.local_nets.is_empty() && !engine.key.vlan && !engine.key.tunnel);
}

#[test]
fn the_defaults_of_run_are_those_of_the_contract_and_of_testpmd() {
    let plan = run("run -l 0-1 -n 4 --");
    assert_eq!(plan.eal, ["-l", "0-1", "-n", "4"]);
    assert_eq!(plan.common.listen, "127.0.0.1:9184".parse().ok());
    let timeouts = Timeouts { active: Some(Duration::from_secs(300)), ..Timeouts::default() };
    assert_eq!(plan.common.engine.timeouts, timeouts);
    assert_eq!((plan.nb_cores.get(), plan.common.engine.workers.get()), (1, 1));
    assert_eq!((plan.ports, plan.cores, plan.rxq, plan.rxd), (None, None, None, None));
    assert_eq!((plan.burst, plan.mbcache, plan.mbuf_size), (32, 512, 2176));
    assert_eq!((plan.total_mbufs, plan.max_packet_len, plan.memory), (None, None, None));
    assert_eq!((plan.rss, plan.rx_timestamp, plan.stats_period), (RssFields::IpAndPorts, false, None));
    assert!(!plan.exit_at_eof && !plan.interactive && !plan.auto_start && plan.cmdline_file.is_none());
}

#[test]
fn everything_before_the_first_two_dashes_goes_to_the_eal_as_typed_and_without_them_all_of_it_does() {
    #[rustfmt::skip]
    let cases: [(&str, &[&str]); 5] = [
        ("run",                                              &[]),
        ("run --",                                           &[]),
        ("run -l 0-3 --vdev=net_null0",                      &["-l", "0-3", "--vdev=net_null0"]),
        ("run --vdev net_pcap0,rx_pcap=a~b.pcap -- -a",      &["--vdev", "net_pcap0,rx_pcap=a b.pcap"]),
        ("run -a 0000:3b:00.0 -- --quiet --sink jsonl:-",    &["-a", "0000:3b:00.0"]),
    ];
    for (line, want) in cases {
        assert_eq!(run(line).eal, want, "{line}");
    }
}

#[test]
fn testpmds_words_mean_what_they_mean_there() {
    let line = "run -l 0-4 -- -a --portmask=0x5 --coremask f0 --nb-cores=2 --rxq 4 --rxd=2048 --burst=64 --mbcache=250 \
                --mbuf-size=4096 --total-num-mbufs=16384 --max-pkt-len=9018 --rss-udp --enable-rx-timestamp --stats-period 5 \
                --forward-mode=rxonly --txq=0 --txd 0 --no-flush-rx";
    let plan = run(line);
    assert_eq!(plan.ports, Some(vec![0, 2]));
    assert_eq!(plan.cores, Some(vec![4, 5, 6, 7]));
    assert_eq!((plan.nb_cores.get(), plan.common.engine.workers.get()), (2, 2));
    assert_eq!((plan.rxq, plan.rxd), (NonZeroU16::new(4), NonZeroU16::new(2048)));
    assert_eq!((plan.burst, plan.mbcache, plan.mbuf_size), (64, 250, 4096));
    assert_eq!((plan.total_mbufs, plan.max_packet_len), (Some(16384), Some(9018)));
    assert_eq!((plan.rss, plan.rx_timestamp, plan.auto_start), (RssFields::Udp, true, true));
    assert!(!plan.transmit_queue && run("run --vdev net_null0").transmit_queue);
    assert_eq!(plan.stats_period, Some(Duration::from_secs(5)));
}

#[test]
fn cores_and_workers_follow_from_each_other() {
    #[rustfmt::skip]
    let cases = [
        // options                         nb_cores  workers
        ("",                               1,        1),
        ("--nb-cores 4",                   4,        4),
        ("--coremask 0xe",                 3,        3),
        ("--coremask 0xe --nb-cores 2",    2,        2),
        ("--workers 4",                    1,        4),
        ("--nb-cores 2 --workers 6",       2,        6),
    ];
    for (options, nb_cores, workers) in cases {
        let plan = run(&format!("run -- {options}"));
        assert_eq!((plan.nb_cores.get(), plan.common.engine.workers.get()), (nb_cores, workers), "{options}");
    }
    assert_eq!(read("read --workers 4 a.pcap").common.engine.workers.get(), 4);
}

#[test]
fn timeouts_are_set_one_by_one_or_three_at_once() {
    let seconds = |options: &str| {
        let timeouts = read(&format!("read {options} a.pcap")).common.engine.timeouts;
        [timeouts.tcp_idle, timeouts.udp_idle, timeouts.other_idle, timeouts.tcp_linger].map(|span| span.as_secs())
    };
    assert_eq!(seconds("--idle-timeout 90s"), [90, 90, 90, 5]);
    assert_eq!(seconds("--idle-timeout 90s --udp-idle-timeout 200s"), [90, 200, 90, 5]);
    assert_eq!(seconds("--tcp-linger 0s --udp-idle-timeout 200s"), [300, 200, 60, 0]);
    let active = |options: &str| read(&format!("read {options} a.pcap")).common.engine.timeouts.active;
    assert_eq!(active("--active-timeout 5m"), Some(Duration::from_secs(300)));
    assert_eq!(run("run -- --active-timeout off").common.engine.timeouts.active, None);
}

#[test]
fn the_table_is_sized_by_flows_or_by_memory() {
    let table = |options: &str| read(&format!("read {options} a.pcap")).common.engine.table;
    assert_eq!(table("--max-flows 10k"), TableSize::Flows(10_000));
    assert_eq!(table("--flow-memory 2GiB"), TableSize::Bytes(2 << 30));
    assert_eq!(table("--flow-memory off"), TableSize::Flows(1_000_000));
}

#[test]
fn decap_adds_no_decap_removes_and_all_is_all_of_them() {
    let enabled = |options: &str| read(&format!("read {options} a.pcap")).common.engine.decap.enabled.join(" ");
    let default = DecapPlan::default().enabled.join(" ");
    assert_eq!(enabled("--decap teredo"), format!("{default} teredo"));
    assert_eq!(enabled("--no-decap gre"), default.replace(" gre", ""));
    assert_eq!(enabled("--no-decap all"), "");
    assert_eq!(enabled("--no-decap all --decap vxlan,vlan"), "vlan vxlan");
    assert_eq!(enabled("--decap all --no-decap l2tpv3"), format!("{default} teredo"));
    let decap = read("read --decap-depth 3 --vxlan-ports 4789,8473 a.pcap").common.engine.decap;
    assert_eq!((decap.depth, decap.vxlan_ports), (3, vec![4789, 8473]));
}

#[test]
fn sinks_nets_and_keys_are_taken_over() {
    let common = read(
        "read --sink jsonl:- --sink csv:f.csv?rotate=1h&compress=zstd --local-nets 10.0.0.0/8 --key tunnel,vlan a",
    )
    .common;
    assert_eq!(common.sinks.iter().map(|sink| sink.kind).collect::<Vec<_>>(), [SinkKind::Jsonl, SinkKind::Csv]);
    assert_eq!(common.sinks[1].rotate, Some(Duration::from_secs(3600)));
    assert!(common.sinks[1].zstd && common.engine.key.vlan && common.engine.key.tunnel);
    assert_eq!(common.engine.local_nets.len(), 1);
}

#[test]
fn another_address_than_loopback_is_served_when_that_was_said() {
    let listen = run("run -- --listen 0.0.0.0:9184 --listen-insecure").common.listen;
    assert_eq!(listen, "0.0.0.0:9184".parse().ok());
    for address in ["127.1.2.3:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert!(run(&format!("run -- --listen {address}")).common.listen.is_some(), "{address}");
    }
    assert_eq!(run("run -- --listen off").common.listen, None);
}

#[test]
fn a_run_that_ends_with_its_files_is_accepted_and_so_are_live_vdevs_together() {
    let lines = [
        "run --vdev net_pcap0,rx_pcap=a.pcap --vdev net_pcap1,rx_pcap=b.pcap -- --exit-at-eof",
        "run --vdev net_pcap0,rx_pcap=a.pcap,infinite_rx=1 --vdev net_tap0 -a 0000:3b:00.0 --",
        "run --vdev net_pcap0,rx_pcap=a.pcap --vdev net_tap0 -- --portlist 0",
        "run --no-huge --no-pci --no-shconf --no-telemetry --file-prefix=p1 -m 512 --vdev=net_pcap0,rx_pcap=a.pcap -- --exit-at-eof",
    ];
    for line in lines {
        run(line);
    }
}

#[test]
fn files_behind_two_dashes_may_begin_with_a_dash_and_options_may_stand_between_files() {
    assert_eq!(read("read -- -odd.pcap").files, [std::path::PathBuf::from("-odd.pcap")]);
    let plan = read("read a.pcap --quiet b.pcap");
    assert_eq!((plan.files.len(), plan.common.messages.quiet), (2, true));
}

#[test]
fn version_and_help_need_nothing_else() {
    for line in ["--version", "-V"] {
        assert_eq!(command(line), Command::Version);
    }
    for line in [
        "--help",
        "-h",
        "run --help",
        "run -l 0 -h",
        "run -- --help",
        "read --help",
        "read --burst x -h",
        "check-config -h",
    ] {
        assert!(
            matches!(ask(line, &[]), Ok(Outcome::Print(text)) if text.ends_with('\n') && text.len() > 100),
            "{line}"
        );
    }
    assert_eq!(command("check-config"), Command::CheckConfig);
}

#[test]
fn a_running_probe_is_asked_where_the_line_says_or_where_file_and_environment_would_start_it() {
    let url = |line: &str, env: &[(&str, &str)]| match ask(line, env) {
        Ok(Outcome::Start(command)) => match *command {
            Command::Top(plan) => plan.probe.url,
            Command::Flows(plan) => plan.probe.url,
            Command::Stats(plan) => plan.probe.url,
            other => panic!("{line}: {other:?}"),
        },
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!(url("top", &[]), "http://127.0.0.1:9184");
    assert_eq!(url("stats", &[("PARSHALL_LISTEN", "127.0.0.1:9999")]), "http://127.0.0.1:9999");
    let Ok(Outcome::Start(command)) = ask("top --http-token 0123456789abcdef0123456789abcdef", &[]) else {
        panic!("refused")
    };
    assert!(
        matches!(*command, Command::Top(plan) if plan.probe.token.as_deref() == Some("0123456789abcdef0123456789abcdef"))
    );
    assert_eq!(url("flows probe.lan", &[("PARSHALL_LISTEN", "127.0.0.1:9999")]), "http://probe.lan:9184");
}

/// A value other than the default for an option, and what else a plan with it needs.
fn another(option: &options::Opt) -> &'static str {
    match (option.name, option.kind) {
        (_, Kind::Networks) => "192.0.2.0/24",
        ("listen", _) => "127.0.0.1:9999",
        ("decap" | "no-decap", _) => "gre,teredo",
        ("tcp-linger", _) => "3s",
        ("rxq", _) => "7",
        ("txq", _) => "0",
        ("live", _) => "probe.lan",
        ("http-token", _) => "0123456789abcdef",
        ("where", _) => "tcp",
        ("state", _) => "ended",
        (_, Kind::Path) => "commands",
        (_, Kind::Count(low, _)) if low <= 3 => "3",
        (_, Kind::Count(..)) => "2000",
        (_, Kind::Size(..)) => "100MiB",
        (_, Kind::Duration(..) | Kind::Seconds(..)) => "77s",
        (_, Kind::Mask) => "6",
        (_, Kind::Numbers) => "1,2",
        (_, Kind::UdpPorts) => "1111",
        (_, Kind::Words(words) | Kind::Choice(words)) => words[1],
        (_, Kind::Sink) => "csv:x.csv",
        (_, Kind::Interfaces) => "eth0,eth1",
        (_, Kind::PcapFilter | Kind::FlowFilter) => "tcp",
        (_, Kind::Addresses) => "0.0.0.0:37008",
        (_, Kind::Flag) => "true",
        other => panic!("no sample for {other:?}"),
    }
}

#[test]
fn every_option_that_is_built_changes_the_plan_so_none_is_accepted_in_silence() -> Result<(), Problems> {
    // --config names a file; --listen-insecure only permits; the last three are accepted because they ask for what is so anyway.
    let idle = ["config", "listen-insecure", "forward-mode", "txd", "no-flush-rx"];
    for option in options::all().filter(|option| option.built && !idle.contains(&option.name)) {
        let word = format!("--{}={}", option.name, another(option));
        let (plain, with) = match option.scope {
            Scope::Doctor => ("doctor".to_owned(), format!("doctor {word}")),
            Scope::Run if matches!(option.kind, Kind::Addresses | Kind::Interfaces) => {
                ("run --".to_owned(), format!("run -- {word}"))
            }
            Scope::Run | Scope::Control => {
                let devices = "run --vdev=net_pcap0,rx_pcap=a --";
                (devices.to_owned(), format!("{devices} {word}"))
            }
            Scope::Lists | Scope::Top => ("top".to_owned(), format!("top {word}")),
            Scope::Prints | Scope::Flows => ("flows".to_owned(), format!("flows {word}")),
            _ => ("read a.pcap".to_owned(), format!("read a.pcap {word}")),
        };
        assert_ne!(ask(&plain, &[])?, ask(&with, &[])?, "{word}");
    }
    Ok(())
}

#[test]
fn interfaces_are_named_once_each_and_polled_with_sleeps_unless_said_otherwise() {
    let plan = run("run -- --interface eth0,eth1 --interface=any --interface eth0 --interface-driver af_packet");
    assert_eq!(plan.interfaces, ["eth0", "eth1", "any"]);
    assert_eq!((plan.interface_driver, plan.idle), (InterfaceDriver::AfPacket, Idle::Sleep));
    let plan = run("run -- --interface eth0 --idle busy");
    assert_eq!((plan.interface_driver, plan.idle), (InterfaceDriver::Auto, Idle::Busy));
    assert_eq!(run("run --").idle, Idle::Busy);
}

#[test]
fn listening_for_tzsp_needs_no_word_for_the_eal_and_its_port_is_tzsps() {
    let plan =
        run("run -- --tzsp-listen 0.0.0.0:37009,[::]:37008 --tzsp-listen 127.0.0.1:5000 --tzsp-listen 0.0.0.0:37009");
    let shown: Vec<String> = plan.tzsp_listen.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["0.0.0.0:37009", "[::]:37008", "127.0.0.1:5000"]);
    assert!(plan.eal.is_empty());
    assert_eq!(plan.common.engine.decap.tzsp_ports, [37008, 37009, 5000]);
    assert!(run("run --").tzsp_listen.is_empty());
}
