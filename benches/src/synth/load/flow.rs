//! One flow of a load: its key, and where both its streams stand.
//!
//! **Owns** keys that are distinct for distinct indexes, and sequence numbers. **May touch** `wire`.
//! **Order** called by the generator for each frame.

use super::Load;
use crate::synth::dice::{Dice, MILLION};
use crate::synth::wire::ip::{ETHERTYPE_V4, ETHERTYPE_V6, Ip};
use crate::synth::wire::link::Link;
use crate::synth::wire::tcp::{ACK, Header, Options, PSH, SYN, segment};
use crate::synth::wire::udp::datagram;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One flow.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    client: SocketAddr,
    server: SocketAddr,
    client_next: u32,
    server_next: u32,
    /// Length of the server's last segment.
    last: u32,
    /// A segment that was overtaken and is due: where it begins, and its length.
    held: Option<(u32, u32)>,
    ack_is_due: bool,
}

/// What the next TCP frame is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) size: usize,
    /// Data and ACKs in turn; else what fits no payload is an ACK.
    pub(super) alternate: bool,
    pub(super) resend: bool,
    pub(super) swap: bool,
}

/// A bijection of 32 bits that leaves no order behind (two rounds of multiply and shift).
fn scatter(index: u32) -> u32 {
    let mixed = (index ^ index >> 16).wrapping_mul(0x7feb_352d);
    let mixed = (mixed ^ mixed >> 15).wrapping_mul(0x846c_a68b);
    mixed ^ mixed >> 16
}

impl Flow {
    fn between(client: SocketAddr, server: SocketAddr, isn: u32) -> Flow {
        let (client_next, server_next) = (isn, scatter(isn));
        Flow { client, server, client_next, server_next, last: 0, held: None, ack_is_due: false }
    }

    /// The flow of this index; no two indexes of a load have one key.
    pub(super) fn new(load: &Load, index: u32) -> Flow {
        let mixed = scatter(index ^ load.seed as u32);
        let v6 = mixed % MILLION < load.v6;
        // 24 bits of the client's address and the port's multiple of 200 are the index's 32 bits.
        let port = 1_024 + (mixed & 0xff) as u16 * 200 + (scatter(mixed) % 200) as u16;
        let server_bits = scatter(!mixed) & 0xfff;
        let (client, server) = if v6 {
            let net = 0x2001_0db8_u128 << 96;
            let (client, server) = (net | 1 << 64 | u128::from(mixed >> 8), net | 2 << 64 | u128::from(server_bits));
            (IpAddr::V6(Ipv6Addr::from(client)), IpAddr::V6(Ipv6Addr::from(server)))
        } else {
            let (client, server) = (0x0a00_0000 | mixed >> 8, 0xac10_0000 | server_bits);
            (IpAddr::V4(Ipv4Addr::from(client)), IpAddr::V4(Ipv4Addr::from(server)))
        };
        Flow::between(SocketAddr::new(client, port), SocketAddr::new(server, 443), mixed)
    }

    /// A flow of a SYN flood.
    pub(super) fn flood(dice: &mut Dice) -> Flow {
        let client = IpAddr::V4(Ipv4Addr::from(dice.bits() as u32));
        let server = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let port = dice.between(1_024, 65_535) as u16;
        Flow::between(SocketAddr::new(client, port), SocketAddr::new(server, 80), dice.bits() as u32)
    }

    /// A flow between random ends.
    pub(super) fn stranger(dice: &mut Dice, v6: u32) -> Flow {
        let use_v6 = dice.chance(v6);
        let mut end = || {
            let port = dice.between(1, 65_535) as u16;
            let bits = u128::from(dice.bits()) << 64 | u128::from(dice.bits());
            let ip = if use_v6 { IpAddr::V6(bits.into()) } else { IpAddr::V4(Ipv4Addr::from(bits as u32)) };
            SocketAddr::new(ip, port)
        };
        let (client, server) = (end(), end());
        Flow::between(client, server, dice.bits() as u32)
    }

