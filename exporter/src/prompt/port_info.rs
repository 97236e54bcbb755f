//! A port's description, laid out as testpmd's.
//!
//! **Owns** the layout (DPDK 22.11: `port_infos_display`, `port_summary_display`, `port_rss_hash_conf_show`,
//! `port_rss_reta_info`). **May touch** monitors. **Order** commands of the prompt.

use super::grammar::masks;
use super::session::{Reply, Scene, Session};
use parshall_engine::dpdk::Monitor;
use parshall_engine::dpdk::details::{PortDetails, QueueLimits};
use parshall_engine::dpdk::rss_state::field_names;
use std::fmt::Write;

/// What stands above the lines of `show port summary`.
pub(super) const SUMMARY_HEAD: &str = "Port MAC Address       Name         Driver         Status   Link\n";

/// Characters of a line of hash fields, at most.
const FIELDS_LINE: usize = 64;

const CAPABILITIES: [&str; 5] =
    ["RUNTIME_RX_QUEUE_SETUP", "RUNTIME_TX_QUEUE_SETUP", "RXQ_SHARE", "FLOW_RULE_KEEP", "FLOW_SHARED_OBJECT_KEEP"];

/// An Ethernet address as testpmd writes it.
pub(super) fn mac(bytes: [u8; 6]) -> String {
    bytes.map(|byte| format!("{byte:02X}")).join(":")
}

/// A speed as `rte_eth_link_speed_to_str` writes it.
fn speed(mbps: u32) -> String {
    match mbps {
        0 => "None".to_owned(),
        u32::MAX => "Unknown".to_owned(),
        2_500 => "2.5 Gbps".to_owned(),
        mbps if mbps >= 1_000 => format!("{} Gbps", mbps / 1_000),
        mbps => format!("{mbps} Mbps"),
    }
}

/// One line of `show port summary`.
pub(super) fn summary(monitor: &Monitor<'_>) -> String {
    let (facts, details) = (monitor.facts(), monitor.details().unwrap_or_default());
    let status = if details.link_up { "up" } else { "down" };
    let (mac, link) = (mac(details.mac), speed(details.link_mbps));
    format!("{:<4} {mac:<17} {:<12} {:<14} {status:<8} {link}\n", facts.id, facts.name, facts.driver)
}

/// `show port info`.
pub(super) fn info(monitor: &Monitor<'_>) -> Reply {
    let facts = monitor.facts();
    let details = match monitor.details() {
        Ok(details) => details,
        Err(errno) => return Reply::err(format!("port {}: the driver does not describe it: {errno}\n", facts.id)),
    };
    let border = "*".repeat(21);
    let socket = facts.socket.max(0);
    let mut out = format!("\n{border} Infos for port {:<2} {border}\n", facts.id);
    let _ = writeln!(out, "MAC address: {}", mac(details.mac));
    let _ = writeln!(out, "Device name: {}\nDriver name: {}", facts.name, facts.driver);
    let _ = writeln!(out, "Firmware-version: {}", details.firmware.as_deref().unwrap_or("not available"));
    let _ = writeln!(out, "Devargs: {}", details.arguments);
    let _ = writeln!(out, "Connect to socket: {socket}\nmemory allocation on the socket: {socket}");
    link(&mut out, &details);
    modes(&mut out, &details);
    let _ = writeln!(out, "Minimum size of RX buffer: {}", details.min_buffer);
    let _ = writeln!(out, "Maximum configurable length of RX packet: {}", details.max_frame_len);
    let _ = writeln!(out, "Maximum configurable size of LRO aggregated packet: {}", details.max_lro_len);
    queues(&mut out, "RX", details.rx);
    queues(&mut out, "TX", details.tx);
    let _ = writeln!(out, "Max segment number per packet: {}", details.max_segments);
    let _ = writeln!(out, "Max segment number per MTU/TSO: {}", details.max_segments_mtu);
    let names: String = CAPABILITIES
        .iter()
        .enumerate()
        .filter(|(bit, _)| details.capabilities >> bit & 1 == 1)
        .map(|(_, name)| format!(" {name}"))
        .collect();
    let _ = writeln!(out, "Device capabilities: {:#x}({names} )", details.capabilities);
    let mode = ["none", "passive", "proactive"].get(details.error_mode as usize).copied().unwrap_or("unknown");
    let _ = writeln!(out, "Device error handling mode: {mode}");
    Reply::out(out)
}

