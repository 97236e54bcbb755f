//! One worker's flows: what a packet does to them.
//!
//! **Owns** the index, the flows' state, the link contexts, the tally and the record door of one worker; nothing in it
//! is shared. **May touch** all rooms above it, no queue, no clock.
//! **Order** called by `worker`: the passes over a burst (`passes`), then `tick`.

mod bounds;
mod burst;
mod emit;
mod first;
mod footprint;
mod glance;
mod passes;
mod steady;
mod sweep;

use crate::decode::{self, DecodeOptions};
use crate::dedup::Dedup;
use crate::exit::{Exit, ExitDoor};
use crate::flow::{Context, Contexts, Extra, First, Hot, Identity, Mark, Origin, Pair, TcpBlock, TcpCore, TcpRest};
use crate::key::{HashSecret, KeyImage, protocol};
use crate::life::{Fate, Limits};
use crate::link::LinkType;
use crate::locality::Locality;
use crate::look::LookEnd;
use crate::memory::{Arena, ArenaOptions};
use crate::packet::{Marks, Outcome, Packet, tcp_flags};
use crate::record::{EndReason, Outer};
use crate::table::{Full, Index, Slot};
use crate::tally::{PlainSums, Tally, l4_label};
use crate::time::Nanos;
use crate::track::{self, history::History};
pub use bounds::{BOUNDS, Bound};
pub use burst::{Desk, Ready};
pub use footprint::{all_bytes_per_flow, bytes_beside_flows};
use parshall_config::plan::Duplicates;

/// Bytes of state for one flow of capacity: index, pair of lines, TCP block, and its first packets where they are noted.
/// Origins and extras are mapped but untouched.
#[must_use]
pub const fn bytes_per_flow(first_packets: u8) -> u64 {
    let first = if first_packets > 0 { size_of::<First>() } else { 0 };
    crate::table::INDEX_BYTES_PER_FLOW + (size_of::<Pair>() + size_of::<TcpBlock>() + first) as u64
}

/// What a shard is made from.
#[derive(Clone, Debug)]
pub struct ShardPlan {
    /// Flows it has room for.
    pub capacity: u32,
    /// Memory for segment histories. Unit: bytes.
    pub segment_memory: u64,
    /// What becomes of mirror duplicates.
    pub duplicates: Duplicates,
    /// How its memory is made.
    pub memory: ArenaOptions,
    /// When its flows end.
    pub limits: Limits,
    /// The secret of its hash.
    pub secret: HashSecret,
    /// What is local.
    pub locality: Locality,
    /// What was taken off frames, to say what stood around a flow's first packet.
    pub decode: DecodeOptions,
    /// 1 in so many packets and 1 in so many flows is let in: stands in every record.
    pub sampling: [u32; 2],
    /// So many of each flow's first packets are noted; 0 none, 16 at the most.
    pub first_packets: u8,
    /// Records say which port and queue a flow came from.
    pub tell_input: bool,
    /// Other workers may hold parts of a flow that is all fragments: tell the collector.
    pub tell_parts: bool,
}

/// One worker's flows.
#[derive(Debug)]
pub struct Shard {
    index: Index,
    pairs: Arena<Pair>,
    blocks: Arena<TcpBlock>,
    origins: Arena<Origin>,
    extras: Arena<Extra>,
    /// Empty unless asked for.
    firsts: Arena<First>,
    contexts: Contexts,
    history: History,
    dedup: Dedup,
    /// Of the burst that is in its first pass.
    plain_sums: PlainSums,
    plan: ShardPlan,
    door: ExitDoor,
    sweep: sweep::Cursor,
    /// The door through which live flows are looked at; nobody looks by default.
    pub look: LookEnd,
    /// What was counted.
    pub tally: Tally,
}

/// A packet with the bytes it was decoded from.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// What decoding said.
    pub packet: &'a Packet,
    /// The captured bytes, from the first on; a spreader may have cut the payload.
    pub bytes: &'a [u8],
    /// How they begin.
    pub link: LinkType,
}

