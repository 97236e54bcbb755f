//! The core plan in words: which lcore polls which queues, ports, pools, and what is worth saying about it.
//!
//! **Owns** the layout of `--plan`. **May touch** the engine's layout. **Order** called by `run` with `--plan`, before
//! anything is received.

use parshall_config::plan::{Idle, RunPlan};
use parshall_engine::dpdk::LcoreFacts;
use parshall_engine::layout::{Layout, PortSetup};
use parshall_engine::statement::Item;
use std::fmt::Write;

const MIB: u64 = 1 << 20;

/// The text, which ends with a newline.
#[must_use]
pub fn text(plan: &RunPlan, layout: &Layout) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "lcores");
    let _ = writeln!(out, "  {:<28} control: metrics, HTTP, sinks, merging", place(&layout.main));
    for post in &layout.posts {
        let streams: Vec<String> =
            post.streams.iter().map(|stream| format!("P={}/Q={}", stream.port, stream.queue)).collect();
        let work = if layout.spread_to.is_empty() { "polls" } else { "polls and spreads" };
        let _ = writeln!(out, "  {:<28} {work} {}", place(&post.lcore), streams.join(" "));
    }
    for lcore in &layout.spare {
        let _ = writeln!(out, "  {:<28} nothing", place(lcore));
    }
    for lcore in &layout.spread_to {
        let _ = writeln!(out, "  {:<28} accounts what is spread to it", place(lcore));
    }
    let _ = writeln!(out, "ports");
    for setup in &layout.ports {
        let _ = writeln!(out, "  {}", port(plan, setup));
    }
    memory(&mut out, plan, layout);
    let idle = match plan.idle {
        Idle::Busy => "busy: polls without pause, 100 % of each polling lcore",
        Idle::Pause => "pause: up to about 2 us between polls that give nothing",
        Idle::Sleep => "sleep: up to 100 us between polls that give nothing",
    };
    let _ = writeln!(out, "idle\n  {idle}");
    let notes: Vec<&String> = layout.damage.iter().chain(&layout.notes).collect();
    if !notes.is_empty() {
        let _ = writeln!(out, "notes");
    }
    for note in notes {
        let _ = writeln!(out, "  {note}");
    }
    out
}

fn place(lcore: &LcoreFacts) -> String {
    let cpu = lcore.cpu.map_or_else(|| "not bound".to_owned(), |cpu| format!("cpu {cpu}"));
    format!("lcore {} ({cpu}, socket {})", lcore.id, lcore.socket)
}

fn port(plan: &RunPlan, setup: &PortSetup) -> String {
    let (facts, port) = (&setup.facts, &setup.plan);
    let socket = if facts.socket < 0 { "any socket".to_owned() } else { format!("socket {}", facts.socket) };
    let asked = plan.rxq.map_or_else(|| "auto".to_owned(), |queues| queues.to_string());
    let rss = match &port.rss {
        Some(rss) => format!("symmetric RSS, key of {} bytes, table of {}", rss.key.len(), rss.table_entries),
        None => "no RSS".to_owned(),
    };
    format!(
        "port {} ({} {}, {socket}): queues {} (asked {asked}, device has {}), {} descriptors each, {rss}",
        facts.id, facts.driver, facts.name, port.queues, facts.max_rx_queues, port.descriptors
    )
}

fn memory(out: &mut String, plan: &RunPlan, layout: &Layout) {
    let _ = writeln!(out, "memory");
    for pool in &layout.pools {
        let socket = if pool.socket < 0 { "any socket".to_owned() } else { format!("socket {}", pool.socket) };
        let _ =
            writeln!(out, "  pool on {socket}: {} mbufs, about {} MiB of DPDK's memory", pool.mbufs, pool.mebibytes);
    }
    for Item { what, bytes, option } in &layout.memory.items {
        let option = if option.is_empty() { String::new() } else { format!("  {option}") };
        let _ = writeln!(out, "  {what:<42} {:>7} MiB{option}", bytes.div_ceil(MIB));
    }
    let cap = plan.memory.map_or_else(String::new, |cap| format!("  --memory allows {} MiB", cap.div_ceil(MIB)));
    let _ = writeln!(out, "  {:<42} {:>7} MiB{cap}", "in all, at most", layout.memory.total().div_ceil(MIB));
}
