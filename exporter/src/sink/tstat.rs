//! Tstat's log files: log_tcp_complete, log_tcp_nocomplete and log_udp_complete as Tstat 3 writes them.
//!
//! **Owns** the columns: one row each, in Tstat's order. **May touch** the folder it is given.
//! **Order** as [`Sink`] says.
//!
//! `DIR/YYYY_MM_DD_HH_MM.out/` holds one hour of record time, named after the first record's end. Column sets are core,
//! end-to-end, P2P (always 0), options and layer 7; what this probe does not measure stands there as Tstat writes an
//! empty value. `log_tcp_nocomplete` has the 44 core columns. Midstream flows, which Tstat does not know, go there too.

use super::gather::Gather;
use super::{Existing, Sink};
use crate::buffer::Pen;
use crate::digits;
use parshall_config::plan::SinkSpec;
use parshall_engine::flow::tcp::Class;
use parshall_engine::key::protocol;
use parshall_engine::record::{Direction, FlowRecord, RttSummary, TcpDirection, TcpRecord};
use parshall_engine::time::Nanos;
use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Record time in one folder: Tstat's twelve steps of 300 s. Unit: nanoseconds.
const PERIOD: u64 = 3_600_000_000_000;

/// What a column holds.
#[derive(Clone, Copy)]
enum Cell {
    Number(u64),
    /// Nanoseconds as milliseconds with six decimals.
    Millis(u64),
    /// With six decimals.
    Decimal(f64),
    Ip(IpAddr),
}

use Cell::{Decimal, Ip, Millis, Number};

/// A set of columns: their names, and the function that writes them and a space behind each. As straight code, in which a
/// getter is no call.
macro_rules! columns {
    ($(#[$about:meta])* $names:ident, $write:ident($of:ty); $( $name:expr, $get:expr; )*) => {
        $(#[$about])*
        const $names: &[&str] = &[ $( $name ),* ];

        fn $write<'p>(from: $of, mut pen: Pen<'p>) -> Pen<'p> {
            $( { let get: fn($of) -> Cell = $get; pen = cell(get(from), pen); } )*
            pen
        }
    };
}

