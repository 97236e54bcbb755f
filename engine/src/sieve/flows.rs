//! `--flow-filter` in the form that workers ask: tests in a row, each with the test to go on with if it is true, and if not.
//!
//! **Owns** the compiled filter. **May touch** a packet's key; the bytes of the frame only for VLAN and tunnel identifiers, which
//! a second walk finds (as slow as `decode`'s general path, and only for packets that had something taken off).
//! **Order** compiled on the control side, asked by `sieve` once a packet behind `decode`. No allocation, no recursion then:
//! every step goes forward.

use crate::decode::{self, DecodeOptions};
use crate::key::{FlowKey, protocol};
use crate::packet::{Encap, Encaps, Packet};
use crate::source::Frame;
use ipnet::IpNet;
use parshall_config::filter::FlowFilter as Asked;

/// Ends: further than any step.
const YES: u32 = u32::MAX;
const NO: u32 = u32::MAX - 1;

/// A set of numbers as ranges that neither overlap nor touch, ascending, with both bounds included.
#[derive(Clone, Debug, Default)]
struct Ranges<T>(Vec<(T, T)>);

impl<T: Copy + Ord> Ranges<T> {
    fn new(mut ranges: Vec<(T, T)>) -> Ranges<T> {
        ranges.sort_unstable();
        let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match merged.last_mut() {
                Some(last) if low <= last.1 => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Ranges(merged)
    }

    #[inline]
    fn has(&self, value: T) -> bool {
        let behind = self.0.partition_point(|(low, _)| *low <= value);
        behind > 0 && value <= self.0[behind - 1].1
    }
}

/// What one step asks.
#[derive(Clone, Debug)]
enum Test {
    /// An end is in one of these networks.
    Net {
        v4: Ranges<u32>,
        v6: Ranges<u128>,
    },
    /// The protocol has ports, and one is in these ranges.
    Port(Ranges<u16>),
    /// Bit n stands for protocol n.
    Protocol([u64; 4]),
    Version(u8),
    /// One of these was taken off.
    TakenOff(Encaps),
    /// A VLAN tag in these ranges was taken off.
    Vlan(Ranges<u16>),
    /// One of these layers, with this identifier, was taken off.
    Layer(Vec<(Encap, u32)>),
}

#[derive(Clone, Debug)]
struct Step {
    test: Test,
    yes: u32,
    no: u32,
}

/// A compiled filter.
#[derive(Clone, Debug)]
pub struct FlowFilter {
    steps: Vec<Step>,
    first: u32,
}

impl FlowFilter {
    /// Compiles a filter.
    #[must_use]
    pub fn new(asked: &Asked) -> FlowFilter {
        // Steps are laid from the last to the first, so that each knows the ones behind it; then turned round.
        let mut steps = Vec::new();
        let first = lay(asked, YES, NO, &mut steps);
        let count = steps.len() as u32;
        let turn = |to: u32| if to < count { count - 1 - to } else { to };
        let turned = steps.into_iter().rev().map(|step: Step| Step { yes: turn(step.yes), no: turn(step.no), ..step });
        FlowFilter { steps: turned.collect(), first: turn(first) }
    }

