//! Masks, lists of numbers, of networks, of words.
//!
//! **Owns** how a list is written. **May touch** nothing. **Order** called by `value::parse`.

use super::Refusal;
use crate::options::nearest;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// A hexadecimal mask of up to 128 bits, with or without `0x`.
pub(super) fn mask(text: &str) -> Result<Vec<u16>, Refusal> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let hex = digits.chars().all(|c| c.is_ascii_hexdigit());
    let bits = match u128::from_str_radix(digits, 16) {
        Ok(bits) if hex => bits,
        _ => return Err(Refusal::new("it is not a hexadecimal mask of at most 128 bits", "")),
    };
    match bits {
        0 => Err(Refusal::new("it names nothing", "")),
        _ => Ok((0..128).filter(|bit| bits >> bit & 1 == 1).collect()),
    }
}

/// Numbers and ranges, from `low` to 65535.
pub(super) fn numbers(text: &str, low: u16) -> Result<Vec<u16>, Refusal> {
    let mut all = BTreeSet::new();
    for item in text.split(',').map(str::trim) {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let ends = (plain(first), plain(last));
        match ends {
            (Some(first), Some(last)) if low <= first && first <= last => all.extend(first..=last),
            _ => return Err(Refusal::new(format!("{item:?} is not a number or a range from {low} to 65535"), "")),
        }
    }
    Ok(all.into_iter().collect())
}

fn plain(text: &str) -> Option<u16> {
    let digits = text.chars().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// Networks in CIDR form; an address alone is a network of itself.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, Refusal> {
    text.split(',').map(|item| network(item.trim())).collect()
}

fn network(item: &str) -> Result<IpNet, Refusal> {
    if let Ok(address) = item.parse::<IpAddr>() {
        return Ok(address.into());
    }
    match item.parse::<IpNet>() {
        Ok(net) if net.trunc() == net => Ok(net),
        Ok(net) => Err(Refusal::new(format!("{item} has bits beyond its prefix, the network is {}", net.trunc()), "")),
        Err(_) => Err(Refusal::new(format!("{item:?} is not a network in CIDR form"), "")),
    }
}

/// Addresses with their ports, in the order given, none twice.
pub(super) fn addresses(text: &str) -> Result<Vec<SocketAddr>, Refusal> {
    let mut all = Vec::new();
    for item in text.split(',').map(str::trim) {
        let address = item.parse().map_err(|_| {
            let refusal = Refusal::new(format!("{item:?} is not an IP address and a port"), "");
            match item.trim_start_matches(['*', ':']).parse::<u16>() {
                Ok(port) => refusal.instead(format!("0.0.0.0:{port}")),
                Err(_) => refusal,
            }
        })?;
        if !all.contains(&address) {
            all.push(address);
        }
    }
    Ok(all)
}

/// Names that the kernel can give an interface (`dev_valid_name`), in the order given, none twice.
pub(super) fn interfaces(text: &str) -> Result<Vec<String>, Refusal> {
    let mut all = Vec::new();
    for item in text.split(',').map(str::trim) {
        let wrong = |c: char| c.is_whitespace() || c.is_control() || "/:,".contains(c);
        if item.is_empty() || item.len() > 15 || [".", ".."].contains(&item) || item.contains(wrong) {
            return Err(Refusal::new(format!("{item:?} cannot be the name of an interface"), ""));
        }
        if !all.iter().any(|known| known == item) {
            all.push(item.to_owned());
        }
    }
    Ok(all)
}

/// Words out of `known`, in the order given, none twice.
pub(super) fn words(text: &str, known: &[&str]) -> Result<Vec<String>, Refusal> {
    let mut all = Vec::new();
    for item in text.split(',') {
        let found = word(item.trim(), known)?;
        if !all.contains(&found) {
            all.push(found);
        }
    }
    Ok(all)
}

