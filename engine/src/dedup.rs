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
use crate::packet::{Marks, Outline, Packet, facts};
use crate::time::Nanos;

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

    /// What tells a packet with this hash from all others but its duplicate, given what its transport header says.
    #[inline(always)]
    #[must_use]
    pub const fn print(hash: u64, outline: &Outline, [one, other]: [u64; 2]) -> u64 {
        let from_low = (outline.facts & facts::FROM_LOW) as u64;
        let facts = (outline.ip_id as u64) << 32 | (outline.ip_bytes as u64) << 1 | from_low;
        let wide =
            (one ^ hash) as u128 * (other ^ facts.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hash.rotate_left(32)) as u128;
        (wide as u64 ^ (wide >> 64) as u64) | 1
    }

    /// Brings the place of a print near.
    #[inline]
    pub fn prefetch(&self, print: u64) {
        prefetch(self.places.as_slice(), (print >> 51) as usize);
    }

    /// Whether the packet of this print was seen before within the window. Remembers it.
    #[inline]
    pub fn seen(&mut self, print: u64, time: Nanos, outline: &Outline) -> bool {
        if print == 0 {
            return false;
        }
        let place = &mut self.places[(print >> 51) as usize & (PLACES - 1)];
        let same = place.print == print;
        let before = std::mem::replace(place, Place { print, time: time.0 });
        same && time.0.abs_diff(before.time) < window(outline)
    }
}

/// How long after a packet its duplicate may come. Unit: nanoseconds.
#[inline(never)]
const fn window(outline: &Outline) -> u64 {
    match (outline.ip_id, outline.has(facts::TCP)) {
        (0, _) => NO_ID_WINDOW,
        (_, true) => TCP_WINDOW,
        (_, false) => OTHER_WINDOW,
    }
}

/// What the first bytes of a transport header say, its checksum among it: all of TCP's behind the ports; UDP's, and the
/// first eight bytes of its payload, for a capture before the sender's NIC holds no checksum.
#[inline(always)]
#[must_use]
pub fn words(l4: &[u8; 20], outline: &Outline) -> [u64; 2] {
    if outline.has(facts::SEGMENT) { [word(l4, 4), word(l4, 12)] } else { [word(l4, 0), word(l4, 8)] }
}

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u64::from_le_bytes(*word))
}

/// [`words`] of any packet; `None` where so much was not captured, or there is no such header.
#[inline]
#[must_use]
pub fn words_of(packet: &Packet, bytes: &[u8]) -> Option<[u64; 2]> {
    let l4 = bytes.get(usize::from(packet.l4_offset)..)?;
    let (head, payload) = match packet.protocol() {
        _ if packet.marks.has(Marks::LATER_FRAGMENT) => return None,
        protocol::UDP => l4.split_at_checked(8)?,
        protocol::TCP if packet.marks.has(Marks::TCP) => {
            l4.get(4..)?.split_at_checked(8).filter(|(_, rest)| rest.len() >= 8)?
        }
        // A header that was captured up to its checksum.
        protocol::TCP => l4.get(10..)?.split_at_checked(8)?,
        _ => return None,
    };
    Some([word(head, 0), word(payload, 0)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{FlowKey, READ_SECRET};

    fn seen(dedup: &mut Dedup, packet: &Packet, bytes: &[u8]) -> bool {
        let outline = Outline::of(packet);
        let print = words_of(packet, bytes).map_or(0, |words| Dedup::print(packet.hash, &outline, words));
        dedup.seen(print, packet.time, &outline)
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
