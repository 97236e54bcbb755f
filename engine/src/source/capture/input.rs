//! The bytes of a capture: a file, a pipe, compressed or not, in one buffer that frames are borrowed from.
//!
//! **Owns** the buffer and how it is filled. **May touch** one open file. **Order** below the readers of formats.
//!
//! The file is read in large pieces rather than mapped: a read of the page cache costs about a tenth of a nanosecond a
//! byte, works for pipes and gzip alike, and a file that someone truncates meanwhile is a short read, where a mapping
//! would be a signal. Frames borrow from the buffer, so nothing is copied twice.

use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes read at once.
const PIECE: usize = 1 << 20;

/// How far reading has come; shared with whoever shows it.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

impl Progress {
    /// Bytes of the file read so far, as they lie on disk.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Bytes of the file; `None` for a pipe.
    #[must_use]
    pub const fn bytes_total(&self) -> Option<u64> {
        self.total
    }
}

struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(into)?;
        self.read.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

/// An input and its buffer.
pub(super) struct Input {
    from: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes given up before `start`.
    passed: u64,
    ended: bool,
    /// What ended it before its time.
    failure: Option<io::Error>,
    pub(super) progress: Progress,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("offset", &self.offset()).field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Input {
    /// Opens a file, or standard input for `-`; gzip is told by its first bytes.
    pub(super) fn open(path: &Path) -> io::Result<Input> {
        let (from, total): (Box<dyn Read + Send>, Option<u64>) = if path == Path::new("-") {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(path)?;
            let about = file.metadata()?;
            if about.is_dir() {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
            }
            (Box::new(file), about.is_file().then_some(about.len()))
        };
        let progress = Progress { read: Arc::default(), total };
        let mut counted = Counted { inner: from, read: progress.read.clone() };
        let mut head = Vec::with_capacity(2);
        counted.by_ref().take(2).read_to_end(&mut head)?;
        let gzip = head == [0x1f, 0x8b];
        let whole = io::Cursor::new(head).chain(counted);
        let from: Box<dyn Read + Send> = if gzip { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) };
        let buffer = vec![0; PIECE];
        Ok(Input { from, buffer, start: 0, end: 0, passed: 0, ended: false, failure: None, progress })
    }

    /// The bytes that are there.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// All of the buffer, for ranges that [`Input::place`] gave.
    #[inline]
    pub(super) fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// Where the first of [`Input::bytes`] stands in the buffer.
    #[inline]
    pub(super) fn place(&self) -> usize {
        self.start
    }

    /// Offset of the first of [`Input::bytes`] in the (uncompressed) input.
    pub(super) fn offset(&self) -> u64 {
        self.passed + self.start as u64
    }

    /// Gives `count` bytes up.
    #[inline]
    pub(super) fn pass(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Whether nothing more can be read.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// What ended the input before its time.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Reads until at least `need` bytes are there, or the input ends. Moves the bytes: no place holds afterwards.
    pub(super) fn fill(&mut self, need: usize) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.passed += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < need {
            self.buffer.resize(need.next_power_of_two(), 0);
        }
        while !self.ended && self.end < need.max(1) {
            match self.from.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(got) => self.end += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error);
                    self.ended = true;
                }
            }
        }
    }
}
