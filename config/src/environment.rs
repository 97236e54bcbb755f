//! The environment: `PARSHALL_*`.
//!
//! **Owns** the reading of variables. **May touch** the pairs it is given, never the process's environment itself.
//! **Order** after the command line, before the file, which it may name.
//!
//! An empty variable says nothing. Several sinks are separated by `;`. A variable that is not known is a mistake only if it
//! looks like a slip for one that is: Kubernetes sets `PARSHALL_PORT` and the like for a service of that name.

use crate::asked::{Asked, Said, quote};
use crate::options::{self, Opt, nearest};
use crate::origin::Origin;
use crate::problem::{Problem, Problems};
use std::ffi::OsString;

/// What every variable of ours begins with.
const PREFIX: &str = "PARSHALL_";

/// Adds what the environment says.
pub(crate) fn read(env: impl IntoIterator<Item = (OsString, OsString)>, asked: &mut Asked, problems: &mut Problems) {
    let known: Vec<(String, &'static Opt)> = options::all().map(|option| (option.variable(), option)).collect();
    let mut pairs: Vec<_> = env.into_iter().filter_map(|(name, text)| Some((name.into_string().ok()?, text))).collect();
    pairs.sort();
    for (name, text) in pairs.into_iter().filter(|(name, text)| name.starts_with(PREFIX) && !text.is_empty()) {
        let Some((_, option)) = known.iter().find(|(variable, _)| *variable == name) else {
            if let Some(near) =
                nearest(&name[PREFIX.len()..], known.iter().map(|(variable, _)| &variable[PREFIX.len()..]))
            {
                problems.add(slip(&name, near));
            }
            continue;
        };
        match text.into_string() {
            Ok(text) => add(option, &text, &name, asked),
            Err(text) => problems.add(Problem {
                what: format!("{name} is not UTF-8"),
                asked: format!("it is set to {}", quote(&text.to_string_lossy())),
                possible: "UTF-8 text".to_owned(),
                remedy: format!("unset {name}, or set it to text"),
            }),
        }
    }
}

fn add(option: &'static Opt, text: &str, name: &str, asked: &mut Asked) {
    let parts: Vec<&str> = if option.kind.repeats() { text.split(';').collect() } else { vec![text] };
    for text in parts {
        asked.said.push(Said { option, text: text.trim().to_owned(), origin: Origin::Environment(name.to_owned()) });
    }
}

fn slip(name: &str, near: &str) -> Problem {
    Problem {
        what: format!("{name} is not a variable that parshall knows"),
        asked: "it is set in the environment".to_owned(),
        possible: "PARSHALL_ and an option's name in upper case, - as _".to_owned(),
        remedy: format!("did you mean {PREFIX}{near}? otherwise unset it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Sub;

    fn said(pairs: &[(&str, &str)]) -> (Vec<(String, String)>, Problems) {
        let (mut asked, mut problems) = (Asked::new(Sub::Run), Problems::default());
        let pairs = pairs.iter().map(|(name, text)| (OsString::from(name), OsString::from(text)));
        read(pairs, &mut asked, &mut problems);
        (asked.said.into_iter().map(|said| (said.option.name.to_owned(), said.text)).collect(), problems)
    }

    #[test]
    fn a_variable_of_ours_is_said_and_all_others_are_left_alone() {
        let env =
            [("PARSHALL_BURST", "64"), ("HOME", "/root"), ("PARSHALL_TCP_IDLE_TIMEOUT", "1m"), ("PARSHALL_QUIET", "")];
        let (said, problems) = said(&env);
        let want = [("burst", "64"), ("tcp-idle-timeout", "1m")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(said, want);
        assert!(problems.is_empty(), "{problems}");
    }

    #[test]
    fn several_sinks_are_separated_by_semicolons() {
        let (said, _) = said(&[("PARSHALL_SINK", "jsonl:a;csv:b")]);
        assert_eq!(said.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["jsonl:a", "csv:b"]);
    }

    #[test]
    fn a_slip_in_a_variable_is_told_the_nearest_and_what_a_cluster_sets_is_not_a_mistake() {
        let (_, problems) =
            said(&[("PARSHALL_LISTNE", "off"), ("PARSHALL_PORT", "tcp://10.0.0.1:9184"), ("PARSHALL_DATA", "/d")]);
        assert_eq!(problems.len(), 1, "{problems}");
        assert!(problems.to_string().contains("did you mean PARSHALL_LISTEN?"), "{problems}");
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_text_is_a_mistake() {
        use std::os::unix::ffi::OsStringExt;
        let (mut asked, mut problems) = (Asked::new(Sub::Run), Problems::default());
        read([("PARSHALL_BURST".into(), OsString::from_vec(vec![0xff]))], &mut asked, &mut problems);
        assert!(problems.to_string().contains("PARSHALL_BURST is not UTF-8"), "{problems}");
    }
}
