//! `parshall doctor`: looks at the host for what a run with the same words needs, and says what to do.
//!
//! **Owns** the findings and how they are shown. **May touch** `sys`, `proc` and `dev` under a root, read only; no EAL is
//! started, so no device is touched; with `--live` a running probe over HTTP instead. **Order** called by `main`; each part looks
//! at one subject and gives findings.

mod cpu;
mod devices;
mod host;
mod live;
mod memory;
mod need;
mod software;

use crate::Ending;
use host::Host;
use need::Need;
use parshall_config::plan::DoctorPlan;
use serde_json::json;

/// How a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Good,
    /// It works, and could work better or more safely.
    Note,
    /// The run would not start, or lose packets.
    Bad,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Level::Good => "good",
            Level::Note => "note",
            Level::Bad => "bad",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Subject: `hugepages`, `iommu`, ...
    pub topic: &'static str,
    /// How it is.
    pub level: Level,
    /// What was found.
    pub text: String,
    /// What to do, where something can be done.
    pub remedy: Option<String>,
}

impl Finding {
    fn good(topic: &'static str, text: impl Into<String>) -> Finding {
        Finding { topic, level: Level::Good, text: text.into(), remedy: None }
    }

    fn note(topic: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { topic, level: Level::Note, text: text.into(), remedy: Some(remedy.into()) }
    }

    fn bad(topic: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { topic, level: Level::Bad, text: text.into(), remedy: Some(remedy.into()) }
    }
}

/// Looks at everything. Exit status 0 when nothing is bad, else 1.
#[must_use]
pub fn doctor(plan: &DoctorPlan) -> Ending {
    let findings = plan.live.as_ref().map_or_else(|| examine(plan), live::look);
    let well = findings.iter().all(|finding| finding.level != Level::Bad);
    let printed =
        crate::print(&if plan.json { json_text(&findings, well) } else { text(&findings, plan.live.is_some()) });
    if printed == Ending::Done && well { Ending::Done } else { Ending::Failed }
}

/// Every finding, subject by subject.
fn examine(plan: &DoctorPlan) -> Vec<Finding> {
    let host = Host::new(&plan.root);
    let need = Need::of(&plan.run);
    let mut findings = memory::look(&host, &need);
    findings.extend(devices::look(&host, &need));
    findings.extend(cpu::look(&host, &need));
    findings.extend(software::look(&host, &need));
    findings
}

fn text(findings: &[Finding], live: bool) -> String {
    let mut out = String::new();
    for finding in findings {
        out.push_str(&format!("{:<4} {:<11} {}\n", finding.level.name(), finding.topic, finding.text));
        if let Some(remedy) = &finding.remedy {
            out.push_str(&format!("{:17}-> {remedy}\n", ""));
        }
    }
    let bad = findings.iter().filter(|finding| finding.level == Level::Bad).count();
    out.push_str(&match (bad, live) {
        (0, false) => "this host is ready for such a run\n".to_owned(),
        (0, true) => "this probe is well\n".to_owned(),
        _ => format!("{bad} to mend\n"),
    });
    out
}

fn json_text(findings: &[Finding], well: bool) -> String {
    let row = |finding: &Finding| {
        json!({
            "topic": finding.topic, "level": finding.level.name(), "finding": finding.text, "remedy": finding.remedy,
        })
    };
    let all: Vec<_> = findings.iter().map(row).collect();
    format!("{:#}\n", json!({ "ready": well, "findings": all }))
}

#[cfg(test)]
mod tests;
