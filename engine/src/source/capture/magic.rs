//! What a file is, by its first bytes, never by its name.
//!
//! **Owns** the magic numbers of capture files, and of the files that people hand over instead of one, with the
//! sentence for each. **May touch** nothing. **Order** first of all when a file is opened.

/// The byte-order magic of a pcapng Section Header Block (draft-ietf-opsawg-pcapng section 4.1).
pub(super) const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// The first two bytes of a gzip member (RFC 1952 section 2.3.1).
pub(super) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A classic pcap file's kind, all said by its magic number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PcapMagic {
    /// Numbers are big-endian.
    pub(super) big: bool,
    /// The fraction of a second is nanoseconds, not microseconds.
    pub(super) nano: bool,
    /// Alexey Kuznetzov's variant: eight more bytes in each packet header.
    pub(super) modified: bool,
}

/// What the first bytes say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Classic pcap (draft-ietf-opsawg-pcap section 4).
    Pcap(PcapMagic),
    /// pcapng.
    Pcapng,
    /// None of them: what it seems to be.
    Foreign(String),
}

/// Files that are no capture for us, and what to say of them.
const FOREIGN: [(&[u8], &str); 21] = [
    (b"snoop\0\0\0", "it is a snoop capture (RFC 1761); convert it with `editcap -F pcap`"),
    (b"TRSNIFF data    \x1a", "it is an NAI Sniffer capture; convert it with `editcap -F pcap`"),
    (b"XCP\0", "it is a Network Associates Sniffer capture; convert it with `editcap -F pcap`"),
    (b"GMBU", "it is a Microsoft Network Monitor capture; convert it with `editcap -F pcap`"),
    (b"RTSS", "it is a Microsoft Network Monitor capture; convert it with `editcap -F pcap`"),
    (b"iptrace ", "it is an iptrace capture; convert it with `editcap -F pcap`"),
    (b"\x7fver", "it is an EtherPeek capture; convert it with `editcap -F pcap`"),
    (b"\xac\x01\x00\x1c", "it is an Ixia lcap capture; convert it with `editcap -F pcap`"),
    (b"\xab\x01\x00\x1c", "it is an Ixia lcap capture; convert it with `editcap -F pcap`"),
    (b"\x28\xb5\x2f\xfd", "it is compressed with zstd; unpack it first: `zstd -dc FILE | parshall read -`"),
    (b"\xfd7zXZ\0", "it is compressed with xz; unpack it first: `xz -dc FILE | parshall read -`"),
    (b"BZh", "it is compressed with bzip2; unpack it first: `bzip2 -dc FILE | parshall read -`"),
    (b"\x04\x22\x4d\x18", "it is compressed with lz4; unpack it first: `lz4 -dc FILE | parshall read -`"),
    (b"\x1f\x9d", "it is compressed with compress; unpack it first: `zcat FILE | parshall read -`"),
    (b"\x1f\x8b", "it is compressed with gzip twice; unpack it first: `zcat FILE | parshall read -`"),
    (b"PK\x03\x04", "it is a zip archive; unpack it first: `unzip -p FILE | parshall read -`"),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7z archive; unpack it first: `7z x -so FILE | parshall read -`"),
    (b"\x7fELF", "it is a program"),
    (b"\x89PNG", "it is a picture"),
    (b"%PDF", "it is a PDF document"),
    (b"\0\0\0\0", "it begins with zeros; was it only allocated and never written?"),
];

/// What a file is whose first bytes are `head`: at least four of them, as many as are at hand.
pub(super) fn recognise(head: &[u8]) -> Kind {
    let Some(magic) = head.first_chunk::<4>() else {
        return Kind::Foreign(format!("it has {} bytes, too few even for a magic number", head.len()));
    };
    let pcap = |big, nano, modified| Kind::Pcap(PcapMagic { big, nano, modified });
    match magic {
        [0xd4, 0xc3, 0xb2, 0xa1] => return pcap(false, false, false),
        [0xa1, 0xb2, 0xc3, 0xd4] => return pcap(true, false, false),
        [0x4d, 0x3c, 0xb2, 0xa1] => return pcap(false, true, false),
        [0xa1, 0xb2, 0x3c, 0x4d] => return pcap(true, true, false),
        [0x34, 0xcd, 0xb2, 0xa1] => return pcap(false, false, true),
        [0xa1, 0xb2, 0xcd, 0x34] => return pcap(true, false, true),
        [0x0a, 0x0d, 0x0d, 0x0a] => return Kind::Pcapng,
        _ => {}
    }
    if let Some((_, what)) = FOREIGN.iter().find(|(start, _)| head.starts_with(start)) {
        return Kind::Foreign((*what).to_owned());
    }
    let start = &head[..head.len().min(64)];
    if start.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')) {
        return Kind::Foreign("it is a text file".to_owned());
    }
    let [a, b, c, d] = magic;
    Kind::Foreign(format!("it begins with the bytes {a:02x} {b:02x} {c:02x} {d:02x}, which no known capture file does"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pcap_magic_is_known_in_both_byte_orders() {
        for (number, nano, modified) in
            [(0xa1b2_c3d4_u32, false, false), (0xa1b2_3c4d, true, false), (0xa1b2_cd34, false, true)]
        {
            assert_eq!(recognise(&number.to_le_bytes()), Kind::Pcap(PcapMagic { big: false, nano, modified }));
            assert_eq!(recognise(&number.to_be_bytes()), Kind::Pcap(PcapMagic { big: true, nano, modified }));
        }
    }

    #[test]
    fn a_section_header_looks_the_same_in_both_byte_orders() {
        assert_eq!(recognise(&0x0a0d_0d0a_u32.to_le_bytes()), Kind::Pcapng);
    }

    #[test]
    fn every_other_file_gets_a_sentence_of_its_own() {
        for (start, what) in FOREIGN {
            let mut file = start.to_vec();
            file.resize(32, 0xee);
            assert_eq!(recognise(&file), Kind::Foreign(what.to_owned()));
        }
        assert_eq!(recognise(b"Mar 12 hello"), Kind::Foreign("it is a text file".into()));
        for head in [&[0xff, 0xfe, 0, 1][..], &[1, 2], &[]] {
            assert!(matches!(recognise(head), Kind::Foreign(_)), "{head:?}");
        }
    }
}
