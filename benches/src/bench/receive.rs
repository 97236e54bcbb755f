//! The receive loop with counters alone: poll, count packets and bytes, free. What is left is DPDK's.
//!
//! **Owns** that loop. **May touch** the engine's DPDK layer. **Order** run on a vdev beside `dpdk-testpmd` in rxonly mode;
//! prints packets a second in testpmd's words, once a second.

use parshall_engine::dpdk::plan::PcapFiles;
use parshall_engine::dpdk::vdev::{self, FileFacts, Vdev};
use parshall_engine::dpdk::{Eal, Poller, Pool, PoolSize, PortWish};
use parshall_engine::link::LinkType;
use parshall_engine::source::capture::facts::facts;
use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Lcores whose caches the pool has to fill: one that polls, and the main one.
const LCORES: usize = 2;
const CACHE: u16 = 250;

/// What is received.
#[derive(Debug, Default)]
struct Counts {
    packets: AtomicU64,
    bytes: AtomicU64,
    stop: AtomicBool,
}

/// Receives from queue 0 of port 0 for so many seconds.
///
/// # Errors
/// What DPDK refuses, and captures that cannot be read.
pub fn receive(eal_words: &[String], seconds: u64, burst: usize) -> Result<(), Box<dyn Error>> {
    let files = files(eal_words)?;
    let eal = Eal::start(eal_words)?;
    let lcore = eal.worker_lcores().first().ok_or("name two lcores with -l")?.id;
    let port = eal.port(0)?;
    let wish = PortWish { pcap: files, ..PortWish::plain(1) };
    let plan = port.plan(&wish)?;
    let pool = Pool::create(&eal, "bench", PoolSize::for_ports(&[&plan], LCORES, CACHE, None)?, port.facts().socket)?;
    let mut port = port.start(&plan, &pool)?;
    let counts = Counts::default();
    let queue = port.split().0.remove(0);
    eal.scope(|scope| {
        scope.launch(lcore, |here| poll(queue.on(here), burst, &counts))?;
        tell(&counts, seconds);
        counts.stop.store(true, Ordering::Relaxed);
        Ok::<(), Box<dyn Error>>(())
    })?;
    port.stop()?;
    Ok(())
}

/// The files behind the net_pcap vdev, which the driver cannot count.
fn files(eal_words: &[String]) -> Result<Option<PcapFiles>, Box<dyn Error>> {
    let Some(device) = vdev::parse(eal_words).iter().find_map(Vdev::pcap) else { return Ok(None) };
    let mut files = Vec::new();
    for path in device.files().unwrap_or_default() {
        let about = facts(path)?;
        let (packets, longest_captured) = (about.packets, about.longest_captured);
        files.push(FileFacts { packets, longest_captured, link: LinkType::ETHERNET });
    }
    Ok(Some(PcapFiles { infinite: device.infinite, files }))
}

/// The loop that is measured.
fn poll(mut poller: Poller<'_, '_>, burst: usize, counts: &Counts) {
    let (mut packets, mut bytes) = (0, 0);
    while !counts.stop.load(Ordering::Relaxed) {
        packets += poller.poll(burst, |arrival| bytes += u64::from(arrival.len)) as u64;
        counts.packets.store(packets, Ordering::Relaxed);
        counts.bytes.store(bytes, Ordering::Relaxed);
    }
}

/// Says once a second what was received in it.
fn tell(counts: &Counts, seconds: u64) {
    let (mut before, mut at) = (0, Instant::now());
    for _ in 0..seconds {
        std::thread::sleep(Duration::from_secs(1));
        let (packets, now) = (counts.packets.load(Ordering::Relaxed), Instant::now());
        let rate = (packets - before) as f64 / now.duration_since(at).as_secs_f64();
        println!("  Rx-pps: {rate:.0}  bytes: {}", counts.bytes.load(Ordering::Relaxed));
        (before, at) = (packets, now);
    }
}
