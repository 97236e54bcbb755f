//! What the prompt knows of records: totals over TCP, and records shown as they pass.
//!
//! **Owns** both. **May touch** records, read only, and standard output. **Order** written by the thread that feeds the sinks,
//! for every record; read by the prompt.

use parshall_engine::record::FlowRecord;
use std::fmt::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Lines a second at verbosity 1.
const LINES: u32 = 20;

/// Totals over the TCP records made so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TcpTotals {
    /// Records.
    pub records: u64,
    /// Records that Tstat would call complete.
    pub complete: u64,
    /// Packets.
    pub packets: u64,
    /// Payload. Unit: bytes.
    pub payload_bytes: u64,
    /// Packets with payload, where segment histories were kept.
    pub data_packets: u64,
    /// Retransmitted packets.
    pub retx_packets: u64,
    /// Retransmitted payload. Unit: bytes.
    pub retx_bytes: u64,
    /// Packets out of order.
    pub ooo_packets: u64,
    /// Duplicate acknowledgements.
    pub dup_acks: u64,
    /// Segments with a closed window.
    pub zero_windows: u64,
    /// RST segments.
    pub resets: u64,
    /// Bytes that never came.
    pub gap_bytes: u64,
    /// Handshakes timed, and the sum of their times in nanoseconds.
    pub handshakes: (u64, u64),
    /// Samples of round-trip times by client and server, and the sum of their times in nanoseconds.
    pub rtt: [(u64, f64); 2],
}

#[derive(Debug, Default)]
struct Pace {
    second: Option<Instant>,
    lines: u32,
    left_out: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Watch {
    // prompt: w, feeder: r
    verbose: AtomicU32,
    // feeder: w, prompt: r
    tcp: Mutex<TcpTotals>,
    // feeder only
    pace: Mutex<Pace>,
}

impl Watch {
    /// Sets the verbosity and gives the one before.
    pub fn set_verbose(&self, level: u32) -> u32 {
        self.verbose.swap(level, Ordering::Relaxed)
    }

    /// Totals over TCP so far.
    #[must_use]
    pub fn tcp(&self) -> TcpTotals {
        *self.tcp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a record that passes by.
    pub fn record(&self, record: &FlowRecord) {
        if record.tcp.is_some() {
            self.tcp.lock().unwrap_or_else(PoisonError::into_inner).add(record);
        }
        match self.verbose.load(Ordering::Relaxed) {
            0 => {}
            1 => self.paced(record),
            _ => show(&line(record)),
        }
    }

    fn paced(&self, record: &FlowRecord) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        if pace.second.is_none_or(|second| second.elapsed().as_secs() >= 1) {
            if pace.left_out > 0 {
                show(&format!("... and {} more records\n", pace.left_out));
            }
            *pace = Pace { second: Some(Instant::now()), ..Pace::default() };
        }
        if pace.lines < LINES {
            pace.lines += 1;
            show(&line(record));
        } else {
            pace.left_out += 1;
        }
    }
}

fn show(text: &str) {
    let _ = crate::print(text);
}

/// A record in a line.
fn line(record: &FlowRecord) -> String {
    let (client, server) = (record.client_ip(), record.server_ip());
    let ports = if record.client_is_low {
        (record.key.low_port, record.key.high_port)
    } else {
        (record.key.high_port, record.key.low_port)
    };
    let mut text = format!("flow {:016x} {} ", record.flow_id, record.key.protocol);
    let _ = writeln!(
        text,
        "{client}:{} > {server}:{} packets={}/{} bytes={}/{} end={}",
        ports.0,
        ports.1,
        record.c2s.packets,
        record.s2c.packets,
        record.c2s.ip_bytes,
        record.s2c.ip_bytes,
        record.end_reason.name()
    );
    text
}

impl TcpTotals {
    fn add(&mut self, record: &FlowRecord) {
        let Some(tcp) = &record.tcp else { return };
        self.records += 1;
        self.complete += u64::from(tcp.complete);
        self.packets += record.packets();
        self.payload_bytes += record.c2s.payload_bytes + record.s2c.payload_bytes;
        if let Some(nanos) = tcp.handshake_rtt {
            self.handshakes = (self.handshakes.0 + 1, self.handshakes.1.saturating_add(nanos));
        }
        for (side, direction) in [&tcp.c2s, &tcp.s2c].into_iter().enumerate() {
            self.dup_acks += u64::from(direction.dup_acks);
            self.zero_windows += u64::from(direction.zero_windows);
            self.resets += u64::from(direction.rst_count);
            if let Some(history) = &direction.history {
                self.data_packets += direction.data_packets;
                self.retx_packets += u64::from(history.retx_packets);
                self.retx_bytes += history.retx_bytes;
                self.ooo_packets += u64::from(history.ooo_packets);
                self.gap_bytes += u64::from(history.gap_bytes);
            }
            if let Some(rtt) = &direction.rtt {
                let (samples, sum) = &mut self.rtt[side];
                *samples += u64::from(rtt.samples);
                *sum += rtt.avg * f64::from(rtt.samples);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parshall_engine::record::{RttSummary, TcpHistory, TcpRecord};

    #[test]
    fn totals_are_sums_over_tcp_records_and_leave_out_what_was_not_measured() {
        let mut record = FlowRecord::default();
        record.c2s.packets = 3;
        record.s2c.packets = 2;
        let mut tcp = TcpRecord { complete: true, handshake_rtt: Some(1_000), ..TcpRecord::default() };
        tcp.c2s.data_packets = 2;
        tcp.c2s.history = Some(TcpHistory { retx_packets: 1, retx_bytes: 100, ..TcpHistory::default() });
        tcp.s2c.data_packets = 50;
        tcp.s2c.rtt = Some(RttSummary { samples: 4, min: 1, avg: 10.0, max: 20, std: 1.0 });
        record.tcp = Some(tcp);
        let watch = Watch::default();
        watch.record(&record);
        watch.record(&record);
        watch.record(&FlowRecord::default());
        let totals = watch.tcp();
        assert_eq!((totals.records, totals.complete, totals.packets), (2, 2, 10));
        assert_eq!((totals.data_packets, totals.retx_packets, totals.retx_bytes), (4, 2, 200));
        assert_eq!((totals.handshakes, totals.rtt[1]), ((2, 2_000), (8, 80.0)));
    }

    #[test]
    fn the_verbosity_before_is_told() {
        let watch = Watch::default();
        assert_eq!((watch.set_verbose(2), watch.set_verbose(0)), (0, 2));
    }
}
