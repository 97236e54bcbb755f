//! Ports stopped and started while the run goes on, as testpmd's `port stop` and `port start` do; promiscuous mode.
//!
//! **Owns** these calls. **May touch** the device; no queue. **Order** called by the control thread; stopping and starting
//! only with the proof that nobody polls, so that the law of `port` holds: a port that is polled is started.

use super::errno::{Errno, checked};
use super::gate::Closed;
use super::monitor::Monitor;
use super::port::redirect;
use dpdk_sys as ffi;

impl Monitor<'_> {
    /// Stops receiving; frames still in the device are lost and counted by it. DPDK: `rte_eth_dev_stop`.
    ///
    /// # Errors
    /// What the driver said.
    pub fn halt(&self, _nobody_polls: &Closed<'_>) -> Result<(), Errno> {
        // SAFETY: the port is valid while it lends this monitor; the proof says that no queue of it is polled.
        checked(unsafe { ffi::rte_eth_dev_stop(self.facts().id) }).map(drop)
    }

    /// Receives again: file-backed vdevs from the beginning of their files. DPDK: `rte_eth_dev_start`.
    ///
    /// # Errors
    /// What the driver said; the port stays stopped.
    pub fn resume(&self, nobody_polls: &Closed<'_>) -> Result<(), Errno> {
        let id = self.facts().id;
        // SAFETY: as above; the port was set up before it was started for the first time.
        checked(unsafe { ffi::rte_eth_dev_start(id) })?;
        if self.plan().rss.is_some() {
            // Drivers that lose their table when stopped get it again; those that keep their own refuse as at the start.
            let _ = redirect(id, self.plan().queues);
        }
        nobody_polls.started(id);
        Ok(())
    }

    /// Whether frames for other addresses are received. DPDK: `rte_eth_promiscuous_enable`, `_disable`.
    ///
    /// # Errors
    /// What the driver said; nothing changed.
    pub fn promiscuous(&self, on: bool) -> Result<(), Errno> {
        let id = self.facts().id;
        let done = if on {
            // SAFETY: the port is valid while it lends this monitor.
            unsafe { ffi::rte_eth_promiscuous_enable(id) }
        } else {
            // SAFETY: as above.
            unsafe { ffi::rte_eth_promiscuous_disable(id) }
        };
        checked(done).map(drop)
    }
}
