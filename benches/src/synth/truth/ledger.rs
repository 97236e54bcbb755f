//! The life of one key: which packets make one record, and how each record ends.
//!
//! **Owns** the records of one key. **May touch** what the models know of each packet. **Order** `see` is called for
//! each packet as it passes the probe; `close` when the capture has ended.
//!
//! The boundaries come from the contract's section "Life" and the session's own knowledge: which SYN opens which
//! connection, when both FINs are acknowledged, how long nothing passed. A scenario says how many records it has
//! written for (`expect`); with the default timeouts a ledger that comes to another number is a fault of the generator.

use super::anomaly::Anomaly;
use super::first::First;
use super::flow::{FlowTruth, Keys, micros};
use super::tcp::{TcpSight, TcpTruth};
use super::volume::{Volume, Weight};
use crate::synth::session::Setting;
use crate::synth::tcp::segment::Side;
use parshall_config::plan::Timeouts;
use parshall_engine::key::protocol;
use parshall_engine::time::nanos_of;
use std::net::SocketAddr;

/// How long a midstream flow keeps a SYN for itself. Unit: nanoseconds. Contract, "Life".
const MIDSTREAM_SYN: u64 = 1_000_000_000;

/// The end of a midstream flow that a SYN replaces: the contract does not name it.
const REPLACED: &str = "";

/// What an ICMP flow is keyed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Icmp {
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) id: Option<u16>,
}

/// The two ends of a session and what flows between them. Ports are 0 where the protocol has none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) protocol: u8,
    pub(crate) icmp: Option<Icmp>,
}

impl Identity {
    fn end(&self, side: Side) -> SocketAddr {
        if side == Side::Client { self.client } else { self.server }
    }
}

/// A packet that passes.
#[derive(Debug)]
pub(crate) struct Sight<'a> {
    /// Time of the frame in the capture. Unit: UNIX nanoseconds.
    pub(crate) at: u64,
    pub(crate) side: Side,
    pub(crate) weight: Weight,
    pub(crate) vlans: &'a [u16],
    pub(crate) tcp: Option<TcpSight<'a>>,
}

