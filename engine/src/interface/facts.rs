//! What the kernel shows of its interfaces, and what this process may do with them.
//!
//! **Owns** the reading of /sys and /proc. **May touch** these files. **Order** read once, before the EAL.

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, SockaddrLike};
use std::path::Path;

/// One interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceFacts {
    /// Its name.
    pub name: String,
    /// It is administratively up (`IFF_UP`).
    pub up: bool,
    /// Unit: bytes.
    pub mtu: u32,
    /// `ARPHRD_*`: 1 Ethernet, 772 loopback.
    pub hardware: u32,
    /// Receive queues.
    pub queues: u32,
    /// A device of its own with which the host does nothing: no address but IPv6 link-local ones, nothing above it, and next to
    /// nothing sent (PPPoE and routes without addresses are known by that).
    pub mirror_port: bool,
}

impl InterfaceFacts {
    /// Whether its frames begin with an Ethernet header.
    #[must_use]
    pub fn ethernet(&self) -> bool {
        matches!(self.hardware, 1 | 772)
    }
}

/// The host as this process finds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Every interface, by name.
    pub interfaces: Vec<InterfaceFacts>,
    /// Free hugepages of all sizes. Unit: bytes.
    pub huge_free: u64,
    /// Processors that this process may run on.
    pub processors: Vec<u32>,
    /// CAP_NET_RAW.
    pub may_open: bool,
    /// CAP_NET_ADMIN.
    pub may_administrate: bool,
    /// The capabilities for net_af_xdp, and a kernel that has it.
    pub may_use_xdp: bool,
    /// This process.
    pub process: u32,
}

/// Bits of CapEff (capabilities(7)).
mod capability {
    pub(super) const NET_ADMIN: u64 = 1 << 12;
    pub(super) const NET_RAW: u64 = 1 << 13;
    pub(super) const SYS_ADMIN: u64 = 1 << 21;
    pub(super) const BPF: u64 = 1 << 39;
}

/// `IFF_UP` of /sys/class/net/NAME/flags.
const UP: u32 = 1;

/// Frames that a host sends of itself on an interface that it does not use: router and neighbour solicitations.
const SOLICITATIONS: u64 = 100;

impl Host {
    /// Reads all of it; what cannot be read counts as not there.
    #[must_use]
    pub fn read() -> Host {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
        let rights = u64::from_str_radix(field("CapEff:"), 16).unwrap_or(0);
        let has = |right: u64| rights & right == right;
        let bpf = has(capability::BPF) || has(capability::SYS_ADMIN);
        let xdp = has(capability::NET_ADMIN | capability::NET_RAW) && bpf && kernel_has_xdp();
        Host {
            interfaces: interfaces(),
            huge_free: huge_free(),
            processors: list(field("Cpus_allowed_list:")),
            may_open: has(capability::NET_RAW),
            may_administrate: has(capability::NET_ADMIN),
            may_use_xdp: xdp,
            process: std::process::id(),
        }
    }
}

fn kernel_has_xdp() -> bool {
    let protocols = std::fs::read_to_string("/proc/net/protocols").unwrap_or_default();
    protocols.lines().any(|line| line.starts_with("XDP "))
}

fn interfaces() -> Vec<InterfaceFacts> {
    let addressed: Vec<String> = getifaddrs()
        .map(|all| {
            all.filter(|one| one.address.as_ref().is_some_and(belongs_to_host)).map(|one| one.interface_name).collect()
        })
        .unwrap_or_default();
    let Ok(folder) = std::fs::read_dir("/sys/class/net") else { return Vec::new() };
    // Files such as bonding_masters stand beside the interfaces.
    let paths = folder.flatten().map(|entry| entry.path()).filter(|path| path.join("flags").exists());
    let mut found: Vec<InterfaceFacts> = paths.filter_map(|path| one(&path, &addressed)).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn belongs_to_host(address: &nix::sys::socket::SockaddrStorage) -> bool {
    let local = |address: &nix::sys::socket::SockaddrIn6| address.ip().is_unicast_link_local();
    match address.family() {
        Some(AddressFamily::Inet) => true,
        Some(AddressFamily::Inet6) => !address.as_sockaddr_in6().is_some_and(local),
        _ => false,
    }
}

fn one(path: &Path, addressed: &[String]) -> Option<InterfaceFacts> {
    let name = path.file_name()?.to_str()?.to_owned();
    let text = |file: &str| std::fs::read_to_string(path.join(file)).unwrap_or_default().trim().to_owned();
    let number = |file: &str| text(file).parse().unwrap_or(0);
    let flags = u32::from_str_radix(text("flags").trim_start_matches("0x"), 16).unwrap_or(0);
    let listed = |folder: &str, start: &str| {
        let entries = std::fs::read_dir(path.join(folder)).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(start)).count()
    };
    let stacked = path.join("master").exists() || listed("", "upper_") > 0;
    let count = |name: &str| text(&format!("statistics/{name}")).parse::<u64>().unwrap_or(0);
    let silent = count("tx_packets") <= SOLICITATIONS + count("rx_packets") / 1_000;
    let mirror_port = path.join("device").exists() && !stacked && silent && !addressed.contains(&name);
    Some(InterfaceFacts {
        up: flags & UP != 0,
        mtu: number("mtu"),
        hardware: number("type"),
        queues: u32::try_from(listed("queues", "rx-")).unwrap_or(1),
        mirror_port,
        name,
    })
}

fn huge_free() -> u64 {
    let sizes = std::fs::read_dir("/sys/kernel/mm/hugepages").into_iter().flatten().flatten();
    let bytes = sizes.map(|size| {
        let name = size.file_name().to_string_lossy().into_owned();
        let kilobytes: u64 = name.trim_start_matches("hugepages-").trim_end_matches("kB").parse().unwrap_or(0);
        let free = std::fs::read_to_string(size.path().join("free_hugepages")).unwrap_or_default();
        free.trim().parse::<u64>().unwrap_or(0) * kilobytes * 1024
    });
    bytes.sum()
}

/// Numbers as the kernel lists them: `0-3,8`.
fn list(text: &str) -> Vec<u32> {
    let ranges = text.split(',').filter_map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse::<u32>().ok()?..=last.trim().parse::<u32>().ok()?)
    });
    ranges.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_the_kernel_are_read() {
        assert_eq!(list("0-3,8,10-11"), [0, 1, 2, 3, 8, 10, 11]);
        assert_eq!(list("0"), [0]);
        assert!(list("").is_empty() && list("x-y").is_empty());
    }

    #[test]
    fn this_host_has_a_processor_and_its_loopback_is_no_mirror_port() {
        let host = Host::read();
        assert!(!host.processors.is_empty());
        let loopback = host.interfaces.iter().find(|one| one.hardware == 772);
        assert!(loopback.is_none_or(|one| one.ethernet() && !one.mirror_port && one.mtu > 1_000));
    }
}