    fn headers(&self) -> usize {
        if self.client.is_ipv4() { 14 + 20 } else { 14 + 40 }
    }

    fn frame(&self, from_client: bool, protocol: u8, message: &[u8], size: usize) -> Vec<u8> {
        let (from, to) = if from_client { (self.client, self.server) } else { (self.server, self.client) };
        let link = Link { source: [2, 0, 0, 0, 0, 1], destination: [2, 0, 0, 0, 0, 2], vlans: Vec::new() };
        let link = if from_client { link } else { link.reversed() };
        let ethertype = if from.is_ipv4() { ETHERTYPE_V4 } else { ETHERTYPE_V6 };
        let mut frame = link.frame(ethertype, &Ip::new(from.ip(), to.ip(), protocol).packet(message));
        if frame.len() < size {
            frame.resize(size, 0);
        }
        frame
    }

    fn send(&self, from_client: bool, seq: u32, flags: u8, payload: u32, size: usize) -> Vec<u8> {
        let (from, to) = if from_client { (self.client, self.server) } else { (self.server, self.client) };
        let acked = if from_client { self.server_next } else { self.client_next };
        let ack = if flags & ACK == 0 { 0 } else { acked };
        let options =
            if flags & SYN == 0 { Options::default() } else { Options { mss: Some(1_460), ..Options::default() } };
        let header = Header { seq, ack, flags, window: 65_535 };
        let message = segment(from, to, header, &options, &vec![0; payload as usize]);
        self.frame(from_client, 6, &message, size)
    }

    /// The SYN alone.
    pub(super) fn syn(&self, size: usize) -> Vec<u8> {
        self.send(true, self.client_next, SYN, 0, size)
    }

    /// SYN and SYN+ACK; data begins behind them.
    pub(super) fn opening(&mut self) -> Vec<Vec<u8>> {
        let (client_isn, server_isn) = (self.client_next, self.server_next);
        let syn = self.send(true, client_isn.wrapping_sub(1), SYN, 0, 60);
        let answer = self.send(false, server_isn.wrapping_sub(1), SYN | ACK, 0, 60);
        vec![syn, answer]
    }

    /// The next frame of a TCP flow.
    pub(super) fn tcp(&mut self, shape: Shape) -> Vec<u8> {
        let room = shape.size.saturating_sub(self.headers() + 20) as u32;
        let ack = if shape.alternate { std::mem::take(&mut self.ack_is_due) } else { room <= 6 };
        if ack || room == 0 {
            return self.send(true, self.client_next, ACK, 0, shape.size);
        }
        self.ack_is_due = true;
        if let Some((seq, length)) = self.held.take() {
            return self.send(false, seq, ACK | PSH, length, shape.size);
        }
        if shape.resend && self.last > 0 {
            return self.send(false, self.server_next.wrapping_sub(self.last), ACK, self.last, shape.size);
        }
        let mut seq = self.server_next;
        if shape.swap {
            self.held = Some((seq, room));
            seq = seq.wrapping_add(room);
        }
        self.last = room;
        let frame = self.send(false, seq, ACK | PSH, room, shape.size);
        self.server_next = seq.wrapping_add(room);
        frame
    }

    /// A frame of a UDP flow.
    pub(super) fn udp(&self, size: usize, from_client: bool) -> Vec<u8> {
        let (from, to) = if from_client { (self.client, self.server) } else { (self.server, self.client) };
        let room = size.saturating_sub(self.headers() + 8);
        self.frame(from_client, 17, &datagram(from, to, &vec![0; room]), size)
    }

    /// A datagram, or a TCP segment with as much payload as fits.
    pub(super) fn any(&self, size: usize, tcp: bool) -> Vec<u8> {
        let room = size.saturating_sub(self.headers() + 20) as u32;
        if tcp { self.send(true, self.client_next, ACK, room, size) } else { self.udp(size, true) }
    }
}
