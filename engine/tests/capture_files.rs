//! The capture reader against real files: counts and link types of the data set's own list.
//!
//! Needs the captures (PARSHALL_DATA or ../shared/data); says so and passes without them.

#[path = "decode_support/mod.rs"]
mod support;

use parshall_engine::source::capture::Captures;
use parshall_engine::source::{Batch, Polled, Source};

#[test]
fn every_real_capture_has_the_packets_and_bytes_that_its_list_says() {
    let Some(data) = support::data() else { return };
    let list = std::fs::read_to_string(data.join("MANIFEST.tsv")).expect("the list of captures");
    let mut wrong = Vec::new();
    for line in list.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let (name, packets, bytes) = (cells[0], cells[5], cells[6]);
        let mut captures = match Captures::open(&[data.join("pcap").join(name)]) {
            Ok(captures) => captures,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let (mut count, mut sum) = (0_u64, 0_u64);
        loop {
            let mut batch = Batch::new();
            let polled = captures.poll(&mut batch);
            count += batch.len() as u64;
            sum += batch.iter().map(|frame| u64::from(frame.wire_len)).sum::<u64>();
            drop(batch);
            if polled == Polled::Ended {
                break;
            }
        }
        if (count.to_string().as_str(), sum.to_string().as_str()) != (packets, bytes) {
            wrong
                .push(format!("{name}: {count} packets of {packets}, {sum} bytes of {bytes}; {:?}", captures.damage()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
