//! Commands about ports: counters, stopping and starting, promiscuous mode.
//!
//! **Owns** their layout and testpmd's words of refusal. **May touch** monitors and the gate. **Order** commands of the prompt.

use super::port_info;
use super::session::{Reply, Scene, Session};
use crate::pipeline::now;
use parshall_engine::dpdk::{Errno, Monitor, PortStats};
use parshall_engine::merge::snapshot::PortSnapshot;
use std::fmt::Write;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// The ports that are meant by an id or `all`, or why none is.
fn meant(scene: &Scene<'_, '_>, word: &str) -> Result<Vec<u16>, Reply> {
    let ports = scene.ports();
    match word.parse::<u16>() {
        Ok(port) if ports.contains(&port) => Ok(vec![port]),
        Ok(port) => {
            let ids: String = ports.iter().map(|id| format!("{id} ")).collect();
            let out = format!("The valid ports array is [ {ids}]\n");
            Err(Reply::err(format!("Invalid port {port}\n")).and(Reply::out(out)))
        }
        Err(_) => Ok(ports),
    }
}

pub(super) fn show(session: &mut Session, scene: &mut Scene<'_, '_>, words: &[&str]) -> Reply {
    let [what, which] = words else { return Reply::default() };
    let mut reply = Reply::default();
    if *what == "summary" {
        let count = scene.ports().len();
        reply = reply.and(Reply::out(format!("Number of available ports: {count}\n{}", port_info::SUMMARY_HEAD)));
    }
    let ports = match meant(scene, which) {
        Ok(ports) => ports,
        Err(refusal) => {
            reply = reply.and(refusal);
            return reply;
        }
    };
    for port in ports {
        let Some(monitor) = scene.monitor(port) else { continue };
        reply = reply.and(match *what {
            "stats" => Reply::out(stats(session, monitor)),
            "xstats" => Reply::out(xstats(session, monitor)),
            "summary" => Reply::out(port_info::summary(monitor)),
            _ => port_info::info(monitor),
        });
    }
    reply
}

fn since(now: PortStats, then: PortStats) -> PortStats {
    PortStats {
        ipackets: now.ipackets.saturating_sub(then.ipackets),
        opackets: now.opackets.saturating_sub(then.opackets),
        ibytes: now.ibytes.saturating_sub(then.ibytes),
        obytes: now.obytes.saturating_sub(then.obytes),
        imissed: now.imissed.saturating_sub(then.imissed),
        ierrors: now.ierrors.saturating_sub(then.ierrors),
        oerrors: now.oerrors.saturating_sub(then.oerrors),
        rx_nombuf: now.rx_nombuf.saturating_sub(then.rx_nombuf),
    }
}

fn stats(session: &mut Session, monitor: &Monitor<'_>) -> String {
    let id = monitor.facts().id;
    let then = session.cleared.get(&id).copied().unwrap_or_default();
    let stats = since(monitor.stats().unwrap_or_default(), then);
    let snapshot = PortSnapshot {
        port: id,
        ipackets: stats.ipackets,
        ibytes: stats.ibytes,
        imissed: stats.imissed,
        ierrors: stats.ierrors,
        rx_nombuf: stats.rx_nombuf,
        ..PortSnapshot::default()
    };
    session.rates.block(&snapshot, now())
}

fn xstats(session: &Session, monitor: &Monitor<'_>) -> String {
    let id = monitor.facts().id;
    let mut out = format!("###### NIC extended statistics for port {id:<2}\n");
    let then = session.cleared_x.get(&id);
    match monitor.xstats() {
        Ok(all) => {
            for (name, value) in all {
                let before = then.and_then(|then| then.get(&name)).copied().unwrap_or(0);
                let _ = writeln!(out, "{name}: {}", value.saturating_sub(before));
            }
        }
        Err(_) => out.push_str("Cannot get xstats\n"),
    }
    out
}

