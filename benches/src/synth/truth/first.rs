//! The first packets of a flow: what `--first-packets` tells.
//!
//! **Owns** these lists. **May touch** nothing. **Order** fed and written by `ledger`.

use super::flow::{Keys, micros};
use super::ledger::Sight;
use crate::synth::tcp::segment::Side;
use serde_json::Value;

/// The keys.
const KEYS: [&str; 3] = ["first_sizes", "first_directions", "first_gaps_us"];

/// A packet: time, sender, payload; `None` where the contract leaves it open.
type Packet = (u64, Side, Option<u64>);

/// The first packets of one flow.
#[derive(Clone, Debug, Default)]
pub(crate) struct First {
    packets: Vec<Packet>,
}

impl First {
    /// Takes a packet in, unless there are `most` already.
    pub(crate) fn see(&mut self, sight: &Sight<'_>, most: usize) {
        if self.packets.len() < most {
            self.packets.push((sight.at, sight.side, sight.weight.payload));
        }
    }

    /// Only the first record of a flow has them.
    pub(crate) fn write(&self, client: Side, record_seq: u32, keys: &mut Keys) {
        if record_seq > 0 || self.packets.is_empty() {
            return KEYS.iter().for_each(|key| keys.set("", key, Value::Null));
        }
        let list = |value: &dyn Fn(&Packet) -> Value| self.packets.iter().map(value).collect::<Value>();
        keys.set("", KEYS[1], list(&|packet| Value::from(if packet.1 == client { 1 } else { -1 })));
        if self.packets.iter().all(|packet| packet.2.is_some()) {
            keys.set("", KEYS[0], list(&|packet| Value::from(packet.2.unwrap_or_default().min(65_535))));
        } else {
            keys.open("", KEYS[0]);
        }
        let times = || self.packets.iter().map(|packet| packet.0);
        let gaps = times().zip(times().take(1).chain(times())).map(|(at, before)| micros((at - before) as f64));
        keys.set("", KEYS[2], gaps.collect::<Value>());
    }
}
