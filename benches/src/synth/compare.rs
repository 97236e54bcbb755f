//! Records of a probe held against the truth, key by key.
//!
//! **Owns** the matching of records to truths and the comparison of values. **May touch** nothing else.
//! **Order** called by tests and by `parshall-traffic check`, with both sides as JSON objects.
//!
//! A record belongs to a truth when protocol, both ends, ICMP keys, start and `record_seq` are equal; which end is the
//! client is compared, not matched. A truth's `null` wants the key absent; a key that the truth does not have is open.

use serde_json::Value;
use std::collections::BTreeMap;

/// Microseconds have three decimals: means and deviations may be rounded either way.
const ROUNDING: f64 = 0.001_5;

/// What is stored as a lapse is exact up to so much, and to a microsecond within the lengths of any synthesized record.
const EXACT_LAPSE_NS: u64 = 2_147_483_647;
const LAPSES: [&str; 4] = ["c2s_first_ns", "c2s_last_ns", "s2c_first_ns", "s2c_last_ns"];

/// Which keys are compared.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// Only these; all when empty.
    pub only: Vec<String>,
    /// Not these.
    pub skip: Vec<String>,
}

impl Keys {
    fn wants(&self, key: &str) -> bool {
        key != "truth"
            && (self.only.is_empty() || self.only.iter().any(|one| one == key))
            && !self.skip.iter().any(|one| one == key)
    }
}

/// One value that is not what it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The flow, as a person would name it.
    pub flow: String,
    /// Scenario that made it.
    pub scenario: String,
    /// The key.
    pub key: String,
    /// What the record should say; `null` for a key that it should not have.
    pub truth: Value,
    /// What it says; `null` when it does not have the key.
    pub record: Value,
}

/// How often a key was compared and differed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Flows in which it was compared.
    pub compared: u64,
    /// Flows in which it differed.
    pub differed: u64,
}

/// The outcome of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Truths with their record.
    pub matched: u64,
    /// Truths without a record.
    pub missing: Vec<String>,
    /// Records without a truth.
    pub surplus: Vec<String>,
    /// Values that differ.
    pub differences: Vec<Difference>,
    /// By key.
    pub keys: BTreeMap<String, Score>,
}

impl Comparison {
    /// Whether every record is as it should be.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty() && self.differences.is_empty()
    }
}

/// Compares records with truths.
#[must_use]
pub fn compare(truths: &[Value], records: &[Value], keys: &Keys) -> Comparison {
    let mut result = Comparison::default();
    let mut left: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for record in records.iter().rev() {
        left.entry(identity(record)).or_default().push(record);
    }
    for truth in truths {
        let name = identity(truth);
        match left.get_mut(&name).and_then(Vec::pop) {
            Some(record) => result.hold(&name, truth, record, keys),
            None => result.missing.push(name),
        }
    }
    result.surplus = left.into_iter().flat_map(|(name, rest)| rest.into_iter().map(move |_| name.clone())).collect();
    result
}

impl Comparison {
    fn hold(&mut self, name: &str, truth: &Value, record: &Value, keys: &Keys) {
        self.matched += 1;
        let Some(wanted) = truth.as_object() else { return };
        for (key, want) in wanted.iter().filter(|(key, _)| keys.wants(key)) {
            let have = record.get(key).unwrap_or(&Value::Null);
            let score = self.keys.entry(key.clone()).or_default();
            score.compared += 1;
            if !equal(want, have) && !equal_lapse(key, truth, want, have) {
                score.differed += 1;
                self.differences.push(Difference {
                    flow: name.to_owned(),
                    scenario: truth["truth"]["scenario"].as_str().unwrap_or_default().to_owned(),
                    key: key.clone(),
                    truth: want.clone(),
                    record: have.clone(),
                });
            }
        }
    }
}

fn equal(want: &Value, have: &Value) -> bool {
    match (want, have) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| (a - b).abs() <= ROUNDING)
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        _ => want == have,
    }
}

