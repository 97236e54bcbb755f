//! How a port stands at this moment, in full: what testpmd's `show port info` shows.
//!
//! **Owns** `PortDetails`. **May touch** the device's description and state. **Order** asked by the control thread when
//! somebody at the prompt wants to know.

use super::errno::{Errno, checked};
use super::monitor::Monitor;
use dpdk_sys as ffi;
use std::ffi::{CStr, c_char};

/// Limits of a direction's queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueLimits {
    /// Queues that are set up.
    pub now: u16,
    /// Queues at the most.
    pub max: u16,
    /// Descriptors of a queue at the most.
    pub descriptors_max: u16,
    /// Descriptors of a queue at least.
    pub descriptors_min: u16,
    /// A multiple of this.
    pub descriptors_align: u16,
}

/// Thresholds that a driver prefers for a receive queue, and gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxThresholds {
    /// Descriptors that are given back at once.
    pub free: u16,
    /// Ring prefetch threshold.
    pub prefetch: u8,
    /// Ring host threshold.
    pub host: u8,
    /// Ring write-back threshold.
    pub writeback: u8,
}

/// See the module. DPDK: `rte_eth_dev_info_get` and the calls beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortDetails {
    /// Ethernet address.
    pub mac: [u8; 6],
    /// Version of the firmware; `None` where the driver has none.
    pub firmware: Option<String>,
    /// What stands behind the device's name on the command line.
    pub arguments: String,
    /// Link is up.
    pub link_up: bool,
    /// Speed. Unit: Mbit/s; 0 none, `u32::MAX` unknown.
    pub link_mbps: u32,
    /// Both directions at once.
    pub full_duplex: bool,
    /// Speed is negotiated.
    pub autoneg: bool,
    /// Unit: bytes.
    pub mtu: u16,
    /// Frames for other addresses are received.
    pub promiscuous: bool,
    /// All multicast frames are received.
    pub all_multicast: bool,
    /// Ethernet addresses at the most.
    pub max_macs: u32,
    /// Ethernet addresses of hash filtering at the most.
    pub max_hash_macs: u32,
    /// `RTE_ETH_*_OFFLOAD` bits of VLAN: strip, filter, extend, QinQ strip from bit 0 on.
    pub vlan: u8,
    /// Entries of the redirection table.
    pub reta_entries: u16,
    /// `RTE_ETH_RSS_*` bits that are offered.
    pub rss_fields: u64,
    /// Smallest receive buffer. Unit: bytes.
    pub min_buffer: u32,
    /// Longest frame. Unit: bytes.
    pub max_frame_len: u32,
    /// Longest packet that the device puts together. Unit: bytes.
    pub max_lro_len: u32,
    /// Receive queues.
    pub rx: QueueLimits,
    /// Transmit queues.
    pub tx: QueueLimits,
    /// Thresholds of receive queues.
    pub thresholds: RxThresholds,
    /// Segments of a packet to send, at the most.
    pub max_segments: u16,
    /// The same for a large one that the device cuts.
    pub max_segments_mtu: u16,
    /// `RTE_ETH_DEV_CAPA_*` bits.
    pub capabilities: u64,
    /// Number of the error handling mode.
    pub error_mode: u32,
}

impl Monitor<'_> {
    /// How the port stands now. What a driver does not answer keeps its zero.
    ///
    /// # Errors
    /// The driver does not describe the device at all.
    pub fn details(&self) -> Result<PortDetails, Errno> {
        let id = self.facts().id;
        let mut info = ffi::rte_eth_dev_info::default();
        // SAFETY: the port is valid while it lends this monitor; the result is writable and lives through the call.
        checked(unsafe { ffi::rte_eth_dev_info_get(id, &raw mut info) })?;
        let mut details = PortDetails {
            arguments: arguments(&info),
            max_macs: info.max_mac_addrs,
            max_hash_macs: info.max_hash_mac_addrs,
            reta_entries: info.reta_size,
            rss_fields: info.flow_type_rss_offloads,
            min_buffer: info.min_rx_bufsize,
            max_frame_len: info.max_rx_pktlen,
            max_lro_len: info.max_lro_pkt_size,
            rx: limits(info.nb_rx_queues, info.max_rx_queues, info.rx_desc_lim),
            tx: limits(info.nb_tx_queues, info.max_tx_queues, info.tx_desc_lim),
            max_segments: info.tx_desc_lim.nb_seg_max,
            max_segments_mtu: info.tx_desc_lim.nb_mtu_seg_max,
            capabilities: info.dev_capa,
            error_mode: info.err_handle_mode,
            thresholds: RxThresholds {
                free: info.default_rxconf.rx_free_thresh,
                prefetch: info.default_rxconf.rx_thresh.pthresh,
                host: info.default_rxconf.rx_thresh.hthresh,
                writeback: info.default_rxconf.rx_thresh.wthresh,
            },
            firmware: firmware(id),
            ..PortDetails::default()
        };
        state(id, &mut details);
        Ok(details)
    }
}

fn limits(now: u16, max: u16, descriptors: ffi::rte_eth_desc_lim) -> QueueLimits {
    QueueLimits {
        now,
        max,
        descriptors_max: descriptors.nb_max,
        descriptors_min: descriptors.nb_min,
        descriptors_align: descriptors.nb_align,
    }
}

fn arguments(info: &ffi::rte_eth_dev_info) -> String {
    // SAFETY: null, or the device of a valid port, which lives as long as the port.
    let text = unsafe { ffi::shim_devargs(info.device) };
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, then a NUL-terminated string that lives as long as the device.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

fn firmware(id: u16) -> Option<String> {
    let mut buffer = [0 as c_char; 128];
    // SAFETY: the buffer has room for as many bytes as are said.
    let done = unsafe { ffi::rte_eth_dev_fw_version_get(id, buffer.as_mut_ptr(), buffer.len()) };
    if done != 0 {
        return None;
    }
    // SAFETY: on success the buffer holds a NUL-terminated string.
    Some(unsafe { CStr::from_ptr(buffer.as_ptr()) }.to_string_lossy().into_owned())
}

/// Link, address, MTU and modes.
fn state(id: u16, details: &mut PortDetails) {
    let (mut up, mut full, mut autoneg) = (0, 0, 0);
    // SAFETY: the port is valid; the results are writable and live through the call.
    unsafe {
        ffi::shim_link_modes(id, &raw mut details.link_mbps, &raw mut up, &raw mut full, &raw mut autoneg);
    }
    (details.link_up, details.full_duplex, details.autoneg) = (up != 0, full != 0, autoneg != 0);
    let mut mac = ffi::rte_ether_addr::default();
    // SAFETY: as above.
    if unsafe { ffi::rte_eth_macaddr_get(id, &raw mut mac) } == 0 {
        details.mac = mac.addr_bytes;
    }
    // SAFETY: as above; a failure leaves the zero.
    unsafe { ffi::rte_eth_dev_get_mtu(id, &raw mut details.mtu) };
    // SAFETY: the port is valid.
    details.promiscuous = unsafe { ffi::rte_eth_promiscuous_get(id) } == 1;
    // SAFETY: the port is valid.
    details.all_multicast = unsafe { ffi::rte_eth_allmulticast_get(id) } == 1;
    // SAFETY: the port is valid.
    details.vlan = u8::try_from(unsafe { ffi::rte_eth_dev_get_vlan_offload(id) }).unwrap_or(0);
}
