//! Text to [`FlowFilter`].
//!
//! **Owns** words, precedence, and what is said of a mistake. **May touch** nothing.
//! **Order** called by `parse`. Recursive descent; depth is bounded by [`DEEPEST`], length by [`LONGEST`], so no text makes it
//! run away.

use super::{DEEPEST, FlowFilter, LONGEST, PROTOCOLS, Wrong};
use crate::plan::{DECAP_DEFAULT, DECAP_OPTIONAL};
use ipnet::IpNet;
use std::net::IpAddr;

/// Reads a filter.
///
/// # Errors
/// The first thing that is wrong, and where.
pub fn parse(text: &str) -> Result<FlowFilter, Wrong> {
    if text.len() > LONGEST {
        return Err(Wrong { why: format!("it is longer than {LONGEST} bytes"), at: LONGEST });
    }
    let mut reader = Reader { text, at: 0, depth: 0 };
    let filter = reader.either()?;
    match reader.peek() {
        "" => Ok(filter),
        word => Err(reader.wrong(format!("expected and, or, or the end; found {}", shown(word)))),
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

/// A word, or the end, as a message shows it.
fn shown(word: &str) -> String {
    if word.is_empty() { "the end".to_owned() } else { format!("{:.40}", word.escape_debug().to_string()) }
}

impl<'t> Reader<'t> {
    fn wrong(&self, why: String) -> Wrong {
        let rest = &self.text[self.at..];
        Wrong { why, at: self.at + (rest.len() - rest.trim_start().len()) }
    }

    /// The next word, not yet taken: an operator, or all up to the next space, parenthesis, `!`, `&` or `|`.
    fn peek(&self) -> &'t str {
        let rest = self.text[self.at..].trim_start();
        let operators = ["(", ")", "!", "&&", "||"];
        if let Some(operator) = operators.into_iter().find(|operator| rest.starts_with(operator)) {
            return &rest[..operator.len()];
        }
        let special = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '!' | '&' | '|');
        match rest.find(special) {
            // A single & or |: a word of its own, that nothing expects.
            Some(0) => &rest[..1],
            Some(end) => &rest[..end],
            None => rest,
        }
    }

    fn take(&mut self) -> &'t str {
        let word = self.peek();
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len() + word.len();
        word
    }

    fn takes(&mut self, spellings: [&str; 2]) -> bool {
        let found = spellings.contains(&self.peek());
        if found {
            self.take();
        }
        found
    }

    fn either(&mut self) -> Result<FlowFilter, Wrong> {
        let mut terms = vec![self.both()?];
        while self.takes(["or", "||"]) {
            terms.push(self.both()?);
        }
        Ok(alone(terms, FlowFilter::Any))
    }

    fn both(&mut self) -> Result<FlowFilter, Wrong> {
        let mut factors = vec![self.factor()?];
        while self.takes(["and", "&&"]) {
            factors.push(self.factor()?);
        }
        Ok(alone(factors, FlowFilter::All))
    }

    fn factor(&mut self) -> Result<FlowFilter, Wrong> {
        if self.depth == DEEPEST {
            return Err(self.wrong(format!("parentheses and not are nested more than {DEEPEST} deep")));
        }
        self.depth += 1;
        let factor = if self.takes(["not", "!"]) {
            FlowFilter::Not(Box::new(self.factor()?))
        } else if self.takes(["(", "("]) {
            let inner = self.either()?;
            if !self.takes([")", ")"]) {
                return Err(self.wrong(format!("expected ), and or or; found {}", shown(self.peek()))));
            }
            inner
        } else {
            self.statement()?
        };
        self.depth -= 1;
        Ok(factor)
    }

    fn statement(&mut self) -> Result<FlowFilter, Wrong> {
        let start = self.at;
        match self.take() {
            "port" => self.list("a port", |word| range(word, u16::MAX)).map(FlowFilter::Port),
            "host" => self.list("an IP address", host).map(FlowFilter::Net),
            "net" => self.list("a prefix such as 10.0.0.0/8", net).map(FlowFilter::Net),
            "proto" => {
                let protocols = self.list("a protocol", protocol)?;
                self.with_ports(protocols)
            }
            "ip4" => Ok(FlowFilter::Version(4)),
            "ip6" => Ok(FlowFilter::Version(6)),
            "vlan" if self.ends() => Ok(FlowFilter::Tagged),
            "vlan" => self.list("a VLAN identifier from 0 to 4095", |word| range(word, 4095)).map(FlowFilter::Vlan),
            "encap" if self.ends() => Ok(FlowFilter::Encapsulated),
            "encap" => self.list("an encapsulation such as vxlan or vxlan:42", encap).map(FlowFilter::Encap),
            word => {
                if let Some(known) = word.split(',').map(named).collect::<Option<Vec<u8>>>() {
                    return self.with_ports(known);
                }
                self.at = start;
                let possible = "a statement: host, net, port, proto, a protocol's name, ip4, ip6, vlan or encap";
                Err(self.wrong(format!("expected {possible}; found {}", shown(word))))
            }
        }
    }

    /// `tcp`, or `tcp port 80`, which is one statement.
    fn with_ports(&mut self, protocols: Vec<u8>) -> Result<FlowFilter, Wrong> {
        let protocols = FlowFilter::Protocol(protocols);
        if !self.takes(["port", "port"]) {
            return Ok(protocols);
        }
        let ports = self.list("a port", |word| range(word, u16::MAX))?;
        Ok(FlowFilter::All(vec![protocols, FlowFilter::Port(ports)]))
    }

    /// Whether a statement ends here.
    fn ends(&self) -> bool {
        matches!(self.peek(), "" | ")" | "and" | "or" | "&&" | "||")
    }

    fn list<T>(&mut self, what: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Wrong> {
        let start = self.at;
        let word = self.take();
        let mut all = Vec::new();
        for one in word.split(',') {
            let Some(value) = read(one) else {
                self.at = start;
                return Err(self.wrong(format!("expected {what}; found {}", shown(one))));
            };
            all.push(value);
        }
        Ok(all)
    }
}

