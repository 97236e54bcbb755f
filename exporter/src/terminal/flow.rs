//! One flow as a line, and as everything known about it.
//!
//! **Owns** the columns of a list of flows, one row each, and how each key of a record is written. **May touch** nothing.
//! **Order** called by the screen and by `parshall flows`.

use super::answer::{number, text, whole};
use super::quantity::{bit_rate, bytes, count, rate, span};
use serde_json::Value;

/// A column of a list of flows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// What stands above it.
    pub(super) title: &'static str,
    /// What the API calls its order, if it has one.
    pub(super) by: Option<&'static str>,
    /// Width on the screen, at the most.
    pub(super) width: u16,
    /// Numbers stand to the right.
    pub(super) right: bool,
    /// Its cell.
    pub(super) read: fn(&Value) -> String,
}

/// Every column, the most wanted first: what does not fit a narrow terminal is left out from the end.
#[rustfmt::skip]
pub(super) const COLUMNS: &[Column] = &[
    Column { title: "client",     by: None,                    width: 47, right: false, read: |flow| end(flow, "client") },
    Column { title: "server",     by: None,                    width: 47, right: false, read: |flow| end(flow, "server") },
    Column { title: "protocol",   by: None,                    width: 9,  right: false, read: protocol },
    Column { title: "bytes",      by: Some("bytes"),           width: 8,  right: true,  read: |flow| bytes(both(flow, "ip_bytes")) },
    Column { title: "rate",       by: Some("bits_per_second"), width: 12, right: true,  read: |flow| known(number(flow, "/bits_per_second"), bit_rate) },
    Column { title: "packets",    by: Some("packets"),         width: 8,  right: true,  read: |flow| count(both(flow, "packets")) },
    Column { title: "sent again", by: Some("retransmissions"), width: 11, right: true,  read: |flow| known(both(flow, "retx_packets"), whole) },
    Column { title: "round trip", by: Some("rtt"),             width: 11, right: true,  read: |flow| known(round_trip(flow), span) },
    Column { title: "lasts",      by: Some("duration"),        width: 8,  right: true,  read: |flow| known(number(flow, "/duration_seconds"), span) },
    Column { title: "state",      by: None,                    width: 10, right: false, read: state },
];

/// Orders that have no column of their own.
pub(super) const MORE_ORDERS: &[&str] = &["payload", "packets_per_second", "start", "end"];

fn known(n: f64, write: fn(f64) -> String) -> String {
    if n.is_finite() { write(n) } else { String::new() }
}

/// Both directions of a quantity; NaN where neither was measured.
fn both(flow: &Value, key: &str) -> f64 {
    let sides = ["c2s", "s2c"].map(|side| number(flow, &format!("/{side}_{key}")));
    let measured: Vec<f64> = sides.into_iter().filter(|n| n.is_finite()).collect();
    if measured.is_empty() { f64::NAN } else { measured.iter().sum() }
}

/// Unit: seconds.
fn round_trip(flow: &Value) -> f64 {
    let times = ["c2s_rtt_avg_us", "handshake_rtt_us", "s2c_rtt_avg_us"].map(|key| number(flow, &format!("/{key}")));
    times.into_iter().find(|time| time.is_finite()).unwrap_or(f64::NAN) / 1e6
}

/// Address and port of one end.
fn end(flow: &Value, side: &str) -> String {
    let ip = text(flow, &format!("/{side}_ip"));
    match flow.get(format!("{side}_port")).and_then(Value::as_u64) {
        None => ip.to_owned(),
        Some(port) if ip.contains(':') => format!("[{ip}]:{port}"),
        Some(port) => format!("{ip}:{port}"),
    }
}

/// Both ends: `client -> server`.
pub(super) fn title(flow: &Value) -> String {
    format!("{} -> {}", end(flow, "client"), end(flow, "server"))
}

fn protocol(flow: &Value) -> String {
    let number = flow.get("protocol").and_then(Value::as_u64).unwrap_or_default();
    let names = [
        (1, "ICMP"),
        (2, "IGMP"),
        (6, "TCP"),
        (17, "UDP"),
        (33, "DCCP"),
        (47, "GRE"),
        (50, "ESP"),
        (58, "ICMPv6"),
        (132, "SCTP"),
    ];
    names
        .iter()
        .find(|(known, _)| *known == number)
        .map_or_else(|| format!("IP {number}"), |(_, name)| (*name).to_owned())
}

fn state(flow: &Value) -> String {
    let has = |key: &str| both(flow, key) > 0.0;
    let answered = number(flow, "/s2c_packets") > 0.0;
    let word = match text(flow, "/state") {
        "live" if number(flow, "/protocol") != 6.0 => {
            if answered {
                "live"
            } else {
                "one way"
            }
        }
        "live" if has("rst_count") => "reset",
        "live" if number(flow, "/c2s_fin_count") > 0.0 && number(flow, "/s2c_fin_count") > 0.0 => "closed",
        "live" if flow.get("midstream").and_then(Value::as_bool) == Some(true) => "midstream",
        "live" => {
            if answered {
                "open"
            } else {
                "unanswered"
            }
        }
        _ => text(flow, "/end_reason"),
    };
    word.to_owned()
}