/// A set of columns that this probe does not measure: their names, and what stands in them, with a space behind each.
macro_rules! fixed {
    ($(#[$about:meta])* $names:ident, $text:ident; $( $name:expr, $value:literal; )*) => {
        $(#[$about])*
        const $names: &[&str] = &[ $( $name ),* ];

        const $text: &str = concat!($( $value, " " ),*);
    };
}

const MS: f64 = 1e6;

fn ms(nanos: u64) -> Cell {
    Millis(nanos)
}

/// Milliseconds from the start of the record; 0 when there was none.
fn since(record: &FlowRecord, time: Option<Nanos>) -> Cell {
    ms(time.map_or(0, |time| time.since(record.start)))
}

fn rtt(tcp: &TcpDirection, get: fn(&RttSummary) -> u64) -> Cell {
    ms(tcp.rtt.as_ref().map_or(0, get))
}

fn rtt_mean(tcp: &TcpDirection, get: fn(&RttSummary) -> f64) -> Cell {
    Decimal(tcp.rtt.as_ref().map_or(0.0, get) / MS)
}

fn flag(value: Option<bool>) -> Cell {
    Number(u64::from(value == Some(true)))
}

fn number<T: Into<u64>>(value: Option<T>) -> Cell {
    Number(value.map_or(0, Into::into))
}

fn class(tcp: &TcpDirection, class: Class) -> Cell {
    number(tcp.history.map(|history| history.classes[class as usize]))
}

/// Column 1 to 14 and 15 to 28.
macro_rules! core_side {
    ($names:ident, $write:ident, $side:literal, $direction:ident, $ip:ident, $low:expr) => {
        columns! {
            $names, $write((&FlowRecord, &TcpRecord));
            concat!($side, "_ip"), |(record, _)| Ip(record.$ip());
            concat!($side, "_port"), |(record, _)| number(record.key.port(record.client_is_low == $low));
            concat!($side, "_pkts_all"), |(record, _)| Number(record.$direction.packets);
            concat!($side, "_rst_cnt"), |(_, tcp)| Number(tcp.$direction.rst_count.into());
            concat!($side, "_ack_cnt"), |(_, tcp)| Number(tcp.$direction.ack_packets);
            concat!($side, "_ack_cnt_p"), |(_, tcp)| Number(tcp.$direction.pure_ack_packets);
            concat!($side, "_bytes_uniq"), |(_, tcp)| number(tcp.$direction.history.map(|one| one.unique_bytes));
            concat!($side, "_pkts_data"), |(_, tcp)| Number(tcp.$direction.data_packets);
            concat!($side, "_bytes_all"), |(record, _)| Number(record.$direction.payload_bytes);
            concat!($side, "_pkts_retx"), |(_, tcp)| number(tcp.$direction.history.map(|one| one.retx_packets));
            concat!($side, "_bytes_retx"), |(_, tcp)| number(tcp.$direction.history.map(|one| one.retx_bytes));
            concat!($side, "_pkts_ooo"), |(_, tcp)| number(tcp.$direction.history.map(|one| one.ooo_packets));
            concat!($side, "_syn_cnt"), |(_, tcp)| Number(tcp.$direction.syn_count.into());
            concat!($side, "_fin_cnt"), |(_, tcp)| Number(tcp.$direction.fin_count.into());
        }
    };
}

core_side!(CORE_CLIENT, core_client, "c", c2s, client_ip, true);
core_side!(CORE_SERVER, core_server, "s", s2c, server_ip, false);

columns! {
    /// Columns 29 to 39.
    CORE_FLOW, core_flow((&FlowRecord, &TcpRecord));
    "first", |(record, _)| ms(record.start.0);
    "last", |(record, _)| ms(record.end.0);
    "durat", |(record, _)| ms(record.end.since(record.start));
    "c_first", |(record, tcp)| since(record, tcp.c2s.first_payload);
    "s_first", |(record, tcp)| since(record, tcp.s2c.first_payload);
    "c_last", |(record, tcp)| since(record, tcp.c2s.last_payload);
    "s_last", |(record, tcp)| since(record, tcp.s2c.last_payload);
    "c_first_ack", |(record, tcp)| since(record, tcp.c2s.first_ack);
    "s_first_ack", |(record, tcp)| since(record, tcp.s2c.first_ack);
    "c_isint", |(record, _)| Number(record.client_local.into());
    "s_isint", |(record, _)| Number(record.server_local.into());
}

fixed! {
    /// Columns 40 to 44.
    CORE_REST, CORE_REST_TEXT;
    "c_iscrypto", "0";
    "s_iscrypto", "0";
    "con_t", "0";
    "p2p_t", "0";
    "http_t", "0";
}

/// Columns 45 to 58.
macro_rules! end_to_end {
    ($names:ident, $write:ident, $side:literal, $direction:ident) => {
        columns! {
            $names, $write((&FlowRecord, &TcpRecord));
            concat!($side, "_rtt_avg"), |(_, tcp)| rtt_mean(&tcp.$direction, |rtt| rtt.avg);
            concat!($side, "_rtt_min"), |(_, tcp)| rtt(&tcp.$direction, |rtt| rtt.min);
            concat!($side, "_rtt_max"), |(_, tcp)| rtt(&tcp.$direction, |rtt| rtt.max);
            concat!($side, "_rtt_std"), |(_, tcp)| rtt_mean(&tcp.$direction, |rtt| rtt.std);
            concat!($side, "_rtt_cnt"), |(_, tcp)| number(tcp.$direction.rtt.map(|rtt| rtt.samples));
            concat!($side, "_ttl_min"), |(record, _)| number(record.$direction.ttl.map(|ttl| ttl.0));
            concat!($side, "_ttl_max"), |(record, _)| number(record.$direction.ttl.map(|ttl| ttl.1));
        }
    };
}

end_to_end!(END_CLIENT, end_client, "c", c2s);
end_to_end!(END_SERVER, end_server, "s", s2c);

fixed! {
    /// Columns 59 to 64.
    P2P, P2P_TEXT;
    "p2p_st", "0";
    "ed2k_data", "0";
    "ed2k_sig", "0";
    "ed2k_c2s", "0";
    "ed2k_c2c", "0";
    "ed2k_chat", "0";
}

/// Columns 65 to 110.
macro_rules! options {
    ($names:ident, $write:ident, $side:literal, $direction:ident) => {
        columns! {
            $names, $write((&FlowRecord, &TcpRecord));
            concat!($side, "_f1323_opt"), |(_, tcp)| flag(tcp.$direction.ws_option);
            concat!($side, "_tm_opt"), |(_, tcp)| flag(tcp.$direction.ts_option);
            concat!($side, "_win_scl"), |(_, tcp)| number(tcp.$direction.window_scale);
            concat!($side, "_sack_opt"), |(_, tcp)| flag(tcp.$direction.sack_permitted);
            concat!($side, "_sack_cnt"), |(_, tcp)| Number(tcp.$direction.sack_packets.into());
            concat!($side, "_mss"), |(_, tcp)| number(tcp.$direction.mss);
            concat!($side, "_mss_max"), |(_, tcp)| number(tcp.$direction.mss_max);
            concat!($side, "_mss_min"), |(_, tcp)| number(tcp.$direction.mss_min);
            concat!($side, "_win_max"), |(_, tcp)| number(tcp.$direction.window_max);
            concat!($side, "_win_min"), |(_, tcp)| number(tcp.$direction.window_min);
            concat!($side, "_win_0"), |(_, tcp)| Number(tcp.$direction.zero_windows.into());
            concat!($side, "_cwin_max"), |(_, tcp)| number(tcp.$direction.inflight_max);
            concat!($side, "_cwin_min"), |(_, tcp)| number(tcp.$direction.inflight_min);
            concat!($side, "_cwin_ini"), |(_, tcp)| number(tcp.$direction.inflight_initial);
            concat!($side, "_pkts_rto"), |(_, tcp)| class(&tcp.$direction, Class::Rto);
            concat!($side, "_pkts_fs"), |(_, tcp)| class(&tcp.$direction, Class::FastRetx);
            concat!($side, "_pkts_reor"), |(_, tcp)| class(&tcp.$direction, Class::Reordering);
            concat!($side, "_pkts_dup"), |(_, tcp)| class(&tcp.$direction, Class::NetDup);
            concat!($side, "_pkts_unk"), |(_, tcp)| class(&tcp.$direction, Class::Unknown);
            concat!($side, "_pkts_fc"), |(_, tcp)| class(&tcp.$direction, Class::FlowControl);
            concat!($side, "_pkts_unrto"), |(_, tcp)| class(&tcp.$direction, Class::UnneededRto);
            concat!($side, "_pkts_unfs"), |(_, tcp)| class(&tcp.$direction, Class::UnneededFastRetx);
            concat!($side, "_syn_retx"), |(_, tcp)| Number(u64::from(tcp.$direction.other_isn > 0));
        }
    };
}

options!(OPTIONS_CLIENT, options_client, "c", c2s);
options!(OPTIONS_SERVER, options_server, "s", s2c);

fixed! {
    /// Columns 111 to 134: not measured yet, as Tstat writes an empty value.
    LAYER_7, LAYER_7_TEXT;
    "http_req_cnt", "0";
    "http_res_cnt", "0";
    "http_res", "---";
    "c_pkts_push", "0";
    "s_pkts_push", "0";
    "c_tls_SNI", "-";
    "s_tls_SCN", "-";
    "c_npnalpn", "0";
    "s_npnalpn", "0";
    "tls_session_stat", "0";
    "c_last_handshakeT", "0.000000";
    "s_last_handshakeT", "0.000000";
    "c_appdataT", "0.000000";
    "s_appdataT", "0.000000";
    "c_appdataB", "0";
    "s_appdataB", "0";
    "fqdn", "-";
    "dns_rslv", "-";
    "req_tm", "0.0";
    "res_tm", "0.0";
    "http_hostname", "-";
    "c_TLSvers", "-";
    "s_TLSvers", "-";
    "dns_enc", "0";
}

/// The sets of log_tcp_complete, in Tstat's order; the first four are log_tcp_nocomplete.
#[rustfmt::skip]
const TCP: [&[&str]; 10] = [
    CORE_CLIENT, CORE_SERVER, CORE_FLOW, CORE_REST, END_CLIENT, END_SERVER, P2P, OPTIONS_CLIENT, OPTIONS_SERVER, LAYER_7,
];

const CORE_SETS: usize = 4;

fn first(direction: &Direction) -> Cell {
    ms(direction.span.map_or(0, |span| span.0.0))
}

fn duration(direction: &Direction) -> Cell {
    Decimal(direction.span.map_or(0.0, |span| span.1.since(span.0) as f64 / 1e9))
}

columns! {
    /// Columns 1 to 16 of log_udp_complete.
    UDP, udp(&FlowRecord);
    "c_ip", |record| Ip(record.client_ip());
    "c_port", |record| number(record.key.port(record.client_is_low));
    "c_first_abs", |record| first(&record.c2s);
    "c_durat", |record| duration(&record.c2s);
    "c_bytes_all", |record| Number(record.c2s.payload_bytes);
    "c_pkts_all", |record| Number(record.c2s.packets);
    "c_isint", |record| Number(record.client_local.into());
    "c_iscrypto", |_| Number(0);
    "c_type", |_| Number(0);
    "s_ip", |record| Ip(record.server_ip());
    "s_port", |record| number(record.key.port(!record.client_is_low));
    "s_first_abs", |record| first(&record.s2c);
    "s_durat", |record| duration(&record.s2c);
    "s_bytes_all", |record| Number(record.s2c.payload_bytes);
    "s_pkts_all", |record| Number(record.s2c.packets);
    "s_isint", |record| Number(record.server_local.into());
}

fixed! {
    /// Columns 17 to 23 of log_udp_complete.
    UDP_REST, UDP_REST_TEXT;
    "s_iscrypto", "0";
    "s_type", "0";
    "fqdn", "-";
    "quic_SNI", "-";
    "quic_UA", "-";
    "quic_CHLO", "0";
    "quic_REJ", "0";
}

/// The first line of each log.
struct Headers {
    tcp_complete: Vec<u8>,
    tcp_nocomplete: Vec<u8>,
    udp_complete: Vec<u8>,
}

/// Made once: there are three for every hour of record time.
static HEADERS: LazyLock<Headers> = LazyLock::new(|| Headers {
    tcp_complete: header("31#", &TCP),
    tcp_nocomplete: header("31#", &TCP[..CORE_SETS]),
    udp_complete: header("", &[UDP, UDP_REST]),
});

fn header(mark: &str, sets: &[&[&str]]) -> Vec<u8> {
    let names = sets.iter().copied().flatten().enumerate();
    let columns: Vec<String> = names.map(|(n, name)| format!("{name}:{}", n + 1)).collect();
    format!("#{mark}{}\n", columns.join(" ")).into_bytes()
}

#[inline(always)]
fn cell(cell: Cell, pen: Pen<'_>) -> Pen<'_> {
    let pen = match cell {
        // Most are so small, or nothing.
        Number(number) if let Some((text, len)) = digits::small(number) => {
            return pen.put((text | u32::from(b' ') << (8 * len)).to_le_bytes(), len + 1);
        }
        Millis(0) => return pen.put(*b"0.000000 ", 9),
        Decimal(number) if number.to_bits() == 0 => return pen.put(*b"0.000000 ", 9),
        Number(number) => digits::large(number, pen),
        Millis(nanos) => digits::millis(nanos, pen),
        Decimal(number) => digits::decimal(number, pen),
        Ip(ip) => digits::address(ip, pen),
    };
    pen.byte(b' ')
}

/// A line of log_tcp_complete, or the first sets of it.
fn tcp_line<'p>(record: &FlowRecord, tcp: &TcpRecord, pen: Pen<'p>) -> Pen<'p> {
    let from = (record, tcp);
    let pen = core_flow(from, core_server(from, core_client(from, pen))).text(CORE_REST_TEXT.as_bytes());
    if !tcp.complete {
        return pen;
    }
    let pen = end_server(from, end_client(from, pen)).text(P2P_TEXT.as_bytes());
    options_server(from, options_client(from, pen)).text(LAYER_7_TEXT.as_bytes())
}

/// The three logs of one folder after another.
#[derive(Default)]
struct Logs {
    tcp_complete: Gather,
    tcp_nocomplete: Gather,
    udp_complete: Gather,
}

impl Logs {
    /// Goes on in the folder for `end`.
    fn open(&mut self, folder: &Path, end: Nanos, begun: Option<&mut HashSet<PathBuf>>) -> io::Result<()> {
        let stamp = super::file::minute(end.0 / 1_000_000_000);
        let folder = folder.join(format!("{stamp}.out"));
        std::fs::create_dir_all(&folder)?;
        let replace = begun.is_some_and(|begun| begun.insert(folder.clone()));
        let open = |log: &mut Gather, name: &str, header: &[u8]| -> io::Result<()> {
            let mut options = OpenOptions::new();
            let how = if replace { options.write(true).truncate(true) } else { options.append(true) };
            let file = how.create(true).open(folder.join(name))?;
            let fresh = replace || file.metadata()?.len() == 0;
            log.open(file, if fresh { header } else { b"" });
            Ok(())
        };
        open(&mut self.tcp_complete, "log_tcp_complete", &HEADERS.tcp_complete)?;
        open(&mut self.tcp_nocomplete, "log_tcp_nocomplete", &HEADERS.tcp_nocomplete)?;
        open(&mut self.udp_complete, "log_udp_complete", &HEADERS.udp_complete)
    }

    fn each(&mut self, all: fn(&mut Gather) -> io::Result<()>) -> io::Result<()> {
        all(&mut self.tcp_complete)?;
        all(&mut self.tcp_nocomplete)?;
        all(&mut self.udp_complete)
    }
}

/// The sink.
struct Tstat {
    folder: PathBuf,
    logs: Logs,
    /// Whose folder is open.
    period: Option<u64>,
    /// Folders of this run, where existing logs are replaced (`read`).
    begun: Option<HashSet<PathBuf>>,
}

pub(super) fn open(spec: &SinkSpec, existing: Existing) -> io::Result<Box<dyn Sink>> {
    std::fs::create_dir_all(&spec.target)?;
    let begun = (existing == Existing::Replace).then(HashSet::new);
    Ok(Box::new(Tstat { folder: spec.target.clone(), logs: Logs::default(), period: None, begun }))
}

impl Tstat {
    /// Goes on in the folder for `end`.
    #[cold]
    fn turn(&mut self, end: Nanos) -> io::Result<()> {
        self.reopen()?;
        self.logs.open(&self.folder, end, self.begun.as_mut())?;
        self.period = Some(end.0 / PERIOD);
        Ok(())
    }
}

impl Sink for Tstat {
    fn is_quick(&self) -> bool {
        true
    }

    fn take(&mut self, record: &FlowRecord) -> io::Result<()> {
        if record.key.protocol != protocol::UDP && record.tcp.is_none() {
            return Ok(());
        }
        if self.period != Some(record.end.0 / PERIOD) {
            self.turn(record.end)?;
        }
        // The last space becomes the end of the line.
        match &record.tcp {
            None => self.logs.udp_complete.append(b'\n', |pen| udp(record, pen).text(UDP_REST_TEXT.as_bytes())),
            Some(tcp) => {
                let log = if tcp.complete { &mut self.logs.tcp_complete } else { &mut self.logs.tcp_nocomplete };
                log.append(b'\n', |pen| tcp_line(record, tcp, pen))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.logs.each(Gather::write_out)
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.logs.each(Gather::close)?;
        self.period = None;
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        self.logs.each(Gather::close)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::record;
    use parshall_config::plan::SinkKind;

    #[test]
    fn the_column_sets_have_tstat_s_numbers() {
        let names: Vec<&str> = TCP.iter().copied().flatten().copied().collect();
        assert_eq!(names.len(), 134);
        #[rustfmt::skip]
        let places = [
            (1, "c_ip"), (14, "c_fin_cnt"), (15, "s_ip"), (29, "first"), (44, "http_t"), (45, "c_rtt_avg"), (58, "s_ttl_max"),
            (64, "ed2k_chat"), (65, "c_f1323_opt"), (87, "c_syn_retx"), (88, "s_f1323_opt"), (110, "s_syn_retx"),
            (111, "http_req_cnt"), (134, "dns_enc"),
        ];
        for (number, name) in places {
            assert_eq!(names[number - 1], name);
        }
    }

    #[test]
    fn each_record_goes_into_the_log_that_tstat_would_put_it_into() {
        let folder = tempfile::tempdir().unwrap();
        let spec = SinkSpec { kind: SinkKind::Tstat, target: folder.path().to_owned(), rotate: None, zstd: false };
        let mut sink = open(&spec, Existing::Continue).unwrap();
        let mut complete = record(60_000_000_000, 3);
        complete.key.protocol = protocol::TCP;
        complete.tcp = Some(TcpRecord { complete: true, ..TcpRecord::default() });
        let mut open_flow = complete.clone();
        open_flow.tcp = Some(TcpRecord::default());
        for record in [complete, open_flow, record(60_000_000_000, 1)] {
            sink.take(&record).unwrap();
        }
        sink.close().unwrap();
        let lines = |name: &str| {
            let path = folder.path().join("1970_01_01_00_01.out").join(name);
            std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
        };
        for (name, columns) in [("log_tcp_complete", 134), ("log_tcp_nocomplete", 44), ("log_udp_complete", 23)] {
            let lines = lines(name);
            assert_eq!(lines.len(), 2, "{name}");
            assert_eq!(lines[1].split(' ').count(), columns, "{name}");
            assert!(lines[0].starts_with('#') && lines[0].ends_with(&format!(":{columns}")), "{}", lines[0]);
        }
    }
}
