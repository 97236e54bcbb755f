//! The control side: collects the workers' tallies into a snapshot and adds up flows that met on several workers.

pub mod snapshot;