/// A value as its key's ending says.
pub(super) fn shown(key: &str, value: &Value) -> String {
    let n = value.as_f64().unwrap_or(f64::NAN);
    match value {
        Value::Null => String::new(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(|one| shown("", one)).collect::<Vec<_>>().join(", "),
        Value::Object(_) => value.to_string(),
        Value::Number(_) if key.ends_with("tcp_flags") => flags(value.as_u64().unwrap_or_default()),
        Value::Number(_) if key == "bits_per_second" => bit_rate(n),
        Value::Number(_) if key == "packets_per_second" => rate(n),
        Value::Number(_) if key.ends_with("_seconds") => span(n),
        Value::Number(_) if key.ends_with("_us") => span(n / 1e6),
        Value::Number(_) if key.ends_with("_bytes") || key.ends_with("_packets") => whole(n),
        Value::Number(number) => number.to_string(),
    }
}

fn flags(bits: u64) -> String {
    let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
    let set: Vec<&str> = (0..8).filter(|bit| bits >> bit & 1 == 1).map(|bit| names[bit]).collect();
    set.join(" ")
}

/// Everything known about a flow: keys of the whole, then keys of both directions with a value for each.
pub(super) fn facts(flow: &Value) -> (Vec<[String; 2]>, Vec<[String; 3]>) {
    let (mut whole, mut sides): (Vec<[String; 2]>, Vec<[String; 3]>) = Default::default();
    for (key, value) in flow.as_object().into_iter().flatten() {
        let Some(bare) = key.strip_prefix("c2s_").or_else(|| key.strip_prefix("s2c_")) else {
            whole.push([key.clone(), shown(key, value)]);
            continue;
        };
        if sides.iter().all(|row| row[0] != bare) {
            let side =
                |prefix: &str| flow.get(format!("{prefix}_{bare}")).map(|value| shown(bare, value)).unwrap_or_default();
            sides.push([bare.to_owned(), side("c2s"), side("s2c")]);
        }
    }
    (whole, sides)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn flow() -> Value {
        json!({
            "flow_id": "0123456789abcdef", "state": "live", "protocol": 6, "client_ip": "2001:db8::1", "client_port": 5000,
            "server_ip": "10.0.0.1", "server_port": 443, "c2s_ip_bytes": 1000, "s2c_ip_bytes": 2_000_000, "c2s_packets": 4,
            "s2c_packets": 5, "c2s_retx_packets": 1, "s2c_retx_packets": 0, "handshake_rtt_us": 21_300.0, "bits_per_second": 1203.5,
            "duration_seconds": 75.0, "c2s_tcp_flags": 0x1a, "c2s_fin_count": 0, "vlan_ids": [7, 8], "midstream": false,
        })
    }

    #[test]
    fn a_flow_is_one_line_with_both_directions_added_up() {
        let cells: Vec<String> = COLUMNS.iter().map(|column| (column.read)(&flow())).collect();
        let want = [
            "[2001:db8::1]:5000",
            "10.0.0.1:443",
            "TCP",
            "2.00 MB",
            "1.20 kbit/s",
            "9",
            "1",
            "21.3 ms",
            "1m15s",
            "open",
        ];
        assert_eq!(cells, want);
    }

    #[test]
    fn what_was_not_measured_is_an_empty_cell() {
        let flow = json!({ "state": "live", "protocol": 17, "client_ip": "10.0.0.1", "server_ip": "10.0.0.2" });
        assert_eq!((COLUMNS[6].read)(&flow), "");
        assert_eq!((COLUMNS[7].read)(&flow), "");
        assert_eq!(title(&flow), "10.0.0.1 -> 10.0.0.2");
    }

    #[test]
    fn the_state_of_a_flow_is_a_word() {
        let mut flow = flow();
        let rows: [(&str, Value, &str); 5] = [
            ("s2c_packets", json!(0), "unanswered"),
            ("midstream", json!(true), "midstream"),
            ("c2s_rst_count", json!(1), "reset"),
            ("state", json!("ended"), ""),
            ("end_reason", json!("tcp_fin"), "tcp_fin"),
        ];
        for (key, value, want) in rows {
            flow[key] = value;
            assert_eq!(state(&flow), want, "{key}");
        }
    }

    #[test]
    fn every_key_of_a_flow_is_among_its_facts_once() {
        let (whole, sides) = facts(&flow());
        let keys = whole.len()
            + sides.iter().map(|row| row[1..].iter().filter(|cell| !cell.is_empty()).count()).sum::<usize>();
        assert_eq!(keys, flow().as_object().map_or(0, serde_json::Map::len));
        assert!(whole.contains(&["vlan_ids".to_owned(), "7, 8".to_owned()]));
        assert!(
            sides.iter().any(|row| row[0] == "tcp_flags" && row[1] == "SYN PSH ACK" && row[2].is_empty()),
            "{sides:?}"
        );
    }
}
