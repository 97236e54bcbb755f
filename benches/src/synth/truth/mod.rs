//! The truth: what a probe must say of the traffic that passed it.
//!
//! **Owns** flow truths, anomalies and books. **May touch** what the models know, never the bytes of a frame.
//! **Order** a `ledger` takes each packet of one key as it passes; `compose` closes the ledgers when the capture ends.
//!
//! A key of the contract that it leaves open in a given flow (the round-trip time of a SYN that was sent twice, say) is
//! not in that flow's truth; [`flow::FlowTruth::open`] names it. A key that must be absent from the record is `null`.

pub(crate) mod first;
pub mod flow;
pub mod anomaly;
pub mod books;
pub(crate) mod volume;
pub(crate) mod ledger;
pub(crate) mod tcp;