fn link(out: &mut String, details: &PortDetails) {
    let word = |on: bool, yes: &'static str, no: &'static str| if on { yes } else { no };
    let _ = writeln!(out, "Link status: {}", word(details.link_up, "up", "down"));
    let _ = writeln!(out, "Link speed: {}", speed(details.link_mbps));
    let _ = writeln!(out, "Link duplex: {}", word(details.full_duplex, "full-duplex", "half-duplex"));
    let _ = writeln!(out, "Autoneg status: {}", word(details.autoneg, "On", "Off"));
    let _ = writeln!(out, "MTU: {}", details.mtu);
    let _ = writeln!(out, "Promiscuous mode: {}", word(details.promiscuous, "enabled", "disabled"));
    let _ = writeln!(out, "Allmulticast mode: {}", word(details.all_multicast, "enabled", "disabled"));
}

fn modes(out: &mut String, details: &PortDetails) {
    let _ = writeln!(out, "Maximum number of MAC addresses: {}", details.max_macs);
    let _ = writeln!(out, "Maximum number of MAC addresses of hash filtering: {}", details.max_hash_macs);
    let state = |bit: u8| if details.vlan >> bit & 1 == 1 { "on" } else { "off" };
    let _ = writeln!(
        out,
        "VLAN offload: \n  strip {}, filter {}, extend {}, qinq strip {}",
        state(0),
        state(1),
        state(2),
        state(3)
    );
    if details.reta_entries > 0 {
        let _ = writeln!(out, "Redirection table size: {}", details.reta_entries);
    }
    if details.rss_fields == 0 {
        out.push_str("No RSS offload flow type is supported.\n");
    } else {
        out.push_str("Supported RSS offload flow types:\n");
        out.push_str(&fields(details.rss_fields));
    }
}

/// Names of hash fields, as many to a line as fit.
fn fields(bits: u64) -> String {
    let (mut out, mut width) = (String::new(), 0);
    for name in field_names(bits) {
        if width > 0 && width + name.len() + 2 >= FIELDS_LINE {
            out.push('\n');
            width = 0;
        }
        let _ = write!(out, "  {name}");
        width += name.len() + 2;
    }
    out.push('\n');
    out
}

fn queues(out: &mut String, side: &str, limits: QueueLimits) {
    let _ = write!(
        out,
        "Current number of {side} queues: {}\nMax possible {side} queues: {}\n\
         Max possible number of {side}Ds per queue: {}\nMin possible number of {side}Ds per queue: {}\n\
         {side}Ds number alignment: {}\n",
        limits.now, limits.max, limits.descriptors_max, limits.descriptors_min, limits.descriptors_align
    );
}

/// The monitor of the port that a command names, or testpmd's refusal.
fn named<'s>(scene: &'s Scene<'_, '_>, words: &[&str]) -> Result<&'s Monitor<'s>, Reply> {
    let port = words.first().and_then(|word| word.parse().ok()).unwrap_or(u16::MAX);
    scene.monitor(port).ok_or_else(|| Reply::err(format!("Invalid port {port}\n")))
}

pub(super) fn rss_hash(_: &mut Session, scene: &mut Scene<'_, '_>, words: &[&str]) -> Reply {
    named(scene, words).map_or_else(|refusal| refusal, |monitor| hash(monitor, false))
}

pub(super) fn rss_hash_key(_: &mut Session, scene: &mut Scene<'_, '_>, words: &[&str]) -> Reply {
    named(scene, words).map_or_else(|refusal| refusal, |monitor| hash(monitor, true))
}

