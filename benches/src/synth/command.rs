//! The command line of `parshall-traffic`.
//!
//! **Owns** its options and messages. **May touch** files that it was told to write or read, and standard error.
//! **Order** called by the binary. Standard output carries data only: the list of scenarios, the differences of `check`.

use super::artefacts::Artefacts;
use super::compare::{Comparison, Keys, compare};
use super::compose::{Choice, Faults, Order, compose};
use super::dice::MILLION;
use super::load::draw::Access;
use super::load::{Generator, Kind, Load, Sizes};
use super::pcap::PcapWriter;
use super::router::stream;
use super::scenario::SCENARIOS;
use clap::{Args, Parser, Subcommand, ValueEnum};
use parshall_config::plan::Timeouts;
use parshall_engine::link::LinkType;
use serde_json::Value;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Writes captures whose truth is known: `X.pcap`, `X.truth.jsonl`, `X.anomalies.jsonl`, `X.books.json`.
#[derive(Debug, Parser)]
#[command(name = "parshall-traffic", version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    synthesis: Synthesis,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write frames for benches, without truth.
    Load(LoadArguments),
    /// Send sessions without end to a probe's --tzsp-listen, each frame when it is due, as a router would.
    Stream(StreamArguments),
    /// Hold a probe's records against the truth.
    Check(CheckArguments),
}

#[derive(Debug, Args)]
struct Synthesis {
    /// List the scenarios.
    #[arg(long)]
    list: bool,
    /// The capture to write; the truth is written beside it.
    #[arg(long, value_name = "X.pcap", required_unless_present = "list")]
    out: Option<PathBuf>,
    /// Everything random follows from this number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many sessions are played.
    #[arg(long, default_value_t = 1000)]
    sessions: u64,
    /// A scenario by name, `all` in turn, or `mixed` by weight.
    #[arg(long, default_value = "mixed")]
    scenario: String,
    /// Nanoseconds in the capture; else microseconds.
    #[arg(long)]
    nanoseconds: bool,
    /// Capture frames up to so many bytes.
    #[arg(long, value_name = "BYTES")]
    snaplen: Option<usize>,
    /// Foretell so many of each flow's first packets, as the probe's --first-packets.
    #[arg(long, value_name = "PACKETS", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=16))]
    first_packets: u8,
    /// Sessions begin within so many seconds [default: one for fifty sessions].
    #[arg(long, value_name = "SECONDS")]
    span: Option<u64>,
    /// Segments lost on each of four links, of the random scenarios.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0.008")]
    loss: u32,
    /// Segments reordered on each link.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0.004")]
    reorder: u32,
    /// Segments doubled on each link.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0.001")]
    duplicate: u32,
    /// Segments that the probe misses.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0")]
    capture_loss: u32,
    #[command(flatten)]
    timeouts: TimeoutArguments,
}

