//! Load: frames for benches, as many and as spread as asked, without truth.
//!
//! **Owns** the order of flows and the state that keeps sequence numbers right. **May touch** nothing.
//! **Order** a bench calls [`warm_up`] to fill the flow table, then [`Generator::fill`] or [`frames`] for the measured
//! stream. Both have their own random order of the flows: a stream that visits flows in the order of their insertion
//! measures half of what real traffic costs.

pub mod draw;
mod flow;

use super::compose::EPOCH;
use super::dice::Dice;
use draw::{Access, Draw};
use flow::{Flow, Shape};
use parshall_engine::link::LinkType;
use parshall_engine::source::memory::StoredFrame;
use parshall_engine::time::Nanos;

/// Lengths of frames without FCS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// All of one length, 60 to 1,514 bytes; headers that need more (TCP over IPv6: 74) get it.
    Fixed(usize),
    /// 60, 590 and 1,514 bytes in the ratio 7 : 4 : 1 (358 on average).
    Imix,
    /// 60 to 1,514 bytes, each length as likely.
    Uniform,
}

/// What the frames are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TCP: data by the server and ACKs by the client, in order.
    Tcp,
    /// UDP both ways.
    Udp,
    /// Every frame is the SYN of a flow that was never seen before; `flows` does not matter.
    NewFlows,
    /// SYNs from random hosts to one port of one server.
    SynFlood,
    /// Random five-tuples, TCP ACKs and UDP.
    Random,
}

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Load {
    /// Everything random follows from this.
    pub seed: u64,
    /// What the frames are.
    pub kind: Kind,
    /// How many flows take turns.
    pub flows: u32,
    /// Which flow's turn it is.
    pub access: Access,
    /// Lengths.
    pub sizes: Sizes,
    /// Time between frames. Unit: nanoseconds.
    pub gap: u64,
    /// Flows over IPv6. Parts of a million.
    pub v6: u32,
    /// TCP data sent twice. Parts of a million.
    pub resent: u32,
    /// TCP data that comes after what follows it. Parts of a million.
    pub swapped: u32,
}

impl Default for Load {
    fn default() -> Load {
        Load {
            seed: 1,
            kind: Kind::Tcp,
            flows: 1000,
            access: Access::Uniform,
            sizes: Sizes::Fixed(64),
            gap: 1000,
            v6: 0,
            resent: 0,
            swapped: 0,
        }
    }
}

/// Makes one frame after the other.
#[derive(Clone, Debug)]
pub struct Generator {
    load: Load,
    dice: Dice,
    draw: Draw,
    flows: Vec<Flow>,
    made: u64,
}

impl Generator {
    /// A generator at its first frame.
    ///
    /// # Errors
    /// With a sentence for the user when there are no flows or a length is out of range.
    pub fn new(load: &Load) -> Result<Generator, String> {
        if load.flows == 0 {
            return Err("a load needs at least one flow".to_owned());
        }
        if let Sizes::Fixed(size) = load.sizes
            && !(60..=1_514).contains(&size)
        {
            return Err(format!("frames of {size} bytes cannot be made; 60 to 1514 can"));
        }
        let keeps_state = matches!(load.kind, Kind::Tcp | Kind::Udp);
        let count = if keeps_state { load.flows } else { 1 };
        let draw = Draw::new(load.seed, count, load.access)?;
        let flows = (0..if keeps_state { load.flows } else { 0 }).map(|index| Flow::new(load, index)).collect();
        Ok(Generator { load: load.clone(), dice: Dice::new(load.seed, 2), draw, flows, made: 0 })
    }

    /// Writes the next frame into `frame` (whatever it held is gone) and gives its time.
    pub fn fill(&mut self, frame: &mut Vec<u8>) -> Nanos {
        let size = match self.load.sizes {
            Sizes::Fixed(size) => size,
            Sizes::Imix => [60, 60, 60, 60, 60, 60, 60, 590, 590, 590, 590, 1_514][self.dice.below(12) as usize],
            Sizes::Uniform => self.dice.between(60, 1_514) as usize,
        };
        let time = Nanos(EPOCH + self.made * self.load.gap);
        *frame = match self.load.kind {
            Kind::Tcp => {
                let index = self.draw.next(&mut self.dice);
                let shape = Shape {
                    size,
                    alternate: matches!(self.load.sizes, Sizes::Fixed(_)),
                    resend: self.dice.chance(self.load.resent),
                    swap: self.dice.chance(self.load.swapped),
                };
                self.flows[index as usize].tcp(shape)
            }
            Kind::Udp => {
                let index = self.draw.next(&mut self.dice);
                self.flows[index as usize].udp(size, self.dice.coin())
            }
            Kind::NewFlows => Flow::new(&self.load, self.made as u32).syn(size),
            Kind::SynFlood => Flow::flood(&mut self.dice).syn(size),
            Kind::Random => Flow::stranger(&mut self.dice, self.load.v6).any(size, self.dice.coin()),
        };
        self.made += 1;
        time
    }
}

