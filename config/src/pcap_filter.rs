//! Whether libpcap accepts an expression.
//!
//! **Owns** the question. **May touch** libpcap's compiler, which opens nothing but resolves names of hosts, networks and
//! services where the expression has some. **Order** called where values are read; the engine compiles again, for the link types
//! that it meets.

use pcap::{Capture, Error, Linktype};

/// Link types that are asked, as libpcap numbers them (DLT_*): what is true of frames of one may mean nothing to another.
const LINKS: [i32; 9] = [1, 12, 113, 276, 0, 9, 105, 127, 107];

/// Accepts what at least one kind of link understands.
///
/// # Errors
/// libpcap's reason, of an Ethernet link.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let mut first = None;
    for link in LINKS {
        let compiled = Capture::dead(Linktype(link)).and_then(|capture| capture.compile(text, true));
        match compiled {
            Ok(_) => return Ok(()),
            Err(Error::PcapError(words)) => _ = first.get_or_insert(words),
            Err(other) => _ = first.get_or_insert(other.to_string()),
        }
    }
    Err(first.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn an_expression_is_accepted_when_some_link_understands_it() {
        for text in ["", "tcp port 443", "vlan 5 and ip6", "type mgt", "ether host 00:01:02:03:04:05", "greater 100"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn a_wrong_expression_is_refused_in_the_words_of_libpcap() {
        assert!(check("tcp prot 443").expect_err("no word of the language").contains("syntax error"));
        assert!(check("port 99999").expect_err("no port").contains("99999"));
        assert!(check("tcp\0udp").is_err());
    }
}
