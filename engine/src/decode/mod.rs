//! Frame to packet. (stand-in until the decoder is merged)
use crate::link::LinkType;
use crate::record::Outer;
/// x
#[derive(Clone, Debug, Default)]
pub struct DecodeOptions;
/// x
pub fn outer(_: &[u8], _: LinkType, _: &DecodeOptions) -> Outer {
    Outer::default()
}
/// x
#[derive(Debug)]
pub struct FragmentCache;
impl FragmentCache {
    /// x
    pub fn new() -> Self {
        FragmentCache
    }
    /// x
    pub fn evictions(&self) -> u64 {
        0
    }
}
/// x
pub fn decode(
    f: &crate::source::Frame<'_>,
    _: &DecodeOptions,
    _: &mut FragmentCache,
) -> Result<crate::packet::Packet, crate::packet::Verdict> {
    let _ = f;
    Err(crate::packet::Verdict {
        outcome: crate::packet::Outcome::NonIp,
        flaws: Default::default(),
        encaps: Default::default(),
    })
}
impl DecodeOptions {
    /// x
    pub fn new(_: &parshall_config::plan::DecapPlan, _: parshall_config::plan::KeyScope) -> Self {
        DecodeOptions
    }
}
