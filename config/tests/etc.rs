//! The files of `config/etc` are what the table says, and can be used as they are.
//!
//! **Owns** the tests of the reference page and the samples. **May touch** `config/etc`; with `BLESS=1` it writes what is
//! generated. **Order** generated files first.

mod ask;

use ask::ask;
use parshall_config::plan::Command;
use parshall_config::{Outcome, options, reference};
use std::path::{Path, PathBuf};

fn etc(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("etc").join(name)
}

#[test]
fn the_generated_files_are_up_to_date() {
    for (name, want) in [("REFERENCE.md", reference::page()), ("parshall.toml", reference::sample())] {
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(etc(name), &want).expect("written");
        }
        let there = std::fs::read_to_string(etc(name)).unwrap_or_default();
        assert!(
            there == want,
            "config/etc/{name} is not what the table says: BLESS=1 cargo test -p parshall-config --test etc"
        );
    }
}

#[test]
fn the_reference_page_names_every_option_and_says_which_are_not_built() {
    let page = reference::page();
    for option in options::all() {
        assert!(page.contains(&format!("`--{}`", option.name)), "{}", option.name);
    }
    assert_eq!(page.matches("**Not built yet").count(), options::all().filter(|option| !option.built).count());
}

/// The plan of a line with this file.
fn with(line: &str, file: &Path) -> Command {
    match ask(line, &[("PARSHALL_CONFIG", file.to_str().expect("a path of text"))]) {
        Ok(Outcome::Start(command)) => *command,
        other => panic!("{}: {other:?}", file.display()),
    }
}

#[test]
fn every_sample_is_accepted_by_check_config() {
    let mut seen = 0;
    for entry in std::fs::read_dir(etc("")).expect("config/etc") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            assert_eq!(with("check-config", &path), Command::CheckConfig);
            seen += 1;
        }
    }
    assert!(seen >= 3, "only {seen} samples");
}

#[test]
fn the_sample_with_every_comment_taken_off_asks_for_the_defaults_of_run() {
    let is_key = |line: &&str| line.split(' ').next().is_some_and(|key| options::find(key).is_some());
    let sample = reference::sample();
    let keys: Vec<_> = sample.lines().filter_map(|line| line.strip_prefix("# ")).filter(is_key).collect();
    assert_eq!(keys.len(), options::all().filter(|option| option.built && option.name != "config").count());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("all.toml");
    std::fs::write(&path, keys.join("\n")).expect("written");
    assert_eq!(with("run --", &path), with("run --", &etc("parshall.toml")));
}

#[test]
fn the_demo_runs_over_a_capture_and_ends_with_it() {
    let line = "run --no-huge --no-pci --no-shconf --no-telemetry --file-prefix=demo -m 512 --vdev=net_pcap0,rx_pcap=a.pcap --";
    let Command::Run(plan) = with(line, &etc("pcap-demo.toml")) else { panic!("not a run") };
    assert!(plan.exit_at_eof && plan.common.listen.is_some() && plan.common.sinks.len() == 1);
    assert!(matches!(with("read a.pcap", &etc("pcap-demo.toml")), Command::Read(_)));
}

#[test]
fn the_lab_has_two_ports_with_a_core_for_each_queue() {
    let line = "run -l 0-16 -n 4 -a 0000:3b:00.0 -a 0000:3b:00.1 --";
    let Command::Run(plan) = with(line, &etc("lab-2x100g.toml")) else { panic!("not a run") };
    assert_eq!(plan.ports, Some(vec![0, 1]));
    assert_eq!((plan.nb_cores.get(), plan.rxq.map(std::num::NonZeroU16::get)), (16, Some(16)));
}
