//! The host's files, under a root that may be another than `/`.
//!
//! **Owns** the reading of them. **May touch** files, read only. **Order** asked by every part of `doctor`.

use std::path::{Path, PathBuf};

pub(super) struct Host {
    root: PathBuf,
}

impl Host {
    pub(super) fn new(root: &Path) -> Host {
        Host { root: root.to_owned() }
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// A file's text without blanks around it; empty where it cannot be read.
    pub(super) fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_default().trim().to_owned()
    }

    /// A file's number; `None` where there is none.
    pub(super) fn number(&self, path: &str) -> Option<u64> {
        self.text(path).parse().ok()
    }

    /// Names in a folder, sorted.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(path)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The last part of what a link points to.
    pub(super) fn link(&self, path: &str) -> Option<String> {
        let target = std::fs::read_link(self.path(path)).ok()?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }

    /// Whether this user may write there.
    pub(super) fn writable(&self, path: &str) -> bool {
        rustix::fs::access(self.path(path), rustix::fs::Access::WRITE_OK).is_ok()
    }

    /// Processors of a list such as `0-3,8`.
    pub(super) fn cpus(&self, path: &str) -> Vec<u32> {
        cpu_list(&self.text(path))
    }

    /// The NUMA node of a processor.
    pub(super) fn node_of(&self, cpu: u32) -> Option<u32> {
        let nodes = self.names("sys/devices/system/node");
        let numbers = nodes.iter().filter_map(|name| name.strip_prefix("node")?.parse().ok());
        numbers
            .into_iter()
            .find(|node| self.cpus(&format!("sys/devices/system/node/node{node}/cpulist")).contains(&cpu))
    }
}

/// Numbers of a list such as `0-3,8`; what is no number is left out.
pub(super) fn cpu_list(text: &str) -> Vec<u32> {
    let mut all = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(low), Ok(high)) = (low.parse::<u32>(), high.parse::<u32>()) {
            all.extend((low..=high).take(4_096));
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Processors as a list again: `0-3,8`.
pub(super) fn show_cpus(cpus: &[u32]) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for cpu in cpus {
        match parts.last_mut() {
            Some((_, high)) if *high + 1 == *cpu => *high = *cpu,
            _ => parts.push((*cpu, *cpu)),
        }
    }
    let show = |(low, high): &(u32, u32)| if low == high { low.to_string() } else { format!("{low}-{high}") };
    parts.iter().map(show).collect::<Vec<_>>().join(",")
}
