//! The receive loop with counters alone: poll, count packets and bytes, free. What is left is DPDK's.
//!
//! A net_ring has no other end: this process fills its ring, then empties it, and only the latter is timed.
//!
//! **Owns** that loop. **May touch** the engine's DPDK layer. **Order** run on a vdev beside `dpdk-testpmd` in rxonly mode;
//! prints packets a second in testpmd's words, once a second.

use parshall_engine::dpdk::plan::PcapFiles;
use parshall_engine::dpdk::vdev::{self, FileFacts, Vdev};
use parshall_engine::dpdk::{Eal, Poller, Pool, PoolSize, PortWish, RingFeed};
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
    /// Time in which they were received. Unit: nanoseconds.
    nanos: AtomicU64,
    stop: AtomicBool,
}

/// Frames that are put into a ring at once, which has room for 1,023.
const FILL: usize = 512;

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
    let ring = vdev::parse(eal_words).into_iter().map(|device| device.name).find(|name| name.starts_with("net_ring"));
    let queue = port.split().0.remove(0);
    eal.scope(|scope| {
        scope.launch(lcore, |here| match &ring {
            None => poll(queue.on(here), burst, &counts),
            Some(device) => match RingFeed::new(device, &queue, &pool, here) {
                Ok(feed) => poll_ring(queue.on(here), feed, burst, &counts),
                Err(error) => eprintln!("{error}"),
            },
        })?;
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

/// The same, timed while it empties the ring. The last poll of a round finds nothing, and frees what the one before it gave.
fn poll_ring(mut poller: Poller<'_, '_>, mut feed: RingFeed<'_>, burst: usize, counts: &Counts) {
    let (mut packets, mut bytes, mut nanos) = (0, 0, 0);
    while !counts.stop.load(Ordering::Relaxed) {
        (0..FILL).take_while(|_| feed.put(&[0; 60])).for_each(drop);
        let began = Instant::now();
        loop {
            let came = poller.poll(burst, |arrival| bytes += u64::from(arrival.len));
            packets += came as u64;
            if came == 0 {
                break;
            }
        }
        nanos += began.elapsed().as_nanos() as u64;
        counts.nanos.store(nanos, Ordering::Relaxed);
        counts.packets.store(packets, Ordering::Relaxed);
        counts.bytes.store(bytes, Ordering::Relaxed);
    }
}

/// Says once a second what was received in it.
fn tell(counts: &Counts, seconds: u64) {
    let (mut before, mut at, began) = (0, 0, Instant::now());
    for _ in 0..seconds {
        std::thread::sleep(Duration::from_secs(1));
        let packets = counts.packets.load(Ordering::Relaxed);
        let now = match counts.nanos.load(Ordering::Relaxed) {
            0 => began.elapsed().as_nanos() as u64,
            timed => timed,
        };
        let rate = (packets - before) as f64 / Duration::from_nanos(now - at).as_secs_f64();
        println!("  Rx-pps: {rate:.0}  bytes: {}", counts.bytes.load(Ordering::Relaxed));
        (before, at) = (packets, now);
    }
}
