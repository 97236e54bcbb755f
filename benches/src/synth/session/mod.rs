//! One session: a scenario being played once, with dice, addresses and frames of its own.
//!
//! **Owns** the frames of a session with the truth about them. **May touch** the models and `wire`.
//! **Order** made by `compose`, filled by a scenario, merged with the others by `compose`.

pub(crate) mod ends;
pub(crate) mod talk;

use super::dice::Dice;
use super::tcp::segment::Side;
use super::truth::ledger::{Icmp, Identity, Ledger, Sight};
use super::truth::tcp::TcpSight;
use super::truth::volume::Weight;
use super::wire::ip::Ip;
use ends::Ends;
use parshall_config::plan::Timeouts;
use parshall_engine::packet::{Flaw, Outcome};

/// What all sessions of a capture have in common.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    /// Resolution of the capture's clock. Unit: nanoseconds.
    pub(crate) tick: u64,
    pub(crate) timeouts: Timeouts,
    /// So many of a flow\'s first packets are told.
    pub(crate) first_packets: u8,
    pub(crate) faults: super::compose::Faults,
}

/// A frame that passed the probe.
#[derive(Clone, Debug)]
pub(crate) struct Shot {
    /// UNIX nanoseconds in the capture's resolution.
    pub(crate) at: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) wire_len: u32,
    pub(crate) outcome: Outcome,
    pub(crate) flaw: Option<Flaw>,
    /// Ledger and index of its anomaly.
    pub(crate) anomaly: Option<(usize, usize)>,
}

/// A packet on its way into the capture.
#[derive(Clone, Debug)]
pub(crate) struct Passing {
    /// Time in the session. Unit: nanoseconds.
    pub(crate) at: u64,
    pub(crate) side: Side,
    pub(crate) frame: Vec<u8>,
    /// IP length by the contract's rule.
    pub(crate) ip: u64,
    /// Payload by the contract's rule; `None` where it is open.
    pub(crate) payload: Option<u64>,
    pub(crate) ttl: u8,
    pub(crate) dscp: u8,
    pub(crate) flaw: Option<Flaw>,
    /// Bytes of the frame that are captured; all when it has fewer.
    pub(crate) captured: usize,
}

impl Passing {
    /// A well-formed packet.
    pub(crate) fn of(at: u64, side: Side, ends: &Ends, ip: &Ip, message: &[u8], payload: u64) -> Passing {
        let packet = ip.packet(message);
        Passing {
            at,
            side,
            ip: packet.len() as u64,
            frame: ends.link(side).frame(ip.ethertype(), &packet),
            payload: Some(payload),
            ttl: ip.ttl,
            dscp: ip.tos >> 2,
            flaw: None,
            captured: usize::MAX,
        }
    }
}

/// A session being played.
#[derive(Debug)]
pub(crate) struct Session<'s> {
    pub(crate) setting: &'s Setting,
    pub(crate) scenario: &'static str,
    pub(crate) number: u64,
    pub(crate) dice: Dice,
    /// When it begins. Unit: UNIX nanoseconds.
    start: u64,
    pub(crate) shots: Vec<Shot>,
    pub(crate) ledgers: Vec<Ledger>,
}

impl<'s> Session<'s> {
    pub(crate) fn new(setting: &'s Setting, scenario: &'static str, number: u64, start: u64) -> Session<'s> {
        let dice = Dice::new(setting.seed, number + 1);
        Session { setting, scenario, number, dice, start, shots: Vec::new(), ledgers: Vec::new() }
    }

    /// A time of the session as the capture's clock says it.
    pub(crate) fn clock(&self, at: u64) -> u64 {
        (self.start + at) / self.setting.tick * self.setting.tick
    }

    /// Opens the books of a key.
    pub(crate) fn flow(&mut self, identity: Identity) -> usize {
        self.ledgers.push(Ledger::new(identity, self.setting, (self.scenario, self.number)));
        self.ledgers.len() - 1
    }

    /// Opens the books of the key between two ends.
    pub(crate) fn flow_between(&mut self, ends: &Ends, protocol: u8, icmp: Option<Icmp>) -> usize {
        let (mut client, mut server) = (ends.client, ends.server);
        if !parshall_engine::key::protocol::has_ports(protocol) {
            client.set_port(0);
            server.set_port(0);
        }
        self.flow(Identity { client, server, protocol, icmp })
    }

    /// A packet of a flow passes the probe. Packets of one ledger come in the order of time.
    pub(crate) fn pass(&mut self, ledger: usize, passing: Passing, tcp: Option<TcpSight<'_>>) {
        let at = self.clock(passing.at);
        let wire_len = passing.frame.len() as u32;
        let (mac, vlans) = link_of(&passing.frame);
        let weight = Weight {
            ip: passing.ip,
            wire: u64::from(wire_len),
            payload: passing.payload,
            ttl: passing.ttl,
            dscp: passing.dscp,
            mac,
        };
        let anomaly = self.ledgers[ledger].see(&Sight { at, side: passing.side, weight, vlans: &vlans, tcp });
        let mut bytes = passing.frame;
        bytes.truncate(passing.captured);
        let anomaly = anomaly.map(|index| (ledger, index));
        self.shots.push(Shot { at, bytes, wire_len, outcome: Outcome::Flow, flaw: passing.flaw, anomaly });
    }

    /// A frame that belongs to no flow passes the probe, captured in full or up to `captured` bytes.
    pub(crate) fn refuse(&mut self, at: u64, frame: Vec<u8>, captured: usize, outcome: Outcome, flaw: Option<Flaw>) {
        let (at, wire_len) = (self.clock(at), frame.len() as u32);
        let mut bytes = frame;
        bytes.truncate(captured);
        self.shots.push(Shot { at, bytes, wire_len, outcome, flaw, anomaly: None });
    }

    /// Says how many records the last ledger opened was written for.
    pub(crate) fn expect(&mut self, records: usize) {
        if let Some(ledger) = self.ledgers.last_mut() {
            ledger.expect = Some(records);
        }
    }

    /// Says that the TCP headers of the last ledger opened cannot be read.
    pub(crate) fn unreadable(&mut self) {
        if let Some(ledger) = self.ledgers.last_mut() {
            ledger.unreadable = true;
        }
    }

    /// Names keys that the contract leaves open in the flows of the last ledger opened.
    pub(crate) fn open(&mut self, keys: &[&'static str]) {
        if let Some(ledger) = self.ledgers.last_mut() {
            ledger.open.extend(keys);
        }
    }
}

/// Source address and VLAN identifiers, as `wire::link` wrote them.
fn link_of(frame: &[u8]) -> ([u8; 6], Vec<u16>) {
    let mut mac = [0; 6];
    mac.copy_from_slice(&frame[6..12]);
    let tags = frame[12..].chunks(4).take_while(|tag| matches!(tag[..2], [0x81, 0x00] | [0x88, 0xa8]));
    (mac, tags.map(|tag| u16::from_be_bytes([tag[2], tag[3]]) & 0x0fff).collect())
}
