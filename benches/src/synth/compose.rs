//! From an order to a capture: sessions are played, their frames merged in time, their truths collected.
//!
//! **Owns** the order, the merge and the numbering of frames. **May touch** sessions and ledgers.
//! **Order** called by the binary, by tests and by benches; [`super::artefacts`] writes the result to files.

use super::dice::Dice;
use super::scenario::{SCENARIOS, Scenario};
use super::session::ends::MOST_SESSIONS;
use super::session::{Session, Setting, Shot};
use super::truth::anomaly::{Anomaly, Class};
use super::truth::books::Books;
use super::truth::flow::FlowTruth;
use parshall_config::plan::Timeouts;
use parshall_engine::link::LinkType;
use parshall_engine::packet::{Flaw, Outcome};
use parshall_engine::source::memory::StoredFrame;
use parshall_engine::time::Nanos;

/// When every capture begins: 2026-01-01T00:00:00Z. Unit: UNIX nanoseconds.
pub const EPOCH: u64 = 1_767_225_600_000_000_000;

/// The longest headers that the scenarios make; a shorter snap length would change what can be known.
pub const SHORTEST_SNAP: usize = 160;

/// Faults of the network in the scenarios `tcp_random` and `tcp_lossy`. Probabilities in parts of a million, for each
/// of the four links between the hosts and the probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Segments lost.
    pub loss: u32,
    /// Segments that arrive later than those sent after them.
    pub reorder: u32,
    /// Segments that arrive twice.
    pub duplicate: u32,
    /// Segments that pass the probe without being captured.
    pub capture_loss: u32,
}

impl Default for Faults {
    fn default() -> Faults {
        Faults { loss: 8_000, reorder: 4_000, duplicate: 1_000, capture_loss: 0 }
    }
}

/// Which scenarios are played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Each in turn.
    All,
    /// Drawn by weight: mostly ordinary traffic.
    Mixed,
    /// One, by name.
    One(String),
}

/// What a capture is made from.
#[derive(Clone, Debug)]
pub struct Order {
    /// Everything random follows from this.
    pub seed: u64,
    /// How many sessions are played.
    pub sessions: u64,
    /// Which scenarios.
    pub choice: Choice,
    /// The capture's clock has nanoseconds; else microseconds.
    pub nanoseconds: bool,
    /// Frames are captured up to so many bytes.
    pub snap: Option<usize>,
    /// Timeouts of the probe whose records are foretold.
    pub timeouts: Timeouts,
    /// `--first-packets` of that probe.
    pub first_packets: u8,
    /// Faults of the network.
    pub faults: Faults,
    /// Sessions begin within so many nanoseconds; `None` for fifty a second.
    pub span: Option<u64>,
}

impl Default for Order {
    fn default() -> Order {
        Order {
            seed: 1,
            sessions: 1000,
            choice: Choice::Mixed,
            nanoseconds: false,
            snap: None,
            timeouts: Timeouts::default(),
            first_packets: 0,
            faults: Faults::default(),
            span: None,
        }
    }
}

/// A capture with its truth.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Frames in order of time.
    pub frames: Vec<StoredFrame>,
    /// Outcome of each frame.
    pub outcomes: Vec<Outcome>,
    /// What is wrong with each frame, if anything.
    pub flaws: Vec<Option<Flaw>>,
    /// Flow records in the order of [`FlowTruth::order`].
    pub truths: Vec<FlowTruth>,
    /// Anomalies in the order of frames.
    pub anomalies: Vec<Anomaly>,
    /// Expected counters.
    pub books: Books,
}

/// Plays an order.
///
/// # Errors
/// With a sentence for the user when the order names no scenario, too many sessions or too short a snap length.
///
/// # Panics
/// If a scenario, played with the default timeouts, has other records than it was written for: a fault of this crate.
pub fn compose(order: &Order) -> Result<Capture, String> {
    check(order)?;
    let setting = Setting {
        seed: order.seed,
        tick: if order.nanoseconds { 1 } else { 1000 },
        timeouts: order.timeouts,
        first_packets: order.first_packets,
        faults: order.faults,
    };
    let mut dice = Dice::new(order.seed, 0);
    let span = order.span.unwrap_or(order.sessions * 20_000_000).max(1_000_000);
    let mut sessions = Vec::new();
    for number in 0..order.sessions {
        let scenario = choose(&order.choice, number, &mut dice)?;
        let start = EPOCH + dice.below(span) / 1000 * 1000;
        let mut session = Session::new(&setting, scenario.name, number, start);
        (scenario.play)(&mut session);
        sessions.push(session);
    }
    Ok(merge(sessions, order.snap))
}

fn check(order: &Order) -> Result<(), String> {
    if order.sessions > MOST_SESSIONS {
        return Err(format!("{} sessions asked for; there are addresses for {MOST_SESSIONS}", order.sessions));
    }
    match order.snap {
        Some(snap) if snap < SHORTEST_SNAP => Err(format!(
            "a snap length of {snap} bytes would cut headers off and change the truth; the shortest is {SHORTEST_SNAP}"
        )),
        _ => Ok(()),
    }
}

