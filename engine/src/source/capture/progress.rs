//! How far a file has been read, for a progress bar.
//!
//! **Owns** one counter per file, written by the reader (`store`, once per piece of the file, never per packet) and
//! read by whoever draws the bar. **May touch** nothing else.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far one file has been read. Cloning gives another view of the same file.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    // capture reader: w, progress bar: r
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

impl Progress {
    /// Of a file of `total` bytes; `None` where nobody knows how much will come (a pipe).
    pub(super) fn new(total: Option<u64>) -> Progress {
        Progress { read: Arc::default(), total }
    }

    /// Read so far, as stored: of a gzip file the compressed bytes. Unit: bytes.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Size of the file when it was opened; `None` for a pipe. Unit: bytes.
    #[must_use]
    pub fn bytes_total(&self) -> Option<u64> {
        self.total
    }

    pub(super) fn reached(&self, bytes: u64) {
        self.read.store(bytes, Ordering::Relaxed);
    }
}

/// A reader whose progress is told.
pub(super) struct Counted<R> {
    inner: R,
    sum: u64,
    progress: Progress,
}

impl<R> Counted<R> {
    pub(super) fn new(inner: R, progress: Progress) -> Counted<R> {
        Counted { inner, sum: 0, progress }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.sum += read as u64;
        self.progress.reached(self.sum);
        Ok(read)
    }
}