impl Shard {
    /// A shard with its memory, touched now if the plan says so: call it on the thread that will use it.
    ///
    /// # Errors
    /// The kernel's refusal to map so much memory.
    pub fn new(plan: ShardPlan, door: ExitDoor) -> std::io::Result<Shard> {
        let capacity = plan.capacity.clamp(1, u32::MAX - 1);
        let flows = capacity as usize;
        let tally = Tally { table_capacity: u64::from(capacity), ..Tally::default() };
        Ok(Shard {
            index: Index::new(capacity, plan.memory)?,
            pairs: Arena::new(flows, plan.memory)?,
            blocks: Arena::new(flows, plan.memory)?,
            origins: Arena::new(flows, ArenaOptions { huge: false, touch: false })?,
            extras: Arena::new(flows, ArenaOptions { huge: false, touch: false })?,
            firsts: Arena::new(if plan.first_packets > 0 { flows } else { 0 }, plan.memory)?,
            contexts: Contexts::new(flows),
            dedup: Dedup::default(),
            plain_sums: PlainSums::default(),
            history: History::new(plan.segment_memory, plan.memory)?,
            plan,
            door,
            sweep: sweep::Cursor::default(),
            look: LookEnd::default(),
            tally,
        })
    }

    /// What may change while it works.
    pub const fn tunable(&mut self) -> (&mut Limits, &mut Locality) {
        (&mut self.plan.limits, &mut self.plan.locality)
    }

    /// The secret of its hash.
    #[must_use]
    pub const fn secret(&self) -> HashSecret {
        self.plan.secret
    }

    /// Accounts any packet to its flow, which may have ended, need cutting, or have to be opened.
    #[inline(never)]
    fn unsteady(&mut self, seen: Sighting<'_>) {
        let image = seen.packet.image;
        let found = self.index.find(seen.packet.hash, image, |slot| self.pairs[slot as usize].hot.image());
        let slot = match found {
            Some(slot) => self.resume(slot, image, seen),
            None => self.open(image, seen),
        };
        let Some(slot) = slot else {
            self.tally.outcomes[Outcome::TableFull as usize] += 1;
            self.tally.table_full += 1;
            return;
        };
        self.tally.outcomes[Outcome::Flow as usize] += 1;
        self.tally.live_packets += 1;
        self.update(slot, seen);
    }

    /// Counts an ICMP error for the flow whose packet it quotes, if that flow lives. Errors about flows of other workers
    /// reach them only where software spreads.
    #[cold]
    pub fn quoted(&mut self, packet: &Packet) {
        let image = packet.image;
        let hash = self.plan.secret.hash(image);
        let pairs = &self.pairs;
        let Some(slot) = self.index.find(hash, image, |slot| pairs[slot as usize].hot.image()) else { return };
        let (hot, origin) = (&mut self.pairs[slot as usize].hot, &mut self.origins[slot as usize]);
        if self.plan.limits.over(hot, packet.time).is_some() {
            return;
        }
        let before = if hot.has(Mark::IcmpErrors) { origin.icmp_errors } else { 0 };
        origin.icmp_errors = before.saturating_add(1);
        hot.set(Mark::IcmpErrors);
    }

    /// The slot of a flow that was found, after it ended, was cut, or goes on.
    #[inline]
    fn resume(&mut self, slot: Slot, image: KeyImage, seen: Sighting<'_>) -> Option<Slot> {
        let at = slot as usize;
        let pair = &self.pairs[at];
        let limits = &self.plan.limits;
        let fate = if pair.hot.has(Mark::Tcp) {
            let block = &self.blocks[at];
            limits.tcp_fate(&pair.hot, &block.identity, pair.tcp_ref(), &block.rest, seen.packet)
        } else {
            limits.fate(&pair.hot, pair.identity_ref(), seen.packet)
        };
        match fate {
            Fate::GoesOn => Some(slot),
            Fate::Cut => {
                self.cut(slot, seen.packet.time);
                Some(slot)
            }
            Fate::Ended(reason) => {
                self.end(slot, reason);
                self.open(image, seen)
            }
        }
    }

