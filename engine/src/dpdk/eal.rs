//! The Environment Abstraction Layer: started once, cleaned up when dropped.
//!
//! **Owns** the EAL of this process, and which ports were taken. **May touch** argv for EAL. **Order** first of all; the
//! thread that starts it is the main lcore and keeps the handle, since lcores are launched from there only.

use super::claim;
use super::errno::Errno;
use super::error::DpdkError;
use super::facts::PortFacts;
use super::host;
use super::launch::Lcore;
use super::port::{Port, Stopped};
use super::vdev;
use super::{log, others};
use dpdk_sys as ffi;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::{CString, c_char};
use std::marker::PhantomData;

/// The EAL is up. Neither `Send` nor `Sync`: the thread that holds it is the main lcore.
///
/// Dropping it gives everything back (DPDK: `rte_eal_cleanup`); it cannot be started again in the same process.
///
/// ```compile_fail,E0277
/// fn needs_send<T: Send>() {}
/// needs_send::<parshall_engine::dpdk::Eal>(); // the main lcore is one thread
/// ```
#[derive(Debug)]
pub struct Eal {
    taken: RefCell<BTreeSet<u16>>,
    main_only: PhantomData<*mut ()>,
}

/// One lcore that EAL was told to use (`-l`, `--lcores`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LcoreFacts {
    /// DPDK's number of it.
    pub id: u32,
    /// Processor that it runs on, where it is bound to one only. DPDK: `rte_lcore_cpuset`.
    pub cpu: Option<u32>,
    /// NUMA socket.
    pub socket: u32,
}

impl Eal {
    /// Starts the EAL with the arguments that stand before `--`, without the program's name.
    ///
    /// Threads that are started afterwards inherit the main lcore's processor; bind them anew where that matters.
    /// `--help` among the arguments prints EAL's help and ends the process, as in every DPDK program.
    /// DPDK: `rte_eal_init`.
    ///
    /// # Errors
    /// What EAL or a device refused, with the remedy. The EAL is not up then and cannot be tried again.
    pub fn start(args: &[String]) -> Result<Eal, DpdkError> {
        check(args)?;
        let line = args.join(" ");
        let asked = || format!("start DPDK with `{line}`");
        let argv = leak(args)?;
        let argc = i32::try_from(args.len() + 1).map_err(|_| too_long(args.len()))?;
        if !claim::take() {
            return Err(DpdkError::usage(asked(), "it was started before in this process", "start it once"));
        }
        // SAFETY: argv holds argc writable NUL-terminated strings and a final null, all leaked, so that EAL may keep
        // pointers into them; claim::take lets this run once in the process.
        let parsed = unsafe { log::init(argc, argv.as_mut_ptr()) };
        if parsed < 0 {
            let errno = Errno::last();
            claim::end();
            return Err(DpdkError::runtime(asked(), errno, host::remedy(errno, args)));
        }
        let eal = Eal { taken: RefCell::default(), main_only: PhantomData };
        eal.check_leftovers(args, usize::try_from(parsed).unwrap_or(0))?;
        eal.check_vdevs(args)?;
        others::let_capture();
        Ok(eal)
    }

    /// What EAL did not take as an option of its own is a mistake of the user.
    fn check_leftovers(&self, args: &[String], parsed: usize) -> Result<(), DpdkError> {
        if parsed >= args.len() {
            return Ok(());
        }
        let asked = format!("EAL arguments `{}`", args.join(" "));
        let back = format!("EAL understood {parsed} of {}", args.len());
        Err(DpdkError::usage(asked, back, "put options of parshall behind `--`"))
    }

    /// EAL starts without a virtual device that failed, and only logs it.
    fn check_vdevs(&self, args: &[String]) -> Result<(), DpdkError> {
        let ports: Vec<String> = self.port_facts()?.into_iter().map(|facts| facts.name).collect();
        for vdev in vdev::parse(args) {
            let renamed = vdev.args.iter().any(|(key, _)| key == "nodeaction");
            if renamed || ports.contains(&vdev.name) {
                continue;
            }
            let remedy = host::vdev_needs(&vdev.name);
            return Err(DpdkError::usage(format!("--vdev {}", vdev.name), "no port came up for it", remedy));
        }
        Ok(())
    }

    /// What every port says of itself, in the order of port ids. DPDK: `RTE_ETH_FOREACH_DEV`.
    ///
    /// # Errors
    /// A driver that does not answer.
    pub fn port_facts(&self) -> Result<Vec<PortFacts>, DpdkError> {
        let mut facts = Vec::new();
        let mut from = 0;
        loop {
            // SAFETY: no precondition; any number is taken.
            let next = unsafe { ffi::rte_eth_find_next_owned_by(from, ffi::SHIM_NO_OWNER) };
            let Some(id) = u16::try_from(next).ok().filter(|id| u32::from(*id) < ffi::SHIM_MAX_PORTS) else {
                return Ok(facts);
            };
            let refused = |errno| DpdkError::runtime(format!("describe port {id}"), errno, "see the driver's log");
            facts.push(PortFacts::read(id).map_err(refused)?);
            from = id + 1;
        }
    }

