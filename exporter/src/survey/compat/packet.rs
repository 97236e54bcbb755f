//! packet-exporter: packets and frame lengths by endpoints, interface and protocol.
//!
//! **Owns** its names and the bounds of its histogram. **May touch** growths. **Order** fed by the watch's thread; asked by a
//! scrape.
//!
//! Mended against the original: ports are in the right byte order, IPv6 is told from IPv4, and bounds are those of frames and
//! not of seconds. A frame length is the mean of what came of a direction between two looks; the sum is exact.

use super::sums::Sums;
use super::{Devices, Family, Kind, Series, ends, labels, number};
use crate::survey::growth::{Growth, PACKETS, WIRE_BYTES};
use std::net::IpAddr;

/// Source, destination, port of the probe, protocol.
type Key = ((IpAddr, Option<u16>), (IpAddr, Option<u16>), Option<u16>, u8);

/// Upper bounds of frame lengths. Unit: bytes.
const FRAMES: [f64; 8] = [64.0, 128.0, 256.0, 512.0, 1024.0, 1280.0, 1518.0, 9018.0];

/// Bytes, packets, then packets by length.
const COUNTS: usize = 2 + FRAMES.len() + 1;

/// What is counted for it.
#[derive(Debug)]
pub(super) struct Packet(Sums<Key, COUNTS>);

/// An endpoint as the original writes it.
fn endpoint((ip, port): (IpAddr, Option<u16>)) -> String {
    match (ip, port) {
        (ip, None) => ip.to_string(),
        (IpAddr::V6(ip), Some(port)) => format!("[{ip}]:{port}"),
        (ip, Some(port)) => format!("{ip}:{port}"),
    }
}

impl Packet {
    pub(super) fn new(most: usize) -> Packet {
        Packet(Sums::new(most))
    }

    pub(super) const fn serve(&mut self, most: usize) {
        self.0.serve(most);
    }

    pub(super) fn grow(&mut self, growth: &Growth<'_>) {
        let record = growth.record;
        let ports = [true, false].map(|client| record.key.port(client == record.client_is_low));
        for (way, (source, target)) in ends(record).into_iter().enumerate() {
            let [packets, bytes] = [PACKETS, WIRE_BYTES].map(|row| growth.counts[way][row]);
            let mut counts = [0; COUNTS];
            (counts[0], counts[1]) = (bytes, packets);
            let mean = bytes as f64 / packets.max(1) as f64;
            counts[2 + FRAMES.iter().position(|bound| mean <= *bound).unwrap_or(FRAMES.len())] = packets;
            let input = record.input.map(|input| input.port);
            self.0.add(((source, ports[way]), (target, ports[1 - way]), input, record.key.protocol), counts);
        }
    }

    pub(super) fn families(&self, devices: &Devices<'_>) -> Vec<Family> {
        let mut total = Family::new("total_packets", Kind::Counter, "Packets.");
        let help = "Frame lengths, taken as the mean of the flow's direction; the sum is exact.";
        let mut lengths = Family::new("total_throughput", Kind::Histogram, help);
        for ((source, target, port, protocol), counts) in self.0.largest() {
            let pairs = labels(&[
                ("source", endpoint(source)),
                ("dest", endpoint(target)),
                ("interface", devices.name(port)),
                ("protocol", protocol.to_string()),
            ]);
            total.series.push(number(pairs.clone(), counts[1] as f64));
            lengths.series.push(Series::histogram(pairs, FRAMES.to_vec(), counts[2..].to_vec(), counts[0] as f64));
        }
        vec![total, lengths]
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{grown, tcp_flow, value};
    use super::*;
    use crate::exposition::Value;

    #[test]
    fn each_direction_has_its_packets_and_its_frames_by_their_mean_length() {
        let mut packet = Packet::new(10);
        let mut flow = tcp_flow(443, 10, 0);
        (flow.c2s.wire_bytes, flow.s2c.wire_bytes) = (640, 15_140);
        grown(&flow, |growth| packet.grow(growth));
        let families = packet.families(&Devices::of(&[]));
        let sent = "source=10.0.0.2:4000 dest=10.0.0.1:443 interface= protocol=6";
        assert_eq!(value(&families, "total_packets", sent), 10.0);
        let histogram = |n: usize| match &families[1].series[n].value {
            Value::Histogram { counts, sum, .. } => (counts.clone(), *sum),
            other @ Value::Number(_) => panic!("{other:?}"),
        };
        assert_eq!(histogram(0), (vec![0, 0, 0, 0, 0, 0, 10, 0, 0], 15_140.0), "the server's, 1,514 bytes each");
        assert_eq!(histogram(1), (vec![10, 0, 0, 0, 0, 0, 0, 0, 0], 640.0));
    }

    #[test]
    fn endpoints_are_written_as_in_a_url() {
        let six: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(endpoint((six, Some(53))), "[2001:db8::1]:53");
        assert_eq!(endpoint((six, None)), "2001:db8::1");
    }
}
