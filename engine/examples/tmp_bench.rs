//! tmp
use parshall_config::plan::*;
use parshall_engine::*;
use source::*;
use std::time::Instant;
fn frame(flow: u64, dir: bool, seq: u32, ack: u32, payload: u16) -> Vec<u8> {
    let mut f = vec![0u8; 60.max(54 + payload as usize)];
    f[12] = 8;
    f[14] = 0x45;
    f[16..18].copy_from_slice(&(40 + payload).to_be_bytes());
    f[22] = 64;
    f[23] = 6;
    let c = (0x0a000000u32 + (flow / 50000) as u32).to_be_bytes();
    let s = 0xc0a80001u32.to_be_bytes();
    let cp = (1024 + (flow % 50000) as u16).to_be_bytes();
    let sp = 443u16.to_be_bytes();
    let (a, b, p, q) = if dir { (c, s, cp, sp) } else { (s, c, sp, cp) };
    f[26..30].copy_from_slice(&a);
    f[30..34].copy_from_slice(&b);
    f[34..36].copy_from_slice(&p);
    f[36..38].copy_from_slice(&q);
    f[38..42].copy_from_slice(&seq.to_be_bytes());
    f[42..46].copy_from_slice(&ack.to_be_bytes());
    f[46] = 0x50;
    f[47] = 0x10;
    f[48] = 2;
    f
}
fn main() {
    let flows: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let packets: u64 = 2_000_000;
    let t = Timeouts::default();
    let plan = EnginePlan {
        workers: 1.try_into().unwrap(),
        table: TableSize::Flows(flows * 5 / 4 + 1000),
        timeouts: t,
        local_nets: vec![],
        key: KeyScope::default(),
        decap: DecapPlan::default(),
        record_ring: 4096,
        segment_memory: (flows * 512).max(64 << 20),
        duplicates: if std::env::var("DUP").is_ok() { Duplicates::Count } else { Duplicates::Off },
    };
    let (door, _ring) = exit::door(64, exit::WhenFull::Drop);
    let shard = launch::bench_shard(&plan, door);
    let (end, _m) = handover::pair();
    let mut w =
        worker::Worker::new(shard, decode::DecodeOptions::new(&plan.decap, plan.key), end, stop::Stop::default());
    // state per flow: seq
    let mut seqs = vec![1u32; flows as usize];
    let mut rng = 0x12345678u64;
    let mut next = move || {
        rng ^= rng << 13;
        rng ^= rng >> 7;
        rng ^= rng << 17;
        rng
    };
    let mut time = 1_700_000_000_000_000_000u64;
    let mut perm: Vec<u64> = (0..flows).collect();
    for i in (1..perm.len()).rev() {
        let j = (next() % (i as u64 + 1)) as usize;
        perm.swap(i, j);
    }
    let mut run = |list: &[(u64, bool)], w: &mut worker::Worker, seqs: &mut Vec<u32>| -> f64 {
        let mut total = 0.0;
        let mut best = f64::MAX;
        for chunk in list.chunks(32768) {
            let frames: Vec<Vec<u8>> = chunk
                .iter()
                .map(|(f, dir)| {
                    let q = &mut seqs[*f as usize];
                    if *dir {
                        let r = frame(*f, true, *q, 1, 6);
                        *q += 6;
                        r
                    } else {
                        frame(*f, false, 1, *q, 0)
                    }
                })
                .collect();
            let t0 = Instant::now();
            for b in frames.chunks(64) {
                let mut batch = Batch::new();
                for f in b {
                    time += 100;
                    batch.push(Frame {
                        bytes: f,
                        time: time::Nanos(time),
                        wire_len: 60,
                        link: link::LinkType::ETHERNET,
                        input: Input::default(),
                    });
                }
                w.burst(&batch);
                w.shard.tick(time::Nanos(time));
                w.turn();
            }
            let e = t0.elapsed().as_nanos() as f64;
            total += e;
            best = best.min(e / chunk.len() as f64);
        }
        println!("   best chunk {best:.1} ns/pkt");
        total / list.len() as f64
    };
    let first: Vec<(u64, bool)> = perm.iter().map(|f| (*f, true)).collect();
    println!("insert {:.1} ns", run(&first, &mut w, &mut seqs));
    let mut rng2 = 0x9876543u64;
    let mut next2 = move || {
        rng2 ^= rng2 << 13;
        rng2 ^= rng2 >> 7;
        rng2 ^= rng2 << 17;
        rng2
    };
    for _ in 0..3 {
        let list: Vec<(u64, bool)> = (0..packets)
            .map(|_| {
                let r = next2();
                ((r >> 8) % flows, r & 1 == 0)
            })
            .collect();
        println!("steady {:.1} ns", run(&list, &mut w, &mut seqs));
    }
    println!("{:?} {} ", w.shard.tally.books(), w.shard.tally.live_flows);
}
