//! What DPDK's translation of a filter needs before it is loaded.
//!
//! **Owns** three changes to eBPF instructions. **May touch** nothing else. **Order** called by `bpf` between converting and
//! loading.
//!
//! - `len` of an expression is read from where `shim_mbuf_stand_for` puts the length on the wire, not from `pkt_len`.
//! - A load of one byte at a computed place (`icmp[icmptype]`, behind an IPv4 header) comes out of `rte_bpf_convert` of DPDK 22.11
//!   without the register that holds the place, where loads of two and four bytes have it.
//! - The x86 compiler of DPDK 22.11 writes a jump on bits (`tcp[tcpflags] & tcp-syn != 0`) with a constant below 128 as an
//!   instruction that does not exist (`emit_tst_imm` in bpf_jit_x86.c: TEST has no form with one byte), which kills the process.
//!   Such a constant goes through a register that no translation uses.

use bytemuck::{Pod, Zeroable};
use dpdk_sys as ffi;

const _: () =
    assert!(cfg!(target_endian = "little"), "the registers of an instruction lie in the other order otherwise");

/// One instruction (DPDK: `struct ebpf_insn`, bpf_def.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Instruction {
    code: u8,
    /// Destination in the lower half, source in the upper one.
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// BPF_LD | BPF_IND | BPF_B, and the register that a translation has classic BPF's X in.
const LOAD_BYTE_AT: u8 = 0x50;
const INDEX: u8 = 7;
/// BPF_LDX | BPF_MEM | BPF_W.
const LOAD_WORD: u8 = 0x61;
/// BPF_JMP | BPF_JSET | BPF_K, and | BPF_X.
const JUMP_BITS: u8 = 0x45;
const JUMP_BITS_REGISTER: u8 = 0x4d;
/// BPF_ALU | EBPF_MOV | BPF_K.
const MOVE: u8 = 0xb4;
/// BPF_JMP: the class of all jumps, and the two of it that jump nowhere: EBPF_CALL, EBPF_EXIT.
const JUMP_CLASS: u8 = 0x05;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
/// The register that a translation has the mbuf in, and one that it does not use.
const CONTEXT: u8 = 6;
const SPARE: u8 = 9;

impl Instruction {
    fn jumps(self) -> bool {
        self.code & 0x07 == JUMP_CLASS && self.code != CALL && self.code != EXIT
    }

    /// What it becomes: itself, or two.
    fn parts(self) -> (Option<Instruction>, Instruction) {
        if self.code == LOAD_WORD && self.registers >> 4 == CONTEXT && self.offset == ffi::SHIM_MBUF_PKT_LEN as i16 {
            return (None, Instruction { offset: ffi::SHIM_MBUF_WIRE_LEN as i16, ..self });
        }
        if self.code == LOAD_BYTE_AT {
            return (None, Instruction { registers: self.registers & 0x0f | INDEX << 4, ..self });
        }
        if self.code == JUMP_BITS && (-128..128).contains(&self.immediate) {
            let load = Instruction { code: MOVE, registers: SPARE, offset: 0, immediate: self.immediate };
            let registers = self.registers & 0x0f | SPARE << 4;
            return (Some(load), Instruction { code: JUMP_BITS_REGISTER, registers, immediate: 0, ..self });
        }
        (None, self)
    }
}

/// The mended program; `None` when a jump became too far.
pub(super) fn mend(program: &[Instruction]) -> Option<Vec<Instruction>> {
    // Where each instruction begins in the mended program, and where that ends.
    let mut places = Vec::with_capacity(program.len() + 1);
    let mut place = 0_usize;
    for instruction in program {
        places.push(place);
        place += 1 + usize::from(instruction.parts().0.is_some());
    }
    places.push(place);
    let mut mended = Vec::with_capacity(place);
    for (index, instruction) in program.iter().enumerate() {
        let (before, mut last) = instruction.parts();
        mended.extend(before);
        if instruction.jumps() {
            let target = (index + 1).checked_add_signed(isize::from(instruction.offset))?;
            let from = mended.len() + 1;
            last.offset =
                i16::try_from(isize::try_from(*places.get(target)?).ok()? - isize::try_from(from).ok()?).ok()?;
        }
        mended.push(last);
    }
    Some(mended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instruction(code: u8, registers: u8, offset: i16, immediate: i32) -> Instruction {
        Instruction { code, registers, offset, immediate }
    }

    #[test]
    fn jumps_over_what_grew_still_reach_their_targets() {
        let program = [
            instruction(0x15, 0, 2, 6),           // if r0 == 6 go 3
            instruction(JUMP_BITS, 0, 1, 0x12),   // if r0 & 0x12 go 3
            instruction(JUMP_BITS, 0, -2, 0x1ff), // if r0 & 0x1ff go 1
            instruction(EXIT, 0, 0, 0),
        ];
        let want = [
            instruction(0x15, 0, 3, 6),
            instruction(MOVE, SPARE, 0, 0x12),
            instruction(JUMP_BITS_REGISTER, SPARE << 4, 1, 0),
            instruction(JUMP_BITS, 0, -3, 0x1ff),
            instruction(EXIT, 0, 0, 0),
        ];
        assert_eq!(mend(&program), Some(want.to_vec()));
    }

    #[test]
    fn only_the_length_of_the_mbuf_is_read_elsewhere() {
        let pkt_len = ffi::SHIM_MBUF_PKT_LEN as i16;
        let of_mbuf = instruction(LOAD_WORD, CONTEXT << 4, pkt_len, 0);
        let of_stack = instruction(LOAD_WORD, 10 << 4, pkt_len, 0);
        let want = Instruction { offset: ffi::SHIM_MBUF_WIRE_LEN as i16, ..of_mbuf };
        assert_eq!(mend(&[of_mbuf, of_stack]), Some(vec![want, of_stack]));
    }

    #[test]
    fn a_byte_at_a_computed_place_is_read_at_that_place() {
        let load = instruction(LOAD_BYTE_AT, 0, 0, 27);
        assert_eq!(mend(&[load]), Some(vec![Instruction { registers: INDEX << 4, ..load }]));
    }

    #[test]
    fn a_jump_out_of_the_program_is_no_program() {
        assert_eq!(mend(&[instruction(0x05, 0, 7, 0)]), None);
        assert_eq!(mend(&[instruction(0x05, 0, -7, 0)]), None);
    }
}
