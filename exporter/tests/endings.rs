//! How `parshall read` ends: damage, closed pipes, sinks that cannot be opened, signals, standard input.

mod support;

use parshall_benches::synth::compose::Order;
use parshall_benches::synth::pcap;
use parshall_engine::link::LinkType;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use support::{Running, all_scenarios, at, finish, folder, frames, lines, packets, parshall, run, synthesize, text};

fn order() -> Order {
    all_scenarios(120, true)
}

#[test]
fn a_damaged_capture_gives_what_stands_before_the_damage_and_says_where_it_is() {
    let folder = folder();
    let (capture, files) = synthesize(folder.path(), "a.pcap", &order());
    let mut bytes = std::fs::read(&files.pcap).expect("the capture");
    bytes.truncate(bytes.len() - 7);
    std::fs::write(&files.pcap, &bytes).expect("a file");
    let said = run(&["read", text(&files.pcap), "--sink", "jsonl:-"]).ended_with(1);
    let sentences = said.sentences();
    assert_eq!(sentences.len(), 1, "{}", said.err);
    let whole = capture.frames.len() - 1;
    let last = &capture.frames[whole];
    let offset = bytes.len() + 7 - last.bytes.len() - 16;
    assert!(sentences[0].contains("a.pcap") && sentences[0].contains(&offset.to_string()), "{offset}: {sentences:?}");
    assert!(said.err.contains(&format!("all {} frames", support::grouped(whole as u64))), "{}", said.err);
    assert!(lines(&said.out).len() > 100);
}

#[test]
fn more_captures_than_a_shell_lets_be_open_are_read_unless_nobody_may_open_so_many() {
    let folder = folder();
    let (_, files) = synthesize(folder.path(), "a.pcap", &all_scenarios(1, true));
    let captures = [text(&files.pcap); 70].join(" ");
    let under = |limit: &str| {
        let program = env!("CARGO_BIN_EXE_parshall");
        let mut command = Command::new("bash");
        command.args(["-c", &format!("ulimit {limit} && exec {program} read --sink jsonl:- {captures}")]);
        finish(command)
    };
    let said = under("-Sn 80").ended_with(0);
    assert!(!lines(&said.out).is_empty(), "{}", said.err);
    let said = under("-n 80").ended_with(1);
    assert!(said.sentences()[0].contains("70 captures are open at once") && said.out.is_empty(), "{}", said.err);
}

