//! What stood around the keyed header, gathered on a second walk.
//!
//! **Owns** the sink that gathers it. **May touch** nothing else. **Order** called once per flow, when it is made from
//! a packet that had something taken off.

use super::ip::Keyed;
use super::walk::Sink;
use crate::key::ip_of;
use crate::packet::Encap;
use crate::record::{EncapLayer, Outer};
use std::net::IpAddr;

/// Gathers layers; `known` is what had been gathered when the last IP header was read.
#[derive(Debug, Default)]
pub(super) struct Gather {
    passed: Outer,
    pub(super) known: Outer,
}

impl Sink for Gather {
    fn vlan(&mut self, id: u16) {
        let _full = self.passed.vlan_ids.try_push(id);
    }

    fn layer(&mut self, kind: Encap, id: Option<u32>) {
        let _full = self.passed.encap.try_push(EncapLayer { kind, id });
    }

    fn ip(&mut self, outer: Option<&Keyed>) {
        self.passed.endpoints = outer.map(endpoints);
        self.known = self.passed.clone();
    }
}

fn endpoints(keyed: &Keyed) -> (IpAddr, IpAddr) {
    (ip_of(keyed.version, keyed.source), ip_of(keyed.version, keyed.destination))
}
