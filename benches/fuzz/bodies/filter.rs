//! Any text as a `--flow-filter`: it is a filter or a mistake inside the text, its negation says the opposite, and brackets around
//! it say the same.

use parshall_config::filter::{DEEPEST, parse};
use parshall_engine::decode::{DecodeOptions, FragmentCache, decode};
use parshall_engine::key::READ_SECRET;
use parshall_engine::link::LinkType;
use parshall_engine::sieve::flows::FlowFilter;
use parshall_engine::source::{Frame, Input};
use parshall_engine::time::Nanos;
use std::cell::RefCell;

/// VLAN 7, IPv4, UDP from port 53 to port 4789, VXLAN 42, Ethernet, IPv6, TCP from port 443 to port 8042.
fn bytes() -> Vec<u8> {
    let inner = [
        &[2; 12][..],
        &[0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 6, 64],
        &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
        &[1, 0xbb, 0x1f, 0x6a, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    let udp = 16 + inner.len() as u16;
    [
        &[2; 12][..],
        &[0x81, 0, 0, 7, 8, 0, 0x45, 0],
        &(20 + udp).to_be_bytes(),
        &[0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 0x12, 0xb5],
        &udp.to_be_bytes(),
        &[0, 0, 8, 0, 0, 0, 0, 0, 42, 0],
        &inner,
    ]
    .concat()
}

thread_local! {
    static CACHE: RefCell<FragmentCache> = RefCell::new(FragmentCache::new(READ_SECRET));
}

/// Reads, compiles and asks any text.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let asked = match parse(text) {
        Ok(asked) => asked,
        Err(wrong) => {
            assert!(wrong.at <= text.len());
            return;
        }
    };
    let bytes = bytes();
    let frame = Frame {
        bytes: &bytes,
        time: Nanos(1),
        wire_len: bytes.len() as u32,
        link: LinkType::ETHERNET,
        input: Input::default(),
    };
    let options = DecodeOptions::default();
    let Ok(packet) = CACHE.with_borrow_mut(|cache| decode(&frame, &options, cache)) else {
        unreachable!("the frame is whole")
    };
    let answer = FlowFilter::new(&asked).matches(&packet, &frame, &options);
    for (around, want) in [(format!("not ({text})"), !answer), (format!("({text})"), answer)] {
        match parse(&around) {
            Ok(asked) => assert_eq!(FlowFilter::new(&asked).matches(&packet, &frame, &options), want, "{around}"),
            Err(wrong) => assert!(wrong.why.contains("nested") || wrong.why.contains("longer"), "{DEEPEST}: {wrong}"),
        }
    }
}
