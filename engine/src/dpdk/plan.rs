//! From what a device offers and what is wanted to how a port will be set up: a pure function.
//!
//! **Owns** every rule of that decision, and the table of drivers that need a rule of their own. **May touch** nothing,
//! so a NIC that is not there is tested like one that is. **Order** between `facts` and `port`.

use super::error::DpdkError;
use super::facts::PortFacts;
use super::mbuf::HEADROOM;
use super::rss::{self, RssPlan};
use super::vdev::{FileFacts, check_files};
use dpdk_sys as ffi;
use parshall_config::plan::RssFields;

/// The capture files behind a net_pcap port, one a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcapFiles {
    /// `infinite_rx=1`.
    pub infinite: bool,
    /// What was found in each.
    pub files: Vec<FileFacts>,
}

/// What is wanted of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortWish {
    /// `--rxq`; `None` means one for each poller, or all that a virtual device has.
    pub queues: Option<u16>,
    /// `--nb-cores`: lcores that will poll.
    pub pollers: u16,
    /// `--rxd`; `None` means the driver's preference.
    pub descriptors: Option<u16>,
    /// `--txq`: a transmit queue, which stays empty; captures by other processes ask for one.
    pub transmit_queue: bool,
    /// What RSS hashes.
    pub rss: RssFields,
    /// `--max-pkt-len`: longest frame with link-layer header and FCS; `None` leaves the MTU alone. Unit: bytes.
    pub max_packet_len: Option<u32>,
    /// `--mbuf-size`: data room of an mbuf with headroom. Unit: bytes.
    pub mbuf_size: u16,
    /// `--enable-rx-timestamp`.
    pub rx_timestamp: bool,
    /// The files behind a net_pcap port; `None` for everything else.
    pub pcap: Option<PcapFiles>,
}

impl PortWish {
    /// What `run` wishes when nothing is said, for so many lcores that will poll.
    #[must_use]
    pub const fn plain(pollers: u16) -> PortWish {
        PortWish {
            queues: None,
            pollers,
            descriptors: None,
            transmit_queue: true,
            rss: RssFields::IpAndPorts,
            max_packet_len: None,
            mbuf_size: 2_176,
            rx_timestamp: false,
            pcap: None,
        }
    }
}

/// In what unit a driver writes arrival times, which are UNIX times then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampUnit {
    /// Microseconds: net_pcap before DPDK 26.07, for nanosecond files too.
    Micros,
    /// Nanoseconds: net_pcap since DPDK 26.07, where it is an offload.
    Nanos,
}

/// How a port will be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortPlan {
    /// Receive queues.
    pub queues: u16,
    /// Numbers of transmit queues to try in this order; nothing is ever sent.
    pub transmit: Vec<u16>,
    /// Descriptors of each receive queue.
    pub descriptors: u16,
    /// MTU to set; `None` leaves the driver's. Unit: bytes.
    pub mtu: Option<u16>,
    /// `RTE_ETH_RX_OFFLOAD_*` bits to switch on.
    pub offloads: u64,
    /// RSS; `None` where one queue gets all, or the device spreads by its own means.
    pub rss: Option<RssPlan>,
    /// Unit of per-packet arrival times; `None` where the clock is read once a burst.
    pub stamps: Option<StampUnit>,
    /// Mbufs that each queue keeps for itself (infinite_rx).
    pub preload: Vec<u64>,
    /// Mbufs of the longest frame.
    pub segments: u32,
    /// Data room of an mbuf with headroom. Unit: bytes.
    pub mbuf_size: u16,
    /// Packets that each queue will give before it falls silent; `None` where there is no end.
    pub packets: Option<Vec<u64>>,
    /// What differs from the wish, in sentences for the start message.
    pub notes: Vec<String>,
}

/// How many transmit queues a driver must have although nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transmit {
    /// None or one, as far as is known.
    Free,
    /// At least one.
    One,
    /// As many as receive queues.
    Paired,
}

