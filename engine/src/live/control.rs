//! What the control side holds of a live run.
//!
//! **Owns** the merger, the rings and the reports of workers' ends, from before the first port to the last record.
//! **May touch** counts and records; no packet. **Order** begun before the EAL, lent to the exporter while workers run.

use super::listening::{Listening, Office};
use super::{LiveError, has_ports};
use crate::dpdk::{Gate, LcoreFacts, Monitor, Pool};
use crate::exit::ExitReader;
use crate::launch::collector;
use crate::layout::Layout;
use crate::listen::Listener;
use crate::look::Registry;
use crate::merge::Merger;
use crate::merge::collect::Collector;
use crate::merge::join::Parts;
use crate::merge::lookout::Lookout;
use crate::merge::snapshot::{PortSnapshot, Snapshot};
use crate::sieve::control::Sieves;
use crate::statement::Statement;
use crate::stop::Stop;
use crate::tally::Tally;
use crate::time::Nanos;
use parshall_config::plan::RunPlan;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// What the control loop works with while lcores poll.
#[derive(Debug)]
pub struct Control<'p> {
    /// Collects the workers' tallies.
    pub merger: Merger,
    /// Collects the workers' records; taken by the thread that feeds the sinks.
    pub collector: Option<Collector>,
    /// Looks at the workers' live flows.
    pub lookout: Lookout,
    /// One for each port.
    pub monitors: Vec<Monitor<'p>>,
    /// The mbuf pools.
    pub pools: Vec<&'p Pool<'p>>,
    /// Replaces filters.
    pub sieves: Sieves,
    /// What is worth saying at the start, in sentences.
    pub notes: Vec<String>,
    /// The processors that lcores work on.
    pub processors: BTreeSet<u32>,
    /// Which lcore polls what.
    pub layout: Layout,
    /// Halts polling of ports and lets it go on.
    pub gate: Gate,
    /// How many workers have not ended yet.
    pub working: usize,
    listeners: Vec<Arc<Listener>>,
    ended: Receiver<Ended>,
    failure: Option<LiveError>,
}

/// How a worker ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) number: usize,
    pub(super) tally: Option<Box<Tally>>,
    pub(super) failure: Option<LiveError>,
}

impl Control<'_> {
    /// Takes in what workers left that have ended; says whether some still work.
    pub fn still_working(&mut self, now: Nanos) -> bool {
        while let Ok(ended) = self.ended.try_recv() {
            self.working -= 1;
            if let Some(tally) = ended.tally {
                self.merger.conclude(ended.number, &tally, now);
            }
            if let Some(failure) = ended.failure {
                self.failure.get_or_insert(failure);
            }
        }
        self.working > 0 && self.failure.is_none()
    }

    /// What ports and listeners say of themselves now, in the order of their port ids.
    #[must_use]
    pub fn ports(&self) -> Vec<PortSnapshot> {
        let listeners = self.listeners.iter().map(|listener| listener.port());
        self.monitors.iter().map(Monitor::snapshot).chain(listeners).collect()
    }

    /// Adds to a snapshot what no worker counts.
    pub fn add_devices(&self, snapshot: &mut Snapshot) {
        snapshot.ports = self.ports();
        snapshot.listeners = self.listeners.iter().map(|listener| listener.snapshot()).collect();
        snapshot.pools = self.pools.iter().map(|pool| pool.snapshot()).collect();
    }
}

/// What of a run is there before its ports.
pub(super) struct Begun {
    pub(super) merger: Merger,
    pub(super) rings: Vec<ExitReader>,
    pub(super) report: Sender<Ended>,
    pub(super) looks: Registry,
    pub(super) sieves: Sieves,
    ended: Receiver<Ended>,
    listening: Listening,
}

impl Begun {
    /// Starts the listeners, with or without ports beside them.
    pub(super) fn new(plan: &RunPlan, stop: &Stop, now: Nanos) -> Result<Begun, LiveError> {
        let (mut merger, mut rings) = (Merger::new(now), Vec::new());
        let ((report, ended), looks) = (channel(), Registry::default());
        let mut sieves = Sieves::new(&plan.common.engine.sieve);
        let office =
            &mut Office { merger: &mut merger, rings: &mut rings, report: &report, looks: &looks, sieves: &mut sieves };
        let listening = Listening::start(plan, stop, !has_ports(plan), office)?;
        Ok(Begun { merger, rings, report, looks, sieves, ended, listening })
    }

    /// Lends this thread to `control` until the end of the run.
    pub(super) fn conduct<'p, T>(
        self,
        plan: &RunPlan,
        stop: &Stop,
        ports: Ports<'p>,
        control: impl FnOnce(&mut Control<'p>) -> T,
    ) -> Result<T, LiveError> {
        let Begun { merger, rings, ended, report, looks, sieves, listening } = self;
        drop(report);
        let Ports { monitors, pools, mut notes, processors, layout, gate, working } = ports;
        notes.extend_from_slice(sieves.notes());
        let collector = Some(collector(rings, &plan.common.engine, layout.parts));
        let (working, listeners) = (working + listening.working, listening.listeners.clone());
        let mut live = Control {
            merger,
            collector,
            lookout: Lookout::new(looks, plan.common.engine.live_flows),
            monitors,
            pools,
            sieves,
            notes,
            processors,
            layout,
            gate,
            working,
            listeners,
            ended,
            failure: None,
        };
        let value = control(&mut live);
        stop.ask();
        match live.failure {
            Some(failure) => Err(failure),
            None => Ok(value),
        }
    }
}

/// What the EAL's part of a run adds to it.
pub(super) struct Ports<'p> {
    pub(super) monitors: Vec<Monitor<'p>>,
    pub(super) pools: Vec<&'p Pool<'p>>,
    pub(super) notes: Vec<String>,
    pub(super) processors: BTreeSet<u32>,
    pub(super) layout: Layout,
    pub(super) gate: Gate,
    pub(super) working: usize,
}

impl Ports<'_> {
    /// The layout of a run without ports: this thread stands for the main lcore.
    pub(super) const NO_LAYOUT: Layout = Layout {
        main: LcoreFacts { id: 0, cpu: None, socket: 0 },
        posts: Vec::new(),
        asked: 0,
        spare: Vec::new(),
        spread_to: Vec::new(),
        ports: Vec::new(),
        pools: Vec::new(),
        parts: Parts::Never,
        memory: Statement::NONE,
        notes: Vec::new(),
        damage: Vec::new(),
    };

    /// A run without ports.
    pub(super) fn none(layout: Layout) -> Self {
        Ports {
            monitors: Vec::new(),
            pools: Vec::new(),
            notes: Vec::new(),
            processors: BTreeSet::new(),
            layout,
            gate: Gate::new(true),
            working: 0,
        }
    }
}
