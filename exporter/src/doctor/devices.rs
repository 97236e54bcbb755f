//! NICs, their drivers, IOMMU and vfio.
//!
//! **Owns** these findings. **May touch** `sys/bus/pci`, `sys/kernel/iommu_groups`, `sys/module`, `dev/vfio`. **Order** second part.

use super::Finding;
use super::host::Host;
use super::need::Need;

/// Kernel drivers that hand packets to DPDK.
const FOR_DPDK: [&str; 3] = ["vfio-pci", "uio_pci_generic", "igb_uio"];
/// Kernel drivers beside which DPDK's work.
const BESIDE: [&str; 3] = ["mlx5_core", "mlx4_core", "mana"];

/// A PCI network device.
struct Nic {
    address: String,
    id: String,
    driver: Option<String>,
    node: Option<i32>,
    interfaces: Vec<String>,
}

pub(super) fn look(host: &Host, need: &Need) -> Vec<Finding> {
    let nics = nics(host);
    if !need.pci {
        let what = if need.vdevs.is_empty() { "--no-pci".to_owned() } else { need.vdevs.join(" ") };
        return vec![Finding::good("nic", format!("none needed: {what}"))];
    }
    let mut findings: Vec<Finding> = nics.iter().map(|nic| one(nic, need)).collect();
    for address in need.allowed.iter().filter(|address| !nics.iter().any(|nic| nic.address == **address)) {
        let text = format!("{address} was asked for (-a) and is not there, or is no network device");
        findings.push(Finding::bad("nic", text, "name one of lspci -D | grep -i eth"));
    }
    if nics.is_empty() {
        let remedy = "give a --vdev such as net_pcap0,rx_pcap=FILE or net_af_packet0,iface=eth0, or put a NIC in";
        findings.push(Finding::bad("nic", "this host has no PCI network device", remedy));
    }
    let bifurcated = |nic: &Nic| nic.driver.as_deref().is_some_and(|driver| BESIDE.contains(&driver));
    if !nics.is_empty() && !nics.iter().all(bifurcated) {
        findings.extend(vfio(host));
    }
    findings
}

fn one(nic: &Nic, need: &Need) -> Finding {
    let node = nic.node.filter(|node| *node >= 0).map_or_else(String::new, |node| format!(", NUMA node {node}"));
    let driver = nic.driver.as_deref().unwrap_or("no driver");
    let carries =
        if nic.interfaces.is_empty() { String::new() } else { format!(", carries {}", nic.interfaces.join(" ")) };
    let text = format!("{} [{}] bound to {driver}{node}{carries}", nic.address, nic.id);
    if FOR_DPDK.contains(&driver) || BESIDE.contains(&driver) {
        return Finding::good("nic", text);
    }
    let remedy = format!("scripts/bind-nic {} gives it to DPDK; the kernel loses it", nic.address);
    let asked = need.allowed.contains(&nic.address);
    if asked { Finding::bad("nic", text, remedy) } else { Finding::note("nic", text, remedy) }
}

fn vfio(host: &Host) -> Vec<Finding> {
    let groups = host.names("sys/kernel/iommu_groups").len();
    let unsafe_mode = host.text("sys/module/vfio/parameters/enable_unsafe_noiommu_mode") == "Y";
    let iommu = match (groups, unsafe_mode) {
        (0, false) => Finding::bad(
            "iommu",
            "off: vfio-pci refuses devices without it",
            "switch VT-d or AMD-Vi on in the firmware and boot with intel_iommu=on iommu=pt (AMD: iommu=pt); in a virtual \
             machine without one: echo Y > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
        ),
        (0, true) => Finding::note(
            "iommu",
            "off, and vfio goes without: a device can write everywhere in memory",
            "switch the IOMMU on, where the host has one",
        ),
        (groups, _) => Finding::good("iommu", format!("on, {groups} groups")),
    };
    let module = if host.exists("sys/module/vfio_pci") || host.exists("sys/bus/pci/drivers/vfio-pci") {
        Finding::good("vfio", "vfio-pci is loaded")
    } else {
        Finding::bad("vfio", "vfio-pci is not loaded", "modprobe vfio-pci, as root; scripts/bind-nic does it too")
    };
    vec![iommu, module]
}

fn nics(host: &Host) -> Vec<Nic> {
    let folder = "sys/bus/pci/devices";
    let read = |address: &String, file: &str| host.text(&format!("{folder}/{address}/{file}"));
    let is_network = |address: &String| read(address, "class").starts_with("0x02");
    let nic = |address: String| Nic {
        id: format!(
            "{}:{}",
            read(&address, "vendor").trim_start_matches("0x"),
            read(&address, "device").trim_start_matches("0x")
        ),
        driver: host.link(&format!("{folder}/{address}/driver")),
        node: read(&address, "numa_node").parse().ok(),
        interfaces: host.names(&format!("{folder}/{address}/net")),
        address,
    };
    host.names(folder).into_iter().filter(is_network).map(nic).collect()
}
