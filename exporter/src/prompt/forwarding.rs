//! `start`, `stop`, and what is received between them.
//!
//! **Owns** the layout of testpmd's forwarding statistics and configuration (22.11: `fwd_stats_display`,
//! `pkt_fwd_config_display`, `rxonly` mode). **May touch** the gate, monitors and tallies. **Order** commands of the prompt.
//!
//! testpmd shows a transmit side for every stream, in `rxonly` too, where it sends nothing: ports are paired by their place. It
//! is shown here in the same way, because scripts read these lines; parshall has no transmit side at all.

use super::session::{Reply, Scene, Session};
use parshall_engine::layout::{Layout, Stream};
use parshall_engine::merge::snapshot::Snapshot;
use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

/// How long the lcores may take to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// The port that testpmd would send to.
fn mate(ports: &[u16], port: u16) -> u16 {
    let at = ports.iter().position(|other| *other == port).unwrap_or(0);
    ports.get(at ^ 1).copied().unwrap_or(port)
}

fn header(layout: &Layout) -> String {
    format!(
        "rxonly packet forwarding - ports={} - cores={} - streams={} - NUMA support enabled, MP allocation mode: native\n",
        layout.ports.len(),
        layout.posts.len(),
        layout.streams()
    )
}

fn config_text(layout: &Layout) -> String {
    let ports: Vec<u16> = layout.ports.iter().map(|setup| setup.facts.id).collect();
    let mut out = header(layout);
    for post in &layout.posts {
        let (id, socket, streams) = (post.lcore.id, post.lcore.socket, post.streams.len());
        let _ = writeln!(out, "Logical Core {id} (socket {socket}) forwards packets on {streams} streams:");
        for Stream { port, queue } in &post.streams {
            let to = mate(&ports, *port);
            let (from_socket, to_socket) = (layout.socket(*port).max(0), layout.socket(to).max(0));
            let _ = writeln!(
                out,
                "  RX P={port}/Q={queue} (socket {from_socket}) -> TX P={to}/Q={queue} (socket {to_socket}) \
                 peer=02:00:00:00:00:{to:02X}"
            );
        }
    }
    out.push('\n');
    out
}

pub(super) fn config(_: &mut Session, scene: &mut Scene<'_, '_>, _: &[&str]) -> Reply {
    Reply::out(config_text(&scene.control.layout))
}

pub(super) fn cores(_: &mut Session, scene: &mut Scene<'_, '_>, _: &[&str]) -> Reply {
    let layout = &scene.control.layout;
    let mut all: Vec<u32> =
        layout.posts.iter().map(|post| &post.lcore).chain(&layout.spare).map(|lcore| lcore.id).collect();
    all.sort_unstable();
    let ids: String = all.iter().map(|id| format!(" {id:2}")).collect();
    Reply::out(format!("List of forwarding lcores:{ids}\n"))
}

fn rxtx_text(scene: &Scene<'_, '_>) -> String {
    let layout = &scene.control.layout;
    let mut out = format!(
        "  rxonly packet forwarding packets/burst={}\n  nb forwarding cores={} - nb forwarding ports={}\n",
        scene.plan.burst,
        layout.asked,
        layout.ports.len()
    );
    for setup in &layout.ports {
        let (id, plan) = (setup.facts.id, &setup.plan);
        let details = scene.monitor(id).and_then(|monitor| monitor.details().ok()).unwrap_or_default();
        let thresholds = details.thresholds;
        let _ = write!(
            out,
            "  port {id}: RX queue number: {} Tx queue number: {}\n    Rx offloads={:#x} Tx offloads=0x0\n    RX queue: 0\n      \
             RX desc={} - RX free threshold={}\n      RX threshold registers: pthresh={} hthresh={}  wthresh={}\n      \
             RX Offloads={:#x}\n",
            plan.queues,
            details.tx.now,
            plan.offloads,
            plan.descriptors,
            thresholds.free,
            thresholds.prefetch,
            thresholds.host,
            thresholds.writeback,
            plan.offloads
        );
    }
    out
}

pub(super) fn rxtx(_: &mut Session, scene: &mut Scene<'_, '_>, _: &[&str]) -> Reply {
    Reply::out(rxtx_text(scene))
}

/// Counters of all ports begin at what they are now.
fn begin(session: &mut Session, scene: &mut Scene<'_, '_>) {
    let each = scene.control.monitors.iter();
    session.at_start = each.map(|monitor| (monitor.facts().id, monitor.stats().unwrap_or_default())).collect();
    session.taken_at_start = taken(&scene.snapshot());
}

fn taken(snapshot: &Snapshot) -> HashMap<(u16, u16), u64> {
    let mut all: HashMap<(u16, u16), u64> = HashMap::new();
    for row in snapshot.workers.iter().flat_map(|worker| &worker.tally.taken) {
        *all.entry((row.input.port, row.input.queue)).or_default() += row.volume.packets;
    }
    all
}

