//! Each rule by its case: what was counted, and the cause, its certainty and the option that are told for it.

use super::*;
use crate::metrics::Board;
use crate::survey::Watch;
use crate::writer::SinkState;
use parshall_config::plan::WatchPlan;
use parshall_engine::merge::snapshot::{PoolSnapshot, PortSnapshot, Snapshot, WorkerSnapshot};
use parshall_engine::record::FlowRecord;
use parshall_engine::source::Input;
use parshall_engine::tally::Volume;
use parshall_engine::time::Nanos;

const SECOND: u64 = 1_000_000_000;

/// A probe of one port, pool, worker and sink, so many seconds after its start, of whom `change` says what was counted since.
fn told(seconds: u64, change: fn(&mut Snapshot, &SinkState, &Watch)) -> Value {
    let watch = Watch::start(&WatchPlan::default(), Nanos::ZERO, false).unwrap();
    let (board, sink) = (Board::default(), Arc::new(SinkState { name: "jsonl:a".to_owned(), ..SinkState::default() }));
    board.introduce(vec![sink.clone()], Default::default());
    board.describe("run", &Default::default(), Some(watch.clone()));
    let mut snapshot = Snapshot::default();
    snapshot.ports.push(PortSnapshot { port: 3, ..PortSnapshot::default() });
    snapshot.pools.push(PoolSnapshot { name: "mbufs".to_owned(), socket: 0, size: 100, free: 0 });
    snapshot.workers.push(WorkerSnapshot { worker: 2, lcore: 7, ..WorkerSnapshot::default() });
    board.publish(snapshot.clone());
    snapshot.taken_at = Nanos(seconds * SECOND);
    change(&mut snapshot, &sink, &watch);
    board.publish(snapshot);
    let answer = drops(&board.view(), &Ask::default()).unwrap();
    watch.close();
    serde_json::from_slice(&answer.body).unwrap()
}

/// The worker took frames at so many of 1,000 polls, and was at work for so many milliseconds; 0 is not measured.
fn worked(snapshot: &mut Snapshot, found: u64, millis: u64) {
    let tally = &mut snapshot.workers[0].tally;
    tally.take(Input::default(), Volume { packets: 10 * found, bytes: 600 * found });
    (tally.polls, tally.empty_polls, tally.busy_nanos) = (1000, 1000 - found, millis * 1_000_000);
}

/// Hands records over while the thread that counts them cannot go on, until so many found the queue full.
fn overwhelm(watch: &Watch, records: u64) {
    let _held = watch.observed();
    let one = Arc::new([FlowRecord::default()].into_iter().collect());
    while watch.not_watched() < records {
        watch.records(&one);
    }
}