    /// Takes a port; it is closed when dropped. Each port can be taken once.
    ///
    /// # Errors
    /// No such port, or it was taken before.
    pub fn port(&self, id: u16) -> Result<Port<'_, Stopped>, DpdkError> {
        let all = self.port_facts()?;
        let ids: Vec<String> = all.iter().map(|facts| facts.id.to_string()).collect();
        let asked = format!("port {id}");
        let Some(facts) = all.into_iter().find(|facts| facts.id == id) else {
            let (back, remedy) = if ids.is_empty() {
                let remedy =
                    "bind a NIC to vfio-pci and allow it with -a, or give a --vdev such as net_pcap0,rx_pcap=FILE";
                ("there is no port at all".to_owned(), remedy)
            } else {
                (format!("the ports are {}", ids.join(", ")), "choose among them with --portmask or --portlist")
            };
            return Err(DpdkError::usage(asked, back, remedy));
        };
        if !self.taken.borrow_mut().insert(id) {
            return Err(DpdkError::usage(asked, "it is in use already", "name each port once"));
        }
        Ok(Port::taken(facts))
    }

    /// The calling thread as an lcore: whoever holds the `Eal` is the main lcore.
    #[must_use]
    pub fn main_lcore(&self) -> Lcore<'_> {
        Lcore::here()
    }

    /// The processors that these lcores may run on.
    #[must_use]
    pub fn processors(&self, lcores: &[u32]) -> BTreeSet<u32> {
        let enabled = enabled_workers();
        let known = lcores.iter().filter(|lcore| enabled.iter().any(|facts| facts.id == **lcore));
        known.flat_map(|lcore| processors(*lcore)).collect()
    }

    /// The main lcore. DPDK: `rte_get_main_lcore`.
    #[must_use]
    pub fn main_facts(&self) -> LcoreFacts {
        // SAFETY: the EAL is up.
        facts_of(unsafe { ffi::rte_get_main_lcore() })
    }

    /// The lcores that can be launched: all of `-l` but the main one. DPDK: `RTE_LCORE_FOREACH_WORKER`.
    #[must_use]
    pub fn worker_lcores(&self) -> Vec<LcoreFacts> {
        enabled_workers()
    }
}

/// The enabled lcores but the main one. Only while the EAL is up.
pub(super) fn enabled_workers() -> Vec<LcoreFacts> {
    let mut found = Vec::new();
    let mut id = u32::MAX;
    loop {
        // SAFETY: no precondition; UINT_MAX asks for the first; skips the main lcore, does not wrap around.
        id = unsafe { ffi::rte_get_next_lcore(id, 1, 0) };
        if id >= ffi::SHIM_MAX_LCORE {
            return found;
        }
        found.push(facts_of(id));
    }
}

/// What EAL knows of an enabled lcore.
fn facts_of(id: u32) -> LcoreFacts {
    // SAFETY: id is below RTE_MAX_LCORE.
    let socket = unsafe { ffi::rte_lcore_to_socket_id(id) };
    let cpus = processors(id);
    LcoreFacts { id, cpu: (cpus.len() == 1).then(|| cpus[0]), socket }
}

/// The processors that an enabled lcore may run on. Only while the EAL is up. DPDK: `rte_lcore_cpuset`.
fn processors(lcore: u32) -> Vec<u32> {
    // SAFETY: the lcore is enabled, and the number of the processor is looked at before it is used.
    let may_run_on = |cpu: &u32| unsafe { ffi::shim_lcore_may_run_on(lcore, *cpu) } != 0;
    (0..ffi::SHIM_MAX_CPU).filter(may_run_on).collect()
}

impl Drop for Eal {
    fn drop(&mut self) {
        if claim::end() {
            others::end_captures();
            // SAFETY: this is the main lcore; ports, queues and scopes borrow the EAL, so none is left, and lcores are
            // idle because a scope waits for them. A failure changes nothing for a process that ends.
            unsafe { ffi::rte_eal_cleanup() };
        }
    }
}

/// What can be known to fail without asking EAL, which would say less.
fn check(args: &[String]) -> Result<(), DpdkError> {
    let has = |option: &str| args.iter().any(|arg| arg == option);
    if has("--no-huge") && has("--in-memory") {
        let back = "EAL refuses the two together (legacy memory is not compatible with in-memory mode)";
        let remedy = format!("without hugepages give {}", host::PLAIN_LINE);
        return Err(DpdkError::usage("--no-huge with --in-memory", back, remedy));
    }
    vdev::parse(args).iter().filter_map(vdev::Vdev::pcap).try_for_each(|pcap| pcap.check_inputs())
}

fn too_long(count: usize) -> DpdkError {
    DpdkError::usage(format!("{count} EAL arguments"), "too many", "give fewer")
}

/// argv as C has it, for the life of the process.
fn leak(args: &[String]) -> Result<&'static mut [*mut c_char], DpdkError> {
    let mut argv = Vec::with_capacity(args.len() + 2);
    for arg in std::iter::once("parshall").chain(args.iter().map(String::as_str)) {
        let nul = |_| DpdkError::usage(format!("EAL argument {arg:?}"), "it has a NUL byte", "leave it out");
        argv.push(CString::new(arg).map_err(nul)?.into_raw());
    }
    argv.push(std::ptr::null_mut());
    Ok(argv.leak())
}