/// Timeouts of the probe whose records are foretold. Unit: seconds.
#[derive(Debug, Args)]
struct TimeoutArguments {
    #[arg(long, value_name = "SECONDS", help_heading = "Timeouts of the probe", default_value_t = 300)]
    tcp_idle_timeout: u64,
    #[arg(long, value_name = "SECONDS", help_heading = "Timeouts of the probe", default_value_t = 60)]
    udp_idle_timeout: u64,
    #[arg(long, value_name = "SECONDS", help_heading = "Timeouts of the probe", default_value_t = 60)]
    other_idle_timeout: u64,
    #[arg(long, value_name = "SECONDS", help_heading = "Timeouts of the probe", default_value_t = 10)]
    single_packet_timeout: u64,
    #[arg(long, value_name = "SECONDS", help_heading = "Timeouts of the probe", default_value_t = 5)]
    tcp_linger: u64,
    #[arg(long, value_name = "SECONDS", help_heading = "Timeouts of the probe")]
    active_timeout: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LoadKind {
    Tcp,
    Udp,
    NewFlows,
    SynFlood,
    Random,
}

#[derive(Debug, Args)]
struct LoadArguments {
    /// The capture to write.
    #[arg(long, value_name = "Y.pcap")]
    out: PathBuf,
    /// Everything random follows from this number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What the frames are.
    #[arg(long, value_enum, default_value = "tcp")]
    kind: LoadKind,
    /// How many flows take turns.
    #[arg(long, default_value_t = 1000)]
    flows: u32,
    /// How many frames are written.
    #[arg(long, default_value_t = 100_000)]
    packets: u64,
    /// Bytes of a frame without FCS, `imix` (60, 590, 1514 as 7:4:1) or `uniform`.
    #[arg(long, value_parser = sizes, default_value = "64")]
    size: Sizes,
    /// Flows by Zipf's law with this exponent; else each as likely.
    #[arg(long, value_name = "EXPONENT")]
    zipf: Option<f64>,
    /// Time between frames. Unit: nanoseconds.
    #[arg(long, value_name = "NANOSECONDS", default_value_t = 1000)]
    gap: u64,
    /// Flows over IPv6.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0")]
    v6: u32,
    /// TCP data sent twice.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0")]
    resent: u32,
    /// TCP data that comes after what follows it.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0")]
    swapped: u32,
}

#[derive(Debug, Args)]
struct StreamArguments {
    /// Where the probe listens.
    #[arg(long, default_value = "127.0.0.1:37008")]
    to: SocketAddr,
    /// Everything random follows from this number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Sessions that begin each second.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    sessions: u64,
}

#[derive(Debug, Args)]
struct CheckArguments {
    /// The truth.
    truth: PathBuf,
    /// The records, JSON Lines.
    records: PathBuf,
    /// Compare only these keys.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Leave these keys out.
    #[arg(long, value_delimiter = ',')]
    skip: Vec<String>,
    /// Differences to print.
    #[arg(long, default_value_t = 20)]
    most: usize,
}

/// A share between 0 and 1 in parts of a million.
fn share(text: &str) -> Result<u32, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok((share * f64::from(MILLION)).round() as u32),
        _ => Err("a share is a number from 0 to 1".to_owned()),
    }
}

fn sizes(text: &str) -> Result<Sizes, String> {
    match text {
        "imix" => Ok(Sizes::Imix),
        "uniform" => Ok(Sizes::Uniform),
        _ => text.parse().map(Sizes::Fixed).map_err(|_| "a number of bytes, imix or uniform".to_owned()),
    }
}

/// Does what was asked.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    let done = match arguments.action {
        Some(Action::Load(load)) => write_load(&load),
        Some(Action::Stream(asked)) => {
            let order = Order { seed: asked.seed, choice: Choice::Mixed, ..Order::default() };
            stream(asked.to, order, asked.sessions)
        }
        Some(Action::Check(check)) => return report(&check),
        None if arguments.synthesis.list => list(),
        None => synthesize(&arguments.synthesis),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("parshall-traffic: {message}");
            ExitCode::from(1)
        }
    }
}

fn list() -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    for scenario in SCENARIOS {
        if writeln!(out, "{:32} {}", scenario.name, scenario.help).is_err() {
            break; // the reader has gone
        }
    }
    Ok(())
}

impl TimeoutArguments {
    fn timeouts(&self) -> Timeouts {
        Timeouts {
            tcp_idle: Duration::from_secs(self.tcp_idle_timeout),
            udp_idle: Duration::from_secs(self.udp_idle_timeout),
            other_idle: Duration::from_secs(self.other_idle_timeout),
            single_packet: Duration::from_secs(self.single_packet_timeout),
            tcp_linger: Duration::from_secs(self.tcp_linger),
            active: self.active_timeout.map(Duration::from_secs),
        }
    }
}

