//! From a flow to the door: its state goes out, its record is made from that by whoever reads.
//!
//! **Owns** the gathering of what a record is made from. **May touch** the shard's state; writes only what a cut changes.
//! **Order** called when a flow ends or is cut; the only place where packets pass from "live" to "finished".

use super::{Shard, ShardPlan};
use crate::exit::{Exit, ExitDoor};
use crate::flow::lapse::Lapse;
use crate::flow::{Contexts, Extra, First, Mark, Origin, Pair, TcpBlock};
use crate::look::LookEnd;
use crate::memory::Arena;
use crate::record::EndReason;
use crate::record::make::{Fact, Facts, FlowState};
use crate::table::Slot;
use crate::time::Nanos;
use crate::track::history::History;

/// Where the state of all flows lies, to read.
pub(super) struct Stores<'a> {
    pairs: &'a Arena<Pair>,
    blocks: &'a Arena<TcpBlock>,
    origins: &'a Arena<Origin>,
    extras: &'a Arena<Extra>,
    firsts: &'a Arena<First>,
    contexts: &'a Contexts,
    history: &'a History,
    plan: &'a ShardPlan,
}

impl Shard {
    /// What is read, and the doors it is sent through.
    pub(super) fn stores_and_doors(&mut self) -> (Stores<'_>, &mut ExitDoor, &mut LookEnd) {
        let Shard { pairs, blocks, origins, extras, firsts, contexts, history, plan, door, look, .. } = self;
        (Stores { pairs, blocks, origins, extras, firsts, contexts, history, plan }, door, look)
    }

    /// Sends out what the record of a flow is made from: what it counted since its last record.
    pub(super) fn emit(&mut self, slot: Slot, reason: EndReason) {
        let hot = &self.pairs[slot as usize].hot;
        let (packets, bytes) = (hot.all_packets(), hot.ip_bytes(0) + hot.ip_bytes(1));
        self.tally.records[reason as usize] += 1;
        self.tally.finished_packets += packets;
        self.tally.live_packets -= packets;
        let (stores, door, _) = self.stores_and_doors();
        // Nothing is gathered where there is no room for it.
        if !door.is_ready() || door.send(&Exit::Record(stores.state(slot, reason))).is_err() {
            self.tally.records_dropped_count += 1;
            self.tally.records_dropped.packets += packets;
            self.tally.records_dropped.bytes += bytes;
        }
    }

    /// Cuts a flow: what was counted goes out as a record, the flow goes on and its next record starts at `time`.
    pub(super) fn cut(&mut self, slot: Slot, time: Nanos) {
        self.emit(slot, EndReason::Active);
        let at = slot as usize;
        let pair = &mut self.pairs[at];
        if pair.hot.has(Mark::Cut) {
            self.origins[at].record_seq += 1;
        } else {
            let start =
                if pair.hot.has(Mark::Tcp) { self.blocks[at].identity.start } else { pair.identity_ref().start };
            self.origins[at].start = start;
            self.origins[at].record_seq = 1;
            pair.hot.set(Mark::Cut);
        }
        pair.hot.restart();
        pair.hot.set_start(time);
        pair.hot.clear(Mark::IcmpErrors);
        if pair.hot.has(Mark::Tcp) {
            pair.tcp().restart();
            if let Some(trail) = self.history.trail(pair.tcp_ref().trail) {
                trail.restart();
            }
            self.blocks[at].rest.restart();
            self.blocks[at].identity.start = time.0;
        } else {
            let identity = pair.identity();
            identity.clear_payload();
            identity.start = time.0;
            identity.other_first = Lapse::NONE;
            identity.other_last = Lapse::NONE;
            if pair.hot.has(Mark::Extra) {
                self.extras[at] = Extra::default();
            }
        }
    }
}

