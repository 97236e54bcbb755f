//! What etherparse knows, the decoder says too: Ethernet, tags, IPv4 options, IPv6 extensions, TCP, UDP, ICMP.

#[path = "decode_support/arbitrary.rs"]
mod arbitrary;
#[path = "decode_support/build.rs"]
mod build;

use arbitrary::{damage, damaged, ip, plain};
use build::frame;
use etherparse::{IpNumber, NetSlice, SlicedPacket, TransportSlice};
use parshall_engine::decode::{DecodeOptions, FragmentCache, decode, outer};
use parshall_engine::key::READ_SECRET;
use parshall_engine::link::LinkType;
use parshall_engine::packet::{Encap, Encaps, Marks, Outcome, Packet, Verdict};
use proptest::prelude::*;
use std::net::IpAddr;

/// The innermost addresses, protocol and IP payload by etherparse.
struct Net<'a> {
    source: IpAddr,
    destination: IpAddr,
    protocol: IpNumber,
    payload: &'a [u8],
    fragmented: bool,
    ttl: u8,
    tos: u8,
    /// `None` where the length field leaves it to the frame.
    ip_bytes: Option<u32>,
}

fn net<'a>(slice: &NetSlice<'a>) -> Option<Net<'a>> {
    match slice {
        NetSlice::Ipv4(ip) => Some(Net {
            source: ip.header().source_addr().into(),
            destination: ip.header().destination_addr().into(),
            protocol: ip.payload().ip_number,
            payload: ip.payload().payload,
            fragmented: ip.payload().fragmented,
            ttl: ip.header().ttl(),
            tos: ip.header().dcp().value() << 2 | ip.header().ecn().value(),
            ip_bytes: Some(u32::from(ip.header().total_len())),
        }),
        NetSlice::Ipv6(ip) => Some(Net {
            source: ip.header().source_addr().into(),
            destination: ip.header().destination_addr().into(),
            protocol: ip.payload().ip_number,
            payload: ip.payload().payload,
            fragmented: ip.payload().fragmented,
            ttl: ip.header().hop_limit(),
            tos: ip.header().traffic_class(),
            ip_bytes: Some(ip.header().payload_length())
                .filter(|length| *length > 0)
                .map(|length| 40 + u32::from(length)),
        }),
        NetSlice::Arp(_) => None,
    }
}

fn ends(packet: &Packet) -> ((IpAddr, Option<u16>), (IpAddr, Option<u16>)) {
    let low = packet.marks.has(Marks::FROM_LOW);
    let end = |low| (packet.key().address(low), packet.key().port(low));
    (end(low), end(!low))
}

/// Where a part of the frame begins.
fn offset(frame: &[u8], part: &[u8]) -> usize {
    part.as_ptr() as usize - frame.as_ptr() as usize
}

fn compare(bytes: &[u8], packet: &Packet, net: &Net<'_>, transport: &TransportSlice<'_>) {
    let (source, destination) = ends(packet);
    assert_eq!((source.0, destination.0), (net.source, net.destination));
    assert_eq!(packet.protocol(), net.protocol.0);
    assert_eq!((packet.ttl, packet.tos), (net.ttl, net.tos));
    assert_eq!(usize::from(packet.l4_offset), offset(bytes, net.payload));
    assert_eq!(packet.ip_bytes, net.ip_bytes.unwrap_or(packet.ip_bytes));
    match transport {
        TransportSlice::Tcp(tcp) => {
            assert_eq!((source.1, destination.1), (Some(tcp.source_port()), Some(tcp.destination_port())));
            assert!(packet.marks.has(Marks::TCP));
            assert_eq!((packet.tcp.seq, packet.tcp.ack), (tcp.sequence_number(), tcp.acknowledgment_number()));
            assert_eq!(packet.tcp.window, tcp.window_size());
            assert_eq!(packet.tcp.flags, tcp.header_slice()[13]);
            assert_eq!(usize::from(packet.tcp.header_len), tcp.header_slice().len());
            assert_eq!(packet.payload_bytes as usize, tcp.payload().len());
            assert_eq!(usize::from(packet.payload_offset), offset(bytes, tcp.payload()));
        }
        TransportSlice::Udp(udp) => {
            assert_eq!((source.1, destination.1), (Some(udp.source_port()), Some(udp.destination_port())));
            assert_eq!(packet.payload_bytes as usize, udp.payload().len());
            assert_eq!(usize::from(packet.payload_offset), offset(bytes, udp.payload()));
        }
        TransportSlice::Igmp(_) => assert_eq!(packet.protocol(), 2),
        TransportSlice::Icmpv4(_) | TransportSlice::Icmpv6(_) => {
            // ICMP of one version in IP of the other is a protocol like any other.
            assert_eq!(packet.key().is_icmp(), (packet.version() == 6) == (packet.protocol() == 58));
            assert_eq!(packet.payload_bytes as usize, net.payload.len());
        }
    }
}

