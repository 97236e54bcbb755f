//! Symmetric receive-side scaling: which header fields are hashed, with which key, to which queue.
//!
//! **Owns** the field sets, the key pattern and the spreading over the redirection table. **May touch** nothing.
//! **Order** called by `plan`; pure.

use dpdk_sys as ffi;
use parshall_config::plan::RssFields;

/// What a port's hash will be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RssPlan {
    /// Hash fields: `RTE_ETH_RSS_*` bits that were asked for and that the device offers.
    pub fields: u64,
    /// Hash key.
    pub key: Vec<u8>,
    /// Entries of the redirection table; 0 leaves the driver's own table alone.
    pub table_entries: u16,
    /// The innermost headers are hashed where a frame is encapsulated.
    pub innermost: bool,
}

/// The `RTE_ETH_RSS_*` bits of a wish, 0 for none.
///
/// Fragments hash by addresses only, whatever the wish: their ports are known to the first one alone.
#[must_use]
pub const fn wanted(fields: RssFields) -> u64 {
    match fields {
        RssFields::IpAndPorts => ffi::SHIM_RSS_IP | ffi::SHIM_RSS_TCP | ffi::SHIM_RSS_UDP | ffi::SHIM_RSS_SCTP,
        RssFields::Ip => ffi::SHIM_RSS_IP,
        RssFields::Udp => ffi::SHIM_RSS_IP | ffi::SHIM_RSS_UDP,
        RssFields::Off => 0,
    }
}

/// The bit that asks for the innermost headers, where `offered` has it. DPDK: `RTE_ETH_RSS_LEVEL_INNERMOST`.
#[must_use]
pub const fn innermost(offered: u64) -> u64 {
    offered & ffi::SHIM_RSS_INNERMOST
}

/// A Toeplitz key of `length` bytes under which both directions of a flow hash alike.
///
/// The key repeats every 16 bits, so exchanging two fields of 16 or 32 bits at even offsets does not change the hash:
/// addresses and ports may be swapped. Source: Woo and Park, "Scalable TCP Session Monitoring with Symmetric
/// Receive-side Scaling", 2012.
#[must_use]
pub fn symmetric_key(length: usize) -> Vec<u8> {
    [0x6d, 0x5a].into_iter().cycle().take(length).collect()
}

/// Bits of a wish in words, for messages.
#[must_use]
pub fn describe(fields: u64) -> String {
    const WORDS: [(u64, &str); 4] = [
        (ffi::SHIM_RSS_IP, "IP"),
        (ffi::SHIM_RSS_TCP, "TCP"),
        (ffi::SHIM_RSS_UDP, "UDP"),
        (ffi::SHIM_RSS_SCTP, "SCTP"),
    ];
    let some = WORDS.iter().filter(|(bits, _)| fields & bits != 0);
    let words: Vec<String> =
        some.map(|(bits, word)| if fields & bits == *bits { (*word).into() } else { format!("some {word}") }).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Toeplitz as the Microsoft RSS specification defines it.
    fn toeplitz(key: &[u8], input: &[u8]) -> u32 {
        let mut hash = 0;
        for (index, byte) in input.iter().enumerate() {
            for bit in (0..8).filter(|bit| byte >> (7 - bit) & 1 == 1) {
                let at = index * 8 + bit;
                let window = (0..32).fold(0u32, |word, i| {
                    let k = at + i;
                    word << 1 | u32::from(key[k / 8] >> (7 - k % 8) & 1)
                });
                hash ^= window;
            }
        }
        hash
    }

    #[test]
    fn the_reference_hash_gives_the_specification_s_value() {
        #[rustfmt::skip]
        let key = [
            0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca,
            0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b,
            0xbe, 0xac, 0x01, 0xfa,
        ];
        let input = [66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6];
        assert_eq!(toeplitz(&key, &input), 0x51cc_c178);
    }

    #[test]
    fn both_directions_hash_alike_for_every_key_length() {
        for length in [40, 41, 52, 64, 255] {
            let key = symmetric_key(length);
            assert_eq!(key.len(), length);
            let there = [10, 0, 0, 1, 192, 0, 2, 7, 0x04, 0xd2, 0x01, 0xbb];
            let back = [192, 0, 2, 7, 10, 0, 0, 1, 0x01, 0xbb, 0x04, 0xd2];
            assert_eq!(toeplitz(&key, &there), toeplitz(&key, &back), "{length}");
            let mut six = [0u8; 36];
            for (index, byte) in six.iter_mut().enumerate() {
                *byte = u8::try_from(index * 7 % 251).unwrap_or_default();
            }
            let mut turned = six;
            turned[..16].copy_from_slice(&six[16..32]);
            turned[16..32].copy_from_slice(&six[..16]);
            turned[32..34].copy_from_slice(&six[34..]);
            turned[34..].copy_from_slice(&six[32..34]);
            assert_eq!(toeplitz(&key, &six), toeplitz(&key, &turned), "{length}, IPv6");
        }
    }

    #[test]
    fn fields_of_a_wish_are_named_in_words() {
        assert_eq!(describe(wanted(RssFields::IpAndPorts)), "IP, TCP, UDP, SCTP");
        assert_eq!(describe(wanted(RssFields::Udp)), "IP, UDP");
        assert_eq!(describe(wanted(RssFields::Off)), "nothing");
        assert_eq!(describe(ffi::SHIM_RSS_IP & 4), "some IP");
    }
}
