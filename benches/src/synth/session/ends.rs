//! The two ends of a session: addresses, ports, MAC addresses, what stands around the transport header.
//!
//! **Owns** the plan of addresses: no two sessions of a capture share a key. **May touch** the session's dice.
//! **Order** drawn first by every scenario.
//!
//! Clients of flows with ports are four sessions to a host in 10.0.0.0/9 (2001:db8:1::/48), each session with a range of
//! ports of its own; clients of flows without ports are hosts of their own in 10.128.0.0/9 (2001:db8:3::/48). Servers are
//! twenty hosts of 192.0.2.0/24 (2001:db8:2::/48), the first ones busier.

use super::Session;
use crate::synth::tcp::segment::Side;
use crate::synth::wire::ip::Ip;
use crate::synth::wire::link::Link;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Sessions that the plan of addresses has room for.
pub(crate) const MOST_SESSIONS: u64 = 1 << 23;

/// Client ports of one session.
const PORTS: u64 = 10_000;

/// Two ends.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    client_mac: [u8; 6],
    server_mac: [u8; 6],
    pub(crate) vlans: Vec<u16>,
    /// IPv4 options of every packet.
    pub(crate) options: Vec<u8>,
    /// IPv6 extension headers of every packet.
    pub(crate) extensions: Vec<(u8, Vec<u8>)>,
}

/// Which IP version a session uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V4,
    V6,
    /// Three in four sessions use IPv4.
    Either,
}

fn v6(net: u16, host: u64) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(net) << 80 | u128::from(host)))
}

impl Session<'_> {
    /// Ends with ports.
    pub(crate) fn ends(&mut self, version: Version, server_port: u16) -> Ends {
        let port = 20_000 + (self.number % 4) * PORTS + self.dice.below(PORTS);
        self.draw(version, self.number / 4, 0x0a00_0000, 1, (port as u16, server_port))
    }

    /// Ends without ports, whose client takes part in no other session.
    pub(crate) fn lone_ends(&mut self, version: Version) -> Ends {
        self.draw(version, self.number, 0x0a80_0000, 3, (0, 0))
    }

    fn draw(&mut self, version: Version, host: u64, v4_net: u32, v6_net: u16, ports: (u16, u16)) -> Ends {
        let use_v4 = match version {
            Version::V4 => true,
            Version::V6 => false,
            Version::Either => self.dice.chance(750_000),
        };
        let server = 1 + self.dice.below(20).min(self.dice.below(20));
        let (client, server) = if use_v4 {
            let client = Ipv4Addr::from(v4_net + host as u32 + 1);
            (IpAddr::V4(client), IpAddr::V4(Ipv4Addr::new(192, 0, 2, server as u8)))
        } else {
            (v6(v6_net, host + 1), v6(2, server))
        };
        let [.., a, b, c] = (host as u32).to_be_bytes();
        Ends {
            client: SocketAddr::new(client, ports.0),
            server: SocketAddr::new(server, ports.1),
            client_mac: [2, v6_net as u8, 0, a, b, c],
            server_mac: [2, 0xff, 0, 0, 0, 1],
            vlans: Vec::new(),
            options: Vec::new(),
            extensions: Vec::new(),
        }
    }
}

impl Ends {
    /// Whether the session uses IPv4.
    pub(crate) fn v4(&self) -> bool {
        self.client.is_ipv4()
    }

    /// The link header of packets from `side`.
    pub(crate) fn link(&self, side: Side) -> Link {
        let link = Link { source: self.client_mac, destination: self.server_mac, vlans: self.vlans.clone() };
        if side == Side::Client { link } else { link.reversed() }
    }

    /// Sender and receiver of packets from `side`.
    pub(crate) fn pair(&self, side: Side) -> (SocketAddr, SocketAddr) {
        if side == Side::Client { (self.client, self.server) } else { (self.server, self.client) }
    }

    /// The IP header of packets from `side`.
    pub(crate) fn ip(&self, side: Side, protocol: u8) -> Ip {
        let (from, to) = self.pair(side);
        let mut ip = Ip::new(from.ip(), to.ip(), protocol);
        if self.v4() {
            ip.options.clone_from(&self.options);
        } else {
            ip.extensions.clone_from(&self.extensions);
        }
        ip
    }

    /// The same ends with another client port.
    pub(crate) fn with_ports(&self, client: u16, server: u16) -> Ends {
        let mut ends = self.clone();
        ends.client.set_port(client);
        ends.server.set_port(server);
        ends
    }

    /// The two ends exchanged: the server is the one who asks.
    pub(crate) fn turned(&self) -> Ends {
        Ends {
            client: self.server,
            server: self.client,
            client_mac: self.server_mac,
            server_mac: self.client_mac,
            ..self.clone()
        }
    }
}