#[derive(Clone, Debug)]
struct Flow {
    protocol: u8,
    client: Side,
    start: u64,
    last: u64,
    /// Start of the record, which is the flow's unless it was cut.
    record_start: u64,
    record_seq: u32,
    /// Packets of the flow, cut records included.
    packets: u64,
    volumes: [Volume; 2],
    first: First,
    vlans: Vec<u16>,
    tcp: Option<TcpTruth>,
    closed: Option<(u64, &'static str)>,
    icmp_errors: u32,
}

/// The records of one key.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) identity: Identity,
    timeouts: Timeouts,
    first_packets: usize,
    flow: Option<Flow>,
    done: Vec<FlowTruth>,
    /// Each with the index of its record in this ledger.
    pub(crate) anomalies: Vec<(usize, Anomaly)>,
    /// Records that the scenario was written for.
    pub(crate) expect: Option<usize>,
    /// Keys that the scenario knows to be open.
    pub(crate) open: Vec<&'static str>,
    /// What the headers say of TCP is open: they cannot be read.
    pub(crate) unreadable: bool,
    tag: (&'static str, u64),
}

impl Ledger {
    pub(crate) fn new(identity: Identity, setting: &Setting, tag: (&'static str, u64)) -> Ledger {
        let (done, anomalies, open) = (Vec::new(), Vec::new(), Vec::new());
        let (timeouts, first_packets) = (setting.timeouts, usize::from(setting.first_packets));
        Ledger {
            identity,
            timeouts,
            first_packets,
            flow: None,
            done,
            anomalies,
            expect: None,
            open,
            unreadable: false,
            tag,
        }
    }

    /// Takes a packet in. Gives the index of its anomaly, if it is one.
    pub(crate) fn see(&mut self, sight: &Sight<'_>) -> Option<usize> {
        self.end_before(sight);
        let record = self.done.len();
        let flow = self.flow.get_or_insert_with(|| Flow::begin(sight, self.identity.protocol));
        flow.first.see(sight, self.first_packets);
        flow.take(sight);
        let found = flow.tcp.as_mut().zip(sight.tcp.as_ref()).and_then(|(tcp, seen)| {
            let client = flow.client;
            let anomaly = tcp.see(sight.at, sight.side, seen, client);
            if flow.closed.is_none() {
                flow.closed = tcp.closed_by(seen).map(|reason| (sight.at, reason));
            }
            for range in tcp.take_reports() {
                prove(&mut self.anomalies, record, range);
            }
            anomaly
        })?;
        self.anomalies.push((record, found));
        Some(self.anomalies.len() - 1)
    }

    /// An ICMP error quotes this flow.
    pub(crate) fn quoted(&mut self) {
        if let Some(flow) = &mut self.flow {
            flow.icmp_errors += 1;
        }
    }

    /// Ends the flow, or cuts its record, if this packet does not belong to it any more.
    fn end_before(&mut self, sight: &Sight<'_>) {
        let Some(flow) = &self.flow else { return };
        let active = self.timeouts.active.map(nanos_of);
        if let Some(reason) = flow.over(sight, &self.timeouts) {
            self.finish(reason);
        } else if active.is_some_and(|active| sight.at - flow.record_start >= active) {
            self.cut(sight.at);
        }
    }

    fn finish(&mut self, reason: &'static str) {
        if let Some(flow) = self.flow.take() {
            let truth = self.write(&flow, reason);
            self.done.push(truth);
        }
    }

    fn cut(&mut self, at: u64) {
        let Some(mut flow) = self.flow.take() else { return };
        let truth = self.write(&flow, "active");
        self.done.push(truth);
        flow.record_seq += 1;
        flow.record_start = at;
        flow.volumes = Default::default();
        if let Some(tcp) = &mut flow.tcp {
            tcp.cut();
        }
        self.flow = Some(flow);
    }

    /// The capture ends at `end`: the last record's reason is known, and all records are complete.
    ///
    /// # Panics
    /// If a scenario played with the default timeouts has other records than it was written for.
    pub(crate) fn close(mut self, end: u64) -> (Vec<FlowTruth>, Vec<(usize, Anomaly)>) {
        if let Some(flow) = &self.flow {
            let (sure, unsure) = flow.timeout(&self.timeouts);
            let quiet = end - flow.last;
            let word = |timeout| if quiet > timeout { "idle" } else { "shutdown" };
            let reason = flow.closed.map_or(word(sure), |(_, reason)| reason);
            let open = flow.closed.is_none() && word(sure) != word(unsure);
            self.finish(reason);
            if open && let Some(last) = self.done.last_mut() {
                last.keys.open("", "end_reason");
            }
        }
        if let Some(expected) = self.expect.filter(|_| self.timeouts == Timeouts::default()) {
            assert_eq!(self.done.len(), expected, "records of scenario {} in session {}", self.tag.0, self.tag.1);
        }
        (self.done, self.anomalies)
    }

    fn write(&self, flow: &Flow, reason: &'static str) -> FlowTruth {
        let (client, server) = (self.identity.end(flow.client), self.identity.end(flow.client.other()));
        let mut keys = Keys::default();
        let mut truth = FlowTruth {
            scenario: self.tag.0,
            session: self.tag.1,
            start_ns: flow.record_start,
            end_ns: flow.last,
            record_seq: flow.record_seq,
            protocol: self.identity.protocol,
            client_ip: client.ip(),
            client_port: client.port(),
            server_ip: server.ip(),
            server_port: server.port(),
            packets: flow.volumes.iter().map(|volume| volume.packets).sum(),
            icmp_errors: flow.icmp_errors,
            keys: Keys::default(),
        };
        self.write_identity(&truth, flow, reason, &mut keys);
        flow.write_times(&mut keys);
        flow.first.write(flow.client, flow.record_seq, &mut keys);
        for (prefix, side) in [("c2s_", flow.client), ("s2c_", flow.client.other())] {
            flow.volumes[side as usize].write(prefix, &mut keys);
        }
        if let Some(tcp) = flow.tcp.as_ref().filter(|_| !self.unreadable) {
            tcp.write(flow.client, flow.record_seq, reason, &mut keys);
        }
        for key in self.open.iter().chain((reason == REPLACED).then_some(&"end_reason")) {
            keys.open("", key);
        }
        truth.keys = keys;
        truth
    }

    fn write_identity(&self, truth: &FlowTruth, flow: &Flow, reason: &'static str, keys: &mut Keys) {
        keys.set("", "start_ns", truth.start_ns);
        keys.set("", "end_ns", truth.end_ns);
        keys.set("", "end_reason", reason);
        keys.set("", "record_seq", truth.record_seq);
        keys.set("", "ip_version", if truth.client_ip.is_ipv4() { 4 } else { 6 });
        keys.set("", "protocol", truth.protocol);
        keys.set("", "client_ip", truth.client_ip.to_string());
        keys.set("", "server_ip", truth.server_ip.to_string());
        let ports = protocol::has_ports(truth.protocol);
        keys.maybe("", "client_port", ports.then_some(truth.client_port));
        keys.maybe("", "server_port", ports.then_some(truth.server_port));
        keys.maybe("", "icmp_type", self.identity.icmp.map(|icmp| icmp.kind));
        keys.maybe("", "icmp_code", self.identity.icmp.map(|icmp| icmp.code));
        keys.maybe("", "icmp_id", self.identity.icmp.and_then(|icmp| icmp.id));
        keys.maybe("", "vlan_ids", (!flow.vlans.is_empty()).then(|| flow.vlans.clone()));
    }
}

/// A duplicate report (RFC 2883) proves that what was sent again in `range` of a stream was not needed.
fn prove(anomalies: &mut [(usize, Anomaly)], record: usize, (side, left, right): (Side, u64, u64)) {
    for (of, anomaly) in anomalies.iter_mut().rev() {
        let inside = anomaly.side == side && anomaly.range.0 < right && left < anomaly.range.1;
        if *of == record && inside && anomaly.provable {
            anomaly.evident = true;
            return;
        }
    }
}

impl Flow {
    fn begin(sight: &Sight<'_>, protocol: u8) -> Flow {
        let answers = sight.tcp.as_ref().is_some_and(|tcp| tcp.segment.syn && tcp.segment.ack.is_some());
        Flow {
            protocol,
            client: if answers { sight.side.other() } else { sight.side },
            start: sight.at,
            last: sight.at,
            record_start: sight.at,
            record_seq: 0,
            packets: 0,
            volumes: Default::default(),
            first: First::default(),
            vlans: sight.vlans.to_vec(),
            tcp: (protocol == protocol::TCP).then(TcpTruth::default),
            closed: None,
            icmp_errors: 0,
        }
    }

