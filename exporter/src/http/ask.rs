//! What a request asks: path, parameters, and the headers that matter.
//!
//! **Owns** reading them, and the errors about them. **May touch** a request. **Order** made first, read by every route.

use super::answer::Answer;
use serde_json::json;
use std::borrow::Cow;

/// A request as far as routes need it.
#[derive(Clone, Debug, Default)]
pub(super) struct Ask {
    /// The path, without parameters.
    pub(super) path: String,
    parameters: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Ask {
    pub(super) fn new<'h>(url: &str, headers: impl Iterator<Item = (&'h str, &'h str)>) -> Ask {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let parameters = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name).into_owned(), decoded(value).into_owned())
        });
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        Ask { path: decoded(path).into_owned(), parameters: parameters.collect(), headers: headers.collect() }
    }

    /// A parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A header; empty when it is not there.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }

    /// Refuses parameters that a route does not know.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Answer> {
        match self.parameters.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => {
                let error = format!("{name} is no parameter of {}", self.path);
                Err(Answer::json(400, &json!({ "status": 400, "error": error, "parameter": name, "possible": known })))
            }
            None => Ok(()),
        }
    }

    /// Which word of a list a parameter is; the first when it is not given.
    pub(super) fn word<'w>(&self, name: &str, words: impl Iterator<Item = &'w str>) -> Result<usize, Answer> {
        let Some(given) = self.get(name) else { return Ok(0) };
        let words: Vec<&str> = words.collect();
        words.iter().position(|word| *word == given).ok_or_else(|| {
            let error = format!("{name}={} is not known", shortened(given));
            Answer::json(400, &json!({ "status": 400, "error": error, "parameter": name, "possible": words }))
        })
    }

    /// A number in a range.
    pub(super) fn number(&self, name: &str, default: u64, least: u64, most: u64) -> Result<u64, Answer> {
        let Some(given) = self.get(name) else { return Ok(default) };
        match given.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => {
                let error = format!("{name}={} is no number from {least} to {most}", shortened(given));
                let possible = [least.to_string(), most.to_string()];
                Err(Answer::json(
                    400,
                    &json!({ "status": 400, "error": error, "parameter": name, "possible": possible }),
                ))
            }
        }
    }
}

/// What came from outside, fit to be repeated in an error.
fn shortened(text: &str) -> Cow<'_, str> {
    if text.chars().count() > 60 { text.chars().take(60).chain(['…']).collect() } else { text.into() }
}

/// Without `+` and `%xx`; what is no UTF-8 is replaced.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return text.into();
    }
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, more @ ..] = rest {
        let hex = more.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = hex.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(byte.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if byte.is_some() { &more[2..] } else { more };
    }
    String::from_utf8_lossy(&out).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_what_is_broken_stays_as_it_is() {
        let ask = Ask::new("/a%20b?filter=tcp+and%20port%3D443&x&bad=%zz%4", std::iter::empty());
        assert_eq!(ask.path, "/a b");
        assert_eq!(ask.get("filter"), Some("tcp and port=443"));
        assert_eq!((ask.get("x"), ask.get("bad"), ask.get("y")), (Some(""), Some("%zz%4"), None));
        assert!(ask.only(&["filter", "x"]).is_err());
        assert!(ask.number("x", 1, 0, 9).is_err());
        assert_eq!(ask.number("y", 1, 0, 9).ok(), Some(1));
    }
}
