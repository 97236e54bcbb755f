//! What a scrape costs: everything that is published rendered in each format, with and without compression.
//!
//! **Owns** the flows that make up the wanted number of series. **May touch** the exporter's front doors. **Order** run by hand:
//! `cargo bench -p parshall-exporter --bench scrape -- [SERIES]`, 5,000 by default.

use flate2::Compression;
use flate2::write::GzEncoder;
use parshall_config::plan::WatchPlan;
use parshall_engine::key::FlowKey;
use parshall_engine::record::{Direction, FlowRecord, TcpRecord};
use parshall_engine::time::Nanos;
use parshall_exporter::exposition::{Format, Series};
use parshall_exporter::metrics::{self, Board};
use parshall_exporter::survey::Watch;
use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Scrapes measured of each format.
const SCRAPES: usize = 200;

/// A TCP flow.
fn flow(n: u64) -> FlowRecord {
    let (client, server) = (0x0a00_0000 + u128::from(n), 0xc000_0201 + u128::from(n % 50));
    let (key, client_is_low) = FlowKey::canonical(4, 6, (client, 40_000), (server, 443));
    let way = Direction { packets: 10 + n, ip_bytes: 1000 * n + 600, payload_bytes: 1000 * n, ..Direction::default() };
    let tcp = Some(TcpRecord::default());
    FlowRecord { key, client_is_low, flow_id: n, end: Nanos(n), c2s: way, s2c: way, tcp, ..FlowRecord::default() }
}

/// A board on which the series of so many flows stand beside the probe's own.
fn board(flows: u64) -> Board {
    let compat = vec!["tcp-stream".to_owned()];
    let plan = WatchPlan { compat, compat_flows: flows, max_series: 1 << 20, ..WatchPlan::default() };
    let (board, watch) = (Board::default(), Watch::start(&plan, Nanos::ZERO, true).expect("a thread"));
    board.describe("run", &Default::default(), Some(watch.clone()));
    watch.records(&Arc::new((0..flows).map(flow).collect()));
    while watch.figures().records < flows {
        std::thread::sleep(Duration::from_millis(1));
    }
    watch.close();
    board
}

fn series(board: &Board) -> usize {
    metrics::families(&board.view()).iter().flat_map(|family| &family.series).map(Series::weight).sum()
}

fn row(name: &str, series: usize, mut scrape: impl FnMut() -> usize) {
    let mut bytes = 0;
    let mut times: Vec<f64> = (0..SCRAPES)
        .map(|_| {
            let began = Instant::now();
            bytes = black_box(scrape());
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("| {name} | {series} | {bytes} | {:.2} | {:.2} | {:.2} |", at(0.0), at(0.5), at(0.99));
}

fn main() {
    let wanted: usize = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(5000);
    let (none, one) = (series(&board(0)), series(&board(1)));
    let board = board((wanted.saturating_sub(none) / (one - none).max(1)) as u64);
    let series = series(&board);
    println!("| format | series | bytes | ms min | ms median | ms p99 |\n|---|---|---|---|---|---|");
    for (name, format) in [("text", Format::Text), ("OpenMetrics", Format::OpenMetrics), ("protobuf", Format::Protobuf)]
    {
        let render = || metrics::render(&board, format).expect("rendered");
        row(name, series, || render().len());
        row(&format!("{name}, gzip"), series, || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&render()).expect("written");
            encoder.finish().expect("compressed").len()
        });
    }
}