/// A driver with a rule of its own.
struct Driver {
    name: &'static str,
    /// Every queue is fed from outside, so each must be polled.
    all_queues: bool,
    /// Queues are filled without RSS: by files, rings, or the kernel's hash.
    spreads: bool,
    transmit: Transmit,
}

#[rustfmt::skip]
const DRIVERS: &[Driver] = &[
    Driver { name: "net_pcap",      all_queues: true,  spreads: true,  transmit: Transmit::Free },
    Driver { name: "net_ring",      all_queues: true,  spreads: true,  transmit: Transmit::Free },
    Driver { name: "net_af_packet", all_queues: true,  spreads: true,  transmit: Transmit::Free },
    Driver { name: "net_af_xdp",    all_queues: true,  spreads: true,  transmit: Transmit::Paired },
    Driver { name: "net_tap",       all_queues: false, spreads: true,  transmit: Transmit::Paired },
    Driver { name: "net_null",      all_queues: false, spreads: true,  transmit: Transmit::Free },
    Driver { name: "net_mana",      all_queues: false, spreads: false, transmit: Transmit::Paired },
    Driver { name: "net_cxgbe",     all_queues: false, spreads: false, transmit: Transmit::One },
];

const PLAIN: Driver = Driver { name: "", all_queues: false, spreads: false, transmit: Transmit::Free };

/// Descriptors of a queue whose driver has no preference.
const DESCRIPTORS: u16 = 1_024;

/// Decides how a port is set up.
///
/// # Errors
/// What the device cannot do and the wish asked for by name: queues, frame length, timestamps, files. What it cannot do
/// and nobody asked for (hash fields, descriptors) is lowered and noted instead.
pub fn plan(facts: &PortFacts, wish: &PortWish) -> Result<PortPlan, DpdkError> {
    let driver = DRIVERS.iter().find(|driver| driver.name == facts.driver).unwrap_or(&PLAIN);
    let mut notes = Vec::new();
    if let Some(pcap) = &wish.pcap {
        check_files(&facts.name, pcap.infinite, &pcap.files, wish.mbuf_size)?;
    }
    let queues = queues(facts, wish, driver)?;
    let (mtu, scatter, segments) = frames(facts, wish, driver, &mut notes)?;
    let stamps = stamps(facts, wish)?;
    let timestamp = if stamps == Some(StampUnit::Nanos) { ffi::SHIM_RX_TIMESTAMP } else { 0 };
    let rss = spreading(facts, wish, driver, queues, &mut notes);
    let preload = match &wish.pcap {
        Some(pcap) if pcap.infinite => pcap.files.iter().map(|file| file.packets).collect(),
        _ => vec![0; usize::from(queues)],
    };
    let finite = wish.pcap.as_ref().filter(|pcap| !pcap.infinite);
    Ok(PortPlan {
        queues,
        transmit: transmit(facts, wish.transmit_queue, driver.transmit, queues),
        descriptors: descriptors(facts, wish.descriptors, &mut notes),
        mtu,
        offloads: scatter | timestamp,
        rss,
        stamps,
        preload,
        segments,
        mbuf_size: wish.mbuf_size,
        packets: finite.map(|pcap| pcap.files.iter().map(|file| file.packets).collect()),
        notes,
    })
}

