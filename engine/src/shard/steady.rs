//! The packet that plainly continues its flow: nearly all are.
//!
//! **Owns** the test for such a packet, and the short way to account it. **May touch** the flow's own state.
//! **Order** tried first by `take`. Whatever needs a decision (a flow that may have ended or come of age, a side's first
//! packet, a time that goes back, a mark that asks for more) is left to the long way with nothing touched; both ways give
//! the same records.

use super::{Ready, Shard};
use crate::flow::{Mark, TcpBlock};
use crate::packet::facts;
use crate::source::Frame;
use crate::track;
use crate::track::tcp::Flow;
use crate::track::tcp::next::next;

impl Shard {
    /// Accounts the packet to the flow that the second pass found, if that is its flow and plainly goes on.
    #[inline(always)]
    pub(super) fn steady(&mut self, ready: &Ready, frame: &Frame<'_>) -> bool {
        let outline = &ready.outline;
        let slot = ready.place.wrapping_sub(1) as usize;
        let Some(pair) = self.pairs.get_mut(slot) else { return false };
        let side = pair.hot.side(outline.has(facts::FROM_LOW));
        if pair.hot.image() != ready.image
            || pair.hot.packets(side) == 0
            || !self.plan.limits.goes_on(&pair.hot, frame.time, self.plan.first_packets)
        {
            return false;
        }
        if pair.hot.has(Mark::Tcp) {
            if !outline.has(facts::SEGMENT) {
                return false;
            }
            let (hot, core) = pair.hot_and_tcp();
            let is_next = if outline.payload_bytes > 0 {
                next::<true>(core, &mut self.history, side, outline, frame)
            } else {
                next::<false>(core, &mut self.history, side, outline, frame)
            };
            if is_next {
                hot.unset_asks(side);
            } else {
                let Some(TcpBlock { rest, .. }) = self.blocks.get_mut(slot) else { return false };
                if !(Flow { hot, core, rest, pool: &mut self.history }).plain(
                    side,
                    outline,
                    frame,
                    self.plan.limits.ends_at_once(),
                ) {
                    return false;
                }
            }
        } else {
            let (hot, identity) = pair.hot_and_identity();
            track::udp::further(hot, identity, side, outline.payload_bytes);
        }
        pair.hot.count_further(side, frame.time, outline.ip_bytes, outline.wire_bytes, outline.ttl);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::ShardPlan;
    use super::super::tests::{Bench, bench_of, frame_of, packet, plan};
    use super::*;
    use crate::key::protocol;
    use crate::packet::tcp_flags::{ACK, FIN, PSH, RST, SYN};
    use crate::packet::{Marks, Packet, TcpHeader};
    use crate::tally::Volume;
    use crate::time::Nanos;
    use parshall_config::plan::Timeouts;
    use proptest::prelude::*;
    use std::time::Duration;

    const ENDS: [(u128, u16); 2] = [(0x0a00_0002, 40_000), (0x0a00_0001, 443)];

    /// One step of a conversation that may do anything, and mostly does the usual.
    #[derive(Clone, Copy, Debug)]
    struct Step {
        tcp: bool,
        side: usize,
        flags: u8,
        /// Bytes that the sequence number is off by, and the acknowledgement.
        off: (i32, i32),
        payload: u32,
        window: u16,
        /// A timestamp option with this value and echo.
        timestamps: Option<(u32, u32)>,
        ttl: u8,
        /// Milliseconds to the packet before.
        after: i64,
    }

    /// A step that may be anything (`wild`), or one of a connection that neither begins nor ends.
    fn step(wild: bool) -> impl Strategy<Value = Step> {
        let odd = u32::from(wild);
        let flags = prop_oneof![12 => Just(ACK), 6 => Just(ACK | PSH), odd => Just(SYN), odd => Just(SYN | ACK),
            odd => Just(FIN | ACK), odd => Just(RST | ACK), odd => Just(0_u8), odd => any::<u8>()];
        // In hundredths of a segment: whole ones, and the single byte of a keep-alive.
        let off = prop_oneof![20 => Just(0), 2 => (-3..4_i32).prop_map(|segments| segments * 100), 1 => -1..2_i32];
        let after = prop_oneof![12 => 0..50_i64, 1 => -40..0_i64, 1 => 900..2500_i64];
        let payload = prop_oneof![12 => Just(0), 20 => Just(100), 4 => Just(1), 4 => 0..3000_u32,
            odd => (1_u32 << 31) - 2..(1 << 31) + 2];
        let timestamps = prop_oneof![1 => Just(None), 1 => (0..40_u32, 0..40_u32).prop_map(Some)];
        let window = prop_oneof![8 => Just(1000), 1 => Just(0), 1 => any::<u16>()];
        let ttl = prop_oneof![9 => Just(64), 1 => any::<u8>()];
        (prop::bool::weighted(0.9), 0..2_usize, flags, (off.clone(), off), payload, window, timestamps, ttl, after)
            .prop_map(|(tcp, side, flags, off, payload, window, timestamps, ttl, after)| Step {
                tcp,
                side,
                flags,
                off,
                payload,
                window,
                timestamps,
                ttl,
                after,
            })
    }

    /// The packets of the steps with their bytes, of which only options are read.
    fn packets(steps: &[Step]) -> Vec<(Packet, Vec<u8>)> {
        let (mut next, mut millis) = ([1000_u32, 9000], 10_000_i64);
        let mut out = Vec::new();
        for step in steps {
            millis += step.after;
            let (number, side) = (if step.tcp { protocol::TCP } else { protocol::UDP }, step.side);
            let mut made = packet(number, millis.unsigned_abs(), ENDS[side], ENDS[side ^ 1]);
            (made.payload_bytes, made.ttl) = (step.payload, step.ttl);
            let mut bytes = vec![0; 20];
            if step.tcp {
                made.marks.0 |= Marks::TCP | Marks::TCP_FLAGS;
                let seq = next[side].wrapping_add_signed(step.off.0);
                let ack = next[side ^ 1].wrapping_add_signed(step.off.1);
                if let Some((value, echo)) = step.timestamps {
                    bytes.extend([1, 1, 8, 10]);
                    bytes.extend(value.to_be_bytes());
                    bytes.extend(echo.to_be_bytes());
                }
                let (flags, window) = (step.flags, step.window);
                bytes[4..8].copy_from_slice(&seq.to_be_bytes());
                bytes[8..12].copy_from_slice(&ack.to_be_bytes());
                (bytes[12], bytes[13]) = ((bytes.len() / 4) as u8 * 16, flags);
                bytes[14..16].copy_from_slice(&window.to_be_bytes());
                made.tcp = TcpHeader { seq, ack, window, flags, header_len: bytes.len() as u8 };
                next[side] = seq.wrapping_add(step.payload);
            }
            out.push((made, bytes));
        }
        out
    }

    /// Accounts packets, with the short way open or not: it needs the second pass.
    fn account(bench: &mut Bench, packets: &[(Packet, Vec<u8>)], short: bool) -> String {
        for (packet, bytes) in packets {
            let shard = &mut bench.shard;
            let (mut ready, mut packet) = (Ready::default(), *packet);
            shard.read(&mut ready, &mut packet, bytes);
            shard.tally.take(packet.input, Volume { packets: 1, bytes: u64::from(packet.wire_bytes) });
            if short {
                shard.nearer(&mut ready);
            } else {
                ready.place = 0;
            }
            shard.take(&ready, &packet, &frame_of(&packet, bytes));
        }
        let last = packets.iter().map(|(packet, _)| packet.time).max().unwrap_or(Nanos::ZERO);
        let records = bench.finish(last.0 / 1_000_000);
        format!("{records:#?} {:#?}", bench.shard.tally)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

        #[test]
        fn the_short_way_and_the_long_way_give_the_same_records(
            steps in prop_oneof![prop::collection::vec(step(true), 1..60), prop::collection::vec(step(false), 1..90)],
            segment_memory in prop_oneof![3 => Just(1 << 20), 1 => Just(3 << 10)],
            first_packets in prop_oneof![Just(0_u8), Just(4)],
            linger in prop_oneof![Just(0_u64), Just(5)],
        ) {
            let timeouts = Timeouts {
                active: Some(Duration::from_secs(7)),
                tcp_linger: Duration::from_secs(linger),
                ..Timeouts::default()
            };
            let packets = packets(&steps);
            let bench = || bench_of(ShardPlan { segment_memory, first_packets, ..plan(100, timeouts) });
            let (short, long) = (account(&mut bench(), &packets, true), account(&mut bench(), &packets, false));
            prop_assert_eq!(short, long);
        }
    }
}
