//! Real captures: every frame is read or refused with a reason, and the flows are those of an independent reader.

#[path = "decode_support/arbitrary.rs"]
mod arbitrary;
#[path = "decode_support/build.rs"]
mod build;
#[path = "decode_support/mod.rs"]
mod decode_support;

use parshall_engine::decode::{DecodeOptions, FragmentCache, decode, decode_any};
use parshall_engine::key::READ_SECRET;
use parshall_engine::packet::Outcome;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Captures whose flows differ from `flow_oracle.py`'s, and why. Every other one agrees flow by flow.
const DIFFERENCES: &[(&str, &str)] = &[
    ("ndpi-fuzz-2006-06-26-2594.pcap", ORPHANS),
    ("ndpi-fuzz-2006-09-29-28586.pcap", ORPHANS),
    ("pcpp-ip4_bad_fragment.pcap", "the oracle counts a packet whose IPv4 header of 60 bytes is cut at 42"),
    ("suri-bug-6875-01-fuzz.pcap", "tshark takes the file for one with longer record headers and reads another frame"),
    (
        "suri-ipv6-malformed-fragments-31-frag-31.pcap",
        "the oracle takes the fragment header that an ICMPv6 error quotes for the packet's own",
    ),
    ("suri-transform-base64-7296-input.pcap", "microseconds above 999,999: tshark prints them as a longer fraction"),
    ("tcpdump-babel_update_oobr.pcap", ORPHANS),
    ("tcpdump-cve2015-0261-ipv6.pcap", "tshark does not read SLIP"),
];

const ORPHANS: &str = "the oracle counts later fragments of protocols without ports for a flow without their first";

#[test]
fn every_frame_of_every_capture_is_a_packet_or_has_a_verdict_and_both_paths_agree() {
    let options = DecodeOptions::default();
    for path in decode_support::captures() {
        let mut caches = [FragmentCache::new(READ_SECRET), FragmentCache::new(READ_SECRET)];
        let [one, other] = &mut caches;
        for (number, stored) in decode_support::read(&path).iter().enumerate() {
            let frame = stored.frame();
            let fast = decode(&frame, &options, one);
            assert_eq!(fast, decode_any(&frame, &options, other), "{} frame {}", path.display(), number + 1);
            if let Ok(packet) = fast {
                arbitrary::check_sane(&frame, &packet, &options);
            }
        }
    }
}

#[test]
fn every_link_type_of_the_captures_can_be_decoded() {
    for path in decode_support::captures() {
        let summary = decode_support::flows(&decode_support::read(&path));
        assert_eq!(summary.outcomes[Outcome::UnsupportedLink as usize], 0, "{}", path.display());
    }
}

/// One minute; on when `PARSHALL_ORACLE` is set. Needs python3 and tshark, and the tool beside the captures.
#[test]
fn flows_are_those_that_tshark_sees() {
    if std::env::var_os("PARSHALL_ORACLE").is_none() {
        println!("skipped: set PARSHALL_ORACLE to compare with tshark");
        return;
    }
    let Some(data) = decode_support::data() else { return };
    let tool = data.join("../tools/flow_oracle.py");
    let folder = std::env::temp_dir().join("parshall-decode-captures");
    std::fs::create_dir_all(&folder).expect("a folder for records");
    let mut wrong = Vec::new();
    for capture in decode_support::captures() {
        let name = capture.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let records = folder.join(format!("{name}.jsonl"));
        write_records(&capture, &records);
        let output = Command::new("python3").arg(&tool).arg("compare").arg(&capture).arg(&records).output();
        let output = output.expect("python3 runs");
        let differs = DIFFERENCES.iter().any(|(known, _)| *known == name);
        // 2: tshark cannot read the capture; 3: it follows layers that the contract does not.
        let agrees = matches!(output.status.code(), Some(0 | 2 | 3));
        if agrees == differs {
            wrong.push(format!("{name}:\n{}", String::from_utf8_lossy(&output.stdout)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn write_records(capture: &Path, records: &Path) {
    let mut file = std::fs::File::create(records).expect("a file for records");
    for flow in decode_support::flows(&decode_support::read(capture)).flows {
        writeln!(file, "{}", flow.line()).expect("a record written");
    }
}