impl<'a> Stores<'a> {
    /// What the record of a flow is made from.
    pub(super) fn state(&self, slot: Slot, reason: EndReason) -> FlowState<'a> {
        let at = slot as usize;
        let (pair, plan) = (&self.pairs[at], self.plan);
        let hot = &pair.hot;
        let block = hot.has(Mark::Tcp).then(|| &self.blocks[at]);
        let identity = block.map_or_else(|| pair.identity_ref(), |block| &block.identity);
        let context = self.contexts.get(identity.context);
        let mut facts = Facts::new(reason);
        facts.scope = context.scope;
        facts.sampling = plan.sampling;
        facts.origin =
            if hot.has(Mark::Cut) { self.origins[at] } else { Origin { start: identity.start, ..Origin::default() } };
        facts.origin.icmp_errors = if hot.has(Mark::IcmpErrors) { self.origins[at].icmp_errors } else { 0 };
        facts.first_packets = self.first_packets(slot);
        let ((low, high), version) = (identity.endpoints(), hot.image().version());
        facts.put(Fact::LowLocal, plan.locality.is_local(version, low));
        facts.put(Fact::HighLocal, plan.locality.is_local(version, high));
        facts.put(Fact::OuterFromClient, context.outer_from_client);
        facts.set_mac(context.mac);
        if plan.tell_input {
            facts.set_input(context.input);
        }
        FlowState {
            facts,
            pair,
            block,
            trail: block.and_then(|_| self.history.look(pair.tcp_ref().trail)),
            extra: hot.has(Mark::Extra).then(|| &self.extras[at]),
            first: (facts.first_packets > 0).then(|| &self.firsts[at]),
            outer: &context.outer,
        }
    }

    /// How many first packets a record tells: in a flow's first record only.
    fn first_packets(&self, slot: Slot) -> u8 {
        let hot = &self.pairs[slot as usize].hot;
        if hot.has(Mark::Cut) { 0 } else { hot.all_packets().min(self.plan.first_packets.into()) as u8 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bench_noting, packet};
    use crate::exit::{Exit, WhenFull, door};
    use crate::flow::Context;
    use crate::key::protocol;
    use crate::packet::{Encap, Marks, tcp_flags};
    use crate::record::{EncapLayer, EndReason, Outer};
    use crate::source::Input;
    use parshall_config::plan::Timeouts;

    const ENDS: [(u128, u16); 2] = [(0x0a00_0002, 40_000), (0x0a00_0001, 443)];

    /// Flows of several protocols: packets of the client and of the server, and whether they have data.
    const FLOWS: [(u8, u64, u64, bool); 6] = [
        (protocol::UDP, 1, 0, true),
        (protocol::UDP, 3, 2, true),
        (protocol::TCP, 1, 0, false),
        (protocol::TCP, 3, 2, true),
        (protocol::SCTP, 2, 2, true),
        (protocol::ESP, 2, 0, true),
    ];

    #[test]
    fn a_record_made_behind_the_door_is_the_one_made_before_it() {
        let mut bench = bench_noting(3, 100, Timeouts::default());
        // A ring so short that messages begin and wrap everywhere.
        let (short, mut out) = door(3, WhenFull::Drop);
        bench.shard.door = short;
        bench.shard.plan.tell_input = true;
        for (n, (protocol, up, down, data)) in FLOWS.into_iter().enumerate() {
            let port = |(ip, port): (u128, u16)| (ip, port + n as u16);
            for time in 0..up + down {
                let (from, to) = if time % 2 == 0 || time / 2 >= down { (0, 1) } else { (1, 0) };
                let mut packet = packet(protocol, time, port(ENDS[from]), port(ENDS[to]));
                if protocol == protocol::TCP {
                    packet.marks.0 |= Marks::TCP | Marks::TCP_FLAGS;
                    packet.payload_bytes = if data { 60 } else { 0 };
                    packet.tcp.seq = 60 * (time / 2) as u32;
                    packet.tcp.flags = if data { tcp_flags::ACK } else { tcp_flags::SYN };
                    packet.tcp.header_len = 20;
                }
                bench.see(&packet);
            }
        }
        let around = Outer {
            vlan_ids: [7, 8].into_iter().collect(),
            encap: [EncapLayer { kind: Encap::Vxlan, id: Some(42) }].into_iter().collect(),
            endpoints: Some(([10, 0, 0, 9].into(), std::net::Ipv6Addr::LOCALHOST.into())),
        };
        let (input, mac) = (Input { port: 3, queue: 5 }, [Some([1; 6]), None]);
        let context = Context { outer: around, outer_from_client: true, scope: 9, input, mac };
        for slot in [1, 3] {
            bench.shard.identity_mut(slot).context = bench.shard.contexts.intern(&context).unwrap();
        }
        for round in 0..50 {
            for slot in 0..FLOWS.len() as u32 {
                let want = bench.shard.stores_and_doors().0.state(slot, EndReason::Evicted).record();
                let volume = want.packets();
                bench.shard.tally.live_packets += volume;
                bench.shard.emit(slot, EndReason::Evicted);
                let Some(Exit::Record(state)) = out.take() else { panic!("round {round}, slot {slot}: no record") };
                assert_eq!(state.record(), want, "round {round}, slot {slot}");
                assert_eq!(want.outer.vlan_ids.len(), if matches!(slot, 1 | 3) { 2 } else { 0 });
                assert_eq!(want.first.sizes.len() as u64, volume.min(3));
            }
        }
        assert!(out.take().is_none());
    }
}
