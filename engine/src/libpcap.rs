//! The filter language of libpcap: expressions compiled for a link type, and run on frames by libpcap itself.
//!
//! **Owns** compiled programs, and the one call that the crate `pcap` lacks: running a program on a frame that is longer on the
//! wire than what was captured of it. **May touch** libpcap; `unsafe` is allowed here for that one foreign call.
//! **Order** compiled on the control side, run by `sieve` once a frame; no allocation, lock or system call then.
#![allow(unsafe_code)]

use crate::link::LinkType;
use pcap::{BpfInstruction, Capture, Error, Linktype};

/// An expression compiled for one link type (classic BPF).
pub struct Program(pcap::BpfProgram);

impl Program {
    /// Compiles an expression. libpcap: `pcap_compile` with optimisation, for a snapshot length of 65,535.
    ///
    /// # Errors
    /// libpcap's reason, in its words. Names of hosts in the expression are resolved by the system's resolver.
    pub fn compile(text: &str, link: LinkType) -> Result<Program, String> {
        let said = |error| match error {
            Error::PcapError(words) => words,
            other => other.to_string(),
        };
        let capture = Capture::dead(Linktype(dlt_of(link))).map_err(said)?;
        capture.compile(text, true).map(Program).map_err(said)
    }

    /// Whether a frame, of which `bytes` were captured and `wire_len` bytes were on the wire, matches. libpcap: `bpf_filter`.
    #[inline]
    #[must_use]
    pub fn matches(&self, bytes: &[u8], wire_len: u32) -> bool {
        let captured = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        // SAFETY: the program was made by pcap_compile, so every jump stays inside it and it ends in a return; it lives as long
        // as self. bpf_filter reads `bytes` only below `captured`, which is not above its length, and writes nothing.
        unsafe { bpf_filter(self.instructions().as_ptr(), bytes.as_ptr(), wire_len, captured) != 0 }
    }

    /// The instructions: `struct bpf_insn` of libpcap, one behind the other.
    #[must_use]
    pub fn instructions(&self) -> &[BpfInstruction] {
        self.0.get_instructions()
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Program({} instructions)", self.instructions().len())
    }
}

unsafe extern "C" {
    /// libpcap: pcap/bpf.h. What a program returns for a packet: 0 is no match.
    fn bpf_filter(program: *const BpfInstruction, packet: *const u8, wire_len: u32, captured: u32) -> u32;
}

/// The LINKTYPE_* of files as libpcap's DLT_* of Linux; they differ in these five (pcap-common.c).
#[must_use]
pub const fn dlt_of(link: LinkType) -> i32 {
    match link {
        LinkType::ATM_RFC1483 => 11,
        LinkType::RAW => 12,
        LinkType(102) => 15, // SLIP_BSDOS
        LinkType(103) => 16, // PPP_BSDOS
        LinkType(106) => 19, // ATM_CLIP
        LinkType(same) => same as i32,
    }
}

/// libpcap's DLT_* as the LINKTYPE_* that files carry: the inverse of [`dlt_of`].
#[must_use]
pub fn link_of(dlt: i32) -> LinkType {
    match dlt {
        11 => LinkType::ATM_RFC1483,
        12 => LinkType::RAW,
        15 => LinkType(102),
        16 => LinkType(103),
        19 => LinkType(106),
        same => LinkType(u16::try_from(same).unwrap_or(u16::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ethernet, IPv4, UDP from port 1 to port 53.
    fn frame() -> Vec<u8> {
        let mut frame = vec![0; 42];
        (frame[12], frame[14], frame[23], frame[37]) = (8, 0x45, 17, 53);
        frame[35] = 1;
        frame
    }

    #[test]
    fn a_program_is_that_of_its_link_type() {
        let on = |text, link| Program::compile(text, link).expect(text);
        assert!(on("udp port 53", LinkType::ETHERNET).matches(&frame(), 42));
        assert!(!on("tcp", LinkType::ETHERNET).matches(&frame(), 42));
        assert!(on("udp port 53", LinkType::RAW).matches(&frame()[14..], 28));
        assert!(!on("udp port 53", LinkType::RAW).matches(&frame(), 42));
    }

    #[test]
    fn lengths_are_those_on_the_wire_and_bytes_those_that_were_captured() {
        let long = Program::compile("greater 1000", LinkType::ETHERNET).expect("an expression");
        assert!(long.matches(&frame(), 1400) && !long.matches(&frame(), 42));
        let deep = Program::compile("ether[100] = 0", LinkType::ETHERNET).expect("an expression");
        assert!(!deep.matches(&frame(), 1400), "a byte that was not captured matches nothing");
    }

    #[test]
    fn a_wrong_expression_is_told_in_the_words_of_libpcap() {
        assert!(Program::compile("tcp prot 1", LinkType::ETHERNET).expect_err("wrong").contains("syntax error"));
        assert!(Program::compile("vlan 5", LinkType::RAW).expect_err("no tags there").contains("VLAN"));
    }

    #[test]
    fn both_numberings_of_links_are_inverse() {
        for number in 0..400 {
            let link = LinkType(number);
            if !matches!(number, 11 | 12 | 15 | 16 | 19) {
                assert_eq!(link_of(dlt_of(link)), link);
            }
        }
    }
}
