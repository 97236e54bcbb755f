//! What is said about everything that can be wrong.
//!
//! **Owns** one row for every problem there is. **May touch** nothing. **Order** by where the mistake is.

mod ask;

use ask::{ask, complaint};
use parshall_config::options;

/// Line, and what the complaint must contain: what is wrong, and the remedy.
#[rustfmt::skip]
const ONE_MISTAKE: &[(&str, &[&str])] = &[
    // the command line itself
    ("",                                          &["there is no sub-command", "see parshall --help"]),
    ("tap",                                       &["\"tap\" is not a sub-command", "run, read, check-config", "did you mean top?"]),
    ("top https://probe",                         &["asks for TLS", "ssh -L"]),
    ("top probe:0",                               &["no port from 1 to 65535", "http://probe:9184"]),
    ("flows a/b",                                 &["is not a probe's URL", "HOST:PORT"]),
    ("stats one two",                             &["\"two\" is one URL too many"]),
    ("stats --format csv",                        &["parshall stats has no csv", "write --format json"]),
    ("flows --by colour",                         &["--by cannot be \"colour\"", "bytes, packets"]),
    ("flows --refresh 1s",                        &["--refresh is an option of parshall top"]),
    ("top --format json",                         &["--format is an option of parshall flows and parshall stats"]),
    ("stats --by bytes",                          &["--by is an option of parshall top and parshall flows"]),
    ("top --top 3",                               &["--top is an option of parshall flows"]),
    ("docter",                                    &["did you mean doctor?"]),
    ("raed a.pcap",                               &["did you mean read?"]),
    ("--quiet read a.pcap",                       &["behind the sub-command"]),
    ("read --brust=3 a.pcap",                     &["\"--brust=3\" is not an option of parshall read"]),
    ("run -- --brust 3",                          &["did you mean --burst?"]),
    ("run -- --numa",                             &["\"--numa\" is not an option of parshall run", "see parshall run --help"]),
    ("run -- -x",                                 &["\"-x\" is not an option"]),
    ("run -- --burst",                            &["--burst has no value", "1 to 512", "write --burst N"]),
    ("run -- --burst --quiet",                    &["--burst has no value"]),
    ("run -- a.pcap",                             &["\"a.pcap\" is not an option", "parshall read FILE"]),
    ("check-config a.toml",                       &["cannot read the configuration file a.toml"]),
    ("check-config --sink jsonl:-",               &["--sink is an option of parshall run and parshall read"]),
    ("read --portmask 0x1 a.pcap",                &["--portmask is an option of parshall run", "leave out --portmask"]),
    ("read -a a.pcap",                            &["--auto-start is an option of parshall run"]),
    ("run -- --burst 1 --burst 2",                &["--burst is said 2 times", "keep one --burst"]),
    ("read --key vlan --key tunnel a.pcap",       &["--key is said 2 times", "with commas"]),
    ("run -- --quiet --quiet=false",              &["--quiet is said 2 times"]),
    ("read --config /absent.toml a.pcap",         &["cannot read the configuration file /absent.toml", "No such file"]),
    // one option
    ("run -- --burst 600",                        &["--burst cannot be \"600\": it is too large", "1 to 512", "its default, 32"]),
    ("run -- --burst 0",                          &["too small"]),
    ("run -- --mbcache 513",                      &["0 to 512"]),
    ("run -- --nb-cores 0",                       &["1 to 1024"]),
    ("read --workers 0 a.pcap",                   &["--workers cannot be \"0\"", "1 to 1024"]),
    ("read --active-timeout 999ms a.pcap",        &["it is too short", "1s to", "or off"]),
    ("read --tcp-idle-timeout 30 a.pcap",         &["units", "write --tcp-idle-timeout 30s"]),
    ("read --local-nets 10.1.2.3/8 a.pcap",       &["the network is 10.0.0.0/8"]),
    ("read --local-nets ten a.pcap",              &["not a network in CIDR form"]),
    ("read --key vlna a.pcap",                    &["did you mean vlan?"]),
    ("read --flow-memory 12parsecs a.pcap",       &["64MiB or 2GB"]),
    ("run -- --portmask xyz",                     &["not a hexadecimal mask"]),
    ("run -- --portmask 0",                       &["it names nothing"]),
    ("run -- --portlist 3-1",                     &["not a number or a range"]),
    ("run -- --forward-mode=io",                  &["never sends", "write --forward-mode rxonly"]),
    ("run -- --txd=2",                            &["never sends", "write --txd 0"]),
    ("run -- --txd=512",                          &["never sends"]),
    ("run -- --no-flush-rx=false",                &["never empties a queue"]),
    ("run -- --log-format xml",                   &["text, json"]),
    ("run -- --listen :9184",                     &["write --listen 127.0.0.1:9184"]),
    ("run -- --interface eth0/1",                 &["\"eth0/1\" cannot be the name of an interface", "ip link"]),
    ("run --vdev=net_pcap0,rx_pcap=a -- --interface eth0", &["cannot mix packet time", "--interface eth0 has not"]),
    ("run -- --interface eth0 --exit-at-eof",     &["an end that --interface eth0 never has", "leave out --interface eth0"]),
    ("run -- --tzsp-listen 37008",                &["write --tzsp-listen 0.0.0.0:37008"]),
    ("run -- --tzsp-listen 0.0.0.0:0",            &["names no port", "write 0.0.0.0:37008"]),
    ("run -- --tzsp-listen 0.0.0.0:4789",         &["both in --tzsp-listen and in --vxlan-ports"]),
    ("run -- --tzsp-listen 0.0.0.0:1 --exit-at-eof", &["an end that --tzsp-listen 0.0.0.0:1 never has"]),
    ("run --vdev=net_pcap0,rx_pcap=a -- --tzsp-listen 0.0.0.0:1", &["cannot mix packet time and the time of arrival"]),
    ("read --tzsp-listen 0.0.0.0:37008 a.pcap",   &["--tzsp-listen is an option of parshall run"]),
    ("run -- --listen 0.0.0.0:9184",              &["--listen-insecure", "--listen 127.0.0.1:9184"]),
    ("run -- --listen [::]:9184",                 &["--listen-insecure", "--http-token"]),
    ("run -- --http-token secret",                &["too short, too long or not plain text", "openssl rand"]),
    ("run -- --http-token file:/nowhere/token",   &["cannot be read", "openssl rand"]),
    ("read --sink f.jsonl a.pcap",                &["it has no scheme", "write --sink jsonl:f.jsonl"]),
    ("read --sink zebra:x a.pcap",                &["not a known scheme", "jsonl, csv"]),
    ("read --sink kafka://h/t a.pcap",            &["kafka: is not built yet", "jsonl, csv"]),
    ("read --sink ipfix+udp://h:4739 a.pcap",     &["ipfix+udp: is not built yet"]),
    ("read --sink parquet:x a.pcap",              &["parquet: is not built yet"]),
    // across options
    ("read",                                      &["no capture file to read", "parshall read FILE..."]),
    ("read - -",                                  &["standard input is named twice"]),
    ("read --sink jsonl:- --sink csv:- a.pcap",   &["several sinks write to standard output"]),
    ("read --sink jsonl:x --sink csv:x a.pcap",   &["several sinks write to x"]),
    ("read --max-flows 1k --flow-memory 1GiB a",  &["--max-flows and --flow-memory exclude each other"]),
    ("run -- --portmask 1 --portlist 0",          &["--portmask and --portlist exclude each other"]),
    ("run -- --rss-ip --disable-rss",             &["--rss-ip and --disable-rss exclude each other"]),
    ("run -- --nb-cores 4 --coremask 6",          &["more than the 2 lcores", "write --nb-cores 2"]),
    ("run -- --nb-cores 4 --workers 2",           &["fewer than the 4 cores", "leave out --workers"]),
    ("read --tcp-linger 10m a.pcap",              &["longer than --tcp-idle-timeout 300s", "write --tcp-linger 300s"]),
    ("read --idle-timeout 2s a.pcap",             &["--tcp-linger 5s is longer than --idle-timeout 2s"]),
    ("read --decap gre --no-decap gre a.pcap",    &["gre is both"]),
    ("read --vxlan-ports 4790 a.pcap",            &["UDP port 4790 is both in --vxlan-ports and in --vxlan-gpe-ports"]),
    // the EAL's part
    ("run --burst=64 --",                         &["--burst stands before the --", "behind the --: parshall run ... -- --burst=64"]),
    ("run --listen off",                          &["--listen stands before the --"]),
    ("run a.pcap",                                &["stands where the EAL's options begin"]),
    ("run --no-huge --in-memory --",              &["refuse each other", "--no-huge --no-pci --no-shconf"]),
    ("run --vdev net_pcap0,rx_pcap=a --vdev net_tap0 --",        &["cannot mix", "net_pcap0,rx_pcap=a has packet time, net_tap0 has not"]),
    ("run --vdev=net_pcap0,rx_pcap=a -a 0000:3b:00.0 --",        &["cannot mix"]),
    ("run --vdev net_pcap0,rx_pcap=a --vdev net_pcap1,rx_pcap=b,infinite_rx=1 --", &["cannot mix"]),
    ("run --vdev net_pcap0,rx_pcap=a,infinite_rx=1 -- --exit-at-eof", &["never has", "leave out infinite_rx=1"]),
    ("run --vdev net_tap0 -- --exit-at-eof",                     &["no file to come to the end of", "rx_pcap=FILE"]),
    ("run -- --exit-at-eof",                                     &["no file to come to the end of"]),
];

