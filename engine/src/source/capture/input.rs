//! The bytes of one file as a window that moves on: mapped pieces of a regular file, or blocks read from a stream.
//!
//! **Owns** the window and where in the file it stands; nobody else knows how bytes come in. Formats see a slice and a
//! position in it, say how many bytes they need from there, and get a window that has them or the reason why not.
//! **May touch** the file. **Order** below every format; refilled once per batch of frames at most, never per packet.
//!
//! A regular file is mapped in pieces of 32 MiB, so that neither resident memory nor page tables grow with the file,
//! and its size is looked at before each further MiB is shown, so that a file that somebody cuts short is told as
//! damage. Everything else (pipes, standard input, gzip) is read into one buffer that is used again and again; frames
//! borrow from it, so bytes are copied once, from the kernel or out of the decompressor. 1500-byte frames in page cache
//! cost 39 ns each mapped and 77 read by the MiB while the machine is quiet (110 by 256 KiB); where neighbours use up
//! the memory's bandwidth, the two cost the same.

use super::damage::CaptureError;
use super::magic::GZIP;
use super::progress::{Counted, Progress};
use crate::memory::map_file;
use flate2::read::MultiGzDecoder;
use memmap2::Mmap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Mapped at once.
const PIECE: usize = 32 << 20;
/// Shown of a piece after one look at the file's size; also the buffer of a stream.
const STEP: usize = 1 << 20;

/// Unpacked for one window, and in one call of the decompressor: when it fails, what this call had unpacked is lost.
const UNPACK_PIECE: usize = 256 << 10;
const UNPACK_STEP: usize = 8 << 10;

/// What a refill brought.
#[derive(Debug)]
pub(super) enum Refill {
    /// The window has more bytes behind the position than before.
    More,
    /// A signal came first; nothing has changed.
    Interrupted,
    /// Nothing more will come.
    End,
    /// Nothing more will come, though it should have: why.
    Broken(String),
}

/// The window over one file.
pub(super) struct Input {
    kind: Bytes,
    /// Where in the (uncompressed) file the window begins. Unit: bytes.
    base: u64,
    compressed: bool,
    progress: Progress,
}

enum Bytes {
    Mapped { file: File, len: u64, map: Option<Mmap>, shown: usize, cut: bool },
    Stream { reader: Box<dyn Read + Send>, buffer: Vec<u8>, filled: usize },
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
            return Input::stream(Box::new(Counted::new(io::stdin(), progress.clone())), progress).map_err(cannot_read);
        }
        let file = File::open(path).map_err(|source| CaptureError::Open { file: name.to_owned(), source })?;
        let facts = file.metadata().map_err(cannot_read)?;
        let total = (facts.is_file() && facts.len() > 0).then_some(facts.len());
        let progress = Progress::new(total);
        if let Some(len) = total {
            let mut start = [0; GZIP.len()];
            let read = file.read_at(&mut start, 0).map_err(cannot_read)?;
            if read < start.len() || start != GZIP {
                let kind = Bytes::Mapped { file, len, map: None, shown: 0, cut: false };
                return Ok(Input { kind, base: 0, compressed: false, progress });
            }
        }
        Input::stream(Box::new(Counted::new(file, progress.clone())), progress).map_err(cannot_read)
    }

    /// Bytes that come as they come; unpacked when they begin like gzip.
    ///
    /// # Errors
    /// What reading the first bytes gave.
    pub(super) fn stream(mut reader: Box<dyn Read + Send>, progress: Progress) -> io::Result<Input> {
        let mut buffer = vec![0; STEP];
        let mut filled = 0;
        while filled < GZIP.len() {
            match reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
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
        Ok(Input { kind: Bytes::Stream { reader, buffer, filled }, base: 0, compressed, progress })
    }

    /// The bytes at hand.
    #[inline]
    pub(super) fn window(&self) -> &[u8] {
        match &self.kind {
            Bytes::Mapped { map, shown, .. } => map.as_ref().map_or(&[], |map| &map[..*shown]),
            Bytes::Stream { buffer, filled, .. } => &buffer[..*filled],
        }
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
        let Input { kind, base, progress, .. } = self;
        match kind {
            Bytes::Mapped { file, len, map, shown, cut } => {
                let size = match file.metadata() {
                    Ok(facts) => facts.len(),
                    Err(error) => return Refill::Broken(format!("its size cannot be read: {error}")),
                };
                if size < *len {
                    (*len, *cut) = (size, true);
                }
                let end = *base + *shown as u64;
                if end >= *len {
                    progress.reached(*len);
                    let what = "the file became shorter while it was being read";
                    return if *cut { Refill::Broken(what.to_owned()) } else { Refill::End };
                }
                if map.as_ref().is_none_or(|map| map.len() == *shown) {
                    let start = *base + *at as u64;
                    let piece = usize::try_from(*len - start).unwrap_or(usize::MAX).min(PIECE.max(need));
                    match map_file(file, start, piece) {
                        Ok(next) => (*map, *shown, *base, *at) = (Some(next), 0, start, 0),
                        Err(error) => return Refill::Broken(format!("it cannot be mapped: {error}")),
                    }
                }
                let left = usize::try_from(*len - *base).unwrap_or(usize::MAX);
                let mapped = map.as_ref().map_or(0, |map| map.len());
                *shown = (*shown + STEP).max(*at + need).min(mapped).min(left);
                progress.reached(*base + *shown as u64);
                Refill::More
            }
            Bytes::Stream { reader, buffer, filled } => {
                buffer.copy_within(*at..*filled, 0);
                *base += *at as u64;
                *filled -= *at;
                *at = 0;
                if buffer.len() < need {
                    buffer.resize(need.next_multiple_of(STEP), 0);
                }
                match reader.read(&mut buffer[*filled..]) {
                    Ok(0) => Refill::End,
                    Ok(read) => {
                        *filled += read;
                        Refill::More
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => Refill::Interrupted,
                    Err(error) => Refill::Broken(format!("reading stopped: {error}")),
                }
            }
        }
    }
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
        let most = buffer.len().min(UNPACK_PIECE);
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