    /// A slot for a new flow, or `None` when the table is full and nothing may be evicted.
    #[inline(never)]
    fn open(&mut self, image: KeyImage, seen: Sighting<'_>) -> Option<Slot> {
        let hash = seen.packet.hash;
        let slot = match self.insert(hash) {
            Ok(slot) => slot,
            Err(full) => {
                if !self.evict(hash, full, seen.packet.time) {
                    return None;
                }
                self.insert(hash).ok()?
            }
        };
        self.begin(slot, image, seen);
        Some(slot)
    }

    fn insert(&mut self, hash: u64) -> Result<Slot, Full> {
        let (pairs, secret) = (&self.pairs, &self.plan.secret);
        self.index.insert(hash, |slot| secret.hash(pairs[slot as usize].hot.image()))
    }

    /// Writes the state of a flow that begins with this packet, which is not yet counted.
    fn begin(&mut self, slot: Slot, image: KeyImage, seen: Sighting<'_>) {
        let (packet, at) = (seen.packet, slot as usize);
        let from_low = packet.marks.has(Marks::FROM_LOW);
        let both = tcp_flags::SYN | tcp_flags::ACK;
        let answer = packet.marks.has(Marks::TCP_FLAGS) && packet.tcp.flags & both == both;
        let mut hot = Hot::begin(image, packet.time);
        if from_low != answer {
            hot.set(Mark::ClientIsLow);
        }
        match packet.protocol() {
            protocol::TCP => {
                hot.set(Mark::Tcp);
                hot.set(Mark::ClientAsks);
                hot.set(Mark::ServerAsks);
            }
            protocol::UDP => hot.set(Mark::Udp),
            protocol::SCTP | protocol::ESP => {
                hot.set(Mark::Extra);
                self.extras[at] = Extra::default();
            }
            _ => {}
        }
        if packet.marks.has(Marks::TCP_FLAGS) && packet.tcp.flags & tcp_flags::SYN != 0 {
            hot.set(Mark::OnlySyn);
        }
        if self.plan.tell_parts {
            hot.set(Mark::OnlyFragments);
        }
        let mut identity = Identity::default();
        identity.start = packet.time.0;
        let key = packet.key();
        identity.set_addresses(key.low, key.high);
        identity.context = self.first_context(seen, !answer);
        let pair = &mut self.pairs[at];
        pair.hot = hot;
        if packet.protocol() == protocol::TCP {
            *pair.tcp() = TcpCore::default();
            self.blocks[at] = TcpBlock { identity, rest: TcpRest::default() };
        } else {
            *pair.identity() = identity;
        }
        self.tally.flows_created[l4_label(packet.protocol())] += 1;
        self.tally.live_flows += 1;
    }

    fn first_context(&mut self, seen: Sighting<'_>, from_client: bool) -> u32 {
        let outer = if seen.packet.encaps.is_empty() {
            Outer::default()
        } else {
            decode::outer(seen.bytes, seen.link, &self.plan.decode)
        };
        let input = if self.plan.tell_input { seen.packet.input } else { crate::source::Input::default() };
        // The first packet's own side, so that a flow of one packet is interned once.
        let mut mac = [None; 2];
        mac[usize::from(!from_client)] = source_mac(seen);
        let context = Context { mac, outer, outer_from_client: from_client, scope: seen.packet.scope, input };
        self.intern(&context)
    }

    fn intern(&mut self, context: &Context) -> u32 {
        if context.is_empty() {
            return 0;
        }
        self.contexts.intern(context).unwrap_or_else(|| {
            self.tally.contexts_full += 1;
            0
        })
    }

