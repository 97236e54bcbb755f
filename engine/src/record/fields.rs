//! Every record field: its name, type, unit, meaning and getter. One row a field; sinks and reference pages are
//! renderings of this table.
//!
//! **Owns** the names of the contract. **May touch** the record, read only.
//! **Order** called by sinks, once per record and field. Append only: order is the order of columns.

use super::FlowRecord;
use std::net::IpAddr;

/// A field's value, as a sink renders it. Absent values are left out of JSON and empty in CSV.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Not measured, or not a field of this protocol.
    Absent,
    /// A count, a time in nanoseconds, a number.
    Integer(u64),
    /// A duration in nanoseconds, written as microseconds with three decimals (`*_us`).
    Micros(u64),
    /// The same from a mean or a deviation. Unit: nanoseconds.
    MicrosMean(f64),
    /// A statement.
    Bool(bool),
    /// One of a closed set of words.
    Word(&'static str),
    /// The flow id, written as 16 hex digits.
    FlowId(u64),
    /// An address in canonical text form.
    Ip(IpAddr),
    /// A MAC address, written as six pairs of hex digits with colons.
    Mac([u8; 6]),
    /// VLAN identifiers.
    Vlans(&'a [u16]),
    /// Encapsulation layers, written as `kind` or `kind:id`.
    Encap(&'a [super::EncapLayer]),
}

/// One field of the record.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Key in JSON Lines, column in CSV.
    pub name: &'static str,
    /// Unit and range in words, for the reference page.
    pub unit: &'static str,
    /// What it is, with its rule and source.
    pub help: &'static str,
    /// IPFIX information element (IANA name), where one fits.
    pub ipfix: Option<&'static str>,
    /// Tstat's column (log_tcp_complete unless it says otherwise), where one fits.
    pub tstat: Option<&'static str>,
    /// Reads it.
    pub get: for<'a> fn(&'a FlowRecord) -> Value<'a>,
}

/// Every field, in column order.
pub const FIELDS: &[Field] = &[Field {
    name: "flow_id",
    unit: "16 hex digits",
    help: "Unkeyed hash of key and start in microseconds: the same in every run over the same input.",
    ipfix: Some("flowId"),
    tstat: None,
    get: |record| Value::FlowId(record.flow_id),
}];
