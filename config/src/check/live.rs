//! `parshall run`: ports, queues, cores, and what the EAL's arguments let one know beforehand.
//!
//! **Owns** the checks that only live ports need. **May touch** nothing; it reads the EAL's arguments and never changes them.
//! **Order** called by `check`. What only the EAL knows (ports that are there, lcores, descriptors) is checked by the engine.

use super::{common, inputs};
use crate::asked::usage;
use crate::eal::{self, Device, Time, Told};
use crate::options;
use crate::plan::{RssFields, RunPlan, Spread};
use crate::problem::{Problem, Problems};
use crate::settings::Settings;
use std::num::NonZeroU16;

/// What works on DPDK 22.11 without hugepages.
const NO_HUGE: &str = "--no-huge --no-pci --no-shconf --no-telemetry --file-prefix=NAME -m MEGABYTES";

/// The plan. `eal` is `None` when only a file is checked.
pub(super) fn plan(settings: &Settings, eal: Option<&[String]>, problems: &mut Problems) -> RunPlan {
    let (interfaces, tzsp_listen) = (settings.all_words("interface"), inputs::tzsp(settings, problems));
    if let Some(arguments) = eal {
        strays(arguments, problems);
        let mut all = eal::read(arguments);
        all.devices.extend(inputs::devices(&interfaces, &tzsp_listen));
        told(&all, settings, problems);
    }
    let cores = settings.maybe_numbers("coremask");
    let nb_cores = nb_cores(settings, cores.as_deref(), problems);
    let workers = workers(settings, nb_cores, problems);
    one_standard_output(settings, problems);
    let mut common = common::plan(settings, workers, problems);
    inputs::take_off(&mut common.engine.decap, &tzsp_listen);
    RunPlan {
        common,
        tzsp_listen,
        eal: eal.unwrap_or_default().to_vec(),
        ports: settings.one_of(&["portmask", "portlist"], problems).and_then(|name| settings.maybe_numbers(name)),
        cores,
        nb_cores: NonZeroU16::new(nb_cores).unwrap_or(NonZeroU16::MIN),
        rxq: NonZeroU16::new(settings.short("rxq")),
        rxd: NonZeroU16::new(settings.short("rxd")),
        burst: settings.short("burst"),
        mbcache: settings.short("mbcache"),
        mbuf_size: settings.short("mbuf-size"),
        total_mbufs: settings.maybe_number("total-num-mbufs").and_then(|number| u32::try_from(number).ok()),
        max_packet_len: settings.maybe_number("max-pkt-len").and_then(|number| u32::try_from(number).ok()),
        transmit_queue: settings.short("txq") != 0,
        rss: rss(settings, problems),
        rx_timestamp: settings.flag("enable-rx-timestamp"),
        worker_timeout: settings.maybe_duration("worker-timeout"),
        stats_period: settings.maybe_duration("stats-period").filter(|period| !period.is_zero()),
        exit_at_eof: settings.flag("exit-at-eof"),
        interactive: settings.flag("interactive"),
        auto_start: settings.flag("auto-start"),
        cmdline_file: settings.path("cmdline-file"),
        memory: settings.maybe_number("memory"),
        spread: if settings.text("spread") == "testpmd" { Spread::Testpmd } else { Spread::Paired },
        control: settings.path("control"),
        idle: inputs::idle(settings, &interfaces),
        interface_driver: inputs::driver(settings),
        interfaces,
        only_plan: settings.flag("plan"),
    }
}

/// The prompt's answers and a sink's records do not share standard output.
fn one_standard_output(settings: &Settings, problems: &mut Problems) {
    let to_stdout = settings.sinks("sink").iter().any(|sink| sink.target.as_path() == std::path::Path::new("-"));
    let prompt = ["interactive", "cmdline-file"].into_iter().find(|name| settings.get(name).is_said());
    let Some(name) = prompt.filter(|_| to_stdout) else { return };
    problems.add(Problem {
        what: format!("--{name} answers on standard output, and a sink writes its records there"),
        asked: format!("asked for: {}, {}", settings.get(name).show(), settings.get("sink").show()),
        possible: "sinks that write to files".to_owned(),
        remedy: "give the sink a file".to_owned(),
    });
}

fn rss(settings: &Settings, problems: &mut Problems) -> RssFields {
    match settings.one_of(&["rss-ip", "rss-udp", "disable-rss"], problems) {
        Some("rss-ip") => RssFields::Ip,
        Some("rss-udp") => RssFields::Udp,
        Some(_) => RssFields::Off,
        None => RssFields::IpAndPorts,
    }
}

