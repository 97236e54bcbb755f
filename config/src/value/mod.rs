//! Text into values.
//!
//! **Owns** what each kind of value may look like, and what is said when it does not. **May touch** nothing.
//! **Order** called by `settings` for every text that was said, whatever layer it came from, and for every default.

pub(crate) mod sink;
mod list;
mod quantity;

use crate::options::{Kind, Opt};
use crate::plan::SinkSpec;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What an option was set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// The word that stands for "no value".
    Unset,
    Flag(bool),
    /// A count, or bytes.
    Number(u64),
    Duration(Duration),
    /// Port ids, lcore ids, or UDP ports; ascending, none twice.
    Numbers(Vec<u16>),
    Networks(Vec<IpNet>),
    /// Words as the table has them, none twice.
    Words(Vec<String>),
    /// A choice, or free text.
    Text(String),
    Address(SocketAddr),
    /// In the order given, none twice.
    Addresses(Vec<SocketAddr>),
    Path(PathBuf),
    FlowFilter(crate::filter::FlowFilter),
    Sink(SinkSpec),
}

/// Why a text is not a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The reason, to follow a colon; empty where the range says all.
    pub(crate) why: String,
    /// What is possible.
    pub(crate) possible: String,
    /// What to write instead, where that is known: the value alone.
    pub(crate) instead: Option<String>,
}

impl Refusal {
    pub(crate) fn new(why: impl Into<String>, possible: impl Into<String>) -> Refusal {
        Refusal { why: why.into(), possible: possible.into(), instead: None }
    }

    pub(crate) fn instead(self, text: impl Into<String>) -> Refusal {
        Refusal { instead: Some(text.into()), ..self }
    }
}

/// What is possible for an option, in words; the reference page has it too.
pub(crate) fn possible(option: &Opt) -> String {
    let values = match option.kind {
        Kind::Flag => "true, false".to_owned(),
        Kind::Always(_) => "true".to_owned(),
        Kind::Only(value, _) => value.to_owned(),
        Kind::Count(low, high) => format!("{low} to {high}"),
        Kind::Size(low, high) => format!("{} to {}", quantity::show_size(low), quantity::show_size(high)),
        Kind::Duration(low, high) | Kind::Seconds(low, high) => {
            format!("{} to {}", quantity::show_span(low), quantity::show_span(high))
        }
        Kind::Mask => "a hexadecimal mask such as 0x3 or f, with a bit set".to_owned(),
        Kind::Numbers => "numbers and ranges such as 0,2-3".to_owned(),
        Kind::UdpPorts => "ports from 1 to 65535, separated by commas".to_owned(),
        Kind::Networks => "networks such as 10.0.0.0/8,2001:db8::/32".to_owned(),
        Kind::Words(words) | Kind::Choice(words) => words.join(", "),
        Kind::Address => "an address and a port such as 127.0.0.1:9184 or [::1]:9184".to_owned(),
        Kind::Addresses => "addresses and ports such as 0.0.0.0:37008,[::]:37008".to_owned(),
        Kind::Interfaces => "names that `ip link` lists, and any".to_owned(),
        Kind::Path => "a file".to_owned(),
        Kind::Text => "a text".to_owned(),
        Kind::PcapFilter => "an expression in the pcap-filter language such as \"tcp port 443\"".to_owned(),
        Kind::FlowFilter => "an expression such as \"net 10.0.0.0/8 and tcp port 443,8000-8099\"".to_owned(),
        Kind::Sink => format!("{} as scheme:target", sink::built().collect::<Vec<_>>().join(", ")),
    };
    if option.unset.is_empty() { values } else { format!("{values}, or {}", option.unset) }
}

/// Reads what was said for an option.
pub(crate) fn parse(option: &Opt, text: &str) -> Result<Value, Refusal> {
    if !option.unset.is_empty() && text == option.unset {
        return Ok(Value::Unset);
    }
    let read = match option.kind {
        Kind::Flag => flag(text).map(Value::Flag),
        Kind::Always(reason) => always(text, reason),
        Kind::Only(value, reason) => only(text, value, reason),
        Kind::Count(low, high) => quantity::count(text, low, high).map(Value::Number),
        Kind::Size(low, high) => quantity::size(text, low, high).map(Value::Number),
        Kind::Duration(low, high) => quantity::span(text, low, high).map(Value::Duration),
        Kind::Seconds(low, high) => quantity::seconds(text, low, high).map(Value::Duration),
        Kind::Mask => list::mask(text).map(Value::Numbers),
        Kind::Numbers => list::numbers(text, 0).map(Value::Numbers),
        Kind::UdpPorts => list::numbers(text, 1).map(Value::Numbers),
        Kind::Networks => list::networks(text).map(Value::Networks),
        Kind::Words(words) => list::words(text, words).map(Value::Words),
        Kind::Choice(words) => list::word(text, words).map(Value::Text),
        Kind::Address => address(text).map(Value::Address),
        Kind::Addresses => list::addresses(text).map(Value::Addresses),
        Kind::Interfaces => list::interfaces(text).map(Value::Words),
        Kind::Path => non_empty(text).map(|path| Value::Path(path.into())),
        Kind::Text => non_empty(text).map(|text| Value::Text(text.to_owned())),
        Kind::PcapFilter => pcap_filter(text).map(|()| Value::Text(text.to_owned())),
        Kind::FlowFilter => flow_filter(text).map(Value::FlowFilter),
        Kind::Sink => sink::parse(text).map(Value::Sink),
    };
    read.map_err(|refusal| match refusal.possible.is_empty() {
        true => Refusal { possible: possible(option), ..refusal },
        false => refusal,
    })
}

