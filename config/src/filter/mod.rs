//! What `--flow-filter` asks: a statement about the key of a flow, after decapsulation.
//!
//! **Owns** the statement as a tree, its limits, and its grammar (in `grammar`). **May touch** nothing.
//! **Order** parsed where options are read, and again wherever a new filter is given at run time; the engine makes its own
//! form of it.
//!
//! ```text
//! expression = term { "or" term }             term = factor { "and" factor }
//! factor     = "not" factor | "(" expression ")" | statement
//! statement  = ["proto"] PROTOCOL,... ["port" PORT,...] | "port" PORT,... | "host" ADDRESS,... | "net" PREFIX,...
//!            | "ip4" | "ip6" | "vlan" [ID,...] | "encap" [NAME[":" ID],...]
//! ```
//!
//! `||`, `&&` and `!` are other spellings of `or`, `and` and `not`. PORT and ID are numbers or ranges (`8000-8099`), PROTOCOL is a
//! name of [`PROTOCOLS`] or an IANA number. A statement about addresses or ports is true when either end makes it true: a filter
//! on a key cannot tell the directions of a flow apart, so no flow is cut in two by it.

mod grammar;

use ipnet::IpNet;

pub use grammar::parse;

/// The longest text that is read. Unit: bytes.
pub const LONGEST: usize = 65_536;

/// How deep parentheses and `not` may be nested.
pub const DEEPEST: usize = 64;

/// Protocols with a name in the filter language, and their IANA numbers.
pub const PROTOCOLS: [(&str, u8); 17] = [
    ("tcp", 6),
    ("udp", 17),
    ("icmp", 1),
    ("icmp6", 58),
    ("sctp", 132),
    ("dccp", 33),
    ("udplite", 136),
    ("esp", 50),
    ("ah", 51),
    ("gre", 47),
    ("igmp", 2),
    ("ospf", 89),
    ("pim", 103),
    ("vrrp", 112),
    ("ipip", 4),
    ("ipv6", 41),
    ("l2tp", 115),
];

/// Something that is true or false of a flow's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowFilter {
    /// All of these.
    All(Vec<FlowFilter>),
    /// Any of these.
    Any(Vec<FlowFilter>),
    /// Not this.
    Not(Box<FlowFilter>),
    /// An end is in one of these networks.
    Net(Vec<IpNet>),
    /// TCP, UDP, SCTP, UDP-Lite or DCCP, and an end's port is in one of these ranges (both bounds included).
    Port(Vec<(u16, u16)>),
    /// The IANA protocol number is one of these.
    Protocol(Vec<u8>),
    /// The IP version: 4 or 6.
    Version(u8),
    /// A VLAN tag was taken off.
    Tagged,
    /// A VLAN tag in one of these ranges (both bounds included) was taken off; the first eight tags count.
    Vlan(Vec<(u16, u16)>),
    /// Something was taken off, VLAN tags aside.
    Encapsulated,
    /// One of these was taken off: a name of `--decap`, with the identifier asked for; the first eight layers count.
    Encap(Vec<(String, Option<u32>)>),
}

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// What was expected there, and what stands there.
    pub why: String,
    /// Where in the text, from 0. Unit: bytes.
    pub at: usize,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (at character {})", self.why, self.at + 1)
    }
}

#[cfg(test)]
mod tests;
