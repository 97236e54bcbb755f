//! The sieve on its own: what filters say of packets, and filters that are replaced.

use super::control::Sieves;
use super::flows::FlowFilter;
use super::*;
use crate::decode::{FragmentCache, decode};
use crate::key::READ_SECRET;
use crate::link::LinkType;
use crate::source::Input;
use crate::time::Nanos;
use parshall_config::filter::parse;
use parshall_config::plan::SievePlan;

/// Ethernet, an optional 802.1Q tag, and IPv4 from 10.0.0.1 to 192.0.2.9.
fn ipv4(tag: Option<u16>, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    if let Some(id) = tag {
        frame.extend_from_slice(&[0x81, 0]);
        frame.extend_from_slice(&id.to_be_bytes());
    }
    frame.extend_from_slice(&[8, 0, 0x45, 0, 0, 20 + payload.len() as u8, 0, 1, 0, 0, 64, protocol, 0, 0]);
    frame.extend_from_slice(&[10, 0, 0, 1, 192, 0, 2, 9]);
    frame.extend_from_slice(payload);
    frame
}

fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram =
        [from.to_be_bytes(), to.to_be_bytes(), (8 + payload.len() as u16).to_be_bytes(), [0; 2]].concat();
    datagram.extend_from_slice(payload);
    datagram
}

fn frame(bytes: &[u8]) -> Frame<'_> {
    let wire_len = bytes.len() as u32;
    Frame { bytes, time: Nanos(1), wire_len, link: LinkType::ETHERNET, input: Input::default() }
}

/// What a filter says of a frame's packet.
fn says(text: &str, bytes: &[u8]) -> bool {
    let options = DecodeOptions::default();
    let packet = decode(&frame(bytes), &options, &mut FragmentCache::new(READ_SECRET)).expect("a packet");
    FlowFilter::new(&parse(text).expect(text)).matches(&packet, &frame(bytes), &options)
}

#[test]
fn statements_are_true_of_either_end_and_of_the_innermost_header() {
    let plain = ipv4(None, 17, &udp(5353, 53, &[0; 4]));
    let vxlan = ipv4(Some(7), 17, &udp(1, 4789, &[&[8, 0, 0, 0, 0, 0, 42, 0], &plain[..]].concat()));
    #[rustfmt::skip]
    let cases = [
        // filter, plain, in VLAN 7 and VXLAN 42
        ("host 10.0.0.1",                true,  true),
        ("host 192.0.2.9",               true,  true),
        ("host 10.0.0.2",                false, false),
        ("net 10.0.0.0/8,2001:db8::/32", true,  true),
        ("net 0.0.0.0/0",                true,  true),
        ("net ::/0",                     false, false),
        ("port 53",                      true,  true),
        ("port 5000-6000",               true,  true),
        ("port 54-5352,5354-65535",      false, false),
        ("port 4789",                    false, false),
        ("udp port 53",                  true,  true),
        ("tcp port 53",                  false, false),
        ("tcp or port 53",               true,  true),
        ("proto 17",                     true,  true),
        ("ip4",                          true,  true),
        ("ip6 or not udp",               false, false),
        ("vlan",                         false, true),
        ("vlan 7",                       false, true),
        ("vlan 1-6,8-4095",              false, false),
        ("encap",                        false, true),
        ("encap vlan",                   false, true),
        ("encap vxlan",                  false, true),
        ("encap gre,vxlan:42",           false, true),
        ("encap vxlan:41",               false, false),
        ("not encap vxlan:42",           true,  false),
        ("not (vlan 7 and encap gre)",   true,  true),
        ("(tcp or udp) and not (vlan or port 80)", true, false),
    ];
    for (text, on_plain, on_vxlan) in cases {
        assert_eq!((says(text, &plain), says(text, &vxlan)), (on_plain, on_vxlan), "{text}");
    }
}

#[test]
fn networks_are_asked_of_packets_of_their_family() {
    let datagram = udp(5353, 53, &[0; 4]);
    let end = |last| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    let head = [&[2; 12][..], &[0x86, 0xdd, 0x60, 0, 0, 0, 0, datagram.len() as u8, 17, 64]].concat();
    let six = [&head[..], &end(1), &end(9), &datagram].concat();
    #[rustfmt::skip]
    let cases = [
        ("host 2001:db8::1",                      true),
        ("host 2001:db8::9",                      true),
        ("host 2001:db8::5",                      false),
        ("net 2001:db8::8/125,10.0.0.0/8",        true),
        ("net 2001:db8::2/127,2001:db8::100/120", false),
        ("net ::/0",                              true),
        ("net 0.0.0.0/0",                         false),
        ("ip6 and udp port 53",                   true),
        ("ip4",                                   false),
    ];
    for (text, want) in cases {
        assert_eq!(says(text, &six), want, "{text}");
    }
}

#[test]
fn ports_are_asked_of_protocols_that_have_some() {
    let echo = ipv4(None, 1, &[8, 0, 0, 0, 0, 53, 0, 1]);
    assert!(!says("port 53", &echo) && says("not port 53", &echo) && says("icmp", &echo));
}

/// What a tree says, without compiling it.
fn naive(asked: &parshall_config::filter::FlowFilter, bytes: &[u8]) -> bool {
    use parshall_config::filter::FlowFilter::{All, Any, Not};
    match asked {
        All(all) => all.iter().all(|one| naive(one, bytes)),
        Any(any) => any.iter().any(|one| naive(one, bytes)),
        Not(inner) => !naive(inner, bytes),
        other => {
            let options = DecodeOptions::default();
            let packet = decode(&frame(bytes), &options, &mut FragmentCache::new(READ_SECRET)).expect("a packet");
            FlowFilter::new(other).matches(&packet, &frame(bytes), &options)
        }
    }
}

