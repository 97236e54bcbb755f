//! Who may ask.
//!
//! **Owns** the token and its comparison, which takes the same time wherever two tokens differ. **May touch** headers.
//! **Order** asked before any route but those of health.

use super::answer::Answer;
use super::ask::Ask;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Paths that need no token: a supervisor asks them.
const OPEN: &[&str] = &["/healthz", "/readyz"];

/// What a request has to show.
#[derive(Clone, Default)]
pub(super) struct Access(Option<Arc<str>>);

impl Access {
    pub(super) fn new(token: Option<&str>) -> Access {
        Access(token.map(Arc::from))
    }

    /// Whether a request may be answered.
    pub(super) fn check(&self, ask: &Ask) -> Result<(), Answer> {
        let Some(token) = &self.0 else { return Ok(()) };
        if OPEN.contains(&ask.path.as_str()) {
            return Ok(());
        }
        let shown = shown(ask.header("authorization"));
        if shown.is_some_and(|shown| shown.ct_eq(token.as_bytes()).into()) {
            return Ok(());
        }
        let sentence = "a token is asked for: Authorization: Bearer TOKEN, or HTTP Basic with the token as password";
        Err(Answer::refuse(401, sentence).header("WWW-Authenticate", &"Basic realm=\"parshall\", charset=\"UTF-8\""))
    }
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

    fn asked(path: &str, authorization: &str) -> bool {
        let ask = Ask::new(path, [("Authorization", authorization)].into_iter());
        Access::new(Some("0123456789abcdef")).check(&ask).is_ok()
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
        assert!(Access::new(None).check(&Ask::new("/metrics", std::iter::empty())).is_ok());
    }
}
