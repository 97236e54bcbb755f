//! The plan: what will be done, complete and resolved. No `Option` here means "unset"; it means "not wanted".
//!
//! **Owns** the types that the engine and the exporter are started with. **May touch** nothing.
//! **Order** made by `check` out of what was asked, after every mistake has been reported; read by everyone else.

mod viewers;

pub use viewers::{FlowsPlan, Format, Probe, StatsPlan, TopPlan, Wish};

use crate::filter::FlowFilter;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;
use std::time::Duration;

/// What the program will do.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "there is one, and it is boxed")]
pub enum Command {
    /// `parshall run`: live ports and vdevs.
    Run(RunPlan),
    /// `parshall read`: capture files.
    Read(ReadPlan),
    /// `parshall check-config`: the configuration was checked; say so and end.
    CheckConfig,
    /// `parshall reload`: asks the probe behind this socket to read its configuration anew.
    Reload(Option<PathBuf>),
    /// `parshall doctor`: looks at the host for what this configuration needs.
    Doctor(DoctorPlan),
    /// `parshall top`: a running probe in a terminal.
    Top(TopPlan),
    /// `parshall flows`: its live flows, printed once.
    Flows(FlowsPlan),
    /// `parshall stats`: its numbers, printed once.
    Stats(StatsPlan),
    /// `parshall --version`.
    Version,
}

/// What `run` and `read` have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Common {
    /// Where HTTP is served; `None` is `off`.
    pub listen: Option<SocketAddr>,
    /// `--http-token`: what a request has to show; `None` asks for nothing.
    pub http_token: Option<String>,
    /// What is watched beside the records: who, and metrics about them.
    pub watch: WatchPlan,
    /// Every option of the sub-command as it is in force.
    pub effective: Effective,
    /// Where records go.
    pub sinks: Vec<SinkSpec>,
    /// The engine's part.
    pub engine: EnginePlan,
    /// How often the workers' tallies are collected and published.
    pub publish_interval: Duration,
    /// How long the end waits for the sinks.
    pub shutdown_timeout: Duration,
    /// How messages are written.
    pub messages: Messages,
}

/// Top lists, and metrics with addresses in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchPlan {
    /// `--top-prefixes`: networks that are counted.
    pub prefixes: Vec<IpNet>,
    /// `--top-metrics`: entries of each top list that are metrics; 0 none.
    pub top_metrics: u64,
    /// `--compat-metrics`: whose metric names are served for the top flows, as the words of the option.
    pub compat: Vec<String>,
    /// `--compat-flows`: flows that these are served for.
    pub compat_flows: u64,
    /// `--max-series`: series of one scrape, at most.
    pub max_series: u64,
}

/// Every option as it is in force, to be shown. Two plans are equal when they do the same, however that was said.
#[derive(Clone, Debug, Default)]
pub struct Effective(pub Vec<InForce>);

impl PartialEq for Effective {
    fn eq(&self, _other: &Effective) -> bool {
        true
    }
}

/// One option as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Its name.
    pub name: &'static str,
    /// Its value as one would type it; secrets are `***`.
    pub value: String,
    /// Which layer said it: `default`, `file`, `environment`, `command line`.
    pub origin: &'static str,
    /// What it does.
    pub help: &'static str,
}

/// How messages are written to standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// `--log-format`.
    pub format: LogFormat,
    /// `--log-level`.
    pub level: LogLevel,
    /// `--quiet`: only warnings and errors; no progress bar and no summary on standard error.
    pub quiet: bool,
}

/// The least that a message must be to be written (`--log-level`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what may fail.
    Warn,
    /// And what happens.
    #[default]
    Info,
    /// And details.
    Debug,
}

/// The form of a message (`--log-format`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What workers, tables and decoders are made from.
#[derive(Clone, Debug, PartialEq)]
pub struct EnginePlan {
    /// Workers; where this is more than the queues there are, software spreads packets over them.
    pub workers: NonZeroU16,
    /// Size of the flow tables.
    pub table: TableSize,
    /// When flows end.
    pub timeouts: Timeouts,
    /// Networks that count as local; empty means all (Tstat's default).
    pub local_nets: Vec<IpNet>,
    /// What is in the key beside addresses, protocol and ports.
    pub key: KeyScope,
    /// What is taken off a frame.
    pub decap: DecapPlan,
    /// Capacity of each worker's record ring. Unit: records of the longest kind.
    pub record_ring: usize,
    /// Memory for segment histories of each worker. Unit: bytes.
    pub segment_memory: u64,
    /// `--first-packets`: so many of each flow's first packets are told in its record; 0 none.
    pub first_packets: u8,
    /// `--duplicates`: what becomes of mirror duplicates.
    pub duplicates: Duplicates,
    /// `--live-flows`: live flows that one look tells of.
    pub live_flows: u64,
    /// What is let in.
    pub sieve: SievePlan,
}

