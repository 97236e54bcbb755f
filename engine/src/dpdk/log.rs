//! What DPDK logs and prints, handed to the program in lines.
//!
//! **Owns** the stream that DPDK logs into, the line that is not finished yet, and standard output while the EAL starts.
//! **May touch** nothing else: who takes the lines writes them. **Order** [`route`] before the EAL starts, once; lines come
//! on whichever thread DPDK logs from, lcores included, so that who takes them must neither wait nor log through DPDK.
//!
//! EAL prints its usage to standard output when it does not understand an argument. Standard output is for data, so it
//! stands aside until the EAL is up, and what was printed is handed on as [`Severity::Debug`].

use dpdk_sys as ffi;
use std::ffi::{c_char, c_int};
use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::FromRawFd;
use std::sync::{Mutex, OnceLock, PoisonError};

/// How bad it is. DPDK: `RTE_LOG_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The process is about to end: `RTE_LOG_CRIT` and worse.
    Critical,
    /// `RTE_LOG_ERR`.
    Error,
    /// `RTE_LOG_WARNING`.
    Warning,
    /// `RTE_LOG_NOTICE`, `RTE_LOG_INFO`.
    Info,
    /// `RTE_LOG_DEBUG`.
    Debug,
}

impl Severity {
    const fn of(level: u32) -> Severity {
        const NOTICE: u32 = ffi::SHIM_LOG_WARNING + 1;
        match level {
            0..=ffi::SHIM_LOG_CRIT => Severity::Critical,
            ffi::SHIM_LOG_ERR => Severity::Error,
            ffi::SHIM_LOG_WARNING => Severity::Warning,
            NOTICE..=ffi::SHIM_LOG_INFO => Severity::Info,
            _ => Severity::Debug,
        }
    }
}

/// A line is cut here, so that a driver that never ends one cannot take memory. Unit: bytes.
const LONGEST: usize = 4096;

/// What EAL may print at its start; the rest is left out. Unit: bytes.
const PRINTED: u64 = 64 << 10;

type Take = Box<dyn Fn(Severity, &str) + Send + Sync>;

static TAKE: OnceLock<Take> = OnceLock::new();
static BEGUN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Hands every line that DPDK logs to `take` from now on. Only the first call counts; false for any other, and where the
/// stream cannot be made, which leaves DPDK's log on standard error. DPDK: `rte_openlog_stream`.
pub fn route(take: impl Fn(Severity, &str) + Send + Sync + 'static) -> bool {
    if TAKE.set(Box::new(take)).is_err() {
        return false;
    }
    // SAFETY: the callback is a function for the life of the process; called once, as TAKE was set just now.
    unsafe { ffi::shim_log_to(Some(piece)) == 0 }
}

extern "C" fn piece(level: u32, text: *const c_char, length: usize) {
    let Some(take) = TAKE.get() else { return };
    if text.is_null() {
        return;
    }
    // SAFETY: the stream gives `length` bytes at `text`, which stay until this function returns.
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) };
    let mut begun = BEGUN.lock().unwrap_or_else(PoisonError::into_inner);
    lines(&mut begun, bytes, |line| take(Severity::of(level), line));
}

/// Adds `bytes` to the line that has begun, and hands on every line that ends.
fn lines(begun: &mut Vec<u8>, bytes: &[u8], mut each: impl FnMut(&str)) {
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        let ends = piece.ends_with(b"\n");
        let room = LONGEST.saturating_sub(begun.len()).min(piece.len());
        begun.extend_from_slice(&piece[..room]);
        if ends || begun.len() == LONGEST {
            let line = String::from_utf8_lossy(begun);
            let line = line.trim_end();
            if !line.is_empty() {
                each(line);
            }
            begun.clear();
        }
    }
}

/// Starts the EAL while standard output stands aside. DPDK: `rte_eal_init`.
///
/// # Safety
/// As for `rte_eal_init`: `argv` holds `argc` writable strings and a null that live on; called once in the process.
pub(super) unsafe fn init(argc: c_int, argv: *mut *mut c_char) -> c_int {
    let mut said = -1;
    // SAFETY: the caller's promise; `said` is writable and lives through the call.
    let parsed = unsafe { ffi::shim_eal_init(argc, argv, &raw mut said) };
    if said >= 0 {
        // SAFETY: a descriptor that was made for this call and is nobody else's.
        let file = unsafe { File::from_raw_fd(said) };
        printed(file);
    }
    parsed
}

/// Hands on what was printed.
fn printed(mut file: File) {
    let mut text = Vec::new();
    let read = file.rewind().and_then(|()| file.take(PRINTED).read_to_end(&mut text));
    if let (Some(take), Ok(_)) = (TAKE.get(), read) {
        text.push(b'\n');
        lines(&mut Vec::new(), &text, |line| take(Severity::Debug, line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_lines_however_they_are_cut() {
        let (mut begun, mut seen) = (Vec::new(), Vec::new());
        for piece in [&b"EAL: De"[..], b"tected\nEAL: two\n\n", b"rest", b"\n"] {
            lines(&mut begun, piece, |line| seen.push(line.to_owned()));
        }
        assert_eq!(seen, ["EAL: Detected", "EAL: two", "rest"]);
    }

    #[test]
    fn a_line_that_never_ends_is_cut() {
        let (mut begun, mut seen) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            lines(&mut begun, &[b'x'; 1000], |line| seen.push(line.len()));
        }
        assert!(begun.len() < LONGEST && !seen.is_empty() && seen.iter().all(|length| *length == LONGEST), "{seen:?}");
    }

    #[test]
    fn levels_of_dpdk_are_told_apart() {
        let all = [1, 2, 3, 4, 5, 6, 7, 8].map(Severity::of);
        use Severity::{Critical, Debug, Error, Info, Warning};
        assert_eq!(all, [Critical, Critical, Critical, Error, Warning, Info, Info, Debug]);
    }
}
