//! When a flow ends, by the contract's section "Life": a decision from the flow's own times and its timeouts, nothing else.
//!
//! **Owns** the timeouts and the rules. **May touch** a flow's state, read only.
//! **Order** asked by `shard` at every lookup; the sweep asks the same questions, so reclaiming early or late changes
//! no record.

use crate::flow::{Hot, Identity, Mark, TcpCore, TcpRest, tcp::state};
use crate::packet::{Marks, Packet, tcp_flags};
use crate::record::EndReason;
use crate::time::{Nanos, nanos_of};
use parshall_config::plan::Timeouts;

/// How long a midstream flow keeps a SYN without ACK for itself. Unit: nanoseconds. Contract: 1 s.
const MIDSTREAM_SYN: u64 = 1_000_000_000;

/// The timeouts, in nanoseconds of packet time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    tcp_idle: u64,
    udp_idle: u64,
    other_idle: u64,
    single: u64,
    linger: u64,
    active: Option<u64>,
    /// Below so many steps of [`Hot::age`] no flow is due; 0 where steps cannot tell.
    young: u64,
    /// After a shorter silence no flow has ended.
    shortest: u64,
}

/// What becomes of the flow that a packet found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The packet belongs to it.
    GoesOn,
    /// The packet belongs to it, but to its next record.
    Cut,
    /// It ended before this packet, which opens another.
    Ended(EndReason),
}

impl Limits {
    /// Limits from the plan.
    #[must_use]
    pub fn new(timeouts: &Timeouts) -> Limits {
        let active = timeouts.active.map(nanos_of);
        let mut limits = Limits {
            tcp_idle: nanos_of(timeouts.tcp_idle),
            udp_idle: nanos_of(timeouts.udp_idle),
            other_idle: nanos_of(timeouts.other_idle),
            single: nanos_of(timeouts.single_packet),
            linger: nanos_of(timeouts.tcp_linger),
            active,
            young: active.map_or(u64::MAX, |active| active >> 32),
            shortest: 0,
        };
        limits.shortest = limits.tcp_idle.min(limits.udp_idle).min(limits.other_idle).min(limits.single);
        // A flow that can get older than the steps count is asked for its exact start each time.
        if active.is_some_and(|active| limits.longest().saturating_add(active) > 4 * 3_600_000_000_000) {
            limits.young = 0;
        }
        limits
    }

    /// The longest time that a flow can stay without a packet.
    #[must_use]
    pub const fn longest(&self) -> u64 {
        let mut longest = self.tcp_idle;
        if self.udp_idle > longest {
            longest = self.udp_idle;
        }
        if self.other_idle > longest {
            longest = self.other_idle;
        }
        if self.linger > longest { self.linger } else { longest }
    }

    /// Whether a flow ends with the packet that closes it.
    #[must_use]
    pub const fn ends_at_once(&self) -> bool {
        self.linger == 0
    }

    /// How long this flow may stay without a packet.
    #[inline]
    fn idle(&self, hot: &Hot) -> u64 {
        let idle = if hot.has(Mark::Tcp) {
            self.tcp_idle
        } else if hot.has(Mark::Udp) {
            self.udp_idle
        } else {
            self.other_idle
        };
        let single = (hot.all_packets() == 1 || hot.has(Mark::OnlySyn)) && !hot.has(Mark::Cut);
        if single { idle.min(self.single) } else { idle }
    }

    /// Whether a flow that has `noted` packets or more is open and goes on with a packet of this time that is not older than its
    /// latest, as far as little work tells: `false` decides nothing.
    #[inline(always)]
    #[must_use]
    pub const fn goes_on(&self, hot: &Hot, time: Nanos, noted: u8) -> bool {
        // The span to an older packet wraps round to more than any timeout.
        time.0.wrapping_sub(hot.last().0) <= self.shortest && hot.age(time) < self.young && hot.is_calm(noted)
    }

    /// Why the flow has ended by `now`, if it has, as far as its hot line tells. For a closed flow this may say "not
    /// yet" for longer than [`Limits::fate`], never for shorter.
    #[inline]
    #[must_use]
    pub fn over(&self, hot: &Hot, now: Nanos) -> Option<EndReason> {
        let quiet = now.since(hot.last());
        match closed(hot) {
            Some(reason) => (quiet > self.linger).then_some(reason),
            None => (quiet > self.shortest && quiet > self.idle(hot)).then_some(EndReason::Idle),
        }
    }

    /// Why a flow ends when input ends at `now`.
    #[must_use]
    pub fn last_word(&self, hot: &Hot, now: Nanos) -> EndReason {
        closed(hot).or_else(|| self.over(hot, now)).unwrap_or(EndReason::Shutdown)
    }

    /// What becomes of a flow other than TCP when a packet of its key arrives.
    #[inline]
    #[must_use]
    pub fn fate(&self, hot: &Hot, identity: &Identity, packet: &Packet) -> Fate {
        if packet.time.since(hot.last()) > self.idle(hot) {
            return Fate::Ended(EndReason::Idle);
        }
        self.due(hot, identity, packet)
    }

    #[inline]
    fn due(&self, hot: &Hot, identity: &Identity, packet: &Packet) -> Fate {
        if hot.age(packet.time) < self.young && !hot.brimful() {
            return Fate::GoesOn;
        }
        let deadline = self.active.is_some_and(|active| passed(identity, packet) >= active);
        if deadline || hot.brimful() { Fate::Cut } else { Fate::GoesOn }
    }

    /// What becomes of a TCP flow when a packet of its key arrives.
    #[inline]
    #[must_use]
    pub fn tcp_fate(&self, hot: &Hot, identity: &Identity, core: &TcpCore, rest: &TcpRest, packet: &Packet) -> Fate {
        let opens = packet.marks.has(Marks::TCP)
            && packet.tcp.flags & (tcp_flags::SYN | tcp_flags::ACK | tcp_flags::RST) == tcp_flags::SYN;
        if let Some(reason) = closed(hot) {
            let side = hot.side(packet.marks.has(Marks::FROM_LOW));
            let same_isn = core.has(state::SYN, side) && rest.side[side & 1].isn == packet.tcp.seq;
            let late = packet.time.since(Nanos(rest.closed_at)) > self.linger;
            return if late || (opens && !same_isn) { Fate::Ended(reason) } else { Fate::GoesOn };
        }
        if packet.time.since(hot.last()) > self.idle(hot) {
            return Fate::Ended(EndReason::Idle);
        }
        let midstream = !core.any(state::SYN);
        if opens && midstream && passed(identity, packet) > MIDSTREAM_SYN {
            // The old connection is gone, and its end went by unseen: as with an idle one.
            return Fate::Ended(EndReason::Idle);
        }
        self.due(hot, identity, packet)
    }
}

/// Time from the start of the record to a packet. Out of line, so that nobody reads the start, which lies in a line of
/// its own, before it is known that it is needed.
#[cold]
#[inline(never)]
fn passed(identity: &Identity, packet: &Packet) -> u64 {
    packet.time.since(Nanos(identity.start))
}

/// Why a closed flow closed.
#[inline]
#[must_use]
pub const fn closed(hot: &Hot) -> Option<EndReason> {
    if hot.has(Mark::ClosedFin) {
        Some(EndReason::TcpFin)
    } else if hot.has(Mark::ClosedRst) {
        Some(EndReason::TcpRst)
    } else {
        None
    }
}
