//! What a device says of itself, as plain values.
//!
//! **Owns** `PortFacts`. **May touch** the device's description, once, when the port is taken. **Order** made by `port`,
//! read by `plan`; tests write it by hand to play a NIC that is not there.

use super::errno::{Errno, checked};
use dpdk_sys as ffi;
use std::ffi::CStr;

/// Limits on the descriptors of one queue. DPDK: `rte_eth_desc_lim`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescriptorLimits {
    /// At the most.
    pub max: u16,
    /// At least.
    pub min: u16,
    /// A multiple of this; 0 and 1 ask for nothing.
    pub align: u16,
}

/// A port's device before it is configured. DPDK: `rte_eth_dev_info_get`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortFacts {
    /// DPDK port id.
    pub id: u16,
    /// Device name: a PCI address, or the vdev's name.
    pub name: String,
    /// Driver name: `net_pcap`, `net_ice`, ...
    pub driver: String,
    /// NUMA socket, -1 for any.
    pub socket: i32,
    /// Smallest MTU. Unit: bytes.
    pub min_mtu: u16,
    /// Largest MTU; 65,535 where the driver names none. Unit: bytes.
    pub max_mtu: u16,
    /// Longest frame with link-layer header and FCS. Unit: bytes.
    pub max_frame_len: u32,
    /// Smallest buffer without headroom that the device receives into. Unit: bytes.
    pub min_buffer: u32,
    /// Receive queues at the most.
    pub max_rx_queues: u16,
    /// Transmit queues at the most.
    pub max_tx_queues: u16,
    /// `RTE_ETH_RX_OFFLOAD_*` bits that are offered.
    pub rx_offloads: u64,
    /// `RTE_ETH_RSS_*` bits that are offered.
    pub rss_fields: u64,
    /// Length of the RSS key, 0 where the driver does not say. Unit: bytes.
    pub rss_key_len: u8,
    /// Entries of the redirection table, 0 where there is none.
    pub reta_entries: u16,
    /// Limits of a receive queue's descriptors.
    pub descriptors: DescriptorLimits,
    /// Descriptors that the driver prefers, 0 where it does not say.
    pub preferred_descriptors: u16,
}

impl PortFacts {
    /// Bytes of a frame beside its payload of MTU size: the driver's, else Ethernet header and FCS.
    #[must_use]
    pub fn overhead(&self) -> u32 {
        let known = self.max_mtu != u16::MAX && self.max_frame_len > u32::from(self.max_mtu);
        if known { self.max_frame_len - u32::from(self.max_mtu) } else { 14 + 4 }
    }

    /// Asks the driver of port `id`, which must be valid.
    pub(super) fn read(id: u16) -> Result<PortFacts, Errno> {
        let mut info = ffi::rte_eth_dev_info::default();
        // SAFETY: `info` is writable and lives through the call; an invalid id is answered with -ENODEV.
        checked(unsafe { ffi::rte_eth_dev_info_get(id, &raw mut info) })?;
        let mut name = [0; ffi::SHIM_NAME_MAX as usize];
        // SAFETY: `name` has room for RTE_ETH_NAME_MAX_LEN bytes, which is what the function may write.
        checked(unsafe { ffi::rte_eth_dev_get_name_by_port(id, name.as_mut_ptr()) })?;
        // SAFETY: on success the buffer holds a NUL-terminated string, and it outlives this borrow.
        let name = unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned();
        // SAFETY: no precondition; an invalid id is answered with -1.
        let socket = unsafe { ffi::rte_eth_dev_socket_id(id) };
        let driver = if info.driver_name.is_null() {
            String::new()
        } else {
            // SAFETY: not null, then a NUL-terminated constant of the driver, which stays loaded.
            unsafe { CStr::from_ptr(info.driver_name) }.to_string_lossy().into_owned()
        };
        let limits = info.rx_desc_lim;
        Ok(PortFacts {
            id,
            name,
            driver,
            socket,
            min_mtu: info.min_mtu,
            max_mtu: info.max_mtu,
            max_frame_len: info.max_rx_pktlen,
            min_buffer: info.min_rx_bufsize,
            max_rx_queues: info.max_rx_queues,
            max_tx_queues: info.max_tx_queues,
            rx_offloads: info.rx_offload_capa,
            rss_fields: info.flow_type_rss_offloads,
            rss_key_len: info.hash_key_size,
            reta_entries: info.reta_size,
            descriptors: DescriptorLimits { max: limits.nb_max, min: limits.nb_min, align: limits.nb_align },
            preferred_descriptors: info.default_rxportconf.ring_size,
        })
    }
}
