//! The kernel's side of a port that is an interface of the host: what it counts, and what the driver leaves undone.
//!
//! **Owns** the reading of the interface's counters and of the drops in net_af_packet's rings, which the driver does not tell
//! (DPDK 22.11 asks no `PACKET_STATISTICS`). **May touch** the driver's packet sockets, by getting and setting options;
//! each time it is made sure that the socket is one of this interface. **Order** found when a port starts, read by the control
//! thread.

use super::facts::PortFacts;
use crate::merge::snapshot::InterfaceSnapshot;
use dpdk_sys as ffi;
use nix::libc;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// Drivers whose ports are interfaces of the host.
const DRIVERS: [&str; 2] = ["net_af_packet", "net_af_xdp"];

/// Drops what the packet type says is outgoing (linux/filter.h: `SKF_AD_OFF + SKF_AD_PKTTYPE`), and keeps the rest whole.
const NOT_OUTGOING: [libc::sock_filter; 4] = [
    libc::sock_filter { code: 0x20, jt: 0, jf: 0, k: 0xffff_f004 },
    libc::sock_filter { code: 0x15, jt: 0, jf: 1, k: libc::PACKET_OUTGOING as u32 },
    libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: 0 },
    libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: 0x4_0000 },
];
/// packet(7), `PACKET_STATISTICS`.
const PACKET_STATISTICS: libc::c_int = 6;
/// `IFF_PROMISC` and `IFF_LOOPBACK` of /sys/class/net/NAME/flags.
const PROMISCUOUS: u32 = 0x100;
const LOOPBACK: u32 = 0x8;

/// `struct tpacket_stats` of linux/if_packet.h.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct RingStatistics {
    packets: libc::c_uint,
    drops: libc::c_uint,
}

/// An interface of the host behind a port.
#[derive(Debug)]
pub(super) struct KernelSide {
    name: String,
    index: usize,
    sockets: Vec<RawFd>,
    /// Drops in the rings so far: the kernel forgets what it has told.
    dropped: AtomicU64,
    /// Since the port was found: frames received, sent, bytes received, frames dropped.
    climbs: [Climb; COUNTERS.len()],
}

/// Files of /sys/class/net/NAME/statistics that make one counter each.
const COUNTERS: [&[&str]; 4] = [&["rx_packets"], &["tx_packets"], &["rx_bytes"], &["rx_dropped", "rx_missed_errors"]];

/// How far a counter of the kernel's has climbed. It may begin anew with its driver, and is gone with the interface; what it had
/// counted stays.
#[derive(Debug, Default)]
struct Climb {
    last: AtomicU64,
    sum: AtomicU64,
}

impl Climb {
    fn from(now: Option<u64>) -> Climb {
        Climb { last: AtomicU64::new(now.unwrap_or(0)), sum: AtomicU64::new(0) }
    }

    /// The sum, when the counter is at `now`; `None` when it cannot be read.
    fn to(&self, now: Option<u64>) -> u64 {
        let more = now.map_or(0, |now| now.checked_sub(self.last.swap(now, Ordering::Relaxed)).unwrap_or(now));
        self.sum.fetch_add(more, Ordering::Relaxed) + more
    }
}

impl KernelSide {
    /// The interface behind a port; `None` for all others.
    pub(super) fn of(facts: &PortFacts) -> Option<KernelSide> {
        let driver = DRIVERS.iter().find(|driver| facts.driver == **driver)?;
        let mut info = ffi::rte_eth_dev_info::default();
        // SAFETY: `info` is writable and lives through the call; an invalid id is answered with -ENODEV.
        if unsafe { ffi::rte_eth_dev_info_get(facts.id, &raw mut info) } != 0 {
            return None;
        }
        let name = nix::net::if_::if_indextoname(info.if_index).ok()?.into_string().ok()?;
        let index = info.if_index as usize;
        let sockets = if *driver == "net_af_packet" { sockets(index) } else { Vec::new() };
        let climbs = COUNTERS.map(|files| Climb::from(counted(&name, files)));
        let side = KernelSide { name, index, sockets, dropped: AtomicU64::new(0), climbs };
        if side.flags() & LOOPBACK != 0 {
            side.ignore_outgoing();
        }
        Some(side)
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the interface is in promiscuous mode because somebody said so by its flags.
    pub(super) fn is_promiscuous(&self) -> bool {
        self.flags() & PROMISCUOUS != 0
    }

    /// What it counts now, since the port was found.
    pub(super) fn snapshot(&self) -> InterfaceSnapshot {
        let counted = |n: usize| self.climbs[n].to(counted(&self.name, COUNTERS[n]));
        let fresh: u64 = self.sockets.iter().filter_map(|socket| self.drops(*socket)).sum();
        InterfaceSnapshot {
            name: self.name.clone(),
            rx_packets: counted(0),
            tx_packets: counted(1),
            rx_bytes: counted(2),
            rx_dropped: counted(3),
            ring_dropped: self.dropped.fetch_add(fresh, Ordering::Relaxed) + fresh,
        }
    }

    fn flags(&self) -> u32 {
        let text = std::fs::read_to_string(class(&self.name).join("flags")).unwrap_or_default();
        u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).unwrap_or(0)
    }

