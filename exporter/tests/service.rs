//! The service manager's protocol, heard with a socket of the test's own; and a worker that is really stuck.

#![cfg(feature = "dpdk")]

mod support;

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use support::{Running, at, closed_scrape, endless, folder, get, records, text, until};

/// The manager's end. A thread takes what is said at once: few words find room in the socket, and the next one would wait.
struct Manager(Receiver<String>);

impl Manager {
    fn new(folder: &tempfile::TempDir) -> Manager {
        let socket = UnixDatagram::bind(at(folder, "notify")).expect("a socket");
        let (tell, said) = channel();
        std::thread::spawn(move || {
            let mut text = [0; 4096];
            while let Ok(length) = socket.recv(&mut text) {
                if tell.send(String::from_utf8_lossy(&text[..length]).into_owned()).is_err() {
                    return;
                }
            }
        });
        Manager(said)
    }

    /// Lets a command know that it is a service.
    fn employ(command: &mut Command, folder: &tempfile::TempDir, watchdog: Duration) {
        command.env("NOTIFY_SOCKET", at(folder, "notify"));
        command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
    }

    /// The next thing that is said.
    fn hear(&self) -> String {
        self.0.recv_timeout(Duration::from_secs(60)).expect("the service speaks")
    }

    /// What is said until something contains `what`, that included.
    fn hear_until(&self, what: &str) -> Vec<String> {
        let mut all = vec![self.hear()];
        while !all[all.len() - 1].contains(what) {
            all.push(self.hear());
        }
        all
    }

    /// What was said and not heard yet, by a service that has ended.
    fn rest(self) -> Vec<String> {
        std::iter::from_fn(|| self.0.recv_timeout(Duration::from_millis(500)).ok()).collect()
    }
}

#[test]
fn the_manager_hears_that_all_is_ready_the_watchdog_reloads_and_the_end() {
    let folder = folder();
    let manager = Manager::new(&folder);
    let out = at(&folder, "out.jsonl");
    let mut command = endless::command(&folder, &["--sink", &format!("jsonl:{}", text(&out))]);
    Manager::employ(&mut command, &folder, Duration::from_secs(2));
    let mut child = Running::start(&mut command);
    let before = manager.hear_until("READY=1");
    assert!(before.iter().all(|said| !said.contains("STOPPING") && !said.contains("RELOADING")), "{before:?}");
    let address = child.address();
    assert!(closed_scrape(&get(&address, "/metrics")) > 0, "ready means that workers have answered");
    for _ in 0..3 {
        manager.hear_until("WATCHDOG=1");
    }
    child.signal("HUP");
    let reload = manager.hear_until("RELOADING=1");
    assert!(reload[reload.len() - 1].contains("MONOTONIC_USEC="), "{reload:?}");
    manager.hear_until("READY=1");
    child.signal("TERM");
    manager.hear_until("STOPPING=1");
    child.end().ended_with(0);
    assert!(!records(&out).is_empty());
}

/// Holds one thread of a process still, as a debugger does, until it is dropped.
struct Debugger(Child);

/// PTRACE_SEIZE, PTRACE_INTERRUPT; says "held" when the thread has stopped. A process is gone only when its tracer has seen
/// each thread's end, so it waits for that; and not for ever.
const HOLD: &str = "
import ctypes, os, signal, sys
signal.alarm(60)
tid = int(sys.argv[1])
ptrace = ctypes.CDLL(None, use_errno=True).ptrace
ptrace.argtypes = [ctypes.c_long] * 4
if ptrace(0x4206, tid, 0, 0) or ptrace(0x4207, tid, 0, 0):
    print('refused', flush=True)
    sys.exit()
os.waitpid(tid, 0x40000000)
print('held', flush=True)
try:
    while not os.WIFSIGNALED(os.waitpid(tid, 0x40000000)[1]):
        pass
except ChildProcessError:
    pass
";

impl Debugger {
    fn hold(thread: u32) -> Option<Debugger> {
        let mut command = Command::new("python3");
        command.args(["-c", HOLD, &thread.to_string()]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().ok()?;
        let mut said = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut said).ok()?;
        let debugger = Debugger(child);
        (said.trim() == "held").then_some(debugger)
    }
}

impl Drop for Debugger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_stuck_worker_is_named_starves_the_watchdog_and_ends_the_service() {
    let folder = folder();
    let manager = Manager::new(&folder);
    let out = at(&folder, "out.jsonl");
    let sink = format!("jsonl:{}", text(&out));
    let mut command =
        endless::command(&folder, &["--worker-timeout", "400ms", "--active-timeout", "1s", "--sink", &sink]);
    Manager::employ(&mut command, &folder, Duration::from_secs(20));
    let mut child = Running::start(&mut command);
    manager.hear_until("READY=1");
    // Some records are on their way when it happens.
    until("a record", || std::fs::metadata(&out).ok().filter(|about| about.len() > 0));
    let worker = endless::thread(&mut child, "rte-worker").expect("a worker");
    let Some(_debugger) = Debugger::hold(worker) else {
        eprintln!("skipped: needs python3 and leave to trace a process");
        return;
    };
    let said = child.end().ended_with(1);
    let named = "parshall: worker 0 on lcore 1 is stuck: no answer for ";
    assert!(said.err.lines().any(|line| line.starts_with(named) && line.contains("live flows with")), "{}", said.err);
    assert!(!records(&out).is_empty(), "the sinks were closed: every line is whole");
    let rest = manager.rest();
    let about = rest.iter().position(|said| said.contains("STATUS=worker 0 on lcore 1 is stuck"));
    let about = about.unwrap_or_else(|| panic!("{rest:?}"));
    assert!(rest[about..].iter().all(|said| !said.contains("WATCHDOG=1")), "{rest:?}");
}
