//! A record as text: JSON Lines and CSV, from the table of fields.
//!
//! **Owns** the two text forms of the contract. **May touch** records and the buffer it is given; it allocates nothing
//! else. **Order** called by sinks, once per record.
//!
//! JSON Lines: one flat object a line; what was not measured is left out. CSV (RFC 4180): a header line with every
//! field's name; what was not measured is empty. `*_us` have three decimals; all else are integers, booleans, strings.

use crate::buffer::{Buffer, Pen};
use crate::digits::{address, hex, integer, mac, micros, small};
use parshall_engine::flow::lapse::Lapse;
use parshall_engine::packet::Encap;
use parshall_engine::record::fields::{self, Show, Value};
use parshall_engine::record::{EncapLayer, FlowRecord};
use std::fmt::Write;

/// Writes members of an object, each with a comma before it.
struct Json<'p>(Pen<'p>);

impl Show for Json<'_> {
    #[inline(always)]
    fn field(&mut self, name: &'static str, value: Value<'_>) {
        let (pen, len) = (std::mem::take(&mut self.0), name.len());
        let key = |room: &mut [u8]| {
            room[..2].copy_from_slice(b",\"");
            room[2..2 + len].copy_from_slice(name.as_bytes());
            room[2 + len..].copy_from_slice(b"\":");
        };
        self.0 = match value {
            Value::Absent => pen,
            Value::Integer(number) if let Some((text, used)) = small(number) => {
                pen.put_behind(len + 4, key, text.to_le_bytes(), used)
            }
            Value::Bool(so) => {
                pen.put_behind(len + 4, key, if so { *b"true " } else { *b"false" }, 5 - usize::from(so))
            }
            _ => json_value(value, pen.fill(len + 4, key)),
        };
    }
}

/// Appends one record and a line feed as JSON.
pub fn json(record: &FlowRecord, out: &mut Buffer) {
    let begin = out.len();
    out.append(|pen| {
        let mut json = Json(pen);
        fields::show(record, &mut json);
        json.0.put(*b"}\n", 2)
    });
    // The first member's comma is where the object begins.
    out.replace(begin, b'{');
}

/// Appends the header line of CSV.
pub fn csv_header(out: &mut Buffer) {
    out.append(|mut pen| {
        for (n, field) in fields::all().enumerate() {
            pen = comma(n, b',', pen).text(field.name.as_bytes());
        }
        pen.put(*b"\r\n", 2)
    });
}

/// Appends one record and a line end as CSV. Lists are joined by semicolons, so nothing needs quotes.
pub fn csv(record: &FlowRecord, out: &mut Buffer) {
    out.append(|mut pen| {
        for (n, field) in fields::all().enumerate() {
            pen = plain((field.get)(record), b';', comma(n, b',', pen));
        }
        pen.put(*b"\r\n", 2)
    });
}

/// What stands before the `n`-th of several.
#[inline(always)]
fn comma(n: usize, between: u8, pen: Pen<'_>) -> Pen<'_> {
    if n > 0 { pen.byte(between) } else { pen }
}

#[inline(always)]
fn json_value<'p>(value: Value<'_>, pen: Pen<'p>) -> Pen<'p> {
    match value {
        Value::Integer(_) | Value::Micros(_) | Value::MicrosMean(_) | Value::Bool(_) | Value::Absent => {
            plain(value, b',', pen)
        }
        Value::Vlans(_) | Value::Sizes(_) | Value::Directions(_) | Value::Gaps(_) => {
            plain(value, b',', pen.byte(b'[')).byte(b']')
        }
        Value::Encap(layers) => {
            let quoted = |layer: &EncapLayer, pen: Pen<'p>| encap(*layer, pen.byte(b'"')).byte(b'"');
            list(layers, b',', pen.byte(b'['), quoted).byte(b']')
        }
        // Words of closed sets, digits and colons: nothing that JSON would have escaped.
        Value::Word(_) | Value::FlowId(_) | Value::Ip(_) | Value::Mac(_) => {
            plain(value, b',', pen.byte(b'"')).byte(b'"')
        }
    }
}

/// A value without quotes or brackets.
#[inline(always)]
fn plain<'p>(value: Value<'_>, between: u8, pen: Pen<'p>) -> Pen<'p> {
    match value {
        Value::Absent => pen,
        Value::Integer(number) => integer(number, pen),
        Value::Micros(nanos) => micros(nanos, pen),
        Value::MicrosMean(nanos) => micros(nanos.round().max(0.0) as u64, pen),
        Value::Bool(true) => pen.put(*b"true", 4),
        Value::Bool(false) => pen.put(*b"false", 5),
        Value::Word(word) => pen.text(word.as_bytes()),
        Value::FlowId(id) => hex(id, pen),
        Value::Ip(ip) => address(ip, pen),
        Value::Mac(address) => mac(address, pen),
        Value::Vlans(numbers) | Value::Sizes(numbers) => {
            list(numbers, between, pen, |number, pen| integer(u64::from(*number), pen))
        }
        Value::Directions(sides) => {
            list(sides, between, pen, |side, pen| pen.text(if *side < 0 { b"-1" } else { b"1" }))
        }
        Value::Gaps(gaps) => list(gaps, between, pen, |gap, pen| micros(gap.nanos().unwrap_or(Lapse::LONGEST), pen)),
        Value::Encap(layers) => list(layers, between, pen, |layer, pen| encap(*layer, pen)),
    }
}

fn list<'p, T>(items: &[T], between: u8, mut pen: Pen<'p>, one: impl Fn(&T, Pen<'p>) -> Pen<'p>) -> Pen<'p> {
    for (n, item) in items.iter().enumerate() {
        pen = one(item, comma(n, between, pen));
    }
    pen
}

