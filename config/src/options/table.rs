//! Every option, one row each.
//!
//! **Owns** names, kinds, ranges, defaults and help: command line, environment, TOML file, `--help`, the reference page and
//! the sample file are renderings of it. **May touch** nothing.
//! **Order** read before anything else. To add an option: one row here, and one line in `check` that puts it into the plan.

use super::Kind::{
    Address, Addresses, Always, Choice, Count, Duration, Interfaces, Mask, Networks, Numbers, Only, Path, Seconds,
    Sink, Size,
};
use super::Kind::{FlowFilter, PcapFilter, Text, UdpPorts, Words};
use super::Scope::{All, Both, Control, Doctor, Flows, Http, Lists, Prints, Run, Top};
use super::{Group, Opt};

/// A hundred days, the longest any span of time may be. Unit: milliseconds.
const LONGEST: u64 = 100 * 24 * 3600 * 1000;
const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;
const NEVER_SENDS: &str = "parshall receives and never sends";
const NEVER_FLUSHES: &str = "parshall never empties a queue before it starts, so a capture loses nothing";
/// What `--decap` and `--no-decap` may name: `plan::DECAP_DEFAULT`, `plan::DECAP_OPTIONAL`, and all of them.
#[rustfmt::skip]
const ENCAPS: &[&str] = &[
    "vlan", "pbb", "vntag", "mpls", "pseudowire", "pppoe", "ppp", "gre", "ipip", "vxlan", "geneve", "gtpu", "erspan", "tzsp",
    "etherip", "teredo", "l2tpv3", "all",
];

/// What live flows may be sorted by: the names of the API.
#[rustfmt::skip]
const ORDERS: &[&str] = &[
    "bytes", "packets", "payload", "retransmissions", "bits_per_second", "packets_per_second", "rtt", "duration", "start", "end",
];

