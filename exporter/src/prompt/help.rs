//! `help`, laid out as testpmd's.
//!
//! **Owns** the sections' titles. **May touch** the table of commands. **Order** one of its commands.

use super::commands::ROWS;
use super::grammar::Topic;
use super::session::{Reply, Scene, Session};
use std::fmt::Write;

const SECTIONS: [(&str, Topic, &str, &str); 4] = [
    ("control", Topic::Control, "Control forwarding", "Start and stop receiving, load files, quit."),
    ("display", Topic::Display, "Display", "Displaying port, stats and config information."),
    ("ports", Topic::Ports, "Port Operations", "Configuring ports."),
    ("probe", Topic::Probe, "Probe", "Books, TCP, pools, sinks: what testpmd has not."),
];

pub(super) fn sections(_: &mut Session, _: &mut Scene<'_, '_>, _: &[&str]) -> Reply {
    let mut out = String::from("\nHelp is available for the following sections:\n\n");
    for (name, _, _, about) in SECTIONS {
        let _ = writeln!(out, "    {:<32}: {about}", format!("help {name}"));
    }
    let _ = writeln!(out, "    {:<32}: All of the above sections.\n", "help all");
    Reply::out(out)
}

pub(super) fn section(_: &mut Session, _: &mut Scene<'_, '_>, words: &[&str]) -> Reply {
    let wanted = words.first().copied().unwrap_or("all");
    let mut out = String::new();
    for (name, topic, title, _) in SECTIONS {
        if wanted != "all" && wanted != name {
            continue;
        }
        let _ = writeln!(out, "\n{title}:\n{}\n", "-".repeat(title.len() + 1));
        for row in ROWS.iter().filter(|row| row.topic == topic) {
            let _ = writeln!(out, "{}\n    {}\n", row.pattern, row.help);
        }
    }
    Reply::out(out)
}

/// Every command as rows of a Markdown table, for `docs/PROMPT.md`.
#[must_use]
pub fn reference() -> String {
    let row = |pattern: &str, help: &str| format!("| `{}` | {help} |\n", pattern.replace('|', "\\|"));
    ROWS.iter().map(|command| row(command.pattern, command.help)).collect()
}
