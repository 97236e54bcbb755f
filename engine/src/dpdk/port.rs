//! A port's life: taken, started, stopped, closed.
//!
//! **Owns** the device from `Eal::port` until it is dropped, and the lending of its queues. **May touch** the device's
//! configuration; never a packet. **Order** `plan` decides, this does; `queue` and `monitor` borrow from it.
//!
//! ```text
//! Eal::port ──▶ Port<Stopped> ── start(&plan, &pool) ──▶ Port<Started> ── split() ──▶ queues and monitor, borrowed
//!                    ▲                                        │
//!                    └───────────────── stop() ◀──────────────┘  only when everything borrowed is gone
//! ```
//!
//! The wrong order does not compile. A port is started once:
//!
//! ```compile_fail,E0382
//! # use parshall_engine::dpdk::*;
//! fn twice<'e>(port: Port<'e, Stopped>, plan: &PortPlan, pool: &Pool<'e>) {
//!     let first = port.start(plan, pool);
//!     let again = port.start(plan, pool);
//! }
//! ```
//!
//! It does not stop while a queue is out:
//!
//! ```compile_fail,E0505
//! # use parshall_engine::dpdk::*;
//! fn stop_early<'e>(mut port: Port<'e, Started>, lcore: &Lcore<'_>) {
//!     let (mut queues, _monitor) = port.split();
//!     let mut poller = queues.remove(0).on(lcore);
//!     let stopped = port.stop();
//!     poller.poll(64, |_| ());
//! }
//! ```

use super::claim;
use super::errno::{Errno, checked};
use super::error::DpdkError;
use super::facts::PortFacts;
use super::kernel::KernelSide;
use super::monitor::Monitor;
use super::plan::{self, PortPlan, PortWish, StampUnit};
use super::pool::{Pool, RawPool};
use super::queue::{RxQueue, Stamps};
use super::rss::RssPlan;
use dpdk_sys as ffi;
use std::marker::PhantomData;

/// A port in state `S`: [`Stopped`] or [`Started`]. Closed when dropped. May move between threads while stopped.
#[derive(Debug)]
pub struct Port<'e, S> {
    device: Device<'e>,
    facts: PortFacts,
    state: S,
}

/// The device does not receive. It may have been set up before.
#[derive(Debug)]
pub struct Stopped {
    ready: Option<Setup>,
}

/// The device receives into its queues.
#[derive(Debug)]
pub struct Started {
    setup: Setup,
}

/// What a device was set up with.
#[derive(Debug)]
struct Setup {
    plan: PortPlan,
    pool: RawPool,
    stamps: Option<Stamps>,
    notes: Vec<String>,
}

/// The device itself, stopped and closed when dropped.
#[derive(Debug)]
struct Device<'e> {
    id: u16,
    started: bool,
    /// A failed set-up left the driver in a state in which closing it may crash (net_pcap with infinite_rx).
    broken: bool,
    /// The interface of the host that this device is.
    kernel: Option<KernelSide>,
    /// That interface was not in promiscuous mode before.
    was_modest: bool,
    eal: PhantomData<&'e ()>,
}

impl<S> Port<'_, S> {
    /// What the device says of itself.
    #[must_use]
    pub fn facts(&self) -> &PortFacts {
        &self.facts
    }

    fn failed(&self, step: &str, errno: Errno, remedy: impl Into<String>) -> DpdkError {
        let PortFacts { id, name, driver, .. } = &self.facts;
        DpdkError::runtime(format!("{step} of port {id} ({name}, {driver})"), errno, remedy)
    }
}

