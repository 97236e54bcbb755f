//! The filter of `/api/v1/flows`: terms joined by `and`.
//!
//! **Owns** its language (docs/API.md). **May touch** a flow, read only. **Order** parsed once a request, asked once a flow.

use ipnet::IpNet;
use parshall_engine::record::fields::{self, Field, Value};
use parshall_engine::record::{EncapLayer, FlowRecord};
use parshall_engine::tally::L4_LABELS;
use std::cmp::Ordering;
use std::net::IpAddr;

/// Longest filter that is read. Unit: bytes.
const LONGEST: usize = 2000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
}

const OPS: [(&str, Op); 7] = [
    ("==", Op::Equal),
    ("!=", Op::NotEqual),
    ("<=", Op::AtMost),
    (">=", Op::AtLeast),
    ("=", Op::Equal),
    ("<", Op::Less),
    (">", Op::More),
];

#[derive(Clone, Copy, Debug)]
enum Key {
    /// Either address.
    Ip,
    /// Either port.
    Port,
    Bytes,
    Packets,
    Retransmissions,
    State,
    Field(&'static Field),
}

#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    Number(f64),
    Network(IpNet),
    Word(String),
}

#[derive(Clone, Debug)]
struct Term {
    key: Key,
    op: Op,
    wanted: Wanted,
}

/// A filter. Without terms it lets everything pass.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    terms: Vec<Term>,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// A sentence about the first term that cannot be read.
    pub fn parse(text: &str) -> Result<Filter, String> {
        if text.len() > LONGEST {
            return Err(format!("a filter of {} bytes is longer than {LONGEST}", text.len()));
        }
        let mut terms = Vec::new();
        let words: Vec<&str> = text.split_whitespace().collect();
        for words in words.split(|word| word.eq_ignore_ascii_case("and") || *word == "&&") {
            if words.is_empty() {
                if text.trim().is_empty() {
                    continue;
                }
                return Err("a term is missing beside an and".to_owned());
            }
            terms.push(term(&words.join(" "))?);
        }
        Ok(Filter { terms })
    }

    /// Whether a flow passes.
    #[must_use]
    pub fn passes(&self, record: &FlowRecord, state: &str) -> bool {
        self.terms.iter().all(|term| term.holds(record, state))
    }
}

fn term(text: &str) -> Result<Term, String> {
    let found =
        OPS.iter().filter_map(|(sign, op)| text.find(sign).map(|at| (at, std::cmp::Reverse(sign.len()), sign, *op)));
    let Some((at, _, sign, op)) = found.min_by_key(|(at, length, ..)| (*at, *length)) else { return alone(text) };
    let (name, value) = (text[..at].trim(), text[at + sign.len()..].trim());
    let key = match name {
        "ip" | "host" => Key::Ip,
        "port" => Key::Port,
        "bytes" => Key::Bytes,
        "packets" => Key::Packets,
        "retransmissions" => Key::Retransmissions,
        "state" => Key::State,
        name => match fields::all().find(|field| field.name == name) {
            Some(field) => Key::Field(field),
            None => {
                return Err(format!(
                    "{name:?} is no key: those of docs/RECORDS.md, ip, port, bytes, packets, retransmissions, state"
                ));
            }
        },
    };
    let is_address = matches!(key, Key::Ip)
        || matches!(key, Key::Field(field) if field.unit == "address" && field.name.ends_with("_ip"));
    let wanted = if is_address {
        Wanted::Network(network(value).ok_or_else(|| format!("{value:?} is neither an address nor a network"))?)
    } else if matches!(key, Key::Field(field) if field.name == "protocol")
        && let Some(number) = protocol(value)
    {
        Wanted::Number(f64::from(number))
    } else if matches!(key, Key::Field(field) if field.name == "flow_id") {
        // Its digits may look like a decimal number.
        Wanted::Word(value.to_owned())
    } else {
        value.parse().map_or_else(|_| Wanted::Word(value.to_owned()), Wanted::Number)
    };
    let ordered = !matches!(op, Op::Equal | Op::NotEqual);
    if value.is_empty() || (ordered && !matches!(wanted, Wanted::Number(_))) {
        return Err(format!("{text:?}: {sign} needs a number behind it"));
    }
    Ok(Term { key, op, wanted })
}

