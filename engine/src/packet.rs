//! What decoding says of a frame: a packet that belongs to a flow, or a verdict why it does not.
//!
//! **Owns** the plain values that `decode` writes and everything behind it reads. **May touch** the key.
//! **Order** written by `decode`, read by `shard`, `track` and `tally`. No lifetime: bytes are passed beside it.

mod outline;

use crate::key::{FlowKey, HashSecret, KeyImage};
use crate::source::Input;
use crate::time::Nanos;
pub use outline::{Outline, facts};

/// Every frame taken from a port ends in exactly one of these: the books of the contract.
///
/// The order is the order of the metrics' rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// Accounted to a flow.
    Flow,
    /// Rejected by `--filter` or `--flow-filter`.
    Filtered,
    /// No IP header inside.
    NonIp,
    /// A later fragment whose first was not seen.
    FragmentOrphan,
    /// The IP header, or the first four bytes of a transport header with ports, cannot be used.
    Malformed,
    /// The capture's link type cannot be decoded.
    UnsupportedLink,
    /// Left out by sampling.
    SampledOut,
    /// Dropped as a mirror duplicate, by option.
    Duplicate,
    /// No room in the flow table, and nothing could be evicted.
    TableFull,
}

impl Outcome {
    /// All outcomes with their names in metrics and summaries.
    pub const ALL: [(Outcome, &'static str); 9] = [
        (Outcome::Flow, "flow"),
        (Outcome::Filtered, "filtered"),
        (Outcome::NonIp, "non_ip"),
        (Outcome::FragmentOrphan, "fragment_orphan"),
        (Outcome::Malformed, "malformed"),
        (Outcome::UnsupportedLink, "unsupported_link"),
        (Outcome::SampledOut, "sampled_out"),
        (Outcome::Duplicate, "duplicate"),
        (Outcome::TableFull, "table_full"),
    ];
}

macro_rules! bit_table {
    ($(#[$meta:meta])* $set:ident of $kind:ident($repr:ty) { $($(#[$doc:meta])* $name:ident = $text:literal,)* }) => {
        #[doc = concat!("One member of [`", stringify!($set), "`].")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $kind { $($(#[$doc])* $name,)* }

        impl $kind {
            /// All members with their names in metrics and summaries, in the order of their bits.
            pub const ALL: &'static [($kind, &'static str)] = &[$(($kind::$name, $text),)*];

            /// The member's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                Self::ALL[self as usize].1
            }
        }

        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $set(pub $repr);

        impl $set {
            /// No member.
            pub const NONE: $set = $set(0);

            /// One member.
            #[inline]
            #[must_use]
            pub const fn of(one: $kind) -> $set {
                $set(1 << one as u8)
            }

            /// Adds a member.
            #[inline]
            pub const fn add(&mut self, one: $kind) {
                self.0 |= 1 << one as u8;
            }

            /// Whether a member is in the set.
            #[inline]
            #[must_use]
            pub const fn has(self, one: $kind) -> bool {
                self.0 >> one as u8 & 1 != 0
            }

            /// Whether the set has no member.
            #[inline]
            #[must_use]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// The members, in the order of their bits.
            pub fn iter(self) -> impl Iterator<Item = $kind> {
                let mut rest = self.0;
                std::iter::from_fn(move || {
                    let found = $kind::ALL.get(rest.trailing_zeros() as usize)?;
                    rest &= rest.wrapping_sub(1);
                    Some(found.0)
                })
            }
        }
    };
}

