//! Frames made in memory while they are needed: many flows, visited in an order that has nothing to do with the order
//! in which they began.
//!
//! **Owns** one ring of frame buffers. **May touch** the engine's `Frame`, and the order of visits.
//! **Order** fills one burst at a time; what that costs is measured as the step "source".

use super::visits::{Visits, mix};
use clap::ValueEnum;
use parshall_engine::link::LinkType;
use parshall_engine::source::{BURST, Frame, Input};
use parshall_engine::time::Nanos;

/// What the packets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// TCP: data from the client in one visit, its acknowledgement from the server in the next.
    Exchange,
    /// TCP: seven segments of data from the client, then one acknowledgement of them all.
    Bulk,
    /// TCP: acknowledgements alone, each of more than the one before: one way of an asymmetric route.
    Acks,
    /// As `Exchange`, with one segment in 25 sent again and one in 25 overtaken by the next.
    Lossy,
    /// UDP, from both sides in turn.
    Udp,
    /// Every packet a TCP SYN of a new flow.
    NewFlows,
}

impl Kind {
    /// Visits of every flow before anything is measured: until its connection has left its beginning behind.
    #[must_use]
    pub const fn warm(self) -> u32 {
        match self {
            Kind::Bulk => 16,
            _ => 4,
        }
    }
}

const FRAMES: usize = 1024;
const SIZE: usize = 64;
const PAYLOAD: u32 = 6;

/// Time from one packet to the next, unless a bench says otherwise. Unit: nanoseconds.
pub const GAP: u64 = 50;

/// The stream.
#[derive(Debug)]
pub struct Stream {
    kind: Kind,
    visits: Visits,
    buffers: Vec<[u8; SIZE]>,
    used: usize,
    time: u64,
    gap: u64,
    /// One packet in so many begins a new flow; 0 none.
    every: u32,
    until_new: u32,
    /// Flows that began so.
    born: u64,
}

impl Stream {
    /// A stream that visits flows as `visits` has it.
    #[must_use]
    pub fn new(kind: Kind, visits: Visits) -> Stream {
        let mut template = [0_u8; SIZE];
        template[..12].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
        template[12..14].copy_from_slice(&[0x08, 0x00]);
        template[14] = 0x45;
        template[22] = 64;
        if kind == Kind::Udp {
            template[16..18].copy_from_slice(&46_u16.to_be_bytes());
            template[23] = 17;
            template[38..40].copy_from_slice(&26_u16.to_be_bytes());
        } else {
            template[23] = 6;
            template[46] = 0x50;
            template[48..50].copy_from_slice(&[0x20, 0]);
        }
        let every = u32::from(kind == Kind::NewFlows);
        let (buffers, time) = (vec![template; FRAMES], 1_700_000_000_000_000_000);
        Stream { kind, visits, buffers, used: 0, time, gap: GAP, every, until_new: every, born: 0 }
    }

    /// One packet in `every` is the SYN of a new flow from now on; 0 none. Not for a stream of UDP.
    pub const fn mix_in(&mut self, every: u32) {
        self.every = every;
        self.until_new = every;
    }

    /// Goes on with other visits.
    pub fn go_on(&mut self, visits: Visits) {
        self.visits = visits;
    }

    /// Packets come so many nanoseconds apart from now on.
    pub const fn set_gap(&mut self, nanos: u64) {
        self.gap = nanos;
    }

    /// Lets time pass without packets.
    pub const fn pass(&mut self, nanos: u64) {
        self.time += nanos;
    }

    /// Writes one burst; [`Stream::frame`] gives its frames.
    #[inline]
    pub fn fill(&mut self) {
        match self.kind {
            Kind::Exchange => self.fill_with(|visit| (visit.is_multiple_of(2), visit / 2)),
            Kind::Bulk => self.fill_with(|visit| (visit % 8 != 7, visit / 8 * 7 + (visit % 8).min(6))),
            Kind::Acks => self.fill_with(|visit| (false, visit)),
            Kind::Lossy => self.fill_with(lossy),
            Kind::Udp | Kind::NewFlows => self.fill_with(|visit| (visit.is_multiple_of(2), 0)),
        }
    }

