//! DPDK as types: the EAL, its lcores, mbuf pools, ports stopped and started, queues and the frames of a burst.
//!
//! **Owns** everything that DPDK must be given back: EAL, ports, mbufs. The wrong order does not compile: a port is
//! started once, its queues are lent out and must be back before it stops, a poller cannot leave its lcore, and the EAL
//! outlives them all. **May touch** `dpdk_sys`, and memory behind DPDK's pointers: `unsafe` is allowed here because a
//! foreign library is called and its memory read; every block meets the contract of the function that it calls.
//! **Order** `vdev` → `eal` → `port` (facts → plan → start) → `launch` → `queue`; `monitor` beside them on the control
//! thread. `source::dpdk` is the only user on the packet path. No flow, no protocol, no output.
//!
//! ```text
//! Eal::start(args) ── port(id) ──▶ Port<Stopped> ── start(plan, pool) ──▶ Port<Started> ── split() ──▶ RxQueue…, Monitor
//!        └── scope(|s| s.launch(lcore, |lcore| …)) ──▶ Lcore ──▶ RxQueue::on(lcore) ──▶ Poller
//! ```
#![allow(unsafe_code)]

pub mod bpf;
mod bpf_mend;
mod burst;
mod claim;
pub mod clock;
pub mod details;
pub mod eal;
mod errno;
mod error;
mod facts;
pub mod gate;
mod halt;
mod host;
mod kernel;
pub mod launch;
pub mod log;
mod mbuf;
mod monitor;
pub mod others;
pub mod plan;
pub mod pool;
pub mod port;
mod queue;
#[cfg(test)]
mod fault_tests;
pub mod ring;
#[cfg(test)]
mod ring_tests;
pub mod rss;
pub mod rss_state;
pub mod vdev;

pub use burst::MAX_BURST;
pub use clock::Clock;
pub use eal::{Eal, LcoreFacts};
pub use errno::Errno;
pub use error::DpdkError;
pub use facts::{DescriptorLimits, PortFacts};
pub use gate::{Closed, Gate, Keeper, Passage};
pub use launch::{Launched, Lcore, Scope};
pub use mbuf::HEADROOM;
pub use monitor::{Monitor, PortStats};
pub use plan::{PortPlan, PortWish};
pub use pool::{Pool, PoolSize};
pub use port::{Port, Started, Stopped};
pub use queue::{Arrival, Poller, RxQueue};
pub use ring::RingFeed;

/// The version of DPDK that this was built against: `22.11.11`.
pub const DPDK_BUILD_VERSION: &str = dpdk_sys::DPDK_BUILD_VERSION;

/// The version of DPDK that is running: `DPDK 22.11.11`. Needs no EAL. DPDK: `rte_version`.
#[must_use]
pub fn running_version() -> String {
    // SAFETY: rte_version has no precondition; it fills a static buffer with a NUL-terminated string once and returns
    // its address.
    let text = unsafe { dpdk_sys::rte_version() };
    // SAFETY: `text` is that buffer, NUL-terminated and alive for the whole process; from the second call on it is only
    // read, and the first call happens before the buffer is borrowed here.
    unsafe { std::ffi::CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