/// So many frames in memory.
///
/// # Errors
/// Those of [`Generator::new`].
pub fn frames(load: &Load, count: usize) -> Result<Vec<StoredFrame>, String> {
    let mut generator = Generator::new(load)?;
    let make = |_| {
        let mut bytes = Vec::new();
        let time = generator.fill(&mut bytes);
        store(bytes, time)
    };
    Ok((0..count).map(make).collect())
}

/// The opening of every flow of a TCP load (SYN and SYN+ACK), or one datagram of every flow of a UDP load, in a random
/// order that has nothing to do with that of the load. Times lie before those of the load; other kinds have none.
///
/// # Errors
/// Those of [`Generator::new`].
pub fn warm_up(load: &Load) -> Result<Vec<StoredFrame>, String> {
    let mut generator = Generator::new(load)?;
    let mut order: Vec<usize> = (0..generator.flows.len()).collect();
    Dice::new(load.seed, 3).shuffle(&mut order);
    let mut out = Vec::new();
    for index in order {
        let flow = &mut generator.flows[index];
        let opening = if load.kind == Kind::Udp { vec![flow.udp(60, true)] } else { flow.opening() };
        out.extend(opening.into_iter().map(|bytes| store(bytes, Nanos(EPOCH - 1_000_000))));
    }
    Ok(out)
}

fn store(bytes: Vec<u8>, time: Nanos) -> StoredFrame {
    StoredFrame { wire_len: bytes.len() as u32, bytes, time, link: LinkType::ETHERNET }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    fn endpoints(frame: &[u8]) -> (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>) {
        (frame[26..30].to_vec(), frame[34..36].to_vec(), frame[30..34].to_vec(), frame[36..38].to_vec())
    }

    fn word(frame: &[u8], at: usize) -> u32 {
        u32::from_be_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]])
    }

    #[test]
    fn the_same_load_has_the_same_bytes() {
        let load = Load { sizes: Sizes::Imix, access: Access::Zipf(1.1), ..Load::default() };
        let (a, b) = (frames(&load, 500).unwrap(), frames(&load, 500).unwrap());
        assert!(a.iter().zip(&b).all(|(a, b)| a.bytes == b.bytes && a.time == b.time));
    }

    #[test]
    fn tcp_data_follows_the_handshake_without_gap_or_overlap() {
        let load = Load { flows: 20, sizes: Sizes::Imix, ..Load::default() };
        let mut next: HashMap<_, u32> = HashMap::new();
        let mut data = 0;
        for frame in warm_up(&load).unwrap().into_iter().chain(frames(&load, 4000).unwrap()) {
            let bytes = &frame.bytes;
            let syn = u32::from(bytes[47] & 2 != 0);
            let headers = 20 + 4 * u32::from(bytes[46] >> 4);
            let payload = u32::from(u16::from_be_bytes([bytes[16], bytes[17]])) - headers;
            let seq = word(bytes, 38);
            let expected = next.entry(endpoints(bytes)).or_insert(seq);
            assert_eq!(*expected, seq);
            *expected = seq.wrapping_add(syn + payload);
            data += u32::from(payload > 0);
        }
        assert!(data > 1000, "{data}");
        assert_eq!(next.len(), 40);
    }

    #[test]
    fn every_frame_of_a_storm_is_a_flow_of_its_own() {
        for kind in [Kind::NewFlows, Kind::SynFlood, Kind::Random] {
            let load = Load { kind, ..Load::default() };
            let keys: HashSet<_> = frames(&load, 20_000).unwrap().iter().map(|frame| endpoints(&frame.bytes)).collect();
            assert!(keys.len() >= 19_990, "{kind:?} {}", keys.len());
        }
    }

    #[test]
    fn lengths_are_those_asked_for() {
        let of = |sizes| frames(&Load { sizes, ..Load::default() }, 12_000).unwrap();
        assert!(of(Sizes::Fixed(64)).iter().all(|frame| frame.bytes.len() == 64));
        let mean = of(Sizes::Imix).iter().map(|frame| frame.bytes.len()).sum::<usize>() / 12_000;
        assert!((340..376).contains(&mean), "{mean}");
        assert!(frames(&Load { sizes: Sizes::Fixed(20), ..Load::default() }, 1).is_err());
    }

    #[test]
    fn flows_are_inserted_in_another_order_than_they_are_visited() {
        let load = Load { flows: 500, access: Access::Turns, ..Load::default() };
        let key = |frame: &StoredFrame| {
            let (a, b, c, d) = endpoints(&frame.bytes);
            let mut ends = [(a, b), (c, d)];
            ends.sort();
            ends
        };
        let inserted: Vec<_> = warm_up(&load).unwrap().iter().step_by(2).map(key).collect();
        let visited: Vec<_> = frames(&load, 500).unwrap().iter().map(key).collect();
        let same = inserted.iter().zip(&visited).filter(|(a, b)| a == b).count();
        assert!(same < 10, "{same}");
        assert_eq!(inserted.iter().collect::<HashSet<_>>(), visited.iter().collect::<HashSet<_>>());
    }
}