/// Whether two long lapses since the record's start are equal but for their resolution, always rounded down.
fn equal_lapse(key: &str, truth: &Value, want: &Value, have: &Value) -> bool {
    if key == "response_us" {
        return equal_micros(want, have);
    }
    if let (Value::Array(want), Value::Array(have)) = (want, have) {
        let all = || want.iter().zip(have).all(|(want, have)| equal(want, have) || equal_micros(want, have));
        return key == "first_gaps_us" && want.len() == have.len() && all();
    }
    let numbers = want.as_u64().zip(have.as_u64()).zip(truth["start_ns"].as_u64()).filter(|_| LAPSES.contains(&key));
    numbers.is_some_and(|((a, b), start)| a - start >= EXACT_LAPSE_NS && b <= a && a - b < 1000)
}

/// The same of a lapse in microseconds.
fn equal_micros(want: &Value, have: &Value) -> bool {
    let pair = want.as_f64().zip(have.as_f64());
    pair.is_some_and(|(a, b)| a >= EXACT_LAPSE_NS as f64 / 1e3 && (0.0..1.0).contains(&(a - b)))
}

fn identity(record: &Value) -> String {
    let text = |key: &str| record.get(key).filter(|value| !value.is_null()).map_or(String::new(), Value::to_string);
    let end =
        |side: &str| format!("{} {}", text(&format!("{side}_ip")), text(&format!("{side}_port"))).replace('"', "");
    let mut ends = [end("client"), end("server")];
    ends.sort();
    let icmp = ["icmp_type", "icmp_code", "icmp_id"].map(text).join("/");
    format!(
        "protocol {} {} - {} {} at {} record {}",
        text("protocol"),
        ends[0].trim(),
        ends[1].trim(),
        icmp.trim_matches('/'),
        text("start_ns"),
        text("record_seq")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn truth() -> Value {
        json!({"protocol": 6, "client_ip": "10.0.0.1", "client_port": 4000, "server_ip": "10.0.0.2", "server_port": 80,
               "start_ns": 5, "record_seq": 0, "c2s_packets": 3, "rtt": 1.234, "vlan_ids": null, "truth": {"scenario": "x"}})
    }

    fn differing(change: impl Fn(&mut Value)) -> Vec<String> {
        let mut record = truth();
        change(&mut record);
        let result = compare(&[truth()], &[record], &Keys::default());
        result.differences.into_iter().map(|one| one.key).collect()
    }

    #[test]
    fn values_absences_and_the_client_are_compared() {
        assert!(differing(|_| {}).is_empty());
        assert_eq!(differing(|record| record["c2s_packets"] = json!(4)), ["c2s_packets"]);
        assert_eq!(differing(|record| record["vlan_ids"] = json!([1])), ["vlan_ids"]);
        assert!(differing(|record| record["rtt"] = json!(1.235)).is_empty());
        assert_eq!(differing(|record| record["rtt"] = json!(1.24)), ["rtt"]);
        let swapped = differing(|record| {
            record["client_ip"] = json!("10.0.0.2");
            record["server_ip"] = json!("10.0.0.1");
            record["client_port"] = json!(80);
            record["server_port"] = json!(4000);
        });
        assert_eq!(swapped, ["client_ip", "client_port", "server_ip", "server_port"]);
    }

    #[test]
    fn times_of_directions_may_lack_nanoseconds_only_where_they_are_stored_so() {
        let near = |start: u64, end: u64, have: u64| {
            let side = |end: u64| json!({"start_ns": start, "s2c_first_ns": end});
            compare(&[side(end)], &[side(have)], &Keys::default()).agrees()
        };
        assert!(near(5, 900, 900) && !near(5, 900, 899));
        assert!(near(5, 3_000_000_900, 3_000_000_000) && !near(5, 3_000_000_900, 3_000_000_901));
        assert!(!near(5, 3_000_000_900, 2_999_999_900));
    }

    #[test]
    fn missing_and_surplus_records_are_named() {
        let mut late = truth();
        late["start_ns"] = json!(6);
        let result = compare(&[truth()], &[late], &Keys::default());
        assert_eq!((result.missing.len(), result.surplus.len(), result.matched), (1, 1, 0));
        assert!(!result.agrees());
    }
}
