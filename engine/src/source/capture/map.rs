//! Pieces of a regular file as memory.
//!
//! **Owns** the one unsafe call of the capture room. **May touch** the file it is given and nothing else.
//! **Order** called by `input` when a new piece of the file is wanted, after it has looked at the file's size.
#![allow(unsafe_code)]

use memmap2::{Advice, Mmap, MmapOptions};
use std::fs::File;
use std::io;

/// Maps `len` bytes of `file` from byte `offset` on, to be read from front to back.
///
/// Of a long frame only the headers are looked at; mapped, the rest of it is never copied.
///
/// # Errors
/// What mmap(2) said; nothing is mapped then.
pub(super) fn map_piece(file: &File, offset: u64, len: usize) -> io::Result<Mmap> {
    // SAFETY: the clause of `MmapOptions::map` is that the file is not changed by others while the map lives. The map
    // is private and read-only, so no change comes from here. Against other processes no program can enforce it; two
    // things bound it: `input` compares the file's size before it shows each further MiB of the map, so a file cut
    // short is told as damage unless the cut falls into that MiB, in which case the kernel ends the process (SIGBUS);
    // and frames are only read as plain bytes whose every length is checked against the slice, not the content, so
    // bytes that change give other packets, never an access out of bounds.
    let map = unsafe { MmapOptions::new().offset(offset).len(len).map(file)? };
    // Only a hint for read-ahead and reclaim: a kernel that refuses it maps all the same.
    let _ = map.advise(Advice::Sequential);
    Ok(map)
}
