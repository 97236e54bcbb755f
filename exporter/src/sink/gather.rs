//! Lines on their way to one file after another.
//!
//! **Owns** the room in which they are gathered, which is touched once for all files. **May touch** the file it is given.
//! **Order** filled and emptied by its sink.

use super::file::write_as_far_as_possible;
use crate::buffer::{Buffer, Pen};
use std::fs::File;
use std::io;

/// Bytes that are gathered before they are written.
const GATHERED: usize = 128 << 10;

/// Room for one line beyond that.
const LONGEST: usize = 4 << 10;

/// A file, if one is open, and the lines that are not in it yet.
#[derive(Debug)]
pub(super) struct Gather {
    file: Option<File>,
    lines: Buffer,
}

impl Default for Gather {
    fn default() -> Gather {
        Gather { file: None, lines: Buffer::with_room(GATHERED + LONGEST) }
    }
}

impl Gather {
    /// Goes on in another file, which begins with `header`. Nothing may be gathered for the one before.
    pub(super) fn open(&mut self, file: File, header: &[u8]) {
        self.file = Some(file);
        self.lines.append(|pen| pen.text(header));
    }

    /// Appends a line, whose last byte is put in place of what was written there.
    ///
    /// # Errors
    /// What was gathered before could not be written; it is kept, and the line is not taken.
    #[inline]
    pub(super) fn append(&mut self, last: u8, line: impl for<'p> Fn(Pen<'p>) -> Pen<'p>) -> io::Result<()> {
        if self.lines.len() >= GATHERED {
            self.write_out()?;
        }
        self.lines.append(line);
        self.lines.replace(self.lines.len() - 1, last);
        Ok(())
    }

    /// Writes what was gathered.
    ///
    /// # Errors
    /// What the system said; what it did not take is kept.
    pub(super) fn write_out(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let (written, result) = write_as_far_as_possible(file, self.lines.text());
        self.lines.forget(written);
        result
    }

    /// The same, and closes the file.
    ///
    /// # Errors
    /// As [`Gather::write_out`]; the file stays open then.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.write_out()?;
        self.file = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;

    #[test]
    fn each_file_gets_the_lines_that_were_gathered_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let (mut gather, long) = (Gather::default(), "x".repeat(1000));
        for (name, lines) in [("one", 1), ("two", 500), ("three", 0)] {
            gather.open(File::create(folder.path().join(name)).unwrap(), b"header\n");
            (0..lines).for_each(|_| gather.append(b'\n', |pen| pen.text(long.as_bytes()).byte(b' ')).unwrap());
            gather.close().unwrap();
            let want = format!("header\n{}", format!("{long}\n").repeat(lines));
            assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), want, "{name}");
        }
    }

    #[test]
    fn a_file_that_takes_nothing_refuses_lines_once_enough_are_gathered_and_holds_no_more() {
        let mut gather = Gather::default();
        gather.open(OpenOptions::new().write(true).open("/dev/full").unwrap(), b"");
        let taken = (0..1000).filter(|_| gather.append(b'\n', |pen| pen.text(&[b'x'; 1000])).is_ok()).count();
        assert_eq!((taken, gather.lines.len()), (GATHERED.div_ceil(1000), taken * 1000));
        assert!(gather.write_out().is_err());
    }
}
