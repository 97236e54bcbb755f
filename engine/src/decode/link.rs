//! Link types: how a frame of each begins.
//!
//! **Owns** the table from link type to first layer. **May touch** nothing.
//! **Order** first of all; again where a capture header names another link type.

use super::walk::Layer;
use crate::link::LinkType;

/// A header that only captures have, or that is too small for a room of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// So many bytes of no interest, then a layer.
    Fixed(u8, Then),
    /// So many bytes of no interest, an Ethertype, again so many bytes.
    Typed(u8, u8),
    /// BSD loopback: an address family in the byte order of the host that captured.
    Null,
    /// A header that holds an address family.
    Family(Family),
    PppHdlc,
    Fddi,
    Cooked,
    Cooked2,
    Ppi,
    Pktap,
    Nflog,
    Dsa,
    Edsa,
    Broadcom,
    /// ARCNET; what it announces stands so many bytes behind the beginning.
    Arcnet(u8),
    Juniper(Below),
}

/// The layer behind a header of fixed length. A layer can be such a header, and holds no other layer: it stays small
/// enough to be handed from reader to reader in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Ip,
    Ppp,
    CiscoHdlc,
    FrameRelay,
    Llc,
    Ethernet,
}

/// Capture headers that hold an address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Loop,
    Enc,
    Pflog,
    Ipnet,
}

/// What stands below Juniper's capture header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Below {
    Ethernet,
    Ppp,
    FrameRelay,
    CiscoHdlc,
}

/// The first layer of a link type; `None` when it cannot be decoded.
#[inline]
pub(super) fn first(link: LinkType) -> Option<Layer> {
    if link == LinkType::ETHERNET { Some(Layer::Ethernet) } else { other(link) }
}

/// The same for what is not Ethernet.
fn other(link: LinkType) -> Option<Layer> {
    let header = match link {
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD | LinkType::ATM_CLIP => return Some(Layer::Ip),
        LinkType::IPV4 => return Some(Layer::Ipv4),
        LinkType::IPV6 => return Some(Layer::Ipv6),
        LinkType::PPP_ETHER => return Some(Layer::Pppoe),
        LinkType::C_HDLC => return Some(Layer::CiscoHdlc),
        LinkType::FRELAY => return Some(Layer::FrameRelay),
        LinkType::ATM_RFC1483 => return Some(Layer::Llc { padded: true }),
        LinkType::IEEE802_11 => return Some(Layer::Wlan),
        LinkType::IEEE802_11_PRISM => return Some(Layer::Prism),
        LinkType::IEEE802_11_RADIOTAP => return Some(Layer::Radiotap),
        LinkType::IEEE802_11_AVS => return Some(Layer::Avs),
        LinkType::TZSP => return Some(Layer::Tzsp),
        LinkType::SLIP => Header::Fixed(16, Then::Ip),
        LinkType::PPP_PPPD => Header::Fixed(2, Then::Ppp),
        LinkType::PPP_WITH_DIR => Header::Fixed(1, Then::Ppp),
        LinkType::C_HDLC_WITH_DIR => Header::Fixed(1, Then::CiscoHdlc),
        LinkType::FRELAY_WITH_DIR => Header::Fixed(1, Then::FrameRelay),
        LinkType::IP_OVER_FC => Header::Fixed(16, Then::Llc),
        LinkType::NETANALYZER => Header::Fixed(4, Then::Ethernet),
        LinkType::NETANALYZER_TRANSPARENT => Header::Fixed(12, Then::Ethernet),
        LinkType::APPLE_IP_OVER_IEEE1394 => Header::Typed(16, 0),
        LinkType::IPOIB => Header::Typed(40, 2),
        LinkType::NULL => Header::Null,
        LinkType::LOOP => Header::Family(Family::Loop),
        LinkType::ENC => Header::Family(Family::Enc),
        LinkType::PFLOG => Header::Family(Family::Pflog),
        LinkType::IPNET => Header::Family(Family::Ipnet),
        LinkType::PPP | LinkType::PPP_HDLC => Header::PppHdlc,
        LinkType::FDDI => Header::Fddi,
        LinkType::LINUX_SLL => Header::Cooked,
        LinkType::LINUX_SLL2 => Header::Cooked2,
        LinkType::PPI => Header::Ppi,
        // Apple's tools write PKTAP under a number for private use.
        LinkType::PKTAP | LinkType::USER2 => Header::Pktap,
        LinkType::NFLOG => Header::Nflog,
        LinkType::DSA_TAG_DSA => Header::Dsa,
        LinkType::DSA_TAG_EDSA => Header::Edsa,
        LinkType::DSA_TAG_BRCM => Header::Broadcom,
        LinkType::DSA_TAG_BRCM_PREPEND => Header::Fixed(4, Then::Ethernet),
        LinkType::ARCNET_BSD => Header::Arcnet(2),
        LinkType::ARCNET_LINUX => Header::Arcnet(4),
        LinkType::JUNIPER_ETHER => Header::Juniper(Below::Ethernet),
        LinkType::JUNIPER_PPP => Header::Juniper(Below::Ppp),
        LinkType::JUNIPER_FRELAY => Header::Juniper(Below::FrameRelay),
        LinkType::JUNIPER_CHDLC => Header::Juniper(Below::CiscoHdlc),
        _ => return None,
    };
    Some(Layer::Link(header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_link_type_can_be_decoded() {
        for number in 0..400 {
            let link = LinkType(number);
            assert_eq!(link.name().is_some(), first(link).is_some(), "{link}");
        }
    }
}
