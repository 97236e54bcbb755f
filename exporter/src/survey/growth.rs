//! By how much a flow has grown since it was observed last, so that what is live counts at once and nothing counts twice.
//!
//! **Owns** what has been counted already of each flow that lives. **May touch** records. **Order** fed by the watch's
//! thread with pictures of live flows and with finished records.
//!
//! A live flow that was looked at counts what it has; its record later counts the rest. A look takes about a second, so the
//! record of a flow may come before the picture in which it still lives: then the picture's is left out. Parts of a flow that met on several
//! workers are found by their key: the joined record counts what its parts had not. A record that never comes (dropped at a
//! full ring) leaves its entry behind, which is forgotten after [`FORGET`] pictures, or earlier when there are too many.
//! A picture is counted in pieces, so that whoever waits for what is counted need not wait for all of it.

use parshall_engine::key::FlowKey;
use parshall_engine::merge::lookout::LiveFlow;
use parshall_engine::record::{Direction, FlowRecord, TcpDirection, TcpHistory};
use std::collections::{HashMap, HashSet};

/// Pictures after which a flow that is neither told nor ended is forgotten.
const FORGET: u64 = 900;

type Get = fn(&Direction, &TcpDirection, &TcpHistory) -> u64;

/// What is counted of each direction: one row each.
pub const COUNTED: &[(&str, Get)] = &[
    ("packets", |direction, _, _| direction.packets),
    ("ip_bytes", |direction, _, _| direction.ip_bytes),
    ("retransmitted_packets", |_, _, history| u64::from(history.retx_packets)),
    ("retransmitted_bytes", |_, _, history| history.retx_bytes),
    ("payload_bytes", |direction, _, _| direction.payload_bytes),
    ("data_packets", |_, tcp, _| tcp.data_packets),
    ("out_of_order", |_, _, history| u64::from(history.ooo_packets)),
    ("duplicate_acks", |_, tcp, _| u64::from(tcp.dup_acks)),
    ("zero_windows", |_, tcp, _| u64::from(tcp.zero_windows)),
    ("syns", |_, tcp, _| u64::from(tcp.syn_count)),
    ("fins", |_, tcp, _| u64::from(tcp.fin_count)),
    ("resets", |_, tcp, _| u64::from(tcp.rst_count)),
    ("keepalives", |_, tcp, _| u64::from(tcp.keepalives)),
    ("gap_bytes", |_, _, history| u64::from(history.gap_bytes)),
    ("wire_bytes", |direction, _, _| direction.wire_bytes),
    ("rtt_sum_us", |_, tcp, _| tcp.rtt.map_or(0, |rtt| (rtt.avg * f64::from(rtt.samples) / 1e3) as u64)),
    ("rto", |_, _, history| u64::from(history.classes[0])),
    ("fast_retx", |_, _, history| u64::from(history.classes[1])),
    ("reordering", |_, _, history| u64::from(history.classes[2])),
    ("net_dup", |_, _, history| u64::from(history.classes[3])),
    ("flow_control", |_, _, history| u64::from(history.classes[4])),
    ("unneeded_rto", |_, _, history| u64::from(history.classes[5])),
    ("unneeded_fast_retx", |_, _, history| u64::from(history.classes[6])),
    ("unknown", |_, _, history| u64::from(history.classes[7])),
];

/// First of the rows that are Tstat's anomaly classes, in the order of [`parshall_engine::flow::tcp::Class`].
pub const FIRST_CLASS: usize = 16;

