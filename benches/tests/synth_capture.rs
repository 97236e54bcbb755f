//! Whole captures: reproducible, consistent with their truth, and acceptable to readers that know nothing of the model.

#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

use etherparse::{NetSlice, SlicedPacket, TcpSlice, TransportSlice};
use parshall_benches::synth::artefacts::Artefacts;
use parshall_benches::synth::compare::{Keys, compare};
use parshall_benches::synth::compose::{Capture, Choice, Order, compose};
use parshall_benches::synth::scenario::SCENARIOS;
use parshall_benches::synth::truth::flow::FlowTruth;
use parshall_config::plan::Timeouts;
use parshall_engine::packet::Outcome;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

fn all(seed: u64) -> Order {
    Order { seed, sessions: SCENARIOS.len() as u64, choice: Choice::All, ..Order::default() }
}

fn one(name: &str, sessions: u64) -> Order {
    Order { sessions, choice: Choice::One(name.to_owned()), ..Order::default() }
}

/// FNV-1a over everything that a capture's files hold.
fn digest(capture: &Capture) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut eat =
        |bytes: &[u8]| bytes.iter().for_each(|byte| hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    for frame in &capture.frames {
        eat(&frame.time.0.to_le_bytes());
        eat(&frame.wire_len.to_le_bytes());
        eat(&frame.bytes);
    }
    capture.truths.iter().for_each(|truth| eat(truth.line().to_string().as_bytes()));
    capture.anomalies.iter().for_each(|anomaly| eat(serde_json::to_string(anomaly).unwrap().as_bytes()));
    eat(serde_json::to_string(&capture.books).unwrap().as_bytes());
    hash
}

#[test]
fn one_seed_gives_one_capture_on_every_machine() {
    let capture = compose(&all(1)).unwrap();
    assert_eq!(digest(&capture), digest(&compose(&all(1)).unwrap()));
    assert_ne!(digest(&capture), digest(&compose(&all(2)).unwrap()));
    // Written down once. It changes with every change of the generator, and with nothing else.
    assert_eq!(format!("{:016x}", digest(&capture)), DIGEST);
}

const DIGEST: &str = "622d845f03fa037f";

#[test]
fn sessions_do_not_depend_on_those_before_them() {
    // Frames of session 0 are the same whether one or three sessions are played.
    let (few, more) = (
        compose(&one("tcp_random", 1)).unwrap(),
        compose(&Order { span: Some(20_000_000), ..one("tcp_random", 3) }).unwrap(),
    );
    let bytes: HashSet<&[u8]> = more.frames.iter().map(|frame| frame.bytes.as_slice()).collect();
    assert!(few.frames.iter().all(|frame| bytes.contains(frame.bytes.as_slice())));
}

#[test]
fn every_frame_is_in_one_record_or_has_another_outcome() {
    for seed in 1..4 {
        let capture = compose(&all(seed)).unwrap();
        let flow = capture.outcomes.iter().filter(|outcome| **outcome == Outcome::Flow).count() as u64;
        assert_eq!(capture.outcomes.len(), capture.frames.len());
        assert_eq!(capture.books.outcomes.values().sum::<u64>(), capture.books.frames);
        assert_eq!(capture.books.outcomes["flow"], flow);
        assert_eq!(capture.truths.iter().map(|truth| truth.packets).sum::<u64>(), flow);
        assert_eq!(capture.books.record_packets, flow);
        assert!(flow < capture.books.frames, "all scenarios include frames without a flow");
        assert!(capture.frames.is_sorted_by_key(|frame| frame.time));
        assert!(capture.truths.is_sorted_by_key(FlowTruth::order));
    }
}

#[test]
fn truth_agrees_with_itself_through_the_comparison() {
    let capture = compose(&all(3)).unwrap();
    let lines: Vec<Value> = capture.truths.iter().map(FlowTruth::line).collect();
    let result = compare(&lines, &lines, &Keys::default());
    assert!(result.agrees());
    assert_eq!(result.matched, capture.books.records);
}

/// Packets and IP bytes of both directions by protocol and ends, from the frames' bytes alone.
type Sums = BTreeMap<(u8, [(IpAddr, u16); 2]), [u64; 4]>;

fn ends(source: (IpAddr, u16), destination: (IpAddr, u16)) -> ([(IpAddr, u16); 2], usize) {
    if source <= destination { ([source, destination], 0) } else { ([destination, source], 1) }
}