fn synthesize(asked: &Synthesis) -> Result<(), String> {
    let Some(out) = &asked.out else { return Err("--out is missing".to_owned()) };
    let order = Order {
        seed: asked.seed,
        sessions: asked.sessions,
        choice: match asked.scenario.as_str() {
            "all" => Choice::All,
            "mixed" => Choice::Mixed,
            name => Choice::One(name.to_owned()),
        },
        nanoseconds: asked.nanoseconds,
        snap: asked.snaplen,
        timeouts: asked.timeouts.timeouts(),
        first_packets: asked.first_packets,
        faults: Faults {
            loss: asked.loss,
            reorder: asked.reorder,
            duplicate: asked.duplicate,
            capture_loss: asked.capture_loss,
        },
        span: asked.span.map(|seconds| seconds.saturating_mul(1_000_000_000)),
    };
    let capture = compose(&order)?;
    let files = Artefacts::beside(out);
    files.write(&capture, &order).map_err(|error| format!("{}: {error}", out.display()))?;
    let books = &capture.books;
    eprintln!(
        "{}: {} frames, {} bytes, {} flow records of {} sessions",
        files.pcap.display(),
        books.frames,
        books.captured_bytes,
        books.records,
        asked.sessions
    );
    eprintln!("{}: the records that a probe must give", files.truth.display());
    eprintln!("{}: {} anomalous segments", files.anomalies.display(), capture.anomalies.len());
    eprintln!("{}: the expected counters", files.books.display());
    Ok(())
}

fn write_load(asked: &LoadArguments) -> Result<(), String> {
    let load = Load {
        seed: asked.seed,
        kind: match asked.kind {
            LoadKind::Tcp => Kind::Tcp,
            LoadKind::Udp => Kind::Udp,
            LoadKind::NewFlows => Kind::NewFlows,
            LoadKind::SynFlood => Kind::SynFlood,
            LoadKind::Random => Kind::Random,
        },
        flows: asked.flows,
        access: asked.zipf.map_or(Access::Uniform, Access::Zipf),
        sizes: asked.size,
        gap: asked.gap,
        v6: asked.v6,
        resent: asked.resent,
        swapped: asked.swapped,
    };
    let mut generator = Generator::new(&load)?;
    let failed = |error: std::io::Error| format!("{}: {error}", asked.out.display());
    let mut file = File::create(&asked.out).map(BufWriter::new).map_err(failed)?;
    let mut bytes = 0;
    let mut writer = PcapWriter::new(&mut file, LinkType::ETHERNET, true, None).map_err(failed)?;
    let mut frame = Vec::new();
    for _ in 0..asked.packets {
        let time = generator.fill(&mut frame);
        writer.frame(time.0, &frame, frame.len() as u32).map_err(failed)?;
        bytes += frame.len() as u64;
    }
    file.flush().map_err(failed)?;
    eprintln!("{}: {} frames, {bytes} bytes, nanoseconds", asked.out.display(), asked.packets);
    Ok(())
}

fn lines(path: &Path) -> Result<Vec<Value>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| format!("{}:{}: {error}", path.display(), number + 1))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(parse).collect()
}

/// Exit status 0 when all agrees, 1 when something differs, 2 when a file cannot be read.
fn report(asked: &CheckArguments) -> ExitCode {
    let both = lines(&asked.truth).and_then(|truths| lines(&asked.records).map(|records| (truths, records)));
    let (truths, records) = match both {
        Ok(both) => both,
        Err(message) => {
            eprintln!("parshall-traffic: {message}");
            return ExitCode::from(2);
        }
    };
    let keys = Keys { only: asked.only.clone(), skip: asked.skip.clone() };
    let result = compare(&truths, &records, &keys);
    print_differences(&result, asked.most);
    eprintln!(
        "{} records as foretold or compared, {} missing, {} surplus, {} values differ",
        result.matched,
        result.missing.len(),
        result.surplus.len(),
        result.differences.len()
    );
    ExitCode::from(u8::from(!result.agrees()))
}

fn print_differences(result: &Comparison, most: usize) {
    let mut out = std::io::stdout().lock();
    let keys = result.keys.iter().filter(|(_, score)| score.differed > 0);
    let keys = keys.map(|(key, score)| format!("key {key}: {} of {} differ", score.differed, score.compared));
    let missing = result.missing.iter().take(most).map(|flow| format!("missing {flow}"));
    let surplus = result.surplus.iter().take(most).map(|flow| format!("surplus {flow}"));
    let differing = result.differences.iter().take(most).map(|one| {
        format!("differs {} {} ({}): truth {} record {}", one.flow, one.key, one.scenario, one.truth, one.record)
    });
    for line in keys.chain(missing).chain(surplus).chain(differing) {
        if writeln!(out, "{line}").is_err() {
            return; // the reader has gone
        }
    }
}
