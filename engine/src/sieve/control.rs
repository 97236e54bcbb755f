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
#[cfg(feature = "dpdk")]
use crate::link::LinkType;
use parshall_config::filter::FlowFilter;
use parshall_config::plan::SievePlan;

/// Without libpcap there is no `--filter`, so nothing can be wrong with one.
#[cfg(not(feature = "libpcap"))]
pub type FilterError = std::convert::Infallible;

/// Which frames a worker gets.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Frames {
    /// Of any link type, asked by libpcap.
    AnyLink,
    /// Of these, asked in native code where DPDK's BPF library can.
    #[cfg(feature = "dpdk")]
    Queues(Vec<LinkType>),
}

/// The control side's ends of all sieves.
#[derive(Debug)]
pub struct Sieves {
    plan: SievePlan,
    ends: Vec<(Frames, ControlEnd)>,
    notes: Vec<String>,
}

impl Sieves {
    /// No sieve yet; those to come begin as planned.
    #[must_use]
    pub fn new(plan: &SievePlan) -> Sieves {
        Sieves { plan: plan.clone(), ends: Vec::new(), notes: Vec::new() }
    }

    /// The sieve of one more worker that decodes, of frames of any link type, asked by libpcap.
    ///
    /// # Errors
    /// No link type knows the plan's `--filter`.
    pub fn of_any_link(&mut self) -> Result<Sieve, FilterError> {
        self.sieve(Frames::AnyLink)
    }

    /// The sieve of one more worker that decodes, of frames of these link types, asked in native code where DPDK's BPF library
    /// can. The EAL must run.
    ///
    /// # Errors
    /// The plan's `--filter` cannot be compiled for one of them.
    #[cfg(feature = "dpdk")]
    pub fn of_queues(&mut self, links: impl Iterator<Item = LinkType>) -> Result<Sieve, FilterError> {
        let mut links: Vec<LinkType> = links.collect();
        links.sort_unstable();
        links.dedup();
        self.sieve(Frames::Queues(links))
    }

    fn sieve(&mut self, frames: Frames) -> Result<Sieve, FilterError> {
        let filters = compile(&frames, self.plan.frames.as_deref(), self.plan.flows.as_ref())?;
        for note in filters.notes() {
            if !self.notes.contains(note) {
                self.notes.push(note.clone());
            }
        }
        let (end, control) = pair();
        self.ends.push((frames, control));
        Ok(Sieve::new(filters, self.plan.sample_packets, self.plan.sample_flows, Some(end)))
    }

    /// Gives every worker new filters; `None` lets everything in.
    ///
    /// # Errors
    /// The expression cannot be compiled for a link type of these frames; nothing was changed then.
    pub fn replace_filters(&mut self, frames: Option<&str>, flows: Option<&FlowFilter>) -> Result<(), FilterError> {
        let compile = |(kind, _): &(Frames, ControlEnd)| compile(kind, frames, flows);
        let compiled: Vec<Filters> = self.ends.iter().map(compile).collect::<Result<_, _>>()?;
        for ((_, end), filters) in self.ends.iter_mut().zip(compiled) {
            end.send(filters);
        }
        self.plan.frames = frames.map(str::to_owned);
        self.plan.flows = flows.cloned();
        Ok(())
    }

    /// Frees filters that are out of use and sends those that wait. True when every worker has the newest, or is gone.
    pub fn settle(&mut self) -> bool {
        let late = self.ends.iter_mut().filter_map(|(_, end)| (!end.settle()).then_some(())).count();
        late == 0
    }

    /// What is let in, as it was asked last.
    #[must_use]
    pub const fn plan(&self) -> &SievePlan {
        &self.plan
    }

    /// How the plan's `--filter` is run, in sentences.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

#[cfg(feature = "libpcap")]
fn compile(kind: &Frames, frames: Option<&str>, flows: Option<&FlowFilter>) -> Result<Filters, FilterError> {
    let filter = |text| match kind {
        Frames::AnyLink => FrameFilter::for_any_link(text, Engine::Libpcap),
        #[cfg(feature = "dpdk")]
        Frames::Queues(links) => FrameFilter::new(text, links, Engine::Dpdk),
    };
    Ok(Filters { frames: frames.map(filter).transpose()?, flows: flows.map(super::flows::FlowFilter::new) })
}

#[cfg(not(feature = "libpcap"))]
#[allow(clippy::unnecessary_wraps, reason = "with libpcap it can fail")]
fn compile(_kind: &Frames, _frames: Option<&str>, flows: Option<&FlowFilter>) -> Result<Filters, FilterError> {
    Ok(Filters { flows: flows.map(super::flows::FlowFilter::new) })
}