/// One word out of `known`.
pub(super) fn word(text: &str, known: &[&str]) -> Result<String, Refusal> {
    if known.contains(&text) {
        return Ok(text.to_owned());
    }
    let hint = nearest(text, known.iter().copied()).map_or_else(String::new, |near| format!("; did you mean {near}?"));
    Err(Refusal::new(format!("{text:?} is not known{hint}"), ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_names_the_numbers_of_its_bits() {
        #[rustfmt::skip]
        let cases: [(&str, Option<&[u16]>); 10] = [
            ("0x3", Some(&[0, 1])), ("f", Some(&[0, 1, 2, 3])), ("0XA0", Some(&[5, 7])), ("10", Some(&[4])),
            ("80000000000000000000000000000000", Some(&[127])), ("100000000000000000000000000000000", None),
            ("0", None), ("0x", None), ("", None), ("+3", None),
        ];
        for (text, want) in cases {
            assert_eq!(mask(text).ok().as_deref(), want, "{text}");
        }
    }

    #[test]
    fn a_list_has_numbers_and_ranges_in_order_and_none_twice() {
        #[rustfmt::skip]
        let cases: [(&str, Option<&[u16]>); 11] = [
            ("0,2-3", Some(&[0, 2, 3])), ("3,1,2,1-2", Some(&[1, 2, 3])), (" 1 , 2 ", Some(&[1, 2])), ("65535", Some(&[65535])),
            ("", None), ("1,", None), ("3-2", None), ("-1", None), ("65536", None), ("1-2-3", None), ("+1", None),
        ];
        for (text, want) in cases {
            assert_eq!(numbers(text, 0).ok().as_deref(), want, "{text}");
        }
        assert!(numbers("0", 1).is_err());
        assert_eq!(numbers("0-65535", 0).map(|all| all.len()), Ok(65536));
    }

    #[test]
    fn networks_are_cidr_and_one_with_stray_bits_is_told_the_network() {
        let shown =
            |text| networks(text).map(|nets| nets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        let cases = [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.0.0.0/8, 2001:db8::/32", "10.0.0.0/8 2001:db8::/32"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("::1", "::1/128"),
        ];
        for (text, want) in cases {
            assert_eq!(shown(text).as_deref(), Ok(want), "{text}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0/8", "ten", "10.0.0.0/8,", "10.0.0.0/-1"] {
            assert!(networks(text).is_err(), "{text}");
        }
        assert!(networks("10.1.2.3/8").expect_err("stray bits").why.contains("10.0.0.0/8"));
    }

    #[test]
    fn addresses_have_ports_and_a_port_alone_is_told_how_to_listen_everywhere() {
        let shown = |text| addresses(text).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        assert_eq!(shown("0.0.0.0:1, [::1]:2,0.0.0.0:1").as_deref(), Ok("0.0.0.0:1 [::1]:2"));
        for text in ["37008", ":37008", "*:37008"] {
            assert_eq!(addresses(text).expect_err(text).instead.as_deref(), Some("0.0.0.0:37008"), "{text}");
        }
        for text in ["", "router:37008", "10.0.0.1", "0.0.0.0:1,"] {
            assert_eq!(addresses(text).expect_err(text).instead, None, "{text}");
        }
    }

    #[test]
    fn interfaces_have_names_that_a_kernel_gives() {
        assert_eq!(interfaces("eth0, br-lan.7,any,eth0"), Ok(["eth0", "br-lan.7", "any"].map(str::to_owned).to_vec()));
        for text in ["", "eth0,", "a/b", "..", "eth 0", "sixteen-letters-"] {
            assert!(interfaces(text).is_err(), "{text}");
        }
    }

    #[test]
    fn words_are_those_of_the_table_and_a_slip_is_told_the_nearest() {
        let known = ["vlan", "tunnel"];
        assert_eq!(words("tunnel,vlan,tunnel", &known), Ok(vec!["tunnel".to_owned(), "vlan".to_owned()]));
        assert!(words("vlan,", &known).is_err());
        assert!(words("tunel", &known).expect_err("a slip").why.contains("did you mean tunnel?"));
    }
}
