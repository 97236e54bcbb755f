//! The capture files behind net_pcap vdevs, looked at before the EAL starts.
//!
//! **Owns** what is known of them. **May touch** the files that the EAL's arguments name, read only. **Order** called by
//! `live` first of all: the driver cannot tell how many packets a file has, nor where it ends.

use super::LiveError;
use crate::dpdk::DpdkError;
use crate::dpdk::plan::PcapFiles;
use crate::dpdk::vdev::{self, FileFacts, PcapVdev};
use crate::link::LinkType;
use crate::source::capture::facts::facts;
use parshall_config::plan::RunPlan;
use std::collections::HashMap;

/// The devices behind the EAL arguments, as far as they are capture files.
pub(super) struct Files {
    pub(super) by_name: HashMap<String, PcapFiles>,
    pub(super) largest_step_back: u64,
    /// Which of them end too early, and why.
    pub(super) damage: Vec<String>,
}

/// Counts the packets of the files that net_pcap vdevs read, which the driver cannot tell.
pub(super) fn look_at_files(plan: &RunPlan) -> Result<Files, LiveError> {
    let mut files = Files { by_name: HashMap::new(), largest_step_back: 0, damage: Vec::new() };
    for device in vdev::parse(&plan.eal).iter().filter_map(vdev::Vdev::pcap) {
        device.check_inputs()?;
        let Some(paths) = device.files() else { continue };
        let mut found = Vec::new();
        for path in paths {
            let about = facts(path)?;
            if about.mixed_links {
                return Err(mixed(&device, path).into());
            }
            files.largest_step_back = files.largest_step_back.max(about.largest_step_back);
            if let Some(why) = &about.stopped {
                let (path, packets) = (path.display(), about.packets);
                files.damage.push(format!("{path} is damaged: net_pcap ends after packet {packets}: {why}"));
            }
            let link = about.link.unwrap_or(LinkType::ETHERNET);
            found.push(FileFacts { packets: about.packets, longest_captured: about.longest_captured, link });
        }
        files.by_name.insert(device.name.clone(), PcapFiles { infinite: device.infinite, files: found });
    }
    Ok(files)
}

fn mixed(device: &PcapVdev, path: &std::path::Path) -> DpdkError {
    let asked = format!("--vdev {}: rx_pcap={}", device.name, path.display());
    DpdkError::usage(
        asked,
        "it has interfaces of several link types, which libpcap refuses",
        "use `parshall read` for this file",
    )
}
