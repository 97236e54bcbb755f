//! DPDK's version and this user's permissions.
//!
//! **Owns** these findings. **May touch** `proc/self`, `dev/vfio`. **Order** last part.

use super::Finding;
use super::host::Host;
use super::need::Need;
use parshall_engine::dpdk::{DPDK_BUILD_VERSION, running_version};

/// Bit of CAP_NET_RAW and of CAP_NET_ADMIN. capability.h.
const NET_RAW: u32 = 13;
const NET_ADMIN: u32 = 12;
/// And of CAP_IPC_LOCK.
const IPC_LOCK: u32 = 14;

/// vdevs that need capabilities.
const PRIVILEGED: [(&str, u32, &str); 3] = [
    ("net_af_xdp", NET_ADMIN, "CAP_NET_ADMIN"),
    ("net_tap", NET_ADMIN, "CAP_NET_ADMIN"),
    ("net_af_packet", NET_RAW, "CAP_NET_RAW"),
];

pub(super) fn look(host: &Host, need: &Need) -> Vec<Finding> {
    let mut findings = vec![version(DPDK_BUILD_VERSION, running_version().trim_start_matches("DPDK "))];
    findings.extend(user(host, need));
    findings
}

/// Patch releases of one stable series work with each other.
fn version(built: &str, running: &str) -> Finding {
    let series = |version: &str| version.split('.').take(2).map(str::to_owned).collect::<Vec<_>>();
    let text = format!("built against DPDK {built}, running {running}");
    if series(built) == series(running) {
        return Finding::good("dpdk", text);
    }
    Finding::bad(
        "dpdk",
        text,
        "build parshall anew on this host, or install the librte packages that it was built with",
    )
}

fn user(host: &Host, need: &Need) -> Vec<Finding> {
    const TOPIC: &str = "permissions";
    let status = host.text("proc/self/status");
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
    let capabilities = u64::from_str_radix(&field("CapEff:"), 16).unwrap_or(0);
    let has = |bit: u32| capabilities >> bit & 1 == 1;
    let uid = field("Uid:").split_whitespace().nth(1).unwrap_or("?").to_owned();
    let mut findings = Vec::new();
    for (name, bit, capability) in PRIVILEGED {
        for vdev in need.vdevs.iter().filter(|vdev| vdev.starts_with(name) && !has(bit)) {
            let text = format!("{vdev} needs {capability}, which user {uid} has not");
            findings.push(Finding::bad(
                TOPIC,
                text,
                format!("setcap {}+ep parshall, or run as root", capability.to_lowercase()),
            ));
        }
    }
    if need.pci && uid != "0" {
        findings.extend(vfio_user(host, &uid, has(IPC_LOCK)));
    }
    if findings.is_empty() {
        let who = if uid == "0" { "root".to_owned() } else { format!("user {uid}") };
        findings.push(Finding::good(TOPIC, format!("{who} has what this run needs")));
    }
    findings
}

/// vfio as another user than root: the group's file, and leave to lock memory.
fn vfio_user(host: &Host, uid: &str, locks: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let groups: Vec<String> = host.names("dev/vfio").into_iter().filter(|name| name != "vfio").collect();
    let closed: Vec<&String> = groups.iter().filter(|group| !host.writable(&format!("dev/vfio/{group}"))).collect();
    if groups.is_empty() || !closed.is_empty() {
        let text = format!("user {uid} may not open the vfio groups of bound NICs");
        findings.push(Finding::bad(
            "permissions",
            text,
            "chown USER /dev/vfio/GROUP (a udev rule makes it last), or run as root",
        ));
    }
    let limits = host.text("proc/self/limits");
    let locked = limits.lines().find_map(|line| line.strip_prefix("Max locked memory")).unwrap_or_default();
    if !locks && locked.split_whitespace().next() != Some("unlimited") {
        let text = format!("user {uid} may not lock the memory that a NIC writes to");
        findings.push(Finding::bad(
            "permissions",
            text,
            "ulimit -l unlimited (LimitMEMLOCK=infinity), or CAP_IPC_LOCK",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn patch_releases_of_one_series_go_together_and_no_others() {
        assert_eq!(version("22.11.11", "22.11.4").level, Level::Good);
        assert_eq!(version("22.11.11", "23.11.0").level, Level::Bad);
    }
}
