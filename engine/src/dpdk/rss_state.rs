//! What a port's RSS is set to by its driver's own account: hash fields, key, redirection table; and the fields' names.
//!
//! **Owns** these questions and the table of names. **May touch** the device. **Order** asked by the control thread for the
//! prompt.

use super::errno::{Errno, checked};
use super::facts::PortFacts;
use super::monitor::Monitor;
use dpdk_sys as ffi;

/// Fields and key in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RssHash {
    /// `RTE_ETH_RSS_*` bits that are hashed.
    pub fields: u64,
    /// The key.
    pub key: Vec<u8>,
}

/// Names of hash fields as testpmd has them, by the number of their bit in `rte_ethdev.h`.
const NAMES: &[(u32, &str)] = &[
    (2, "ipv4"),
    (3, "ipv4-frag"),
    (4, "ipv4-tcp"),
    (5, "ipv4-udp"),
    (6, "ipv4-sctp"),
    (7, "ipv4-other"),
    (8, "ipv6"),
    (9, "ipv6-frag"),
    (10, "ipv6-tcp"),
    (11, "ipv6-udp"),
    (12, "ipv6-sctp"),
    (13, "ipv6-other"),
    (14, "l2-payload"),
    (15, "ipv6-ex"),
    (16, "ipv6-tcp-ex"),
    (17, "ipv6-udp-ex"),
    (18, "port"),
    (19, "vxlan"),
    (20, "geneve"),
    (21, "nvgre"),
    (23, "gtpu"),
    (24, "eth"),
    (25, "s-vlan"),
    (26, "c-vlan"),
    (27, "esp"),
    (28, "ah"),
    (29, "l2tpv3"),
    (30, "pfcp"),
    (31, "pppoe"),
    (32, "ecpri"),
    (33, "mpls"),
    (34, "ipv4-chksum"),
    (35, "l4-chksum"),
    (36, "l2tpv2"),
    (57, "l3-pre32"),
    (56, "l3-pre40"),
    (55, "l3-pre48"),
    (54, "l3-pre56"),
    (53, "l3-pre64"),
    (52, "l3-pre96"),
    (63, "l3-src-only"),
    (62, "l3-dst-only"),
    (61, "l4-src-only"),
    (60, "l4-dst-only"),
    (59, "l2-src-only"),
    (58, "l2-dst-only"),
];

/// The names of hash fields, lowest bit first; a bit without a name by its number.
#[must_use]
pub fn field_names(fields: u64) -> Vec<String> {
    let name = |bit: u32| {
        let known = NAMES.iter().find(|(number, _)| *number == bit);
        known.map_or_else(|| format!("bit-{bit}"), |(_, name)| (*name).to_owned())
    };
    (0..u64::BITS).filter(|bit| fields >> bit & 1 == 1).map(name).collect()
}

impl Monitor<'_> {
    /// Length of the RSS key by the driver, 0 where it does not say. Unit: bytes.
    #[must_use]
    pub fn rss_key_len(&self) -> usize {
        usize::from(self.facts().rss_key_len)
    }

    /// The hash fields and the key in use. DPDK: `rte_eth_dev_rss_hash_conf_get`.
    ///
    /// # Errors
    /// The driver does not answer.
    pub fn rss_hash(&self) -> Result<RssHash, Errno> {
        let mut key = vec![0; self.rss_key_len()];
        let mut conf = ffi::rte_eth_rss_conf {
            rss_key: key.as_mut_ptr(),
            rss_key_len: self.facts().rss_key_len,
            ..ffi::rte_eth_rss_conf::default()
        };
        // SAFETY: the port is valid while it lends this monitor; `conf` and the key, which has the driver's length, are
        // writable and live through the call.
        checked(unsafe { ffi::rte_eth_dev_rss_hash_conf_get(self.facts().id, &raw mut conf) })?;
        Ok(RssHash { fields: conf.rss_hf, key })
    }

    /// Entries of the redirection table that the device has now; some drivers size it by the queues.
    #[must_use]
    pub fn reta_entries(&self) -> u16 {
        PortFacts::read(self.facts().id).map_or(0, |facts| facts.reta_entries)
    }

    /// The queue of every entry of a table of `entries` that `masks` (64 entries each, lowest bit first) ask for: entry and
    /// queue. DPDK: `rte_eth_dev_rss_reta_query`.
    ///
    /// # Errors
    /// The driver does not answer, or has a table of another size.
    pub fn redirection(&self, entries: u16, masks: &[u64]) -> Result<Vec<(u16, u16)>, Errno> {
        let mut groups: Vec<ffi::rte_eth_rss_reta_entry64> =
            masks.iter().map(|mask| ffi::rte_eth_rss_reta_entry64 { mask: *mask, ..Default::default() }).collect();
        if groups.len() != usize::from(entries.div_ceil(ffi::SHIM_RETA_GROUP)) {
            return Err(Errno::INVALID);
        }
        // SAFETY: the port is valid; the groups cover `entries` and are writable through the call.
        checked(unsafe { ffi::rte_eth_dev_rss_reta_query(self.facts().id, groups.as_mut_ptr(), entries) })?;
        let asked = |entry: &u16| {
            let (group, bit) = (entry / ffi::SHIM_RETA_GROUP, entry % ffi::SHIM_RETA_GROUP);
            masks[usize::from(group)] >> bit & 1 == 1
        };
        let queue = |entry: u16| {
            let (group, slot) = (entry / ffi::SHIM_RETA_GROUP, entry % ffi::SHIM_RETA_GROUP);
            (entry, groups[usize::from(group)].reta[usize::from(slot)])
        };
        Ok((0..entries).filter(asked).map(queue).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_as_testpmd_names_them() {
        // What testpmd shows for net_null.
        let offered: u64 = (2..=21).map(|bit| 1 << bit).sum::<u64>() | 1 << 33;
        let want = "ipv4 ipv4-frag ipv4-tcp ipv4-udp ipv4-sctp ipv4-other ipv6 ipv6-frag ipv6-tcp ipv6-udp ipv6-sctp \
                    ipv6-other l2-payload ipv6-ex ipv6-tcp-ex ipv6-udp-ex port vxlan geneve nvgre mpls";
        assert_eq!(field_names(offered).join(" "), want);
        assert_eq!(field_names(1 << 45), ["bit-45"]);
    }

    #[test]
    fn no_bit_is_named_twice() {
        let mut bits: Vec<u32> = NAMES.iter().map(|(bit, _)| *bit).collect();
        bits.sort_unstable();
        let count = bits.len();
        bits.dedup();
        assert_eq!(bits.len(), count);
    }
}
