//! Capture files as a source: pcap, pcapng, either of them gzipped, files and standard input.
//!
//! **Owns** reading of capture files, exactly: nanoseconds, wire lengths, link types, FCS taken off, and the account
//! of what could not be read. **May touch** the files it is given. **Order** a source like any other; several files
//! are one source in [`Merged`].
//!
//! ```text
//! magic (what is it) -> input (a window that moves) -> pcap | pcapng (slots in the window) -> CaptureFile -> Merged
//! ```
//!
//! Frames borrow from the window, so nothing is copied or allocated per frame, and a batch ends where the window does.
//! Reading stops at the first record that cannot be read: every packet before it is given, then [`CaptureFile::damage`]
//! says what broke. What counts as damage is what tshark 4.0 calls so, but for options of a packet that do not fit.
//!
//! - `facts` (feature libpcap) tells beforehand what `net_pcap` will deliver from a file, through the same libpcap.
//! - [`mod@write`] makes such files.

mod damage;
#[cfg(feature = "libpcap")]
pub mod facts;
mod file;
mod input;
mod interface;
mod magic;
mod merged;
mod packet;
mod pcap;
mod pcapng;
mod progress;
pub mod write;

pub use damage::{CaptureError, Damage};
pub use file::CaptureFile;
pub use merged::Merged;
pub use progress::Progress;
