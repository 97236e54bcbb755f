//! Link types: what the first bytes of a frame are.
//!
//! **Owns** the numbers of the tcpdump.org link-type registry (LINKTYPE_*, as written in capture files) that have a
//! name here. **May touch** nothing. Whether a type can be decoded is `decode`'s to say.

/// A LINKTYPE_* number of the tcpdump.org registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u16);

macro_rules! link_types {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        impl LinkType {
            $(#[doc = concat!("LINKTYPE_", $text, ".")] pub const $name: LinkType = LinkType($number);)*

            /// The registry's name without its LINKTYPE_ prefix, when this one is known here.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($number => Some($text),)* _ => None }
            }
        }
    };
}

link_types! {
    NULL = 0, "NULL";
    ETHERNET = 1, "ETHERNET";
    ARCNET_BSD = 7, "ARCNET_BSD";
    SLIP = 8, "SLIP";
    PPP = 9, "PPP";
    FDDI = 10, "FDDI";
    RAW_BSD = 12, "RAW_BSD";
    RAW_OPENBSD = 14, "RAW_OPENBSD";
    PPP_HDLC = 50, "PPP_HDLC";
    PPP_ETHER = 51, "PPP_ETHER";
    ATM_RFC1483 = 100, "ATM_RFC1483";
    RAW = 101, "RAW";
    C_HDLC = 104, "C_HDLC";
    IEEE802_11 = 105, "IEEE802_11";
    ATM_CLIP = 106, "ATM_CLIP";
    FRELAY = 107, "FRELAY";
    LOOP = 108, "LOOP";
    ENC = 109, "ENC";
    LINUX_SLL = 113, "LINUX_SLL";
    PFLOG = 117, "PFLOG";
    IEEE802_11_PRISM = 119, "IEEE802_11_PRISM";
    IP_OVER_FC = 122, "IP_OVER_FC";
    IEEE802_11_RADIOTAP = 127, "IEEE802_11_RADIOTAP";
    TZSP = 128, "TZSP";
    ARCNET_LINUX = 129, "ARCNET_LINUX";
    APPLE_IP_OVER_IEEE1394 = 138, "APPLE_IP_OVER_IEEE1394";
    USER2 = 149, "USER2";
    IEEE802_11_AVS = 163, "IEEE802_11_AVS";
    PPP_PPPD = 166, "PPP_PPPD";
    JUNIPER_ETHER = 178, "JUNIPER_ETHER";
    JUNIPER_PPP = 179, "JUNIPER_PPP";
    JUNIPER_FRELAY = 180, "JUNIPER_FRELAY";
    JUNIPER_CHDLC = 181, "JUNIPER_CHDLC";
    PPI = 192, "PPI";
    PPP_WITH_DIR = 204, "PPP_WITH_DIR";
    C_HDLC_WITH_DIR = 205, "C_HDLC_WITH_DIR";
    FRELAY_WITH_DIR = 206, "FRELAY_WITH_DIR";
    IPNET = 226, "IPNET";
    IPV4 = 228, "IPV4";
    IPV6 = 229, "IPV6";
    NFLOG = 239, "NFLOG";
    NETANALYZER = 240, "NETANALYZER";
    NETANALYZER_TRANSPARENT = 241, "NETANALYZER_TRANSPARENT";
    IPOIB = 242, "IPOIB";
    PKTAP = 258, "PKTAP";
    LINUX_SLL2 = 276, "LINUX_SLL2";
    DSA_TAG_BRCM = 281, "DSA_TAG_BRCM";
    DSA_TAG_BRCM_PREPEND = 282, "DSA_TAG_BRCM_PREPEND";
    DSA_TAG_DSA = 284, "DSA_TAG_DSA";
    DSA_TAG_EDSA = 285, "DSA_TAG_EDSA";
}

impl std::fmt::Display for LinkType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "link type {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LinkType;

    #[test]
    fn known_types_print_their_name_and_unknown_ones_their_number() {
        assert_eq!(LinkType::ETHERNET.to_string(), "ETHERNET (1)");
        assert_eq!(LinkType(147).to_string(), "link type 147");
    }
}