    fn take(&mut self, sight: &Sight<'_>) {
        self.last = self.last.max(sight.at);
        self.packets += 1;
        self.volumes[sight.side as usize].add(sight.at, sight.weight);
    }

    /// When each direction spoke, and how long the answer took: protocols other than TCP.
    fn write_times(&self, keys: &mut Keys) {
        let connected = self.protocol == protocol::TCP;
        let span = |side: Side| self.volumes[side as usize].span.filter(|_| !connected);
        let (asked, answered) = (span(self.client), span(self.client.other()));
        for (prefix, span) in [("c2s_", asked), ("s2c_", answered)] {
            keys.maybe(prefix, "first_ns", span.map(|span| span.0));
            keys.maybe(prefix, "last_ns", span.map(|span| span.1));
        }
        let response =
            asked.zip(answered).filter(|_| self.record_seq == 0).map(|(asked, answered)| answered.0 - asked.0);
        keys.maybe("", "response_us", response.map(|nanos| micros(nanos as f64)));
    }

    /// Why the flow is over when this packet comes, if it is.
    fn over(&self, sight: &Sight<'_>, timeouts: &Timeouts) -> Option<&'static str> {
        let opens = sight.tcp.as_ref().is_some_and(|tcp| tcp.segment.syn && tcp.segment.ack.is_none());
        let known =
            self.tcp.as_ref().zip(sight.tcp.as_ref()).is_some_and(|(tcp, seen)| tcp.knows_syn(sight.side, seen));
        let new_syn = opens && !known;
        if let Some((at, reason)) = self.closed {
            let lingers = sight.at - at <= nanos_of(timeouts.tcp_linger) && !timeouts.tcp_linger.is_zero();
            return (!lingers || new_syn).then_some(reason);
        }
        if sight.at - self.last > self.timeout(timeouts).0 {
            return Some("idle");
        }
        let midstream = self.tcp.as_ref().is_some_and(TcpTruth::midstream);
        (new_syn && midstream && sight.at - self.start > MIDSTREAM_SYN).then_some(REPLACED)
    }

    /// How long the flow waits for its next packet: as the contract says, and by the other reading where a flow holds
    /// nothing but a SYN and its answer.
    fn timeout(&self, timeouts: &Timeouts) -> (u64, u64) {
        let usual = nanos_of(match self.protocol {
            protocol::TCP => timeouts.tcp_idle,
            protocol::UDP => timeouts.udp_idle,
            _ => timeouts.other_idle,
        });
        let single = nanos_of(timeouts.single_packet);
        let (only_syns, only_opening) = self.tcp.as_ref().map_or((false, false), TcpTruth::only_syns);
        let sure = if self.packets == 1 || only_syns { single } else { usual };
        let unsure = if self.packets == 1 || only_opening { single } else { usual };
        (sure, unsure)
    }
}
