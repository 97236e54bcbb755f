//! The arithmetic of tcp-stream-exporter's names, and that no counter goes back.

use super::super::tests::{tcp_flow, value};
use super::*;
use crate::survey::scene::Scene;
use parshall_engine::flow::lapse::Lapse;
use parshall_engine::merge::lookout::{LiveFlow, Picture};
use parshall_engine::merge::snapshot::PortSnapshot;
use parshall_engine::record::EndReason;
use parshall_engine::time::Nanos;

const SENT: &str = "src_ip=10.0.0.2 src_port=4000 dst_ip=10.0.0.1 dst_port=443 state=";

/// The flow to port 443 with the record of this number, from its second 1 to its second 5.
fn flow(seq: u32, packets: u64, end_reason: EndReason) -> FlowRecord {
    let mut flow = tcp_flow(443, packets, 100 * packets);
    (flow.record_seq, flow.end_reason) = (seq, end_reason);
    (flow.start, flow.end) = (Nanos(1_000_000_000), Nanos(5_000_000_000));
    flow
}

fn scene(number: u64, before: &Scene, flows: &[&FlowRecord]) -> Scene {
    let flows: Vec<LiveFlow> = flows.iter().map(|flow| LiveFlow { worker: 0, record: (*flow).clone() }).collect();
    let (live, taken_at) = (flows.len() as u64, Nanos(10_000_000_000 + number * 1_000_000_000));
    Scene::after(before, Picture { number, taken_at, flows, live, ..Picture::default() })
}

fn rendered(streams: &mut Streams, scene: &Scene) -> Vec<Family> {
    families(&streams.served(scene), &Snapshot::default())
}

fn packets(streams: &mut Streams, scene: &Scene) -> Vec<u64> {
    streams.served(scene).iter().map(|flow| flow.record.c2s.packets).collect()
}

#[test]
fn every_name_has_its_arithmetic() {
    let mut one = flow(0, 10, EndReason::Idle);
    let tcp = one.tcp.as_mut().unwrap();
    let rtt = RttSummary { samples: 4, min: 1_000_000, avg: 2e6, max: 5_000_000, std: 5e5 };
    let mut classes = [0; parshall_engine::flow::tcp::CLASSES];
    classes[Class::NetDup as usize] = 2;
    let history = TcpHistory { retx_packets: 9, ooo_packets: 3, gap_bytes: 2500, classes, ..TcpHistory::default() };
    tcp.c2s = TcpDirection {
        rst_count: 1,
        dup_acks: 6,
        zero_windows: 2,
        keepalives: 4,
        mss_max: Some(1000),
        window_max: Some(1 << 20),
        rtt: Some(rtt),
        history: Some(history),
        ..TcpDirection::default()
    };
    one.first.sizes.extend([0, 100, 900, 300, 300]);
    one.first.directions.extend([1, 1, -1, 1, 1]);
    let gaps = [0, 1_000_000, 2_000_000, 3_000_000, 20_000_000_000];
    one.first.gaps.extend(gaps.map(|gap| Lapse::between(Nanos(0), Nanos(gap))));
    let mut streams = Streams::new(10);
    let (mut later, first) = (one.clone(), scene(1, &Scene::default(), &[&one]));
    let mut now = first;
    for (number, more) in [(2, 1000), (3, 3000)] {
        later.c2s.payload_bytes += more;
        let next = scene(number, &now, &[&later]);
        streams.scene(&next);
        now = next;
    }
    let families = rendered(&mut streams, &now);
    let of = |name: &str| value(&families, name, &format!("{SENT}active"));
    let counts =
        ["tcp_retransmits_total", "tcp_resets_total", "tcp_out_of_order_packets_total", "tcp_duplicate_acks_total"];
    assert_eq!(counts.map(of), [3.0, 1.0, 3.0, 6.0], "of 9 sent again, 2 copies and 4 keep-alives do not count");
    assert_eq!(["tcp_zero_window_events_total", "tcp_sequence_gaps_total"].map(of), [2.0, 3.0]);
    let delays = ["tcp_min_delay_seconds", "tcp_avg_delay_seconds", "tcp_max_delay_seconds", "tcp_jitter_seconds"];
    assert_eq!(delays.map(of), [0.001, 0.002, 0.005, 0.0005]);
    assert_eq!(["tcp_window_size_bytes", "tcp_bytes_transferred_total"].map(of), [1_048_576.0, 5000.0]);
    assert_eq!((of("tcp_bitrate_bps"), of("tcp_bitrate_variance")), (24_000.0, 0.5), "8 and 24 kbit/s");
    assert_eq!((of("tcp_stream_uptime_seconds"), of("tcp_packet_rate_pps")), (12.0, 10.0 / 12.0));
    let sizes = (of("tcp_packet_size_variance") - 0.404_061).abs();
    assert!(sizes < 1e-6, "100, 300 and 300 bytes: {sizes}");
    let arrivals = (of("tcp_interarrival_variance_seconds") - 0.002).abs();
    assert!(arrivals < 1e-4, "1 ms, 5 ms, and a pause that does not count: {arrivals}");
    assert!(of("tcp_stream_health_score") < 100.0);
    assert_eq!(value(&families, "tcp_stream_count", ""), 2.0, "both directions");
}

