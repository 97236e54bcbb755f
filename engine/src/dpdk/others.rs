//! What other processes of DPDK find here: packet capture, and commands of our own on the telemetry socket.
//!
//! **Owns** the commands. **May touch** DPDK's multi-process and telemetry threads, which call what was registered.
//! **Order** captures are allowed when the EAL has started; commands are registered once, at any time, and answered on DPDK's
//! telemetry thread from what the program gives them: never from a worker.
//!
//! `dpdk-dumpcap` and `dpdk-pdump` are secondary processes: they attach to an EAL that runs with hugepages and without
//! `--no-shconf`, and set a receive callback on the queues that they want, which copies packets on the worker's lcore. Where
//! nobody may attach this costs nothing. They ask for both directions and are refused on a port without transmit queues, so a port
//! has one that stays empty (`--txq`).

use dpdk_sys as ffi;
use std::ffi::{CStr, CString};
use std::sync::OnceLock;

/// A value of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Count(u64),
    /// A text of up to 127 bytes; longer ones are cut.
    Text(String),
}

/// A command: its name, `/parshall/...`, what it does, and what answers it.
pub struct Command {
    /// Its path.
    pub name: &'static CStr,
    /// What it does, in a line.
    pub help: &'static CStr,
    /// Names and values, 256 at the most; called on DPDK's telemetry thread.
    pub answer: Box<dyn Fn() -> Vec<(String, Value)> + Send + Sync>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Command").field("name", &self.name).finish_non_exhaustive()
    }
}

static COMMANDS: OnceLock<Vec<Command>> = OnceLock::new();

/// Longest text of an answer. DPDK: `RTE_TEL_MAX_STRING_LEN`, with its NUL.
const TEXT: usize = 127;

/// Registers the commands. Only the first call counts; false where one could not be registered. DPDK:
/// `rte_telemetry_register_cmd`.
pub fn register(commands: Vec<Command>) -> bool {
    if COMMANDS.set(commands).is_err() {
        return false;
    }
    let all = COMMANDS.get().into_iter().flatten();
    (0..ffi::SHIM_TEL_COMMANDS).zip(all).fold(true, |good, (number, command)| {
        // SAFETY: both texts are NUL-terminated and live for ever; `answer` is a function.
        let done =
            unsafe { ffi::shim_tel_register(number, command.name.as_ptr(), command.help.as_ptr(), Some(answer)) };
        good && done == 0
    })
}

extern "C" fn answer(number: u32, data: *mut ffi::rte_tel_data) {
    let Some(command) = COMMANDS.get().and_then(|all| all.get(number as usize)) else { return };
    for (name, value) in (command.answer)() {
        let Ok(name) = CString::new(name) else { continue };
        match value {
            Value::Count(count) => {
                // SAFETY: `data` is a dictionary that DPDK lends for this call; the name is copied.
                unsafe { ffi::shim_tel_count(data, name.as_ptr(), count) };
            }
            Value::Text(text) => {
                let Ok(text) = CString::new(cut(&text)) else { continue };
                // SAFETY: as above; the text is copied.
                unsafe { ffi::shim_tel_text(data, name.as_ptr(), text.as_ptr()) };
            }
        }
    }
}

/// As much of a text as fits.
fn cut(text: &str) -> &str {
    let end = (0..=TEXT.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// Lets `dpdk-dumpcap` and `dpdk-pdump` attach. DPDK: `rte_pdump_init`. Without shared configuration nobody can, and a
/// failure leaves it at that; DPDK's log says so.
pub(super) fn let_capture() {
    // SAFETY: the EAL is up, and this is its main lcore.
    unsafe { ffi::rte_pdump_init() };
}

/// Ends what [`let_capture`] began. DPDK: `rte_pdump_uninit`.
pub(super) fn end_captures() {
    // SAFETY: the EAL is still up.
    unsafe { ffi::rte_pdump_uninit() };
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("abc"), "abc");
        let long = "\u{e9}".repeat(100);
        assert_eq!((cut(&long).len(), cut(&long).chars().count()), (126, 63));
    }
}
