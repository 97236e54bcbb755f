//! The prompt beside testpmd's: the same session with both, over the same net_pcap vdevs. What they answer is the same, blanks
//! and figures included, but for what parshall has not (a transmit side) and what time decides (rates).

#![cfg(feature = "dpdk")]

mod support;

use parshall_benches::synth::compose::compose;
use parshall_benches::synth::pcap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use support::{PATIENCE, all_scenarios, at, eal, endless, folder, has, text};

/// Whether a line is a message and no answer.
fn of_log(line: &str) -> bool {
    ["EAL:", "dpdk:", "parshall:"].iter().any(|start| line.starts_with(start))
}

/// A program at a prompt; killed when dropped.
struct Talk {
    child: Child,
    line: ChildStdin,
    said: Receiver<Vec<u8>>,
    prompt: &'static str,
}

impl Talk {
    /// Starts `program` and waits for its prompt.
    fn start(program: &[String], prompt: &'static str) -> Talk {
        let quoted: Vec<String> = program.iter().map(|word| format!("'{word}'")).collect();
        let script = format!("exec {} 2>&1", quoted.join(" "));
        let mut command = Command::new("sh");
        command.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a shell");
        let (line, mut out) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let (tell, said) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut piece) {
                if tell.send(piece[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let mut talk = Talk { child, line, said, prompt };
        talk.answer();
        talk
    }

    /// All that is said until the next prompt, or the end.
    fn answer(&mut self) -> String {
        let mut all = Vec::new();
        while !self.waits(&all) {
            match self.said.recv_timeout(PATIENCE) {
                Ok(piece) => all.extend(piece),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(_) => panic!("no prompt came:\n{}", String::from_utf8_lossy(&all)),
            }
        }
        let text = String::from_utf8_lossy(&all).replace('\r', "");
        text.rsplit_once(self.prompt).map_or(text.clone(), |(answer, _)| answer.to_owned())
    }

    /// Whether the last that was said is the prompt; a message of the log may stand behind it.
    fn waits(&self, all: &[u8]) -> bool {
        let text = String::from_utf8_lossy(all);
        text.rsplit_once(self.prompt).is_some_and(|(_, behind)| behind.lines().all(of_log))
    }

    /// Says a line; what is answered, without the echo and without messages of the log.
    fn ask(&mut self, line: &str) -> String {
        writeln!(self.line, "{line}").expect("it listens");
        let answer = self.answer();
        // A message of the log may stand before the echo too.
        let answer = answer.split_once(&format!("{line}\n")).map_or(answer.as_str(), |(_, rest)| rest);
        answer.lines().filter(|line| !of_log(line)).map(|line| format!("{line}\n")).collect()
    }

    /// Asks for a port's counters until it has received so many packets.
    fn wait_for(&mut self, port: u16, packets: u64) {
        let want = format!("rx_good_packets: {packets}\n");
        for _ in 0..600 {
            if self.ask(&format!("show port xstats {port}")).contains(&want) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("port {port} never had {packets} packets: {}", self.ask(&format!("show port xstats {port}")));
    }

    /// Quits; the exit status.
    fn quit(mut self) -> (String, Option<i32>) {
        let answer = self.ask("quit");
        (answer, self.child.wait().expect("a child").code())
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parshall(devices: &[&str], options: &[&str]) -> Talk {
    let mut words = vec![env!("CARGO_BIN_EXE_parshall").to_owned()];
    words.extend(eal(devices));
    let own = ["--", "-i", "--max-flows", "20000", "--listen", "off"];
    words.extend(own.iter().chain(options).map(|word| (*word).to_owned()));
    Talk::start(&words, "parshall> ")
}

fn testpmd(devices: &[&str], options: &[&str]) -> Talk {
    let mut words: Vec<String> = ["stdbuf", "-oL", "dpdk-testpmd"].map(str::to_owned).to_vec();
    words.extend(eal(devices).into_iter().skip(1));
    let own = ["--", "-i", "--forward-mode=rxonly", "--no-flush-rx", "--total-num-mbufs=4096"];
    words.extend(own.iter().chain(options).map(|word| (*word).to_owned()));
    Talk::start(&words, "testpmd> ")
}

/// Without what parshall has not and what time decides.
fn comparable(answer: &str) -> String {
    let mut out = String::new();
    let mut in_tx_queue = false;
    for line in answer.lines() {
        in_tx_queue = line.starts_with("    TX queue:") || in_tx_queue && line.starts_with("      ");
        let tx = in_tx_queue
            || line.starts_with("tx_")
            || line.starts_with("Current number of TX")
            || line.starts_with("Max possible TX")
            || line.starts_with("Warning");
        if tx {
            continue;
        }
        let line = line.split("Tx queue number").next().unwrap_or_default();
        let rate = line.starts_with("  Rx-pps") || line.starts_with("  Tx-pps");
        out.extend(line.chars().map(|c| if rate && c.is_ascii_digit() { ' ' } else { c }));
        out.push('\n');
    }
    // Rates are right-aligned figures; what is left of them is blanks of one width.
    out
}

fn capture(path: &Path, sessions: u64) -> (PathBuf, u64) {
    let capture = compose(&all_scenarios(sessions, false)).expect("the synthesizer");
    let frames: Vec<_> =
        capture.frames.into_iter().filter(|frame| frame.wire_len as usize == frame.bytes.len()).collect();
    let mut file = Vec::new();
    pcap::write(&mut file, &frames, false, None).expect("memory");
    std::fs::write(path, file).expect("a capture");
    (path.to_owned(), frames.len() as u64)
}

/// Says the same to both.
#[track_caller]
fn same(ours: &mut Talk, theirs: &mut Talk, line: &str) {
    let (have, want) = (comparable(&ours.ask(line)), comparable(&theirs.ask(line)));
    assert_eq!(have, want, "{line}");
}

const AT_REST: &[&str] = &[
    "show config fwd",
    "show config cores",
    "show config rxtx",
    "show port info 0",
    "show port info all",
    "show port summary all",
    "show port summary 1",
    "show port summary 7",
    "show port stats all",
    "show port 0 rss-hash",
    "show port 0 rss-hash key",
    "show port 9 rss-hash key",
    "show port 0 rss reta 128 (0xffffffffffffffff,0x1)",
    "set verbose 0",
    "set verbose x",
    "set promisc 0 on",
    "set promisc all off",
    "set promisc 5 on",
    "show port info 9",
    "show port stats 9",
    "show port xstats 9",
    "clear port stats 9",
    "port start 9",
    "port stop 9",
    "show port",
    "show foo",
    "sho",
    "stop",
];

const RECEIVED: &[&str] = &[
    "start",
    "show port stats all",
    "show port xstats all",
    "show fwd stats all",
    "port stop 0",
    "clear fwd stats all",
    "show fwd stats all",
    "stop",
    "stop",
    // While net_pcap is polled it can put back what was cleared: it adds to a counter that it has read before.
    "clear port stats 1",
    "show port stats all",
    "port stop 0",
    "port stop 0",
    "start",
    "port start 0",
    "port start 0",
    "port stop all",
    "port start all",
];

#[test]
fn the_same_session_with_testpmd_and_parshall_reads_the_same() {
    if !has("dpdk-testpmd") {
        eprintln!("skipped: dpdk-testpmd is missing (scripts/setup --test installs it)");
        return;
    }
    let folder = folder();
    let (one, packets) = capture(&at(&folder, "one.pcap"), 40);
    let (two, more) = capture(&at(&folder, "two.pcap"), 60);
    let vdevs = [format!("net_pcap0,rx_pcap={}", text(&one)), format!("net_pcap1,rx_pcap={}", text(&two))];
    let devices = ["-l", "0-1", "--vdev", &vdevs[0], "--vdev", &vdevs[1]];
    let mut ours = parshall(&devices, &["--rxd", "512"]);
    let mut theirs = testpmd(&devices, &["--rxd=512"]);
    AT_REST.iter().for_each(|line| same(&mut ours, &mut theirs, line));
    same(&mut ours, &mut theirs, "start");
    for talk in [&mut ours, &mut theirs] {
        talk.wait_for(0, packets);
        talk.wait_for(1, more);
    }
    RECEIVED.iter().for_each(|line| same(&mut ours, &mut theirs, line));
    // Ports that were stopped and started give their files once more.
    same(&mut ours, &mut theirs, "start");
    let (bye, code) = ours.quit();
    assert!(bye.ends_with("Bye...\n") || bye.contains("\nBye...\n"), "{bye}");
    assert_eq!(code, Some(0), "{bye}");
}

#[test]
fn queues_are_dealt_to_lcores_as_testpmd_deals_them() {
    if !has("dpdk-testpmd") {
        eprintln!("skipped: dpdk-testpmd is missing (scripts/setup --test installs it)");
        return;
    }
    // Ports, queues, and what chooses the lcores.
    #[rustfmt::skip]
    let cases: [(usize, &str, &[&str]); 5] = [
        (2, "4", &["--nb-cores=2"]),
        (2, "3", &["--nb-cores=2"]),
        (1, "5", &["--coremask=0x14"]),
        (1, "2", &["--nb-cores=4"]),
        (2, "2", &["--nb-cores=3", "--portmask=0x2"]),
    ];
    for (ports, queues, cores) in cases {
        let mut devices = vec!["--lcores", "0@0,1@1,2@0,3@1,4@0"];
        devices.extend(["--vdev", "net_null0", "--vdev", "net_null1"].iter().take(2 * ports));
        let (rxq, txq) = (format!("--rxq={queues}"), format!("--txq={queues}"));
        let mut theirs = testpmd(&devices, &[&[rxq.as_str(), &txq], cores].concat());
        let mut ours = parshall(&devices, &[&[rxq.as_str(), "--spread=testpmd"], cores].concat());
        same(&mut ours, &mut theirs, "show config fwd");
        same(&mut ours, &mut theirs, "show config cores");
    }
}

#[test]
fn a_run_at_the_prompt_is_whole_from_start_to_quit() {
    let folder = folder();
    let (file, packets) = capture(&at(&folder, "a.pcap"), 40);
    let out = at(&folder, "flows");
    let (vdev, sink) = (format!("net_pcap0,rx_pcap={}", text(&file)), format!("jsonl:{}", text(&out)));
    let commands = at(&folder, "commands");
    std::fs::write(&commands, "# at start\nset verbose 0\nshow books\n").expect("a file");
    let mut talk = parshall(&["-l", "0-1", "--vdev", &vdev], &["--sink", &sink, "--cmdline-file", text(&commands)]);
    // Nothing is received before start.
    let before = talk.ask("show books");
    assert!(before.contains("frames-taken: 0 ") && before.contains("closed: yes"), "{before}");
    talk.ask("start");
    talk.wait_for(0, packets);
    let stopped = talk.ask("stop");
    assert!(stopped.contains(&format!("RX-total: {packets}\n")), "{stopped}");
    let books = talk.ask("show books");
    assert!(books.contains(&format!("frames-taken: {packets} ")) && books.contains("closed: yes"), "{books}");
    // Stopping ends no flow; a port that is stopped and started gives its file once more.
    talk.ask("port stop all");
    assert_eq!(talk.ask("start"), "Not all ports were started\n");
    talk.ask("port start all");
    talk.ask("start");
    talk.wait_for(0, 2 * packets);
    for _ in 0..100 {
        if talk.ask("show books").contains(&format!("frames-taken: {} ", 2 * packets)) {
            break;
        }
    }
    let loaded = talk.ask(&format!("load {}", text(&commands)));
    assert!(loaded.contains(&format!("frames-taken: {} ", 2 * packets)), "{loaded}");
    assert!(loaded.ends_with(&format!("Read CLI commands from {}\n", text(&commands))), "{loaded}");
    assert_eq!(talk.ask("show filter"), "No filter: all frames count\n");
    assert_eq!(talk.ask("filter set tcp port 443"), "Filter: tcp port 443\n");
    let refused = talk.ask("filter set tcp prot 443");
    assert!(refused.ends_with("nothing was changed\n"), "{refused}");
    assert_eq!(talk.ask("show filter"), "Filter: tcp port 443\n");
    assert_eq!(talk.ask("filter off"), "No filter: all frames count\n");
    let tcp = talk.ask("show tcp");
    assert!(tcp.contains("  records: ") && tcp.contains("  handshake: "), "{tcp}");
    assert!(talk.ask("show mempool").contains("  socket: any"), "pools");
    assert!(talk.ask("show sinks").contains(&format!("Sink jsonl:{}", text(&out))), "sinks");
    assert!(talk.ask("help all").contains("show port info|stats|summary|xstats PORT|all\n"), "help");
    let (bye, code) = talk.quit();
    assert!(bye.contains("Telling cores to stop...") && bye.contains("\nBye...\n"), "{bye}");
    assert_eq!(code, Some(0), "{bye}");
    let records = support::records(&out);
    assert_eq!(support::packets(&records) % 2, 0, "every packet came twice");
    assert!(support::packets(&records) > packets);
}

#[test]
fn the_first_live_flows_are_shown_by_each_order() {
    let folder = folder();
    let vdev = format!("net_pcap0,rx_pcap={},infinite_rx=1", endless::capture(&folder));
    let talk = &mut parshall(&["-l", "0-1", "--vdev", &vdev], &["--mbuf-size", "9216"]);
    talk.ask("start");
    for _ in 0..600 {
        if talk.ask("show flows top 5").lines().count() > 6 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let order = |talk: &mut Talk, by: &str, column: usize| -> Vec<f64> {
        let answer = talk.ask(&format!("show flows top 5 by {by}"));
        let lines: Vec<&str> = answer.lines().collect();
        assert!(lines.len() > 3 && lines[0].ends_with(&format!("by {by}")), "{answer}");
        assert!(lines[1].starts_with("Proto  Client"), "{answer}");
        lines[2..].iter().filter_map(|line| line.split_whitespace().nth(column)?.parse().ok()).collect()
    };
    for (by, column) in [("packets", 3), ("bytes", 4), ("retx", 5), ("rtt", 6)] {
        let values = order(talk, by, column);
        assert!(!values.is_empty() && values.is_sorted_by(|one, next| one >= next), "{by}: {values:?}");
    }
    assert_eq!(talk.ask("show flows top 5 by size"), "Bad arguments\n");
    assert_eq!(talk.ask("show flows top 0").lines().count(), 2);
}

#[test]
fn the_end_of_the_input_ends_the_run() {
    let mut talk = parshall(&["-l", "0-1", "--vdev", "net_null0"], &[]);
    let answer = talk.ask("set promisc all on");
    assert_eq!(answer, "");
    let Talk { line, .. } = &mut talk;
    // Closes the pipe.
    drop(std::mem::replace(
        line,
        Command::new("true").stdin(Stdio::piped()).spawn().expect("true").stdin.take().expect("a pipe"),
    ));
    assert_eq!(talk.child.wait().expect("a child").code(), Some(0));
}
