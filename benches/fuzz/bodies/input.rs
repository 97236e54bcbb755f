//! How fuzzed bytes become a frame with options: six bytes of choice, then the frame.

use parshall_config::plan::{DECAP_DEFAULT, DECAP_OPTIONAL, DecapPlan, KeyScope};
use parshall_engine::decode::DecodeOptions;
use parshall_engine::link::LinkType;

/// What the first bytes chose.
pub struct Input<'a> {
    pub link: LinkType,
    pub options: DecodeOptions,
    /// Bytes that the wire had beyond the captured ones.
    pub beyond: u32,
    pub bytes: &'a [u8],
}

/// `None` when there are too few bytes to choose from.
pub fn of(data: &[u8]) -> Option<Input<'_>> {
    let ([link, depth, set_high, set_mid, set_low, beyond], bytes) = data.split_first_chunk::<6>()?;
    let links: Vec<LinkType> = (0..400).map(LinkType).filter(|link| link.name().is_some()).collect();
    let off = u32::from_be_bytes([0, *set_high, *set_mid, *set_low]);
    let names = DECAP_DEFAULT.iter().chain(DECAP_OPTIONAL).enumerate();
    let enabled = names.filter(|(bit, _)| off >> bit & 1 == 0).map(|(_, name)| (*name).to_owned()).collect();
    let key = KeyScope { vlan: depth & 0x80 != 0, tunnel: depth & 0x40 != 0 };
    let plan = DecapPlan { enabled, depth: depth & 0x0f, ..DecapPlan::default() };
    let beyond = u32::from(*beyond) * u32::from(*beyond) * u32::from(*beyond);
    let link = links.get(usize::from(*link) % links.len()).copied()?;
    Some(Input { link, options: DecodeOptions::new(&plan, key), beyond, bytes })
}
