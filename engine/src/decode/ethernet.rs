//! Ethernet and what an Ethertype announces: IEEE 802.3, 802.1Q, 802.1ad, 802.1ah, 802.1BR and VN-Tag.
//!
//! **Owns** the table of Ethertypes. **May touch** the walk. **Order** called by the walk, per header and per tag.

use super::ip;
use super::walk::{Layer, Sink, Step, Walk};
use crate::packet::{Encap, Flaw};

/// Lowest Ethertype; below, the field is a length (IEEE 802.3 clause 3.2.6).
const LOWEST_TYPE: u16 = 0x0600;
/// Highest length (IEEE 802.3 clause 3.2.6).
const HIGHEST_LENGTH: u16 = 1500;

/// Ethertypes that can lead to an IP header, as registered by the IEEE.
pub(super) mod ethertype {
    pub(in crate::decode) const IPV4: u16 = 0x0800;
    pub(in crate::decode) const ARP: u16 = 0x0806;
    pub(in crate::decode) const TRANSPARENT_BRIDGING: u16 = 0x6558;
    pub(in crate::decode) const C_TAG: u16 = 0x8100;
    pub(in crate::decode) const IPV6: u16 = 0x86dd;
    pub(in crate::decode) const PPP: u16 = 0x880b;
    pub(in crate::decode) const MPLS: u16 = 0x8847;
    pub(in crate::decode) const MPLS_UPSTREAM: u16 = 0x8848;
    pub(in crate::decode) const PPPOE_SESSION: u16 = 0x8864;
    pub(in crate::decode) const JUMBO_LLC: u16 = 0x8870;
    pub(in crate::decode) const S_TAG: u16 = 0x88a8;
    pub(in crate::decode) const I_TAG: u16 = 0x88e7;
    /// Cisco MetaData: security group tags.
    pub(in crate::decode) const METADATA: u16 = 0x8909;
    pub(in crate::decode) const VN_TAG: u16 = 0x8926;
    /// High-availability Seamless Redundancy, IEC 62439-3.
    pub(in crate::decode) const HSR: u16 = 0x892f;
    pub(in crate::decode) const E_TAG: u16 = 0x893f;
    /// Q-in-Q before IEEE 802.1ad.
    pub(in crate::decode) const OLD_S_TAG: u16 = 0x9100;
    /// The same of other vendors.
    pub(in crate::decode) const OTHER_S_TAG: u16 = 0x9200;
    /// Arista's time stamps, of switches that aggregate mirrors.
    pub(in crate::decode) const TIME_STAMP: u16 = 0xd28b;
}

/// Whether an Ethertype is one that a pseudowire's or cookie's guess may take for the end of an Ethernet header.
pub(super) const fn is_likely(kind: u16) -> bool {
    matches!(
        kind,
        ethertype::IPV4
            | ethertype::IPV6
            | ethertype::ARP
            | ethertype::C_TAG
            | ethertype::S_TAG
            | ethertype::MPLS
            | ethertype::PPPOE_SESSION
    )
}

/// Reads an Ethernet header.
pub(super) fn header<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let Some(kind) = walk.be16(12) else { return Step::Cut(Flaw::LinkHeader) };
    walk.note_ethernet();
    walk.skip(14);
    type_or_length(walk, kind)
}

/// Goes on after a field that is an Ethertype or an IEEE 802.3 length.
pub(super) fn type_or_length<S: Sink>(walk: &mut Walk<'_, S>, field: u16) -> Step {
    if field >= LOWEST_TYPE { payload(walk, field) } else { by_length(walk, field) }
}

/// Goes on after a field that is no Ethertype.
fn by_length<S: Sink>(walk: &mut Walk<'_, S>, length: u16) -> Step {
    if length > HIGHEST_LENGTH {
        return Step::Stop;
    }
    walk.limit(usize::from(length));
    Step::Next(Layer::Llc { padded: false })
}