bit_table! {
    /// What is wrong with a frame, counted by `parshall_malformed_total{reason}`. A frame can have several flaws and
    /// still be accounted to a flow; the outcome says which of the two it was.
    Flaws of Flaw(u32) {
        /// The link-layer header is cut off or contradicts itself.
        LinkHeader = "link_header",
        /// The frame ends inside the IP header.
        IpTruncated = "ip_truncated",
        /// The version nibble is not that of the layer below.
        IpVersion = "ip_version",
        /// IPv4 header length below 20 bytes.
        IpHeaderLength = "ip_header_length",
        /// IP total length below the header's own length.
        IpTotalLength = "ip_total_length",
        /// IP total length beyond the frame on the wire.
        IpBeyondWire = "ip_beyond_wire",
        /// An IPv6 extension header is cut off or too many follow each other.
        Ipv6Extension = "ipv6_extension",
        /// A fragment overlaps another one, or its offset lies beyond 65,535.
        Fragment = "fragment",
        /// The first four bytes of the transport header are missing.
        TransportTruncated = "transport_truncated",
        /// The TCP data offset is below 5 or beyond the segment.
        TcpDataOffset = "tcp_data_offset",
        /// The TCP header was captured in part: ports are known, the rest is not.
        TcpTruncated = "tcp_truncated",
        /// The UDP length is below 8 or beyond what IP holds.
        UdpLength = "udp_length",
        /// A tunnel header is cut off or contradicts itself.
        TunnelHeader = "tunnel_header",
        /// More encapsulations than the depth limit.
        DepthLimit = "depth_limit",
    }
}

bit_table! {
    /// The encapsulations that were taken off a frame, outermost to innermost without order or count.
    Encaps of Encap(u32) {
        /// IEEE 802.1Q or 802.1ad tag.
        Vlan = "vlan",
        /// IEEE 802.1ah backbone service instance.
        Pbb = "pbb",
        /// VN-Tag (Ethertype 0x8926) and its successor, the IEEE 802.1BR E-tag.
        VnTag = "vntag",
        /// MPLS label stack entry, RFC 3032; in IP, RFC 4023; in UDP, RFC 7510.
        Mpls = "mpls",
        /// Pseudowire, RFC 4385 and RFC 4448.
        Pseudowire = "pseudowire",
        /// PPPoE session, RFC 2516.
        Pppoe = "pppoe",
        /// PPP, RFC 1661.
        Ppp = "ppp",
        /// GRE, RFC 2784 and RFC 2890; NVGRE, RFC 7637; PPTP's version 1, RFC 2637; in UDP, RFC 8086.
        Gre = "gre",
        /// IP in IP of any pair of versions, RFC 2003, RFC 4213, RFC 2473.
        Ipip = "ipip",
        /// VXLAN, RFC 7348, and VXLAN-GPE.
        Vxlan = "vxlan",
        /// Geneve, RFC 8926.
        Geneve = "geneve",
        /// GTP-U, 3GPP TS 29.281.
        Gtpu = "gtpu",
        /// ERSPAN types I to III.
        Erspan = "erspan",
        /// TaZmen Sniffer Protocol.
        Tzsp = "tzsp",
        /// Ethernet in IP: EtherIP, RFC 3378, and protocol 143, RFC 8986.
        Etherip = "etherip",
        /// Teredo, RFC 4380; by option only.
        Teredo = "teredo",
        /// L2TPv3, RFC 3931; by option only.
        L2tpv3 = "l2tpv3",
    }
}

/// Why a frame is not accounted to a flow: an outcome and, for malformed frames, the flaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Never [`Outcome::Flow`].
    pub outcome: Outcome,
    /// What was wrong on the way, if anything.
    pub flaws: Flaws,
    /// What had been taken off when decoding stopped.
    pub encaps: Encaps,
}

/// TCP flag bits as in byte 13 of the header (RFC 9293 section 3.1).
pub mod tcp_flags {
    /// FIN.
    pub const FIN: u8 = 0x01;
    /// SYN.
    pub const SYN: u8 = 0x02;
    /// RST.
    pub const RST: u8 = 0x04;
    /// PSH.
    pub const PSH: u8 = 0x08;
    /// ACK.
    pub const ACK: u8 = 0x10;
    /// URG.
    pub const URG: u8 = 0x20;
    /// ECE, RFC 3168.
    pub const ECE: u8 = 0x40;
    /// CWR, RFC 3168.
    pub const CWR: u8 = 0x80;
}

