//! What a route answers, and how it goes out.
//!
//! **Owns** status, type, body and compression. **May touch** a request, to respond to it. **Order** made by a route, sent once.

use super::ask::Ask;
use super::backlog::Hold;
use super::crew::Crew;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write;
use tiny_http::{Header, Request, Response};

/// Bodies below this are not worth compressing. Unit: bytes.
const SMALL: usize = 1024;

/// Bodies above this may not fit the buffers of two sockets, so whoever sends one may have to wait. Unit: bytes.
const LONG: usize = 32 << 10;

pub(super) const JSON: &str = "application/json";

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Answer {
    pub(super) const fn new(status: u16, kind: &'static str, body: Vec<u8>) -> Answer {
        Answer { status, kind, body, headers: Vec::new() }
    }

    pub(super) fn json(status: u16, value: &Value) -> Answer {
        let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
        text.push(b'\n');
        Answer::new(status, JSON, text)
    }

    /// The same without line breaks, for lists of many numbers.
    pub(super) fn compact(value: &Value) -> Answer {
        let mut text = serde_json::to_vec(value).unwrap_or_default();
        text.push(b'\n');
        Answer::new(200, JSON, text)
    }

    /// An error with a sentence.
    pub(super) fn refuse(status: u16, reason: &str) -> Answer {
        Answer::json(status, &json!({ "status": status, "error": reason }))
    }

    pub(super) fn header(mut self, name: &'static str, value: &dyn std::fmt::Display) -> Answer {
        self.headers.push((name, value.to_string()));
        self
    }

    /// The same, compressed if that is accepted and worth it.
    pub(super) fn compressed(mut self, ask: &Ask) -> Answer {
        if self.body.len() >= SMALL && gzip_accepted(ask.header("accept-encoding")) {
            let mut encoder = GzEncoder::new(Vec::with_capacity(self.body.len() / 4), Compression::fast());
            if let Ok(body) = encoder.write_all(&self.body).and_then(|()| encoder.finish()) {
                self.body = body;
                self.headers.push(("Content-Encoding", "gzip".to_owned()));
            }
        }
        self
    }

    /// Sends it; lets `hold` go when that is done.
    pub(super) fn send(self, request: Request, hold: Hold, crew: &Crew) {
        let long = self.body.len() > LONG;
        // With its length, and not in chunks: clients like curl, a shell and Prometheus can tell a cut answer then.
        let mut response =
            Response::from_data(self.body).with_status_code(self.status).with_chunked_threshold(usize::MAX);
        let fixed = [
            ("Content-Type", self.kind),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Vary", "Accept, Accept-Encoding"),
        ];
        let own = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let named = |wanted: &str| self.headers.iter().any(|(name, _)| *name == wanted);
        for (name, value) in fixed.into_iter().filter(|(name, _)| !named(name)).chain(own) {
            if let Ok(header) = Header::from_bytes(name, value) {
                response.add_header(header);
            }
        }
        // A client that went away meanwhile is its own affair.
        let respond = move || {
            let _hold = hold;
            let _ = request.respond(response);
        };
        if long {
            // There are no more of them than the gate has connections; without a thread the answer is cut.
            let _ = crew.run(respond);
        } else {
            respond();
        }
    }
}

/// Whether gzip is among what is accepted, and not with quality 0.
fn gzip_accepted(accepted: &str) -> bool {
    accepted.split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        let name = words.next().unwrap_or_default();
        let refused = words.any(|word| word.strip_prefix("q=").and_then(|q| q.parse::<f64>().ok()) == Some(0.0));
        (name.eq_ignore_ascii_case("gzip") || name == "*") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_only_where_it_is_accepted() {
        for (accepted, want) in [
            ("", false),
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("*", true),
            ("identity", false),
        ] {
            assert_eq!(gzip_accepted(accepted), want, "{accepted}");
        }
    }
}