/// `kind`, or `kind:identifier`; a TEID is written in hexadecimal, as in the contract.
fn encap(layer: EncapLayer, pen: Pen<'_>) -> Pen<'_> {
    let mut pen = pen.text(layer.kind.name().as_bytes());
    let Some(id) = layer.id else { return pen };
    pen = pen.byte(b':');
    if layer.kind != Encap::Gtpu {
        return integer(u64::from(id), pen);
    }
    // Writing with a pen cannot fail.
    let _ = write!(pen, "{id:#x}");
    pen
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use parshall_engine::key::FlowKey;
    use parshall_engine::record::{Direction, EndReason, FirstPackets, Outer, TcpRecord};
    use parshall_engine::time::Nanos;

    /// A record for tests: UDP from 10.0.0.2:4000 to 10.0.0.1:53, `n` packets.
    pub(crate) fn record(end: u64, n: u64) -> FlowRecord {
        let (key, client_is_low) = FlowKey::canonical(4, 17, (0x0a00_0002, 4000), (0x0a00_0001, 53));
        FlowRecord {
            key,
            client_is_low,
            flow_id: 0x0123_4567_89ab_cdef ^ n,
            record_seq: 0,
            start: Nanos(1),
            end: Nanos(end),
            end_reason: EndReason::Idle,
            input: None,
            half_seen: false,
            client_local: true,
            server_local: false,
            outer: Outer::default(),
            outer_source_is_client: true,
            c2s: Direction { packets: n, ip_bytes: 100 * n, ttl: Some((63, 64)), ..Direction::default() },
            s2c: Direction { mac: Some([0, 1, 2, 0xab, 0xcd, 0xef]), ..Direction::default() },
            icmp_errors: 0,
            sampling: [1; 2],
            first: FirstPackets::default(),
            sctp: None,
            esp: None,
            tcp: None,
        }
    }

    fn text(record: &FlowRecord) -> String {
        let mut out = Buffer::default();
        json(record, &mut out);
        String::from_utf8(out.text().to_vec()).unwrap()
    }

    #[test]
    fn a_json_line_is_an_object_that_a_parser_reads_back() {
        let mut one = record(2_000_000_000, 3);
        one.outer.vlan_ids.extend([7, 4095]);
        one.outer.encap.push(EncapLayer { kind: Encap::Vxlan, id: Some(42) });
        one.outer.encap.push(EncapLayer { kind: Encap::Gtpu, id: Some(0x1f) });
        one.outer.encap.push(EncapLayer { kind: Encap::Ipip, id: None });
        one.first.sizes.extend([0, 1460]);
        one.first.directions.extend([1, -1]);
        let day = 24 * 3_600_000_000_000;
        one.first.gaps.extend([0, 1_234_005, day].map(|gap| Lapse::between(Nanos(0), Nanos(gap))));
        let value: serde_json::Value = serde_json::from_str(&text(&one)).unwrap();
        assert_eq!(value["client_ip"], "10.0.0.2");
        assert_eq!(value["server_port"], 53);
        assert_eq!(value["end_ns"], 2_000_000_000_u64);
        assert_eq!(value["flow_id"], "0123456789abcdec");
        assert_eq!(value["vlan_ids"], serde_json::json!([7, 4095]));
        assert_eq!(value["encap"], serde_json::json!(["vxlan:42", "gtpu:0x1f", "ipip"]));
        assert_eq!(
            (&value["first_sizes"], &value["first_directions"]),
            (&serde_json::json!([0, 1460]), &serde_json::json!([1, -1]))
        );
        assert!(text(&one).contains("\"first_gaps_us\":[0.000,1234.005,68719476672.000]"), "a day is too long to tell");
        assert_eq!(value["s2c_mac"], "00:01:02:ab:cd:ef");
        assert_eq!(value["c2s_ttl_min"], 63);
        assert!(value.get("s2c_ttl_min").is_none(), "not measured is left out");
        assert_eq!(value["s2c_packets"], 0, "a measured zero is written");
        assert!(value.get("c2s_syn_count").is_none());
    }

    #[test]
    fn microseconds_have_three_decimals() {
        let mut one = record(1, 1);
        one.tcp = Some(TcpRecord { handshake_rtt: Some(1_234_005), ..TcpRecord::default() });
        assert!(text(&one).contains("\"handshake_rtt_us\":1234.005,"), "{}", text(&one));
    }

    #[test]
    fn a_csv_line_has_as_many_columns_as_its_header() {
        let (mut header, mut line) = (Buffer::default(), Buffer::default());
        csv_header(&mut header);
        let mut one = record(1, 1);
        one.outer.vlan_ids.extend([1, 2]);
        csv(&one, &mut line);
        let count = |buffer: &Buffer| buffer.text().iter().filter(|byte| **byte == b',').count();
        assert_eq!(count(&header), count(&line));
        let line = std::str::from_utf8(line.text()).unwrap();
        assert!(line.ends_with("\r\n") && line.contains(",1;2,"));
    }
}
