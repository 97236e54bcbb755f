//! Standard input is read through a pipe, plain and gzipped.
#![allow(clippy::unwrap_used)]

mod capture_made;

use capture_made::{LITTLE, all, gzipped};
use parshall_engine::source::capture::CaptureFile;
use std::io::{self, ErrorKind, Read, Write};
use std::process::{Command, Stdio};

const CHILD: &str = "PARSHALL_TEST_READS_STDIN";

/// Not a test by itself: what the child of the test below does.
#[test]
fn reads_what_it_is_given() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    match CaptureFile::open("-".as_ref()) {
        Ok(mut file) => {
            let packets = all(&mut file);
            let bytes: usize = packets.iter().map(|packet| packet.3.len()).sum();
            println!("read {} packets of {bytes} bytes from {}", packets.len(), file.name());
            file.damage().iter().for_each(|damage| println!("{damage}"));
            println!("progress {} of {:?}", file.progress().bytes_read(), file.progress().bytes_total());
        }
        Err(error) => println!("{error}"),
    }
}

fn child_says(input: &[u8]) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "reads_what_it_is_given", "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    for part in input.chunks(10_007) {
        // The child has gone when what it was given is no capture.
        if pipe.write_all(part).is_err() {
            break;
        }
    }
    drop(pipe);
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn standard_input_is_a_capture_file_like_any_other() {
    let mut file = LITTLE.pcap(0xa1b2_c3d4, (2, 4), 65_535, 1);
    for second in 0..3_000 {
        file.extend(LITTLE.record([second, 0, 1_000, 1_500], &[], &[9; 1_000]));
    }
    let packed = gzipped(&file);
    for (input, parts) in [
        (&file[..], ["read 3000 packets of 3000000 bytes from standard input", "progress 3048024 of None"]),
        (&packed, ["read 3000 packets of 3000000 bytes", &format!("progress {} of None", packed.len())]),
        (
            &file[..30_000],
            ["read 29 packets", "standard input is damaged at byte 29488: the file ends inside a packet"],
        ),
        (b"", ["standard input is empty", ""]),
        (b"some text that is no capture\n", ["standard input is not a pcap or pcapng file", "it is a text file"]),
    ] {
        let said = child_says(input);
        assert!(parts.iter().all(|part| said.contains(part)), "{parts:?}: {said}");
    }
}

/// A reader that has nothing yet every second time, and then a few bytes.
struct Halting<'a> {
    rest: &'a [u8],
    nothing: bool,
}

impl Read for Halting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.nothing = !self.nothing;
        if self.nothing {
            return Err(ErrorKind::WouldBlock.into());
        }
        let few = buffer.len().min(7);
        self.rest.read(&mut buffer[..few])
    }
}

#[test]
fn what_halts_again_and_again_gives_the_same_packets() {
    let mut file = LITTLE.pcap(0xa1b2_c3d4, (2, 4), 65_535, 1);
    for second in 0..200 {
        file.extend(LITTLE.record([second, 0, 100, 150], &[], &[second as u8; 100]));
    }
    for input in [file.clone(), gzipped(&file)] {
        let input: &'static [u8] = input.leak();
        let halting = Halting { rest: input, nothing: false };
        let mut file = CaptureFile::from_reader("halting", Box::new(halting)).unwrap();
        let packets = all(&mut file);
        assert!(file.damage().is_empty(), "{:?}", file.damage());
        assert_eq!(packets.len(), 200);
        assert!(packets.iter().enumerate().all(|(n, packet)| packet.3 == [n as u8; 100]));
    }
}
