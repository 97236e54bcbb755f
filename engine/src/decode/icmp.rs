//! What an ICMP message is keyed by.
//!
//! **Owns** the tables of queries and of errors, of both versions. **May touch** nothing.
//! **Order** called by `transport`.

use crate::key::IcmpKey;

/// Stands for a type or code that was not captured. Type 255 is reserved in both versions.
const UNKNOWN: u8 = 255;

/// Requests and their replies whose identifier stands in bytes 4 and 5. IPv4: RFC 792, RFC 950, RFC 8335.
const QUERIES_V4: [(u8, u8); 5] = [(8, 0), (13, 14), (15, 16), (17, 18), (42, 43)];
/// IPv6: RFC 4443 section 4, RFC 6275 sections 6.5 to 6.8, RFC 8335.
const QUERIES_V6: [(u8, u8); 4] = [(128, 129), (144, 145), (146, 147), (160, 161)];

/// What an ICMP header says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) key: IcmpKey,
    /// A query's reply.
    pub(super) reply: bool,
    /// An error that quotes a packet from byte 8 on.
    pub(super) error: bool,
}

/// Reads the captured part of an ICMP message, of IPv6 or of IPv4.
///
/// A query whose identifier was not captured is keyed by type and code as other messages are.
pub(super) fn read(version: u8, bytes: &[u8]) -> Message {
    let kind = bytes.first().copied().unwrap_or(UNKNOWN);
    let code = bytes.get(1).copied().unwrap_or(UNKNOWN);
    let queries: &[(u8, u8)] = if version == 6 { &QUERIES_V6 } else { &QUERIES_V4 };
    let query = queries.iter().find(|(request, reply)| kind == *request || kind == *reply);
    let id = bytes.get(4..).and_then(|tail| tail.first_chunk::<2>()).map(|id| u16::from_be_bytes(*id));
    if let (Some(&(request, reply)), Some(id)) = (query, id) {
        return Message { key: IcmpKey::Query { request, id }, reply: kind == reply, error: false };
    }
    let error = if version == 6 { is_error_v6(kind) } else { is_error_v4(kind) };
    Message { key: IcmpKey::Message { kind, code }, reply: false, error }
}

/// Destination unreachable, source quench, redirect, time exceeded, parameter problem (RFC 792); conversion failed
/// (RFC 1475); security failure (RFC 2521).
const fn is_error_v4(kind: u8) -> bool {
    matches!(kind, 3 | 4 | 5 | 11 | 12 | 31 | 40)
}

/// RFC 4443 section 2.1: the high bit is clear.
const fn is_error_v6(kind: u8) -> bool {
    matches!(kind, 1..=127)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Case = (&'static str, u8, &'static [u8], IcmpKey, bool, bool);

    #[test]
    fn a_query_and_its_reply_have_one_key_and_other_messages_their_type_and_code() {
        let query = |request, id| IcmpKey::Query { request, id };
        let message = |kind, code| IcmpKey::Message { kind, code };
        #[rustfmt::skip]
        let cases: &[Case] = &[
            // name                     version  bytes                key                      reply  error
            ("echo",                    4, &[8, 0, 0, 0, 1, 2],       query(8, 0x0102),        false, false),
            ("echo reply",              4, &[0, 0, 0, 0, 1, 2],       query(8, 0x0102),        true,  false),
            ("timestamp reply",         4, &[14, 0, 0, 0, 1, 2],      query(13, 0x0102),       true,  false),
            ("information request",     4, &[15, 0, 0, 0, 1, 2],      query(15, 0x0102),       false, false),
            ("address mask reply",      4, &[18, 0, 0, 0, 1, 2],      query(17, 0x0102),       true,  false),
            ("echo without identifier", 4, &[8, 0, 0, 0, 1],          message(8, 0),           false, false),
            ("unreachable",             4, &[3, 1, 0, 0, 0, 0],       message(3, 1),           false, true),
            ("redirect",                4, &[5, 1, 0, 0, 0, 0],       message(5, 1),           false, true),
            ("router advertisement",    4, &[9, 0, 0, 0, 0, 0],       message(9, 0),           false, false),
            ("nothing captured",        4, &[],                       message(255, 255),       false, false),
            ("v6 echo",                 6, &[128, 0, 0, 0, 9, 9],     query(128, 0x0909),      false, false),
            ("v6 echo reply",           6, &[129, 0, 0, 0, 9, 9],     query(128, 0x0909),      true,  false),
            ("v6 too big",              6, &[2, 0, 0, 0, 0, 0],       message(2, 0),           false, true),
            ("v6 neighbour",            6, &[135, 0, 0, 0, 0, 0],     message(135, 0),         false, false),
            ("v6 type 8 is no echo",    6, &[8, 0, 0, 0, 1, 2],       message(8, 0),           false, true),
        ];
        for &(name, version, bytes, key, reply, error) in cases {
            assert_eq!(read(version, bytes), Message { key, reply, error }, "{name}");
        }
    }
}
