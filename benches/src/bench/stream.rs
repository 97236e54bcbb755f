//! Frames made in memory while they are needed: many flows, visited in an order that has nothing to do with the order
//! in which they began.
//!
//! **Owns** one ring of frame buffers and the order of visits. **May touch** the engine's `Frame`.
//! **Order** fills one burst at a time; what that costs is measured as the step "source".

use parshall_engine::link::LinkType;
use parshall_engine::source::{BURST, Frame, Input};
use parshall_engine::time::Nanos;

/// What the packets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// In which order flows are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Each once a round.
    Uniform,
    /// By Zipf's law with exponent 1.1.
    Zipf,
}

const FRAMES: usize = 1024;
const SIZE: usize = 64;
const PAYLOAD: u32 = 6;

/// Visits drawn beforehand for [`Access::Zipf`].
const DRAWN: usize = 1 << 22;

/// The stream.
#[derive(Debug)]
pub struct Stream {
    kind: Kind,
    flows: u32,
    buffers: Vec<[u8; SIZE]>,
    used: usize,
    visit: u64,
    round: u32,
    at: u64,
    stride: u64,
    time: u64,
    /// Zipf only: the visits, and how often each flow was visited.
    drawn: Vec<u32>,
    visits: Vec<u32>,
}

fn mix(n: u64) -> u64 {
    let n = (n ^ n >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

/// Zipf-distributed ranks below `n` by rejection-inversion (Hörmann and Derflinger 1996), as flow numbers.
fn zipf(n: u32, count: usize) -> Vec<u32> {
    let s = 1.1_f64;
    let h = |x: f64| (x.powf(1.0 - s) - 1.0) / (1.0 - s);
    let inverse = |y: f64| (1.0 + y * (1.0 - s)).powf(1.0 / (1.0 - s));
    let (low, high) = (h(1.5) - 1.0, h(f64::from(n) + 0.5));
    let mut seed = 7_u64;
    let mut out = Vec::with_capacity(count);
    while out.len() < count {
        seed += 1;
        let unit = (mix(seed) >> 11) as f64 / (1_u64 << 53) as f64;
        let y = low + unit * (high - low);
        let rank = inverse(y).round().clamp(1.0, f64::from(n));
        if y >= h(rank + 0.5) - rank.powf(-s) {
            out.push((mix(rank as u64) % u64::from(n)) as u32);
        }
    }
    out
}

impl Stream {
    /// A stream over `flows` flows.
    #[must_use]
    pub fn new(kind: Kind, access: Access, flows: u32) -> Stream {
        let mut template = [0_u8; SIZE];
        template[12..14].copy_from_slice(&[0x08, 0x00]);
        template[..12].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
        template[14] = 0x45;
        template[22] = 64;
        template[46] = 0x50;
        template[48..50].copy_from_slice(&[0x20, 0]);
        let drawn = access == Access::Zipf;
        let mut stream = Stream {
            kind,
            flows,
            buffers: vec![template; FRAMES],
            used: 0,
            visit: 0,
            round: 0,
            at: 0,
            stride: 0,
            time: 1_700_000_000_000_000_000,
            drawn: if drawn { zipf(flows, DRAWN) } else { Vec::new() },
            visits: if drawn { vec![0; flows as usize] } else { Vec::new() },
        };
        stream.turn();
        stream
    }

    /// The next round visits every flow once, by steps of another length.
    fn turn(&mut self) {
        let flows = u64::from(self.flows);
        let mut stride = (flows * 618 / 1000 + mix(u64::from(self.round)) % (flows / 8 + 1)) | 1;
        let common = |mut a: u64, mut b: u64| {
            while b != 0 {
                (a, b) = (b, a % b);
            }
            a
        };
        while common(stride, flows) != 1 {
            stride += 1;
        }
        self.stride = stride % flows.max(1);
        self.at = mix(u64::from(self.round)) % flows.max(1);
    }

    /// The next flow, and how often it was visited before.
    fn next(&mut self) -> (u32, u32) {
        if !self.drawn.is_empty() {
            let flow = self.drawn[self.visit as usize % DRAWN];
            self.visit += 1;
            let visits = &mut self.visits[flow as usize];
            *visits += 1;
            return (flow, *visits - 1);
        }
        if self.visit == u64::from(self.flows) {
            self.visit = 0;
            self.round += 1;
            self.turn();
        }
        self.visit += 1;
        self.at += self.stride;
        if self.at >= u64::from(self.flows) {
            self.at -= u64::from(self.flows);
        }
        (self.at as u32, self.round)
    }

    /// Writes one burst; [`Stream::frame`] gives its frames.
    pub fn fill(&mut self) {
        self.used = (self.used + BURST) % FRAMES;
        for n in 0..BURST {
            let (flow, visit) = self.next();
            let place = (self.used + n) % FRAMES;
            self.write(place, flow, visit);
        }
        self.time += 50 * BURST as u64;
    }

    /// The frame at `n` of the burst written last.
    #[must_use]
    pub fn frame(&self, n: usize) -> Frame<'_> {
        Frame {
            bytes: &self.buffers[(self.used + n) % FRAMES][..60],
            time: Nanos(self.time + n as u64 * 50),
            wire_len: 60,
            link: LinkType::ETHERNET,
            input: Input::default(),
        }
    }

    /// The time after the burst written last.
    #[must_use]
    pub fn now(&self) -> Nanos {
        Nanos(self.time + 50 * BURST as u64)
    }

    #[inline]
    fn write(&mut self, place: usize, flow: u32, visit: u32) {
        let new = self.kind == Kind::NewFlows;
        let client = if new { mix(u64::from(flow) << 32 | u64::from(visit)) } else { u64::from(flow) };
        let up = match self.kind {
            Kind::NewFlows => true,
            Kind::Bulk => visit % 8 != 7,
            Kind::Acks => false,
            _ => visit.is_multiple_of(2),
        };
        let (address, port) = (0x0a00_0000 | client as u32 & 0xff_ffff, 1024 | (client >> 24 ^ u64::from(flow)) as u16);
        let server = 0xc633_6400 | flow & 0xff;
        let buffer = &mut self.buffers[place];
        let (from, to) = if up { ((address, port), (server, 443_u16)) } else { ((server, 443), (address, port)) };
        buffer[26..30].copy_from_slice(&from.0.to_be_bytes());
        buffer[30..34].copy_from_slice(&to.0.to_be_bytes());
        buffer[34..36].copy_from_slice(&from.1.to_be_bytes());
        buffer[36..38].copy_from_slice(&to.1.to_be_bytes());
        buffer[18..20].copy_from_slice(&(visit as u16).to_be_bytes());
        if self.kind == Kind::Udp {
            buffer[16..18].copy_from_slice(&46_u16.to_be_bytes());
            buffer[23] = 17;
            buffer[38..40].copy_from_slice(&26_u16.to_be_bytes());
            return;
        }
        let turn = match self.kind {
            Kind::Bulk => visit / 8 * 7 + (visit % 8).min(6),
            Kind::Acks => visit,
            _ => visit / 2,
        };
        let turn = match self.kind {
            Kind::Lossy if up && turn % 25 == 7 => turn - 1,
            Kind::Lossy if up && turn % 25 == 16 => turn + 1,
            Kind::Lossy if up && turn % 25 == 17 => turn - 1,
            _ => turn,
        };
        let seq = 1000_u32.wrapping_add(turn.wrapping_mul(PAYLOAD));
        let (seq, ack, length) =
            if up { (seq, 5000, 40 + PAYLOAD as u16) } else { (5000, seq.wrapping_add(PAYLOAD), 40) };
        buffer[16..18].copy_from_slice(&(if new { 40 } else { length }).to_be_bytes());
        buffer[23] = 6;
        buffer[38..42].copy_from_slice(&seq.to_be_bytes());
        buffer[42..46].copy_from_slice(&ack.to_be_bytes());
        buffer[47] = if new { 0x02 } else { 0x10 };
    }
}
