//! When flows end.
//!
//! **Owns** `--idle-timeout`, which sets three, and the timeouts that do not go together. **May touch** nothing.
//! **Order** called by `check::common`.

use crate::plan::Timeouts;
use crate::problem::{Problem, Problems};
use crate::settings::Settings;
use std::time::Duration;

/// The timeouts.
pub(super) fn plan(settings: &Settings, problems: &mut Problems) -> Timeouts {
    let (tcp_idle, tcp_name) = idle(settings, "tcp-idle-timeout");
    let timeouts = Timeouts {
        tcp_idle,
        udp_idle: idle(settings, "udp-idle-timeout").0,
        other_idle: idle(settings, "other-idle-timeout").0,
        single_packet: settings.duration("single-packet-timeout"),
        tcp_linger: settings.duration("tcp-linger"),
        active: settings.maybe_duration("active-timeout"),
    };
    if timeouts.tcp_linger > timeouts.tcp_idle {
        let (linger, idle) = (settings.get("tcp-linger"), settings.get(tcp_name));
        problems.add(Problem {
            what: format!(
                "--tcp-linger {} is longer than --{tcp_name} {}: a closed flow would outlive an open one",
                linger.text, idle.text
            ),
            asked: format!("asked for: {}, {}", linger.show(), idle.show()),
            possible: format!("--tcp-linger from 0s to {}", idle.text),
            remedy: format!("write {}", linger.origin.write(linger.option, &idle.text)),
        });
    }
    timeouts
}

/// The idle timeout of one protocol, and which option it comes from: its own, unless `--idle-timeout` is said by a stronger
/// layer.
fn idle(settings: &Settings, name: &'static str) -> (Duration, &'static str) {
    let stronger = settings.layer("idle-timeout") > settings.layer(name);
    match settings.maybe_duration("idle-timeout") {
        Some(all) if stronger => (all, "idle-timeout"),
        _ => (settings.duration(name), name),
    }
}
