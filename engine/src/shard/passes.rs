//! The passes over a burst: to the bucket, to the flow, to its history, and the packet's account.
//!
//! **Owns** what is brought near, and when. **May touch** the shard's state; a flow in the last pass only.
//! **Order** `read_plain` or `read` for a whole burst, and `all_read`; then `near`, `nearer`, `nearest`, `nodes_near` and `take`,
//! each for the whole burst. Finding the pages of memory costs more than fetching lines from them, and the CPU finds many at
//! once only where it is asked for many at once.

use super::burst::Further;
use super::{Ready, Shard, Sighting};
use crate::decode::plain::{self, Announced, Plain};
use crate::dedup::{self, Dedup};
use crate::flow::tcp::state;
use crate::key::{HashSecret, KeyImage};
use crate::memory::prefetch_value;
use crate::packet::{Encap, Outcome, Outline, Packet, facts};
use crate::source::Frame;
use crate::table::Index;
use parshall_config::plan::Duplicates;

impl Shard {
    /// Reads a plain frame: whose it is, and where its bucket is: first pass over a burst. Says whether it is one.
    #[inline(always)]
    pub fn read_plain(&mut self, ready: &mut Ready, frame: &Frame<'_>) -> bool {
        let options = &self.plan.decode;
        match plain::announced(frame, options) {
            Some(Announced::V4) => {
                let found = plain::v4(frame, options, &mut ready.outline);
                self.place_plain(ready, frame, found)
            }
            Some(_) => self.read_other(ready, frame),
            None => false,
        }
    }

    /// Ends the first pass.
    #[inline]
    pub fn all_read(&mut self) {
        self.tally.plain(&std::mem::take(&mut self.plain_sums));
    }

    /// The other kinds of plain frames, apart from the loop, whose registers they would take.
    #[inline(never)]
    fn read_other(&mut self, ready: &mut Ready, frame: &Frame<'_>) -> bool {
        let found = plain::any(frame, &self.plan.decode, &self.plan.secret, &mut ready.outline);
        self.place_plain(ready, frame, found)
    }

    #[inline(always)]
    fn place_plain(&mut self, ready: &mut Ready, frame: &Frame<'_>, plain: Option<Plain<'_>>) -> bool {
        let Some(Plain { image, l4, is_v6, is_tagged }) = plain else { return false };
        let Shard { index, plan, tally, plain_sums, .. } = self;
        let is_udp = !ready.outline.has(facts::TCP);
        plain_sums.count(is_v6, is_udp, ready.outline.ip_bytes);
        tally.clock(frame.time);
        if is_tagged {
            tally.encaps[Encap::Vlan as usize] += 1;
        }
        put(ready, image, index, &plan.secret);
        if plan.duplicates != Duplicates::Off {
            ready.print = Dedup::print(ready.hash, &ready.outline, dedup::words(l4, &ready.outline));
        }
        true
    }

    /// The same of any packet that was decoded.
    #[inline(always)]
    pub fn read(&mut self, ready: &mut Ready, packet: &mut Packet, bytes: &[u8]) {
        let Shard { index, plan, tally, .. } = self;
        tally.decoded(packet);
        ready.outline = Outline::of(packet);
        put(ready, packet.image, index, &plan.secret);
        packet.hash = ready.hash;
        ready.print = 0;
        if plan.duplicates != Duplicates::Off
            && let Some(words) = dedup::words_of(packet, bytes)
        {
            ready.print = Dedup::print(ready.hash, &ready.outline, words);
        }
    }

    /// Its bucket, and the place of its print among recent packets, brought near: second pass over a burst.
    #[inline(always)]
    pub fn near(&self, ready: &Ready) {
        self.index.prefetch(ready.place);
        self.dedup.prefetch(ready.print);
    }

    /// The lines of the flow that probably is this packet's, brought near: third pass.
    #[inline(always)]
    pub fn nearer(&self, ready: &mut Ready) {
        let bucket = std::mem::take(&mut ready.place);
        if let Some(slot) = self.index.likely(bucket, ready.hash)
            && let Some(pair) = self.pairs.get(slot as usize)
        {
            ready.place = slot + 1;
            prefetch_value(pair, 0);
            prefetch_value(pair, 64);
        } else {
            self.index.prefetch_beyond(bucket, ready.hash);
        }
    }

    /// The history that the packet's flow probably has, and the cold block that it may ask for, brought near: fourth
    /// pass. Says which history it is, and whether that goes on elsewhere.
    #[inline(always)]
    pub(super) fn nearest(&self, ready: &Ready) -> Option<(Further, bool)> {
        let outline = &ready.outline;
        if !outline.has(facts::TCP) {
            return None;
        }
        let slot = ready.place.wrapping_sub(1) as usize;
        let pair = self.pairs.get(slot)?;
        let (side, at_end) = (pair.hot.side(outline.has(facts::FROM_LOW)), outline.payload_bytes > 0);
        if pair.hot.asks(side)
            && let Some(block) = self.blocks.get(slot)
        {
            prefetch_value(&block.rest.side[side & 1], 0);
            prefetch_value(&block.rest.side[side & 1], 64);
        }
        // What it sends, or what it acknowledges.
        let side = if at_end { side } else { side ^ 1 };
        let core = pair.tcp_ref();
        self.history.prefetch_half(core.trail, side);
        Some((Further::new(core.trail, side, at_end), core.has(state::CHUNK, side)))
    }

    /// The segments that a history leads to, brought near: fifth pass, over those packets that touch some.
    #[inline(always)]
    pub(super) fn nodes_near(&self, further: Further) {
        self.history.prefetch_nodes(further.trail(), further.side(), further.at_end());
    }

    /// Accounts one packet to its flow: last pass over a burst. `packet` has a meaning only where the packet is not plain.
    #[inline(always)]
    pub fn take(&mut self, ready: &Ready, packet: &Packet, frame: &Frame<'_>) {
        if self.plan.duplicates != Duplicates::Off && self.dedup.seen(ready.print, frame.time, &ready.outline) {
            self.tally.duplicates += 1;
            if self.plan.duplicates == Duplicates::Drop {
                self.tally.outcomes[Outcome::Duplicate as usize] += 1;
                return;
            }
        }
        if self.steady(ready, frame) {
            self.tally.outcomes[Outcome::Flow as usize] += 1;
            self.tally.live_packets += 1;
        } else if ready.is_plain() {
            self.unsteady_plain(ready, frame);
        } else {
            self.unsteady(Sighting { packet, bytes: frame.bytes, link: frame.link });
        }
    }

    /// Accounts a plain packet, of which only the outline was made, as any.
    #[inline(never)]
    fn unsteady_plain(&mut self, ready: &Ready, frame: &Frame<'_>) {
        let mut packet = plain::packet(frame, ready.image, &ready.outline);
        packet.hash = ready.hash;
        self.unsteady(Sighting { packet: &packet, bytes: frame.bytes, link: frame.link });
    }
}

/// Writes the image of a packet's key to its place, and where its bucket is.
#[inline(always)]
fn put(ready: &mut Ready, image: KeyImage, index: &Index, secret: &HashSecret) {
    (ready.image, ready.hash) = (image, secret.hash(image));
    ready.place = index.bucket(ready.hash);
}
