//! Hugepages: per size and NUMA node, against what the run needs; hugetlbfs.
//!
//! **Owns** these findings. **May touch** `sys/kernel/mm`, `sys/devices/system/node`, `proc/mounts`. **Order** first part.

use super::Finding;
use super::host::Host;
use super::need::Need;

const MIB: u64 = 1 << 20;

/// Pages of one size on one node.
struct Pages {
    node: Option<u32>,
    /// Unit: KiB.
    size: u64,
    all: u64,
    free: u64,
}

pub(super) fn look(host: &Host, need: &Need) -> Vec<Finding> {
    const TOPIC: &str = "hugepages";
    let pages = pages(host);
    let mut findings = Vec::new();
    for Pages { node, size, all, free } in pages.iter().filter(|pages| pages.all > 0 || pages.node == Some(0)) {
        let place = node.map_or_else(String::new, |node| format!("node {node}: "));
        findings
            .push(Finding::good(TOPIC, format!("{place}{all} pages of {} set aside, {free} free", show(*size * 1024))));
    }
    let (dpdk, flow) = (need.dpdk_bytes, need.flow_bytes);
    let wanted =
        |bytes: u64| format!("{} pages of 2 MiB (or {} of 1 GiB)", bytes.div_ceil(2 * MIB), bytes.div_ceil(1024 * MIB));
    let text = format!(
        "this configuration needs about {} for DPDK: {}; its flow tables {}: {} more, else transparent huge pages",
        show(dpdk),
        wanted(dpdk),
        show(flow),
        wanted(flow)
    );
    let free: u64 = pages.iter().map(|pages| pages.free * pages.size * 1024).sum();
    let remedy = format!("scripts/hugepages {}, as root, soon after boot", (dpdk + flow).div_ceil(2 * MIB));
    findings.push(match (need.hugepages, free >= dpdk, free >= dpdk + flow) {
        (false, ..) => Finding::good(TOPIC, "none needed by DPDK: --no-huge (for tests: slower, and without NICs)"),
        (true, false, _) => Finding::bad(TOPIC, format!("{text}; {} are free", show(free)), remedy),
        (true, true, false) => Finding::note(TOPIC, format!("{text}; {} are free", show(free)), remedy),
        (true, true, true) => Finding::good(TOPIC, text),
    });
    findings.extend(one_node(&pages, need));
    if need.hugetlbfs {
        findings.push(mount(host));
    }
    findings
}

/// With several nodes, pages on the wrong one are of no use to a port.
fn one_node(pages: &[Pages], need: &Need) -> Option<Finding> {
    let nodes: Vec<u32> = pages.iter().filter_map(|pages| pages.node).collect();
    let several = nodes.iter().max().is_some_and(|most| *most > 0);
    let without: Vec<String> = nodes
        .iter()
        .filter(|node| pages.iter().filter(|pages| pages.node == Some(**node)).all(|pages| pages.free == 0))
        .map(u32::to_string)
        .collect();
    (several && need.hugepages && !without.is_empty()).then(|| {
        let text =
            format!("NUMA nodes without free hugepages: {}; ports there take memory from afar", without.join(", "));
        let remedy = "echo PAGES > /sys/devices/system/node/nodeN/hugepages/hugepages-2048kB/nr_hugepages, as root";
        Finding::note("hugepages", text, remedy)
    })
}

fn mount(host: &Host) -> Finding {
    const TOPIC: &str = "hugetlbfs";
    let mounts = host.text("proc/mounts");
    let places: Vec<&str> = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (_, place, kind) = (words.next()?, words.next()?, words.next()?);
            (kind == "hugetlbfs").then_some(place)
        })
        .collect();
    match places.iter().find(|place| host.writable(place)) {
        Some(place) => Finding::good(TOPIC, format!("mounted on {place}, and this user may write there")),
        None if places.is_empty() => {
            Finding::bad(TOPIC, "not mounted", "scripts/hugepages N mounts it; or give --in-memory to EAL")
        }
        None => Finding::bad(
            TOPIC,
            format!("mounted on {}, and this user may not write there", places.join(", ")),
            "run as root, or mount one for this user: mount -t hugetlbfs -o uid=USER none /mnt/huge; --huge-dir",
        ),
    }
}

fn pages(host: &Host) -> Vec<Pages> {
    let mut all = Vec::new();
    for name in host.names("sys/devices/system/node") {
        if let Some(node) = name.strip_prefix("node").and_then(|number| number.parse().ok()) {
            all.extend(sizes(host, &format!("sys/devices/system/node/{name}/hugepages"), Some(node)));
        }
    }
    if all.is_empty() { sizes(host, "sys/kernel/mm/hugepages", None) } else { all }
}

fn sizes(host: &Host, folder: &str, node: Option<u32>) -> Vec<Pages> {
    let size = |name: &String| name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse::<u64>().ok();
    let read = |name: &str, file: &str| host.number(&format!("{folder}/{name}/{file}")).unwrap_or(0);
    let row = |name: String| {
        let size = size(&name)?;
        Some(Pages { node, size, all: read(&name, "nr_hugepages"), free: read(&name, "free_hugepages") })
    };
    host.names(folder).into_iter().filter_map(row).collect()
}

fn show(bytes: u64) -> String {
    let mib = bytes.div_ceil(MIB);
    if mib >= 1024 && mib.is_multiple_of(1024) { format!("{} GiB", mib / 1024) } else { format!("{mib} MiB") }
}
