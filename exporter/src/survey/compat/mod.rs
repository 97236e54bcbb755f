//! The metric names of other exporters, for the largest flows: theirs the names and labels, ours the arithmetic.
//!
//! **Owns** what must be remembered for them, and how ports and addresses are called. **May touch** records, growths and scenes.
//! **Order** fed by the watch's thread; asked by a scrape.
//!
//! | word | exporter | series |
//! |---|---|---|
//! | `tcp-stream` | tcp-stream-exporter | one stream a direction of a TCP flow; ended ones for a minute, as there |
//! | `kdump` | kdump's tcp-exporter | pairs of addresses; volumes of all TCP flows together |
//! | `packet` | packet-exporter | endpoints and protocol, with a histogram of frame lengths |
//! | `tzsp` | tzsp_packetstream_exporter | pairs of addresses with their types |
//!
//! Each file says what it mended and what it leaves out.

mod kdump;
mod packet;
mod stream;
mod sums;
mod tzsp;

use super::Watch;
use super::growth::Growth;
use super::scene::Scene;
use crate::exposition::{Family, Kind, Series};
use kdump::Kdump;
use packet::Packet;
use parshall_config::plan::WatchPlan;
use parshall_engine::merge::snapshot::{PortSnapshot, Snapshot};
use parshall_engine::record::FlowRecord;
use std::net::IpAddr;
use stream::Streams;
use tzsp::Tzsp;

/// What is remembered for the names that are served.
#[derive(Debug, Default)]
pub struct Compat {
    streams: Option<Streams>,
    kdump: Option<Kdump>,
    packet: Option<Packet>,
    tzsp: Option<Tzsp>,
}

impl Compat {
    /// Remembers what the names asked for need.
    #[must_use]
    pub fn new(plan: &WatchPlan) -> Compat {
        let mut compat = Compat::default();
        compat.replan(plan);
        compat
    }

    /// Remembers what `plan` needs from now on; what is still asked for goes on where it is.
    pub fn replan(&mut self, plan: &WatchPlan) {
        let most = usize::try_from(plan.compat_flows).unwrap_or(usize::MAX);
        let asked = |word: &str| plan.compat.iter().any(|other| other == word);
        let Compat { streams, kdump, packet, tzsp } = self;
        keep(streams, asked("tcp-stream").then(|| Streams::new(most)), |streams| streams.serve(most));
        keep(kdump, asked("kdump").then(|| Kdump::new(most)), |kdump| kdump.serve(most));
        keep(packet, asked("packet").then(|| Packet::new(most)), |packet| packet.serve(most));
        keep(tzsp, asked("tzsp").then(|| Tzsp::new(most)), |tzsp| tzsp.serve(most));
    }

    /// Takes in what a flow has grown by.
    pub fn grow(&mut self, growth: &Growth<'_>) {
        let Compat { kdump, packet, tzsp, .. } = self;
        if let Some(kdump) = kdump {
            kdump.grow(growth);
        }
        if let Some(packet) = packet {
            packet.grow(growth);
        }
        if let Some(tzsp) = tzsp {
            tzsp.grow(growth);
        }
    }

    /// Takes a finished record in.
    pub fn record(&mut self, record: &FlowRecord) {
        if let Some(streams) = &mut self.streams {
            streams.record(record);
        }
    }

    /// Takes the live flows in.
    pub fn scene(&mut self, scene: &Scene) {
        if let Some(streams) = &mut self.streams {
            streams.scene(scene);
        }
    }
}

/// Keeps what is there if it is wanted, else takes what is wanted.
fn keep<T>(there: &mut Option<T>, wanted: Option<T>, change: impl FnOnce(&mut T)) {
    match (there.as_mut(), &wanted) {
        (Some(there), Some(_)) => change(there),
        _ => *there = wanted,
    }
}

/// Memory of all of it, at the most.
#[must_use]
pub fn most_bytes(plan: &WatchPlan, live_flows: u64) -> u64 {
    if plan.compat.is_empty() {
        return 0;
    }
    stream::most_bytes(plan.compat_flows, live_flows) + 3 * sums::most_bytes(plan.compat_flows)
}

/// The families of the exporters that were asked for.
#[must_use]
pub fn families(watch: &Watch, snapshot: &Snapshot) -> Vec<Family> {
    if watch.plan().compat.is_empty() {
        return Vec::new();
    }
    let (scene, devices) = (watch.scene(), Devices::of(&snapshot.ports));
    let mut observed = watch.observed();
    let Compat { streams, kdump, packet, tzsp } = &mut observed.compat;
    let served = streams.as_mut().map(|streams| streams.served(&scene));
    let mut out = Vec::new();
    out.extend(kdump.iter().flat_map(|kdump| kdump.families(&devices)));
    out.extend(packet.iter().flat_map(|packet| packet.families(&devices)));
    out.extend(tzsp.iter().flat_map(|tzsp| tzsp.families(&devices)));
    drop(observed);
    out.extend(served.iter().flat_map(|served| stream::families(served, snapshot)));
    out
}