/// Expressions of every shape over a few statements.
fn expressions() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let leaves = ["udp", "tcp", "port 53", "vlan", "vlan 7", "encap gre,vxlan:42", "host 10.0.0.1", "ip6"];
    proptest::sample::select(leaves.map(str::to_owned).to_vec()).prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| format!("not ({one})")),
            proptest::collection::vec(inner.clone(), 2..5).prop_map(|all| format!("({})", all.join(" and "))),
            proptest::collection::vec(inner, 2..5).prop_map(|any| format!("({})", any.join(") or ("))),
        ]
    })
}

proptest::proptest! {
    #[test]
    fn the_compiled_form_says_what_the_tree_says(text in expressions()) {
        let plain = ipv4(None, 17, &udp(5353, 53, &[0; 4]));
        let vxlan = ipv4(Some(7), 17, &udp(1, 4789, &[&[8, 0, 0, 0, 0, 0, 42, 0], &plain[..]].concat()));
        let asked = parse(&text).expect("generated");
        for bytes in [plain, vxlan] {
            proptest::prop_assert_eq!(says(&text, &bytes), naive(&asked, &bytes));
        }
    }
}

#[test]
fn an_open_sieve_has_nothing_to_ask_and_a_replaced_filter_is_in_force_from_the_next_burst() {
    let mut sieves = Sieves::new(&SievePlan::default());
    let mut sieve = sieves.of_any_link().expect("no filter to compile");
    assert!(!sieve.turn());
    let tcp = parse("tcp").expect("a filter");
    sieves.replace_filters(None, Some(&tcp)).expect("no expression");
    assert!(!sieves.settle(), "the worker has not taken it yet");
    let bytes = ipv4(None, 17, &udp(5353, 53, &[0; 4]));
    let options = DecodeOptions::default();
    let packet = decode(&frame(&bytes), &options, &mut FragmentCache::new(READ_SECRET)).expect("a packet");
    assert_eq!(sieve.packet(&packet, &frame(&bytes), &options), None, "not before the next burst");
    assert!(sieve.turn() && sieves.settle());
    assert_eq!(sieve.packet(&packet, &frame(&bytes), &options), Some(Outcome::Filtered));
    sieves.replace_filters(None, None).expect("no expression");
    assert!(!sieve.turn(), "nothing to ask again");
}

#[test]
fn of_filters_that_follow_each_other_quickly_the_newest_is_in_force_at_last() {
    let mut sieves = Sieves::new(&SievePlan::default());
    let mut sieve = sieves.of_any_link().expect("no filter to compile");
    for text in ["tcp", "sctp", "udp"] {
        sieves.replace_filters(None, Some(&parse(text).expect(text))).expect("no expression");
    }
    for _ in 0..2 {
        sieve.turn();
        sieves.settle();
    }
    sieve.turn();
    assert!(sieves.settle());
    let bytes = ipv4(None, 17, &udp(5353, 53, &[0; 4]));
    let options = DecodeOptions::default();
    let packet = decode(&frame(&bytes), &options, &mut FragmentCache::new(READ_SECRET)).expect("a packet");
    assert_eq!(sieve.packet(&packet, &frame(&bytes), &options), None);
    drop(sieve);
    sieves.replace_filters(None, None).expect("no expression");
    assert!(sieves.settle(), "a worker that has gone is not waited for");
}

#[cfg(feature = "libpcap")]
#[test]
fn a_wrong_expression_changes_nothing() {
    let plan = SievePlan { frames: Some("udp".to_owned()), ..SievePlan::default() };
    let mut sieves = Sieves::new(&plan);
    let mut sieve = sieves.of_any_link().expect("an expression");
    assert!(sieves.replace_filters(Some("tcp prot"), None).is_err());
    assert!(sieve.turn());
    assert_eq!(sieves.plan(), &plan);
    let bytes = ipv4(None, 17, &udp(5353, 53, &[0; 4]));
    assert_eq!(sieve.frame(&frame(&bytes)), None);
    assert_eq!(sieve.frame(&frame(&ipv4(None, 6, &[0; 20]))), Some(Outcome::Filtered));
}

#[test]
fn filters_pass_between_threads_while_frames_go_on_and_each_frame_gets_one_answer() {
    let mut sieves = Sieves::new(&SievePlan::default());
    let mut sieve = sieves.of_any_link().expect("no filter to compile");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let bytes = ipv4(None, 17, &udp(5353, 53, &[0; 4]));
    let options = DecodeOptions::default();
    let packet = decode(&frame(&bytes), &options, &mut FragmentCache::new(READ_SECRET)).expect("a packet");
    let asked = std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let mut counts = [0_u64; 2];
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let asks = sieve.turn();
                let refused = asks && sieve.packet(&packet, &frame(&bytes), &options).is_some();
                counts[usize::from(refused)] += 1;
            }
            counts
        });
        for turn in 0..200 {
            let filter = parse(if turn % 2 == 0 { "tcp" } else { "udp" }).expect("a filter");
            sieves.replace_filters(None, Some(&filter)).expect("no expression");
            while !sieves.settle() {
                std::hint::spin_loop();
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        worker.join().expect("the worker")
    });
    assert!(asked[1] > 0, "{asked:?}");
}
