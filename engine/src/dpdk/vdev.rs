//! What the EAL arguments say of virtual devices, known before EAL starts: which files and interfaces net_pcap reads.
//!
//! **Owns** the reading of `--vdev` and the rules that net_pcap does not check itself or checks too late. **May touch**
//! the file system, to see whether a file can be opened. **Order** before `eal`; the caller counts the files' packets
//! (`source::capture`) and gives the counts to `plan`.

use super::error::DpdkError;
use super::mbuf::HEADROOM;
use crate::link::LinkType;
use std::path::{Path, PathBuf};

/// One `--vdev` argument: `name,key=value,...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vdev {
    /// Name of the device, which is also the port's: `net_pcap0`.
    pub name: String,
    /// Keys and values in the order given.
    pub args: Vec<(String, String)>,
}

/// What one receive queue of a net_pcap device reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PcapInput {
    /// `rx_pcap=`: a capture file.
    File(PathBuf),
    /// `rx_iface=`, `rx_iface_in=`, `iface=`: a network interface.
    Interface(String),
}

/// A net_pcap device: queue *i* reads input *i*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcapVdev {
    /// Name of the device and port.
    pub name: String,
    /// One input a queue.
    pub inputs: Vec<PcapInput>,
    /// `infinite_rx=1`: the files are held in mbufs and given out for ever, without timestamps.
    pub infinite: bool,
}

/// What was found by reading a capture file beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Packets that can be read.
    pub packets: u64,
    /// Length of the longest one as captured. Unit: bytes.
    pub longest_captured: u32,
    /// How its frames begin; net_pcap does not look.
    pub link: LinkType,
}

/// Receive queues of one net_pcap device at the most. DPDK: `RTE_PMD_PCAP_MAX_QUEUES`.
pub const PCAP_MAX_QUEUES: usize = 16;

/// The longest packet that net_pcap carries: it counts lengths in 16 bits, and reads out of bounds for longer ones.
pub const PCAP_MAX_LEN: u32 = 65_535;

/// The virtual devices of EAL arguments, in their order: `--vdev X`, `--vdev=X`, and the abbreviations of getopt.
#[must_use]
pub fn parse(eal_args: &[String]) -> Vec<Vdev> {
    let mut found = Vec::new();
    let mut args = eal_args.iter();
    while let Some(arg) = args.next() {
        let (option, inline) = match arg.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (arg.as_str(), None),
        };
        if option.len() >= "--vd".len() && "--vdev".starts_with(option) {
            found.extend(inline.or_else(|| args.next().map(String::as_str)).map(one));
        }
    }
    found
}

fn one(text: &str) -> Vdev {
    let mut parts = split(text).into_iter();
    let name = parts.next().unwrap_or_default().to_owned();
    let pair = |part: &str| match part.split_once('=') {
        Some((key, value)) => (key.to_owned(), value.to_owned()),
        None => (part.to_owned(), String::new()),
    };
    Vdev { name, args: parts.map(pair).collect() }
}

/// Splits at commas outside of brackets, as `rte_kvargs_parse` does.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

impl Vdev {
    /// The device as net_pcap reads it; `None` for other drivers.
    #[must_use]
    pub fn pcap(&self) -> Option<PcapVdev> {
        if !["net_pcap", "eth_pcap"].iter().any(|driver| self.name.starts_with(driver)) {
            return None;
        }
        let values = |wanted: &'static [&'static str]| {
            self.args.iter().filter(move |(key, _)| wanted.contains(&key.as_str())).map(|(_, value)| value.clone())
        };
        let mut inputs: Vec<_> = values(&["rx_pcap"]).map(|path| PcapInput::File(path.into())).collect();
        if inputs.is_empty() {
            inputs = values(&["iface", "rx_iface", "rx_iface_in"]).map(PcapInput::Interface).collect();
        }
        let infinite = values(&["infinite_rx"]).any(|value| value.parse::<i64>().is_ok_and(|number| number > 0));
        Some(PcapVdev { name: self.name.clone(), inputs, infinite })
    }
}

impl PcapInput {
    fn file(&self) -> Option<&Path> {
        match self {
            PcapInput::File(path) => Some(path),
            PcapInput::Interface(_) => None,
        }
    }
}

impl PcapVdev {
    /// The files it reads, one a queue; `None` where it reads interfaces, or nothing.
    #[must_use]
    pub fn files(&self) -> Option<Vec<&Path>> {
        let files: Option<Vec<&Path>> = self.inputs.iter().map(PcapInput::file).collect();
        files.filter(|files| !files.is_empty())
    }

    /// Looks whether its files can be opened and its interfaces are there, which net_pcap tells only in EAL's log.
    ///
    /// # Errors
    /// The first input that is missing, with the operating system's reason.
    pub fn check_inputs(&self) -> Result<(), DpdkError> {
        let asked = |what: &str| format!("--vdev {}: {what}", self.name);
        if self.inputs.len() > PCAP_MAX_QUEUES {
            let back = format!("net_pcap has at most {PCAP_MAX_QUEUES} receive queues");
            let remedy = "spread the files over several net_pcap devices";
            return Err(DpdkError::usage(asked(&format!("{} inputs", self.inputs.len())), back, remedy));
        }
        for input in &self.inputs {
            match input {
                PcapInput::File(path) => {
                    let unreadable = |error: std::io::Error| {
                        let remedy = "give rx_pcap= a capture file that this user can read";
                        DpdkError::usage(asked(&format!("rx_pcap={}", path.display())), error, remedy)
                    };
                    std::fs::File::open(path).map_err(unreadable)?;
                }
                PcapInput::Interface(name) if name != "any" && !Path::new("/sys/class/net").join(name).exists() => {
                    let remedy = "give an interface that `ip link` lists";
                    return Err(DpdkError::usage(asked(&format!("interface {name}")), "no such interface", remedy));
                }
                PcapInput::Interface(_) => {}
            }
        }
        Ok(())
    }
}

