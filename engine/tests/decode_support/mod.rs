//! Captures for the decoder's tests: a plain reader, and flow sums in the form that `flow_oracle.py` compares.
//!
//! **Owns** nothing that ships. **May touch** files. **Order** used by tests and by the example `decode_to_jsonl`.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each user takes a part of it")]

use parshall_engine::decode::{DecodeOptions, FragmentCache, decode};
use parshall_engine::key::{FlowKey, READ_SECRET};
use parshall_engine::link::LinkType;
use parshall_engine::packet::{Marks, Outcome, Packet, tcp_flags};
use parshall_engine::source::{Frame, Input};
use parshall_engine::time::Nanos;
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// One frame of a file.
pub struct Stored {
    pub bytes: Vec<u8>,
    pub time: Nanos,
    pub wire_len: u32,
    pub link: LinkType,
}

impl Stored {
    pub fn frame(&self) -> Frame<'_> {
        Frame { bytes: &self.bytes, time: self.time, wire_len: self.wire_len, link: self.link, input: Input::default() }
    }
}

/// The folder of captures, or `None` where there is none.
pub fn data() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let places = [
        std::env::var_os("PARSHALL_DATA").map(PathBuf::from),
        Some(root.join("../shared/data")),
        Some(PathBuf::from("/work/shared/data")),
    ];
    let found = places.into_iter().flatten().find(|place| place.join("pcap").is_dir());
    if found.is_none() {
        println!("skipped: no captures; set PARSHALL_DATA to a folder that has pcap/");
    }
    found
}

/// The captures of the folder, by name.
pub fn captures() -> Vec<PathBuf> {
    let Some(data) = data() else { return Vec::new() };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(data.join("pcap"))
        .expect("a folder that was just seen")
        .map(|entry| entry.expect("a folder that can be read").path())
        .collect();
    paths.sort();
    paths
}

struct Interface {
    link: LinkType,
    resolution: u64,
    offset: i64,
}

/// Every frame that can be read of a capture.
pub fn read(path: &Path) -> Vec<Stored> {
    let file = File::open(path).expect("a capture that can be opened");
    let mut reader = create_reader(1 << 20, file).expect("a capture file");
    let mut interfaces: Vec<Interface> = Vec::new();
    let (mut link, mut units) = (LinkType(0), 1_000);
    let mut frames = Vec::new();
    loop {
        let consumed = match reader.next() {
            Ok((offset, block)) => {
                match block {
                    PcapBlockOwned::LegacyHeader(header) => {
                        link = LinkType((header.network.0 & 0x3fff) as u16);
                        units = if header.is_nanosecond_precision() { 1 } else { 1_000 };
                    }
                    PcapBlockOwned::Legacy(block) => frames.push(Stored {
                        bytes: block.data.to_vec(),
                        time: Nanos(u64::from(block.ts_sec) * 1_000_000_000 + u64::from(block.ts_usec) * units),
                        wire_len: block.origlen,
                        link,
                    }),
                    PcapBlockOwned::NG(block) => next_generation(&block, &mut interfaces, &mut frames),
                }
                offset
            }
            Err(PcapError::Incomplete(_)) => {
                if reader.refill().is_err() {
                    break;
                }
                continue;
            }
            Err(_) => break,
        };
        reader.consume(consumed);
    }
    frames
}

fn next_generation(block: &Block<'_>, interfaces: &mut Vec<Interface>, frames: &mut Vec<Stored>) {
    match block {
        Block::SectionHeader(_) => interfaces.clear(),
        Block::InterfaceDescription(description) => interfaces.push(Interface {
            link: LinkType(description.linktype.0 as u16),
            resolution: description.ts_resolution().unwrap_or(1_000_000),
            offset: description.if_tsoffset,
        }),
        Block::EnhancedPacket(packet) => {
            let Some(interface) = interfaces.get(packet.if_id as usize) else { return };
            let ticks = u128::from(packet.ts_high) << 32 | u128::from(packet.ts_low);
            let nanos = ticks * 1_000_000_000 / u128::from(interface.resolution);
            let time = nanos as i128 + i128::from(interface.offset) * 1_000_000_000;
            frames.push(Stored {
                bytes: packet.data[..packet.caplen as usize].to_vec(),
                time: Nanos(time as u64),
                wire_len: packet.origlen,
                link: interface.link,
            });
        }
        Block::SimplePacket(packet) => {
            let Some(interface) = interfaces.first() else { return };
            let captured = packet.data.len().min(packet.origlen as usize);
            frames.push(Stored {
                bytes: packet.data[..captured].to_vec(),
                time: Nanos(0),
                wire_len: packet.origlen,
                link: interface.link,
            });
        }
        _ => {}
    }
}

/// One biflow's sums.
pub struct Flow {
    pub key: FlowKey,
    pub client_is_low: bool,
    pub packets: [u64; 2],
    pub ip_bytes: [u64; 2],
    pub start: Nanos,
    pub end: Nanos,
}

impl Flow {
    fn new(packet: &Packet) -> Flow {
        let from_low = packet.marks.has(Marks::FROM_LOW);
        let syn_ack = tcp_flags::SYN | tcp_flags::ACK;
        let answers = packet.marks.has(Marks::TCP_FLAGS) && packet.tcp.flags & syn_ack == syn_ack;
        Flow {
            key: packet.key(),
            client_is_low: from_low != answers,
            packets: [0; 2],
            ip_bytes: [0; 2],
            start: packet.time,
            end: packet.time,
        }
    }

    fn add(&mut self, packet: &Packet) {
        let side = usize::from(packet.marks.has(Marks::FROM_LOW) != self.client_is_low);
        self.packets[side] += 1;
        self.ip_bytes[side] += u64::from(packet.ip_bytes);
        self.start = self.start.min(packet.time);
        self.end = self.end.max(packet.time);
    }

    /// The record as a line of JSON.
    pub fn line(&self) -> String {
        serde_json::json!({
            "client_ip": self.key.address(self.client_is_low),
            "server_ip": self.key.address(!self.client_is_low),
            "client_port": self.key.port(self.client_is_low).unwrap_or(0),
            "server_port": self.key.port(!self.client_is_low).unwrap_or(0),
            "protocol": self.key.protocol,
            "c2s_packets": self.packets[0],
            "s2c_packets": self.packets[1],
            "c2s_ip_bytes": self.ip_bytes[0],
            "s2c_ip_bytes": self.ip_bytes[1],
            "start_ns": self.start.0,
            "end_ns": self.end.0,
        })
        .to_string()
    }
}

/// Everything that decoding a capture gives.
#[derive(Default)]
pub struct Summary {
    pub flows: Vec<Flow>,
    pub outcomes: [u64; Outcome::ALL.len()],
}

/// Decodes a capture into flows, one per key.
pub fn flows(frames: &[Stored]) -> Summary {
    let options = DecodeOptions::default();
    let mut fragments = FragmentCache::new(READ_SECRET);
    let mut places: HashMap<FlowKey, usize> = HashMap::new();
    let mut summary = Summary::default();
    for stored in frames {
        match decode(&stored.frame(), &options, &mut fragments) {
            Ok(packet) => {
                summary.outcomes[Outcome::Flow as usize] += 1;
                let place = *places.entry(packet.key()).or_insert_with(|| {
                    summary.flows.push(Flow::new(&packet));
                    summary.flows.len() - 1
                });
                summary.flows[place].add(&packet);
            }
            Err(verdict) => summary.outcomes[verdict.outcome as usize] += 1,
        }
    }
    summary
}
