//! What is counted of every protocol: packets, bytes, TTL, DSCP, MAC address, by direction.
//!
//! **Owns** these sums. **May touch** nothing. **Order** fed by `ledger`, written by `flow`.

use super::flow::Keys;

/// A packet as every protocol has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight {
    /// IP total length by the contract's rule. Unit: bytes.
    pub(crate) ip: u64,
    /// Frame on the wire. Unit: bytes.
    pub(crate) wire: u64,
    /// Transport payload by the contract's rule; `None` where the contract leaves it open. Unit: bytes.
    pub(crate) payload: Option<u64>,
    pub(crate) ttl: u8,
    pub(crate) dscp: u8,
    pub(crate) mac: [u8; 6],
}

/// One direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Volume {
    pub(crate) packets: u64,
    ip: u64,
    wire: u64,
    payload: u64,
    payload_open: bool,
    ttl: Option<(u8, u8)>,
    first: Option<(u8, [u8; 6])>,
    /// Times of the first and the last packet. Unit: UNIX nanoseconds.
    pub(crate) span: Option<(u64, u64)>,
}

impl Volume {
    pub(crate) fn add(&mut self, at: u64, weight: Weight) {
        self.packets += 1;
        self.ip += weight.ip;
        self.wire += weight.wire;
        match weight.payload {
            Some(payload) => self.payload += payload,
            None => self.payload_open = true,
        }
        let (low, high) = self.ttl.unwrap_or((weight.ttl, weight.ttl));
        self.ttl = Some((low.min(weight.ttl), high.max(weight.ttl)));
        self.first = self.first.or(Some((weight.dscp, weight.mac)));
        self.span = Some((self.span.map_or(at, |(first, _)| first), at));
    }

    pub(crate) fn write(&self, prefix: &str, keys: &mut Keys) {
        keys.set(prefix, "packets", self.packets);
        keys.set(prefix, "ip_bytes", self.ip);
        keys.set(prefix, "wire_bytes", self.wire);
        if self.payload_open {
            keys.open(prefix, "payload_bytes");
        } else {
            keys.set(prefix, "payload_bytes", self.payload);
        }
        keys.maybe(prefix, "ttl_min", self.ttl.map(|(low, _)| low));
        keys.maybe(prefix, "ttl_max", self.ttl.map(|(_, high)| high));
        keys.maybe(prefix, "dscp", self.first.map(|(dscp, _)| dscp));
        keys.maybe(prefix, "mac", self.first.map(|(_, mac)| mac_text(mac)));
    }
}

/// A MAC address as six pairs of hex digits with colons.
pub(crate) fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
