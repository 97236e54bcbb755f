//! The opening of a connection as it passed: SYNs, their offers, and the times between them.
//!
//! **Owns** what is known of the handshake. **May touch** nothing. **Order** `see` for each segment of the flow.

use super::TcpSight;
use crate::synth::tcp::segment::{Offer, Side};
use crate::synth::truth::flow::{Keys, micros};

/// What tells one SYN's initial sequence number from another's.
type Life = (u32, Option<u32>);

/// What passed of the handshake.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handshake {
    /// By side: times of SYNs without ACK.
    syns: [Vec<u64>; 2],
    /// By side: times of SYNs with ACK.
    answers: [Vec<u64>; 2],
    /// By side: the first ACK that is neither SYN nor RST.
    acks: [Option<u64>; 2],
    /// By side: lives of the SYNs.
    lives: [Vec<Life>; 2],
    offers: [Option<Offer>; 2],
    others: bool,
}

fn life(seen: &TcpSight<'_>) -> Life {
    (seen.connection, seen.segment.foreign_seq)
}

impl Handshake {
    pub(crate) fn see(&mut self, at: u64, side: Side, seen: &TcpSight<'_>) {
        let segment = seen.segment;
        let index = side as usize;
        if !segment.syn {
            self.others = true;
            if segment.ack.is_some() && !segment.rst {
                self.acks[index] = self.acks[index].or(Some(at));
            }
            return;
        }
        let list = if segment.ack.is_some() { &mut self.answers } else { &mut self.syns };
        list[index].push(at);
        self.lives[index].push(life(seen));
        self.offers[index] = self.offers[index].or(segment.offer);
    }

    /// A SYN of this life passed before, from this side.
    pub(crate) fn knows(&self, side: Side, seen: &TcpSight<'_>) -> bool {
        self.lives[side as usize].contains(&life(seen))
    }

    pub(crate) fn any_syn(&self) -> bool {
        self.lives.iter().any(|lives| !lives.is_empty())
    }

    /// The client's SYN passed: without it, Tstat has no record whose verdict could be told.
    pub(crate) fn opened_by(&self, client: Side) -> bool {
        !self.syns[client as usize].is_empty()
    }

    pub(crate) fn both_syns(&self) -> bool {
        self.lives.iter().all(|lives| !lives.is_empty())
    }

    /// Nothing but SYNs passed: without ACK; with or without.
    pub(crate) fn only_syns(&self) -> (bool, bool) {
        (!self.others && self.answers.iter().all(Vec::is_empty), !self.others)
    }

    pub(crate) fn write(&self, client: Side, record_seq: u32, keys: &mut Keys) {
        let only_answers = self.any_syn() && self.syns.iter().all(Vec::is_empty);
        if only_answers {
            keys.open("", "midstream");
        } else {
            keys.set("", "midstream", !self.any_syn());
        }
        self.write_times(client, record_seq, keys);
        for (prefix, side) in [("c2s_", client), ("s2c_", client.other())] {
            let (ours, theirs) = (self.offers[side as usize], self.offers[side.other() as usize]);
            if record_seq > 0 {
                ["mss", "window_scale", "sack_permitted"].iter().for_each(|name| keys.open(prefix, name));
                continue;
            }
            keys.maybe(prefix, "mss", ours.and_then(|offer| offer.mss));
            match (ours, theirs) {
                (None, _) => keys.open(prefix, "sack_permitted"),
                (Some(offer), _) => keys.set(prefix, "sack_permitted", offer.sack),
            }
            match (ours.map(|offer| offer.window_scale), theirs.map(|offer| offer.window_scale)) {
                (Some(Some(shift)), Some(Some(_))) => keys.set(prefix, "window_scale", shift),
                (None, _) => keys.maybe::<u8>(prefix, "window_scale", None),
                _ => keys.open(prefix, "window_scale"),
            }
        }
    }

    /// The three times, unless a SYN passed twice, which leaves open from which of them they count.
    fn write_times(&self, client: Side, record_seq: u32, keys: &mut Keys) {
        let names = ["handshake_rtt_us", "server_handshake_us", "client_handshake_us"];
        let (us, them) = (client as usize, client.other() as usize);
        let (syn, answer) = (self.syns[us].first(), self.answers[them].first());
        let ack = self.acks[us];
        let repeated = self.lives.iter().any(|lives| lives.len() > 1) || !self.syns[them].is_empty();
        let unseen_answer = answer.is_none() && syn.is_some() && ack.is_some();
        let early = answer.zip(ack).is_some_and(|(answer, ack)| ack < *answer);
        if record_seq > 0 {
            names.iter().for_each(|name| keys.maybe::<u64>("", name, None));
        } else if repeated || unseen_answer || early {
            names.iter().for_each(|name| keys.open("", name));
        } else {
            let span = |from: Option<&u64>, to: Option<u64>| from.zip(to).map(|(from, to)| micros((to - from) as f64));
            keys.maybe("", names[0], span(syn, ack));
            keys.maybe("", names[1], span(syn, answer.copied()));
            keys.maybe("", names[2], span(answer, ack));
        }
    }
}
