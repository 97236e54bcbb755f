//! parshall as a user without rights: `read` and `run` over net_pcap work, and what cannot work says what to do.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use support::{Said, all_scenarios, at, eal, finish, folder, has, is_root, synthesize, text};

/// A folder that anybody may write to, with a capture and the binary in it; `None` where the test cannot be another user.
fn stage() -> Option<tempfile::TempDir> {
    if !is_root() || !has("setpriv") {
        eprintln!("skipped: needs root and setpriv to become nobody");
        return None;
    }
    let folder = folder();
    let open = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
    open(folder.path(), 0o777).expect("permissions");
    // The folder of the build may be closed to others.
    let binary = at(&folder, "parshall");
    std::fs::copy(env!("CARGO_BIN_EXE_parshall"), &binary).expect("a copy");
    open(&binary, 0o755).expect("permissions");
    let (_, files) = synthesize(folder.path(), "a.pcap", &all_scenarios(100, false));
    open(&files.pcap, 0o644).expect("permissions");
    Some(folder)
}

fn as_nobody(folder: &tempfile::TempDir, arguments: &[String]) -> Said {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    command.arg(at(folder, "parshall")).args(arguments).current_dir(folder.path());
    command.env("XDG_RUNTIME_DIR", folder.path()).env("HOME", folder.path());
    finish(command)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[test]
fn nobody_can_read_a_capture() {
    let Some(folder) = stage() else { return };
    let said = as_nobody(&folder, &words(&["read", "a.pcap", "--sink", "jsonl:out.jsonl"])).ended_with(0);
    assert!(support::records(&at(&folder, "out.jsonl")).len() > 50, "{}", said.err);
}

#[cfg(feature = "dpdk")]
#[test]
fn nobody_can_run_over_net_pcap_without_hugepages() {
    let Some(folder) = stage() else { return };
    let vdev = format!("net_pcap0,rx_pcap={}", text(&at(&folder, "a.pcap")));
    let mut arguments = eal(&["-l", "0-1", "--vdev", &vdev, "--"]);
    arguments.extend(words(&["--exit-at-eof", "--max-flows", "20000", "--listen", "off", "--sink", "jsonl:out.jsonl"]));
    let said = as_nobody(&folder, &arguments).ended_with(0);
    assert!(said.err.contains("frames accounted for"), "{}", said.err);
    assert!(support::records(&at(&folder, "out.jsonl")).len() > 50);
}

#[cfg(feature = "dpdk")]
#[test]
fn without_hugepages_and_without_no_huge_one_sentence_names_the_remedy() {
    let Some(folder) = stage() else { return };
    let pages = std::fs::read_to_string("/proc/sys/vm/nr_hugepages").unwrap_or_default();
    if pages.trim() != "0" {
        eprintln!("skipped: this machine has hugepages");
        return;
    }
    let vdev = format!("net_pcap0,rx_pcap={}", text(&at(&folder, "a.pcap")));
    let mut arguments = eal(&["-l", "0-1", "--vdev", &vdev, "--", "--listen", "off", "--exit-at-eof"]);
    arguments.retain(|word| word != "--no-huge");
    let said = as_nobody(&folder, &arguments).ended_with(1);
    let sentences = said.sentences();
    assert!(sentences.len() == 1 && sentences[0].contains("--no-huge"), "{}", said.err);
}
