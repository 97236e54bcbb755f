//! `parshall run -- --interface`: one word instead of driver, EAL and memory options, on virtual wires in a network namespace of
//! its own. What the interfaces count is what the probe counts, or what is missing is told. Needs root and `ip`.

#![cfg(feature = "dpdk")]

mod support;

use std::process::{Command, Stdio};
use std::time::Instant;
use support::wire::{Server, Wire, inside, ip};
use support::{PATIENCE, at, closed_scrape, finish, folder, has, metric, records};

#[test]
fn under_tcp_traffic_the_probe_counts_what_the_interface_counts() {
    if !has("iperf3") {
        eprintln!("skipped: needs iperf3");
        return;
    }
    let (Some(wire), folder) = (Wire::new("tcp"), folder()) else { return };
    let before = wire.counted("left0");
    assert!(!wire.promiscuous("left0"));
    let (child, address) = wire.probe(&folder, &["--interface", "left0"]);
    assert!(wire.promiscuous("left0"));
    let mut listen = inside(&wire.right(), &["iperf3", "-s", "-1"]);
    let _server = Server::start(listen.stdout(Stdio::null()).stderr(Stdio::null()));
    let since = Instant::now();
    let talk = ["iperf3", "-c", "10.97.0.2", "-n", "2M", "-b", "40M"];
    while finish(inside(&wire.left(), &talk)).code != Some(0) {
        assert!(since.elapsed() < PATIENCE, "iperf3 does not connect");
    }
    let since = Instant::now();
    let scrape = loop {
        let scrape = wire.scrape(&address);
        if closed_scrape(&scrape) == wire.counted("left0") - before {
            break scrape;
        }
        assert!(since.elapsed() < PATIENCE, "{} by the kernel\n{scrape}", wire.counted("left0") - before);
    };
    assert!(scrape.contains("parshall_port_info{port=\"0\",name=\"left0\",driver=\"net_af_packet\"} 1\n"), "{scrape}");
    let kernel = metric(&scrape, "parshall_interface_rx_packets_total").0
        + metric(&scrape, "parshall_interface_tx_packets_total").0;
    assert_eq!(kernel as u64, closed_scrape(&scrape));
    assert_eq!(metric(&scrape, "parshall_interface_ring_dropped_packets_total"), (0.0, 1));
    child.signal("INT");
    child.end().ended_with(0);
    assert!(!wire.promiscuous("left0"), "it is left as it was found");
    let flows = records(&at(&folder, "out.jsonl"));
    let data =
        flows.iter().filter(|flow| flow["server_port"] == 5201).max_by_key(|flow| flow["c2s_payload_bytes"].as_u64());
    let data = data.expect("a flow");
    assert!(data["c2s_payload_bytes"].as_u64() >= Some(2 << 20), "{data}");
    assert!(data["s2c_packets"].as_u64() > Some(0), "both directions of it are seen: {data}");
}

/// Sends frames through a packet socket: a burst of datagrams, and two with VLAN tags.
const SENDER: &str = "
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('right0', 0))
def ip(port, n):
    return struct.pack('!BBHHHBBH4s4sHHHH', 0x45, 0, 32, n, 0, 64, 17, 0, bytes([10,96,0,1]), bytes([10,96,0,2]), 4000, port, 12, 0) + b'abcd'
eth = bytes([2,0,0,0,0,2, 2,0,0,0,0,1])
for n in range(int(sys.argv[1])): s.send(eth + b'\\x08\\x00' + ip(5000, n & 65535))
s.send(eth + b'\\x81\\x00\\x00\\x07\\x08\\x00' + ip(7, 1))
s.send(eth + b'\\x88\\xa8\\x00\\x09\\x81\\x00\\x00\\x07\\x08\\x00' + ip(9, 1))
";

