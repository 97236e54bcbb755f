//! The key of a flow: what makes two packets belong together, the same for both directions.
//!
//! **Owns** the canonical form (lower endpoint first) and the keyed hash over it. **May touch** nothing else.
//! **Order** built by `decode`, hashed by `shard` (or by the spreader), compared by `table`.
//!
//! A key is canonical so that one lookup finds both directions; which end is the client is not in the key but in the
//! flow, decided by its first packet and never changed.

use std::hint::{cold_path, select_unpredictable};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Protocol numbers (IANA) that the engine treats by name.
pub mod protocol {
    /// ICMP, RFC 792.
    pub const ICMP: u8 = 1;
    /// IGMP, RFC 3376.
    pub const IGMP: u8 = 2;
    /// TCP, RFC 9293.
    pub const TCP: u8 = 6;
    /// UDP, RFC 768.
    pub const UDP: u8 = 17;
    /// DCCP, RFC 4340.
    pub const DCCP: u8 = 33;
    /// ESP, RFC 4303.
    pub const ESP: u8 = 50;
    /// ICMPv6, RFC 4443.
    pub const ICMPV6: u8 = 58;
    /// SCTP, RFC 9260.
    pub const SCTP: u8 = 132;
    /// UDP-Lite, RFC 3828.
    pub const UDP_LITE: u8 = 136;

    /// Whether flows of this protocol have ports in their key.
    #[inline]
    #[must_use]
    pub const fn has_ports(protocol: u8) -> bool {
        matches!(protocol, TCP | UDP | SCTP | UDP_LITE | DCCP)
    }
}

/// The canonical key of a biflow.
///
/// Addresses are 128 bits in host order; an IPv4 address fills the low 32 bits. `(low, low_port)` is not above
/// `(high, high_port)`. For ICMP the ports carry what the contract keys ICMP by (see [`IcmpKey`]) and stay unswapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FlowKey {
    /// The lower endpoint's address.
    pub low: u128,
    /// The higher endpoint's address.
    pub high: u128,
    /// The lower endpoint's port; for ICMP see [`IcmpKey`]; else 0.
    pub low_port: u16,
    /// The higher endpoint's port; for ICMP see [`IcmpKey`]; else 0.
    pub high_port: u16,
    /// IANA protocol number of the keyed header's payload.
    pub protocol: u8,
    /// 4 or 6.
    pub version: u8,
    /// VLAN and tunnel identifiers folded together by `--key vlan,tunnel`; 0 when they are not part of the key.
    pub scope: u64,
}

/// What ICMP flows are keyed by beside their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpKey {
    /// A query and its reply, by identifier; `request` is the type of the request.
    Query {
        /// Type of the request (8 echo, 13 timestamp, ...; 128 for ICMPv6 echo).
        request: u8,
        /// Identifier of the query.
        id: u16,
    },
    /// Any other message, by type and code.
    Message {
        /// ICMP type.
        kind: u8,
        /// ICMP code.
        code: u8,
    },
}

impl IcmpKey {
    const QUERY: u16 = 1 << 15;

    /// The pair of port fields that stands for this in a [`FlowKey`].
    #[must_use]
    pub const fn ports(self) -> (u16, u16) {
        match self {
            IcmpKey::Query { request, id } => (id, Self::QUERY | request as u16),
            IcmpKey::Message { kind, code } => ((kind as u16) << 8 | code as u16, 0),
        }
    }

    /// The inverse of [`IcmpKey::ports`].
    #[must_use]
    pub const fn of(ports: (u16, u16)) -> IcmpKey {
        if ports.1 & Self::QUERY != 0 {
            IcmpKey::Query { request: ports.1 as u8, id: ports.0 }
        } else {
            IcmpKey::Message { kind: (ports.0 >> 8) as u8, code: ports.0 as u8 }
        }
    }
}

impl FlowKey {
    /// The canonical key of a packet from `source` to `destination`, and whether the source is the low endpoint.
    ///
    /// Two equal endpoints have no order; their packets all count as coming from the low one.
    #[inline]
    #[must_use]
    pub fn canonical(version: u8, protocol: u8, source: (u128, u16), destination: (u128, u16)) -> (FlowKey, bool) {
        let from_low = source <= destination;
        let (low, high) = if from_low { (source, destination) } else { (destination, source) };
        let key = FlowKey { low: low.0, high: high.0, low_port: low.1, high_port: high.1, protocol, version, scope: 0 };
        (key, from_low)
    }

