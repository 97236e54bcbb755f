//! Memory of the flow tables, advice on that of others, prefetch, and one comparison of lanes: all that the engine says `unsafe`
//! for itself.
//!
//! **Owns** anonymous mappings that hold one zeroed array each, on 2 MB pages when there are any, else with transparent
//! huge pages asked for, from the first byte on. **May touch** nothing else.
//! **Order** arrays are made by the worker that uses them (first touch puts them on its NUMA node), before it starts.
#![allow(unsafe_code, reason = "a mapping as a typed slice, prefetch, and lanes of a register have no safe form")]

use bytemuck::Zeroable;
use memmap2::{Advice, MmapMut, MmapOptions};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// A zeroed array in memory of its own, of a length fixed when it is made.
#[derive(Debug)]
pub struct Arena<T> {
    map: MmapMut,
    len: usize,
    pages: Pages,
    holds: PhantomData<T>,
}

/// Which pages an arena got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// 2 MB pages of the hugepage pool.
    Huge,
    /// Transparent huge pages asked for; the kernel decides.
    Transparent,
    /// Small pages: too small an array, or a kernel without transparent huge pages.
    Small,
}

/// How an arena is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArenaOptions {
    /// Take 2 MB pages from the pool if it has enough.
    pub huge: bool,
    /// Touch every page now, so that no later write meets a page fault.
    pub touch: bool,
}

const HUGE_PAGE: usize = 2 << 20;

impl<T: Zeroable> Arena<T> {
    /// An array of `len` zeroed values.
    ///
    /// # Errors
    /// The kernel's refusal to map so much memory.
    pub fn new(len: usize, options: ArenaOptions) -> std::io::Result<Arena<T>> {
        const { assert!(align_of::<T>() <= 4096 && size_of::<T>() > 0, "an arena's alignment is that of a page") };
        let bytes = size_of::<T>().checked_mul(len).ok_or(std::io::ErrorKind::OutOfMemory)?.max(1);
        let (mut map, pages) = Self::map(bytes, options)?;
        if options.touch {
            let mut at = 0;
            while at < map.len() {
                map[at] = 0;
                at += 4096;
            }
        }
        Ok(Arena { map, len, pages, holds: PhantomData })
    }

    fn map(bytes: usize, options: ArenaOptions) -> std::io::Result<(MmapMut, Pages)> {
        if bytes < HUGE_PAGE {
            return Ok((MmapOptions::new().len(bytes).map_anon()?, Pages::Small));
        }
        let whole = bytes.next_multiple_of(HUGE_PAGE);
        if options.huge
            && let Ok(map) = MmapOptions::new().len(whole).huge(Some(21)).map_anon()
        {
            return Ok((map, Pages::Huge));
        }
        // A whole number of huge pages is put where they begin, so that the first of it lies on one too.
        let map = MmapOptions::new().len(whole).map_anon()?;
        let pages = if map.advise(Advice::HugePage).is_ok() { Pages::Transparent } else { Pages::Small };
        Ok((map, pages))
    }
}

impl<T> Arena<T> {
    /// Which pages it got.
    #[must_use]
    pub const fn pages(&self) -> Pages {
        self.pages
    }
}

impl<T> Deref for Arena<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `map` holds at least `len * size_of::<T>()` bytes (checked in `new`), aligned to a page and so to T
        // (asserted in `new`), zeroed by the kernel, which `T: Zeroable` makes valid values, and only ever written as
        // `T` afterwards. The mapping lives as long as `self`, and `&self` keeps it unwritten meanwhile.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast::<T>(), self.len) }
    }
}

