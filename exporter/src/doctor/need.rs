//! What a run with these words needs of the host, as far as that can be told without an EAL.
//!
//! **Owns** that estimate. **May touch** nothing. **Order** made first, asked by every part of `doctor`.

use super::host::cpu_list;
use parshall_config::plan::{Idle, RunPlan, TableSize};
use parshall_engine::shard::bytes_per_flow;

/// Descriptors of a queue whose driver has no preference.
const DESCRIPTORS: u64 = 1_024;
/// Frames of a queue that are on their way: two bursts.
const IN_FLIGHT: u64 = 128;
/// Bytes of an mbuf beside its data.
const BESIDE_DATA: u64 = 192;
/// What EAL, rings and drivers take beside the pools. Unit: bytes.
const EAL: u64 = 64 << 20;

pub(super) struct Need {
    /// DPDK's memory stands on hugepages.
    pub(super) hugepages: bool,
    /// DPDK keeps its files in a hugetlbfs.
    pub(super) hugetlbfs: bool,
    /// PCI devices are used.
    pub(super) pci: bool,
    /// Those that were named with `-a`.
    pub(super) allowed: Vec<String>,
    /// Network vdevs.
    pub(super) vdevs: Vec<String>,
    /// Processors of `-l`; empty when none were named.
    pub(super) cpus: Vec<u32>,
    /// Lcores that poll never idle.
    pub(super) busy: bool,
    /// Mbuf pools and EAL. Unit: bytes.
    pub(super) dpdk_bytes: u64,
    /// Flow tables and segment histories of all workers. Unit: bytes.
    pub(super) flow_bytes: u64,
}

impl Need {
    pub(super) fn of(plan: &RunPlan) -> Need {
        let has = |word: &str| plan.eal.iter().any(|other| other == word);
        let vdevs: Vec<String> =
            values(&plan.eal, &["--vdev"]).into_iter().filter(|name| name.starts_with("net_")).collect();
        let allowed: Vec<String> = values(&plan.eal, &["-a", "--allow"])
            .into_iter()
            .map(|text| full_address(text.split(',').next().unwrap_or_default()))
            .collect();
        let pci = !has("--no-pci") && (vdevs.is_empty() || !allowed.is_empty());
        let workers = u64::from(plan.common.engine.workers.get());
        let ports = (vdevs.len() + allowed.len()).max(1) as u64;
        let flows = match plan.common.engine.table {
            TableSize::Flows(flows) => flows.saturating_mul(bytes_per_flow(plan.common.engine.first_packets)),
            TableSize::Bytes(bytes) => bytes,
        };
        let lcores = values(&plan.eal, &["-l", "--lcores"]).pop().unwrap_or_default();
        Need {
            hugepages: !has("--no-huge"),
            hugetlbfs: !has("--no-huge") && !has("--in-memory"),
            pci,
            allowed,
            vdevs,
            cpus: if lcores.contains('@') { Vec::new() } else { cpu_list(&lcores) },
            busy: plan.idle == Idle::Busy,
            dpdk_bytes: EAL + pools(plan, ports, workers),
            flow_bytes: workers * (flows + plan.common.engine.segment_memory),
        }
    }
}

/// The pools' memory, by the rule that the engine sizes them with.
fn pools(plan: &RunPlan, ports: u64, workers: u64) -> u64 {
    let queues = plan.rxq.map_or_else(|| u64::from(plan.nb_cores.get()), |queues| u64::from(queues.get()));
    let descriptors = plan.rxd.map_or(DESCRIPTORS, |descriptors| u64::from(descriptors.get()));
    let lcores = u64::from(plan.nb_cores.get()) + workers;
    let caches = (lcores + 1) * u64::from(plan.mbcache) * 3 / 2;
    let mbufs = plan.total_mbufs.map_or(ports * queues * (descriptors + IN_FLIGHT) + caches + 1, u64::from);
    mbufs * (u64::from(plan.mbuf_size) + BESIDE_DATA)
}

/// What stands behind these options among the EAL's words, attached or not.
fn values(words: &[String], options: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if options.contains(&word.as_str()) {
            found.extend(rest.next().cloned());
            continue;
        }
        for option in options {
            let attached = match word.strip_prefix(option) {
                Some(behind) if option.starts_with("--") => behind.strip_prefix('='),
                Some(behind) if !behind.is_empty() && !word.starts_with("--") => Some(behind),
                _ => None,
            };
            found.extend(attached.map(str::to_owned));
        }
    }
    found
}

/// A PCI address with its domain, as `sys` has it.
fn full_address(text: &str) -> String {
    if text.matches(':').count() == 1 { format!("0000:{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_attached_or_not() {
        let words: Vec<String> =
            ["-a", "3b:00.0", "-a0000:3b:00.1", "--allow=5e:00.0,x=1", "--vdev", "net_null0", "-l", "0-3"]
                .map(str::to_owned)
                .to_vec();
        assert_eq!(values(&words, &["-a", "--allow"]), ["3b:00.0", "0000:3b:00.1", "5e:00.0,x=1"]);
        assert_eq!(values(&words, &["--vdev"]), ["net_null0"]);
        assert_eq!(full_address("3b:00.0"), "0000:3b:00.0");
        assert_eq!(full_address("0001:3b:00.0"), "0001:3b:00.0");
    }
}
