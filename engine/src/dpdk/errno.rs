//! Error numbers as DPDK returns them, with their names.
//!
//! **Owns** the table of names. **May touch** nothing but `rte_errno` of the calling thread.

use std::fmt;

/// A positive error number of the operating system or of DPDK (`rte_errno.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub i32);

/// Numbers that DPDK and its drivers return, on Linux. `E_RTE_*`: `rte_errno.h`.
const NAMES: &[(i32, &str, &str)] = &[
    (1, "EPERM", "not permitted"),
    (2, "ENOENT", "no such thing"),
    (4, "EINTR", "interrupted"),
    (5, "EIO", "input/output error"),
    (6, "ENXIO", "no such device or address"),
    (7, "E2BIG", "too many arguments"),
    (9, "EBADF", "bad file descriptor"),
    (11, "EAGAIN", "a resource is busy"),
    (12, "ENOMEM", "out of memory"),
    (13, "EACCES", "permission denied"),
    (14, "EFAULT", "bad address"),
    (16, "EBUSY", "busy"),
    (17, "EEXIST", "exists already"),
    (19, "ENODEV", "no such device"),
    (22, "EINVAL", "invalid argument"),
    (23, "ENFILE", "too many open files in the system"),
    (24, "EMFILE", "too many open files"),
    (28, "ENOSPC", "no space left"),
    (34, "ERANGE", "out of range"),
    (36, "ENAMETOOLONG", "name too long"),
    (38, "ENOSYS", "not implemented"),
    (71, "EPROTO", "protocol error"),
    (95, "ENOTSUP", "not supported"),
    (105, "ENOBUFS", "no buffer space"),
    (110, "ETIMEDOUT", "timed out"),
    (111, "ECONNREFUSED", "connection refused"),
    (114, "EALREADY", "already done"),
    (1001, "E_RTE_SECONDARY", "not allowed in a secondary process"),
    (1002, "E_RTE_NO_CONFIG", "no configuration"),
];

impl Errno {
    /// Invalid argument.
    pub const INVALID: Errno = Errno(22);
    /// Out of memory.
    pub const NO_MEMORY: Errno = Errno(12);
    /// Permission denied.
    pub const ACCESS: Errno = Errno(13);
    /// Not permitted.
    pub const PERMISSION: Errno = Errno(1);
    /// No such device.
    pub const NO_DEVICE: Errno = Errno(19);
    /// Not implemented.
    pub const NO_CALL: Errno = Errno(38);
    /// Not supported.
    pub const UNSUPPORTED: Errno = Errno(95);
    /// Busy.
    pub const BUSY: Errno = Errno(16);

    /// `rte_errno` of the calling thread.
    pub(super) fn last() -> Errno {
        // SAFETY: rte_errno is a variable of the calling thread; reading it has no precondition.
        Errno(unsafe { dpdk_sys::shim_errno() })
    }

    /// The number behind what a DPDK function returned that returns a negative errno.
    pub(super) const fn of(returned: i32) -> Errno {
        Errno(returned.wrapping_abs())
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, ..)| *number == self.0) {
            Some((_, name, meaning)) => write!(f, "{name} ({meaning})"),
            None => write!(f, "error {}", self.0),
        }
    }
}

/// Turns a DPDK return value (negative on failure) into a result.
pub(super) const fn checked(returned: i32) -> Result<i32, Errno> {
    if returned < 0 { Err(Errno::of(returned)) } else { Ok(returned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_number_prints_its_name_and_an_unknown_one_itself() {
        assert_eq!(Errno::INVALID.to_string(), "EINVAL (invalid argument)");
        assert_eq!(Errno(4711).to_string(), "error 4711");
    }

    #[test]
    fn only_negative_returns_are_failures() {
        assert_eq!(checked(3), Ok(3));
        assert_eq!(checked(-12), Err(Errno::NO_MEMORY));
    }

    #[test]
    fn the_table_is_sorted_so_that_no_number_stands_twice() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
