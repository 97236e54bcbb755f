//! What flows of SCTP and ESP have beside their two lines. Mapped for every slot, touched only by such flows.
//!
//! **Owns** the layout. **May touch** its own memory only. **Order** written by `track::extra`, read when a record is made.

use bytemuck::{Pod, Zeroable};

/// Chunks of one direction of an SCTP association (RFC 9260 section 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct SctpChunks {
    /// DATA and I-DATA (RFC 8260).
    pub data: u32,
    /// All others.
    pub control: u32,
    /// Of these, SACK.
    pub sack: u32,
    /// Of these, INIT and INIT ACK.
    pub init: u32,
    /// Of these, ABORT.
    pub abort: u32,
}

/// Security parameters indexes of one direction of an ESP flow (RFC 4303 section 2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct EspSpis {
    /// Packets whose SPI was captured.
    pub seen: u32,
    /// Of the first of them.
    pub first: u32,
    /// Of the latest of them.
    pub latest: u32,
    /// How often it was another one than before.
    pub changes: u32,
    unused: u32,
}

/// Both directions, client first: of SCTP or of ESP, as the flow's protocol says. Zeroed is nothing counted.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct Extra([[u32; 5]; 2]);

impl Extra {
    /// Of an SCTP flow.
    pub fn sctp(&mut self) -> &mut [SctpChunks; 2] {
        bytemuck::cast_mut(&mut self.0)
    }

    /// Of an ESP flow.
    pub fn esp(&mut self) -> &mut [EspSpis; 2] {
        bytemuck::cast_mut(&mut self.0)
    }

    /// What an SCTP flow counted.
    #[must_use]
    pub fn sctp_chunks(&self) -> [SctpChunks; 2] {
        bytemuck::cast(self.0)
    }

    /// What an ESP flow saw.
    #[must_use]
    pub fn esp_spis(&self) -> [EspSpis; 2] {
        bytemuck::cast(self.0)
    }
}