fn sums_of_frames(capture: &Capture) -> Sums {
    let mut sums = Sums::new();
    let flows = capture.frames.iter().zip(&capture.outcomes).filter(|(_, outcome)| **outcome == Outcome::Flow);
    for (frame, _) in flows {
        let packet = SlicedPacket::from_ethernet(&frame.bytes).unwrap();
        let (source, destination, length, protocol) = match packet.net.as_ref().unwrap() {
            NetSlice::Ipv4(v4) => {
                let header = v4.header();
                let protocol = v4.payload().ip_number.0;
                let (from, to) = (IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr()));
                (from, to, u64::from(header.total_len()), protocol)
            }
            NetSlice::Ipv6(v6) => {
                let header = v6.header();
                let protocol = v6.payload().ip_number.0;
                let (from, to) = (IpAddr::V6(header.source_addr()), IpAddr::V6(header.destination_addr()));
                (from, to, 40 + u64::from(header.payload_length()), protocol)
            }
            other => panic!("{other:?}"),
        };
        let ports = match packet.transport {
            Some(TransportSlice::Tcp(tcp)) => (tcp.source_port(), tcp.destination_port()),
            Some(TransportSlice::Udp(udp)) => (udp.source_port(), udp.destination_port()),
            _ => (0, 0),
        };
        let (key, side) = ends((source, ports.0), (destination, ports.1));
        let sum = sums.entry((protocol, key)).or_default();
        sum[2 * side] += 1;
        sum[2 * side + 1] += length;
    }
    sums
}

fn sums_of_truth(capture: &Capture) -> Sums {
    let mut sums = Sums::new();
    for truth in &capture.truths {
        let number = |key: &str| truth.get(key).and_then(Value::as_u64).unwrap();
        let ports = if matches!(truth.protocol, 6 | 17) { (truth.client_port, truth.server_port) } else { (0, 0) };
        let (key, side) = ends((truth.client_ip, ports.0), (truth.server_ip, ports.1));
        let sum = sums.entry((truth.protocol, key)).or_default();
        for (prefix, at) in [("c2s", side), ("s2c", 1 - side)] {
            sum[2 * at] += number(&format!("{prefix}_packets"));
            sum[2 * at + 1] += number(&format!("{prefix}_ip_bytes"));
        }
    }
    sums
}

#[test]
fn an_independent_reader_of_the_frames_counts_the_same_as_the_truth() {
    // etherparse does not follow fragments to their ports, cannot read headers that lie, and wants whole packets.
    let apart = ["fragments", "bad_", "beyond", "zero_total", "short_udp", "snapped"];
    for scenario in SCENARIOS.iter().filter(|one| !apart.iter().any(|word| one.name.starts_with(word))) {
        for seed in 1..3 {
            let capture = compose(&Order { seed, ..one(scenario.name, 3) }).unwrap();
            assert_eq!(sums_of_frames(&capture), sums_of_truth(&capture), "{} seed {seed}", scenario.name);
        }
    }
}

/// One direction as its frames show it: positions by sequence number, and unique payload, payload sent again, segments
/// sent again.
#[derive(Default)]
struct Direction {
    positions: HashSet<u32>,
    counts: [u64; 3],
}

impl Direction {
    fn take(&mut self, tcp: &TcpSlice<'_>) {
        let length = tcp.payload().len() as u64;
        let first = tcp.sequence_number().wrapping_add(u32::from(tcp.syn()));
        let end = first.wrapping_add(length as u32);
        let fresh = (0..length as u32).filter(|at| self.positions.insert(first.wrapping_add(*at))).count() as u64;
        let mut again = fresh < length;
        again |= tcp.syn() && !self.positions.insert(tcp.sequence_number());
        again |= tcp.fin() && !self.positions.insert(end);
        for (count, more) in self.counts.iter_mut().zip([fresh, length - fresh, u64::from(again)]) {
            *count += more;
        }
    }
}

type End = (IpAddr, u16);

fn directions_of_frames(capture: &Capture) -> HashMap<(End, End), Direction> {
    let mut seen: HashMap<(End, End), Direction> = HashMap::new();
    for frame in &capture.frames {
        let packet = SlicedPacket::from_ethernet(&frame.bytes).unwrap();
        let (net, Some(TransportSlice::Tcp(tcp))) = (packet.net.unwrap(), packet.transport) else { continue };
        let (from, to) = match &net {
            NetSlice::Ipv4(v4) => (IpAddr::V4(v4.header().source_addr()), IpAddr::V4(v4.header().destination_addr())),
            NetSlice::Ipv6(v6) => (IpAddr::V6(v6.header().source_addr()), IpAddr::V6(v6.header().destination_addr())),
            other => panic!("{other:?}"),
        };
        seen.entry(((from, tcp.source_port()), (to, tcp.destination_port()))).or_default().take(&tcp);
    }
    seen
}

/// Sequence numbers taken from the wire and laid out position by position, modulo 2^32: a second count of what the model
/// counted from its own offsets.
#[test]
fn sequence_numbers_on_the_wire_say_what_the_truth_says() {
    let scenarios = [
        "tcp_random",
        "tcp_lossy",
        "tcp_options",
        "sequence_wrap",
        "tcp_bulk",
        "capture_loss",
        "mirror_duplicates",
        "offload",
        "zero_window_bytes",
        "keep_alive_byte",
        "repacketized",
    ];
    for scenario in scenarios {
        let capture = compose(&Order { seed: 7, ..one(scenario, 12) }).unwrap();
        let seen = directions_of_frames(&capture);
        for truth in capture.truths.iter().filter(|truth| truth.record_seq == 0) {
            let client = (truth.client_ip, truth.client_port);
            let server = (truth.server_ip, truth.server_port);
            for (prefix, way) in [("c2s_", (client, server)), ("s2c_", (server, client))] {
                let have = seen.get(&way).map_or([0; 3], |direction| direction.counts);
                let want = ["unique_bytes", "retx_bytes", "retx_packets"]
                    .map(|name| truth.get(&format!("{prefix}{name}")).and_then(Value::as_u64).unwrap());
                assert_eq!(have, want, "{scenario} {prefix} {}", truth.line());
            }
        }
    }
}