/// Which frames and which flows are let in. The default lets in everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SievePlan {
    /// `--filter`: frames that match, in the pcap-filter language; libpcap has accepted it for some link type. `None`: all.
    pub frames: Option<String>,
    /// `--flow-filter`; `None`: all.
    pub flows: Option<FlowFilter>,
    /// `--sample-packets`: 1 in so many packets; 1 is all.
    pub sample_packets: NonZeroU32,
    /// `--sample-flows`: 1 in so many flows; 1 is all.
    pub sample_flows: NonZeroU32,
}

impl Default for SievePlan {
    fn default() -> SievePlan {
        SievePlan { frames: None, flows: None, sample_packets: NonZeroU32::MIN, sample_flows: NonZeroU32::MIN }
    }
}

/// What becomes of packets that a mirror port copied twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// They are not looked for.
    Off,
    /// They are counted, and accounted as any other packet.
    #[default]
    Count,
    /// They are counted and left out: outcome `duplicate`.
    Drop,
}

/// Size of the flow tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableSize {
    /// So many flows: for each worker in `run`, in all in `read`.
    Flows(u64),
    /// So many bytes for table and flow state: for each worker in `run`, in all in `read`.
    Bytes(u64),
}

/// When flows end. All of packet time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `--tcp-idle-timeout`.
    pub tcp_idle: Duration,
    /// `--udp-idle-timeout`.
    pub udp_idle: Duration,
    /// `--other-idle-timeout`.
    pub other_idle: Duration,
    /// `--single-packet-timeout`: flows of one packet, and TCP flows of nothing but SYNs.
    pub single_packet: Duration,
    /// `--tcp-linger`: how long trailing packets still join a closed flow; zero ends it where Tstat does.
    pub tcp_linger: Duration,
    /// `--active-timeout`; `None` is off.
    pub active: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            tcp_idle: Duration::from_secs(300),
            udp_idle: Duration::from_secs(60),
            other_idle: Duration::from_secs(60),
            single_packet: Duration::from_secs(10),
            tcp_linger: Duration::from_secs(5),
            active: None,
        }
    }
}

/// What is in the key beside addresses, protocol and ports (`--key`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyScope {
    /// VLAN identifiers.
    pub vlan: bool,
    /// Tunnel identifiers (VNI, TEID, GRE key, ...).
    pub tunnel: bool,
}

/// What is taken off a frame (`--decap`, `--no-decap`, `--vxlan-ports`, ...). Names are those of the record key `encap`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecapPlan {
    /// Names of the encapsulations that are taken off.
    pub enabled: Vec<String>,
    /// How many encapsulations are taken off one frame at the most.
    pub depth: u8,
    /// UDP destination ports of VXLAN.
    pub vxlan_ports: Vec<u16>,
    /// UDP destination ports of VXLAN-GPE.
    pub vxlan_gpe_ports: Vec<u16>,
    /// UDP destination ports of Geneve.
    pub geneve_ports: Vec<u16>,
    /// UDP ports of GTP-U.
    pub gtpu_ports: Vec<u16>,
    /// UDP destination ports of TZSP.
    pub tzsp_ports: Vec<u16>,
}

/// Encapsulations that are taken off unless switched off.
pub const DECAP_DEFAULT: &[&str] = &[
    "vlan",
    "pbb",
    "vntag",
    "mpls",
    "pseudowire",
    "pppoe",
    "ppp",
    "gre",
    "ipip",
    "vxlan",
    "geneve",
    "gtpu",
    "erspan",
    "tzsp",
    "etherip",
];

/// Encapsulations that are taken off only when asked for with `--decap`.
pub const DECAP_OPTIONAL: &[&str] = &["teredo", "l2tpv3"];

impl Default for DecapPlan {
    fn default() -> DecapPlan {
        DecapPlan {
            enabled: DECAP_DEFAULT.iter().map(|name| (*name).to_owned()).collect(),
            depth: 8,
            vxlan_ports: vec![4789, 8472],
            vxlan_gpe_ports: vec![4790],
            geneve_ports: vec![6081],
            gtpu_ports: vec![2152],
            tzsp_ports: vec![37008],
        }
    }
}

/// Where records go: `scheme:target?options`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkSpec {
    /// Which kind of sink.
    pub kind: SinkKind,
    /// File, directory, or `-` for standard output.
    pub target: PathBuf,
    /// `rotate=`: a new file after so much record time; `None` never.
    pub rotate: Option<Duration>,
    /// `compress=zstd`.
    pub zstd: bool,
}

/// The kinds of sinks that are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkKind {
    /// JSON Lines.
    Jsonl,
    /// Comma-separated values, RFC 4180.
    Csv,
    /// Tstat's log files in a directory.
    Tstat,
}

