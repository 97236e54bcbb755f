//! `parshall run` over TZSP: sockets that get what routers send, without EAL, hugepages or root; records, books, losses.

#![cfg(feature = "dpdk")]

mod support;

use serde_json::Value;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use support::{PATIENCE, Running, at, closed_scrape, folder, get, has, is_root, metric, records, text};

/// What MikroTik's sniffer and wireless sniffer put between header and frame, as (bytes of tags without the end).
const ALL_TAGS: &[u8] = &[
    0x0a, 1, 0xc5, // raw RSSI
    0x0b, 1, 0x1e, // SNR
    0x0c, 1, 0x6c, // data rate
    0x0d, 4, 0, 1, 2, 3, // timestamp
    0x0f, 1, 0, // contention free
    0x10, 1, 0, // decrypted
    0x11, 1, 0, // FCS error
    0x12, 1, 6, // channel
    0x3c, 4, 1, 2, 3, 4, // serial number of the sensor's radio
    0xf0, 0, // one that nobody knows, empty
];

fn header(protocol: u16) -> Vec<u8> {
    [[1, 0], protocol.to_be_bytes()].concat()
}

fn counted(number: u32, tags: &[u8]) -> Vec<u8> {
    [&header(1)[..], tags, &[0x28, 4], &number.to_be_bytes(), &[1]].concat()
}

/// IPv4 and UDP with `payload` bytes from 10.1.0.`host`:4000 to 10.2.0.1:53.
fn ip(host: u8, payload: usize) -> Vec<u8> {
    let (total, udp) = ((28 + payload as u16).to_be_bytes(), (8 + payload as u16).to_be_bytes());
    let mut bytes = vec![0x45, 0, total[0], total[1], 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 0, host, 10, 2, 0, 1];
    bytes.extend([0x0f, 0xa0, 0, 53, udp[0], udp[1], 0, 0]);
    bytes.resize(28 + payload, 0x55);
    bytes
}

fn ethernet(host: u8, payload: usize) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, host, 8, 0][..], &ip(host, payload)].concat()
}

/// An 802.11 data frame from a station to a distribution system, with LLC and SNAP.
fn wlan(host: u8, payload: usize) -> Vec<u8> {
    let mut frame = vec![0x08, 0x01, 0, 0];
    frame.extend([2; 18]);
    frame.extend([0, 0, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
    [frame, ip(host, payload)].concat()
}

/// A UDP port that was free a moment ago.
fn free(ip: &str) -> SocketAddr {
    UdpSocket::bind((ip, 0)).and_then(|socket| socket.local_addr()).expect("a free port")
}

/// The probe, listening; as a user without rights where that can be had.
fn listen(folder: &tempfile::TempDir, listeners: &[SocketAddr], more: &[&str]) -> (Running, String) {
    let binary = at(folder, "parshall");
    std::fs::copy(env!("CARGO_BIN_EXE_parshall"), &binary).expect("a copy");
    open(folder.path());
    open(&binary);
    let mut command = if is_root() && has("setpriv") {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&binary);
        command
    } else {
        Command::new(&binary)
    };
    let sink = format!("jsonl:{}", text(&at(folder, "out.jsonl")));
    command.args(["run", "--", "--listen", "127.0.0.1:0", "--publish-interval", "20ms", "--max-flows", "5000"]);
    command.args(["--sink", &sink]).args(more).stdout(Stdio::null());
    for address in listeners {
        command.arg(format!("--tzsp-listen={address}"));
    }
    let mut child = Running::start(&mut command);
    let address = child.address();
    (child, address)
}

fn open(path: &Path) {
    let anybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(path, anybody).expect("permissions");
}

/// Scrapes until `datagrams` are in the books; the last scrape.
fn scrape_until(address: &str, datagrams: u64) -> String {
    let since = Instant::now();
    loop {
        let text = get(address, "/metrics");
        if metric(&text, "parshall_packets_total").1 > 0 && closed_scrape(&text) >= datagrams {
            return text;
        }
        assert!(since.elapsed() < PATIENCE, "{text}");
    }
}

fn series(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    let value = line.unwrap_or_else(|| panic!("no {name} in\n{text}")).rsplit(' ').next();
    value.and_then(|value| value.parse().ok()).expect("a number")
}

fn of<'r>(records: &'r [Value], client: &str) -> &'r Value {
    let mut found = records.iter().filter(|record| record["client_ip"] == client);
    let record = found.next().unwrap_or_else(|| panic!("{client} has no record"));
    assert!(found.next().is_none(), "{client} has several records");
    record
}