#[test]
fn each_mistake_is_one_problem_that_says_what_where_and_what_to_do() {
    for (line, parts) in ONE_MISTAKE {
        let problems = complaint(line, &[]);
        let shown = problems.to_string();
        assert_eq!(problems.len(), 1, "{line}:\n{shown}");
        for part in *parts {
            assert!(shown.contains(part), "{line}: {part:?} is not in\n{shown}");
        }
    }
}

#[test]
fn every_problem_has_its_four_parts_and_reads_as_three_lines() {
    for (line, _) in ONE_MISTAKE {
        for problem in complaint(line, &[]).iter() {
            for part in [&problem.what, &problem.asked, &problem.possible, &problem.remedy] {
                assert!(!part.is_empty() && !part.contains('\n'), "{line}: {problem:?}");
            }
            assert_eq!(problem.to_string().lines().count(), 3, "{line}: {problem}");
        }
    }
}

#[test]
fn every_option_that_is_not_built_is_refused_wherever_it_is_said() {
    for option in options::all().filter(|option| !option.built) {
        let value = if option.kind.is_flag() { "true" } else { "x" };
        let said = format!("run -- --{}={value}", option.name);
        let variable = option.variable();
        for problems in [
            complaint(&said, &[]),
            complaint("run --", &[(&variable, value)]),
            complaint("check-config", &[(&variable, value)]),
        ] {
            assert_eq!(problems.len(), 1, "{problems}");
            assert!(problems.to_string().contains("is not built yet"), "{problems}");
        }
        assert!(
            ask(&format!("run -- --{}={}", option.name, option.run), &[]).is_ok(),
            "{} asks for nothing",
            option.name
        );
    }
    if options::find("interactive").is_some_and(|option| !option.built) {
        assert!(complaint("run -- -i", &[]).to_string().contains("--interactive is not built yet"));
    }
}

