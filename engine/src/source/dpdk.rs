//! DPDK queues as a source.
