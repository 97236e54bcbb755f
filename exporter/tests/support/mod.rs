//! What the end-to-end tests share: captures with their truth, the binary as a child, its answers over HTTP.
//!
//! **Owns** a temporary folder and the child of each test. **May touch** the binary, the synthesizer, loopback.
//! **Order** a test makes a capture, lets `parshall` work on it, and compares what came out.

#![allow(dead_code, unreachable_pub)] // each test binary uses its own part of this

pub mod endless;
pub mod frames;
pub mod wire;

use parshall_benches::synth::artefacts::Artefacts;
use parshall_benches::synth::compose::{Capture, Choice, Order, compose};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// No test waits longer than this for anything; a machine that is this slow has another problem.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Asks until `seen` gives something; fails, naming what was waited for, where it never does.
#[track_caller]
pub fn until<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = seen() {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A folder that goes away with its test.
pub fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("parshall-e2e-").tempdir().expect("a temporary folder")
}

/// Sessions of every scenario in turn.
pub fn all_scenarios(sessions: u64, nanoseconds: bool) -> Order {
    Order { seed: 1, sessions, choice: Choice::All, nanoseconds, ..Order::default() }
}

/// Plays `order` and writes the capture and its truth into `folder`.
pub fn synthesize(folder: &Path, name: &str, order: &Order) -> (Capture, Artefacts) {
    let capture = compose(order).expect("the synthesizer");
    let files = Artefacts::beside(&folder.join(name));
    files.write(&capture, order).expect("the capture is written");
    (capture, files)
}

/// The binary with these arguments; nothing of the tester's environment configures it.
pub fn parshall<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parshall"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PARSHALL_") {
            command.env_remove(name);
        }
    }
    command.args(arguments);
    command
}

/// How a child ended and what it said.
#[derive(Debug)]
pub struct Said {
    /// Exit status; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// The product's own messages on standard error, without those of EAL.
    pub fn sentences(&self) -> Vec<&str> {
        self.err.lines().filter(|line| line.starts_with("parshall: ")).collect()
    }

    /// Panics with all that was said unless the child exited with `code`.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Said {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }
}

/// Runs a command to its end.
pub fn finish(mut command: Command) -> Said {
    let output = command.stdin(Stdio::null()).output().expect("the command starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Runs `parshall` to its end.
pub fn run<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Said {
    finish(parshall(arguments))
}

/// A path as text.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ASCII")
}

/// EAL options that need neither root, hugepages nor a NIC; the prefix is this process's and this call's own.
pub fn eal(more: &[&str]) -> Vec<String> {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let prefix = format!("--file-prefix=e2e{}x{}", std::process::id(), CALLS.fetch_add(1, Ordering::Relaxed));
    let fixed = ["run", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m", "256"];
    let mut all: Vec<String> = fixed.iter().map(|&word| word.to_owned()).collect();
    all.push(prefix);
    all.extend(more.iter().map(|&word| word.to_owned()));
    all
}

/// JSON Lines of a file.
pub fn records(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    lines(&text)
}

/// JSON Lines of a text.
pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Records as a sorted multiset of lines, without the keys that `skip` names.
pub fn multiset(records: &[Value], skip: &[&str]) -> Vec<String> {
    let strip = |record: &Value| {
        let keys = record.as_object().expect("a record is an object").iter();
        keys.filter(|(key, _)| !skip.contains(&key.as_str())).map(|(key, value)| format!("{key}={value} ")).collect()
    };
    let mut all: Vec<String> = records.iter().map(strip).collect();
    all.sort();
    all
}

/// Asserts that two multisets of records are the same; names the first that is not, instead of printing both sets.
#[track_caller]
pub fn assert_same(have: &[Value], want: &[Value], skip: &[&str]) {
    let (have, want) = (multiset(have, skip), multiset(want, skip));
    if let Some((have, want)) = have.iter().zip(&want).find(|(have, want)| have != want) {
        let other = |one: &str, other: &str| {
            let words: Vec<&str> = other.split(' ').collect();
            one.split(' ').filter(|word| !words.contains(word)).collect::<Vec<_>>().join(" ")
        };
        panic!("has {}\nwants {}\nin {want}", other(have, want), other(want, have));
    }
    assert_eq!(have.len(), want.len(), "number of records");
}

/// The sum of a key over records.
pub fn sum(records: &[Value], key: &str) -> u64 {
    records.iter().filter_map(|record| record[key].as_u64()).sum()
}

/// Packets of both directions in records.
pub fn packets(records: &[Value]) -> u64 {
    sum(records, "c2s_packets") + sum(records, "s2c_packets")
}

/// The rows of one table of a `read` summary: name and number.
pub fn table(summary: &str, title: &str) -> BTreeMap<String, u64> {
    let rows = summary.lines().skip_while(|line| line.split_whitespace().next() != Some(title)).skip(1);
    let rows = rows.take_while(|line| !line.trim().is_empty());
    rows.map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = words[1].replace(',', "").parse().unwrap_or_else(|_| panic!("no number: {line}"));
        (words[0].to_owned(), number)
    })
    .collect()
}

