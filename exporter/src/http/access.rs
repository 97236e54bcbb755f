//! Who may ask.
//!
//! **Owns** the token and its comparison, which takes the same time wherever two tokens differ, and which names this machine
//! answers to. **May touch** headers. **Order** asked before any route but those of health.
//!
//! A probe on loopback asks for no token, for who reaches it is on this machine. A web site that somebody on this machine looks
//! at is not, yet its name may be made to mean 127.0.0.1 (DNS rebinding), and the browser then lets it read the answers. So such
//! a probe answers only to an address or to `localhost` in the header Host, neither of which a foreign name can become.

use super::answer::Answer;
use super::ask::Ask;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Paths that need no token: a supervisor asks them.
const OPEN: &[&str] = &["/healthz", "/readyz"];

/// What a request has to show.
#[derive(Clone, Default)]
pub(super) struct Access {
    token: Option<Arc<str>>,
    /// Only loopback keeps others out.
    local: bool,
}

impl Access {
    /// Of a server at an address.
    pub(super) fn new(token: Option<&str>, address: SocketAddr) -> Access {
        Access { token: token.map(Arc::from), local: token.is_none() && address.ip().is_loopback() }
    }

    /// Whether a request may be answered.
    pub(super) fn check(&self, ask: &Ask) -> Result<(), Answer> {
        if OPEN.contains(&ask.path.as_str()) {
            return Ok(());
        }
        let Some(token) = &self.token else {
            if !self.local || is_local(ask.header("host")) {
                return Ok(());
            }
            let sentence = "on loopback without a token, the header Host has to be localhost or an address: then no web site \
                            can ask through a browser; a proxy may set it, or give the probe --http-token";
            return Err(Answer::refuse(403, sentence));
        };
        let shown = shown(ask.header("authorization"));
        if shown.is_some_and(|shown| shown.ct_eq(token.as_bytes()).into()) {
            return Ok(());
        }
        let sentence = "a token is asked for: Authorization: Bearer TOKEN, or HTTP Basic with the token as password";
        Err(Answer::refuse(401, sentence).header("WWW-Authenticate", &"Basic realm=\"parshall\", charset=\"UTF-8\""))
    }
}

/// Whether a header Host is an address or `localhost`, each with or without a port; a request without one is from no browser.
fn is_local(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok());
    }
    let name = host.split(':').next().unwrap_or_default();
    host.is_empty() || name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// The token that a request shows.
fn shown(header: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = base64(rest.trim())?;
    let at = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[at + 1..].to_vec())
}

/// RFC 4648 section 4.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 9184);

    fn asked(path: &str, authorization: &str) -> bool {
        let ask = Ask::new(path, [("Authorization", authorization)].into_iter());
        Access::new(Some("0123456789abcdef"), LOOPBACK).check(&ask).is_ok()
    }

    #[test]
    fn only_the_token_opens_what_is_not_about_health() {
        let cases = [
            ("/metrics", "", false),
            ("/metrics", "Bearer 0123456789abcdef", true),
            ("/metrics", "bearer 0123456789abcdef", true),
            ("/metrics", "Bearer 0123456789abcdeg", false),
            ("/metrics", "Bearer 0123456789abcde", false),
            ("/metrics", "Bearer 0123456789abcdef0", false),
            ("/metrics", "Bearer", false),
            // any:0123456789abcdef
            ("/metrics", "Basic YW55OjAxMjM0NTY3ODlhYmNkZWY=", true),
            ("/metrics", "Basic MDEyMzQ1Njc4OWFiY2RlZg==", false),
            ("/metrics", "Basic !!", false),
            ("/healthz", "", true),
            ("/readyz", "Bearer x", true),
        ];
        for (path, authorization, want) in cases {
            assert_eq!(asked(path, authorization), want, "{path} {authorization}");
        }
    }

    #[test]
    fn a_foreign_name_reaches_a_probe_on_loopback_without_a_token_only_for_its_health() {
        let public: SocketAddr = "192.0.2.1:9184".parse().unwrap();
        let asked = |access: &Access, path, host| access.check(&Ask::new(path, [("Host", host)].into_iter())).is_ok();
        let closed = Access::new(None, LOOPBACK);
        for host in ["", "127.0.0.1", "127.0.0.1:9184", "[::1]:9184", "[::1]", "localhost", "LocalHost:80", "192.0.2.7"]
        {
            assert!(asked(&closed, "/metrics", host), "{host}");
        }
        for host in
            ["probe.example", "probe.example:9184", "localhost.example", "127.0.0.1.example", "[x]", ":9184", "::1"]
        {
            assert!(!asked(&closed, "/metrics", host), "{host}");
            assert!(asked(&closed, "/healthz", host), "{host}");
            assert!(asked(&Access::new(None, public), "/metrics", host), "{host}: --listen-insecure");
        }
    }
}
