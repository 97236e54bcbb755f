//! SCTP and ESP: chunks, and security parameters indexes.
//!
//! **Owns** the rules. **May touch** a flow's `Extra`, the packet and its captured bytes. **Order** called by `shard` for packets
//! of such flows, behind what every flow without connection counts.

use crate::flow::extra::{EspSpis, Extra, SctpChunks};
use crate::key::protocol;
use crate::packet::{Marks, Packet};

/// Chunk types (IANA).
mod chunk {
    pub(super) const DATA: u8 = 0;
    pub(super) const INIT: u8 = 1;
    pub(super) const INIT_ACK: u8 = 2;
    pub(super) const SACK: u8 = 3;
    pub(super) const ABORT: u8 = 6;
    pub(super) const I_DATA: u8 = 64;
}

/// Takes one packet of `side` (0 client, 1 server). A later fragment has no header to read.
#[inline(never)]
pub fn packet(extra: &mut Extra, side: usize, packet: &Packet, bytes: &[u8]) {
    if packet.marks.has(Marks::LATER_FRAGMENT) {
        return;
    }
    let from = usize::from(packet.l4_offset);
    // What IP holds, as far as it was captured: behind it are padding and an FCS.
    let end = from.saturating_add(packet.payload_bytes as usize).min(bytes.len());
    let l4 = bytes.get(from..end).unwrap_or(&[]);
    if packet.protocol() == protocol::SCTP {
        chunks(&mut extra.sctp()[side & 1], l4);
    } else {
        spi(&mut extra.esp()[side & 1], l4);
    }
}

/// Counts the chunks whose headers were captured.
fn chunks(counts: &mut SctpChunks, l4: &[u8]) {
    let mut rest = l4.get(12..).unwrap_or(&[]);
    while let Some(&[kind, _, high, low]) = rest.first_chunk::<4>() {
        match kind {
            chunk::DATA | chunk::I_DATA => counts.data = counts.data.saturating_add(1),
            _ => counts.control = counts.control.saturating_add(1),
        }
        let one = match kind {
            chunk::SACK => &mut counts.sack,
            chunk::INIT | chunk::INIT_ACK => &mut counts.init,
            chunk::ABORT => &mut counts.abort,
            _ => &mut 0,
        };
        *one = one.saturating_add(1);
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < 4 {
            return;
        }
        // Padded to four bytes, but for the last.
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
}

fn spi(seen: &mut EspSpis, l4: &[u8]) {
    let Some(spi) = l4.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes)) else { return };
    if seen.seen == 0 {
        seen.first = spi;
    } else if seen.latest != spi {
        seen.changes = seen.changes.saturating_add(1);
    }
    seen.latest = spi;
    seen.seen = seen.seen.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{FlowKey, READ_SECRET};

    fn seen(number: u8, l4: &[u8], captured: usize) -> Extra {
        let mut extra = Extra::default();
        again(&mut extra, number, l4, captured);
        extra
    }

    fn again(extra: &mut Extra, number: u8, l4: &[u8], captured: usize) {
        let key = FlowKey::canonical(4, number, (1, 1), (2, 2)).0;
        let now = Packet { payload_bytes: l4.len() as u32, l4_offset: 3, ..Packet::of(&key, &READ_SECRET) };
        let bytes = [&[0xee; 3], l4, &[0xee; 9]].concat();
        packet(extra, 1, &now, &bytes[..captured.min(bytes.len())]);
    }

    #[test]
    fn chunks_are_counted_by_kind_over_their_padding() {
        let header = [0; 12];
        let data = [0, 3, 0, 17, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0];
        let sack = [3, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let (abort, i_data) = ([6, 0, 0, 4], [64, 0, 0, 5, 7]);
        let l4 = [&header[..], &sack, &data, &data, &abort, &i_data].concat();
        let want = SctpChunks { data: 3, control: 2, sack: 1, init: 0, abort: 1 };
        assert_eq!(seen(132, &l4, usize::MAX).sctp_chunks(), [SctpChunks::default(), want]);
        let cut = seen(132, &l4, 3 + 12 + 16 + 3).sctp_chunks()[1];
        assert_eq!((cut.data, cut.control), (0, 1), "a chunk header that was not captured");
        let init = seen(132, &[&header[..], &[1, 0, 0, 20], &[0; 16]].concat(), usize::MAX).sctp_chunks()[1];
        assert_eq!((init.init, init.control), (1, 1));
    }

    #[test]
    fn a_chunk_of_no_length_ends_the_count_and_one_beyond_the_packet_too() {
        for chunk in [[0, 0, 0, 0], [0, 0, 0, 3], [0, 0, 0xff, 0xff]] {
            let l4 = [&[0; 12][..], &chunk, &[0; 40]].concat();
            assert_eq!(seen(132, &l4, usize::MAX).sctp_chunks()[1].data, 1, "{chunk:?}");
        }
        assert_eq!(seen(132, &[0; 5], usize::MAX).sctp_chunks()[1], SctpChunks::default());
    }

    #[test]
    fn an_spi_is_that_of_the_first_packet_and_a_new_one_is_a_change() {
        let mut extra = seen(50, &[0, 0, 1, 2, 9], usize::MAX);
        again(&mut extra, 50, &[0, 0, 1, 2, 9], usize::MAX);
        again(&mut extra, 50, &[0, 0, 1, 3, 9], usize::MAX);
        again(&mut extra, 50, &[0, 0, 1], usize::MAX);
        let spis = extra.esp_spis()[1];
        assert_eq!((spis.first, spis.latest, spis.changes, spis.seen), (0x102, 0x103, 1, 3));
    }
}