/// Rows of [`COUNTED`] that are asked for by place.
pub const PACKETS: usize = 0;
/// IP bytes.
pub const IP_BYTES: usize = 1;
/// Retransmitted packets.
pub const RETRANSMITTED: usize = 2;
/// TCP payload.
pub const PAYLOAD: usize = 4;
/// Segments with payload.
pub const DATA_PACKETS: usize = 5;
/// Segments that announce a window of 0.
pub const ZERO_WINDOWS: usize = 8;
/// SYNs.
pub const SYNS: usize = 9;
/// RSTs.
pub const RESETS: usize = 11;
/// Bytes that were jumped over and have not come yet.
pub const GAP_BYTES: usize = 13;
/// Wire bytes.
pub const WIRE_BYTES: usize = 14;
/// Sum of the round-trip times of data. Unit: microseconds.
pub const RTT_SUM: usize = 15;

/// Counts of both directions: client to server, server to client.
pub type Counts = [[u64; COUNTED.len()]; 2];

/// The counts of a record.
#[must_use]
pub fn counts(record: &FlowRecord) -> Counts {
    let (no_tcp, no_history) = (TcpDirection::default(), TcpHistory::default());
    let tcp = record.tcp.as_ref();
    let side = |direction: &Direction, tcp: &TcpDirection| {
        let history = tcp.history.as_ref().unwrap_or(&no_history);
        std::array::from_fn(|row| (COUNTED[row].1)(direction, tcp, history))
    };
    [side(&record.c2s, tcp.map_or(&no_tcp, |tcp| &tcp.c2s)), side(&record.s2c, tcp.map_or(&no_tcp, |tcp| &tcp.s2c))]
}

/// What a flow has grown by.
#[derive(Clone, Copy, Debug)]
pub struct Growth<'r> {
    /// The flow as it is now.
    pub record: &'r FlowRecord,
    /// By how much.
    pub counts: Counts,
    /// It had not been observed before.
    pub is_new: bool,
}

impl Growth<'_> {
    /// A count of both directions.
    #[must_use]
    pub const fn both(&self, row: usize) -> u64 {
        self.counts[0][row] + self.counts[1][row]
    }
}

#[derive(Clone, Debug)]
struct Known {
    flow_id: u64,
    record_seq: u32,
    start: u64,
    worker: u16,
    counts: Counts,
    picture: u64,
}

/// Flows known at the most, for each one that a picture told: under a flood many end without a record that is watched.
const KNOWN: usize = 4;

/// Fewer than these are always known.
const FEWEST: usize = 1000;

/// Records remembered until the next picture, at most; beyond, a flow that ended while it was looked at may count twice.
const RECENT: usize = 65_536;

/// Memory of a ledger of pictures that tell so many flows, at the most. A map doubles, and holds both sizes while it does.
#[must_use]
pub const fn most_bytes(told: u64) -> u64 {
    let told = if told > FEWEST as u64 { told } else { FEWEST as u64 };
    let (place, recent) = (size_of::<(FlowKey, Vec<Known>)>() + 1, size_of::<(u64, u32)>() + 1);
    let known = size_of::<Known>() + 16 + 3 * place;
    (KNOWN as u64 + 1) * told * known as u64 + (3 * RECENT * recent) as u64
}

/// What has been counted of the flows that live.
#[derive(Debug, Default)]
pub struct Ledger {
    flows: HashMap<FlowKey, Vec<Known>>,
    /// How many flows are known.
    entries: usize,
    /// Flow and number of the records that came since the last picture.
    recent: HashSet<(u64, u32)>,
    /// Flows that the largest picture told.
    most: usize,
}