#[test]
fn all_mistakes_of_all_layers_are_reported_at_once_each_with_its_origin() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bad.toml");
    std::fs::write(&path, "# mine\nburst = 600\nzebra = 1\nportmask = 0x10\n\nidle-timeout = \"forever\"\n")
        .expect("written");
    let line = format!(
        "run --no-huge --in-memory -- --config {} --foo 3 --bar --nb-cores 0 --sink jsonl:- --sink csv:-",
        path.display()
    );
    let problems = complaint(&line, &[("PARSHALL_LISTEN", "0.0.0.0:9184"), ("PARSHALL_KEY", "vlna")]);
    let shown = problems.to_string();
    let file = |line| format!("{}:{line}", path.display());
    let parts = [
        "\"--foo\"",
        "\"--bar\"",
        "--nb-cores cannot be",
        "burst cannot be \"600\"",
        &file(2),
        "\"zebra\"",
        &file(3),
        "portmask cannot be a TOML",
        &file(4),
        "idle-timeout cannot be",
        &file(6),
        "0.0.0.0:9184",
        "(PARSHALL_LISTEN)",
        "(PARSHALL_KEY)",
        "refuse each other",
        "standard output",
    ];
    for part in parts {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    assert_eq!(problems.len(), 11, "{shown}");
    assert!(shown.ends_with("parshall: 11 mistakes, all listed above; nothing was started\n"), "{shown}");
}

#[test]
fn a_problem_is_spelled_as_its_layer_spells_it() {
    let shown = complaint("run --", &[("PARSHALL_BURST", "600")]).to_string();
    let want = "parshall: PARSHALL_BURST cannot be \"600\": it is too large\n  asked for in the environment (PARSHALL_BURST); \
                possible: 1 to 512\n  give what is possible, or leave it out for its default, 32\n";
    assert_eq!(shown, want);
}

#[test]
fn check_config_finds_what_run_and_what_read_would_find_and_says_it_once() {
    let problems = complaint(
        "check-config",
        &[
            ("PARSHALL_BURST", "600"),
            ("PARSHALL_TCP_LINGER", "10m"),
            ("PARSHALL_RSS_IP", "1"),
            ("PARSHALL_RSS_UDP", "1"),
        ],
    );
    assert_eq!(problems.len(), 3, "{problems}");
    assert!(
        ask("check-config", &[("PARSHALL_EXIT_AT_EOF", "true")]).is_ok(),
        "the EAL's options are not known to a file"
    );
}
