//! Scenarios: what can be played, one row each.
//!
//! **Owns** the table. **May touch** sessions. **Order** read by `compose` and by `parshall-traffic --list`.
//!
//! A scenario that aims at one event scripts it with faults at chosen segments; one that is ordinary traffic leaves
//! chance to the dice. Where a scenario knows how many records its key must give, it says so, and a capture in which it
//! comes to another number is not made.

mod analysis;
mod life;
mod reuse;
mod opening;
mod plain;
mod udp;
mod icmp;
mod other;
mod fragments;
mod link;
mod malformed;

use super::session::Session;

/// One scenario.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Name, for `--scenario`.
    pub name: &'static str,
    /// What it shows.
    pub help: &'static str,
    /// How often it is drawn in mixed traffic.
    pub weight: u32,
    pub(crate) play: fn(&mut Session<'_>),
}

macro_rules! scenarios {
    ($($module:ident::$name:ident $weight:literal $help:literal;)*) => {
        /// All scenarios.
        pub const SCENARIOS: &[Scenario] = &[
            $(Scenario { name: stringify!($name), help: $help, weight: $weight, play: $module::$name },)*
        ];
    };
}

scenarios! {
    plain::tcp_plain 300 "TCP request and response over a path without faults";
    plain::tcp_random 300 "TCP with several exchanges, random hosts, and faults of the network";
    plain::tcp_bulk 20 "a longer transfer with faults of the network";
    plain::tcp_lossy 40 "TCP over a bad path: ten times the faults";
    plain::tcp_both_ways 20 "both sides send at the same time";
    plain::tcp_options 40 "hosts without, or with some of the options, on one or both sides";
    plain::sequence_wrap 20 "initial sequence numbers just below 2^32 on both sides";
    plain::offload 10 "segments of many MSS, as a tap on a host with TSO and GRO sees them";
    plain::ecn 10 "ECN offered in the handshake";
    plain::capture_loss 10 "the probe misses segments that arrive all the same";
    plain::mirror_duplicates 10 "a mirror port that copies frames twice";
    plain::snapped 10 "frames captured up to 96 bytes";
    analysis::fast_retransmit_before 10 "a segment lost before the probe, sent again after duplicate ACKs";
    analysis::fast_retransmit_after 10 "a segment lost behind the probe, sent again after duplicate ACKs";
    analysis::fast_retransmit_without_sack 5 "the same between hosts without SACK, two segments lost";
    analysis::timeout_before 10 "the end of a transfer lost before the probe, sent again after a timeout";
    analysis::timeout_after 10 "the end of a transfer lost behind the probe, sent again after a timeout";
    analysis::timeout_twice 5 "the same segment lost three times";
    analysis::tail_loss_probe 10 "the last segment lost and brought by a tail loss probe";
    analysis::unneeded_rto_ack_lost_after 5 "all ACKs lost behind the probe: sent again without need, and the probe knows";
    analysis::unneeded_rto_ack_lost_before 5 "all ACKs lost before the probe: sent again without need, the DSACK tells";
    analysis::unneeded_rto_ack_late 5 "an ACK later than the timeout";
    analysis::unneeded_rto_data_late 5 "a segment so late behind the probe that it is sent again";
    analysis::unneeded_fast_retransmit 5 "reordering behind the probe mistaken for loss";
    analysis::reordering_before 10 "a segment overtaken before the probe";
    analysis::overtaken_by_retransmission 3 "a segment so late before the probe that its retransmission comes first";
    analysis::network_duplicate_before 5 "a segment doubled before the probe";
    analysis::network_duplicate_after 5 "a segment doubled behind the probe";
    analysis::zero_window 10 "a receiver that stops reading, window probes without payload";
    analysis::zero_window_bytes 10 "the same with window probes of one byte";
    analysis::keep_alive 10 "keep-alives without payload on an idle connection";
    analysis::keep_alive_byte 5 "keep-alives with one byte of garbage";
    analysis::repacketized 5 "lost small segments sent again as one";
    opening::half_open 10 "a SYN without answer, sent again";
    opening::half_open_long 3 "the same, with a pause longer than the single-packet timeout";
    opening::syn_scan 3 "SYNs to many ports of one host: some refused, most without answer";
    opening::refused 10 "a SYN answered by RST";
    opening::syn_lost_before 5 "a SYN lost before the probe, sent again";
    opening::syn_lost_after 5 "a SYN lost behind the probe, sent again";
    opening::syn_ack_lost 5 "a SYN+ACK lost behind the probe";
    opening::syn_other_isn 3 "a SYN without answer, then one with another initial sequence number";
    opening::simultaneous_open 3 "both sides send a SYN";
    opening::client_gone 3 "a SYN whose sender never answers the SYN+ACK";
    life::reset_by_client 10 "the client resets after an exchange";
    life::reset_by_server 10 "the server resets after an exchange";
    life::reset_mid_transfer 10 "the client resets while the server sends; late data is reset too";
    life::half_close 10 "the client closes, the server goes on sending";
    life::trailing_after_close 5 "packets soon after the close join the flow, late ones are a flow of their own";
    life::midstream 20 "the capture begins in the middle of a connection";
    life::one_way_client 5 "only the client's packets pass the probe";
    life::one_way_server 5 "only the server's packets pass the probe";
    life::idle_gap 3 "a connection that is quiet for longer than the idle timeout";
    life::long_lived 3 "a connection of many minutes with a packet every ten seconds, for active timeouts";
    life::left_open 10 "a connection that nobody closes";
    life::peer_vanishes 5 "the server is switched off in the middle of a transfer";
    reuse::reuse_after_close 5 "the same ports again, seconds after the close";
    reuse::reuse_while_lingering 5 "the same ports again at once: the linger does not hold the new SYN";
    reuse::reuse_after_reset 5 "the same ports again after a reset";
    reuse::reuse_after_idle 3 "the same ports again after the idle timeout";
    reuse::reuse_midstream 3 "a SYN on a flow that began midstream";
    reuse::challenge_ack 3 "a SYN with another sequence number on an open connection";
    udp::dns 300 "a question and its answer";
    udp::udp_exchange 60 "datagrams both ways";
    udp::udp_one_way 30 "datagrams that nobody answers";
    udp::udp_single 20 "one datagram";
    udp::udp_empty 5 "datagrams without payload";
    udp::udp_gap 3 "datagrams with a pause longer than the idle timeout";
    udp::udp_long 3 "a datagram every ten seconds for many minutes";
    icmp::ping 30 "echo requests and replies, several identifiers between the same hosts";
    icmp::ping_unanswered 5 "echo requests without reply";
    icmp::icmp_timestamp 3 "timestamp requests and replies";
    icmp::unreachable 10 "port unreachable that quotes a datagram of the capture";
    icmp::ping6 15 "ICMPv6 echo";
    icmp::neighbor_discovery 15 "neighbor solicitation and advertisement";
    other::sctp 10 "an association from INIT to SHUTDOWN COMPLETE";
    other::igmp 5 "membership reports with router alert";
    other::ospf 5 "hellos: a protocol without ports";
    other::ipv4_options 10 "TCP in IPv4 with options";
    other::ipv6_extensions 10 "TCP in IPv6 with hop-by-hop and destination options";
    fragments::fragments_v4 10 "a datagram in three fragments, in order";
    fragments::fragments_v6 10 "the same in IPv6";
    fragments::fragments_late_first 5 "later fragments before the first one";
    fragments::fragment_orphans 5 "later fragments without a first one";
    fragments::fragments_icmp 5 "an echo request in fragments";
    link::vlan 20 "802.1Q";
    link::qinq 10 "802.1ad around 802.1Q";
    link::arp 20 "ARP request and reply";
    link::lldp 5 "LLDP";
    link::spanning_tree 5 "802.3 with LLC";
    link::unknown_ethertype 5 "an Ethertype for experiments";
    malformed::bad_ihl 3 "IPv4 header length below 20";
    malformed::bad_total_length 3 "IPv4 total length below the header's";
    malformed::wrong_version 3 "an Ethertype of IPv4 with another version nibble";
    malformed::truncated_ip 3 "a frame that ends inside the IP header";
    malformed::truncated_transport 3 "captured up to the second byte of the transport header";
    malformed::beyond_wire 3 "IP total length beyond the frame: stays in its flow";
    malformed::zero_total_length 3 "IPv4 total length 0, which the sender's NIC would fill in: stays in its flow";
    malformed::bad_data_offset 3 "TCP data offset below 5: stays in its flow";
    malformed::bad_udp_length 3 "UDP length beyond the packet: stays in its flow";
    malformed::short_udp_length 3 "UDP length below 8: stays in its flow";
}

#[cfg(test)]
mod tests {
    use super::SCENARIOS;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_every_scenario_is_explained() {
        assert_eq!(SCENARIOS.iter().map(|one| one.name).collect::<BTreeSet<_>>().len(), SCENARIOS.len());
        assert!(SCENARIOS.iter().all(|one| !one.help.is_empty() && one.weight > 0));
    }
}