impl<'e> Port<'e, Stopped> {
    pub(super) fn taken(facts: PortFacts) -> Port<'e, Stopped> {
        // SAFETY: the port is valid. Where the EAL has no memory for it the removal goes unnoticed.
        unsafe { ffi::shim_watch_removal(facts.id) };
        let kernel = KernelSide::of(&facts);
        let was_modest = kernel.as_ref().is_some_and(|kernel| !kernel.is_promiscuous());
        let device = Device { id: facts.id, started: false, broken: false, kernel, was_modest, eal: PhantomData };
        Port { device, facts, state: Stopped { ready: None } }
    }

    /// Decides how this port will be set up.
    ///
    /// # Errors
    /// As [`plan::plan`]; nothing changed.
    pub fn plan(&self, wish: &PortWish) -> Result<PortPlan, DpdkError> {
        plan::plan(&self.facts, wish)
    }

    /// Sets the device up by `plan`, with mbufs of `pool`, and lets it receive. A link that is down is no failure.
    ///
    /// A port that was stopped and is started with the same plan and pool is not set up again.
    ///
    /// # Errors
    /// What the driver refused. The port is closed then; where a queue's set-up failed it is left to the operating
    /// system instead, with the EAL's memory, because drivers may crash when closed in that state.
    pub fn start(mut self, plan: &PortPlan, pool: &Pool<'e>) -> Result<Port<'e, Started>, DpdkError> {
        let again = self.state.ready.take().filter(|setup| setup.plan == *plan && setup.pool.0 == pool.raw().0);
        let mut setup = match again {
            Some(setup) => setup,
            None => self.set_up(plan, pool)?,
        };
        let id = self.device.id;
        // SAFETY: the port is valid and stopped; queues and their pool are set up.
        checked(unsafe { ffi::rte_eth_dev_start(id) })
            .map_err(|errno| self.failed("start", errno, "see the driver's message above"))?;
        self.device.started = true;
        setup.notes = plan.notes.clone();
        self.listen(&mut setup)?;
        Ok(Port { device: self.device, facts: self.facts, state: Started { setup } })
    }

    fn set_up(&mut self, plan: &PortPlan, pool: &Pool<'e>) -> Result<Setup, DpdkError> {
        let sent = self.configure(plan)?;
        let mut descriptors = plan.descriptors;
        // SAFETY: the port is valid; the count lives through the call, and null asks nothing of transmission.
        let adjusted = unsafe {
            ffi::rte_eth_dev_adjust_nb_rx_tx_desc(self.device.id, &raw mut descriptors, std::ptr::null_mut())
        };
        checked(adjusted).map_err(|errno| self.failed("descriptors", errno, "give another --rxd"))?;
        for queue in 0..plan.queues {
            self.set_up_queue(queue, descriptors, pool)?;
        }
        for queue in 0..sent {
            // SAFETY: valid port, queue below the configured number; null asks for the driver's defaults, and 0
            // descriptors for its preferred number.
            let set = unsafe {
                ffi::rte_eth_tx_queue_setup(
                    self.device.id,
                    queue,
                    0,
                    self.facts.socket.cast_unsigned(),
                    std::ptr::null(),
                )
            };
            checked(set)
                .map_err(|errno| self.failed("transmit queue (never used)", errno, "see the driver's message above"))?;
        }
        let stamps = plan.stamps.map(|unit| self.stamps(unit)).transpose()?;
        Ok(Setup { plan: plan.clone(), pool: pool.raw(), stamps, notes: Vec::new() })
    }

    /// Configures with the first number of transmit queues that the driver takes; returns it.
    fn configure(&self, plan: &PortPlan) -> Result<u16, DpdkError> {
        let mut conf = ffi::rte_eth_conf::default();
        conf.rxmode.offloads = plan.offloads;
        conf.rxmode.mtu = u32::from(plan.mtu.unwrap_or(0));
        conf.rxmode.mq_mode = ffi::SHIM_MQ_NONE;
        let mut key = Vec::new();
        if let Some(RssPlan { fields, key: wanted, .. }) = &plan.rss {
            key.clone_from(wanted);
            conf.rxmode.mq_mode = ffi::SHIM_MQ_RSS;
            conf.rx_adv_conf.rss_conf.rss_hf = *fields;
            conf.rx_adv_conf.rss_conf.rss_key_len = u8::try_from(key.len()).unwrap_or(u8::MAX);
            conf.rx_adv_conf.rss_conf.rss_key = key.as_mut_ptr();
        }
        let mut refused = Errno::INVALID;
        for sent in &plan.transmit {
            // SAFETY: the port is valid and stopped; `conf` and the key that it points to live through the call.
            let done = unsafe { ffi::rte_eth_dev_configure(self.device.id, plan.queues, *sent, &raw const conf) };
            match checked(done) {
                Ok(_) => return Ok(*sent),
                Err(errno) => refused = errno,
            }
        }
        let step = format!("configuration ({} RX queues, offloads {:#x})", plan.queues, plan.offloads);
        Err(self.failed(&step, refused, "give fewer --rxq, or --disable-rss; the driver's message stands above"))
    }

    fn set_up_queue(&mut self, queue: u16, descriptors: u16, pool: &Pool<'e>) -> Result<(), DpdkError> {
        let pool = pool.raw().0.as_ptr();
        let socket = self.facts.socket.cast_unsigned();
        // SAFETY: valid port, queue below the configured number; null asks for the driver's defaults; the pool lives
        // as long as the EAL, hence longer than the port.
        let set =
            unsafe { ffi::rte_eth_rx_queue_setup(self.device.id, queue, descriptors, socket, std::ptr::null(), pool) };
        checked(set).map(drop).map_err(|errno| {
            self.device.broken = true;
            let remedy = match errno {
                Errno::NO_MEMORY => "give EAL more memory (-m, or hugepages by scripts/hugepages), or a smaller --rxd",
                _ => "give another --rxd or --mbuf-size; the driver's message stands above",
            };
            self.failed(&format!("RX queue {queue} with {descriptors} descriptors"), errno, remedy)
        })
    }

    /// Where the driver writes arrival times. DPDK: `rte_mbuf_dyn_rx_timestamp_register`.
    fn stamps(&self, unit: StampUnit) -> Result<Stamps, DpdkError> {
        let (mut offset, mut flag) = (-1, 0);
        // SAFETY: both results are writable and live through the call.
        let done = unsafe { ffi::rte_mbuf_dyn_rx_timestamp_register(&raw mut offset, &raw mut flag) };
        let remedy = "another library took the mbuf's last dynamic field; leave that out";
        match (checked(done), usize::try_from(offset)) {
            (Ok(_), Ok(offset)) => Ok(Stamps::new(offset, flag, unit)),
            (Err(_), _) => Err(self.failed("timestamps", Errno::last(), remedy)),
            (Ok(_), Err(_)) => Err(self.failed("timestamps", Errno::INVALID, remedy)),
        }
    }

    /// Promiscuous mode and the redirection table, which drivers take when started.
    fn listen(&self, setup: &mut Setup) -> Result<(), DpdkError> {
        let id = self.device.id;
        // SAFETY: the port is valid.
        match checked(unsafe { ffi::rte_eth_promiscuous_enable(id) }) {
            // Virtual devices hand on what they are given.
            Ok(_) | Err(Errno::UNSUPPORTED | Errno::NO_CALL) => {}
            // An interface of the host that this process may open and not change.
            Err(Errno::PERMISSION) if self.device.kernel.is_some() => {
                let name = &self.facts.name;
                setup.notes.push(format!("port {name}: not in promiscuous mode, which needs CAP_NET_ADMIN"));
            }
            Err(errno) => {
                let remedy = "let the host trust this function (ip link set PF vf N trust on), or give another port";
                return Err(self.failed("promiscuous mode", errno, remedy));
            }
        }
        if setup.plan.rss.is_none() {
            return Ok(());
        }
        if let Err(errno) = redirect(id, setup.plan.queues) {
            let name = &self.facts.name;
            setup.notes.push(format!("port {name}: the driver keeps its own RSS redirection table ({errno})"));
        }
        Ok(())
    }
}