/// As many as were asked for; else as many as the mask has, as testpmd's `set_fwd_lcores_mask` has it; else 1.
fn nb_cores(settings: &Settings, cores: Option<&[u16]>, problems: &mut Problems) -> u16 {
    let there = cores.and_then(|cores| u16::try_from(cores.len()).ok());
    let Some(asked) = settings.maybe_number("nb-cores") else { return there.unwrap_or(1) };
    if let Some(there) = there.filter(|there| u64::from(*there) < asked) {
        let (mask, number) = (settings.get("coremask"), settings.get("nb-cores"));
        problems.add(Problem {
            what: format!("--nb-cores {asked} are more than the {there} lcores of --coremask {}", mask.text),
            asked: format!("asked for: {}, {}", number.show(), mask.show()),
            possible: format!("--nb-cores 1 to {there}"),
            remedy: format!(
                "write {}, or add lcores to the mask",
                number.origin.write(number.option, &there.to_string())
            ),
        });
    }
    settings.short("nb-cores")
}

/// `--workers` only adds to the cores that poll; fewer said as strongly as the cores is a mistake.
fn workers(settings: &Settings, nb_cores: u16, problems: &mut Problems) -> u16 {
    let asked = settings.maybe_number("workers").map_or(nb_cores, |_| settings.short("workers"));
    if asked < nb_cores && settings.layer("workers") >= settings.layer("nb-cores") {
        let (workers, cores) = (settings.get("workers"), settings.get("nb-cores"));
        problems.add(Problem {
            what: format!(
                "--workers {asked} are fewer than the {nb_cores} cores that poll queues; each of them is a worker"
            ),
            asked: format!("asked for: {}, {}", workers.show(), cores.show()),
            possible: format!("--workers {nb_cores} or more: software spreads packets over those beyond"),
            remedy: format!("leave out --workers, or write --nb-cores {asked}"),
        });
    }
    asked.max(nb_cores)
}

/// Names that the EAL has an option of its own for.
const ALSO_EAL: &[&str] = &["log-level"];

/// Our own options among the EAL's arguments, and words that cannot be the EAL's.
fn strays(arguments: &[String], problems: &mut Problems) {
    let order = "parshall run [EAL options] -- [options]";
    for word in arguments {
        let name = word.strip_prefix("--").unwrap_or_default().split('=').next().unwrap_or_default();
        if let Some(option) = options::find(name).filter(|option| !ALSO_EAL.contains(&option.name)) {
            let what = format!("--{} stands before the --, among the EAL's options", option.name);
            problems.add(usage(what, order, format!("move it behind the --: parshall run ... -- {word}")));
        }
    }
    if let Some(word) = arguments.first().filter(|word| !word.starts_with('-')) {
        let what = format!("{} stands where the EAL's options begin", crate::asked::quote(word));
        problems.add(usage(
            what,
            order,
            "for a capture: parshall read FILE, or --vdev net_pcap0,rx_pcap=FILE before the --",
        ));
    }
}

/// What the EAL's arguments say and what they forbid.
fn told(told: &Told, settings: &Settings, problems: &mut Problems) {
    if told.no_huge && told.in_memory {
        problems.add(usage(
            "--no-huge and --in-memory refuse each other in DPDK (no-huge implies legacy memory)",
            "one of them",
            format!("without hugepages this works: {NO_HUGE}"),
        ));
    }
    let chosen = settings.get("portmask").is_said() || settings.get("portlist").is_said();
    if !chosen {
        one_time_base(&told.devices, problems);
    }
    if settings.flag("exit-at-eof") {
        an_end(&told.devices, settings, problems);
    }
}

/// File-backed vdevs have packet time, all else the time of arrival; one run has one of them.
fn one_time_base(devices: &[Device], problems: &mut Problems) {
    let first = |time| devices.iter().find(|device| device.time == time);
    if let (Some(file), Some(live)) = (first(Time::File), first(Time::Arrival)) {
        problems.add(Problem {
            what: "one run cannot mix packet time and the time of arrival".to_owned(),
            asked: format!("asked for: {} has packet time, {} has not", file.text, live.text),
            possible: "only net_pcap vdevs with rx_pcap= and without infinite_rx, or none of them".to_owned(),
            remedy: "make two runs of it, or choose ports by --portmask".to_owned(),
        });
    }
}

/// `--exit-at-eof` needs a port that ends, and none that never does.
fn an_end(devices: &[Device], settings: &Settings, problems: &mut Problems) {
    let said = settings.get("exit-at-eof");
    let endless = devices.iter().find(|device| device.endless);
    let what = match endless {
        Some(device) => format!("--exit-at-eof waits for an end that {} never has", device.text),
        None if devices.iter().any(|device| device.time == Time::File) => return,
        None => "--exit-at-eof has no file to come to the end of".to_owned(),
    };
    problems.add(Problem {
        what,
        asked: format!("asked for {}", said.origin),
        possible: "a net_pcap vdev with rx_pcap= and without infinite_rx among the EAL's options".to_owned(),
        remedy: match endless {
            Some(device) if device.text.starts_with("--") => format!("leave out {}, or --exit-at-eof", device.text),
            Some(_) => "leave out infinite_rx=1, or leave out --exit-at-eof".to_owned(),
            None => "add --vdev net_pcap0,rx_pcap=FILE before the --, or leave out --exit-at-eof".to_owned(),
        },
    });
}