/// A word alone: an address or network, a port, a protocol.
fn alone(word: &str) -> Result<Term, String> {
    let (key, wanted) = if let Some(network) = network(word) {
        (Key::Ip, Wanted::Network(network))
    } else if let Ok(port) = word.parse::<u16>() {
        (Key::Port, Wanted::Number(f64::from(port)))
    } else if let Some(number) = protocol(word)
        && let Some(field) = fields::all().find(|field| field.name == "protocol")
    {
        (Key::Field(field), Wanted::Number(f64::from(number)))
    } else {
        return Err(format!("{word:?} is neither an address, a network, a port nor a protocol; or write key = value"));
    };
    Ok(Term { key, op: Op::Equal, wanted })
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn protocol(name: &str) -> Option<u8> {
    L4_LABELS
        .iter()
        .find(|(number, label)| *number != 255 && label.eq_ignore_ascii_case(name))
        .map(|(number, _)| *number)
}

impl Term {
    fn holds(&self, record: &FlowRecord, state: &str) -> bool {
        let either = |values: [Value<'_>; 2]| {
            // "Not equal" about either side means neither.
            let any = values.iter().any(|value| self.meets(value, Op::Equal));
            match self.op {
                Op::Equal => any,
                Op::NotEqual => !any,
                op => values.iter().any(|value| self.meets(value, op)),
            }
        };
        match self.key {
            Key::Ip => either([Value::Ip(record.client_ip()), Value::Ip(record.server_ip())]),
            Key::Port => either(
                [true, false]
                    .map(|low| record.key.port(low).map_or(Value::Absent, |port| Value::Integer(u64::from(port)))),
            ),
            Key::Bytes => self.meets(&Value::Integer(record.c2s.ip_bytes + record.s2c.ip_bytes), self.op),
            Key::Packets => self.meets(&Value::Integer(record.packets()), self.op),
            Key::Retransmissions => self.meets(&Value::Integer(retransmissions(record)), self.op),
            Key::State => match &self.wanted {
                Wanted::Word(word) => (word == state) == (self.op == Op::Equal),
                _ => false,
            },
            Key::Field(field) => self.meets(&(field.get)(record), self.op),
        }
    }

    /// What was not measured meets nothing.
    fn meets(&self, value: &Value<'_>, op: Op) -> bool {
        let order = match (value, &self.wanted) {
            (Value::Integer(number), Wanted::Number(wanted)) => (*number as f64).partial_cmp(wanted),
            (Value::Micros(nanos), Wanted::Number(wanted)) => (*nanos as f64 / 1e3).partial_cmp(wanted),
            (Value::MicrosMean(nanos), Wanted::Number(wanted)) => (nanos / 1e3).partial_cmp(wanted),
            (Value::Ip(ip), Wanted::Network(network)) => {
                return network.contains(ip) == (op == Op::Equal);
            }
            (Value::Bool(is), Wanted::Word(word)) => return (*word == is.to_string()) == (op == Op::Equal),
            (Value::Word(is), Wanted::Word(word)) => return (word == is) == (op == Op::Equal),
            (Value::FlowId(id), Wanted::Word(word)) => {
                return (u64::from_str_radix(word, 16) == Ok(*id)) == (op == Op::Equal);
            }
            (Value::Encap(layers), Wanted::Word(word)) => {
                return layers.iter().any(|layer| is_layer(*layer, word)) == (op == Op::Equal);
            }
            (Value::Mac(mac), Wanted::Word(word)) => {
                let pairs = word.split(':').map(|pair| u8::from_str_radix(pair, 16).ok());
                return pairs.eq(mac.iter().map(|byte| Some(*byte))) == (op == Op::Equal);
            }
            (Value::Vlans(ids), Wanted::Number(wanted)) => {
                return ids.iter().any(|id| f64::from(*id) == *wanted) == (op == Op::Equal);
            }
            _ => return false,
        };
        order.is_some_and(|order| match op {
            Op::Equal => order == Ordering::Equal,
            Op::NotEqual => order != Ordering::Equal,
            Op::Less => order == Ordering::Less,
            Op::AtMost => order != Ordering::Greater,
            Op::More => order == Ordering::Greater,
            Op::AtLeast => order != Ordering::Less,
        })
    }
}

/// Whether a layer is of this kind, and has this identifier where one is named.
fn is_layer(layer: EncapLayer, word: &str) -> bool {
    let (kind, id) = word.split_once(':').map_or((word, None), |(kind, id)| (kind, Some(id)));
    let named = |id: &str| match id.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => id.parse().ok(),
    };
    layer.kind.name() == kind && id.is_none_or(|id| layer.id.is_some() && layer.id == named(id))
}

