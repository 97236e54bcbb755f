//! What testpmd has not: books, TCP, pools, sinks.
//!
//! **Owns** their layout, in testpmd's manner: a border, then names and figures. **May touch** what the scene holds.
//! **Order** commands of the prompt.

use super::session::{Reply, Scene, Session};
use crate::statistics;
use parshall_engine::packet::Outcome;
use std::fmt::Write;
use std::sync::atomic::Ordering;

fn border(title: &str) -> String {
    let dashes = "-".repeat(22);
    format!("\n  {dashes} {title} {dashes}\n")
}

fn end() -> String {
    format!("  {}\n", "-".repeat(76))
}

pub(super) fn books(_: &mut Session, scene: &mut Scene<'_, '_>, _: &[&str]) -> Reply {
    let snapshot = scene.snapshot();
    let (total, books) = (&snapshot.total, snapshot.total.books());
    let mut out = border("Books");
    for (outcome, name) in Outcome::ALL {
        let _ = writeln!(out, "  {name}: {}", total.outcomes[outcome as usize]);
    }
    let _ = writeln!(out, "  sum-of-outcomes: {:<14} frames-taken: {:<14}", books.outcomes, books.taken);
    let _ = writeln!(
        out,
        "  packets-in-flows: {:<13} in-records: {:<14} in-live-flows: {}",
        books.flow, books.finished, books.live
    );
    let _ = writeln!(out, "  closed: {}", if books.closed() { "yes" } else { "NO" });
    out.push_str(&end());
    out.push_str(&statistics::ending(&snapshot));
    Reply::out(out)
}

/// A share in percent, or a dash where there is nothing to share.
fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.3} %", part as f64 * 100.0 / whole as f64) }
}

/// A mean of nanoseconds in milliseconds, or a dash.
fn mean(sum: f64, count: u64) -> String {
    if count == 0 { "-".to_owned() } else { format!("{:.3} ms", sum / count as f64 / 1e6) }
}

pub(super) fn tcp(_: &mut Session, scene: &mut Scene<'_, '_>, _: &[&str]) -> Reply {
    let tcp = scene.watch.tcp();
    let mut out = border("TCP over all records so far");
    let _ = writeln!(out, "  records: {:<14} complete: {}", tcp.records, tcp.complete);
    let _ = writeln!(out, "  packets: {:<14} payload-bytes: {}", tcp.packets, tcp.payload_bytes);
    let share = percent(tcp.retx_packets, tcp.data_packets);
    let _ = writeln!(
        out,
        "  retransmitted-packets: {:<10} retransmitted-bytes: {:<12} of data packets: {share}",
        tcp.retx_packets, tcp.retx_bytes
    );
    let _ = writeln!(
        out,
        "  out-of-order: {:<10} duplicate-acks: {:<10} gap-bytes: {}",
        tcp.ooo_packets, tcp.dup_acks, tcp.gap_bytes
    );
    let _ = writeln!(out, "  zero-windows: {:<10} resets: {}", tcp.zero_windows, tcp.resets);
    let _ = writeln!(out, "  handshake: {}", mean(tcp.handshakes.1 as f64, tcp.handshakes.0));
    let [(from_client, client), (from_server, server)] = tcp.rtt;
    let _ = writeln!(out, "  rtt-client: {:<14} rtt-server: {}", mean(client, from_client), mean(server, from_server));
    out.push_str(&end());
    Reply::out(out)
}

pub(super) fn filter(_: &mut Session, scene: &mut Scene<'_, '_>, _: &[&str]) -> Reply {
    let text = scene.control.sieves.plan().frames.clone();
    Reply::out(text.map_or_else(|| "No filter: all frames count\n".to_owned(), |text| format!("Filter: {text}\n")))
}

pub(super) fn filter_set(_: &mut Session, scene: &mut Scene<'_, '_>, words: &[&str]) -> Reply {
    replace_filter(scene, words.first().copied())
}

pub(super) fn filter_off(_: &mut Session, scene: &mut Scene<'_, '_>, _: &[&str]) -> Reply {
    replace_filter(scene, None)
}

/// Replaces the filter of frames; the one of flows stays.
fn replace_filter(scene: &mut Scene<'_, '_>, text: Option<&str>) -> Reply {
    let flows = scene.control.sieves.plan().flows.clone();
    match scene.control.sieves.replace_filters(text, flows.as_ref()) {
        Ok(()) => filter(&mut Session::default(), scene, &[]),
        Err(error) => Reply::err(format!("{error}; nothing was changed\n")),
    }
}

pub(super) fn mempool(_: &mut Session, scene: &mut Scene<'_, '_>, _: &[&str]) -> Reply {
    let mut out = String::new();
    for pool in scene.control.pools.iter().map(|pool| pool.snapshot()) {
        out.push_str(&border(&format!("Pool {}", pool.name)));
        let socket = if pool.socket < 0 { "any".to_owned() } else { pool.socket.to_string() };
        let used = pool.size.saturating_sub(pool.free);
        let _ = writeln!(out, "  socket: {socket:<14} mbufs: {:<14} free: {:<14} in-use: {used}", pool.size, pool.free);
        out.push_str(&end());
    }
    Reply::out(out)
}

pub(super) fn sinks(_: &mut Session, scene: &mut Scene<'_, '_>, _: &[&str]) -> Reply {
    if scene.sinks.is_empty() {
        return Reply::out("No sink: records are counted and go nowhere (--sink)\n");
    }
    let mut out = String::new();
    for sink in scene.sinks {
        out.push_str(&border(&format!("Sink {}", sink.name)));
        let _ = writeln!(
            out,
            "  records: {:<14} dropped-records: {:<14} dropped-packets: {}\n  errors: {}",
            sink.records.load(Ordering::Relaxed),
            sink.dropped_records.load(Ordering::Relaxed),
            sink.dropped_packets.load(Ordering::Relaxed),
            sink.errors.load(Ordering::Relaxed)
        );
        out.push_str(&end());
    }
    Reply::out(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_means_of_nothing_are_dashes() {
        assert_eq!((percent(0, 0), mean(0.0, 0)), ("-".to_owned(), "-".to_owned()));
        assert_eq!((percent(1, 8), mean(3e6, 2)), ("12.500 %".to_owned(), "1.500 ms".to_owned()));
    }
}
