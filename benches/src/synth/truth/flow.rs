//! The truth about one flow record: the contract's keys with their values.
//!
//! **Owns** the form of a line of `X.truth.jsonl`. **May touch** nothing. **Order** made by `ledger`, sorted and written
//! by `compose` and `artefacts`.

use serde_json::{Map, Value};
use std::net::IpAddr;

/// Keys of the contract with their values, in the order in which they were set.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    map: Map<String, Value>,
    open: Vec<String>,
}

impl Keys {
    /// The value of `prefix` followed by `name`.
    pub fn set(&mut self, prefix: &str, name: &str, value: impl Into<Value>) {
        self.map.insert(format!("{prefix}{name}"), value.into());
    }

    /// A value, or `null` for a key that the record must not have.
    pub fn maybe<T: Into<Value>>(&mut self, prefix: &str, name: &str, value: Option<T>) {
        self.set(prefix, name, value.map_or(Value::Null, Into::into));
    }

    /// Names a key that the contract leaves open in this flow.
    pub fn open(&mut self, prefix: &str, name: &str) {
        let key = format!("{prefix}{name}");
        self.map.shift_remove(&key);
        if !self.open.contains(&key) {
            self.open.push(key);
        }
    }

    /// The value if every reading of the contract agrees on it, else the key is open.
    pub fn agreed<T: Into<Value> + PartialEq + Clone>(&mut self, prefix: &str, name: &str, readings: &[Option<T>]) {
        match readings {
            [first, rest @ ..] if rest.iter().all(|other| other == first) => self.maybe(prefix, name, first.clone()),
            _ => self.open(prefix, name),
        }
    }
}

/// A time in nanoseconds as the contract's microseconds with three decimals.
#[must_use]
pub fn micros(nanos: f64) -> Value {
    Value::from((nanos.round()) / 1000.0)
}

/// The truth about one flow record.
#[derive(Clone, Debug)]
pub struct FlowTruth {
    /// Scenario that made the flow.
    pub scenario: &'static str,
    /// Session of the capture, from 0.
    pub session: u64,
    /// Time of the first packet. Unit: UNIX nanoseconds.
    pub start_ns: u64,
    /// Time of the last packet. Unit: UNIX nanoseconds.
    pub end_ns: u64,
    /// Number of the record in its flow.
    pub record_seq: u32,
    /// IANA protocol number.
    pub protocol: u8,
    /// Client's address.
    pub client_ip: IpAddr,
    /// Client's port, 0 where the protocol has none.
    pub client_port: u16,
    /// Server's address.
    pub server_ip: IpAddr,
    /// Server's port, 0 where the protocol has none.
    pub server_port: u16,
    /// Packets of both directions.
    pub packets: u64,
    /// ICMP errors that quote the flow.
    pub icmp_errors: u32,
    /// The contract's keys.
    pub keys: Keys,
}

impl FlowTruth {
    /// The order of truth lines.
    #[must_use]
    pub fn order(&self) -> (u64, IpAddr, u16, IpAddr, u16, u8, u64, u32) {
        let (client, server) = ((self.client_ip, self.client_port), (self.server_ip, self.server_port));
        (self.end_ns, client.0, client.1, server.0, server.1, self.protocol, self.start_ns, self.record_seq)
    }

    /// The value of a key: `None` when it is open, `null` when the record must not have it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.keys.map.get(key)
    }

    /// All keys with their values.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.keys.map.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Keys that the contract leaves open in this flow.
    #[must_use]
    pub fn open(&self) -> &[String] {
        &self.keys.open
    }

    /// The line of `X.truth.jsonl`: the keys, and under `truth` what is no key of a record.
    #[must_use]
    pub fn line(&self) -> Value {
        let mut map = self.keys.map.clone();
        map.insert(
            "truth".to_owned(),
            serde_json::json!({
                "scenario": self.scenario,
                "session": self.session,
                "icmp_errors": self.icmp_errors,
                "open": self.keys.open,
            }),
        );
        Value::Object(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_have_three_decimals_at_the_most() {
        assert_eq!(micros(12_345_678.4).to_string(), "12345.678");
        assert_eq!(micros(5_000_000.0).to_string(), "5000.0");
    }

    #[test]
    fn readings_that_differ_leave_a_key_open() {
        let mut keys = Keys::default();
        keys.agreed("c2s_", "mss", &[Some(1), Some(1)]);
        keys.agreed("c2s_", "window_min", &[Some(1), Some(2)]);
        keys.agreed::<u64>("c2s_", "window_max", &[None, None]);
        assert_eq!(Value::Object(keys.map).to_string(), r#"{"c2s_mss":1,"c2s_window_max":null}"#);
        assert_eq!(keys.open, ["c2s_window_min"]);
    }
}
