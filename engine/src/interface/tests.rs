//! The choices for hosts that are not there.

use super::*;
use parshall_config::plan::Command;
use parshall_config::{Outcome, load};

fn plan(line: &str) -> RunPlan {
    let words = std::iter::once("parshall").chain(line.split_whitespace()).map(Into::into);
    match load(words.collect::<Vec<std::ffi::OsString>>(), []) {
        Ok(Outcome::Start(command)) => match *command {
            Command::Run(plan) => plan,
            other => panic!("{other:?}"),
        },
        other => panic!("{line}: {other:?}"),
    }
}

fn host() -> Host {
    let one = |name: &str, mtu, hardware, up, mirror_port| InterfaceFacts {
        name: name.to_owned(),
        up,
        mtu,
        hardware,
        queues: 4,
        mirror_port,
    };
    Host {
        interfaces: vec![
            one("down0", 1_500, 1, false, false),
            one("eth0", 1_500, 1, true, false),
            one("jumbo0", 9_000, 1, true, true),
            one("lo", 65_536, 772, true, false),
            one("span0", 1_500, 1, true, true),
            one("wg0", 1_420, 65_534, true, false),
        ],
        huge_free: 0,
        processors: vec![2, 5],
        may_open: true,
        may_administrate: true,
        may_use_xdp: true,
        process: 77,
    }
}

fn words(line: &str, host: &Host) -> String {
    resolve_on(&plan(line), host).expect("resolved").0.eal.join(" ")
}

#[test]
fn one_interface_becomes_all_the_words_that_a_user_would_have_typed() {
    let want = "--lcores 0@(2,5),1@5 --no-pci --no-huge --no-shconf -m 512 --no-telemetry --file-prefix=parshall77 \
                --vdev net_af_packet_eth0,iface=eth0,framesz=2048,blocksz=65536,framecnt=16384";
    assert_eq!(words("run -- --interface eth0", &host()), want);
}

#[test]
fn words_that_were_typed_stand_and_their_like_is_not_added() {
    let line = words("run -l 0-2 -a 0000:3b:00.0 --socket-mem=1024 --file-prefix x -- --interface eth0", &host());
    let want = "-l 0-2 -a 0000:3b:00.0 --socket-mem=1024 --file-prefix x --no-telemetry --vdev net_af_packet_eth0,";
    assert!(line.starts_with(want), "{line}");
    let huge = Host { huge_free: 1 << 30, ..host() };
    let line = words("run -- --interface eth0", &huge);
    assert!(line.contains(" --in-memory ") && !line.contains("--no-huge"), "{line}");
}

#[test]
fn only_a_mirror_port_that_the_host_does_not_use_is_taken_away_from_it() {
    #[rustfmt::skip]
    let cases = [
        ("--interface eth0",                                "net_af_packet_eth0,iface=eth0,"),
        ("--interface span0",                               "net_af_xdp_span0,iface=span0,queue_count=4"),
        ("--interface span0 --interface-driver af_packet",  "net_af_packet_span0,iface=span0,"),
        ("--interface eth0 --interface-driver af_xdp",      "net_af_xdp_eth0,iface=eth0,queue_count=4"),
        ("--interface jumbo0",                              "net_af_packet_jumbo0,iface=jumbo0,framesz=16384,blocksz=65536,framecnt=2048"),
        ("--interface lo",                                  "net_af_packet_lo,iface=lo,framesz=2048,"),
        ("--interface eth0 --nb-cores 2",                   ",qpairs=2"),
    ];
    for (options, part) in cases {
        let line = words(&format!("run -- {options}"), &host());
        assert!(line.contains(part), "{options}: {line}");
    }
    let weak = Host { may_use_xdp: false, ..host() };
    assert!(words("run -- --interface span0", &weak).contains("net_af_packet_span0"));
}

#[test]
fn long_frames_get_long_mbufs_and_workers_their_lcores() {
    let (resolved, _) =
        resolve_on(&plan("run -- --interface jumbo0 --interface-driver af_packet --workers 3"), &host())
            .expect("resolved");
    assert_eq!(resolved.mbuf_size, 16_384 + 128);
    assert_eq!(resolved.eal[1], "0@(2,5),1@5,2@2,3@5,4@2", "one polls, three account");
}

#[test]
fn any_is_every_interface_that_is_up_and_the_rings_share_a_bound() {
    let (resolved, notes) =
        resolve_on(&plan("run -- --interface any,eth0 --interface-driver af_packet"), &host()).expect("resolved");
    let devices: Vec<&String> = resolved.eal.iter().filter(|word| word.starts_with("net_")).collect();
    assert_eq!(devices.len(), 4, "{devices:?}");
    assert!(devices[0].ends_with("framecnt=8192") && notes.iter().any(|note| note.contains("wg0: not opened")));
    assert_eq!([1, 2, 3, 5, 16, 100].map(|ports| ring(ports, 2_048)), [16_384, 16_384, 8_192, 4_096, 2_048, 2_048]);
}

#[test]
fn what_cannot_be_had_is_one_sentence_each_with_its_remedy() {
    let errors = |line: &str, host: &Host| -> Vec<String> {
        let wrong = resolve_on(&plan(line), host).expect_err(line);
        wrong.iter().map(ToString::to_string).collect()
    };
    let said = errors("run -- --interface nosuch0,down0 --interface wg0", &host());
    assert_eq!(said.len(), 3);
    assert!(said[0].contains("--interface nosuch0: there is no such interface; give one of down0, eth0"), "{said:?}");
    assert!(said[1].contains("it is down; bring it up: ip link set down0 up"), "{said:?}");
    assert!(said[2].contains("not Ethernet (hardware type 65534)"), "{said:?}");
    let said = errors("run -- --interface eth0", &Host { may_open: false, ..host() });
    assert!(said[0].contains("CAP_NET_RAW") && said[0].contains("setcap"), "{said:?}");
}