/// Every option.
#[rustfmt::skip]
pub const GROUPS: &[Group] = &[
    Group { title: "Configuration and messages", options: &[
        Opt::new("config", Path, All, "none").unset("none")
            .help("TOML file with a key for every option. Command line wins over environment, over the file, over defaults."),
        Opt::new("log-format", Choice(&["text", "json"]), Both, "text")
            .help("How messages, DPDK's among them, are written to standard error."),
        Opt::new("log-level", Choice(&["error", "warn", "info", "debug"]), Both, "info")
            .help("The least that a message must be to be written. Before the -- it is the EAL's own option: what DPDK logs at all."),
        Opt::flag("quiet", Both)
            .help("Only warnings and errors; no progress bar and no summary on standard error."),
    ] },
    Group { title: "Records", options: &[
        Opt::new("sink", Sink, Both, "none").unset("none").live()
            .help("Where flow records go: scheme:target, for files with ?rotate=1h&compress=zstd (in quotes, for the shell); - is standard output. Repeatable."),
        Opt::new("record-ring", Count(64, 1 << 24), Both, "8192")
            .help("Capacity of each worker's record ring, in records of the longest kind. In run what finds it full is counted as dropped; in read the reader waits."),
        Opt::new("shutdown-timeout", Duration(0, LONGEST), Both, "30s").live()
            .help("How long the end waits for the sinks; what is left then is counted and named."),
    ] },
    Group { title: "Control", options: &[
        Opt::new("control", Path, Control, "/run/parshall/control").unset("off")
            .help("Unix socket on which parshall reload asks; run makes it where its folder is there, for its own user only."),
        Opt::flag("json", Doctor)
            .help("Prints the findings as JSON."),
        Opt::new("host-root", Path, Doctor, "/")
            .help("Looks at the host under this folder: its sys, proc, dev and etc."),
        Opt::new("live", Text, Doctor, "none").unset("none")
            .help("Asks the probe that runs at this URL instead of looking at the host: whether it is well, what it loses and why, and how much more each worker could take."),
    ] },
    Group { title: "HTTP", options: &[
        Opt::new("listen", Address, Both, "127.0.0.1:9184").in_read("off").unset("off")
            .help("Where /metrics and the API are served. An address other than loopback needs --http-token or --listen-insecure."),
        Opt::new("http-token", Text, Http, "none").unset("none")
            .help("What every request has to show, and what top, flows and stats show, as a bearer token or as the password of HTTP Basic; file:PATH takes the first line of a file."),
        Opt::flag("listen-insecure", Both)
            .help("Lets --listen be an address other than loopback: whoever reaches it can read every flow."),
        Opt::new("publish-interval", Duration(10, 3_600_000), Both, "1s").live()
            .help("How often the workers' tallies are collected and published."),
        Opt::new("live-flows", Count(0, 1_000_000), Both, "10k").live()
            .help("Live flows that the API, the top lists and the compatible metrics see at once; where there are more, the largest. 0 looks at none."),
    ] },
    Group { title: "Top lists and metrics about hosts", options: &[
        Opt::new("top-prefixes", Networks, Both, "none").unset("none").live()
            .help("Networks that are counted for /api/v1/top/prefixes; an address counts for the longest that holds it."),
        Opt::new("top-metrics", Count(0, 1000), Both, "0").live()
            .help("Serves so many entries of each top list as metrics, and the rest as other. 0 serves none: addresses are no labels then."),
        Opt::new("compat-metrics", Words(&["tcp-stream", "kdump", "packet", "tzsp"]), Both, "none").unset("none").live()
            .help("Serves the metric names of tcp-stream-exporter, kdump, packet-exporter and tzsp_packetstream_exporter for the top flows."),
        Opt::new("compat-flows", Count(1, 100_000), Both, "1000").live()
            .help("Flows that --compat-metrics serves."),
        Opt::new("max-series", Count(1000, 10_000_000), Both, "100k").live()
            .help("Series of one scrape, at most; metrics about hosts that find no room are left out and counted."),
    ] },
    Group { title: "Flows", options: &[
        Opt::new("workers", Count(1, 1024), Both, "auto").in_read("1").unset("auto")
            .help("Workers. In run they are --nb-cores; more than these are fed by software spreading where a port has no RSS."),
        Opt::new("max-flows", Count(1, u32::MAX as u64), Both, "1M")
            .help("Size of the flow table: for each worker in run, in all in read. A full table loses detail, never totals."),
        Opt::new("flow-memory", Size(MIB, 64 * TIB), Both, "off").unset("off")
            .help("Size of the flow table by memory instead of flows: for each worker in run, in all in read."),
        Opt::new("segment-memory", Size(0, 64 * TIB), Both, "64MiB")
            .help("Memory of each worker for the histories of outstanding TCP segments; when it is full, the fields that need them are left out."),
        Opt::new("idle-timeout", Duration(1, LONGEST), Both, "off").unset("off").live()
            .help("Sets the three idle timeouts below at once; the one for a protocol wins over it where both are said in the same place."),
        Opt::new("tcp-idle-timeout", Duration(1, LONGEST), Both, "300s").live()
            .help("A TCP flow ends after so much time without a packet."),
        Opt::new("udp-idle-timeout", Duration(1, LONGEST), Both, "60s").live()
            .help("A UDP flow ends after so much time without a packet."),
        Opt::new("other-idle-timeout", Duration(1, LONGEST), Both, "60s").live()
            .help("A flow of any other protocol ends after so much time without a packet."),
        Opt::new("single-packet-timeout", Duration(1, LONGEST), Both, "10s").live()
            .help("The idle timeout of flows of one packet, and of TCP flows of nothing but SYNs."),
        Opt::new("tcp-linger", Duration(0, LONGEST), Both, "5s").live()
            .help("How long trailing packets still join a closed TCP flow; 0s ends it where Tstat does."),
        Opt::new("active-timeout", Duration(1000, LONGEST), Both, "5m").in_read("off").unset("off").live()
            .help("A flow that lasts gives a record each time this has passed."),
        Opt::new("local-nets", Networks, Both, "all").unset("all").live()
            .help("Networks that count as local, for client_local and server_local."),
        Opt::new("key", Words(&["vlan", "tunnel"]), Both, "none").unset("none")
            .help("What is in a flow's key beside addresses, protocol and ports: vlan identifiers, tunnel identifiers."),
        Opt::new("duplicates", Choice(&["count", "off", "drop"]), Both, "count")
            .help("What becomes of packets that a mirror port copied twice: not looked for, counted, or counted and left out of all flows."),
        Opt::new("first-packets", Count(0, 16), Both, "0")
            .help("Records tell size, direction and gap of so many of a flow's first packets, as classifiers want them; 0 tells none. Costs 100 bytes a flow."),
    ] },
    Group { title: "Filters and sampling", options: &[
        Opt::new("filter", PcapFilter, Both, "none").unset("none").live()
            .help("Only frames that match are decoded, in the pcap-filter language, asked of the frame as it was received; the others have outcome filtered."),
        Opt::new("flow-filter", FlowFilter, Both, "none").unset("none").live()
            .help("Only packets whose flow matches are accounted, after decapsulation; the others have outcome filtered. Statements: host ADDR,... net PREFIX,... port N,N-N tcp udp proto NAME ip4 ip6 vlan N,... encap NAME:ID,...; and, or, not, parentheses. Either end may match."),
        Opt::new("sample-packets", Count(1, u32::MAX as u64), Both, "1")
            .help("1 in so many packets that pass --filter is decoded, at a random place of each group of so many; the others have outcome sampled_out."),
        Opt::new("sample-flows", Count(1, u32::MAX as u64), Both, "1")
            .help("1 in so many flows that pass --flow-filter is accounted, chosen by a hash of its key, so that all workers and all probes choose the same; packets of the others have outcome sampled_out."),
    ] },
    Group { title: "Decapsulation", options: &[
        Opt::new("decap", Words(ENCAPS), Both, "none").unset("none")
            .help("Takes these off beside what is taken off by default (all but teredo and l2tpv3)."),
        Opt::new("no-decap", Words(ENCAPS), Both, "none").unset("none")
            .help("Leaves these on, so that the outer flow is the flow; after all only what --decap names is taken off."),
        Opt::new("decap-depth", Count(0, 32), Both, "8")
            .help("How many encapsulations are taken off one frame at the most."),
        Opt::new("vxlan-ports", UdpPorts, Both, "4789,8472")
            .help("UDP destination ports of VXLAN."),
        Opt::new("vxlan-gpe-ports", UdpPorts, Both, "4790")
            .help("UDP destination ports of VXLAN-GPE."),
        Opt::new("geneve-ports", UdpPorts, Both, "6081")
            .help("UDP destination ports of Geneve."),
        Opt::new("gtpu-ports", UdpPorts, Both, "2152")
            .help("UDP ports of GTP-U."),
        Opt::new("tzsp-ports", UdpPorts, Both, "37008")
            .help("UDP destination ports of TZSP."),
    ] },
    Group { title: "Inputs that need no DPDK words", options: &[
        Opt::new("interface", Interfaces, Run, "none").unset("none")
            .help("Kernel interfaces to receive from, each a port: eth0,eth1, or any for all that are up. Sets up driver, EAL and memory. Repeatable."),
        Opt::new("interface-driver", Choice(&["auto", "af_packet", "af_xdp"]), Run, "auto")
            .help("How --interface receives: af_packet copies, af_xdp takes frames away from the host; auto is af_xdp for a mirror port that the host does not use, else af_packet."),
        Opt::new("tzsp-listen", Addresses, Run, "none").unset("none")
            .help("Receives TZSP, as MikroTik routers stream it, on these UDP addresses, without an EAL, root or hugepages. Repeatable."),
    ] },
    Group { title: "Ports, queues and cores (testpmd's words)", options: &[
        Opt::new("portmask", Mask, Run, "all").unset("all")
            .help("DPDK ports to use: bit n of the mask is port n."),
        Opt::new("portlist", Numbers, Run, "all").unset("all")
            .help("DPDK ports to use, as a list."),
        Opt::new("coremask", Mask, Run, "all").unset("all")
            .help("Lcores that may be workers: bit n is lcore n. The main lcore never is one."),
        Opt::new("nb-cores", Count(1, 1024), Run, "auto").unset("auto")
            .help("How many lcores poll queues; auto is as many as --coremask names, else 1."),
        Opt::new("rxq", Count(1, 65535), Run, "auto").unset("auto")
            .help("Queues of each port; auto is as many as --nb-cores, or all that a vdev has."),
        Opt::new("spread", Choice(&["paired", "testpmd"]), Run, "paired")
            .help("How queues are dealt to lcores: in testpmd's blocks exactly, or so that queue i of every port meets on one lcore."),
        Opt::new("idle", Choice(&["busy", "pause", "sleep"]), Run, "busy")
            .help("After polls that give nothing: poll on; pause, about 2 us; or sleep, up to 100 us, which a packet then waits at most."),
        Opt::new("rxd", Count(1, 65535), Run, "auto").unset("auto")
            .help("Descriptors of each queue; auto is the driver's preference."),
        Opt::new("burst", Count(1, 512), Run, "32")
            .help("Frames asked for in one rte_eth_rx_burst."),
        Opt::new("mbcache", Count(0, 512), Run, "512")
            .help("Mbufs in each lcore's mempool cache."),
        Opt::new("mbuf-size", Count(192, 65535), Run, "2176")
            .help("Data room of an mbuf, 128 bytes of headroom included, in bytes."),
        Opt::new("total-num-mbufs", Count(1025, u32::MAX as u64), Run, "auto").unset("auto")
            .help("Mbufs in the pool; auto is computed from ports, queues, descriptors and caches."),
        Opt::new("max-pkt-len", Count(64, 65535), Run, "auto").unset("auto")
            .help("Longest frame, in bytes with FCS; auto leaves the port's MTU alone."),
        Opt::flag("rss-ip", Run)
            .help("RSS hashes addresses only; the default is addresses and the ports of TCP, UDP and SCTP."),
        Opt::flag("rss-udp", Run)
            .help("RSS hashes addresses, and ports of UDP only."),
        Opt::flag("disable-rss", Run)
            .help("Ports receive without RSS: each packet arrives on the first queue."),
        Opt::flag("enable-rx-timestamp", Run)
            .help("Takes the NIC's receive timestamps where it has them."),
        Opt::new("memory", Size(16 * MIB, 64 * TIB), Run, "off").unset("off")
            .help("Cap on all memory of the probe; what does not fit is an error at start."),
        Opt::new("forward-mode", Only("rxonly", NEVER_SENDS), Run, "rxonly")
            .help("Only rxonly: parshall receives and never sends."),
        Opt::new("txq", Count(0, 1), Run, "1")
            .help("Transmit queues of a port: 1, which stays empty and is there because dpdk-dumpcap asks for it, or 0, or what the driver insists on. parshall receives and never sends."),
        Opt::new("txd", Only("0", NEVER_SENDS), Run, "0")
            .help("Only 0: parshall receives and never sends."),
        Opt::new("no-flush-rx", Always(NEVER_FLUSHES), Run, "true")
            .help("May be said and changes nothing: parshall never empties a queue before it starts."),
    ] },
    Group { title: "Start and end", options: &[
        Opt::flag("auto-start", Run).letter('a')
            .help("Starts at once under -i; without -i parshall always does."),
        Opt::new("stats-period", Seconds(0, LONGEST), Run, "off").unset("off").live()
            .help("Prints testpmd's statistics and the books this often; a plain number is seconds, 0 prints none."),
        Opt::flag("plan", Run)
            .help("Prints which lcore would poll which queues, with pools, memory and warnings, and ends before anything is received."),
        Opt::new("worker-timeout", Duration(100, LONGEST), Run, "10s").unset("off")
            .help("A worker that does not answer for so long is stuck: it is named, sinks are closed, and the probe ends with status 1."),
        Opt::flag("exit-at-eof", Run)
            .help("Ends when every net_pcap vdev has given all packets of its files."),
        Opt::flag("interactive", Run).letter('i')
            .help("Reads commands from a prompt, as testpmd does; nothing is received before start, unless --auto-start."),
        Opt::new("cmdline-file", Path, Run, "none").unset("none")
            .help("Commands of the prompt that are run at start, with or without --interactive."),
    ] },
    Group { title: "Asking a running probe", options: &[
        Opt::new("by", Choice(ORDERS), Lists, "bytes")
            .help("What live flows are sorted by, the largest first."),
        Opt::new("top", Count(1, 10_000), Flows, "20")
            .help("How many flows are printed."),
        Opt::new("where", Text, Lists, "none").unset("none")
            .help("Only flows that match, in the language of the API's filter: tcp and port = 443 and retransmissions > 0."),
        Opt::new("state", Choice(&["live", "ended", "all"]), Lists, "live")
            .help("Live flows, lately ended ones, or all of these."),
        Opt::new("format", Choice(&["table", "json", "ndjson", "csv"]), Prints, "table")
            .help("How what is printed looks; csv and ndjson are for flows."),
        Opt::new("refresh", Duration(200, 3_600_000), Top, "1s")
            .help("How often the probe is asked."),
    ] },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{DECAP_DEFAULT, DECAP_OPTIONAL};

    #[test]
    fn every_encapsulation_that_a_plan_knows_can_be_named_and_no_other() {
        let known = [DECAP_DEFAULT, DECAP_OPTIONAL, &["all"]].concat();
        assert_eq!(ENCAPS, known);
    }

    #[test]
    fn an_option_of_run_has_one_default() {
        for option in crate::options::all().filter(|option| option.scope == Run) {
            assert_eq!(option.run, option.read, "{}", option.name);
        }
    }
}
