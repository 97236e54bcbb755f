//! What can be told from the EAL's arguments without an EAL: which vdevs there are, and whose time they have.
//!
//! **Owns** the reading of `--vdev`, `-a` and the memory options. **May touch** nothing: it never changes an argument.
//! **Order** called by `check::live`. DPDK: `eal_parse_args`, `drivers/net/pcap/pcap_ethdev.c`.

/// Whose clock a vdev's packets have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Time {
    /// File-backed net_pcap: packet time.
    File,
    /// Everything else, `infinite_rx` too: the time of arrival.
    Arrival,
}

/// A port that the arguments name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    /// As typed: `net_pcap0,rx_pcap=a.pcap`.
    pub(crate) text: String,
    pub(crate) time: Time,
    /// net_pcap with `infinite_rx=1`.
    pub(crate) endless: bool,
}

/// What the arguments say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Network vdevs and allowed PCI devices, in order.
    pub(crate) devices: Vec<Device>,
    pub(crate) no_huge: bool,
    pub(crate) in_memory: bool,
}

/// Reads the arguments.
pub(crate) fn read(arguments: &[String]) -> Told {
    let mut told = Told::default();
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let (name, attached) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ => (word.as_str(), None),
        };
        match name {
            "--no-huge" => told.no_huge = true,
            "--in-memory" => told.in_memory = true,
            "--vdev" => told.devices.extend(attached.or_else(|| rest.next().map(String::as_str)).and_then(vdev)),
            "-a" | "--allow" => told.devices.extend(attached.or_else(|| rest.next().map(String::as_str)).map(pci)),
            _ => told.devices.extend(name.strip_prefix("-a").filter(|_| !name.starts_with("--")).map(pci)),
        }
    }
    told
}

fn pci(text: &str) -> Device {
    Device { text: text.to_owned(), time: Time::Arrival, endless: false }
}

/// A vdev, if it is a network device.
fn vdev(text: &str) -> Option<Device> {
    let mut parts = text.split(',');
    let name = parts.next().unwrap_or_default();
    if !name.starts_with("net_") && !name.starts_with("eth_") {
        return None;
    }
    let pcap = name.starts_with("net_pcap") || name.starts_with("eth_pcap");
    let options: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
    let files = pcap && options.iter().any(|(key, _)| *key == "rx_pcap");
    let endless = files && options.iter().any(|(key, value)| *key == "infinite_rx" && is_positive(value));
    let time = if files && !endless { Time::File } else { Time::Arrival };
    Some(Device { text: text.to_owned(), time, endless })
}

/// As C's `atoi` has it: the number that the text begins with is above 0.
fn is_positive(text: &str) -> bool {
    let digits: String = text.trim_start().trim_start_matches('+').chars().take_while(char::is_ascii_digit).collect();
    digits.contains(|digit| digit != '0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Told {
        read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_vdevs_time_is_its_files_or_its_arrival() {
        #[rustfmt::skip]
        let cases = [
            ("--vdev net_pcap0,rx_pcap=a.pcap",                            Some((Time::File, false))),
            ("--vdev=net_pcap0,rx_pcap=a.pcap,rx_pcap=b.pcap",             Some((Time::File, false))),
            ("--vdev=eth_pcap0,rx_pcap=a.pcap",                            Some((Time::File, false))),
            ("--vdev=net_pcap0,rx_pcap=a.pcap,infinite_rx=1",              Some((Time::Arrival, true))),
            ("--vdev=net_pcap0,rx_pcap=a.pcap,infinite_rx=0",              Some((Time::File, false))),
            ("--vdev=net_pcap0,rx_iface=eth0",                             Some((Time::Arrival, false))),
            ("--vdev=net_pcap0,iface=eth0",                                Some((Time::Arrival, false))),
            ("--vdev=net_tap0,iface=tap0",                                 Some((Time::Arrival, false))),
            ("--vdev net_null0",                                           Some((Time::Arrival, false))),
            ("-a 0000:3b:00.0",                                            Some((Time::Arrival, false))),
            ("-a0000:3b:00.0",                                             Some((Time::Arrival, false))),
            ("--allow=0000:3b:00.0",                                       Some((Time::Arrival, false))),
            ("--vdev crypto_null0",                                        None),
            ("--vdev",                                                     None),
            ("-l 0-3 -n 4",                                                None),
        ];
        for (line, want) in cases {
            let devices = told(line).devices;
            assert_eq!(devices.first().map(|device| (device.time, device.endless)), want, "{line}");
            assert!(devices.len() <= 1, "{line}");
        }
    }

    #[test]
    fn the_memory_options_are_seen_wherever_they_stand() {
        let told = told("-l 0 --no-huge --vdev net_null0 --in-memory");
        assert!(told.no_huge && told.in_memory && told.devices.len() == 1);
    }
}
