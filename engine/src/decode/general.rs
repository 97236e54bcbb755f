//! The general path: the walk to the innermost IP header, and the packet or the verdict at its end.
//!
//! **Owns** the sink of that walk. **May touch** the frame and the fragment cache.
//! **Order** called for every frame that the fast path and the lean walk leave.
//!
//! With `SHORT` the fast path is tried again at each IP header on the way: what a tunnel holds is mostly as plain as what
//! comes without one. The answer is the same either way.

use super::fragment::FragmentCache;
use super::ip::Keyed;
use super::options::DecodeOptions;
use super::walk::{Sink, Walk};
use super::{fast, link, transport};
use crate::packet::{Encaps, Flaws, Outcome, Packet, Verdict};
use crate::source::Frame;

/// Writes the packet of a frame to `out`, or says why it belongs to no flow: as [`super::decode_into`].
#[inline(never)]
pub(super) fn fill<const SHORT: bool>(
    frame: &Frame<'_>,
    options: &DecodeOptions,
    fragments: &mut FragmentCache,
    out: &mut Packet,
) -> Result<(), Verdict> {
    let refuse = |outcome, flaws, encaps| Err(Verdict { outcome, flaws, encaps });
    let Some(first) = link::first(frame.link) else {
        return refuse(Outcome::UnsupportedLink, Flaws::NONE, Encaps::NONE);
    };
    let wire = transport::wire_bytes(frame, frame.bytes.len()) as usize;
    let mut walk = Walk::new(frame.bytes, wire, options, Packets::<SHORT> { frame, fragments, out, is_plain: false });
    let usable = walk.run(first);
    if walk.sink.is_plain {
        return Ok(());
    }
    // By reference: what was written a moment ago in small pieces is slow to copy in large ones.
    let Walk { bytes, flaws, found, keyed, sink, .. } = &mut walk;
    match keyed {
        Some(keyed) if usable => transport::packet(frame, bytes, keyed, *flaws, sink.fragments, sink.out),
        Some(outer) => {
            transport::remember_tunnel(outer, frame, sink.fragments);
            refuse(Outcome::Malformed, *flaws, found.encaps)
        }
        None if flaws.is_empty() => refuse(Outcome::NonIp, *flaws, found.encaps),
        None => refuse(Outcome::Malformed, *flaws, found.encaps),
    }
}

/// Remembers the first fragments of what is taken for a tunnel, and takes the packet where it is a plain one.
struct Packets<'f, 'b, 'c, 'o, const SHORT: bool> {
    frame: &'f Frame<'b>,
    fragments: &'c mut FragmentCache,
    out: &'o mut Packet,
    /// `out` is the packet.
    is_plain: bool,
}

impl<const SHORT: bool> Sink for Packets<'_, '_, '_, '_, SHORT> {
    fn ip(&mut self, outer: Option<&Keyed>) {
        if let Some(outer) = outer {
            transport::remember_tunnel(outer, self.frame, self.fragments);
        }
    }

    #[inline(always)]
    fn shortcut(walk: &mut Walk<'_, Self>, version: u8) -> bool {
        let here = walk.here();
        let Packets { frame, fragments, out, is_plain } = &mut walk.sink;
        if !SHORT || !fast::inner(version, frame, &here, fragments.secret(), out) {
            return false;
        }
        if let Some(outer) = &walk.keyed {
            transport::remember_tunnel(outer, frame, fragments);
        }
        *is_plain = true;
        true
    }
}
