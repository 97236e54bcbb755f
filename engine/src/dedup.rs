//! Mirror duplicates: the same packet seen twice within some milliseconds, because a mirror port copied it on its way in
//! and on its way out.
//!
//! **Owns** a small memory of recent packets and the rule. **May touch** a packet and its bytes.
//! **Order** asked by `shard` before a packet is accounted; its answer is counted, and obeyed when the plan says so.
//!
//! The rule is Tstat's (its section 2), widened: the same flow, direction, IP length, transport header and informative
//! IP-ID within 2 ms (TCP) or 1 ms (other), not only against the packet just before, and for IPv6 and IP-ID 0 too, within
//! 100 us: there a quick retransmission of the same bytes cannot be told from a duplicate otherwise. TTL and MAC
//! addresses may differ: a routed mirror changes them.

use crate::key::protocol;
use crate::memory::prefetch;
use crate::packet::{Marks, Packet};

/// Packets remembered. Two of them that meet in one place push each other out, and a duplicate goes unnoticed.
const PLACES: usize = 8192;

/// Unit: nanoseconds.
const TCP_WINDOW: u64 = 2_000_000;
const OTHER_WINDOW: u64 = 1_000_000;
const NO_ID_WINDOW: u64 = 100_000;

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    print: u64,
    time: u64,
}

/// The memory of recent packets.
#[derive(Debug)]
pub struct Dedup {
    places: Box<[Place; PLACES]>,
}

impl Default for Dedup {
    fn default() -> Dedup {
        Dedup { places: Box::new([Place::default(); PLACES]) }
    }
}

impl Dedup {
    /// Its memory.
    pub const BYTES: usize = PLACES * size_of::<Place>();

    /// What tells a packet from all others but its duplicate; 0: it cannot be told.
    #[inline]
    #[must_use]
    pub fn print(packet: &Packet, bytes: &[u8]) -> u64 {
        let from_low = u64::from(packet.marks.has(Marks::FROM_LOW));
        let facts = u64::from(informative_id(packet)) << 32 | u64::from(packet.ip_bytes) << 1 | from_low;
        let Some([one, other]) = words(packet, bytes) else { return 0 };
        let mixed = packet.hash
            ^ facts.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ one.wrapping_mul(0xa076_1d64_78bd_642f)
            ^ other.wrapping_mul(0xe703_7ed1_a0b4_28db);
        (mixed ^ mixed >> 29).wrapping_mul(0xd6e8_feb8_6659_fd93) | 1
    }

    /// Brings the place of a print near.
    #[inline]
    pub fn prefetch(&self, print: u64) {
        prefetch(self.places.as_slice(), (print >> 51) as usize);
    }

    /// Whether the packet of this print was seen before within the window. Remembers it.
    #[inline]
    pub fn seen(&mut self, print: u64, packet: &Packet) -> bool {
        if print == 0 {
            return false;
        }
        let place = &mut self.places[(print >> 51) as usize & (PLACES - 1)];
        let same = place.print == print;
        let before = std::mem::replace(place, Place { print, time: packet.time.0 });
        same && packet.time.0.abs_diff(before.time) < window(packet)
    }
}

/// IPv4's identification, where it can tell packets apart; else 0.
#[inline]
const fn informative_id(packet: &Packet) -> u16 {
    if packet.marks.has(Marks::IP_ID) && packet.version() == 4 { packet.ip_id } else { 0 }
}

/// How long after a packet its duplicate may come. Unit: nanoseconds.
#[inline(never)]
const fn window(packet: &Packet) -> u64 {
    match (informative_id(packet), packet.protocol()) {
        (0, _) => NO_ID_WINDOW,
        (_, protocol::TCP) => TCP_WINDOW,
        _ => OTHER_WINDOW,
    }
}

/// What the transport header says, its checksum among it: all of TCP's behind the ports; UDP's, and the first eight bytes
/// of its payload, for a capture before the sender's NIC holds no checksum. `None` where that was not captured.
#[inline]
fn words(packet: &Packet, bytes: &[u8]) -> Option<[u64; 2]> {
    let l4 = bytes.get(usize::from(packet.l4_offset)..)?;
    if packet.marks.has(Marks::TCP) {
        let head = l4.first_chunk::<20>()?;
        return Some([word(head[4..].first_chunk()), word(head.last_chunk())]);
    }
    short_words(packet, l4)
}

#[inline]
fn word(bytes: Option<&[u8; 8]>) -> u64 {
    bytes.map_or(0, |word| u64::from_le_bytes(*word))
}

/// The words of UDP, and of a TCP header that was captured up to its checksum.
#[inline]
fn short_words(packet: &Packet, l4: &[u8]) -> Option<[u64; 2]> {
    let header = match packet.protocol() {
        _ if packet.marks.has(Marks::LATER_FRAGMENT) => return None,
        protocol::UDP => 8,
        protocol::TCP => 18,
        _ => return None,
    };
    let (head, payload) = l4.split_at_checked(header)?;
    Some([word(head.last_chunk()), word(payload.first_chunk())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{FlowKey, READ_SECRET};
    use crate::time::Nanos;

    fn seen(dedup: &mut Dedup, packet: &Packet, bytes: &[u8]) -> bool {
        dedup.seen(Dedup::print(packet, bytes), packet)
    }

    fn packet(micros: u64, ip_id: u16) -> Packet {
        let (key, _) = FlowKey::canonical(4, protocol::TCP, (1, 2), (3, 4));
        let marks = Marks(Marks::IP_ID | Marks::FROM_LOW);
        Packet { time: Nanos(micros * 1000), hash: 77, ip_bytes: 60, ip_id, marks, ..Packet::of(&key, &READ_SECRET) }
    }

    #[test]
    fn the_same_packet_within_the_window_is_a_duplicate_and_later_it_is_not() {
        let mut dedup = Dedup::default();
        let bytes = [7; 20];
        assert!(!seen(&mut dedup, &packet(0, 9), &bytes));
        assert!(seen(&mut dedup, &packet(1_500, 9), &bytes));
        assert!(!seen(&mut dedup, &packet(3_600, 9), &bytes));
        assert!(!seen(&mut dedup, &packet(3_700, 10), &bytes), "another IP-ID is another packet");
        assert!(!seen(&mut dedup, &packet(3_800, 10), &[8; 20]), "another checksum is another packet");
    }

    #[test]
    fn without_an_informative_ip_id_only_copies_at_once_are_duplicates() {
        let mut dedup = Dedup::default();
        assert!(!seen(&mut dedup, &packet(0, 0), &[7; 20]));
        assert!(seen(&mut dedup, &packet(50, 0), &[7; 20]));
        assert!(!seen(&mut dedup, &packet(250, 0), &[7; 20]));
    }

    #[test]
    fn a_header_that_was_cut_off_is_never_called_a_duplicate() {
        let mut dedup = Dedup::default();
        assert!(!seen(&mut dedup, &packet(0, 9), &[7; 10]));
        assert!(!seen(&mut dedup, &packet(1, 9), &[7; 10]));
    }
}