    /// `segment` says of a flow's nth visit whether the client sends, and which of its segments.
    #[inline]
    fn fill_with(&mut self, segment: impl Fn(u32) -> (bool, u32)) {
        self.time += self.gap * BURST as u64;
        self.used = (self.used + BURST) % FRAMES;
        for place in self.used..self.used + BURST {
            if self.every > 0 {
                self.until_new -= 1;
                if self.until_new == 0 {
                    self.until_new = self.every;
                    self.write_new(place);
                    continue;
                }
            }
            let (flow, visit) = self.visits.take();
            let (up, turn) = segment(visit);
            self.write(place, flow, visit, up, turn);
        }
    }

    /// The frame at `n` of the burst written last.
    #[inline]
    #[must_use]
    pub fn frame(&self, n: usize) -> Frame<'_> {
        Frame {
            bytes: &self.buffers[self.used + n][..60],
            time: Nanos(self.time + n as u64 * self.gap),
            wire_len: 60,
            link: LinkType::ETHERNET,
            input: Input::default(),
        }
    }

    /// The time after the burst written last.
    #[must_use]
    pub const fn now(&self) -> Nanos {
        Nanos(self.time + self.gap * BURST as u64)
    }

    #[inline]
    fn write(&mut self, place: usize, flow: u32, visit: u32, up: bool, turn: u32) {
        let address = 0x0a00_0000 | flow & 0xff_ffff;
        let server = 0xc633_6400 | flow & 0xff;
        let port = 1024 | flow >> 24 ^ flow & 0xffff;
        let addresses = u64::from(address) << 32 | u64::from(server);
        let ports = port << 16 | 443;
        let (addresses, ports) =
            if up { (addresses, ports) } else { (addresses.rotate_left(32), ports.rotate_left(16)) };
        let buffer = &mut self.buffers[place];
        buffer[18..20].copy_from_slice(&(visit as u16).to_be_bytes());
        buffer[26..34].copy_from_slice(&addresses.to_be_bytes());
        buffer[34..38].copy_from_slice(&ports.to_be_bytes());
        if self.kind == Kind::Udp {
            return;
        }
        let seq = 1000_u32.wrapping_add(turn.wrapping_mul(PAYLOAD));
        let (seq, ack, length) =
            if up { (seq, 5000, 40 + PAYLOAD as u16) } else { (5000, seq.wrapping_add(PAYLOAD), 40) };
        let numbers = u64::from(seq) << 32 | u64::from(ack);
        buffer[16..18].copy_from_slice(&length.to_be_bytes());
        buffer[38..46].copy_from_slice(&numbers.to_be_bytes());
        buffer[47] = 0x10;
    }

    /// A SYN from an address that was not there before.
    #[inline]
    fn write_new(&mut self, place: usize) {
        self.born += 1;
        let random = mix(self.born);
        let addresses = (0x1e00_0000 | random & 0x00ff_ffff) << 32 | 0xc633_6400 | random >> 24 & 0xff;
        let ports = (random >> 32 & 0xffff) << 16 | 443;
        let buffer = &mut self.buffers[place];
        buffer[16..18].copy_from_slice(&40_u16.to_be_bytes());
        buffer[18..20].copy_from_slice(&(random as u16).to_be_bytes());
        buffer[26..34].copy_from_slice(&addresses.to_be_bytes());
        buffer[34..38].copy_from_slice(&(ports as u32).to_be_bytes());
        buffer[38..46].copy_from_slice(&random.to_be_bytes());
        buffer[47] = 0x02;
    }
}

/// An exchange in which segments are lost and overtaken.
fn lossy(visit: u32) -> (bool, u32) {
    let (up, turn) = (visit.is_multiple_of(2), visit / 2);
    let turn = match turn % 25 {
        7 | 17 if up => turn - 1,
        16 if up => turn + 1,
        _ => turn,
    };
    (up, turn)
}
