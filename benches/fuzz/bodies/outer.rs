//! Any bytes as a frame of any link type: what `outer` gathers is what `decode` says was taken off.

use super::input;
use parshall_engine::decode::{FragmentCache, decode, outer};
use parshall_engine::key::READ_SECRET;
use parshall_engine::packet::Encap;
use parshall_engine::source::{Frame, Input};
use parshall_engine::time::Nanos;
use std::cell::RefCell;

thread_local! {
    static CACHE: RefCell<FragmentCache> = RefCell::new(FragmentCache::new(READ_SECRET));
}

/// Walks any bytes twice.
pub fn run(data: &[u8]) {
    let Some(input) = input::of(data) else { return };
    let around = outer(input.bytes, input.link, &input.options);
    let frame = Frame {
        bytes: input.bytes,
        time: Nanos(1),
        wire_len: input.bytes.len() as u32 + input.beyond,
        link: input.link,
        input: Input::default(),
    };
    let Ok(packet) = CACHE.with_borrow_mut(|cache| decode(&frame, &input.options, cache)) else { return };
    assert_eq!(packet.encaps.has(Encap::Vlan), !around.vlan_ids.is_empty());
    for layer in &around.encap {
        assert!(packet.encaps.has(layer.kind), "{:?}", layer.kind);
    }
    if around.encap.len() < 8 {
        let known = |kind| kind == Encap::Vlan || around.encap.iter().any(|layer| layer.kind == kind);
        assert!(packet.encaps.iter().all(known), "{:?} {around:?}", packet.encaps);
    }
}
