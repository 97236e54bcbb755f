//! Every histogram that comes from records: one row each. Tstat's histograms, as far as a record knows what they need.
//!
//! **Owns** names, helps, units, labels, bounds and what is observed. **May touch** records, read only.
//! **Order** fed by the watch's thread with each finished record; copied for a scrape.
//!
//! A flow that the active timeout cut is observed once for each of its records.

use super::distribution::Distribution;
use parshall_engine::record::{FlowRecord, RttSummary, TcpDirection};

type Observe<'a> = dyn FnMut(usize, f64, u64) + 'a;

/// One histogram.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Unit of its values.
    pub unit: &'static str,
    /// What it means.
    pub help: &'static str,
    /// Name of its label, and its values: one series each.
    pub label: (&'static str, &'static [&'static str]),
    /// Lowest and highest bound and the distance of the classic bounds, in powers of two.
    pub range: (i32, i32, i32),
    /// Gives the values of a record: series, value, weight.
    pub observe: fn(&FlowRecord, &mut Observe<'_>),
}

const L4: (&str, &[&str]) = ("l4", &["tcp", "udp", "other"]);
const SIDE: (&str, &[&str]) = ("side", &["client", "server"]);

fn l4(record: &FlowRecord) -> usize {
    match record.key.protocol {
        6 => 0,
        17 => 1,
        _ => 2,
    }
}

/// Something of both sides: what the client sent, what the server sent.
fn sides(record: &FlowRecord, observe: &mut Observe<'_>, get: fn(&TcpDirection) -> Option<f64>) {
    let Some(tcp) = &record.tcp else { return };
    for (side, direction) in [&tcp.c2s, &tcp.s2c].into_iter().enumerate() {
        if let Some(value) = get(direction) {
            observe(side, value, 1);
        }
    }
}

/// Round-trip times between the probe and a side: the client's come from the server's data and the other way round.
fn rtt(record: &FlowRecord, observe: &mut Observe<'_>, get: fn(&RttSummary) -> f64) {
    let Some(tcp) = &record.tcp else { return };
    for (side, direction) in [&tcp.s2c, &tcp.c2s].into_iter().enumerate() {
        if let Some(rtt) = &direction.rtt {
            observe(side, get(rtt) / 1e9, 1);
        }
    }
}

/// Seconds from 61 us to 64 s.
const RTT: (i32, i32, i32) = (-14, 6, 1);

/// The catalogue of histograms.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "parshall_flow_duration_seconds", unit: "seconds", label: L4, range: (-10, 14, 1),
        help: "From first to last packet of each record.",
        observe: |record, observe| observe(l4(record), record.end.since(record.start) as f64 / 1e9, 1) },
    Row { name: "parshall_flow_bytes", unit: "bytes", label: L4, range: (5, 37, 2),
        help: "IP bytes of each record, both directions.",
        observe: |record, observe| observe(l4(record), (record.c2s.ip_bytes + record.s2c.ip_bytes) as f64, 1) },
    Row { name: "parshall_flow_packets", unit: "packets", label: L4, range: (0, 26, 2),
        help: "Packets of each record, both directions.",
        observe: |record, observe| observe(l4(record), record.packets() as f64, 1) },
    Row { name: "parshall_packet_bytes", unit: "bytes", label: L4, range: (5, 14, 1),
        help: "IP length of packets, taken as the mean of each direction of a record and counted as often as it has packets.",
        observe: |record, observe| for direction in [&record.c2s, &record.s2c].into_iter().filter(|one| one.packets > 0) {
            observe(l4(record), direction.ip_bytes as f64 / direction.packets as f64, direction.packets);
        } },
    Row { name: "parshall_ip_ttl", unit: "hops", label: SIDE, range: (0, 8, 1),
        help: "Smallest TTL or hop limit of each direction of a record.",
        observe: |record, observe| for (side, direction) in [&record.c2s, &record.s2c].into_iter().enumerate() {
            if let Some((least, _)) = direction.ttl {
                observe(side, f64::from(least), 1);
            }
        } },
    Row { name: "parshall_tcp_handshake_rtt_seconds", unit: "seconds", label: SIDE, range: RTT,
        help: "Round-trip time of the handshake: server is SYN to SYN+ACK, client is SYN+ACK to its ACK.",
        observe: |record, observe| if let Some(tcp) = &record.tcp {
            for (side, nanos) in [tcp.client_handshake, tcp.server_handshake].into_iter().enumerate() {
                if let Some(nanos) = nanos {
                    observe(side, nanos as f64 / 1e9, 1);
                }
            }
        } },
    Row { name: "parshall_tcp_rtt_seconds", unit: "seconds", label: SIDE, range: RTT,
        help: "Mean round-trip time of data in each record, between the probe and that side.",
        observe: |record, observe| rtt(record, observe, |rtt| rtt.avg) },
    Row { name: "parshall_tcp_rtt_min_seconds", unit: "seconds", label: SIDE, range: RTT,
        help: "Smallest round-trip time of data in each record.",
        observe: |record, observe| rtt(record, observe, |rtt| rtt.min as f64) },
    Row { name: "parshall_tcp_rtt_max_seconds", unit: "seconds", label: SIDE, range: RTT,
        help: "Largest round-trip time of data in each record.",
        observe: |record, observe| rtt(record, observe, |rtt| rtt.max as f64) },
    Row { name: "parshall_tcp_rtt_deviation_seconds", unit: "seconds", label: SIDE, range: RTT,
        help: "Standard deviation of the round-trip times of data in each record.",
        observe: |record, observe| rtt(record, observe, |rtt| rtt.std) },
    Row { name: "parshall_tcp_throughput_bytes_per_second", unit: "bytes per second", label: SIDE, range: (6, 34, 2),
        help: "Payload sent over the time from its first to its last segment, of sides that sent 10 kB or more.",
        observe: |record, observe| if let Some(tcp) = &record.tcp {
            for (side, (direction, sent)) in [(&tcp.c2s, &record.c2s), (&tcp.s2c, &record.s2c)].into_iter().enumerate() {
                if let (Some(first), Some(last)) = (direction.first_payload, direction.last_payload)
                    && sent.payload_bytes >= 10_000 && last > first
                {
                    observe(side, sent.payload_bytes as f64 * 1e9 / last.since(first) as f64, 1);
                }
            }
        } },
    Row { name: "parshall_tcp_window_max_bytes", unit: "bytes", label: SIDE, range: (8, 30, 1),
        help: "Largest window announced by each side.",
        observe: |record, observe| sides(record, observe, |side| side.window_max.map(|bytes| bytes as f64)) },
    Row { name: "parshall_tcp_window_min_bytes", unit: "bytes", label: SIDE, range: (8, 30, 1),
        help: "Smallest window announced by each side, other than 0.",
        observe: |record, observe| sides(record, observe, |side| side.window_min.map(|bytes| bytes as f64)) },
    Row { name: "parshall_tcp_mss_bytes", unit: "bytes", label: SIDE, range: (7, 16, 1),
        help: "Maximum segment size that each side announced.",
        observe: |record, observe| sides(record, observe, |side| side.mss.map(f64::from)) },
    Row { name: "parshall_tcp_segment_max_bytes", unit: "bytes", label: SIDE, range: (0, 17, 1),
        help: "Largest payload of a segment that each side sent.",
        observe: |record, observe| sides(record, observe, |side| side.mss_max.map(f64::from)) },
    Row { name: "parshall_tcp_inflight_max_bytes", unit: "bytes", label: SIDE, range: (0, 30, 2),
        help: "Most bytes that each side had in flight.",
        observe: |record, observe| sides(record, observe, |side| side.inflight_max.map(f64::from)) },
    Row { name: "parshall_tcp_inflight_initial_bytes", unit: "bytes", label: SIDE, range: (0, 20, 1),
        help: "Payload that each side sent before the first acknowledgement of it: the initial congestion window as used.",
        observe: |record, observe| sides(record, observe, |side| side.inflight_initial.map(f64::from)) },
];