fn queues(facts: &PortFacts, wish: &PortWish, driver: &Driver) -> Result<u16, DpdkError> {
    let max = facts.max_rx_queues;
    let fixed = wish.pcap.as_ref().and_then(|pcap| u16::try_from(pcap.files.len()).ok());
    let fixed = fixed.or(driver.all_queues.then_some(max));
    let can_spread = driver.spreads || (facts.rss_fields & rss::wanted(wish.rss) != 0);
    let default = fixed.unwrap_or(if can_spread { wish.pollers.min(max) } else { 1 }).max(1);
    let asked = wish.queues.unwrap_or(default);
    let question = format!("{asked} RX queues of port {} (--rxq {asked})", facts.name);
    if asked > max || asked == 0 {
        let back = format!("{} offers {max}", facts.driver);
        return Err(DpdkError::usage(question, back, format!("give --rxq {max} or less, at least 1")));
    }
    if let Some(fixed) = fixed.filter(|fixed| *fixed != asked) {
        let back = format!("{} feeds {fixed} queues, and frames of a queue that nobody polls are lost", facts.driver);
        return Err(DpdkError::usage(question, back, format!("give --rxq {fixed} or leave it out")));
    }
    if asked > 1 && !can_spread && wish.rss != RssFields::Off {
        let offered = rss::describe(facts.rss_fields);
        let back = format!("{} cannot spread frames over queues by what was asked (it hashes {offered})", facts.driver);
        return Err(DpdkError::usage(question, back, "give --rxq 1 and --workers N, so that software spreads"));
    }
    Ok(asked)
}

fn transmit(facts: &PortFacts, wanted: bool, needs: Transmit, queues: u16) -> Vec<u16> {
    let mut counts = match needs {
        Transmit::Free if wanted => vec![1, queues, 0],
        Transmit::Free => vec![0, 1, queues],
        Transmit::One => vec![1, queues],
        Transmit::Paired => vec![queues],
    };
    counts.dedup();
    counts.retain(|count| *count <= facts.max_tx_queues);
    if counts.is_empty() { vec![0] } else { counts }
}

/// The nearest number of descriptors that the device takes. DPDK: `rte_eth_dev_adjust_nb_rx_tx_desc`, which is called
/// again when the port is set up.
fn descriptors(facts: &PortFacts, asked: Option<u16>, notes: &mut Vec<String>) -> u16 {
    let preferred = if facts.preferred_descriptors == 0 { DESCRIPTORS } else { facts.preferred_descriptors };
    let wanted = asked.unwrap_or(preferred);
    let limits = facts.descriptors;
    let aligned = u32::from(wanted).next_multiple_of(u32::from(limits.align.max(1)));
    let max = if limits.max == 0 { u16::MAX } else { limits.max };
    let given = u16::try_from(aligned).unwrap_or(u16::MAX).min(max).max(limits.min);
    if asked.is_some_and(|asked| asked != given) {
        notes.push(format!(
            "port {}: {given} RX descriptors a queue instead of {wanted} (--rxd): {} takes {} to {max} in steps of {}",
            facts.name,
            facts.driver,
            limits.min,
            limits.align.max(1)
        ));
    }
    given
}

/// MTU, scatter offload and segments of the longest frame.
fn frames(
    facts: &PortFacts,
    wish: &PortWish,
    driver: &Driver,
    notes: &mut Vec<String>,
) -> Result<(Option<u16>, u64, u32), DpdkError> {
    let room = u32::from(wish.mbuf_size.saturating_sub(HEADROOM));
    if room == 0 || room < facts.min_buffer {
        let back = format!("{} needs {} bytes and {HEADROOM} of headroom", facts.driver, facts.min_buffer.max(1));
        let least = facts.min_buffer.max(1) + u32::from(HEADROOM);
        let asked = format!("--mbuf-size {} for port {}", wish.mbuf_size, facts.name);
        return Err(DpdkError::usage(asked, back, format!("give --mbuf-size {least} or more")));
    }
    let mtu = wish.max_packet_len.map(|len| mtu(facts, len)).transpose()?;
    let default = u32::from(facts.max_mtu.min(1_500)) + facts.overhead();
    let files = wish.pcap.iter().flat_map(|pcap| &pcap.files);
    let captured = files.map(|file| file.longest_captured).max();
    let longest = captured.unwrap_or_else(|| wish.max_packet_len.unwrap_or(default)).max(1);
    let segments = longest.div_ceil(room);
    if segments == 1 {
        return Ok((mtu, 0, 1));
    }
    if facts.rx_offloads & ffi::SHIM_RX_SCATTER != 0 {
        return Ok((mtu, ffi::SHIM_RX_SCATTER, segments));
    }
    if driver.name == "net_pcap" {
        return Ok((mtu, 0, segments));
    }
    let back = format!("{} cannot put a frame into several mbufs, and one holds {room}", facts.driver);
    if wish.max_packet_len.is_some() {
        let asked = format!("frames of {longest} bytes on port {} (--max-pkt-len)", facts.name);
        let remedy = format!("give --mbuf-size {} or a smaller --max-pkt-len", longest + u32::from(HEADROOM));
        return Err(DpdkError::usage(asked, back, remedy));
    }
    notes.push(format!("port {}: longer frames than {room} bytes are lost: {back} (--mbuf-size)", facts.name));
    Ok((mtu, 0, 1))
}

