//! One capture file as a source.
//!
//! **Owns** the window and the format of one file, how many packets it gave, and its end. **May touch** the file.
//! **Order** opened before the workers start; polled by a worker, a spreader or [`super::Merged`].

use super::damage::{CaptureError, Damage};
use super::input::{Input, Refill};
use super::magic::{Kind, recognise};
use super::packet::{Pause, Slot};
use super::pcap::{FILE_HEADER, Pcap};
use super::pcapng::{Pcapng, SECTION_START};
use super::progress::Progress;
use crate::link::LinkType;
use crate::source::{BURST, Batch, Frame, Polled, Source};
use std::io::Read;
use std::path::Path;

/// One capture file, from its first packet to its last or to where it is damaged.
pub struct CaptureFile {
    name: String,
    input: Input,
    format: Format,
    /// Position in the window.
    at: usize,
    packets: u64,
    ended: bool,
    damage: Option<Damage>,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl Format {
    /// The format that the first bytes announce, and how many of them are done with.
    fn begin(file: &str, head: &[u8]) -> Result<(Format, usize), CaptureError> {
        let cut = |of| format!("the file ends inside its {of}, after {} bytes", head.len());
        let format = match recognise(head) {
            Kind::Foreign(what) => return Err(CaptureError::Foreign { file: file.to_owned(), what }),
            Kind::Pcap(magic) => head
                .first_chunk::<FILE_HEADER>()
                .ok_or_else(|| cut("file header"))
                .and_then(|header| Ok((Format::Pcap(Pcap::new(magic, header)?), FILE_HEADER))),
            Kind::Pcapng => {
                head.first_chunk::<SECTION_START>().ok_or_else(|| cut("section header")).and_then(|start| {
                    let mut pcapng = Pcapng::default();
                    pcapng.begin_section(start)?;
                    Ok((Format::Pcapng(pcapng), 0))
                })
            }
        };
        format.map_err(|what| CaptureError::Header { file: file.to_owned(), what })
    }

    #[inline]
    fn walk(&mut self, window: &[u8], at: &mut usize, room: usize, give: impl FnMut(Slot)) -> Pause {
        match self {
            Format::Pcap(pcap) => pcap.walk(window, at, room, give),
            Format::Pcapng(pcapng) => pcapng.walk(window, at, room, give),
        }
    }

    fn at_rest(&self) -> bool {
        match self {
            Format::Pcap(_) => true,
            Format::Pcapng(pcapng) => pcapng.at_rest(),
        }
    }
}

impl CaptureFile {
    /// Opens a capture file by its content; `-` is standard input. Waits until its header has come.
    ///
    /// # Errors
    /// The file cannot be opened or read, is empty, is no capture, or its header is damaged. Nothing of it was given.
    pub fn open(path: &Path) -> Result<CaptureFile, CaptureError> {
        let stdin = path.as_os_str() == "-";
        let name = if stdin { "standard input".to_owned() } else { path.display().to_string() };
        let input = Input::open(path, &name)?;
        CaptureFile::begin(name, input)
    }

    /// A capture that comes from `reader`, under a name for messages.
    ///
    /// # Errors
    /// As [`CaptureFile::open`].
    pub fn from_reader(name: &str, reader: Box<dyn Read + Send>) -> Result<CaptureFile, CaptureError> {
        let file = name.to_owned();
        match Input::stream(reader, Progress::default()) {
            Ok(input) => CaptureFile::begin(file, input),
            Err(source) => Err(CaptureError::Read { file, source }),
        }
    }

    fn begin(name: String, mut input: Input) -> Result<CaptureFile, CaptureError> {
        if let Err(source) = input.begin(FILE_HEADER.max(SECTION_START)) {
            return Err(CaptureError::Read { file: name, source });
        }
        if input.window().is_empty() {
            return Err(CaptureError::Empty { file: name });
        }
        let (format, at) = Format::begin(&name, input.window())?;
        Ok(CaptureFile { name, input, format, at, packets: 0, ended: false, damage: None })
    }

    /// The file as it was named, or `standard input`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Packets given so far.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Where and why the file broke, at most one; known once it has [`Polled::Ended`], empty when it was whole.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        self.damage.as_slice()
    }

    /// Link types that its packets have, as far as it has been read; of many, the first.
    #[must_use]
    pub fn links(&self) -> &[LinkType] {
        match &self.format {
            Format::Pcap(pcap) => pcap.links(),
            Format::Pcapng(pcapng) => pcapng.links(),
        }
    }

    /// A view of how far the file has been read, for another thread too.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.input.progress().clone()
    }

    /// Whether nothing will come any more.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// The bytes that slots point into.
    #[inline]
    pub(super) fn window(&self) -> &[u8] {
        self.input.window()
    }

    /// Gives up to `room` packets, at least one unless the file has ended or a signal came. Earlier slots become void.
    pub(super) fn gather(&mut self, room: usize, mut give: impl FnMut(Slot)) {
        let Some(first) = self.first() else { return };
        give(first);
        let mut given = 1;
        let counted = |slot| {
            give(slot);
            given += 1;
        };
        self.format.walk(self.input.window(), &mut self.at, room - 1, counted);
        self.packets += given;
    }

    /// The next packet's place, for which the window may move on. Whatever ends the file is found here: a walk that
    /// stops for another reason than being full leaves the position where it is, and the next call meets it again.
    #[inline]
    fn first(&mut self) -> Option<Slot> {
        while !self.ended {
            let mut first = None;
            match self.format.walk(self.input.window(), &mut self.at, 1, |slot| first = Some(slot)) {
                Pause::Enough => return first,
                Pause::Broken(what) => self.end(Some(what)),
                Pause::Need { bytes, what } => match self.input.refill(&mut self.at, bytes) {
                    Refill::More => {}
                    Refill::Interrupted => return None,
                    Refill::Broken(why) => self.end(Some(why)),
                    Refill::End => self.end_before(bytes, what),
                },
            }
        }
        None
    }

    #[cold]
    fn end_before(&mut self, bytes: usize, what: &str) {
        let have = self.input.window().len() - self.at;
        if !self.format.at_rest() {
            self.end(Some("the file ends inside a block".to_owned()));
        } else if have == 0 {
            self.end(None);
        } else {
            self.end(Some(format!("the file ends inside {what}: {have} of its {bytes} bytes are there")));
        }
    }

    #[cold]
    fn end(&mut self, what: Option<String>) {
        self.ended = true;
        self.damage = what.map(|what| Damage {
            file: self.name.clone(),
            offset: self.input.base() + self.at as u64,
            compressed: self.input.compressed(),
            packets: self.packets,
            what,
        });
    }
}

/// The frame that a slot of `window` stands for.
#[inline]
pub(super) fn frame<'a>(window: &'a [u8], slot: &Slot) -> Frame<'a> {
    let Slot { time, at, len, wire_len, link } = *slot;
    Frame { bytes: &window[at..at + len as usize], time, wire_len, link, input: Default::default() }
}

impl Source for CaptureFile {
    fn poll<'s>(&'s mut self, batch: &mut Batch<'s>) -> Polled {
        let Some(first) = self.first() else {
            return if self.ended { Polled::Ended } else { Polled::Open };
        };
        let CaptureFile { input, format, at, packets, .. } = self;
        let window = input.window();
        batch.push(frame(window, &first));
        format.walk(window, at, BURST - 1, |slot| batch.push(frame(window, &slot)));
        *packets += batch.len() as u64;
        Polled::Open
    }
}

impl std::fmt::Debug for CaptureFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaptureFile").field("name", &self.name).field("packets", &self.packets).finish_non_exhaustive()
    }
}
