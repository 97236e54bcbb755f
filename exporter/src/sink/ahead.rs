//! Room on the disk that is taken before the text that goes there.
//!
//! **Owns** how far it reaches. **May touch** the file it is shown. **Order** asked by a target before it writes and when it
//! ends.
//!
//! A file system looks for a place for every block that is appended, unless it was asked for many beforehand: 160 MB onto ext4
//! then take half the time. The file never looks longer than what was written, and what was not used is given back. A file system
//! in memory has no such places, and would be asked twice for every page.

use rustix::fs::{FallocateFlags, fallocate, fstatfs};
use std::fs::File;

/// Bytes of a file for which it is worth while.
const LONG: u64 = 4 << 20;

/// Bytes that are taken at once.
const STEP: u64 = 16 << 20;

/// What Linux calls a file system in memory (linux/magic.h: TMPFS_MAGIC).
const IN_MEMORY: i64 = 0x0102_1994;

/// How far room was taken.
#[derive(Debug)]
pub(super) struct Ahead {
    /// Where the text ends, as far as is known.
    end: u64,
    /// Where the room ends; `None` on a file system in memory, that has no such thing, or no room.
    taken: Option<u64>,
}

impl Ahead {
    /// Of a file that is so long.
    pub(super) fn new(file: &File, len: u64) -> Ahead {
        let in_memory = fstatfs(file).is_ok_and(|about| about.f_type == IN_MEMORY);
        Ahead { end: len, taken: (!in_memory).then_some(len) }
    }

    /// So many bytes are about to be appended.
    pub(super) fn reach(&mut self, file: &File, bytes: usize) {
        let from = self.end;
        self.end += bytes as u64;
        if let Some(taken) = self.taken.filter(|taken| self.end > LONG.max(*taken)) {
            let from = from.max(taken);
            let until = self.end.next_multiple_of(STEP);
            self.taken = fallocate(file, FallocateFlags::KEEP_SIZE, from, until - from).is_ok().then_some(until);
        }
    }

    /// Gives back what was not used.
    pub(super) fn give_back(&self, file: &File) {
        if self.taken.is_some_and(|taken| taken > self.end)
            && let Ok(about) = file.metadata()
        {
            // What cannot be given back is room on the disk, and nothing in the file.
            let _ = file.set_len(about.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_file_is_as_long_as_what_was_written_and_keeps_no_more_room_than_that() {
        let folder = tempfile::tempdir().unwrap();
        let piece = vec![b'x'; 1 << 20];
        for pieces in [1, 5, 40] {
            let mut file = File::create(folder.path().join("file")).unwrap();
            let mut ahead = Ahead::new(&file, 0);
            for n in 1..=pieces {
                ahead.reach(&file, piece.len());
                file.write_all(&piece).unwrap();
                assert_eq!(file.metadata().unwrap().len(), n * piece.len() as u64);
            }
            ahead.give_back(&file);
            let about = file.metadata().unwrap();
            assert_eq!(about.len(), pieces * piece.len() as u64);
            assert!(about.blocks() * 512 < about.len() + STEP / 2, "{pieces}: {} blocks", about.blocks());
        }
    }
}