/// `parshall doctor`.
#[derive(Clone, Debug, PartialEq)]
pub struct DoctorPlan {
    /// What `parshall run` would do with the same words.
    pub run: RunPlan,
    /// `--json`.
    pub json: bool,
    /// `--host-root`: where `sys`, `proc`, `dev` and `etc` are.
    pub root: PathBuf,
    /// `--live`: a running probe to be asked instead.
    pub live: Option<Probe>,
}

/// `parshall read`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadPlan {
    /// What `run` and `read` share.
    pub common: Common,
    /// Capture files in the order given; `-` is standard input.
    pub files: Vec<PathBuf>,
}

/// `parshall run`.
#[derive(Clone, Debug, PartialEq)]
pub struct RunPlan {
    /// What `run` and `read` share.
    pub common: Common,
    /// Everything before `--`, as typed, for `rte_eal_init`.
    pub eal: Vec<String>,
    /// `--interface`: interfaces of the host to receive from; `any` stands for all that are up.
    pub interfaces: Vec<String>,
    /// `--interface-driver`.
    pub interface_driver: InterfaceDriver,
    /// `--tzsp-listen`: UDP addresses on which routers' TZSP is received.
    pub tzsp_listen: Vec<SocketAddr>,
    /// `--portmask` or `--portlist`: DPDK port ids to use; `None` means all.
    pub ports: Option<Vec<u16>>,
    /// `--coremask`: lcores that may be workers; `None` means all but the main one.
    pub cores: Option<Vec<u16>>,
    /// `--nb-cores`: how many lcores poll queues.
    pub nb_cores: NonZeroU16,
    /// `--rxq`: queues of each port; `None` means as many as `nb_cores`, or all that a vdev has.
    pub rxq: Option<NonZeroU16>,
    /// `--rxd`: descriptors of each queue; `None` means the driver's preference.
    pub rxd: Option<NonZeroU16>,
    /// `--burst`: frames asked for in one `rte_eth_rx_burst`.
    pub burst: u16,
    /// `--mbcache`: mbufs in each lcore's mempool cache.
    pub mbcache: u16,
    /// `--mbuf-size`: data room of an mbuf with headroom. Unit: bytes.
    pub mbuf_size: u16,
    /// `--total-num-mbufs`; `None` means computed from ports, queues and descriptors.
    pub total_mbufs: Option<u32>,
    /// `--max-pkt-len`; `None` leaves the port's MTU alone.
    pub max_packet_len: Option<u32>,
    /// `--txq`: whether a port has a transmit queue, which stays empty.
    pub transmit_queue: bool,
    /// `--rss-ip`, `--rss-udp`, `--disable-rss`.
    pub rss: RssFields,
    /// `--enable-rx-timestamp`.
    pub rx_timestamp: bool,
    /// `--worker-timeout`: a worker that is silent for so long ends the run; `None` waits for ever.
    pub worker_timeout: Option<Duration>,
    /// `--stats-period`; `None` prints none.
    pub stats_period: Option<Duration>,
    /// `--exit-at-eof`: end when every file-backed port has given all its packets.
    pub exit_at_eof: bool,
    /// `--interactive`.
    pub interactive: bool,
    /// `--auto-start`.
    pub auto_start: bool,
    /// `--cmdline-file`.
    pub cmdline_file: Option<PathBuf>,
    /// `--memory`: cap on all memory; `None` is no cap.
    pub memory: Option<u64>,
    /// `--spread`: how queues are dealt to lcores.
    pub spread: Spread,
    /// `--idle`: what an lcore does after a poll that gave nothing.
    pub idle: Idle,
    /// `--control`: the socket on which `parshall reload` asks; `None` is off.
    pub control: Option<PathBuf>,
    /// `--plan`: show which lcore would poll what, and end.
    pub only_plan: bool,
}

/// How queues are dealt to the lcores that poll.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spread {
    /// In testpmd's blocks, but queue i of every port goes to the same lcore.
    #[default]
    Paired,
    /// In testpmd's blocks.
    Testpmd,
}

/// What an lcore does after a poll that gave nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idle {
    /// It polls again at once.
    #[default]
    Busy,
    /// It pauses for some microseconds at the most.
    Pause,
    /// It sleeps, longer and longer, up to 100 us.
    Sleep,
}

/// How an interface of the host is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InterfaceDriver {
    /// The engine chooses.
    #[default]
    Auto,
    /// A copy of every frame.
    AfPacket,
    /// Frames are taken away from the host.
    AfXdp,
}

/// What receive-side scaling hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RssFields {
    /// Addresses, and the ports of TCP, UDP and SCTP.
    IpAndPorts,
    /// Addresses only (`--rss-ip`).
    Ip,
    /// Addresses, and ports of UDP only (`--rss-udp`).
    Udp,
    /// No RSS (`--disable-rss`).
    Off,
}