#[test]
fn times_are_those_that_the_file_can_hold() {
    let micro = compose(&all(5)).unwrap();
    assert!(micro.frames.iter().all(|frame| frame.time.0 % 1000 == 0));
    assert!(micro.truths.iter().all(|truth| truth.start_ns % 1000 == 0 && truth.end_ns % 1000 == 0));
    let nano = compose(&Order { nanoseconds: true, ..all(5) }).unwrap();
    assert!(nano.frames.iter().any(|frame| frame.time.0 % 1000 != 0));
    assert_eq!(nano.frames.len(), micro.frames.len());
}

#[test]
fn a_snap_length_cuts_frames_and_not_the_truth() {
    let (whole, cut) = (compose(&all(6)).unwrap(), compose(&Order { snap: Some(160), ..all(6) }).unwrap());
    assert!(cut.frames.iter().all(|frame| frame.bytes.len() <= 160));
    let lines = |capture: &Capture| capture.truths.iter().map(FlowTruth::line).collect::<Vec<_>>();
    assert_eq!(lines(&whole), lines(&cut));
    assert!(compose(&Order { snap: Some(80), ..all(6) }).is_err());
}

#[test]
fn an_active_timeout_cuts_records_and_loses_no_packet() {
    let timeouts = Timeouts { active: Some(Duration::from_secs(300)), ..Timeouts::default() };
    for name in ["udp_long", "long_lived", "tcp_random"] {
        let (whole, cut) = (compose(&one(name, 3)).unwrap(), compose(&Order { timeouts, ..one(name, 3) }).unwrap());
        let packets = |capture: &Capture| capture.truths.iter().map(|truth| truth.packets).sum::<u64>();
        assert_eq!(packets(&whole), packets(&cut));
        let cuts = cut.truths.iter().filter(|truth| truth.get("end_reason") == Some(&"active".into())).count();
        assert_eq!(cut.truths.len(), whole.truths.len() + cuts);
        assert_eq!(cuts > 0, name != "tcp_random", "{name}");
    }
}

#[test]
fn without_linger_what_trails_is_a_flow_of_its_own() {
    let timeouts = Timeouts { tcp_linger: Duration::ZERO, ..Timeouts::default() };
    let capture = compose(&Order { timeouts, ..one("trailing_after_close", 1) }).unwrap();
    let midstream: Vec<_> = capture.truths.iter().map(|truth| truth.get("midstream").cloned()).collect();
    // The connection; then the FIN that came again with its ACK and, while that flow waits, the keep-alive.
    assert_eq!(midstream, [Some(false.into()), Some(true.into())]);
    assert_eq!(capture.truths[1].packets, 4);
}

#[test]
fn files_hold_what_the_capture_holds() {
    let order = all(2);
    let capture = compose(&order).unwrap();
    let folder = std::env::temp_dir().join(format!("parshall-synth-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let files = Artefacts::beside(&folder.join("x.pcap"));
    files.write(&capture, &order).unwrap();
    let lines = |path| std::fs::read_to_string(path).unwrap().lines().count() as u64;
    assert_eq!(lines(&files.truth), capture.books.records);
    assert_eq!(lines(&files.anomalies), capture.anomalies.len() as u64);
    let size = std::fs::metadata(&files.pcap).unwrap().len();
    assert_eq!(size, 24 + 16 * capture.books.frames + capture.books.captured_bytes);
    std::fs::remove_dir_all(&folder).unwrap();
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 80, ..Default::default() })]

    #[test]
    fn any_scenario_can_be_played_with_any_seed_and_any_timeouts(
        seed: u64, scenario in 0..SCENARIOS.len(), idle in 1..400_u64, linger in 0..20_u64, active in 0..600_u64,
    ) {
        let timeouts = Timeouts {
            tcp_idle: Duration::from_secs(idle),
            udp_idle: Duration::from_secs(idle / 2 + 1),
            tcp_linger: Duration::from_secs(linger),
            active: (active > 0).then(|| Duration::from_secs(active)),
            ..Timeouts::default()
        };
        for timeouts in [timeouts, Timeouts::default()] {
            let capture = compose(&Order { seed, timeouts, ..one(SCENARIOS[scenario].name, 2) }).unwrap();
            proptest::prop_assert_eq!(capture.books.record_packets, capture.books.outcomes["flow"]);
        }
    }
}
