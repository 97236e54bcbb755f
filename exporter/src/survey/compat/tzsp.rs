//! tzsp_packetstream_exporter: IP bytes and packets by pair of addresses, with the kind of each.
//!
//! **Owns** its names and what kind an address is. **May touch** growths. **Order** fed by the watch's thread; asked by a scrape.
//!
//! Mended against the original: IPv6 and packets inside VLANs count, and loopback, link-local and CGNAT addresses are private.

use super::sums::Sums;
use super::{Devices, Family, Kind, ends, labels, number};
use crate::survey::growth::{Growth, IP_BYTES, PACKETS};
use parshall_engine::tally::{L4_LABELS, l4_label};
use std::net::IpAddr;

/// From, to, protocol, port of the probe.
type Key = (IpAddr, IpAddr, u8, Option<u16>);

/// What is counted for it: IP bytes and packets.
#[derive(Debug)]
pub(super) struct Tzsp(Sums<Key, 2>);

/// `private`, `multicast` or `public`.
fn kind_of(ip: IpAddr) -> &'static str {
    let private = match ip {
        _ if ip.is_multicast() => return "multicast",
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let shared = a == 100 && b & 0xc0 == 64;
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_broadcast() || shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    if private { "private" } else { "public" }
}

/// A lower-case name, or the number of a protocol that has none here.
fn name_of(protocol: u8) -> String {
    match L4_LABELS[l4_label(protocol)] {
        (255, _) => protocol.to_string(),
        (_, name) => name.to_owned(),
    }
}

impl Tzsp {
    pub(super) fn new(most: usize) -> Tzsp {
        Tzsp(Sums::new(most))
    }

    pub(super) const fn serve(&mut self, most: usize) {
        self.0.serve(most);
    }

    pub(super) fn grow(&mut self, growth: &Growth<'_>) {
        let record = growth.record;
        let port = record.input.map(|input| input.port);
        for (way, (from, to)) in ends(record).into_iter().enumerate() {
            self.0.add((from, to, record.key.protocol, port), [IP_BYTES, PACKETS].map(|row| growth.counts[way][row]));
        }
    }

    pub(super) fn families(&self, devices: &Devices<'_>) -> Vec<Family> {
        let mut bytes = Family::new("tzsp_observed_bytes_total", Kind::Counter, "IP bytes.");
        let mut packets = Family::new("tzsp_observed_packets_total", Kind::Counter, "Packets.");
        for ((from, to, protocol, port), counts) in self.0.largest() {
            let pairs = labels(&[
                ("from", from.to_string()),
                ("from_type", kind_of(from).to_owned()),
                ("to", to.to_string()),
                ("to_type", kind_of(to).to_owned()),
                ("protocol", name_of(protocol)),
                ("listen_port", devices.listen_port(port)),
            ]);
            bytes.series.push(number(pairs.clone(), counts[0] as f64));
            packets.series.push(number(pairs, counts[1] as f64));
        }
        vec![bytes, packets]
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{grown, tcp_flow, value};
    use super::*;

    #[test]
    fn flows_of_a_pair_add_up_whatever_their_ports() {
        let mut tzsp = Tzsp::new(10);
        for port in [443, 8080] {
            grown(&tcp_flow(port, 10, 1000), |growth| tzsp.grow(growth));
        }
        let families = tzsp.families(&Devices::of(&[]));
        let pair = "from=10.0.0.2 from_type=private to=10.0.0.1 to_type=private protocol=tcp listen_port=";
        assert_eq!(value(&families, "tzsp_observed_bytes_total", pair), 2800.0);
        assert_eq!(value(&families, "tzsp_observed_packets_total", pair), 20.0);
    }

    #[test]
    fn addresses_that_no_router_of_the_internet_carries_are_private() {
        for (ip, want) in [
            ("10.1.2.3", "private"),
            ("100.64.0.1", "private"),
            ("100.128.0.1", "public"),
            ("127.0.0.1", "private"),
            ("169.254.1.1", "private"),
            ("255.255.255.255", "private"),
            ("224.0.0.251", "multicast"),
            ("192.0.2.1", "public"),
            ("::1", "private"),
            ("fe80::1", "private"),
            ("fd00::1", "private"),
            ("ff02::1", "multicast"),
            ("2001:db8::1", "public"),
        ] {
            assert_eq!(kind_of(ip.parse().unwrap()), want, "{ip}");
        }
        assert_eq!((name_of(6), name_of(99)), ("tcp".to_owned(), "99".to_owned()));
    }
}