/// The fixed part of a TCP header. Options are read from the frame by `track`, between `Packet::l4_offset + 20` and
/// `l4_offset + header_len`, as far as they were captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct TcpHeader {
    /// Acknowledgement number; meaningless without the ACK flag.
    pub ack: u32,
    /// Sequence number. Behind the other: the two are written as one number.
    pub seq: u32,
    /// Window as on the wire, unscaled.
    pub window: u16,
    /// Flags, see [`tcp_flags`].
    pub flags: u8,
    /// Header length with options. Unit: bytes, 20 to 60.
    pub header_len: u8,
}

impl TcpHeader {
    /// The fixed header, as it stands.
    #[inline]
    #[must_use]
    pub const fn read(head: &[u8; 20]) -> TcpHeader {
        let [_, _, _, _, a, b, c, d, e, f, g, h, ..] = *head;
        let numbers = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        TcpHeader {
            seq: (numbers >> 32) as u32,
            ack: numbers as u32,
            window: u16::from_be_bytes([head[14], head[15]]),
            flags: head[13],
            header_len: (head[12] >> 4) * 4,
        }
    }
}

/// Yes-or-no facts of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(pub u16);

impl Marks {
    /// The sender is the key's low endpoint.
    pub const FROM_LOW: u16 = 1 << 0;
    /// The first fragment of a datagram (offset 0, more to come).
    pub const FIRST_FRAGMENT: u16 = 1 << 1;
    /// A later fragment; its ports come from the fragment cache and it has no transport header.
    pub const LATER_FRAGMENT: u16 = 1 << 2;
    /// [`Packet::tcp`] holds a whole fixed TCP header.
    pub const TCP: u16 = 1 << 3;
    /// [`Packet::ip_id`] is there (IPv4, or an IPv6 fragment).
    pub const IP_ID: u16 = 1 << 4;
    /// IPv4 Don't Fragment.
    pub const DONT_FRAGMENT: u16 = 1 << 5;
    /// An ICMP error that quotes a packet, from `Packet::payload_offset` on.
    pub const ICMP_ERROR: u16 = 1 << 6;
    /// ICMP query that is a reply: the sender is the server of the exchange.
    pub const ICMP_REPLY: u16 = 1 << 7;
    /// The frame has an Ethernet header, at [`Packet::ethernet_offset`].
    pub const ETHERNET: u16 = 1 << 8;
    /// The flags of [`Packet::tcp`] were captured, behind a data offset that is not below 5. Without [`Marks::TCP`] they
    /// are all that is known of the header.
    pub const TCP_FLAGS: u16 = 1 << 9;

    /// Not a packet of its own: what an ICMP error quoted. It is accounted nowhere but in its flow's `icmp_errors`.
    pub const QUOTED: u16 = 1 << 15;

    /// Whether all bits of `mark` are set.
    #[inline]
    #[must_use]
    pub const fn has(self, mark: u16) -> bool {
        self.0 & mark == mark
    }
}

/// A frame that belongs to a flow.
///
/// The order of its fields is their order in memory: what is written together stands together, and is written at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Packet {
    /// The image of the key of the innermost IP header.
    pub image: KeyImage,
    /// Arrival. Unit: UNIX nanoseconds.
    pub time: Nanos,
    /// The image's hash; set by the first pass of `shard`.
    pub hash: u64,
    /// Fixed part of the TCP header, when [`Marks::TCP`]; only its flags, when [`Marks::TCP_FLAGS`] alone.
    pub tcp: TcpHeader,
    /// Transport payload by the contract's rule. Unit: bytes.
    pub payload_bytes: u32,
    /// IP total length of the keyed header by the contract's rule. Unit: bytes.
    pub ip_bytes: u32,
    /// The frame on the wire. Unit: bytes.
    pub wire_bytes: u32,
    /// Offset of the Ethernet header nearest to the keyed IP header, when [`Marks::ETHERNET`].
    pub ethernet_offset: u16,
    /// Offset of the keyed IP header in the frame.
    pub ip_offset: u16,
    /// Offset of the transport header in the frame; of the fragment's data for a later fragment.
    pub l4_offset: u16,
    /// Offset of the transport payload in the frame; may lie beyond what was captured.
    pub payload_offset: u16,
    /// What was wrong with a frame that is accounted all the same.
    pub flaws: Flaws,
    /// What was taken off.
    pub encaps: Encaps,
    /// Facts.
    pub marks: Marks,
    /// IPv4 identification, when [`Marks::IP_ID`].
    pub ip_id: u16,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Type of service or traffic class; the upper six bits are the DSCP, the lower two ECN.
    pub tos: u8,
    /// Port and queue it came from.
    pub input: Input,
    /// The scope of the key: see [`FlowKey::scope`].
    pub scope: u64,
    /// The addresses of the key, low endpoint first, where its image does not give them back; else without meaning.
    pub addresses: [u128; 2],
}

