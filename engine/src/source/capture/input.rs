//! The bytes of one file as a window that moves on, filled by reading.
//!
//! **Owns** the window and where in the file it stands; nobody else knows how bytes come in. Formats see a slice and a
//! position in it, say how many bytes they need from there, and get a window that has them or the reason why not.
//! **May touch** the file. **Order** below every format; refilled once per batch of frames at most, never per packet.
//!
//! Everything is read into one buffer that is used again and again; frames borrow from it, so bytes are copied once, from
//! the kernel or out of the decompressor. The copy is what makes it fast: it runs through the file in order, and headers
//! are then found in the core's own cache, where a mapping pays a page fault for every few packets and a trip to memory for
//! every header, each known only from the one before. Frames of 585 bytes on average in page cache cost 58 ns each read
//! and 125 mapped, those of 1,514 bytes 112 and 205. The buffer is small enough to leave most of that cache to the flows.
//!
//! A regular file is read as far as its size was when it was opened; one that ends before that is told as damage.

use super::damage::CaptureError;
use super::magic::GZIP;
use super::progress::{Counted, Progress};
use flate2::read::MultiGzDecoder;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{self, BufReader, Cursor, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The buffer, unless a packet needs more.
const BUFFER: usize = 128 << 10;

/// Unpacked in one call of the decompressor: when it fails, what this call had unpacked is lost.
const UNPACK_STEP: usize = 8 << 10;

/// How long a read waits for a silent pipe.
const SILENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// What a refill brought.
#[derive(Debug)]
pub(super) enum Refill {
    /// The window has more bytes behind the position than before.
    More,
    /// A signal came first, or nothing for a while; nothing has changed.
    Interrupted,
    /// Nothing more will come.
    End,
    /// Nothing more will come, though it should have: why.
    Broken(String),
}

/// The window over one file.
pub(super) struct Input {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    filled: usize,
    /// Where in the (uncompressed) file the window begins. Unit: bytes.
    base: u64,
    compressed: bool,
    progress: Progress,
}

impl Input {
    /// Opens a file, or standard input where the path is `-`; unpacks gzip.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn open(path: &Path, name: &str) -> Result<Input, CaptureError> {
        let cannot_read = |source| CaptureError::Read { file: name.to_owned(), source };
        if path.as_os_str() == "-" {
            let progress = Progress::new(None);
            let stdin = io::stdin().as_fd().try_clone_to_owned().map_err(cannot_read)?;
            let silent = Silent(File::from(stdin));
            return Input::stream(Box::new(Counted::new(silent, progress.clone())), progress).map_err(cannot_read);
        }
        let file = File::open(path).map_err(|source| CaptureError::Open { file: name.to_owned(), source })?;
        let facts = file.metadata().map_err(cannot_read)?;
        let total = (facts.is_file() && facts.len() > 0).then_some(facts.len());
        let progress = Progress::new(total);
        if let Some(left) = total {
            let mut start = [0; GZIP.len()];
            let read = file.read_at(&mut start, 0).map_err(cannot_read)?;
            if read < start.len() || start != GZIP {
                let whole = Whole { file, left };
                return Input::stream(Box::new(Counted::new(whole, progress.clone())), progress).map_err(cannot_read);
            }
        }
        Input::stream(Box::new(Counted::new(Silent(file), progress.clone())), progress).map_err(cannot_read)
    }

    /// Bytes that come as they come; unpacked when they begin like gzip.
    ///
    /// # Errors
    /// What reading the first bytes gave.
    pub(super) fn stream(mut reader: Box<dyn Read + Send>, progress: Progress) -> io::Result<Input> {
        let mut buffer = vec![0; BUFFER];
        let mut filled = 0;
        while filled < GZIP.len() {
            match reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if nothing_yet(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let compressed = buffer[..filled].starts_with(&GZIP);
        if compressed {
            let packed = Cursor::new(buffer[..filled].to_vec()).chain(reader);
            reader = Box::new(Unpacked {
                inner: MultiGzDecoder::new(BufReader::with_capacity(64 << 10, packed)),
                failed: None,
            });
            filled = 0;
        }
        Ok(Input { reader, buffer, filled, base: 0, compressed, progress })
    }

    /// The bytes at hand.
    #[inline]
    pub(super) fn window(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Asks for the first `need` bytes; fewer are there afterwards when the file has fewer.
    ///
    /// # Errors
    /// What the system or the decompressor said before any of them came.
    pub(super) fn begin(&mut self, need: usize) -> io::Result<()> {
        let mut at = 0;
        while self.window().len() < need {
            match self.refill(&mut at, need) {
                Refill::More | Refill::Interrupted => {}
                Refill::Broken(why) if self.window().is_empty() => return Err(io::Error::other(why)),
                Refill::End | Refill::Broken(_) => break,
            }
        }
        Ok(())
    }

    /// Where in the (uncompressed) file the window begins. Unit: bytes.
    pub(super) fn base(&self) -> u64 {
        self.base
    }

    /// Whether the bytes are unpacked from a compressed file.
    pub(super) fn compressed(&self) -> bool {
        self.compressed
    }

    /// A view of how far the file has been read.
    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Moves the window on until it has `need` bytes from `at`, or more than now where so many do not come at once;
    /// `at` is moved with the window.
    pub(super) fn refill(&mut self, at: &mut usize, need: usize) -> Refill {
        let Input { reader, buffer, filled, base, .. } = self;
        buffer.copy_within(*at..*filled, 0);
        *base += *at as u64;
        *filled -= *at;
        *at = 0;
        if buffer.len() < need {
            buffer.resize(need.next_multiple_of(BUFFER), 0);
        }
        match reader.read(&mut buffer[*filled..]) {
            Ok(0) => Refill::End,
            Ok(read) => {
                *filled += read;
                Refill::More
            }
            Err(error) if nothing_yet(&error) => Refill::Interrupted,
            Err(error) => Refill::Broken(format!("reading stopped: {error}")),
        }
    }
}

/// A regular file, as long as it was when it was opened.
struct Whole {
    file: File,
    /// Unit: bytes.
    left: u64,
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            return Err(io::Error::other("the file became shorter while it was being read"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// A pipe or terminal that may be silent for long: a read that finds nothing for [`SILENCE`] ends as one that would block, so
/// that whoever reads can stop.
struct Silent(File);

impl Read for Silent {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wanted = [PollFd::new(&self.0, PollFlags::IN)];
        match poll(&mut wanted, Some(&SILENCE))? {
            0 => Err(ErrorKind::WouldBlock.into()),
            _ => self.0.read(buffer),
        }
    }
}

/// Whether a read failed because nothing has come yet.
fn nothing_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock)
}

/// A decompressor whose failure comes after what it had unpacked before, but for the last step.
struct Unpacked<R> {
    inner: R,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let most = buffer.len();
        let mut filled = 0;
        while filled < most {
            let until = most.min(filled + UNPACK_STEP);
            match self.inner.read(&mut buffer[filled..until]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if filled == 0 => return Err(error),
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        Ok(filled)
    }
}