pub(super) fn start(session: &mut Session, scene: &mut Scene<'_, '_>, _: &[&str]) -> Reply {
    if scene.control.gate.is_open() {
        return Reply::err("Packet forwarding already started\n");
    }
    if !session.halted.is_empty() {
        return Reply::err("Not all ports were started\n");
    }
    begin(session, scene);
    session.began = true;
    let Some(closed) = scene.control.gate.close(PATIENCE) else {
        return Reply::err("an lcore did not answer: it may be busy with a long burst; try again\n");
    };
    closed.open();
    Reply::out(config_text(&scene.control.layout) + &rxtx_text(scene))
}

pub(super) fn stop(session: &mut Session, scene: &mut Scene<'_, '_>, _: &[&str]) -> Reply {
    if !scene.control.gate.is_open() {
        return Reply::err("Packet forwarding not started\n");
    }
    let mut reply = Reply::out("Telling cores to stop...\nWaiting for lcores to finish...\n");
    if scene.control.gate.close(PATIENCE).is_none() {
        reply = reply
            .and(Reply::err("an lcore did not answer: it may be busy with a long burst; stop again to wait for it\n"));
    }
    reply = reply.and(stats(session, scene, &[]));
    reply = reply.and(Reply::out("\nDone.\n"));
    reply
}

pub(super) fn clear(session: &mut Session, scene: &mut Scene<'_, '_>, _: &[&str]) -> Reply {
    begin(session, scene);
    Reply::default()
}

/// What one port, or all of them, received.
#[derive(Clone, Copy, Default)]
struct Sums {
    packets: u64,
    missed: u64,
    errors: u64,
    nombuf: u64,
}

fn sums_text(out: &mut String, sums: Sums) {
    let total = sums.packets + sums.missed;
    let _ = writeln!(out, "  RX-packets: {:<14} RX-dropped: {:<14}RX-total: {total}", sums.packets, sums.missed);
    if sums.errors + sums.nombuf > 0 {
        let _ = writeln!(out, "  RX-error: {}\n  RX-nombufs: {:<14}", sums.errors, sums.nombuf);
    }
    let _ = writeln!(out, "  TX-packets: {:<14} TX-dropped: {:<14}TX-total: 0", 0, 0);
}

pub(super) fn stats(session: &mut Session, scene: &mut Scene<'_, '_>, _: &[&str]) -> Reply {
    let mut out = String::new();
    let ports = scene.ports();
    if (session.began || scene.control.gate.is_open()) && scene.control.layout.streams() > ports.len() {
        streams(&mut out, session, scene, &ports);
    }
    let (line, plus) = ("-".repeat(22), "+".repeat(15));
    let mut all = Sums::default();
    for monitor in &scene.control.monitors {
        let id = monitor.facts().id;
        let (now, then) = (monitor.stats().unwrap_or_default(), session.at_start.get(&id).copied().unwrap_or_default());
        let sums = Sums {
            packets: now.ipackets.saturating_sub(then.ipackets),
            missed: now.imissed.saturating_sub(then.imissed),
            errors: now.ierrors.saturating_sub(then.ierrors),
            nombuf: now.rx_nombuf.saturating_sub(then.rx_nombuf),
        };
        all.packets += sums.packets;
        all.missed += sums.missed;
        all.errors += sums.errors;
        all.nombuf += sums.nombuf;
        let _ = writeln!(out, "\n  {line} Forward statistics for port {id:<2} {line}");
        sums_text(&mut out, sums);
        let _ = writeln!(out, "  {}", "-".repeat(76));
    }
    let _ = writeln!(out, "\n  {plus} Accumulated forward statistics for all ports{plus}");
    sums_text(&mut out, all);
    let _ = writeln!(out, "  {}", "+".repeat(76));
    Reply::out(out)
}

/// What came over each stream, where there are more streams than ports.
fn streams(out: &mut String, session: &Session, scene: &mut Scene<'_, '_>, ports: &[u16]) {
    let now = taken(&scene.snapshot());
    for Stream { port, queue } in scene.control.layout.posts.iter().flat_map(|post| &post.streams) {
        let then = session.taken_at_start.get(&(*port, *queue)).copied().unwrap_or(0);
        let packets = now.get(&(*port, *queue)).copied().unwrap_or(0).saturating_sub(then);
        if packets == 0 {
            continue;
        }
        let to = mate(ports, *port);
        let _ = writeln!(
            out,
            "\n  ------- Forward Stats for RX Port={port:2}/Queue={queue:2} -> TX Port={to:2}/Queue={queue:2} -------\n  \
             RX-packets: {packets:<14} TX-packets: {:<14} TX-dropped: {:<14}",
            0, 0
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_paired_by_their_place_as_testpmd_pairs_them() {
        assert_eq!([0, 1].map(|port| mate(&[0, 1], port)), [1, 0]);
        assert_eq!(mate(&[0], 0), 0);
        assert_eq!([0, 2, 5].map(|port| mate(&[0, 2, 5], port)), [2, 0, 5]);
    }

    /// Seen from dpdk-testpmd 22.11.11 over net_pcap.
    const SEEN: &str = "  RX-packets: 384            RX-dropped: 0             RX-total: 384\n  \
                        TX-packets: 0              TX-dropped: 0             TX-total: 0\n";

    #[test]
    fn sums_are_laid_out_as_testpmds() {
        let mut out = String::new();
        sums_text(&mut out, Sums { packets: 384, ..Sums::default() });
        assert_eq!(out, SEEN);
    }
}
