//! What `net_pcap` will deliver from a file, found out before it runs.
//!
//! **Owns** one pass over the file through libpcap itself, the library that the driver reads with: what libpcap cuts,
//! refuses or stops at is then the same by construction, whichever version is installed. **May touch** the file.
//! **Order** called by `run` before the port is made; never for `read`.
//!
//! `net_pcap` cannot tell its files' number of packets, link type or end. Times are as it gives them: microseconds.

use super::CaptureFile;
use crate::libpcap::link_of;
use crate::link::LinkType;
use crate::source::{Batch, Polled, Source};
use crate::time::Nanos;
use pcap::{Capture, Error};
use std::path::Path;

/// A file that `net_pcap` cannot read.
#[derive(Debug, thiserror::Error)]
#[error("net_pcap cannot read {file}: {why}")]
pub struct FactsError {
    /// The file as it was named.
    pub file: String,
    /// libpcap's reason, or ours, and what to do.
    pub why: String,
}

/// What a file will bring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// Packets that libpcap delivers: up to the first record it dislikes.
    pub packets: u64,
    /// The longest captured length among them. Unit: bytes.
    pub longest_captured: u32,
    /// Sum of captured lengths, which is all that the driver knows of lengths. Unit: bytes.
    pub captured_bytes: u64,
    /// The link type that libpcap takes all of them for; `None` when there is none.
    pub link: Option<LinkType>,
    /// The file holds packets of other link types too, which libpcap does not deliver.
    pub mixed_links: bool,
    /// Earliest time; [`Nanos::MAX`] without packets.
    pub first: Nanos,
    /// Latest time; [`Nanos::ZERO`] without packets.
    pub last: Nanos,
    /// How far a packet lies behind the latest packet before it, at most. Unit: nanoseconds; 0 when in order.
    pub largest_step_back: u64,
    /// Why libpcap stops before the end of the file, in its words.
    pub stopped: Option<String>,
}

/// Reads a file once, as `net_pcap` will.
///
/// # Errors
/// libpcap cannot open it: no file, no capture, compressed, or of a version it does not know.
pub fn facts(path: &Path) -> Result<FileFacts, FactsError> {
    let fail = |why| FactsError { file: path.display().to_string(), why };
    if path.as_os_str() == "-" {
        return Err(fail("standard input can be read only once; use `parshall read -`".to_owned()));
    }
    let mut capture = Capture::from_file(path).map_err(|error| fail(advice(path, &said(error))))?;
    let link = link_of(capture.get_datalink().0);
    let mut facts = FileFacts { link: Some(link), first: Nanos::MAX, ..FileFacts::default() };
    loop {
        match capture.next_packet() {
            Ok(packet) => {
                let (seconds, micros) = (packet.header.ts.tv_sec, packet.header.ts.tv_usec);
                facts.add(time_of(seconds, micros), packet.header.caplen);
            }
            Err(Error::NoMorePackets) => break,
            Err(error) => {
                facts.stopped = Some(said(error));
                facts.mixed_links = other_links(path, link);
                break;
            }
        }
    }
    Ok(facts)
}

impl FileFacts {
    fn add(&mut self, time: Nanos, captured: u32) {
        self.packets += 1;
        self.captured_bytes += u64::from(captured);
        self.longest_captured = self.longest_captured.max(captured);
        self.largest_step_back = self.largest_step_back.max(self.last.since(time));
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }

    /// Whether no packet is earlier than one before it.
    #[must_use]
    pub fn in_order(&self) -> bool {
        self.largest_step_back == 0
    }
}

/// `pcap::Error` in libpcap's own words.
fn said(error: Error) -> String {
    match error {
        Error::PcapError(words) => words,
        other => other.to_string(),
    }
}

/// libpcap's reason for not opening a file, with what can be done where our own reader knows more.
fn advice(path: &Path, words: &str) -> String {
    match CaptureFile::open(path) {
        Ok(_) => format!("{words}; `parshall read` can, or `editcap -F pcap` makes a file of it that libpcap reads"),
        Err(_) => words.to_owned(),
    }
}

/// Whether a file that libpcap stopped in has packets of another link type.
fn other_links(path: &Path, link: LinkType) -> bool {
    let Ok(mut file) = CaptureFile::open(path) else { return false };
    loop {
        let mut batch = Batch::new();
        let polled = file.poll(&mut batch);
        if batch.iter().any(|frame| frame.link != link) {
            return true;
        }
        if polled == Polled::Ended {
            return false;
        }
    }
}

/// As the driver computes it, `tv_sec * 1,000,000 + tv_usec` without a sign, then in nanoseconds. libpcap 1.10.3 reads
/// the seconds of classic files as signed, so a time after 2038 wraps; it is held at the end of the range here.
fn time_of(seconds: i64, micros: i64) -> Nanos {
    let micros = seconds.cast_unsigned().wrapping_mul(1_000_000).wrapping_add(micros.cast_unsigned());
    Nanos(micros.saturating_mul(1_000))
}