    /// The loopback interface gives every frame twice otherwise, once as it is sent and once as it is received. A filter,
    /// because `PACKET_IGNORE_OUTGOING` comes too late for a socket that the driver has put into a fanout group.
    fn ignore_outgoing(&self) {
        let mut filter = NOT_OUTGOING;
        let program = libc::sock_fprog { len: filter.len() as libc::c_ushort, filter: filter.as_mut_ptr() };
        for socket in &self.sockets {
            // SAFETY: the value is a sock_fprog of as many instructions as it says; both live through the call, which copies
            // them. A descriptor that takes no filter is answered with an error, and then all stays as it was.
            let _ = unsafe {
                libc::setsockopt(
                    *socket,
                    libc::SOL_SOCKET,
                    libc::SO_ATTACH_FILTER,
                    (&raw const program).cast(),
                    size_of_val(&program) as libc::socklen_t,
                )
            };
        }
    }

    /// Frames that this socket's ring had no room for since it was asked last.
    fn drops(&self, socket: RawFd) -> Option<u64> {
        // The driver closes its sockets when the port stops, and the number may be another's by now.
        if !is_of(socket, self.index) {
            return None;
        }
        let mut read = RingStatistics::default();
        let mut length = size_of::<RingStatistics>() as libc::socklen_t;
        // SAFETY: `read` is writable for `length` bytes and both live through the call; any descriptor is answered.
        let got = unsafe {
            libc::getsockopt(socket, libc::SOL_PACKET, PACKET_STATISTICS, (&raw mut read).cast(), &raw mut length)
        };
        (got == 0).then_some(u64::from(read.drops))
    }
}

/// Where the kernel tells of an interface.
fn class(name: &str) -> PathBuf {
    PathBuf::from("/sys/class/net").join(name)
}

/// The sum of an interface's counters in these files.
fn counted(name: &str, files: &[&str]) -> Option<u64> {
    let statistics = class(name).join("statistics");
    let read = |file: &&str| std::fs::read_to_string(statistics.join(file)).ok()?.trim().parse::<u64>().ok();
    files.iter().map(read).sum()
}

/// This process's packet sockets that are bound to an interface.
fn sockets(index: usize) -> Vec<RawFd> {
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers = open.filter_map(|entry| entry.file_name().to_str()?.parse::<RawFd>().ok());
    numbers.filter(|socket| is_of(*socket, index)).collect()
}

fn is_of(socket: RawFd, index: usize) -> bool {
    // SAFETY: a sockaddr_ll is plain numbers, for which 0 is a value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    let mut length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: `address` is writable for `length` bytes and both live through the call; any descriptor is answered, and one
    // with a longer address is cut.
    let got = unsafe { libc::getsockname(socket, (&raw mut address).cast(), &raw mut length) };
    let packet = got == 0 && i32::from(address.sll_family) == libc::AF_PACKET;
    packet && usize::try_from(address.sll_ifindex) == Ok(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_stays_when_a_counter_begins_anew_or_goes_away() {
        let climb = Climb::from(Some(100));
        let told = [Some(130), Some(10), None, Some(15)].map(|now| climb.to(now));
        assert_eq!(told, [30, 40, 40, 45]);
    }
}