impl<T> DerefMut for Arena<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`; `&mut self` makes this the only reference into the mapping.
        unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr().cast::<T>(), self.len) }
    }
}

/// Asks for transparent huge pages under memory that somebody else mapped, as far as whole ones lie in it; says for how many
/// bytes.
pub fn ask_for_huge_pages<T>(memory: &mut [T]) -> usize {
    let (begin, bytes) = (memory.as_mut_ptr().cast::<u8>(), size_of_val(memory));
    let before = begin.align_offset(HUGE_PAGE);
    let whole = bytes.saturating_sub(before) / HUGE_PAGE * HUGE_PAGE;
    if whole == 0 {
        return 0;
    }
    // SAFETY: `before` is less than the length of `memory`, since `whole` bytes lie behind it.
    let from = unsafe { begin.add(before) };
    // SAFETY: the range lies in `memory`, which nobody else looks at meanwhile; the advice changes which pages it is made of, not
    // what it holds.
    let asked = unsafe { rustix::mm::madvise(from.cast(), whole, rustix::mm::Advice::LinuxHugepage) };
    if asked.is_ok() { whole } else { 0 }
}

/// Asks the CPU to bring the line of `array[index]` near, for a write. Does nothing when the index is out of range.
#[inline(always)]
pub fn prefetch<T>(array: &[T], index: usize) {
    if let Some(value) = array.get(index) {
        prefetch_value(value, 0);
    }
}

/// Asks the CPU to bring the line that lies `offset` bytes into `value` near. Offsets beyond the value do nothing.
#[inline(always)]
pub fn prefetch_value<T>(value: &T, offset: usize) {
    if offset < size_of::<T>() {
        #[cfg(target_arch = "x86_64")]
        {
            // SAFETY: the offset was checked to stay inside `value`, so the pointer stays in bounds of one object.
            let line = unsafe { std::ptr::from_ref(value).cast::<i8>().add(offset) };
            // SAFETY: prefetch is a hint; it accesses nothing and faults on nothing. SSE is part of x86-64.
            unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(line) };
        }
    }
}

/// The lanes that equal `wanted`, lane `n` as bit `n`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[must_use]
pub fn lanes_equal(lanes: [u16; 8], wanted: u16) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi16, _mm_movemask_epi8, _mm_packs_epi16, _mm_set1_epi16, _mm_setzero_si128};

    #[inline]
    #[target_feature(enable = "sse2")]
    fn compare(lanes: [u16; 8], wanted: u16) -> u32 {
        let same = _mm_cmpeq_epi16(bytemuck::cast(lanes), _mm_set1_epi16(wanted.cast_signed()));
        _mm_movemask_epi8(_mm_packs_epi16(same, _mm_setzero_si128())).cast_unsigned()
    }

    // SAFETY: SSE2 is part of x86-64.
    unsafe { compare(lanes, wanted) }
}

/// The lanes that equal `wanted`, lane `n` as bit `n`.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
#[must_use]
pub fn lanes_equal(lanes: [u16; 8], wanted: u16) -> u32 {
    lanes.iter().rev().fold(0, |equal, lane| equal << 1 | u32::from(*lane == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arena_starts_zeroed_and_keeps_what_is_written() {
        let mut arena = Arena::<[u64; 8]>::new(100_000, ArenaOptions { huge: true, touch: true }).unwrap();
        assert!(arena.iter().all(|line| *line == [0; 8]));
        arena[99_999][7] = 5;
        assert_eq!((arena.len(), arena[99_999][7]), (100_000, 5));
    }

    #[test]
    fn an_arena_that_is_only_mapped_costs_no_memory_until_it_is_used() {
        let resident = || -> usize {
            let text = std::fs::read_to_string("/proc/self/statm").unwrap();
            text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
        };
        let before = resident();
        let arena = Arena::<[u64; 8]>::new(1 << 24, ArenaOptions { huge: false, touch: false }).unwrap();
        assert_eq!(arena.len(), 1 << 24);
        assert!(resident() < before + (64 << 20), "a gigabyte mapped must not be a gigabyte used");
    }

    #[test]
    fn huge_pages_are_asked_for_where_whole_ones_lie_and_leave_what_is_written() {
        let mut long = vec![7_u64; 3 * HUGE_PAGE / 8];
        let asked = ask_for_huge_pages(&mut long);
        assert!([0, 2 * HUGE_PAGE, 3 * HUGE_PAGE].contains(&asked), "{asked}");
        assert!(long.iter().all(|word| *word == 7));
        assert_eq!(ask_for_huge_pages(&mut long[..HUGE_PAGE / 16]), 0);
    }

    #[test]
    fn lanes_that_are_equal_have_their_bits_set() {
        assert_eq!(lanes_equal([7, 0, 0xffff, 7, 0x8000, 1, 2, 7], 7), 0b1000_1001);
        assert_eq!(lanes_equal([7, 0, 0xffff, 7, 0x8000, 1, 2, 7], 0xffff), 0b100);
        assert_eq!(lanes_equal([0x00ff; 8], 0xffff), 0);
    }

    #[test]
    fn an_empty_arena_is_an_empty_slice() {
        let arena = Arena::<u64>::new(0, ArenaOptions { huge: true, touch: true }).unwrap();
        prefetch(&arena, 0);
        assert!(arena.is_empty());
    }
}
