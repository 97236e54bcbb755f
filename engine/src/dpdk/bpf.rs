//! Programs of libpcap translated by DPDK's BPF library: to native code where it has a compiler for this processor.
//!
//! **Owns** a loaded program and an mbuf header that stands for the frame it is asked about. **May touch** the frame's bytes
//! through them. **Order** translated on the control side while the EAL runs; run by `sieve` once a frame: no allocation, lock or
//! system call then.
//!
//! DPDK's programs read an mbuf. The header here is of one segment, in no pool, and points at the captured bytes, so a program
//! can be asked about any frame, and sees what `decode` sees. `len` in an expression is the length on the wire: the translated
//! program reads it from a field of its own instead of `pkt_len`, which bounds what may be read.

use super::bpf_mend::{Instruction, mend};
use super::error::DpdkError;
use crate::libpcap::Program;
use dpdk_sys as ffi;
use std::ptr::NonNull;

/// What runs a program.
type Native = unsafe extern "C" fn(*mut std::ffi::c_void) -> u64;

/// A loaded program. Moves between threads (`Send`), and is used by one at a time.
pub struct Bpf {
    program: NonNull<ffi::rte_bpf>,
    native: Option<Native>,
    frame: Box<ffi::rte_mbuf>,
}

// SAFETY: the program is plain memory of DPDK's own that no thread is bound to; all access is through `&mut self`.
unsafe impl Send for Bpf {}

impl Bpf {
    /// Translates a program. DPDK: `rte_bpf_convert`, `rte_bpf_load`, `rte_bpf_get_jit`.
    ///
    /// # Errors
    /// The library knows no translation, or finds fault with its own.
    pub fn translate(program: &Program) -> Result<Bpf, DpdkError> {
        let instructions = program.instructions();
        let refused = |back: &str| {
            let asked = format!("a filter of {} instructions for DPDK's BPF library", instructions.len());
            DpdkError::runtime(asked, back, "a simpler expression may be translated")
        };
        let mut classic = ffi::bpf_program {
            bf_len: u32::try_from(instructions.len()).unwrap_or(0),
            bf_insns: instructions.as_ptr().cast_mut().cast(),
        };
        // SAFETY: `classic` names that many instructions of libpcap, alive during the call; the function reads them only, and
        // returns null or memory that rte_free gives back.
        let converted = unsafe { ffi::rte_bpf_convert(&raw mut classic) };
        if converted.is_null() {
            return Err(refused("it has no translation"));
        }
        // SAFETY: rte_bpf_convert returned it, so it points at a whole description.
        let mut described = unsafe { *converted };
        // SAFETY: `ins` points at `nb_ins` instructions of eight bytes, `struct ebpf_insn`, that live until rte_free below.
        let all = unsafe { std::slice::from_raw_parts(described.ins.cast::<Instruction>(), described.nb_ins as usize) };
        let mended = mend(all);
        // SAFETY: it was allocated by rte_bpf_convert, is freed once, and `all` is not used any more.
        unsafe { ffi::rte_free(converted.cast()) };
        let mended = mended.ok_or_else(|| refused("its jumps are too far"))?;
        described.ins = mended.as_ptr().cast();
        described.nb_ins = u32::try_from(mended.len()).unwrap_or(0);
        // SAFETY: `described` names that many instructions, alive during the call; the function copies what it keeps.
        let loaded = unsafe { ffi::rte_bpf_load(&raw const described) };
        let program = NonNull::new(loaded).ok_or_else(|| refused("its verifier refused the translation"))?;
        let mut native = ffi::rte_bpf_jit::default();
        // SAFETY: `program` is a loaded program; `native` is written.
        let found = unsafe { ffi::rte_bpf_get_jit(program.as_ptr(), &raw mut native) };
        let native = if found == 0 { native.func } else { None };
        Ok(Bpf { program, native, frame: Box::default() })
    }

    /// How it runs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.native.is_some() { "native code of DPDK's BPF library" } else { "DPDK's BPF interpreter" }
    }

    /// Whether a frame, of which `bytes` were captured and `wire_len` bytes were on the wire, matches. Bytes beyond 65,535 are
    /// not looked at. DPDK: the compiled function, or `rte_bpf_exec`.
    #[inline]
    pub fn matches(&mut self, bytes: &[u8], wire_len: u32) -> bool {
        let captured = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        let frame = &raw mut *self.frame;
        // SAFETY: `frame` is an mbuf header that nobody else uses; the call writes its fields and reads no byte of the frame.
        unsafe { ffi::shim_mbuf_stand_for(frame, bytes.as_ptr().cast(), captured, wire_len) };
        let answer = match self.native {
            // SAFETY: the function was compiled from a program that takes an mbuf and was verified to read nothing beyond its
            // fields and, checked against data_len and pkt_len, its data: `captured` bytes that live during the call.
            Some(native) => unsafe { native(frame.cast()) },
            // SAFETY: as above, by the interpreter, of a loaded program.
            None => unsafe { ffi::rte_bpf_exec(self.program.as_ptr(), frame.cast()) },
        };
        answer != 0
    }
}

impl Drop for Bpf {
    fn drop(&mut self) {
        // SAFETY: the program was loaded by `translate` and is not used any more.
        unsafe { ffi::rte_bpf_destroy(self.program.as_ptr()) };
    }
}

impl std::fmt::Debug for Bpf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bpf({})", self.kind())
    }
}