fn choose(choice: &Choice, number: u64, dice: &mut Dice) -> Result<&'static Scenario, String> {
    match choice {
        Choice::All => Ok(&SCENARIOS[(number % SCENARIOS.len() as u64) as usize]),
        Choice::One(name) => SCENARIOS
            .iter()
            .find(|scenario| scenario.name == name)
            .ok_or_else(|| format!("no scenario is called {name:?}; --list names them")),
        Choice::Mixed => {
            let mut left = dice.below(SCENARIOS.iter().map(|scenario| u64::from(scenario.weight)).sum());
            let drawn = SCENARIOS.iter().find(|scenario| {
                let weight = u64::from(scenario.weight);
                let hit = left < weight;
                left = left.saturating_sub(weight);
                hit
            });
            drawn.ok_or_else(|| "no scenario has a weight".to_owned())
        }
    }
}

/// Merges the sessions' frames in time, numbers them, closes the ledgers at the last frame's time.
fn merge(sessions: Vec<Session<'_>>, snap: Option<usize>) -> Capture {
    let mut books = Books::default();
    for (_, name) in Outcome::ALL {
        books.outcomes.insert(name, 0);
    }
    let mut shots: Vec<(usize, Shot)> = Vec::new();
    let mut ledgers = Vec::new();
    for (number, mut session) in sessions.into_iter().enumerate() {
        *books.scenarios.entry(session.scenario).or_default() += 1;
        shots.extend(std::mem::take(&mut session.shots).into_iter().map(|shot| (number, shot)));
        ledgers.push(session.ledgers);
    }
    // The sort is stable: frames of one time stay in the order of sessions, and of one session in its own order.
    shots.sort_by_key(|(_, shot)| shot.at);
    let end = shots.last().map_or(EPOCH, |(_, shot)| shot.at);
    let mut truths = Vec::new();
    let mut anomalies = Vec::new();
    // By session and ledger: where its truths and anomalies begin in the lists of all.
    let mut places = Vec::new();
    for ledgers in ledgers {
        let mut of_session = Vec::new();
        for ledger in ledgers {
            let (records, found) = ledger.close(end);
            let first = truths.len();
            of_session.push(anomalies.len());
            truths.extend(records);
            anomalies.extend(found.into_iter().map(|(record, anomaly)| (first + record, anomaly)));
        }
        places.push(of_session);
    }
    let mut frames = Vec::with_capacity(shots.len());
    let outcomes = shots.iter().map(|(_, shot)| shot.outcome).collect();
    let flaws = shots.iter().map(|(_, shot)| shot.flaw).collect();
    for (number, shot) in shots {
        if let Some((ledger, index)) = shot.anomaly {
            anomalies[places[number][ledger] + index].1.frame = frames.len() as u64 + 1;
        }
        frames.push(store(shot, snap, &mut books));
    }
    let (truths, anomalies) = number(truths, anomalies);
    count(&truths, &anomalies, &mut books);
    Capture { frames, outcomes, flaws, truths, anomalies, books }
}

fn store(shot: Shot, snap: Option<usize>, books: &mut Books) -> StoredFrame {
    let mut bytes = shot.bytes;
    bytes.truncate(snap.unwrap_or(usize::MAX));
    books.frames += 1;
    books.wire_bytes += u64::from(shot.wire_len);
    books.captured_bytes += bytes.len() as u64;
    *books.outcomes.entry(Outcome::ALL[shot.outcome as usize].1).or_default() += 1;
    if let Some(flaw) = shot.flaw {
        *books.flaws.entry(Flaw::name(flaw)).or_default() += 1;
    }
    StoredFrame { bytes, time: Nanos(shot.at), wire_len: shot.wire_len, link: LinkType::ETHERNET }
}

/// Sorts the truths and gives every anomaly its line.
fn number(truths: Vec<FlowTruth>, anomalies: Vec<(usize, Anomaly)>) -> (Vec<FlowTruth>, Vec<Anomaly>) {
    let mut sorted: Vec<(usize, FlowTruth)> = truths.into_iter().enumerate().collect();
    sorted.sort_by_key(|(_, truth)| truth.order());
    let mut line_of = vec![0; sorted.len()];
    for (line, (index, _)) in sorted.iter().enumerate() {
        line_of[*index] = line as u64 + 1;
    }
    let mut anomalies: Vec<Anomaly> =
        anomalies.into_iter().map(|(index, anomaly)| Anomaly { line: line_of[index], ..anomaly }).collect();
    anomalies.sort_by_key(|anomaly| anomaly.frame);
    (sorted.into_iter().map(|(_, truth)| truth).collect(), anomalies)
}

fn count(truths: &[FlowTruth], anomalies: &[Anomaly], books: &mut Books) {
    for truth in truths {
        books.records += 1;
        books.record_packets += truth.packets;
        *books.protocols.entry(truth.protocol).or_default() += 1;
        let reason = truth.get("end_reason").and_then(|value| value.as_str()).unwrap_or("open");
        *books.end_reasons.entry(reason.to_owned()).or_default() += 1;
    }
    for anomaly in anomalies.iter().filter(|anomaly| anomaly.visible) {
        if let Some(class) = anomaly.class {
            *books.classes.entry(Class::ALL[class as usize].1).or_default() += 1;
        }
    }
}
