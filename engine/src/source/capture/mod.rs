//! Capture files as a source: pcap and pcapng of any byte order and resolution, gzip, pipes, several merged by time.
//!
//! **Owns** the readers and the order between files. **May touch** files. **Order** polled on one thread; no EAL.
//!
//! Formats are told by their first bytes, never by names. The record headers are read here rather than by a crate: those at
//! hand allocate for each packet or lose where a file broke, and the headers are four words. A damaged file gives every
//! packet before the damage, then says where and why it broke.

mod facts;
mod input;
mod pcap;
mod pcapng;
mod reader;
pub mod write;

pub use facts::{FileFacts, facts};
pub use input::Progress;

use super::{BURST, Batch, Frame, Input, Polled, Source};
use arrayvec::ArrayVec;
use reader::{Found, Reader};
use std::path::{Path, PathBuf};

/// Why a capture cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// It cannot be opened or read.
    #[error("cannot read {}: {cause}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// It is not a capture.
    #[error("cannot read {}: {what}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why not.
        what: &'static str,
    },
}

/// Where and why a capture broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is damaged at byte {offset}, behind packet {packets}: {what}", path.display())]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Offset of the record that cannot be read, in the uncompressed file.
    pub offset: u64,
    /// Packets before it.
    pub packets: u64,
    /// What is wrong.
    pub what: String,
}

/// One capture, or several merged by time; on equal times the earlier argument goes first.
#[derive(Debug)]
pub struct Captures {
    readers: Vec<Reader>,
}

impl Captures {
    /// Opens all files.
    ///
    /// # Errors
    /// The first file that is no capture; the others stay unread.
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Captures, CaptureError> {
        let readers = paths.iter().map(|path| Reader::open(path.as_ref())).collect::<Result<_, _>>()?;
        Ok(Captures { readers })
    }

    /// What was damaged; complete when the source has ended.
    #[must_use]
    pub fn damage(&self) -> Vec<Damage> {
        self.readers.iter().filter_map(|reader| reader.damage.clone()).collect()
    }

    /// How far reading has come, for each file.
    #[must_use]
    pub fn progress(&self) -> Vec<Progress> {
        self.readers.iter().map(|reader| reader.progress().clone()).collect()
    }

    /// The next packets in time order, as far as no reader has to read on between them.
    fn choose(&mut self) -> ArrayVec<(usize, Found), BURST> {
        for reader in &mut self.readers {
            if reader.head().is_none() {
                reader.find();
            }
        }
        let mut chosen = ArrayVec::new();
        while !chosen.is_full() {
            let waiting = self.readers.iter().any(|reader| reader.head().is_none() && !reader.ended());
            let heads = self.readers.iter().enumerate().filter_map(|(n, reader)| Some((n, *reader.head()?)));
            // A reader that ran dry may hold the earliest packet, so nothing more is chosen before it has read on.
            let Some((n, found)) = heads.min_by_key(|(n, found)| (found.time, *n)).filter(|_| !waiting) else { break };
            self.readers[n].take();
            chosen.push((n, found));
        }
        chosen
    }
}

impl Source for Captures {
    fn poll<'s>(&'s mut self, batch: &mut Batch<'s>) -> Polled {
        let chosen = self.choose();
        let this: &'s Captures = self;
        for (n, found) in &chosen {
            batch.push(Frame {
                bytes: this.readers[*n].bytes(found),
                time: found.time,
                wire_len: found.wire_len,
                link: found.link,
                input: Input::default(),
            });
        }
        if this.readers.iter().all(Reader::ended) { Polled::Ended } else { Polled::Open }
    }
}

#[cfg(test)]
mod tests;