fn hash(monitor: &Monitor<'_>, with_key: bool) -> Reply {
    if monitor.rss_key_len() == 0 {
        return Reply::err("dev_info did not provide a valid hash key size\n");
    }
    match monitor.rss_hash() {
        Ok(hash) => Reply::out(hash_text(hash.fields, with_key.then_some(&hash.key))),
        Err(errno) => Reply::err(format!("operation failed - {errno}\n")),
    }
}

fn hash_text(bits: u64, key: Option<&Vec<u8>>) -> String {
    if bits == 0 {
        return "RSS disabled\n".to_owned();
    }
    let mut out = format!("RSS functions:\n{}", fields(bits));
    if let Some(key) = key {
        let digits: String = key.iter().map(|byte| format!("{byte:02X}")).collect();
        let _ = writeln!(out, "RSS key:\n{digits}");
    }
    out
}

pub(super) fn reta(_: &mut Session, scene: &mut Scene<'_, '_>, words: &[&str]) -> Reply {
    let monitor = match named(scene, words) {
        Ok(monitor) => monitor,
        Err(refusal) => return refusal,
    };
    let entries: u16 = words.get(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let text = words.get(2).copied().unwrap_or_default();
    let have = monitor.reta_entries();
    if entries == 0 || entries > have {
        return Reply::err(format!("Invalid redirection table size: {entries} (1-{have})\n"));
    }
    let masks = masks(text).unwrap_or_default();
    if masks.len() != usize::from(entries.div_ceil(64)) {
        let wanted = entries.div_ceil(64);
        return Reply::err(format!(
            "The bits of masks do not match the number of reta entries: {wanted}\nInvalid string: {text} for reta masks\n"
        ));
    }
    entries_text(monitor, entries, &masks)
}

pub(super) fn whole_reta(_: &mut Session, scene: &mut Scene<'_, '_>, words: &[&str]) -> Reply {
    let monitor = match named(scene, words) {
        Ok(monitor) => monitor,
        Err(refusal) => return refusal,
    };
    let entries = monitor.reta_entries();
    if entries == 0 {
        return Reply::err("the device has no redirection table\n");
    }
    entries_text(monitor, entries, &vec![u64::MAX; usize::from(entries.div_ceil(64))])
}

fn entries_text(monitor: &Monitor<'_>, entries: u16, masks: &[u64]) -> Reply {
    match monitor.redirection(entries, masks) {
        Ok(table) => {
            let line = |(entry, queue)| format!("RSS RETA configuration: hash index={entry}, queue={queue}\n");
            Reply::out(table.into_iter().map(line).collect::<String>())
        }
        Err(errno) => Reply::err(format!("Failed to get RSS RETA info, return code = -{}\n", errno.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_written_as_dpdk_writes_them() {
        let cases = [(0, "None"), (10, "10 Mbps"), (1_000, "1 Gbps"), (2_500, "2.5 Gbps"), (100_000, "100 Gbps")];
        for (mbps, want) in cases {
            assert_eq!(speed(mbps), want);
        }
        assert_eq!(speed(u32::MAX), "Unknown");
    }

    /// Seen from dpdk-testpmd 22.11.11 over net_null.
    const SEEN: &str = "  ipv4  ipv4-frag  ipv4-tcp  ipv4-udp  ipv4-sctp  ipv4-other
  ipv6  ipv6-frag  ipv6-tcp  ipv6-udp  ipv6-sctp  ipv6-other
  l2-payload  ipv6-ex  ipv6-tcp-ex  ipv6-udp-ex  port  vxlan
  geneve  nvgre  mpls
";

    #[test]
    fn hash_fields_break_into_lines_where_testpmds_do() {
        let offered: u64 = (2..=21).map(|bit| 1 << bit).sum::<u64>() | 1 << 33;
        assert_eq!(fields(offered), SEEN);
    }

    #[test]
    fn the_key_is_one_line_of_hexadecimal_digits() {
        let text = hash_text(1 << 2, Some(&vec![0x6d, 0x5a, 0x01]));
        assert_eq!(text, "RSS functions:\n  ipv4\nRSS key:\n6D5A01\n");
        assert_eq!(hash_text(0, None), "RSS disabled\n");
    }
}
