//! The doctor before hosts that are not there: trees of `sys`, `proc` and `dev` in a folder.

use super::*;
use parshall_config::Outcome;
use parshall_config::plan::Command;
use std::ffi::OsString;
use std::path::Path;

/// A host in a folder.
struct Fake(tempfile::TempDir);

impl Fake {
    fn new() -> Fake {
        let fake = Fake(tempfile::tempdir().expect("a folder"));
        fake.file("sys/devices/system/cpu/online", "0-7");
        fake.file("sys/devices/system/node/node0/cpulist", "0-3");
        fake.file("proc/self/status", "Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n");
        fake
    }

    fn file(&self, path: &str, text: &str) -> &Fake {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
        self
    }

    fn pages(&self, node: u32, size: &str, all: u64, free: u64) -> &Fake {
        let folder = format!("sys/devices/system/node/node{node}/hugepages/hugepages-{size}kB");
        self.file(&format!("{folder}/nr_hugepages"), &all.to_string());
        self.file(&format!("{folder}/free_hugepages"), &free.to_string())
    }

    fn nic(&self, address: &str, driver: &str, node: &str) -> &Fake {
        let folder = format!("sys/bus/pci/devices/{address}");
        for (file, text) in [("class", "0x020000"), ("vendor", "0x8086"), ("device", "0x1592"), ("numa_node", node)] {
            self.file(&format!("{folder}/{file}"), text);
        }
        let link = self.0.path().join(folder).join("driver");
        std::os::unix::fs::symlink(Path::new("/sys/bus/pci/drivers").join(driver), link).expect("a link");
        self
    }

    /// Hugepages, a hugetlbfs, vfio and an IOMMU.
    fn fitted(&self) -> &Fake {
        self.pages(0, "2048", 4096, 4096);
        self.file("proc/mounts", "none /dev/hugepages hugetlbfs rw 0 0\n").file("dev/hugepages/x", "");
        self.file("sys/kernel/iommu_groups/0/type", "").file("sys/module/vfio_pci/x", "")
    }

    fn findings(&self, words: &str) -> Vec<Finding> {
        let root = self.0.path().display();
        let argv = format!("parshall doctor {words} --host-root {root}");
        let argv: Vec<OsString> = argv.split_whitespace().map(OsString::from).collect();
        let Ok(Outcome::Start(command)) = parshall_config::load(argv, Vec::new()) else { panic!("{words}") };
        let Command::Doctor(plan) = *command else { panic!("{words}") };
        examine(&plan)
    }
}

/// Topics of what is not good.
fn ills(findings: &[Finding]) -> Vec<(&'static str, Level)> {
    let ill = findings.iter().filter(|finding| finding.level != Level::Good);
    ill.map(|finding| (finding.topic, finding.level)).collect()
}

fn find<'f>(findings: &'f [Finding], topic: &str, part: &str) -> &'f Finding {
    let found = findings.iter().find(|finding| finding.topic == topic && finding.text.contains(part));
    found.unwrap_or_else(|| panic!("{topic} {part}: {findings:#?}"))
}

#[test]
fn a_host_that_has_everything_is_ready() {
    let fake = Fake::new();
    fake.fitted().nic("0000:3b:00.0", "vfio-pci", "0");
    fake.file("sys/devices/system/cpu/isolated", "1-3");
    let findings = fake.findings("-l 0-3 -a 3b:00.0 -- --nb-cores 3 --max-flows 100k");
    assert_eq!(ills(&findings), [], "{findings:#?}");
    find(&findings, "hugepages", "node 0: 4096 pages of 2 MiB set aside, 4096 free");
    find(&findings, "nic", "0000:3b:00.0 [8086:1592] bound to vfio-pci, NUMA node 0");
    find(&findings, "isolation", "isolated processors 1-3");
}

