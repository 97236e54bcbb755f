//! What a port's driver counts and how its link is, for the control thread.
//!
//! **Owns** the right to ask, lent out once with the queues: DPDK's statistics calls may run beside polling, not beside
//! each other. **May touch** no packet. **Order** called by the control thread once a period.

use super::errno::{Errno, checked};
use super::facts::PortFacts;
use super::kernel::KernelSide;
use super::plan::PortPlan;
use crate::merge::snapshot::PortSnapshot;
use dpdk_sys as ffi;
use std::cell::Cell;
use std::ffi::CStr;

/// Reads a started port's counters. May move to the control thread (`Send`), is not shared (not `Sync`).
#[derive(Debug)]
pub struct Monitor<'p> {
    facts: &'p PortFacts,
    plan: &'p PortPlan,
    kernel: Option<&'p KernelSide>,
    /// What the driver answered last. Not shared between threads, as DPDK's calls must not be.
    answered: Cell<PortStats>,
}

/// A port's basic counters since its driver started. DPDK: `rte_eth_stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortStats {
    /// Frames received.
    pub ipackets: u64,
    /// Frames sent; 0, but for what a driver counts by itself.
    pub opackets: u64,
    /// Bytes received.
    pub ibytes: u64,
    /// Bytes sent.
    pub obytes: u64,
    /// Frames lost for lack of descriptors.
    pub imissed: u64,
    /// Frames lost as erroneous.
    pub ierrors: u64,
    /// Failures to send.
    pub oerrors: u64,
    /// Failures to get an mbuf; some drivers count one without losing a frame.
    pub rx_nombuf: u64,
}

impl<'p> Monitor<'p> {
    pub(super) fn lent(facts: &'p PortFacts, plan: &'p PortPlan, kernel: Option<&'p KernelSide>) -> Monitor<'p> {
        Monitor { facts, plan, kernel, answered: Cell::default() }
    }

    /// What the device says of itself.
    #[must_use]
    pub fn facts(&self) -> &PortFacts {
        self.facts
    }

    /// How the port was set up.
    #[must_use]
    pub fn plan(&self) -> &PortPlan {
        self.plan
    }

    /// The basic counters. DPDK: `rte_eth_stats_get`.
    ///
    /// # Errors
    /// The driver does not answer.
    pub fn stats(&self) -> Result<PortStats, Errno> {
        let mut read = ffi::rte_eth_stats::default();
        // SAFETY: the port is valid while it lends this monitor; the result is writable and lives through the call.
        checked(unsafe { ffi::rte_eth_stats_get(self.facts.id, &raw mut read) })?;
        Ok(PortStats {
            ipackets: read.ipackets,
            opackets: read.opackets,
            ibytes: read.ibytes,
            obytes: read.obytes,
            imissed: read.imissed,
            ierrors: read.ierrors,
            oerrors: read.oerrors,
            rx_nombuf: read.rx_nombuf,
        })
    }

    /// Every counter that the driver has, by name. Allocates; for the prompt and for chosen names in metrics.
    /// DPDK: `rte_eth_xstats_get_names`, `rte_eth_xstats_get`.
    ///
    /// # Errors
    /// The driver does not answer.
    pub fn xstats(&self) -> Result<Vec<(String, u64)>, Errno> {
        let id = self.facts.id;
        // SAFETY: null with size 0 asks for the number of counters.
        let count = checked(unsafe { ffi::rte_eth_xstats_get_names(id, std::ptr::null_mut(), 0) })?;
        let size = count.cast_unsigned();
        let mut names = vec![ffi::rte_eth_xstat_name::default(); size as usize];
        // SAFETY: `names` has room for `size` entries.
        let named = checked(unsafe { ffi::rte_eth_xstats_get_names(id, names.as_mut_ptr(), size) })?;
        let mut values = vec![ffi::rte_eth_xstat::default(); size as usize];
        // SAFETY: `values` has room for `size` entries.
        let valued = checked(unsafe { ffi::rte_eth_xstats_get(id, values.as_mut_ptr(), size) })?;
        // More than there is room for means that the set grew meanwhile, and that nothing was written.
        let complete = |written: i32| if written > count { 0 } else { written.cast_unsigned() as usize };
        names.truncate(complete(named));
        values.truncate(complete(valued));
        let found = values.iter().filter_map(|value| {
            let name = names.get(usize::try_from(value.id).ok()?)?;
            // SAFETY: the driver wrote a NUL-terminated name within the array.
            let name = unsafe { CStr::from_ptr(name.name.as_ptr()) };
            Some((name.to_string_lossy().into_owned(), value.value))
        });
        Ok(found.collect())
    }

    /// Whether the link is up, and its speed in Mbit/s, 0 where unknown. DPDK: `rte_eth_link_get_nowait`.
    ///
    /// # Errors
    /// The driver does not answer.
    pub fn link(&self) -> Result<(bool, u32), Errno> {
        let (mut mbps, mut up) = (0, 0);
        // SAFETY: the port is valid; both results are writable and live through the call.
        checked(unsafe { ffi::shim_link(self.facts.id, &raw mut mbps, &raw mut up) })?;
        Ok((up != 0, mbps))
    }

    /// Whether the device has gone away: its driver said so, or it was taken out. DPDK: `RTE_ETH_EVENT_INTR_RMV`,
    /// `RTE_ETH_EVENT_DESTROY`.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        // SAFETY: reads a flag; any number is taken.
        unsafe { ffi::shim_is_removed(self.facts.id) != 0 }
    }

    /// Name of the interface where `--interface` made the port for it, else that of the device.
    #[must_use]
    pub fn name(&self) -> &str {
        let of_interface = |kernel: &&KernelSide| self.facts.name == format!("{}_{}", self.facts.driver, kernel.name());
        self.kernel.filter(of_interface).map_or(&self.facts.name, KernelSide::name)
    }

    /// Counters and link as the control thread publishes them. Where the driver does not answer any more, counters stay what
    /// they were and the link is down.
    #[must_use]
    pub fn snapshot(&self) -> PortSnapshot {
        let stats = self.stats().unwrap_or_else(|_| self.answered.get());
        self.answered.set(stats);
        let (link_up, link_mbps) = self.link().unwrap_or_default();
        let interface = self.kernel.map(KernelSide::snapshot);
        let lost_in_rings = interface.as_ref().map_or(0, |interface| interface.ring_dropped);
        PortSnapshot {
            port: self.facts.id,
            name: self.name().to_owned(),
            driver: self.facts.driver.clone(),
            socket: self.facts.socket,
            link_up,
            link_mbps,
            removed: self.is_removed(),
            ipackets: stats.ipackets,
            ibytes: stats.ibytes,
            imissed: stats.imissed + lost_in_rings,
            ierrors: stats.ierrors,
            rx_nombuf: stats.rx_nombuf,
            interface,
        }
    }
}
