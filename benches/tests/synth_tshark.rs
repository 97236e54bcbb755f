//! Captures as tshark reads them: nothing malformed but what was meant to be, checksums right, conversations as in the
//! truth. Skipped, with a message, where tshark is not installed.

#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

use parshall_benches::synth::artefacts::Artefacts;
use parshall_benches::synth::compose::{Capture, Choice, Order, compose};
use parshall_benches::synth::scenario::SCENARIOS;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// Reading without reassembly: tshark takes the overlaps of retransmissions for errors of the layers above.
const PREFERENCES: &[&str] = &[
    "tcp.desegment_tcp_streams:FALSE",
    "ip.defragment:FALSE",
    "ipv6.defragment:FALSE",
    "ip.check_checksum:TRUE",
    "tcp.check_checksum:TRUE",
    "udp.check_checksum:TRUE",
    "sctp.checksum:CRC 32c",
];

const FIELDS: &[&str] = &[
    "_ws.malformed",
    "ip.checksum.status",
    "tcp.checksum.status",
    "udp.checksum.status",
    "icmp.checksum.status",
    "icmpv6.checksum.status",
    "igmp.checksum.status",
    "sctp.checksum.status",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
];

/// Rows of cells, one row a frame; `None` without tshark.
fn tshark(capture: &Capture, order: &Order, name: &str) -> Option<Vec<Vec<String>>> {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: tshark is not installed");
        return None;
    }
    let folder: PathBuf = std::env::temp_dir().join(format!("parshall-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let files = Artefacts::beside(&folder.join("x.pcap"));
    files.write(capture, order).unwrap();
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-E", "separator=;", "-E", "occurrence=f", "-r"]).arg(&files.pcap);
    command.args(PREFERENCES.iter().flat_map(|one| ["-o", one]));
    command.args(FIELDS.iter().flat_map(|one| ["-e", one]));
    let output = command.output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| line.split(';').map(str::to_owned).collect()).collect())
}

fn order() -> Order {
    Order { seed: 11, sessions: 2 * SCENARIOS.len() as u64, choice: Choice::All, ..Order::default() }
}

#[test]
fn tshark_finds_nothing_malformed_but_what_was_meant_to_be() {
    let capture = compose(&order()).unwrap();
    let Some(rows) = tshark(&capture, &order(), "malformed") else { return };
    assert_eq!(rows.len(), capture.frames.len());
    let mut checked = 0;
    for (number, (row, frame)) in rows.iter().zip(&capture.frames).enumerate() {
        let cut = frame.bytes.len() < frame.wire_len as usize;
        if capture.flaws[number].is_some() || cut {
            continue;
        }
        assert_eq!(row[0], "", "frame {}: {row:?}", number + 1);
        // 1 is good, 2 unverified, 3 not present, 0 bad. Fragments cannot be verified.
        let statuses = &row[1..8];
        assert!(statuses.iter().all(|status| status != "0"), "frame {}: {row:?}", number + 1);
        checked += statuses.iter().filter(|status| *status == "1").count();
    }
    assert!(checked > capture.frames.len(), "{checked} checksums of {} frames", capture.frames.len());
}

/// Packets by protocol and ends, the lower end first, in each direction.
type Conversations = BTreeMap<(u8, String, String), [u64; 2]>;

fn add(conversations: &mut Conversations, protocol: u8, from: String, to: String, packets: u64) {
    let (key, side) = if from <= to { ((protocol, from, to), 0) } else { ((protocol, to, from), 1) };
    conversations.entry(key).or_default()[side] += packets;
}

#[test]
fn conversations_of_tshark_are_those_of_the_truth() {
    let capture = compose(&order()).unwrap();
    let Some(rows) = tshark(&capture, &order(), "conversations") else { return };
    let mut theirs = Conversations::new();
    for row in &rows {
        let [a, b, a6, b6, tcp_a, tcp_b, udp_a, udp_b] = &row[8..] else { panic!("{row:?}") };
        let (a, b) = if a.is_empty() { (a6, b6) } else { (a, b) };
        for (protocol, from, to) in [(6, tcp_a, tcp_b), (17, udp_a, udp_b)] {
            if !from.is_empty() {
                add(&mut theirs, protocol, format!("{a} {from}"), format!("{b} {to}"), 1);
            }
        }
    }
    // Fragments have no ports without reassembly; an ICMP error repeats the ports of what it quotes; a frame that ends
    // inside the ports has none.
    let apart = ["fragments", "unreachable", "truncated"];
    let mut ours = Conversations::new();
    for truth in capture.truths.iter().filter(|truth| matches!(truth.protocol, 6 | 17)) {
        let number = |key: &str| truth.get(key).and_then(Value::as_u64).unwrap();
        let (client, server) = (
            format!("{} {}", truth.client_ip, truth.client_port),
            format!("{} {}", truth.server_ip, truth.server_port),
        );
        if apart.iter().any(|word| truth.scenario.starts_with(word)) {
            theirs.retain(|(_, a, b), _| [a, b] != [&client, &server] && [a, b] != [&server, &client]);
            continue;
        }
        add(&mut ours, truth.protocol, client.clone(), server.clone(), number("c2s_packets"));
        add(&mut ours, truth.protocol, server, client, number("s2c_packets"));
    }
    for (key, packets) in &ours {
        assert_eq!(theirs.get(key), Some(packets), "{key:?}");
    }
    // What tshark has beside: packets without a flow, of which it reads more than the contract accepts.
    let beside = theirs.keys().filter(|key| !ours.contains_key(*key)).count() as u64;
    assert!(beside <= capture.books.outcomes["malformed"] + capture.books.outcomes["fragment_orphan"], "{beside}");
    assert!(ours.len() > 150, "{}", ours.len());
}