/// Gives every queue of a started port its turn in the redirection table, where there is one.
///
/// # Errors
/// What the driver said, which keeps its own table then.
pub(super) fn redirect(id: u16, queues: u16) -> Result<(), Errno> {
    // Some drivers size the table by the number of queues that were configured.
    let entries = PortFacts::read(id)?.reta_entries;
    let mut table = redirection(entries, queues);
    if table.is_empty() {
        return Ok(());
    }
    // SAFETY: the port is valid; the groups cover `entries` and live through the call.
    checked(unsafe { ffi::rte_eth_dev_rss_reta_update(id, table.as_mut_ptr(), entries) }).map(drop)
}

/// A redirection table of `entries` that gives every queue its turn.
fn redirection(entries: u16, queues: u16) -> Vec<ffi::rte_eth_rss_reta_entry64> {
    let mut groups =
        vec![ffi::rte_eth_rss_reta_entry64::default(); usize::from(entries.div_ceil(ffi::SHIM_RETA_GROUP))];
    for entry in 0..entries {
        let (group, slot) = (entry / ffi::SHIM_RETA_GROUP, entry % ffi::SHIM_RETA_GROUP);
        let group = &mut groups[usize::from(group)];
        group.mask |= 1 << slot;
        group.reta[usize::from(slot)] = entry % queues.max(1);
    }
    groups
}

