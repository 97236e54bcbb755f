//! The one EAL of the process: never started, up, given up, or over.
//!
//! **Owns** the process-wide state that DPDK has whether we like it or not. Written by `eal` on the main lcore and by
//! `port` when a driver must not be touched again; read by `eal`. **May touch** nothing else.

use std::sync::atomic::{AtomicU8, Ordering};

static STATE: AtomicU8 = AtomicU8::new(NEVER);

const NEVER: u8 = 0;
const UP: u8 = 1;
/// Up, but cleaning up would run into a driver's broken state.
const GIVEN_UP: u8 = 2;
const OVER: u8 = 3;

/// Claims the EAL for the caller; false where it was claimed before.
pub(super) fn take() -> bool {
    STATE.compare_exchange(NEVER, UP, Ordering::AcqRel, Ordering::Acquire).is_ok()
}

/// Leaves the EAL's memory and devices to the operating system when the process ends.
pub(super) fn give_up() {
    STATE.store(GIVEN_UP, Ordering::Release);
}

/// Ends the claim; true where the EAL may be cleaned up.
pub(super) fn end() -> bool {
    STATE.swap(OVER, Ordering::AcqRel) == UP
}