/// What two routers stream to the two listeners; how many datagrams that are.
fn stream(four: SocketAddr, six: SocketAddr) -> u64 {
    let router = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let other = UdpSocket::bind("[::1]:0").expect("a socket");
    let mut sent = 0;
    let mut send = |socket: &UdpSocket, to: SocketAddr, parts: &[&[u8]]| {
        sent += 1;
        socket.send_to(&parts.concat(), to).expect("sent");
    };
    // A router as it does by default: no tag but the end.
    send(&router, four, &[&header(1), &[1], &ethernet(1, 100)]);
    send(&router, four, &[&header(1), &[1], &ethernet(1, 200)]);
    // All tags, padding without length around them; 4 and 5 are skipped, 5 comes after all.
    for number in [1, 2, 3, 6, 7, 5] {
        send(&router, four, &[&counted(number, &[&[0, 0], ALL_TAGS, &[0]].concat()), &ethernet(2, 50)]);
    }
    // Cut on its way: 500 bytes of payload, of which 20 came.
    send(&router, four, &[&header(1), &[0x29, 2, 0x02, 0x1e, 1], &ethernet(3, 500)[..62]]);
    // Another router, over IPv6, with numbers of its own: IP and 802.11 inside.
    for (number, inner) in [(70, ip(4, 10)), (90, ip(4, 10))] {
        send(&other, six, &[&[1, 0, 0, 7], &[0x28, 4], &u32::to_be_bytes(number), &[1], &inner]);
    }
    send(&other, six, &[&header(18), ALL_TAGS, &[1], &wlan(5, 30)]);
    // A keepalive, something that is no TZSP, and one that ends within its tags.
    send(&other, six, &[&[1, 4, 0, 0]]);
    send(&other, six, &[b"hello, parshall"]);
    send(&other, six, &[&header(1), &[0x0a]]);
    // Longer than there is room for.
    send(&other, six, &[&header(1), &[1], &ethernet(6, 20_000)]);
    sent
}

/// What the records have to say of that.
#[track_caller]
fn tell_of_the_streams(records: &[Value]) {
    let [one, two, cut, v6, wireless, long] = [1, 2, 3, 4, 5, 6].map(|host| of(records, &format!("10.1.0.{host}")));
    assert_eq!(
        (&one["c2s_packets"], &one["c2s_payload_bytes"], &one["server_port"]),
        (&2.into(), &300.into(), &53.into())
    );
    assert_eq!(one["encap"], serde_json::json!(["tzsp"]));
    assert_eq!((&one["outer_client_ip"], &one["outer_server_ip"]), (&"127.0.0.1".into(), &"127.0.0.1".into()));
    assert_eq!((&one["input_port"], &v6["input_port"]), (&1000.into(), &1001.into()));
    assert_eq!((&two["c2s_packets"], &two["c2s_payload_bytes"]), (&6.into(), &300.into()));
    assert_eq!((&cut["c2s_packets"], &cut["c2s_ip_bytes"]), (&1.into(), &528.into()), "what was cut still counts");
    assert_eq!((&v6["c2s_packets"], &v6["outer_client_ip"]), (&2.into(), &"::1".into()));
    assert_eq!((&wireless["c2s_payload_bytes"], &long["c2s_ip_bytes"]), (&30.into(), &20_028.into()));
}