impl<'e> Port<'e, Started> {
    /// Lends out every queue, each once, and the monitor. Nobody can stop or drop the port before all are gone.
    #[must_use]
    pub fn split(&mut self) -> (Vec<RxQueue<'_>>, Monitor<'_>) {
        let Setup { plan, pool, stamps, .. } = &self.state.setup;
        let packets = |queue: u16| plan.packets.as_ref().and_then(|counts| counts.get(usize::from(queue)).copied());
        let queue = |queue| RxQueue::lent(self.device.id, queue, *pool, *stamps, packets(queue));
        ((0..plan.queues).map(queue).collect(), Monitor::lent(&self.facts, plan, self.device.kernel.as_ref()))
    }

    /// How it was set up.
    #[must_use]
    pub fn plan(&self) -> &PortPlan {
        &self.state.setup.plan
    }

    /// What differs from the wish, in sentences for the start message.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.state.setup.notes
    }

    /// Stops receiving; frames still in the device are lost and counted by it. DPDK: `rte_eth_dev_stop`.
    ///
    /// # Errors
    /// What the driver said; the port counts as stopped all the same and is closed.
    pub fn stop(mut self) -> Result<Port<'e, Stopped>, DpdkError> {
        self.device.leave_promiscuous_mode();
        // SAFETY: the port is valid; no queue is polled, since queues borrow from the started port.
        checked(unsafe { ffi::rte_eth_dev_stop(self.device.id) })
            .map_err(|errno| self.failed("stop", errno, "see the driver's message above"))?;
        self.device.started = false;
        let Port { device, facts, state: Started { setup } } = self;
        Ok(Port { device, facts, state: Stopped { ready: Some(setup) } })
    }
}

impl Device<'_> {
    /// Leaves an interface of the host as it was found; drivers do not.
    fn leave_promiscuous_mode(&self) {
        if self.started && self.was_modest {
            // SAFETY: the port is valid. What the driver says changes nothing: the port is stopped next.
            unsafe { ffi::rte_eth_promiscuous_disable(self.id) };
        }
    }
}

impl Drop for Device<'_> {
    fn drop(&mut self) {
        if self.broken {
            claim::give_up();
            return;
        }
        self.leave_promiscuous_mode();
        if self.started {
            // SAFETY: the port is valid; no queue is polled, since queues borrow from the port. What the driver says
            // changes nothing: the port is closed next.
            unsafe { ffi::rte_eth_dev_stop(self.id) };
        }
        // SAFETY: the port is valid and stopped, and never used again: Eal::port gives each out once.
        unsafe { ffi::rte_eth_dev_close(self.id) };
    }
}

#[cfg(test)]
mod tests {
    use super::redirection;

    #[test]
    fn every_entry_of_a_redirection_table_is_set_and_queues_take_turns() {
        let table = redirection(160, 3);
        assert_eq!(table.len(), 3);
        assert_eq!((table[0].mask, table[2].mask), (u64::MAX, u64::from(u32::MAX)));
        assert_eq!((table[0].reta[63], table[1].reta[0], table[2].reta[31]), (0, 1, 0));
        assert!(redirection(0, 4).is_empty());
    }
}
