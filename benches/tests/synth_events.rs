//! Each scenario of one event shows that event: the class and cause, and the flow's keys that go with it.

#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

use parshall_benches::synth::compose::{Capture, Choice, Order, compose};
use parshall_benches::synth::truth::anomaly::{Anomaly, Class, Seen};
use serde_json::Value;

fn play(name: &str) -> Vec<Capture> {
    let order = |seed| Order { seed, sessions: 1, choice: Choice::One(name.to_owned()), ..Order::default() };
    (1..6).map(|seed| compose(&order(seed)).unwrap()).collect()
}

fn cause(anomaly: &Anomaly) -> String {
    serde_json::to_value(anomaly.cause).unwrap().as_str().unwrap().to_owned()
}

/// Scenario, then for each anomaly in order: cause, class, visible, evident, what had been seen of it.
type Row = (&'static str, &'static [(&'static str, Option<Class>, bool, bool, Seen)]);

#[rustfmt::skip]
const EVENTS: &[Row] = &[
    ("fast_retransmit_before", &[("fast_retransmit", Some(Class::FastRetx), true, true, Seen::None)]),
    ("fast_retransmit_after", &[("fast_retransmit", Some(Class::FastRetx), true, true, Seen::All)]),
    // The second loss shows only by a partial ACK, RFC 6582: nothing on the wire asks three times for it.
    ("fast_retransmit_without_sack", &[("fast_retransmit", Some(Class::FastRetx), true, true, Seen::All),
                                       ("fast_retransmit", Some(Class::FastRetx), true, false, Seen::All)]),
    // Lost before the probe with everything behind it: what comes after the timeout looks new.
    ("timeout_before", &[("rto", Some(Class::Rto), false, false, Seen::None), ("rto", Some(Class::Rto), false, false, Seen::None)]),
    ("timeout_after", &[("rto", Some(Class::Rto), true, true, Seen::All), ("rto", Some(Class::Rto), true, true, Seen::All)]),
    ("timeout_twice", &[("rto", Some(Class::Rto), true, true, Seen::All); 3]),
    ("tail_loss_probe", &[("tail_loss_probe", Some(Class::Rto), true, true, Seen::All)]),
    ("unneeded_rto_ack_lost_after", &[("rto", Some(Class::UnneededRto), true, true, Seen::All)]),
    ("unneeded_rto_ack_lost_before", &[("rto", Some(Class::UnneededRto), true, true, Seen::All)]),
    ("unneeded_rto_ack_late", &[("rto", Some(Class::UnneededRto), true, true, Seen::All)]),
    ("unneeded_rto_data_late", &[("rto", Some(Class::UnneededRto), true, true, Seen::All); 2]),
    ("unneeded_fast_retransmit", &[("fast_retransmit", Some(Class::UnneededFastRetx), true, true, Seen::All)]),
    ("reordering_before", &[("new", Some(Class::Reordering), true, true, Seen::None)]),
    ("overtaken_by_retransmission", &[("rto", Some(Class::UnneededRto), false, false, Seen::None),
                                      ("new", Some(Class::Reordering), true, false, Seen::All)]),
    ("network_duplicate_before", &[("new", Some(Class::NetDup), true, true, Seen::All)]),
    ("network_duplicate_after", &[]),
    ("zero_window", &[]),
    ("zero_window_bytes", &[("window_probe", Some(Class::FlowControl), true, true, Seen::All),
                            ("window_probe", Some(Class::FlowControl), true, true, Seen::All),
                            ("new", Some(Class::FlowControl), true, true, Seen::Part)]),
    ("keep_alive", &[]),
    ("syn_lost_before", &[("rto", Some(Class::Rto), false, false, Seen::None)]),
    ("syn_lost_after", &[("rto", Some(Class::Rto), true, true, Seen::All)]),
    ("trailing_after_close", &[("rto", Some(Class::UnneededRto), true, true, Seen::All)]),
];

#[test]
fn every_scenario_of_one_event_shows_it_and_nothing_else() {
    for (name, events) in EVENTS {
        for capture in play(name) {
            let have: Vec<_> = capture
                .anomalies
                .iter()
                .map(|one| (cause(one), one.class, one.visible, one.evident, one.seen))
                .collect();
            let want = events
                .iter()
                .map(|(cause, class, visible, evident, seen)| ((*cause).to_owned(), *class, *visible, *evident, *seen));
            assert_eq!(have, want.collect::<Vec<_>>(), "{name}");
        }
    }
}

/// Scenario, record, key, value.
type Claim = (&'static str, usize, &'static str, fn(&Value) -> bool);

#[rustfmt::skip]
const KEYS: &[Claim] = &[
    ("fast_retransmit_before", 0, "s2c_ooo_packets", |v| v == 1),
    ("fast_retransmit_before", 0, "s2c_retx_packets", |v| v == 0),
    ("fast_retransmit_after", 0, "s2c_ooo_packets", |v| v == 0),
    ("fast_retransmit_after", 0, "s2c_retx_bytes", |v| v == 1448),
    ("fast_retransmit_after", 0, "s2c_unique_bytes", |v| v == 20 * 1448),
    ("fast_retransmit_after", 0, "s2c_class_fast_retx", |v| v == 1),
    ("fast_retransmit_after", 0, "c2s_dup_acks", |v| (7..17).contains(&v.as_u64().unwrap_or(0))),
    ("fast_retransmit_after", 0, "c2s_sack_packets", |v| v.as_u64() >= Some(7)),
    ("fast_retransmit_without_sack", 0, "c2s_sack_packets", |v| v == 0),
    ("timeout_before", 0, "s2c_retx_packets", |v| v == 0),
    ("timeout_before", 0, "s2c_class_rto", |v| v == 0),
    ("timeout_after", 0, "s2c_class_rto", |v| v == 2),
    ("unneeded_rto_ack_lost_after", 0, "s2c_class_unneeded_rto", |v| v == 1),
    ("zero_window", 0, "c2s_zero_windows", |v| v.as_u64() >= Some(2)),
    ("zero_window", 0, "s2c_class_flow_control", |v| v == 0),
    ("zero_window_bytes", 0, "s2c_class_flow_control", |v| v == 3),
    ("zero_window_bytes", 0, "s2c_unique_bytes", |v| v == 51_000),
    ("zero_window_bytes", 0, "s2c_retx_bytes", |v| v == 3),
    ("keep_alive", 0, "s2c_keepalives", |v| v.as_u64() >= Some(2)),
    ("keep_alive", 0, "s2c_retx_packets", |v| v == 0),
    ("keep_alive_byte", 0, "s2c_keepalives", |v| v.as_u64() >= Some(2)),
    ("mirror_duplicates", 0, "s2c_unique_bytes", |v| v == 30_000),
    ("offload", 0, "s2c_mss_max", |v| v.as_u64() > Some(3_000)),
    ("half_open", 0, "end_reason", |v| v == "shutdown" || v == "idle"),
    ("half_open_long", 0, "c2s_syn_count", |v| v == 5),
    ("half_open_long", 1, "c2s_syn_count", |v| v == 1),
    ("refused", 0, "end_reason", |v| v == "tcp_rst"),
    ("refused", 0, "s2c_rst_count", |v| v == 1),
    ("syn_other_isn", 0, "c2s_syn_count", |v| v == 2),
    ("simultaneous_open", 0, "c2s_syn_count", |v| v == 2),
    ("simultaneous_open", 0, "s2c_syn_count", |v| v == 2),
    ("reset_mid_transfer", 0, "c2s_rst_count", |v| v.as_u64() > Some(1)),
    ("reset_mid_transfer", 0, "end_reason", |v| v == "tcp_rst"),
    ("trailing_after_close", 0, "end_reason", |v| v == "tcp_fin"),
    ("trailing_after_close", 0, "s2c_fin_count", |v| v == 2),
    ("trailing_after_close", 1, "midstream", |v| v == true),
    ("midstream", 0, "midstream", |v| v == true),
    ("midstream", 0, "c2s_window_max", Value::is_null),
    ("midstream", 0, "end_reason", |v| v == "tcp_fin"),
    ("one_way_client", 0, "s2c_packets", |v| v == 0),
    ("one_way_server", 0, "c2s_packets", |v| v == 0),
    ("idle_gap", 0, "end_reason", |v| v == "idle"),
    ("idle_gap", 1, "midstream", |v| v == true),
    ("reuse_after_close", 0, "end_reason", |v| v == "tcp_fin"),
    ("reuse_while_lingering", 0, "end_reason", |v| v == "tcp_fin"),
    ("reuse_while_lingering", 1, "midstream", |v| v == false),
    ("reuse_after_reset", 0, "end_reason", |v| v == "tcp_rst"),
    ("reuse_midstream", 0, "midstream", |v| v == true),
    ("reuse_midstream", 1, "midstream", |v| v == false),
    ("challenge_ack", 0, "c2s_syn_count", |v| v == 2),
    ("capture_loss", 0, "start_ns", Value::is_u64),
    ("vlan", 0, "vlan_ids", |v| v.as_array().is_some_and(|tags| tags.len() == 1)),
    ("qinq", 0, "vlan_ids", |v| v.as_array().is_some_and(|tags| tags.len() == 2)),
    ("unreachable", 1, "icmp_type", |v| v == 3 || v == 1),
    ("fragments_v4", 0, "s2c_packets", |v| v == 0),
    ("zero_total_length", 0, "c2s_ip_bytes", |v| v == 3 * 128),
    ("beyond_wire", 0, "c2s_ip_bytes", |v| v == 2 * 128 + 500),
    ("bad_udp_length", 0, "c2s_payload_bytes", |v| v == 300),
    ("udp_empty", 0, "c2s_payload_bytes", |v| v == 0),
    ("tcp_plain", 0, "handshake_rtt_us", |v| v.as_f64() > Some(200.0)),
    ("tcp_plain", 0, "c2s_gap_bytes", |v| v == 0),
];

#[test]
fn the_truth_says_what_the_scenario_is_there_for() {
    for (name, record, key, right) in KEYS {
        for capture in play(name) {
            let mut truths = capture.truths.clone();
            truths.sort_by_key(|truth| truth.start_ns);
            let value = truths[*record].get(key).cloned();
            assert!(value.as_ref().is_some_and(right), "{name} {key} is {value:?}");
        }
    }
}

#[test]
fn classes_in_the_records_are_the_visible_anomalies() {
    for name in ["tcp_random", "tcp_lossy", "tcp_bulk", "zero_window_bytes", "mirror_duplicates"] {
        for capture in play(name) {
            for (line, truth) in capture.truths.iter().enumerate() {
                for (class, key) in Class::ALL {
                    for (prefix, from_client) in [("c2s_", true), ("s2c_", false)] {
                        let of = |one: &&Anomaly| one.line == line as u64 + 1 && one.from_client == from_client;
                        let visible = |one: &&Anomaly| one.visible && one.class == Some(class);
                        let count = capture.anomalies.iter().filter(of).filter(visible).count();
                        if let Some(value) = truth.get(&format!("{prefix}{key}")) {
                            assert_eq!(*value, Value::from(count), "{name} {prefix}{key}");
                        }
                    }
                }
            }
            assert!(capture.anomalies.iter().all(|one| one.frame >= 1 && one.frame <= capture.frames.len() as u64));
            assert!(capture.anomalies.iter().all(|one| capture.frames[one.frame as usize - 1].time.0 == one.time_ns));
        }
    }
}

#[test]
fn round_trips_of_a_plain_path_are_its_delays() {
    // 5 ms from client to probe and back to it, 20 ms from probe to server: the client's segments are acknowledged after
    // 40 ms and what the wire and a delayed ACK add, the server's after 10 ms and the same.
    for capture in play("reordering_before") {
        let truth = &capture.truths[0];
        let number = |key: &str| truth.get(key).and_then(Value::as_f64).unwrap();
        assert!((40_000.0..40_100.0).contains(&number("server_handshake_us")));
        assert!((10_000.0..10_100.0).contains(&number("client_handshake_us")));
        assert!(
            (number("handshake_rtt_us") - number("server_handshake_us") - number("client_handshake_us")).abs() < 0.01
        );
        assert!((40_000.0..40_100.0).contains(&number("c2s_rtt_min_us")));
        assert!((10_000.0..10_100.0).contains(&number("s2c_rtt_min_us")));
        assert!(number("s2c_rtt_max_us") < 51_000.0);
    }
}