/// Goes on with what an Ethertype announced. Tags announce the next one: they are taken off here, one after the other, and
/// IP is read at once, for that is where nearly all frames lead.
pub(super) fn payload<S: Sink>(walk: &mut Walk<'_, S>, kind: u16) -> Step {
    let mut kind = kind;
    loop {
        let tag = match kind {
            ethertype::IPV4 => return ip::announced_v4(walk),
            ethertype::IPV6 => return ip::v6(walk),
            ethertype::C_TAG | ethertype::S_TAG | ethertype::OLD_S_TAG | ethertype::OTHER_S_TAG => tag(walk),
            ethertype::VN_TAG => extender_tag(walk, 4),
            ethertype::E_TAG => extender_tag(walk, 6),
            // Path, size and a sequence number.
            ethertype::HSR => pass_over(walk, 4),
            ethertype::METADATA => metadata(walk),
            ethertype::TIME_STAMP => time_stamp(walk),
            ethertype::I_TAG => return service_tag(walk),
            ethertype::MPLS | ethertype::MPLS_UPSTREAM => return Step::Next(Layer::Mpls),
            ethertype::PPPOE_SESSION => return Step::Next(Layer::Pppoe),
            ethertype::PPP => return walk.unwrap_to(Encap::Ppp, None, 0, Layer::Ppp),
            ethertype::TRANSPARENT_BRIDGING => return Step::Next(Layer::Ethernet),
            ethertype::JUMBO_LLC => return Step::Next(Layer::Llc { padded: false }),
            _ => return Step::Stop,
        };
        match tag {
            Tag::Then(next @ LOWEST_TYPE..) => kind = next,
            Tag::Then(length) => return by_length(walk, length),
            Tag::Off => return Step::Stop,
            Tag::Cut => return Step::Cut(Flaw::LinkHeader),
        }
    }
}

/// What became of a tag.
enum Tag {
    /// It was taken off; behind it stands this type or length.
    Then(u16),
    /// It stays, and what is behind it too.
    Off,
    Cut,
}

/// IEEE 802.1Q section 9.6: two bytes of tag control information, then the next type or length.
fn tag<S: Sink>(walk: &mut Walk<'_, S>) -> Tag {
    let Some([high, low, kind @ ..]) = walk.head::<4>() else { return Tag::Cut };
    let id = u16::from_be_bytes([*high, *low]) & 0x0fff;
    if !walk.enter(Encap::Vlan, Some(u32::from(id))) {
        return Tag::Off;
    }
    walk.skip(4);
    Tag::Then(u16::from_be_bytes(*kind))
}

/// IEEE 802.1Q section 9.7: the I-TAG of 802.1ah, then the customer's Ethernet header.
fn service_tag<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    let Some([_, isid @ ..]) = walk.head::<4>() else { return Step::Cut(Flaw::LinkHeader) };
    let isid = u32::from_be_bytes([0, isid[0], isid[1], isid[2]]);
    walk.unwrap_to(Encap::Pbb, Some(isid), 4, Layer::Ethernet)
}

/// VN-Tag, or the E-TAG of IEEE 802.1BR: `length` bytes, then the next type.
fn extender_tag<S: Sink>(walk: &mut Walk<'_, S>, length: usize) -> Tag {
    if walk.be16(length).is_none() {
        return Tag::Cut;
    }
    if !walk.enter(Encap::VnTag, None) {
        return Tag::Off;
    }
    pass_over(walk, length)
}

/// Cisco MetaData: version, options' length in words (0 is written for 1), the options, then the next type. It encloses nothing
/// and has no endpoints, so it is passed over.
fn metadata<S: Sink>(walk: &mut Walk<'_, S>) -> Tag {
    let Some(words) = walk.byte(1) else { return Tag::Cut };
    pass_over(walk, 2 + usize::from(words.max(1)) * 4)
}

/// Arista's time stamp: subtype 1, time scale, a nibble that says how long it is, then the next type.
fn time_stamp<S: Sink>(walk: &mut Walk<'_, S>) -> Tag {
    let Some(&[high, low, _, format]) = walk.head::<4>() else { return Tag::Cut };
    match (u16::from_be_bytes([high, low]), format >> 4) {
        (1, 1) => pass_over(walk, 12),
        (1, 2) => pass_over(walk, 10),
        _ => Tag::Off,
    }
}

/// Passes over `length` bytes and goes on with the type behind them.
fn pass_over<S: Sink>(walk: &mut Walk<'_, S>, length: usize) -> Tag {
    let Some(kind) = walk.be16(length) else { return Tag::Cut };
    walk.skip(length + 2);
    Tag::Then(kind)
}