impl Ledger {
    /// Counts some live flows of the picture of this number.
    pub fn live(&mut self, flows: &[LiveFlow], picture: u64, mut grown: impl FnMut(&Growth<'_>)) {
        let Ledger { flows: ledger, entries, recent, .. } = self;
        for flow in flows.iter().filter(|flow| !recent.contains(&(flow.record.flow_id, flow.record.record_seq))) {
            let (record, worker) = (&flow.record, flow.worker);
            let mut now = counts(record);
            // What is missing may still come: it counts when the flow has ended.
            now.iter_mut().for_each(|side| side[GAP_BYTES] = 0);
            let known = ledger.entry(record.key).or_default();
            let same = |known: &&mut Known| {
                (known.flow_id, known.record_seq, known.worker) == (record.flow_id, record.record_seq, worker)
            };
            match known.iter_mut().find(same) {
                Some(known) => {
                    grown(&Growth { record, counts: less(&now, &known.counts), is_new: false });
                    (known.counts, known.picture) = (now, picture);
                }
                None => {
                    grown(&Growth { record, counts: now, is_new: record.record_seq == 0 });
                    // Nearly always one flow of a key lives; a vector that grows by itself begins with room for four.
                    known.reserve_exact(1);
                    *entries += 1;
                    known.push(Known {
                        flow_id: record.flow_id,
                        record_seq: record.record_seq,
                        start: record.start.0,
                        worker,
                        counts: now,
                        picture,
                    });
                }
            }
        }
    }

    /// Says that the picture of this number is counted, which told so many flows.
    pub fn turn(&mut self, picture: u64, told: usize) {
        self.recent.clear();
        self.most = self.most.max(told).max(FEWEST);
        if self.entries > KNOWN * self.most {
            self.forget(self.told_since(picture, KNOWN * self.most / 2));
        } else if picture.is_multiple_of(64) {
            self.forget(picture.saturating_sub(FORGET));
        }
    }

    /// The picture since which no more than `most` flows were told last.
    fn told_since(&self, picture: u64, most: usize) -> u64 {
        let mut ages = [0; FORGET as usize + 1];
        for known in self.flows.values().flatten() {
            ages[picture.saturating_sub(known.picture).min(FORGET) as usize] += 1;
        }
        let mut told = 0;
        let pictures = ages.iter().take_while(|age| {
            told += **age;
            told <= most
        });
        picture.saturating_sub(pictures.count() as u64) + 1
    }

    /// Forgets flows that were told before a picture and not since.
    fn forget(&mut self, oldest: u64) {
        self.flows.retain(|_, known| {
            known.retain(|known| known.picture >= oldest);
            !known.is_empty()
        });
        self.entries = self.flows.values().map(Vec::len).sum();
    }

    /// Counts what a finished record has that was not counted while it lived.
    pub fn record(&mut self, record: &FlowRecord, mut grown: impl FnMut(&Growth<'_>)) {
        if self.recent.len() < RECENT {
            self.recent.insert((record.flow_id, record.record_seq));
        }
        let mut rest = counts(record);
        let mut is_new = record.record_seq == 0;
        if let Some(known) = self.flows.get_mut(&record.key) {
            let (start, end, before) = (record.start.0, record.end.0, known.len());
            known.retain(|known| {
                let mine = if record.half_seen {
                    known.record_seq == record.record_seq && (start..=end).contains(&known.start)
                } else {
                    known.flow_id == record.flow_id && known.record_seq == record.record_seq
                };
                if mine {
                    rest = less(&rest, &known.counts);
                    is_new = false;
                }
                !mine
            });
            self.entries -= before - known.len();
            if known.is_empty() {
                self.flows.remove(&record.key);
            }
        }
        grown(&Growth { record, counts: rest, is_new });
    }
}

fn less(now: &Counts, before: &Counts) -> Counts {
    std::array::from_fn(|side| std::array::from_fn(|row| now[side][row].saturating_sub(before[side][row])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::record;

    fn see(ledger: &mut Ledger, picture: u64, records: Vec<(u16, FlowRecord)>, mut grown: impl FnMut(&Growth<'_>)) {
        let flows: Vec<LiveFlow> = records.into_iter().map(|(worker, record)| LiveFlow { worker, record }).collect();
        flows.chunks(7).for_each(|some| ledger.live(some, picture, &mut grown));
        ledger.turn(picture, flows.len());
    }

    #[test]
    fn every_class_of_the_engine_has_its_row() {
        let names: Vec<&str> = COUNTED[FIRST_CLASS..].iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), parshall_engine::flow::tcp::CLASSES);
        let places = [
            (PACKETS, "packets"),
            (IP_BYTES, "ip_bytes"),
            (RETRANSMITTED, "retransmitted_packets"),
            (PAYLOAD, "payload_bytes"),
            (DATA_PACKETS, "data_packets"),
            (ZERO_WINDOWS, "zero_windows"),
            (SYNS, "syns"),
            (RESETS, "resets"),
            (GAP_BYTES, "gap_bytes"),
            (WIRE_BYTES, "wire_bytes"),
            (RTT_SUM, "rtt_sum_us"),
        ];
        for (place, name) in places {
            assert_eq!(COUNTED[place].0, name);
        }
    }

    #[test]
    fn a_flow_whose_record_comes_before_the_picture_in_which_it_lives_counts_once() {
        let mut ledger = Ledger::default();
        let (mut packets, mut flows) = (0, 0);
        let mut add = |growth: &Growth<'_>| {
            packets += growth.both(PACKETS);
            flows += u64::from(growth.is_new);
        };
        ledger.record(&record(5, 7), &mut add);
        see(&mut ledger, 1, vec![(0, record(5, 7))], &mut add);
        assert!(ledger.flows.is_empty());
        // The next picture is of flows that began since.
        see(&mut ledger, 2, vec![(0, record(5, 7))], &mut add);
        assert_eq!((packets, flows), (14, 2));
    }

    #[test]
    fn what_counted_while_a_flow_lived_does_not_count_again_in_its_record() {
        let mut ledger = Ledger::default();
        let (mut packets, mut flows) = (0, 0);
        let mut add = |growth: &Growth<'_>| {
            packets += growth.both(PACKETS);
            flows += u64::from(growth.is_new);
        };
        let at = |count: u64| {
            let mut one = record(5, count);
            one.flow_id = 9;
            one
        };
        for (number, count) in [(1, 3), (2, 3), (3, 7)] {
            see(&mut ledger, number, vec![(0, at(count))], &mut add);
        }
        ledger.record(&at(10), &mut add);
        ledger.record(&record(6, 5), &mut add);
        assert_eq!((packets, flows), (15, 2));
        assert!(ledger.flows.is_empty());
    }

    #[test]
    fn flows_that_end_without_a_record_do_not_pile_up_and_those_told_last_are_known() {
        // Other keys each time, and the same ones again and again.
        for keys in [100, 1] {
            let mut ledger = Ledger::default();
            for number in 1..100 {
                let told = (0..FEWEST as u64).map(|n| {
                    let key = FlowKey::canonical(4, 17, (u128::from(number % keys), 1), (u128::from(n), 2)).0;
                    (0, FlowRecord { flow_id: number << 32 | n, key, ..record(5, 1) })
                });
                see(&mut ledger, number, told.collect(), |_| ());
                assert!(ledger.entries <= KNOWN * FEWEST, "{}", ledger.entries);
            }
            assert!(ledger.flows.values().flatten().filter(|known| known.picture == 99).count() == FEWEST);
            assert_eq!(ledger.entries, ledger.flows.values().map(Vec::len).sum::<usize>());
        }
    }

    #[test]
    fn parts_of_a_flow_on_two_workers_count_once_when_they_are_joined() {
        let mut ledger = Ledger::default();
        let mut packets = 0;
        let part = |start: u64, id: u64, count: u64| {
            let mut one = record(100, count);
            (one.start, one.flow_id) = (parshall_engine::time::Nanos(start), id);
            one
        };
        let flows = vec![(0, part(10, 1, 4)), (1, part(20, 2, 5))];
        let mut add = |growth: &Growth<'_>| packets += growth.both(PACKETS);
        see(&mut ledger, 1, flows, &mut add);
        let mut joined = part(10, 1, 12);
        joined.half_seen = true;
        ledger.record(&joined, &mut add);
        assert_eq!(packets, 12);
    }
}
