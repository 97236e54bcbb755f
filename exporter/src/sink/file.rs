//! The file behind a sink: standard output or a path, plain or compressed, one or one after another.
//!
//! **Owns** the open file, its compression, and the names of rotated files. **May touch** the file system.
//! **Order** written by its sink only.
//!
//! With `rotate=`, a file holds the records whose end lies in one period of record time, counted from the UNIX epoch:
//! `flows.jsonl` becomes `flows-20261121T090000Z.jsonl`. With `compress=zstd` a name gets `.zst` unless it has it. An
//! existing file is continued in `run` (a continued zstd file has several frames, which every reader accepts) and replaced
//! in `read`, whose output is the same whenever it is made.

use super::Existing;
use super::ahead::Ahead;
use parshall_config::plan::SinkSpec;
use parshall_engine::time::{Nanos, nanos_of};
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// Level of zstd: its default.
const LEVEL: i32 = 3;

enum Open {
    Out(io::Stdout),
    /// With room taken ahead in `read`, where records come as fast as they can be written.
    Plain(File, Option<Ahead>),
    Zstd(zstd::Encoder<'static, File>),
    OutZstd(zstd::Encoder<'static, io::Stdout>),
}

/// An open target.
pub struct Target {
    path: PathBuf,
    zstd: bool,
    /// Unit: nanoseconds of record time.
    period: Option<u64>,
    current: Option<u64>,
    open: Option<Open>,
    fresh: bool,
    /// What an existing file becomes when it is opened for the first time.
    existing: Existing,
    /// Files that were opened by this run: those are continued.
    begun: HashSet<PathBuf>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Target {
    /// Opens a spec's target. A rotated one opens its first file with the first record.
    ///
    /// # Errors
    /// What the system said.
    pub fn open(spec: &SinkSpec, existing: Existing) -> io::Result<Target> {
        let mut target = Target {
            path: spec.target.clone(),
            zstd: spec.zstd,
            period: spec.rotate.map(nanos_of).filter(|period| *period > 0),
            current: None,
            open: None,
            fresh: false,
            existing,
            begun: HashSet::new(),
        };
        if target.period.is_none() || target.is_stdout() {
            target.period = None;
            target.reopen()?;
        }
        Ok(target)
    }

    fn is_stdout(&self) -> bool {
        self.path == Path::new("-")
    }

    /// Whether it is one or more regular files that are written as they are.
    pub fn is_plain_file(&self) -> bool {
        !self.zstd && !self.is_stdout() && std::fs::metadata(&self.path).map_or(true, |about| about.is_file())
    }

    /// Whether the file was empty when it was opened.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Whether a record that ends at `end` belongs into another file.
    pub fn is_due(&self, end: Nanos) -> bool {
        self.period.is_some_and(|period| self.current != Some(end.0 / period))
    }

    /// Goes on in the file for `end`.
    ///
    /// # Errors
    /// What the system said.
    pub fn rotate(&mut self, end: Nanos) -> io::Result<()> {
        self.current = self.period.map(|period| end.0 / period);
        self.reopen()
    }

    /// Closes the file and opens the one that has its name now.
    ///
    /// # Errors
    /// What the system said.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.finish()?;
        if self.period.is_some() && self.current.is_none() {
            return Ok(());
        }
        if self.is_stdout() {
            let out = io::stdout();
            self.fresh = true;
            self.open = Some(if self.zstd { Open::OutZstd(zstd::Encoder::new(out, LEVEL)?) } else { Open::Out(out) });
            return Ok(());
        }
        let name = self.name();
        let replace = self.existing == Existing::Replace && self.begun.insert(name.clone());
        if replace {
            File::create(&name)?;
        }
        // A fifo that is open for reading too neither waits for a reader nor ends with it: a slow sink, as any other.
        let fifo =
            self.existing == Existing::Continue && std::fs::metadata(&name).is_ok_and(|it| it.file_type().is_fifo());
        let mut options = OpenOptions::new();
        let file = if fifo { options.read(true).write(true) } else { options.create(true).append(true) }.open(name)?;
        let about = file.metadata()?;
        self.fresh = about.len() == 0;
        let ahead = (self.existing == Existing::Replace && about.is_file()).then(|| Ahead::new(&file, about.len()));
        self.open =
            Some(if self.zstd { Open::Zstd(zstd::Encoder::new(file, LEVEL)?) } else { Open::Plain(file, ahead) });
        Ok(())
    }

    /// Cuts the last bytes off a regular file; anything else keeps them.
    pub fn take_back(&mut self, bytes: u64) {
        if let (Some(Open::Plain(file, _)), true) = (&self.open, bytes > 0)
            && let Ok(about) = file.metadata()
            && about.is_file()
        {
            // A file that cannot be cut keeps half a line, which its reader will notice.
            let _ = file.set_len(about.len().saturating_sub(bytes));
        }
    }

    /// The name of the current file.
    fn name(&self) -> PathBuf {
        let mut path = self.path.clone();
        if let (Some(period), Some(current)) = (self.period, self.current) {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let stamp = stamp(current.saturating_mul(period) / 1_000_000_000);
            let end = path.extension().map_or_else(String::new, |end| format!(".{}", end.to_string_lossy()));
            path.set_file_name(format!("{stem}-{stamp}{end}"));
        }
        if self.zstd && path.extension().is_none_or(|end| end != "zst") {
            path.as_mut_os_string().push(".zst");
        }
        path
    }

    /// Makes what was written visible to others.
    ///
    /// # Errors
    /// What the system said.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.open {
            Some(Open::Out(out)) => out.flush(),
            Some(Open::Plain(file, _)) => file.flush(),
            Some(Open::Zstd(encoder)) => encoder.flush(),
            Some(Open::OutZstd(encoder)) => encoder.flush(),
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self.open.take() {
            Some(Open::Out(mut out)) => out.flush(),
            Some(Open::Plain(mut file, ahead)) => {
                ahead.iter().for_each(|ahead| ahead.give_back(&file));
                file.flush()
            }
            Some(Open::Zstd(encoder)) => encoder.finish()?.flush(),
            Some(Open::OutZstd(encoder)) => encoder.finish()?.flush(),
            None => Ok(()),
        }
    }

    /// Writes out everything and closes.
    ///
    /// # Errors
    /// What the system said.
    pub fn close(&mut self) -> io::Result<()> {
        self.finish()
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.open {
            Some(Open::Out(out)) => out.write(bytes),
            Some(Open::Plain(file, ahead)) => {
                ahead.iter_mut().for_each(|ahead| ahead.reach(file, bytes.len()));
                file.write(bytes)
            }
            Some(Open::Zstd(encoder)) => encoder.write(bytes),
            Some(Open::OutZstd(encoder)) => encoder.write(bytes),
            None if bytes.is_empty() => Ok(0),
            None => Err(io::Error::other("no file is open")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Target::flush(self)
    }
}

/// Writes until all is written or the system refuses; says how many bytes were written.
pub(super) fn write_as_far_as_possible(to: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match to.write(&bytes[written..]) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

/// UNIX seconds as 20261121T090000Z.
fn stamp(seconds: u64) -> String {
    let (year, month, day, hour, minute) = civil(seconds);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{:02}Z", seconds % 60)
}

/// UNIX seconds as 2026_11_21_09_00, as Tstat names its folders.
pub(super) fn minute(seconds: u64) -> String {
    let (year, month, day, hour, minute) = civil(seconds);
    format!("{year:04}_{month:02}_{day:02}_{hour:02}_{minute:02}")
}

/// Year, month, day, hour and minute. Days to civil date by the usual era arithmetic (proleptic Gregorian).
fn civil(seconds: u64) -> (u64, u64, u64, u64, u64) {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day, rest / 3600, rest / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parshall_config::plan::SinkKind;
    use std::time::Duration;

    fn spec(path: &Path, rotate: Option<u64>, zstd: bool) -> SinkSpec {
        SinkSpec { kind: SinkKind::Jsonl, target: path.to_owned(), rotate: rotate.map(Duration::from_secs), zstd }
    }

    #[test]
    fn dates_of_stamps_are_those_of_the_calendar() {
        #[rustfmt::skip]
        let cases = [
            (0,             "19700101T000000Z"),
            (951_782_400,   "20000229T000000Z"),
            (1_795_251_599, "20261121T085959Z"),
            (4_102_444_800, "21000101T000000Z"),
        ];
        for (seconds, want) in cases {
            assert_eq!(stamp(seconds), want);
        }
    }

    #[test]
    fn a_rotated_target_names_its_files_by_record_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut target =
            Target::open(&spec(&folder.path().join("flows.jsonl"), Some(3600), false), Existing::Continue).unwrap();
        for seconds in [0, 10, 3600] {
            let end = Nanos(seconds * 1_000_000_000);
            if target.is_due(end) {
                target.rotate(end).unwrap();
            }
            target.write_all(b"x\n").unwrap();
        }
        target.close().unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("flows-19700101T000000Z.jsonl"), "x\nx\n");
        assert_eq!(read("flows-19700101T010000Z.jsonl"), "x\n");
    }

    #[test]
    fn in_read_an_existing_file_is_replaced_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.jsonl");
        std::fs::write(&path, "old\n").unwrap();
        let mut target = Target::open(&spec(&path, None, false), Existing::Replace).unwrap();
        target.write_all(b"one\n").unwrap();
        target.reopen().unwrap();
        target.write_all(b"two\n").unwrap();
        target.close().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn a_compressed_target_that_is_continued_reads_back_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.jsonl");
        for line in [b"one\n", b"two\n"] {
            let mut target = Target::open(&spec(&path, None, true), Existing::Continue).unwrap();
            target.write_all(line).unwrap();
            target.close().unwrap();
        }
        let packed = std::fs::read(folder.path().join("flows.jsonl.zst")).unwrap();
        assert_eq!(zstd::decode_all(&packed[..]).unwrap(), b"one\ntwo\n");
    }
}