    /// Counts a packet in a flow that lives.
    #[inline]
    fn update(&mut self, slot: Slot, seen: Sighting<'_>) {
        let (packet, at) = (seen.packet, slot as usize);
        let side = self.pairs[at].hot.side(packet.marks.has(Marks::FROM_LOW));
        if self.pairs[at].hot.packets(side) == 0 {
            self.first_of_side(slot, side, seen);
        }
        if packet.time < self.pairs[at].hot.last() {
            self.earlier(slot, side, packet.time);
        }
        if self.plan.first_packets > 0 {
            self.note_first(slot, side, packet);
        }
        let pair = &mut self.pairs[at];
        if pair.hot.has(Mark::OnlyFragments) {
            Self::fragments_only(&mut pair.hot, &mut self.door, packet);
        }
        if pair.hot.has(Mark::Tcp) {
            let (hot, core) = pair.hot_and_tcp();
            let rest = &mut self.blocks[at].rest;
            track::tcp::Flow { hot, core, rest, pool: &mut self.history }.packet(side, packet, seen.bytes);
        } else {
            let (hot, identity) = pair.hot_and_identity();
            track::udp::packet(hot, identity, side, packet);
            if hot.has(Mark::Extra) {
                track::extra::packet(&mut self.extras[at], side, packet, seen.bytes);
            }
        }
        pair.hot.count(side, packet.time, packet.ip_bytes, packet.wire_bytes, packet.ttl, packet.tos);
        if self.plan.limits.ends_at_once()
            && let Some(reason) = crate::life::closed(&pair.hot)
        {
            self.end(slot, reason);
        }
    }

    /// The first packet of one side brings that side's MAC address.
    #[inline(never)]
    fn first_of_side(&mut self, slot: Slot, side: usize, seen: Sighting<'_>) {
        let mac = source_mac(seen);
        let number = self.identity(slot).context;
        if mac.is_none() || self.contexts.get(number).mac[side & 1] == mac {
            return;
        }
        let mut context = self.contexts.get(number).clone();
        context.mac[side & 1] = mac;
        let next = self.intern(&context);
        self.contexts.release(number);
        self.identity_mut(slot).context = next;
    }

    /// A packet that goes back in time: the flow's start is the earliest of its packets.
    #[inline(never)]
    fn earlier(&mut self, slot: Slot, side: usize, time: Nanos) {
        if time.0 >= self.identity(slot).start {
            return;
        }
        let pair = &mut self.pairs[slot as usize];
        pair.hot.set_start(time);
        if pair.hot.has(Mark::Tcp) {
            self.blocks[slot as usize].identity.start = time.0;
        } else {
            let (hot, identity) = pair.hot_and_identity();
            track::udp::begins_earlier(hot, identity, side, time);
        }
    }

    #[inline(never)]
    fn fragments_only(hot: &mut Hot, door: &mut ExitDoor, packet: &Packet) {
        if !packet.marks.has(Marks::FIRST_FRAGMENT) && !packet.marks.has(Marks::LATER_FRAGMENT) {
            hot.clear(Mark::OnlyFragments);
        } else if !hot.has(Mark::PartTold) && door.send(&Exit::Part(packet.key())).is_ok() {
            hot.set(Mark::PartTold);
        }
    }

    fn identity(&self, slot: Slot) -> &Identity {
        let pair = &self.pairs[slot as usize];
        if pair.hot.has(Mark::Tcp) { &self.blocks[slot as usize].identity } else { pair.identity_ref() }
    }

    fn identity_mut(&mut self, slot: Slot) -> &mut Identity {
        let pair = &mut self.pairs[slot as usize];
        if pair.hot.has(Mark::Tcp) { &mut self.blocks[slot as usize].identity } else { pair.identity() }
    }

    /// Ends a flow: its record goes out, its slot is free.
    fn end(&mut self, slot: Slot, reason: EndReason) {
        self.emit(slot, reason);
        let number = self.identity(slot).context;
        self.contexts.release(number);
        if self.pairs[slot as usize].hot.has(Mark::Tcp) {
            self.history.end_trail(self.pairs[slot as usize].tcp_ref().trail);
        }
        let hot = &mut self.pairs[slot as usize].hot;
        let hash = self.plan.secret.hash(hot.image());
        hot.free();
        self.index.remove(hash, slot);
        self.tally.live_flows -= 1;
    }
}

/// Who sent a frame, by the Ethernet header nearest to the keyed header.
fn source_mac(seen: Sighting<'_>) -> Option<[u8; 6]> {
    let from = usize::from(seen.packet.ethernet_offset) + 6;
    let bytes = seen.bytes.get(from..).filter(|_| seen.packet.marks.has(Marks::ETHERNET))?;
    bytes.first_chunk().copied()
}

#[cfg(test)]
mod tests;
