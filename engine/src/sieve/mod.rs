//! The sieve: which frames are decoded, and which packets are accounted.
//!
//! **Owns** the filters and the sampling of one worker. **May touch** frames and packets, read only.
//! **Order** a worker (or a spreader) asks [`Sieve::turn`] once a burst, which says whether there is anything to ask; if so,
//! [`Sieve::frame`] before `decode` and [`Sieve::packet`] behind it, once each. What is refused is counted there under the outcome
//! that they return.
//!
//! ```text
//! frame ─▶ --filter ─▶ --sample-packets ─▶ decode ─▶ --flow-filter ─▶ --sample-flows ─▶ flow
//!          filtered    sampled_out                   filtered         sampled_out
//! ```
//!
//! Only what is let in is in the totals by protocol. A fragment is asked by the ports of its first; the packets that ICMP errors
//! quote are not asked: they are counted only in flows that there are.

pub mod control;
pub mod door;
pub mod flows;
#[cfg(feature = "libpcap")]
pub mod frames;
pub mod sample;

use crate::decode::DecodeOptions;
use crate::packet::{Outcome, Packet};
use crate::source::Frame;
use door::SieveEnd;
use flows::FlowFilter;
#[cfg(feature = "libpcap")]
use frames::FrameFilter;
use sample::{FlowSampler, PacketSampler};
use std::num::NonZeroU32;

/// What can be replaced while a worker works.
#[derive(Debug, Default)]
pub struct Filters {
    /// `--filter`; `None`: all frames.
    #[cfg(feature = "libpcap")]
    pub frames: Option<FrameFilter>,
    /// `--flow-filter`; `None`: all flows.
    pub flows: Option<FlowFilter>,
}

/// The sieve of one worker.
#[derive(Debug)]
pub struct Sieve {
    filters: Box<Filters>,
    packets: PacketSampler,
    flows: FlowSampler,
    door: Option<SieveEnd>,
}

impl Default for Sieve {
    /// A sieve that lets in everything, always.
    fn default() -> Sieve {
        Sieve::new(Filters::default(), NonZeroU32::MIN, NonZeroU32::MIN, None)
    }
}

impl Sieve {
    /// A sieve with filters, that lets in 1 in `packets` packets and 1 in `flows` flows, and whose filters `door` may replace.
    #[must_use]
    pub fn new(filters: Filters, packets: NonZeroU32, flows: NonZeroU32, door: Option<SieveEnd>) -> Sieve {
        let (packets, flows) = (PacketSampler::new(packets), FlowSampler::new(flows));
        Sieve { filters: Box::new(filters), packets, flows, door }
    }

    /// Takes new filters if there are any. False when everything is let in, so that nothing needs to be asked for a burst.
    #[inline]
    pub fn turn(&mut self) -> bool {
        if let Some(door) = &mut self.door {
            door.turn(&mut self.filters);
        }
        !(self.filters.let_in_all() && self.packets.takes_all() && self.flows.takes_all())
    }

    /// Why a frame is not decoded; `None` lets it in.
    #[inline]
    pub fn frame(&mut self, frame: &Frame<'_>) -> Option<Outcome> {
        if !self.filters.frame(frame) {
            return Some(Outcome::Filtered);
        }
        (!self.packets.takes()).then_some(Outcome::SampledOut)
    }

    /// Why a packet is not accounted; `None` lets it in.
    #[inline]
    #[must_use]
    pub fn packet(&self, packet: &Packet, frame: &Frame<'_>, options: &DecodeOptions) -> Option<Outcome> {
        if let Some(filter) = &self.filters.flows
            && !filter.matches(packet, frame, options)
        {
            return Some(Outcome::Filtered);
        }
        (!self.flows.takes(&packet.key())).then_some(Outcome::SampledOut)
    }
}

impl Filters {
    #[cfg(feature = "libpcap")]
    const fn let_in_all(&self) -> bool {
        self.frames.is_none() && self.flows.is_none()
    }

    /// How `--filter` is run, in sentences.
    #[cfg(feature = "libpcap")]
    fn notes(&self) -> &[String] {
        self.frames.as_ref().map_or(&[], FrameFilter::notes)
    }

    #[cfg(not(feature = "libpcap"))]
    #[allow(clippy::unused_self, reason = "with libpcap there are some")]
    const fn notes(&self) -> &[String] {
        &[]
    }

    #[cfg(not(feature = "libpcap"))]
    const fn let_in_all(&self) -> bool {
        self.flows.is_none()
    }

    #[cfg(feature = "libpcap")]
    #[inline]
    fn frame(&mut self, frame: &Frame<'_>) -> bool {
        self.frames.as_mut().is_none_or(|filter| filter.matches(frame))
    }

    #[cfg(not(feature = "libpcap"))]
    #[allow(clippy::unused_self, reason = "with libpcap it asks")]
    const fn frame(&mut self, _frame: &Frame<'_>) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