    /// Whether a packet's flow matches.
    #[inline]
    #[must_use]
    pub fn matches(&self, packet: &Packet, frame: &Frame<'_>, options: &DecodeOptions) -> bool {
        let (mut at, key) = (self.first, packet.key());
        while let Some(step) = self.steps.get(at as usize) {
            at = if step.test.holds(packet, &key, frame, options) { step.yes } else { step.no };
        }
        at == YES
    }
}

/// Lays the steps of `asked`, which go on with `yes` or `no`; returns where to begin.
///
/// Recursion is as deep as the tree, which the grammar bounds.
fn lay(asked: &Asked, yes: u32, no: u32, steps: &mut Vec<Step>) -> u32 {
    match asked {
        Asked::All(all) => all.iter().rev().fold(yes, |next, one| lay(one, next, no, steps)),
        Asked::Any(any) => any.iter().rev().fold(no, |next, one| lay(one, yes, next, steps)),
        Asked::Not(inner) => lay(inner, no, yes, steps),
        other => {
            // Names were checked by the grammar, so a list of encapsulations gives one step or two.
            tests(other).into_iter().fold(no, |next, test| {
                steps.push(Step { test, yes, no: next });
                steps.len() as u32 - 1
            })
        }
    }
}

/// The tests of one statement; it is true if any of them is.
fn tests(asked: &Asked) -> Vec<Test> {
    match asked {
        Asked::Net(nets) => vec![net(nets)],
        Asked::Port(ports) => vec![Test::Port(Ranges::new(ports.clone()))],
        Asked::Protocol(numbers) => {
            let mut bits = [0; 4];
            for number in numbers {
                bits[usize::from(number >> 6)] |= 1 << (number & 63);
            }
            vec![Test::Protocol(bits)]
        }
        Asked::Version(version) => vec![Test::Version(*version)],
        Asked::Tagged => vec![taken_off(|kind| kind == Encap::Vlan)],
        Asked::Vlan(ids) => vec![Test::Vlan(Ranges::new(ids.clone()))],
        Asked::Encapsulated => vec![taken_off(|kind| kind != Encap::Vlan)],
        Asked::Encap(layers) => encap(layers),
        Asked::All(_) | Asked::Any(_) | Asked::Not(_) => Vec::new(),
    }
}

fn taken_off(wanted: impl Fn(Encap) -> bool) -> Test {
    let mut set = Encaps::NONE;
    for (kind, _) in Encap::ALL.iter().filter(|(kind, _)| wanted(*kind)) {
        set.add(*kind);
    }
    Test::TakenOff(set)
}

fn net(nets: &[IpNet]) -> Test {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for net in nets {
        match net {
            IpNet::V4(net) => v4.push((u32::from(net.network()), u32::from(net.broadcast()))),
            IpNet::V6(net) => v6.push((u128::from(net.network()), u128::from(net.broadcast()))),
        }
    }
    Test::Net { v4: Ranges::new(v4), v6: Ranges::new(v6) }
}

fn encap(layers: &[(String, Option<u32>)]) -> Vec<Test> {
    let named = |name: &str| Encap::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind);
    let with_id: Vec<(Encap, u32)> = layers.iter().filter_map(|(name, id)| Some((named(name)?, (*id)?))).collect();
    let plain = |kind| layers.iter().any(|(name, id)| id.is_none() && named(name) == Some(kind));
    let mut tests = Vec::new();
    if !with_id.is_empty() {
        tests.push(Test::Layer(with_id));
    }
    if layers.iter().any(|(_, id)| id.is_none()) {
        tests.push(taken_off(plain));
    }
    tests
}

impl Test {
    #[inline]
    fn holds(&self, packet: &Packet, key: &FlowKey, frame: &Frame<'_>, options: &DecodeOptions) -> bool {
        match self {
            Test::Net { v4, .. } if key.version == 4 => v4.has(key.low as u32) || v4.has(key.high as u32),
            Test::Net { v6, .. } => v6.has(key.low) || v6.has(key.high),
            Test::Port(ports) => {
                protocol::has_ports(key.protocol) && (ports.has(key.low_port) || ports.has(key.high_port))
            }
            Test::Protocol(bits) => bits[usize::from(key.protocol >> 6)] >> (key.protocol & 63) & 1 != 0,
            Test::Version(version) => key.version == *version,
            Test::TakenOff(set) => packet.encaps.0 & set.0 != 0,
            Test::Vlan(_) if !packet.encaps.has(Encap::Vlan) => false,
            Test::Vlan(ids) => decode::outer(frame.bytes, frame.link, options).vlan_ids.iter().any(|id| ids.has(*id)),
            Test::Layer(layers) if !layers.iter().any(|(kind, _)| packet.encaps.has(*kind)) => false,
            Test::Layer(layers) => {
                let outer = decode::outer(frame.bytes, frame.link, options);
                outer
                    .encap
                    .iter()
                    .any(|have| layers.iter().any(|(kind, id)| have.kind == *kind && have.id == Some(*id)))
            }
        }
    }
}