/// What ports are called by other exporters.
pub(super) struct Devices<'s>(&'s [PortSnapshot]);

impl<'s> Devices<'s> {
    const fn of(ports: &'s [PortSnapshot]) -> Devices<'s> {
        Devices(ports)
    }

    fn port(&self, number: u16) -> Option<&'s PortSnapshot> {
        self.0.iter().find(|port| port.port == number)
    }

    /// An interface: its name, or the number of a port that is not known; nothing in `read`.
    fn name(&self, port: Option<u16>) -> String {
        let name = |number| self.port(number).map_or_else(|| number.to_string(), |port| port.name.clone());
        port.map(name).unwrap_or_default()
    }

    /// The UDP port of a listener, the number of any other port; nothing in `read`.
    fn listen_port(&self, port: Option<u16>) -> String {
        let listener = |number| self.port(number).filter(|port| port.driver == "tzsp");
        let udp = |number| listener(number).and_then(|port| port.name.rsplit(':').next());
        port.map(|number| udp(number).map_or_else(|| number.to_string(), str::to_owned)).unwrap_or_default()
    }
}

/// Source and target of each direction.
fn ends(record: &FlowRecord) -> [(IpAddr, IpAddr); 2] {
    let (client, server) = (record.client_ip(), record.server_ip());
    [(client, server), (server, client)]
}

fn labels(pairs: &[(&str, String)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn number(pairs: Vec<(String, String)>, value: f64) -> Series {
    Series::number(pairs, value)
}

#[cfg(test)]
mod tests {
    use super::super::growth::counts;
    use super::*;
    use crate::exposition::Value;
    use parshall_engine::key::FlowKey;
    use parshall_engine::record::{Direction, TcpRecord};

    /// A TCP flow from 10.0.0.2:4000 to a port of 10.0.0.1 with so many packets and so much payload in each direction.
    pub(super) fn tcp_flow(port: u16, packets: u64, payload_bytes: u64) -> FlowRecord {
        let (key, client_is_low) = FlowKey::canonical(4, 6, (0x0a00_0002, 4000), (0x0a00_0001, port));
        let ip_bytes = payload_bytes + 40 * packets;
        let way =
            Direction { packets, payload_bytes, ip_bytes, wire_bytes: ip_bytes + 14 * packets, ..Direction::default() };
        let tcp = Some(TcpRecord::default());
        FlowRecord { key, client_is_low, flow_id: u64::from(port), c2s: way, s2c: way, tcp, ..FlowRecord::default() }
    }

    /// A flow as it is seen for the first time.
    pub(super) fn grown(record: &FlowRecord, mut take: impl FnMut(&Growth<'_>)) {
        take(&Growth { record, counts: counts(record), is_new: true });
    }

    /// The value of a series, which is named by its labels.
    #[track_caller]
    pub(super) fn value(families: &[Family], name: &str, series: &str) -> f64 {
        let family = families.iter().find(|family| family.name == name).unwrap_or_else(|| panic!("no {name}"));
        let named = |pairs: &[(String, String)]| {
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        let mut found = family.series.iter().filter(|one| named(&one.labels) == series);
        let one = found.next().unwrap_or_else(|| panic!("no {name} of {series} in {family:?}"));
        assert!(found.next().is_none(), "{name} of {series} twice");
        match one.value {
            Value::Number(value) => value,
            Value::Histogram { .. } => panic!("{name} is a histogram"),
        }
    }

    #[test]
    fn ports_are_called_what_their_users_call_them() {
        let port = |port, name: &str, driver: &str| PortSnapshot {
            port,
            name: name.to_owned(),
            driver: driver.to_owned(),
            ..PortSnapshot::default()
        };
        let ports = [port(0, "eth0", "net_af_packet"), port(1000, "0.0.0.0:37008", "tzsp")];
        let devices = Devices::of(&ports);
        assert_eq!([0, 1000, 7].map(|port| devices.name(Some(port))), ["eth0", "0.0.0.0:37008", "7"]);
        assert_eq!([0, 1000].map(|port| devices.listen_port(Some(port))), ["0", "37008"]);
        assert_eq!((devices.name(None), devices.listen_port(None)), (String::new(), String::new()));
    }
}