impl Packet {
    /// A packet of which nothing but the key is known. `secret` is that of whoever looks for its flow.
    #[must_use]
    pub fn of(key: &FlowKey, secret: &HashSecret) -> Packet {
        let mut packet = Packet::default();
        packet.set_key(key, secret);
        packet
    }

    /// Writes the key and its image.
    #[inline]
    pub const fn set_key(&mut self, key: &FlowKey, secret: &HashSecret) {
        self.image = secret.image(key);
        self.scope = key.scope;
        if !key.is_its_image() {
            self.addresses = [key.low, key.high];
        }
    }

    /// The key of the innermost IP header. Who needs nothing but its protocol or version asks for that: it costs less.
    #[inline]
    #[must_use]
    pub const fn key(&self) -> FlowKey {
        let (low_port, high_port, protocol) = self.image.exact();
        let [low, high] = self.addresses;
        let key = FlowKey { low, high, low_port, high_port, protocol, version: self.version(), scope: self.scope };
        if !key.is_its_image() {
            return key;
        }
        let (low, high) = self.image.ipv4_addresses();
        FlowKey { low, high, ..key }
    }

    /// IANA protocol number of the keyed header's payload.
    #[inline]
    #[must_use]
    pub const fn protocol(&self) -> u8 {
        self.image.protocol()
    }

    /// 4 or 6.
    #[inline]
    #[must_use]
    pub const fn version(&self) -> u8 {
        self.image.version()
    }
}

impl Packet {
    /// The identification of IPv4, which tells packets apart; 0 where there is none. That of IPv6 fragments does not. Without a branch.
    #[inline]
    #[must_use]
    pub const fn informative_id(&self) -> u16 {
        self.ip_id * (self.marks.has(Marks::IP_ID) & (self.version() == 4)) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::READ_SECRET;

    #[test]
    fn a_packet_fits_two_cache_lines() {
        assert!(size_of::<Packet>() <= 128, "{}", size_of::<Packet>());
    }

    #[test]
    fn a_packet_gives_back_the_key_it_was_given() {
        for (version, scope) in [(4, 0), (4, 9), (6, 0), (6, 9)] {
            let (key, _) = FlowKey::canonical(version, 17, (0xffff_fffe, 53), (0xffff_ffff, 4000));
            let key = FlowKey { scope, ..key };
            let packet = Packet::of(&key, &READ_SECRET);
            assert_eq!((packet.key(), packet.image), (key, READ_SECRET.image(&key)));
            assert_eq!((packet.version(), packet.protocol()), (version, 17));
        }
    }

    #[test]
    fn outcomes_stand_at_their_own_index() {
        for (index, (outcome, _)) in Outcome::ALL.iter().enumerate() {
            assert_eq!(*outcome as usize, index);
        }
    }

    #[test]
    fn a_set_gives_back_what_was_added() {
        let mut flaws = Flaws::NONE;
        flaws.add(Flaw::UdpLength);
        flaws.add(Flaw::LinkHeader);
        assert_eq!(flaws.iter().map(Flaw::name).collect::<Vec<_>>(), ["link_header", "udp_length"]);
        assert!(!flaws.has(Flaw::Fragment));
    }
}
