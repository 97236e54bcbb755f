//! How many files this process may have open.
//!
//! **Owns** the soft limit. **May touch** this process's limits. **Order** asked by `read` before it opens its captures, which
//! are all open at once: they are merged by time.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is open beside captures: sinks, sockets, files of the order window.
const SPARE: u64 = 64;

/// Lets so many captures be open at once, as far as the hard limit goes.
///
/// # Errors
/// A sentence: the hard limit is lower.
pub(crate) fn allow(captures: usize) -> Result<(), String> {
    let limits = getrlimit(Resource::Nofile);
    let wanted = captures as u64 + SPARE;
    if limits.current.is_none_or(|soft| soft >= wanted) {
        return Ok(());
    }
    if setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limits }).is_ok() {
        return Ok(());
    }
    let allowed = limits.maximum.unwrap_or_default();
    Err(format!(
        "{captures} captures are open at once, and this process may open {allowed} files; raise that: ulimit -n {wanted}"
    ))
}
