//! What the package brings: its configuration is good, and systemd finds no fault in its unit.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::{at, finish, folder, run, text};

fn packaging(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/packaging").join(name)
}

#[test]
fn the_configuration_of_the_package_is_good() {
    let said = run(&["check-config", "--config", text(&packaging("parshall.toml"))]).ended_with(0);
    assert!(said.out.contains("good"), "{said:?}");
}

#[test]
fn systemd_finds_no_fault_in_the_unit_and_little_exposure() {
    let folder = folder();
    let unit = std::fs::read_to_string(packaging("systemd/parshall.service")).expect("the unit");
    assert!(unit.contains("Type=notify") && unit.contains("WatchdogSec="));
    // The program and its manual are not installed here.
    let here = unit.replace("/usr/bin/parshall", "/bin/true").replace("Documentation=man:parshall(1)\n", "");
    let path = at(&folder, "parshall.service");
    std::fs::write(&path, here).expect("a unit");
    let analyze = |words: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        command.args(words).arg(&path);
        command
    };
    if !analyze(&["--version"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: systemd-analyze is missing");
        return;
    }
    let said = finish(analyze(&["verify"])).ended_with(0);
    let about_it: Vec<&str> = said.err.lines().filter(|line| line.contains("parshall.service")).collect();
    assert!(about_it.is_empty(), "{about_it:?}");
    // Exposure of 3.0 at the most, in tenths.
    finish(analyze(&["security", "--offline=true", "--no-pager", "--threshold=30"])).ended_with(0);
}
