//! What came of a reload, and asking for one from another thread.
//!
//! **Owns** the report in its three forms. **May touch** the control loop's queue of requests. **Order** the control loop makes
//! reports; the control socket, HTTP and the log show them.

use crossbeam_channel::{Sender, bounded};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the control loop may take for a reload.
pub(crate) const ANSWER: Duration = Duration::from_secs(30);

/// What came of a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What changed: `tcp-idle-timeout: 300s -> 10s`.
    pub changed: Vec<String>,
    /// What needs a restart and stands as before.
    pub left: Vec<String>,
    /// Why nothing was changed.
    pub problems: Vec<String>,
}

impl Report {
    pub(crate) fn refused(problems: Vec<String>) -> Report {
        Report { problems, ..Report::default() }
    }

    /// Whether the configuration is good.
    #[must_use]
    pub fn good(&self) -> bool {
        self.problems.is_empty()
    }

    /// In sentences.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        if !self.good() {
            out.push_str("the configuration was not reloaded and nothing was changed:\n");
            self.problems.iter().for_each(|problem| out.push_str(&format!("{problem}\n")));
            return out;
        }
        match self.changed.len() {
            0 => out.push_str("the configuration was read anew: nothing to change\n"),
            _ => out.push_str("the configuration was read anew; changed:\n"),
        }
        self.changed.iter().for_each(|change| out.push_str(&format!("  {change}\n")));
        if !self.left.is_empty() {
            out.push_str("left as it was until a restart:\n");
            self.left.iter().for_each(|change| out.push_str(&format!("  {change}\n")));
        }
        out
    }

    /// As JSON, for the control socket.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({ "ok": self.good(), "changed": self.changed, "left": self.left, "problems": self.problems })
    }

    /// From JSON; `None` when it is not that of a report.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Report> {
        let list = |key: &str| -> Option<Vec<String>> {
            value[key].as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
        };
        Some(Report { changed: list("changed")?, left: list("left")?, problems: list("problems")? })
    }
}

/// Asks for reloads; clones ask the same control loop.
#[derive(Clone, Debug)]
pub struct Asker(Sender<Sender<Report>>);

impl Asker {
    /// Asks whoever takes what is sent.
    #[must_use]
    pub const fn new(requests: Sender<Sender<Report>>) -> Asker {
        Asker(requests)
    }

    /// Asks, and waits for the report; when nobody answers the report says so.
    #[must_use]
    pub fn ask(&self) -> Report {
        let (reply, answer) = bounded(1);
        let asked = self.0.try_send(reply).ok();
        let report = asked.and_then(|()| answer.recv_timeout(ANSWER).ok());
        let silent = || vec!["the probe is too busy to reload, or about to end; try again".to_owned()];
        report.unwrap_or_else(|| Report::refused(silent()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_survives_the_way_over_the_socket() {
        let report = Report { changed: vec!["a: 1 -> 2".to_owned()], left: vec!["b".to_owned()], problems: Vec::new() };
        assert_eq!(Report::from_json(&report.json()), Some(report.clone()));
        assert!(report.text().contains("left as it was until a restart:\n  b\n"));
        assert_eq!(Report::from_json(&json!({ "ok": true })), None);
    }
}