    /// The canonical key of an ICMP packet, and whether the source is the low endpoint.
    #[inline]
    #[must_use]
    pub fn icmp(version: u8, protocol: u8, source: u128, destination: u128, what: IcmpKey) -> (FlowKey, bool) {
        let from_low = source <= destination;
        let (low, high) = if from_low { (source, destination) } else { (destination, source) };
        let (low_port, high_port) = what.ports();
        (FlowKey { low, high, low_port, high_port, protocol, version, scope: 0 }, from_low)
    }

    /// Whether the key's image is the key itself, and gives it back.
    #[inline]
    #[must_use]
    pub const fn is_its_image(&self) -> bool {
        self.version == 4 && self.scope == 0
    }

    /// Whether this is an ICMP or ICMPv6 flow.
    #[must_use]
    pub const fn is_icmp(&self) -> bool {
        matches!((self.version, self.protocol), (4, protocol::ICMP) | (6, protocol::ICMPV6))
    }

    /// What an ICMP flow is keyed by; `None` for every other protocol.
    #[must_use]
    pub const fn icmp_key(&self) -> Option<IcmpKey> {
        if self.is_icmp() { Some(IcmpKey::of((self.low_port, self.high_port))) } else { None }
    }

    /// Ports, protocol and version in one word, 16 bits of which are free: as [`KeyImage`] holds them.
    #[inline]
    #[must_use]
    pub const fn exact(&self) -> u64 {
        (self.low_port as u64) << 48 | (self.high_port as u64) << 32 | (self.protocol as u64) << 8 | self.version as u64
    }

    /// The address of one endpoint.
    #[must_use]
    pub fn address(&self, low: bool) -> IpAddr {
        ip_of(self.version, if low { self.low } else { self.high })
    }

    /// The port of one endpoint; `None` where the protocol has none.
    #[must_use]
    pub fn port(&self, low: bool) -> Option<u16> {
        protocol::has_ports(self.protocol).then_some(if low { self.low_port } else { self.high_port })
    }
}

/// The address that 128 bits stand for in a key of this IP version.
#[must_use]
pub fn ip_of(version: u8, bits: u128) -> IpAddr {
    if version == 4 { IpAddr::V4(Ipv4Addr::from(bits as u32)) } else { IpAddr::V6(Ipv6Addr::from(bits)) }
}

/// The secret that keys the table's hash: random per start in `run`, fixed in `read`.
///
/// An attacker who does not know it cannot choose keys that meet in one bucket. The hash is multiply-and-fold over
/// 64-bit lanes (NH-style: each lane is mixed with a secret word before it is multiplied), symmetric because it is
/// taken over the canonical key.
#[derive(Clone, Copy, Debug)]
pub struct HashSecret([u64; 6]);

/// The secret of `read`: fixed, so that a replay is reproducible.
pub const READ_SECRET: HashSecret = HashSecret([
    0x9e37_79b9_7f4a_7c15,
    0xbf58_476d_1ce4_e5b9,
    0x94d0_49bb_1331_11eb,
    0xd6e8_feb8_6659_fd93,
    0xa076_1d64_78bd_642f,
    0xe703_7ed1_a0b4_28db,
]);

#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let wide = a as u128 * b as u128;
    wide as u64 ^ (wide >> 64) as u64
}

/// What the table compares: 128 bits that stand for a key.
///
/// IPv4 without scope: the whole key, exactly. IPv6, and keys with a scope: ports and protocol exactly, the rest as an
/// 80-bit keyed fingerprint, so that two of ten million flows with the same ports are taken for one with a probability
/// of 2^-33; the whole key stands in the flow's cold part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyImage(pub [u64; 2]);

impl KeyImage {
    /// The image of an IPv4 key without scope. `addresses` and `ports` have those of the low endpoint in their upper half.
    #[inline]
    #[must_use]
    pub const fn ipv4(addresses: u64, ports: u32, protocol: u8) -> KeyImage {
        KeyImage([addresses, (ports as u64) << 32 | (protocol as u64) << 8 | 4])
    }

    /// The image of the key of an IPv4 packet, and whether its source is the low endpoint. `addresses` and `ports` have those of
    /// the source in their upper half, as a header has them: turned by half, they are those of the other direction.
    #[inline(always)]
    #[must_use]
    pub fn of_ipv4_packet(addresses: u64, ports: u32, protocol: u8) -> (KeyImage, bool) {
        let (turned, turned_ports) = (addresses.rotate_left(32), ports.rotate_left(16));
        let from_low = if addresses == turned {
            cold_path();
            ports <= turned_ports
        } else {
            addresses < turned
        };
        // Which of both ends sent cannot be foreseen.
        let ports = select_unpredictable(from_low, ports, turned_ports);
        (KeyImage::ipv4(addresses.min(turned), ports, protocol), from_low)
    }

