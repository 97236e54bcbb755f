//! Inputs that parshall sets up by itself: interfaces of the host, listening for TZSP.
//!
//! **Owns** the checks on them. **May touch** nothing. **Order** called by `check::live`.

use crate::eal::{Device, Time};
use crate::plan::{DecapPlan, Idle, InterfaceDriver};
use crate::problem::{Problem, Problems};
use crate::settings::Settings;
use std::net::SocketAddr;

/// Listeners at the most: each is a thread, and a row of the books.
const MAX_LISTENERS: usize = 32;

/// The options that name ports of tunnels which are read before TZSP.
const OTHER_PORTS: [&str; 4] = ["vxlan-ports", "vxlan-gpe-ports", "geneve-ports", "gtpu-ports"];

/// Where TZSP is received.
pub(super) fn tzsp(settings: &Settings, problems: &mut Problems) -> Vec<SocketAddr> {
    let addresses = settings.addresses("tzsp-listen");
    let asked = || format!("asked for: {}", settings.get("tzsp-listen").show());
    if addresses.len() > MAX_LISTENERS {
        problems.add(Problem {
            what: format!("--tzsp-listen names {} addresses", addresses.len()),
            asked: asked(),
            possible: format!("{MAX_LISTENERS} at the most"),
            remedy: "let several routers send to one address; each is told apart by its own".to_owned(),
        });
    }
    for address in &addresses {
        if address.port() == 0 {
            problems.add(Problem {
                what: format!("--tzsp-listen {address} names no port"),
                asked: asked(),
                possible: "a port that the routers send to, 1 to 65535".to_owned(),
                remedy: format!("write {}", SocketAddr::new(address.ip(), 37_008)),
            });
        }
        if let Some(other) = OTHER_PORTS.iter().find(|name| settings.numbers(name).contains(&address.port())) {
            problems.add(Problem {
                what: format!("UDP port {} is both in --tzsp-listen and in --{other}", address.port()),
                asked: asked(),
                possible: "a port that no other encapsulation has".to_owned(),
                remedy: format!("listen on another port, or remove {} from --{other}", address.port()),
            });
        }
    }
    addresses
}

/// The same as devices that never end and have the time of arrival.
pub(super) fn devices(interfaces: &[String], tzsp: &[SocketAddr]) -> Vec<Device> {
    let device = |text: String| Device { text, time: Time::Arrival, endless: true };
    let interfaces = interfaces.iter().map(|name| device(format!("--interface {name}")));
    interfaces.chain(tzsp.iter().map(|address| device(format!("--tzsp-listen {address}")))).collect()
}

/// How interfaces are opened.
pub(super) fn driver(settings: &Settings) -> InterfaceDriver {
    match settings.text("interface-driver") {
        "af_packet" => InterfaceDriver::AfPacket,
        "af_xdp" => InterfaceDriver::AfXdp,
        _ => InterfaceDriver::Auto,
    }
}

/// What is done after polls that give nothing. A host's own interface is seldom a reason to keep a processor busy, and its ring
/// holds what comes during a sleep.
pub(super) fn idle(settings: &Settings, interfaces: &[String]) -> Idle {
    match settings.text("idle") {
        "busy" if !interfaces.is_empty() && !settings.get("idle").is_said() => Idle::Sleep,
        "pause" => Idle::Pause,
        "sleep" => Idle::Sleep,
        _ => Idle::Busy,
    }
}

/// What comes in at a listener is TZSP, whatever its port.
pub(super) fn take_off(decap: &mut DecapPlan, tzsp: &[SocketAddr]) {
    for address in tzsp {
        if !decap.tzsp_ports.contains(&address.port()) {
            decap.tzsp_ports.push(address.port());
        }
    }
}
