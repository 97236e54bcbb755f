//! The host's clock is set while a probe runs: forward by an hour, then back again. A library before the C library's answers for
//! the clock of this one process, so that nobody else's time changes.

#![cfg(feature = "dpdk")]

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use support::endless::{command, frames_beyond};
use support::{Running, at, finish, folder, get, has, metric, packets, records, text};

/// clock_gettime() with the realtime clock moved by as many seconds as the file $CLOCK_STEP holds in its first eight bytes.
const STEP: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
static volatile long *step;
static int (*real)(clockid_t, struct timespec *);
__attribute__((constructor)) static void find(void)
{
	real = dlsym(RTLD_NEXT, "clock_gettime");
	int file = open(getenv("CLOCK_STEP"), O_RDONLY);
	step = mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
}
int clock_gettime(clockid_t clock, struct timespec *time)
{
	if (real == NULL)
		find();
	int done = real(clock, time);
	if (clock == CLOCK_REALTIME)
		time->tv_sec += *step;
	return done;
}
"#;

const HOUR: i64 = 3_600;

/// Sets the clock of whoever runs with the library.
fn set(file: &Path, seconds: i64) {
    let mut open = std::fs::OpenOptions::new().write(true).open(file).expect("the file");
    open.write_all(&seconds.to_ne_bytes()).expect("eight bytes");
}

/// The library, and the file that it looks at.
fn library(folder: &tempfile::TempDir) -> (PathBuf, PathBuf) {
    let (source, library, file) = (at(folder, "step.c"), at(folder, "step.so"), at(folder, "step"));
    std::fs::write(&source, STEP).expect("a file");
    std::fs::write(&file, 0_i64.to_ne_bytes()).expect("a file");
    let mut compile = Command::new("cc");
    compile.args(["-shared", "-fPIC", "-O1", "-o", text(&library), text(&source), "-ldl"]);
    finish(compile).ended_with(0);
    (library, file)
}

/// Unix seconds at which the last whole record so far ended.
fn latest(out: &Path) -> i64 {
    let text = std::fs::read_to_string(out).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let ends = support::lines(whole).into_iter().filter_map(|record| record["end_ns"].as_i64());
    ends.max().unwrap_or(0) / 1_000_000_000
}

/// Waits until a record ends at or behind a time.
#[track_caller]
fn wait_for_record(out: &Path, second: i64) {
    let since = Instant::now();
    while latest(out) < second {
        assert!(since.elapsed() < Duration::from_secs(60), "the last record ended at {}, not {second}", latest(out));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_clock_that_is_set_forward_is_followed_and_one_that_is_set_back_never_turns_time() {
    if !has("cc") {
        eprintln!("skipped: needs cc");
        return;
    }
    let folder = folder();
    let (library, file) = library(&folder);
    let out = at(&folder, "out.jsonl");
    let sink = format!("jsonl:{}", text(&out));
    let mut probe = command(&folder, &["--active-timeout", "1s", "--sink", &sink]);
    let mut child = Running::start(probe.env("LD_PRELOAD", &library).env("CLOCK_STEP", &file));
    let address = child.address();
    wait_for_record(&out, 1);
    let begun = latest(&out);
    set(&file, HOUR);
    wait_for_record(&out, begun + HOUR);
    assert!(get(&address, "/readyz").contains("\"ready\": true"));
    let frames = frames_beyond(&address, 0);
    frames_beyond(&address, frames + 1_000);
    // Back again: packets are an hour ahead of the host's clock from here on, and go on from there.
    let turned = latest(&out);
    set(&file, 0);
    wait_for_record(&out, turned + 3);
    assert!(get(&address, "/readyz").contains("\"ready\": true"));
    let frames = frames_beyond(&address, 0);
    frames_beyond(&address, frames + 1_000);
    assert_eq!(
        metric(&get(&address, "/metrics"), "parshall_time_backwards_packets_total").0,
        0.0,
        "no packet is older than one before"
    );
    child.signal("TERM");
    let said = child.end().ended_with(0);
    assert!(!said.err.contains("stuck"), "{}", said.err);
    let all = records(&out);
    assert!(packets(&all) > 0 && all.iter().all(|record| record["end_ns"].as_i64() >= record["start_ns"].as_i64()));
}
