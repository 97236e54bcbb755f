//! The second stage: what was asked becomes a plan, or all that is wrong with it.
//!
//! **Owns** what does not go together, across options. **May touch** nothing.
//! **Order** last, over `settings`; each sub-module makes one part of the plan, and a problem never stops the others.

mod ask;
mod common;
mod decap;
mod inputs;
mod live;
mod timeouts;

use crate::asked::{Asked, usage};
use crate::options::Sub;
use crate::plan::{Command, DoctorPlan, ReadPlan};
use crate::problem::Problems;
use crate::settings::{self, Settings};
use std::path::Path;

/// Makes the plan. What it gives is to be used only if `problems` is empty behind it.
pub(crate) fn check(asked: &Asked, problems: &mut Problems) -> Command {
    match asked.sub {
        Sub::Run => {
            let settings = settings::resolve(asked, Sub::Run, problems);
            Command::Run(live::plan(&settings, Some(&asked.eal), problems))
        }
        Sub::Read => {
            let settings = settings::resolve(asked, Sub::Read, problems);
            Command::Read(read(&settings, asked, problems))
        }
        Sub::CheckConfig => {
            live::plan(&settings::resolve(asked, Sub::Run, problems), None, problems);
            common::plan(&settings::resolve(asked, Sub::Read, problems), 1, problems);
            Command::CheckConfig
        }
        Sub::Reload => Command::Reload(settings::resolve(asked, Sub::Reload, problems).path("control")),
        Sub::Doctor => {
            let settings = settings::resolve(asked, Sub::Doctor, problems);
            let eal = Some(asked.eal.as_slice()).filter(|eal| !eal.is_empty());
            Command::Doctor(DoctorPlan {
                run: live::plan(&settings, eal, problems),
                json: settings.flag("json"),
                root: settings.path("host-root").unwrap_or_else(|| "/".into()),
                live: ask::named(&settings, problems),
            })
        }
        Sub::Top => Command::Top(ask::top(&settings::resolve(asked, Sub::Top, problems), asked, problems)),
        Sub::Flows => Command::Flows(ask::flows(&settings::resolve(asked, Sub::Flows, problems), asked, problems)),
        Sub::Stats => Command::Stats(ask::stats(&settings::resolve(asked, Sub::Stats, problems), asked, problems)),
    }
}

fn read(settings: &Settings, asked: &Asked, problems: &mut Problems) -> ReadPlan {
    if asked.files.is_empty() {
        problems.add(usage(
            "parshall read has no capture file to read",
            "pcap and pcapng files, also compressed by gzip; - for standard input",
            "name them behind the options: parshall read FILE...",
        ));
    }
    if asked.files.iter().filter(|file| file.as_path() == Path::new("-")).count() > 1 {
        problems.add(usage("standard input is named twice", "- once", "keep one -"));
    }
    let workers = settings.maybe_number("workers").map_or(1, |_| settings.short("workers"));
    ReadPlan { common: common::plan(settings, workers, problems), files: asked.files.clone() }
}