#[test]
fn a_flow_that_the_active_timeout_cut_goes_on_where_it_was_whatever_comes_first() {
    let mut streams = Streams::new(10);
    let before = scene(1, &Scene::default(), &[&flow(0, 10, EndReason::Idle)]);
    assert_eq!(packets(&mut streams, &before), [10]);
    let ahead = scene(2, &before, &[&flow(1, 2, EndReason::Idle)]);
    assert_eq!(packets(&mut streams, &ahead), [0; 0], "the record of the cut is on its way");
    streams.record(&flow(0, 12, EndReason::Active));
    assert_eq!(packets(&mut streams, &ahead), [14]);
    assert_eq!(packets(&mut streams, &before), [12], "a picture from before the cut adds nothing");
    streams.record(&flow(1, 5, EndReason::Active));
    assert_eq!(packets(&mut streams, &scene(3, &ahead, &[&flow(2, 1, EndReason::Idle)])), [18]);
    streams.record(&flow(2, 3, EndReason::TcpFin));
    let ended = streams.served(&ahead);
    assert_eq!((ended.len(), ended[0].record.c2s.packets, ended[0].state), (1, 20, "finalized"));
}

#[test]
fn no_series_is_there_twice() {
    let mut streams = Streams::new(10);
    let again = |start: u64, id: u64, packets: u64, end_reason: EndReason| {
        let mut flow = flow(0, packets, end_reason);
        (flow.start, flow.flow_id) = (Nanos(start), id);
        flow
    };
    streams.record(&again(1, 1, 100, EndReason::TcpFin));
    streams.record(&again(2, 2, 10, EndReason::TcpFin));
    streams.record(&again(3, 3, 30, EndReason::TcpRst));
    let (one, other) = (again(4, 4, 5, EndReason::Idle), again(5, 5, 6, EndReason::Idle));
    let now = scene(1, &Scene::default(), &[&one, &other]);
    let families = rendered(&mut streams, &now);
    let sent = |state: &str| value(&families, "tcp_bytes_transferred_total", &format!("{SENT}{state}"));
    assert_eq!((sent("finalized"), sent("reset")), (1000.0, 3000.0), "the newest of each state");
    assert_eq!(sent("active"), 1100.0, "parts on two workers are one stream");
    // One that is closed but lingers takes the place of those that ended before.
    let closed = again(6, 6, 7, EndReason::TcpFin);
    let families = rendered(&mut streams, &scene(2, &now, &[&closed]));
    assert_eq!(value(&families, "tcp_bytes_transferred_total", &format!("{SENT}finalized")), 700.0);
    assert_eq!(value(&families, "tcp_stream_count", ""), 0.0);
}

#[test]
fn the_capture_is_that_of_all_ports() {
    let ports = vec![PortSnapshot { imissed: 3, ..PortSnapshot::default() }; 2];
    let mut snapshot = Snapshot { ports, ..Snapshot::default() };
    let taken = parshall_engine::tally::Volume { packets: 7, bytes: 420 };
    snapshot.total.take(parshall_engine::source::Input::default(), taken);
    let families = families(&[], &snapshot);
    assert_eq!(value(&families, "capture_packets_processed_total", ""), 7.0);
    assert_eq!(value(&families, "capture_dropped_packets_total", ""), 6.0);
}
