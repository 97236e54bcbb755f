//! Files of a capture: `X.pcap` and beside it `X.truth.jsonl`, `X.anomalies.jsonl`, `X.books.json`.
//!
//! **Owns** the names of these files. **May touch** the file system below the path it was given.
//! **Order** called by the binary and by tests that need files.

use super::compose::{Capture, Order};
use super::pcap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Where the files of a capture are.
#[derive(Clone, Debug)]
pub struct Artefacts {
    /// The capture.
    pub pcap: PathBuf,
    /// One line for each flow record: the contract's keys, and `truth` with the scenario and the open keys.
    pub truth: PathBuf,
    /// One line for each anomalous segment.
    pub anomalies: PathBuf,
    /// The expected counters.
    pub books: PathBuf,
}

impl Artefacts {
    /// The files beside `pcap`, whose extension (if any) the others replace.
    #[must_use]
    pub fn beside(pcap: &Path) -> Artefacts {
        Artefacts {
            pcap: pcap.to_owned(),
            truth: pcap.with_extension("truth.jsonl"),
            anomalies: pcap.with_extension("anomalies.jsonl"),
            books: pcap.with_extension("books.json"),
        }
    }

    /// Writes all four.
    ///
    /// # Errors
    /// Those of the file system; files written before the error stay.
    pub fn write(&self, capture: &Capture, order: &Order) -> io::Result<()> {
        let create = |path: &Path| File::create(path).map(BufWriter::new);
        let mut file = create(&self.pcap)?;
        pcap::write(&mut file, &capture.frames, order.nanoseconds, order.snap)?;
        file.flush()?;
        let mut file = create(&self.truth)?;
        for truth in &capture.truths {
            writeln!(file, "{}", truth.line())?;
        }
        file.flush()?;
        let mut file = create(&self.anomalies)?;
        for anomaly in &capture.anomalies {
            writeln!(file, "{}", serde_json::to_string(anomaly)?)?;
        }
        file.flush()?;
        let mut file = create(&self.books)?;
        writeln!(file, "{}", serde_json::to_string_pretty(&capture.books)?)?;
        file.flush()
    }
}