pub(super) fn clear(session: &mut Session, scene: &mut Scene<'_, '_>, words: &[&str]) -> Reply {
    let [what, which] = words else { return Reply::default() };
    let ports = match meant(scene, which) {
        Ok(ports) => ports,
        Err(refusal) => return refusal,
    };
    let mut out = String::new();
    for monitor in ports.iter().filter_map(|port| scene.monitor(*port)) {
        let id = monitor.facts().id;
        if *what == "xstats" {
            session.cleared_x.insert(id, monitor.xstats().unwrap_or_default().into_iter().collect());
        } else {
            session.cleared.insert(id, monitor.stats().unwrap_or_default());
            let _ = writeln!(out, "\n  NIC statistics for port {id} cleared");
        }
    }
    Reply::out(out)
}

/// What an errno means, in the words of `rte_strerror`.
fn meaning(errno: Errno) -> String {
    let text = std::io::Error::from_raw_os_error(errno.0).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

pub(super) fn promiscuous(_: &mut Session, scene: &mut Scene<'_, '_>, words: &[&str]) -> Reply {
    let [which, wanted] = words else { return Reply::default() };
    let (on, doing) = if *wanted == "on" { (true, "enabling") } else { (false, "disabling") };
    let failed = |port: u16, why: &str| format!("Error during {doing} promiscuous mode for port {port}: {why}\n");
    let mut err = String::new();
    for port in which.parse::<u16>().map_or_else(|_| scene.ports(), |port| vec![port]) {
        match scene.monitor(port).map(|monitor| monitor.promiscuous(on)) {
            None => err.push_str(&format!("Invalid port_id={port}\n{}", failed(port, "No such device"))),
            Some(Err(errno)) => err.push_str(&failed(port, &meaning(errno))),
            Some(Ok(())) => {}
        }
    }
    Reply::err(err)
}

pub(super) fn start_stop(session: &mut Session, scene: &mut Scene<'_, '_>, words: &[&str]) -> Reply {
    let [what, which] = words else { return Reply::default() };
    let ports = match meant(scene, which) {
        Ok(ports) => ports,
        Err(_) => return Reply::err(format!("Invalid port {which}\n")),
    };
    if *what == "stop" { stop(session, scene, &ports) } else { start(session, scene, &ports) }
}

fn stop(session: &mut Session, scene: &mut Scene<'_, '_>, ports: &[u16]) -> Reply {
    let mut reply = Reply::out("Stopping ports...\n");
    let mut checked = false;
    for port in ports {
        if scene.control.gate.is_open() {
            reply = reply.and(Reply::err(format!("Please remove port {port} from forwarding configuration.\n")));
            continue;
        }
        if session.halted.contains(port) {
            continue;
        }
        let closed = scene.control.gate.close(PATIENCE);
        let done = closed.as_ref().zip(scene.monitor(*port)).map(|(closed, monitor)| monitor.halt(closed));
        let failed = match done {
            Some(Ok(())) => {
                checked = true;
                session.halted.insert(*port);
                continue;
            }
            Some(Err(errno)) => format!("rte_eth_dev_stop failed for port {port}: {errno}\n"),
            None => format!("port {port}: an lcore did not answer; try again\n"),
        };
        reply = reply.and(Reply::err(failed));
    }
    reply.and(Reply::out(if checked { "Checking link statuses...\nDone\n" } else { "Done\n" }))
}

fn start(session: &mut Session, scene: &mut Scene<'_, '_>, ports: &[u16]) -> Reply {
    let mut reply = Reply::default();
    let mut started = false;
    for port in ports {
        if !session.halted.contains(port) {
            reply = reply.and(Reply::err(format!("Port {port} is now not stopped\n")));
            continue;
        }
        let closed = scene.control.gate.close(PATIENCE);
        let Some((closed, monitor)) = closed.as_ref().zip(scene.monitor(*port)) else {
            reply = reply.and(Reply::err(format!("port {port}: an lcore did not answer; try again\n")));
            continue;
        };
        reply = reply.and(match monitor.resume(closed) {
            Ok(()) => {
                started = true;
                session.halted.remove(port);
                let mac = port_info::mac(monitor.details().unwrap_or_default().mac);
                Reply::out(format!("Port {port}: {mac}\n"))
            }
            Err(errno) => Reply::err(format!("Fail to start port {port}: {errno}\n")),
        });
    }
    let links = "Checking link statuses...\n";
    reply = reply.and(if started { Reply::out(links) } else { Reply::err("Please stop the ports first\n") });
    reply.and(Reply::out("Done\n"))
}
