//! What is said when a capture file cannot be read, or breaks on the way.
//!
//! **Owns** the sentences: which file, which byte, which packet, what was found there. **May touch** nothing.
//! **Order** [`CaptureError`] comes from opening; [`Damage`] is kept by the reader and asked for after its end, when
//! every packet before the damage has been given.

use std::fmt;
use std::io;

/// A file that could not be opened as a capture; no packet was read from it.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The system refused to open it.
    #[error("cannot open {file}: {source}")]
    Open {
        /// The file as it was named.
        file: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The system refused to read its first bytes.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file as it was named.
        file: String,
        /// The system's reason.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("{file} is empty: a capture file has at least a header of 24 bytes")]
    Empty {
        /// The file as it was named.
        file: String,
    },
    /// It is a file of another kind.
    #[error("{file} is not a pcap or pcapng file: {what}")]
    Foreign {
        /// The file as it was named.
        file: String,
        /// What it looks like, and what to do where something can be done.
        what: String,
    },
    /// Its magic number is right and its header is not.
    #[error("{file} has a damaged or unknown file header: {what}")]
    Header {
        /// The file as it was named.
        file: String,
        /// What is wrong with it.
        what: String,
    },
}

/// Where and why a capture file broke. Everything before it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file as it was named, or `standard input`.
    pub file: String,
    /// Where the record that cannot be read begins: bytes from the start of the capture, of the uncompressed one
    /// where the file is compressed.
    pub offset: u64,
    /// Whether `offset` counts uncompressed bytes of a compressed file.
    pub compressed: bool,
    /// Packets that were read from this file before it.
    pub packets: u64,
    /// What was found there.
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Damage { file, offset, packets, what, .. } = self;
        let unit = if self.compressed { "uncompressed byte" } else { "byte" };
        let read = match packets {
            0 => "no packet was read".to_owned(),
            1 => "1 packet was read".to_owned(),
            more => format!("{more} packets were read"),
        };
        write!(f, "{file} is damaged at {unit} {offset}: {what}; {read} before it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damage_names_file_byte_reason_and_packets() {
        let mut damage = Damage {
            file: "a.pcap".into(),
            offset: 228,
            compressed: false,
            packets: 1,
            what: "a packet of 9 bytes is cut off".into(),
        };
        assert_eq!(
            damage.to_string(),
            "a.pcap is damaged at byte 228: a packet of 9 bytes is cut off; 1 packet was read before it"
        );
        damage.compressed = true;
        damage.packets = 0;
        assert!(damage.to_string().contains("at uncompressed byte 228"));
        assert!(damage.to_string().ends_with("no packet was read before it"));
    }
}
