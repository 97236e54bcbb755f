//! What the record says of a TCP flow.
//!
//! **Owns** the reading of a flow's state into the record's terms: scaled windows, deduced counts, times.
//! **May touch** the state, read only. **Order** called by `shard::emit` when a record is made.

use super::rtt;
use crate::flow::tcp::{TcpCore, TcpRest, offered, state};
use crate::flow::trail::Trail;
use crate::flow::{Hot, Mark};
use crate::record::{EndReason, TcpDirection, TcpHistory, TcpRecord};
use crate::time::Nanos;

/// The TCP part of a record.
#[must_use]
pub fn report(
    hot: &Hot,
    core: &TcpCore,
    rest: &TcpRest,
    trail: Option<&Trail>,
    start: Nanos,
    reason: EndReason,
) -> TcpRecord {
    let view = View { hot, core, rest, trail, start };
    let both = core.both(state::SYN);
    let complete = match reason {
        EndReason::TcpFin => core.has(state::SYN, 0),
        EndReason::TcpRst | EndReason::Idle => both,
        _ => hot.has(Mark::ClosedFin) && core.has(state::SYN, 0),
    };
    let [syn, syn_ack] = rest.handshake;
    let ack = rest.side[0].first_ack.time_after(start).map_or(0, |time| time.0);
    // A SYN or SYN+ACK that was sent again leaves open which one was answered (Karn).
    let once = both && !core.any(state::SYN_AGAIN);
    let span = |sure: bool, from: u64, to: u64| (sure && from != 0 && to >= from && to != 0).then(|| to - from);
    let answered_once = core.has(state::SYN, 1) && !core.has(state::SYN_AGAIN, 1);
    TcpRecord {
        c2s: view.direction(0),
        s2c: view.direction(1),
        midstream: !core.any(state::SYN),
        complete,
        handshake_rtt: span(once, syn, ack),
        server_handshake: span(once, syn, syn_ack),
        client_handshake: span(answered_once, syn_ack, ack),
    }
}

struct View<'a> {
    hot: &'a Hot,
    core: &'a TcpCore,
    rest: &'a TcpRest,
    trail: Option<&'a Trail>,
    start: Nanos,
}

impl View<'_> {
    fn direction(&self, side: usize) -> TcpDirection {
        let (core, counts, facts) = (self.core, &self.rest.side[side & 1], &self.rest.facts[side & 1]);
        let packets = u64::from(self.hot.packets(side));
        let (data, bare) = (u64::from(core.data_packets[side & 1]), u64::from(counts.bare_packets));
        let half = self.trail.map(|trail| &trail.half[side & 1]);
        let saw_syn = core.has(state::SYN, side);
        let offers = |bit: u8| saw_syn.then_some(facts.options & bit != 0);
        let measured = half.filter(|half| half.mss_max > 0);
        let flight = half.filter(|half| half.inflight_min > 0);
        let echoes = half.filter(|half| half.ts_samples > 0);
        TcpDirection {
            flags: core.flags[side & 1],
            syn_count: u32::from(counts.syn_count),
            fin_count: u32::from(counts.fin_count),
            rst_count: u32::from(counts.rst_count),
            psh_count: counts.psh_count.saturating_add(u32::from(core.psh[side & 1])),
            ack_packets: packets - u64::from(counts.no_ack_packets),
            pure_ack_packets: packets - data - bare,
            data_packets: data,
            dup_acks: counts.dup_acks,
            zero_windows: counts.zero_windows,
            sack_packets: counts.sack_packets,
            keepalives: u32::from(counts.keepalives),
            other_isn: u32::from(facts.other_isn),
            history: self.history(side),
            rtt: half.and_then(|half| rtt::summary(&half.rtt)),
            rtt_smoothed: half.map(|half| half.rtt.smoothed).filter(|smoothed| *smoothed > 0.0),
            rtt_timestamps: echoes.map(|half| (u32::from(half.ts_samples), half.ts_min)),
            window_min: self.window(side, false),
            window_max: self.window(side, true),
            window_scale: self.scale(side),
            ws_option: saw_syn.then_some(facts.scale > 0),
            mss: (facts.options & offered::MSS != 0).then_some(counts.mss),
            mss_min: measured.map(|half| half.mss_min),
            mss_max: measured.map(|half| half.mss_max),
            sack_permitted: offers(offered::SACK),
            ts_option: offers(offered::TIMESTAMPS).or((facts.options & offered::TIMESTAMPS != 0).then_some(true)),
            inflight_max: flight.map(|half| half.inflight_max),
            inflight_min: flight.map(|half| half.inflight_min),
            inflight_initial: measured.map(|_| counts.inflight_initial),
            first_payload: counts.first_payload.time_after(self.start),
            last_payload: self.last_payload(side),
            first_ack: counts.first_ack.time_after(self.start),
        }
    }

    /// A record that spans more than 78 hours (only without active timeout, or with a broken clock) cannot tell.
    fn last_payload(&self, side: usize) -> Option<Nanos> {
        let told = self.hot.last().since(self.start) >> 48 == 0;
        self.core.last_payload[side & 1].time_after(self.start).filter(|_| told)
    }

    fn history(&self, side: usize) -> Option<TcpHistory> {
        if self.core.has(state::HISTORY_LOST, side) {
            return None;
        }
        let counts = &self.rest.side[side & 1];
        let repeated = counts.retx_bytes - u64::from(counts.retx_control);
        Some(TcpHistory {
            unique_bytes: self.core.payload(side).saturating_sub(repeated),
            retx_packets: counts.retx_packets,
            retx_bytes: repeated,
            ooo_packets: counts.ooo_packets,
            classes: counts.classes,
            gap_bytes: counts.gap_bytes,
        })
    }

    /// The shift that applies: that of the side's SYN if both sides offered one (RFC 7323 section 2.2); `None` when a
    /// SYN was missed.
    fn scale(&self, side: usize) -> Option<u8> {
        if !self.core.both(state::SYN) {
            return None;
        }
        let both = self.rest.facts[0].scale > 0 && self.rest.facts[1].scale > 0;
        Some(if both { self.rest.facts[side & 1].scale - 1 } else { 0 })
    }

    /// The smallest window other than 0, or the largest, scaled but for the SYN's; `None` when the side announced none in
    /// this record.
    fn window(&self, side: usize, largest: bool) -> Option<u64> {
        let scale = self.scale(side)?;
        let counts = &self.rest.side[side & 1];
        if !self.core.has(state::WINDOW, side) && counts.syn_count == 0 {
            return None;
        }
        // What a side announces stands in the half of the data that it receives, or beside it before there was one.
        let half = self.trail.map(|trail| &trail.half[side & 1 ^ 1]);
        let (lowest, highest) = half.map_or((0, 0), |half| (half.window_min, half.window_max));
        let scaled = |window: u16| u64::from(window) << scale;
        let syn = u64::from(counts.syn_window);
        if largest {
            return Some(syn.max(scaled(counts.window_max.max(highest))));
        }
        [scaled(counts.window_min), scaled(lowest), syn].into_iter().filter(|window| *window > 0).min()
    }
}
