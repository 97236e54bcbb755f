//! Reading what a probe answered.
//!
//! **Owns** the ways into JSON that never fail: what is not there is not known. **May touch** nothing.
//! **Order** called by whatever shows an answer. A probe may be newer or older than this program, so nothing is taken for granted.

use super::quantity;
use serde_json::Value;

/// The number at a pointer such as `/books/frames_taken`; NaN where there is none.
pub(crate) fn number(answer: &Value, pointer: &str) -> f64 {
    answer.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN)
}

/// The text at a pointer; empty where there is none.
pub(crate) fn text<'a>(answer: &'a Value, pointer: &str) -> &'a str {
    answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a pointer; empty where there is none.
pub(crate) fn list<'a>(answer: &'a Value, pointer: &str) -> &'a [Value] {
    answer.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The entries of the object at a pointer.
pub(crate) fn entries<'a>(answer: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let object = answer.pointer(pointer).and_then(Value::as_object);
    object.into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// A count with its thousands apart.
pub(crate) fn whole(n: f64) -> String {
    if n.is_finite() { crate::summary::grouped(n.max(0.0) as u64) } else { quantity::UNKNOWN.to_owned() }
}

/// The plain sentence about the books.
pub(crate) fn sentence(stats: &Value) -> String {
    if number(stats, "/books/frames_taken") == 0.0 {
        return "no frame has arrived yet".to_owned();
    }
    text(stats, "/sentence").to_owned()
}

/// What was lost before the probe, in a few words; `None` when nothing was.
pub(crate) fn lost_before(stats: &Value) -> Option<String> {
    let counts = ["missed", "errors"].map(|cause| number(stats, &format!("/loss/before_probe/{cause}")));
    let lost: f64 = counts.iter().filter(|count| count.is_finite()).sum();
    let share = quantity::share(lost / (lost + number(stats, "/books/frames_taken")));
    (lost > 0.0).then(|| format!("{} more frames were lost before the probe ({share})", whole(lost)))
}

/// A place where something can be lost: where, what, where the count stands, which option to turn.
pub(crate) type Loss = (&'static str, &'static str, &'static str, &'static str);

/// Every such place.
pub(crate) const LOSSES: &[Loss] = &[
    ("NIC", "no descriptor", "/loss/before_probe/missed", "--rxd, --nb-cores, --rxq"),
    ("NIC", "received with errors", "/loss/before_probe/errors", "cable, optics, --max-pkt-len"),
    ("NIC", "no mbuf", "/loss/before_probe/nombuf", "--total-num-mbufs"),
    ("flow table", "packets without a flow", "/loss/detail/table_full_packets", "--max-flows, --flow-memory"),
    ("records", "ring full", "/loss/detail/records_at_rings", "--record-ring"),
    ("records", "sink slow or failed", "/loss/detail/records_at_sinks", "a faster sink"),
    ("detail", "no TCP segment history", "/loss/detail/segment_history", "--segment-memory"),
    ("detail", "no room for VLANs, MACs, tunnels", "/loss/detail/link_contexts", "fewer distinct ones"),
    ("statistics", "records not looked at", "/loss/detail/statistics_records", "a core for the control thread"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_an_answer_lacks_is_unknown_and_not_zero() {
        let answer = json!({ "a": { "b": 3 }, "c": [1], "d": "x" });
        assert_eq!((number(&answer, "/a/b"), text(&answer, "/d"), list(&answer, "/c").len()), (3.0, "x", 1));
        assert!(number(&answer, "/a/z").is_nan() && text(&answer, "/a").is_empty() && list(&answer, "/d").is_empty());
        assert_eq!(whole(number(&answer, "/z")), quantity::UNKNOWN);
    }

    #[test]
    fn the_books_are_a_sentence_and_loss_is_said_with_its_share() {
        let mut stats = json!({ "sentence": "all 3 frames accounted for", "books": { "frames_taken": 3 } });
        assert_eq!((sentence(&stats).as_str(), lost_before(&stats)), ("all 3 frames accounted for", None));
        stats["loss"] = json!({ "before_probe": { "missed": 1, "errors": 0, "nombuf": 7 } });
        assert_eq!(lost_before(&stats).as_deref(), Some("1 more frames were lost before the probe (25.0 %)"));
        stats["books"]["frames_taken"] = json!(0);
        assert_eq!(sentence(&stats), "no frame has arrived yet");
    }
}