#[test]
fn routers_streams_become_records_with_their_outer_endpoints_and_lost_numbers_are_counted() {
    let folder = folder();
    let (four, six) = (free("127.0.0.1"), free("::1"));
    let (child, address) = listen(&folder, &[four, six], &["--workers", "2"]);
    let sent = stream(four, six);
    let scrape = scrape_until(&address, sent);
    let (a, b) = (format!("{{listen=\"{four}\"}}"), format!("{{listen=\"{six}\"}}"));
    assert_eq!(series(&scrape, &format!("parshall_tzsp_datagrams_total{a}")), 9.0);
    assert_eq!(series(&scrape, &format!("parshall_tzsp_datagrams_total{b}")), 7.0);
    assert_eq!(series(&scrape, &format!("parshall_tzsp_truncated_datagrams_total{b}")), 1.0);
    let event = |of: SocketAddr, event| {
        series(&scrape, &format!("parshall_tzsp_sequence_events_total{{listen=\"{of}\",event=\"{event}\"}}"))
    };
    assert_eq!((event(four, "lost"), event(four, "late"), event(four, "repeated")), (2.0, 1.0, 0.0));
    assert_eq!((event(six, "lost"), event(six, "late")), (19.0, 0.0));
    assert_eq!(metric(&scrape, "parshall_tzsp_kernel_dropped_datagrams_total"), (0.0, 2));
    assert_eq!(metric(&scrape, "parshall_port_driver_rx_packets_total").0, sent as f64);

    child.signal("INT");
    let said = child.end().ended_with(0);
    assert!(!said.err.contains("EAL") && said.err.contains("all 16 frames accounted for"), "{}", said.err);
    let records = records(&at(&folder, "out.jsonl"));
    tell_of_the_streams(&records);
    assert!(records.iter().all(|record| record["end_reason"] == "shutdown"), "SIGINT ends live flows");
}

#[test]
fn what_the_socket_has_no_room_for_is_counted() {
    const DATAGRAMS: u64 = 150_000;
    let folder = folder();
    let four = free("127.0.0.1");
    let (child, address) = listen(&folder, &[four], &[]);
    let router = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    child.signal("STOP");
    let datagram = [&header(1)[..], &[1], &ethernet(1, 400)].concat();
    for _ in 0..DATAGRAMS {
        router.send_to(&datagram, four).expect("sent");
    }
    child.signal("CONT");
    let since = Instant::now();
    let scrape = loop {
        // How many were dropped is told with what comes after them.
        router.send_to(&datagram, four).expect("sent");
        let scrape = get(&address, "/metrics");
        if metric(&scrape, "parshall_tzsp_kernel_dropped_datagrams_total").0 > 0.0 {
            break scrape;
        }
        assert!(since.elapsed() < PATIENCE, "{scrape}");
    };
    assert!(metric(&scrape, "parshall_port_rx_missed_packets_total").0 > 0.0);
    child.signal("INT");
    child.end().ended_with(0);
    let there = support::packets(&records(&at(&folder, "out.jsonl")));
    assert!(there > 0 && there < DATAGRAMS, "{there}");
    let dropped = metric(&scrape, "parshall_tzsp_kernel_dropped_datagrams_total").0 as u64;
    assert!(there + dropped >= DATAGRAMS, "{there} in records, {dropped} dropped");
}

#[test]
fn addresses_that_cannot_be_listened_on_are_all_named_with_their_remedies() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let first = format!("--tzsp-listen={}", taken.local_addr().expect("an address"));
    let said =
        support::run(&["run", "--", "--listen", "off", &first, "--tzsp-listen=203.0.113.77:37008"]).ended_with(1);
    let sentences = said.sentences();
    assert_eq!(sentences.len(), 2, "{}", said.err);
    assert!(sentences[0].contains("another program listens there"), "{}", said.err);
    assert!(sentences[1].contains("give an address of this host"), "{}", said.err);
}
