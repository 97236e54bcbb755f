//! Raw bindings to the system DPDK: no safety, no policy, no packets.
//!
//! **Owns** the list of what is bound (`build.rs`), the symbols for DPDK's static inlines (`shim.c`) and the constants
//! that are macros in C (`shim.h`). **May touch** nothing of Rust's but the C types. **Order** below everything:
//! only `engine/src/dpdk/` calls it, and gives it types that cannot be used in the wrong order.
//!
//! Contracts are those of the DPDK API documentation of the function of the same name; `shim_*` functions stand for
//! the inline that `shim.h` names. Only DPDK 22.11 has been built against.

#![allow(non_camel_case_types, non_upper_case_globals, non_snake_case, clippy::all, unsafe_op_in_unsafe_fn)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));

/// The version of DPDK whose headers this was built against, as pkg-config says it: `22.11.11`.
pub const DPDK_BUILD_VERSION: &str = env!("DPDK_BUILD_VERSION");
