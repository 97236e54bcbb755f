//! What every option stands at, and what a reload would change.
//!
//! **Owns** the comparison of two readings of the same command line, environment and file. **May touch** what the readers may.
//! **Order** read once at the start of `run`, and again for every reload.

use crate::options::{Opt, Sub};
use crate::plan::{Command, RunPlan};
use crate::value::Value;
use crate::{Problems, Wanted, check, command_line, layers, settings};
use std::ffi::OsString;

/// Every option of `run` with what it stands at.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The plan that follows from it.
    pub plan: RunPlan,
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    option: &'static Opt,
    values: Vec<Value>,
    text: String,
}

/// An option that would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: &'static str,
    /// As it stands.
    pub from: String,
    /// As it would stand.
    pub to: String,
    /// Whether it changes while the probe runs.
    pub live: bool,
}

/// Reads command line, environment and file as [`crate::load`] does, for `run`.
///
/// # Errors
/// Every mistake there is, at once; `None` for another sub-command.
pub fn read(
    argv: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Option<Standing>, Problems> {
    let mut problems = Problems::default();
    let Wanted::Sub(asked) = command_line::read(argv.into_iter().skip(1).collect(), &mut problems) else {
        return Ok(None);
    };
    let asked = layers(asked, env, &mut problems);
    let Command::Run(plan) = check::check(&asked, &mut problems) else { return Ok(None) };
    // The same complaints a second time.
    let settings = settings::resolve(&asked, Sub::Run, &mut Problems::default());
    let row = |setting: &settings::Setting| Row {
        option: setting.option,
        values: setting.values.clone(),
        text: settings::shown(setting),
    };
    problems.or(Some(Standing { plan, rows: settings.rows().iter().map(row).collect() }))
}

impl Standing {
    /// What `next` changes, in the order of the table.
    #[must_use]
    pub fn changes(&self, next: &Standing) -> Vec<Change> {
        let pairs = self.rows.iter().zip(&next.rows).filter(|(now, then)| now.values != then.values);
        let change = |(now, then): (&Row, &Row)| Change {
            name: now.option.name,
            from: now.text.clone(),
            to: then.text.clone(),
            live: now.option.live,
        };
        pairs.map(change).collect()
    }

    /// The same, with what needs a restart left as it stands here: what runs after a reload by `next`.
    #[must_use]
    pub fn after(&self, next: &Standing) -> Standing {
        let pick = |(now, then): (&Row, &Row)| if now.option.live { then.clone() } else { now.clone() };
        let mut plan = self.plan.clone();
        let (ours, theirs) = (&mut plan.common, &next.plan.common);
        ours.sinks.clone_from(&theirs.sinks);
        ours.publish_interval = theirs.publish_interval;
        ours.shutdown_timeout = theirs.shutdown_timeout;
        ours.watch.clone_from(&theirs.watch);
        ours.engine.live_flows = theirs.engine.live_flows;
        ours.engine.timeouts = theirs.engine.timeouts;
        ours.engine.local_nets.clone_from(&theirs.engine.local_nets);
        ours.engine.sieve.frames.clone_from(&theirs.engine.sieve.frames);
        ours.engine.sieve.flows.clone_from(&theirs.engine.sieve.flows);
        plan.stats_period = next.plan.stats_period;
        let shown = self.plan.common.effective.0.iter().zip(&next.plan.common.effective.0);
        let of_the_next = |name: &str| self.rows.iter().any(|row| row.option.name == name && row.option.live);
        let shown = shown.map(|(now, then)| if of_the_next(now.name) { then } else { now });
        plan.common.effective.0 = shown.cloned().collect();
        Standing { plan, rows: self.rows.iter().zip(&next.rows).map(pick).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(words: &str) -> Standing {
        let argv = format!("parshall run --vdev=net_null0 -- {words}");
        let argv = argv.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        read(argv, Vec::new()).expect("good words").expect("a run")
    }

    #[test]
    fn what_changes_is_named_with_whether_it_can_change_while_the_probe_runs() {
        let (now, next) = (standing("--burst 32"), standing("--burst 64 --tcp-idle-timeout 10s --sink jsonl:a"));
        let changes: Vec<_> =
            now.changes(&next).into_iter().map(|change| (change.name, change.to, change.live)).collect();
        let want = [("sink", "jsonl:a", true), ("tcp-idle-timeout", "10s", true), ("burst", "64", false)];
        assert_eq!(changes, want.map(|(name, to, live)| (name, to.to_owned(), live)));
        assert!(now.changes(&standing("")).is_empty(), "the default, said or not");
    }

    #[test]
    fn after_a_reload_what_needs_a_restart_stands_as_before() {
        let (now, next) = (standing("--burst 32"), standing("--burst 64 --tcp-idle-timeout 10s --sink jsonl:a"));
        let after = now.after(&next);
        let left: Vec<_> = after.changes(&next).into_iter().map(|change| change.name).collect();
        assert_eq!(left, ["burst"]);
        assert_eq!(after.plan.burst, 32);
        let shown = |name: &str| {
            let row = after.plan.common.effective.0.iter().find(|row| row.name == name);
            row.map(|row| row.value.clone()).unwrap_or_default()
        };
        assert_eq!([shown("burst"), shown("tcp-idle-timeout")], ["32", "10s"], "what is shown is what runs");
        assert_eq!(after.plan.common.engine.timeouts, next.plan.common.engine.timeouts);
    }

    /// A value other than the default for each option that a reload changes.
    const OTHER: &[(&str, &str)] = &[
        ("sink", "jsonl:a"),
        ("shutdown-timeout", "7s"),
        ("publish-interval", "7s"),
        ("idle-timeout", "7s"),
        ("tcp-idle-timeout", "7s"),
        ("udp-idle-timeout", "7s"),
        ("other-idle-timeout", "7s"),
        ("single-packet-timeout", "7s"),
        ("tcp-linger", "7s"),
        ("active-timeout", "7s"),
        ("local-nets", "10.0.0.0/8"),
        ("live-flows", "7"),
        ("top-prefixes", "10.0.0.0/8"),
        ("top-metrics", "7"),
        ("compat-metrics", "packet"),
        ("compat-flows", "7"),
        ("max-series", "7000"),
        ("filter", "tcp"),
        ("flow-filter", "tcp"),
        ("stats-period", "7"),
    ];

    #[test]
    fn every_option_that_is_said_to_change_live_is_in_the_plan_after_a_reload() {
        let now = standing("");
        for option in crate::options::all().filter(|option| option.live) {
            let (_, text) = OTHER.iter().find(|(name, _)| *name == option.name).expect(option.name);
            let next = standing(&format!("--{}={text}", option.name));
            assert_ne!(now.plan, next.plan, "{}", option.name);
            assert_eq!(now.after(&next).plan, next.plan, "{}", option.name);
        }
    }
}
