//! One capture, whatever its format: packets in file order.
//!
//! **Owns** the format's state and the packets found in the buffer but not yet given out. **May touch** its input.
//! **Order** polled by [`super::Captures`].

use super::input::{Input, Progress};
use super::{CaptureError, Damage, pcap::Pcap, pcapng::Pcapng};
use crate::link::LinkType;
use crate::source::BURST;
use crate::time::Nanos;
use arrayvec::ArrayVec;
use std::path::{Path, PathBuf};

/// The longest record that is believed. Unit: bytes.
pub(super) const MAX_RECORD: usize = 16 << 20;

/// A packet in the buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) from: usize,
    pub(super) len: usize,
    pub(super) wire_len: u32,
    pub(super) time: Nanos,
    pub(super) link: LinkType,
}

/// What the next bytes of an input are.
#[derive(Debug)]
pub(super) enum Next {
    /// A packet of so many bytes of record; `Found::from` counts from the record's first byte.
    Packet(Found, usize),
    /// A record without a packet, of so many bytes.
    Other(usize),
    /// More bytes are needed: so many in all.
    Need(usize),
    /// The bytes make no sense, in words that end a sentence.
    Broken(String),
}

#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// One capture.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    input: Input,
    format: Format,
    queue: ArrayVec<Found, BURST>,
    given: usize,
    packets: u64,
    pub(super) damage: Option<Damage>,
    ended: bool,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Reader, CaptureError> {
        let fail = |cause: std::io::Error| CaptureError::Open { path: path.to_owned(), cause };
        let mut input = Input::open(path).map_err(fail)?;
        input.fill(24);
        let format = match Pcap::open(input.bytes()) {
            Some((pcap, header)) => {
                input.pass(header);
                Format::Pcap(pcap)
            }
            None if Pcapng::is_one(input.bytes()) => Format::Pcapng(Pcapng::default()),
            None => return Err(unknown(path, &mut input)),
        };
        let queue = ArrayVec::new();
        let path = path.to_owned();
        Ok(Reader { path, input, format, queue, given: 0, packets: 0, damage: None, ended: false })
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.input.progress
    }

    /// The next packet that was found, if any is.
    #[inline]
    pub(super) fn head(&self) -> Option<&Found> {
        self.queue.get(self.given)
    }

    /// Takes the next packet.
    #[inline]
    pub(super) fn take(&mut self) {
        self.given += 1;
    }

    /// Whether nothing will be found any more.
    #[inline]
    pub(super) fn ended(&self) -> bool {
        self.ended && self.head().is_none()
    }

    /// The bytes of a packet that was found.
    #[inline]
    pub(super) fn bytes(&self, found: &Found) -> &[u8] {
        self.input.buffer().get(found.from..found.from + found.len).unwrap_or_default()
    }

    /// Finds more packets, when all were taken. Frees what was found before.
    pub(super) fn find(&mut self) {
        self.queue.clear();
        self.given = 0;
        while !self.ended && !self.queue.is_full() {
            let next = match &mut self.format {
                Format::Pcap(pcap) => pcap.next(self.input.bytes()),
                Format::Pcapng(pcapng) => pcapng.next(self.input.bytes()),
            };
            match next {
                Next::Packet(found, record) => {
                    self.packets += 1;
                    self.queue.push(Found { from: found.from + self.input.place(), ..found });
                    self.input.pass(record);
                }
                Next::Other(record) => self.input.pass(record),
                // What was found lies in the buffer, which must not move before it was taken.
                Next::Need(_) if !self.queue.is_empty() && !self.input.ended() => return,
                Next::Need(bytes) if bytes <= MAX_RECORD && !self.input.ended() => self.input.fill(bytes),
                Next::Need(_) => self.end(),
                Next::Broken(what) => self.broke(what),
            }
        }
    }

    /// The input has ended: between two records, or inside one.
    fn end(&mut self) {
        if let Some(failure) = self.input.failure() {
            self.broke(format!("it cannot be read on: {failure}"));
        } else if !self.input.bytes().is_empty() {
            self.broke(format!("it ends inside a record, {} bytes of which are there", self.input.bytes().len()));
        }
        self.ended = true;
    }

    fn broke(&mut self, what: String) {
        let (path, offset, packets) = (self.path.clone(), self.input.offset(), self.packets);
        self.damage = Some(Damage { path, offset, packets, what });
        self.ended = true;
    }
}

/// The sentence for a file that is no capture.
fn unknown(path: &Path, input: &mut Input) -> CaptureError {
    let path = path.to_owned();
    if let Some(cause) = input.failure() {
        return CaptureError::Open { path, cause };
    }
    let what = match input.bytes() {
        [] => "it is empty",
        bytes if bytes.starts_with(b"snoop\0\0\0") => "it is a snoop file; convert it with editcap -F pcap",
        bytes if bytes.len() < 24 => "it is too short to be a capture",
        _ => "it is neither pcap nor pcapng",
    };
    CaptureError::Format { path, what }
}
