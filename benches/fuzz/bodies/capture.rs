//! Any bytes as a capture file, given in large and in small pieces: the same packets, the same damage, and an end.

use parshall_engine::source::capture::CaptureFile;
use parshall_engine::source::{Batch, Polled, Source};
use std::io::Read;

/// Gives its bytes a few at a time.
struct Pieces(Vec<u8>, usize, usize);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(self.2).min(self.0.len() - self.1);
        buffer[..count].copy_from_slice(&self.0[self.1..self.1 + count]);
        self.1 += count;
        Ok(count)
    }
}

/// The packets of a file, by time, wire length, link type and bytes; and how it broke. `None` when it cannot be opened.
type Read3 = Option<(Vec<(u64, u32, u16, Vec<u8>)>, Vec<String>)>;

fn all(data: &[u8], piece: usize) -> Read3 {
    let mut file = CaptureFile::from_reader("fuzz", Box::new(Pieces(data.to_vec(), 0, piece))).ok()?;
    let mut packets = Vec::new();
    loop {
        let mut batch = Batch::new();
        let polled = file.poll(&mut batch);
        packets.extend(batch.iter().map(|frame| (frame.time.0, frame.wire_len, frame.link.0, frame.bytes.to_vec())));
        if polled == Polled::Ended {
            break;
        }
    }
    // A gzipped file can hold far more than its own length; what is not compressed cannot.
    let bytes: usize = packets.iter().map(|packet| packet.3.len()).sum();
    assert!(data.starts_with(&[0x1f, 0x8b]) || bytes <= data.len(), "{bytes} of {}", data.len());
    Some((packets, file.damage().iter().map(ToString::to_string).collect()))
}

/// Reads any file twice.
pub fn run(data: &[u8]) {
    let whole = all(data, usize::MAX);
    assert_eq!(whole, all(data, 7));
}