/// One alone, or several under their operator.
fn alone(mut all: Vec<FlowFilter>, several: fn(Vec<FlowFilter>) -> FlowFilter) -> FlowFilter {
    match all.pop() {
        Some(only) if all.is_empty() => only,
        Some(last) => {
            all.push(last);
            several(all)
        }
        None => several(all),
    }
}

/// `80` or `8000-8099`.
fn range(word: &str, most: u16) -> Option<(u16, u16)> {
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|number| plain && *number <= most)
    };
    let (low, high) = word.split_once('-').unwrap_or((word, word));
    let (low, high) = (number(low)?, number(high)?);
    (low <= high).then_some((low, high))
}

fn host(word: &str) -> Option<IpNet> {
    word.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()))
}

fn net(word: &str) -> Option<IpNet> {
    word.parse::<IpNet>().ok().map(|net| net.trunc()).or_else(|| host(word))
}

fn named(word: &str) -> Option<u8> {
    PROTOCOLS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
}

fn protocol(word: &str) -> Option<u8> {
    named(word).or_else(|| range(word, 255).filter(|(low, high)| low == high).map(|(number, _)| number as u8))
}

fn encap(word: &str) -> Option<(String, Option<u32>)> {
    let (name, id) = match word.split_once(':') {
        Some((name, id)) => (name, Some(identifier(id)?)),
        None => (word, None),
    };
    let known = DECAP_DEFAULT.iter().chain(DECAP_OPTIONAL).any(|known| *known == name);
    (known && (name != "vlan" || id.is_none())).then(|| (name.to_owned(), id))
}

/// Decimal, or hexadecimal behind `0x`, as records write them.
fn identifier(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok().filter(|_| !hex.starts_with('+')),
        None => text.parse().ok().filter(|_| !text.starts_with('+')),
    }
}
