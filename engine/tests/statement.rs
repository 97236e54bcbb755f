//! The statement of memory is held against what the kernel gave: alone in its process, since it reads the process's size.

use parshall_config::plan::{DecapPlan, Duplicates, EnginePlan, KeyScope, TableSize, Timeouts};
use parshall_engine::exit::{MESSAGE_BYTES, WhenFull, door};
use parshall_engine::key::READ_SECRET;
use parshall_engine::launch::live_shard;
use parshall_engine::memory::ArenaOptions;
use parshall_engine::shard::{Shard, ShardPlan, all_bytes_per_flow, bytes_beside_flows};

/// Bytes of address space that this process has.
fn size() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    text.split(' ').next().and_then(|pages| pages.parse::<u64>().ok()).expect("a number") * 4096
}

#[test]
fn a_worker_takes_what_the_statement_says_within_a_fiftieth() {
    let flows = 400_000;
    let plan = EnginePlan {
        workers: 1.try_into().expect("one"),
        table: TableSize::Flows(flows),
        timeouts: Timeouts::default(),
        local_nets: Vec::new(),
        key: KeyScope::default(),
        decap: DecapPlan::default(),
        record_ring: 20_000,
        segment_memory: 90 << 20,
        first_packets: 16,
        sieve: Default::default(),
        duplicates: Duplicates::Count,
        live_flows: 1000,
    };
    let memory = ArenaOptions { huge: false, touch: false };
    let before = size();
    let (door, _ring) = door(plan.record_ring, WhenFull::Drop);
    let shard = Shard::new(ShardPlan { memory, ..live_shard(&plan, READ_SECRET) }, door).expect("memory");
    let taken = size() - before;
    let ring = plan.record_ring as u64 * MESSAGE_BYTES as u64;
    let said = flows * all_bytes_per_flow(16) + bytes_beside_flows(flows) + plan.segment_memory + ring;
    assert!(taken.abs_diff(said) < said / 50, "said {said}, taken {taken}");
    drop(shard);
}