/// Retransmitted packets of both directions.
#[must_use]
pub fn retransmissions(record: &FlowRecord) -> u64 {
    let Some(tcp) = &record.tcp else { return 0 };
    [&tcp.c2s, &tcp.s2c]
        .into_iter()
        .filter_map(|side| side.history.as_ref())
        .map(|one| u64::from(one.retx_packets))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::record;
    use parshall_engine::packet::Encap;

    #[test]
    fn a_filter_means_what_it_says() {
        // UDP from 10.0.0.2:4000 to 10.0.0.1:53, 4 packets, 400 bytes.
        let one = record(2_000_000_000, 4);
        let cases = [
            ("", true),
            ("udp", true),
            ("tcp", false),
            ("53 and 10.0.0.0/8", true),
            ("10.0.0.3", false),
            ("port=4000 and protocol = udp", true),
            ("port != 53", false),
            ("ip != 10.0.0.0/24", false),
            ("ip != 192.0.2.1", true),
            ("bytes >= 400 and bytes<=400 and packets > 3", true),
            ("bytes < 400", false),
            ("client_port = 4000 and client_local = true", true),
            ("server_ip = 10.0.0.2", false),
            ("client_ip = 10.0.0.2/32", true),
            ("end_reason = idle", true),
            ("state = live", true),
            ("state != live", false),
            ("retransmissions = 0", true),
            ("handshake_rtt_us > 0", false),
            ("flow_id = 0123456789abcdeb", true),
            ("flow_id != 0123456789abcdeb", false),
            ("s2c_mac = 00:01:02:ab:CD:ef", true),
            ("s2c_mac = 00:01:02:ab:cd", false),
            ("c2s_mac = 00:01:02:ab:cd:ef", false),
        ];
        for (text, want) in cases {
            assert_eq!(Filter::parse(text).unwrap().passes(&one, "live"), want, "{text}");
        }
    }

    #[test]
    fn a_flow_id_that_looks_like_a_decimal_number_is_none() {
        for id in ["9999999999999999", "12e4567890123456", "0000000000000010"] {
            let one = FlowRecord { flow_id: u64::from_str_radix(id, 16).unwrap(), ..record(2, 4) };
            assert!(Filter::parse(&format!("flow_id = {id}")).unwrap().passes(&one, "live"), "{id}");
        }
    }

    #[test]
    fn an_encapsulation_is_named_with_its_identifier_or_without() {
        let mut one = record(2, 4);
        let layers = [(Encap::Gtpu, Some(0x1f)), (Encap::Vxlan, Some(42)), (Encap::Gre, None)];
        one.outer.encap.extend(layers.map(|(kind, id)| EncapLayer { kind, id }));
        for (text, want) in [
            ("encap = vxlan", true),
            ("encap = vxlan:42", true),
            ("encap = gtpu:0x1f", true),
            ("encap = vxlan:43", false),
            ("encap = gre:0", false),
            ("encap = gre:zebra", false),
            ("encap != geneve", true),
        ] {
            assert_eq!(Filter::parse(text).unwrap().passes(&one, "live"), want, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_one_sentence() {
        for (text, word) in [
            ("zebra = 1", "no key"),
            ("ip = zebra", "neither an address"),
            ("zebra", "neither an address"),
            ("bytes > many", "needs a number"),
            ("and", "missing"),
            ("tcp and", "missing"),
            ("bytes =", "needs a number"),
        ] {
            let error = Filter::parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
        assert!(Filter::parse(&"x".repeat(3000)).is_err());
    }
}
