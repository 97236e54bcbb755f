//! Mbuf pools: how many mbufs a set of ports needs, and where they are.
//!
//! **Owns** the sizing rule and the pools. A pool lives as long as the EAL, because a driver may hold mbufs of it until
//! its port is closed. **May touch** DPDK's memory, at start. **Order** between `plan` and `port`'s start.

use super::eal::Eal;
use super::errno::Errno;
use super::error::DpdkError;
use super::host;
use super::mbuf::HEADROOM;
use super::plan::PortPlan;
use crate::dpdk::burst::MAX_BURST;
use crate::merge::snapshot::PoolSnapshot;
use dpdk_sys as ffi;
use std::ffi::CString;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// How large a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSize {
    /// Mbufs in all.
    pub mbufs: u32,
    /// Mbufs in the cache of each lcore, 512 at the most (`--mbcache`).
    pub cache: u16,
    /// Data room of an mbuf with headroom (`--mbuf-size`). Unit: bytes.
    pub mbuf_size: u16,
}

/// A pool of mbufs on one NUMA socket.
#[derive(Debug)]
pub struct Pool<'e> {
    name: String,
    raw: RawPool,
    size: PoolSize,
    socket: i32,
    eal: PhantomData<&'e ()>,
}

/// DPDK's handle of a pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawPool(pub(super) NonNull<ffi::rte_mempool>);

// SAFETY: a mempool of multi-producer, multi-consumer rings (what rte_pktmbuf_pool_create makes by default) may be used
// from any thread; its caches are found by the thread's own lcore number.
unsafe impl Send for RawPool {}
// SAFETY: as above; counting its free mbufs only reads.
unsafe impl Sync for RawPool {}

impl PoolSize {
    /// What `ports` need that share a pool: descriptors, two bursts in flight per queue (one held, one being filled)
    /// times the segments of the longest frame, what infinite_rx keeps, and the caches of `lcores`, which may each hold
    /// one and a half times their size.
    ///
    /// # Errors
    /// More than 4 G mbufs, a cache above 512, or `asked` (`--total-num-mbufs`) is less than that.
    pub fn for_ports(
        ports: &[&PortPlan],
        lcores: usize,
        cache: u16,
        asked: Option<u32>,
    ) -> Result<PoolSize, DpdkError> {
        if u32::from(cache) > ffi::SHIM_MAX_CACHE {
            let back = format!("DPDK's caches hold at most {}", ffi::SHIM_MAX_CACHE);
            return Err(DpdkError::usage(format!("--mbcache {cache}"), back, "give a smaller one"));
        }
        let queue = |plan: &PortPlan, preload: &u64| {
            let flight = 2 * MAX_BURST as u64 * u64::from(plan.segments);
            u64::from(plan.descriptors) + flight + preload
        };
        let queues: u64 = ports.iter().map(|plan| plan.preload.iter().map(|kept| queue(plan, kept)).sum::<u64>()).sum();
        let caches = (lcores as u64 + 1) * u64::from(cache) * 3 / 2;
        let need = queues + caches + 1;
        let mbufs = asked.map_or(need, u64::from);
        if mbufs < need {
            let back = format!("ports x queues x descriptors, bursts, caches and preloaded packets need {need}");
            let remedy = format!("give --total-num-mbufs {need} or leave it out");
            return Err(DpdkError::usage(format!("--total-num-mbufs {mbufs}"), back, remedy));
        }
        let mbuf_size = ports.iter().map(|plan| plan.mbuf_size).max().unwrap_or(2_048 + HEADROOM);
        let mbufs = u32::try_from(mbufs).map_err(|_| {
            let remedy = "give fewer queues, descriptors or packets to preload";
            DpdkError::usage(format!("{mbufs} mbufs"), "a pool counts them in 32 bits", remedy)
        })?;
        Ok(PoolSize { mbufs, cache, mbuf_size })
    }

    /// Memory of the pool, headers and alignment included, within some percent. Unit: MiB, rounded up.
    #[must_use]
    pub fn mebibytes(self) -> u64 {
        /// An rte_mbuf (128) and the pool's own header and padding of an element (64 or more).
        const BESIDE_DATA: u64 = 128 + 64;
        (u64::from(self.mbufs) * (u64::from(self.mbuf_size) + BESIDE_DATA)).div_ceil(1 << 20)
    }
}

