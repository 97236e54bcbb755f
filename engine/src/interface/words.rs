//! The words for the EAL.
//!
//! **Owns** which are needed, and which the user has typed already. **May touch** nothing. **Order** called by `interface`.

use super::{Chosen, Host, place, ring};
use parshall_config::plan::RunPlan;

/// Memory for the EAL where there are no hugepages, beside the mbufs of long frames; mapped, and touched as it is used.
/// Unit: MiB.
const PLAIN_MEMORY: u32 = 512;

/// Hugepages that are needed to use them. Unit: bytes.
const LEAST_HUGE: u64 = 256 << 20;

/// What the user typed and what it lacks.
pub(super) fn line(plan: &RunPlan, host: &Host, chosen: &[Chosen<'_>], mbuf: u32) -> Vec<String> {
    let typed = &plan.eal;
    let has = |names: &[&str]| {
        let is = |word: &String, name: &str| {
            word == name || word.strip_prefix(name).is_some_and(|rest| rest.starts_with('=') || !name.starts_with("--"))
        };
        typed.iter().any(|word| names.iter().any(|name| is(word, name)))
    };
    let mut words = typed.clone();
    let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    if !has(&["-l", "-c", "--lcores"]) {
        add(&["--lcores", &lcores(plan, &host.processors)]);
    }
    if !has(&["-a", "--allow", "-b", "--block", "--no-pci"]) {
        add(&["--no-pci"]);
    }
    if !has(&["-m", "--no-huge", "--in-memory", "--socket-mem", "--huge-dir", "--legacy-mem"]) {
        if host.huge_free >= LEAST_HUGE {
            add(&["--in-memory"]);
        } else {
            let mebibytes = PLAIN_MEMORY + mbuf.saturating_sub(2_176) * 8_192 / (1 << 20) * chosen.len() as u32;
            add(&["--no-huge", "--no-shconf", "-m", &mebibytes.to_string()]);
        }
    }
    if !has(&["--no-telemetry"]) {
        add(&["--no-telemetry"]);
    }
    if !has(&["--file-prefix"]) {
        add(&[&format!("--file-prefix=parshall{}", host.process)]);
    }
    let copied = chosen.iter().filter(|one| !one.xdp).count();
    for one in chosen {
        add(&["--vdev", &device(plan, one, copied)]);
    }
    words
}

fn device(plan: &RunPlan, one: &Chosen<'_>, copied: usize) -> String {
    let name = &one.facts.name;
    if one.xdp {
        return format!("net_af_xdp_{name},iface={name},queue_count={}", one.facts.queues.max(1));
    }
    let place = place(one.facts);
    let (frames, block) = (ring(copied, place), place.max(65_536));
    let mut text = format!("net_af_packet_{name},iface={name},framesz={place},blocksz={block},framecnt={frames}");
    if plan.nb_cores.get() > 1 {
        text.push_str(&format!(",qpairs={}", plan.nb_cores));
    }
    text
}

/// The main lcore on all processors; those that work on one each, from the second processor on, over and over.
fn lcores(plan: &RunPlan, processors: &[u32]) -> String {
    let (pollers, workers) = (u32::from(plan.nb_cores.get()), u32::from(plan.common.engine.workers.get()));
    let working = if workers > pollers { pollers + workers } else { pollers };
    let all: Vec<String> = processors.iter().map(ToString::to_string).collect();
    let mut text = format!("0@({})", all.join(","));
    for lcore in 1..=working {
        let at = lcore as usize % all.len().max(1);
        text.push_str(&format!(",{lcore}@{}", all.get(at).map_or("0", String::as_str)));
    }
    text
}
