//! The control side of all sieves: compiles filters and gives each worker its own.
//!
//! **Owns** the control side's end of every sieve. **May touch** libpcap and DPDK's BPF library, to compile; no packet.
//! **Order** made with the workers; afterwards [`Sieves::replace_filters`] whenever filters change, by the thread that has it
//! (the control loop of `run`), and [`Sieves::settle`] in each of that thread's turns.
//!
//! To replace filters at run time (a reload on SIGHUP, a command of the prompt, a request to the API):
//!
//! ```text
//! let flows = parshall_config::filter::parse(text)?;              // or None: all flows
//! control.sieves.replace_filters(Some("tcp port 443"), Some(&flows))?; // an error changes nothing
//! ...                                                             // in every turn of the control loop, until it says true:
//! control.sieves.settle();                                         // all workers work by the new filters
//! ```
//!
//! A worker changes over between two bursts: each frame is asked by the old filters or by the new ones, none by neither, and none
//! is lost. Flows that the new filters keep out are not ended: they fall idle. Sampling rates stand in every record and do not
//! change while the probe runs.

use super::door::{ControlEnd, pair};
#[cfg(feature = "libpcap")]
pub use super::frames::FilterError;
#[cfg(feature = "libpcap")]
use super::frames::{Engine, FrameFilter};
use super::{Filters, Sieve};
use crate::link::LinkType;
use parshall_config::filter::FlowFilter;
use parshall_config::plan::SievePlan;

/// Without libpcap there is no `--filter`, so nothing can be wrong with one.
#[cfg(not(feature = "libpcap"))]
pub type FilterError = std::convert::Infallible;

/// The control side's ends of all sieves.
#[derive(Debug)]
pub struct Sieves {
    plan: SievePlan,
    links: Option<Vec<LinkType>>,
    live: bool,
    ends: Vec<ControlEnd>,
}

impl Sieves {
    /// For `run`: frames of these link types, asked in native code where DPDK's BPF library can. The EAL must run.
    #[cfg(feature = "dpdk")]
    #[must_use]
    pub fn live(plan: &SievePlan, links: Vec<LinkType>) -> Sieves {
        Sieves { plan: plan.clone(), links: Some(links), live: true, ends: Vec::new() }
    }

    /// For `read`: frames of any link type, asked by libpcap.
    #[must_use]
    pub fn reading(plan: &SievePlan) -> Sieves {
        Sieves { plan: plan.clone(), links: None, live: false, ends: Vec::new() }
    }

    /// The sieve of one more worker that decodes.
    ///
    /// # Errors
    /// The filter of the plan cannot be compiled for a link type of these frames.
    pub fn sieve(&mut self) -> Result<Sieve, FilterError> {
        let filters = self.compile(self.plan.frames.as_deref(), self.plan.flows.as_ref())?;
        let (end, control) = pair();
        self.ends.push(control);
        Ok(Sieve::new(filters, self.plan.sample_packets, self.plan.sample_flows, Some(end)))
    }

    /// Gives every worker new filters; `None` lets everything in.
    ///
    /// # Errors
    /// The expression cannot be compiled for a link type of these frames; nothing was changed then.
    pub fn replace_filters(&mut self, frames: Option<&str>, flows: Option<&FlowFilter>) -> Result<(), FilterError> {
        let compiled: Vec<Filters> = self.ends.iter().map(|_| self.compile(frames, flows)).collect::<Result<_, _>>()?;
        for (end, filters) in self.ends.iter_mut().zip(compiled) {
            end.send(filters);
        }
        self.plan.frames = frames.map(str::to_owned);
        self.plan.flows = flows.cloned();
        Ok(())
    }

    /// Frees filters that are out of use and sends those that wait. True when every worker has the newest, or is gone.
    pub fn settle(&mut self) -> bool {
        let late = self.ends.iter_mut().filter_map(|end| (!end.settle()).then_some(())).count();
        late == 0
    }

    /// What is let in, as it was asked last.
    #[must_use]
    pub const fn plan(&self) -> &SievePlan {
        &self.plan
    }

    #[cfg(feature = "libpcap")]
    fn compile(&self, frames: Option<&str>, flows: Option<&FlowFilter>) -> Result<Filters, FilterError> {
        let frames = frames.map(|text| self.frame_filter(text)).transpose()?;
        Ok(Filters { frames, flows: flows.map(super::flows::FlowFilter::new) })
    }

    #[cfg(not(feature = "libpcap"))]
    #[allow(clippy::unnecessary_wraps, reason = "with libpcap it can fail")]
    fn compile(&self, _frames: Option<&str>, flows: Option<&FlowFilter>) -> Result<Filters, FilterError> {
        Ok(Filters { flows: flows.map(super::flows::FlowFilter::new) })
    }

    #[cfg(feature = "libpcap")]
    fn frame_filter(&self, text: &str) -> Result<FrameFilter, FilterError> {
        #[cfg(feature = "dpdk")]
        let engine = if self.live { Engine::Dpdk } else { Engine::Libpcap };
        #[cfg(not(feature = "dpdk"))]
        let engine = Engine::Libpcap;
        match &self.links {
            Some(links) => FrameFilter::new(text, links, engine),
            None => FrameFilter::for_any_link(text, engine),
        }
    }

    /// How filters are run, in sentences: of the plan's, compiled once more.
    ///
    /// # Errors
    /// As [`Sieves::sieve`].
    #[cfg(feature = "libpcap")]
    pub fn notes(&self) -> Result<Vec<String>, FilterError> {
        let Some(text) = &self.plan.frames else { return Ok(Vec::new()) };
        Ok(self.frame_filter(text)?.notes().to_vec())
    }
}