fn mtu(facts: &PortFacts, max_packet_len: u32) -> Result<u16, DpdkError> {
    let (least, most) = (facts.min_mtu, facts.max_mtu);
    let mtu = max_packet_len.checked_sub(facts.overhead()).and_then(|mtu| u16::try_from(mtu).ok());
    mtu.filter(|mtu| (least..=most).contains(mtu)).ok_or_else(|| {
        let range = [least, most].map(|mtu| u32::from(mtu) + facts.overhead());
        let asked = format!("frames of {max_packet_len} bytes on port {} (--max-pkt-len)", facts.name);
        let back = format!("{} takes {} to {}", facts.driver, range[0], range[1]);
        DpdkError::usage(asked, back, format!("give --max-pkt-len {} or less", range[1]))
    })
}

/// Per-packet arrival times: file-backed net_pcap only, where they are UNIX times.
fn stamps(facts: &PortFacts, wish: &PortWish) -> Result<Option<StampUnit>, DpdkError> {
    let offered = facts.rx_offloads & ffi::SHIM_RX_TIMESTAMP != 0;
    match &wish.pcap {
        Some(pcap) if !pcap.infinite => Ok(Some(if offered { StampUnit::Nanos } else { StampUnit::Micros })),
        _ if !wish.rx_timestamp => Ok(None),
        _ => {
            let asked = format!("timestamps of port {} (--enable-rx-timestamp)", facts.name);
            let back = if offered {
                format!(
                    "{} counts ticks of a clock of its own, which parshall cannot turn into UNIX time",
                    facts.driver
                )
            } else {
                format!("{} gives none", facts.driver)
            };
            Err(DpdkError::usage(asked, back, "leave it out: the host's clock is then read once a burst"))
        }
    }
}

/// RSS of a port with several queues, and what it lacks.
fn spreading(
    facts: &PortFacts,
    wish: &PortWish,
    driver: &Driver,
    queues: u16,
    notes: &mut Vec<String>,
) -> Option<RssPlan> {
    if queues == 1 || driver.all_queues {
        return None;
    }
    let wanted = rss::wanted(wish.rss);
    let fields = wanted & facts.rss_fields;
    if fields == 0 {
        if !driver.spreads {
            notes.push(format!("port {}: RSS is off, so queue 0 gets every frame", facts.name));
        }
        return None;
    }
    if fields != wanted {
        let (want, get) = (rss::describe(wanted), rss::describe(fields));
        notes.push(format!("port {}: {} hashes {get} instead of {want} for RSS", facts.name, facts.driver));
    }
    let inner = rss::innermost(facts.rss_fields);
    if inner == 0 && !driver.spreads {
        notes.push(format!(
            "port {}: {} hashes outer headers only where frames are tunnelled",
            facts.name, facts.driver
        ));
    }
    let key_len = if facts.rss_key_len == 0 { 40 } else { usize::from(facts.rss_key_len) };
    Some(RssPlan {
        fields: fields | inner,
        key: rss::symmetric_key(key_len),
        table_entries: facts.reta_entries,
        innermost: inner != 0,
    })
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
