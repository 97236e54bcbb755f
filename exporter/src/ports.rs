//! What happens to ports while they are listened to: links that go down and come up, devices that go away.
//!
//! **Owns** how each port was last, and the sentences about changes. **May touch** snapshots. **Order** told of every
//! snapshot by the control loop.
//!
//! A link that is down ends nothing: frames come again when it is up. A device that is gone stays gone; the run goes on with
//! the ports that are left, and ends when none is.

use parshall_engine::merge::snapshot::PortSnapshot;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Changes of links since the start.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// How often a link went down or came up since the start.
#[must_use]
pub fn link_changes() -> u64 {
    CHANGES.load(Ordering::Relaxed)
}

/// How each port was last.
#[derive(Debug, Default)]
pub struct Ports {
    last: BTreeMap<u16, State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    Down,
    Removed,
}

/// What is said of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A link came up.
    Up(String),
    /// A link went down, or was down at the start.
    Down(String),
    /// A device has gone away.
    Removed(String),
}

impl Ports {
    /// What has changed since it was told last. A link that is up from the start is no change.
    pub fn look(&mut self, ports: &[PortSnapshot]) -> Vec<Change> {
        let mut changes = Vec::new();
        for port in ports {
            let state = match port {
                PortSnapshot { removed: true, .. } => State::Removed,
                PortSnapshot { link_up: true, .. } => State::Up,
                _ => State::Down,
            };
            let before = self.last.insert(port.port, state);
            let name = format!("port {} ({})", port.port, port.name);
            if before.is_some() && before != Some(state) && state != State::Removed {
                CHANGES.fetch_add(1, Ordering::Relaxed);
            }
            match (before, state) {
                (before, state) if before == Some(state) => {}
                (None, State::Up) => {}
                (_, State::Up) => changes.push(Change::Up(format!("{name}: the link is up"))),
                (_, State::Down) => changes.push(Change::Down(format!("{name}: the link is down; waiting for it"))),
                (_, State::Removed) => changes.push(Change::Removed(format!("{name}: the device has gone away"))),
            }
        }
        changes
    }

    /// Whether there is no port left.
    #[must_use]
    pub fn are_all_gone(&self) -> bool {
        !self.last.is_empty() && self.last.values().all(|state| *state == State::Removed)
    }

    /// Says what has changed; true when no port is left.
    pub fn follow(&mut self, ports: &[PortSnapshot]) -> bool {
        let changes = self.look(ports);
        for change in &changes {
            match change {
                Change::Up(sentence) => tracing::info!("{sentence}"),
                Change::Down(sentence) => tracing::warn!("{sentence}"),
                Change::Removed(sentence) => tracing::error!("{sentence}"),
            }
        }
        let gone = self.are_all_gone();
        if gone && !changes.is_empty() {
            tracing::error!("no port is left to listen to: ending");
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(port: u16, link_up: bool, removed: bool) -> PortSnapshot {
        PortSnapshot { port, name: format!("net_x{port}"), link_up, removed, ..PortSnapshot::default() }
    }

    #[test]
    fn links_are_told_of_once_a_change_and_a_port_that_is_up_from_the_start_is_not() {
        let mut ports = Ports::default();
        assert_eq!(ports.look(&[port(0, true, false)]), []);
        let down = Change::Down("port 0 (net_x0): the link is down; waiting for it".to_owned());
        assert_eq!(ports.look(&[port(0, false, false)]), [down]);
        assert_eq!(ports.look(&[port(0, false, false)]), []);
        assert_eq!(ports.look(&[port(0, true, false)]), [Change::Up("port 0 (net_x0): the link is up".to_owned())]);
        let mut late = Ports::default();
        assert!(matches!(late.look(&[port(0, false, false)])[..], [Change::Down(_)]));
    }

    #[test]
    fn the_run_is_over_when_the_last_device_has_gone_away_and_not_before() {
        let mut ports = Ports::default();
        assert!(!ports.are_all_gone(), "no port is known yet");
        assert!(!ports.follow(&[port(0, true, false), port(1, true, false)]));
        assert!(!ports.follow(&[port(0, false, true), port(1, true, false)]));
        assert!(matches!(ports.look(&[port(0, false, true), port(1, false, true)])[..], [Change::Removed(_)]));
        assert!(ports.are_all_gone());
    }
}
