//! The "NIC statistics" block of testpmd, to the blank: scripts that parse testpmd's parse ours.
//!
//! **Owns** the layout (DPDK 22.11, `nic_stats_display` in app/test-pmd/config.c) and each port's figures of the block
//! before, for the rates. **May touch** port snapshots. **Order** called by `run` once per `--stats-period`.

use parshall_engine::merge::snapshot::PortSnapshot;
use parshall_engine::time::Nanos;
use std::collections::HashMap;

/// What testpmd prints before the blocks of one period.
pub const HEADING: &str = "\nPort statistics ====================================";

/// What testpmd prints before that, to clear a terminal.
pub const CLEAR: &str = "\u{1b}[2J\u{1b}[1;1H";

const BORDER: &str = "########################";

/// See the module.
#[derive(Debug, Default)]
pub struct NicStatistics {
    before: HashMap<u16, (Nanos, u64, u64)>,
}

impl NicStatistics {
    /// The block of one port at `now`, beginning and ending with a line break. Rates are over the time since the block
    /// before, 0 in the first.
    pub fn block(&mut self, port: &PortSnapshot, now: Nanos) -> String {
        let before = self.before.insert(port.port, (now, port.ipackets, port.ibytes));
        let (pps, bps) = before.map_or((0, 0), |(then, packets, bytes)| {
            let nanos = now.since(then);
            let packets = per_second(port.ipackets.saturating_sub(packets), nanos);
            (packets, per_second(port.ibytes.saturating_sub(bytes), nanos).saturating_mul(8))
        });
        format!(
            "\n  {BORDER} NIC statistics for port {:<2} {BORDER}\n\
             \x20 RX-packets: {:<10} RX-missed: {:<10} RX-bytes:  {}\n\
             \x20 RX-errors: {}\n\
             \x20 RX-nombuf:  {:<10}\n\
             \x20 TX-packets: {:<10} TX-errors: {:<10} TX-bytes:  {}\n\
             \n  Throughput (since last show)\n\
             \x20 Rx-pps: {pps:>12}          Rx-bps: {bps:>12}\n\
             \x20 Tx-pps: {:>12}          Tx-bps: {:>12}\n\
             \x20 {BORDER}############################{BORDER}\n",
            port.port, port.ipackets, port.imissed, port.ibytes, port.ierrors, port.rx_nombuf, 0, 0, 0, 0, 0
        )
    }
}

fn per_second(count: u64, nanos: u64) -> u64 {
    if nanos == 0 { 0 } else { (count as f64 * 1e9 / nanos as f64) as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen from dpdk-testpmd 22.11.11 over net_pcap.
    const SEEN: &str = "
  ######################## NIC statistics for port 0  ########################
  RX-packets: 193        RX-missed: 0          RX-bytes:  66327
  RX-errors: 0
  RX-nombuf:  0         \n  TX-packets: 0          TX-errors: 0          TX-bytes:  0

  Throughput (since last show)
  Rx-pps:            0          Rx-bps:            0
  Tx-pps:            0          Tx-bps:            0
  ############################################################################
";

    #[test]
    fn the_block_is_testpmds_to_the_blank() {
        let port = PortSnapshot { ipackets: 193, ibytes: 66_327, ..PortSnapshot::default() };
        assert_eq!(NicStatistics::default().block(&port, Nanos(5)), SEEN);
    }

    #[test]
    fn rates_are_those_since_the_block_before_of_the_same_port() {
        let port =
            |number, ipackets, ibytes| PortSnapshot { port: number, ipackets, ibytes, ..PortSnapshot::default() };
        let mut statistics = NicStatistics::default();
        statistics.block(&port(0, 100, 1000), Nanos(0));
        statistics.block(&port(1, 5, 5), Nanos(0));
        let block = statistics.block(&port(0, 300, 5000), Nanos(2_000_000_000));
        assert!(block.contains("  Rx-pps:          100          Rx-bps:        16000\n"), "{block}");
        let cleared = statistics.block(&port(0, 0, 0), Nanos(3_000_000_000));
        assert!(cleared.contains("  Rx-pps:            0          Rx-bps:            0\n"), "{cleared}");
    }
}