    /// The addresses of an IPv4 key without scope, low endpoint first. Of any other key it says nothing.
    #[inline]
    #[must_use]
    pub const fn ipv4_addresses(self) -> (u128, u128) {
        ((self.0[0] >> 32) as u128, (self.0[0] as u32) as u128)
    }

    /// The ports and the protocol that the image holds exactly: low port, high port, protocol.
    #[must_use]
    pub const fn exact(self) -> (u16, u16, u8) {
        ((self.0[1] >> 48) as u16, (self.0[1] >> 32) as u16, self.protocol())
    }

    /// IANA protocol number.
    #[inline]
    #[must_use]
    pub const fn protocol(self) -> u8 {
        (self.0[1] >> 8) as u8
    }

    /// 4 or 6.
    #[inline]
    #[must_use]
    pub const fn version(self) -> u8 {
        self.0[1] as u8
    }
}

impl HashSecret {
    /// A secret from 48 random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 48]) -> HashSecret {
        let mut words = [0; 6];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)) | 1;
        }
        HashSecret(words)
    }

    /// A secret that nobody outside knows.
    #[must_use]
    pub fn from_system() -> HashSecret {
        use std::hash::{BuildHasher, RandomState};
        // RandomState is keyed from the system's randomness once a thread; hashing numbers with it stretches that.
        let state = RandomState::new();
        let mut bytes = [0; 48];
        for (n, chunk) in bytes.chunks_exact_mut(8).enumerate() {
            chunk.copy_from_slice(&state.hash_one(n).to_le_bytes());
        }
        HashSecret::from_random(bytes)
    }

    /// The 128 bits that stand for a key in the table. Inlined: handed through memory in halves and copied whole, it costs as
    /// much as it takes to make.
    #[inline(always)]
    #[must_use]
    pub const fn image(&self, key: &FlowKey) -> KeyImage {
        let tail = key.exact();
        if key.is_its_image() {
            return KeyImage([(key.low as u64) << 32 | key.high as u64, tail]);
        }
        let s = &self.0;
        let low = fold(key.low as u64 ^ s[0], (key.low >> 64) as u64 ^ s[1]);
        let high = fold(key.high as u64 ^ s[2], (key.high >> 64) as u64 ^ s[3]);
        let first = fold(low ^ s[4], high ^ s[1] ^ key.scope);
        let second = fold(low ^ s[2], high ^ s[5] ^ key.scope.rotate_left(32));
        KeyImage([first, tail | (second & 0xffff) << 16])
    }

    /// The 64-bit hash of an image. Equal for both directions of a flow.
    #[inline]
    #[must_use]
    pub const fn hash(&self, image: KeyImage) -> u64 {
        let s = &self.0;
        let once = fold(image.0[0] ^ s[0], image.0[1] ^ s[1]);
        fold(once ^ s[2], image.0[0] ^ s[3])
    }

    /// The 64-bit hash of a key.
    #[inline]
    #[must_use]
    pub const fn hash_key(&self, key: &FlowKey) -> u64 {
        self.hash(self.image(key))
    }

    /// The worker that a spreader sends this hash to: uniform over `workers`, from bits the table's buckets do not use.
    #[inline]
    #[must_use]
    pub const fn worker_of(hash: u64, workers: usize) -> usize {
        ((hash & 0xffff) as usize * workers) >> 16
    }
}

/// What the flow id is mixed with: digits of pi, so that nobody chose them.
const PI: [u64; 6] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7344,
    0xa409_3822_299f_31d0,
    0x082e_fa98_ec4e_6c89,
    0x4528_21e6_38d0_1377,
    0xbe54_66cf_34e9_0c6c,
];

