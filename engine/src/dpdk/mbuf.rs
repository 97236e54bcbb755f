//! One received mbuf, read field by field.
//!
//! **Owns** the way fields are read: by the offsets that `shim.h` takes from DPDK's own header, since the unions around
//! them differ between releases. **May touch** the mbuf and the bytes of its first segment. **Order** within `queue`.

use dpdk_sys as ffi;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Bytes before the data of an mbuf's first segment, part of `--mbuf-size`. DPDK: `RTE_PKTMBUF_HEADROOM`.
pub const HEADROOM: u16 = ffi::SHIM_HEADROOM;

/// An mbuf that this thread owns for `'s`. Cannot be made but by `burst`, of what a driver returned.
#[derive(Clone, Copy)]
pub(super) struct Mbuf<'s>(NonNull<ffi::rte_mbuf>, PhantomData<&'s ffi::rte_mbuf>);

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $offset:ident;)*) => {
        impl Mbuf<'_> {
            $($(#[$doc])* #[inline(always)] pub(super) fn $name(self) -> $type {
                // SAFETY: the offset is offsetof() of this field, so it lies inside the mbuf.
                let at = unsafe { self.0.as_ptr().byte_add(ffi::$offset) }.cast::<$type>();
                // SAFETY: `at` is the field, or the four neighbouring ones of `rearm`: aligned as in C, of this size,
                // initialised by the driver, and written by nobody while the mbuf is owned here, before any sharing by
                // this process.
                unsafe { at.read() }
            })*
        }
    };
}

fields! {
    /// Start of the buffer.
    buf_addr: *const u8 = SHIM_MBUF_BUF_ADDR;
    /// Bytes from the buffer's start to the data, references to this mbuf, segments of the frame, and the port. DPDK:
    /// `rearm_data`.
    rearm: [u16; 4] = SHIM_MBUF_DATA_OFF;
    /// `RTE_MBUF_F_*` bits and those of dynamic flags.
    ol_flags: u64 = SHIM_MBUF_OL_FLAGS;
    /// Bytes of all segments.
    pkt_len: u32 = SHIM_MBUF_PKT_LEN;
    /// Bytes of this segment.
    data_len: u16 = SHIM_MBUF_DATA_LEN;
    /// The pool that it came from.
    pool: *mut ffi::rte_mempool = SHIM_MBUF_POOL;
}

const _: () = {
    let after = ffi::SHIM_MBUF_DATA_OFF;
    assert!(ffi::SHIM_MBUF_REFCNT == after + 2 && ffi::SHIM_MBUF_NB_SEGS == after + 4, "rearm_data");
    assert!(after.is_multiple_of(8), "rearm_data is a word");
};

impl<'s> Mbuf<'s> {
    /// # Safety
    /// `mbuf` was given by a driver's receive function and is owned by the caller for `'s`.
    #[inline(always)]
    pub(super) unsafe fn new(mbuf: NonNull<ffi::rte_mbuf>) -> Mbuf<'s> {
        Mbuf(mbuf, PhantomData)
    }

    /// The bytes of the first segment.
    #[inline(always)]
    pub(super) fn bytes(self) -> &'s [u8] {
        let [data_off, ..] = self.rearm();
        // SAFETY: the driver set data_off and data_len so that the data lies inside the buffer.
        let start = unsafe { self.buf_addr().add(usize::from(data_off)) };
        // SAFETY: `start` is not null and data_len bytes from it are initialised, inside one buffer, and written by
        // nobody for 's: the driver gave the mbuf away, and this room never writes to data.
        unsafe { std::slice::from_raw_parts(start, usize::from(self.data_len())) }
    }

    /// The eight bytes of a dynamic field at `offset`. DPDK: `RTE_MBUF_DYNFIELD`.
    ///
    /// # Safety
    /// `offset` was returned by the registration of a field of eight bytes, and the driver wrote it (its flag is set).
    #[inline(always)]
    pub(super) unsafe fn dynamic(self, offset: usize) -> u64 {
        // SAFETY: a registered offset lies inside the mbuf.
        let at = unsafe { self.0.as_ptr().byte_add(offset) }.cast::<u64>();
        // SAFETY: registered with size and alignment of u64, and initialised as the caller promises.
        unsafe { at.read() }
    }

    /// What keeps this mbuf from being put back into `pool` as it is: 0 means nothing does.
    ///
    /// Putting back without looking at the mbuf again is right only for one unshared segment with its own data, of this
    /// pool. DPDK: the conditions that `rte_pktmbuf_prefree_seg` establishes.
    #[inline(always)]
    pub(super) fn not_plain(self, pool: *mut ffi::rte_mempool) -> u64 {
        let word = bytemuck::cast::<[u16; 4], u64>;
        // One reference and one segment; the offset and the port may be any.
        let shape = word(self.rearm()) & word([0, u16::MAX, u16::MAX, 0]) ^ word([0, 1, 1, 0]);
        let foreign = self.ol_flags() & ffi::SHIM_MBUF_FOREIGN;
        let other_pool = self.pool().addr() ^ pool.addr();
        shape | foreign | other_pool as u64
    }
}

/// Asks the processor to fetch the line that `bytes` begin in.
#[inline(always)]
pub(super) fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch of any address is allowed; SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}