/// The counts of every row: one distribution for each series.
#[derive(Clone, Debug, PartialEq)]
pub struct Distributions(pub Vec<Vec<Distribution>>);

impl Default for Distributions {
    fn default() -> Distributions {
        let series = |row: &Row| row.label.1.iter().map(|_| Distribution::new(row.range.0, row.range.1)).collect();
        Distributions(ROWS.iter().map(series).collect())
    }
}

impl Distributions {
    /// Observes a finished record.
    pub fn record(&mut self, record: &FlowRecord) {
        for (row, series) in ROWS.iter().zip(&mut self.0) {
            (row.observe)(record, &mut |n, value, weight| series[n].add(value, weight));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::record;

    #[test]
    fn names_end_in_what_they_count_and_ranges_make_whole_buckets() {
        let mut seen = std::collections::HashSet::new();
        for row in ROWS {
            assert!(
                seen.insert(row.name) && row.name.starts_with("parshall_") && row.help.ends_with('.'),
                "{}",
                row.name
            );
            let (low, high, step) = row.range;
            assert!(low < high && step > 0 && (high - low) / step <= 32, "{}", row.name);
        }
    }

    #[test]
    fn a_record_is_in_every_histogram_that_it_has_a_value_for() {
        let mut all = Distributions::default();
        all.record(&record(2_000_000_001, 4));
        let count = |name: &str| {
            let at = ROWS.iter().position(|row| row.name == name).unwrap();
            all.0[at].iter().map(Distribution::count).collect::<Vec<_>>()
        };
        assert_eq!(count("parshall_flow_packets"), [0, 1, 0]);
        assert_eq!(count("parshall_packet_bytes"), [0, 4, 0]);
        assert_eq!(count("parshall_tcp_rtt_seconds"), [0, 0]);
    }
}