#[test]
fn what_the_ring_has_no_room_for_is_counted_and_tags_that_the_kernel_strips_are_back() {
    const BURST: u64 = 40_000;
    let (Some(wire), folder) = (Wire::new("ring"), folder()) else { return };
    let before = wire.counted("left0");
    let (child, address) = wire.probe(&folder, &["--interface", "left0,lo"]);
    drop(finish(inside(&wire.right(), &["python3", "-c", SENDER, "0"])).ended_with(0));
    // Nothing polls now: the ring holds 16,384 frames, and the rest is lost before the probe.
    child.signal("STOP");
    drop(finish(inside(&wire.right(), &["python3", "-c", SENDER, &BURST.to_string()])).ended_with(0));
    child.signal("CONT");
    let sent = wire.counted("left0") - before;
    assert!(sent >= BURST + 4, "{sent}");
    let since = Instant::now();
    loop {
        let scrape = wire.scrape(&address);
        let of_left = |name: &str| {
            let line = scrape.lines().find(|line| line.starts_with(&format!("{name}{{port=\"0\"")));
            line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or(0.0) as u64
        };
        let (there, lost) =
            (of_left("parshall_port_rx_packets_total"), of_left("parshall_interface_ring_dropped_packets_total"));
        assert_eq!(of_left("parshall_port_rx_missed_packets_total"), lost);
        if there + lost == sent {
            assert!(lost >= 10_000 && there >= 16_384, "{there} frames, {lost} lost");
            break;
        }
        assert!(since.elapsed() < PATIENCE, "{sent} by the kernel\n{scrape}");
    }
    // What goes over the loopback interface is seen once, not as it is sent and as it is received.
    let hello = ["bash", "-c", "for n in 1 2 3; do echo hello > /dev/udp/127.0.0.1/5111; done"];
    drop(finish(inside(&wire.left(), &hello)).ended_with(0));
    // Nobody listens there, so each is answered by an ICMP message behind it.
    let answered = "parshall_protocol_packets_total{ip_version=\"4\",l4=\"icmp\"} 3\n";
    while !wire.scrape(&address).contains(answered) {
        assert!(since.elapsed() < PATIENCE, "{}", wire.scrape(&address));
    }
    child.signal("INT");
    let said = child.end();
    let flows = records(&at(&folder, "out.jsonl"));
    let to = |port: u64| flows.iter().filter(|flow| flow["server_port"] == port).cloned().collect::<Vec<_>>();
    assert_eq!(
        (to(7)[0]["vlan_ids"].to_string(), to(9)[0]["vlan_ids"].to_string()),
        ("[7]".to_owned(), "[9,7]".to_owned())
    );
    assert_eq!(support::packets(&to(5111)), 3, "{}", said.err);
}

#[test]
fn interfaces_that_cannot_be_had_are_one_sentence_each_with_its_remedy() {
    let Some(wire) = Wire::new("wrong") else { return };
    let probe = |options: &[&str]| {
        let words = [&[env!("CARGO_BIN_EXE_parshall"), "run", "--", "--listen", "off"], options].concat();
        finish(inside(&wire.left(), &words))
    };
    let said = probe(&["--interface", "absent0"]).ended_with(2);
    let sentences = said.sentences();
    assert_eq!(sentences.len(), 1, "{}", said.err);
    assert!(sentences[0].contains("--interface absent0: there is no such interface; give one of "), "{}", said.err);
    assert!(ip(&["-n", &wire.left(), "link", "set", "left0", "down"]));
    let said = probe(&["--interface", "left0"]).ended_with(1);
    assert!(said.sentences()[0].contains("it is down; bring it up: ip link set left0 up"), "{}", said.err);
    if !has("setpriv") {
        eprintln!("skipped: needs setpriv to become nobody");
        return;
    }
    let folder = folder();
    let binary = at(&folder, "parshall");
    std::fs::copy(env!("CARGO_BIN_EXE_parshall"), &binary).expect("a copy");
    let anybody = || std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), anybody()).expect("permissions");
    std::fs::set_permissions(&binary, anybody()).expect("permissions");
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&binary);
    let said = finish({
        nobody.args(["run", "--", "--listen", "off", "--interface", "lo"]);
        nobody
    });
    let said = said.ended_with(1);
    assert!(said.sentences()[0].contains("CAP_NET_RAW") && said.sentences()[0].contains("setcap"), "{}", said.err);
}
