//! Asking a running probe: `top`, `flows`, `stats`, `doctor --live`.
//!
//! **Owns** what a probe's URL may look like, and which formats an answer has. **May touch** nothing.
//! **Order** called by `check`. Whether anybody answers there is found out by who asks.

use super::common;
use crate::asked::{Asked, quote, usage};
use crate::plan::{FlowsPlan, Format, Probe, StatsPlan, TopPlan, Wish};
use crate::problem::{Problem, Problems};
use crate::settings::Settings;
use std::net::SocketAddr;

/// The port of a URL that names none.
const PORT: u16 = 9184;

const POSSIBLE: &str = "http://HOST:PORT, HOST:PORT or HOST";

/// The plan of `top`.
pub(super) fn top(settings: &Settings, asked: &Asked, problems: &mut Problems) -> TopPlan {
    TopPlan { probe: probe(settings, asked, problems), wish: wish(settings), refresh: settings.duration("refresh") }
}

/// The plan of `flows`.
pub(super) fn flows(settings: &Settings, asked: &Asked, problems: &mut Problems) -> FlowsPlan {
    FlowsPlan {
        probe: probe(settings, asked, problems),
        wish: wish(settings),
        limit: u32::try_from(settings.number("top")).unwrap_or(u32::MAX),
        format: format(settings),
    }
}

/// The plan of `stats`.
pub(super) fn stats(settings: &Settings, asked: &Asked, problems: &mut Problems) -> StatsPlan {
    let format = format(settings);
    let said = settings.get("format");
    if matches!(format, Format::Csv | Format::Ndjson) && said.is_said() {
        problems.add(Problem {
            what: format!("parshall stats has no {}: it gives one object, not rows", said.text),
            asked: format!("asked for: {}", said.show()),
            possible: "table, json".to_owned(),
            remedy: format!("write {}", said.origin.write(said.option, "json")),
        });
    }
    StatsPlan { probe: probe(settings, asked, problems), format }
}

fn wish(settings: &Settings) -> Wish {
    let filter = Some(settings.text("where")).filter(|text| !text.is_empty()).map(str::to_owned);
    Wish { by: settings.text("by").to_owned(), filter, state: settings.text("state").to_owned() }
}

fn format(settings: &Settings) -> Format {
    match settings.text("format") {
        "json" => Format::Json,
        "ndjson" => Format::Ndjson,
        "csv" => Format::Csv,
        _ => Format::Table,
    }
}

/// The probe that is named, or the one that the same configuration would start.
fn probe(settings: &Settings, asked: &Asked, problems: &mut Problems) -> Probe {
    if let [_, more @ ..] = asked.urls.as_slice() {
        for word in more {
            let sub = asked.sub.name();
            problems.add(usage(
                format!("{} is one URL too many", quote(word)),
                format!("one probe at a time: {POSSIBLE}"),
                format!("ask each with a parshall {sub} of its own"),
            ));
        }
    }
    let url = match asked.urls.first() {
        Some(word) => url(word).unwrap_or_else(|(why, remedy)| {
            problems.add(usage(format!("{} {why}", quote(word)), POSSIBLE, remedy));
            String::new()
        }),
        None => format!("http://{}", local(settings.address("listen"))),
    };
    Probe { url, token: common::token(settings, problems) }
}

/// The probe that `doctor --live` names, if it does.
pub(super) fn named(settings: &Settings, problems: &mut Problems) -> Option<Probe> {
    let said = settings.get("live");
    let word = Some(settings.text("live")).filter(|word| !word.is_empty())?;
    match url(word) {
        Ok(url) => Some(Probe { url, token: common::token(settings, &mut Problems::default()) }),
        Err((why, remedy)) => {
            problems.add(Problem {
                what: format!("{} {why}", quote(word)),
                asked: format!("asked for: {}", said.show()),
                possible: POSSIBLE.to_owned(),
                remedy,
            });
            None
        }
    }
}

/// Where a probe that listens at `listen` is reached from the same machine.
fn local(listen: Option<SocketAddr>) -> SocketAddr {
    let mut address = listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], PORT)));
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// A URL as people write it, made whole. The error is why not, and what to do.
fn url(word: &str) -> Result<String, (&'static str, String)> {
    if word.starts_with("https://") {
        let remedy =
            "for a probe elsewhere carry the port over: ssh -L 9184:127.0.0.1:9184 HOST, then ask without a URL";
        return Err(("asks for TLS, which the probe does not speak", remedy.to_owned()));
    }
    let rest = word.strip_prefix("http://").unwrap_or(word).trim_end_matches('/');
    let (host, port) = match rest.rsplit_once(':') {
        _ if rest.parse::<std::net::Ipv6Addr>().is_ok() => (format!("[{rest}]"), None),
        Some((host, port)) if !rest.ends_with(']') => (host.to_owned(), Some(port)),
        _ => (rest.to_owned(), None),
    };
    let host = if host.is_empty() && port.is_some() { "127.0.0.1".to_owned() } else { host };
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let good = match inner {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)),
    };
    if !good {
        return Err(("is not a probe's URL", "write http://127.0.0.1:9184".to_owned()));
    }
    match port.map(str::parse::<u16>) {
        None => Ok(format!("http://{host}:{PORT}")),
        Some(Ok(port)) if port > 0 => Ok(format!("http://{host}:{port}")),
        Some(_) => Err(("has no port from 1 to 65535", format!("write http://{host}:{PORT}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_made_whole_from_what_people_write() {
        #[rustfmt::skip]
        let cases = [
            ("http://10.0.0.1:9000/", Some("http://10.0.0.1:9000")),
            ("probe-1.lan",           Some("http://probe-1.lan:9184")),
            ("probe:80",              Some("http://probe:80")),
            (":9185",                 Some("http://127.0.0.1:9185")),
            ("::1",                   Some("http://[::1]:9184")),
            ("[::1]:9000",            Some("http://[::1]:9000")),
            ("[fe80::1]",             Some("http://[fe80::1]:9184")),
            ("https://probe",         None),
            ("ftp://probe",           None),
            ("probe:0",               None),
            ("probe:99999",           None),
            ("a b",                   None),
            ("probe/path",            None),
            ("",                      None),
        ];
        for (word, want) in cases {
            assert_eq!(url(word).ok().as_deref(), want, "{word}");
        }
    }

    #[test]
    fn a_probe_that_listens_everywhere_is_asked_at_its_loopback() {
        assert_eq!(local(None).to_string(), "127.0.0.1:9184");
        assert_eq!(local("0.0.0.0:80".parse().ok()).to_string(), "127.0.0.1:80");
        assert_eq!(local("[::]:80".parse().ok()).to_string(), "[::1]:80");
        assert_eq!(local("10.0.0.1:80".parse().ok()).to_string(), "10.0.0.1:80");
    }
}