fn flag(text: &str) -> Result<bool, Refusal> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Refusal::new("it is said or not said", "")),
    }
}

fn always(text: &str, reason: &str) -> Result<Value, Refusal> {
    if flag(text)? { Ok(Value::Flag(true)) } else { Err(Refusal::new(reason, "")) }
}

fn only(text: &str, value: &str, reason: &str) -> Result<Value, Refusal> {
    if text == value { Ok(Value::Text(text.to_owned())) } else { Err(Refusal::new(reason, "").instead(value)) }
}

fn non_empty(text: &str) -> Result<&str, Refusal> {
    if text.is_empty() { Err(Refusal::new("it is empty", "")) } else { Ok(text) }
}

#[cfg(feature = "libpcap")]
fn pcap_filter(text: &str) -> Result<(), Refusal> {
    crate::pcap_filter::check(text).map_err(|why| Refusal::new(format!("libpcap says: {why}"), ""))
}

#[cfg(not(feature = "libpcap"))]
fn pcap_filter(_text: &str) -> Result<(), Refusal> {
    Err(Refusal::new("this parshall was built without libpcap", ""))
}

fn flow_filter(text: &str) -> Result<crate::filter::FlowFilter, Refusal> {
    crate::filter::parse(text).map_err(|wrong| Refusal::new(wrong.to_string(), ""))
}

fn address(text: &str) -> Result<SocketAddr, Refusal> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let refusal = Refusal::new("it is not an IP address and a port", "");
    Err(match (host, port.parse::<u16>()) {
        ("" | "localhost" | "*", Ok(port)) => refusal.instead(format!("127.0.0.1:{port}")),
        _ => refusal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{self, Sub};

    fn parse_named(name: &str, text: &str) -> Result<Value, Refusal> {
        parse(options::find(name).expect("in the table"), text)
    }

    #[test]
    fn every_default_of_the_table_is_a_value_of_its_kind() {
        for option in options::all() {
            for sub in Sub::ALL {
                let read = parse(option, option.default_in(sub));
                assert!(read.is_ok(), "{} {}: {read:?}", option.name, sub.name());
            }
            assert!(!possible(option).is_empty());
        }
    }

    #[test]
    fn the_word_for_no_value_is_known_to_the_options_that_have_one() {
        assert_eq!(parse_named("listen", "off"), Ok(Value::Unset));
        assert_eq!(parse_named("rxd", "auto"), Ok(Value::Unset));
        assert!(parse_named("burst", "auto").is_err());
    }

    #[test]
    fn a_flag_understands_the_usual_words() {
        for (text, want) in [("true", true), ("1", true), ("Yes", true), ("false", false), ("0", false), ("off", false)]
        {
            assert_eq!(parse_named("quiet", text), Ok(Value::Flag(want)), "{text}");
        }
        assert!(parse_named("quiet", "perhaps").is_err());
        assert!(parse_named("quiet", "").is_err());
    }

    #[test]
    fn what_parshall_never_does_is_refused_with_the_reason() {
        let cases = [("forward-mode", "io"), ("txd", "512"), ("no-flush-rx", "false")];
        for (name, text) in cases {
            let refusal = parse_named(name, text).expect_err(name);
            assert!(refusal.why.contains("never"), "{name}: {refusal:?}");
        }
        assert_eq!(parse_named("forward-mode", "rxonly"), Ok(Value::Text("rxonly".to_owned())));
        assert_eq!(parse_named("no-flush-rx", "true"), Ok(Value::Flag(true)));
    }

    #[test]
    fn an_address_is_an_ip_and_a_port_and_a_near_miss_is_mended() {
        let want = "127.0.0.1:9184".parse().map(Value::Address).expect("an address");
        assert_eq!(parse_named("listen", "127.0.0.1:9184"), Ok(want));
        assert!(parse_named("listen", "[::1]:0").is_ok());
        for text in [":9184", "9184", "localhost:9184"] {
            let refusal = parse_named("listen", text).expect_err(text);
            assert_eq!(refusal.instead.as_deref(), Some("127.0.0.1:9184"), "{text}");
        }
        assert_eq!(parse_named("listen", "example.net:99999").expect_err("no address").instead, None);
    }
}
