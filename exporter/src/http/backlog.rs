//! How much memory large answers hold while they wait for clients that read slowly.
//!
//! **Owns** the count of their bytes. **May touch** nothing. **Order** asked before an answer is sent; let go when it is out or cut.
//!
//! The gate bounds connections, which bounds answers of up to [`LARGE`]. A page of ten thousand flows is a hundred times that, and
//! clients that ask for one each and do not read would make the probe hold them all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Answers above this are counted. Unit: bytes.
pub(super) const LARGE: usize = 256 << 10;

/// Bytes of counted answers that may wait together.
pub(super) const MOST: usize = 32 << 20;

/// The count. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Backlog(Arc<AtomicUsize>);

/// So many bytes of a backlog, until this is dropped.
#[derive(Debug, Default)]
pub(super) struct Hold {
    backlog: Backlog,
    bytes: usize,
}

impl Backlog {
    /// Makes room for an answer of so many bytes; `None` when there is not enough. One that is larger than all the room there is
    /// has to be alone.
    pub(super) fn hold(&self, bytes: usize) -> Option<Hold> {
        let bytes = if bytes > LARGE { bytes } else { 0 };
        let fits = |held: usize| (bytes == 0 || held == 0 || held + bytes <= MOST).then_some(held + bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Hold { backlog: self.clone(), bytes })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.backlog.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_answers_wait_together_as_far_as_there_is_room_and_small_ones_always() {
        let backlog = Backlog::default();
        let first = backlog.hold(MOST - LARGE).unwrap();
        assert!(backlog.hold(LARGE + 1).is_none());
        let small = backlog.hold(LARGE).unwrap();
        drop(first);
        let huge = backlog.hold(2 * MOST).expect("alone");
        assert!(backlog.hold(LARGE + 1).is_none());
        drop((small, huge));
        assert!(backlog.hold(MOST).is_some(), "all of it was let go");
    }
}
