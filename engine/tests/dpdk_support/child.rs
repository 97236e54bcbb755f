//! One process per test: EAL starts once in a process.

use std::process::{Command, Stdio};

/// Names the test whose body this process is to run.
const CASE: &str = "PARSHALL_DPDK_CASE";

/// Runs `body` in a process of its own; `test` is the calling test's full name.
pub(crate) fn in_child(test: &str, body: impl FnOnce()) {
    if std::env::var(CASE).is_ok_and(|case| case == test) {
        return body();
    }
    let exe = std::env::current_exe().expect("a test has a file");
    let mut child = Command::new(exe);
    child.args([test, "--exact", "--nocapture"]).env(CASE, test).env("RUST_BACKTRACE", "0");
    let child = child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a child");
    let id = child.id();
    let output = child.wait_with_output().expect("the child's output");
    forget(id);
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (said(&output.stdout), said(&output.stderr));
    assert!(out.contains("1 passed"), "{test} ran no test\n{out}\n{err}");
    out.lines().filter(|line| line.starts_with("skipped")).for_each(|line| println!("{test}: {line}"));
    assert!(output.status.success(), "{test}: {}\n{out}\n{err}", output.status);
}

fn prefix(process: u32) -> String {
    format!("parshall-test-{process}")
}

/// Removes the runtime directory that EAL leaves behind, wherever it put it.
fn forget(process: u32) {
    let own = std::env::var("XDG_RUNTIME_DIR").unwrap_or_else(|_| "/tmp".to_owned());
    for root in ["/var/run", "/tmp", &own] {
        let _ = std::fs::remove_dir_all(format!("{root}/dpdk/{}", prefix(process)));
    }
}

/// EAL arguments that work as any user, with a prefix of this process's own, and `more`.
pub(crate) fn eal_args(more: &[&str]) -> Vec<String> {
    let prefix = format!("--file-prefix={}", prefix(std::process::id()));
    let plain = ["--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m", "256", &prefix];
    plain.iter().chain(more).map(|arg| (*arg).to_owned()).collect()
}
