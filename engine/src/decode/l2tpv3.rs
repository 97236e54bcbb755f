//! L2TPv3 data messages, taken off only when asked for.
//!
//! **Owns** a guess: neither the cookie's length nor the pseudowire's type is in the packet (RFC 3931 section 4.1).
//! **May touch** the walk. **Order** called by `ip` and by `tunnel_udp`.

use super::ethernet::is_likely;
use super::walk::{Layer, Sink, Step, Walk};
use crate::packet::{Encap, Flaw};

/// Lengths of cookie and default L2-specific sublayer together (RFC 3931 sections 4.1 and 4.6).
const BETWEEN: [usize; 4] = [0, 4, 8, 12];

/// Over IP (section 4.1.1): a session id that is not 0; 0 is a control message.
pub(super) fn over_ip<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    if walk.options.takes(Encap::L2tpv3) { session(walk, 0) } else { Step::Stop }
}

/// Over UDP (section 4.1.2): flags without the T bit, version 3, two bytes reserved, then as over IP.
pub(super) fn over_udp<S: Sink>(walk: &mut Walk<'_, S>) -> Step {
    match walk.be16(0) {
        Some(flags) if flags & 0x800f == 3 => session(walk, 4),
        Some(_) => Step::Stop,
        None => Step::Cut(Flaw::TunnelHeader),
    }
}

fn session<S: Sink>(walk: &mut Walk<'_, S>, offset: usize) -> Step {
    let Some(session) = walk.ahead::<4>(offset) else { return Step::Cut(Flaw::TunnelHeader) };
    let session = u32::from_be_bytes(*session);
    if session == 0 {
        return Step::Stop;
    }
    let payload = BETWEEN.iter().map(|between| offset + 4 + between).find_map(|at| Some((at, layer_at(walk, at)?)));
    match payload {
        Some((length, next)) => walk.unwrap_to(Encap::L2tpv3, Some(session), length, next),
        None => Step::Stop,
    }
}

/// The layer that seems to begin at an offset: an Ethernet header with a type that makes sense, or an IP header whose
/// length is that of the rest by the word of the header around it.
fn layer_at<S: Sink>(walk: &Walk<'_, S>, at: usize) -> Option<Layer> {
    if walk.be16(at + 12).is_some_and(is_likely) {
        return Some(Layer::Ethernet);
    }
    let around = walk.keyed.as_ref().filter(|keyed| !keyed.open_ended)?;
    let room = (around.at + around.ip_bytes as usize).checked_sub(walk.at + at)?;
    match walk.byte(at)? >> 4 {
        4 if usize::from(walk.be16(at + 2)?) == room => Some(Layer::Ipv4),
        6 if usize::from(walk.be16(at + 4)?) + 40 == room => Some(Layer::Ipv6),
        _ => None,
    }
}
