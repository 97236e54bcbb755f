//! Who attacks the endpoint stops neither the capture nor, for longer than the attack, the endpoint: requests that drip, floods of
//! connections, garbage, and clients that ask for much and read nothing.

#![cfg(feature = "dpdk")]

mod support;

use parshall_benches::synth::load::draw::Access;
use parshall_benches::synth::load::{Generator, Load};
use parshall_benches::synth::pcap::PcapWriter;
use parshall_engine::link::LinkType;
use std::io::{BufWriter, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::endless::{command, frames_beyond};
use support::{Running, at, eal, folder, get, parshall, text, until};

/// Connections that the endpoint takes at once.
const CONNECTIONS: usize = 64;

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the gate accepts");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
    stream
}

/// The first line of what is answered to a request; empty when the connection is cut before.
fn answered(address: &str, request: &[u8]) -> String {
    let mut stream = connect(address);
    let _ = stream.write_all(request);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

fn request(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

/// Waits until `/metrics` is answered; gives the frames in it, whose books close.
fn answered_again(address: &str) -> u64 {
    let since = Instant::now();
    while !answered(address, &request("/metrics")).contains(" 200 ") {
        assert!(since.elapsed() < Duration::from_secs(60), "/metrics is not answered");
        std::thread::sleep(Duration::from_millis(20));
    }
    frames_beyond(address, 0)
}

#[test]
fn requests_that_drip_take_places_but_no_frame() {
    let folder = folder();
    let mut child = Running::start(command(&folder, &[]).stdout(Stdio::null()));
    let address = child.address();
    let before = frames_beyond(&address, 0);
    let mut dripping: Vec<TcpStream> = Vec::new();
    let mut drip = |many: usize| {
        dripping.resize_with(many, || connect(&address));
        dripping.iter_mut().for_each(|stream| drop(stream.write_all(b"G")));
    };
    // One place is left: the capture is seen to go on.
    drip(CONNECTIONS - 1);
    let during = frames_beyond(&address, before);
    let since = Instant::now();
    loop {
        drip(CONNECTIONS + 8);
        let line = answered(&address, &request("/metrics"));
        if line.contains(" 503 ") {
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "a full house: {line}");
    }
    drop(dripping);
    assert!(answered_again(&address) >= during);
    frames_beyond(&address, during);
    child.signal("TERM");
    child.end().ended_with(0);
}

/// What a flood sends: nothing, TLS, a request whose answer nobody reads, a head without end.
const KINDS: [&[u8]; 4] =
    [b"", b"\x16\x03\x01\x02\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", &[b'a'; 70_000]];

/// Of a flood it is chance how many are read before their senders leave; of those who wait for the answer none is missed.
fn refused_are_counted(address: &str) {
    // The gate refuses a head without end itself; its answer may be cut off by what it did not read.
    for _ in 0..20 {
        answered(address, KINDS[3]);
    }
    let row = "parshall_http_requests_total{code=\"4xx\"} 20";
    until("the refused requests", || get(address, "/metrics").lines().any(|line| line == row).then_some(()));
}

#[test]
fn a_flood_of_connections_ends_and_leaves_nothing_behind() {
    let folder = folder();
    let mut child = Running::start(command(&folder, &[]).stdout(Stdio::null()));
    let address = child.address();
    let before = frames_beyond(&address, 0);
    refused_are_counted(&address);
    let (over, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let attackers: Vec<_> = (0..8_usize)
        .map(|n| {
            let (address, over, made) = (address.clone(), over.clone(), made.clone());
            let bytes = KINDS[n % KINDS.len()];
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let _ = connect(&address).write_all(bytes);
                    made.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let since = Instant::now();
    while made.load(Ordering::Relaxed) < 2000 {
        assert!(since.elapsed() < Duration::from_secs(60), "the gate accepts");
        std::thread::sleep(Duration::from_millis(5));
    }
    over.store(true, Ordering::Relaxed);
    attackers.into_iter().for_each(|attacker| attacker.join().expect("no panic"));
    assert!(answered_again(&address) > before);
    child.signal("TERM");
    child.end().ended_with(0);
}

/// A capture of ten thousand TCP flows with data.
fn many_flows(folder: &tempfile::TempDir) -> String {
    let load = Load { flows: 10_000, access: Access::Turns, ..Load::default() };
    let mut generator = Generator::new(&load).expect("a load");
    let path = at(folder, "many.pcap");
    let mut file = BufWriter::new(std::fs::File::create(&path).expect("a file"));
    let mut writer = PcapWriter::new(&mut file, LinkType::ETHERNET, false, None).expect("a header");
    let mut frame = Vec::new();
    for _ in 0..30_000 {
        let time = generator.fill(&mut frame);
        writer.frame(time.0, &frame, frame.len() as u32).expect("a frame");
    }
    file.flush().expect("a file");
    text(&path).to_owned()
}

#[test]
fn clients_that_ask_for_much_and_read_nothing_are_refused_before_their_answers_fill_memory() {
    let folder = folder();
    let vdev = format!("net_pcap0,rx_pcap={},infinite_rx=1", many_flows(&folder));
    let words = ["--lcores", "0@0,1@(0-1)", "--vdev", &vdev, "--", "--listen", "127.0.0.1:0", "--max-flows", "20000"];
    let mut child = Running::start(parshall(&eal(&words)).stdout(Stdio::null()));
    let address = child.address();
    let before = frames_beyond(&address, 0);
    // Longer than what the buffers of four sockets take.
    let (path, since) = ("/api/v1/flows?top=10000", Instant::now());
    while get(&address, path).len() < 10 << 20 {
        assert!(since.elapsed() < Duration::from_secs(60), "the flows are told");
        std::thread::sleep(Duration::from_millis(100));
    }
    let asked = request(path);
    let mut lazy: Vec<TcpStream> = Vec::new();
    // Each takes as much of the backlog as its answer is long, until there is no more.
    loop {
        assert!(lazy.len() < CONNECTIONS, "none was refused");
        let mut stream = connect(&address);
        stream.write_all(&asked).expect("a request");
        let mut line = [0; 12];
        stream.read_exact(&mut line).expect("an answer");
        if line.ends_with(b"503") {
            break;
        }
        lazy.push(stream);
    }
    assert!(!lazy.is_empty() && lazy.len() < CONNECTIONS - 2, "{} answers found room", lazy.len());
    let during = frames_beyond(&address, before);
    drop(lazy);
    while !answered(&address, &asked).contains(" 200 ") {
        assert!(since.elapsed() < Duration::from_secs(120), "the backlog is let go");
    }
    frames_beyond(&address, during);
    child.signal("TERM");
    child.end().ended_with(0);
}
