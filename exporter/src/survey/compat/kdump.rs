//! kdump's tcp-exporter: events of TCP by pair of addresses, volumes by interface.
//!
//! **Owns** its names. **May touch** growths. **Order** fed by the watch's thread; asked by a scrape.
//!
//! Mended against the original: retransmissions and round-trip times are told by flow and not by an acknowledgement number
//! that all flows share, and zero windows have all their labels. Volumes are those of all TCP flows. `ip_df_metric` is left out.

use super::sums::Sums;
use super::{Devices, Family, Kind, ends, labels, number};
use crate::survey::growth::{Growth, IP_BYTES, PACKETS, PAYLOAD, RESETS, RETRANSMITTED, RTT_SUM, SYNS, ZERO_WINDOWS};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Source, destination, port of the probe.
type Key = (IpAddr, IpAddr, Option<u16>);

/// Names by place in the sums, behind the bytes that order them, with what one count is in the original's unit.
const EVENTS: [(&str, &str, f64); 5] = [
    ("retransmission_metric", "Segments sent again.", 1.0),
    ("duration_metric", "Sum of round-trip times in nanoseconds.", 1e3),
    ("window_scale_metric", "SYNs that offer window scaling.", 1.0),
    ("rst_metric", "Segments with RST.", 1.0),
    ("zerowindow_metric", "Segments that announce a window of 0.", 1.0),
];

const VOLUMES: [(&str, &str); 3] = [
    ("ip_packet_size", "IP bytes of all TCP flows."),
    ("tcp_packet_size", "Their payload bytes."),
    ("packet_count", "Their packets."),
];

/// What is counted for it.
#[derive(Debug)]
pub(super) struct Kdump {
    events: Sums<Key, { EVENTS.len() + 1 }>,
    volumes: BTreeMap<Option<u16>, [u64; VOLUMES.len()]>,
}

impl Kdump {
    pub(super) fn new(most: usize) -> Kdump {
        Kdump { events: Sums::new(most), volumes: BTreeMap::new() }
    }

    pub(super) const fn serve(&mut self, most: usize) {
        self.events.serve(most);
    }

    pub(super) fn grow(&mut self, growth: &Growth<'_>) {
        let Some(tcp) = &growth.record.tcp else { return };
        let port = growth.record.input.map(|input| input.port);
        for ((way, sent), (source, target)) in [&tcp.c2s, &tcp.s2c].into_iter().enumerate().zip(ends(growth.record)) {
            let grown = |row: usize| growth.counts[way][row];
            let offers = if sent.ws_option == Some(true) { grown(SYNS) } else { 0 };
            let events =
                [grown(IP_BYTES), grown(RETRANSMITTED), grown(RTT_SUM), offers, grown(RESETS), grown(ZERO_WINDOWS)];
            self.events.add((source, target, port), events);
            let volumes = self.volumes.entry(port).or_default();
            volumes.iter_mut().zip([IP_BYTES, PAYLOAD, PACKETS]).for_each(|(sum, row)| *sum += grown(row));
        }
    }

    pub(super) fn families(&self, devices: &Devices<'_>) -> Vec<Family> {
        let rows = self.events.largest();
        let event = |(n, (name, help, unit)): (usize, &(&str, &str, f64))| {
            let mut family = Family::new(name, Kind::Counter, help);
            family.series.extend(rows.iter().map(|((source, target, port), counts)| {
                let device = devices.name(*port);
                let pairs = [("srcIp", source.to_string()), ("dstIp", target.to_string()), ("deviceName", device)];
                number(labels(&pairs), counts[n + 1] as f64 * unit)
            }));
            family
        };
        let volume = |(n, (name, help)): (usize, &(&str, &str))| {
            let mut family = Family::new(name, Kind::Counter, help);
            let rows = self.volumes.iter();
            family.series.extend(
                rows.map(|(port, sums)| number(labels(&[("deviceName", devices.name(*port))]), sums[n] as f64)),
            );
            family
        };
        EVENTS.iter().enumerate().map(event).chain(VOLUMES.iter().enumerate().map(volume)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{grown, tcp_flow, value};
    use super::*;
    use parshall_engine::record::{RttSummary, TcpHistory};

    #[test]
    fn events_are_summed_by_pair_and_volumes_by_interface_and_neither_sinks_when_flows_end() {
        let mut kdump = Kdump::new(10);
        for (port, resent) in [(443, 3), (8080, 2)] {
            let mut flow = tcp_flow(port, 10, 1000);
            let tcp = flow.tcp.as_mut().unwrap();
            tcp.c2s.ws_option = Some(true);
            (tcp.c2s.syn_count, tcp.s2c.rst_count, tcp.s2c.zero_windows) = (2, 1, 4);
            tcp.c2s.history = Some(TcpHistory { retx_packets: resent, ..TcpHistory::default() });
            let rtt = RttSummary { samples: 4, min: 1_000_000, avg: 2_000_000.0, max: 5_000_000, std: 0.0 };
            tcp.c2s.rtt = Some(rtt);
            grown(&flow, |growth| kdump.grow(growth));
        }
        let mut other = tcp_flow(53, 1, 1);
        other.tcp = None;
        grown(&other, |growth| kdump.grow(growth));
        let families = kdump.families(&Devices::of(&[]));
        let of = |name: &str, pair: &str| value(&families, name, pair);
        let (to, back) = ("srcIp=10.0.0.2 dstIp=10.0.0.1 deviceName=", "srcIp=10.0.0.1 dstIp=10.0.0.2 deviceName=");
        assert_eq!((of("retransmission_metric", to), of("retransmission_metric", back)), (5.0, 0.0));
        assert_eq!(of("duration_metric", to), 16e6, "two flows, four times of 2 ms each");
        assert_eq!((of("window_scale_metric", to), of("window_scale_metric", back)), (4.0, 0.0));
        assert_eq!((of("rst_metric", back), of("zerowindow_metric", back)), (2.0, 8.0));
        let volumes = ["ip_packet_size", "tcp_packet_size", "packet_count"].map(|name| of(name, "deviceName="));
        assert_eq!(volumes, [4.0 * 1400.0, 4.0 * 1000.0, 4.0 * 10.0], "both directions of both TCP flows");
    }
}