/// The flow id of the contract: an unkeyed hash of key and start in microseconds, the same in every run.
///
/// Multiply-and-fold over 64-bit words, finished by the murmur3 finalizer. A record is made for every flow, and a hash that
/// goes byte by byte would be half of what that costs.
#[must_use]
pub const fn flow_id(key: &FlowKey, start_micros: u64) -> u64 {
    let low = fold(key.low as u64 ^ PI[0], (key.low >> 64) as u64 ^ PI[1]);
    let high = fold(key.high as u64 ^ PI[2], (key.high >> 64) as u64 ^ PI[3]);
    let ends = fold(low ^ PI[4], high ^ PI[5]);
    let rest = fold(key.exact() ^ PI[1], start_micros ^ PI[4]);
    let hash = fold(ends ^ PI[2], rest ^ key.scope);
    let hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(source: (u128, u16), destination: (u128, u16)) -> (FlowKey, bool) {
        FlowKey::canonical(4, protocol::TCP, source, destination)
    }

    fn hash_of(key: &FlowKey) -> u64 {
        READ_SECRET.hash_key(key)
    }

    #[test]
    fn an_image_gives_back_ports_protocol_and_version_of_every_family() {
        for (version, scope) in [(4, 0), (4, 9), (6, 0), (6, 9)] {
            let (mut key, _) = FlowKey::canonical(version, 17, (1, 53), (2, 4000));
            key.scope = scope;
            let image = READ_SECRET.image(&key);
            assert_eq!((image.exact(), image.version()), ((53, 4000, 17), version));
        }
    }

    #[test]
    fn both_directions_have_one_key_and_opposite_sides() {
        let (there, there_low) = key((0x0a00_0001, 4000), (0x0a00_0002, 80));
        let (back, back_low) = key((0x0a00_0002, 80), (0x0a00_0001, 4000));
        assert_eq!(there, back);
        assert_ne!(there_low, back_low);
        assert_eq!(hash_of(&there), hash_of(&back));
    }

    #[test]
    fn one_address_talking_to_itself_is_ordered_by_port() {
        let (there, there_low) = key((7, 9), (7, 3));
        let (back, back_low) = key((7, 3), (7, 9));
        assert_eq!((there, there_low), (back, !back_low));
    }

    #[test]
    fn icmp_keys_survive_their_port_form() {
        for what in [
            IcmpKey::Query { request: 8, id: 0xffff },
            IcmpKey::Query { request: 128, id: 0 },
            IcmpKey::Message { kind: 3, code: 1 },
            IcmpKey::Message { kind: 255, code: 255 },
        ] {
            assert_eq!(IcmpKey::of(what.ports()), what);
        }
    }

    #[test]
    fn every_field_of_the_key_moves_hash_and_flow_id() {
        let (base, _) = key((1, 2), (3, 4));
        let changed = [
            FlowKey { low: 9, ..base },
            FlowKey { high: 9, ..base },
            FlowKey { low_port: 9, ..base },
            FlowKey { high_port: 9, ..base },
            FlowKey { protocol: 17, ..base },
            FlowKey { scope: 1, ..base },
        ];
        for other in changed {
            assert_ne!(hash_of(&other), hash_of(&base), "{other:?}");
            assert_ne!(flow_id(&other, 0), flow_id(&base, 0), "{other:?}");
        }
        assert_ne!(flow_id(&base, 1), flow_id(&base, 2));
    }

    #[test]
    fn ids_of_neighbouring_flows_differ_in_about_half_of_their_bits() {
        let (mut seen, mut bits, mut pairs) = (std::collections::HashSet::new(), 0_u64, 0_u64);
        for n in 0..200_000_u32 {
            let ends = ((u128::from(0x0a00_0000 + n / 64), 1024 + (n % 64) as u16), (0xc0a8_0001, 443));
            let (one, _) = key(ends.0, ends.1);
            let id = flow_id(&one, 7);
            assert!(seen.insert(id), "{one:?}");
            bits += u64::from((id ^ flow_id(&one, 8)).count_ones());
            pairs += 1;
        }
        assert!((bits as f64 / pairs as f64 - 32.0).abs() < 0.2, "{}", bits as f64 / pairs as f64);
    }

    #[test]
    fn structured_keys_spread_evenly_over_buckets_and_workers() {
        let (mut buckets, mut workers) = ([0_u32; 256], [0_u32; 5]);
        for n in 0..65_536_u32 {
            let (key, _) = key((u128::from(0x0a00_0000 + n / 256), 1024 + (n % 256) as u16), (0xc0a8_0001, 443));
            let hash = hash_of(&key);
            buckets[(hash >> 56) as usize] += 1;
            workers[HashSecret::worker_of(hash, 5)] += 1;
        }
        assert!(buckets.iter().all(|n| (170..350).contains(n)), "{buckets:?}");
        assert!(workers.iter().all(|n| (12_400..13_900).contains(n)), "{workers:?}");
    }
}