/// Where etherparse begins, and the link type that says the same.
#[derive(Clone, Copy, Debug)]
enum From {
    Ethernet,
    Ip,
    LinuxSll,
}

impl From {
    fn link(self) -> LinkType {
        match self {
            From::Ethernet => LinkType::ETHERNET,
            From::Ip => LinkType::RAW,
            From::LinuxSll => LinkType::LINUX_SLL,
        }
    }

    fn slice(self, bytes: &[u8]) -> Option<SlicedPacket<'_>> {
        match self {
            From::Ethernet => SlicedPacket::from_ethernet(bytes).ok(),
            From::Ip => SlicedPacket::from_ip(bytes).ok(),
            From::LinuxSll => SlicedPacket::from_linux_sll(bytes).ok(),
        }
    }
}

fn check(from: From, bytes: &[u8]) -> Result<(), TestCaseError> {
    let options = DecodeOptions::default();
    let packet = decode(&frame(from.link(), bytes), &options, &mut FragmentCache::new(READ_SECRET));
    let Some(sliced) = from.slice(bytes) else { return Ok(()) };
    let Some(net) = sliced.net.as_ref().and_then(net) else { return Ok(()) };
    // etherparse takes off no tunnel, and joins no fragments.
    let plain = packet.as_ref().map_or(Encaps::NONE, |packet| packet.encaps).iter().all(|kind| kind == Encap::Vlan);
    if !plain {
        return Ok(());
    }
    if net.fragmented {
        // A later fragment is an orphan here: its first never came.
        return fragment(&net, packet);
    }
    let Some(transport) = sliced.transport.as_ref() else { return Ok(()) };
    // etherparse takes a UDP length of 0 for a jumbogram's.
    if matches!(transport, TransportSlice::Udp(udp) if udp.length() == 0) {
        return Ok(());
    }
    let packet = packet.expect("what etherparse reads to the end is a packet");
    compare(bytes, &packet, &net, transport);
    let tags: Vec<u16> = sliced.vlan_ids().iter().map(|id| id.value()).collect();
    assert_eq!(outer(bytes, from.link(), &options).vlan_ids.as_slice(), tags);
    Ok(())
}

/// What etherparse takes for a part of a datagram is none that is whole here.
fn fragment(net: &Net<'_>, packet: Result<Packet, Verdict>) -> Result<(), TestCaseError> {
    match packet {
        Ok(packet) => {
            prop_assert!(packet.marks.has(Marks::FIRST_FRAGMENT), "{packet:?}");
            prop_assert_eq!((ends(&packet).0.0, ends(&packet).1.0), (net.source, net.destination));
            prop_assert_eq!(packet.protocol(), net.protocol.0);
        }
        Err(verdict) => {
            let known = matches!(verdict.outcome, Outcome::FragmentOrphan | Outcome::Malformed);
            prop_assert!(known, "{verdict:?}");
        }
    }
    Ok(())
}

/// A plain frame whose IPv4 header says that it is a part of a datagram.
fn fragmented(mut bytes: Vec<u8>, offset: u16) -> Vec<u8> {
    if bytes[12..14] == [8, 0] {
        bytes[20..22].copy_from_slice(&((offset & 0x3fff) | (0x2000 * u16::from(offset == 0))).to_be_bytes());
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn whole_frames_read_the_same(bytes in plain()) {
        let read = SlicedPacket::from_ethernet(&bytes).expect("a frame that etherparse can read");
        prop_assert!(read.net.is_some());
        check(From::Ethernet, &bytes)?;
    }

    #[test]
    fn damaged_frames_that_etherparse_still_reads_read_the_same(bytes in plain(), damage in damage()) {
        check(From::Ethernet, &damaged(bytes, &damage))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn packets_without_a_link_read_the_same((_, bytes) in ip(), damage in damage()) {
        check(From::Ip, &bytes)?;
        check(From::Ip, &damaged(bytes, &damage))?;
    }

    #[test]
    fn cooked_packets_read_the_same((kind, bytes) in ip(), sender in 0..5_u8, damage in damage()) {
        let head = [0, sender, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0];
        let bytes = [&head[..], &kind.to_be_bytes(), &bytes].concat();
        prop_assert!(From::LinuxSll.slice(&bytes).is_some_and(|sliced| sliced.net.is_some()));
        check(From::LinuxSll, &bytes)?;
        check(From::LinuxSll, &damaged(bytes, &damage))?;
    }

    #[test]
    fn parts_of_datagrams_are_parts_for_both(bytes in plain(), offset in prop_oneof![Just(0), any::<u16>()]) {
        check(From::Ethernet, &fragmented(bytes, offset))?;
    }
}