#[test]
fn a_bare_host_is_told_what_to_do() {
    let findings = Fake::new().findings("");
    let bad: Vec<_> =
        ills(&findings).into_iter().filter(|(_, level)| *level == Level::Bad).map(|(topic, _)| topic).collect();
    assert_eq!(bad, ["hugepages", "hugetlbfs", "nic"], "{findings:#?}");
    assert!(findings.iter().filter(|finding| finding.level != Level::Good).all(|finding| finding.remedy.is_some()));
    // 3 lcores' caches, one port of one queue, 64 MiB of EAL: as the engine sizes them.
    let mbufs: u64 = 1024 + 128 + 3 * 512 * 3 / 2 + 1;
    let pages = (mbufs * (2176 + 192) + (64 << 20u64)).div_ceil(2 << 20);
    find(&findings, "hugepages", &format!("{pages} pages of 2 MiB"));
}

#[test]
fn a_run_over_a_file_needs_nothing_of_the_host() {
    let findings = Fake::new().findings("--no-huge --no-pci --vdev net_pcap0,rx_pcap=a.pcap -- --exit-at-eof");
    assert_eq!(ills(&findings), [], "{findings:#?}");
}

#[test]
fn a_nic_of_the_kernels_is_bad_when_it_was_asked_for_and_a_note_when_not() {
    let fake = Fake::new();
    fake.fitted().nic("0000:3b:00.0", "ice", "0").nic("0000:3b:00.1", "vfio-pci", "0");
    let asked = fake.findings("-a 0000:3b:00.0 -a 0000:99:00.0 --");
    let nic = find(&asked, "nic", "0000:3b:00.0");
    assert_eq!(
        (nic.level, nic.remedy.as_deref().map(|remedy| remedy.contains("scripts/bind-nic 0000:3b:00.0"))),
        (Level::Bad, Some(true))
    );
    assert_eq!(find(&asked, "nic", "0000:99:00.0 was asked for").level, Level::Bad);
    assert_eq!(find(&fake.findings(""), "nic", "0000:3b:00.0").level, Level::Note);
}

#[test]
fn workers_far_from_their_port_slow_governors_and_open_processors_are_noted() {
    let fake = Fake::new();
    fake.fitted().nic("0000:3b:00.0", "vfio-pci", "1");
    fake.file("sys/devices/system/node/node1/cpulist", "4-7").pages(1, "2048", 0, 0);
    fake.file("sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "powersave");
    let findings = fake.findings("-l 0,2,4 -a 3b:00.0 -- --max-flows 100k");
    assert_eq!(find(&findings, "numa", "processors 2 of -l").remedy.as_deref(), Some("choose workers among 4-7"));
    assert_eq!(find(&findings, "hugepages", "NUMA nodes without free hugepages: 1").level, Level::Note);
    find(&findings, "governor", "processors 2 are governed by powersave");
    let isolation = find(&findings, "isolation", "processors 2,4 of -l are not isolated");
    assert_eq!(isolation.remedy.as_deref(), Some("boot with isolcpus=2,4 nohz_full=2,4 rcu_nocbs=2,4"));
    assert_eq!(find(&fake.findings("-l 0-9 --"), "cores", "processors 8-9 of -l are not online").level, Level::Bad);
}

#[test]
fn an_iommu_that_is_off_and_a_user_without_rights_are_told() {
    let fake = Fake::new();
    fake.pages(0, "1048576", 8, 8).nic("0000:3b:00.0", "vfio-pci", "0");
    fake.file("proc/self/status", "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n");
    fake.file("proc/self/limits", "Max locked memory         8388608              8388608              bytes\n");
    let findings = fake.findings("--in-memory -a 3b:00.0 --vdev net_tap0 --");
    let bad: Vec<_> =
        ills(&findings).into_iter().filter(|(_, level)| *level == Level::Bad).map(|(topic, _)| topic).collect();
    assert_eq!(bad, ["iommu", "vfio", "permissions", "permissions", "permissions"], "{findings:#?}");
    find(&findings, "permissions", "net_tap0 needs CAP_NET_ADMIN");
    find(&findings, "permissions", "may not lock the memory");
}

#[test]
fn findings_are_json_by_option() {
    let findings = Fake::new().findings("--no-huge --no-pci --vdev net_null0 --");
    let value: serde_json::Value = serde_json::from_str(&json_text(&findings, true)).expect("JSON");
    assert_eq!(value["ready"], true);
    assert_eq!(value["findings"].as_array().map(Vec::len), Some(findings.len()));
    assert_eq!(value["findings"][0]["level"], "good");
}