#[test]
fn what_is_no_capture_is_one_sentence() {
    let folder = folder();
    let path = at(&folder, "text.pcap");
    std::fs::write(&path, "this is not a capture file at all\n").expect("a file");
    for path in [&path, &at(&folder, "absent.pcap")] {
        let said = run(&["read", text(path), "--sink", "jsonl:-"]).ended_with(1);
        assert_eq!(said.err.lines().count(), 1, "{}", said.err);
        assert!(said.sentences()[0].contains(text(path)) && said.out.is_empty(), "{}", said.err);
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let folder = folder();
    let (_, files) = synthesize(folder.path(), "a.pcap", &all_scenarios(2_000, true));
    let mut command = parshall(&["read", text(&files.pcap), "--quiet", "--sink", "jsonl:-"]);
    let mut child = Running::start(command.stdout(Stdio::piped()));
    let mut first = String::new();
    let mut pipe = BufReader::new(child.child().stdout.take().expect("a pipe"));
    pipe.read_line(&mut first).expect("a line");
    drop(pipe);
    let said = child.end().ended_with(0);
    assert!(said.err.is_empty(), "{}", said.err);
    assert_eq!(lines(&first).len(), 1);
}

#[test]
fn a_sink_that_cannot_be_opened_is_one_sentence() {
    let folder = folder();
    let (_, files) = synthesize(folder.path(), "a.pcap", &order());
    let sink = format!("jsonl:{}", text(&at(&folder, "absent/records.jsonl")));
    let said = run(&["read", text(&files.pcap), "--sink", &sink]).ended_with(1);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    assert!(said.sentences()[0].contains("absent/records.jsonl"), "{}", said.err);
}

#[test]
fn sigterm_while_a_pipe_is_silent_flushes_every_flow_and_ends_with_0() {
    let (folder, out) = (folder(), "records.jsonl");
    let (_, files) = synthesize(folder.path(), "a.pcap", &order());
    let out = at(&folder, out);
    let sink = format!("jsonl:{}", text(&out));
    let mut command = parshall(&["read", "-", "--sink", &sink]);
    let mut child = Running::start(command.stdin(Stdio::piped()));
    let mut pipe = child.child().stdin.take().expect("a pipe");
    let mut bytes = Vec::new();
    std::fs::File::open(&files.pcap).and_then(|mut file| file.read_to_end(&mut bytes)).expect("the capture");
    // Twice what a pipe holds has to be taken before the last write returns; the pipe stays open.
    assert!(bytes.len() > 200_000);
    pipe.write_all(&bytes).expect("the child reads");
    child.signal("TERM");
    let said = child.end().ended_with(0);
    drop(pipe);
    let seen = lines(&std::fs::read_to_string(&out).expect("records"));
    assert!(said.err.contains("frames accounted for"), "{}", said.err);
    let flow = support::table(&said.err, "outcome")["flow"];
    assert_eq!(packets(&seen), flow);
    assert!(seen.iter().any(|record| record["end_reason"] == "shutdown"), "{}", said.err);
}

#[test]
fn standard_input_and_gzip_give_the_same_bytes_as_the_file() {
    let folder = folder();
    let (_, files) = synthesize(folder.path(), "a.pcap", &order());
    let want = run(&["read", text(&files.pcap), "--quiet", "--sink", "jsonl:-"]).ended_with(0).out;
    assert!(!want.is_empty());
    let gzip = Command::new("gzip").args(["-k", text(&files.pcap)]).status();
    let zipped = at(&folder, "a.pcap.gz");
    if gzip.is_ok_and(|status| status.success()) {
        let have = run(&["read", text(&zipped), "--quiet", "--sink", "jsonl:-"]).ended_with(0).out;
        assert!(have == want, "gzip differs");
    } else {
        eprintln!("skipped: gzip cannot be run");
    }
    for file in [&files.pcap, &zipped].into_iter().filter(|file| file.exists()) {
        let mut command = parshall(&["read", "-", "--quiet", "--sink", "jsonl:-"]);
        command.stdin(std::fs::File::open(file).expect("a file"));
        let output = command.output().expect("the binary");
        assert!(output.status.success() && output.stdout == want.as_bytes(), "{} on standard input", file.display());
    }
}

#[test]
fn a_link_type_that_cannot_be_decoded_is_one_counter_and_one_sentence_for_each_file() {
    let folder = folder();
    let mut strange = frames::whole(&[vec![1; 60], vec![2; 60]]);
    strange.iter_mut().for_each(|frame| frame.link = LinkType(147));
    let strange = frames::capture(&at(&folder, "strange.pcap"), &strange);
    let usual = frames::capture(&at(&folder, "usual.pcap"), &frames::whole(&[vec![0; 60]]));
    let said = run(&["read", text(&usual), text(&strange)]).ended_with(0);
    assert_eq!(support::table(&said.out, "outcome")["unsupported_link"], 2, "{}", said.out);
    let told = format!("{}: frames of link type 147 cannot be decoded", strange.display());
    assert_eq!((said.sentences().len(), said.err.matches(&told).count()), (1, 1), "{}", said.err);
}

#[test]
fn two_files_are_merged_in_time_order_whatever_their_order() {
    let folder = folder();
    let (capture, files) = synthesize(folder.path(), "a.pcap", &order());
    let halves = [0, 1].map(|odd| {
        let each = capture.frames.iter().enumerate().filter(|(n, _)| n % 2 == odd);
        let frames: Vec<_> = each.map(|(_, frame)| frame.clone()).collect();
        let (path, mut file) = (at(&folder, &format!("half{odd}.pcap")), Vec::new());
        pcap::write(&mut file, &frames, true, None).expect("memory");
        std::fs::write(&path, file).expect("a file");
        path
    });
    let read = |paths: &[&str]| {
        let arguments: Vec<&str> =
            ["read"].iter().chain(paths).chain(&["--quiet", "--sink", "jsonl:-"]).copied().collect();
        run(&arguments).ended_with(0).out
    };
    let want = lines(&read(&[text(&files.pcap)]));
    let [first, second] = [text(&halves[0]), text(&halves[1])];
    let merged = read(&[first, second]);
    assert_eq!(packets(&lines(&merged)), packets(&want));
    support::assert_same(&lines(&merged), &want, &[]);
}

#[test]
fn options_that_do_not_exist_end_it_with_2() {
    let said = finish(parshall(&["read", "a.pcap", "--sinks", "jsonl:-", "--workers", "none"])).ended_with(2);
    assert!(said.err.contains("--sinks") && said.err.contains("--workers"), "{}", said.err);
}