/// Checks a file-backed net_pcap device against its files: what the driver would lose, read out of bounds, leak, or
/// fail at in a way that cannot be undone. `mbuf_size` is the data room with headroom.
///
/// # Errors
/// The first file that net_pcap cannot give out, and the option that helps.
pub fn check_files(name: &str, infinite: bool, files: &[FileFacts], mbuf_size: u16) -> Result<(), DpdkError> {
    let room = u32::from(mbuf_size.saturating_sub(HEADROOM));
    for (queue, file) in files.iter().enumerate() {
        let asked = format!("rx_pcap= number {queue} of {name}");
        let longest = file.longest_captured;
        if longest > PCAP_MAX_LEN {
            let back = format!("holds a packet of {longest} bytes, and net_pcap carries at most {PCAP_MAX_LEN}");
            return Err(DpdkError::usage(asked, back, "use `parshall read` for this file"));
        }
        if infinite && file.packets == 0 {
            let back = "holds no packet, and infinite_rx=1 of nothing leaks mbufs at every poll";
            return Err(DpdkError::usage(asked, back, "give a capture that holds packets, or leave out infinite_rx=1"));
        }
        if infinite && longest > room {
            let back = format!("holds a packet of {longest} bytes, and infinite_rx=1 gives each one mbuf of {room}");
            let needed = longest + u32::from(HEADROOM);
            let remedy = if needed <= u32::from(u16::MAX) {
                format!("give --mbuf-size {needed}, or leave out infinite_rx=1")
            } else {
                "leave out infinite_rx=1".to_owned()
            };
            return Err(DpdkError::usage(asked, back, remedy));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn facts(packets: u64, longest_captured: u32) -> FileFacts {
        FileFacts { packets, longest_captured, link: LinkType::ETHERNET }
    }

    #[test]
    fn vdevs_are_found_in_every_spelling_that_getopt_takes() {
        let found =
            parse(&args("-l 0 --vdev net_null0 --no-huge --vdev=net_ring0,a=[b,c],d --vd net_tap0 --vfio-intr x"));
        let names: Vec<_> = found.iter().map(|vdev| vdev.name.as_str()).collect();
        assert_eq!(names, ["net_null0", "net_ring0", "net_tap0"]);
        assert_eq!(found[1].args, [("a".into(), "[b,c]".into()), ("d".into(), String::new())]);
        assert_eq!(found[0].pcap(), None);
    }

    #[test]
    fn a_net_pcap_device_names_one_input_a_queue() {
        let [vdev] = &parse(&args("--vdev net_pcap1,rx_pcap=a.pcap,tx_pcap=o.pcap,rx_pcap=b.pcap,infinite_rx=1"))[..]
        else {
            panic!("one device")
        };
        let pcap = vdev.pcap().expect("net_pcap");
        assert_eq!(pcap.files(), Some(vec![Path::new("a.pcap"), Path::new("b.pcap")]));
        assert!(pcap.infinite);
        let live = parse(&args("--vdev=eth_pcap0,iface=lo,infinite_rx=0"))[0].pcap().expect("net_pcap by its old name");
        assert_eq!(live.inputs, [PcapInput::Interface("lo".into())]);
        assert_eq!((live.files(), live.infinite), (None, false));
    }

    #[test]
    fn a_missing_file_or_interface_is_named_with_its_option() {
        let error =
            |text: &str| parse(&args(text))[0].pcap().expect("net_pcap").check_inputs().unwrap_err().to_string();
        let file = error("--vdev net_pcap0,rx_pcap=/no/such.pcap");
        assert!(file.starts_with("--vdev net_pcap0: rx_pcap=/no/such.pcap: No such file"), "{file}");
        assert!(error("--vdev net_pcap0,rx_iface=nosuch0").contains("interface nosuch0: no such interface"));
        let many = format!("--vdev net_pcap0{}", ",rx_pcap=/dev/null".repeat(17));
        assert!(error(&many).contains("at most 16"));
    }

    #[test]
    fn files_that_net_pcap_cannot_give_out_are_refused_before_start() {
        #[rustfmt::skip]
        let cases = [
            // infinite, packets, longest, refused with
            (false,      0,       0,       None),
            (false,      10,      65_535,  None),
            (false,      10,      65_536,  Some("parshall read")),
            (true,       10,      2_048,   None),
            (true,       10,      2_049,   Some("--mbuf-size 2177")),
            (true,       10,      65_500,  Some("; leave out infinite_rx=1")),
            (true,       0,       0,       Some("holds no packet")),
        ];
        for (infinite, packets, longest, want) in cases {
            let got = check_files("net_pcap0", infinite, &[facts(1, 60), facts(packets, longest)], 2_176);
            let got = got.err().map(|error| error.to_string());
            match want {
                None => assert_eq!(got, None),
                Some(part) => assert!(got.as_ref().is_some_and(|text| text.contains(part)), "{got:?} lacks {part}"),
            }
        }
    }
}
