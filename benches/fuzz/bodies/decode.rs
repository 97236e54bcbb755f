//! Any bytes as a frame of any link type: no panic, all paths give one answer, offsets make sense.

use super::input;
use parshall_engine::decode::{FragmentCache, decode, decode_any, plain};
use parshall_engine::key::READ_SECRET;
use parshall_engine::packet::{Marks, Outcome, Outline, facts};
use parshall_engine::source::{Frame, Input};
use parshall_engine::time::Nanos;
use std::cell::RefCell;

thread_local! {
    static CACHES: RefCell<[FragmentCache; 2]> =
        RefCell::new([FragmentCache::new(READ_SECRET), FragmentCache::new(READ_SECRET)]);
}

/// Decodes any bytes.
pub fn run(data: &[u8]) {
    let Some(input) = input::of(data) else { return };
    let captured = input.bytes.len();
    let frame = Frame {
        bytes: input.bytes,
        time: Nanos(1),
        wire_len: captured as u32 + input.beyond,
        link: input.link,
        input: Input::default(),
    };
    let answer = CACHES.with_borrow_mut(|[one, other]| {
        let fast = decode(&frame, &input.options, one);
        assert_eq!(fast, decode_any(&frame, &input.options, other));
        fast
    });
    let mut outline = Outline::default();
    if let Some(plain) = plain::any(&frame, &input.options, &READ_SECRET, &mut outline) {
        let packet = answer.expect("a plain frame is a packet");
        assert_eq!(plain.image, packet.image);
        assert_eq!(outline, Outline { facts: outline.facts, ..Outline::of(&packet) });
        assert_eq!(outline.facts, Outline::of(&packet).facts | facts::PLAIN);
        assert_eq!(plain::packet(&frame, plain.image, &outline), packet);
    }
    match answer {
        Ok(packet) => {
            assert!(usize::from(packet.ip_offset) + 20 <= captured);
            assert!(packet.payload_offset >= packet.l4_offset && packet.l4_offset > packet.ip_offset);
            assert!(packet.payload_bytes <= packet.ip_bytes);
            assert!(!packet.marks.has(Marks::TCP) || usize::from(packet.l4_offset) + 20 <= captured);
        }
        Err(verdict) => {
            assert_ne!(verdict.outcome, Outcome::Flow);
            assert_ne!(verdict.outcome, Outcome::UnsupportedLink);
        }
    }
}