/// A child that runs beside the test and is killed when the test ends.
#[derive(Debug)]
pub struct Running {
    child: Child,
    said: Receiver<String>,
    err: String,
}

impl Running {
    /// Starts a command whose standard error is read line by line; standard output goes where the caller has put it.
    pub fn start(command: &mut Command) -> Running {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the command starts");
        let (tell, said) = channel();
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Running { child, said, err: String::new() }
    }

    /// Waits for a line of standard error that contains `what`, and gives it.
    #[track_caller]
    pub fn line_with(&mut self, what: &str) -> String {
        loop {
            match self.said.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.err.push_str(&line);
                    self.err.push('\n');
                    if line.contains(what) {
                        return line;
                    }
                }
                Err(_) => panic!("'{what}' was never said:\n{}", self.err),
            }
        }
    }

    /// The child itself.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Address of its HTTP server, from what it said at start.
    pub fn address(&mut self) -> String {
        let line = self.line_with("http://");
        line.split("http://").nth(1).unwrap_or_default().trim_end_matches('/').to_owned()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{name}");
    }

    /// Waits for the end and gives status and standard error (and standard output, if it was a pipe).
    #[track_caller]
    pub fn end(mut self) -> Said {
        let mut out = String::new();
        if let Some(mut pipe) = self.child.stdout.take() {
            pipe.read_to_string(&mut out).expect("text");
        }
        let status = self.wait();
        self.err.extend(self.said.iter().map(|line| line + "\n"));
        Said { code: status.code(), out, err: std::mem::take(&mut self.err) }
    }

    fn wait(&mut self) -> ExitStatus {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(since.elapsed() < PATIENCE, "the child does not end:\n{}", self.err);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The body of a GET; panics unless the answer is 200.
#[track_caller]
pub fn get(address: &str, path: &str) -> String {
    let (head, body) = ask(address, "GET", path);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}\n{body}");
    body
}

/// The head and the body of the answer to a POST of nothing.
#[track_caller]
pub fn post(address: &str, path: &str) -> (String, String) {
    ask(address, "POST", path)
}

fn ask(address: &str, method: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("the server answers");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let empty = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{empty}\r\n")
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

/// The sum of all series of a metric in Prometheus text, and how many there are.
pub fn metric(text: &str, name: &str) -> (f64, usize) {
    let rows = text
        .lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' ')));
    let values: Vec<f64> = rows.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
    (values.iter().sum(), values.len())
}

/// Asserts that outcomes sum to the frames that the ports gave, in one scrape; gives that number.
#[track_caller]
pub fn closed_scrape(text: &str) -> u64 {
    let (outcomes, series) = metric(text, "parshall_packets_total");
    let (taken, ports) = metric(text, "parshall_port_rx_packets_total");
    // A queue has its series from the first answer of its worker on.
    assert!(series > 0 && (ports > 0 || outcomes == 0.0), "{text}");
    assert_eq!(outcomes, taken, "{text}");
    taken as u64
}

/// Whether this process is root.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0)
}

/// Whether a program can be started.
pub fn has(program: &str) -> bool {
    Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// `name` in `folder`.
pub fn at(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

/// A number as the summary shows it.
pub fn grouped(number: u64) -> String {
    parshall_exporter::summary::grouped(number)
}
