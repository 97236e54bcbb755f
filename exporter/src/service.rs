//! The service manager's end of the line: readiness, the watchdog, what is going on. sd_notify(3).
//!
//! **Owns** when the manager is told what, and the verdict on the workers behind it. **May touch** the socket that
//! `$NOTIFY_SOCKET` names; without one every word goes nowhere. **Order** called by the control loop of `run`, and never by a
//! worker.
//!
//! The watchdog is fed by the workers: only a collection that every worker has answered feeds it. A worker that is silent for
//! `--worker-timeout` is named and ends the service by our own hand; the manager's watchdog, which should be longer, is there
//! for a control loop that is stuck itself.

use crate::summary::grouped;
use crate::watch::{Heard, Stuck, Watch};
use parshall_config::plan::RunPlan;
use parshall_engine::merge::snapshot::Snapshot;
use sd_notify::NotifyState;
use std::time::{Duration, Instant};

/// How often the manager is told what is going on.
const STATUS: Duration = Duration::from_secs(10);

/// How often the watchdog is fed while sinks are closed.
const CLOSING: Duration = Duration::from_millis(500);

/// What a collection may take beyond its period before time is taken for a pause of the whole process.
const SLACK: Duration = Duration::from_secs(1);

/// The control loop's view of the service manager and of the workers' hearts.
#[derive(Debug)]
pub struct Service {
    watch: Watch,
    /// How often the workers are asked.
    beat: Duration,
    asked: Instant,
    /// How often the watchdog is fed, if there is one.
    watchdog: Option<Duration>,
    fed: Option<Instant>,
    ready: bool,
    told: Option<Instant>,
}

impl Service {
    /// By `--worker-timeout`, `--publish-interval` and the manager's `$WATCHDOG_USEC`.
    #[must_use]
    pub fn new(plan: &RunPlan) -> Service {
        Service::with(plan.worker_timeout, sd_notify::watchdog_enabled(), plan.common.publish_interval)
    }

    fn with(timeout: Option<Duration>, watchdog: Option<Duration>, publish: Duration) -> Service {
        let quarter = |time: Duration| (time / 4).max(Duration::from_millis(10));
        let beats = [Some(publish), timeout.map(quarter), watchdog.map(quarter)];
        let beat = beats.into_iter().flatten().min().unwrap_or(publish);
        let watch = Watch::new(timeout, beat + SLACK);
        let watchdog = watchdog.map(quarter);
        Service { watch, beat, asked: Instant::now(), watchdog, fed: None, ready: false, told: None }
    }

    /// Whether the workers should be asked again.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.asked.elapsed() >= self.beat
    }

    /// Takes in what was collected: feeds the watchdog, says that all is ready when every worker has answered once, and what
    /// is going on. Gives the worker that is stuck.
    pub fn heard(&mut self, snapshot: &Snapshot) -> Option<Stuck> {
        let passed = self.asked.elapsed();
        self.asked = Instant::now();
        match self.watch.look(&snapshot.workers, passed) {
            Heard::Stuck(stuck) => return Some(stuck),
            Heard::Some => {}
            Heard::All => {
                if self.watchdog.is_some_and(|every| self.fed.is_none_or(|fed| fed.elapsed() >= every)) {
                    self.fed = Some(Instant::now());
                    tell(&[NotifyState::Watchdog]);
                }
                if !self.ready {
                    self.ready = true;
                    tell(&[NotifyState::Ready]);
                }
            }
        }
        if self.ready && self.told.is_none_or(|told| told.elapsed() >= STATUS) {
            self.told = Some(Instant::now());
            tell(&[NotifyState::Status(&status(snapshot))]);
        }
        None
    }
}

/// The end has begun: waits until the sinks have written what they hold, and keeps the manager patient meanwhile.
pub fn stopping(patience: Duration, done: impl Fn() -> bool) {
    let most = patience.saturating_add(STATUS).as_micros();
    tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(u32::try_from(most).unwrap_or(u32::MAX))]);
    let mut told = Instant::now();
    while !done() {
        if told.elapsed() >= CLOSING {
            told = Instant::now();
            tell(&[NotifyState::Watchdog]);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A reload has begun. The manager waits for [`reloaded`].
pub fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// The reload is over, well or not.
pub fn reloaded() {
    tell(&[NotifyState::Ready]);
}

/// Why the service ends itself.
pub fn failing(sentence: &str) {
    tell(&[NotifyState::Status(sentence), NotifyState::Stopping]);
}

/// What `systemctl status` shows.
fn status(snapshot: &Snapshot) -> String {
    let (total, books) = (&snapshot.total, snapshot.total.books());
    let verdict = if books.closed() { "all accounted for" } else { "NOT ALL ACCOUNTED FOR" };
    format!("{} frames, {verdict}; {} flows live", grouped(books.taken), grouped(total.live_flows))
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("the service manager cannot be told: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_asked_four_times_within_the_shorter_of_both_timeouts_and_at_every_publication() {
        let seconds = Duration::from_secs;
        #[rustfmt::skip]
        let cases = [
            (Some(seconds(10)), None,              seconds(1),    seconds(1)),
            (Some(seconds(10)), None,              seconds(3600), Duration::from_millis(2500)),
            (Some(seconds(10)), Some(seconds(2)),  seconds(1),    Duration::from_millis(500)),
            (None,              Some(seconds(30)), seconds(60),   Duration::from_millis(7500)),
            (None,              None,              seconds(60),   seconds(60)),
        ];
        for (timeout, watchdog, publish, want) in cases {
            assert_eq!(Service::with(timeout, watchdog, publish).beat, want, "{timeout:?} {watchdog:?} {publish:?}");
        }
    }
}
