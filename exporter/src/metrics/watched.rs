//! Metrics of what is watched beside the snapshots: TCP's events, histograms, how many different hosts, the probe itself.
//!
//! **Owns** their rows. **May touch** the watch, read only. **Order** behind the rows of `catalogue`.

use super::catalogue::{Row, counter, gauge, named, one};
use super::{Kind, View};
use crate::exposition::{self, Family, Series, Value};
use crate::survey::distribution::Distribution;
use crate::survey::distributions::ROWS as HISTOGRAMS;
use crate::survey::growth::{COUNTED, FIRST_CLASS};

/// One series for each side and row of what is counted.
fn sides(view: &View, emit: &mut dyn FnMut(&[&str], &[f64]), names: &[&str]) {
    let Some(figures) = &view.figures else { return };
    for (side, counts) in ["client", "server"].iter().zip(figures.tcp) {
        for ((name, _), count) in COUNTED.iter().zip(counts).filter(|((name, _), _)| names.contains(name)) {
            if names.len() == 1 { emit(&[side], &[count as f64]) } else { emit(&[name, side], &[count as f64]) }
        }
    }
}

const EVENTS: &[&str] = &[
    "retransmitted_packets",
    "out_of_order",
    "duplicate_acks",
    "zero_windows",
    "syns",
    "fins",
    "resets",
    "keepalives",
];

/// The classes of anomalous segments, as [`COUNTED`] names them.
fn classes() -> Vec<&'static str> {
    COUNTED[FIRST_CLASS..].iter().map(|(name, _)| *name).collect()
}

macro_rules! histograms {
    ($($n:literal)*) => {
        [$( Row {
            name: HISTOGRAMS[$n].name, kind: Kind::Histogram(&[]), labels: &[HISTOGRAMS[$n].label.0], help: HISTOGRAMS[$n].help,
            read: |_, _| {},
        }, )*]
    };
}

/// The rows of the histograms, for whoever lists the catalogue; [`distributions`] makes their series.
const HISTOGRAM_ROWS: [Row; HISTOGRAMS.len()] = histograms!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);

/// The rows.
pub const ROWS: &[Row] = &rows();

const OTHERS: [Row; 13] = [
    counter(
        "parshall_tcp_events_total",
        &["event", "side"],
        "TCP segments by what happened, and the side that sent them; finished records and live flows that were looked at.",
        |view, emit| sides(view, emit, EVENTS),
    ),
    counter(
        "parshall_tcp_anomalies_total",
        &["class", "side"],
        "Anomalous TCP segments by Tstat's classes, and the side that sent them.",
        |view, emit| sides(view, emit, &classes()),
    ),
    counter("parshall_tcp_data_packets_total", &["side"], "TCP segments with payload.", |view, emit| {
        sides(view, emit, &["data_packets"]);
    }),
    counter("parshall_tcp_payload_bytes_total", &["side"], "TCP payload, retransmissions included.", |view, emit| {
        sides(view, emit, &["payload_bytes"]);
    }),
    counter("parshall_tcp_retransmitted_bytes_total", &["side"], "TCP payload that was sent again.", |view, emit| {
        sides(view, emit, &["retransmitted_bytes"]);
    }),
    counter(
        "parshall_tcp_gap_bytes_total",
        &["side"],
        "TCP payload that was jumped over and never seen.",
        |view, emit| {
            sides(view, emit, &["gap_bytes"]);
        },
    ),
    counter(
        "parshall_tcp_records_total",
        &["kind"],
        "Finished TCP records: complete as Tstat has it, midstream (begun before the probe), all.",
        |view, emit| {
            if let Some(figures) = &view.figures {
                let [all, complete, midstream] = figures.tcp_records;
                named(emit, [("all", all), ("complete", complete), ("midstream", midstream)].into_iter());
            }
        },
    ),
    gauge(
        "parshall_distinct_estimate",
        &["what"],
        "Different hosts and flows since the start; standard error 1.6 % (HyperLogLog).",
        |view, emit| {
            if let Some(figures) = &view.figures {
                emit(&["hosts"], &[figures.distinct.hosts]);
                emit(&["flows"], &[figures.distinct.flows]);
            }
        },
    ),
    counter(
        "parshall_records_watched_total",
        &[],
        "Finished records that the histograms and top lists counted.",
        |view, emit| {
            if let Some(figures) = &view.figures {
                one(emit, figures.records);
            }
        },
    ),
    counter(
        "parshall_records_not_watched_total",
        &[],
        "Finished records that the histograms and top lists were too slow for; the sinks had them.",
        |view, emit| {
            if let Some(watch) = &view.watch {
                one(emit, watch.not_watched());
            }
        },
    ),
    gauge("parshall_live_flows_told", &[], "Live flows of the last look; --live-flows is the most.", |view, emit| {
        if let Some(watch) = &view.watch {
            one(emit, watch.scene().picture.flows.len() as u64);
        }
    }),
    gauge(
        "parshall_series_left_out",
        &[],
        "Series about hosts that the last scrape left out for lack of room; raise --max-series.",
        |view, emit| {
            if let Some(watch) = &view.watch {
                one(emit, watch.left_out());
            }
        },
    ),
    gauge("parshall_scrape_duration_seconds", &[], "What rendering the last scrape took.", |view, emit| {
        emit(&[], &[view.scrape_seconds]);
    }),
];

const fn rows() -> [Row; OTHERS.len() + HISTOGRAMS.len()] {
    let mut rows = [OTHERS[0]; OTHERS.len() + HISTOGRAMS.len()];
    let mut n = 0;
    while n < rows.len() {
        rows[n] = if n < OTHERS.len() { OTHERS[n] } else { HISTOGRAM_ROWS[n - OTHERS.len()] };
        n += 1;
    }
    rows
}

/// The histograms, in both forms.
#[must_use]
pub fn distributions(view: &View) -> Vec<Family> {
    let Some(figures) = &view.figures else { return Vec::new() };
    let family = |(row, series): (&crate::survey::distributions::Row, &Vec<Distribution>)| {
        let mut family = Family::new(row.name, exposition::Kind::Histogram, row.help);
        let (low, high, step) = row.range;
        for (label, one) in row.label.1.iter().zip(series) {
            let value = Value::Histogram {
                bounds: Distribution::bounds(low, high, step),
                counts: one.classic(step),
                sum: one.sum,
                native: Some(one.native()),
            };
            family.series.push(Series { labels: vec![(row.label.0.to_owned(), (*label).to_owned())], value });
        }
        family
    };
    HISTOGRAMS.iter().zip(&figures.distributions.0).map(family).collect()
}
