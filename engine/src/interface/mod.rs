//! `--interface`: kernel interfaces as DPDK ports, without a word for the EAL.
//!
//! **Owns** the choice of driver, rings, memory and lcores, and the words for the EAL that say so. **May touch** what the
//! kernel shows of its interfaces, memory and processors. **Order** called by `live` before anything else; what comes out is the
//! plan of a user who had typed all of it. A word that the user typed stands, and its like is not added.
//!
//! net_af_packet gives a copy of every frame, received and sent, and takes none away from the host. net_af_xdp takes what an
//! interface receives away from the host, so it is chosen only for a mirror port, with which the host does nothing else:
//! a device of its own, without addresses, without anything stacked on it, on which the host sends next to nothing, with the
//! rights and the kernel for it. Where it does not work all the same, the exporter starts anew without it.

mod facts;
mod words;

pub use facts::{Host, InterfaceFacts};

use crate::dpdk::DpdkError;
use parshall_config::plan::{InterfaceDriver, RunPlan};

/// Frames in the rings of all af_packet ports together, at most and at least for each. A ring is there twice: the driver
/// maps one for sending, too.
const RING_FRAMES: (usize, usize, usize) = (32_768, 16_384, 2_048);

/// Longest frame for which net_af_xdp has room in a page beside its headroom. Unit: bytes of MTU.
const XDP_MTU: u32 = 3_498;

/// A frame's place in an af_packet ring, at most. Unit: bytes.
const LONGEST_PLACE: u32 = 16_384;

/// What a frame's place holds beside the MTU: link header, two VLAN tags, the ring's own header (`TPACKET2_HDRLEN` and alignment).
/// Unit: bytes.
const BESIDE_MTU: u32 = 14 + 8 + 96;

/// One interface and how it will be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Chosen<'h> {
    facts: &'h InterfaceFacts,
    xdp: bool,
}

/// The plan with its interfaces as words for the EAL; the plan itself where it has none. Notes say what was chosen.
///
/// # Errors
/// Every interface that cannot be had, each with its remedy.
pub fn resolve(plan: &RunPlan) -> Result<(RunPlan, Vec<String>), Vec<DpdkError>> {
    if plan.interfaces.is_empty() { Ok((plan.clone(), Vec::new())) } else { resolve_on(plan, &Host::read()) }
}

fn resolve_on(plan: &RunPlan, host: &Host) -> Result<(RunPlan, Vec<String>), Vec<DpdkError>> {
    let mut notes = Vec::new();
    let wanted = wanted(plan, host, &mut notes)?;
    let chosen: Vec<Chosen<'_>> =
        wanted.into_iter().map(|facts| Chosen { facts, xdp: takes_xdp(plan.interface_driver, facts, host) }).collect();
    let mut resolved = plan.clone();
    let places = chosen.iter().filter(|one| !one.xdp).map(|one| place(one.facts));
    let mbuf = places.max().map_or(0, |place| place + u32::from(crate::dpdk::HEADROOM));
    resolved.mbuf_size = plan.mbuf_size.max(u16::try_from(mbuf).unwrap_or(u16::MAX));
    resolved.eal = words::line(plan, host, &chosen, mbuf);
    notes.extend(chosen.iter().map(|one| said(one, host)));
    Ok((resolved, notes))
}

fn said(one: &Chosen<'_>, host: &Host) -> String {
    let name = &one.facts.name;
    if one.xdp {
        return format!(
            "interface {name}: net_af_xdp takes what it receives away from the host; --interface-driver af_packet copies"
        );
    }
    let promiscuous = if host.may_administrate { "" } else { ", without CAP_NET_ADMIN not in promiscuous mode" };
    format!("interface {name}: net_af_packet, frames received and sent{promiscuous}")
}

/// The interfaces asked for, `any` as all that are up and can be opened.
fn wanted<'h>(
    plan: &RunPlan,
    host: &'h Host,
    notes: &mut Vec<String>,
) -> Result<Vec<&'h InterfaceFacts>, Vec<DpdkError>> {
    let (mut found, mut wrong) = (Vec::<&InterfaceFacts>::new(), Vec::new());
    if !host.may_open {
        wrong.push(no_rights(&plan.interfaces));
    }
    for name in &plan.interfaces {
        if name == "any" {
            let (good, bad): (Vec<_>, Vec<_>) =
                host.interfaces.iter().filter(|one| one.up).partition(|one| one.ethernet());
            notes.extend(
                bad.iter().map(|one| format!("interface {}: not opened, its frames are not Ethernet", one.name)),
            );
            found.extend(good);
            continue;
        }
        match find(name, host) {
            Ok(facts) => found.push(facts),
            Err(error) => wrong.push(error),
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|facts| seen.insert(facts.name.clone()));
    if found.is_empty() && wrong.is_empty() {
        wrong.push(DpdkError::runtime("--interface any", "no interface is up", "bring one up: ip link set NAME up"));
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}

fn no_rights(names: &[String]) -> DpdkError {
    DpdkError::runtime(
        format!("--interface {}", names.join(",")),
        "this process has not the right CAP_NET_RAW to open an interface",
        "run as root, or once: setcap cap_net_raw,cap_net_admin=ep $(command -v parshall)",
    )
}

fn find<'h>(name: &str, host: &'h Host) -> Result<&'h InterfaceFacts, DpdkError> {
    let asked = format!("--interface {name}");
    let Some(facts) = host.interfaces.iter().find(|one| one.name == name) else {
        let all: Vec<&str> = host.interfaces.iter().map(|one| one.name.as_str()).collect();
        let remedy = format!("give one of {}, or any", all.join(", "));
        return Err(DpdkError::usage(asked, "there is no such interface", remedy));
    };
    if !facts.up {
        return Err(DpdkError::runtime(asked, "it is down", format!("bring it up: ip link set {name} up")));
    }
    if !facts.ethernet() {
        let back = format!("its frames are not Ethernet (hardware type {})", facts.hardware);
        let remedy =
            "capture there with tcpdump -w - and pipe that into parshall read -, or give the interface below it";
        return Err(DpdkError::usage(asked, back, remedy));
    }
    Ok(facts)
}

fn takes_xdp(driver: InterfaceDriver, facts: &InterfaceFacts, host: &Host) -> bool {
    match driver {
        InterfaceDriver::AfPacket => false,
        InterfaceDriver::AfXdp => true,
        InterfaceDriver::Auto => facts.mirror_port && facts.mtu <= XDP_MTU && host.may_use_xdp,
    }
}

/// The place of a frame in the ring, by the MTU. Longer ones, which the kernel's receive offloads can make, are cut there.
fn place(facts: &InterfaceFacts) -> u32 {
    let need = (facts.mtu + BESIDE_MTU).next_power_of_two().max(2_048);
    // The loopback interface says 65,536, and nothing on it needs more than headers to be seen.
    if need > LONGEST_PLACE { 2_048 } else { need }
}

/// Frames of one port's ring where there are so many ports, with places of so many bytes.
fn ring(ports: usize, place: u32) -> usize {
    let (all, most, least) = RING_FRAMES;
    let share = (all / ports.max(1)).clamp(least, most);
    let share = if share.is_power_of_two() { share } else { share.next_power_of_two() / 2 };
    (share * 2_048 / place as usize).max(512)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