type Case = (&'static str, &'static str, &'static str, fn(&mut Snapshot, &SinkState, &Watch));

/// Cause, certainty, option, and what was counted within 20 seconds.
const CASES: &[Case] = &[
    ("worker_saturated", "likely", "--nb-cores", |snapshot, _, _| {
        worked(snapshot, 500, 19_000);
        snapshot.ports[0].imissed = 5;
    }),
    ("worker_saturated", "likely", "--nb-cores", |snapshot, _, _| {
        worked(snapshot, 950, 0);
        snapshot.ports[0].imissed = 5;
    }),
    ("bursts_of_traffic", "likely", "--rxd", |snapshot, _, _| {
        worked(snapshot, 950, 10_000);
        snapshot.ports[0].imissed = 5;
    }),
    ("mbufs_exhausted", "certain", "--total-num-mbufs", |snapshot, _, _| snapshot.ports[0].rx_nombuf = 5),
    ("port_errors", "certain", "--max-pkt-len", |snapshot, _, _| snapshot.ports[0].ierrors = 5),
    ("flow_table_full", "certain", "--max-flows", |snapshot, _, _| snapshot.total.table_full = 5),
    ("record_ring_full", "certain", "--record-ring", |snapshot, _, _| snapshot.total.records_dropped_count = 5),
    ("segment_memory_full", "certain", "--segment-memory", |snapshot, _, _| snapshot.total.history_refused = 5),
    ("link_contexts_full", "certain", "--max-flows", |snapshot, _, _| snapshot.total.contexts_full = 5),
    ("fragment_cache_full", "certain", "--workers", |snapshot, _, _| snapshot.total.fragment_cache.evictions = 5),
    ("statistics_slow", "certain", "--live-flows", |_, _, watch| overwhelm(watch, 5)),
    ("series_capped", "certain", "--max-series", |_, _, watch| watch.capped(5)),
    ("sink_slow", "certain", "--sink", |_, sink, _| sink.dropped_records.store(5, Ordering::Relaxed)),
    ("worker_silent", "possible", "-l", |snapshot, _, _| snapshot.workers[0].missed_turns = 5),
];

#[test]
fn every_loss_has_its_cause_and_the_option_to_turn() {
    for (cause, certainty, option, change) in CASES {
        let answer = told(20, *change);
        let causes = answer["causes"].as_array().unwrap();
        assert_eq!(causes.len(), 1, "{cause}: {answer}");
        let row = &causes[0];
        assert_eq!(
            (&row["cause"], &row["certainty"], &row["option"]),
            (&json!(cause), &json!(certainty), &json!(option))
        );
        assert_eq!((&row["lost"], &answer["sentence"]), (&json!(5), &row["sentence"]), "{cause}");
        assert!(
            ["sentence", "remedy"].iter().all(|key| row[key].as_str().is_some_and(|text| text.ends_with('.'))),
            "{row}"
        );
        // Where the history knows the counter, what was lost within the last minute is told too.
        let lately = ["worker_saturated", "bursts_of_traffic", "mbufs_exhausted", "port_errors", "record_ring_full"]
            .contains(cause);
        assert_eq!(answer["losing"], json!(lately), "{cause}");
    }
}

#[test]
fn a_few_seconds_make_a_cause_possible_and_none_makes_no_loss() {
    let busy: fn(&mut Snapshot, &SinkState, &Watch) = |snapshot, _, _| {
        worked(snapshot, 500, 4_900);
        snapshot.ports[0].imissed = 1;
    };
    assert_eq!(told(5, busy)["causes"][0]["certainty"], "possible");
    let answer = told(20, |snapshot, _, _| {
        worked(snapshot, 500, 10_000);
        snapshot.total.take(Input::default(), Volume { packets: 5000, bytes: 1 });
    });
    assert_eq!((&answer["causes"], &answer["losing"]), (&json!([]), &json!(false)));
    assert_eq!(answer["sentence"], "Nothing was lost: 5,000 frames taken since the start.");
    let row = &answer["headroom"][0];
    assert_eq!((&row["worker"], &row["load"], &row["work_share"]), (&json!(2), &json!(0.5), &json!(0.5)));
    assert_eq!((&row["nanoseconds_per_packet"], &row["could_take_packets_per_second"]), (&json!(2e6), &json!(500.0)));
}

#[test]
fn the_worst_loss_of_late_comes_first_and_once_is_said_in_a_word() {
    let answer = told(20, |snapshot, sink, _| {
        worked(snapshot, 500, 10_000);
        snapshot.total.table_full = 1_000_000;
        snapshot.ports[0].ierrors = 7;
        snapshot.ports[0].rx_nombuf = 8;
        sink.dropped_records.store(2, Ordering::Relaxed);
        sink.errors.store(1, Ordering::Relaxed);
    });
    let causes: Vec<&str> =
        answer["causes"].as_array().unwrap().iter().filter_map(|row| row["cause"].as_str()).collect();
    assert_eq!(causes, ["mbufs_exhausted", "port_errors", "flow_table_full", "sink_slow"]);
    assert_eq!(answer["causes"][3]["sentence"], "The sink jsonl:a failed to write once; the log says why.");
}
