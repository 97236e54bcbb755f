//! Bytes of frames: what the models decided, written as RFCs want it, and wrong only where a scenario asks for it.
//!
//! **Owns** the formats of links, IP, TCP, UDP, ICMP, SCTP and some small protocols, with right checksums.
//! **May touch** nothing. **Order** called by `session` and the scenarios, for each frame that passes the probe.

pub(crate) mod checksum;
pub(crate) mod icmp;
pub(crate) mod ip;
pub(crate) mod link;
pub(crate) mod sctp;
pub(crate) mod tcp;
pub(crate) mod udp;
