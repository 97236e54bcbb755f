//! Asking a probe over HTTP.
//!
//! **Owns** the questions: limits on time and size, the token, and sentences for every way of getting no answer.
//! **May touch** the network. **Order** called by whoever prints once, and by the thread behind the screen.

use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// How long an answer may take, all in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most that one answer may hold. Unit: bytes.
const MOST: u64 = 256 << 20;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// Nobody answered, or not like a probe.
    Nobody(String),
    /// The probe refused, with its reason.
    Refused(u16, String),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Silence::Nobody(why) => f.write_str(why),
            Silence::Refused(401 | 403, _) => f.write_str(
                "the probe asks for its token: give it as --http-token TOKEN, file:PATH, or PARSHALL_HTTP_TOKEN",
            ),
            Silence::Refused(_, reason) => f.write_str(reason),
        }
    }
}

/// One probe to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    agent: ureq::Agent,
    url: String,
    token: Option<String>,
}

impl Client {
    pub(crate) fn new(url: &str, token: Option<String>) -> Client {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("parshall/", env!("CARGO_PKG_VERSION")));
        Client { agent: config.build().into(), url: url.to_owned(), token }
    }

    /// Where the probe is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The body of a GET, as text. `path` begins with a slash; `query` is not yet encoded.
    pub(crate) fn text(&self, path: &str, query: &[(&str, &str)]) -> Result<String, Silence> {
        let mut request = self.agent.get(format!("{}{path}", self.url)).query_pairs(query.iter().copied());
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut response = request.call().map_err(|error| self.nobody(&error))?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(MOST).lossy_utf8(true).read_to_string();
        let body = body.map_err(|error| self.nobody(&error))?;
        if status == 200 {
            return Ok(body);
        }
        Err(Silence::Refused(status, reason(status, &body)))
    }

    /// The body of a GET, as JSON.
    pub(crate) fn json(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Silence> {
        let text = self.text(path, query)?;
        serde_json::from_str(&text).map_err(|_| {
            Silence::Nobody(format!("what answers at {}{path} is no parshall: it does not speak JSON", self.url))
        })
    }

    fn nobody(&self, error: &ureq::Error) -> Silence {
        let url = &self.url;
        Silence::Nobody(match error {
            ureq::Error::Timeout(_) => format!("{url} does not answer within {} s", PATIENCE.as_secs()),
            ureq::Error::HostNotFound => format!("there is no host of the name in {url}"),
            ureq::Error::BodyExceedsLimit(most) => {
                format!("the answer of {url} is larger than {most} bytes; ask for less")
            }
            ureq::Error::Io(error) => format!("{url} does not answer: {error}"),
            error => format!("{url} does not answer: {error}"),
        })
    }
}

/// The reason that the API gives with an error, or the status.
fn reason(status: u16, body: &str) -> String {
    let given = serde_json::from_str::<Value>(body).ok();
    let given = given.as_ref().map(|body| &body["error"]);
    let given = given.and_then(|error| error.as_str().or_else(|| error["reason"].as_str()));
    given.map_or_else(|| format!("the probe answers with status {status}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// A listener that gives one answer to each connection; and its URL.
    fn server(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = [0; 2048];
                let read = stream.read(&mut request).unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..read]).into_owned();
                let head = format!("HTTP/1.1 {answer}\r\nContent-Length: ");
                let body = if answer.starts_with("200") { request } else { r#"{"error":"because"}"#.to_owned() };
                let _ = write!(stream, "{head}{}\r\nConnection: close\r\n\r\n{body}", body.len());
            }
        });
        url
    }

    #[test]
    fn a_question_carries_the_token_and_encodes_its_words() {
        let client = Client::new(&server("200 OK"), Some("s3cret".to_owned()));
        let request = client.text("/api/v1/flows", &[("filter", "port 443 & tcp"), ("limit", "3")]).unwrap();
        assert!(request.starts_with("GET /api/v1/flows?filter=port%20443%20%26%20tcp&limit=3 "), "{request}");
        assert!(request.to_lowercase().contains("authorization: bearer s3cret"), "{request}");
    }

    #[test]
    fn every_way_of_getting_no_answer_is_a_sentence() {
        let refused = |status| Client::new(&server(status), None).json("/", &[]).unwrap_err();
        assert_eq!(refused("400 Bad Request"), Silence::Refused(400, "because".to_owned()));
        assert!(refused("401 Unauthorized").to_string().contains("token"));
        let said = Client::new(&server("200 OK"), None).json("/", &[]).unwrap_err().to_string();
        assert!(said.contains("is no parshall"), "{said}");
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let said = Client::new(&format!("http://{closed}"), None).json("/", &[]).unwrap_err().to_string();
        assert!(said.contains("does not answer"), "{said}");
    }
}