impl<'e> Pool<'e> {
    /// Makes a pool on NUMA socket `socket` (-1 for any). DPDK: `rte_pktmbuf_pool_create`.
    ///
    /// # Errors
    /// A name taken or too long, or too little memory, with how much is needed.
    pub fn create(_eal: &'e Eal, name: &str, size: PoolSize, socket: i32) -> Result<Pool<'e>, DpdkError> {
        let asked = || {
            let place = if socket < 0 { String::new() } else { format!(" on NUMA socket {socket}") };
            format!(
                "pool {name} of {} mbufs x {} bytes, about {} MiB{place}",
                size.mbufs,
                size.mbuf_size,
                size.mebibytes()
            )
        };
        let nul = |_| DpdkError::usage(asked(), "the name has a NUL byte", "give another name");
        let text = CString::new(name).map_err(nul)?;
        let cache = u32::from(size.cache).min(size.mbufs * 2 / 3);
        // SAFETY: `text` is NUL-terminated and copied; sizes and socket are checked by the function.
        let pool = unsafe { ffi::rte_pktmbuf_pool_create(text.as_ptr(), size.mbufs, cache, 0, size.mbuf_size, socket) };
        let Some(pool) = NonNull::new(pool) else {
            let errno = Errno::last();
            let remedy = match errno {
                Errno::NO_MEMORY => format!(
                    "give EAL more memory (-m, or more hugepages on that socket by scripts/setup; without hugepages {}), \
                     or fewer mbufs by --rxd, --rxq, --mbuf-size",
                    host::PLAIN_LINE
                ),
                _ => "see EAL's messages above".to_owned(),
            };
            return Err(DpdkError::runtime(asked(), errno, remedy));
        };
        Ok(Pool { name: name.to_owned(), raw: RawPool(pool), size, socket, eal: PhantomData })
    }

    /// How large it is.
    #[must_use]
    pub fn size(&self) -> PoolSize {
        self.size
    }

    /// Free mbufs, those in the lcores' caches included; approximate while others use it.
    /// DPDK: `rte_mempool_avail_count`.
    #[must_use]
    pub fn free(&self) -> u32 {
        // SAFETY: the pool lives as long as the EAL, which 'e borrows; any thread may count.
        unsafe { ffi::rte_mempool_avail_count(self.raw.0.as_ptr()) }
    }

    /// Name, place, size and free mbufs.
    #[must_use]
    pub fn snapshot(&self) -> PoolSnapshot {
        PoolSnapshot {
            name: self.name.clone(),
            socket: self.socket,
            size: u64::from(self.size.mbufs),
            free: u64::from(self.free()),
        }
    }

    pub(super) fn raw(&self) -> RawPool {
        self.raw
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(queues: u16, descriptors: u16, segments: u32, preload: u64) -> PortPlan {
        PortPlan {
            queues,
            transmit: vec![0],
            descriptors,
            mtu: None,
            offloads: 0,
            rss: None,
            stamps: None,
            preload: vec![preload; usize::from(queues)],
            segments,
            mbuf_size: 2_176,
            packets: None,
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_pool_holds_descriptors_bursts_preloads_and_caches_of_all_its_ports() {
        let (nic, pcap) = (plan(4, 2_048, 1, 0), plan(2, 1_024, 1, 10_000));
        let size = PoolSize::for_ports(&[&nic, &pcap], 4, 512, None).expect("a size");
        let queues = 4 * (2_048 + 128) + 2 * (1_024 + 128 + 10_000);
        assert_eq!(size.mbufs, queues + 5 * 768 + 1);
        let jumbo = PoolSize::for_ports(&[&plan(1, 64, 5, 0)], 0, 0, None).expect("a size");
        assert_eq!(jumbo.mbufs, 64 + 128 * 5 + 1);
    }

    #[test]
    fn a_pool_asked_for_smaller_than_needed_is_refused_with_the_need() {
        let error = PoolSize::for_ports(&[&plan(1, 1_024, 1, 5_000)], 1, 0, Some(5_000)).expect_err("too small");
        assert!(error.to_string().contains("give --total-num-mbufs 6153"), "{error}");
        assert_eq!(PoolSize::for_ports(&[&plan(1, 64, 1, 0)], 1, 0, Some(9_999)).expect("enough").mbufs, 9_999);
    }

    #[test]
    fn caches_and_counts_beyond_dpdk_s_range_are_refused() {
        let cache = PoolSize::for_ports(&[], 1, 513, None).expect_err("too large a cache");
        assert!(cache.to_string().contains("at most 512"), "{cache}");
        let many = PoolSize::for_ports(&[&plan(1, 64, 1, 1 << 33)], 1, 0, None).expect_err("too many");
        assert!(many.to_string().contains("32 bits"), "{many}");
    }

    #[test]
    fn memory_is_estimated_with_what_stands_beside_the_data() {
        assert_eq!(PoolSize { mbufs: 1 << 20, cache: 0, mbuf_size: 2_176 }.mebibytes(), 2_176 + 192);
    }
}
