//! What the host lacks when the EAL does not start, and what to do about it.
//!
//! **Owns** the remedies. **May touch** the kernel's hugepage counters, read once after a failure. **Order** called by
//! `eal` and `pool`.

use super::errno::Errno;

/// What runs as any user, without hugepages, devices or a shared runtime directory.
pub(super) const PLAIN_LINE: &str = "--no-huge --no-pci --no-shconf --no-telemetry --file-prefix=<unique> -m 512";

/// The network drivers of virtual devices.
pub(super) const VDEV_DRIVERS: &str =
    "drivers of --vdev are net_pcap, net_ring, net_null, net_tap, net_af_packet, net_af_xdp (packages librte-net-*)";

/// What a virtual device needs, by the beginning of its name.
const VDEV_NEEDS: &[(&str, &str)] = &[
    ("net_pcap", "give rx_pcap= a pcap or pcapng file of one link type; rx_iface= needs root or CAP_NET_RAW"),
    ("net_af_packet", "give iface= an interface that is there; it needs root or CAP_NET_RAW"),
    ("net_af_xdp", "give iface= an interface that is there; it needs root or CAP_NET_ADMIN, CAP_BPF and CAP_NET_RAW"),
    ("net_tap", "it needs /dev/net/tun, and root or CAP_NET_ADMIN"),
];

/// What to do when no port came up for the virtual device of this name.
pub(super) fn vdev_needs(name: &str) -> String {
    let known = VDEV_NEEDS.iter().find(|(driver, _)| name.starts_with(driver));
    let needs = known.map_or("check its arguments and this user's permissions", |(_, needs)| needs);
    format!("{needs}; EAL says more in its messages above")
}

/// What to do when `rte_eal_init` failed with `errno` after these arguments.
pub(super) fn remedy(errno: Errno, args: &[String]) -> String {
    let has = |option: &str| args.iter().any(|arg| arg == option);
    let no_huge = has("--no-huge");
    match errno {
        Errno::NO_DEVICE => format!("EAL names the device in its message above: check it; {VDEV_DRIVERS}"),
        Errno::INVALID => "EAL names the argument in its message above".to_owned(),
        Errno::ACCESS | Errno::NO_MEMORY if !no_huge => match hugepages() {
            None => format!("this kernel shows no hugepages: give {PLAIN_LINE}"),
            Some((0, _)) => format!("no hugepages are set aside: run scripts/setup as root, or give {PLAIN_LINE}"),
            Some((_, 0)) => {
                format!("every hugepage is in use: set more aside with scripts/setup, or give {PLAIN_LINE}")
            }
            Some((all, free)) => format!(
                "{free} of {all} hugepages are free, but this user may not use them or they are too few: run as root, \
                 mount hugetlbfs for this user (scripts/setup), lower -m, or give {PLAIN_LINE}"
            ),
        },
        Errno::NO_MEMORY => "give a smaller -m, or more memory".to_owned(),
        Errno::ACCESS | Errno::PERMISSION => format!("run as root, or give {PLAIN_LINE}"),
        _ if !has("--no-shconf") => format!(
            "EAL says more above; if another process holds the runtime directory, give a --file-prefix of its own; \
             without root or hugepages give {PLAIN_LINE}"
        ),
        _ => "EAL says more in its messages above".to_owned(),
    }
}

/// Hugepages of all sizes: set aside and free. `None` where the kernel has none at all.
fn hugepages() -> Option<(u64, u64)> {
    let mut sum = (0, 0);
    for size in std::fs::read_dir("/sys/kernel/mm/hugepages").ok()?.flatten() {
        let read = |file: &str| {
            let text = std::fs::read_to_string(size.path().join(file)).unwrap_or_default();
            text.trim().parse::<u64>().unwrap_or(0)
        };
        sum = (sum.0 + read("nr_hugepages"), sum.1 + read("free_hugepages"));
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_virtual_device_that_did_not_come_up_is_told_what_it_needs() {
        assert!(vdev_needs("net_tap7").contains("/dev/net/tun"));
        assert!(vdev_needs("net_other0").starts_with("check its arguments"));
    }

    #[test]
    fn every_failure_of_the_eal_has_a_remedy_that_fits_its_arguments() {
        #[rustfmt::skip]
        let cases = [
            (Errno::INVALID,     "-l 0",                   "EAL names the argument"),
            (Errno::NO_DEVICE,   "--vdev net_x0",          "net_pcap, net_ring"),
            (Errno::ACCESS,      "-l 0",                   "--no-huge --no-pci"),
            (Errno::ACCESS,      "--no-huge",              "run as root"),
            (Errno::NO_MEMORY,   "--no-huge -m 99999",     "smaller -m"),
            (Errno(0),           "--no-huge",              "--file-prefix"),
            (Errno(0),           "--no-huge --no-shconf",  "messages above"),
        ];
        for (errno, line, part) in cases {
            let text = remedy(errno, &args(line));
            assert!(text.contains(part), "{line}: {text}");
        }
    }
}
