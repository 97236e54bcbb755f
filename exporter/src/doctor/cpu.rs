//! Processors: NUMA, isolation, governor, sleep states.
//!
//! **Owns** these findings. **May touch** `sys/devices/system`, `sys/bus/pci`. **Order** third part.

use super::Finding;
use super::host::{Host, show_cpus};
use super::need::Need;

/// A wake-up that takes longer is felt. Unit: microseconds.
const DEEP: u64 = 10;

pub(super) fn look(host: &Host, need: &Need) -> Vec<Finding> {
    // The first of -l is the main lcore, which only controls.
    let workers: Vec<u32> = need.cpus.iter().skip(1).copied().collect();
    let mut findings: Vec<Finding> = cores(host, need).into_iter().collect();
    findings.extend(numa(host, need, &workers));
    findings.push(isolated(host, &workers));
    findings.push(governor(host, &workers));
    findings.push(sleep(host, need, &workers));
    findings
}

fn cores(host: &Host, need: &Need) -> Option<Finding> {
    let online = host.cpus("sys/devices/system/cpu/online");
    let absent: Vec<u32> = need.cpus.iter().filter(|cpu| !online.contains(cpu)).copied().collect();
    if !absent.is_empty() && !online.is_empty() {
        let text = format!("processors {} of -l are not online; there are {}", show_cpus(&absent), show_cpus(&online));
        return Some(Finding::bad("cores", text, "name others with -l, or two lcores on one with --lcores '0@0,1@0'"));
    }
    (!online.is_empty()).then(|| Finding::good("cores", format!("processors {} are online", show_cpus(&online))))
}

fn numa(host: &Host, need: &Need, workers: &[u32]) -> Vec<Finding> {
    let nodes = host.names("sys/devices/system/node").iter().filter(|name| is_node(name)).count();
    if nodes <= 1 {
        return vec![Finding::good("numa", "one node: all memory is near")];
    }
    let mut findings = Vec::new();
    for address in &need.allowed {
        let node = host.text(&format!("sys/bus/pci/devices/{address}/numa_node")).parse::<i64>().unwrap_or(-1);
        let far: Vec<u32> = workers
            .iter()
            .filter(|cpu| node >= 0 && host.node_of(**cpu).is_some_and(|of| i64::from(of) != node))
            .copied()
            .collect();
        if !far.is_empty() {
            let near = show_cpus(&host.cpus(&format!("sys/devices/system/node/node{node}/cpulist")));
            let text = format!("{address} is on node {node}, and processors {} of -l are not", show_cpus(&far));
            findings.push(Finding::note("numa", text, format!("choose workers among {near}")));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::good("numa", format!("{nodes} nodes, and workers are on those of their ports")));
    }
    findings
}

fn is_node(name: &str) -> bool {
    name.strip_prefix("node").is_some_and(|number| number.parse::<u32>().is_ok())
}

fn isolated(host: &Host, workers: &[u32]) -> Finding {
    let isolated = host.cpus("sys/devices/system/cpu/isolated");
    let open: Vec<u32> = workers.iter().filter(|cpu| !isolated.contains(cpu)).copied().collect();
    if workers.is_empty() {
        let have = if isolated.is_empty() { "none".to_owned() } else { show_cpus(&isolated) };
        return Finding::good("isolation", format!("isolated processors: {have}; -l names no workers to compare with"));
    }
    if open.is_empty() {
        return Finding::good("isolation", format!("workers run on isolated processors {}", show_cpus(workers)));
    }
    let list = show_cpus(workers);
    Finding::note(
        "isolation",
        format!(
            "processors {} of -l are not isolated: other programs and threads of the kernel interrupt polling",
            show_cpus(&open)
        ),
        format!("boot with isolcpus={list} nohz_full={list} rcu_nocbs={list}"),
    )
}

fn governor(host: &Host, workers: &[u32]) -> Finding {
    let cpus: Vec<u32> = if workers.is_empty() { host.cpus("sys/devices/system/cpu/online") } else { workers.to_vec() };
    let of = |cpu: &u32| host.text(&format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor"));
    let slow: Vec<u32> = cpus.iter().filter(|cpu| !["", "performance"].contains(&of(cpu).as_str())).copied().collect();
    if slow.is_empty() {
        return Finding::good("governor", "performance, or the host has no frequency scaling");
    }
    Finding::note(
        "governor",
        format!("processors {} are governed by {}", show_cpus(&slow), of(&slow[0])),
        "cpupower frequency-set -g performance, as root",
    )
}

fn sleep(host: &Host, need: &Need, workers: &[u32]) -> Finding {
    let cpu = workers.first().copied().unwrap_or(0);
    let folder = format!("sys/devices/system/cpu/cpu{cpu}/cpuidle");
    let latency = |state: &String| {
        let enabled = host.number(&format!("{folder}/{state}/disable")) != Some(1);
        host.number(&format!("{folder}/{state}/latency")).filter(|_| enabled)
    };
    let deepest = host.names(&folder).iter().filter_map(latency).max().unwrap_or(0);
    if need.busy {
        return Finding::good("c-states", "polling lcores never idle (--idle busy)");
    }
    if deepest <= DEEP {
        return Finding::good("c-states", format!("waking takes {deepest} us at most"));
    }
    Finding::note(
        "c-states",
        format!("with --idle a worker may sleep so deeply that waking takes {deepest} us"),
        format!("cpupower idle-set -D {DEEP}, as root, or --idle busy"),
    )
}
